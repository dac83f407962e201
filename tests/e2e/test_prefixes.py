"""strip_prefix and add_prefix, and endpoints with a base path."""

import pytest

from harness.gateway import proxy_to


@pytest.mark.parametrize("route, asked, got", [
    ({"strip_prefix": True}, "/users/a?b=1", "/a?b=1"),
    ({"strip_prefix": True}, "/users", "/"),
    ({"strip_prefix": True}, "/users/", "/"),
    ({"strip_prefix": True}, "/users?x", "/?x"),
    ({"strip_prefix": True}, "/users/a%20b/", "/a%20b/"),
    ({"add_prefix": "/v2"}, "/users/a", "/v2/users/a"),
    ({"strip_prefix": True, "add_prefix": "/people"}, "/users/a", "/people/a"),
    ({"strip_prefix": True, "add_prefix": "/people"}, "/users", "/people"),
    ({}, "/users/a/", "/users/a/"),
])
def test_path(gateway, serve, route, asked, got):
    assert gateway(proxy_to(serve(), path="/users", **route)).ask(asked).json()["target"] == got


def test_base_path_of_the_endpoint(gateway, serve):
    up = serve()
    gw = gateway(proxy_to(f"http://{up.address}/base", path="/users", strip_prefix=True))
    assert gw.ask("/users/a?b").json()["target"] == "/base/a?b"


def test_stripping_cannot_leave_the_prefix(gateway, serve):
    gw = gateway(proxy_to(serve(), path="/users", strip_prefix=True))
    assert gw.ask("/users/../admin").status == 404
