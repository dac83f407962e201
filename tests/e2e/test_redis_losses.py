"""A mass loss that nobody asked for is withheld until it is confirmed; single deletions are not."""

import time

import pytest

from harness.api import Api
from harness.gateway import from_redis
from harness.procs import wait_until


@pytest.fixture
def loaded(gateway, store, serve):
    up = serve()
    for i in range(20):
        store.rule(f"h{i}.test", up.address)
    gw = gateway(from_redis(store))
    gw.rules_in_force(lambda r: r["frontends"] == 20)
    return gw


def answered(gw):
    return [i for i in range(20) if gw.ask(host=f"h{i}.test").status == 200]


def flush(store):
    store.db.flushall()


def delete_most(store):
    store.db.delete(*[key for i in range(18) for key in (f"frontend:h{i}.test", f"backend:b-h{i}.test")])


@pytest.mark.parametrize("lose", [flush, delete_most])
def test_withheld(loaded, store, serve, lose):
    gw = loaded
    lose(store)
    wait_until(lambda: gw.status()["rules"]["withheld"] > 0, 5)
    assert answered(gw) == list(range(20))
    assert gw.metrics()["yett_rules_withheld"] > 0
    store.rule("new.test", serve(name="new").address)  # what is new applies all the same
    wait_until(lambda: gw.ask(host="new.test").status == 200, 3)
    assert answered(gw) == list(range(20))


def test_confirmed(loaded, store):
    gw = loaded
    delete_most(store)
    wait_until(lambda: gw.status()["rules"]["withheld"] > 0, 5)
    done = gw.cli("reload", "--wait", "--force")
    assert done.returncode == 0, done
    assert answered(gw) == [18, 19]  # when the command returns
    assert gw.status()["rules"]["withheld"] == 0


def test_confirmed_at_once(loaded, store):
    """Before the gateway has seen the loss."""
    delete_most(store)
    assert loaded.admin("/reload?wait=1&force=1", "POST").status == 200
    assert answered(loaded) == [18, 19]


def test_confirmed_without_a_loss(loaded):
    assert loaded.cli("reload", "--wait", "--force").returncode == 0
    assert answered(loaded) == list(range(20))


def test_nothing_is_confirmed_while_redis_is_down(loaded, store):
    store.kill()
    wait_until(lambda: loaded.status()["redis"]["state"] == "down", 5)
    for flag in ([], ["--wait"]):
        done = loaded.cli("reload", "--force", *flag)
        assert done.returncode == 1 and "Redis is down; nothing was confirmed" in done.stderr, done
    r = loaded.admin("/reload?wait=1&force=1", "POST")
    assert r.status == 503 and r.json()["error"] == "Redis is down; nothing was confirmed"
    assert loaded.cli("reload", "--wait").returncode == 0
    assert answered(loaded) == list(range(20))
    store.start()


def test_redis_that_goes_while_it_is_asked(loaded, store):
    store.freeze()
    start = time.monotonic()
    r = loaded.admin("/reload?wait=1&force=1", "POST")
    assert r.status == 503 and r.json()["reloaded"] and time.monotonic() - start < 8
    store.thaw()


def test_rules_that_come_back_end_it(loaded, store, serve):
    gw = loaded
    flush(store)
    wait_until(lambda: gw.status()["rules"]["withheld"] > 0, 5)
    up = serve(name="again")
    for i in range(20):
        store.rule(f"h{i}.test", up.address)
    wait_until(lambda: gw.status()["rules"]["withheld"] == 0, 5)
    wait_until(lambda: gw.ask(host="h0.test").json()["name"] == "again", 5)  # it is in force a moment later


def test_single_deletions_apply(loaded, store):
    gw = loaded
    for i in range(3):
        store.db.delete(f"frontend:h{i}.test")
        time.sleep(0.3)
    wait_until(lambda: answered(gw) == list(range(3, 20)), 3)
    assert gw.status()["rules"]["withheld"] == 0


PROTECT = '{"protect":["/admin"]}'


@pytest.fixture
def guarded(gateway, store, serve):
    """Three rules: too few to be more than half of four."""
    store.rule("a.test", serve().address)
    store.db.set("yett:policy:p", PROTECT)
    gw = gateway(from_redis(store) | {"gate": {"secret": "0123456789abcdef" * 2}})
    wait_until(lambda: gw.ask("/admin", host="a.test").status == 401, 5)
    return gw


def test_a_flush_is_withheld_whatever_it_takes(guarded, store):
    with store.db.pipeline() as p:
        p.flushall()
        p.set("frontend:a.test", "b-a.test")
        p.execute()
    wait_until(lambda: guarded.status()["rules"]["withheld"] == 2, 5)
    assert guarded.ask("/x", host="a.test").status == 200 and guarded.ask("/admin", host="a.test").status == 401
    assert guarded.cli("reload", "--wait", "--force").returncode == 0
    assert guarded.ask("/x", host="a.test").status != 200


def test_a_policy_goes_by_the_api_alone(guarded, store):
    store.db.delete("yett:policy:p")
    wait_until(lambda: guarded.status()["rules"]["withheld"] == 1, 5)
    assert guarded.ask("/admin", host="a.test").status == 401 and "a policy went past the API" in guarded.log()
    store.db.set("yett:policy:p", PROTECT)
    wait_until(lambda: guarded.status()["rules"]["withheld"] == 0, 5)
    assert Api(guarded.socket).ask("DELETE", "rules", "policy", "p").status == 200
    assert guarded.ask("/admin", host="a.test").status == 200 and guarded.status()["rules"]["withheld"] == 0


def test_a_policy_that_another_gateway_deletes_is_meant(guarded, gateway, store):
    other = gateway(from_redis(store))
    assert Api(other.socket).ask("DELETE", "rules", "policy", "p").status == 200
    wait_until(lambda: guarded.ask("/admin", host="a.test").status == 200, 5)
    assert guarded.status()["rules"]["withheld"] == 0
