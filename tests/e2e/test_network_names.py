"""Name servers at their worst, and upstreams that move: what is asked for last is followed, nothing else is believed, and nobody
waits for an answer but those whose name it is."""

import collections
import random
import socket
import struct
import threading
import time

import pytest

from harness import client
from harness.dns_server import DnsServer
from harness.procs import wait_until
from harness.upstream import Upstream

RATE = 100


def record(owner, kind, ttl, data):
    return owner + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


def name_of(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".")) + b"\0"


class Odd(DnsServer):
    """How a name is answered is in the name: KIND.test. Each of them stands for `self.at`; `liar` is an address that nobody means."""

    def __init__(self, host, at, other, liar):
        super().__init__(host, 53)
        self.at, self.both, self.liar, self.well, self.counts = at, [at, other], liar, True, collections.Counter()
        self.tcp = socket.create_server((host, 53))
        threading.Thread(target=self.run_tcp, daemon=True).start()

    def message(self, number, question, answers=(), flags=0x8180):
        return number + struct.pack(">HHHHH", flags, 1, len(answers), 0, 0) + question + b"".join(answers)

    def right(self, number, kind, question, ttl=1):
        answers = [record(b"\xc0\x0c", 1, ttl, socket.inet_aton(self.at))] if kind == 1 else []
        return self.message(number, question, answers)

    def reply(self, number, name, kind, question, peer):
        self.counts[name] += kind == 1
        how = None if self.well and name != "two.test" else getattr(self, name.partition(".")[0], None)
        for wait, data in how(number, kind, question) if how else [(0, self.right(number, kind, question))]:
            if wait:
                threading.Timer(wait, self.send, (data, peer)).start()
            else:
                self.send(data, peer)

    def send(self, data, peer):
        try:
            self.sock.sendto(data, peer)
        except OSError:
            pass

    def finish(self):
        super().finish()
        self.tcp.close()

    # ---- how ----

    def slow(self, *q):
        return [(1.5, self.right(*q))]

    def lost(self, *q):
        return [] if self.counts["lost.test"] % 2 else [(0, self.right(*q))]

    def reordered(self, *q):
        return [(random.random() * 0.5, self.right(*q))] * 2

    def flapping(self, number, kind, question):
        bad = self.counts["flapping.test"] % 2 == 1
        return [(0, self.message(number, question, flags=0x8182) if bad else self.right(number, kind, question))]

    def zero(self, *q):
        return [(0, self.right(*q, ttl=0))]

    def forged(self, number, kind, question):
        """Three that are not the answer, then the one that is, with more than was asked for."""
        lie = [record(b"\xc0\x0c", 1, 60, socket.inet_aton(self.liar))]
        other = bytes([number[0] ^ 1, number[1]])
        of_another = self.message(number, name_of("other.test") + question[-4:], [record(name_of("other.test"), 1, 60, socket.inet_aton(self.liar))])
        wrong_owner = record(name_of("other.test"), 1, 60, socket.inet_aton(self.liar))
        right = record(b"\xc0\x0c", 1, 1, socket.inet_aton(self.at))
        return [(0, self.message(other, question, lie)), (0, of_another), (0, number), (0.1, self.message(number, question, [wrong_owner, right] if kind == 1 else []))]

    def truncated(self, number, kind, question):
        return [(0, self.message(number, question, flags=0x8380))]

    def chain(self, number, kind, question):
        names = [b"\xc0\x0c"] + [name_of(f"c{i}.test") for i in range(8)]
        answers = [record(a, 5, 1, b) for a, b in zip(names, names[1:])]
        return [(0, self.message(number, question, answers + ([record(names[-1], 1, 1, socket.inet_aton(self.at))] if kind == 1 else [])))]

    def two(self, number, kind, question):
        """Both addresses, whatever it stands for."""
        answers = [record(b"\xc0\x0c", 1, 600, socket.inet_aton(a)) for a in self.both] if kind == 1 else []
        return [(0, self.message(number, question, answers))]

    def loop(self, number, kind, question):
        names = [b"\xc0\x0c", name_of("back.test"), b"\xc0\x0c"]
        return [(0, self.message(number, question, [record(a, 5, 1, b) for a, b in zip(names, names[1:])]))]

    def nothing(self, number, kind, question):
        return [(0, self.message(number, question, flags=0x8183))]

    def run_tcp(self):
        while True:
            try:
                peer = self.tcp.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        """In small pieces."""
        with peer, peer.makefile("rb") as f:
            while len(size := f.read(2)) == 2:
                query = f.read(struct.unpack(">H", size)[0])
                _, kind, question = self.parse(query)
                data = self.right(query[:2], kind, question)
                data = struct.pack(">H", len(data)) + data
                self.counts["tcp"] += 1
                for i in range(0, len(data), 5):
                    peer.sendall(data[i:i + 5])
                    time.sleep(0.002)


FOLLOW = ["slow", "lost", "reordered", "flapping", "zero", "forged", "truncated", "chain"]
KEEP = ["loop", "nothing"]


def answer(r, c):
    if r.path == "/long":
        time.sleep(0.5)
    c.read_body(r)
    c.reply(body=c.sock.getsockname()[0].encode())


@pytest.fixture(scope="module")
def net(rooms):
    return rooms("client", "gateway", "names", upstream=3)


