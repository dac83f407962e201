"""Every change of the rules is a revision: the entry of a stream in Redis, the same on every gateway."""

from harness.gateway import from_redis
from harness.procs import run, wait_until


def redis(store, *words):
    r = run(["redis-cli", "-p", str(store.port), *words])
    assert r.returncode == 0, r
    return r.stdout.strip()


def in_force(gw):
    return gw.status()["rules"]["revision"]


def test_a_revision_is_known_by_its_digest(gateway, serve, store):
    u = serve()
    store.rule("a.test", u.address)
    gw = gateway(from_redis(store) | {"table_header": True})
    digest = gw.status()["rules"]["digest"]
    redis(store, "XADD", "yett:revisions", "1764185123456-0", "who", "me", "why", "a try", "digest", digest, "delta", "[]")
    r = wait_until(lambda: (r := in_force(gw)) and r["revision"] == "1764185123456-0" and r)
    assert (r["who"], r["why"], r["at"]) == ("me", "a try", "2025-11-26T19:25:23Z")
    answer = gw.ask("/", host="a.test")
    assert answer.header("X-Yett-Revision") == "1764185123456-0"
    assert gw.logged(host="a.test")["revision"] == "1764185123456-0"
    m = gw.metrics()
    assert m['yett_rules_revision_info{revision="1764185123456-0"}'] == 1
    assert m["yett_rules_revision_timestamp_seconds"] == 1764185123
    assert "revision 1764185123456-0 of 2025-11-26T19:25:23Z by me: a try" in gw.cli("status").stdout


def test_it_outlives_a_start_without_redis(gateway, serve, store):
    store.rule("a.test", serve().address)
    gw = gateway(from_redis(store))
    redis(store, "XADD", "yett:revisions", "5-1", "who", "me", "digest", gw.status()["rules"]["digest"], "delta", "[]")
    wait_until(lambda: in_force(gw))
    wait_until(lambda: '"5-1"' in open(gw.state_dir + "/rules.json").read())
    store.kill()
    gw.stop()
    gw.start()
    assert in_force(gw)["revision"] == "5-1"
