"""A deleted user, and the services that are told of it: each one, once for all gateways, whatever ends in between."""

import json
import random
import signal
import threading
import time

import pytest

from harness.gateway import LONG
from harness.procs import wait_until

SERVICES = ("orders", "files")


class Service:
    """Answers DELETE with `status`, after `gate` is open."""

    def __init__(self, serve, name):
        self.status, self.delay, self.gate = 204, 0, threading.Event()
        self.gate.set()
        self.up = serve(self.answer, name=name)

    def answer(self, r, c):
        r.body = b""
        self.gate.wait(20)
        time.sleep(self.delay)
        c.reply(self.status)

    @property
    def told(self):
        """(id, Idempotency-Key) of each DELETE."""
        for r in self.up.requests:
            assert (r.method, r.target) == ("DELETE", "/base/user-delete") and not r.all("Cookie"), r
        return [(r.header("id"), r.header("Idempotency-Key")) for r in self.up.requests]

    @property
    def ids(self):
        return [user for user, _ in self.told]


@pytest.fixture
def services(serve):
    return {n: Service(serve, n) for n in SERVICES}


@pytest.fixture
def fleet(gateway, store, services):
    """fleet(n) starts so many gateways with one Redis."""
    def start(n=1, **cascade):
        return [gateway({
            "redis": {"address": store.address, "timeout": "2s"}, "workers": 1, "health": {"enabled": False},
            "timeouts": {"orphan_grace": "200ms"},
            "upstreams": {name: {"endpoints": [f"http://{s.up.address}/base"]} for name, s in services.items()},
            "routes": [{"path": "/" + name, "upstream": name, "cascade": True} for name in services],
            "cascade": {"enabled": True, "timeout": "1s", "retry": "100ms", "retry_max": "300ms"} | cascade})
            for _ in range(n)]
    return start


def publish(store, user, receivers):
    """Once all of them listen."""
    wait_until(lambda: store.db.pubsub_numsub("user-delete")[0][1] == receivers, what="subscribers")
    assert store.db.publish("user-delete", user) == receivers


def settled(store):
    """Nothing is under way any more."""
    wait_until(lambda: not store.db.zcard("yett:cascade:due"), 10, what=lambda: store.db.zrange("yett:cascade:due", 0, -1))


@pytest.mark.parametrize("way", ["channel", "stream"])
def test_each_service_once(fleet, store, services, way):
    """By two gateways that both hear of it; the log does not have the id."""
    if way == "stream":
        store.db.xadd("user-delete", {"id": "user-1"})  # before there is a gateway
    both = fleet(2)
    if way == "channel":
        publish(store, "user-1", 2)
    else:
        store.db.xadd("user-delete", {"reason": "asked for", "id": "user-2"})
    users = {"user-1"} if way == "channel" else {"user-1", "user-2"}
    for s in services.values():
        wait_until(lambda s=s: len(s.told) >= len(users), 10, what="both services")
    settled(store)
    keys = {key for s in services.values() for _, key in s.told}
    assert all(sorted(s.ids) == sorted(users) for s in services.values()), [s.told for s in services.values()]
    assert len(keys) == len(users) and all(len(k) == 34 for k in keys)
    assert store.db.xlen("user-delete") == 0
    assert both[0].ask("/orders/user-delete", "DELETE", headers={"id": "user-3"}).why == "reserved_path"  # not from outside
    assert not any("user-1" in gw.log() for gw in both)
    status = [gw.status()["cascade"] for gw in both]
    assert [s["state"] for s in status] == ["up"] * 2 and sum(s["done"] for s in status) == 2 * len(users)
    assert sum(gw.metrics()["yett_cascade_done_total"] for gw in both) == 2 * len(users)
    if way == "channel":  # the same deletion, told twice
        publish(store, "user-1", 2)
        time.sleep(0.3)
        settled(store)
        assert all(s.ids == ["user-1"] for s in services.values())


