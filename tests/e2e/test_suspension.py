"""Who is suspended is refused at once: by a raw key of Redis as a-shine's tools set it, or by the command, with and without
Redis. What is in force survives restarts, and a Redis that is down or whose word was lost."""

import json
import subprocess
import time

import pytest
from harness import procs
from harness.gateway import BINARY, from_redis, merge
from harness.sessions import Sessions, config, cookie
from harness.procs import wait_until
from harness.redis_proxy import RedisProxy
from harness.redis_server import RedisServer
from harness.tokens import SECRET, bearer, token

GATE = {"gate": {"secret": SECRET, "claims": {"id": "X-User"}, "protect": ["/"]}, "health": {"enabled": False}}
KEYS = {"suspension": {"redis_keys": True}}


def before(up, *more):
    config = {"upstreams": {"u": {"endpoints": [up.address]}}, "routes": [{"upstream": "u"}]} | GATE
    for one in more:
        config = merge(config, one)
    return config


def ask(gw, who="42", **claims):
    return gw.ask("/", headers=bearer(token(id=who, **claims)))


def explained(gw, who="42"):
    """What `yett explain` says of it."""
    said = gw.cli("explain", "GET", "http://x/", "-H", "Authorization: " + bearer(token(id=who))["Authorization"]).stdout
    return said.partition("suspension: ")[2].partition("\n")[0].partition(",")[0]


def until_refused(gateways, who="42", tries=4, limit=1, **claims):
    """Seconds until each of several new connections to each gateway is refused."""
    begin = time.monotonic()
    wait_until(lambda: all(ask(gw, who, **claims).why == "suspended" for gw in gateways for _ in range(tries)), limit)
    return time.monotonic() - begin


def settled(gw):
    """Its own set has been read from Redis."""
    wait_until(lambda: gw.status()["suspensions"]["redis"] == "up" and gw.status()["suspensions"]["age_s"] == 0, what="the set")
    return gw


def test_raw_key(gateway, serve, store):
    up = serve()
    a, b = (gateway(before(up, from_redis(store), KEYS)) for _ in range(2))
    store.db.set("gone", "x")
    assert ask(a, "gone").why == ask(b, "gone").why == "suspended"
    assert explained(a, "gone") == "suspended" and explained(a) == "Redis would be asked"
    wait_until(lambda: a.metrics()["yett_suspension_keys_known"] == 1, 3, what="the master's tick; explain did not ask")
    r = ask(a, "gone")
    assert r.status == 401 and "User has been suspended" in r.body.decode() and "invalid_token" in r.header("WWW-Authenticate")
    assert ask(a).status == ask(b).status == 200
    asked = store.db.info("commandstats")["cmdstat_exists"]["calls"]
    for _ in range(50):
        assert ask(a).status == 200
    assert store.db.info("commandstats")["cmdstat_exists"]["calls"] - asked < 10  # what is asked for again, twice a second
    store.db.set("42", "whatever", px=700)
    print("refused after %.0f ms" % (1000 * until_refused([a, b])))
    wait_until(lambda: ask(a).status == ask(b).status == 200, 3, what="its key expired")
    store.db.hset("42", "a", "b")
    until_refused([a, b])
    store.db.flushall()
    wait_until(lambda: ask(a).status == ask(b).status == 200, 1, what="all keys are gone")


def test_names_of_keys(gateway, serve, store):
    """Any bytes are asked for as they are; a name that means something else suspends nobody, and passes nobody."""
    gw = gateway(before(serve(), from_redis(store), KEYS))
    store.rule("x.test/", "127.0.0.1:9")
    for who in "a b", "ü\u2028", "x" * 512, 'q"q':
        assert ask(gw, who).status == 200, who
        store.db.set(who, 1)
        until_refused([gw], who)
    for who in "frontend:x.test/", "frontend:none", "backend:b", "yett:suspended", "x" * 513:
        assert ask(gw, who).why == "token_claim", who


