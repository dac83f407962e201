"""Who may, route by route: conditions over the token, the method, the address; what is not known passes nowhere."""

import hashlib
import json

import pytest
from harness.api import Api
from harness.gateway import BINARY, from_redis, merge, proxy_to
from harness.procs import run, wait_until
from harness.tokens import SECRET, bearer, token
from test_explain import explain

GATE = {"secret": SECRET, "claims": {"id": "auth_id"}}


def one(gateway, serve, authorize, **route):
    gw = gateway({"upstreams": {"u": {"endpoints": [serve().address]}}, "gate": GATE, "trusted_proxies": ["127.0.0.1"],
                  "routes": [{"path": "/", "upstream": "u", "authorize": authorize} | route]})

    def ask(path="/", method="GET", ip="192.0.2.1", **claims):
        who = bearer(token(**claims)) if claims else {}
        return gw.ask(path, method, headers={"X-Forwarded-For": ip} | who)
    return gw, ask


def test_scopes(gateway, serve):
    gw, ask = one(gateway, serve, {"scopes": ["orders:write", "orders:admin"]})
    for claims in ({"scope": "a orders:write b"}, {"scp": ["orders:admin"]}, {"scope": ["x", "orders:write"]}, {"scp": "x orders:admin"}):
        assert ask(**claims).status == 200, claims
    for claims in ({"scope": "orders:writes"}, {"scope": "Orders:write"}, {"scp": []}, {"scope": {"orders:write": True}}, {"id": "orders:write"}):
        r = ask(**claims)
        assert (r.status, r.why) == (403, "scope_insufficient"), claims
        assert r.header("WWW-Authenticate") == ('Bearer realm="yett", error="insufficient_scope", error_description="The token lacks a scope '
                                                'that this needs.", scope="orders:write orders:admin"')
    nobody = ask()
    assert (nobody.status, nobody.why, nobody.header("WWW-Authenticate")) == (401, "token_missing", 'Bearer realm="yett"')
    assert gw.ask("/", headers=bearer("x.y.z")).why == "token_malformed"


CASES = [
    # authorize, what passes, what does not
    ({"roles": ["admin"]}, [{"roles": ["admin"]}, {"realm_access": {"roles": ["x", "admin"]}}, {"roles": "admin"}],
     [{"roles": ["Admin"]}, {"realm_access": ["admin"]}, {"realm_access": {"roles": {"admin": 1}}}, {"roles": "admin x"}]),
    ({"groups": ["staff"]}, [{"groups": ["staff"]}, {"userGroup": "staff"}], [{"group": "staff"}, {"groups": []}]),
    ({"groups": []}, [{"id": "1"}], []),
    ({"claims": {"tenant": ["a", "b"], "level": 3}}, [{"tenant": "a", "level": 3}, {"tenant": ["z", "b"], "level": "3"}],
     [{"tenant": "a"}, {"tenant": "c", "level": 3}, {"tenant": None, "level": 3}]),
    ({"claims": {"a.b": {"present": True}}}, [{"a": {"b": ""}}, {"a.b": 0}, {"a": {"b": {}}}], [{"a": {}}, {"a": {"b": None}}, {"b": 1}]),
    ({"claims": {"verified": True}}, [{"verified": True}, {"verified": "true"}], [{"verified": False}, {"verified": 1}]),
    ({"any": [{"scopes": "x"}, {"all": [{"roles": "r"}, {"groups": "g"}]}]}, [{"scope": "x"}, {"roles": "r", "groups": "g"}],
     [{"roles": "r"}, {"groups": "g"}]),
    # What cannot be read is no reason to let somebody in.
    ({"not": {"groups": ["banned"]}}, [{"id": "1"}, {"groups": ["x"]}],
     [{"groups": ["x", "banned"]}, {"groups": {"banned": 1}}, {"groups": ["x", ["banned"]]}]),
    ({"not": {"claims": {"banned": {"present": True}}}}, [{"id": "1"}, {"banned": None}, {"banned": []}], [{"banned": False}, {"banned": {}}, {"banned": ""}]),
    ({"claims": {"banned": {"present": False}}}, [{"id": "1"}], [{"banned": 0}, {"banned": {"until": 3}}]),
    ({"not": {"not": {"scopes": ["s"]}}}, [{"scope": "s"}], [{"scope": "t"}]),
    ({"not": {"any": [{"groups": "a"}, {"roles": "b"}]}}, [{"groups": "b", "roles": "a"}], [{"groups": "a"}, {"roles": "b"}]),
    ({"kinds": ["token"]}, [{"id": "1"}], []),
    ({"kinds": ["api_key"]}, [], [{"id": "1"}]),
]


