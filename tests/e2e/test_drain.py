"""SIGTERM and SIGINT: what is under way is finished, nothing new is taken, nothing is left."""

import asyncio
import os
import signal
import threading
import time

import pytest
import websockets

from harness import client
from harness.gateway import proxy_to
from harness.load import Load
from harness.procs import wait_until


def slow(seconds):
    return lambda r, c: (time.sleep(seconds), c.reply(body=b"done"))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_request_under_way_is_finished(gateway, serve, how):
    up = serve(slow(1))
    gw = gateway(proxy_to(up))
    with gw.connect() as c:
        c.send(client.request())
        wait_until(lambda: up.requests)
        gw.signal(how)
        wait_until(lambda: gw.metrics()["yett_ready"] == 0, 0.9, what="that /metrics says it")
        r = c.read()
        assert r.body == b"done" and r.header("Connection") == "close"
    assert gw.wait() == 0 and os.listdir(gw.run_dir) == []


def test_body_under_way_is_finished(gateway, serve):
    go = threading.Event()

    def answer(r, c):
        c.reply(headers={"Transfer-Encoding": "chunked"}, length=False)
        c.chunk(b"one")
        go.wait(5)
        c.chunk(b"two")
        c.send(b"0\r\n\r\n")
    gw = gateway(proxy_to(serve(answer)))
    with gw.connect() as c:
        c.send(client.request())
        c.read_head()
        assert c.read_chunk() == b"one"
        gw.signal(signal.SIGTERM)
        time.sleep(0.5)
        go.set()
        assert c.read_chunk() == b"two" and c.read_chunk() == b""
    assert gw.wait() == 0


def test_nothing_new_is_taken(gateway, serve):
    up = serve(slow(1))
    gw = gateway(proxy_to(up))
    with gw.connect() as c:
        c.send(client.request())
        wait_until(lambda: up.requests)
        gw.signal(signal.SIGTERM)
        time.sleep(0.3)
        with pytest.raises((ConnectionError, EOFError)):
            gw.ask()
        assert c.read().status == 200
    gw.wait()


def test_idle_connections_do_not_hold_it_up(gateway, serve):
    gw = gateway(proxy_to(serve()) | {"timeouts": {"drain": "20s"}})
    clients = [gw.connect() for _ in range(10)]
    assert [c.ask().status for c in clients[:5]] == [200] * 5
    begin = time.monotonic()
    gw.stop()
    assert time.monotonic() - begin < 10
    assert all(c.closed() for c in clients)


def test_grace_ends(gateway, serve):
    gw = gateway(proxy_to(serve(lambda r, c: c.wait_gone(30))) | {"timeouts": {"drain": "500ms"}})
    with gw.connect() as c:
        c.send(client.request())
        time.sleep(0.2)
        begin = time.monotonic()
        gw.stop()
        assert time.monotonic() - begin < 5


def test_second_signal_ends_it_at_once(gateway, serve):
    up = serve(lambda r, c: c.wait_gone(30))
    gw = gateway(proxy_to(up) | {"timeouts": {"drain": "30s"}})
    with gw.connect() as c:
        c.send(client.request())
        wait_until(lambda: up.requests)
        gw.signal(signal.SIGTERM)
        time.sleep(0.3)
        gw.signal(signal.SIGTERM)
        gw.wait(5)
    assert os.listdir(gw.run_dir) == []


def test_sigquit_ends_it_at_once(gateway, serve):
    up = serve(lambda r, c: c.wait_gone(30))
    gw = gateway(proxy_to(up) | {"timeouts": {"drain": "30s"}})
    with gw.connect() as c:
        c.send(client.request())
        wait_until(lambda: up.requests)
        gw.signal(signal.SIGQUIT)
        gw.wait(5)


def test_stop_under_load_breaks_no_answer(gateway, responder):
    gw = gateway(proxy_to(responder))
    with Load(gw.port, rate=400) as load:
        time.sleep(0.5)
        gw.stop()
        stopped = time.monotonic()
    assert load.result["ok"] > 100
    broken = [f for f in load.result["failures"] if "Connect" not in f[1] and "refused" not in f[1]]
    assert not broken, (broken, stopped)