@pytest.mark.parametrize("down", ["closed", "open"])
def test_redis_down(gateway, serve, store, down):
    gw = gateway(before(serve(), from_redis(store), KEYS, {"suspension": {"redis_down": down}}))
    store.db.set("gone", 1)
    settled(gw)
    assert ask(gw).status == 200 and ask(gw, "gone").why == "suspended" and gw.cli("suspend", "own").returncode == 0
    time.sleep(0.2)
    store.kill()
    wait_until(lambda: gw.status()["suspensions"]["keys"]["state"] == "down", what="down")
    other = None if down == "open" else "suspension_unknown"

    def still(known):
        assert ask(gw, "gone").why == ask(gw, "own").why == "suspended"
        assert ask(gw, "another").why == other and ask(gw).why == (None if known else other)
    still(True)
    refused = gw.cli("suspend", "more")
    assert refused.returncode != 0 and "503" in refused.stderr
    wait_until(lambda: gw.status()["suspensions"]["saved"], what="saved")
    gw.stop()
    gw.start()
    still(False)


def test_on_connections_of_before(gateway, serve):
    """Those of a killed master's workers, which hear of no suspension."""
    gw = gateway(before(serve()))
    connections = [gw.connect() for _ in range(10)]
    assert {c.ask("/", headers=bearer(token(id="42"))).status for c in connections} == {200}
    gw.kill()
    gw.start()
    assert gw.cli("suspend", "42").returncode == 0
    for c in connections:
        try:
            assert c.ask("/", headers=bearer(token(id="42"))).why == "suspended"
        except (EOFError, OSError):  # closed
            pass
        c.close()


def test_too_old(gateway, serve, store):
    gw = settled(gateway(before(serve(), from_redis(store), KEYS, {"suspension": {"max_age": "1s"}})))
    assert ask(gw).status == 200
    store.kill()
    wait_until(lambda: ask(gw).why == "suspension_unknown", 4, what="too old")
    store.start()
    wait_until(lambda: ask(gw).status == 200, 4, what="known again")


class Mute(RedisProxy):
    """Nothing of what Redis announces comes through."""

    def answer(self, data, client):
        if b"__redis__:invalidate" not in data or b"subscribe" in data:
            super().answer(data, client)


def test_lost_notice(gateway, serve, store):
    proxy = Mute(store)
    proxied = from_redis(store)
    proxied["redis"]["address"] = proxy.address
    gw, other = (settled(gateway(before(serve(), c, KEYS))) for c in (proxied, from_redis(store)))
    assert ask(gw).status == 200
    store.db.set("42", 1)
    print("refused after %.0f ms" % (1000 * until_refused([gw])))
    assert other.cli("suspend", "7").returncode == 0
    print("refused after %.0f ms" % (1000 * until_refused([gw], "7")))
    proxy.close()


def test_no_tracking(gateway, serve, store):
    store.db.execute_command("ACL", "SETUSER", "default", "-client|tracking")
    gw = gateway(before(serve(), from_redis(store), KEYS))
    assert ask(gw).status == 200 and gw.status()["suspensions"]["keys"]["state"] == "polled"
    store.db.set("42", 1)
    until_refused([gw])


def test_command(gateway, serve, store):
    a, b = (settled(gateway(before(serve(), from_redis(store)))) for _ in range(2))
    assert ask(a).status == 200
    said = a.cli("suspend", "42", "--reason", "lost the laptop")
    assert said.returncode == 0 and said.stdout == "2/2 workers, 0 streams closed\n", said
    assert ask(a).why == "suspended"
    until_refused([b])
    for gw in a, b:
        one, = json.loads(gw.cli("suspended", "--json").stdout)["data"]["suspended"]
        assert (one["kind"], one["id"], one["reason"]) == ("sub", "42", "lost the laptop") and one["by"].startswith("uid:")
        assert "lost the laptop" in gw.cli("suspended").stdout and "suspend 1" in gw.cli("status").stdout
        wait_until(lambda: gw.metrics()["yett_suspensions"] == 1, 1, what="the metric")
    assert b.cli("resume", "42").stdout == "Resumed\n" and ask(b).status == 200
    wait_until(lambda: ask(a).status == 200, 1, what="resumed there")
    assert b.cli("resume", "42").returncode == 1
    assert 'audit who="uid:' in a.log() and "/suspended/sub/42" in a.log()


