"""Routes ask for methods, header fields, parameters of the query and patterns of the path; where these do not hold the next
one in the order has its turn."""

import json

import pytest
from harness import gateway as g
from harness.procs import run, wait_until

ROUTES = [
    {"name": "any", "path": "/"},
    {"name": "read", "path": "/api", "methods": ["GET"]},
    {"name": "write", "path": "/api", "methods": ["POST", "PUT"]},
    {"name": "tenant", "path": "/api", "headers": [{"name": "X-Tenant", "value": "acme"}]},
    {"name": "both", "path": "/api", "methods": ["GET"], "headers": [{"name": "X-Tenant", "value": "acme"}]},
    {"name": "beta", "path": "/h", "headers": ["X-Beta"]},
    {"name": "plain", "path": "/h", "headers": [{"name": "X-Beta", "present": False}, {"name": "X-Old", "not": True}]},
    {"name": "prefixed", "path": "/h", "priority": 1, "headers": [{"name": "X-Beta", "prefix": "v1-"}]},
    {"name": "number", "path": "/h", "priority": 2, "headers": [{"name": "X-Beta", "regex": "[0-9]+"}]},
    {"name": "v2", "path": "/q", "query": [{"name": "v", "value": "2"}]},
    {"name": "v3", "path": "/q", "query": [{"name": "v", "regex": "[3-9]|two words"}]},
    {"name": "debug", "path": "/q", "query": ["debug"]},
    {"name": "odd", "path": "/q", "query": [{"name": "a b&", "value": "c=d"}]},
    {"name": "photo", "path": "/users", "path_regex": "/users/[0-9]+/photo"},
    {"name": "strict", "host": "h.test", "methods": ["GET"]},
    {"name": "only", "host": "*.only.test", "path": "/x", "methods": ["DELETE"]},
    {"name": "only2", "host": "*.only.test", "path": "/x/y", "methods": ["PATCH", "GET"], "headers": ["X-Go"]},
]

CASES = [  # method, host, target, fields, route
    ("GET", "a", "/api", {}, "read"), ("HEAD", "a", "/api", {}, "read"), ("POST", "a", "/api/1", {}, "write"),
    ("DELETE", "a", "/api", {}, "any"), ("GET", "a", "/api", {"X-Tenant": "acme"}, "both"),
    ("DELETE", "a", "/api", {"x-tenant": "acme"}, "tenant"), ("DELETE", "a", "/api", {"X-Tenant": "Acme"}, "any"),
    ("GET", "a", "/h", {"X-Beta": "x"}, "beta"), ("GET", "a", "/h", {"X-Beta": ""}, "beta"), ("GET", "a", "/h", {}, "plain"),
    ("GET", "a", "/h", {"X-Old": "1"}, "any"), ("GET", "a", "/h", {"X-Beta": "v1-2"}, "prefixed"),
    ("GET", "a", "/h", {"X-Beta": "12"}, "number"), ("GET", "a", "/h", {"X-Beta": "12a"}, "beta"),
    ("GET", "a", "/q?v=2", {}, "v2"), ("GET", "a", "/q?v=%32", {}, "v2"), ("GET", "a", "/q?x&v=1&v=2", {}, "v2"),
    ("GET", "a", "/q?v=7", {}, "v3"), ("GET", "a", "/q?v=two+words", {}, "v3"), ("GET", "a", "/q?v=33", {}, "any"),
    ("GET", "a", "/q?debug", {}, "debug"), ("GET", "a", "/q?debug=", {}, "debug"), ("GET", "a", "/q?debugs=1", {}, "any"),
    ("GET", "a", "/q?a%20b%26=c%3dd", {}, "odd"), ("GET", "a", "/q?%zz&&=&debug", {}, "debug"), ("GET", "a", "/q", {}, "any"),
    ("GET", "a", "/users/12/photo", {}, "photo"), ("GET", "a", "/users//12/./photo", {}, "photo"),
    ("GET", "a", "/users/12/photo/x", {}, "any"), ("GET", "a", "/users/x/photo", {}, "any"),
    ("GET", "h.test", "/z", {}, "strict"), ("POST", "h.test", "/z", {}, "any"), ("GET", "h.test", "/api", {}, "strict"),
]


def routed(up, names=None):
    return {"upstreams": {"u": {"endpoints": [up.address]}},
            "routes": [dict(r, upstream="u") for r in ROUTES if not names or r["name"] in names]}


def test_matching(gateway, serve):
    gw = gateway(routed(serve()))
    with gw.connect() as c:
        for method, host, target, fields, _ in CASES:
            c.ask(target, method=method, host=host, headers=list(fields.items()))
    wait_until(lambda: len(gw.access_log()) == len(CASES), 5)
    got = [line["route"] for line in gw.access_log()]
    assert [(case, route) for case, route in zip(CASES, got) if route != "file:" + case[4]] == []


