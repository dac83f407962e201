"""Two gateways, master and workers, that disagree about time, and a Redis between them that is right. What is in Redis is ordered,
counted and over by its clock: revisions, limits, sessions and their tokens. What comes from elsewhere and says its own time is judged
by each gateway's clock, within gate.leeway: tokens of issuers, certificates, the end of a suspension. A clock that is far off is told of."""

import email.utils
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.api import Api
from harness.clocks import Clocks
from harness.gateway import from_redis, merge, proxy_to
from harness.procs import run, wait_until
from harness.sessions import COOKIE, COOKIE_KEY, TOKEN_KEY, Sessions, cookie, seal, stamp
from harness.tls_upstream import TlsUpstream
from harness.token_server import TokenServer
from harness.tokens import SECRET, bearer, token

LIMIT, DAY, HOUR = 40, 86400, 3600
LEEWAY = 60  # gate.leeway, as it is by itself


@pytest.fixture(scope="module")
def clocks():
    """One for each."""
    if run(["unshare", "--mount", "true"]).returncode:
        pytest.skip("no namespace of mounts may be made here")
    made = Clocks(), Clocks()
    yield made
    for c in made:
        c.finish()


@pytest.fixture
def provider():
    p = TokenServer()
    yield p
    p.stop()


@pytest.fixture(params=[5, 3600], ids=["10 seconds apart", "two hours apart"])
def pair(request, gateway, serve, secure, authority, roots, store, provider, clocks):
    """One ahead, one behind."""
    short = secure(authority.issue("127.0.0.1", starts=-HOUR / 2, ends=HOUR / 2))
    credential = {"header": "Authorization", "form": "bearer", "value": "access_token", "provider": "corp", "required": True}
    login = {"url": "http://test", "providers": {"corp": provider.config()}, "redis": {"address": store.address},
             "session": {"cookie": COOKIE, "insecure_cookie": True, "touch": "1s"}, "cookie_keys": [COOKIE_KEY], "token_keys": [TOKEN_KEY]}
    config = merge(proxy_to(serve()), from_redis(store)) | {
        "workers": 1, "login": login, "gate": {"secret": SECRET, "issuer": "https://tokens.example", "claims": {"sub": "X-User"}, "protect": ["/guarded"]},
        "rates": {"all": {"limit": f"{LIMIT}/day", "scope": "fleet", "per": ["all"]}},
        "routes": [{"path": "/limited", "upstream": "u", "rates": ["all"]}, {"path": "/guarded", "upstream": "u"},
                   {"path": "/session", "upstream": "u", "auth": "optional", "credentials": [credential]}, {"path": "/secure", "upstream": "secure"}]}
    config["upstreams"]["secure"] = {"endpoints": [short.address], "tls": {"ca": roots}, "health": {"enabled": False}}
    for clock, off in zip(clocks, (request.param, -request.param)):
        clock.step(off)
    gateways = [gateway(config, env=clock.env(0), within=clock.within()) for clock in clocks]
    wait_until(lambda: all(len(Api(gw.socket).data("fleet")["gateways"]) == 2 for gw in gateways), 5)
    return *gateways, request.param


def revisions_agree(gateways):
    given = []
    for i in range(6):
        r = Api(gateways[i % 2].socket).ask("PUT", "rules", "route", "r", query="wait=fleet", body={"path": f"/{i}", "redirect": {"to": "http://a/"}})
        assert r.status == 200, r
        given.append(r.json()["revision"])
        fleets = [Api(gw.socket).data("fleet")["gateways"] for gw in gateways]
        assert all(g["in_force_ms"] < 5000 and g["heard_ms"] < 5000 for f in fleets for g in f)
    assert given == sorted(set(given), key=lambda r: [int(n) for n in r.split("-")])
    lists = [[r["revision"] for r in Api(gw.socket).data("revisions")["revisions"]] for gw in gateways]
    assert lists[0] == lists[1] == given[::-1]


def limit_is_one(gateways):
    passed = sum(gateways[i % 2].ask("/limited").status == 200 for i in range(2 * LIMIT))
    assert LIMIT * 0.8 <= passed <= LIMIT
    return passed


def suspended(gw, who):
    return gw.ask("/guarded", headers=bearer(token(sub=who, iss="https://tokens.example", exp=int(time.time()) + DAY))).why == "suspended"


