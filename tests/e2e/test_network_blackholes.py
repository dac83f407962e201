"""Packets vanish, on the way to an upstream or to a client: it is noticed by the timeout that says so, and everything is freed."""

import collections
import time

import pytest

from harness import client
from harness.gateway import LONG, proxy_to
from harness.procs import wait_until
from harness.upstream import Upstream

BIG = b"x" * 3_000_000
TIMES = {"connect": "200ms", "first_byte": "500ms", "idle": "500ms", "client_head": "500ms", "client_body": "500ms", "keepalive": "500ms", "upstream_idle": "30s"}


def answer(r, c):
    if r.path == "/slow":
        c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf-")
        c.wait_gone(20)
        c.close = True
    elif r.path == "/tunnel":
        c.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
        c.wait_gone(300)
        c.close = True
    else:
        c.read_body(r)
        c.reply(body=BIG if r.path == "/big" else c.server.name.encode())


@pytest.fixture(scope="module")
def house(rooms):
    return rooms("client", "gateway", "one", "two")


@pytest.fixture
def net(house):
    yield house
    house.end()


@pytest.fixture(scope="module")
def ups(house):
    made = {}
    for name in ("one", "two"):
        with house[name]:
            made[name] = Upstream(answer, host=house[name].address, port=80, name=name)
    yield made
    for u in made.values():
        u.stop()


@pytest.fixture(scope="module")
def gw(house, ups, lasting_gateway):
    """/both goes to both; what is not there to `one` alone."""
    config = proxy_to(ups["one"]) | {"workers": 1, "listeners": [f"{house['gateway'].address}:80"], "timeouts": TIMES, "limits": {"body": "10m"},
                                     "ejection": {"time": "500ms"}}
    config["upstreams"]["u"]["ejection"] = {"failures": "off"}  # else it would keep the other from being ejected
    config["upstreams"]["both"] = {"endpoints": [u.address for u in ups.values()]}
    with house["two"]:
        ups["probed"] = Upstream(answer, host=house["two"].address, port=81, name="probed")
    config["upstreams"]["probed"] = {"endpoints": [ups["probed"].address], "health": {"enabled": True, "interval": "100ms", "timeout": "200ms"}}
    config["routes"] += [{"path": "/both", "upstream": "both"}, {"path": "/probed", "upstream": "probed"}]
    with house["gateway"]:
        return lasting_gateway(config)


def connect(net, timeout=5):
    with net["client"]:
        return client.Client((net["gateway"].address, 80), timeout)


def ask(net, path, method="GET", body=None):
    """What came, and after how many seconds."""
    begin = time.monotonic()
    with connect(net) as c:
        try:
            r = c.ask(path, method, body=body)
            what = r.why or r.body.decode() if len(r.body) < 100 or r.why else "big"
        except (OSError, EOFError):
            what = "cut"
    return what, time.monotonic() - begin


def left(gw):
    return {n: v for n, v in gw.metrics().items() if v and n.startswith(("yett_worker_connections", "yett_worker_requests", "yett_upstream_requests_in"))}


def freed(gw, within):
    begin = time.monotonic()
    wait_until(lambda: not left(gw), within, what=lambda: left(gw))
    return time.monotonic() - begin


def test_new_connections(net, gw, ups):
    """The endpoint is ejected after five failures in a row; others had each request meanwhile. It comes back."""
    net.reset_all(80)
    net.cut("gateway", "one")
    results, slow = collections.Counter(), []
    for _ in range(16):
        what, took = ask(net, "/both", "POST", b"abc")
        results[what] += 1
        slow += [took] if took >= 0.2 else []
    print(f"{dict(results)}, of which {len(slow)} waited at most {max(slow):.2f} s")
    assert results == {"two": 16} and 5 <= len(slow) <= 10 and max(slow) < 2
    net.heal("gateway", "one")
    begin = time.monotonic()
    wait_until(lambda: ask(net, "/both")[0] == "one", 10)
    print(f"back {time.monotonic() - begin:.2f} s after the heal")


