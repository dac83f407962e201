"""What upstreams hear of who asks: in the place of what the client sent, in every form, and never what could be read in two
ways."""

import base64
import json
import time

import pytest
import redis

from harness import client, sessions
from harness.gateway import Gateway
from harness.procs import wait_until
from harness.redis_server import RedisServer
from harness.tokens import SECRET, basic, bearer, token
from harness.upstream import Upstream

ISSUER = "https://id.example"
ROOT = "glpat-of-root"
CLAIMS = {"email": "alice@x", "name": "J\u00fcrg", "preferred_username": "alice", "evil": "a\r\nX-Admin: 1", "level": 3}
ALL = [{"header": "Authorization", "value": "access_token", "provider": "corp", "form": "bearer"},
       {"header": "Gitlab-Access-Token", "value": "access_token", "provider": "gitlab"},
       {"header": "Gitlab-Access-Token-Expires-At", "value": "expires_at", "provider": "gitlab"},
       {"header": "X-Git", "value": "access_token", "provider": "gitlab", "form": "basic"},
       {"header": "Renku-Auth-Refresh-Token", "value": "refresh_token", "provider": "corp"},
       {"header": "Renku-Auth-Id-Token", "value": "id_token", "provider": "corp"},
       {"header": "Renku-Auth-Git-Credentials", "value": "git", "provider": "gitlab", "form": "base64"},
       {"header": "Renku-User-Email", "value": "claim", "claim": "email", "form": "base64"},
       {"header": "X-Level", "value": "claim", "claim": "level"},
       {"header": "X-Claims", "value": "claims"},
       {"header": "X-Session-Token", "value": "session_token"}]


def b64(text):
    return base64.b64encode(text.encode()).decode()


SUDO = [{"header": "Private-Token", "value": "secret", "secret": ROOT},
        {"header": "Sudo", "value": "claim", "claim": "preferred_username"}]
NEED = {"header": "Gitlab-Access-Token", "value": "access_token", "provider": "gitlab", "required": True}
ROUTES = {
    "/all": {"credentials": ALL}, "/plain": {}, "/two": {"credentials": ALL[:2]},
    "/evil": {"credentials": [{"header": "X-Evil", "value": "claim", "claim": "evil"}, {"header": "X-Name", "value": "claim", "claim": "name"},
                              {"header": "X-Name-64", "value": "claim", "claim": "name", "form": "base64"},
                              {"header": "X-Evil-64", "value": "claim", "claim": "evil", "form": "base64"}]},
    "/need": {"credentials": [NEED]}, "/needclaim": {"credentials": [{**NEED, "value": "claim", "claim": "nix", "provider": "corp"}]},
    "/sudo": {"credentials": SUDO}, "/root": {"credentials": SUDO[:1]},
    "/cookies/none": {"cookies": "none"}, "/cookies/all": {"cookies": "all"},
    "/anonymous": {"credentials": [{"header": "Renku-Auth-Anon-Id", "value": "anonymous_id"}]},
    "/flaky": {"credentials": ALL[:1], "mirror": {"upstream": "shadow"}, "retries": 1, "retry_on": ["503"]}}
SET = ["a=1", "yett-session=x", " yett-session =x; Path=/", "=yett-session=x", "yett-session-login=x", "yett-sessions=1",
       "b=yett-session=1"]


class Place:
    """A gateway that people log in with, before an echo; what it tells by path."""

    def __init__(self):
        self.store, self.up, self.shadow = RedisServer(), Upstream(self.answer), Upstream()
        self.second = Upstream(self.answer)
        self.flaked = []
        self.sessions = sessions.Sessions(redis.Redis(port=self.store.port))
        c = sessions.config(self.store, self.up, ISSUER, ("corp", "gitlab"))
        c["upstreams"]["u"]["endpoints"].append(self.second.address)
        c["upstreams"]["shadow"] = {"endpoints": [self.shadow.address]}
        c["routes"] = [{"path": p, "upstream": "u", "auth": "optional"} | r for p, r in (ROUTES | {"/": {}}).items()]
        c["gate"] |= {"issuers": {"shown": {"issuer": ISSUER, "algorithms": ["HS256"], "secret": SECRET}},
                      "sources": ["bearer", "basic"], "forward_auth": "/auth"}
        self.gw = Gateway(c | {"workers": 1, "trusted_proxies": ["127.0.0.1"]})

    def answer(self, r, c):
        fields = [("Set-Cookie", s) for s in SET] if r.path.startswith("/cookies") else []
        if r.path == "/flaky":
            self.flaked.append(r.header("Authorization"))
        c.reply(503 if r.path == "/flaky" and len(self.flaked) == 1 else 200, fields, json.dumps({"headers": r.headers}).encode())

    def told(self, path, headers=()):
        r = self.gw.ask(path, headers=headers)
        assert r.status == 200, (r, r.body)
        return [(n.lower(), v) for n, v in r.json()["headers"]]

    def login(self, ends=None):
        """`ends`: of the access tokens."""
        id = self.sessions.create("alice", ("corp", "gitlab"), claims=CLAIMS | {"iss": ISSUER})
        for tid in self.sessions.tids(id).values() if ends else ():
            self.sessions.db.hset("accessToken:" + tid, "ExpiresAt", sessions.stamp(ends))
        return sessions.cookie(id)

    def finish(self):
        self.gw.finish()
        for u in self.up, self.second, self.shadow:
            u.stop()
        self.store.finish()


