"""WebSockets between programs of others: Node.js with its `ws` package on both sides."""

import pytest

from harness.gateway import from_redis, is_sanitized, merge, proxy_to
from harness.node import MISSING, Node, WebSocketServer
from harness.procs import memory, wait_until

pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
STANDARD = ["deflate", "fragments", "pings", "close codes", "large", "protocols", "firefox", "refused"]
BOUND = 32 << 20  # the kernel's buffers and ours


@pytest.fixture(scope="module")
def server():
    s = WebSocketServer()
    yield s
    s.kill()


def talk(gw, *scenarios):
    return Node("client.js", f"ws://127.0.0.1:{gw.port}", *scenarios)


def test_standard(proxy, server):
    seen = len(server.state()["closes"])
    gw = proxy(server)
    talk(gw, *STANDARD).end()
    closes = wait_until(lambda: [c for c in server.state()["closes"][seen:] if c[0] == 1006] and server.state()["closes"][seen:])
    for code, reason in [(1001, "away"), (1011, "broken"), (4999, "x" * 123)]:
        assert closes.count([code, reason]) == 2  # once from each side
    assert "are you there" in server.state()["pongs"]


def gauge(gw, what):
    return sum(n for name, n in gw.metrics().items() if name.startswith("yett_worker_%s{" % what))


def test_many_at_once(gateway, server):
    gw = gateway(proxy_to(server))
    client = talk(gw, "many")
    client.expect("open")
    wait_until(lambda: gauge(gw, "tunnels") == 200)
    client.tell()
    client.end()
    wait_until(lambda: gauge(gw, "tunnels") == 0)


def test_idle_time(gateway, server):
    gw = gateway(proxy_to(server, timeouts={"tunnel_idle": "500ms"}))
    talk(gw, "idle").end()
    assert gw.logged(reason="tunnel_idle")["status"] == 101


def settled(progress):
    """Its value once it stands still."""
    last = []

    def same():
        last.append(progress())
        return len(last) > 10 and len(set(last[-10:])) == 1
    wait_until(same, every=0.05)
    return last[-1]


def check_memory(gw):
    if not is_sanitized():
        assert max(memory(pid, "VmHWM") for pid in gw.workers()) < 20 << 20


def test_slow_reader(gateway, server):
    gw = gateway(proxy_to(server))
    before = server.state()["sent"]
    client = talk(gw, "slow reader")
    client.expect("paused")
    assert settled(lambda: server.state()["sent"] - before) < BOUND
    check_memory(gw)
    client.tell()
    client.end()


def test_slow_server(gateway, server):
    gw = gateway(proxy_to(server))
    client = talk(gw, "slow server")
    client.expect("sent")
    assert settled(lambda: gw.metrics()["yett_received_bytes_total"]) < BOUND
    check_memory(gw)
    before = server.go()["received"]
    wait_until(lambda: server.state()["received"] - before == 64 << 20, 30)
    client.tell()
    client.end()


def test_changes_of_the_rules(gateway, server, store):
    """The tunnel outlives its decision, and the tables that were in force meanwhile do not pile up."""
    config = merge(from_redis(store), proxy_to(server))
    gw = gateway(config)
    client = talk(gw, "chatter")
    client.expect("talking")
    for i in range(100):
        store.db.hset("backend:other", "127.0.0.1:%d" % (1000 + i), "1")
        store.db.set("frontend:h%d.example.org" % i, "other")
    gw.rules_in_force(lambda rules: rules["frontends"] == 100)
    for limit in ["2m", "3m", "4m"]:
        assert gw.reload(merge(config, {"limits": {"body": limit}})).returncode == 0
    config["routes"] = [{"path": "/elsewhere", "upstream": "u"}]
    assert gw.reload(config).returncode == 0
    assert gw.ask("/echo").status == 404
    assert gauge(gw, "tunnels") == 1 and gauge(gw, "tables") <= 2 * 3
    client.tell()
    client.end()
    assert not gw.logged(status=101).get("reason")
