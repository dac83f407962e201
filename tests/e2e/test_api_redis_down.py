"""Redis is away or refuses: 503 with its reason, and nothing is applied."""

import threading

import pytest
from harness.api import Api
from harness.gateway import from_redis
from harness.procs import wait_until


@pytest.fixture
def gw(gateway, store, serve):
    gw = gateway(from_redis(store, timeout="1s"))
    store.rule("old", serve().address)
    gw.rules_in_force(lambda r: r["frontends"] == 1)
    return gw


def refused(gw, reason):
    r = Api(gw.socket).ask("PUT", "frontends", "new", "b")
    assert r.status == 503 and reason in r.json()["message"], r
    assert [f["url"] for f in Api(gw.socket).data("frontends")] == ["old"]
    assert gw.ask(host="old").status == 200


def recovers(gw):
    wait_until(lambda: Api(gw.socket).ask("PUT", "frontends", "new", "b").status == 200, 10, what="Redis is back")


def test_killed(gw, store):
    store.kill()
    wait_until(lambda: gw.status()["redis"]["state"] != "up", 5, what="Redis is down")
    refused(gw, "Redis is")
    r = Api(gw.socket).ask("GET", "health")
    assert r.status == 500 and r.json()["message"].startswith("Error connecting to redis: ")
    store.start()
    recovers(gw)


def test_frozen(gw, store):
    store.freeze()
    r = Api(gw.socket).ask("PUT", "frontends", "new", "b")
    assert r.status == 503 and r.json()["message"], r
    assert [f["url"] for f in Api(gw.socket).data("frontends")] == ["old"]
    store.thaw()
    recovers(gw)


def test_out_of_memory(gw, store):
    store.db.config_set("maxmemory", 1)
    refused(gw, "OOM")
    assert store.db.get("frontend:new") is None
    store.db.config_set("maxmemory", 0)
    recovers(gw)


def test_read_only(gw, store):
    store.db.replicaof("127.0.0.1", 1)
    refused(gw, "READONLY")
    store.db.replicaof("NO", "ONE")
    recovers(gw)


def test_no_authentication(gw, store):
    store.db.config_set("requirepass", "secret")
    store.db.execute_command("AUTH", "secret")
    store.db.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    wait_until(lambda: "NOAUTH" in gw.status()["redis"]["error"], 5, what="NOAUTH")
    refused(gw, "NOAUTH")
    store.db.config_set("requirepass", "")
    recovers(gw)


def test_not_allowed(gw, store):
    """By ACL: MULTI is dropped as a whole."""
    store.db.execute_command("ACL", "SETUSER", "default", "-xadd")
    refused(gw, "NOPERM")
    assert store.db.get("frontend:new") is None
    store.db.execute_command("ACL", "SETUSER", "default", "+xadd")
    recovers(gw)


def test_the_stream_has_come_to_its_end(gw, store):
    last = 2 ** 64 - 1
    api = Api(gw.socket)
    with store.db.pipeline() as p:  # whatever was noted meanwhile
        p.delete("yett:revisions").xadd("yett:revisions", {"delta": "[]"}, id=f"7-{last}")
        p.execute()
    wait_until(lambda: gw.admin("/revisions/7-%d" % last).status == 200, 5)
    api.done("PUT", "frontends", "a.test", "b")
    store.db.xadd("yett:revisions", {"delta": "[]"}, id=f"{last}-{last}")
    wait_until(lambda: gw.admin(f"/revisions/{last}-{last}").status == 200, 5)
    r = api.ask("PUT", "frontends", "b.test", "b")
    assert r.status == 503 and "delete the key" in r.json()["message"] and store.db.get("frontend:b.test") is None
    store.db.delete("yett:revisions")
    wait_until(lambda: api.ask("PUT", "frontends", "b.test", "b").status == 200, 5)


def test_the_stream_is_something_else(gw, store):
    store.db.delete("yett:revisions")
    store.db.set("yett:revisions", "x")
    refused(gw, "WRONGTYPE")
    assert store.db.get("frontend:new") is None
    store.db.delete("yett:revisions")
    recovers(gw)


@pytest.fixture
def in_the_middle(gateway, store):
    """A gateway with two writes: one under way, one behind it; and what ends them, with their answers by name."""
    gw = gateway(from_redis(store, timeout="8s"))
    gw.rules_in_force(lambda r: r["source"] == "redis")
    store.freeze()
    answers = {}

    def put(name):
        try:
            answers[name] = Api(gw.socket).ask("PUT", "frontends", name, "b").status
        except (OSError, EOFError):
            answers[name] = 0
    threads = [threading.Thread(target=put, args=(name,)) for name in ("first", "second")]
    for thread in threads:
        thread.start()
        thread.join(0.3)

    def end():
        for thread in threads:
            thread.join()
        store.thaw()
        return answers
    assert not answers and gw.status()["redis"]["state"] == "up"
    return gw, end


def test_the_gateway_ends_in_the_middle(in_the_middle):
    gw, end = in_the_middle
    gw.stop()  # with the exit status of one that ends well
    assert 200 not in end().values()


def test_redis_is_configured_away_in_the_middle(in_the_middle):
    gw, end = in_the_middle
    assert gw.reload({}).returncode == 0
    assert end() == {"first": 503, "second": 200}  # that one is for the store of now
    assert [f["url"] for f in Api(gw.socket).data("frontends")] == ["second"]
