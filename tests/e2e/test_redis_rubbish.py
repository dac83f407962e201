"""A bad value in Redis is refused alone, is shown with its reason, and opens nothing; the rest serves."""

from unittest.mock import Mock

import pytest

from harness.gateway import from_redis
from harness.procs import wait_until


def wrong_type(db):
    db.rpush("frontend:bad.test", "x")
    return "frontend:bad.test"


def wrong_type_of_backend(db):
    db.set("frontend:bad.test", "bad")
    db.set("backend:bad", "127.0.0.1:80")
    return "backend:bad"


def bad_server(db):
    db.set("frontend:bad.test", "bad")
    db.hset("backend:bad", "not a server:x", 0)
    return "backend:bad"


def server_with_uri(db):
    db.set("frontend:bad.test", "bad")
    db.hset("backend:bad", "127.0.0.1:80/uri", 0)
    return "backend:bad"


def line_breaks(db):
    db.set("frontend:bad.test", "b\r\nX-Evil: 1")
    return "frontend:bad.test"


def line_breaks_in_the_server(db):
    db.set("frontend:bad.test", "bad")
    db.hset("backend:bad", "127.0.0.1:80\r\nX-Evil: 1", 0)
    return "backend:bad"


def large_value(db):
    db.set("frontend:bad.test", "b" * (1 << 20))
    return "frontend:bad.test"


def bad_score(db):
    db.set("frontend:bad.test", "bad")
    db.hset("backend:bad", "127.0.0.1:80", "many")
    return "backend:bad"


RUBBISH = [wrong_type, wrong_type_of_backend, bad_server, server_with_uri, line_breaks, line_breaks_in_the_server, large_value,
           bad_score]


@pytest.mark.parametrize("spoil", RUBBISH)
def test_refused_alone(gateway, store, serve, spoil):
    store.rule("good.test", serve().address)
    store.rule("bad.test/api", serve(name="inner").address, "inner")
    key = spoil(store.db)
    gw = gateway(from_redis(store))
    refused = {r["key"]: r for r in gw.status()["rules"]["refused"]}
    assert key in refused and refused[key]["reason"] and not refused[key]["kept"]
    r = gw.ask(host="bad.test")
    assert (r.status, r.why) == (503, "rule_refused")
    assert gw.ask("/api", host="bad.test").json()["name"] == "inner"
    assert gw.ask(host="good.test").status == 200
    assert gw.metrics()["yett_rules_refused"] == len(refused)


@pytest.mark.parametrize("spoil", RUBBISH)
def test_last_good_version_stays(gateway, store, serve, spoil):
    up = serve(name="before")
    store.rule("bad.test", up.address, "bad")
    gw = gateway(from_redis(store))
    assert gw.ask(host="bad.test").status == 200
    key = spoil(Mock())
    with store.db.pipeline() as p:  # at once: no deletion is seen
        p.delete(key)
        spoil(p)
        p.execute()
    wait_until(lambda: [r for r in gw.status()["rules"]["refused"] if r["key"] == key and r["kept"]], 5)
    assert gw.ask(host="bad.test").json()["name"] == "before"


def test_mended(gateway, store, serve):
    key = bad_server(store.db)
    gw = gateway(from_redis(store))
    assert gw.ask(host="bad.test").why == "rule_refused"
    store.db.delete(key)
    store.db.hset(key, serve().address, 0)
    wait_until(lambda: gw.ask(host="bad.test").status == 200, 3)
    assert gw.status()["rules"]["refused"] == []


@pytest.mark.parametrize("url", ["", "/x", "a b.test", "a.test/\r\nb", "a.test/" + "x" * 100000, "a.test/%zz", "*", "é.test"])
def test_bad_name_of_a_frontend(gateway, store, serve, url):
    store.rule("good.test", serve().address, "good")
    store.db.set("frontend:" + url, "good")
    gw = gateway(from_redis(store))
    assert gw.ask(host="good.test").status == 200
    assert len(gw.status()["rules"]["refused"]) <= 1


def test_a_great_many(gateway, store, serve):
    store.rule("good.test", serve().address)
    with store.db.pipeline() as p:
        for i in range(2000):
            p.set(f"frontend:x{i}.test", "\0")
            p.lpush(f"backend:x{i}", "x")
        p.execute()
    gw = gateway(from_redis(store))
    assert gw.ask(host="good.test").status == 200 and gw.admin("/status").status == 200
