"""The upstream learns who asked, and a client cannot make it believe something else."""

import socket

import pytest

from harness import client
from harness.gateway import proxy_to
from harness.procs import free_port

FORGED = {"X-Forwarded-For": "9.9.9.9", "X-Real-IP": "9.9.9.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil",
          "X-Forwarded-Port": "1", "Forwarded": "for=9.9.9.9"}


def sent(gateway, serve, headers=FORGED, **config):
    up = serve()
    gw = gateway(proxy_to(up) | config)
    assert gw.ask(host="api.test:81", headers=headers).status == 200
    return gw, up.requests[0]


def test_set_for_a_plain_client(gateway, serve):
    gw, r = sent(gateway, serve, headers={})
    assert r.header("X-Forwarded-For") == r.header("X-Real-IP") == "127.0.0.1"
    assert r.header("X-Forwarded-Proto") == "http" and r.header("X-Forwarded-Host") == "api.test:81"
    assert r.header("X-Forwarded-Port") == str(gw.port)


def test_forged_ones_are_replaced(gateway, serve):
    gw, r = sent(gateway, serve)
    assert not any("9.9.9.9" in v or v in ("https", "evil", "1") for n, v in r.headers if n.lower() != "x-test")
    assert r.header("X-Forwarded-For") == r.header("X-Real-IP") == "127.0.0.1"


def test_appended_where_asked(gateway, serve):
    gw, r = sent(gateway, serve, forwarded="append")
    assert r.header("X-Forwarded-For").replace(" ", "") == "9.9.9.9,127.0.0.1"
    assert r.header("X-Real-IP") == "127.0.0.1" and r.header("X-Forwarded-Proto") == "http"


def test_trusted_proxy_is_believed(gateway, serve):
    gw, r = sent(gateway, serve, trusted_proxies=["127.0.0.0/8"])
    assert r.header("X-Forwarded-For").replace(" ", "") == "9.9.9.9,127.0.0.1"
    assert r.header("X-Real-IP") == "9.9.9.9" and r.header("Forwarded") is None
    assert r.header("X-Forwarded-Proto") == "https" and r.header("X-Forwarded-Host") == "evil"
    assert gw.logged(path="/")["client"] == "9.9.9.9"


def test_client_without_an_address(gateway, serve, tmp_path):
    """RFC 7239 section 6.2; it is not said to be this machine, which upstreams may trust."""
    up, path = serve(), f"{tmp_path}/s"
    gw = gateway(proxy_to(up) | {"listeners": [f"unix:{path}"], "forwarded_header": "both"})
    assert client.ask(path, headers=FORGED).status == 200
    r = up.requests[0]
    assert r.header("X-Forwarded-For") == r.header("X-Real-IP") == "unknown" and r.header("Forwarded").startswith("for=unknown;")
    assert gw.logged(path="/")["client"] == "unknown"


def test_no_host_to_tell_of(gateway, serve):
    up = serve()
    with gateway(proxy_to(up)).connect() as c:
        c.send(b"GET / HTTP/1.1\r\nHost:\r\n\r\n")
        assert c.read().status == 200
    assert up.requests[0].header("X-Forwarded-Host") is None and up.requests[0].header("X-Forwarded-Proto") == "http"


TRUSTED = ["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"]


REAL = [
    ("198.51.100.7", {"X-Forwarded-For": "198.51.100.7"}),
    ("198.51.100.7", {"X-Forwarded-For": "1.1.1.1, 198.51.100.7, 10.0.0.2"}),
    ("198.51.100.7", [("X-Forwarded-For", "1.1.1.1"), ("x-forwarded-for", "198.51.100.7,10.0.0.2"), ("X-Forwarded-For", "10.1.1.1")]),
    ("198.51.100.7", {"X-Forwarded-For": "198.51.100.7:4242, [2001:db8::1]:80"}),
    ("2001:db9::7", {"X-Forwarded-For": "2001:DB9::7, 2001:db8::1"}),
    ("10.0.0.3", {"X-Forwarded-For": "10.0.0.3, 10.0.0.2"}),  # all are proxies: the farthest
    ("10.0.0.2", {"X-Forwarded-For": "198.51.100.7, unknown, 10.0.0.2"}),
    ("10.0.0.2", {"X-Forwarded-For": "198.51.100.7, , 10.0.0.2"}),
    ("127.0.0.1", {"X-Forwarded-For": "198.51.100.7, garbage"}),
    ("127.0.0.1", {"X-Forwarded-For": ""}),
    ("198.51.100.7", {"X-Forwarded-For": '", 198.51.100.7'}),
    ("127.0.0.1", {"X-Real-IP": "198.51.100.7"}),
    ("127.0.0.1", {}),
    ("198.51.100.7", {"Forwarded": "for=198.51.100.7"}),
    ("198.51.100.7", {"Forwarded": 'for=1.1.1.1;host="a,b", For="198.51.100.7:80";proto=https, for=10.0.0.2'}),
    ("2001:db9::7", {"Forwarded": 'for="[2001:db9::7]:4711", for="[2001:db8::1]"'}),
    ("198.51.100.7", {"Forwarded": 'for=", for=198.51.100.7'}),
    ("10.0.0.2", {"Forwarded": "for=198.51.100.7, for=_hidden, for=10.0.0.2"}),
    ("10.0.0.2", {"Forwarded": "for=198.51.100.7, for=unknown, for=10.0.0.2"}),
    ("127.0.0.1", {"Forwarded": "by=198.51.100.7"}),
    ("198.51.100.7", {"X-Forwarded-For": "198.51.100.7", "Forwarded": "for=1.1.1.1"}),
]


