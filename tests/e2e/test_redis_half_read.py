"""What of Redis was read by half is not in force, is not saved, and disturbs nothing: neither when the connection ends between
the frontends and the backends that they name, nor when something else compiles the rules meanwhile."""

import json
import os
import signal
import time

import pytest

from harness.gateway import from_redis
from harness.procs import wait_until
from harness.redis_proxy import RedisProxy

HOSTS = [f"h{i}.test" for i in range(6)]


class Between(RedisProxy):
    """Of what the gateway sends it holds back all from the first `word` on for `hold` seconds and hangs up then (`die`) or goes on;
    answers it passes on in pieces of `piece` bytes, one in 50 ms."""

    hold, die, piece, word = 0, False, 0, b"*2\r\n$7\r\nHGETALL\r\n"
    held = through = 0  # words that came, those passed on

    def ask(self, data, server):
        at = data.find(self.word)
        if at >= 0 and self.hold:
            server.sendall(data[:at])
            self.held += 1
            time.sleep(self.hold)
            if self.die:
                raise OSError
            self.through += 1
            data = data[at:]
        server.sendall(data)

    def answer(self, data, client):
        step = self.piece or len(data)
        for i in range(0, len(data), step):
            client.sendall(data[i:i + step])
            if self.piece:
                time.sleep(0.05)


@pytest.fixture
def between(store):
    proxy = Between(store)
    yield proxy
    proxy.close()


def write_all(store, upstream, mark):
    """Other data: every frontend names a backend that was not there before, and none of the old backends is left."""
    with store.db.pipeline() as p:
        p.flushall()
        for host in HOSTS:
            p.hset(f"backend:{mark}-{host}", upstream.address, 0)
            p.set(f"frontend:{host}", f"{mark}-{host}")
        p.execute()


def names(gw):
    answers = [gw.ask(host=host) for host in HOSTS]
    return {r.json()["name"] if r.status == 200 else r.why for r in answers}


def saved(gw):
    with open(os.path.join(gw.state_dir, "rules.json")) as f:
        return json.load(f)


def is_saved(gw, mark):
    try:
        return set(saved(gw)["frontends"].values()) == {f"{mark}-{host}" for host in HOSTS}
    except OSError:
        return False


def test_dies_between_frontends_and_backends(gateway, store, between, serve):
    old, new = serve(name="old"), serve(name="new")
    write_all(store, old, "old")
    gw = gateway(from_redis(between))
    assert names(gw) == {"old"}
    wait_until(lambda: is_saved(gw, "old"), 5)
    between.hold, between.die = 0.3, True
    between.hang_up()
    write_all(store, new, "new")
    for turn in range(1, 4):
        wait_until(lambda: between.held >= turn, 8)
        time.sleep(0.1)
        assert gw.reload().returncode == 0
        assert names(gw) == {"old"}
    wait_until(lambda: gw.status()["redis"]["state"] != "up", 5)
    time.sleep(1.2)  # once more it could be saved
    assert names(gw) == {"old"} and is_saved(gw, "old")
    between.hold = 0
    wait_until(lambda: names(gw) == {"new"}, 8)
    wait_until(lambda: is_saved(gw, "new") and len(saved(gw)["backends"]) == len(HOSTS), 5)


def test_comparison_under_way_when_the_wait_ends(gateway, store, between, serve):
    old, new = serve(name="old"), serve(name="new")
    write_all(store, old, "old")
    gw = gateway(from_redis(between, timeout="10s") | {"timeouts": {"start_wait": "500ms"}})
    wait_until(lambda: is_saved(gw, "old"), 5)
    gw.stop()
    write_all(store, new, "new")
    between.hold = 3
    gw.start()
    assert between.held and not between.through
    assert names(gw) == {"old"} and gw.status()["rules"]["source"] == "last-known-good"
    gw.signal(signal.SIGHUP)
    time.sleep(0.3)
    assert names(gw) == {"old"} and not between.through
    wait_until(lambda: names(gw) == {"new"}, 8)


def test_reloads_and_writes_during_a_comparison(gateway, store, between, serve):
    old, new = serve(name="old"), serve(name="new")
    write_all(store, old, "old")
    gw = gateway(from_redis(between, timeout="10s"))
    wait_until(lambda: is_saved(gw, "old"), 5)
    between.hold = 2
    between.hang_up()
    write_all(store, new, "new")
    wait_until(lambda: between.held, 8)
    store.rule("announced.test", new.address)
    while not between.through:
        gw.signal(signal.SIGHUP)
        assert names(gw) == {"old"} or between.through
        time.sleep(0.2)
    between.hold = 0
    wait_until(lambda: names(gw) == {"new"}, 8)
    wait_until(lambda: gw.ask(host="announced.test").status == 200, 5)


def test_what_is_announced_together_is_applied_together(gateway, store, between, serve):
    write_all(store, serve(name="old"), "old")
    new, other = serve(name="new"), serve(name="other")
    gw = gateway(from_redis(between, timeout="10s"))
    between.hold, between.word = 1, b"*2\r\n$3\r\nGET\r\n"  # backends are announced first
    with store.db.pipeline() as p:
        p.delete("backend:old-h0.test")
        p.hset("backend:old-h0.test", other.address, 0)  # where no frontend leads by then
        p.set("frontend:h0.test", "fresh")
        p.hset("backend:fresh", new.address, 0)
        p.execute()
    wait_until(lambda: between.held, 5)
    while not between.through:
        assert gw.reload().returncode == 0
        assert names(gw) == {"old"} or between.through
    wait_until(lambda: names(gw) == {"old", "new"}, 5)


def test_flushed_while_it_is_compared(gateway, store, between, serve):
    old = serve(name="old")
    write_all(store, old, "old")
    gw = gateway(from_redis(between, timeout="10s", compare_interval="1s"))
    between.hold = 1
    wait_until(lambda: between.held, 5)  # the frontends were there
    store.db.flushall()
    between.hold = 0
    wait_until(lambda: gw.status()["rules"]["withheld"] == 2 * len(HOSTS), 5)
    assert names(gw) == {"old"}


def test_slow_answer_that_makes_progress(gateway, store, between, serve):
    with store.db.pipeline() as p:
        for i in range(2000):
            p.hset("backend:large", f"10.0.{i // 250}.{i % 250}:8080", 0)
        p.set("frontend:large.test", "large")
        p.execute()
    store.rule("a.test", serve().address)
    between.piece = 1500  # about two seconds for the large one
    gw = gateway(from_redis(between, timeout="500ms"), ready=False)
    gw.rules_in_force(lambda r: r["frontends"] == 2, 15)
    assert gw.ask(host="a.test").status == 200 and gw.status()["redis"]["state"] == "up"
