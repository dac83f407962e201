"""A bad value in Redis is refused alone, is shown with its reason, and opens nothing; the rest serves."""

from unittest.mock import Mock

from harness.gateway import from_redis
from harness.procs import wait_until


# Each spoils a frontend BAD.test or its backend BAD; the key.

def wrong_type(db, bad):
    db.rpush(f"frontend:{bad}.test", "x")
    return f"frontend:{bad}.test"


def wrong_type_of_backend(db, bad):
    db.set(f"frontend:{bad}.test", bad)
    db.set(f"backend:{bad}", "127.0.0.1:80")
    return f"backend:{bad}"


def bad_server(db, bad):
    db.set(f"frontend:{bad}.test", bad)
    db.hset(f"backend:{bad}", "not a server:x", 0)
    return f"backend:{bad}"


def server_with_uri(db, bad):
    db.set(f"frontend:{bad}.test", bad)
    db.hset(f"backend:{bad}", "127.0.0.1:80/uri", 0)
    return f"backend:{bad}"


def line_breaks(db, bad):
    db.set(f"frontend:{bad}.test", "b\r\nX-Evil: 1")
    return f"frontend:{bad}.test"


def line_breaks_in_the_server(db, bad):
    db.set(f"frontend:{bad}.test", bad)
    db.hset(f"backend:{bad}", "127.0.0.1:80\r\nX-Evil: 1", 0)
    return f"backend:{bad}"


def large_value(db, bad):
    db.set(f"frontend:{bad}.test", "b" * (1 << 20))
    return f"frontend:{bad}.test"


def bad_score(db, bad):
    db.set(f"frontend:{bad}.test", bad)
    db.hset(f"backend:{bad}", "127.0.0.1:80", "many")
    return f"backend:{bad}"


RUBBISH = {f"bad{i}": spoil for i, spoil in enumerate([wrong_type, wrong_type_of_backend, bad_server, server_with_uri, line_breaks,
                                                       line_breaks_in_the_server, large_value, bad_score])}


def test_refused_alone(gateway, store, serve):
    store.rule("good.test", serve().address)
    store.rule("deep.test/api", serve(name="inner").address, "inner")
    keys = {bad: spoil(store.db, bad) for bad, spoil in RUBBISH.items()}
    for bad in RUBBISH:
        store.db.set(f"frontend:{bad}.test/api", "inner")
    gw = gateway(from_redis(store))
    refused = {r["key"]: r for r in gw.status()["rules"]["refused"]}
    for bad, key in keys.items():
        assert key in refused and refused[key]["reason"] and not refused[key]["kept"], key
        r = gw.ask(host=f"{bad}.test")
        assert (r.status, r.why) == (503, "rule_refused"), key
        assert gw.ask("/api", host=f"{bad}.test").json()["name"] == "inner"
    assert gw.ask(host="good.test").status == 200
    assert gw.metrics()["yett_rules_refused"] == len(refused)


def test_last_good_version_stays(gateway, store, serve):
    up = serve(name="before")
    for bad in RUBBISH:
        store.rule(f"{bad}.test", up.address, bad)
    gw = gateway(from_redis(store))
    assert [gw.ask(host=f"{bad}.test").status for bad in RUBBISH] == [200] * len(RUBBISH)
    keys = {spoil(Mock(), bad) for bad, spoil in RUBBISH.items()}
    with store.db.pipeline() as p:  # at once: no deletion is seen
        p.delete(*keys)
        for bad, spoil in RUBBISH.items():
            spoil(p, bad)
        p.execute()
    wait_until(lambda: keys <= {r["key"] for r in gw.status()["rules"]["refused"] if r["kept"]}, 5)
    assert [gw.ask(host=f"{bad}.test").json()["name"] for bad in RUBBISH] == ["before"] * len(RUBBISH)


def test_mended(gateway, store, serve):
    key = bad_server(store.db, "bad")
    gw = gateway(from_redis(store))
    assert gw.ask(host="bad.test").why == "rule_refused"
    store.db.delete(key)
    store.db.hset(key, serve().address, 0)
    wait_until(lambda: gw.ask(host="bad.test").status == 200, 3)
    assert gw.status()["rules"]["refused"] == []


NAMES = ["", "/x", "a b.test", "a.test/\r\nb", "a.test/" + "x" * 100000, "a.test/%zz", "*", "é.test"]


def test_bad_names_of_frontends(gateway, store, serve):
    store.rule("good.test", serve().address, "good")
    for url in NAMES:
        store.db.set("frontend:" + url, "good")
    gw = gateway(from_redis(store))
    assert gw.ask(host="good.test").status == 200
    assert len(gw.status()["rules"]["refused"]) <= len(NAMES)


def test_a_great_many(gateway, store, serve):
    store.rule("good.test", serve().address)
    with store.db.pipeline() as p:
        for i in range(2000):
            p.set(f"frontend:x{i}.test", "\0")
            p.lpush(f"backend:x{i}", "x")
        p.execute()
    gw = gateway(from_redis(store))
    assert gw.ask(host="good.test").status == 200 and gw.admin("/status").status == 200
