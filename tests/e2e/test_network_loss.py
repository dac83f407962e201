"""Packets are lost, late and in another order on both sides: every body arrives whole, and every answer at who asked for it."""

import collections
import hashlib
import random
import threading
import time

import pytest

from harness import client
from harness.gateway import LONG, proxy_to
from harness.upstream import Upstream

SECONDS, CLIENTS = (60, 16) if LONG else (1.5, 6)


def content(name, size):
    return random.Random(name).randbytes(size)


def answer(r, c):
    """A body of the size and the name that are asked for, and the digest of what came."""
    body = c.read_body(r) or b""
    name, size = r.target.strip("/").split("/")
    c.reply(headers={"Name": name, "Digest": hashlib.sha256(body).hexdigest()}, body=content(name, int(size)))


@pytest.fixture(scope="module")
def net(rooms):
    return rooms("client", "gateway", "upstream")


@pytest.fixture(scope="module")
def address(net, lasting_gateway):
    with net["upstream"]:
        up = Upstream(answer, host=net["upstream"].address, port=80)
    with net["gateway"]:
        lasting_gateway(proxy_to(up) | {"listeners": [f"{net['gateway'].address}:80"], "limits": {"keepalive_requests": 50}})
    yield net["gateway"].address, 80
    up.stop()


class Person:
    """Asks on keep-alive connections, one after the other and several at once, until the time is over."""

    def __init__(self, net, address, number, until):
        self.number, self.n, self.results = number, 0, collections.Counter()
        self.thread = threading.Thread(target=self.live, args=(net, address, until))
        self.thread.start()

    def live(self, net, address, until):
        with net["client"]:
            while time.monotonic() < until:
                try:
                    with client.Client(address, 20) as c:
                        while time.monotonic() < until and self.round(c):
                            pass
                except (OSError, EOFError) as e:
                    self.results[f"broke: {e!r}"] += 1

    def name(self):
        self.n += 1
        return f"{self.number}-{self.n}"

    def round(self, c):
        """Some requests; does the connection go on?"""
        body = content(self.name(), random.choice([10, 3000, 150000]))
        if self.n % 3 == 0:
            batch = [(self.name(), "GET", None) for _ in range(4)]
        else:
            batch = [(self.name(), "POST", body)] if self.n % 2 else [(self.name(), "GET", None)]
        sizes = [random.choice([10, 3000, 200000]) if len(batch) == 1 else 3000 for _ in batch]
        c.send(b"".join(client.request(f"/{name}/{size}", method, body=body) for (name, method, body), size in zip(batch, sizes)))
        for (name, _, body), size in zip(batch, sizes):
            r = c.read()
            if r.status != 200:
                self.results[f"{r.status} {r.why}"] += 1
            elif (r.header("Name"), r.body, r.header("Digest")) != (name, content(name, size), hashlib.sha256(body or b"").hexdigest()):
                self.results["wrong"] += 1
            else:
                self.results["ok"] += 1
            if r.header("Connection") == "close":
                return False
        return True


@pytest.mark.parametrize("loss", [0.01, 0.05])
def test_bodies_are_whole(net, address, loss):
    for name, a, b in ("near", "client", "gateway"), ("far", "gateway", "upstream"):
        net.rule(name, a, b, loss=loss, delay=2, jitter=3)
    begin = time.monotonic()
    people = [Person(net, address, i, begin + SECONDS) for i in range(CLIENTS)]
    total = collections.Counter()
    for p in people:
        p.thread.join()
        total += p.results
    counts = net.counts()
    print(f"loss {loss:.0%}: {sum(total.values())} requests in {time.monotonic() - begin:.1f} s, {dict(total)}; packets {counts}")
    assert total["ok"] > 10 and all(c["lost"] > 0 for c in counts.values())
    assert all(what == "ok" or what.endswith(("_timeout", "upstream_stalled")) for what in total), total
