"""Tokens of sessions are refreshed once in the fleet, whoever dies when. The provider rotates refresh tokens and ends the
grant when one is shown twice, so a second refresh, or a lost one, logs its user out."""

import json
import os
import random
import re
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest

from harness.dns_server import DnsServer
from harness.gateway import LONG, ROOT, merge, proxy_to
from harness.procs import wait_until
from harness.redis_proxy import Slow
from harness.sessions import COOKIE, COOKIE_KEY, TOKEN_KEY, Sessions, cookie, seal, stamp, unseal
from harness.token_server import TokenServer


@pytest.fixture
def provider():
    p = TokenServer()
    yield p
    p.stop()


@pytest.fixture
def sessions(store):
    return Sessions(store.db)


def acl():
    """What yett(8) says that its user needs."""
    with open(os.path.join(ROOT, "etc/man/yett.8"), encoding="utf-8") as f:
        words = re.search(r"^ACL SETUSER yett on >PASSWORD (.*?)\n\.fi", f.read(), re.S | re.M).group(1)
    return words.replace("\\", "").split()


@pytest.fixture
def guarded(gateway, serve, provider, store):
    """guarded() starts a gateway that passes the session's token on; all of them share Redis and provider."""
    up = serve()
    store.db.execute_command("ACL", "SETUSER", "yett", "on", ">pw", *acl())

    def start(value=None, more=None, address=None, slow=None, **of_provider):
        credential = {"header": "Authorization", "form": "bearer", "value": "access_token", "provider": "corp", "required": True}
        credentials = [credential | (value or {})] + [credential | {"header": "X-Slow", "provider": "slow"}] * bool(slow)
        providers = {"corp": provider.config(**of_provider)} | ({"slow": slow.config()} if slow else {})
        login = {"url": "http://test", "providers": providers, "redis": {"address": address or store.address, "username": "yett", "password": "pw"},
                 "session": {"cookie": COOKIE, "insecure_cookie": True}, "cookie_keys": [COOKIE_KEY], "token_keys": [TOKEN_KEY]}
        return gateway(merge(proxy_to(up, auth="optional", credentials=credentials), {"login": login} | (more or {})))
    return start


def bearer(answer):
    return dict(json.loads(answer)["headers"])["Authorization"].removeprefix("Bearer ")


def token(gw, cookie):
    r = gw.ask("/", headers=cookie)
    return bearer(r.body) if r.status == 200 else r.why


def all_at_once(gateways, cookie, n):
    """n requests, sent before any is read; whose connection breaks asks again, as clients do. What each of them got."""
    head = f"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\nCookie: {cookie['Cookie']}\r\n\r\n".encode()
    opened = []
    for i in range(n):
        s = socket.create_connection(("127.0.0.1", gateways[i % len(gateways)].port), 20)
        s.sendall(head)
        opened.append(s)
    yield None
    for i, s in enumerate(opened):
        with s:
            s.settimeout(20)
            try:
                answer = b"".join(iter(lambda: s.recv(65536), b""))
            except OSError:
                answer = b""
        if not answer:
            yield token(gateways[i % len(gateways)], cookie)
        else:
            head, _, body = answer.partition(b"\r\n\r\n")
            yield bearer(body) if b" 200 " in head.splitlines()[0] else head.decode()


def owner(store, tid):
    """Its pid, once somebody has the lock."""
    held = wait_until(lambda: store.db.get(f"refreshLock:{tid}"), 5, what="a lock")
    return int(held[:8], 16)


def logged_in(sessions, provider, expires, sub="7"):
    """Fields of a request of a session whose access token ends in so many seconds, and the tid."""
    session = sessions.create(sub)
    tid = sessions.tids(session)["corp"]
    ends = (int(time.time()) + expires, None, None)
    for kind, value, end in zip(("accessToken", "refreshToken", "idToken"), provider.grant(sub), ends):
        sessions.db.hset(f"{kind}:{tid}", mapping={"Value": seal(value, f"{kind}:{tid}"), "ExpiresAt": stamp(end)})
    return cookie(session), tid


def stands(store, kind, tid):
    """The token as it is in Redis, in clear."""
    return unseal(store.db.hget(f"{kind}:{tid}", "Value"), f"{kind}:{tid}")


def assert_one_refresh(provider, store, tid):
    assert (provider.refreshes, provider.reused) == (1, 0)
    wait_until(lambda: provider.accepts(stands(store, "accessToken", tid)), 5, what="the new token in Redis")
    assert stands(store, "refreshToken", tid) == "refresh-g0-1"
    assert jwt.decode(stands(store, "idToken", tid), options={"verify_signature": False})["n"] == 1
    wait_until(lambda: not store.db.exists(f"refreshLock:{tid}"), 5, what="the lock's end")


