"""What is under way of who is suspended, or whose token expires, is closed: a WebSocket with 1008, other streams by breaking off."""

import asyncio
import struct
import threading
import time

import pytest
import websockets
from harness import client
from harness.gateway import from_redis
from harness.procs import wait_until
from harness.tokens import SECRET, bearer, token

UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
CLOSE = b"\x88\x19" + struct.pack(">H", 1008) + b"User has been suspended"


def before(address, *, redis=None, **route):
    return {"upstreams": {"u": {"endpoints": [address]}}, "routes": [{"upstream": "u"} | route], "health": {"enabled": False},
            "gate": {"secret": SECRET, "claims": {"id": "X-User"}, "protect": ["/"]}} | (redis or {})


async def echo(socket, path=None):
    async for message in socket:
        await socket.send(message)


def test_websocket(gateway, store):
    """Of two gateways, by a raw key and by the command; who is another stays."""
    async def talk():
        async with websockets.serve(echo, "127.0.0.1", 0) as server:
            address = "127.0.0.1:%d" % server.sockets[0].getsockname()[1]
            gws = [gateway(before(address, redis=from_redis(store) | {"suspension": {"redis_keys": True}})) for _ in range(2)]

            def connect(gw, who):
                return websockets.connect(f"ws://127.0.0.1:{gw.port}/", extra_headers=bearer(token(id=who)))
            open_ = {(i, who): await connect(gw, who) for i, gw in enumerate(gws) for who in ("raw", "own", "stays")}
            for ws in open_.values():
                await ws.send("hello")
                assert await ws.recv() == "hello"
            await asyncio.to_thread(store.db.set, "raw", "1")
            for i in range(2):
                await asyncio.wait_for(open_[i, "raw"].wait_closed(), 1)
                assert open_[i, "raw"].close_code == 1008 and open_[i, "raw"].close_reason == "User has been suspended"
            said = await asyncio.to_thread(gws[0].cli, "suspend", "own")
            assert said.stdout == "2/2 workers, 1 stream closed\n", said
            for i in range(2):
                await asyncio.wait_for(open_[i, "own"].wait_closed(), 1)
                assert open_[i, "own"].close_code == 1008
            for i, gw in enumerate(gws):
                await open_[i, "stays"].send("still")
                assert await open_[i, "stays"].recv() == "still"
                await open_[i, "stays"].close()
                assert gw.metrics()["yett_suspended_closed_total"] == 2
            await asyncio.sleep(0.1)
            assert len(server.websockets) == 0  # the upstream's side is closed too
    asyncio.run(talk())


def framing(c):
    """Half a frame, and the rest when the test says so."""
    c.read_request()
    c.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x82\x7e\x01\x00" + b"a" * 100)
    if c.server.rest.wait(5):
        c.send(b"b" * 156 + b"\x81\x02no")
    c.file.read()


@pytest.mark.parametrize("ends", [True, False], ids=["ends", "hangs"])
def test_frame_under_way(gateway, serve, ends):
    """The close frame comes behind it, and when it does not end the connection does."""
    up = serve(raw=framing)
    up.rest = threading.Event()
    gw = gateway(before(up.address))
    with gw.connect() as c:
        c.send(client.request(headers=UPGRADE | bearer(token())))
        assert c.read().status == 101 and c.read_exactly(104).endswith(b"a" * 100)
        said = gw.cli("suspend", "42")
        assert "1 stream closed" in said.stdout
        if ends:
            up.rest.set()
            assert c.read_all() == b"b" * 156 + CLOSE
        else:
            begin = time.monotonic()
            assert c.closed() and time.monotonic() - begin < 3
    gw.logged(reason="suspended")


def endless(request, c):
    """A download that never ends."""
    c.send(b"HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n\r\n")
    try:
        while True:
            c.chunk(b"data: x\n\n")
            time.sleep(0.02)
    except OSError:
        c.close = True


def cut_off(c):
    """Is the answer broken off?"""
    try:
        while True:
            c.read_chunk() or pytest.fail("it ended in order")
    except (EOFError, ConnectionResetError):
        return True


def test_downloads_and_uploads(gateway, serve):
    up = serve(endless)
    gw = gateway(before(up.address))
    with gw.connect() as down, gw.connect() as upload, gw.connect() as other:
        for c, who in (down, "42"), (other, "other"):
            c.send(client.request(headers=bearer(token(id=who))))
            assert c.read_head().status == 200
        slow = serve(raw=lambda c: (c.read_request(), c.file.read()))
        assert gw.reload(before(slow.address)).returncode == 0
        upload.send(client.request(method="POST", headers=bearer(token()) | {"Content-Length": "1000"}) + b"half")
        wait_until(lambda: slow.connections, what="the upload is there")
        assert gw.cli("suspend", "42").stdout == "2/2 workers, 2 streams closed\n"
        assert cut_off(down)
        r = upload.read()
        assert r.status == 401 and r.why == "suspended"
        other.read_chunk()


def test_close_on_expiry(gateway, serve):
    up = serve(endless)
    gw = gateway(before(up.address, close_on_expiry=True) | {"gate": {
        "secret": SECRET, "claims": {"id": "X-User"}, "protect": ["/"], "leeway": "0s"}})
    with gw.connect() as c, gw.connect() as lasting:
        for one, exp in (c, time.time() + 2), (lasting, None):
            one.send(client.request(headers=bearer(token(exp=exp and int(exp)))))
            assert one.read_head().status == 200
        begin = time.monotonic()
        assert cut_off(c) and time.monotonic() - begin < 4
        lasting.read_chunk()
        gw.logged(reason="token_expired")
