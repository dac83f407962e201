"""Many routes (here: a few are called many) are compiled by a process of its own; what it made serves at once after a restart,
if it fits."""

import hashlib
import os
import signal
import struct
import threading

import pytest

from harness import procs
from harness.api import Api
from harness.gateway import Gateway, from_redis
from harness.procs import wait_until
from harness.redis_server import RedisServer
from harness.upstream import Upstream

FEW = {"build_routes": 1}
MANY = 9000      # an overlay of so many has room for more than
RENEW = 510      # changes, behind which all are compiled again meanwhile
TOO_MANY = 1200  # changes have none in an overlay


def fill(store, up, count=30):
    for i in range(count):
        store.rule(f"h{i}.test/x", up.address)


def saved(gw):
    return {"table", "table.base"} <= set(os.listdir(gw.state_dir))


def is_of_the_rules(gw):
    table, rules = (os.stat(os.path.join(gw.state_dir, name)).st_mtime for name in ("table", "rules.json"))
    return table >= rules


def test_rules_come_and_go(gateway, store, serve):
    up = serve(name="up")
    fill(store, up)
    gw = gateway(from_redis(store) | FEW)
    assert gw.status()["table"]["image"] == ""
    assert gw.ask("/x", host="h7.test").status == 200
    for i in range(40):  # more than an overlay of so few has room for
        store.rule(f"new{i}.test", up.address)
    wait_until(lambda: all(gw.ask(host=f"new{i}.test").status == 200 for i in range(40)), 10)
    gw.reload()
    assert gw.ask("/x", host="h7.test").status == 200
    assert len(gw.admin("/routes").json()["routes"]) == 70


# ---- the image ----

def digested(image):
    return image[:8] + hashlib.sha256(image[40:]).digest() + image[40:]


def of_another_program(image):
    return digested(image[:41] + bytes([image[41] ^ 1]) + image[42:])


def of_an_older_format(image):
    over, = struct.unpack_from("=Q", image, 144)
    at = 200 + over + 8  # of the endpoints
    number, = struct.unpack_from("=I", image, at)
    return digested(image[:at] + struct.pack("=I", number - 1) + image[at + 4:])


def changed(at):
    return lambda image: image[:at] + b"foreign" + image[at + 7:]


def test_restart_serves_the_image(gateway, store, serve):
    up = serve(name="up")
    fill(store, up)
    gw = gateway(from_redis(store) | FEW)
    store.rule("over.test", up.address)
    wait_until(lambda: gw.ask(host="over.test").status == 200, 10)
    rules, table = (os.path.join(gw.state_dir, name) for name in ("rules.json", "table"))
    wait_until(lambda: b"over.test" in open(rules, "rb").read() and is_of_the_rules(gw), 10)
    for pid in [gw.pid, *procs.children(gw.pid)]:  # what is on disk fits the rules there at any time
        os.kill(pid, signal.SIGKILL)
    gw.wait()
    gw.start()
    assert gw.status()["table"]["image"] == "in force"
    gw.stop()
    assert saved(gw)
    assert all(os.stat(os.path.join(gw.state_dir, name)).st_mode & 0o077 == 0 for name in ("table", "table.base"))
    store.kill()
    gw.start()
    assert gw.status()["table"]["image"] == "in force"
    assert gw.ask("/x", host="h3.test").status == gw.ask(host="over.test").status == 200
    store.start()


def test_image_does_not_take_the_place_of_what_is_newer(gateway, store, serve):
    """The workers of a killed master serve by rules that came behind it; while Redis is slow they do so on."""
    fill(store, serve(name="old"))
    store.db.hset("backend:new", serve(name="new").address, 0)
    gw = gateway(from_redis(store) | FEW | {"timeouts": {"start_wait": "20s"}})
    wait_until(lambda: saved(gw), 10)
    store.db.set("frontend:h7.test/x", "new")
    wait_until(lambda: {gw.ask("/x", host="h7.test").json()["name"] for _ in range(4)} == {"new"}, every=0.002)
    gw.kill()  # before it is written
    store.freeze()
    gw.start(ready=False)
    threading.Timer(1, store.thaw).start()
    seen = set()
    while not gw.is_ready() or gw.status()["redis"]["state"] != "up":
        seen.add(gw.ask("/x", host="h7.test").json()["name"])
    assert seen == {"new"}


def test_image_that_cannot_be_written(gateway, store, serve):
    """The rules are saved all the same."""
    up = serve()
    fill(store, up)
    gw = gateway(from_redis(store) | FEW, ready=False)
    os.mkdir(os.path.join(gw.state_dir, "table.base"))
    wait_until(gw.is_ready, 20)
    for host in "a.test", "b.test":
        store.rule(host, up.address)
        wait_until(lambda: host.encode() in open(os.path.join(gw.state_dir, "rules.json"), "rb").read(), 10)
    assert "image file=table error=" in gw.log()


