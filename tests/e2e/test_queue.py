"""An endpoint never has more requests than max_connections; what comes then waits its turn, for a while."""

import os
import signal
import threading
import time

import pytest

from harness import client, procs
from harness.gateway import proxy_to


class Gauge:
    """A handler that counts how many requests it holds at once, until `go`."""

    def __init__(self, hold=None):
        self.lock, self.now, self.most = threading.Lock(), 0, 0
        self.hold, self.go = hold, threading.Semaphore(0)

    def __call__(self, r, c):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        c.read_body(r)
        if self.hold:
            time.sleep(self.hold)
        else:
            assert self.go.acquire(timeout=20)
        with self.lock:  # before the answer, which makes room for the next one
            self.now -= 1
        c.reply(body=b"ok")

    def release(self, n=1):
        self.go.release(n)


def limited(*ups, most=2, workers=1, **more):
    return proxy_to(*ups) | {"workers": workers, "max_connections": most} | more


def send(gw, *paths):
    """A client each; they wait for their answers."""
    clients = [gw.connect() for _ in paths]
    for c, path in zip(clients, paths):
        c.send(client.request(path))
        procs.wait_until(lambda: waiting(gw) + taken(gw) >= len(gw.sent) + 1)
        gw.sent.append(path)
    return clients


def waiting(gw):
    return sum(w["queued"] for w in gw.status()["workers"])


def taken(gw):
    return len(gw.up.requests)


def with_upstream(gateway, serve, handler, **how):
    up = serve(handler)
    gw = gateway(limited(up, **how))
    gw.up, gw.sent = up, []
    return gw


def test_order_and_limit(gateway, serve):
    gauge = Gauge()
    gw = with_upstream(gateway, serve, gauge)
    paths = [f"/{n}" for n in range(8)]
    clients = send(gw, *paths)
    assert (taken(gw), waiting(gw)) == (2, 6)
    assert gw.metrics()['yett_worker_requests_queued{worker="0"}'] == 6
    for n in range(8):
        gauge.release()
        procs.wait_until(lambda: taken(gw) == min(8, n + 3))
    assert all(c.read().status == 200 for c in clients)
    assert [r.path for r in gw.up.requests] == paths and gauge.most == 2
    assert waiting(gw) == 0
    assert gw.logged(path="/7")["queue_us"] > 0 and "queue_us" not in gw.logged(path="/0")


