"""Connections are used again, on both sides."""

import time

from harness import client
from harness.gateway import proxy_to


def test_client_connection_is_kept(proxy, serve):
    with proxy(serve()).connect() as c:
        for i in range(20):
            assert c.ask(f"/{i}").json()["target"] == f"/{i}"


def test_upstream_connection_is_used_again(proxy, serve):
    up = serve()
    p = proxy(up)
    with p.connect() as c:
        for _ in range(20):
            assert c.ask().status == 200
    assert len(up.requests) == 20 and len(up.used) == 1


def test_pool_is_shared_by_clients(gateway, serve):
    up = serve()
    gw = gateway(proxy_to(up) | {"workers": 1})
    for _ in range(20):
        assert gw.ask().status == 200
    assert len(up.used) == 1


def test_client_asks_to_close(proxy, serve):
    with proxy(serve()).connect() as c:
        r = c.ask(headers={"Connection": "close"})
        assert r.status == 200 and r.header("Connection") == "close" and c.closed()


def test_upstream_that_closes_is_not_used_again(gateway, serve):
    def answer(r, c):
        c.reply(headers={"Connection": "close"}, body=b"x")
        c.close = True
    up = serve(answer)
    with gateway(proxy_to(up)).connect() as c:
        for _ in range(5):
            r = c.ask()
            assert r.body == b"x" and r.header("Connection") is None
    assert len(up.used) == 5


def test_pooled_connection_that_died_costs_no_request(gateway, serve):
    def answer(r, c):
        c.reply(body=b"x")
        c.close = True  # without a word: the gateway finds out
    up = serve(answer)
    with gateway(proxy_to(up)).connect() as c:
        assert [c.ask().status for _ in range(50)] == [200] * 50


def test_requests_on_a_connection_are_limited(gateway, serve):
    with gateway(proxy_to(serve()) | {"limits": {"keepalive_requests": 3}}).connect() as c:
        assert [c.ask().header("Connection") for _ in range(3)] == [None, None, "close"]
        assert c.closed()


def test_idle_client_is_let_go(gateway, serve):
    with gateway(proxy_to(serve()) | {"timeouts": {"keepalive": "300ms"}}).connect() as c:
        assert c.ask().status == 200
        assert c.closed(3)


def test_idle_upstream_connection_is_let_go(gateway, serve):
    up = serve()
    gw = gateway(proxy_to(up) | {"timeouts": {"upstream_idle": "200ms"}, "workers": 1})
    assert gw.ask().status == 200
    assert up.connections[0].gone.wait(3)
    assert gw.ask().status == 200 and len(up.used) == 2


def test_http_1_0_client(proxy, serve):
    p = proxy(serve())
    with p.connect() as c:
        c.send(client.request("/old", version="HTTP/1.0"))
        r = c.read()
        assert r.status == 200 and r.json()["target"] == "/old" and c.closed()


def test_http_1_0_client_that_keeps_alive(proxy, serve):
    with proxy(serve()).connect() as c:
        for _ in range(2):
            c.send(client.request("/old", headers={"Connection": "keep-alive"}, version="HTTP/1.0"))
            r = c.read()
            assert r.status == 200 and r.header("Connection").lower() == "keep-alive"


def test_http_1_0_client_gets_no_chunks(proxy, serve):
    def answer(r, c):
        c.reply(headers={"Transfer-Encoding": "chunked"}, length=False)
        c.chunk(b"ab")
        c.chunk(b"cd")
        c.send(b"0\r\n\r\n")
    with proxy(serve(answer)).connect() as c:
        c.send(client.request(version="HTTP/1.0"))
        r = c.read()
        assert r.body == b"abcd" and r.framing == "close"


def test_empty_line_behind_a_body_begins_nothing(gateway, serve):
    """RFC 9112 section 2.2. Old clients send one; the connection is idle all the same, and no head is late."""
    gw = gateway(proxy_to(serve()) | {"timeouts": {"client_head": "300ms", "keepalive": "30s"}})
    with gw.connect() as c:
        assert c.ask("/", "POST", body=b"abc").status == 200
        c.send(b"\r\n")
        time.sleep(1)
        assert c.ask("/again").status == 200