def test_real_client(gateway, serve):
    up = serve()
    gw = gateway(proxy_to(up) | {"trusted_proxies": TRUSTED})
    for i, (real, headers) in enumerate(REAL):
        assert gw.ask(f"/{i}", headers=headers).status == 200
        r = up.requests[i]
        assert (headers, r.header("X-Real-IP")) == (headers, real)
        assert gw.logged(path=f"/{i}")["client"] == real
        assert r.header("X-Forwarded-For").endswith("127.0.0.1")
        if "Forwarded" in headers and "X-Forwarded-For" not in headers and real != "127.0.0.1":
            assert r.header("X-Forwarded-For") == f"{real}, 127.0.0.1"


def test_client_of_a_refused_request(gateway, serve):
    gw = gateway(proxy_to(serve()) | {"trusted_proxies": TRUSTED, "limits": {"fields": 8}})
    assert gw.ask("/%00", headers={"X-Forwarded-For": "198.51.100.7"}).status == 400
    assert gw.logged(status=400)["client"] == "198.51.100.7"
    assert gw.ask("/many", headers={f"X-Forwarded-For-{i}": "198.51.100.7" for i in range(9)}).status == 431
    assert gw.logged(status=431)["client"] == "127.0.0.1"


@pytest.mark.parametrize("headers, forwarded", [
    ({}, 'for=127.0.0.1;host="api.test:81";proto=http'),
    (FORGED, 'for=127.0.0.1;host="api.test:81";proto=http'),
])
@pytest.mark.parametrize("sending", ["rfc7239", "both"])
def test_forwarded_for_a_plain_client(gateway, serve, headers, forwarded, sending):
    gw, r = sent(gateway, serve, headers=headers, forwarded_header=sending)
    assert r.header("Forwarded") == forwarded
    x = [n for n, _ in r.headers if n.lower().startswith(("x-forwarded", "x-real"))]
    assert len(x) == (0 if sending == "rfc7239" else 5)
    if x:
        assert r.header("X-Forwarded-For") == r.header("X-Real-IP") == "127.0.0.1"


OURS = ', for=127.0.0.1;host="api.test:81";proto=http'


@pytest.mark.parametrize("headers, forwarded", [
    ({"Forwarded": 'for="[2001:db9::7]";proto=https'}, 'for="[2001:db9::7]";proto=https' + OURS),
    ([("Forwarded", "for=1.1.1.1"), ("Forwarded", "for=2.2.2.2")], "for=1.1.1.1, for=2.2.2.2" + OURS),
    ({"Forwarded": 'for="x'}, OURS[2:]),
    ({"X-Forwarded-For": "2001:db9::7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": 'a"b'},
     r'for="[2001:db9::7]";host="a\"b";proto="https"' + OURS),
])
def test_forwarded_is_appended_to_a_trusted_one(gateway, serve, headers, forwarded):
    gw, r = sent(gateway, serve, headers=headers, trusted_proxies=TRUSTED, forwarded_header="rfc7239")
    assert r.header("Forwarded") == forwarded


def test_forwarded_with_ipv6(gateway, serve):
    up = serve()
    port = free_port(socket.AF_INET6)
    gateway(proxy_to(up) | {"listeners": [f"[::1]:{port}"], "forwarded_header": "rfc7239"})
    assert client.ask(("::1", port)).status == 200
    assert up.requests[0].header("Forwarded") == 'for="[::1]";host="test";proto=http'


def test_trust_is_for_those_addresses_alone(gateway, serve):
    gw, r = sent(gateway, serve, trusted_proxies=["10.0.0.0/8", "127.0.0.2/32"])
    assert r.header("X-Forwarded-For") == "127.0.0.1"


SPELLINGS = ["x_forwarded_for", "X-Forwarded_For", "X.Forwarded.For", "x.real.ip", "X_REAL-IP", "X_Forwarded_Proto",
             "X-Forwarded.Host", "x_forwarded-port", "X_Forwarded_Protocol", "X-Forwarded-Prefix", "X-Forwarded-Server"]
NAMES = ["X-FORWARDED-FOR", "X-real-ip", "FORWARDED", "x-forwarded-host", "X-Forwarded-PORT", "x-Forwarded-Proto",
         "X-FORWARDED-PROTOCOL"]


@pytest.mark.parametrize("trusted, names", [([], NAMES + SPELLINGS), (["127.0.0.1"], SPELLINGS)])
def test_other_spellings_do_not_pass(gateway, serve, trusted, names):
    up = serve()
    gw = gateway(proxy_to(up) | {"trusted_proxies": trusted})
    for i, name in enumerate(names):
        assert gw.ask(f"/{i}", headers={name: "9.9.9.9"}).status == 200
        assert "9.9.9.9" not in str(up.requests[i].headers), name
        assert gw.logged(path=f"/{i}")["client"] == "127.0.0.1"
