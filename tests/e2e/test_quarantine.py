"""A rule that is refused is kept apart: `yett routes --refused` says why, since when, and what is in force in its place; and
what it closed stays closed."""

import time

import pytest

from harness.api import Api
from harness.gateway import from_redis
from harness.procs import wait_until
from harness.tokens import SECRET, bearer, token


def refused(gw):
    return {r["key"]: r for r in gw.admin("/routes?refused=1").json()["refused"]}


def test_told(gateway, store, serve):
    store.rule("kept.test", serve(name="kept").address, "kept")
    store.db.set("frontend:new.test", "b\r\n")
    store.db.set("frontend:a b.test", "kept")
    gw = gateway(from_redis(store))
    store.db.hset("backend:kept", "127.0.0.1:80", "many")
    wait_until(lambda: "backend:kept" in refused(gw), 5)
    assert {k: r["in_force"] for k, r in refused(gw).items()} == {
        "backend:kept": "last_good", "frontend:new.test": "503", "frontend:a b.test": "nothing"}
    assert gw.ask(host="kept.test").json()["name"] == "kept" and gw.ask(host="new.test").why == "rule_refused"
    assert gw.status()["rules"]["refused"] == list(refused(gw).values())
    since = refused(gw)["backend:kept"]["since"]
    assert abs(time.time() - time.mktime(time.strptime(since, "%Y-%m-%dT%H:%M:%SZ")) + time.timezone) < 10
    shown = gw.cli("routes", "--refused").stdout
    assert all(word in shown for word in (since, "backend:kept", "its last good value", "the score is no number", "503"))
    metrics = gw.metrics()
    assert (metrics["yett_rules_refused"], metrics["yett_rules_refused_closed"]) == (3, 1)
    time.sleep(1.1)
    store.db.hset("backend:kept", "127.0.0.1:80", "so many")  # as bad as before: it is no newer
    gw.reload()
    assert refused(gw)["backend:kept"]["since"] == since
    store.db.delete("frontend:new.test", "frontend:a b.test")
    store.db.hset("backend:kept", "127.0.0.1:80", 1)
    wait_until(lambda: refused(gw) == {}, 5)
    assert gw.cli("routes", "--refused").stdout == "No rule is refused.\n"


SPOIL = {
    "value": ("frontend:value.test/private", lambda p, key: p.set(key, "\0")),
    "type": ("frontend:type.test/private", lambda p, key: p.rpush(key, "x")),
    "server": ("backend:deny-server", lambda p, key: p.hset(key, "no server:x", 0)),
}


def spoil_all(store):
    with store.db.pipeline() as p:
        for key, write in SPOIL.values():
            p.delete(key)
            write(p, key)
        p.execute()


@pytest.mark.parametrize("when", ["before the start", "later", "later, and a restart"])
def test_what_a_rule_closed_stays_closed(gateway, store, serve, when):
    """/private leads to a server that denies, the rest to one that does not."""
    allow, deny = serve(name="open"), serve(name="deny")
    for what in SPOIL:
        store.rule(f"{what}.test", allow.address, "open")
        store.rule(f"{what}.test/private", deny.address, f"deny-{what}")
    if when == "before the start":
        spoil_all(store)
    gw = gateway(from_redis(store))
    if when != "before the start":
        assert {gw.ask("/private/x", host=f"{what}.test").json()["name"] for what in SPOIL} == {"deny"}
        spoil_all(store)
        wait_until(lambda: len(refused(gw)) == 3, 5)
    if when == "later, and a restart":
        time.sleep(1.5)  # it is saved
        gw.stop()
        gw.start()
    for what in SPOIL:
        r = gw.ask("/private/x", host=f"{what}.test")
        if when == "before the start":
            assert (r.status, r.why) == (503, "rule_refused"), what
        else:
            assert r.json()["name"] == "deny", what
        assert gw.ask("/x", host=f"{what}.test").json()["name"] == "open"


