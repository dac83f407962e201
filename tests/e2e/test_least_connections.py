"""Least connections counts what is under way in all workers: an endpoint that is slow gets few requests."""

import threading
import time

from harness import procs
from harness.gateway import proxy_to


def load(gw, clients, seconds):
    """Closed loop over a connection of its own for each client, so that they are spread over the workers."""
    failed, end = [], time.monotonic() + seconds

    def run():
        while time.monotonic() < end:
            try:
                with gw.connect() as c:
                    for _ in range(4):
                        if c.ask().status != 200:
                            failed.append("status")
            except OSError as e:
                failed.append(e)

    threads = [threading.Thread(target=run) for _ in range(clients)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed, failed


def slowly(seconds):
    def handler(r, c):
        time.sleep(seconds)
        c.reply(body=b"ok")
    return handler


def share(gateway, serve, balance):
    """Of the requests, the slow endpoint's."""
    slow, fast = serve(slowly(0.3)), [serve(slowly(0.005)) for _ in range(2)]
    gw = gateway(proxy_to(slow, *fast) | {"workers": 4, "balance": balance})
    load(gw, 12, 2)
    return len(slow.requests) / sum(len(u.requests) for u in [slow, *fast])


def test_slow_endpoint_gets_few(gateway, serve):
    assert share(gateway, serve, "least_connections") < 0.15


def test_control_in_turn(gateway, serve):
    assert share(gateway, serve, "round_robin") > 0.2


def held(gateway, serve, endpoints, requests, **more):
    """Requests that nobody answers, in four workers: how many each endpoint holds."""
    release = threading.Event()

    def hold(r, c):
        release.wait(20)
        c.reply(body=b"ok")
    ups = [serve(hold) for _ in range(endpoints)]
    config = proxy_to(*ups) | {"workers": 4, "balance": "least_connections"}
    weights = more.pop("weights", [1] * endpoints)
    config["upstreams"]["u"]["endpoints"] = [{"address": u.address, "weight": n} for u, n in zip(ups, weights)]
    gw = gateway(config)
    clients = [gw.connect(30) for _ in range(requests)]
    for n, c in enumerate(clients):
        c.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        procs.wait_until(lambda: sum(len(u.requests) for u in ups) > n, what=f"request {n}")
    counts = [len(u.requests) for u in ups]
    release.set()
    for c in clients:
        assert c.read().status == 200
        c.close()
    return counts


def test_exact_over_all_workers(gateway, serve):
    assert held(gateway, serve, 5, 40) == [8] * 5


def test_by_weight(gateway, serve):
    assert held(gateway, serve, 3, 40, weights=[2, 1, 1]) == [20, 10, 10]


def test_of_many_a_few_are_looked_at(gateway, serve):
    counts = held(gateway, serve, 40, 80)
    assert max(counts) <= 4 and counts.count(0) < 10
