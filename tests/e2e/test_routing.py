"""Which route answers: host, then longest path on segment boundaries, then priority."""

import pytest

ROUTES = [
    {"upstream": "any", "path": "/any"},
    {"upstream": "root", "host": "a.test"},
    {"upstream": "users", "host": "a.test", "path": "/users"},
    {"upstream": "exact", "host": "a.test", "path": "/users/me", "exact": True},
    {"upstream": "deep", "host": "a.test", "path": "/users/x/y"},
    {"upstream": "port", "host": "a.test:81", "path": "/users"},
    {"upstream": "wild", "host": "*.wild.test"},
    {"upstream": "named", "host": "b.wild.test"},
    {"upstream": "six", "host": "[::1]"},
]

CASES = [
    ("a.test", "/", "root"), ("A.TEST", "/", "root"), ("a.test:8080", "/", "root"), ("a.test.", "/", "root"),
    ("a.test", "/users", "users"), ("a.test", "/users/", "users"), ("a.test", "/users/1", "users"),
    ("a.test", "/users?x=/", "users"),
    ("a.test", "/usersX", "root"), ("a.test", "/Users", "root"), ("a.test", "/user", "root"),
    ("a.test", "/users/me", "exact"), ("a.test", "/users/me/", "users"), ("a.test", "/users/me/x", "users"),
    ("a.test", "/users/x", "users"), ("a.test", "/users/x/y", "deep"), ("a.test", "/users/x/yz", "users"),
    ("a.test", "/users/x/y/z", "deep"), ("a.test", "//users", "users"), ("a.test", "/%75sers", "users"),
    ("a.test", "/x/../users/x/./y", "deep"), ("a.test", "/users/..", "root"), ("a.test", "/../users", "users"),
    ("a.test:81", "/users", "port"), ("a.test:81", "/other", "root"),
    ("c.wild.test", "/", "wild"), ("d.c.wild.test", "/", "wild"), ("b.wild.test", "/", "named"),
    ("B.Wild.Test:1", "/", "named"),
    ("wild.test", "/", None), ("xwild.test", "/", None),
    ("[::1]:80", "/", "six"),
    ("other.test", "/any/x", "any"), ("other.test", "/", None), ("a.test", "/any", "root"),
]


def test_matching(gateway, serve):
    names = sorted({r["upstream"] for r in ROUTES})
    ups = {n: serve(name=n) for n in names}
    gw = gateway({"upstreams": {n: {"endpoints": [u.address]} for n, u in ups.items()}, "routes": ROUTES})
    wrong = []
    with gw.connect() as c:
        for host, path, expected in CASES:
            r = c.ask(path, host=host)
            got = r.json()["name"] if r.status == 200 else r.why
            if got != (expected or "no_route"):
                wrong.append((host, path, expected, got))
    assert not wrong


@pytest.mark.parametrize("status", [404, 502, 503])
def test_unknown(gateway, status):
    r = gateway({"no_route": status}).ask("/x")
    assert (r.status, r.why) == (status, "no_route")


def test_routes_are_listed(gateway, serve):
    up = {"endpoints": [serve().address]}
    gw = gateway({"upstreams": {"u": up}, "routes": [
        {"name": "first", "upstream": "u", "path": "/a"}, {"upstream": "u", "path": "/b", "host": "b.test", "exact": True}]})
    routes = {r["id"]: r for r in gw.admin("/routes").json()["routes"]}
    assert routes["file:first"]["state"] == "active" and routes["file:first"]["path"] == "/a" and len(routes) == 2
    assert "file:first" in gw.cli("routes").stdout


@pytest.mark.parametrize("path", ["/a%00b", "/a\\b", "/a%", "/a%zz", "/%c0%af", "/a b", "/\xe9", "/a%c1%9cb"])
def test_paths_that_no_reader_should_see(gateway_to_echo, path):
    r = gateway_to_echo.ask(path)
    assert r.status == 400 and r.why in ("bad_path", "bad_request")


@pytest.mark.parametrize("path, seen", [("//a//b/", "/a/b/"), ("/a/./b", "/a/b"), ("/a/../b?x", "/b?x"), ("/%7Ea", "/~a"),
                                        ("/%2e%2e/a", "/a"), ("/a%2fb", "/a%2fb"), ("/a;x=1", "/a;x=1")])
def test_upstream_sees_the_path_that_was_matched(gateway_to_echo, path, seen):
    assert gateway_to_echo.ask(path).json()["target"] == seen