@pytest.mark.parametrize("expires", [-5, 20])
def test_500_at_once_over_two_gateways(guarded, sessions, provider, store, expires):
    gateways = [guarded(), guarded()]
    cookie, tid = logged_in(sessions, provider, expires)
    provider.delay = 0.5
    n = 500 if expires < 0 else 100
    got = list(all_at_once(gateways, cookie, n))[1:]
    assert len(got) == n
    if expires < 0:
        assert set(got) == {"access-g0-1"}
    else:  # it is still good: nobody waits
        assert set(got) <= {"access-g0-0", "access-g0-1"} and "access-g0-0" in got
    assert_one_refresh(provider, store, tid)
    assert token(gateways[0], cookie) == token(gateways[1], cookie) == "access-g0-1"
    wait_until(lambda: sum(gw.metrics()["yett_refreshes_total"] for gw in gateways) == 1)
    asked = [gw.status()["exchanges"] for gw in gateways]
    assert sorted(a["refresh"]["asked"] for a in asked) == [0, 1] and not any(a["under_way"] + a["unkept"] for a in asked)
    assert "refreshes asked 1, failed 0" in "".join(gw.cli("status").stdout for gw in gateways)
    for secret in ("access-g0", "refresh-g0", "s:ecret"):
        assert not any(secret in gw.log() or secret in open(gw.dir + "/access.log").read() for gw in gateways)


def test_one_provider_is_slower_than_the_other_ones_token_is_at_hand(guarded, sessions, provider, store):
    """Whoever needs both has waited for the first one once, and does not wait for it again."""
    slow = TokenServer()
    try:
        gw = guarded(slow=slow)
        session = sessions.create("7", providers=("corp", "slow"))
        for p, tid in zip((provider, slow), (sessions.tids(session)[n] for n in ("corp", "slow"))):
            for kind, value in zip(("accessToken", "refreshToken", "idToken"), p.grant("7")):
                end = int(time.time()) - 5 if kind == "accessToken" else None
                sessions.db.hset(f"{kind}:{tid}", mapping={"Value": seal(value, f"{kind}:{tid}"), "ExpiresAt": stamp(end)})
        slow.delay = 5.5
        assert list(all_at_once([gw], cookie(session), 3))[1:] == ["access-g0-1"] * 3
        assert (provider.refreshes, slow.refreshes) == (1, 1)
    finally:
        slow.stop()


def test_the_worker_is_killed_while_the_provider_thinks(guarded, sessions, provider, store):
    gateways = [guarded(), guarded()]
    cookie, tid = logged_in(sessions, provider, -5)
    provider.delay = 1
    asked = all_at_once(gateways, cookie, 500)
    next(asked)
    assert provider.begun.wait(10)
    os.kill(owner(store, tid), signal.SIGKILL)
    assert set(asked) == {"access-g0-1"}
    assert_one_refresh(provider, store, tid)
    wait_until(lambda: sum(gw.metrics()["yett_refreshes_adopted_total"] for gw in gateways) == 1)
    assert {token(gw, cookie) for gw in gateways * 4} == {"access-g0-1"}


def test_killed_with_the_answer_in_hand(guarded, sessions, provider, store):
    """Redis does not take it at that moment."""
    gw = guarded()
    cookie, tid = logged_in(sessions, provider, -5)
    provider.delay = 0.5
    asked = all_at_once([gw], cookie, 40)
    next(asked)
    assert provider.begun.wait(10)
    pid = owner(store, tid)
    store.db.execute_command("ACL", "SETUSER", "yett", "-eval")
    wait_until(lambda: "Redis does not store it" in gw.log(), 5)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: "goes on with what another worker began" in gw.log(), 5)
    store.db.execute_command("ACL", "SETUSER", "yett", "+eval")
    assert_one_refresh(provider, store, tid)
    for _ in asked:  # they wait, or are told that Redis does not answer as it should
        pass
    wait_until(lambda: token(gw, cookie) == "access-g0-1", 5)


def test_all_workers_are_killed(guarded, sessions, provider, store):
    """The one that comes next has it."""
    gw = guarded(more={"workers": 1})
    cookie, tid = logged_in(sessions, provider, -5)
    provider.delay = 1
    asked = all_at_once([gw], cookie, 10)
    next(asked)
    assert provider.begun.wait(10)
    os.kill(owner(store, tid), signal.SIGKILL)
    assert set(asked) == {"access-g0-1"}
    assert_one_refresh(provider, store, tid)


