"""A session is known by its cookie: whose it is, how long, and that nobody is mistaken for somebody, or for nobody."""

import threading
import time

import pytest
from harness import client, sessions
from harness.procs import free_port, wait_until
from harness.redis_server import RedisServer
from harness.sessions import COOKIE, Sessions, config, cookie, signed
from harness.tokens import SECRET, bearer, token


@pytest.fixture
def some(store):
    return Sessions(store.db)


def seen(r, c):
    c.reply(body=(r.header("X-User") or "-").encode())


def user(gw, headers):
    r = gw.ask(headers=headers)
    return r.body.decode() if r.status == 200 else (r.status, r.header("X-Yett-Reason"))


def test_whose_it_is(gateway, serve, store, some):
    """By either key, on either worker; by no other cookie."""
    gw = gateway(config(store, serve(seen), cookie_keys=["the newest key is this one, 32 bytes", sessions.COOKIE_KEY]))
    id = some.create("alice")
    for _ in range(8):
        assert user(gw, cookie(id)) == "alice"
    assert user(gw, cookie(id, key="the newest key is this one, 32 bytes")) == "alice"
    assert user(gw, cookie(id, key="another key of at least 32 bytes!")) == (401, "token_missing")
    value = signed(id)
    for bad in (value[:-1] + ("A" if value[-1] != "A" else "E"), value + "A", value[:-1], ("B" if value[0] == "A" else "A") + value[1:], value.replace(".", ":"), id, "",
                '"' + value + "x", "%0d%0aset x", value.upper()):
        r = gw.ask(headers={"Cookie": f"{COOKIE}={bad}"})
        assert (r.status, r.header("X-Yett-Reason"), r.header("Set-Cookie")) == (401, "token_missing", None), bad
    assert user(gw, {"Cookie": f"{COOKIE}=rubbish; x=1; {COOKIE}={value}"}) == "alice"  # a parent domain may set rubbish
    assert user(gw, {}) == (401, "token_missing")


def test_one_question_for_many(gateway, serve, store, some):
    """However many requests ask at once, each worker reads a session once."""
    gw = gateway(config(store, serve(seen)))
    id = some.create("alice")

    def reads():
        return store.db.info("commandstats").get("cmdstat_hgetall", {"calls": 0})["calls"]
    store.freeze()
    clients = [gw.connect() for _ in range(60)]
    for c in clients:
        c.send(client.request(headers=cookie(id)))
    time.sleep(0.3)
    store.thaw()
    assert all(c.read().body == b"alice" for c in clients)
    assert 0 < reads() <= 2 * 4
    for c in clients:
        assert c.ask(headers=cookie(id)).body == b"alice"
        c.close()
    assert reads() <= 2 * 4


def test_by_token(gateway, serve, store, some):
    """For a route that tells its upstream of who asks a token will do, with a session of that user or without."""
    route = {"credentials": [{"header": "X-Corp", "value": "access_token", "provider": "corp"}]}
    gate = {"gate": {"secret": SECRET, "issuer": "https://id.example", "claims": {"sub": "X-User"}}}
    gw = gateway(config(store, serve(seen), auth="optional", route=route) | gate)
    some.create("alice")
    for sub in ("alice", "bob", "alice"):
        assert user(gw, bearer(token(sub=sub, iss="https://id.example"))) == sub
    assert store.db.info("commandstats")["cmdstat_zrevrangebyscore"]["calls"] >= 2
    assert user(gw, {}) == "-"
    store.kill()
    wait_until(lambda: user(gw, bearer(token(sub="carol", iss="https://id.example"))) == (503, "session_unavailable"), what="503")
    assert user(gw, {}) == "-"


