"""A route that needs a token whatever the gate says; and one that says it needs none, which the gate must allow."""

from harness.gateway import BINARY
from harness.procs import run
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