def test_identities(gateway, serve):
    gw = gateway({"upstreams": {"u": {"endpoints": [serve().address]}}, "gate": GATE,
                  "routes": [{"path": f"/{n}", "upstream": "u", "authorize": a} for n, (a, _, _) in enumerate(CASES)]})
    for n, (authorize, good, bad) in enumerate(CASES):
        for claims, want in [(c, 200) for c in good] + [(c, 403) for c in bad]:
            assert gw.ask(f"/{n}", headers=bearer(token(**claims))).status == want, (authorize, claims)
        assert gw.ask(f"/{n}").why == "token_missing", authorize


def test_api_keys(gateway, serve):
    """Their claims are as good as those of a token, and a route can ask for one kind."""
    key = "k" * 40
    gw = gateway(proxy_to(serve(), authorize={"any": [{"kinds": "api_key", "scopes": "s"}, {"kinds": "token", "groups": "g"}]}) | {
        "gate": {"secret": SECRET, "sources": ["bearer", "api_key"]},
        "api_keys": {"k": {"sha256": hashlib.sha256(key.encode()).hexdigest(), "claims": {"scope": "s", "groups": ["x"]}}}})
    assert gw.ask("/", headers={"X-API-Key": key}).status == gw.ask("/", headers=bearer(token(groups="g"))).status == 200
    assert gw.ask("/", headers=bearer(token(scope="s"))).why == "not_authorised"


def test_issuers(gateway, serve):
    """By their names in the file, whatever a token says of itself."""
    key, other = "k" * 40, "another secret of more than thirty-two bytes"
    routes = {"default": ["default"], "corp": ["corp"], "keys": ["api_keys"], "both": ["corp", "api_keys"]}
    gw = gateway({"upstreams": {"u": {"endpoints": [serve().address]}}, "gate": {"secret": SECRET, "sources": ["bearer", "api_key"], "issuers": {
        "corp": {"issuer": "default", "secret": other}}}, "api_keys": {"k": {"sha256": hashlib.sha256(key.encode()).hexdigest()}},
        "routes": [{"path": "/" + n, "upstream": "u", "authorize": {"issuers": v}} for n, v in routes.items()] + [
            {"path": "/not", "upstream": "u", "authorize": {"not": {"issuers": "corp"}}}]})
    who = {"default": bearer(token()), "corp": bearer(token(other, iss="default")), "keys": {"X-API-Key": key}}
    for name, headers in who.items():
        passes = {n for n in [*routes, "not"] if gw.ask("/" + n, headers=headers).status == 200}
        assert passes == {"default": {"default", "not"}, "corp": {"corp", "both"}, "keys": {"keys", "both", "not"}}[name], name
    Api(gw.socket).ask("PUT", "rules", "route", "r", body={"path": "/r", "upstream": "u", "authorize": {"not": {"issuers": ["crop"]}}})
    assert gw.ask("/r", headers=who["corp"]).status in (404, 503)


def test_without_a_token(gateway, serve):
    """Addresses and methods need nobody to say who he is."""
    gw, ask = one(gateway, serve, {"any": [{"addresses": ["192.0.2.0/25", "2001:db8::/32"]}, {"methods": ["GET"], "addresses": "10.0.0.1"}]})
    for ip, method, want in (("192.0.2.127", "PUT", 200), ("2001:db8::9", "PUT", 200), ("192.0.2.128", "GET", 403), ("10.0.0.1", "GET", 200),
                             ("10.0.0.1", "HEAD", 200), ("10.0.0.1", "POST", 403), ("10.0.0.2", "GET", 403)):
        assert ask(method=method, ip=ip).status == want, (ip, method)
    assert ask(ip="10.0.0.2").why == "address_refused" and ask(method="POST", ip="10.0.0.1").why == "not_authorised"
    assert ask(ip="10.0.0.2").header("WWW-Authenticate") is None
    assert gw.ask("/", "PUT", headers={"X-Forwarded-For": "192.0.2.1, 9.9.9.9"}).why == "not_authorised"  # only the nearest counts


