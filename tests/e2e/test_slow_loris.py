"""A thousand attackers that dribble heads or bodies, while others are served."""

import os
import resource
import selectors
import socket
import subprocess
import sys
import time

import pytest

from harness import client, procs
from harness.gateway import LONG, proxy_to
from harness.procs import memory, wait_until

ATTACKERS = 1000
SECONDS = 20 if LONG else 2
HEAD = b"POST /never HTTP/1.1\r\nHost: test\r\nX-Padding: "
BODY = b"POST /never HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\n"


# ---- the process of the attackers ----


class Attacker:
    def __init__(self, port, start):
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setblocking(False)
        self.sock.send(start)
        self.answer = b""

    def dribble(self):
        try:
            self.sock.send(b"x")
        except OSError:
            pass  # closed: what was answered is read below

    def read(self):
        """False at the end."""
        try:
            data = self.sock.recv(65536)
        except BlockingIOError:
            return True
        except ConnectionResetError:
            return False
        self.answer += data
        return bool(data)


def attack(port, start, count, pause):
    """Dribbles a byte a connection and pause until each is closed; prints what they were answered."""
    everybody = selectors.DefaultSelector()
    alive = set()
    for _ in range(count):
        a = Attacker(port, start)
        alive.add(a)
        everybody.register(a.sock, selectors.EVENT_READ, a)
        time.sleep(0.001)  # or all of them would have one deadline
    print("ready", flush=True)
    answers = {}
    end = time.monotonic() + 60
    while alive and time.monotonic() < end:
        for a in alive:
            a.dribble()
        turn = time.monotonic() + pause
        while (left := turn - time.monotonic()) > 0 and alive:
            for key, _ in everybody.select(left):
                if not key.data.read():
                    everybody.unregister(key.data.sock)
                    key.data.sock.close()
                    alive.discard(key.data)
                    status = key.data.answer[9:12].decode() or "none"
                    answers[status] = answers.get(status, 0) + 1
    answers["open"] = len(alive)
    print(answers, flush=True)


# ---- the test ----


@pytest.fixture
def many_files():
    """2 000 sockets and more in the gateway; in this process they are the attackers' inheritance."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 8192:
        pytest.skip("the limit of descriptors is too low")
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def normal_traffic(gw, until):
    """Durations of requests, one after the other on a few connections, until `until()`."""
    clients = [gw.connect() for _ in range(8)]
    took = []
    while not until() or len(took) < 800:
        for c in clients:
            start = time.monotonic()
            assert c.ask("/normal").body == b"responder"
            took.append(time.monotonic() - start)
        time.sleep(0.005)
    for c in clients:
        c.close()
    took.sort()
    return took[len(took) // 2], took[len(took) * 99 // 100]


def descriptors(gw):
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in gw.workers())


@pytest.mark.parametrize("start", [HEAD, BODY], ids=["heads", "bodies"])
def test_attackers_do_not_hurt_others(gateway, responder, many_files, start):
    # A body may take as long as it moves: only the limit of the whole request ends one that dribbles.
    gw = gateway(proxy_to(responder) | {"timeouts": {"client_head": f"{SECONDS}s", "total": f"{SECONDS}s", "drain": "3s"},
                                        "limits": {"upstream_idle_connections": 8, "keepalive_requests": 1000000}})
    control = normal_traffic(gw, lambda: True)
    before, at_rest = descriptors(gw), sum(memory(pid) for pid in gw.workers())
    attackers = procs.spawn([sys.executable, os.path.abspath(__file__), str(gw.port), start.hex(), str(ATTACKERS),
                             str(SECONDS / 20)],
                            stdout=subprocess.PIPE, text=True)
    try:
        assert attackers.stdout.readline() == "ready\n"
        wait_until(lambda: sum(w["connections"] for w in gw.status()["workers"]) >= ATTACKERS)
        grown = max(sum(memory(pid) for pid in gw.workers()) - at_rest, 0)
        attacked = normal_traffic(gw, lambda: attackers.poll() is not None)
        answers = eval(attackers.stdout.read())
    finally:
        attackers.kill()
        attackers.wait()
        procs.forget(attackers)
        attackers.stdout.close()
    assert answers == {"408": ATTACKERS, "open": 0}
    assert all(a <= 10 * max(c, 0.002) for a, c in zip(attacked, control)), (control, attacked)
    assert grown < ATTACKERS * 64 * 1024
    wait_until(lambda: descriptors(gw) <= before + 16, 10)


def test_at_the_descriptor_reserve_and_back(gateway, responder):
    """As many attackers as there are descriptors: accepting stops and goes on when they are gone."""
    gw = gateway(proxy_to(responder) | {"workers": 1, "timeouts": {"client_head": "1s", "drain": "3s"}}, files=256)
    attackers = [gw.connect() for _ in range(160)]
    for a in attackers:
        a.send(HEAD)
    wait_until(lambda: gw.metrics()["yett_accept_paused_total"] > 0)
    assert len(os.listdir(f"/proc/{gw.workers()[0]}/fd")) <= 256 - 32
    with gw.connect(30) as c:  # behind them in the queue
        assert c.ask("/normal").status == 200
    for a in attackers:
        a.close()
    assert gw.ask("/normal").status == 200


if __name__ == "__main__":
    attack(int(sys.argv[1]), bytes.fromhex(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
