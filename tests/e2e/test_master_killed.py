"""kill -9 of the master: the workers serve on, a new master takes over their sockets, and no request fails."""

import time

from harness import procs
from harness.gateway import BINARY, no_gateway_is_left, proxy_to
from harness.load import Load
from harness.procs import wait_until


def test_new_master_under_load(gateway, responder):
    gw = gateway(proxy_to(responder))
    old = gw.workers()
    before = gw.metrics()
    with Load(gw.port, rate=400, connections=16) as load:
        time.sleep(0.3)
        gw.kill()
        time.sleep(0.7)
        gw.start()
        time.sleep(0.5)
        wait_until(lambda: not any(procs.alive(pid) for pid in old), 10, what="the old workers' end")
    r = load.result
    print(f"retried {r['retried']}, closed {r['closed']}, announced {r['announced']}, slowest {r['slowest']:.0f} ms")
    assert r["failures"] == [] and r["ok"] > 400
    assert len(gw.workers()) == 2 and gw.ask().status == 200
    after = gw.metrics()
    name = 'yett_requests_total{class="2xx"}'
    assert after[name] >= before[name] + r["ok"]  # the counters go on


def test_twice(gateway, responder):
    gw = gateway(proxy_to(responder))
    with Load(gw.port, rate=200, connections=8) as load:
        for _ in range(2):
            gw.kill()
            gw.start()
            time.sleep(0.3)
    assert load.result["failures"] == []


def test_workers_end_when_no_master_comes(gateway, responder):
    gw = gateway(proxy_to(responder) | {"timeouts": {"orphan_grace": "1s"}})
    gw.kill()
    assert [gw.ask().status for _ in range(10)] == [200] * 10
    time.sleep(1)
    no_gateway_is_left()


def test_connections_between_the_masters_are_queued_not_refused(gateway, responder):
    gw = gateway(proxy_to(responder) | {"workers": 1})
    gw.kill()
    clients = [gw.connect() for _ in range(10)]
    gw.start()
    assert [c.ask().status for c in clients] == [200] * 10
    for c in clients:
        c.close()


def test_second_gateway_in_the_same_place_is_refused(gateway, responder):
    gw = gateway(proxy_to(responder))
    second = procs.run([BINARY, "run", "-c", gw.file], gw.env, 10)
    assert second.returncode != 0 and second.stderr
    assert gw.ask().status == 200 and gw.status()["pid"] == gw.pid
