"""Gateways that share one Redis know one another, and who pushes or waits hears when all of them have a revision in force."""

import json
import os
import signal
import subprocess
import threading
import time

from harness import procs
from harness.api import Api
from harness.gateway import from_redis, proxy_to
from harness.old_gateway import digest
from harness.procs import wait_until

HEARD = "yett:gateways:heard"


class Ghost:
    """A gateway that is nothing but its announcement."""

    def __init__(self, store, number, **what):
        self.db, self.id = store.db, f"{number:016x}"
        self.what = {"name": f"ghost-{number}", "version": "0.0.9", "format": 1, "state": "ready", "revision": "1-0", "pid": 1}
        self.say(**what)

    def say(self, **what):
        self.what |= what
        self.db.set("yett:gateway:" + self.id, json.dumps(self.what))
        self.db.zadd(HEARD, {f"{self.id} {self.what['name']}": int(time.time() * 1000)})

    def vanish(self):
        self.db.delete("yett:gateway:" + self.id)


def fleet(gw):
    """By id."""
    data = Api(gw.socket).data("fleet")
    assert data["whole"]
    return {g["id"]: g for g in data["gateways"]}


def states(gw):
    return sorted(g["state"] for g in fleet(gw).values())


def push(gw, name="r", query="wait=fleet", timeout=20, **rule):
    return Api(gw.socket).ask("PUT", "rules", "route", name, query=query, timeout=timeout,
                              body={"path": f"/{name}", "redirect": {"to": "http://there/"}} | rule)


def test_gateways_know_one_another(gateway, store):
    one, two = (gateway(from_redis(store)) for _ in range(2))
    wait_until(lambda: states(one) == ["ready", "ready"], 5)
    ids = [gw.status()["gateway"] for gw in (one, two)]
    assert len(set(ids)) == 2 and set(fleet(one)) == set(fleet(two)) == set(ids)
    r = push(one)
    assert r.status == 200, r
    revision = r.json()["revision"]
    for gw, other in (one, two), (two, one):
        wait_until(lambda: {g["revision"] for g in fleet(gw).values()} == {revision}, 2)
        g = fleet(gw)[other.status()["gateway"]]
        assert g["pid"] == other.pid and g["workers"] == 2 and g["format"] == 1
        assert g["in_force_ms"] < 5000 and g["up_ms"] < 60000 and g["heard_ms"] < 5000 and g["degraded"] == ""
    assert all(s["path"] != "/yett" for s in one.admin("/routes").json()["routes"])  # no announcement is taken for a rule
    shown = one.cli("fleet")
    assert shown.returncode == 0 and shown.stdout.count(revision) == 2 and f"{ids[0]} *" in shown.stdout
    two.stop()
    assert list(fleet(one)) == [ids[0]] and store.db.zcard(HEARD) == 1 and not store.db.exists("yett:gateway:" + ids[1])
    one.kill()
    one.start()
    assert one.status()["gateway"] == ids[0]  # who takes over is the same to the others


def test_announcements_reload_nothing(gateway, store):
    gw = gateway(from_redis(store))
    push(gw)
    store.db.config_resetstat()
    version, messages = gw.status()["table"]["version"], 0
    time.sleep(2.5)
    calls = {name: c["calls"] for name, c in store.db.info("commandstats").items()}
    messages = calls.get("cmdstat_evalsha", 0)
    assert gw.status()["table"]["version"] == version and 1 <= messages <= 2 and "cmdstat_eval" not in calls, calls
    assert 0 < store.db.ttl("yett:gateway:" + gw.status()["gateway"]) <= 7


def test_waiting(gateway, store):
    gw = gateway(from_redis(store))
    nothing = gw.cli("wait")
    assert nothing.returncode == 1 and "no revisions yet" in nothing.stderr
    revision = push(gw, query="").json()["revision"]
    ghost = Ghost(store, 1, revision=revision)
    assert [gw.cli("wait", *words).returncode for words in (("latest", "--all"), (revision,), ("1-0",))] == [0] * 3
    assert gw.cli("wait", "nonsense").returncode == 1 and gw.cli("wait", "--timeout", "soon").returncode == 2
    later = gw.cli("wait", "99999999999999-0", "--all", "--timeout", "200ms")
    assert later.returncode == 3 and later.stderr.count("lags") == 2 and "ghost-1" in later.stderr
    ghost.say(revision="5-0")
    assert gw.cli("wait", "--timeout", "200ms").returncode == 0  # this one has it
    assert gw.cli("wait", "--all", "--timeout", "200ms").returncode == 3
    ghost.say(state="draining")
    assert gw.cli("wait", "--all", "--timeout", "5s").returncode == 0
    ghost.say(state="ready")
    ghost.vanish()
    gone = gw.cli("wait", "--all", "--timeout", "5s")
    assert gone.returncode == 0 and "ghost-1) is gone" in gone.stderr
    ghost.say()
    command = procs.spawn([gw.process.args[0], "wait", "--all", "-c", gw.file], stdout=subprocess.PIPE, text=True)
    time.sleep(0.5)
    assert command.poll() is None
    ghost.say(revision=revision)
    assert command.communicate(timeout=10)[0] == f"revision {revision} is in force in every gateway\n"
    procs.forget(command)
    store.freeze()
    try:
        wait_until(lambda: gw.status()["redis"]["state"] == "down", 10)
        away = gw.cli("wait", "--all", "--timeout", "100ms")
        assert away.returncode == 1 and "Redis is away" in away.stderr
        assert gw.cli("wait", "--timeout", "100ms").returncode == 0
        assert gw.cli("fleet").returncode == 1 and "ready, degraded: Redis is away" in gw.cli("status").stdout
    finally:
        store.thaw()


