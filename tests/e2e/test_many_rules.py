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
        pipe.hset(f"backend:many-{i}", mapping={f"127.0.0.1:{10000 + 5 * i + k}": 0 for k in range(5)})
    pipe.hset("backend:empty", "_x", "")
    pipe.execute()
    gw = gateway(from_redis(store))
    gw.rules_in_force(lambda rules: rules["backends"] == 502, 20)
    status = gw.status()
    assert [u["name"] for u in status["upstreams"]] == ["empty"] and status["upstreams_more"] == 501
    assert "and 501 more upstreams" in gw.cli("status").stdout
