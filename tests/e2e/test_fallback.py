"""The fallback answers in the place of an upstream that cannot, and never does twice what may be done once."""

import json

from harness.gateway import from_redis, proxy_to
from harness.procs import free_port, wait_until


def config(*ups, fallback, route=None, **more):
    c = proxy_to(*ups, **(route or {})) | {"fallback": "spare", "all_down": "last"} | more
    c["upstreams"]["spare"] = {"endpoints": [fallback.address]}
    return c


def nobody():
    return f"127.0.0.1:{free_port()}"


def silent(r, c):
    c.read_body(r)
    c.stay()


def test_refused_connection(gateway, serve):
    spare = serve(name="spare")
    gw = gateway(config(nobody(), fallback=spare))
    for method in "GET", "POST":
        r = gw.ask("/a?b", method, body=b"once").json()
        assert (r["name"], r["target"], r["body"]) == ("spare", "/a?b", "once")
    assert len(spare.requests) == 2


def test_no_route(gateway, serve):
    gw = gateway(config(serve(), fallback=serve(name="spare"), route={"host": "known"}))
    assert gw.ask("/x", host="unknown").json()["name"] == "spare"
    assert gw.ask("/x", host="known").json()["name"] == "upstream"
    assert gw.metrics()["yett_fallbacks_total"] == 0  # a route of its own, not an upstream that failed


def test_the_gate_holds_for_it(gateway, serve):
    spare = serve(name="spare")
    gate = {"protect": ["/api"], "secret": "x" * 32}
    gw = gateway(config(serve(), fallback=spare, route={"host": "known"}, gate=gate))
    assert gw.ask("/api/x", host="unknown").status == 401 and not spare.requests


def test_first_byte_timeout(gateway, serve):
    spare, slow = serve(name="spare"), serve(silent)
    gw = gateway(config(slow, fallback=spare, timeouts={"first_byte": "200ms"}, limits={"retries": "off"}))
    assert gw.ask("/", "PUT", body=b"again").json()["body"] == "again"
    assert gw.ask("/", "POST", body=b"once").why == "upstream_first_byte_timeout"
    assert len(slow.requests) == 2 and len(spare.requests) == 1


def test_a_post_that_was_taken_is_not_sent_again(gateway, serve):
    def take(r, c):
        c.read_body(r)
        c.close = True
    spare, up = serve(name="spare"), serve(take)
    gw = gateway(config(up, fallback=spare, limits={"retries": "off"}))
    assert gw.ask("/", "POST", body=b"once").why == "upstream_closed"
    assert gw.ask("/", "GET").json()["name"] == "spare"
    assert len(up.requests) == 2 and len(spare.requests) == 1


def test_an_upstreams_own_status_passes(gateway, serve):
    def bad(r, c):
        c.reply(int(r.path[1:]), body=b"mine")
    spare = serve()
    gw = gateway(config(serve(bad), fallback=spare))
    for status in 502, 503, 504:
        r = gw.ask(f"/{status}")
        assert (r.status, r.body) == (status, b"mine") and not spare.requests


def test_dead_endpoints(gateway, serve):
    gw = gateway(config(nobody(), nobody(), fallback=serve(name="spare"), all_down="fail",
                        health={"enabled": True, "interval": "100ms", "fall": 1}))
    with gw.connect() as c:
        assert {c.ask().json()["name"] for _ in range(20)} == {"spare"}


def test_a_fallback_that_fails_is_the_end(gateway):
    c = proxy_to(nobody()) | {"fallback": "spare"}
    c["upstreams"]["spare"] = {"endpoints": [nobody()]}
    gw = gateway(c)
    assert gw.ask().why == "upstream_connect_refused"
    assert gw.metrics()["yett_fallbacks_total"] == 1


def test_the_nearest_says(gateway, serve):
    c = proxy_to(nobody()) | {"fallback": "one", "all_down": "last"}
    for name in "one", "two", "three":
        c["upstreams"][name] = {"endpoints": [serve(name=name).address]}
    c["upstreams"]["v"] = {"endpoints": [nobody()], "fallback": "two"}
    c["routes"] += [{"path": "/v", "upstream": "v"}, {"path": "/w", "upstream": "v", "fallback": "three"},
                    {"path": "/off", "upstream": "v", "fallback": "off"}]
    gw = gateway(c)
    assert [gw.ask(p).json()["name"] for p in ("/", "/v", "/w")] == ["one", "two", "three"]
    assert gw.ask("/off").why == "upstream_connect_refused"


def test_rules_have_fallbacks(gateway, store, serve):
    up, spare = serve(), serve(name="spare")
    rules = {"upstream:spare": {"endpoints": [spare.address]}, "route:r": {"path": "/r", "target": nobody(), "fallback": "spare"},
             "upstream:u": {"endpoints": [nobody()], "fallback": "file"}, "route:s": {"path": "/s", "upstream": "u"}}
    for key, value in rules.items():
        store.db.set("yett:" + key, json.dumps(value))
    gw = gateway(from_redis(store) | {"upstreams": {"file": {"endpoints": [up.address]}}, "routes": [{"upstream": "file"}]})
    wait_until(lambda: [gw.ask(p).json().get("name") for p in ("/r", "/s")] == ["spare", "upstream"], what="the rules")


def test_a_refused_rule_stays_closed(gateway, store, serve):
    spare = serve()
    store.db.hset("backend:b", "127.0.0.1:1", "no score")
    store.db.set("frontend:test/a/", "b")
    gw = gateway(from_redis(store) | {"upstreams": {"spare": {"endpoints": [spare.address]}}, "fallback": "spare"})
    gw.rules_in_force(lambda r: r["frontends"] == 1)
    assert gw.ask("/a/x").why == "rule_refused" and not spare.requests
    assert gw.ask("/b").status == 200


def test_redx_headers(gateway, store, serve):
    up, spare = serve(), serve(name="spare")
    store.rule("test/a/", up.address, "b")
    store.rule("test/gone/", nobody(), "dead")
    store.db.set("frontend:test/none/", "absent")
    gw = gateway(from_redis(store) | {"compatibility": "redx", "max_path_length": 3, "fallback": "spare", "workers": 1,
                                      "upstreams": {"spare": {"endpoints": [spare.address]}}})
    gw.rules_in_force(lambda r: r["frontends"] == 3)
    forged = {"X-Redx-Frontend-Name": "f", "x_redx_backend_name": "f", "X-Redx-Backend-Server": "f", "X-Redx-Other": "f"}

    def told(path):
        r = gw.ask(path, headers=forged).json()
        return r["name"], {n[7:]: v for n, v in r["headers"] if n.lower().replace("_", "-").startswith("x-redx-")}
    assert told("/a/x") == ("upstream", {
        "Frontend-Cache-Hit": "true", "Frontend-Name": "test/a/", "Backend-Cache-Hit": "true", "Backend-Name": "b",
        "Backend-Server": up.address})
    name, headers = told("/gone/x")
    assert name == "spare" and headers["Backend-Name"] == "dead" and headers["Backend-Server"].startswith("127.0.0.1:")
    assert told("/none/x") == ("spare", {"Frontend-Cache-Hit": "true", "Frontend-Name": "test/none/",
                                         "Backend-Cache-Hit": "false"})
    assert told("/x") == ("spare", {"Frontend-Cache-Hit": "false", "Backend-Cache-Hit": "false"})


def test_without_the_profile_nothing_is_told(gateway, serve):
    r = gateway(config(nobody(), fallback=serve())).ask(headers={"X-Redx-Backend-Name": "f"})
    assert not any("redx" in n.lower() for n, _ in r.json()["headers"])