def test_killed_before_it_asked(guarded, sessions, provider, store):
    """Its lock stays, and does not for long."""
    gw = guarded()
    cookie, tid = logged_in(sessions, provider, -5)
    store.db.set(f"refreshLock:{tid}", "0" * 32, px=1500)
    begun = time.monotonic()
    assert token(gw, cookie) == "access-g0-1" and time.monotonic() - begun > 1
    assert_one_refresh(provider, store, tid)


def test_nothing_is_asked_before_the_lock_lasts(guarded, sessions, provider, store):
    """Who is cut off from Redis with a short one would have asked, and others would ask again."""
    proxy = Slow(store, b"v~=ARGV[1]")
    gw = guarded(address=proxy.address)
    cookie, tid = logged_in(sessions, provider, 20)
    assert token(gw, cookie) == "access-g0-0" and proxy.holds.wait(10)
    assert not provider.begun.wait(0.5)
    proxy.free.set()
    assert_one_refresh(provider, store, tid) if provider.begun.wait(5) else pytest.fail("it was not refreshed")
    proxy.close()


def test_killed_at_any_moment(guarded, sessions, provider, store):
    gateways = [guarded(), guarded()]
    provider.delay = 0.2
    for i in range(60 if LONG else 4):
        cookie, tid = logged_in(sessions, provider, -5)
        asked = all_at_once(gateways, cookie, 20)
        next(asked)
        time.sleep(random.random() * 0.5)
        lock = store.db.get(f"refreshLock:{tid}")
        os.kill(int(lock[:8], 16) if lock else random.choice(gateways[0].workers()), signal.SIGKILL)
        assert set(asked) == {f"access-g{i}-1"}, i
        assert (provider.refreshes, provider.reused) == (i + 1, 0)
        for gw in gateways:
            wait_until(lambda: len(gw.workers()) == 2, 10)


def test_the_owner_stands_still(guarded, sessions, provider, store):
    gw = guarded()
    cookie, tid = logged_in(sessions, provider, -5)
    provider.delay = 1
    asked = all_at_once([gw], cookie, 20)
    next(asked)
    assert provider.begun.wait(10)
    pid = owner(store, tid)
    os.kill(pid, signal.SIGSTOP)
    try:
        assert_one_refresh(provider, store, tid)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert set(asked) == {"access-g0-1"}
    assert_one_refresh(provider, store, tid)


def test_the_gateway_stops_meanwhile(guarded, sessions, provider, store):
    """It waits for what it cannot have again."""
    gw = guarded(more={"timeouts": {"drain": "100ms"}})
    cookie, tid = logged_in(sessions, provider, 20)
    provider.delay = 2
    assert token(gw, cookie) == "access-g0-0" and provider.begun.wait(10)
    gw.stop()
    assert_one_refresh(provider, store, tid)


def test_discovery_takes_a_while(guarded, sessions, provider, store):
    """Who comes right after the start waits for it."""
    cookie, tid = logged_in(sessions, provider, -5)
    provider.shy = 0.7
    assert token(guarded(), cookie) == "access-g0-1"
    assert_one_refresh(provider, store, tid)


def test_a_short_life(guarded, sessions, provider, store):
    """No longer than login.refresh: that would be always."""
    cookie, tid = logged_in(sessions, provider, -5)
    provider.life = 60
    assert token(guarded(), cookie) == "access-g0-1"
    other = guarded()
    assert {token(other, cookie) for _ in range(40)} == {"access-g0-1"}
    assert_one_refresh(provider, store, tid)
    store.db.hset(f"accessToken:{tid}", "ExpiresAt", stamp(int(time.time()) + 20))
    wait_until(lambda: token(other, cookie) == "access-g0-2", 8)


def test_redis_refuses_the_script(guarded, sessions, provider, store):
    """An operator reads why; nobody asks the provider, and no token is lost."""
    gw = guarded()
    good, tid = logged_in(sessions, provider, 20)
    ended, _ = logged_in(sessions, provider, -5, "8")
    store.db.execute_command("ACL", "SETUSER", "yett", "-eval")
    assert [token(gw, good), token(gw, ended)] == ["access-g0-0", "provider_unavailable"]
    wait_until(lambda: 'refresh provider=corp error="' in gw.log() and "NOPERM" in gw.log(), 5)
    store.db.execute_command("ACL", "SETUSER", "yett", "+eval")
    wait_until(lambda: token(gw, ended) == "access-g1-1", 8)
    assert provider.reused == 0