def test_ids_of_the_command(gateway, serve):
    """Any bytes, also those of an option; one that is too long is told so, and that is all."""
    gw = gateway(before(serve()))

    def call(command, who):
        return procs.run([BINARY, command, "-c", gw.file, "--", who], gw.env)
    for who in ("-x", "--json", "--", "a/b", "100%", "..", "a\nb", "\u2028", "x" * 512):
        assert call("suspend", who).returncode == 0 and ask(gw, sub=who).why == "suspended", who
        assert call("resume", who).returncode == 0 and ask(gw, sub=who).status == 200, who
    for command in ("suspend", "resume"):
        said = call(command, "x" * 513)
        assert said.returncode == 2 and "at most 512 bytes" in said.stderr, said
    assert gw.cli("suspended").stdout == "Nobody is suspended.\n"


@pytest.mark.parametrize("stored", ["redis", "file"])
def test_kinds(gateway, serve, request, stored):
    redis = from_redis(request.getfixturevalue("store")) if stored == "redis" else {}
    gw = gateway(before(serve(), redis))
    if stored == "redis":
        settled(gw)
    now = int(time.time())

    def suspend(*words):
        said = gw.cli("suspend", *words)
        assert said.returncode == 0, said
    suspend("s1", "--sid")
    suspend("t1", "--jti")
    suspend("by sub", "--until", "2s")
    assert ask(gw, sub="by sub").why == "suspended"
    suspend("old", "--issued-before", str(now - 10))
    second = int(time.time())
    suspend("this second", "--issued-before", "now")
    assert ask(gw, "this second", iat=second).why == "suspended"
    assert ask(gw, sid="s1").why == ask(gw, jti="t1").why == "suspended"
    assert ask(gw, "old", iat=now - 11).why == ask(gw, "old").why == "suspended"
    assert ask(gw, "old", iat=now - 10).status == ask(gw, "s1").status == ask(gw, sid="t1").status == 200
    assert gw.cli("suspend", "*").returncode == 2
    suspend("*", "--issued-before", str(now - 1000))
    assert ask(gw, iat=now - 1001).why == "suspended" and ask(gw, iat=now - 999).status == 200
    wait_until(lambda: ask(gw, iat=now, sub="by sub").status == 200, 4, what="over")
    gw.stop()
    gw.start()
    assert ask(gw, iat=now, sid="s1").why == ask(gw, iat=now - 1001).why == "suspended"
    assert gw.cli("resume", "*").returncode == 0 and ask(gw, iat=now - 1001).status == 200
    for wrong in (["x", "--until", "soon"], ["x", "--until", "5"], ["x", "--sid", "--jti"], []):
        assert gw.cli("suspend", *wrong).returncode == 2, wrong


def test_from_file_to_redis(gateway, serve, store):
    """What was suspended without Redis goes there."""
    up = serve()
    gw = gateway(before(up))
    assert gw.cli("suspend", "42").returncode == 0
    assert gw.reload(before(up, from_redis(store))).returncode == 0 and ask(gw).why == "suspended"
    wait_until(lambda: store.db.hexists("yett:suspended", "sub:42"), what="there")
    until_refused([settled(gateway(before(up, from_redis(store))))])
    assert gw.reload(before(up)).returncode == 0 and gw.cli("suspend", "43").returncode == 0
    store.db.hdel("yett:suspended", "sub:42")
    assert gw.reload(before(up, from_redis(store))).returncode == 0
    wait_until(lambda: ask(gw).status == 200 and store.db.hkeys("yett:suspended") == [b"sub:43"], 3, what="each as it is")
    assert ask(gw, "43").why == "suspended"


