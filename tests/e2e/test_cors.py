"""CORS of a route: preflights before the gate, one matching origin echoed, on the gateway's own answers too."""

import time

import pytest

from harness.gateway import BINARY, proxy_to
from harness.procs import run, wait_until
from harness.tokens import SECRET, bearer, token

APP = "https://app.example.org"
CORS = {"origins": [APP, "https://*.example.net:8443"], "methods": ["GET", "PUT"],
        "headers": ["Authorization", "X-A"], "expose": ["ETag"], "credentials": True, "max_age": "1h"}
THEIRS = [("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Credentials", "false"), ("access-control-expose-headers", "X"),
          ("Vary", "Accept")]


@pytest.fixture
def gw(gateway, serve):
    up = serve(lambda r, c: c.reply(200, THEIRS, b"x"))
    return gateway({"gate": {"protect": ["/api"], "secret": SECRET}, "upstreams": {"u": {"endpoints": [up.address]}},
                    "health": {"enabled": False}, "limits": {"body": "10"},
                    "routes": [{"path": "/api", "upstream": "u", "cors": CORS}, {"path": "/open", "upstream": "u"},
                               {"path": "/all", "upstream": "u", "cors": {"origins": ["*"], "headers": ["*"]}},
                               {"path": "/dead", "target": "127.0.0.1:1", "cors": CORS}]})


def preflight(gw, path, origin, method="PUT", **more):
    return gw.ask(path, "OPTIONS", headers={"Origin": origin, "Access-Control-Request-Method": method} | more)


def test_preflight(gw):
    answer = preflight(gw, "/api/x", APP)
    assert (answer.status, answer.body, answer.header("Content-Length")) == (204, b"", None)
    assert answer.header("Access-Control-Allow-Origin") == APP
    assert answer.header("Access-Control-Allow-Methods") == "GET, PUT"
    assert answer.header("Access-Control-Allow-Headers") == "Authorization, X-A"
    assert answer.header("Access-Control-Allow-Credentials") == "true"
    assert answer.header("Access-Control-Max-Age") == "3600"
    assert "Origin" in answer.all("Vary")


def test_origins(gw):
    """Which ones may; the others hear nothing of CORS."""
    for origin in (APP, "https://a.example.net:8443", "https://a.b.example.net:8443"):
        assert preflight(gw, "/api", origin).header("Access-Control-Allow-Origin") == origin
    for origin in ("https://evil.org", "null", "https://app.example.org.evil.org", "https://evilapp.example.org", "http://app.example.org",
                   APP + ":8443", APP + "/", "https://example.net:8443", "https://evilexample.net:8443", "https://a.example.net",
                   "https://a.example.net:8443.evil.org", "https://evil.org/.example.net:8443", "https://u@.example.net:8443"):
        answer = preflight(gw, "/api", origin)
        assert answer.status == 204 and "Origin" in answer.all("Vary")
        assert not [n for n, _ in answer.headers if n.lower().startswith("access-control")], origin


def test_two_origins_are_none(gw):
    answer = gw.ask("/api", headers=[("Origin", APP), ("Origin", APP)] + list(bearer(token()).items()))
    assert answer.status == 200 and answer.header("Access-Control-Allow-Origin") is None


def test_answers_of_the_upstream(gw):
    answer = gw.ask("/api", headers={"Origin": APP} | bearer(token()))
    assert answer.header("Access-Control-Allow-Origin") == APP and answer.header("Access-Control-Allow-Credentials") == "true"
    assert answer.header("Access-Control-Expose-Headers") == "ETag" and answer.all("Vary") == ["Accept", "Origin"]
    for headers in ({}, {"Origin": "https://evil.org"}):
        answer = gw.ask("/api", headers=headers | bearer(token()))
        assert answer.status == 200 and answer.header("Access-Control-Allow-Origin") is None
        assert answer.header("Access-Control-Allow-Credentials") is None and "Origin" in answer.all("Vary")


