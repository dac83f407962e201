"""A mass loss that nobody asked for is withheld until it is confirmed; single deletions are not."""

import time

import pytest

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
    assert gw.admin("/reload?wait=1&force=1", "POST").status == 200
    wait_until(lambda: answered(gw) == [18, 19], 5)
    assert gw.status()["rules"]["withheld"] == 0


def test_rules_that_come_back_end_it(loaded, store, serve):
    gw = loaded
    flush(store)
    wait_until(lambda: gw.status()["rules"]["withheld"] > 0, 5)
    up = serve(name="again")
    for i in range(20):
        store.rule(f"h{i}.test", up.address)
    wait_until(lambda: gw.status()["rules"]["withheld"] == 0, 5)
    assert gw.ask(host="h0.test").json()["name"] == "again"


def test_single_deletions_apply(loaded, store):
    gw = loaded
    for i in range(3):
        store.db.delete(f"frontend:h{i}.test")
        time.sleep(0.3)
    wait_until(lambda: answered(gw) == list(range(3, 20)), 3)
    assert gw.status()["rules"]["withheld"] == 0
