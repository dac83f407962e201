"""Upstreams that refuse, stall, die or answer nonsense: the right status and reason, and no half answer that looks whole."""

import pytest

from harness import client
from harness.gateway import proxy_to
from harness.procs import free_port


def failing(gateway, *upstreams, timeouts=None, route=None):
    return gateway(proxy_to(*upstreams, **route or {}) | {"timeouts": timeouts or {}})


def check(r, status, why):
    assert (r.status, r.why) == (status, why), r
    assert r.json()["reason"] == why and r.json()["status"] == status


def test_connect_refused(gateway):
    check(failing(gateway, f"127.0.0.1:{free_port()}").ask(), 502, "upstream_connect_refused")


def test_unix_socket_absent(gateway):
    r = failing(gateway, "unix:/tmp/yett-no-such.sock").ask()
    assert r.status == 502 and r.why in ("upstream_connect_failed", "upstream_connect_refused")


def test_name_unresolvable(gateway):
    check(failing(gateway, "no-such-name.invalid:80").ask(timeout=20), 502, "upstream_unresolved")


def test_closed_before_the_answer(gateway, serve):
    def answer(r, c):
        c.read_body(r)
        c.close = True
    check(failing(gateway, serve(answer)).ask("/", "POST", body=b"once"), 502, "upstream_closed")


@pytest.mark.parametrize("nonsense", [
    b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", b"HTTP/1.1 999999 X\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b"HTTP/1.1 200 OK\r\nNo colon\r\n\r\n", b"SSH-2.0-x\r\n"])
def test_nonsense(gateway, serve, nonsense):
    def answer(c):
        c.read_request()
        c.send(nonsense)
    check(failing(gateway, serve(raw=answer)).ask("/", "POST", body=b""), 502, "upstream_malformed")


@pytest.mark.parametrize("head", [b"Content-Length: 1000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"])
def test_dies_within_the_answer(proxy, serve, head):
    def answer(r, c):
        c.send(b"HTTP/1.1 200 OK\r\n" + head + b"abc"[:3 if b"Length" in head else 0])
        c.close = True
    with proxy(serve(answer)).connect() as c:
        c.send(client.request())
        with pytest.raises((EOFError, ConnectionResetError)):
            c.read()


def test_next_endpoint_is_tried(gateway, serve):
    up = serve()
    gw = failing(gateway, f"127.0.0.1:{free_port()}", up)
    assert [gw.ask("/", "POST", body=b"x").status for _ in range(10)] == [200] * 10
    assert len(up.requests) == 10


def test_request_that_may_have_had_effect_is_not_repeated(gateway, serve):
    def die(r, c):
        c.read_body(r)
        c.close = True
    a, b = serve(die), serve(die)
    assert failing(gateway, a, b).ask("/", "POST", body=b"x").status == 502
    assert len(a.requests) + len(b.requests) == 1


def test_early_answer_to_an_upload(gateway, serve):
    def answer(r, c):
        c.reply(413, body=b"too much")
        c.close = True
    with failing(gateway, serve(answer), route={"body_limit": "100m"}).connect() as c:
        c.send(client.request("/", "POST", headers={"Content-Length": "5000000"}) + b"x" * 100000)
        r = c.read()
        assert r.status == 413 and r.body == b"too much"


def test_own_error_answers_of_the_upstream_pass(gateway, serve):
    gw = failing(gateway, serve(lambda r, c: c.reply(502, {"Content-Type": "application/json"}, b'{"a":1}')))
    r = gw.ask()
    assert (r.status, r.why, r.body) == (502, None, b'{"a":1}')
