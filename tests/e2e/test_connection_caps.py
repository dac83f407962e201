"""How many may be connected: over all workers, and from one address."""

import os
import signal
import socket
import struct

import pytest

from harness import client
from harness.gateway import merge, proxy_to
from harness.procs import free_port, wait_until


def connect(gw, source="127.0.0.1"):
    c = client.Client.__new__(client.Client)
    c.sock = socket.create_connection(("127.0.0.1", gw.port), 5, source_address=(source, 0))
    c.buffer = b""
    return c


def capped(gateway, serve, most=4, **more):
    return gateway(merge(proxy_to(serve()), {"limits": {"connections_per_address": most}, "workers": 2} | more))


def close_all(clients):
    for c in clients:
        c.close()


def spread(gw, n, source="127.0.0.1"):
    """n clients that were served; they are spread over the workers by the kernel."""
    clients = [connect(gw, source) for _ in range(n)]
    assert [c.ask().status for c in clients] == [200] * n
    return clients


def connected(gw):
    return sum(w["connections"] for w in gw.status()["workers"])


def test_all_workers_together(gateway, serve):
    gw = gateway(proxy_to(serve()) | {"limits": {"connections": 8}, "workers": 2})
    clients = [connect(gw) for _ in range(24)]
    wait_until(lambda: connected(gw) >= 8)
    # Two workers that accept at the same moment may overshoot by one.
    assert connected(gw) <= 9
    assert gw.admin("/ready").status == 200  # operators are not shut out
    for c in clients:  # each of them gets its turn
        c.send(client.request(headers={"Connection": "close"}))
    assert [c.read().status for c in clients] == [200] * 24
    close_all(clients)
    wait_until(lambda: connected(gw) == 0)


@pytest.mark.parametrize("idle_first", [True, False])
def test_one_that_is_idle_makes_room(gateway, serve, idle_first):
    """Whether they were idle when the newcomer came or became so later; one goes for one that comes."""
    gw = gateway(proxy_to(serve()) | {"limits": {"connections": 4}, "workers": 1})
    clients = [connect(gw) for _ in range(4)]
    if idle_first:
        assert [c.ask().status for c in clients] == [200] * 4
    late = connect(gw)
    late.send(client.request())
    if not idle_first:
        wait_until(lambda: gw.metrics()["yett_accept_paused_total"] > 0)
        assert [c.ask().status for c in clients] == [200] * 4
    assert late.read().status == 200
    assert [c.closed(0.1) for c in clients] == [True, False, False, False]
    close_all([late, *clients])


def test_one_address_over_all_workers(gateway, serve):
    gw = capped(gateway, serve)
    clients = spread(gw, 4)
    for i in range(20):
        with connect(gw) as c:
            if i % 2:
                c.send(client.request())
            r = c.read()
            assert (r.status, r.why) == (429, "too_many_connections")
            assert r.json()["limit"] == "limits.connections_per_address" and "limits.conn" in r.json()["detail"]
            assert r.json()["reason"] == "too_many_connections" and r.header("Connection") == "close"
            assert c.closed()
    other = spread(gw, 4, "127.0.0.2")
    assert [c.ask().status for c in clients] == [200] * 4  # those that are in stay in
    assert gw.metrics()['yett_refusals_total{reason="too_many_connections"}'] == 20
    clients.pop().close()
    wait_until(lambda: connected(gw) == 7)
    clients += spread(gw, 1)
    close_all(clients + other)


def test_trusted_proxies_are_exempt(gateway, serve):
    gw = capped(gateway, serve, trusted_proxies=["127.0.0.2"])
    close_all(spread(gw, 8, "127.0.0.2"))


def test_ipv6_counts_by_network(gateway, serve):
    port = free_port()
    gw = capped(gateway, serve, most=2, trusted_proxies=["127.0.0.1"],
                listeners=[{"address": f"127.0.0.1:{port}", "proxy_protocol": True}])
    gw.port = port

    def ask(source):
        c = connect(gw)
        c.send(f"PROXY TCP6 {source} ::1 1 2\r\n".encode() + client.request())
        return c, c.read().status
    clients, statuses = zip(*(ask(s) for s in ("2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1")))
    assert statuses == (200, 200, 429, 200)
    close_all(clients)


def test_reload_and_killed_worker(gateway, serve):
    up = serve()
    config = merge(proxy_to(up), {"limits": {"connections_per_address": 4}, "workers": 2})
    gw = gateway(config)
    clients = spread(gw, 4)
    assert connect(gw).read().status == 429
    gw.reload(merge(config, {"limits": {"connections_per_address": 6}}))
    clients += spread(gw, 2)
    assert connect(gw).read().status == 429
    before = gw.workers()
    for pid in before:  # what they counted goes with them
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(gw.workers()) == 2 and not set(gw.workers()) & set(before))
    wait_until(lambda: connect(gw).ask().status == 200)
    close_all(clients)


def test_refused_clients_hold_nothing(gateway, serve):
    gw = capped(gateway, serve, most=1, workers=1)
    pid, = gw.workers()
    first, = spread(gw, 1)
    before = len(os.listdir(f"/proc/{pid}/fd"))
    refused = [connect(gw) for _ in range(300)]  # none of them closes
    wait_until(lambda: gw.metrics()['yett_refusals_total{reason="too_many_connections"}'] == 300)
    assert len(os.listdir(f"/proc/{pid}/fd")) <= before + 64
    wait_until(lambda: len(os.listdir(f"/proc/{pid}/fd")) <= before, 5)
    for c in refused:
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    close_all(refused + [first])


@pytest.mark.parametrize("to", ["127.0.0.1", "unix"])
def test_where_no_cap_is(gateway, serve, tmp_path, to):
    """Off by default; and a Unix socket's peers have no address."""
    path = f"{tmp_path}/s"
    gw = gateway(merge(proxy_to(serve()), {"listeners": [f"unix:{path}"], "limits": {"connections_per_address": 1}}
                       if to == "unix" else {}))
    clients = [client.Client(path if to == "unix" else gw.port) for _ in range(50)]
    assert [c.ask().status for c in clients] == [200] * 50
    close_all(clients)