def suspensions_agree(ahead, behind, store, off):
    for i in range(6):  # whoever says it last
        gw, verb = (ahead, behind)[i // 2 % 2], ("suspend", "resume")[i % 2]
        assert gw.cli(verb, "somebody").returncode == 0
        wait_until(lambda: suspended(ahead, "somebody") == suspended(behind, "somebody") == (verb == "suspend"), 3)
    until = int(time.time()) + 1800
    assert behind.cli("suspend", "brief", "--until", str(until)).returncode == 0
    wait_until(lambda: suspended(behind, "brief") and suspended(ahead, "brief") == (off < 1800), 3)
    if off > 1800:
        time.sleep(1.5)  # who believes that it is over has it taken out each second
    assert suspended(behind, "brief") and store.db.hexists("yett:suspended", "sub:brief")


def is_refreshed_once(gateways, store, provider):
    sessions = Sessions(store.db)
    session = sessions.create("somebody", idle=DAY)
    tid, before = sessions.tids(session)["corp"], provider.refreshes
    for kind, value, end in zip(("accessToken", "refreshToken", "idToken"), provider.grant("somebody"), (int(time.time()) - 2 * 3600, None, None)):
        store.db.hset(f"{kind}:{tid}", mapping={"Value": seal(value, f"{kind}:{tid}"), "ExpiresAt": stamp(end)})
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: gateways[i % 2].ask("/session", headers=cookie(session)), range(8)))
    assert {r.status for r in answers} == {200}, answers
    return provider.refreshes - before, len({dict(json.loads(r.body)["headers"])["Authorization"] for r in answers})


def tokens_are_judged_by_each(ahead, behind, off):
    """Why those that end and begin half a leeway or half an hour from now are refused by either."""
    def why(gw, **claims):
        return gw.ask("/guarded", headers=bearer(token(sub="x", iss="https://tokens.example", **claims))).why
    now, near, far = int(time.time()), LEEWAY // 2, HOUR // 2
    expired, early = "token_expired", "token_not_yet_valid"
    seen = [[why(gw, exp=now + after) for after in (-far, -near, near, far)] + [why(gw, exp=now + DAY, nbf=now + after) for after in (-far, -near, near, far)]
            for gw in (ahead, behind)]
    if off < near:
        assert seen == [[expired, None, None, None, None, None, None, early]] * 2, seen
    else:
        assert seen == [[expired] * 4 + [None] * 4, [None] * 4 + [early] * 4], seen


def certificates_are_judged_by_each(ahead, behind, off):
    seen = [gw.ask("/secure").why for gw in (ahead, behind)]
    assert seen == ([None, None] if off < HOUR / 2 else ["upstream_certificate_refused"] * 2)


def sessions_are_one(gateways, store, provider):
    """Whoever is asked knows it and lets it go on, and nobody ends it before its time, or after."""
    sessions = Sessions(store.db)
    provider.grant("somebody")

    def asked(gw, session):
        r = gw.ask("/session", headers=cookie(session))
        return r.status, r.header("Set-Cookie")
    for first, second in gateways, gateways[::-1]:
        session = sessions.create("somebody", idle=600, expires=time.time() + 20)
        assert asked(first, session) == (200, None) and asked(second, session) == (200, None)
        wait_until(lambda: 500 < store.db.ttl(f"session:{session}") <= 611, 3, what=lambda: store.db.ttl(f"session:{session}"))
        over = sessions.create("somebody", idle=600, expires=time.time() - 1)
        assert all(asked(gw, over)[0] == 401 for gw in gateways)
        assert asked(first, session) == (200, None) and asked(second, session) == (200, None)


def test_they_agree(pair, store, provider):
    ahead, behind, off = pair
    dates = [email.utils.parsedate_to_datetime(gw.ask("/").header("Date")).timestamp() - time.time() for gw in (ahead, behind)]
    assert abs(dates[0] - off) < 3 and abs(dates[1] + off) < 3  # the clocks of workers are off
    revisions_agree([ahead, behind])
    passed = limit_is_one([ahead, behind])
    tokens_are_judged_by_each(ahead, behind, off)
    certificates_are_judged_by_each(ahead, behind, off)
    suspensions_agree(ahead, behind, store, off)
    sessions_are_one([ahead, behind], store, provider)
    refreshes, tokens = is_refreshed_once([ahead, behind], store, provider)
    print(f"{2 * off} s apart: of a limit of {LIMIT} {passed} passed; {refreshes} refreshes, {tokens} tokens")
    assert refreshes == tokens == 1
    told = ["the clock is more than 30 s" in gw.status()["degraded"] for gw in (ahead, behind)]
    assert told == [off > 30] * 2 and ("ahead_of_redis_s=-3" in behind.log()) == (off > 30)
