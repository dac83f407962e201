"""A Redis that goes wrong, in each way that one can, stops no traffic; why stands in `yett status`, and in the log once; and when
it is good again, so is the gateway, by itself. What is stored in it that is no rule: the same, for that rule alone."""

import time

import pytest

from harness.gateway import from_redis
from harness.load import Load
from harness.procs import wait_until
from harness.redis_faults import Faulty

ANSWERS = {
    "LOADING": b"-LOADING Redis is loading the dataset in memory\r\n",
    "READONLY": b"-READONLY You can't write against a read only replica.\r\n",
    "OOM": b"-OOM command not allowed when used memory > 'maxmemory'.\r\n",
    "NOAUTH": b"-NOAUTH Authentication required.\r\n",
    "half, then silence": b"*2\r\n$1\r\n0\r\n*3\r\n$9\r\nfront",
    "half, then the end": b"$100\r\nhalf of it",
}


@pytest.fixture
def faulty(store):
    proxy = Faulty(store)
    yield proxy
    proxy.close()


def lines(gw, *words):
    return [line for line in gw.log().splitlines() if all(w in line for w in words)]


def go_through(gw, store, faulty, answer, upstream):
    before, log = faulty.connections, len(lines(gw))
    faulty.turn_bad(ANSWERS[answer], ends="end" in answer)
    wait_until(lambda: faulty.connections >= before + 6, 10, what="it tried again and again")
    redis = gw.status()["redis"]
    assert redis["state"] in ("down", "loading") and redis["error"], redis
    if answer.isupper():
        assert redis["error"].startswith(answer)
    assert redis["error"] in gw.cli("status").stdout
    assert len([line for line in lines(gw)[log:] if f'reason="{redis["error"]}"' in line]) == 1, gw.log()
    store.rule(f"{before}.test", upstream.address)
    faulty.mend()
    wait_until(lambda: gw.ask(host=f"{before}.test").status == 200, 5, what="recovery")
    redis = gw.status()["redis"]
    assert (redis["state"], redis["error"], redis["tracking"]) == ("up", "", True)


def test_bad_answers(gateway, store, faulty, responder, serve):
    store.rule("test", responder.address)
    gw, upstream = gateway(from_redis(faulty, timeout="300ms")), serve()
    with Load(gw.port, rate=200) as load:
        for answer in ANSWERS:
            go_through(gw, store, faulty, answer, upstream)
    assert load.result["failures"] == [] and load.result["ok"] > 500
    assert len(lines(gw, "redis state=up")) == 1 + len(ANSWERS)


def wrong_type(db):
    db.delete("frontend:bad.test")
    db.rpush("frontend:bad.test", "x")
    return "frontend:bad.test", "it is no string"


def ten_mebibytes(db):
    db.set("frontend:bad.test", "b" * (10 << 20))
    return "frontend:bad.test", "no name of a backend"


def ten_mebibytes_in_a_field(db):
    db.hset("backend:bad", "127.0.0.1:1", "9" * (10 << 20))
    return "backend:bad", "longer than 64 KiB"


def line_breaks_in_a_name(db):
    db.set("frontend:bad.test/\r\nX-Evil: 1", "bad")
    return "frontend:bad.test/\r\nX-Evil: 1", "control characters"


@pytest.mark.parametrize("spoil", [wrong_type, ten_mebibytes, ten_mebibytes_in_a_field, line_breaks_in_a_name])
def test_bad_values(gateway, store, serve, spoil):
    store.rule("good.test", serve(name="good").address)
    store.rule("bad.test", serve(name="before").address, "bad")
    gw = gateway(from_redis(store))
    key, reason = spoil(store.db)
    refused = wait_until(lambda: gw.status()["rules"]["refused"], 5)
    assert [r["key"] for r in refused] == [key] and reason in refused[0]["reason"]
    for host, name in (("good.test", "good"), ("bad.test", "before")):
        assert gw.ask(host=host).json()["name"] == name
    store.rule("other.test", serve(name="other").address)  # compiled and compared anew
    wait_until(lambda: gw.ask(host="other.test").status == 200, 5)
    gw.reload()
    assert len(lines(gw, "state=refused")) == 1 and reason in lines(gw, "state=refused")[0]
    store.db.delete(key)
    store.rule("bad.test", serve(name="after").address, "bad")
    wait_until(lambda: gw.status()["rules"]["refused"] == [], 5)
    wait_until(lambda: gw.ask(host="bad.test").json()["name"] in ("before", "after"), 5)
    assert len(lines(gw, "state=mended")) == 1


def test_flushall(gateway, store, serve):
    up = serve()
    for i in range(10):
        store.rule(f"h{i}.test", up.address)
    gw = gateway(from_redis(store, compare_interval="1s"))
    store.db.flushall()
    wait_until(lambda: gw.status()["rules"]["withheld"] == 20, 5)
    time.sleep(1.5)  # compared again
    assert all(gw.ask(host=f"h{i}.test").status == 200 for i in range(10))
    assert "20 deletions withheld" in gw.cli("status").stdout
    assert len(lines(gw, "deletions=withheld")) == 1, gw.log()
    for i in range(10):
        store.rule(f"h{i}.test", up.address)
    wait_until(lambda: gw.status()["rules"]["withheld"] == 0, 5)
