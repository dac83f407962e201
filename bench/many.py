#!/usr/bin/python3
"""What many rules in one Redis cost a gateway of two workers: its start without and with the image of the table, a change of one rule,
a table that is compiled whole, and memory, also the most of it meanwhile. Each figure stands beside its bound. Usage: bench/many.py
[ROUTES [native]] (rules of redx's form, or of our own), with YETT naming a gateway that was built for release (build-bench/master/yett)."""

import json
import os
import statistics
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
os.environ.setdefault("YETT", os.path.join(ROOT, "build-bench/master/yett"))
sys.path.insert(0, os.path.join(ROOT, "tests/e2e"))

import processes  # noqa: E402
from harness.api import Api  # noqa: E402
from harness.gateway import Gateway, from_redis  # noqa: E402
from harness.procs import wait_until  # noqa: E402
from harness.redis_server import RedisServer  # noqa: E402
from harness.upstream import Upstream  # noqa: E402

CHANGES, AT_ONCE, LONG_S, QUIET_NS = 50, 10000, 120, 20_000_000
MIB = 1 << 20


def say(what, value, unit, bound=None):
    print(f"{what:58} {value:10.1f} {unit:4}" + (f"  at most {bound:g}" if bound else ""), flush=True)


class Redx:
    def __init__(self, store, up):
        for name in "ab":
            store.db.hset(f"backend:{name}", up.address, 0)

    @staticmethod
    def rule(i):
        return f"frontend:test/svc-{i}/v1", "a"

    @staticmethod
    def change(api, i):
        return api.ask("PUT", "frontends", f"test/svc-{i}/v1", "b")


class Native:
    def __init__(self, store, up):
        self.target = up.address

    def body(self, i):
        return {"host": "test", "path": f"/svc-{i}/v1", "target": self.target}

    def rule(self, i):
        return f"yett:route:svc-{i}", json.dumps(self.body(i))

    def change(self, api, i):
        return api.ask("PUT", "rules", "route", f"svc-{i}", body=self.body(i) | {"priority": 1})


def fill(store, rules, count):
    for first in range(0, count, AT_ONCE):
        store.db.mset(dict(rules.rule(i) for i in range(first, min(first + AT_ONCE, count))))


def serving(gw, count):
    """Seconds until the last rule is in force."""
    begin = time.monotonic()
    gw.start(ready=False)
    wait_until(lambda: is_served(gw, count - 1), LONG_S, every=0.005, what=gw.log)
    return time.monotonic() - begin


def is_served(gw, i):
    try:
        return gw.ask(f"/svc-{i}/v1/x").status == 200
    except (OSError, EOFError):
        return False


def at_rest(gw):
    """Nothing is compiled, written or held by anybody any more."""
    wait_until(lambda: gw.status()["rules"]["source"] == "redis" and gw.status()["table"]["alive"] == 1, LONG_S, every=0.2)
    spent = None
    while spent is None or spent > QUIET_NS:
        before = processes.cpu_ns(gw.pid)
        time.sleep(1)
        spent = processes.cpu_between(before, processes.cpu_ns(gw.pid))


def table(gw):
    """Bytes of the tables that a worker has mapped."""
    with open(f"/proc/{gw.workers()[0]}/maps", encoding="utf-8") as f:
        ranges = [line.split()[0].split("-") for line in f if "/memfd:" in line and " r--p " in line]
    return sum(int(end, 16) - int(start, 16) for start, end in ranges)


class Most:
    """The most memory of all processes, while it is looked."""

    def __init__(self, gw):
        self.gw, self.bytes, self.go = gw, 0, True
        self.thread = threading.Thread(target=self.look)

    def look(self):
        while self.go:
            self.bytes = max(self.bytes, processes.memory(self.gw.pid))
            time.sleep(0.02)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.go = False
        self.thread.join()


def change(api, rules, count):
    times = []
    for i in range(CHANGES + 1):
        begin = time.monotonic()
        r = rules.change(api, i * 7919 % count)
        assert r.status == 200, r
        times.append((time.monotonic() - begin) * 1000)
    return times[1:]


def whole(gw):
    """ms for a table that is compiled whole."""
    begin = time.monotonic()
    r = Api(gw.socket).ask("POST", "reload", query="wait=1", timeout=LONG_S)
    assert r.status == 200, r
    return (time.monotonic() - begin) * 1000


def measure(gw, rules, count):
    million = count >= 1000000
    with Most(gw) as most:
        say("from the start until all from Redis serve", serving(gw, count), "s", 15)
    say("most memory meanwhile", most.bytes / MIB, "MiB", 1024)
    at_rest(gw)
    say("memory at rest", processes.memory(gw.pid) / MIB, "MiB")
    say("the table", table(gw) / MIB, "MiB", 150)
    times = change(Api(gw.socket), rules, count)
    say("a change of one, median", statistics.median(times), "ms", 200)
    say("a change of one, longest", max(times), "ms")
    at_rest(gw)
    with Most(gw) as most:
        took = whole(gw)
        say("a table that is compiled whole", took, "ms", None if million else 1000)
        at_rest(gw)
    say("most memory meanwhile", most.bytes / MIB, "MiB", 1024)
    gw.stop()
    say("from the start until the image serves", serving(gw, count), "s", 2)
    assert gw.status()["table"]["image"] == "in force", gw.status()["table"]
    at_rest(gw)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000000
    store, up = RedisServer(), Upstream()
    rules = (Native if sys.argv[2:] == ["native"] else Redx)(store, up)
    try:
        gw = Gateway(from_redis(store, timeout="10s") | {"access_log": "off"})
        try:
            gw.stop()  # it is a first start that is measured
            fill(store, rules, count)
            measure(gw, rules, count)
        finally:
            gw.finish()
    finally:
        store.finish()
        up.stop()


if __name__ == "__main__":
    main()