@pytest.fixture(scope="module")
def place():
    p = Place()
    yield p
    p.finish()


def value(got, name):
    values = [v for n, v in got if n == name.lower()]
    assert len(values) <= 1, values
    return values[0] if values else None


def spellings(name):
    return [name, name.upper(), name.lower(), name.replace("-", "_"), name.replace("-", "."), name.replace("-", "_").lower()]


def test_all_values_and_nothing_of_the_client(place):
    ends = int(time.time()) + 7200
    forged = [(s, "forged") for c in ALL for s in spellings(c["header"])] + [("Connection", "X-Level, Gitlab-Access-Token")]
    got = place.told("/all", list(place.login(ends).items()) + forged)
    assert "forged" not in str(got) and "yett-session" not in str(got)
    assert value(got, "Authorization") == "Bearer access-corp"
    assert value(got, "Gitlab-Access-Token") == "access-gitlab"
    assert value(got, "Gitlab-Access-Token-Expires-At") == str(ends)
    assert value(got, "X-Git") == "Basic " + b64("oauth2:access-gitlab")
    assert value(got, "Renku-Auth-Refresh-Token") == "refresh-corp"
    assert value(got, "Renku-Auth-Id-Token").count(".") == 2
    assert value(got, "Renku-User-Email") == b64("alice@x")
    assert value(got, "X-Level") == "3"
    assert value(got, "X-Session-Token") == "access-corp"
    claims = value(got, "X-Claims")
    assert claims.isascii() and json.loads(claims).items() >= CLAIMS.items()
    assert json.loads(base64.b64decode(value(got, "Renku-Auth-Git-Credentials"))) == {
        ISSUER: {"provider": "gitlab", "AuthorizationHeader": "Bearer access-gitlab", "AccessTokenExpiresAt": ends}}
    # nobody is told of nobody, whoever the client says that it is
    got = place.told("/all", forged)
    assert not {n for n, _ in got} & {c["header"].lower() for c in ALL} and "forged" not in str(got)
    text = place.gw.log() + json.dumps(place.gw.access_log())
    assert not any(secret in text for secret in ("access-corp", "access-gitlab", "refresh-corp", claims))


def test_only_routes_that_write_authorization_take_it(place):
    got = place.told("/plain", {"Authorization": "Digest mine", "Gitlab-Access-Token": "forged", "Cookie": "a=1"})
    assert value(got, "Authorization") == "Digest mine" and value(got, "Cookie") == "a=1"
    assert "forged" not in str(got)
    assert value(place.told("/all", {"Authorization": "Digest mine", "Cookie": "a=1"}), "Authorization") is None


def test_what_could_write_a_line_is_left_out(place):
    got = place.told("/evil", place.login())
    assert [value(got, n) for n in ("X-Evil", "X-Name", "X-Admin")] == [None] * 3
    assert value(got, "X-Name-64") == b64("J\u00fcrg") and value(got, "X-Evil-64") == b64(CLAIMS["evil"])
    wait_until(lambda: sum(v for n, v in place.gw.metrics().items() if n.startswith("yett_credentials_unfit_total")) == 2)


def test_required(place):
    assert value(place.told("/need", place.login()), NEED["header"]) == "access-gitlab"
    one = sessions.cookie(place.sessions.create("bob", ("corp",)))
    for path, headers in [("/need", {}), ("/need", one), ("/needclaim", one), ("/need", {"Gitlab-Access-Token": "forged"})]:
        r = place.gw.ask(path, headers=headers)
        assert (r.status, r.why) == (401, "credential_missing"), path
    page = {"Accept": "text/html"}
    assert [place.gw.ask("/need", headers=h | page).status for h in ({}, one)] == [302, 401]  # to log in would not help again