def test_shadow(gateway, serve):
    """It counts what it would refuse, and lets all pass that `auth` lets."""
    gw, ask = one(gateway, serve, {"scopes": ["s"], "shadow": True}, auth="required", name="r")
    assert ask(id="1", scope="s").status == 200 and ask(id="2").status == 200 and ask().why == "token_missing"
    assert gw.logged(user="2")["shadow"] == "scope_insufficient" and "shadow" not in gw.logged(user="1")
    wait_until(lambda: gw.metrics()['yett_shadow_refusals_total{route="file:r"}'] == 1, 5)
    e = explain(gw, "http://test/", headers=bearer(token()))
    assert e["outcome"] == "forwarded" and (e["authorisation"][0]["shadow"], e["authorisation"][0]["passes"]) == (True, False)
    assert gw.metrics()['yett_shadow_refusals_total{route="file:r"}'] == 1


def test_shadow_where_nothing_else_asks_for_a_token(gateway, serve):
    """A token is looked at for the count alone: it refuses nobody, makes nobody known, and is not suspended."""
    gw, ask = one(gateway, serve, {"scopes": ["s"], "shadow": True}, name="r")
    wants = {"good": None, "other": "scope_insufficient", "old": "token_expired", "": "token_missing"}
    for who, want in wants.items():
        headers = {"X-Forwarded-For": "192.0.2.1", "X-Request-Id": "of-" + who, "auth_id": "evil"}
        headers |= bearer(token(id=who, scope="t" if who == "other" else "s", **{"exp": 1} if who == "old" else {})) if who else {}
        r = gw.ask("/", headers=headers)
        assert r.status == 200 and not [v for n, v in r.json()["headers"] if n.lower() == "auth_id"]
        line = gw.logged(id="of-" + who)
        assert line.get("shadow") == want and "user" not in line, line
    wait_until(lambda: gw.metrics()['yett_shadow_refusals_total{route="file:r"}'] == 3, 5)
    e = explain(gw, "http://test/", headers=bearer(token(scope="s")))
    assert e["outcome"] == "forwarded" and e["authorisation"][0]["passes"] is True


def test_explained(gateway, serve):
    gw, _ = one(gateway, serve, {"scopes": ["a", "b"], "not": {"groups": "g"}}, name="r")
    e = explain(gw, "http://test/", headers=bearer(token(scope="b", groups="g")))
    assert (e["outcome"], e["status"], e["reason"]) == ("refused", 403, "not_authorised")
    assert e["authorisation"] == [{"by": "route", "path": "", "shadow": False, "passes": False, "clauses": [
        {"clause": "scopes: a, b", "holds": "yes"}, {"clause": "not groups: g", "holds": "no"}]}]
    shown = gw.cli("explain", "GET", "http://test/").stdout
    assert "authorize refuses, by route" in shown and "unknown scopes: a, b" in shown


def test_optional(gateway, serve):
    """Nobody is nobody: what asks who it is fails, and what does not may hold."""
    gw, ask = one(gateway, serve, {"any": [{"addresses": "10.0.0.0/8"}, {"scopes": "s"}]}, auth="optional")
    assert ask(ip="10.0.0.1").status == ask(scope="s").status == ask(ip="10.0.0.1", scope="t").status == 200
    assert ask().why == "token_missing" and ask(scope="t").why == "scope_insufficient"
    bad = gw.ask("/", headers=bearer("x.y.z"))
    assert bad.status == 401 and bad.why == "token_malformed" and 'error="invalid_token"' in bad.header("WWW-Authenticate")
    assert gw.ask("/", headers=bearer("x.y.z") | {"X-Forwarded-For": "10.0.0.1"}).status == 200
    gw, ask = one(gateway, serve, {"not": {"groups": "banned"}}, auth="optional")
    assert ask().why == "token_missing" and ask(groups="x").status == 200 and ask(groups="banned").why == "not_authorised"


def test_profile(gateway, serve):
    gw = gateway({"compatibility": "a-shine", "upstreams": {"u": {"endpoints": [serve().address]}}, "gate": {"secret": SECRET},
                  "routes": [{"path": "/", "upstream": "u", "authorize": {"groups": ["g"]}}]})
    r = gw.ask("/", headers={"Cookie": "token=" + token(id="7", userGroup="h")})
    assert r.status == 403 and r.json()["message"] == "User is not authorised to access this resource"
    assert gw.ask("/", headers={"Cookie": "token=" + token(id="7", userGroup="g")}).status == 200


