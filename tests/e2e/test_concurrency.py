"""How many requests of a client may be under way, over all workers; who is killed gives back what he held."""

import os
import signal
import threading

import pytest

from harness import client
from harness.gateway import merge, proxy_to
from harness.procs import wait_until


@pytest.fixture
def held(gateway, serve):
    """A gateway before an upstream that answers /held only when it is told to."""
    go = threading.Event()

    def answer(r, c):
        if r.header("Upgrade"):
            c.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n")
            c.file.readline()
            c.close = True
        else:
            if r.path == "/held":
                go.wait(20)
            c.reply(200, [], b"x")

    def start(limit, **more):
        up = serve(answer)
        gw = gateway(merge(proxy_to(up), {"limits": {"concurrency": limit}, "workers": 2} | more))
        return gw, up, go

    yield start
    go.set()


def hold(gw, up, n, **how):
    """n requests that are under way."""
    before = len(up.requests)
    clients = [gw.connect() for _ in range(n)]
    for c in clients:
        c.send(client.request("/held", **how))
    wait_until(lambda: len(up.requests) == before + n)
    return clients


def close_all(clients):
    for c in clients:
        c.close()


def test_no_more_than_the_limit(held):
    gw, up, go = held("4")
    clients = hold(gw, up, 4)
    refused = gw.ask()
    assert refused.status == 429 and refused.header("retry-after") == "1"
    assert refused.json()["reason"] == "concurrency_limited" and refused.json()["limit"] == "limits.concurrency"
    go.set()
    assert [c.read().status for c in clients] == [200] * 4
    wait_until(lambda: gw.ask().status == 200)
    assert [c.ask("/held").status for c in clients] == [200] * 4
    close_all(clients)


def test_who_goes_away_gives_it_back(held):
    gw, up, _ = held("2 per header:X-A")
    clients = hold(gw, up, 2, headers={"X-A": "1"})
    assert gw.ask(headers={"X-A": "1"}).status == 429 and gw.ask(headers={"X-A": "2"}).status == 200
    clients[0].close()
    wait_until(lambda: gw.ask(headers={"X-A": "1"}).status == 200)
    close_all(clients)


def test_a_killed_worker_gives_it_back(held):
    gw, up, _ = held("3")
    clients = hold(gw, up, 3)
    assert gw.ask().status == 429
    for pid in gw.workers():
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(gw.workers()) == 2 and gw.ask().status == 200)
    close_all(clients)
    close_all(hold(gw, up, 3))


def test_who_is_refused_by_a_rate_holds_none(held):
    gw, up, go = held("1", rates={"r": "1/hour"}, limits={"concurrency": "1", "rates": "r"})
    assert [gw.ask().status for _ in range(3)] == [200, 429, 429]
    gw.reload(proxy_to(up) | {"limits": {"concurrency": "1"}, "workers": 2})
    for _ in range(3):  # an answer is there a moment before its request has ended
        wait_until(lambda: gw.ask().status == 200)


def test_a_tunnel_counts_while_it_is_open(held):
    gw, up, _ = held("2")
    upgrade = {"Connection": "Upgrade", "Upgrade": "chat"}
    tunnels = [gw.connect() for _ in range(2)]
    assert [t.ask("/chat", headers=upgrade).status for t in tunnels] == [101, 101]
    assert gw.ask().status == 429
    gw.reload()  # another table
    assert gw.ask().status == 429
    close_all(tunnels)
    wait_until(lambda: gw.ask().status == 200)


def test_those_of_an_earlier_master_count_on(held):
    gw, up, go = held("2")
    clients = hold(gw, up, 2)
    gw.kill()
    gw.start()
    assert gw.ask().status == 429
    go.set()
    assert [c.read().status for c in clients] == [200] * 2
    wait_until(lambda: gw.ask().status == 200)
    close_all(clients)