def test_delay_before_it(gateway, responder):
    """Who looks at /ready has the time to see it while everybody is served, each on a connection that ends with that."""
    gw = gateway(proxy_to(responder, path="/x") | {"timeouts": {"drain_delay": "1s"}})
    clients = [gw.connect() for _ in range(3)]
    assert [c.ask("/x").header("Connection") for c in clients] == [None] * 3
    gw.signal(signal.SIGTERM)
    wait_until(lambda: gw.admin("/ready").status == 503, 5)
    assert gw.status()["state"] == "draining"
    proxied, own, fresh = clients[0].ask("/x"), clients[1].ask("/"), gw.connect().ask("/x")
    assert [(r.status, r.header("Connection")) for r in (proxied, own, fresh)] == [(200, "close"), (404, "close"), (200, "close")]
    assert clients[0].closed() and clients[1].closed()
    assert gw.cli("upgrade").returncode == 1
    assert gw.wait() == 0 and clients[2].closed()


def test_second_signal_ends_the_delay(gateway, responder):
    gw = gateway(proxy_to(responder) | {"timeouts": {"drain_delay": "1m"}})
    gw.signal(signal.SIGTERM)
    wait_until(lambda: gw.admin("/ready").status == 503, 5)
    gw.stop()


def test_websockets_are_told(gateway):
    async def echo(socket, path=None):
        async for message in socket:
            await socket.send(message)

    async def talk():
        async with websockets.serve(echo, "127.0.0.1", 0) as server:
            gw = gateway(proxy_to("127.0.0.1:%d" % server.sockets[0].getsockname()[1]) | {"timeouts": {"drain": "20s"}})
            async with websockets.connect(f"ws://127.0.0.1:{gw.port}/") as socket:
                await socket.send("a")
                assert await socket.recv() == "a"
                begin = time.monotonic()
                gw.signal(signal.SIGTERM)
                await socket.wait_closed()
                assert socket.close_code == 1001 and socket.close_reason == "The gateway is shutting down."
            assert gw.wait() == 0 and time.monotonic() - begin < 10
    asyncio.run(talk())


def test_started_again_at_once(gateway, responder):
    gw = gateway(proxy_to(responder))
    for _ in range(3):
        assert gw.ask().status == 200
        gw.stop()
        gw.start()
    assert gw.ask().status == 200


def test_worker_is_replaced(gateway, serve):
    """Under load, with a stream that lives on in the old one; and it is counted."""
    go = threading.Event()
    up = serve(lambda r, c: (go.wait(20) if r.target == "/slow" else None, c.reply(body=b"done")))
    gw = gateway(proxy_to(up) | {"workers": 1})
    old = gw.workers()
    with gw.connect() as c:
        c.send(client.request(path="/slow"))
        wait_until(lambda: up.requests)
        with Load(gw.port, rate=200, connections=8) as load:
            r = gw.cli("drain", "--worker", "0")
            assert (r.returncode, r.stdout) == (0, "another worker takes the place of worker 0, which finishes\n"), r
            wait_until(lambda: gw.admin("/ready").status != 200 or (gw.workers() and gw.workers() != old), 5)
            assert gw.admin("/ready").status == 200
            wait_until(lambda: f"pid={old[0]} state=draining" in gw.log(), 5)
            time.sleep(0.3)
        assert load.result["failures"] == []
        go.set()
        assert c.read().body == b"done"
    wait_until(lambda: f"takeover pid={old[0]} state=ended" in gw.log(), 5)
    assert gw.metrics()['yett_requests_total{code="200",method="GET"}'] == len(up.requests) and " warn " not in gw.log()
    assert gw.cli("drain", "--worker", "7").returncode == 1 and gw.cli("drain", "--worker", "0", "--undo").returncode == 2
