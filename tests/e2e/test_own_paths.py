"""Paths of the gateway's own: is my token good; what another proxy asks before it serves; what nobody may ask for."""

import pytest

from harness.gateway import BINARY, proxy_to
from harness.procs import run
from harness.tokens import SECRET, bearer, token

GATE = {"secret": SECRET, "protect": ["/api"], "claims": {"id": "auth_id"}}


@pytest.mark.parametrize("config", [{"gate": GATE | {"is_auth": "/isAuth"}}, {"compatibility": "a-shine", "gate": GATE}])
def test_is_auth(gateway, serve, config):
    """Before every route, on every host, by any method; off where nobody asked for it."""
    up = serve()
    routes = {"upstreams": {"u": {"endpoints": [up.address]}}, "health": {"enabled": False},
              "routes": [{"path": "/isAuth", "upstream": "u"}, {"host": "a.test", "path": "/", "upstream": "u", "auth": "none"}]}
    gw = gateway(routes | config)
    for method in ("GET", "POST", "DELETE", "OPTIONS", "HEAD"):
        for host in ("test", "a.test"):
            r = gw.ask("/isAuth", method, host, headers=bearer(token()))
            assert r.status == 200 and r.body == b"" and r.header("Content-Length") == "0", (method, r)
            assert gw.ask("/isAuth", method, host).status == 401
    for path in "/isAuth", "/is%41uth":
        assert gw.ask(path, "OPTIONS", headers={"Max-Forwards": "0"}).why == "token_missing"
    assert gw.ask("/is%41uth?x=1", headers={"Cookie": "token=" + token()}).status == 200
    expired = gw.ask("/isAuth", headers=bearer(token(exp=1)))
    assert expired.why == "token_expired" and expired.status == 401
    assert up.requests == []
    assert gw.ask("/isAuth/x").status == 200 and len(up.requests) == 1
    assert gw.logged(path="/isAuth", route="is_auth", user="42")["status"] == 200
    assert gw.reload(routes | {"gate": GATE}).returncode == 0
    assert gw.ask("/isAuth").status == 200 and len(up.requests) == 2


def test_is_auth_of_other_origins(gateway):
    """A page asks whether its user is known: with a preflight where it sends more than a cookie, and it may read the refusal."""
    site = "https://app.example.org"
    cors = {"origins": [site], "headers": ["Authorization"], "credentials": True}
    gw = gateway({"gate": GATE | {"is_auth": "/isAuth", "cors": cors}, "routes": [{"path": "/", "respond": {"status": 204}}]})
    ask = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    r = gw.ask("/isAuth", "OPTIONS", headers={"Origin": site} | ask)
    assert (r.status, r.header("Access-Control-Allow-Origin"), r.header("Access-Control-Allow-Headers")) == (204, site, "Authorization")
    for headers, status in (bearer(token()), 200), ({}, 401), (bearer(token(exp=1)), 401):
        for origin in site, "null", "https://evil.org", site + ".evil.org":
            r = gw.ask("/isAuth", headers=headers | {"Origin": origin})
            told = (r.header("Access-Control-Allow-Origin"), r.header("Access-Control-Allow-Credentials"))
            assert (r.status, told) == (status, (site, "true") if origin == site else (None, None)) and "Origin" in r.all("Vary")
    assert gw.ask("/isAuth", "OPTIONS", headers={"Origin": site}).status == 401
    assert gw.ask("/x", headers={"Origin": site}).header("Access-Control-Allow-Origin") is None


@pytest.mark.parametrize("gate, told", [
    ("is_auth: /isAuth, cors: {origins: ['*'], credentials: true}", "gate.cors.origins: every page there is"),
    ("is_auth: /isAuth, cors: {methods: [GET]}", "gate.cors.methods: origins is missing"),
    ("cors: {origins: ['https://a.org']}", "gate.cors: there is nothing that it is for")])
def test_mistakes(tmp_path, gate, told):
    file = tmp_path / "yett.yaml"
    file.write_text("gate: {secret: '" + SECRET + "', " + gate + "}\nroutes: [{target: h}]\n")
    done = run([BINARY, "check", "-c", str(file)])
    assert done.returncode == 1 and told in done.stderr, done.stderr


def test_reserved(gateway, serve):
    up = serve()
    gw = gateway(proxy_to(up) | {"gate": {"reserved": ["/user-delete", "/isAlive"]}})
    for path in ("/user-delete", "/svc/user-delete", "/svc/user-delete/", "/svc//user-delete//", "/svc/./user%2ddelete",
                 "/svc/USER-DELETE", "/svc/isAlive?x=1", "/svc/isalive", "/svc%2fuser-delete", "/svc/user-delete;x=1",
                 "/svc/user-delete/x/..", "/svc/user-delete%3fx", "/svc/user-delete%2f"):
        for method in ("GET", "DELETE"):
            r = gw.ask(path, method, headers={"id": "victim"})
            assert (r.status, r.why) in ((404, "reserved_path"), (400, "bad_path")), (path, r)
    assert up.requests == []
    for path in ("/user-deletes", "/svc/xuser-delete", "/user-delete/x", "/isAlive/x", "/x?y=/user-delete"):
        assert gw.ask(path).status == 200
    assert gw.reload(proxy_to(up) | {"compatibility": "a-shine", "gate": {"secret": SECRET}}).returncode == 0
    assert gw.ask("/svc/user-delete").why == "reserved_path"
    assert gw.reload(proxy_to(up)).returncode == 0
    assert gw.ask("/svc/user-delete").status == 200