BROKEN = ['{"host":"a.test","path":"/private","respond":{"status":9}}', '{"host":"a.test","path":"/private","nonsense":1,"respond":{"status":403}}']


@pytest.mark.parametrize("when", ["before the start", "later"])
def test_what_a_rule_of_our_own_closed_stays_closed(gateway, store, serve, when):
    store.rule("a.test", serve(name="open").address, "open")
    key = "yett:route:deny"
    store.db.set(key, BROKEN[0] if when == "before the start" else '{"host":"a.test","path":"/private","respond":{"status":403}}')
    gw = gateway(from_redis(store))
    for text in BROKEN:
        if when == "later":
            assert gw.ask("/private/x", host="a.test").status == 403
        store.db.set(key, text)
        wait_until(lambda: ("nonsense" in text) == ("nonsense" in refused(gw).get(key, {"reason": ""})["reason"]), 5)
        wait_until(lambda: key in refused(gw), 5)
        assert refused(gw)[key]["in_force"] == ("503" if when == "before the start" else "last_good")
        assert gw.ask("/private/x", host="a.test").status == (503 if when == "before the start" else 403)
        assert gw.ask("/x", host="a.test").json()["name"] == "open"


def put(store, kind, name, value):
    store.db.set(f"yett:{kind}:{name}", value)


DENY = '{"host":"a.test","path":"/private","respond":{"status":403}}'
UNREADABLE = {"json": '{"host":', "path": DENY.replace('"/private"', "7"), "host": DENY.replace('"a.test"', '"a b"')}


@pytest.mark.parametrize("how", UNREADABLE)
def test_a_fresh_gateway_serves_the_last_good_value_of_the_revisions(gateway, store, serve, how):
    store.rule("a.test", serve(name="open").address, "open")
    put(store, "route", "deny", DENY)
    first = gateway(from_redis(store))
    wait_until(lambda: store.db.xlen("yett:revisions") == 1, 5)
    put(store, "route", "deny", '{"host":"a.test","path":"/private","respond":{"status":410}}')
    wait_until(lambda: store.db.xlen("yett:revisions") == 2, 5)
    put(store, "route", "deny", UNREADABLE[how])
    wait_until(lambda: refused(first) and store.db.xlen("yett:revisions") == 3, 5)
    fresh = gateway(from_redis(store))
    for gw in (first, fresh):
        assert refused(gw)["yett:route:deny"]["in_force"] == "last_good"
        assert gw.ask("/private/x", host="a.test").status == 410 and gw.ask("/x", host="a.test").status == 200


def someone_was_here(store):
    """A gateway of whose rules nothing is known."""
    store.db.xadd("yett:revisions", {"who": "raw", "why": "", "digest": "", "delta": '"not kept"'})


def test_what_is_broken_before_the_very_first_start_closes_nothing(gateway, store, serve):
    """That no gateway was there before is known when it has written the first revision, and to all others by that."""
    store.rule("a.test", serve().address)
    put(store, "route", "deny", UNREADABLE["json"])
    put(store, "policy", "p", "[")
    first = gateway(from_redis(store))
    wait_until(lambda: first.ask(host="a.test").status == 200, 5)
    second = gateway(from_redis(store))
    for i in range(55):  # more than are kept
        Api(second.socket).done("PUT", "frontends", f"{i}.test", "b")
    first.stop()
    first.start()
    for gw in first, second, gateway(from_redis(store)):
        wait_until(lambda: gw.ask(host="a.test").status == 200, 5)
        assert {k: r["in_force"] for k, r in refused(gw).items()} == {"yett:route:deny": "nothing", "yett:policy:p": "nothing"}
    put(store, "route", "deny", DENY)
    wait_until(lambda: second.ask("/private", host="a.test").status == 403, 5)
    put(store, "route", "deny", UNREADABLE["json"])
    wait_until(lambda: "yett:route:deny" in refused(second), 5)
    assert second.ask("/private", host="a.test").status == 403
    wait_until(lambda: b"route:deny" not in store.db.xrevrange("yett:revisions", count=1)[0][1][b"never"], 5)
    fresh = gateway(from_redis(store))  # it closed something by now, though too short for a revision that has it
    assert fresh.ask("/private", host="a.test").status in (403, 503)