def test_secret_goes_with_the_claim(place):
    got = place.told("/sudo", place.login())
    assert (value(got, "Private-Token"), value(got, "Sudo")) == (ROOT, "alice")
    nameless = sessions.cookie(place.sessions.create("bob", ("corp",)))
    for headers in {}, nameless, {"Sudo": "root", "Private-Token": "x"}:
        got = place.told("/sudo", headers)
        assert (value(got, "Private-Token"), value(got, "Sudo")) == (None, None)
    assert value(place.told("/root"), "Private-Token") == ROOT
    assert ROOT not in place.gw.log() and ROOT not in place.gw.cli("check", "--effective").stdout


def test_bearer_and_basic_callers(place):
    mine = token(iss=ISSUER, sub="carol", email="shown@x")
    for shown in bearer(mine), basic("oauth2", mine):
        got = place.told("/all", shown)
        assert value(got, "Authorization") == "Bearer " + mine and value(got, "X-Session-Token") == mine
        assert value(got, "Renku-User-Email") == b64("shown@x") and value(got, "Gitlab-Access-Token") is None
    mine = token(iss=ISSUER, sub="alice")
    place.login()
    got = place.told("/all", bearer(mine))
    assert value(got, "Authorization") == "Bearer " + mine and value(got, "Gitlab-Access-Token") == "access-gitlab"


def test_cookies(place):
    mine = place.login()["Cookie"]
    cases = [("a=1", "a=1"), (mine, None), (f"a=1;b=\"2; {mine} ;c=3", "a=1;b=\"2;c=3"), (f"{mine}; yett-session-login=1; z", "z"),
             ("Yett-Session=1; yett-sessions=1", "Yett-Session=1; yett-sessions=1"), ("yett-session=a; yett-session=b", None)]
    for sent, left in cases:
        assert value(place.told("/cookies", {"Cookie": sent}), "Cookie") == left, sent
        assert value(place.told("/cookies/none", {"Cookie": sent}), "Cookie") is None
        assert value(place.told("/cookies/all", {"Cookie": sent}), "Cookie") == sent
    assert place.gw.ask("/cookies", headers={"Cookie": "a=1"}).all("Set-Cookie") == ["a=1", "yett-sessions=1", "b=yett-session=1"]


def test_anonymous(place):
    def name(r):
        return value([(n.lower(), v) for n, v in r.json()["headers"]], "Renku-Auth-Anon-Id")

    r = place.gw.ask("/anonymous", headers={"Renku-Auth-Anon-Id": "forged"})
    mine = r.header("Set-Cookie").split(";")[0]
    assert name(r).startswith("anon-") and mine.startswith("yett-session=") and mine[13:56] not in name(r)
    again = place.gw.ask("/anonymous", headers={"Cookie": mine})
    assert name(again) == name(r) and again.header("Set-Cookie") is None
    assert value(place.told("/anonymous", place.login()), "Renku-Auth-Anon-Id") is None


def test_upgrades_retries_and_mirrors(place):
    got = place.told("/flaky", place.login() | {"Authorization": "Digest mine"})
    assert value(got, "Authorization") == "Bearer access-corp"
    assert place.flaked == ["Bearer access-corp"] * 2
    copy = wait_until(lambda: place.shadow.requests)[0]
    assert copy.header("X-Yett-Mirrored") and copy.header("Authorization") is None and copy.header("Cookie") is None
    got = place.told("/two", place.login() | {"Connection": "Upgrade", "Upgrade": "websocket"})
    assert value(got, "Upgrade") == "websocket" and value(got, "Authorization") == "Bearer access-corp"


def test_other_proxies_are_told(place):
    about = {"X-Forwarded-Uri": "/two", "X-Forwarded-Method": "GET"}
    r = place.gw.ask("/auth", headers=place.login() | about)
    assert (r.status, r.header("Authorization"), r.header("Gitlab-Access-Token")) == (202, "Bearer access-corp", "access-gitlab")
    assert place.gw.ask("/auth", headers=about).header("Authorization") is None


def test_explain_names_them(place):
    mine = place.login()
    place.told("/sudo", mine)

    def ask(path, headers):
        question = {"method": "GET", "url": "http://test" + path, "headers": [{"name": n, "value": v} for n, v in headers.items()]}
        r = client.ask(place.gw.socket, "/explain", "POST", body=json.dumps(question).encode())
        assert not any(secret in r.body.decode() for secret in ("access-corp", "access-gitlab", ROOT)), r.body
        return r.json()["credentials"]

    assert ask("/two", mine)[0] == {"header": "Authorization", "value": "access_token", "provider": "corp", "required": False, "told": True}
    assert [c["told"] for c in ask("/sudo", mine)] == [True, True]
    assert [c["told"] for c in ask("/sudo", {}) + ask("/root", {}) + ask("/two", {})] == [False, False, True, False, False]
