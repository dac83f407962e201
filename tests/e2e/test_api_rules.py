"""Our own rules over the management API, one by one."""

from harness.api import Api


def test_rules_one_by_one(gateway, serve, kept):
    up = serve()
    gw = gateway(kept)
    api = Api(gw.socket)
    upstream, route = {"endpoints": [up.address]}, {"host": "a.test", "path": "/x", "upstream": "u"}
    api.done("PUT", "rules", "upstream", "u", body=upstream)
    api.done("PUT", "rules", "route", "r", body=route)
    assert gw.ask("/x/y", host="a.test").status == 200
    assert api.data("rules", "route", "r") == route
    assert api.data("rules") == {"routes": {"r": route}, "upstreams": {"u": upstream}, "policies": {}, "api_keys": {},
                                 "refused": []}
    gw.stop()
    gw.start()
    assert api.data("rules", "route", "r") == route and gw.ask("/x/y", host="a.test").status == 200
    api.done("DELETE", "flush")  # of redx's rules
    assert api.data("rules", "upstream", "u") == upstream
    api.done("DELETE", "rules", "route", "r")
    assert gw.ask("/x/y", host="a.test").why == "no_route"
    assert api.ask("GET", "rules", "route", "r").status == 404
    api.done("DELETE", "rules", "route", "r")


def test_what_is_refused_is_not_stored(gateway, kept):
    api = Api(gateway(kept).socket)
    for name, body, told in (("r", {"path": "x", "target": "h"}, "path"), ("r", {"nonsense": 1, "target": "h"}, "nonsense"),
                             ("r", b"{", ""), ("r", b"[]", ""), ("a b", {"target": "h"}, "name")):
        r = api.ask("PUT", "rules", "route", name, body=body)
        assert r.status == 400 and told in r.json()["message"] and "yett:route:" in r.json()["message"], r
    assert api.ask("GET", "rules", "thing", "x").status == 404
    assert api.data("rules")["routes"] == {}


def test_backends_that_rules_lead_to_are_no_orphans(gateway, serve, kept):
    up = serve()
    api = Api(gateway(kept).socket)
    for name in "lead", "arm", "mirror", "lonely":
        api.done("PUT", "backends", name, up.address)
    api.done("PUT", "rules", "route", "r", body={"path": "/r", "upstream": "backend:lead",
                                                 "mirror": {"upstream": "backend:mirror"}})
    api.done("PUT", "rules", "route", "s", body={"path": "/s", "split": [{"upstream": "backend:arm", "weight": 1}]})
    assert api.data("orphans")["backends"] == [{"name": "lonely"}]
    api.done("DELETE", "orphans")
    assert {b["name"] for b in api.data("backends")} == {"lead", "arm", "mirror"}