def test_the_provider_is_away(guarded, sessions, provider, store):
    gw = guarded()
    good, tid = logged_in(sessions, provider, 20)
    ended, _ = logged_in(sessions, provider, -5, "8")
    provider.broken = (503, {"Retry-After": "2"}, b"")
    assert {token(gw, good) for _ in range(10)} == {"access-g0-0"}
    wait_until(lambda: provider.refreshes == 1)
    r = gw.ask("/", headers=ended)
    assert (r.status, r.why) == (503, "provider_unavailable") and r.header("Retry-After")
    assert {token(gw, good) for _ in range(20)} == {"access-g0-0"} and provider.refreshes <= 4
    assert 'refresh provider=corp error="it answers 503"' in gw.log()
    provider.broken = None
    wait_until(lambda: token(gw, ended) == "access-g1-1", 8)
    wait_until(lambda: token(gw, good) == "access-g0-1", 8)
    assert provider.reused == 0


def test_many_fail_at_once(guarded, sessions, provider, store):
    """That is one failure, behind which the provider is left alone for a second: not for longer the more tokens there were."""
    gw = guarded(more={"workers": 1})
    users = [logged_in(sessions, provider, -5, str(i))[0] for i in range(20)]
    provider.broken, provider.delay = (503, {}, b""), 0.5
    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(lambda user: token(gw, user), users)) == {"provider_unavailable"}
    provider.broken, provider.delay = None, 0
    wait_until(lambda: token(gw, users[0]) == "access-g0-1", 6)


def test_what_one_address_may_have_seen_no_other_one_sees(guarded, sessions, provider, store):
    """It may have acted on it; but where nobody listens, the next address is asked."""
    dns, other = DnsServer(), TokenServer(host="127.0.0.2", port=provider.port)
    dns.names["id.test"] = (["127.0.0.3", "127.0.0.1", "127.0.0.2"], 60)
    try:
        gw = guarded(more={"dns": [dns.address]}, jwks_uri=provider.url + "/keys", authorization_endpoint=provider.url + "/authorize",
                     token_endpoint=f"http://id.test:{provider.port}/token")
        provider.drops = other.drops = True
        cookie, _ = logged_in(sessions, provider, -5)
        assert token(gw, cookie) == "provider_unavailable"
        assert len(provider.forms) + len(other.forms) == 1
    finally:
        dns.finish()
        other.stop()


def test_the_grant_is_gone(guarded, sessions, provider, store):
    """Nobody asks twice; the token is good to its end."""
    gw = guarded()
    good, tid = logged_in(sessions, provider, 20)
    ended, _ = logged_in(sessions, provider, -5, "8")
    for g in provider.grants.values():
        g.revoked = True
    assert {token(gw, good) for _ in range(10)} == {"access-g0-0"}
    assert {gw.ask("/", headers=ended).status for _ in range(10)} == {401}
    wait_until(lambda: provider.refreshes == 2)
    assert store.db.hget(f"refreshToken:{tid}", "Gone") == b"1"
    assert token(guarded(), good) == "access-g0-0" and provider.refreshes == 2


def test_the_client_is_refused(guarded, sessions, provider, store):
    gw = guarded(client_secret="another one")
    cookie, _ = logged_in(sessions, provider, -5)
    assert {token(gw, cookie) for _ in range(5)} == {"provider_unavailable"} and provider.refreshes <= 2
    assert "it answers 401: invalid_client" in gw.log() and "another one" not in gw.log()


@pytest.mark.parametrize("auth", ["basic", "post"])
def test_exchanged_for_an_audience(guarded, sessions, provider, store, auth):
    gw = guarded({"value": "exchanged", "audience": "notebooks"}, client_auth=auth)
    cookie, _ = logged_in(sessions, provider, 4000)
    got = list(all_at_once([gw], cookie, 40))[1:]
    assert all(t.startswith("for-notebooks-") for t in got) and len(set(got)) == provider.exchanges <= 2
    form = provider.forms[0]
    assert form["subject_token"] == "access-g0-0" and form["grant_type"] == "urn:ietf:params:oauth:grant-type:token-exchange"
    assert form["subject_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    assert {token(gw, cookie) for _ in range(20)} == set(got) and provider.exchanges <= 2


def test_an_audience_that_is_refused(guarded, sessions, provider, store):
    gw = guarded({"value": "exchanged", "audience": "forbidden"})
    cookie, _ = logged_in(sessions, provider, 4000)
    assert {token(gw, cookie) for _ in range(10)} == {"credential_missing"} and provider.exchanges <= 2
