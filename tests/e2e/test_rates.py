"""Rates: who has spent one is answered 429, with what he may know of it; nothing that a client says of itself lets it by."""

import hashlib
import json

from harness import client
from harness.gateway import from_redis, merge, proxy_to
from harness.procs import wait_until
from harness.tokens import SECRET, bearer, token

PROXIED = {"trusted_proxies": ["127.0.0.1/32"]}


def limited(gateway, serve, all_routes, route=None, **more):
    return gateway(merge(merge(proxy_to(serve(), **(route or {})), {"limits": {"rates": all_routes}}), more))


def statuses(gw, n, **how):
    return [gw.ask(**how).status for _ in range(n)]


def left(answer):
    """What RateLimit says is left, by the names of limits."""
    items = [i.partition(";r=") for i in answer.header("ratelimit").split(", ")]
    return {name.strip('"'): int(rest.partition(";")[0]) for name, _, rest in items}


def refusals(gw, limit):
    return gw.metrics().get(f'yett_limited_total{{limit="{limit}"}}')


def from_address(address, **more):
    return {"headers": {"X-Forwarded-For": address} | more}


def test_the_quota_passes_and_no_more(gateway, serve):
    gw = limited(gateway, serve, "5/hour")
    first = gw.ask()
    assert first.status == 200
    assert first.header("ratelimit-policy") == '"all";q=5;w=3600' and first.header("ratelimit") == '"all";r=4;t=720'
    assert [first.header(f"x-ratelimit-{n}") for n in ("limit", "remaining", "reset")] == ["5", "4", "720"]
    assert statuses(gw, 6) == [200] * 4 + [429] * 2
    refused = gw.ask()
    assert refused.header("x-yett-reason") == refused.json()["reason"] == "rate_limited"
    assert refused.json()["limit"] == "limits.rates" and 700 < int(refused.header("retry-after")) <= 720
    assert refused.header("x-ratelimit-remaining") == "0"
    assert gw.logged(status=429)["limit"] == "limits.rates"
    wait_until(lambda: refusals(gw, "limits.rates[0]") == 3)
    assert gw.metrics()["yett_rate_rows_used"] >= 1


def test_it_comes_back(gateway, serve):
    gw = limited(gateway, serve, "2/second burst 3")
    with gw.connect() as c:
        assert [c.ask().status for _ in range(4)] == [200, 200, 200, 429]
        wait_until(lambda: c.ask().status == 200, 2)


def test_xff_evades_nothing(gateway, serve):
    """Of a peer that is not trusted it says nothing; of one that is, the hop that it has seen itself counts."""
    gw = limited(gateway, serve, "2/hour")
    assert [gw.ask(headers={"X-Forwarded-For": f"1.2.3.{i}", "Forwarded": f"for=1.2.3.{i}", "X-Real-IP": f"1.2.3.{i}"}).status
            for i in range(4)] == [200, 200, 429, 429]
    gw = limited(gateway, serve, "2/hour", **PROXIED)
    assert [gw.ask(**from_address(f"6.6.6.{i}, 1.2.3.4")).status for i in range(4)] == [200, 200, 429, 429]
    assert gw.ask(**from_address("1.2.3.5")).status == 200


def test_ipv6_counts_by_its_network(gateway, serve):
    gw = limited(gateway, serve, "2/hour", **PROXIED)
    assert [gw.ask(**from_address(a)).status for a in ("2001:db8::1", "2001:db8::ffff:2", "2001:db8::3", "2001:db8:0:1::1")] == \
        [200, 200, 429, 200]
    gw = limited(gateway, serve, "1/hour", limits={"rates": "1/hour", "ipv6_prefix": 127}, **PROXIED)
    assert [gw.ask(**from_address(a)).status for a in ("2001:db8::2", "2001:db8::3", "2001:db8::4")] == [200, 429, 200]


def keyed(gateway, serve, per, missing="address", **more):
    return limited(gateway, serve, "r", rates={"r": {"limit": "1/hour", "per": per, "missing": missing}}, **PROXIED, **more)


def test_by_header(gateway, serve):
    gw = keyed(gateway, serve, ["header:X-Tenant"])
    def ask(tenant, address):
        return gw.ask(**from_address(address, **({"x-tenant": tenant} if tenant is not None else {}))).status
    assert [ask("a", "1.1.1.1"), ask("a", "1.1.1.2"), ask("b", "1.1.1.1"), ask("", "1.1.1.1")] == [200, 429, 200, 200]
    # Without it the address counts, which no header is taken for.
    assert [ask(None, "1.1.1.1"), ask(None, "1.1.1.1"), ask(None, "1.1.1.2")] == [200, 429, 200]
    assert ask("1.1.1.3", "1.1.1.9") == 200 and ask(None, "1.1.1.3") == 200