@pytest.mark.parametrize("workers, most", [(1, 3), (4, 3 + 3)])
@pytest.mark.parametrize("balance", ["round_robin", "least_connections"])
def test_never_more_under_load(gateway, serve, workers, most, balance):
    gauges = [Gauge(hold=0.005), Gauge(hold=0.01)]
    ups = [serve(g) for g in gauges]
    gw = gateway(limited(*ups, most=3, workers=workers, balance=balance))
    statuses = []

    def run():
        for _ in range(5):
            with gw.connect() as c:
                statuses.extend(c.ask().status for _ in range(4))
    threads = [threading.Thread(target=run) for _ in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert statuses == [200] * 400
    assert all(3 <= g.most <= most for g in gauges), [g.most for g in gauges]
    assert waiting(gw) == 0


def test_place_of_a_sibling(gateway, serve):
    """A worker whose own requests free nothing sees what others give back."""
    gauge = Gauge()
    gw = with_upstream(gateway, serve, gauge, most=1, workers=2)
    first = gw.connect()
    first.send(client.request("/first"))
    procs.wait_until(lambda: taken(gw) == 1)
    others = [gw.connect() for _ in range(8)]
    for c in others:
        c.send(client.request())
    procs.wait_until(lambda: waiting(gw) == 8)
    assert all(w["queued"] for w in gw.status()["workers"])
    gauge.release(9)
    for c in [first, *others]:
        assert c.read().status == 200
    assert gauge.most <= 2


def test_full(gateway, serve):
    gauge = Gauge()
    gw = with_upstream(gateway, serve, gauge, queue=3)
    clients = send(gw, *"/" * 5)
    r = gw.ask("/one-more")
    assert (r.status, r.why, r.header("Retry-After"), r.json()["limit"]) == (503, "queue_full", "1", "queue")
    assert gw.logged(path="/one-more")["limit"] == "queue"
    gauge.release(5)
    assert all(c.read().status == 200 for c in clients)


def test_off(gateway, serve):
    gauge = Gauge()
    gw = with_upstream(gateway, serve, gauge, queue="off")
    clients = send(gw, "/", "/")
    assert gw.ask().why == "queue_full"
    gauge.release(2)
    assert all(c.read().status == 200 for c in clients)


def test_waited_too_long(gateway, serve):
    gauge = Gauge()
    gw = with_upstream(gateway, serve, gauge, timeouts={"queue": "300ms"})
    clients = send(gw, "/", "/")
    begin = time.monotonic()
    r = gw.ask("/late")
    assert (r.status, r.why, r.header("Retry-After"), r.json()["limit"]) == (503, "queue_timeout", "1", "timeouts.queue")
    assert 0.25 < time.monotonic() - begin < 3
    assert gw.logged(path="/late")["queue_us"] >= 250000 and waiting(gw) == 0
    gauge.release(2)
    assert all(c.read().status == 200 for c in clients)


def test_total_time_holds_while_waiting(gateway, serve):
    gauge = Gauge()
    gw = with_upstream(gateway, serve, gauge, most=1, timeouts={"total": "500ms"})
    with gw.connect() as c:
        c.send(client.request())
        procs.wait_until(lambda: taken(gw) == 1)
        assert gw.ask().why == "request_timeout"
        gauge.release(2)
    assert waiting(gw) == 0


def test_client_that_leaves(gateway, serve):
    gauge = Gauge()
    gw = with_upstream(gateway, serve, gauge)
    clients = send(gw, "/0", "/1", "/2", "/3", "/4")
    clients[2].close()
    clients[3].reset()
    procs.wait_until(lambda: waiting(gw) == 1)
    gauge.release(3)
    assert all(c.read().status == 200 for c in clients[:2] + clients[4:])
    assert [r.path for r in gw.up.requests] == ["/0", "/1", "/4"]


def test_body_that_waits(gateway, serve):
    bodies = []

    def handler(r, c):
        gauge(r, c)
        bodies.append(r.body)
    gauge = Gauge()
    gw = with_upstream(gateway, serve, handler, most=1)
    first, = send(gw, "/")
    with gw.connect() as c:
        c.send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 200000\r\n\r\n" + b"x" * 100000)
        procs.wait_until(lambda: waiting(gw) == 1)
        gauge.release(2)
        c.send(b"y" * 100000)
        assert c.read().status == 200
    assert first.read().status == 200
    procs.wait_until(lambda: len(bodies) == 2)
    assert bodies[1] == b"x" * 100000 + b"y" * 100000


def test_reload_while_waiting(gateway, serve):
    gauge = Gauge()
    gw = with_upstream(gateway, serve, gauge)
    clients = send(gw, *[f"/{n}" for n in range(5)])
    assert gw.reload(limited(gw.up, most=3)).returncode == 0
    last = send(gw, "/last")  # it stands behind the others, though its table has room
    assert (taken(gw), waiting(gw)) == (2, 4)
    gauge.release(2)
    procs.wait_until(lambda: (taken(gw), waiting(gw)) == (4, 2))
    assert "/last" not in {r.path for r in gw.up.requests}
    gauge.release(4)
    assert all(c.read().status == 200 for c in clients + last)


def test_places_of_a_killed_worker(gateway, serve):
    """What a worker held is free when it has died."""
    gauge = Gauge()
    gw = with_upstream(gateway, serve, gauge, most=1, workers=2)
    clients = send(gw, "/first")
    holder = next(w["pid"] for w in gw.status()["workers"] if w["in_flight"])
    os.kill(holder, signal.SIGKILL)
    gauge.release(2)
    assert gw.ask("/next").status == 200
    with pytest.raises((EOFError, ConnectionResetError)):
        clients[0].read()


def test_retry_waits_like_others(gateway, serve):
    """A request whose endpoint failed goes to the end of the queue."""
    gauge, die, seen = Gauge(), threading.Event(), []

    def fail_once(r, c):
        seen.append(r.path)
        if len(bad.requests) > 1:
            return gauge(r, c)
        die.wait(10)
        c.close = True

    def hold(r, c):
        seen.append(r.path)
        gauge(r, c)
    good, bad = serve(hold), serve(fail_once)
    gw = gateway(limited(good, bad, most=1, balance="least_connections"))
    clients = []
    for n, path in enumerate(["/0", "/1", "/2", "/3"]):
        clients.append(gw.connect())
        clients[-1].send(client.request(path))
        procs.wait_until(lambda: len(seen) + waiting(gw) == n + 1)
    retried = bad.requests[0].path
    die.set()
    procs.wait_until(lambda: "/2" in seen and waiting(gw) == 2)
    gauge.release()  # one by one: two that are let go at the same time may be seen in either order
    procs.wait_until(lambda: len(seen) == 4)
    gauge.release(3)
    assert all(c.read().status == 200 for c in clients)
    assert seen[2:] == ["/2", "/3", retried]
