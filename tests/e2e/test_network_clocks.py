"""Two gateways that disagree about time, and a Redis between them that is right: what is ordered or counted is so by Redis, and a
clock that is far off is told of."""

import calendar
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.api import Api
from harness.clocks import Clocks
from harness.gateway import from_redis, merge, proxy_to
from harness.procs import wait_until
from harness.sessions import COOKIE, COOKIE_KEY, TOKEN_KEY, Sessions, cookie, seal, stamp
from harness.token_server import TokenServer
from harness.tokens import SECRET, bearer, token

LIMIT, DAY = 40, 86400


@pytest.fixture(scope="module")
def clocks():
    made = Clocks()
    yield made
    made.finish()


@pytest.fixture
def provider():
    p = TokenServer()
    yield p
    p.stop()


@pytest.fixture(params=[5, 3600], ids=["10 seconds apart", "two hours apart"])
def pair(request, gateway, serve, store, provider, clocks):
    """One ahead, one behind."""
    credential = {"header": "Authorization", "form": "bearer", "value": "access_token", "provider": "corp", "required": True}
    login = {"url": "http://test", "providers": {"corp": provider.config()}, "redis": {"address": store.address},
             "session": {"cookie": COOKIE, "insecure_cookie": True}, "cookie_keys": [COOKIE_KEY], "token_keys": [TOKEN_KEY]}
    config = merge(proxy_to(serve()), from_redis(store)) | {
        "workers": 1, "login": login, "gate": {"secret": SECRET, "issuer": "https://tokens.example", "claims": {"sub": "X-User"}, "protect": ["/guarded"]},
        "rates": {"all": {"limit": f"{LIMIT}/day", "scope": "fleet", "per": ["all"]}},
        "routes": [{"path": "/limited", "upstream": "u", "rates": ["all"]}, {"path": "/guarded", "upstream": "u"},
                   {"path": "/session", "upstream": "u", "auth": "optional", "credentials": [credential]}]}
    gateways = [gateway(config, env=clocks.env(off)) for off in (request.param, -request.param)]
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


def test_they_agree(pair, store, provider):
    ahead, behind, off = pair
    shown = [calendar.timegm(time.strptime(gw.status()["table"]["published"], "%Y-%m-%dT%H:%M:%SZ")) for gw in (ahead, behind)]
    assert shown[0] - shown[1] > off  # the clocks are off
    revisions_agree([ahead, behind])
    passed = limit_is_one([ahead, behind])
    suspensions_agree(ahead, behind, store, off)
    refreshes, tokens = is_refreshed_once([ahead, behind], store, provider)
    print(f"{2 * off} s apart: of a limit of {LIMIT} {passed} passed; {refreshes} refreshes, {tokens} tokens")
    assert off > 1800 or refreshes == tokens == 1
    told = ["the clock is more than 30 s" in gw.status()["degraded"] for gw in (ahead, behind)]
    assert told == [off > 30] * 2 and ("ahead_of_redis_s=-3" in behind.log()) == (off > 30)
