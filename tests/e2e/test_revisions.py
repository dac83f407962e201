"""Every change of the rules is a revision: the entry of a stream in Redis, the same on every gateway; or a count in the
file of our own."""

import time

from harness.api import Api
from harness.gateway import from_redis
from harness.procs import run, wait_until
from test_api_redx import api, gw  # noqa: F401


def redis(store, *words):
    r = run(["redis-cli", "-p", str(store.port), *words])
    assert r.returncode == 0, r
    return r.stdout.strip()


def in_force(gw):
    return gw.status()["rules"]["revision"]


def known(gw):
    """The revision in force, once there is one."""
    return wait_until(lambda: in_force(gw), what=lambda: f"a revision; {gw.status()['rules']}")["revision"]


def revisions(gw):
    """The oldest first."""
    return Api(gw.socket).data("revisions")["revisions"][::-1]


def entries(store):
    return int(redis(store, "XLEN", "yett:revisions"))


def test_a_write_is_a_revision(gw, api):
    made = [api.done("POST", "frontends", f"{n}.test", "b", headers=[("X-Yett-Why", f"the {n}. try")])["revision"]
            for n in range(3)]
    r = in_force(gw)
    assert r["revision"] == made[-1] and r["why"] == "the 2. try" and r["keys"] == 1
    assert r["who"].startswith("u")  # uid or user
    assert [x["revision"] for x in revisions(gw)] == made
    assert f"revision {made[-1]} of {r['at']} by {r['who']}: the 2. try" in gw.cli("status").stdout
    text = gw.cli("history").stdout
    assert text.index(made[-1]) < text.index(made[0]) and "the 1. try" in text


def test_where_it_is_shown(gateway, serve, kept):
    gw = gateway(kept | {"table_header": True, "routes": [{"host": "f.test", "target": serve().address}]})
    made = Api(gw.socket).done("POST", "frontends", "a.test", "b")["revision"]
    assert gw.ask("/", host="f.test").header("X-Yett-Revision") == made
    assert gw.ask("/", host="none.test").header("X-Yett-Revision") == made
    assert gw.logged(host="f.test")["revision"] == made
    m = gw.metrics()
    assert m[f'yett_rules_revision_info{{revision="{made}"}}'] == 1
    assert abs(m["yett_rules_revision_timestamp_seconds"] - time.time()) < 60


def test_it_outlives_a_restart(gateway, kept):
    gw = gateway(kept)
    made = Api(gw.socket).done("POST", "frontends", "a.test", "b")["revision"]
    gw.stop()
    gw.start()
    assert known(gw) == made
    assert len(revisions(gw)) == 1


def test_it_outlives_a_start_without_redis(gateway, store):
    gw = gateway(from_redis(store))
    made = Api(gw.socket).done("POST", "frontends", "a.test", "b")["revision"]
    wait_until(lambda: made in open(gw.state_dir + "/rules.json").read())
    store.kill()
    gw.stop()
    gw.start()
    assert in_force(gw)["revision"] == made
    assert "last-known-good" in gw.cli("status").stdout


def test_raw_writes_get_one_of_their_own(gateway, store):
    gws = [gateway(from_redis(store)) for _ in range(2)]
    first = Api(gws[0].socket).done("POST", "frontends", "a.test", "b")["revision"]
    redis(store, "MSET", "frontend:b.test", "b", "frontend:c.test", "b")
    redis(store, "DEL", "frontend:a.test")
    for gw in gws:
        r = wait_until(lambda: (r := in_force(gw)) and r["revision"] != first and r)
        assert (r["who"], r["keys"]) == ("raw", 3)
    time.sleep(0.5)
    assert entries(store) == 2  # noted by one of the two
    assert in_force(gws[0]) == in_force(gws[1])
    redis(store, "SET", "frontend:a.test", "b")  # and back, within the quiet time
    redis(store, "DEL", "frontend:a.test")
    time.sleep(0.7)
    assert entries(store) == 2


def test_rules_from_before(gateway, store):
    """They are the first revision; nobody knows what was before."""
    store.rule("a.test", "10.0.0.1:80")
    gw = gateway(from_redis(store))
    known(gw)
    (first,) = revisions(gw)
    assert (first["who"], first["keys"]) == ("raw", None)
    r = gw.cli("rollback")
    assert r.returncode == 1 and "it is the first" in r.stderr
    assert redis(store, "EXISTS", "frontend:a.test") == "1"


def test_the_last_fifty(gateway, store):
    gw = gateway(from_redis(store))
    api = Api(gw.socket)
    for n in range(55):
        api.done("POST", "frontends", "a.test", f"b{n}")
    assert entries(store) == len(revisions(gw)) == 50


def test_a_stream_of_raw_writes_gets_revisions(gateway, store):
    gateway(from_redis(store))
    end = time.monotonic() + 3.5
    while time.monotonic() < end:  # never still for as long as it would wait
        store.db.set("frontend:a.test", str(time.monotonic()))
        time.sleep(0.05)
    assert 1 <= entries(store) <= 4


def test_a_user_who_may_not_write(gateway, store):
    redis(store, "ACL", "SETUSER", "reader", "on", ">secret", "~*", "&*", "+@read", "+@connection", "+@pubsub", "+client",
          "+select")
    writer = gateway(from_redis(store))
    reader = gateway(from_redis(store, username="reader", password={"env": "P"}), env={"P": "secret"})
    redis(store, "SET", "frontend:a.test", "b")
    assert known(reader) == known(writer)
    writer.stop()
    redis(store, "SET", "frontend:a.test", "c")
    wait_until(lambda: in_force(reader) is None)
    wait_until(lambda: "revisions error=" in reader.log())
    redis(store, "SET", "frontend:a.test", "d")
    time.sleep(0.5)
    assert reader.log().count("revisions error=") == 1
    digest = reader.status()["rules"]["digest"]
    assert f"revision not known, digest {digest}" in reader.cli("status").stdout