def test_waiting_at_one_that_drains(gateway, store, serve):
    """It takes no new rules any more, and does not count there either."""
    asked, go = threading.Event(), threading.Event()
    up = serve(lambda r, c: (asked.set(), go.wait(20), c.reply()))
    one, two = gateway(from_redis(store) | proxy_to(up)), gateway(from_redis(store))
    wait_until(lambda: states(one) == ["ready", "ready"], 5)
    asking = threading.Thread(target=one.ask)
    asking.start()
    try:
        assert asked.wait(5)
        one.signal(signal.SIGTERM)
        wait_until(lambda: states(two) == ["draining", "ready"], 5)
        revision = push(two).json()["revision"]
        all_ = one.cli("wait", revision, "--all", "--timeout", "1s")
        assert all_.returncode == 0, all_
        assert one.cli("wait", revision, "--timeout", "1ms").returncode == 3
    finally:
        go.set()
        asking.join()


def rubbish_in_redis(gw, store):
    for i, text in enumerate(("{", "[]", '{"a":1,"a":2}', "x" * 100000, json.dumps({"name": "\x1b[2J" * 100, "pid": -1e300}))):
        Ghost(store, i)
        store.db.set(f"yett:gateway:{i:016x}", text)
    store.db.rpush("yett:gateway:%016x" % 9, "a")
    store.db.set("yett:gateway:" + "%016x" % 3, b"x" * (17 << 20))  # more than any answer may have
    now = int(time.time() * 1000)
    store.db.zadd(HEARD, {"%016x" % 9: now, "": 2, "short name": 3, "Z" * 16: now, "a" * 5000: now, "%016x of another name" % 0: now - 2000,
                           b"x" * (17 << 20): now})
    found = Api(gw.socket).data("fleet")["gateways"]
    assert len(found) == len({g["id"] for g in found}) == 8 and "\x1b" not in gw.cli("fleet").stdout
    assert next(g for g in found if g["id"] == "%016x" % 0)["name"] == "ghost-0"  # as it was heard of last
    assert push(gw, query="", path="/huge").status == 200 and "redis state=down" not in gw.log()
    store.db.delete(HEARD)
    store.db.set(HEARD, "no set")
    wait_until(lambda: "gateways redis=" in gw.log(), 6)
    assert push(gw, query="").status == 200


def forgotten_by_redis(gw, store):
    """Who has not announced himself again yet is not taken for somebody who is no more."""
    store.db.flushall()
    r = push(gw, path="/fifth")
    assert r.status == 202 and "forgotten the gateways" in r.json()["message"]
    ghost = Ghost(store, 7)  # it comes back, and lags
    command = procs.spawn([gw.process.args[0], "wait", "--all", "-c", gw.file], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: gw.cli("wait", "--all", "--timeout", "100ms").returncode == 3, what="it is known")
    assert command.poll() is None
    ghost.say(revision="99999999999999-0")
    assert command.wait(10) == 0, command.communicate()
    procs.forget(command)
    assert push(gw, path="/sixth").status == 200 and states(gw) == ["ready", "ready"]
    store.db.delete(*store.db.keys("yett:gateway:*"))  # as all expire while Redis, or its machine, stands still
    assert Api(gw.socket).ask("GET", "wait", "latest", query="all=1&timeout=100ms").status == 503


def test_redis_dies_while_a_push_waits(gateway, store):
    gw = gateway(from_redis(store))
    assert push(gw).status == 200
    Ghost(store, 7)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(push(gw, path="/second")))
    asking.start()
    wait_until(lambda: gw.ask("/r").status == 404, what="it is stored")
    store.kill()
    asking.join()
    told = answers[0].json()
    assert answers[0].status == 202 and ([g["name"] for g in told["lagging"]] == ["ghost-7"] or "Redis is away" in told["message"]), told
    assert gw.ask("/second").status == 302
    away = gw.cli("wait", "--all", "--timeout", "100ms", "--json")
    assert away.returncode == 1 and json.loads(away.stdout)["message"].startswith("Redis is away") and away.stderr == ""
    store.start()


ACL = ("SCAN GET MGET HGETALL WATCH UNWATCH MULTI EXEC TYPE XRANGE XREVRANGE XADD TIME EVAL EVALSHA SCRIPT ZRANGE ZRANGEBYSCORE ZCOUNT GETRANGE"
       " SET DEL ZADD ZREM ZREMRANGEBYSCORE EXPIRE CLIENT SUBSCRIBE PING")  # of yett-admin(7)


