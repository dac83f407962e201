"""A write is answered by what Redis holds, not by what the gateway has heard of it."""

import pytest
from harness.api import Api
from harness.gateway import from_redis
from harness.procs import wait_until


@pytest.fixture
def deaf(gateway, store):
    """It asks once a second, and is told of nothing."""
    store.db.execute_command("ACL", "SETUSER", "default", "-client")
    gw = gateway(from_redis(store))
    assert not gw.status()["redis"]["tracking"]
    return Api(gw.socket)


def test_the_same_rule_is_written_where_it_is_gone(deaf, store):
    deaf.done("PUT", "frontends", "a", "b")
    deaf.done("POST", "backends", "b", "10.0.0.1:80")
    last = deaf.done("PUT", "frontends", "a", "b")
    assert store.db.xlen("yett:revisions") == 2  # what changes nothing is no revision
    store.db.delete("frontend:a")
    store.db.hset("backend:b", "10.0.0.1:80", 7)
    assert deaf.done("PUT", "frontends", "a", "b")["revision"] != last["revision"]
    deaf.done("PUT", "backends", "b", "10.0.0.1:80")
    assert store.db.get("frontend:a") == b"b" and store.db.hgetall("backend:b") == {b"10.0.0.1:80": b"0"}


@pytest.mark.parametrize("write", [lambda db: db.set("frontend:a", "raw"), lambda db: db.delete("frontend:a")])
def test_a_raw_write_that_was_not_heard_is_another_revision(deaf, store, write):
    made = deaf.done("PUT", "frontends", "a", "b")["revision"]
    write(store.db)
    found = store.db.get("frontend:a")
    r = deaf.ask("PUT", "frontends", "a", "c", headers=[("If-Match", f'"{made}"')])
    assert r.status == 409 and store.db.get("frontend:a") == found, r


def test_what_was_flushed_is_written_again(gateway, store):
    gw = gateway(from_redis(store))
    api = Api(gw.socket)
    for n in range(5):
        api.done("PUT", "frontends", f"{n}.test", "b")
    store.db.flushall()
    wait_until(lambda: gw.status()["rules"]["withheld"] == 5, what="the loss is withheld")
    for n in range(5):
        api.done("PUT", "frontends", f"{n}.test", "b")
    assert len(store.db.keys("frontend:*")) == 5
    assert gw.status()["rules"]["withheld"] == 0
