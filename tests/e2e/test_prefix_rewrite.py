"""replace_prefix, as Renku's gateway rewrites; what the upstream says of its paths is changed back, as nginx does."""

from harness.gateway import proxy_to

# Renku's own cases (its gateway 0.24 and 1.5): the route, what is asked, what its service sees (or the status).
RENKU = [
    ({"path": "/api/notebooks", "replace_prefix": "/api/data/notebooks"}, "/api/notebooks/x", "/api/data/notebooks/x"),
    ({"path": "/api/data/user/secret_key", "respond": {"status": 404}}, "/api/data/user/secret_key", 404),
    ({"path": "/api/datasets", "replace_prefix": "/knowledge-graph/datasets"}, "/api/datasets/test", "/knowledge-graph/datasets/test"),
    ({"path": "/api/kg", "replace_prefix": "/knowledge-graph"}, "/api/kg/test", "/knowledge-graph/test"),
    ({"path": "/api/kg/webhooks", "strip_prefix": True}, "/api/kg/webhooks/projects/123456/events/status",
     "/projects/123456/events/status"),
    ({"path": "/api/renku", "replace_prefix": "/renku"}, "/api/renku/test", "/renku/test"),
    ({"path": "/api/renku/10", "replace_prefix": "/renku"}, "/api/renku/10", "/renku"),
    ({"path": "/api/renku/10", "replace_prefix": "/renku"}, "/api/renku/10/1.1/test", "/renku/1.1/test"),
    ({"path": "/api/renku", "replace_prefix": "/renku"}, "/api/renku/1.1/test", "/renku/1.1/test"),
    ({"path": "/api/renku/8", "respond": {"status": 404}}, "/api/renku/8", 404),
    ({"path": "/api/renku/7", "respond": {"status": 404}}, "/api/renku/7/10/something/else", 404),
    ({"path": "/api/renku/9", "replace_prefix": "/renku"}, "/api/renku/9/endpoint.action", "/renku/endpoint.action"),
    ({"path": "/api/user", "replace_prefix": "/api/v4/user"}, "/api/user/x", "/api/v4/user/x"),
    ({"path": "/api", "replace_prefix": "/api/v4"}, "/api", "/api/v4"),
    ({"path": "/api/direct", "strip_prefix": True}, "/api/direct/test", "/test"),
    ({"path": "/api/direct", "replace_prefix": "/gitlab"}, "/api/direct/test", "/gitlab/test"),
    ({"path": "/api/direct", "strip_prefix": True}, "/api/direct", "/"),
    ({"path": "/api/graphql"}, "/api/graphql", "/api/graphql"),
    ({"path": "/api/graphql", "add_prefix": "/gitlab"}, "/api/graphql", "/gitlab/api/graphql"),
    ({"path": "/repos", "replace_prefix": "/"}, "/repos/test", "/test"),
    ({"path": "/api/projects", "replace_prefix": "/api/v4/projects"}, "/api/projects/some.username%2Ftest-project",
     "/api/v4/projects/some.username%2Ftest-project"),
    ({"path": "/api/kc", "strip_prefix": True}, "/api/kc/auth/realms/Renku/protocol/openid-connect/userinfo",
     "/auth/realms/Renku/protocol/openid-connect/userinfo"),
    ({"path": "/ui-server", "strip_prefix": True}, "/ui-server/api/data/repositories/https%3A%2F%2Fexample.org%2Fgroup%2Frepo",
     "/api/data/repositories/https%3A%2F%2Fexample.org%2Fgroup%2Frepo"),
    ({"path": "/gitlab", "redirect": {"to": "https://gitlab.org$rest", "status": 301}}, "/gitlab/test/something",
     "https://gitlab.org/test/something"),
]
QUERY = "?test1=value1&test2=value2"


def test_vectors_of_renku(gateway, serve):
    """Each case on a host of its own, all of them in one gateway."""
    up = serve()
    routes = [r | {"host": f"h{i}"} | ({} if "respond" in r or "redirect" in r else {"target": up.address})
              for i, (r, _, _) in enumerate(RENKU)]
    gw = gateway({"routes": routes, "health": {"enabled": False}})
    for i, (route, asked, want) in enumerate(RENKU):
        answer = gw.ask(asked + QUERY, host=f"h{i}")
        if "redirect" in route:
            assert (answer.status, answer.header("Location")) == (301, want)
        else:
            assert (answer.json()["target"] if answer.status == 200 else answer.status) == (
                want + QUERY if isinstance(want, str) else want), route


