"""Rules change two hundred times under load: no request fails, no connection closes, a WebSocket stays open."""

import asyncio
import time

import websockets

from harness.gateway import from_redis
from harness.load import Load


async def echo(socket, path=None):
    async for message in socket:
        await socket.send(message)


async def talk(gw, store, load):
    """A message between any two writes."""
    async with websockets.connect(f"ws://127.0.0.1:{gw.port}/chat") as ws:
        for turn in range(200):
            store.rule(f"other{turn % 20}.test/{turn}", f"127.0.0.1:{10000 + turn}")
            await ws.send(str(turn))
            assert await asyncio.wait_for(ws.recv(), 10) == str(turn)
            await asyncio.sleep(0.015)


async def run(gateway, store, responder):
    async with websockets.serve(echo, "127.0.0.1", 0) as server:
        store.rule("test", responder.address)
        store.rule("127.0.0.1/chat", "127.0.0.1:%d" % server.sockets[0].getsockname()[1])
        gw = gateway(from_redis(store) | {"limits": {"keepalive_requests": 1000000}})
        with Load(gw.port, rate=2000, connections=32) as load:
            begin = time.monotonic()
            await talk(gw, store, load)
            took = time.monotonic() - begin
    return gw, load.result, took


def test_nothing_fails(gateway, store, responder):
    gw, result, took = asyncio.run(run(gateway, store, responder))
    print(f"{result['ok'] / took:.0f} requests/s, slowest {result['slowest']:.0f} ms")
    assert result["failures"] == [] and result["closed"] == result["retried"] == result["announced"] == 0
    assert result["ok"] > 300 * took
    gw.rules_in_force(lambda r: r["frontends"] == 202)
    assert gw.status()["table"]["alive"] <= 2  # the tunnel holds no old table
