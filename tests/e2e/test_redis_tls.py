"""Redis over TLS: whose certificate is taken, who has to show one, and that rules come as they do without."""

import pytest

from harness.authority import Authority
from harness.gateway import from_redis, merge
from harness.procs import free_port, wait_until
from harness.redis_proxy import RedisProxy
from harness.redis_server import RedisServer


@pytest.fixture
def redis_tls(authority, roots, tmp_path):
    """redis_tls(pair, asks) starts a Redis that shows it on its `tls_port`."""
    started = []

    def start(pair, asks="no"):
        port, chain, key = free_port(), str(tmp_path / f"redis{len(started)}.pem"), str(tmp_path / f"redis{len(started)}.key")
        pair.write(chain, key)
        started.append(RedisServer(["--tls-port", str(port), "--tls-cert-file", chain, "--tls-key-file", key,
                                    "--tls-ca-cert-file", roots, "--tls-auth-clients", asks]))
        started[-1].tls_address = f"127.0.0.1:{port}"
        return started[-1]

    yield start
    for s in started:
        s.finish()


def by(store, **tls):
    return merge(from_redis(store), {"redis": {"address": store.tls_address, "tls": {"enabled": True} | tls}})


def test_rules_come(gateway, serve, redis_tls, authority, roots):
    """Rules, announcements and writes: as without TLS."""
    up, store = serve(), redis_tls(authority.issue("127.0.0.1"))
    gw = gateway(by(store, ca=roots))
    store.rule("test/a", up.address, "b")
    gw.rules_in_force(lambda r: r["frontends"] == 1)
    assert gw.ask("/a").status == 200
    for n in range(300):
        store.rule(f"test/many/{n}", up.address, f"many{n}")
    gw.rules_in_force(lambda r: r["frontends"] == 301, 10)
    assert gw.ask("/many/299").status == 200
    assert gw.status()["redis"]["tls"] is True
    store.kill()
    wait_until(lambda: gw.status()["redis"]["state"] != "up")
    assert gw.ask("/a").status == 200
    store.start()
    wait_until(lambda: gw.status()["redis"]["state"] == "up")


def test_certificates(gateway, redis_tls, authority, roots, tmp_path):
    """Another name, other roots; who asks for ours gets it."""
    store = redis_tls(authority.issue("redis.internal"), "yes")
    own, chain, key = authority.issue("gateway"), str(tmp_path / "own.pem"), str(tmp_path / "own.key")
    own.write(chain, key)
    shown = {"ca": roots, "certificate": chain, "key": key}
    gw = gateway(by(store, **shown))
    wait_until(lambda: "the certificate is not of this name" in gw.status()["redis"]["error"])
    assert gw.reload(by(store, server_name="redis.internal", **shown)).returncode == 0
    wait_until(lambda: gw.status()["redis"]["state"] == "up")
    (tmp_path / "other.pem").write_bytes(Authority().pem)
    assert gw.reload(by(store, server_name="redis.internal", **shown | {"ca": str(tmp_path / "other.pem")})).returncode == 0
    wait_until(lambda: "no root that is trusted" in gw.status()["redis"]["error"])
    assert gw.reload(by(store, insecure_skip_verify=True, certificate=chain, key=key)).returncode == 0
    wait_until(lambda: gw.status()["redis"]["state"] == "up")
    assert "redis.tls.insecure_skip_verify" in gw.log()
    assert gw.reload(by(store, ca=roots, server_name="redis.internal")).returncode == 0
    wait_until(lambda: gw.status()["redis"]["state"] == "down")


class Cutter(RedisProxy):
    """Before the port that speaks TLS; `left`: so many bytes pass, and the connection ends. None: all do."""

    def __init__(self, store):
        super().__init__(store)
        self.port, self.left = int(store.tls_address.split(":")[1]), None

    def answer(self, data, client):
        if self.left is None or self.left > len(data):
            self.left = self.left and self.left - len(data)
            client.sendall(data)
        else:
            client.sendall(data[:self.left])
            self.left = None
            raise OSError


def test_cut_in_the_midst(gateway, serve, redis_tls, authority, roots):
    """Of the handshake, of a record, of an answer: what it announced before, it announces again; also with a password."""
    up, store = serve(), redis_tls(authority.issue("127.0.0.1"))
    for n in range(300):
        store.rule(f"test/{n}", up.address, f"b{n}")
    store.db.config_set("requirepass", "a-word-of-ours")
    store.db.execute_command("AUTH", "a-word-of-ours")
    proxy = Cutter(store)
    store.tls_address = proxy.address
    gw = gateway(merge(by(store, ca=roots), {"redis": {"password": "a-word-of-ours"}}))
    gw.rules_in_force(lambda r: r["frontends"] == 300, 10)
    for cut in (3, 300, 3000, 9000):
        proxy.left = cut
        proxy.hang_up()
        wait_until(lambda: proxy.left is None and gw.status()["redis"]["state"] == "up")
        assert gw.ask("/299").status == 200
        store.rule(f"test/after/{cut}", up.address, "b0")
        wait_until(lambda: gw.ask(f"/after/{cut}").status == 200)
    assert "a-word-of-ours" not in gw.log()
    proxy.close()


def test_nothing_is_said(gateway, serve, roots):
    """A server that takes connections and says nothing has redis.timeout for the handshake, and holds up nobody."""
    up, deaf = serve(), serve(raw=lambda c: c.stay())
    deaf.tls_address = deaf.address
    gw = gateway(merge(by(deaf, ca=roots), {"redis": {"timeout": "300ms"}, "routes": [{"path": "/x", "target": up.address}]}))
    wait_until(lambda: gw.status()["redis"]["error"] == "no connection in time")
    assert gw.ask("/x").status == 200


def test_plain_port(gateway, redis_tls, authority, roots):
    """TLS to a port that speaks none is no connection, and says so."""
    store = redis_tls(authority.issue("127.0.0.1"))
    store.tls_address = store.address
    gw = gateway(by(store, ca=roots))
    wait_until(lambda: gw.status()["redis"]["state"] == "down" and gw.status()["redis"]["error"])