def test_master_killed(gateway, serve):
    gw = gateway(before(serve()))
    assert gw.cli("suspend", "42").returncode == 0
    gw.kill()
    assert ask(gw).why == "suspended"
    gw.start()
    assert ask(gw).why == "suspended"


def test_redis_forgets(gateway, serve, store):
    """A failover to one that knows less, or a start without its data, lets nobody in again; also not while the gateway was away."""
    up = serve()
    gw, other = (settled(gateway(before(up, from_redis(store)))) for _ in range(2))
    assert gw.cli("suspend", "first").returncode == 0
    store.kill()
    store.start()
    wait_until(lambda: store.db.hexists("yett:suspended", "sub:first"), 5, what="Redis was told")
    until_refused([settled(gw), settled(other)], "first")
    assert gw.cli("suspend", "second").returncode == 0
    until_refused([other], "second")
    store.db.hdel("yett:suspended", "sub:second")
    last, _ = store.db.xrevrange("yett:suspended:log", count=1)[0]
    store.db.xdel("yett:suspended:log", last)
    store.db.client_kill_filter(_type="normal", skipme=True)
    wait_until(lambda: store.db.hexists("yett:suspended", "sub:second"), 5, what="Redis was told")
    assert ask(gw, "second").why == ask(other, "second").why == "suspended"
    wait_until(lambda: gw.status()["suspensions"]["saved"], what="saved")
    gw.stop()
    other.stop()
    store.kill()
    store.start()
    gw.start()
    wait_until(lambda: store.db.hlen("yett:suspended") == 2, 5, what="Redis was told")
    assert ask(settled(gw), "first").why == "suspended" and gw.cli("resume", "first").returncode == 0
    assert ask(gw, "first").status == 200
    time.sleep(1.2)
    assert ask(gw, "first").status == 200 and store.db.hkeys("yett:suspended") == [b"sub:second"]


@pytest.mark.parametrize("older", [["first"], []])
def test_redis_went_on(gateway, serve, store, older):
    """A replica that took over without the latest change, be it the only one, and has a later one of somebody else by the time that
    it is found."""
    gw = settled(gateway(before(serve(), from_redis(store))))
    for who in (*older, "second"):
        assert gw.cli("suspend", who).returncode == 0
    (last, entry), = store.db.xrevrange("yett:suspended:log", count=1)
    with store.db.pipeline() as p:
        p.hdel("yett:suspended", "sub:second")
        p.xdel("yett:suspended:log", last)
        p.hset("yett:suspended", "sub:third", entry[b"v"])
        p.xadd("yett:suspended:log", {"f": "sub:third", "v": entry[b"v"]})
        p.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        p.execute_command("CLIENT", "KILL", "TYPE", "pubsub", "SKIPME", "yes")
        p.execute()
    wait_until(lambda: store.db.hexists("yett:suspended", "sub:second"), 5, what="Redis was told")
    assert all(ask(gw, who).why == "suspended" for who in (*older, "second", "third"))


def test_server_becomes_a_replica(gateway, serve, store):
    """Of another one, that never had what this one had, while the connection stands."""
    gw, other = settled(gateway(before(serve(), from_redis(store)))), RedisServer()
    try:
        assert gw.cli("suspend", "first").returncode == 0
        (_, entry), = store.db.xrevrange("yett:suspended:log", count=1)
        other.db.hset("yett:suspended", "sub:third", entry[b"v"])
        other.db.xadd("yett:suspended:log", {"f": "sub:third", "v": entry[b"v"]})
        store.db.replicaof("127.0.0.1", other.port)
        until_refused([gw], "third", limit=10)
        store.db.replicaof("NO", "ONE")
        wait_until(lambda: store.db.hlen("yett:suspended") == 2, 5, what="Redis was told")
        assert ask(gw, "first").why == "suspended"
    finally:
        other.finish()


