"""Methods, paths, queries and bodies reach the upstream as they were sent."""

import pytest


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "REPORT", "PURGE"])
def test_method(proxy, serve, method):
    up = serve()
    seen = proxy(up).ask("/a", method, body=b"x" if method in ("POST", "PUT", "PATCH") else None).json()
    assert (seen["method"], seen["target"]) == (method, "/a")


@pytest.mark.parametrize("target", ["/", "/a/b/", "/a?x=1&y=%20&z=/../a//b", "/?", "/a?", "/%C3%A9/%20", "/a?b?c", "/a:b@c,d=e"])
def test_target_is_kept(gateway_to_echo, target):
    assert gateway_to_echo.ask(target).json()["target"] == target


def test_body_is_kept(proxy, serve):
    body = bytes(range(32, 127)) * 1000
    assert proxy(serve()).ask("/", "POST", body=body).json()["body"].encode() == body


def test_empty_body_keeps_its_length(proxy, serve):
    up = serve()
    assert proxy(up).ask("/", "POST", body=b"").status == 200
    assert up.requests[0].header("Content-Length") == "0" and not up.requests[0].all("Transfer-Encoding")


def test_options_for_the_server(gateway_to_echo):
    assert gateway_to_echo.ask("*", "OPTIONS").json()["target"] == "*"


def test_absolute_form(proxy, serve):
    seen = proxy(serve()).ask("http://other.test/a?b", host="test").json()
    assert seen["target"] == "/a?b"
