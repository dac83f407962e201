"""Paths that carry small packets only. Whoever is told of it follows; where nobody tells, what is large goes through once the
kernel probes (net.ipv4.tcp_mtu_probing, yett(8)), and else ends by the timeout that says so."""

import time

import pytest

from harness import tls
from harness.gateway import LONG, proxy_to
from harness.procs import wait_until
from harness.upstream import Upstream

HEAD = {f"X-Long-{i}": "y" * 1000 for i in range(12)}
BODY = b"x" * 60000


def answer(r, c):
    c.read_body(r)
    c.reply(headers=HEAD, body=BODY if len(r.all("X-Long-11")) == 1 else b"")


@pytest.fixture(scope="module")
def house(rooms):
    return rooms("client", "gateway", "upstream")


@pytest.fixture
def net(house):
    """What a test has taught the kernels of paths is forgotten behind it."""
    for room in house.rooms.values():
        room.sysctl("net.ipv4.tcp_retries1", 1)  # they suspect it sooner
    yield house
    house.end()
    for room in house.rooms.values():
        room.sysctl("net.ipv4.tcp_mtu_probing", 0)
        room.run("ip", "route", "flush", "cache")


@pytest.fixture(scope="module")
def gw(house, pki, lasting_gateway):
    """Its certificate takes several packets."""
    with house["upstream"]:
        up = Upstream(answer, host=house["upstream"].address, port=80)
    certificate = pki.entry("large", "a.example", *(f"host-{i}.of-a-long-name.example" for i in range(80)))
    with house["gateway"]:
        config = proxy_to(up) | {"listeners": [{"address": f"{house['gateway'].address}:443", "tls": True}], "tls": {"certificates": [certificate]}}
        config["routes"].append({"path": "/quick", "upstream": "u", "timeouts": {"first_byte": "500ms"}})
        yield lasting_gateway(config)
    up.stop()


def forget(net, gw):
    """Connections that are kept have learnt what goes through."""
    net.reset_all(80)
    wait_until(lambda: all(v == 0 for n, v in gw.metrics().items() if n.startswith("yett_upstream_idle_connections")), 2)


def ask(net, pki, timeout=20, **how):
    """A large head and body each way, over TLS; seconds."""
    begin = time.monotonic()
    with net["client"], tls.TlsClient((net["gateway"].address, 443), pki.context(), timeout=timeout) as c:
        r = c.ask("/", "POST", "a.example", HEAD, BODY)
    assert (r.status, r.body == BODY) == (200, True) and r.header("X-Long-0") == "y" * 1000, r
    return time.monotonic() - begin


@pytest.mark.parametrize("mtu", [1280, 576])
@pytest.mark.parametrize("how", ["told", "probed"])
def test_all_goes_through(net, gw, pki, mtu, how):
    if how == "probed":
        if mtu == 576 and not LONG:
            pytest.skip("the long form")
        for room in net.rooms.values():
            room.sysctl("net.ipv4.tcp_mtu_probing", 1)
    forget(net, gw)
    for a, b in [("client", "gateway"), ("gateway", "upstream")][how == "probed" and not LONG:]:  # each way of each takes a second
        net.rule(f"{a}-{b}", a, b, mtu=mtu, icmp=how == "told")
    took = [ask(net, pki, 60) for _ in range(1 if how == "probed" else 2)]
    counts = net.counts()
    print(f"{mtu}, {how}: after s {[round(s, 2) for s in took]}; too large {[c['too_big'] for c in counts.values()]}")
    assert all(c["too_big"] > 0 for c in counts.values())


def test_nobody_tells(net, gw, pki):
    """The request went into a hole."""
    forget(net, gw)
    net.rule("far", "gateway", "upstream", mtu=1280)
    with net["client"], tls.TlsClient((net["gateway"].address, 443), pki.context(), timeout=20) as c:
        r = c.ask("/quick", "POST", "a.example", HEAD, b"abc")
        assert r.why == "upstream_first_byte_timeout", r
        print(f"nobody tells: {r.why}")
