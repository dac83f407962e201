"""Paths of the gateway's own: is my token good; what another proxy asks before it serves; what nobody may ask for."""

import pytest

from harness.gateway import merge, proxy_to
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
    assert gw.ask("/is%41uth?x=1", headers={"Cookie": "token=" + token()}).status == 200
    expired = gw.ask("/isAuth", headers=bearer(token(exp=1)))
    assert expired.why == "token_expired" and expired.status == 401
    assert up.requests == []
    assert gw.ask("/isAuth/x").status == 200 and len(up.requests) == 1
    assert gw.logged(path="/isAuth", route="is_auth", user="42")["status"] == 200
    assert gw.reload(routes | {"gate": GATE}).returncode == 0
    assert gw.ask("/isAuth").status == 200 and len(up.requests) == 2


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
