"""Where a token may stand beside Authorization and cookies, and what becomes of it; whose claims go on as which headers."""

import base64
import json

import pytest

from harness.gateway import merge, proxy_to
from harness.tokens import SECRET, bearer, token


def gated(gateway, up, **gate):
    return gateway(merge(proxy_to(up), {"gate": {"secret": SECRET, "protect": ["/api"], "claims": {"sub": "X-User"}} | gate}))


def test_in_the_query(gateway, serve):
    """No upstream gets it, whether it is needed or not, and no log has it."""
    up = serve()
    gw = gated(gateway, up, sources=["bearer", "query"])
    good = token(sub="7")
    for path, sent in ((f"/api/x?access_token={good}", "/api/x"), (f"/api?a=1&access_token={good}&b=%20", "/api?a=1&b=%20"),
                       (f"/api?a&acce%73s_token={good}", "/api?a"), (f"/open?a=1&access_token={good}", "/open?a=1"),
                       ("/open?a=1&access_token=", "/open?a=1"), ("/open?access_tokens=1", "/open?access_tokens=1")):
        assert gw.ask(path).status == 200 and up.requests[-1].target == sent, (path, up.requests[-1].target)
    assert gw.ask(f"/api?access_token={good}&access_token={good}").why == "token_repeated"
    assert gw.ask("/api?access_token=x").why == "token_malformed" and gw.ask("/api?x=y").why == "token_missing"
    assert gw.ask("/api?access_token=x", headers=bearer(good)).status == 200  # Authorization is first
    gw.logged(path="/api/x", user="7")
    assert good not in gw.log() and good not in open(gw.dir + "/access.log").read()
    gw.reload(merge(proxy_to(up), {"gate": {"secret": SECRET, "protect": ["/api"]}}))
    assert gw.ask(f"/api?access_token={good}").why == "token_missing"


def test_in_a_header(gateway, serve):
    gw = gated(gateway, serve(), sources=["cookie", "header"], token_header="X-Auth-Token")
    good, other = token(sub="7"), token(sub="8")
    for value in (good, "Bearer " + good, "bearer  " + good):
        assert gw.ask("/api", headers={"x-auth-token": value}).status == 200
    assert gw.ask("/api", headers=[("X-Auth-Token", good), ("X-Auth-Token", good)]).why == "token_repeated"
    assert gw.ask("/api", headers={"X-Auth_Token": good}).why == "token_missing"
    assert gw.ask("/api", headers=bearer(good)).why == "token_missing"
    r = gw.ask("/api", headers={"X-Auth-Token": good, "Cookie": "token=" + other})
    assert ["X-User", "8"] in r.json()["headers"]


def test_cookies_that_differ(gateway, serve):
    """A page of a sibling domain may have set one. The older gateway takes the first."""
    up = serve()
    mine, theirs = token(id="7"), token(id="8")
    both = [("Cookie", f"a=b; token={mine}"), ("Cookie", f"token={theirs}")]
    config = {"secret": SECRET, "protect": ["/api"]}
    gw = gateway(merge(proxy_to(up), {"gate": config | {"claims": {"id": "auth_id"}}}))
    assert gw.ask("/api", headers=both).why == "token_repeated"
    assert gw.ask("/api", headers=[("Cookie", f"token={mine}; token={mine}")]).status == 200
    assert gw.reload(merge(proxy_to(up), {"compatibility": "a-shine", "gate": config})).returncode == 0
    assert ["auth_id", "7"] in gw.ask("/api", headers=both).json()["headers"]


def test_claims_as_headers(gateway, serve):
    """By path; as text, JSON or base64; what is optional is left out, and the client's own never goes on in its place."""
    gw = gated(gateway, serve(), claims={
        "sub": "X-User", "realm_access.roles": {"header": "X-Roles", "optional": True},
        "address": {"header": "X-Address", "format": "json", "optional": True},
        "name": {"header": "X-Name", "format": "base64", "optional": True}})
    spoofed = {n: "evil" for n in ("X-User", "x_roles", "X.Address", "X-Name")}

    def seen(**claims):
        r = gw.ask("/api", headers=bearer(token(**claims)) | spoofed)
        return {n: v for n, v in r.json()["headers"] if n.lower().replace("_", "-") in
                ("x-user", "x-roles", "x-address", "x.address", "x-name")} if r.status == 200 else r.why
    assert seen(sub="7") == {"X-User": "7"}
    got = seen(sub="7", realm_access={"roles": ["a", "b"]}, address={"zip": [1, "ä"]}, name="Zoë")
    assert got["X-Roles"] == "a,b" and json.loads(got["X-Address"].encode("latin-1")) == {"zip": [1, "ä"]}
    assert json.loads(base64.b64decode(got["X-Name"])) == "Zoë" and got["X-User"] == "7"
    assert seen(sub="7", realm_access={"roles": ["a,admin"]}) == seen(id="7") == seen(sub=7) == "token_claim"


@pytest.mark.parametrize("where", ["file", "store"])
def test_optional(gateway, serve, store, where):
    """Who has no token, or a bad one, is nobody; unless the operator says that the bad one is refused."""
    up = serve()
    route = {"path": "/maybe", "auth": "optional"}
    config = {"gate": {"secret": SECRET, "protect": ["/api"], "claims": {"sub": "X-User"}}, "redis": {"address": store.address},
              "health": {"enabled": False}, "upstreams": {"u": {"endpoints": [up.address]}},
              "routes": [{"path": "/api", "upstream": "u"}] + ([route | {"upstream": "u"}] if where == "file" else [])}
    if where == "store":
        store.db.set("yett:route:maybe", json.dumps(route | {"target": up.address}))
        store.db.set("yett:route:floor", json.dumps({"path": "/api/x", "auth": "optional", "target": up.address}))
    gw = gateway(config)

    def user(headers=()):
        r = gw.ask("/maybe", headers=dict(headers) | {"X-User": "evil"})
        return dict(r.json()["headers"]).get("X-User") if r.status == 200 else r.why
    assert user() is None and user(bearer(token(sub="7"))) == "7" and user(bearer("x")) is None
    assert user(bearer(token(sub="7", exp=1))) is None
    assert gw.logged(ignored="token_expired")["status"] == 200
    assert sum(v for n, v in gw.metrics().items() if n.startswith("yett_tokens_ignored")) == 2
    told = gw.cli("explain", "GET", "http://x/maybe", "-H", "Authorization: Bearer x").stdout
    assert "who has a token is found out; token: token_malformed, which is as good as none" in told
    assert gw.ask("/api/x").why == "token_missing"  # the file is a floor
    config["gate"]["refuse_bad_optional"] = True
    assert gw.reload(config).returncode == 0
    assert user() is None and user(bearer(token(sub="7"))) == "7" and user(bearer("x")) == "token_malformed"
    if where == "file":
        config["routes"][1]["path"] = "/api/deep"
        done = gw.reload(config)
        assert done.returncode != 0 and "the gate protects /api" in done.stdout + done.stderr
