"""Rules that redx's users write into Redis with their own commands, in both dialects."""

import pytest

from harness.gateway import from_redis
from harness.procs import run, wait_until


def name(gw, path, host):
    r = gw.ask(path, host=host)
    return r.json()["name"] if r.status == 200 else r.why


@pytest.fixture
def two(serve):
    return serve(name="one"), serve(name="two")


def test_commands_of_redis_cli(gateway, store, two):
    gw = gateway(from_redis(store, dialect="redx"))
    for command in (["HSET", "backend:b1", two[0].address, "0"], ["HSET", "backend:b2", two[1].address, "0"],
                    ["SET", "frontend:test.com/jdoe/", "b1"], ["SET", "frontend:test.com", "b2"]):
        assert run(["redis-cli", "-p", str(store.port)] + command).returncode == 0
    gw.rules_in_force(lambda r: r["frontends"] == 2 and r["backends"] == 2)
    assert name(gw, "/jdoe/app?x", "test.com") == "one"
    assert name(gw, "/other", "Test.COM:8080") == "two"
    assert name(gw, "/", "other.com") == "no_route"


def test_dialect_redx(gateway, store, two):
    store.rule("a.test/x/", two[0].address)
    store.rule("a.test/y", two[1].address)  # as redx: without its slash it can never match
    gw = gateway(from_redis(store, dialect="redx"))
    assert name(gw, "/x", "a.test") == name(gw, "/x/", "a.test:1") == name(gw, "/x/z", "A.test") == "one"
    assert name(gw, "/y", "a.test") == "no_route"


def test_dialect_riox(gateway, store, two):
    store.rule("a.test:8080/x/y", two[0].address)
    store.rule("a.test/x/y/", two[1].address)  # as Riox: with a slash it can never match
    gw = gateway(from_redis(store, dialect="riox"))
    assert name(gw, "/x/y", "a.test:8080") == name(gw, "/x/y/", "a.test:8080") == "one"
    assert name(gw, "/x/y", "a.test") == name(gw, "/x/y", "A.test:8080") == "no_route"


def test_both_dialects(gateway, store, two):
    store.rule("a.test/x/", two[0].address)
    store.rule("a.test:81/x", two[1].address)
    gw = gateway(from_redis(store))
    assert name(gw, "/x", "a.test") == name(gw, "/x/z", "A.test:80") == "one"
    assert name(gw, "/x", "a.test:81") == "two"  # the more specific host


def test_depth(gateway, store, two):
    store.rule("a.test/1/2/", two[0].address)
    store.rule("a.test", two[1].address)
    assert name(gateway(from_redis(store, dialect="redx", max_path_length=1)), "/1/2", "a.test") == "two"
    assert name(gateway(from_redis(store, dialect="redx", max_path_length=2)), "/1/2", "a.test") == "one"


def test_several_servers_in_turn(gateway, store, two):
    store.rule("a.test", two[0].address, "b")
    store.rule("a.test", two[1].address, "b")
    gw = gateway(from_redis(store) | {"workers": 1})
    assert [name(gw, "/", "a.test") for _ in range(10)].count("one") == 5


def test_config_fields_are_no_servers(gateway, store, two):
    store.rule("a.test", two[0].address, "b")
    store.db.hset("backend:b", "_max_score", "5")
    gw = gateway(from_redis(store))
    assert {name(gw, "/", "a.test") for _ in range(6)} == {"one"}


def test_every_kind_of_write_is_followed(gateway, store, two):
    gw = gateway(from_redis(store))
    store.rule("keep.test", two[0].address)
    store.rule("a.test", two[0].address, "b1")
    wait_until(lambda: name(gw, "/", "a.test") == "one", 2)
    store.db.hset("backend:b2", two[1].address, 0)
    store.db.set("frontend:a.test", "b2")
    wait_until(lambda: name(gw, "/", "a.test") == "two", 2)
    store.db.hset("backend:b2", two[0].address, 0)
    store.db.hdel("backend:b2", two[1].address)
    wait_until(lambda: {name(gw, "/", "a.test") for _ in range(4)} == {"one"}, 2)
    store.db.rename("frontend:a.test", "frontend:b.test")
    wait_until(lambda: name(gw, "/", "b.test") == "one" and name(gw, "/", "a.test") == "no_route", 2)
    store.db.set("frontend:b.test", "b2", px=300)
    wait_until(lambda: name(gw, "/", "b.test") == "no_route", 3)  # expired
    assert name(gw, "/", "keep.test") == "one"


def test_backend_that_does_not_exist(gateway, store):
    store.db.set("frontend:a.test", "absent")
    r = gateway(from_redis(store)).ask(host="a.test")
    assert (r.status, r.why) == (503, "no_endpoint")


def test_backend_that_does_not_exist_for_redx(gateway, store):
    """It says 502 where nobody answers, as for what no rule matches."""
    store.db.set("frontend:a.test", "absent")
    gw = gateway({"compatibility": "redx", "gate": {"protect": []}} | from_redis(store))
    gw.rules_in_force(lambda r: r["frontends"] == 1)
    assert [(r.status, r.why) for r in (gw.ask(host="a.test"), gw.ask(host="b.test"))] == [(502, "no_endpoint"), (502, "no_route")]


def test_other_keys_are_left_alone(gateway, store, two):
    store.db.set("session:1", "x")
    store.db.lpush("frontend", "x")
    store.rule("a.test", two[0].address)
    gw = gateway(from_redis(store))
    assert name(gw, "/", "a.test") == "one" and gw.status()["rules"]["refused"] == []
    commands = store.db.info("commandstats")
    assert not any(c in commands for c in ("cmdstat_keys", "cmdstat_del", "cmdstat_set_", "cmdstat_flushdb"))


def test_file_and_redis_make_one_set(gateway, store, two):
    store.rule("a.test/x", two[0].address)
    store.rule("a.test/file", two[0].address)
    gw = gateway(from_redis(store) | {"upstreams": {"u": {"endpoints": [two[1].address]}}, "routes": [
        {"host": "a.test", "path": "/", "upstream": "u"}, {"host": "a.test", "path": "/file", "upstream": "u"}]})
    assert [name(gw, p, "a.test") for p in ("/x", "/y", "/file")] == ["one", "two", "two"]
    assert [r["state"] for r in gw.admin("/routes").json()["routes"] if r["id"] == "redis:a.test/file"] == ["shadowed"]


def test_password_and_database(gateway, store, two):
    store.db.config_set("requirepass", "hush-hush")
    store.db.execute_command("AUTH", "hush-hush")
    store.db.execute_command("SELECT", "3")
    with store.db.pipeline() as p:
        p.execute_command("SELECT", "3")
        p.hset("backend:b", two[0].address, 0)
        p.set("frontend:a.test", "b")
        p.execute()
    gw = gateway(from_redis(store, password="hush-hush", database=3))
    assert name(gw, "/", "a.test") == "one" and "hush" not in gw.log() + gw.admin("/status").body.decode()