def test_without_the_key_it_may_be_skipped(gateway, serve):
    gw = keyed(gateway, serve, ["header:X-Tenant"], missing="skip")
    assert statuses(gw, 3) == [200] * 3 and gw.ask().header("ratelimit") is None
    assert statuses(gw, 2, headers={"X-Tenant": "a"}) == [200, 429]


def test_by_identity_and_claim(gateway, serve):
    gate = {"secret": SECRET, "protect": ["/"], "claims": {"id": "auth_id"}}
    gw = keyed(gateway, serve, ["identity"], gate=gate)
    def ask(address="1.1.1.1", **claims):
        return gw.ask(**from_address(address, **bearer(token(**claims)))).status
    assert [ask(id="a"), ask("2.2.2.2", id="a"), ask(id="b"), ask(id="a", jti="another")] == [200, 429, 200, 429]
    gw = keyed(gateway, serve, ["claim:org.unit"], gate=gate)
    assert [ask(id="a", org={"unit": "x"}), ask(id="b", org={"unit": "x"}), ask(id="b", org={"unit": "y"})] == [200, 429, 200]
    assert [ask("3.3.3.3", id="a"), ask("3.3.3.3", id="b"), ask("3.3.3.4", id="b")] == [200, 429, 200]


def test_combinations(gateway, serve):
    gw = keyed(gateway, serve, ["address", "header:X-A", "host"])
    asked = [(a, x, h) for h in ("h1", "h2") for a in ("1.1.1.1", "1.1.1.2") for x in ("p", "q")]
    assert [gw.ask(host=h, **from_address(a, **{"x-a": x})).status for a, x, h in asked + asked] == [200] * 8 + [429] * 8


def routes(serve, **more):
    u = serve()
    return {"upstreams": {"u": {"endpoints": [u.address]}}, "health": {"enabled": False}, "workers": 2,
            "routes": [{"path": "/a", "upstream": "u", "rates": ["shared", "2/hour"]},
                       {"path": "/b", "upstream": "u", "rates": "shared"},
                       {"path": "/c", "upstream": "u"}]} | more


def test_of_routes(gateway, serve):
    gw = gateway(routes(serve, rates={"shared": "4/hour"}))
    assert [gw.ask("/a/1").status, gw.ask("/a/2").status] == [200, 200]
    refused = gw.ask("/a")
    assert refused.status == 429 and refused.json()["limit"] == "routes[].rates"
    assert left(refused) == {"shared": 2, "route": 0}
    assert [gw.ask("/b").status for _ in range(3)] == [200, 200, 429]  # the one that /a refused did not count
    assert gw.ask("/c").header("ratelimit") is None and statuses(gw, 5, path="/c") == [200] * 5


def test_who_is_refused_moves_no_clock(gateway, serve):
    gw = limited(gateway, serve, ["10/hour", "1/second burst 2"])
    answers = [gw.ask() for _ in range(30)]
    passed = sum(a.status == 200 for a in answers)
    assert 2 <= passed < 10 and left(answers[-1])["all"] == 10 - passed


def test_bytes(gateway, serve):
    """They pass, and are paid for afterwards: who is in debt waits."""
    big = serve(lambda r, c: c.reply(200, [], b"x" * 300000))
    gw = gateway(merge(proxy_to(big), {"limits": {"rates": "down"},
                                       "rates": {"down": {"limit": "100k/s", "burst": "200k", "count": "response_bytes"}}}))
    assert gw.ask().status == 200
    wait_until(lambda: gw.ask(method="HEAD").status == 429, 1)
    refused = gw.ask()
    assert refused.status == 429 and refused.header("retry-after") in ("1", "2")
    assert refused.header("ratelimit-policy") == '"down";q=204800;qu="content-bytes";w=2'
    wait_until(lambda: gw.ask(method="HEAD").status == 200, 4)


def test_refusals_cost_no_bytes(gateway, serve):
    up = serve(lambda r, c: c.reply(200, [], b""))
    gw = gateway(merge(proxy_to(up), {"limits": {"rates": "r"}, "rates": {"r": {"limit": "4000/hour", "count": "bytes"}}}))
    assert gw.ask(headers={"X-A": "x" * 4500}).status == 200
    wait_until(lambda: gw.ask(method="HEAD").status == 429)
    answers = [gw.ask() for _ in range(20)]
    assert int(answers[-1].header("retry-after")) <= int(answers[0].header("retry-after")) < 3600


def test_shadow_counts_and_lets_pass(gateway, serve):
    gw = limited(gateway, serve, "r", rates={"r": {"limit": "2/hour", "shadow": True}})
    assert statuses(gw, 5) == [200] * 5 and gw.ask().header("ratelimit") is None
    wait_until(lambda: gw.metrics().get('yett_limited_shadow_total{limit="rates.r"}') == 4)