def test_method_not_allowed(gateway, serve):
    gw = gateway(routed(serve(), ["only", "only2"]))

    def allow(method, path, **fields):
        r = gw.ask(path, method=method, host="a.only.test", headers=list(fields.items()))
        return r.status, r.why if r.status != 200 else "", r.header("allow")

    assert allow("GET", "/x") == (405, "method_not_allowed", "DELETE")
    assert allow("POST", "/x/y") == (405, "method_not_allowed", "DELETE")  # the other one lacks its field, too
    assert allow("POST", "/x/y", **{"X-Go": "1"}) == (405, "method_not_allowed", "GET, HEAD, DELETE, PATCH")
    assert allow("DELETE", "/x/y", **{"X-Go": "1"})[0] == 200
    assert allow("GET", "/z") == (404, "no_route", None)


def test_mistakes_are_told(tmp_path):
    file = tmp_path / "yett.yaml"
    file.write_text(json.dumps({"routes": [
        {"target": "h", "headers": [{"name": "A", "value": "x", "regex": "y"}]},
        {"target": "h", "path": "/b", "query": [{"name": "a", "regex": "(a)\\1"}]},
        {"target": "h", "path": "/c", "headers": [{"name": "A", "value": "x", "present": False}]},
        {"target": "h", "path": "/d", "methods": ["GET"]}, {"target": "h", "path": "/d", "methods": ["HEAD", "GET"]},
        {"target": "h", "path": "/e", "headers": ["a b"]}]}))
    done = run([g.BINARY, "check", "-c", str(file)])
    assert done.returncode == 1
    report = done.stdout + done.stderr
    for part in ("routes[0].headers[0]: value, prefix and regex do not go together",
                 "routes[1].query[0].regex: ", "at character 4: a reference back is not regular",
                 "routes[2].headers[0]: what is not there has no value",
                 "routes[4]: the route in line", "the same host and path and conditions",
                 "routes[5].headers[0].name: "):
        assert part in report, report


def test_routes_are_numbered(gateway, serve):
    gw = gateway(routed(serve()))
    routes = {r["id"]: r for r in gw.admin("/routes").json()["routes"]}
    row = sorted((r["order"], r["id"]) for r in routes.values() if r["path"] == "/api")
    assert row == [(1, "file:both"), (2, "file:read"), (3, "file:write"), (4, "file:tenant")]
    assert routes["file:number"]["order"] == 1 and routes["file:number"]["priority"] == 2
    assert routes["file:both"]["conditions"] == "GET; X-Tenant = acme"
    assert "GET; X-Tenant = acme" in gw.cli("routes").stdout


@pytest.mark.parametrize("negated", [False, True])
def test_a_pattern_that_takes_long_refuses_the_request(gateway, serve, negated):
    """Else a rule that denies could be evaded."""
    u = {"endpoints": [serve().address]}
    hard = "(" + "|".join(["a"] * 48) + ")*b"
    gw = gateway({"workers": 1, "upstreams": {"u": u}, "limits": {"head": "64k"}, "routes": [
        {"name": "deny", "respond": {"status": 403}, "headers": [{"name": "X", "regex": hard, "not": negated}]},
        {"name": "rest", "upstream": "u"}, {"name": "plain", "path": "/plain", "upstream": "u"}]})
    assert gw.ask("/", headers=[("X", "b")]).status == (200 if negated else 403)
    assert gw.ask("/", headers=[("X", "c")]).status == (403 if negated else 200)
    for _ in range(3):
        for value in "a" * 100 + "b", "a" * 9000:
            r = gw.ask("/", headers=[("X", value)])
            assert (r.status, r.why) == (400, "condition_limit") and gw.ask("/plain", headers=[("X", value)]).status == 200
    assert sum(v for k, v in gw.metrics().items() if k.startswith("yett_pattern_limits_total")) == 6
    assert gw.log().count("pattern limit=met") == 1


def test_patterns_of_many_rules_are_bounded_together(gateway, serve):
    u = {"endpoints": [serve().address]}
    gw = gateway({"workers": 1, "upstreams": {"u": u}, "routes": [{"upstream": "u"}] + [
        {"path": "/x", "priority": i, "respond": {"status": 403}, "headers": [{"name": "X", "regex": f"(a|a|a|{i})*b"}]}
        for i in range(200)]})
    assert gw.ask("/x", headers=[("X", "a" * 1000)]).status == 200
    assert gw.ask("/x", headers=[("X", "a" * 3000)]).why == "condition_limit"
    assert gw.ask("/x", headers=[("X", "a")] * 60).why == "condition_limit"
    assert gw.ask("/x", headers=[("X", "a" * 1000 + "b")]).status == 403
