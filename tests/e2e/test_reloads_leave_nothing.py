"""Reloads by the hundred, and by the thousand in the long form, leave nothing behind: rules that are pushed one at a time (an
overlay of the table in force), many at once, written past the API, and the configuration read anew (a whole table)."""

import os

from harness.api import Api
from harness.gateway import LONG, from_redis, is_sanitized
from harness.procs import wait_until

ROUNDS = 10000 if LONG else 500
WARM = 60  # as many revisions as are kept, and some
SLACK = 512 << 10  # bytes of heap by which a process may differ between the middle and the end


def heap(pid):
    """Bytes that the process has written itself; its share of the tables is none of them."""
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return next(int(line.split()[1]) << 10 for line in f if line.startswith("Pss_Anon:"))


def mappings(pid):
    """In all, and of tables."""
    with open(f"/proc/{pid}/maps") as f:
        lines = f.readlines()
    return len(lines), sum("/memfd:" in line for line in lines)


class Town:
    """A gateway before two upstreams, whose rules change at each turn; `turn` returns when every worker routes by them."""

    def __init__(self, gateway, store, serve):
        self.store, self.turns = store, 0
        for name in "ab":
            store.db.hset(f"backend:{name}", serve(name=name).address, 0)
        for i in range(100):
            store.db.set(f"frontend:h{i % 10}.test/p{i}", "a")
        store.db.set("frontend:raw.test", "a")
        self.configs = [from_redis(store) | {"routes": [{"path": f"/file-{i}", "target": "http://127.0.0.1:9"}]} for i in range(2)]
        self.gw = gateway(self.configs[0] | {"access_log": "off"})
        self.api = Api(self.gw.socket)

    def turn(self):
        i, name = self.turns, "ab"[self.turns // 10 % 2]
        self.turns += 1
        if i % 10 == 9:
            self.gw.configure(self.configs[i // 10 % 2] | {"access_log": "off"})
            r = self.gw.admin("/reload?wait=1", "POST")
            assert r.status == 200, r
        elif i % 10 == 8:
            self.store.db.set("frontend:raw.test", name)
            wait_until(lambda: {self.gw.ask(host="raw.test").json()["name"] for _ in range(4)} == {name}, every=0.002)
        elif i % 100 == 7:
            many = [{"url": f"h{k % 10}.test/p{k}", "backend_name": name} for k in range(100)]
            self.api.done("POST", "batch", body={"frontends": many})
        else:
            self.api.done("PUT", "frontends", f"h{i % 10}.test/p{i % 100}", "ab"[i // 100 % 2])

    def at_rest(self):
        """What there is of each process, by its pid, once one table is all that lives."""
        r = self.gw.admin("/reload?wait=1", "POST")
        assert r.status == 200, r
        status = wait_until(lambda: (s := self.gw.status())["table"]["alive"] == 1 and s)
        pids = [self.gw.pid, *(w["pid"] for w in status["workers"]), status["admin"]["pid"]]
        return {pid: (len(os.listdir(f"/proc/{pid}/fd")), *mappings(pid), heap(pid)) for pid in pids}


def told(name, seen):
    rows = ("fds %d, mappings %d (%d of tables), heap %.0f KiB" % (*row[:3], row[3] / 1024) for row in seen.values())
    print(f"{name:>6}: " + "; ".join(rows))


def test_memory_and_descriptors_are_flat(gateway, store, serve):
    town = Town(gateway, store, serve)
    for _ in range(WARM):
        town.turn()
    seen = []
    for name, rounds in ("start", 0), ("middle", ROUNDS // 2), ("end", ROUNDS // 2):
        for _ in range(rounds):
            town.turn()
        seen.append(town.at_rest())
        told(name, seen[-1])
    start, middle, end = seen
    assert start.keys() == end.keys(), "a process died"
    for pid, (descriptors, maps, tables, used) in end.items():
        assert descriptors <= start[pid][0] + 3, "descriptors"  # a client that is about to be gone is no leak
        assert tables <= start[pid][2] + 2, "old tables are mapped"  # one may be on its way to the disk
        if not is_sanitized():  # what is freed is kept for a while
            assert maps <= start[pid][1] + 8, "mappings"
            assert used <= middle[pid][3] + SLACK, "memory grows"