def test_a_service_that_is_down_hears_later(fleet, store, services):
    gw, = fleet()
    services["files"].up.stop()
    services["orders"].status = 503
    publish(store, "u", 1)
    wait_until(lambda: len(services["orders"].told) >= 2, what="a second attempt")
    jobs = json.loads(gw.cli("cascade", "--json").stdout)["data"]["waiting"]
    assert [j["user"] for j in jobs] == ["u"]
    assert {s["name"]: (s["state"], s["status"]) for s in jobs[0]["services"]} == {"orders": ("waits", 503), "files": ("waits", 0)}
    services["files"].up.start()
    services["orders"].status = 200
    settled(store)
    assert services["files"].ids == ["u"] and len({key for s in services.values() for _, key in s.told}) == 1
    before = len(services["orders"].told)
    time.sleep(0.5)
    assert len(services["orders"].told) == before and "No deletion waits" in gw.cli("cascade").stdout


def test_taken_over_from_a_gateway_that_was_killed(fleet, store, services):
    """In the midst of a call: the other one goes on, with the same key; who had answered is not asked again."""
    one, two = fleet(2)
    services["files"].gate.clear()
    publish(store, "u", 2)
    wait_until(lambda: services["files"].told and services["orders"].told, what="both are asked")
    wait_until(lambda: b"done" in store.db.hget(store.db.keys("yett:cascade:job:*")[0], "s:orders"), what="one is noted")
    holder = one if services["files"].up.requests and one.status()["cascade"]["done"] else two
    holder.kill()
    services["files"].gate.set()
    wait_until(lambda: len(services["files"].told) == 2, 10, what="the other gateway")
    settled(store)
    assert services["orders"].ids == ["u"] and services["files"].ids == ["u", "u"]
    assert len({key for s in services.values() for _, key in s.told}) == 1


def test_many_at_a_time(fleet, store, services):
    """They do not wait for a second each."""
    for i in range(150):
        store.db.xadd("user-delete", {"id": f"u{i}"})
    began = time.monotonic()
    fleet(2)
    wait_until(lambda: all(len(s.ids) == 150 for s in services.values()), 20, what="all of them")
    settled(store)
    assert time.monotonic() - began < 15 and all(len(set(s.ids)) == 150 for s in services.values())


def test_what_a_gateway_took_that_ended(fleet, store, services):
    """Read from the stream, and never noted as a job."""
    store.db.xgroup_create("user-delete", "yett", "0", mkstream=True)
    store.db.xadd("user-delete", {"id": "u"})
    (_, ((entry, _),)), = store.db.xreadgroup("yett", "yett", {"user-delete": ">"})
    store.db.xclaim("user-delete", "yett", "yett", 0, [entry], idle=60000)
    fleet()
    wait_until(lambda: all(s.told for s in services.values()), 10, what="both services")
    settled(store)
    assert all(s.ids == ["u"] for s in services.values()) and store.db.xpending("user-delete", "yett")["pending"] == 0


def test_given_up_and_tried_again(fleet, store, services):
    gw, = fleet(give_up="1s")
    services["orders"].status = 500
    services["files"].status = 404
    publish(store, "secret-user", 1)
    wait_until(lambda: store.db.zcard("yett:cascade:dead") == 1, 10, what="a dead letter")
    assert services["files"].ids == ["secret-user"]
    shown = gw.cli("cascade").stdout
    assert "secret-user" in shown and "dead" in shown and "the service knows nothing of it" in shown
    wait_until(lambda: gw.status()["cascade"]["dead"] == 1, what="the count")
    assert gw.metrics()["yett_cascade_given_up_total"] == 1 and "given up: 1\n" in gw.cli("status").stdout
    services["orders"].status = 200
    asked = len(services["orders"].told)
    assert gw.cli("cascade", "retry", "secret-user").returncode == 0
    settled(store)
    assert len(services["orders"].told) == asked + 1 and services["files"].ids == ["secret-user"]
    assert store.db.zcard("yett:cascade:dead") == 0 and "secret-user" not in gw.log()

    services["orders"].status = 500
    publish(store, b"other \xff\"<b>", 1)  # Latin-1, say
    shown = json.loads(gw.cli("cascade", "--json").stdout)["data"]
    assert [j["user"].startswith("other ") for j in shown["waiting"]] == [True] and shown["dead"] == []
    job = wait_until(lambda: store.db.zrange("yett:cascade:due", 0, -1), what="a job")[0].decode()
    assert gw.cli("cascade", "drop", job).returncode == 0
    wait_until(lambda: not store.db.keys("yett:cascade:due"), what="it is forgotten")
    assert gw.cli("cascade", "drop", job).returncode == 1
    assert gw.cli("cascade", "retry", "nobody").returncode == 1
    assert gw.cli("cascade", "frobnicate").returncode == 2