def test_probes(net, gw, ups):
    """Dead after three that were not answered, alive after two that were. The last one of all is tried even so, on what is kept."""
    def up():
        return next(v for n, v in gw.metrics().items() if n.startswith('yett_upstream_up{upstream="probed"'))
    assert ask(net, "/probed")[0] == "probed" and up() == 1
    net.cut("gateway", "two")
    begin = time.monotonic()
    wait_until(lambda: up() == 0, 8)
    dead, what = time.monotonic() - begin, ask(net, "/probed")
    net.heal("gateway", "two")
    begin = time.monotonic()
    wait_until(lambda: up() == 1, 8)
    print(f"dead after {dead:.2f} s, then {what[0]} after {what[1]:.2f} s; alive {time.monotonic() - begin:.2f} s after the heal")
    assert what[0] == "upstream_first_byte_timeout" and ask(net, "/probed")[0] == "probed"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pooled_connection(net, gw, ups, method):
    """It stands, and says nothing: the request may have arrived, or arrive yet."""
    assert ask(net, "/first")[0] == "one"
    reused, seen = gw.metrics()["yett_upstream_reuses_total"], len(ups["one"].requests)
    net.cut("gateway", "one")
    what, took = ask(net, "/x", method, b"abc")
    print(f"{method}: {what} after {took:.2f} s")
    assert what == "upstream_first_byte_timeout" and 0.5 <= took < 5
    assert gw.metrics()["yett_upstream_reuses_total"] == reused + 1
    net.heal("gateway", "one")
    assert ask(net, "/after")[0] == "one" and len(ups["one"].requests) == seen + 1


def test_within_an_answer(net, gw):
    with connect(net) as c:
        c.send(client.request("/slow"))
        c.read_until(b"half-")
        net.cut("gateway", "one")
        begin = time.monotonic()
        assert c.closed()
    print(f"stalled: cut after {time.monotonic() - begin:.2f} s, {gw.logged(path='/slow')['reason']}")
    assert gw.logged(path="/slow")["reason"] == "upstream_stalled"
    freed(gw, 2)


def test_within_an_upload(net, gw):
    with connect(net) as c:
        c.send(client.request("/up", "POST", headers={"Content-Length": "9000000"}) + BIG)
        net.cut("gateway", "one")
        begin = time.monotonic()
        try:
            c.send(BIG * 2)
        except OSError:
            pass
        try:
            why = c.read().why
        except (OSError, EOFError):
            why = None
    print(f"upload: {gw.logged(path='/up')['reason']} after {time.monotonic() - begin:.2f} s")
    assert gw.logged(path="/up")["reason"] == "upstream_send_timeout" and why in (None, "upstream_send_timeout")
    freed(gw, 2)


CLIENTS = {"head": (b"GET / HTTP/1.1\r\nHost", "client_head_timeout"), "idle": (client.request("/idle"), None), "download": (client.request("/big"), "client_stalled"),
           "upload": (client.request("/left", "POST", headers={"Content-Length": "9000000"}) + b"x", "client_body_timeout")}


def test_clients_vanish(net, gw, ups):
    """Without FIN, within each thing that they may be at; the upstream, too, is let go."""
    n, opened = len(gw.access_log()), [connect(net) for _ in CLIENTS]
    for c, (data, _) in zip(opened, CLIENTS.values()):
        c.send(data)
    wait_until(lambda: {"/left", "/big", "/idle"} <= {r.path for r in ups["one"].requests})
    net.cut("gateway", "client")
    took = freed(gw, 8)
    for c in opened:
        c.close()
    reasons = {e.get("reason") for e in gw.access_log()[n:]}
    print(f"freed after {took:.2f} s: {reasons}")
    assert took < 5 and {reason for _, reason in CLIENTS.values()} <= reasons


UPGRADE = client.request("/tunnel", headers={"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})


@pytest.mark.parametrize("who", ["client", "one"])
def test_tunnel(net, gw, who):
    """Silent on both sides, with hours until its timeout: the kernel asks who is there."""
    with connect(net, 200) as c:
        c.send(UPGRADE)
        assert c.read().status == 101
        shown = net["gateway"].run("ss", "-tnoH", "state", "established")
        asked = [line for line in shown.splitlines() if net[who].address in line and "timer:(keepalive," in line]
        assert asked, shown
        if not LONG:
            return
        net.cut("gateway", who)
        took = freed(gw, 150)
        print(f"a tunnel's {who} vanished: freed after {took:.0f} s")
        assert took > 50
