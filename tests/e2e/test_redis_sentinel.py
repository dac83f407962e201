"""A Redis that sentinels watch: its master is found, and followed through a failover without a restart."""

import time

import pytest
from redis import ResponseError

from harness.api import Api
from harness.gateway import LONG, merge, proxy_to
from harness.procs import free_port, wait_until
from harness.redis_group import MASTER, PASSWORD, SENTINEL_PASSWORD, Says, Sentinel, Server, Watched, finish_all
from harness.sessions import Sessions, config, cookie
from harness.tokens import SECRET, bearer, token


@pytest.fixture(scope="module")
def watched():
    group = Watched()
    yield group
    group.finish()


@pytest.fixture
def pair():
    """A master and its replica."""
    servers = [Server(), Server()]
    servers[1].db.replicaof("127.0.0.1", servers[0].port)
    wait_until(lambda: servers[1].db.info("replication")["master_link_status"] == "up", what="it follows")
    yield servers
    finish_all(servers)


def seen(r, c):
    c.reply(body=(r.header("X-User") or "-").encode())


def push(gw, name, up):
    return Api(gw.socket).ask("PUT", "rules", "route", name, body={"path": f"/{name}/", "target": up.address})


def revision(gw):
    return gw.status()["rules"]["revision"]["revision"]


def user(gw, id):
    r = gw.ask("/app/", headers=cookie(id))
    return r.body.decode() if r.status == 200 else r.why


def suspended(gw):
    return gw.ask("/app/", headers=bearer(token(id="bob", iss="https://tokens.example"))).why


def test_failover(gateway, serve, watched):
    """Rules, sessions, limits and suspensions go on with the next master, and nothing that the gateway knows is lost."""
    up, gone = serve(seen), f"127.0.0.1:{free_port()}"
    gw = gateway(merge(config(watched, up, redis=watched.config(gone)), {
        "redis": watched.config(gone), "gate": {"secret": SECRET, "issuer": "https://tokens.example"},
        "rates": {"all": {"limit": "100000/day", "scope": "fleet", "per": ["all"]}}})
        | {"routes": [{"path": "/app/", "upstream": "u", "auth": "required", "rates": ["all"]}]})
    before = watched.settled()
    wait_until(lambda: gw.status()["redis"]["server"] == before.address, what="it is found")
    assert push(gw, "one", up).status == 200
    first = revision(gw)
    id = Sessions(before.db).create("alice")
    wait_until(lambda: user(gw, id) == "alice", 5, what=lambda: f"a session: {user(gw, id)}")
    assert gw.cli("suspend", "bob").returncode == 0 and suspended(gw) == "suspended"
    wait_until(lambda: gw.status()["fleet"]["up"], what="the fleet's limits")
    before.db.execute_command("WAIT", 2, 5000)  # what no replica has is lost with its master

    before.kill()
    begin = time.monotonic()
    while gw.status()["redis"]["server"] == before.address or gw.status()["redis"]["state"] != "up":
        assert gw.ask("/one/").status == 200 and suspended(gw) == "suspended"
        assert time.monotonic() < begin + 30, gw.log()
        time.sleep(0.05)
    after = watched.master()
    assert gw.status()["redis"]["server"] == after.address and gw.status()["redis"]["found_by"].startswith("sentinel 127.0.0.1:")
    wait_until(lambda: user(gw, id) == "alice", 10, what="the session survived")
    assert suspended(gw) == "suspended" and gw.ask("/one/").status == 200 and revision(gw) == first
    done = push(gw, "two", up)
    assert done.status == 200 and gw.ask("/two/").status == 200, done
    number = [tuple(map(int, r.split("-"))) for r in (first, revision(gw))]
    assert number[0] < number[1] and gw.status()["rules"]["withheld"] == 0
    assert user(gw, Sessions(after.db).create("carol")) == "carol"
    wait_until(lambda: gw.status()["fleet"]["up"], 5, what="the fleet's limits")
    assert gw.cli("resume", "bob").returncode == 0 and suspended(gw) != "suspended"

    text = gw.cli("status").stdout
    assert f"{after.address} (sentinel 127.0.0.1:" in text, text
    samples = gw.metrics()
    of = {n: v for n, v in samples.items() if n.startswith("yett_redis_server_info")}
    assert all(f'server="{after.address}"' in n and 'found="sentinel 127' in n for n in of) and len(of) == 2
    changes = 'yett_redis_server_changes_total{of="rules"}'
    assert samples[changes] == 1
    gw.kill()
    gw.start()
    assert gw.metrics()[changes] >= 1
    before.start()
    before.db.replicaof("127.0.0.1", after.port)


