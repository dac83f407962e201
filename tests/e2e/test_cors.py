"""CORS of a route: preflights before the gate, one matching origin echoed, on the gateway's own answers too."""

import pytest

from harness.gateway import BINARY
from harness.procs import run
from harness.tokens import SECRET, bearer, token

APP = "https://app.example.org"
CORS = {"origins": [APP, "https://*.example.net:8443", "null"], "methods": ["GET", "PUT"],
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
    for origin in (APP, "https://a.example.net:8443", "https://a.b.example.net:8443", "null"):
        assert preflight(gw, "/api", origin).header("Access-Control-Allow-Origin") == origin
    for origin in ("https://evil.org", "https://app.example.org.evil.org", "https://evilapp.example.org", "http://app.example.org",
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
    ("origins: ['*'], credentials: true", "every page there is could act"), ("origins: ['https://A.org']", "is no origin"),
    ("origins: ['https://a.org/']", "without a path"), ("origins: ['https://a*.org']", "has a * in the middle"),
    ("methods: [GET]", "origins is missing")])
def test_mistakes(tmp_path, cors, told):
    file = tmp_path / "yett.yaml"
    file.write_text("routes: [{target: h, cors: {" + cors + "}}]\n")
    done = run([BINARY, "check", "-c", str(file)])
    assert done.returncode == 1 and "routes[0].cors" in done.stderr and told in done.stderr, done.stderr
