"""Providers change places in the file while something of a session is under way: each goes on to hear of its own tokens alone."""

import threading
import time
import urllib.parse

import pytest

from harness import sessions
from harness.procs import wait_until
from harness.provider import sign
from harness.redis_proxy import Slow
from harness.token_server import CLIENT, TokenServer
from harness.tokens import SECRET, bearer, token

ISSUER = "https://id.example"


@pytest.fixture
def pair():
    p = [TokenServer(), TokenServer()]
    yield p
    for one in p:
        one.stop()


def swapped(c, **more):
    """The same configuration, with its providers in the other order."""
    return c | {"login": c["login"] | {"providers": dict(reversed(c["login"]["providers"].items()))}} | more


def test_what_comes_for_a_session_that_ended_is_revoked_where_it_came_from(gateway, serve, store, pair):
    up, made = serve(), sessions.Sessions(store.db)
    c = sessions.config(store, up, auth="optional", route={"credentials": [{"header": "X-Token", "value": "access_token", "provider": "corp"}]})
    c["login"]["providers"] = {"corp": pair[0].config(), "gitlab": pair[1].config()}
    gw = gateway(c)
    wait_until(lambda: all(i["kids"] for i in gw.status()["issuers"]), 10)
    id = made.create("7", ("corp",))
    tid = made.tids(id)["corp"]
    access, refresh, _ = pair[0].grant("7")
    for kind, value, end in ("accessToken", access, int(time.time()) + 20), ("refreshToken", refresh, None):
        store.db.hset(f"{kind}:{tid}", mapping={"Value": sessions.seal(value, f"{kind}:{tid}"), "ExpiresAt": sessions.stamp(end)})
    pair[0].delay = 2
    assert gw.ask("/", headers=sessions.cookie(id)).status == 200 and pair[0].begun.wait(10)
    store.db.delete(f"session:{id}", *(f"{kind}:{tid}" for kind in sessions.PARTS))
    r = gw.reload(swapped(c))
    assert r.returncode == 0, r
    wait_until(lambda: pair[0].revoked or pair[1].revoked, 10)
    assert (pair[0].revoked, pair[1].revoked) == (["refresh-g0-1"], [])


def test_a_caller_who_waited_gets_no_token_of_another_provider(gateway, serve, store):
    up, made, proxy = serve(), sessions.Sessions(store.db), Slow(store, b"ZREVRANGEBYSCORE")
    c = sessions.config(proxy, up, ISSUER, ("corp", "gitlab"), auth="optional",
                        route={"credentials": [{"header": "X-Gitlab", "value": "access_token", "provider": "gitlab"}]})
    c["gate"] |= {"issuers": {"shown": {"issuer": ISSUER, "algorithms": ["HS256"], "secret": SECRET}}}
    gw = gateway(c | {"workers": 1})
    made.create("alice", ("corp", "gitlab"))
    got = []
    asking = threading.Thread(target=lambda: got.append(gw.ask("/", headers=bearer(token(iss=ISSUER, sub="alice")))))
    asking.start()
    assert proxy.holds.wait(10)
    r = gw.reload(swapped(c, workers=1))
    assert r.returncode == 0, r
    proxy.free.set()
    asking.join()
    told = dict(got[0].json()["headers"]).get("X-Gitlab") if got[0].status == 200 else got[0].why
    assert told in ("access-gitlab", "session_unavailable"), told
    assert dict(gw.ask("/", headers=bearer(token(iss=ISSUER, sub="alice"))).json()["headers"])["X-Gitlab"] == "access-gitlab"
    proxy.close()


class CodeServer(TokenServer):
    """Gives tokens for any code, to whoever has begun with `nonce`."""

    nonce = None

    def token(self, form):
        if form["grant_type"] != "authorization_code":
            return super().token(form)
        return 200, {"access_token": "a", "token_type": "Bearer", "id_token": sign(
            self.key, "k", iss=self.url, sub="7", aud=form.get("client_id", CLIENT[0]), nonce=self.nonce)}


def test_who_logs_in_meanwhile_becomes_nobody_of_another_provider(gateway, serve, store):
    p = CodeServer()
    c = sessions.config(store, serve(), auth="optional")
    c["login"]["providers"] = {name: p.config() for name in ("corp", "gitlab")}
    gw = gateway(c)
    wait_until(lambda: all(i["kids"] for i in gw.status()["issuers"]), 10)
    went = wait_until(lambda: next((r for r in [gw.ask("/api/auth/login?provider_id=corp")] if r.status == 302), None), 10)
    about = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(went.header("Location")).query))
    mine = {"Cookie": "; ".join(line.split(";")[0] for line in went.all("Set-Cookie"))}
    p.nonce, p.delay, got = about["nonce"], 1.5, []
    back = threading.Thread(target=lambda: got.append(gw.ask("/api/auth/callback?code=x&state=" + about["state"], headers=mine)))
    back.start()
    assert p.begun.wait(10)
    r = gw.reload(swapped(c))
    assert r.returncode == 0, r
    back.join()
    assert (got[0].status, got[0].why, store.db.keys("userSessions:*")) == (503, "session_unavailable", [])
    p.stop()
