"""The Host field: kept, or overridden by the route; a bad one is refused."""

import pytest

from harness import client
from harness.gateway import proxy_to


def seen_host(gateway, up, **route):
    return gateway(proxy_to(up, **route)).ask(host="Api.Test:81").json()["headers"][0]


def test_kept(gateway, serve):
    assert seen_host(gateway, serve()) == ["Host", "Api.Test:81"]


def test_of_the_upstream(gateway, serve):
    up = serve()
    assert seen_host(gateway, up, host_header="upstream") == ["Host", up.address]


def test_literal(gateway, serve):
    assert seen_host(gateway, serve(), host_header="internal.test") == ["Host", "internal.test"]


@pytest.mark.parametrize("head", [
    b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a:x\r\n\r\n"])
def test_bad_one(gateway, serve, head):
    up = serve()
    r = client.exchange(gateway(proxy_to(up)).port, head)
    assert (r.status, r.why) == (400, "bad_host") and not up.requests