def test_the_gate_asks_too(gateway, serve):
    """What its entries on the way ask adds up, whatever the route asks."""
    gw = gateway({"upstreams": {"u": {"endpoints": [serve().address]}}, "routes": [{"path": "/", "upstream": "u"}], "gate": GATE | {
        "protect": [{"path": "/api", "authorize": {"groups": "a"}}, "/api", {"path": "/api/admin", "authorize": {"scopes": "s"}},
                    {"path": "/put", "methods": ["PUT"], "authorize": {"groups": "a"}}], "except": ["/api/open"]},
        "policies": {"p": {"protect": [{"path": "/api/admin", "authorize": {"roles": "r"}}]}}})

    def ask(path, method="GET", **claims):
        return gw.ask(path, method, headers=bearer(token(**claims)))
    assert ask("/api/x").why == "not_authorised" and ask("/api/x", groups="a").status == 200
    assert ask("/api/admin", groups="a").why == "scope_insufficient" and ask("/api/admin/x", groups="a", scope="s").why == "not_authorised"
    assert ask("/api/admin", groups="a", scope="s", roles="r").status == 200 and gw.ask("/api/open").status == 200
    assert ask("/put").status == 200 and ask("/put", "PUT").why == "not_authorised"
    assert ask("/api/x%2f..%2fadmin", groups="a").why == ask("/api/admin%2fx", groups="a").why == "bad_path"


FLOOR = [{"path": "/orders", "authorize": {"scopes": "o"}, "upstream": "u"}, {"path": "/inside", "authorize": {"addresses": "10.0.0.0/8"},
         "upstream": "u"}, {"path": "/left", "authorize": {"scopes": "o"}, "upstream": "u"}, {"upstream": "u"}]


def test_rules_tighten(gateway, serve, store):
    """A rule asks what it will for its own route, and what a route of the file asks stays, but where the file delegates."""
    store.db.set("yett:route:r", json.dumps({"path": "/orders/x", "upstream": "u", "authorize": {"groups": ["g"]}}))
    for path in "/inside/x", "/left/x":
        store.db.set("yett:route:" + path[1:].replace("/", "-"), json.dumps({"path": path, "upstream": "u"}))
    gw = gateway(merge(from_redis(store), {"upstreams": {"u": {"endpoints": [serve().address]}}, "routes": FLOOR,
                                           "gate": {"secret": SECRET, "delegate": ["/left"]}}))

    def ask(path, **claims):
        return gw.ask(path, headers=bearer(token(**claims)) if claims else {})
    wait_until(lambda: ask("/left/x").status == 200, 5)
    assert ask("/orders/x").why == "token_missing" and ask("/orders/x", groups="g").why == "scope_insufficient"
    assert ask("/orders/x", scope="o").why == "not_authorised" and ask("/orders/x", scope="o", groups="g").status == 200
    assert ask("/orders/y", scope="o").status == 200 and ask("/inside/x").why == "address_refused" and ask("/open").status == 200
    e = explain(gw, "http://test/orders/x", headers=bearer(token(groups="g")))
    assert [(a["by"], a["path"], a["passes"]) for a in e["authorisation"]] == [("route", "", True), ("floor", "/orders", False)]


def test_shadow_of_the_file_over_rules(gateway, serve, store):
    """Judged by the token as well, and of rules elsewhere nothing is counted."""
    gw = gateway(merge(from_redis(store), {"upstreams": {"u": {"endpoints": [serve().address]}}, "gate": {"secret": SECRET}, "routes": [
        {"path": "/f", "upstream": "u", "authorize": {"scopes": ["s"], "shadow": True}}]}))
    for path in "/f/x", "/other":
        Api(gw.socket).done("PUT", "rules", "route", path[1:].replace("/", "-"), body={"path": path, "upstream": "u"})
        for i, who in enumerate((bearer(token(scope="s")), bearer(token()), {}, bearer("x"))):
            assert gw.ask(path, headers={"X-Request-Id": f"{path}{i}"} | who).status == 200
        told = [gw.logged(id=f"{path}{i}").get("shadow") for i in range(4)]
        assert told == ([None, "scope_insufficient", "token_missing", "token_missing"] if path == "/f/x" else [None] * 4)


def test_a_new_claim_in_a_rule(gateway, serve, store):
    """One that the table has not asked about before: all is compiled anew, and known tokens are read again."""
    gw = gateway(merge(from_redis(store), {"upstreams": {"u": {"endpoints": [serve().address]}}, "gate": {"secret": SECRET}, "routes": [
        {"path": "/", "upstream": "u"}]}))
    good, bad = bearer(token(tenant="a")), bearer(token(tenant="b"))
    Api(gw.socket).done("PUT", "rules", "route", "q", body={"path": "/q", "upstream": "u", "auth": "required"})
    assert gw.ask("/q", headers=good).status == gw.ask("/q", headers=bad).status == 200
    Api(gw.socket).done("PUT", "rules", "route", "q", body={"path": "/q", "upstream": "u", "authorize": {"claims": {"tenant": "a"}}})
    assert gw.ask("/q", headers=good).status == 200 and gw.ask("/q", headers=bad).status == 403


