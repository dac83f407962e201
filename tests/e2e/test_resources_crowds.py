"""Crowds: 100 000 new connections a minute, plain and TLS, handshakes that stand still, and readers that hardly read. Others are served
meanwhile, as windows without a crowd tell; bench/loris.py and bench/flood.py measure it closely. (Heads and bodies that dribble:
test_slow_loris.py.)"""

import contextlib
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
from harness.gateway import LONG, merge, proxy_to
from harness.procs import wait_until

RATE = 100_000 / 60
CROWD = 4000 if LONG else 1000
SECONDS = 20 if LONG else 0.5  # of a window
PAIRS = 3 if LONG else 2
REQUEST = client.request("/", host="a.example", headers={"Connection": "close"})


# ---- the process of the crowd ----


def context():
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    return c


def connections(port, secure):
    """New ones at the rate, as far as they are served at it; how many were answered."""
    how, done, begin = context(), 0, time.monotonic()
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], max(begin + done / RATE - time.monotonic(), 0))[0]:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as plain:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s = how.wrap_socket(plain, server_hostname="a.example") if secure else plain
            s.sendall(REQUEST)
            done += b" 200 " in s.recv(4096)
            s.close()
    return done, done / (time.monotonic() - begin)


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
    return len(crowd), 0


def part_of_a_hello():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context().wrap_bio(incoming, outgoing, server_hostname="a.example").do_handshake()
    return outgoing.read()[:-1]


CROWDS = {
    "connections": lambda plain, secure: connections(plain, False),
    "tls": lambda plain, secure: connections(secure, True),
    "handshakes": lambda plain, secure: standing(secure, part_of_a_hello()),
    "readers": lambda plain, secure: standing(plain, client.request("/big", host="a.example"), 4096),
}


# ---- the test ----


@contextlib.contextmanager
def crowd(gw, what):
    """How many they were, and how many a second, is put into the list at its end."""
    told = []
    p = procs.spawn([sys.executable, os.path.abspath(__file__), what, str(gw.port), str(gw.tls)], stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE, text=True)
    os.setpriority(os.PRIO_PROCESS, p.pid, 10)  # or it would delay the others itself
    try:
        assert p.stdout.readline() == "ready\n"
        yield told
    finally:
        p.stdin.close()
        told += [float(word) for word in p.stdout.readline().split()]
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


@pytest.mark.parametrize("what", CROWDS)
def test_others_are_served(gw, what):
    pids, quiet, loud, done, settled = gw.workers(), [], [], 0, []
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(gw.connect(30)) for _ in range(4)]
        window(clients)
        for _ in range(PAIRS):
            quiet.append(window(clients))
            with crowd(gw, what) as told:
                if what == "readers":
                    settled.append(settle(clients[0]))
                loud.append(window(clients))
            done += told[0]
    ms = [[statistics.median(w[i] for w in windows) for windows in (quiet, loud)] for i in (0, 1)]
    print(f"{what}: {done:.0f} in {PAIRS} windows" + (f", {told[1]:.0f}/s in the last of {RATE:.0f}" if what in ("connections", "tls") else "") +
          f"; a request takes {ms[0][0]:.1f} ms, 90 % {ms[1][0]:.1f} at most; beside the crowd {ms[0][1]:.1f} and {ms[1][1]:.1f} "
          f"(control rounds {min(q[0] for q in quiet):.1f} to {max(q[0] for q in quiet):.1f})" +
          (f"; {max(settled):.1f} s until they had filled their buffers" if settled else ""))
    assert done > (PAIRS * CROWD * 0.99 if what in ("handshakes", "readers") else PAIRS)
    assert ms[0][1] <= 10 * max(max(q[0] for q in quiet), 2), (quiet, loud)
    assert gw.workers() == pids
    wait_until(lambda: sum(w["connections"] for w in gw.status()["workers"]) <= 4, 10)


if __name__ == "__main__":
    print(*CROWDS[sys.argv[1]](int(sys.argv[2]), int(sys.argv[3])), flush=True)