def test_headers_are_a_choice(gateway, serve):
    up = serve(lambda r, c: c.reply(200, [("RateLimit", "upstream"), ("X-RateLimit-Limit", "9"), ("Retry-After", "7")], b""))
    gw = gateway(merge(proxy_to(up), {"limits": {"rates": "2/hour", "headers": ["x-ratelimit"]}}))
    a = gw.ask()
    assert a.all("ratelimit") == ["upstream"] and a.all("x-ratelimit-limit") == ["2"] and a.header("retry-after") == "7"
    gw = gateway(merge(proxy_to(up), {"limits": {"rates": "1/hour", "headers_on": "refused"}}))
    a = gw.ask()
    assert a.all("ratelimit") == ["upstream"] and a.all("x-ratelimit-limit") == ["9"]
    assert gw.ask().header("x-ratelimit-limit") == "1"
    gw = gateway(merge(proxy_to(up), {"limits": {"rates": "r"}, "rates": {"r": {"limit": "1/hour", "silent": True}}}))
    assert gw.ask().all("ratelimit") == ["upstream"]
    refused = gw.ask()
    assert refused.header("ratelimit") is None and int(refused.header("retry-after")) > 3500


def test_a_page_may_read_that_it_was_refused(gateway, serve):
    gw = limited(gateway, serve, "1/hour", {"cors": {"origins": ["https://app.example"], "expose": ["Retry-After"]}})
    origin = {"Origin": "https://app.example"}
    preflight = {"Access-Control-Request-Method": "GET"} | origin
    assert [gw.ask(method="OPTIONS", headers=preflight).status for _ in range(3)] == [204] * 3  # they are not counted
    assert gw.ask(headers=origin).status == 200
    refused = gw.ask(headers=origin)
    assert refused.status == 429 and refused.header("access-control-allow-origin") == "https://app.example"


def test_answers_of_our_own_count_too(gateway):
    gw = gateway({"routes": [{"path": "/", "respond": {"status": 204}, "rates": "1/hour"}]})
    assert [gw.ask().status, gw.ask().status] == [204, 429]


def test_rules_of_redis(gateway, store):
    u = {"endpoints": ["127.0.0.1:1"]}
    def put(kind, name, value):
        store.db.set(f"yett:{kind}:{name}", json.dumps(value))
    put("upstream", "u", u)
    for name, rates in {"a": ["mine", "2/hour"], "b": ["no-such"], "c": ["2 per noon"]}.items():
        put("route", name, {"path": f"/{name}", "upstream": "u", "rates": rates})
    gw = gateway(from_redis(store) | {"rates": {"mine": "100/hour"}, "limits": {"rates": "3/hour"}})
    assert [gw.ask("/a").status for _ in range(3)] == [502, 502, 429]
    assert [gw.ask(p).header("x-yett-reason") for p in ("/b", "/c")] == ["rule_refused"] * 2
    # One more, as an overlay: what limits all routes does it as well, and has counted the others.
    put("route", "d", {"path": "/d", "upstream": "u", "rates": "1/second burst 9"})
    gw.rules_in_force(lambda _: gw.ask("/d").status != 404)
    assert set(left(gw.ask("/d"))) == {"all", "route"} and gw.ask("/d").status == 429


def test_explain_and_status_spend_nothing(gateway, serve):
    gw = limited(gateway, serve, ["2/hour", "r"], rates={"r": {"limit": "1/hour", "shadow": True}},
                 concurrency={"c": "3 per header:X-A"}, limits={"rates": ["2/hour", "r"], "concurrency": "c"})
    def explain():
        question = {"method": "GET", "url": "http://test/", "headers": [], "from": "127.0.0.1"}
        e = client.ask(gw.socket, "/explain", "POST", body=json.dumps(question).encode()).json()
        return e["outcome"], {l["name"]: l for l in e["limits"]}
    for _ in range(3):
        outcome, seen = explain()
    assert outcome == "forwarded" and seen["limits.rates[0]"] == {
        "name": "limits.rates[0]", "counts": "requests", "per": ["address"], "applies": True, "shadow": False, "refuses": False,
        "most": 2, "in_s": 3600, "remaining": 2, "reset_s": 0, "retry_s": 0}
    assert seen["concurrency.c"]["under_way"] == 0 and seen["concurrency.c"]["per"] == ["header:X-A"]
    assert statuses(gw, 3) == [200, 200, 429]
    outcome, seen = explain()
    assert outcome == "refused" and seen["limits.rates[0]"]["refuses"] and 1700 < seen["limits.rates[0]"]["retry_s"] <= 1800
    assert ": 0 of 2 left, refuses for 1" in gw.cli("explain", "GET", "http://test/", "--from", "127.0.0.1").stdout
    limits = gw.status()["limits"]
    assert {r["name"]: (r["refused"], r["shadowed"]) for r in limits["refusing"]} == {"limits.rates[0]": (1, 0), "rates.r": (0, 1)}
    assert limits["keys_used"] >= 2 and "limits.rates[0]  1 " in gw.cli("status").stdout


