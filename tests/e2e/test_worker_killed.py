"""kill -9 of a worker: it is back at once, and only what it was answering is lost."""

import os
import signal
import time

import pytest

from harness import client, procs
from harness.gateway import proxy_to
from harness.load import Load
from harness.procs import wait_until


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGABRT])
def test_under_load(gateway, responder, how):
    gw = gateway(proxy_to(responder))
    with Load(gw.port, rate=400, connections=16) as load:
        time.sleep(0.5)
        victim = gw.workers()[0]
        killed = time.monotonic()
        os.kill(victim, how)
        wait_until(lambda: len(gw.workers()) == 2 and victim not in gw.workers(), 1, what="a new worker within 1 s")
        time.sleep(1)
    r = load.result
    assert len(r["failures"]) + r["retried"] + r["closed"] <= 16, r
    assert all(killed - 0.1 <= at <= killed + 1 for at, _ in r["failures"]), r
    assert r["ok"] > 200
    assert gw.metrics()["yett_worker_respawns_total"] == 1


def test_connections_in_its_queue_are_served(gateway, responder):
    gw = gateway(proxy_to(responder) | {"workers": 1})
    victim = gw.workers()[0]
    os.kill(victim, signal.SIGSTOP)
    clients = [gw.connect() for _ in range(30)]
    for c in clients:
        c.send(client.request())
    os.kill(victim, signal.SIGKILL)
    begin = time.monotonic()
    assert [c.read().status for c in clients] == [200] * 30
    assert time.monotonic() - begin < 1
    for c in clients:
        c.close()


def test_admin_worker_comes_back(gateway, responder):
    gw = gateway(proxy_to(responder))
    admin = [pid for pid in procs.children(gw.pid) if pid not in gw.workers()]
    assert len(admin) == 1
    os.kill(admin[0], signal.SIGKILL)
    assert gw.ask().status == 200
    wait_until(gw.is_ready, 2)


def test_one_that_hangs_is_replaced(gateway, responder):
    gw = gateway(proxy_to(responder) | {"timeouts": {"worker_hang": "1s"}})
    victim = gw.workers()[0]
    os.kill(victim, signal.SIGSTOP)
    wait_until(lambda: len(gw.workers()) == 2 and victim not in gw.workers(), 10, what="a new worker")
    assert [gw.ask().status for _ in range(20)] == [200] * 20


def test_repeated_deaths_do_not_stop_the_service(gateway, responder):
    gw = gateway(proxy_to(responder))
    for _ in range(6):
        os.kill(wait_until(gw.workers, 10)[0], signal.SIGKILL)
        time.sleep(0.05)
    assert gw.ask().status == 200
    wait_until(lambda: len(gw.workers()) == 2, 15)
    assert [gw.ask().status for _ in range(20)] == [200] * 20
