"""A request is sent again only where that is safe: before any byte of an answer, and when it may be repeated."""

import pytest

from harness import client
from harness.gateway import proxy_to


def once_then_close(r, c):
    """Answers the first request of a connection; takes the second one and hangs up."""
    c.read_body(r)
    c.served = getattr(c, "served", 0) + 1
    if c.served > 1:
        c.close = True
    else:
        c.reply(body=b"ok")


@pytest.mark.parametrize("method, body, status, seen", [
    ("GET", None, 200, 2), ("DELETE", None, 200, 2), ("PUT", b"", 200, 2),
    ("POST", None, 502, 1), ("PATCH", b"abc", 502, 1),
    ("PUT", b"abc", 502, 1)])  # its body went out and is kept nowhere
def test_pooled_connection_that_closes_on_the_request(gateway, serve, method, body, status, seen):
    up = serve(once_then_close)
    with gateway(proxy_to(up) | {"workers": 1}).connect() as c:
        assert c.ask().status == 200
        assert c.ask("/second", method, body=body).status == status
    assert len([r for r in up.requests if r.path == "/second"]) == seen


def test_no_more_often_than_allowed(gateway, serve):
    def die(r, c):
        c.close = True
    ups = [serve(die) for _ in range(6)]
    gw = gateway(proxy_to(*ups) | {"limits": {"retries": 2}})
    assert gw.ask().why == "upstream_closed"
    assert sum(len(u.requests) for u in ups) == 3
    assert gw.logged(reason="upstream_closed")["tries"] == 3


def test_not_after_the_answer_began(gateway, serve):
    def half(r, c):
        c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        c.close = True
    ups = [serve(half), serve(half)]
    with gateway(proxy_to(*ups)).connect() as c:
        c.send(client.request())
        with pytest.raises((EOFError, ConnectionResetError)):
            c.read()
    assert sum(len(u.requests) for u in ups) == 1


def test_off(gateway, serve):
    def die(r, c):
        c.close = True
    ups = [serve(die), serve(die)]
    assert gateway(proxy_to(*ups) | {"limits": {"retries": 0}}).ask().status == 502
    assert sum(len(u.requests) for u in ups) == 1
