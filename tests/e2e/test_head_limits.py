"""Heads that are too large, too long or too slow are refused with their own status."""

import time

import pytest

from harness import client
from harness.gateway import proxy_to


def test_uri(gateway, serve):
    gw = gateway(proxy_to(serve()) | {"limits": {"uri": "1k"}})
    assert gw.ask("/" + "a" * 1000).status == 200
    r = gw.ask("/" + "a" * 1100)
    assert (r.status, r.why) == (414, "uri_too_long")


def test_head(gateway, serve):
    gw = gateway(proxy_to(serve()) | {"limits": {"head": "4k", "uri": "1k"}})
    assert gw.ask(headers={"X-A": "a" * 3000}).status == 200
    r = gw.ask(headers={"X-A": "a" * 5000})
    assert (r.status, r.why) == (431, "header_too_large")


def test_number_of_fields(gateway, serve):
    gw = gateway(proxy_to(serve()) | {"limits": {"fields": 20}})
    assert gw.ask(headers=[("X-A", "1")] * 19).status == 200
    r = gw.ask(headers=[("X-A", "1")] * 30)
    assert (r.status, r.why) == (431, "too_many_headers")


def test_defaults_take_large_heads(gateway_to_echo):
    r = gateway_to_echo.ask(headers=[(f"X-{i}", "a" * 300) for i in range(90)])
    assert r.status == 200 and len([n for n, v in r.json()["headers"] if v == "a" * 300]) == 90


@pytest.mark.parametrize("what", [b"", b"GET / HTTP/1.1\r\nHost: t", b"GET / HTTP/1.1\r\nHost: test\r\n"])
def test_slow_head(gateway, serve, what):
    gw = gateway(proxy_to(serve()) | {"timeouts": {"client_head": "500ms", "keepalive": "500ms"}})
    with gw.connect() as c:
        begin = time.monotonic()
        c.send(what)
        data = c.read_all()
        assert 0.3 < time.monotonic() - begin < 5
        assert data.startswith(b"HTTP/1.1 408 ") if what else data == b""


def test_head_in_drips_does_not_win_time(gateway, serve):
    gw = gateway(proxy_to(serve()) | {"timeouts": {"client_head": "500ms"}})
    with gw.connect() as c:
        begin = time.monotonic()
        try:
            for byte in client.request("/", headers={"X-A": "a" * 1000}):
                c.send(bytes([byte]))
                time.sleep(0.02)
        except OSError:
            pass
        assert time.monotonic() - begin < 5


def test_slow_body(gateway, serve):
    gw = gateway(proxy_to(serve()) | {"timeouts": {"client_body": "500ms"}})
    with gw.connect() as c:
        c.send(client.request("/", "POST", headers={"Content-Length": "10"}) + b"abc")
        r = c.read()
        assert (r.status, r.why) == (408, "client_body_timeout")
