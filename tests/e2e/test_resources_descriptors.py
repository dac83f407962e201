"""Descriptors run out: in a worker the least valuable connections go, in the master what needs one waits for it; limits that change at
run time hold at once."""

import contextlib
import os
import resource
import signal
import time

from harness import client
from harness.gateway import LONG, from_redis, merge, proxy_to
from harness.procs import alive, wait_until

NEVER = client.request("/never")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def limit(pid, n):
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (n, hard))


def closed(clients):
    return [c for c in clients if c.closed(0.001)]


def test_who_goes_first(gateway, responder):
    """Silent ones, then idle ones, the one that was idle longest first, then heads that stay incomplete; never who waits for an
    answer."""
    gw = gateway(merge(proxy_to(responder), {"workers": 1, "timeouts": {"client_head": "60s", "first_byte": "60s"},
                                             "limits": {"keepalive_requests": 100000}}), files=256)
    pid, = gw.workers()
    with contextlib.ExitStack() as stack:
        def connect(n, data=b""):
            made = [stack.enter_context(gw.connect()) for _ in range(n)]
            for c in made:
                c.send(data)
            return made

        waiting, silent, heads = connect(10, NEVER), connect(30), connect(20, b"GET / HTTP/1.1\r\nHost: te")
        idle = connect(20)
        assert [c.ask("/").status for c in idle] == [200] * 20
        time.sleep(1.2)  # nobody is silent sooner, and it looks ten times a second
        seen, came = [], []
        start = time.monotonic()
        for i in range(70):
            came += connect(1)
            assert came[-1].ask("/").status == 200
            if i % 10 == 9:
                seen.append((len(closed(silent)), len(closed(idle))))
        took = time.monotonic() - start
        gone, idle_gone = len(closed(silent)), len(closed(idle))
        print(f"{descriptors(pid)} descriptors of 256; 70 newcomers took {took:.2f} s; gone: {gone} silent of 30, {idle_gone} idle of 20")
        assert descriptors(pid) <= 256 - 32
        assert gone == 30 and idle_gone > 0
        assert all(s == 30 or i == 0 for s, i in seen), seen
        assert closed(waiting) == [] and closed(heads) == [] and closed(idle) == idle[:idle_gone]
        # More than there are idle ones: those that wait for an answer have all the rest but the heads.
        more = connect(80, NEVER)
        wait_until(lambda: gw.metrics()['yett_refusals_total{reason="overloaded"}'] > 0, 5)
        assert client.Client.read(next(h for h in heads if h.sock.recv(1, 2))).why == "overloaded"
        assert closed(waiting) == []
        del more
    wait_until(lambda: gw.ask("/").status == 200, 5)
    assert gw.workers() == [pid]


def test_very_few(gateway, responder):
    """Fewer than are kept free by default: a few clients at a time are served all the same, whoever idles makes room."""
    gw = gateway(proxy_to(responder) | {"workers": 1}, files=64)
    with contextlib.ExitStack() as stack:
        assert [stack.enter_context(gw.connect()).ask("/").status for _ in range(30)] == [200] * 30


def test_limits_at_run_time(gateway, responder):
    gw = gateway(proxy_to(responder) | {"workers": 1})
    pid, = gw.workers()
    crowd = [gw.connect() for _ in range(60)]
    for c in crowd:
        c.send(NEVER)
    wait_until(lambda: descriptors(pid) > 120, 5)
    limit(pid, descriptors(pid) + 32)
    time.sleep(0.25)  # it looks ten times a second
    with gw.connect() as late:
        late.send(client.request("/"))
        wait_until(lambda: gw.metrics()["yett_accept_paused_total"] > 0, 5)
        assert gw.admin("/ready").status == 200
        limit(pid, 4096)
        assert late.read().status == 200
    for c in crowd:
        c.close()


def test_the_master_has_none(gateway, store, serve):
    """No worker can be started, nothing probed, no Redis dialled, nothing reloaded: it waits, and goes on once it has some."""
    up = serve()
    store.rule("a.test", up.address)
    gw = gateway(from_redis(store))
    before = descriptors(gw.pid)
    victim = gw.workers()[0]
    limit(gw.pid, 3)
    os.kill(victim, signal.SIGKILL)
    store.kill()
    wait_until(lambda: not alive(victim), 5)
    end = time.monotonic() + (20 if LONG else 1.5)
    served = 0
    while time.monotonic() < end:
        with contextlib.suppress(OSError, EOFError):
            served += gw.ask(host="a.test", timeout=0.2).status == 200
        assert gw.admin("/ready").status in (200, 503) and gw.metrics()["yett_master_up"] == 1
    assert alive(gw.pid) and served > 0
    assert not gw.reload().returncode == 0
    limit(gw.pid, 4096)
    start = time.monotonic()
    store.start()
    store.rule("a.test", up.address)
    wait_until(lambda: len(gw.workers()) == 2, 15)
    wait_until(lambda: gw.status()["redis"]["state"] == "up" and not gw.status()["degraded"], 15)
    took = time.monotonic() - start
    assert [gw.ask(host="a.test").status for _ in range(10)] == [200] * 10
    assert gw.reload().returncode == 0
    wait_until(lambda: descriptors(gw.pid) <= before + 2, 5, what=lambda: f"{descriptors(gw.pid)} descriptors, not {before}")
    print(f"{served} requests served meanwhile; whole again {took:.1f} s after there were descriptors")