def test_longest_path_before_the_rest(gateway, serve):
    up = serve()
    routes = [{"path": p, "target": up.address, "replace_prefix": to} for p, to in
              [("/api", "/api/v4"), ("/api/kg", "/knowledge-graph"), ("/api/renku/10", "/renku")]]
    gw = gateway({"routes": routes, "health": {"enabled": False}})
    seen = [gw.ask(p).json()["target"] for p in ("/api/x", "/api/kg/x", "/api/kgx", "/api/renku/10/x", "/api/renku/1/x")]
    assert seen == ["/api/v4/x", "/knowledge-graph/x", "/api/v4/kgx", "/renku/x", "/api/v4/renku/1/x"]


def says(r, c):
    """Answers with the Location and the cookie that it was asked for."""
    headers = [(n, r.header("X-Say-" + n)) for n in ("Location", "Content-Location", "Set-Cookie", "X-Other")]
    headers += [("X-Prefix", r.header("X-Forwarded-Prefix"))]
    c.reply(302, [(n, v) for n, v in headers if v])


# The route, what its upstream says of itself, what comes of it.
BACK = [
    ({"strip_prefix": True}, "/login?a", "/users/login?a", "/users"),
    ({"strip_prefix": True}, "http://{up}/login", "http://{me}/users/login", "/users"),
    ({"strip_prefix": True}, "https://{me}/login", "https://{me}/users/login", "/users"),
    ({"strip_prefix": True}, "/users/login", "/users/login", "/users"),
    ({"strip_prefix": True}, "https://other.org/login", "https://other.org/login", "/users"),
    ({"replace_prefix": "/v2"}, "/v2/login", "/users/login", "/"),
    ({"replace_prefix": "/v2"}, "/login", "/login", "/"),
    ({"add_prefix": "/v2"}, "/v2/users/login", "/users/login", "/"),
    ({"add_prefix": "/v2"}, "/v2//evil.org", "http://{me}//evil.org", "/"),
    ({"host_header": "upstream"}, "http://{up}/users/x", "http://{me}/users/x", "/"),
    ({"host_header": "inside.org"}, "http://inside.org/users/x", "http://{me}/users/x", "/"),
    ({"strip_prefix": True, "rewrite_location": False}, "/login", "/login", "/"),
    ({}, "http://{up}/login", "http://{up}/login", "/"),
]


def test_back(gateway, serve):
    up = serve(says)
    gw = gateway({"health": {"enabled": False}, "routes": [{"host": f"h{i}", "path": "/users", "target": up.address} | r
                                                           for i, (r, _, _, _) in enumerate(BACK)]})
    for i, (route, location, back, cookie) in enumerate(BACK):
        location, back = (t.replace("{up}", up.address).replace("{me}", f"h{i}") for t in (location, back))
        answer = gw.ask("/users/x", host=f"h{i}", headers={
            "X-Say-Location": location, "X-Say-Content-Location": location, "X-Say-X-Other": location,
            "X-Say-Set-Cookie": "a=b; Path=/; Domain=inside.org", "X-Forwarded-Prefix": "/evil"})
        assert answer.header("Location") == answer.header("Content-Location") == back, route
        assert answer.header("X-Other") == location
        assert answer.header("Set-Cookie").replace("; ", ";") == f"a=b;Path={cookie};Domain=inside.org", route
        assert answer.header("X-Prefix") == ("/users" if "strip_prefix" in route or "replace_prefix" in route else None)


def test_base_of_the_fallback(gateway, serve):
    up = serve(says)
    config = proxy_to("127.0.0.1:1", path="/users") | {"fallback": "spare"}
    config["upstreams"]["spare"] = {"endpoints": [f"http://{up.address}/base"]}
    answer = gateway(config).ask("/users/x", headers={"X-Say-Location": "/base/users/y"})
    assert up.requests[0].path == "/base/users/x" and answer.header("Location") == "/users/y"


def test_base_of_the_endpoint(gateway, serve):
    up = serve(says)
    gw = gateway(proxy_to(f"http://{up.address}/base", path="/users", rewrite_cookie_domain=True))
    answer = gw.ask("/users/x", headers={"X-Say-Location": "/base/users/y", "X-Say-Set-Cookie": "a=b; Path=/base; Domain=inside.org"})
    assert answer.header("Location") == "/users/y"
    assert answer.header("Set-Cookie") == "a=b; Path=/"


def test_many_and_long_ones(gateway, serve):
    """As many as the head may have, each one grows."""
    up = serve(lambda r, c: c.reply(200, [("Set-Cookie", f"n{i}=v;Path=/") for i in range(80)] + [("Location", "/" + "x" * 9000)]))
    prefix = "/" + "p" * 1500
    answer = gateway(proxy_to(up, path=prefix, strip_prefix=True)).ask(prefix + "/x")
    assert answer.all("Set-Cookie") == [f"n{i}=v; Path={prefix}" for i in range(80)]
    assert answer.header("Location") == prefix + "/" + "x" * 9000
