"""A Redis Cluster: rules, sessions, limits and suspensions under hash tags; redirections are followed, also while keys move."""

import time

import pytest
from harness.api import Api
from harness.dns_server import DnsServer
from harness.gateway import merge
from harness.procs import wait_until
from harness.redis_group import Cluster, Scattered, Tagged
from harness.sessions import Sessions, config, cookie
from harness.tokens import SECRET, bearer, token

RULES, SESSIONS = "{yett}", "{yett-sessions}"


@pytest.fixture(scope="module")
def cluster():
    """Its replica is of the node with the rules."""
    group = Cluster(RULES)
    yield group
    group.finish()


def seen(r, c):
    c.reply(body=(r.header("X-User") or "-").encode())


def start(gateway, serve, cluster):
    up = serve(seen)
    gw = gateway(merge(config(cluster, up, redis=cluster.config()), {
        "redis": cluster.config(), "gate": {"secret": SECRET, "issuer": "https://tokens.example"},
        "rates": {"all": {"limit": "100000/day", "scope": "fleet", "per": ["all"]}}})
        | {"routes": [{"path": "/app/", "upstream": "u", "auth": "required", "rates": ["all"]}]})
    wait_until(lambda: gw.status()["redis"]["state"] == "up" and gw.status()["fleet"]["up"], 10, what=lambda: gw.log())
    return gw, up


def push(gw, name, up):
    return Api(gw.socket).ask("PUT", "rules", "route", name, body={"path": f"/{name}/", "target": up.address})


def user(gw, id):
    r = gw.ask("/app/", headers=cookie(id))
    return r.body.decode() if r.status == 200 else r.why


def suspended(gw):
    return gw.ask("/app/", headers=bearer(token(id="bob", iss="https://tokens.example"))).why


def asked(server):
    """In the place of another one."""
    return server.db.info("commandstats").get("cmdstat_asking", {"calls": 0})["calls"] > 0


def sessions_of(cluster):
    return Sessions(Tagged(cluster.of(SESSIONS)))


def test_all_of_it(gateway, serve, cluster):
    """Then the node with the rules is given up for its replica, and killed."""
    gw, up = start(gateway, serve, cluster)
    other, _ = start(gateway, serve, cluster)
    assert push(gw, "one", up).status == 200
    wait_until(lambda: other.ask("/one/").status == 200, 3, what="it is announced to the other one")
    assert cluster.owner().db.exists("{yett}yett:route:one", "{yett}yett:revisions") == 2
    assert gw.cli("wait", "--all", "--timeout", "5s").returncode == 0
    assert cluster.owner().db.exists("{yett}yett:gateways:heard", "{yett}yett:gateway:" + gw.status()["gateway"]) == 2
    id = sessions_of(cluster).create("alice")
    wait_until(lambda: user(gw, id) == "alice", 5, what=lambda: user(gw, id))
    assert gw.cli("suspend", "bob").returncode == 0 and suspended(gw) == "suspended"
    wait_until(lambda: suspended(other) == "suspended", 3, what="the other one heard of it")

    before, replica = cluster.owner(), cluster.servers[3]
    replica.db.execute_command("CLUSTER", "FAILOVER")
    wait_until(lambda: cluster.owner() is replica, 15, what="the replica has taken over")
    wait_until(lambda: push(gw, "two", up).status == 200, 10, what="a write is taken")
    wait_until(lambda: gw.status()["redis"]["server"] == replica.address and gw.status()["redis"]["state"] == "up", 10, what="the next one")
    wait_until(lambda: other.ask("/two/").status == 200, 5, what="it is announced to the other one")
    for one in gw, other:  # by the node that has the rules now
        wait_until(lambda one=one: one.status()["redis"]["tracking"], 5, what=lambda one=one: one.log())
    wait_until(lambda: before.db.info("replication").get("master_link_status") == "up", 15, what="it follows")
    replica.db.execute_command("WAIT", 1, 5000)
    replica.kill()
    wait_until(lambda: cluster.owner() is before, 30, what="the cluster has healed")
    wait_until(lambda: push(gw, "three", up).status == 200, 15, what=lambda: gw.log())
    for gw in (gw, other):
        wait_until(lambda: gw.ask("/three/").status == 200, 5, what="the rule is there")
        assert gw.ask("/one/").status == gw.ask("/two/").status == 200 and suspended(gw) == "suspended"
        assert gw.status()["rules"]["withheld"] == 0
        wait_until(lambda: user(gw, id) == "alice", 5, what="the session is there")
    assert gw.cli("resume", "bob").returncode == 0
    replica.start()
    wait_until(lambda: replica.db.info("replication").get("master_link_status") == "up", 15, what="it follows")