HOSTILE = [b"", b"a\r\nX-Admin: 1", b"a\nb", b"\0", b"a" * 257, b" a", b"a\x7f"]


def test_what_is_no_id(fleet, store, services):
    gw, = fleet()
    for text in HOSTILE:
        publish(store, text, 1)
        store.db.xadd("user-delete", {"id": text})
    store.db.xadd("user-delete", {"user": "42"})
    publish(store, b"\xc3\xa9", 1)
    wait_until(lambda: services["files"].told and services["orders"].told, what="the good one")
    wait_until(lambda: gw.status()["cascade"]["rejected"] == 2 * len(HOSTILE) + 1, what=lambda: gw.status()["cascade"])
    settled(store)
    wait_until(lambda: store.db.xlen("user-delete") == 0, what="an empty stream")
    assert [len(s.told) for s in services.values()] == [1, 1]
    assert services["files"].ids == ["\xc3\xa9"] and "X-Admin" not in gw.log()


def test_a_gateway_that_is_told_to_end_ends_what_it_began(fleet, store, services):
    gw, = fleet()
    services["files"].gate.clear()
    publish(store, "u", 1)
    wait_until(lambda: services["files"].told, what="it is asked")
    gw.signal(signal.SIGTERM)
    time.sleep(0.3)
    services["files"].gate.set()
    assert gw.wait() == 0 and not store.db.zcard("yett:cascade:due")
    assert [s.ids for s in services.values()] == [["u"]] * 2


def test_what_the_user_of_redis_may_not_do_is_told(fleet, store):
    gw, = fleet()
    wait_until(lambda: gw.status()["cascade"]["channel_error"] == "", what="it listens")
    store.db.acl_setuser("default", commands=["-zrangebyscore", "-xreadgroup"])
    wait_until(lambda: "zrangebyscore" in gw.status()["cascade"]["error"], what="the error")
    assert "xreadgroup" in gw.status()["cascade"]["stream_error"] and "stream_error: " in gw.cli("status").stdout
    store.db.acl_setuser("default", commands=["+@all"])
    wait_until(lambda: (c := gw.status()["cascade"])["error"] == c["stream_error"] == "", what="all is well")
    assert gw.log().count("XREADGROUP") + gw.log().count("xreadgroup") == 1


def test_redis_goes_away_in_between(fleet, store, services):
    """What is in it goes on; a gateway that cannot note an answer does so when it is back."""
    gw, = fleet()
    services["files"].gate.clear()
    publish(store, "u", 1)
    wait_until(lambda: services["files"].told, what="it is asked")
    store.db.client_kill_filter(skipme=True)
    services["files"].gate.set()
    settled(store)
    assert services["orders"].ids == ["u"] and set(services["files"].ids) == {"u"}
    assert gw.status()["cascade"]["state"] == "up"


def test_one_of_several_endpoints(gateway, serve, store):
    """One that answers; and none that may have heard it is passed over for another."""
    dead, alive, silent = serve(), Service(serve, "alive"), serve(raw=lambda c: c.read_request())
    dead.stop()

    def start(*endpoints):
        return gateway({"redis": {"address": store.address}, "workers": 1, "health": {"enabled": False},
                        "upstreams": {"u": {"endpoints": [f"http://{e.address}/base" for e in endpoints]}},
                        "routes": [{"upstream": "u", "cascade": True}],
                        "cascade": {"enabled": True, "timeout": "1s", "retry": "1h", "retry_max": "1h"}})
    gw = start(dead, alive.up)
    publish(store, "one", 1)
    wait_until(lambda: alive.told, what="the one that is alive")
    settled(store)
    gw.stop()
    gw = start(silent, alive.up)
    publish(store, "two", 1)
    wait_until(lambda: gw.status()["cascade"]["failed"] == 1, what="an attempt")
    assert alive.ids == ["one"] and len(silent.connections) == 1