def test_over_tls(gateway, serve, authority, roots, tmp_path):
    """The Redis of sessions as any upstream: its certificate is verified."""
    port, chain, key = free_port(), str(tmp_path / "redis.pem"), str(tmp_path / "redis.key")
    authority.issue("127.0.0.1").write(chain, key)
    store = RedisServer(["--tls-port", str(port), "--tls-cert-file", chain, "--tls-key-file", key, "--tls-ca-cert-file", roots,
                         "--tls-auth-clients", "no"])
    try:
        id = Sessions(store.db).create("alice")
        up, redis = serve(seen), {"address": f"127.0.0.1:{port}", "tls": {"enabled": True, "ca": roots}, "timeout": "2s"}
        gw = gateway(config(store, up, redis=redis))
        assert user(gw, cookie(id)) == "alice"
        store.db.delete(f"session:{id}")
        wait_until(lambda: user(gw, cookie(id)) == (401, "session_expired"), what="it is announced")
        id = Sessions(store.db).create("alice")
        assert gw.reload(config(store, up, redis=redis | {"tls": {"enabled": True}})).returncode == 0  # nobody vouches for it
        wait_until(lambda: user(gw, cookie(id)) == (503, "session_unavailable"), what="503")
        assert gw.reload(config(store, up, redis=redis)).returncode == 0
        wait_until(lambda: user(gw, cookie(id)) == "alice", what="it is back")
    finally:
        store.finish()


def test_two_token_keys(gateway, serve, store, some):
    gw = gateway(config(store, serve(seen), token_keys=["the newest key is this one, 32 bytes", sessions.TOKEN_KEY]))
    assert user(gw, cookie(some.create("old"))) == "old"
    assert user(gw, cookie(some.create("new", key="the newest key is this one, 32 bytes"))) == "new"
    assert user(gw, cookie(some.create("lost", key="a key that is not there any more"))) == (401, "session_expired")


def test_sealed_tokens_stay_in_their_place(gateway, serve, store, some):
    gw = gateway(config(store, serve(seen)))
    alice, bob = some.create("alice"), some.create("bob")
    ta, tb = some.tids(alice)["corp"], some.tids(bob)["corp"]
    store.db.hset(f"idToken:{ta}", "Value", store.db.hget(f"idToken:{tb}", "Value"))
    assert user(gw, cookie(alice)) == (401, "session_expired")
    assert user(gw, cookie(bob)) == "bob"


def test_dead_cookie(gateway, serve, store, some):
    """It falls through to the token, and the client is rid of it."""
    gate = {"gate": {"secret": SECRET, "claims": {"id": "X-User"}}}
    gw = gateway(config(store, serve(seen)) | gate)
    gone = some.create("alice")
    store.db.delete(f"session:{gone}")
    r = gw.ask(headers=cookie(gone))
    assert (r.status, r.header("X-Yett-Reason")) == (401, "session_expired")
    assert r.header("Set-Cookie") == f"{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
    for mode, status, keeps in (("navigate", 302, False), ("cors", 401, True), ("same-origin", 401, True)):
        r = gw.ask(headers=cookie(gone) | {"Sec-Fetch-Mode": mode})  # a script's answer may come after the cookie of a new session
        assert (r.status, r.header("Set-Cookie") is None) == (status, keeps), mode
    r = gw.ask(headers=cookie(gone) | bearer(token(id="by token")))
    assert (r.status, r.body) == (200, b"by token") and "Max-Age=0" in r.header("Set-Cookie")
    alive = some.create("alice")
    r = gw.ask(headers=cookie(alive) | bearer(token(id="by token")))  # the cookie comes first
    assert (r.status, r.body, r.header("Set-Cookie")) == (200, b"alice", None)


def test_expiry(gateway, serve, store, some):
    """Idle and absolute; written not too often, and never brought back from the dead."""
    gw = gateway(config(store, serve(seen), session={"touch": "1s"}))
    now = time.time()
    assert user(gw, cookie(some.create(expires=now - 1))) == (401, "session_expired")
    soon = some.create("soon", idle=3600, max=2)
    assert user(gw, cookie(soon)) == "soon"
    used = some.create("used", idle=3, expires=now + 2)
    key, tid = f"session:{used}", some.tids(used)["corp"]
    until = time.monotonic() + 4
    while time.monotonic() < until:
        assert user(gw, cookie(used)) == "used"
        time.sleep(0.2)
    assert store.db.ttl(f"refreshToken:{tid}") > 8 and store.db.ttl(key) > 8 and store.db.ttl("userSessions:corp:used") > 8
    assert user(gw, cookie(soon)) == (401, "session_expired")
    store.db.delete(key)
    wait_until(lambda: user(gw, cookie(used)) == (401, "session_expired"), what="it ends")
    assert not store.db.exists(key)
    for _ in range(3):
        user(gw, cookie(used))
    assert not store.db.exists(key)


