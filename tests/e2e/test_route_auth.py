"""A route that needs a token whatever the gate says; and one that says it needs none, which the gate must allow."""

import json

import pytest
from harness.api import Api
from harness.gateway import BINARY, from_redis, merge
from harness.procs import run, wait_until
from harness.tokens import SECRET, bearer, token


def test_required(gateway, serve):
    up = serve()
    gw = gateway({"upstreams": {"u": {"endpoints": [up.address]}}, "health": {"enabled": False},
                  "gate": {"secret": SECRET, "claims": {"id": "X-User"}, "protect": ["/api"]},
                  "routes": [{"path": "/", "upstream": "u", "auth": "none"}, {"path": "/api", "upstream": "u"},
                             {"path": "/files", "upstream": "u", "auth": "required"},
                             {"path": "/moved", "redirect": {"to": "/files"}, "auth": "required"}]})
    assert gw.ask("/").status == 200
    assert gw.ask("/api").why == gw.ask("/files/x").why == gw.ask("/moved").why == "token_missing"
    assert gw.ask("/files", headers=bearer("x.y.z")).why == "token_malformed"
    good = gw.ask("/files/x", headers=bearer(token(id="7")))
    assert good.status == 200 and ["X-User", "7"] in good.json()["headers"]
    assert gw.ask("/moved", headers=bearer(token())).status == 302
    assert len(up.requests) == 2


FLOOR = [{"path": "/secret", "auth": "required", "upstream": "u"}, {"path": "/left", "auth": "required", "upstream": "u"},
         {"host": "*.in.test", "path": "/", "auth": "required", "upstream": "u"},
         {"path": "/write", "methods": ["POST"], "auth": "required", "upstream": "u"}, {"upstream": "u"}]


@pytest.mark.parametrize("rule", [{"path": "/secret", "priority": 9}, {"path": "/secret/x"}, {"path": "/", "host": "test"},
                                  {"path": "/secret/x", "auth": "none"}, {"path": "/secret", "headers": [{"name": "Host", "present": True}]}])
def test_no_rule_opens_what_a_route_of_the_file_closes(gateway, serve, rule):
    gw = gateway({"upstreams": {"u": {"endpoints": [serve().address]}}, "gate": {"secret": SECRET}, "routes": FLOOR})
    assert gw.ask("/secret/x").why == "token_missing"
    Api(gw.socket).done("PUT", "rules", "route", "r", body=rule | {"upstream": "u"})
    for path in "/secret/x", "/secret/x/y", "/./secret//x", "/s%65cret/x":
        assert gw.ask(path).why == "token_missing", path
    assert gw.ask("/secret/x", headers=bearer(token(id="7"))).headers and gw.ask("/open").status == 200
    assert gw.ask("/x%2f..%2fsecret/x").why == "bad_path"


def test_what_has_no_effect_is_told(gateway, serve, tmp_path):
    gw = gateway({"upstreams": {"u": {"endpoints": [serve().address]}}, "gate": {
        "secret": SECRET, "protect": ["/api", "/left/in"], "delegate": ["/left"]}, "routes": FLOOR})
    api = Api(gw.socket)

    def put(kind, name, body):
        return [w.split(";")[0] for w in api.done("PUT", "rules", kind, name, body=body).get("warnings", [])]
    for n, (host, path, by) in enumerate((("", "/secret/x", "/secret"), ("", "/api/x", "/api"), ("a.in.test", "/x", "/"),
                                          ("", "/left/x", None), ("", "/left/in/x", None), ("", "/open", None), ("in.test", "/x", None))):
        told = put("route", f"r{n}", {"host": host, "path": path, "auth": "none", "upstream": "u"})
        assert told == ([f"yett:route:r{n}: auth: none has no effect where the file protects {by}"] if by else []), path
        reason = next(r for r in gw.admin("/routes").json()["routes"] if r["id"] == f"rule:r{n}")["reason"]
        assert reason == (f"auth: none has no effect where the file protects {by}" if by else ""), path
    assert "the route's auth has no effect" in gw.cli("explain", "GET", "http://x/secret/x").stdout
    assert "no effect" not in gw.cli("explain", "GET", "http://x/open").stdout
    assert put("policy", "p", {"except": ["/open", "/left/in"]}) == []
    assert put("policy", "p", {"except": ["/open", "/api/y"]}) == [
        "yett:policy:p: an exception has no effect where the file protects /api"]
    file = tmp_path / "rules.yaml"
    file.write_text("routes: {r: {path: /secret/y, auth: none, upstream: u}}\n")
    r = gw.cli("apply", str(file), "--force")
    assert r.returncode == 0 and "yett apply: warning: yett:route:r: auth: none has no effect" in r.stderr


def test_no_frontend_opens_what_a_route_of_the_file_closes(gateway, serve, store):
    up = serve()
    gw = gateway(merge(from_redis(store), {"upstreams": {"u": {"endpoints": [up.address]}}, "routes": FLOOR,
                                           "gate": {"secret": SECRET, "delegate": ["/left"]}}))
    for url in "test/secret/", "test", "a.in.test", "test/left/", "test/write/":
        store.db.set("frontend:" + url, "b")
    store.db.set("yett:route:r", json.dumps({"host": "b.in.test", "path": "/", "upstream": "u"}))
    store.db.hset("backend:b", up.address, 0)
    wait_until(lambda: gw.ask("/left/x").status == 200, 5)
    for host, path in ("test", "/secret/x"), ("a.in.test", "/"), ("b.in.test", "/x"):
        assert gw.ask(path, host=host).why == "token_missing", (host, path)
        assert gw.ask(path, host=host, headers=bearer(token(id="7"))).status == 200
    assert gw.ask("/write", "POST").why == "token_missing" and gw.ask("/write").status == gw.ask("/").status == 200


def check(tmp_path, gate, route):
    file = tmp_path / "yett.yaml"
    file.write_text("gate: {secret: '" + SECRET + "', " + gate + "}\nroutes: [{target: h, " + route + "}]\n" if gate is not None
                    else "routes: [{target: h, " + route + "}]\n")
    return run([BINARY, "check", "-c", str(file)])


def test_what_the_gate_protects_a_route_cannot_open(tmp_path):
    for gate, path in (("protect: [/api]", "/api"), ("protect: [/api]", "/api/x"), ("protect: [/]", "/api"),
                       ("protect: [{path: /api, methods: [PUT]}]", "/api/x"),
                       ("protect: [/api], except: [{path: /api/x, methods: [GET]}]", "/api/x"),
                       ("protect: [/api], except: [/api/x]", "/api/x")):
        done = check(tmp_path, gate, f"path: {path}, auth: none")
        assert done.returncode == 1 and "routes[0].auth: the gate protects /" in done.stderr, (gate, path, done.stderr)
    for gate, path in (("protect: [/api]", "/"), ("protect: [/api]", "/apix"), ("protect: [{path: /api, exact: true}]", "/api/x"),
                       ("protect: [/api], except: [{path: /api/x, prefix: true}]", "/api/x"),
                       ("protect: [/api], except: [/api/x]", "/api/x, exact: true")):
        assert check(tmp_path, gate, f"path: {path}, auth: none").returncode == 0, (gate, path)


def test_a_token_that_nothing_verifies(tmp_path):
    done = check(tmp_path, None, "auth: required")
    assert done.returncode == 1 and "there is nothing to verify it with" in done.stderr
