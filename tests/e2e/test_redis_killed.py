"""Redis dies and comes back under load: no request fails, and its rules are current again within 2 s."""

import time

from harness.gateway import LONG, from_redis
from harness.load import Load
from harness.procs import wait_until


def test_nothing_fails(gateway, store, responder, serve):
    up = serve(name="new")
    store.rule("test", responder.address)
    store.db.save()
    gw = gateway(from_redis(store))
    with Load(gw.port, rate=400) as load:
        time.sleep(0.3)
        store.kill()
        wait_until(lambda: gw.status()["redis"]["state"] != "up", 5, what="noticed")
        assert gw.admin("/ready").status == 200
        time.sleep(30 if LONG else 2)
        store.start()
        back = time.monotonic()
        store.rule("new.test", up.address)
        wait_until(lambda: gw.ask(host="new.test").status == 200, 4, what="rules current after the return")
        took = time.monotonic() - back
        time.sleep(0.3)
    print(f"current {took * 1000:.0f} ms after the return")
    assert load.result["failures"] == [] and load.result["ok"] > 400
    assert load.result["closed"] == load.result["retried"] == 0
    assert took < 2
    assert gw.status()["redis"]["state"] == "up"


def test_what_changed_meanwhile_is_seen(gateway, store, serve):
    a, b = serve(name="a"), serve(name="b")
    store.rule("a.test", a.address, "b1")
    gw = gateway(from_redis(store))
    store.db.hset("backend:b2", b.address, 0)
    for _ in range(3):  # cut off, not restarted
        store.db.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        store.db.set("frontend:a.test", "b2")
    wait_until(lambda: gw.ask(host="a.test").json()["name"] == "b", 5)
