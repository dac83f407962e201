"""Many routes (here: a few are called many) are compiled by a process of its own; what it made serves at once after a restart,
if it fits."""

import os

from harness.gateway import from_redis
from harness.procs import wait_until

FEW = {"build_routes": 1}


def fill(store, up, count=30):
    for i in range(count):
        store.rule(f"h{i}.test/x", up.address)


def saved(gw):
    return {"table", "table.base"} <= set(os.listdir(gw.state_dir))


def test_rules_come_and_go(gateway, store, serve):
    up = serve(name="up")
    fill(store, up)
    gw = gateway(from_redis(store) | FEW)
    assert gw.ask("/x", host="h7.test").status == 200
    for i in range(40):  # more than an overlay of so few has room for
        store.rule(f"new{i}.test", up.address)
    wait_until(lambda: all(gw.ask(host=f"new{i}.test").status == 200 for i in range(40)), 10)
    gw.reload()
    assert gw.ask("/x", host="h7.test").status == 200
    assert len(gw.admin("/routes").json()["routes"]) == 70


def test_restart_serves_the_image(gateway, store, serve):
    up = serve(name="up")
    fill(store, up)
    gw = gateway(from_redis(store) | FEW)
    store.rule("over.test", up.address)
    wait_until(lambda: gw.ask(host="over.test").status == 200, 10)
    gw.stop()
    assert saved(gw)
    store.kill()
    gw.start()
    assert gw.ask("/x", host="h3.test").status == gw.ask(host="over.test").status == 200
    store.start()


def test_image_that_does_not_fit(gateway, store, serve):
    up = serve(name="up")
    fill(store, up)
    gw = gateway(from_redis(store) | FEW)
    gw.ask("/x", host="h3.test")
    for name, how in (("table", 5000), ("table", 100), ("table.base", 3000), ("table.base", 0)):
        gw.stop()
        path = os.path.join(gw.state_dir, name)
        with open(path, "r+b") as file:
            file.seek(how)
            file.write(b"foreign")
            file.truncate()
        gw.start()
        assert gw.ask("/x", host="h3.test").status == 200, name