def test_the_gateways_own_answers(gw):
    for answer, status in ((gw.ask("/api", headers={"Origin": APP}), 401),
                           (gw.ask("/api", "POST", headers={"Origin": APP} | bearer(token()), body=b"x" * 11), 413),
                           (gw.ask("/dead", headers={"Origin": APP}), 502)):
        assert answer.status == status and answer.why
        assert answer.header("Access-Control-Allow-Origin") == APP and answer.header("Vary") == "Origin"
    assert gw.ask("/api", headers={"Origin": "https://evil.org"}).header("Access-Control-Allow-Origin") is None


def test_whatever_the_gateway_says(gateway, serve):
    """A browser shows no status to the page that lacks these fields, and a cache must not give one origin's answer to another."""
    def odd(r, c):
        if r.path == "/slow/x":
            time.sleep(0.3)
        else:
            c.send(b"nonsense\r\n\r\n")
    up = serve(odd)
    down = {"endpoints": ["127.0.0.1:1"], "all_down": "fail", "health": {"enabled": True, "interval": "100ms", "fall": 1, "timeout": "100ms"}}
    ways = {"token": {"auth": "required", "upstream": "u"}, "scope": {"authorize": {"scopes": "s"}, "upstream": "u"}, "size": {"upstream": "u"},
            "address": {"authorize": {"addresses": "10.0.0.0/8"}, "upstream": "u"}, "dead": {"target": "127.0.0.1:1"}, "none": {"upstream": "down"},
            "odd": {"upstream": "u"}, "slow": {"upstream": "u", "timeouts": {"first_byte": "100ms"}}, "body": {"target": serve().address}, "gone": {"respond": {"status": 404}}, "moved": {"redirect": {"to": "/x"}}}
    gw = gateway({"gate": {"secret": SECRET}, "upstreams": {"u": {"endpoints": [up.address]}, "down": down}, "limits": {"body": "10"},
                  "health": {"enabled": False}, "timeouts": {"client_body": "100ms"},
                  "routes": [{"path": "/" + name, "cors": CORS} | way for name, way in ways.items()]})
    wait_until(lambda: gw.ask("/none").why == "no_endpoint", 5)
    token_, big = bearer(token()), {"body": b"x" * 11}
    for path, why, how in (("token", "token_missing", {}), ("token", "token_malformed", {"headers": bearer("x.y.z")}), ("size", "body_too_large", big),
                           ("scope", "scope_insufficient", {"headers": token_}), ("address", "address_refused", {}), ("gone", "", {}),
                           ("dead", "upstream_connect_refused", {}), ("none", "no_endpoint", {}), ("odd", "upstream_malformed", {}),
                           ("moved", "", {}), ("slow/x", "upstream_first_byte_timeout", {})):
        for origin in (APP, "null", "https://evil.org", APP + ".evil.org", None):
            headers = how.get("headers", {}) | ({"Origin": origin} if origin else {})
            r = gw.ask("/" + path, "POST", **how | {"headers": headers})
            assert (r.why or "") == why, (path, r)
            assert "Origin" in r.all("Vary"), (path, origin)
            told = [v for n, v in r.headers if n.lower().startswith("access-control")]
            assert told == ([APP, "true", "ETag"] if origin == APP else []), (path, origin, told)
    c = gw.connect()
    c.send(f"POST /body HTTP/1.1\r\nHost: x\r\nOrigin: {APP}\r\nContent-Length: 5\r\n\r\nx".encode())
    r = c.read()
    assert r.why == "client_body_timeout" and r.header("Access-Control-Allow-Origin") == APP


def test_what_no_route_may_serve(gateway, serve):
    """The route that the path leads to says who may read that it is refused; where none does, nobody may."""
    gw = gateway(proxy_to(serve(), path="/x", cors=CORS) | {"gate": {"reserved": ["/user-delete"]}})
    for path, why in (("/x/user-delete", "reserved_path"), ("/x%2f..%2fy", "bad_path"), ("/user-delete", "reserved_path"), ("/y", "no_route")):
        for origin in APP, "https://evil.org":
            r = gw.ask(path, "DELETE", headers={"Origin": origin})
            assert r.why == why, path
            assert r.header("Access-Control-Allow-Origin") == (APP if origin == APP and path.startswith("/x/") else None), path
    assert preflight(gw, "/x/user-delete", APP).why == "reserved_path"


