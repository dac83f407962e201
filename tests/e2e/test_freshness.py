"""A rule written by a raw command is in force within 100 ms; the assertion is ten times that."""

import statistics
import time

from harness.gateway import from_redis


def test_raw_set(gateway, store, serve):
    ups = [serve(lambda r, c: c.reply(body=c.server.name.encode()), name=n) for n in "ab"]
    store.rule("a.test", ups[0].address, "b0")
    store.db.hset("backend:b1", ups[1].address, 0)
    gw = gateway(from_redis(store) | {"limits": {"keepalive_requests": 100000}})
    clients = [gw.connect() for _ in range(8)]  # on all workers, very likely
    took = []
    for turn in range(1, 21):
        want = b"ab"[turn % 2:][:1]
        begin = time.monotonic()
        store.db.set("frontend:a.test", f"b{turn % 2}")
        while any(c.ask(host="a.test").body != want for c in clients):
            assert time.monotonic() - begin < 1, f"turn {turn}: not within 1 s"
        took.append((time.monotonic() - begin) * 1000)
    for c in clients:
        c.close()
    print(f"in force on all workers: median {statistics.median(took):.1f} ms, most {max(took):.1f} ms")