@pytest.fixture(scope="module")
def up(net):
    with net["upstream"]:
        made = Upstream(answer, host="0.0.0.0", port=80)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def dns(net):
    with net["names"]:
        server = Odd(net["names"].address, *net["upstream"].addresses)
    yield server
    server.finish()


@pytest.fixture(scope="module")
def gw(net, up, dns, lasting_gateway):
    kinds = FOLLOW + KEEP + ["plain", "two"]
    config = {"listeners": [f"{net['gateway'].address}:80"], "health": {"enabled": False}, "dns": [dns.address], "workers": 1, "timeouts": {"connect": "400ms"},
              "upstreams": {k: {"endpoints": [f"{k}.test:80"]} for k in kinds}, "routes": [{"host": f"{k}.test", "upstream": k} for k in kinds]}
    with net["gateway"]:
        return lasting_gateway(config)


class Steady:
    """Requests to each host in turn."""

    def __init__(self, net, hosts, path="/", clients=4):
        self.net, self.hosts, self.path, self.over = net, hosts, path, threading.Event()
        self.results, self.slowest, self.lock = collections.Counter(), 0, threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(i, clients)) for i in range(clients)]
        for t in self.threads:
            t.start()

    def run(self, i, clients):
        with self.net["client"], client.Client((self.net["gateway"].address, 80)) as c:
            while not self.over.wait(clients / RATE):
                i += 1
                begin = time.monotonic()
                r = c.ask(self.path, host=self.hosts[i % len(self.hosts)])
                with self.lock:
                    self.results[r.why or r.status] += 1
                    self.slowest = max(self.slowest, time.monotonic() - begin)

    def stop(self):
        self.over.set()
        for t in self.threads:
            t.join()
        return self.results


def at(net, name):
    with net["client"]:
        return client.ask((net["gateway"].address, 80), host=f"{name}.test").body.decode()


def test_answers(net, gw, dns):
    """All turn bad and move, at once."""
    old, new, _ = net["upstream"].addresses
    assert {at(net, k) for k in FOLLOW + KEEP} == {old}
    load = Steady(net, [f"{k}.test" for k in FOLLOW + KEEP])
    asked = dns.counts["zero.test"]
    dns.well, dns.at = False, new
    begin, took, worst = time.monotonic(), {}, 0
    while len(took) < len(FOLLOW):
        assert time.monotonic() < begin + 25, took
        for k in FOLLOW + KEEP:
            if k not in took and (where := at(net, k)) != old:
                assert where == new and k in FOLLOW
                took[k] = round(time.monotonic() - begin, 1)
        turn = time.monotonic()
        assert gw.admin("/reload?wait=1", "POST").status == 200  # the master's loop goes round
        worst = max(worst, time.monotonic() - turn)
        time.sleep(0.05)
    length = time.monotonic() - begin
    results = load.stop()
    print(f"followed after, s: {took}; {dict(results)}, slowest {load.slowest * 1000:.0f} ms, the master's slowest turn {worst * 1000:.0f} ms; by TCP {dns.counts['tcp']}")
    assert set(results) == {200} and load.slowest < 2 and worst < 2 and dns.counts["tcp"] > 0
    assert dns.counts["zero.test"] - asked < length + 3  # a TTL of nothing is a second
    assert {at(net, k) for k in KEEP} == {old}
    dns.well, dns.at = True, old
    wait_until(lambda: {at(net, k) for k in FOLLOW + KEEP} == {old}, 20, every=0.1)


def test_upstream_moves_under_load(net, gw, dns, up):
    """The old address lives for two TTLs more, then its packets vanish. What was under way ends where it began."""
    old, new, _ = net["upstream"].addresses
    assert at(net, "plain") == old
    load, long = Steady(net, ["plain.test"]), Steady(net, ["plain.test"], "/long", 2)
    time.sleep(0.1)
    dns.at = new
    wait_until(lambda: at(net, "plain") == new, 5)
    time.sleep(0.8)  # what was under way ends
    net.rule("away", "gateway", "upstream", address=old, drop=True)
    time.sleep(0.5)
    results, slow = load.stop(), long.stop()
    away = net.counts().get("away", {"lost": 0})["lost"]
    net.end("away")
    print(f"{dict(results)}, of half a second each {dict(slow)}; slowest {load.slowest * 1000:.0f} ms; {away} packets to where it was, after it left")
    assert set(results) == set(slow) == {200} and load.slowest < 2


@pytest.mark.parametrize("dead", [0, 1])
def test_address_of_several_that_is_dead(net, gw, dead):
    """Who comes first waits for it; nobody else does."""
    alive = net["upstream"].addresses[1 - dead]
    net.rule("dead", "gateway", "upstream", address=net["upstream"].addresses[dead], drop=True)
    took = []
    for _ in range(6):
        net.reset_all(80)
        wait_until(lambda: all(v == 0 for n, v in gw.metrics().items() if n.startswith("yett_upstream_idle_connections")), 2)
        begin = time.monotonic()
        assert at(net, "two") == alive
        took.append(time.monotonic() - begin)
    net.end("dead")
    print(f"connections after s {[round(s, 2) for s in took]}")
    assert sum(s >= 0.3 for s in took) <= 1
