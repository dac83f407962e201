"""The PROXY protocol, versions 1 and 2: whose a connection is, as a proxy before us tells it and as we tell upstreams."""

import ipaddress
import socket
import struct

import pytest

from harness import client
from harness.gateway import Nginx, merge, proxy_to
from harness.haproxy import Haproxy
from harness.procs import free_port, wait_until

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
haproxy_wanted = pytest.mark.skipif(not Haproxy.installed, reason="haproxy is not installed")


def v1(source="192.0.2.1", destination="192.0.2.2", port=4242, to_port=443):
    family = "TCP6" if ":" in source else "TCP4"
    return f"PROXY {family} {source} {destination} {port} {to_port}\r\n".encode()


def v2(source="192.0.2.1", destination="192.0.2.2", port=4242, to_port=443, tlvs=b""):
    ends = ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed + struct.pack("!HH", port, to_port)
    family = 0x21 if ":" in source else 0x11
    return SIGNATURE + bytes([0x21, family]) + struct.pack("!H", len(ends + tlvs)) + ends + tlvs


LOCAL = SIGNATURE + b"\x20\0\0\0"


@pytest.fixture
def gw(gateway, serve):
    """Wants the header, before an upstream that echoes (gw.up)."""
    return start(gateway, serve())


def start(gateway, up, trusted=("127.0.0.1",), **config):
    port = free_port()
    config = {"listeners": [{"address": f"127.0.0.1:{port}", "proxy_protocol": True}], "trusted_proxies": list(trusted),
              "timeouts": {"client_head": "1s", "drain": "3s"}} | config
    gw = gateway(proxy_to(up) | config)
    gw.port, gw.up = port, up
    return gw


def test_names_the_client(gw):
    for header in v1(), v2(), v2(tlvs=b"\4\0\3abc"):
        with gw.connect() as c:
            c.send(header + client.request("/a"))
            assert c.read().status == 200
            assert c.ask("/b").status == 200  # the same client, and no further header
    for r in gw.up.requests:
        assert r.header("X-Forwarded-For") == r.header("X-Real-IP") == "192.0.2.1"
        assert r.header("X-Forwarded-Port") == "443"
    assert gw.logged(path="/a")["client"] == "192.0.2.1"


def test_ipv6(gw):
    for header in v1("2001:db8::1", "::1"), v2("2001:db8::1", "::1"):
        assert client.exchange(gw.port, header + client.request()).status == 200
    assert [r.header("X-Real-IP") for r in gw.up.requests] == ["2001:db8::1"] * 2


def test_nobody_named(gw):
    for header in b"PROXY UNKNOWN\r\n", LOCAL, SIGNATURE + b"\x21\0\0\0":
        assert client.exchange(gw.port, header + client.request(headers={"X-Forwarded-For": "198.51.100.7"})).status == 200
        assert gw.up.requests.pop().header("X-Real-IP") == "198.51.100.7"  # the peer is trusted, and so is what it says


def test_named_client_is_not_trusted_itself(gw):
    assert client.exchange(gw.port, v2() + client.request(headers={"X-Forwarded-For": "198.51.100.7"})).status == 200
    assert gw.up.requests[0].header("X-Forwarded-For") == "192.0.2.1"


def test_in_pieces(gw):
    for header in v1(), v2(tlvs=b"\4\x01\0" + b"x" * 256):
        with gw.connect() as c:
            data = header + client.request()
            for i in range(len(header) + 3):
                c.send(data[i:i + 1])
            c.send(data[len(header) + 3:])
            assert c.read().status == 200
        assert gw.up.requests.pop().header("X-Real-IP") == "192.0.2.1"


NO_HEADERS = [client.request(), b"\r\n\r\n" + client.request(), b"PROXY TCP4 a b 1 2\r\n", b"P" * 200,
              SIGNATURE + b"\x31\x11\0\0", v2(tlvs=b"\3\0\4\0\0\0\0"), b"PROXY UNKNOWN" + b"x" * 200]


def test_anything_else_is_closed_without_a_byte(gw):
    for data in NO_HEADERS:
        with gw.connect() as c:
            c.send(data)
            assert c.closed(), data
    assert not gw.up.requests
    wait_until(lambda: gw.metrics()["yett_proxy_protocol_rejected_total"] == len(NO_HEADERS))
    assert 1 <= gw.log().count("no PROXY header, or a malformed one") <= 2  # one line a worker


def test_must_arrive_in_time(gw):
    clients = [gw.connect() for _ in range(3)]
    for c, part in zip(clients, (b"", b"PROXY TCP4", SIGNATURE + b"\x21\x11\0")):
        c.send(part)
    assert all(c.closed(timeout=10) for c in clients)
    for c in clients:
        c.close()


def test_only_from_trusted_proxies(gateway, serve):
    gw = start(gateway, serve(), trusted=["127.0.0.2"])
    for _ in range(50):
        with gw.connect() as c:
            assert c.closed()
    wait_until(lambda: gw.metrics()["yett_proxy_protocol_rejected_total"] == 50)
    assert gw.log().count("is not in trusted_proxies") <= 2  # one line a worker
    with socket.socket() as s:
        s.bind(("127.0.0.2", 0))
        s.connect(("127.0.0.1", gw.port))
        s.sendall(v1() + client.request())
        assert s.recv(100).startswith(b"HTTP/1.1 200")