def test_it_follows_the_configuration(gateway, store, services):
    """Off, on, and on another channel; a rule of the store cannot name who is told."""
    def config(**cascade):
        return {"redis": {"address": store.address, "timeout": "2s"}, "workers": 1, "health": {"enabled": False},
                "upstreams": {n: {"endpoints": [f"http://{s.up.address}/base"]} for n, s in services.items()},
                "routes": [{"path": "/" + n, "upstream": n, "cascade": True} for n in services],
                "cascade": {"enabled": True, "stream": ""} | cascade}

    def listeners():
        return [n for _, n in store.db.pubsub_numsub("user-delete", "gone")]
    gw = gateway(config())
    wait_until(lambda: listeners() == [1, 0], what="the first channel")
    assert gw.reload(config(enabled=False)).returncode == 0
    wait_until(lambda: listeners() == [0, 0], what="none")
    assert gw.status()["cascade"] is None and gw.cli("cascade").returncode != 0
    assert gw.reload(config(channel="gone", header="X-User")).returncode == 0
    wait_until(lambda: listeners() == [0, 1], what="the other channel")
    store.db.publish("gone", "u")
    for s in services.values():
        told = wait_until(lambda s=s: s.up.requests, 10, what="a DELETE")[0]
        assert told.header("X-User") == "u" and not told.all("id")
    store.db.set("yett:route:evil", json.dumps({"path": "/evil", "target": services["files"].up.address, "cascade": True}))
    wait_until(lambda: "only the configuration file says who hears" in gw.cli("routes", "--refused").stdout, what="the refusal")


def test_over_tls(gateway, store, secure, authority, roots):
    """Who cannot show whose name he has is told nothing."""
    good, bad = secure(authority.issue("127.0.0.1")), secure(authority.issue("other.test"))
    gateway({"redis": {"address": store.address}, "workers": 1, "health": {"enabled": False}, "upstream_tls": {"ca": roots},
             "upstreams": {n: {"endpoints": [u.address]} for n, u in (("good", good), ("bad", bad))},
             "routes": [{"path": "/" + n, "upstream": n, "cascade": True} for n in ("good", "bad")],
             "cascade": {"enabled": True, "retry": "1h", "retry_max": "1h"}})
    publish(store, "u", 1)
    told = wait_until(lambda: good.requests, what="a DELETE")[0]
    assert (told.method, told.header("id")) == ("DELETE", "u")
    job = wait_until(lambda: store.db.keys("yett:cascade:job:*"), what="the job")[0]
    wait_until(lambda: b"the certificate is not of this name" in store.db.hget(job, "s:bad"), what="why the other one was not")
    assert not bad.requests


def test_how_it_is_configured(gateway, store):
    base = {"routes": [{"target": "127.0.0.1:1", "cascade": True}], "cascade": {"enabled": True}}
    for more, said in (
            ({}, "give redis.address"), ({"routes": [{"respond": {"status": 404}, "cascade": True}]}, "nobody is behind the route"),
            ({"cascade": {"header": "Host"}}, "has a meaning of its own"), ({"cascade": {"enabled": True, "channel": "", "stream": ""}}, "name one")):
        with pytest.raises(RuntimeError, match=said):
            gateway(base | more)


@pytest.mark.skipif(not LONG, reason="long")
def test_gateways_killed_at_random(fleet, store, services):
    """Everybody hears of everybody; asked twice is only what a gateway was at when it was killed."""
    rest, users, killed = fleet(4), [f"u{i}" for i in range(120)], 0
    dice = random.Random(7)
    for s in services.values():
        s.delay = 0.2
    wait_until(lambda: store.db.pubsub_numsub("user-delete")[0][1] == 4, what="subscribers")
    for i, user in enumerate(users):
        if i % 2:
            store.db.publish("user-delete", user)
        else:
            store.db.xadd("user-delete", {"id": user})
        time.sleep(dice.random() / 20)
        if i % 40 == 39:
            rest.pop(dice.randrange(len(rest))).kill()
            killed += 1
    wait_until(lambda: all(set(s.ids) == set(users) for s in services.values()), 60, what="all of them")
    settled(store)
    keys = {told for s in services.values() for told in s.told}
    assert len(keys) == len(users), "one key for each deletion"
    extra = sum(len(s.told) - len(users) for s in services.values())
    assert extra <= killed * 4 * len(services), extra
    print(f"{extra} asked twice, {killed} killed")
