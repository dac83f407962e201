"""Crowds: 100 000 new connections a minute, plain and TLS, handshakes that stand still, and readers that hardly read. Others are served
meanwhile, as windows without a crowd tell; bench/loris.py and bench/flood.py measure it closely. (Heads and bodies that dribble:
test_slow_loris.py.)"""

import contextlib
import json
import os
import resource
import select
import socket
import ssl
import statistics
import subprocess
import sys
import time

import pytest

from harness import client, procs, tls
from harness.aside import Generous, Responder
from harness.gateway import BINARY, LONG, merge, proxy_to
from harness.procs import wait_until

RATE = 100_000 / 60
CROWD = 4000 if LONG else 1000
SECONDS = 20 if LONG else 0.5  # of a window
PAIRS = 3 if LONG else 2
LEAD = 0.1  # a flood begins so long before the window
LOAD = os.path.join(os.path.dirname(os.path.dirname(BINARY)), "bench", "bench-load")


# ---- the process of the crowd ----


def standing(port, data, buffer=None):
    """They stand, and take a byte a second."""
    crowd = []
    for _ in range(CROWD):
        s = socket.socket()
        if buffer:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        s.connect(("127.0.0.1", port))
        s.setblocking(False)
        s.send(data)
        crowd.append(s)
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], 1)[0]:
        for s in crowd:
            with contextlib.suppress(OSError):
                s.recv(1)


def part_of_a_hello():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname="a.example").do_handshake()
    return outgoing.read()[:-1]


STANDING = {
    "handshakes": lambda plain, secure: standing(secure, part_of_a_hello()),
    "readers": lambda plain, secure: standing(plain, client.request("/big", host="a.example"), 4096),
}


# ---- the test ----


@contextlib.contextmanager
def crowd(gw, what):
    """Of those who stand: they do."""
    with of_the_crowd([sys.executable, os.path.abspath(__file__), what, str(gw.port), str(gw.tls)]) as p:
        yield CROWD
        assert p.poll() is None


@contextlib.contextmanager
def flood(gw, what):
    """New connections at the rate, as far as they are served at it: how many were, in the end."""
    url, more = {"connections": (f"http://127.0.0.1:{gw.port}/", []),
                 "tls": (f"https://127.0.0.1:{gw.tls}/", ["--server-name", "a.example"])}[what]
    told = []
    with of_the_crowd([LOAD, "--control", "-c", "256", "--new-connection", *more, url]) as p:
        p.stdin.write(f"run {SECONDS + LEAD} {RATE}\n")
        p.stdin.flush()
        time.sleep(LEAD)
        yield told
        result = json.loads(p.stdout.readline())
        assert result["errors"] == 0, result
        told.append(result["requests"])


@contextlib.contextmanager
def of_the_crowd(command):
    """The process, once it says that it is there; it yields the core to every other, or it would delay them itself."""
    p = procs.spawn(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        os.sched_setscheduler(p.pid, os.SCHED_IDLE, os.sched_param(0))
        assert p.stdout.readline()
        yield p
    finally:
        p.stdin.close()
        p.wait()
        procs.forget(p)
        p.stdout.close()


def settle(c):
    """Seconds until a crowd that stands has what its buffers take: for one of them nobody has waited for it."""
    start = since = time.monotonic()
    while time.monotonic() < min(since + 1, start + 20):
        begin = time.monotonic()
        assert c.ask("/", host="a.example").status == 200
        if time.monotonic() > begin + 0.05:
            since = time.monotonic()
        time.sleep(0.005)
    return since - start


def window(clients):
    """Median and 90th percentile in ms at 200 requests a second."""
    took, due = [], time.monotonic()
    end = due + SECONDS
    while due < end:
        for c in clients:
            time.sleep(max(due - time.monotonic(), 0))
            start = time.monotonic()
            assert c.ask("/", host="a.example").status == 200
            took.append((time.monotonic() - start) * 1e3)
            due = max(due + 0.005, start)
    took.sort()
    return took[len(took) // 2], took[len(took) * 9 // 10]


@pytest.fixture(scope="module")
def gw(lasting_gateway, pki):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(16384, hard), hard))
    up, other = Generous(), Responder()
    config = merge(proxy_to(other), {"upstreams": {"big": {"endpoints": [up.address]}}})
    config["routes"].append({"path": "/big", "upstream": "big"})
    config |= {"access_log": "off", "limits": {"keepalive_requests": 1000000}, "timeouts": {
        "client_head": "120s", "drain": "1s"}}
    yield tls.over_both(lasting_gateway, config, pki.entry("ec"))
    up.stop()
    other.stop()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def others(gw):
    """Clients on connections of their own, who are served."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(gw.connect(30)) for _ in range(4)]
        window(clients)
        yield clients


def judge(gw, what, pids, quiet, loud, more):
    ms = [[statistics.median(w[i] for w in windows) for windows in (quiet, loud)] for i in (0, 1)]
    print(f"{what}: a request takes {ms[0][0]:.1f} ms, 90 % {ms[1][0]:.1f} at most; beside the crowd {ms[0][1]:.1f} and {ms[1][1]:.1f} "
          f"(control rounds {min(q[0] for q in quiet):.1f} to {max(q[0] for q in quiet):.1f}); {more}")
    assert ms[0][1] <= 10 * max(max(q[0] for q in quiet), 2), (quiet, loud)
    assert gw.workers() == pids
    wait_until(lambda: sum(w["connections"] for w in gw.status()["workers"]) <= 4, 10)


@pytest.mark.parametrize("what", STANDING)
def test_others_are_served_beside_a_crowd(gw, what):
    pids, quiet, loud, settled = gw.workers(), [], [], [0]
    with others(gw) as clients:
        for _ in range(PAIRS):
            quiet.append(window(clients))
            with crowd(gw, what):
                if what == "readers":
                    settled.append(settle(clients[0]))
                loud.append(window(clients))
    judge(gw, what, pids, quiet, loud, f"{CROWD} stood; {max(settled):.1f} s until they had filled their buffers")


@pytest.mark.parametrize("what", ["connections", "tls"])
def test_others_are_served_beside_a_flood(gw, what):
    if not os.path.exists(LOAD):
        pytest.skip(f"no {LOAD}")
    pids, quiet, loud, rates = gw.workers(), [], [], []
    with others(gw) as clients:
        for _ in range(PAIRS):
            quiet.append(window(clients))
            with flood(gw, what) as told:
                loud.append(window(clients))
            rates.append(told[0] / (SECONDS + LEAD))
    judge(gw, what, pids, quiet, loud, f"{statistics.median(rates):.0f} new connections a second of {RATE:.0f}")
    assert statistics.median(rates) > RATE / 10


if __name__ == "__main__":
    STANDING[sys.argv[1]](int(sys.argv[2]), int(sys.argv[3]))
