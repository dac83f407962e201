"""A fleet is split, a Redis on each side takes writes, and the split is healed: all agree again, and who was suspended on either
side stays so everywhere."""

import statistics
import time

import pytest

from harness import client
from harness.api import Api
from harness.gateway import LONG
from harness.procs import wait_until
from harness.redis_group import MASTER, PASSWORD, Says, Server
from harness.redis_server import RedisServer
from harness.tokens import SECRET, bearer, token

GATE = {"gate": {"secret": SECRET, "claims": {"id": "X-User"}, "protect": ["/"]}, "health": {"enabled": False}, "workers": 1}


class Side:
    """A room with a Redis, a sentinel, and gateways that ask that one."""

    def __init__(self, net, name):
        self.room, self.gateways, self.port = net[name], [], 80
        with self.room:
            self.redis = Server("--repl-timeout", "3", host=self.room.address)

    def watch(self, first):
        with self.room:
            self.says = Says(first.redis, first.room.address, self.room.address)

    def start(self, gateway):
        redis = {"sentinel": {"addresses": [self.says.address], "master": MASTER}, "password": PASSWORD, "timeout": "500ms"}
        with self.room:
            gw = gateway(GATE | {"listeners": [f"{self.room.address}:{self.port}"], "redis": redis})
        gw.place, self.port = (self.room, (self.room.address, self.port)), self.port + 1
        self.gateways.append(gw)

    def follow(self, other):
        """Of Redis; the sentinel says so."""
        with self.room:
            self.redis.db.replicaof(*(("NO", "ONE") if other is self else (other.room.address, other.redis.port)))
        self.says.host, self.says.server = other.room.address, other.redis

    def finish(self):
        self.says.finish()
        self.redis.finish()


def push(gw, name, **query):
    return Api(gw.socket).ask("PUT", "rules", "route", name, body={"path": f"/{name}/", "redirect": {"to": f"http://{name}/"}}, **query)


def ask(gw, path="/first/", who="42"):
    room, address = gw.place
    with room:
        r = client.ask(address, path, headers=bearer(token(id=who)))
    return r.why or r.status


def revisions(gateways):
    return {gw.status()["rules"]["revision"]["revision"] for gw in gateways}


@pytest.fixture
def sides(rooms):
    net = rooms("left", "right")
    left, right = made = Side(net, "left"), Side(net, "right")
    for side in made:
        side.watch(left)
    yield net, left, right
    for side in made:
        side.finish()


@pytest.fixture
def rooms_of_one_store(rooms):
    net = rooms("store", "near", "far")
    with net["store"]:
        store = RedisServer(["--bind", "127.0.0.1", net["store"].address, "--protected-mode", "no"])
    yield net, store
    store.finish()


@pytest.mark.parametrize("ahead_s", [0, 3600] if LONG else [3600])
def test_both_sides_take_writes(sides, gateway, ahead_s):
    """`ahead_s`: of the clock of the Redis that is to lose what it took."""
    net, left, right = sides
    right.follow(left)
    right.says.host, right.says.server = left.room.address, left.redis
    for side in (left, right, right):
        side.start(gateway)
    one, two, three = everyone = left.gateways + right.gateways
    wait_until(lambda: len(Api(one.socket).data("fleet")["gateways"]) == 3, 10)
    assert push(one, "first", query="wait=fleet").status == 200
    wait_until(lambda: len(revisions(everyone)) == 1 and [ask(gw) for gw in everyone] == [302] * 3, 5, what=lambda: [ask(gw) for gw in everyone])
    with right.room:
        wait_until(lambda: right.redis.db.info("replication")["master_link_status"] == "up" and right.redis.db.exists("yett:route:first"), 5)

    net.cut("left", "right")
    begin = time.monotonic()
    right.follow(right)
    wait_until(lambda: push(two, "right").status == 200, 10, what="the other side takes writes")
    print(f"the cut-off side took writes {time.monotonic() - begin:.1f} s after the cut")
    if ahead_s:
        with left.room:
            left.redis.db.execute_command("XSETID", "yett:revisions", f"{int(time.time() + ahead_s) * 1000}-0")
    assert all(push(one, f"left-{i}").status == 200 for i in range(3))
    assert one.cli("suspend", "lefty").returncode == 0
    wait_until(lambda: three.cli("suspend", "righty").returncode == 0, 10)
    wait_until(lambda: [ask(gw, who=w) for gw, w in ((one, "lefty"), (two, "righty"), (three, "righty"))] == ["suspended"] * 3, 5)
    wait_until(lambda: (ask(one, "/left-0/"), ask(three, "/right/")) == (302, 302), 5)
    assert [ask(gw) for gw in everyone] == [302] * 3 and revisions([one]) != revisions([two])

    begin = time.monotonic()
    net.heal("left", "right")
    left.follow(right)  # what it alone had is gone, but for what its gateway knows
    wait_until(lambda: all(ask(gw, who=w) == "suspended" for gw in everyone for w in ("lefty", "righty")), 15,
               what=lambda: [(gw.status()["redis"], gw.status()["suspensions"]) for gw in everyone])
    print(f"all suspensions hold everywhere {time.monotonic() - begin:.1f} s after the heal")
    wait_until(lambda: len(revisions(everyone)) == 1, 10, what=lambda: [gw.status()["rules"] for gw in everyone])
    print(f"revisions agree {time.monotonic() - begin:.1f} s after the heal")
    answers = [[ask(gw, path) for path in ("/first/", "/right/", "/left-0/", "/left-2/")] for gw in everyone]
    print(f"answers: {answers}")
    done = push(one, "after", query="wait=fleet")
    assert done.status == 200, done
    assert {done.json()["revision"]} == revisions(everyone) and [ask(gw, "/after/") for gw in everyone] == [302] * 3
    assert answers == [answers[1]] * 3
    assert one.cli("resume", "lefty").returncode == 0
    wait_until(lambda: [ask(gw, who="lefty") for gw in everyone] == [302] * 3, 5)


def test_a_lossy_link(rooms_of_one_store, gateway):
    """A tenth of the packets to one gateway is lost, the others are late: it lags, and is never wrong or away."""
    net, store = rooms_of_one_store
    config = GATE | {"redis": {"address": f"{net['store'].address}:{store.port}", "timeout": "2s"}}
    gateways = []
    for name in ("near", "far"):
        with net[name]:
            gateways.append(gateway(config | {"listeners": [f"{net[name].address}:80"]}))
        gateways[-1].place = net[name], (net[name].address, 80)
    near, far = gateways
    wait_until(lambda: len(Api(near.socket).data("fleet")["gateways"]) == 2, 10)
    net.rule("lossy", "store", "far", loss=0.1, delay=5, jitter=20)
    took, since = [], far.status()["redis"]["since"]
    for i in range(40 if LONG else 3):
        begin = time.monotonic()
        assert push((near, far)[i % 2], f"r{i}", query="wait=fleet").status == 200
        took.append(time.monotonic() - begin)
        assert ask(far, f"/r{i}/") == ask(near, f"/r{i}/") == 302
    gone = far.status()["redis"]["since"] != since
    print(f"{len(took)} pushes that wait for the fleet: {statistics.median(took) * 1000:.0f} ms, at most {max(took) * 1000:.0f} ms; the link {'broke' if gone else 'held'}; {net.counts()['lossy']}")
    assert len(revisions(gateways)) == 1