def test_as_renku_has_it(gateway, serve):
    gw = gateway(proxy_to(serve()) | {"compatibility": "renku", "server": {"rateLimits": {"enabled": True, "rate": 0.5, "burst": 2}}})
    assert statuses(gw, 2) == [200, 200]
    refused = gw.ask(headers={"Accept": "text/html"})
    assert refused.status == 429 and refused.json() == {"message": "rate limit exceeded"}
    assert refused.header("content-type") == "application/json; charset=UTF-8" and refused.header("retry-after") in ("1", "2")
    wait_until(lambda: gw.ask().status == 200, 3)


def test_one_name_of_two_issuers_and_of_a_key(gateway, serve):
    key = "a key that somebody has"
    gate = {"protect": ["/"], "sources": ["bearer", "api_key"], "claims": {"sub": "X-User"},
            "issuers": {n: {"issuer": n, "secret": n + SECRET} for n in ("one", "two")}}
    own = {"own": {"sha256": hashlib.sha256(key.encode()).hexdigest(), "claims": {"sub": "7"}}}
    gw = keyed(gateway, serve, ["identity"], gate=gate, api_keys=own)
    def ask(by):
        headers = {"X-API-Key": key} if by == "key" else bearer(token(by + SECRET, iss=by, sub="7"))
        return gw.ask(headers=headers).status
    assert [ask(by) for by in ("one", "two", "key", "one", "two", "key")] == [200] * 3 + [429] * 3
    gw = keyed(gateway, serve, ["api_key"], missing="skip", gate=gate, api_keys=own)
    assert [ask(by) for by in ("one", "one", "key", "key")] == [200, 200, 200, 429]


def test_full_memory_errs_towards_refusing(gateway):
    gw = gateway({"limits": {"rates": "1/hour per header:X-A", "rate_memory": "64k", "keepalive_requests": "off"}, "access_log": "off", "workers": 1,
                  "routes": [{"respond": {"status": 204}}]})
    with gw.connect() as c:
        answers = [c.ask(headers={"X-A": str(i)}).status for i in range(5000)]  # 256 sets of 14 rows, and a shared one
        again = [c.ask(headers={"X-A": str(i)}).status for i in range(2000)]
    assert 3000 < answers.count(204) < 256 * 15 and again == [429] * 2000
    wait_until(lambda: gw.metrics()["yett_rates_shared_total"] > 1000)
    assert "keys of limits.rate_memory are in use" in gw.cli("status").stdout


def test_bytes_of_requests_and_of_tunnels(gateway, serve):
    """What flows through an upgraded connection is charged while it flows."""
    def answer(r, c):
        if r.header("Upgrade"):
            c.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n" + b"x" * 150000)
            c.file.readline()
            c.close = True
        else:
            c.reply(200, [], b"")
    rates = {"up": {"limit": "50k/hour", "count": "request_bytes"}, "both": {"limit": "100k/hour", "count": "bytes", "per": ["header:X-A"]}}
    gw = gateway(merge(proxy_to(serve(answer)), {"limits": {"rates": ["up", "both"]}, "rates": rates}))
    assert left(gw.ask(method="POST", body=b"x" * 30000, headers={"X-A": "1"}))["up"] == 51200
    wait_until(lambda: left(gw.ask(headers={"X-A": "1"}))["up"] < 21200)
    tunnel = gw.connect()
    assert tunnel.ask("/chat", headers={"X-A": "2", "Connection": "Upgrade", "Upgrade": "chat"}).status == 101
    wait_until(lambda: gw.ask(headers={"X-A": "2"}).status == 429)
    assert gw.ask(headers={"X-A": "3"}).status == 200
    tunnel.close()


def test_each_route_has_its_own(gateway):
    """Also where some have limits that nobody else has, and some have other policies."""
    def route(path, **more):
        return {"path": path, "respond": {"status": 204}} | more
    gw = gateway({"routes": [route("/a", rates="1/hour"), route("/b", body_limit="1k"), route("/c", rates="2/hour"),
                             route("/d", body_limit="1k"), route("/e", body_limit="2k"), route("/f")]})
    assert [len([s for s in statuses(gw, 4, path=p) if s == 204]) for p in ("/a", "/b", "/c", "/d", "/e", "/f")] == [1, 4, 2, 4, 4, 4]
    assert [gw.ask(p, "POST", body=b"x" * 1500).status for p in ("/b", "/d", "/e", "/f")] == [413, 413, 204, 204]