def test_limits_are_exposed(gateway, serve):
    """A page reads what an answer says of limits, that of the refusal too."""
    gw = gateway({"routes": [{"path": "/", "target": serve().address, "cors": CORS}], "limits": {"rates": ["1/hour"]}})
    first, second = (gw.ask("/", headers={"Origin": APP}) for _ in range(2))
    fields = ["RateLimit", "RateLimit-Policy", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"]
    assert first.header("Access-Control-Expose-Headers").split(", ") == ["ETag", *fields]
    assert second.why == "rate_limited" and second.header("Access-Control-Expose-Headers").split(", ") == ["ETag", *fields, "Retry-After"]
    assert all(second.header(name) for name in [*fields, "Retry-After"]) and second.header("Access-Control-Allow-Origin") == APP
    assert preflight(gw, "/", APP).status == 204  # it costs nothing


def test_all_origins(gw):
    answer = gw.ask("/all", headers={"Origin": "https://any.org"})
    assert answer.header("Access-Control-Allow-Origin") == "*" and answer.header("Access-Control-Allow-Credentials") is None
    answer = preflight(gw, "/all", "https://any.org", **{"Access-Control-Request-Headers": "x-a, x-b"})
    assert answer.header("Access-Control-Allow-Origin") == "*" and answer.header("Access-Control-Allow-Headers") == "x-a, x-b"
    answer = preflight(gw, "/all", "https://any.org", **{"Access-Control-Request-Headers": "x-a;<b>"})
    assert answer.header("Access-Control-Allow-Headers") is None


def test_without_cors_it_is_the_upstreams(gw):
    assert preflight(gw, "/open", APP).header("Access-Control-Allow-Origin") == "*"


def test_what_is_no_preflight_meets_the_gate(gw):
    assert gw.ask("/api", "OPTIONS", headers={"Origin": APP}).why == "token_missing"
    assert gw.ask("/api", "OPTIONS", headers={"Access-Control-Request-Method": "PUT"}).why == "token_missing"
    assert gw.ask("/api", headers={"Origin": APP, "Access-Control-Request-Method": "PUT"}).why == "token_missing"


def test_preflight_goes_the_way_of_its_request(gateway, serve):
    """Before a 405, and where routes differ by the method alone; also on a path that could be read in two ways."""
    routes = [{"path": "/x", "methods": ["PUT"], "target": serve().address, "cors": {"origins": [APP], "methods": ["PUT"]}},
              {"path": "/x", "methods": ["GET"], "target": serve().address, "cors": {"origins": ["null"]}}]
    gw = gateway({"routes": routes, "health": {"enabled": False}})
    for path in ("/x", "/x/a%2Fb"):
        assert preflight(gw, path, APP).header("Access-Control-Allow-Methods") == "PUT"
        assert preflight(gw, path, "null", "GET").header("Access-Control-Allow-Origin") == "null"
        assert preflight(gw, path, APP, "GET").header("Access-Control-Allow-Origin") is None
        assert preflight(gw, path, APP, "DELETE").why == gw.ask(path, "OPTIONS").why == "method_not_allowed"


@pytest.mark.parametrize("cors, told", [
    ("origins: ['*'], credentials: true", "every page there is could act"), ("origins: ['null'], credentials: true", "in a sandbox"), ("origins: ['https://A.org']", "is no origin"),
    ("origins: ['https://a.org/']", "without a path"), ("origins: ['https://a*.org']", "has a * in the middle"),
    ("methods: [GET]", "origins is missing")])
def test_mistakes(tmp_path, cors, told):
    file = tmp_path / "yett.yaml"
    file.write_text("routes: [{target: h, cors: {" + cors + "}}]\n")
    done = run([BINARY, "check", "-c", str(file)])
    assert done.returncode == 1 and "routes[0].cors" in done.stderr and told in done.stderr, done.stderr
