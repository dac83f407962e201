"""WebSockets and other upgrades: a tunnel once the upstream agreed, an ordinary answer when it did not."""

import asyncio
import threading
import time

import pytest
import websockets

from harness import client
from harness.gateway import proxy_to

UPGRADE = {"Connection": "keep-alive, Upgrade", "Upgrade": "chat"}


async def echo(socket, path=None):
    async for message in socket:
        await socket.send(message)


def test_echo(gateway, serve):
    async def talk():
        async with websockets.serve(echo, "127.0.0.1", 0, max_size=None) as server:
            gw = gateway(proxy_to("127.0.0.1:%d" % server.sockets[0].getsockname()[1]))
            async with websockets.connect(f"ws://127.0.0.1:{gw.port}/chat", max_size=None) as ws:
                for message in ["a", "b" * 200, b"\0" * 70000, "c" * 3000000]:
                    await ws.send(message)
                    assert await asyncio.wait_for(ws.recv(), 10) == message
                await asyncio.wait_for(await ws.ping(), 5)
            assert ws.close_code == 1000
    asyncio.run(talk())


def switching(c):
    """An upstream of a protocol of its own: it says hello at once, and shouts back."""
    assert c.read_request().header("Upgrade") == "chat"
    c.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nhello\n")
    while line := c.file.readline():
        c.send(line.upper())
    c.send(b"bye\n")


@pytest.mark.parametrize("more", [{}, {"Content-Length": "0"}], ids=["no body", "empty body"])
def test_any_protocol(proxy, serve, more):
    with proxy(serve(raw=switching)).connect() as c:
        c.send(client.request(headers=UPGRADE | more) + b"early\n")
        r = c.read()
        assert r.status == 101 and r.header("Upgrade") == "chat" and "upgrade" in r.header("Connection").lower()
        assert c.read_until(b"\n") == b"hello" and c.read_until(b"\n") == b"EARLY"
        c.send(b"late\n")
        assert c.read_until(b"\n") == b"LATE"


@pytest.mark.parametrize("framing", [b"Content-Length: 3\r\n", b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_switch_with_framing(gateway, serve, framing):
    """RFC 9110 section 8.6: a 1xx has neither; what follows belongs to the other protocol."""
    def switch(c):
        c.read_request()
        c.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n" + framing + b"\r\nhello\nbye\n")
    with gateway(proxy_to(serve(raw=switch))).connect() as c:
        c.send(client.request(headers=UPGRADE))
        r = c.read()
        assert (r.status, r.header("Content-Length"), r.header("Transfer-Encoding")) == (101, None, None)
        assert c.read_all() == b"hello\nbye\n"


def test_half_closed_tunnel_ends_in_order(gateway, serve):
    with gateway(proxy_to(serve(raw=switching))).connect() as c:
        c.send(client.request(headers=UPGRADE))
        assert c.read().status == 101
        c.send(b"last\n")
        c.finish_sending()
        assert c.read_all() == b"hello\nLAST\nbye\n"


def test_the_second_protocol_that_was_asked_for(gateway, serve):
    def second(c):
        c.read_request()
        c.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nhello\n")
    with gateway(proxy_to(serve(raw=second))).connect() as c:
        c.send(b"GET / HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: talk\r\nUpgrade: chat\r\n\r\n")
        assert c.read().status == 101
        assert c.read_until(b"\n") == b"hello"


def test_reset_behind_a_half_close_is_seen(gateway, serve):
    """Nothing more can come, so only asking tells."""
    over = threading.Event()

    def silent(c):
        c.read_request()
        c.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n")
        over.wait(20)
    gw = gateway(proxy_to(serve(raw=silent)))
    with gw.connect() as c:
        c.send(client.request(headers=UPGRADE))
        assert c.read().status == 101
        c.finish_sending()
        time.sleep(0.1)
        c.reset()
    try:
        assert gw.logged(reason="client_gone")
    finally:
        over.set()


def test_refused_upgrade(proxy, serve):
    up = serve(lambda r, c: c.reply(426, {"X-A": "1"}, b"no"))
    with proxy(up).connect() as c:
        assert c.ask(headers=UPGRADE).status == 426
        assert c.ask("/next").status == 426  # the connection goes on as HTTP


@pytest.mark.parametrize("asked", [{}, UPGRADE | {"Upgrade": "websocket, chat/2"}, {"Upgrade": "chat"}])
@pytest.mark.parametrize("given", [b"Upgrade: chat\r\n", b""])
def test_switch_that_nobody_asked_for(gateway, serve, asked, given):
    def answer(c):
        c.read_request()
        c.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n" + given + b"\r\n")
        c.wait_gone()
    r = gateway(proxy_to(serve(raw=answer))).ask(headers=asked)
    assert (r.status, r.why) == (502, "upstream_malformed")


@pytest.mark.parametrize("side", ["client", "upstream"])
def test_end_of_one_side_ends_the_other(gateway, serve, side):
    def answer(c):
        c.read_request()
        c.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n")
        if side == "client":
            assert c.wait_gone()
    up = serve(raw=answer)
    with gateway(proxy_to(up)).connect() as c:
        c.send(client.request(headers=UPGRADE))
        assert c.read().status == 101
        if side == "upstream":
            assert c.closed()
    assert up.connections[-1].gone.wait(5)