def test_rules_on_their_way(gateway, serve, cluster):
    """Half of the keys are moved to another node, then the rest; rules are read wherever they are."""
    gw, up = start(gateway, serve, cluster)
    for i in range(10):
        assert push(gw, f"r{i}", up).status == 200
    id = sessions_of(cluster).create("alice")
    a, b = cluster.move(6)
    a.db.client_kill_filter(_type="normal", skipme=True)  # what is read from now on is read from both
    wait_until(lambda: gw.status()["redis"]["state"] == "up", 10, what="it is back")
    assert gw.reload().returncode == 0
    time.sleep(1.2)  # a comparison
    assert all(gw.ask(f"/r{i}/").status == 200 for i in range(10)) and gw.status()["rules"]["withheld"] == 0
    assert asked(b) and push(gw, "new", up).status == 503  # a transaction cannot be at two places
    cluster.moved(a, b)
    wait_until(lambda: push(gw, "new", up).status == 200, 10, what="a write is taken")
    assert gw.status()["redis"]["server"] == b.address
    assert all(gw.ask(f"/r{i}/").status == 200 for i in range(10)) and user(gw, id) == "alice"


def test_sessions_on_their_way(gateway, serve, cluster):
    """Not one request fails while their keys are moved."""
    gw, _ = start(gateway, serve, cluster)
    made = sessions_of(cluster)
    ids = [made.create(f"u{i}") for i in range(6)]
    wait_until(lambda: user(gw, ids[0]) == "u0", 5, what=lambda: user(gw, ids[0]))
    group = cluster.of(SESSIONS)
    a, b = group.move(10)
    for i, id in enumerate(ids):
        assert [user(gw, id) for _ in range(4)] == [f"u{i}"] * 4
    assert asked(b)
    group.moved(a, b)
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        for i, id in enumerate(ids):
            assert user(gw, id) == f"u{i}", gw.log()
    assert user(gw, sessions_of(cluster).create("late")) == "late"
    b.db.delete(SESSIONS + "session:" + ids[0])
    wait_until(lambda: user(gw, ids[0]) == "session_expired", 3, what="it is announced")


def test_over_tls(gateway, serve, authority, roots, tmp_path):
    """Each node is verified by the host that it is reached at, also the one that keys are on their way to."""
    nodes = Scattered(SESSIONS, authority, roots, str(tmp_path))
    try:
        tls, up = {"tls": {"enabled": True, "ca": roots}}, serve(seen)
        gw = gateway(merge(config(nodes, up, redis=nodes.config(**tls)), {"redis": nodes.config(**tls)}))
        wait_until(lambda: gw.status()["redis"]["state"] == "up", 10, what=gw.log)
        assert gw.status()["redis"]["tracking"] and push(gw, "one", up).status == 200
        made = sessions_of(nodes)
        ids = [made.create(f"u{i}") for i in range(4)]
        wait_until(lambda: gw.ask(headers=cookie(ids[0])).body == b"u0", 10, what=gw.log)
        nodes.move(6)
        assert [gw.ask(headers=cookie(id)).body for id in ids[1:]] == [b"u1", b"u2", b"u3"] and asked(nodes.servers[1])
        rules = nodes.of(RULES)
        a, b = rules.move(2)
        a.db.client_kill_filter(_type="normal", skipme=True)
        wait_until(lambda: gw.status()["redis"]["state"] == "up" and asked(b), 10, what=gw.log)
        answers = [gw.ask("/one/", headers=cookie(id)) for id in ids]  # for the workers' connections that were closed there are others
        assert [r.body for r in answers] == [b"u0", b"u1", b"u2", b"u3"], answers
        rules.moved(a, b)
        wait_until(lambda: push(gw, "two", up).status == 200, 10, what=gw.log)
    finally:
        nodes.finish()


def test_by_names(gateway, serve, authority, roots, tmp_path):
    """Nodes that are to be reached by name (cluster-preferred-endpoint-type) say so in redirections, too."""
    dns, names, up = DnsServer(), ("one.redis.test", "two.redis.test"), serve(seen)
    dns.names = {name: ([f"127.0.0.{i + 2}"], 60) for i, name in enumerate(names)}
    nodes = Scattered(SESSIONS, authority, roots, str(tmp_path), names)
    try:
        redis = nodes.config(tls={"enabled": True, "ca": roots})
        gw = gateway(merge(config(nodes, up, redis=redis), {"redis": redis, "dns": [dns.address]}))
        wait_until(lambda: gw.status()["redis"]["state"] == "up", 10, what=gw.log)
        assert gw.status()["redis"]["server"] == f"{names[1]}:{nodes.ports[nodes.servers[1]]}" and push(gw, "one", up).status == 200
        made = sessions_of(nodes)
        ids = [made.create(f"u{i}") for i in range(4)]
        wait_until(lambda: gw.ask(headers=cookie(ids[0])).body == b"u0", 10, what=gw.log)
        a, b = nodes.move()
        assert [gw.ask(headers=cookie(id)).body for id in ids] == [b"u0", b"u1", b"u2", b"u3"] and asked(b)
        nodes.moved(a, b)
        nodes.of(RULES).moved(*nodes.of(RULES).move())
        wait_until(lambda: push(gw, "two", up).status == 200, 10, what=gw.log)
        wait_until(lambda: gw.ask(headers=cookie(ids[0])).body == b"u0", 10, what=gw.log)
    finally:
        nodes.finish()
        dns.finish()
