"""Started while Redis is down: the last good rules serve; without any, 503 until it comes."""

import os

from harness.gateway import from_redis
from harness.procs import wait_until


def test_last_good_rules(gateway, store, serve):
    up = serve(name="good")
    store.rule("a.test/x", up.address)
    store.db.save()
    gw = gateway(from_redis(store))
    assert gw.ask("/x", host="a.test").status == 200
    wait_until(lambda: os.listdir(gw.state_dir), 5, what="the file of the last good rules")
    gw.stop()
    store.kill()
    gw.start()
    assert gw.ask("/x", host="a.test").json()["name"] == "good"
    s = gw.status()
    assert s["rules"]["source"] == "last-known-good" and s["redis"]["state"] != "up" and s["redis"]["error"]
    store.start()
    wait_until(lambda: gw.status()["rules"]["source"] == "redis", 10)
    store.rule("b.test", up.address)
    wait_until(lambda: gw.ask(host="b.test").status == 200, 5)


def test_no_rules_yet(gateway, store, serve):
    store.kill()
    gw = gateway(from_redis(store), ready=False)
    wait_until(lambda: gw.ask(host="a.test").status == 503, 10)
    assert gw.ask(host="a.test").why == "rules_not_loaded"
    wait_until(lambda: gw.metrics()["yett_degraded"] == 1, 5, what="that /metrics says it")
    assert gw.metrics()["yett_redis_up"] == 0
    store.start()
    store.rule("a.test", serve().address)
    wait_until(lambda: gw.ask(host="a.test").status == 200, 10)
    assert gw.ask(host="other.test").why == "no_route"


def test_routes_of_the_file_serve_meanwhile(gateway, store, serve):
    store.kill()
    up = serve(name="file")
    gw = gateway(from_redis(store) | {"routes": [{"path": "/file", "target": f"http://{up.address}"}]}, ready=False)
    wait_until(lambda: gw.ask("/file").json()["name"] == "file", 10)
    store.start()


def test_damaged_file_is_set_aside(gateway, store, serve):
    up = serve()
    store.rule("a.test", up.address)
    gw = gateway(from_redis(store))
    wait_until(lambda: "rules.json" in os.listdir(gw.state_dir), 5)
    gw.stop()
    files = [f for f in os.listdir(gw.state_dir) if not f.startswith(".")]
    for f in files:
        with open(os.path.join(gw.state_dir, f), "w") as damaged:
            damaged.write('{"half": ')
    gw.start()
    assert gw.ask(host="a.test").status == 200 and any(f.endswith(".bad") for f in os.listdir(gw.state_dir))


def test_the_copy_before_takes_the_place_of_a_damaged_file(gateway, store, serve):
    """With Redis down nobody else knows the rules."""
    file = serve(name="file").address
    store.rule("a.test", serve().address)
    gw = gateway(from_redis(store) | {"timeouts": {"start_wait": "100ms"}, "routes": [{"host": "file.test", "target": file}]})
    path = os.path.join(gw.state_dir, "rules.json")
    wait_until(lambda: os.path.exists(path), 5)
    store.rule("b.test", serve().address)
    wait_until(lambda: os.path.exists(path + ".1"), 5)
    gw.stop()
    store.kill()
    open(path, "w").close()
    gw.start()
    assert gw.ask(host="a.test").status == 200 and "rules.json.1 is in force" in gw.cli("status").stdout
    gw.stop()
    open(path + ".1", "w").close()
    gw.start(ready=False)
    wait_until(lambda: gw.ask(host="file.test").status == 200, 10)
    assert gw.admin("/ready").status == 503 and "not known" in gw.status()["rules"]["store_error"]
    store.start()
    wait_until(lambda: gw.admin("/ready").status == 200, 10)


def test_state_holds_no_secret(gateway, store, serve):
    store.rule("a.test", serve().address)
    gw = gateway(from_redis(store) | {"gate": {"protect": ["/api"], "secret": "hush" * 10}})
    wait_until(lambda: "rules.json" in os.listdir(gw.state_dir), 5)
    for f in os.listdir(gw.state_dir):
        with open(os.path.join(gw.state_dir, f), "rb") as text:
            assert b"hush" not in text.read()
        assert os.stat(os.path.join(gw.state_dir, f)).st_mode & 0o007 == 0
