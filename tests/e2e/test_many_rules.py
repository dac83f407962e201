"""Of many rules what changes is written, read and fetched, not all of them."""

import os

from harness.gateway import from_redis
from harness.procs import wait_until

ROUTES = 22000  # their file has more than a MiB


def fill(store, count, to):
    pipe = store.db.pipeline(transaction=False)
    for i in range(count):
        pipe.set(f"frontend:host-{i % 100}.test/some/longer/path/{i}", to)
    pipe.execute()


def test_last_good_rules_and_what_changed_behind_them(gateway, store, serve):
    up, other = serve(name="up").address, serve(name="other").address
    store.rule("a.test", up)
    to = store.db.get("frontend:a.test").decode()
    fill(store, ROUTES, to)
    gw = gateway(from_redis(store))
    path = os.path.join(gw.state_dir, "rules.json")
    wait_until(lambda: gw.status()["rules"]["frontends"] == ROUTES + 1, 30)
    assert gw.ask("/some/longer/path/2", host="host-2.test").status == 200
    m = gw.metrics()
    assert m["yett_routes"] == ROUTES + 1 and m["yett_routes_uncounted"] == ROUTES + 1 - 4095
    assert sum(n.startswith("yett_route_bytes_total{") for n in m) == 2 * 4096 and 'yett_shadow_refusals_total{route="other"}' in m
    assert sum(n.startswith("yett_route_duration_seconds_count{") for n in m) <= 2  # nobody asked for the others
    wait_until(lambda: os.path.exists(path), 10)
    whole = os.stat(path)
    store.rule("b.test/new", other)
    store.db.delete("frontend:host-1.test/some/longer/path/1")
    wait_until(lambda: os.path.exists(path + ".more") and b"path/1\"" in open(path + ".more", "rb").read(), 10)
    assert os.stat(path).st_ino == whole.st_ino and os.stat(path + ".more").st_size < 10000
    gw.stop()
    store.kill()
    gw.start()
    wait_until(lambda: gw.ask("/new", host="b.test").status == 200, 20)
    assert gw.ask("/new", host="b.test").json()["name"] == "other"
    assert gw.ask("/some/longer/path/2", host="host-2.test").json()["name"] == "up"
    assert gw.ask("/some/longer/path/1", host="host-1.test").status == 404
    store.start()
    wait_until(lambda: gw.status()["rules"]["source"] == "redis", 20)


def test_status_of_many_upstreams(gateway, store, serve):
    """Those alone that somebody should see, and no more than can be read."""
    store.rule("a.test", serve().address)
    pipe = store.db.pipeline(transaction=False)
    for i in range(500):
        pipe.hset(f"backend:many-{i}", mapping={f"127.2.0.1:{10000 + 5 * i + k}": 0 for k in range(5)})
    pipe.hset("backend:empty", "_x", "")
    pipe.execute()
    gw = gateway(from_redis(store))
    gw.rules_in_force(lambda rules: rules["backends"] == 502, 20)
    status = gw.status()
    assert [u["name"] for u in status["upstreams"]] == ["empty"] and status["upstreams_more"] == 501
    assert "and 501 more upstreams" in gw.cli("status").stdout
    assert status["endpoints"] == {"count": 2501, "uncounted": 0, "unprobed": 0, "probed": 0, "probed_every_s": 0}


def test_more_endpoints_than_are_counted(gateway, store, serve):
    """The health of all is known; a changed upstream is no matter of the others."""
    pipe = store.db.pipeline(transaction=False)
    for i in range(500):
        pipe.hset(f"backend:many-{i}", mapping={f"127.1.{i // 25}.{10 * (i % 25) + k}:1": 0 for k in range(9)})
    pipe.set("frontend:a.test/", "many-7")
    pipe.execute()
    gw = gateway(from_redis(store) | {"health": {"enabled": True, "interval": "1m", "rate": 10000}})
    gw.rules_in_force(lambda rules: rules["backends"] == 500, 20)
    expect = {"count": 4500, "uncounted": 405, "unprobed": 0, "probed": 4500, "probed_every_s": 0}
    assert gw.status()["endpoints"] == expect
    assert "of 4500 endpoints 405 have no counters" in gw.cli("status").stdout
    assert gw.metrics()["yett_endpoints_uncounted"] == 405
    wait_until(lambda: gw.log().count("state=dead") == 4500, 20)
    counted = gw.admin("/statistics").json()["upstreams"]
    assert sum(len(u["endpoints"]) for u in counted) == 4095 and all(u["endpoints"] for u in counted)
    store.db.hset("backend:many-7", serve().address, "0")
    wait_until(lambda: gw.ask("/", host="a.test").status == 200, 20)
    store.db.delete("backend:many-8")
    wait_until(lambda: gw.status()["endpoints"]["count"] == 4492, 20)