@pytest.mark.skipif(not LONG, reason="long")
def test_asked_for(gateway, serve, watched):
    """A failover that an operator asks for; the old master lives on as a replica."""
    up = serve(seen)
    gw = gateway({"redis": watched.config()} | proxy_to(up))
    before = watched.settled()
    assert push(gw, "one", up).status == 200

    def accepted():
        """Where the test before had one, it may go on."""
        try:
            return watched.sentinels[0].db.execute_command("SENTINEL", "FAILOVER", MASTER)
        except ResponseError as e:
            if "INPROG" not in str(e):
                raise
            return False
    wait_until(accepted, 30, what="a failover that may begin")
    wait_until(lambda: gw.status()["redis"]["server"] not in ("", before.address) and gw.status()["redis"]["state"] == "up", 30,
               what="the next one")
    done = push(gw, "two", up)
    assert done.status == 200, done
    assert gw.ask("/one/").status == gw.ask("/two/").status == 200


def test_who_says_so(gateway, serve, pair):
    """What a sentinel says is checked, of rules and of sessions: one that names a replica is not believed, and the next one is asked.
    It may say a name (resolve-hostnames)."""
    up, liar, good = serve(seen), Says(pair[1]), Says(pair[0], "localhost")
    redis = {"sentinel": {"addresses": [liar.address, good.address]}, "password": PASSWORD}
    gw = gateway(merge(config(pair[0], up, redis=redis), {"redis": redis}))
    wait_until(lambda: gw.status()["redis"]["state"] == "up", what="it is found")
    assert gw.status()["redis"]["server"] == f"localhost:{pair[0].port}" and push(gw, "one", up).status == 200
    id = Sessions(pair[0].db).create("alice")
    wait_until(lambda: gw.ask(headers=cookie(id)).body == b"alice", 10, what=gw.log)
    assert gw.status()["sessions_redis"]["servers"] == [f"localhost:{pair[0].port}"]
    assert gw.log().count("it is a replica") > 1
    liar.finish()
    good.finish()


def test_read_only(gateway, serve, pair):
    """A write that meets what has become a replica is no answer: the link is lost, and the master asked for again."""
    up, says = serve(seen), Says(pair[0])
    gw = gateway({"redis": {"sentinel": {"addresses": [says.address]}, "password": PASSWORD}} | proxy_to(up))
    assert push(gw, "one", up).status == 200
    pair[1].db.replicaof("NO", "ONE")
    pair[0].db.replicaof("127.0.0.1", pair[1].port)
    says.server = pair[1]
    wait_until(lambda: push(gw, "two", up).status == 200, 10, what="a write is taken")
    assert pair[1].db.exists("yett:route:two") and gw.status()["redis"]["server"] == pair[1].address
    assert gw.ask("/one/").status == gw.ask("/two/").status == 200
    says.finish()


def test_none_answers(gateway, serve, pair):
    """What was found last is used while no sentinel answers."""
    up, says = serve(seen), Says(pair[0])
    gw = gateway({"redis": {"sentinel": {"addresses": [says.address]}, "password": PASSWORD}} | proxy_to(up))
    wait_until(lambda: gw.status()["redis"]["state"] == "up", what="it is found")
    says.finish()
    pair[0].db.client_kill_filter(_type="normal", skipme=True)
    wait_until(lambda: push(gw, "one", up).status == 200, 10, what="it is back")


def test_over_tls(gateway, serve, authority, roots, tmp_path):
    """Sentinels speak it as the server does; both are verified."""
    chain, key, up, ports = str(tmp_path / "redis.pem"), str(tmp_path / "redis.key"), serve(seen), (free_port(), free_port())
    authority.issue("127.0.0.1").write(chain, key)
    tls = {"tls-cert-file": chain, "tls-key-file": key, "tls-ca-cert-file": roots, "tls-auth-clients": "no"}
    server = Server("--tls-port", str(ports[0]), *(word for k, v in tls.items() for word in ("--" + k, v)))
    sentinel = Sentinel(ports[0], 1, [f"tls-port {ports[1]}", "tls-replication yes", *(f"{k} {v}" for k, v in tls.items())])
    redis = {"sentinel": {"addresses": [f"127.0.0.1:{ports[1]}"], "master": MASTER, "password": SENTINEL_PASSWORD}, "password": PASSWORD,
             "tls": {"enabled": True, "ca": roots}}
    try:
        gw = gateway(merge(config(server, up, redis=redis), {"redis": redis}))
        wait_until(lambda: gw.status()["redis"]["state"] == "up", what=lambda: gw.log())
        assert gw.status()["redis"]["server"] == f"127.0.0.1:{ports[0]}" and push(gw, "one", up).status == 200
        id = Sessions(server.db).create("alice")
        wait_until(lambda: gw.ask(headers=cookie(id)).status == 200, 5, what="a session over TLS")
        assert gw.reload({"redis": redis | {"tls": {"enabled": True}}} | proxy_to(up)).returncode == 0  # nobody vouches for it
        wait_until(lambda: "sentinel 127.0.0.1" in gw.status()["redis"]["error"] and "TLS" in gw.status()["redis"]["error"], 5,
                   what=lambda: gw.status()["redis"])
    finally:
        finish_all([sentinel, server])