def test_who_may_not_write_revisions_proves_nothing(gateway, store, serve):
    store.rule("a.test", serve().address)
    put(store, "route", "deny", UNREADABLE["json"])
    store.db.acl_setuser("reader", enabled=True, nopass=True, commands=["+@all", "-xadd"], keys=["*"])
    gw = gateway(from_redis(store, username="reader", password="x"))
    wait_until(lambda: "changes past the API get no revision" in gw.log(), 5)
    time.sleep(1)
    assert gw.ask(host="a.test").why == "rule_refused" and refused(gw)["yett:route:deny"]["in_force"] == "all_503"
    assert store.db.info("commandstats")["cmdstat_xadd"]["rejected_calls"] <= 2  # nor does it try all the time


@pytest.mark.parametrize("how", [*UNREADABLE, "policy", "half a policy"])
def test_what_cannot_be_read_closes_the_store_until_it_is_mended(gateway, store, serve, how):
    someone_was_here(store)
    up = serve(name="open")
    store.rule("a.test", up.address, "open")
    policy = {"policy": '{"protect":7}', "half a policy": '{"protect":["/x",{"path":7}]}'}.get(how)
    key = "yett:policy:p" if policy else "yett:route:deny"
    store.db.set(key, policy or UNREADABLE[how])
    gw = gateway({"gate": {"secret": SECRET}, "routes": [{"host": "file.test", "target": up.address}]} | from_redis(store))
    r = gw.ask("/private", host="a.test")
    if policy:  # it can only have asked for a token
        assert r.why == "token_missing" and gw.ask("/private", host="a.test", headers=bearer(token(id="7"))).status == 200
    else:
        assert r.why == "rule_refused" and gw.ask("/private", host="a.test", headers=bearer(token(id="7"))).status == 503
    assert gw.ask("/private", host="file.test").status == 200
    assert refused(gw)[key]["in_force"] == ("all_protected" if policy else "all_503")
    assert f"{'a token' if policy else '503'} for all of the store" in gw.cli("routes", "--refused").stdout
    assert f"all rules of the store {'ask for a token' if policy else 'answer 503'}" in gw.log()
    store.db.delete(key)
    wait_until(lambda: gw.ask("/private", host="a.test").status == 200, 5)
    store.db.set(key, policy or UNREADABLE[how])  # it is new: it cannot have closed anything
    wait_until(lambda: key in refused(gw), 5)
    assert refused(gw)[key]["in_force"] == ("protection" if how == "half a policy" else "nothing")
    assert gw.ask("/private", host="a.test").status == 200


def test_a_policy_without_keys_is_told_once(gateway, store):
    gw = gateway(from_redis(store) | {"workers": 1})
    for i in range(3):
        Api(gw.socket).done("PUT", "rules", "policy", f"p{i}", body={"protect": [f"/x{i}"]})
    assert gw.ask("/x0").why in ("gate_no_keys", "no_route")
    assert gw.log().count("what the gate protects answers 503") == 1


def test_who_has_an_unreadable_priority_comes_first(gateway, store, serve):
    put(store, "route", "allow", '{"host":"a.test","path":"/private","priority":5,"respond":{"status":200}}')
    put(store, "route", "deny", DENY.replace("{", '{"priority":"high",', 1))
    gw = gateway(from_redis(store))
    assert gw.ask("/private", host="a.test").why == "rule_refused"
    assert refused(gw)["yett:route:deny"]["in_force"] == "503"
    put(store, "route", "deny", DENY.replace("{", '{"priority":1,"x":1,', 1))
    wait_until(lambda: gw.ask("/private", host="a.test").status == 200, 5)
    assert refused(gw)["yett:route:deny"]["in_force"] == "nothing"
