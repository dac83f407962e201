"""Routes that the gateway answers itself: redirects, which lead where the operator says and nowhere else, and answers."""

import pytest

from harness.client import exchange
from harness.gateway import BINARY
from harness.procs import run

ROUTES = [
    {"path": "/", "redirect": {"to": "https://$host$path$query", "status": 308}},
    {"path": "/old", "redirect": {"to": "/new$rest$query", "status": 301}},
    {"path": "/away", "redirect": {"to": "https://example.org:8443$rest", "status": 303}},
    {"path": "/price", "redirect": {"to": "$scheme://$host/$$5", "status": 307}},
    {"path": "/same", "redirect": {"to": "$path?x"}},
    {"path": "/gone", "respond": {"status": 410, "body": "Gone.\n", "type": "text/x-gone"},
     "response_headers": {"set": {"X-Asked": "$host $route"}}},
    {"path": "/robots.txt", "exact": True, "respond": {"status": 200, "body": "User-agent: *\nDisallow: /\n"}},
    {"path": "/empty", "respond": {"status": 204}},
    {"path": "/deny", "respond": {"status": 403}},
]


@pytest.fixture
def gw(gateway):
    return gateway({"routes": ROUTES})


LOCATIONS = [
    ("/a%20b/?q=1&r=/", 308, "https://test/a%20b/?q=1&r=/"),
    ("/old/x/y?z", 301, "/new/x/y?z"), ("/old", 301, "/new"), ("/older", 308, "https://test/older"),
    ("/away/a?b", 303, "https://example.org:8443/a"), ("/away", 303, "https://example.org:8443"),
    ("/price", 307, "http://test/$5"), ("/same/a", 302, "/same/a?x"),
    # Nothing that stands in the path leads away, or ends the line.
    ("//evil.org/", 308, "https://test/evil.org/"), ("/old//evil.org", 301, "/new/evil.org"),
    ("/old/..//evil.org/", 308, "https://test/evil.org/"), ("/same//evil.org", 302, "/same/evil.org?x"),
    ("/away/@evil.org", 303, "https://example.org:8443/@evil.org"), ("/away.evil.org", 308, "https://test/away.evil.org"),
    ("/x%0d%0aSet-Cookie:a", 308, "https://test/x%0d%0aSet-Cookie:a"),
]


def test_locations(gw):
    for asked, status, location in LOCATIONS:
        answer = gw.ask(asked, headers={"X-Forwarded-Proto": "https"})  # of nobody who is trusted
        assert (answer.status, answer.header("Location"), answer.body) == (status, location, b""), asked
        assert not answer.header("Set-Cookie") and answer.why is None


def test_backslash_is_refused(gw):
    assert gw.ask("/\\evil.org").why == gw.ask("/old/\\evil.org").why == "bad_path"


def test_no_host_to_lead_back_to(gw):
    assert exchange(gw.port, b"GET /x HTTP/1.0\r\n\r\n").why == "bad_host"
    assert exchange(gw.port, b"GET /old/x HTTP/1.0\r\n\r\n").header("Location") == "/new/x"


def test_scheme_of_a_trusted_proxy(gateway):
    gw = gateway({"trusted_proxies": ["127.0.0.1"], "routes": [{"redirect": {"to": "$scheme://$host/x"}}]})
    assert gw.ask(headers={"X-Forwarded-Proto": "https"}).header("Location") == "https://test/x"
    assert gw.ask(headers={"X-Forwarded-Proto": "javascript"}).header("Location") == "http://test/x"


def test_answers(gw):
    gone = gw.ask("/gone/x")
    assert (gone.status, gone.body, gone.header("Content-Type")) == (410, b"Gone.\n", "text/x-gone")
    assert gone.header("X-Asked") == "test file:/gone"
    assert gw.ask("/robots.txt").body == b"User-agent: *\nDisallow: /\n"
    assert gw.ask("/deny").status == 403
    with gw.connect() as c:  # one connection, on which a wrong length would show
        head = c.ask("/gone", "HEAD")
        assert (head.status, head.header("Content-Length")) == (410, "6")
        empty = c.ask("/empty")
        assert (empty.status, empty.header("Content-Length"), empty.body) == (204, None, b"")
        assert c.ask("/old", "POST", body=b"x").status == 301
        assert c.ask("/gone").status == 410


def test_log(gw):
    gw.ask("/deny/logged")
    assert gw.logged(path="/deny/logged")["route"] == "file:/deny"


@pytest.mark.parametrize("route, told", [
    ("redirect: {to: '//evil.org'}", 'routes[0].redirect.to: "//evil.org" could lead to another host'),
    ("redirect: {status: 301}", "to is missing"), ("respond: {body: x}", "status is missing"),
    ("redirect: {to: /x}, target: h", "the route has a target and a redirect"),
    ("respond: {status: 404}, redirect: {to: /x}", "remove one of the two"),
    ("respond: {status: 204, body: x}", "an answer with this status has none"),
])
def test_mistakes(tmp_path, route, told):
    file = tmp_path / "yett.yaml"
    file.write_text(f"routes: [{{{route}}}]\n")
    done = run([BINARY, "check", "-c", str(file)])
    assert done.returncode == 1 and told in done.stderr, done.stderr