def test_trust_that_a_reload_withdraws(gateway, serve):
    gw = start(gateway, serve())
    config = proxy_to(gw.up) | {"listeners": [{"address": f"127.0.0.1:{gw.port}", "proxy_protocol": True}]}
    with gw.connect() as c:
        assert gw.reload(config | {"trusted_proxies": ["192.0.2.9"]}).returncode == 0
        c.send(v1() + client.request())
        assert c.closed()


@haproxy_wanted
@pytest.mark.parametrize("option", ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id"])
def test_from_haproxy(gw, option):
    proxy = Haproxy(f"127.0.0.1:{gw.port}", options=option)
    try:
        with proxy.connect() as c:
            assert c.ask().status == 200
            source = c.sock.getsockname()
        r = gw.up.requests[0]
        assert r.header("X-Seen-Source") == f"127.0.0.1:{source[1]}"
        assert r.header("X-Forwarded-Port") == str(proxy.port)
    finally:
        proxy.finish()


# ---- to upstreams ----


def read_header(c):
    """The header at the front of an upstream's connection: source and destination; None: of nobody."""
    start = c.file.read(6)
    if start == b"PROXY ":
        words = c.file.readline().decode().split()
        return None if words == ["UNKNOWN"] else ((words[1], int(words[3])), (words[2], int(words[4])))
    assert start + c.file.read(6) == SIGNATURE
    command, family, length = struct.unpack("!BBH", c.file.read(4))
    data = c.file.read(length)
    if command == 0x20:
        return None
    size = {0x11: 4, 0x21: 16}[family]
    ends = [str(ipaddress.ip_address(data[i:i + size])) for i in (0, size)]
    return tuple(zip(ends, struct.unpack("!HH", data[2 * size:2 * size + 4])))


class Proxied:
    """A raw upstream that wants the header; `headers` of the connections that asked for something but health."""

    def __init__(self, serve):
        self.headers, self.probes, self.requests = [], [], []
        self.up = serve(raw=self.serve)

    def serve(self, c):
        ends = read_header(c)
        while r := c.read_request():
            c.read_body(r)
            (self.probes if r.path == "/isAlive" else self.headers).append(ends)
            self.requests.append(r)
            c.reply(200, body=b"fine")


def config_to(up, version, **more):
    config = proxy_to(up, health=True)
    config["upstreams"]["u"]["proxy_protocol"] = version
    return merge(config, {"health": {"interval": "100ms"}} | more)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_upstream_hears_whose_it_is(gateway, serve, version):
    u = Proxied(serve)
    gw = gateway(config_to(u.up, version))
    expected = []
    for _ in range(2):
        with gw.connect() as c:
            for _ in range(2):
                assert c.ask("/x", "POST", body=b"abc").body == b"fine"
                expected.append((c.sock.getsockname(), c.sock.getpeername()))
    assert u.headers == expected  # one client after the other: no connection was another's
    wait_until(lambda: len(u.probes) >= 2)
    assert set(u.probes) == {None}
    assert gw.status()["upstreams"][0]["endpoints"][0]["page"] == "2xx"


def test_upstream_hears_the_real_client(gateway, serve):
    u = Proxied(serve)
    gw = gateway(config_to(u.up, "v2", trusted_proxies=["127.0.0.0/8"]))
    assert gw.ask(headers={"X-Forwarded-For": "198.51.100.7"}).status == 200
    assert gw.ask(headers={"X-Forwarded-For": "2001:db8::7"}).status == 200
    assert u.headers[0] == (("198.51.100.7", 0), ("127.0.0.1", gw.port))
    assert u.headers[1] == (("2001:db8::7", 0), (str(ipaddress.ip_address("::ffff:127.0.0.1")), gw.port))


def test_through_both_sides(gateway, serve):
    u = Proxied(serve)
    gw = start(gateway, u.up, upstreams={"u": {"endpoints": [u.up.address], "proxy_protocol": "v1"}})
    assert client.exchange(gw.port, v2() + client.request()).status == 200
    assert u.headers == [(("192.0.2.1", 4242), ("192.0.2.2", 443))]


def test_unix_client(gateway, serve, tmp_path):
    u = Proxied(serve)
    gw = gateway(config_to(u.up, "v1", listeners=[f"unix:{tmp_path}/s"]))
    assert client.ask(f"{tmp_path}/s").status == 200
    assert u.headers == [None]


def test_to_nginx(gateway, serve):
    nginx = Nginx(serve(), listen="proxy_protocol", header="X-Seen-Source $proxy_protocol_addr:$proxy_protocol_port")
    try:
        gw = gateway(config_to(f"127.0.0.1:{nginx.port}", "v2"))
        with gw.connect() as c:
            seen = dict(c.ask().json()["headers"])["X-Seen-Source"]
            assert seen == "127.0.0.1:%d" % c.sock.getsockname()[1]
    finally:
        nginx.finish()


@haproxy_wanted
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_to_haproxy(gateway, serve, version):
    proxy = Haproxy(serve().address, bind="accept-proxy")
    try:
        gw = gateway(config_to(proxy.address, version))
        with gw.connect() as c:
            seen = {n.lower(): v for n, v in c.ask().json()["headers"]}
            assert seen["x-seen-source"] == "127.0.0.1:%d" % c.sock.getsockname()[1]
            assert seen["x-seen-destination"] == f"127.0.0.1:{gw.port}"
    finally:
        proxy.finish()