def endless(request, c):
    c.send(b"HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n\r\n")
    try:
        while True:
            c.chunk(b"data: x\n\n")
            time.sleep(0.02)
    except OSError:
        c.close = True


def until_cut(c):
    """When was the answer broken off?"""
    with pytest.raises((EOFError, ConnectionResetError)):
        while True:
            assert c.read_chunk(), "it ended in order"
    return time.monotonic()


def test_logout_on_two_gateways(gateway, serve, store, some):
    """What one ends, all refuse within 100 ms (here ten times that), and every stream of it is closed, and no other one."""
    up = serve(lambda r, c: endless(r, c) if r.path == "/endless" else seen(r, c))
    gws = [gateway(config(store, up)) for _ in range(2)]
    id, other = some.create("alice"), some.create("bob")
    for gw in gws:
        for _ in range(6):
            assert user(gw, cookie(id)) == "alice"
    streams = [gw.connect() for gw in gws for _ in range(2)]
    stays = gws[0].connect()
    for c in streams:
        c.send(client.request("/endless", headers=cookie(id)))
        assert c.read_head().status == 200
    stays.send(client.request("/endless", headers=cookie(other)))
    assert stays.read_head().status == 200
    ends = []
    threads = [threading.Thread(target=lambda c=c: ends.append(until_cut(c))) for c in streams]
    for t in threads:
        t.start()
    said = gws[0].cli("sessions", "alice")
    assert sessions.shown(id) in said.stdout and "corp" in said.stdout and id not in said.stdout, said
    begin = time.monotonic()
    said = gws[0].cli("sessions", "alice", "--end")
    done = time.monotonic()
    assert (said.returncode, said.stdout) == (0, "1 session ended\n"), said
    for gw in gws:
        for _ in range(4):
            assert user(gw, cookie(id)) == (401, "session_expired")
    for t in threads:
        t.join()
    assert len(ends) == 4 and all(begin < e < done + 1 for e in ends)
    assert stays.read_chunk()
    assert user(gws[1], cookie(other)) == "bob"
    left = [k for k in store.db.keys("*") if b"alice" in k or id.encode() in k]
    assert left == [] and len(store.db.keys("*Token:*")) == 3
    assert "no session" in gws[1].cli("sessions", "alice").stdout
    for c in (*streams, stays):
        c.close()


def test_a_user_of_very_many(gateway, serve, store, some):
    """All are ended, not as many as a list has."""
    gw = gateway(config(store, serve(seen)))
    ids = [some.create("alice") for _ in range(210)]
    assert user(gw, cookie(ids[0])) == "alice"
    said = gw.cli("sessions", "alice", "--end")
    assert said.stdout == "210 sessions ended\n", said
    assert store.db.keys("session:*") == [] == store.db.keys("userSessions:*")


def test_store_away(gateway, serve, store, some):
    """Nobody becomes nobody by our fault: 503, and the cookie stays."""
    gw = gateway(config(store, serve(seen), auth="optional"))
    id = some.create("alice")
    assert user(gw, cookie(id)) == "alice"
    store.kill()

    def refused():
        r = gw.ask(headers=cookie(id))
        return (r.status, r.header("X-Yett-Reason"), r.header("Retry-After"), r.header("Set-Cookie")) == (503, "session_unavailable", "1", None)
    wait_until(refused, what="503")
    assert user(gw, {}) == "-" and user(gw, {"Cookie": f"{COOKIE}={signed(id)}x"}) == "-"
    wait_until(lambda: "sessions store=down" in gw.log(), what="it is said")
    store.start()
    id = Sessions(store.db).create("alice")
    wait_until(lambda: user(gw, cookie(id)) == "alice", what="it is back")
    assert sessions.COOKIE_KEY not in gw.log() and signed(id) not in gw.log() and signed(id) not in str(gw.access_log())


ACL = ["+multi", "+exec", "+hgetall", "+hset", "+del", "+eval", "+exists", "+expireat", "+ttl", "+zadd", "+zrem", "+zremrangebyscore",
       "+zrevrangebyscore", "+client|tracking", "+client|setname", "+client|id", "+ping", "+subscribe", "+select", "+time"]
KEYS = ["~session:*", "~accessToken:*", "~refreshToken:*", "~idToken:*", "~userSessions:*"]