def test_changed_by_hand(gateway, serve, store):
    gw = settled(gateway(before(serve(), from_redis(store))))
    store.db.hset("yett:suspended", mapping={f"sub:{i}": "1" for i in range(10)})
    until_refused([gw], "3", limit=3)
    store.db.hdel("yett:suspended", "sub:3")
    wait_until(lambda: ask(gw, "3").status == 200, 3, what="resumed")
    store.db.delete("yett:suspended")
    wait_until(lambda: "withheld=9" in gw.log(), 3, what="an accident withheld")
    time.sleep(2.2)
    assert gw.log().count("withheld=9") == 1  # and told once
    assert ask(gw, "5").why == "suspended" and gw.cli("resume", "5").returncode == 0 and ask(gw, "5").status == 200


def test_fields_that_are_none(gateway, serve, store):
    """What somebody wrote into the hash suspends nobody, and hides nobody from the list."""
    odd = [b"", b"sub", b"sub:", b"nope:x", b"key:x", b"sub:" + b"x" * 513, b"sub:a\0b", b"all:*"]
    store.db.hset("yett:suspended", mapping={field: "1" for field in odd} | {"sub:ok": "{" * 100, "jti:j": '{"until":"x","before":-1}'})
    gw = settled(gateway(before(serve(), from_redis(store))))
    assert ask(gw).status == 200 and ask(gw, "ok").why == ask(gw, jti="j").why == "suspended"
    listed = gw.cli("suspended").stdout
    assert [line.split()[:2] for line in listed.splitlines()[1:]] in ([["sub", "ok"], ["jti", "j"]], [["jti", "j"], ["sub", "ok"]])


def test_many(gateway, serve, store):
    store.db.hset("yett:suspended", mapping={f"sub:{i}": '{"reason":"r"}' for i in range(50000)})
    gw = settled(gateway(before(serve(), from_redis(store))))
    assert gw.status()["suspensions"]["count"] == 50000
    assert ask(gw, "49999").why == "suspended" and ask(gw, "50000").status == 200
    assert gw.cli("suspend", "50000").returncode == 0 and ask(gw, "50000").why == "suspended"
    assert "and 49001 more" in gw.cli("suspended").stdout


def test_more_than_allowed(gateway, serve, store):
    gw = settled(gateway(before(serve(), from_redis(store), {"suspension": {"max": 2}})))
    assert [gw.cli("suspend", who).returncode for who in "abc"] == [0, 0, 1] and ask(gw).status == 200
    store.db.hset("yett:suspended", "sub:d", "1")
    wait_until(lambda: ask(gw).why == "suspension_unknown", 3, what="closed")
    assert gw.reload().returncode == 0 and ask(gw, "d").why == "suspension_unknown"  # a reload knows no more
    time.sleep(1.3)
    assert ask(gw, "d").why == "suspension_unknown"
    assert gw.cli("resume", "a").returncode == 0
    wait_until(lambda: ask(gw).status == 200 and ask(gw, "d").why == "suspended", 3, what="all of them known")


def test_fewer_allowed_than_there_are(gateway, serve):
    """All that are known stay in force, over a restart too."""
    up = serve()
    gw = gateway(before(up))
    assert [gw.cli("suspend", who).returncode for who in "abcd"] == [0] * 4
    assert gw.reload(before(up, {"suspension": {"max": 2}})).returncode == 0
    for _ in range(2):
        assert [ask(gw, who).why for who in "abcd"] == ["suspended"] * 4 and ask(gw).status == 200
        assert gw.cli("suspend", "e").returncode == 1
        gw.stop()
        gw.start()


def test_where_people_log_in_and_no_token_is_taken(gateway, serve, store):
    """The set is heard of there, too: sessions have identities."""
    up, sessions = serve(), Sessions(store.db)
    a, b = (gateway(merge(config(store, up), from_redis(store))) for _ in range(2))
    browser = cookie(sessions.create("mallory"))
    assert b.ask(headers=browser.items()).status == 200
    assert a.cli("suspend", "mallory").returncode == 0
    wait_until(lambda: b.ask(headers=browser.items()).why == "suspended", 2)