def test_a_user_of_redis(gateway, store):
    """What the manual says that one needs is enough."""
    store.db.execute_command("ACL", "SETUSER", "yett", "on", ">pw", "~yett:*", "&*", *("+" + word.lower() for word in ACL.split()))
    gw = gateway(from_redis(store, username="yett", password="pw"))
    Ghost(store, 7, state="draining")
    assert push(gw).status == 200 and len(fleet(gw)) == 2
    assert "gateways redis=" not in gw.log()
    store.db.execute_command("ACL", "SETUSER", "yett", "-getrange")
    wait_until(lambda: gw.cli("fleet").returncode == 1 and "this one does not know of the others" in gw.log(), what=gw.log)
    assert push(gw, query="").status == 200


def test_a_push_waits_for_the_fleet(gateway, store):
    gw = gateway(from_redis(store))
    assert push(gw).status == 200
    ghost = Ghost(store, 7)
    begin = time.monotonic()
    r = push(gw, path="/second")
    assert r.status == 202 and 1.5 < time.monotonic() - begin < 8
    assert [g["gateway"] for g in r.json()["lagging"]] == [ghost.id] and r.json()["gone"] == []
    assert push(gw, query="", path="/third").status == 200  # who does not ask does not wait
    ghost.vanish()
    r = push(gw, path="/fourth")
    assert r.status == 200 and [g["name"] for g in r.json()["gone"]] == ["ghost-7"]
    assert Api(gw.socket).ask("POST", "reload", query="wait=fleet").status == 400
    assert Api(gw.socket).ask("PUT", "suspended", "sub", "a", query="wait=fleet").status == 400
    rubbish_in_redis(gw, store)
    forgotten_by_redis(gw, store)


# ---- versions side by side ----

class Newer:
    """What a gateway of the next version would store."""

    def __init__(self, store):
        self.db, self.rules = store.db, {}

    def write(self, key, value):
        self.rules[key] = value
        with self.db.pipeline() as p:
            p.set(key, value)
            p.xadd("yett:revisions", {"who": "newer", "why": "a test", "digest": digest(self.rules), "delta": '"it is of a newer form"',
                                      "never": "[]", "colour": "green"})
            return p.execute()[1].decode()


def an_older_one_beside(gw, store):
    """Who pushes hears of it."""
    old = Ghost(store, 3, format=0, revision="99999999999999-0")
    time.sleep(1.1)  # what is known of the others is as old as that
    r = push(gw, query="")
    assert r.status == 200 and len(r.json()["warnings"]) == 1 and old.id in r.json()["warnings"][0]
    with open(os.path.join(gw.dir, "rules.yaml"), "w") as f:
        json.dump({"frontends": {"h": "b"}}, f)
    applied = gw.cli("apply", os.path.join(gw.dir, "rules.yaml"))
    assert applied.returncode == 0 and "warning: gateway " + old.id in applied.stderr


def test_a_newer_one_beside(gateway, store):
    """What only the newer version understands is refused alone, and the revision is the same for both."""
    newer = Newer(store)
    good = '{"path":"/a","redirect":{"to":"http://a/"}}'
    newer.write("yett:route:a", good)
    gw = gateway(from_redis(store))
    Ghost(store, 2, format=2, version="9.9.9", state="levitating", mood={"now": [["good"]]})
    wait_until(lambda: sorted(g["format"] for g in fleet(gw).values()) == [1, 2], 5)
    assert push(gw, query="", name="b").json().get("warnings") is None
    newer.rules["yett:route:b"] = json.dumps({"path": "/b", "redirect": {"to": "http://there/"}})
    for value, reason in (('{"path":"/a","redirect":{"to":"http://c/"},"levitate":true}', "levitate"),
                          ('{"path":"/a","redirect":{"to":"http://d/"},"format":2}', "format")):
        revision = newer.write("yett:route:a", value)
        wait_until(lambda: (gw.status()["rules"]["revision"] or {}).get("revision") == revision, 5, what=lambda: gw.status()["rules"])
        refused = gw.status()["rules"]["refused"]
        assert [r["key"] for r in refused] == ["yett:route:a"] and reason in refused[0]["reason"]
        assert gw.ask("/a").header("Location") == "http://a/" and gw.ask("/b").status == 302
        assert gw.cli("wait", revision, "--timeout", "5s").returncode == 0
    time.sleep(1)  # nobody notes what has a revision
    assert store.db.xlen("yett:revisions") == 4
    revision = newer.write("yett:route:a", '{"path":"/a","redirect":{"to":"http://e/"},"format":1}')
    assert gw.cli("wait", revision, "--timeout", "5s").returncode == 0
    assert gw.ask("/a").header("Location") == "http://e/" and gw.status()["rules"]["refused"] == []
    an_older_one_beside(gw, store)