def test_own_user(gateway, serve, store, some):
    """With the commands of yett(8) and no other all works, and a wrong password is 503."""
    store.db.execute_command("ACL", "SETUSER", "yett", "on", ">pw", "resetchannels", "&__redis__:invalidate", *KEYS, *ACL)
    redis = {"address": store.address, "username": "yett", "password": "pw", "timeout": "2s"}
    gw = gateway(config(store, serve(seen), session={"touch": "1s"}, redis=redis))
    id = some.create("alice", expires=time.time() + 1000)
    assert user(gw, cookie(id)) == "alice"
    wait_until(lambda: store.db.ttl(f"session:{id}") > 3500, what="it was touched")
    assert gw.cli("sessions", "alice", "--end").stdout == "1 session ended\n"
    assert user(gw, cookie(id)) == (401, "session_expired")
    assert "refuses" not in gw.log() and "tracking=refused" not in gw.log() and "clock=refused" not in gw.log()
    id = some.create("alice")
    store.db.execute_command("ACL", "SETUSER", "yett", "-time")
    wait_until(lambda: "sessions clock=refused" in gw.log(), 5)
    assert user(gw, cookie(id)) == "alice"
    assert gw.reload(config(store, gw_up(gw), redis=redis | {"password": "wrong"})).returncode == 0
    wait_until(lambda: user(gw, cookie(id)) == (503, "session_unavailable"), what="503")


def gw_up(gw):
    """Its upstream, as config() wants it."""
    import json
    with open(gw.file) as f:
        address = json.load(f)["upstreams"]["u"]["endpoints"][0]
    return type("Up", (), {"address": address})


def test_untracked(gateway, serve, store, some):
    """A Redis that announces nothing: an end is seen a second later."""
    store.db.execute_command("ACL", "SETUSER", "yett", "on", ">pw", *KEYS, *[a for a in ACL if "tracking" not in a and "subscribe" not in a])
    redis = {"address": store.address, "username": "yett", "password": "pw", "timeout": "2s"}
    gw = gateway(config(store, serve(seen), redis=redis))
    id = some.create("alice")
    assert user(gw, cookie(id)) == "alice"
    wait_until(lambda: "tracking=refused" in gw.log(), what="it is said")
    store.db.delete(f"session:{id}")
    wait_until(lambda: user(gw, cookie(id)) == (401, "session_expired"), 3, what="it ends")


def test_rubbish_in_redis(gateway, serve, store, some):
    gw = gateway(config(store, serve(seen)))
    for change in ({"TokenIDs": "{"}, {"ExpiresAt": "soon"}, {"UserID": "bob"}, {"ID": "A" * 43}, {"TokenIDs": '{"corp": "other:x"}'},
                   {"TokenIDs": '{"gone": "gone:x"}'}, {"MaxTTLSeconds": "-1"}):
        id = some.create("alice")
        store.db.hset(f"session:{id}", mapping=change)
        assert user(gw, cookie(id)) == (401, "session_expired"), change
    id = some.create("alice")
    store.db.delete(f"session:{id}")
    store.db.set(f"session:{id}", "text")
    assert user(gw, cookie(id)) == (401, "session_expired")
    assert user(gw, cookie(some.create("fine"))) == "fine"


def test_suspended(gateway, serve, store, some):
    """By the date of the login, too."""
    gw = gateway(config(store, serve(seen)))
    old, new = some.create("alice", created=time.time() - 100), some.create("alice", created=time.time() + 50)
    assert user(gw, cookie(old)) == "alice"
    assert gw.cli("suspend", "alice", "--issued-before", "now").returncode == 0
    assert user(gw, cookie(old)) == (401, "suspended") and user(gw, cookie(new)) == "alice"
    assert gw.cli("suspend", "alice").returncode == 0
    assert user(gw, cookie(new)) == (401, "suspended")


def test_odd_users(gateway, serve, store, some):
    """A user may have any name: it never becomes part of a command."""
    gw = gateway(config(store, serve(seen)))
    for name in ("a b", "x\r\nFLUSHALL\r\n", 'q"\'{}', "ü%2F/..", "userSessions:corp:x"):
        id = some.create(name, claims={"id": "odd"})
        assert user(gw, cookie(id)) == "odd"
        assert sessions.shown(id) in gw.cli("sessions", name).stdout
        assert gw.cli("sessions", name, "--end").stdout == "1 session ended\n"
    assert "no session" in gw.cli("sessions", "nobody").stdout