def test_a_policy_of_the_store(gateway, serve, store):
    """What it closes it closes for all where it cannot be read who may."""
    gw = gateway(merge(from_redis(store), proxy_to(serve()) | {"gate": {"secret": SECRET}}))
    store.db.set("yett:policy:p", json.dumps({"protect": [{"path": "/p", "authorize": {"groups": "g"}}]}))
    wait_until(lambda: gw.ask("/p").why == "token_missing" and len(set(gw.status()["table"]["acknowledged"])) == 1, 5)
    assert gw.ask("/p", headers=bearer(token(groups="g"))).status == 200 and gw.ask("/p", headers=bearer(token())).why == "not_authorised"
    store.db.set("yett:policy:q", json.dumps({"protect": [{"path": "/q", "authorize": {"gruops": "g"}}]}))
    wait_until(lambda: gw.ask("/q").why == "token_missing", 5)
    assert gw.ask("/q", headers=bearer(token(groups="g"))).why == "not_authorised"


@pytest.mark.parametrize("authorize, told", [
    ("{scope: [a]}", 'did you mean "scopes"?'), ("[a]", "a mapping belongs here"), ("{}", "nothing is asked"), ("{scopes: []}", "the list is empty"),
    ("{scopes: ['a b']}", "this is no scope"), ("{scopes: 'a\"'}", "this is no scope"), ("{any: []}", "has 1 to 64 elements"),
    ("{any: {scopes: a}}", "a list of mappings"), ("{not: [{scopes: a}]}", "a mapping belongs here"), ("{addresses: [10.0.0.0/33]}", "no network"),
    ("{methods: [get]}", 'did you mean "GET"?'), ("{kinds: [key]}", "here; there are token and api_key"), ("{claims: [a]}", "a mapping by name"),
    ("{claims: {a: {is: b}}}", "{present: true} belongs here"), ("{certificate: {cm: x}}", 'did you mean "cn"?'),
    ("{scopes: a, shadow: 2}", "true or false"), ("{any: [{scopes: a, shadow: true}]}", "not known here"), ("{scopes: a, scopes: b}", "twice"),
    ("{claims: {a: ''}}", "1 to 256 bytes"), ("{not: " * 8 + "{scopes: a}" + "}" * 8, "nested too deep"), ("", "the value is missing"),
    ("{any: [" + ", ".join("{scopes: a, groups: b}" for _ in range(33)) + "]}", "64 conditions are the most"),
    ("{scopes: [" + ", ".join("a" for _ in range(65)) + "]}", "up to 64 values"),
    ("{issuers: crop}", "there is no issuer crop"), ("{scopes: a}, auth: none", "auth: none lets nobody say so")])
def test_mistakes(tmp_path, authorize, told):
    file = tmp_path / "yett.yaml"
    file.write_text("gate: {secret: '" + SECRET + "'}\nroutes: [{target: h, authorize: " + authorize + "}]\n")
    done = run([BINARY, "check", "-c", str(file)])
    assert done.returncode == 1 and "routes[0].authorize" in done.stderr and told in done.stderr, done.stderr


def test_what_is_in_force(tmp_path):
    file = tmp_path / "yett.yaml"
    file.write_text("gate: {secret: '" + SECRET + "'}\nroutes: [{target: h, authorize: {scopes: a, not: {any: [{methods: [PUT]}, {claims: {x: 1, "
                    "y: {present: true}}}]}, shadow: true}}]\n")
    shown = run([BINARY, "check", "--effective", "-c", str(file)]).stdout
    line = next(text for text in shown.splitlines() if text.startswith("routes[0].authorize"))
    value = line.split(": ", 1)[1].split("  #")[0]
    assert value == ('{all: [{scopes: ["a"]}, {not: {any: [{methods: ["PUT"]}, {all: [{claims: {"x": ["1"]}}, {claims: {"y": {present: true}}}]}'
                     ']}}], shadow: true}')
    file.write_text("gate: {secret: '" + SECRET + "'}\nroutes: [{target: h, authorize: " + value + "}]\n")
    again = run([BINARY, "check", "--effective", "-c", str(file)])
    assert line in again.stdout and "nothing in this file is protected" not in again.stderr