def test_image_that_does_not_fit(gateway, store, serve):
    up = serve(name="up")
    fill(store, up)
    gw = gateway(from_redis(store) | FEW)
    other = "table.base is not the one that it was written with"
    for name, change, why in (("table", changed(5000), "it is damaged"), ("table", changed(0), "another version wrote it"),
                              ("table", lambda image: image[:150], "it is damaged"),
                              ("table", of_another_program, "it is of another configuration or version"),
                              ("table", of_an_older_format, "it is damaged"),
                              ("table.base", changed(3000), other), ("table.base", None, other)):
        wait_until(lambda: is_of_the_rules(gw), 10)
        gw.stop()
        path = os.path.join(gw.state_dir, name)
        with open(path, "rb") as file:
            image = file.read()
        os.unlink(path)
        if change:
            with open(path, "wb") as file:
                file.write(change(image))
        else:
            os.mkfifo(path)
        gw.start()
        assert gw.status()["table"]["image"] == why, (name, gw.log())
        assert gw.ask("/x", host="h3.test").status == 200, name
    gw.stop()
    gw.configure(from_redis(store) | FEW | {"no_route": 502})
    gw.start()
    assert gw.status()["table"]["image"] == "it is of another configuration or version"
    assert gw.ask(host="nobody.test").status == 502


# ---- what happens amid a build ----

class Many:
    def __init__(self):
        self.store = RedisServer()
        self.up = Upstream(name="up")
        self.store.rule("h0.test", self.up.address, "up")
        self.number = 1
        self.write(MANY)
        self.gw = Gateway(from_redis(self.store) | FEW)
        self.api = Api(self.gw.socket)

    def write(self, count):
        """As an old tool does. Returns a host of them."""
        pipe = self.store.db.pipeline(transaction=False)
        for i in range(count):
            pipe.set(f"frontend:h{self.number + i}.test", "up")
        self.number += count
        pipe.execute()
        return f"h{self.number - 1}.test"

    def builds(self):
        found = []
        for pid in procs.children(self.gw.pid):
            try:
                with open(f"/proc/{pid}/comm") as f:
                    found += [pid] if f.read() == "yett-build\n" else []
            except OSError:
                pass
        return found

    def stopped(self):
        """The process that compiles, amid it."""
        pid = wait_until(self.builds, 10, every=0, what=lambda: f"a build; the log:\n{self.gw.log()}")[0]
        os.kill(pid, signal.SIGSTOP)
        return pid

    def status_of(self, host):
        return self.gw.ask(host=host).status

    def serves(self, host):
        wait_until(lambda: self.status_of(host) == 200, 20, what=lambda: f"{host}; the log:\n{self.gw.log()}")

    def finish(self):
        try:
            self.gw.finish()
        finally:
            self.up.stop()
            self.store.finish()


@pytest.fixture(scope="module")
def many():
    m = Many()
    yield m
    m.finish()


def test_a_process_that_dies_amid_it(many):
    """The table in force stays, and what does not need that process goes on."""
    last = many.write(RENEW)
    os.kill(many.stopped(), signal.SIGKILL)
    many.serves(last)
    wait_until(lambda: "has ended amid it" in many.gw.log())
    for i in range(3):
        many.api.done("PUT", "frontends", f"pushed{i}.test", "up")
        assert many.status_of(f"pushed{i}.test") == many.status_of("h7.test") == 200
    last = many.write(TOO_MANY)  # for this it has to be tried again
    many.serves(last)
    assert many.status_of("pushed1.test") == 200


def test_what_is_in_force_is_not_taken_back(many):
    """Rules that are pushed and deleted during a build stand when it ends, even if what came behind them has to wait for the
    next one."""
    many.serves(many.write(RENEW))
    first = many.stopped()
    assert not set(os.listdir(f"/proc/{first}/fd")) - set("0123456789")  # its channel, what it makes, and nothing of the master's
    many.api.done("PUT", "frontends", "during.test", "up")
    many.api.done("DELETE", "frontends", "h8.test")
    assert (many.status_of("during.test"), many.status_of("h8.test")) == (200, 404)
    last = many.write(TOO_MANY)
    wait_until(lambda: many.gw.status()["rules"]["frontends"] > many.number - 20, 10)
    os.kill(first, signal.SIGCONT)
    wait_until(lambda: first not in many.builds(), 10, every=0)
    second = many.stopped()
    assert (many.status_of("during.test"), many.status_of("h8.test")) == (200, 404)
    os.kill(second, signal.SIGCONT)
    many.serves(last)
    assert (many.status_of("during.test"), many.status_of("h8.test")) == (200, 404)


def test_a_reload_amid_it(many):
    """What is being made for the configuration before is of no more use."""
    many.serves(many.write(RENEW))
    first = many.stopped()
    r = many.gw.reload(from_redis(many.store) | FEW | {"no_route": 502})
    assert r.returncode == 0, r
    assert many.status_of("nobody.test") == 502 and many.status_of("h9.test") == 200
    assert not procs.alive(first)


def test_a_master_that_is_killed_amid_it(many):
    """It takes the process with it, and the next one has all rules."""
    last = many.write(RENEW)
    many.serves(last)
    child = many.stopped()
    many.gw.kill()
    wait_until(lambda: not procs.alive(child), 5)
    assert many.status_of(last) == 200  # by the workers
    many.gw.start()
    many.serves(last)
    assert many.status_of("during.test") == 200 and many.status_of("h8.test") in (404, 502)
