"""Requests that two readers could take apart differently are refused, and the connection ends."""

import pytest

from harness import client

BODY = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n"
HEADS = {
    "both framings": b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % len(BODY),
    "both, the other way": b"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n" % len(BODY),
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6\r\n",
    "list of lengths": b"Content-Length: 5, 6\r\n",
    "signed length": b"Content-Length: +5\r\n",
    "negative length": b"Content-Length: -5\r\n",
    "hexadecimal length": b"Content-Length: 0x5\r\n",
    "length with a space": b"Content-Length: 5 5\r\n",
    "length that overflows": b"Content-Length: 18446744073709551617\r\n",
    "space before the colon": b"Transfer-Encoding : chunked\r\n",
    "unknown coding": b"Transfer-Encoding: xchunked\r\n",
    "coding twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "chunked not last": b"Transfer-Encoding: chunked, identity\r\n",
    "coding in another coding": b"Transfer-Encoding: gzip, chunked\r\n",
    "folded coding": b"Transfer-Encoding:\r\n chunked\r\n",
    "vertical tab": b"Transfer-Encoding: \x0bchunked\r\n",
    "folded field": b"X-A: b\r\n c\r\n",
    "bare line feed": b"X-A: b\nTransfer-Encoding: chunked\r\n",
    "bare carriage return": b"X-A: b\rTransfer-Encoding: chunked\r\n",
    "no name": b": b\r\n",
    "NUL in a value": b"X-A: b\0c\r\n",
}


@pytest.mark.parametrize("name", HEADS)
def test_head(gateway_to_echo, name):
    with gateway_to_echo.connect() as c:
        c.send(b"POST / HTTP/1.1\r\nHost: test\r\n" + HEADS[name] + b"\r\n" + BODY)
        r = c.read()
        assert r.status in (400, 501) and c.closed()
    assert not gateway_to_echo.upstream.requests


CHUNKS = [b"5\nabcde\r\n0\r\n\r\n", b"-1\r\na\r\n0\r\n\r\n", b"5;\rx\r\nabcde\r\n0\r\n\r\n", b"0x5\r\nabcde\r\n0\r\n\r\n",
          b"5\r\nabcdeXX0\r\n\r\n", b"FFFFFFFFFFFFFFFFF\r\na\r\n", b" 5\r\nabcde\r\n0\r\n\r\n",
          b"5 ;x\r\nabcdefg\r\n0\r\n\r\n", b"\r\n0\r\n\r\n", b"z\r\n\r\n"]


@pytest.mark.parametrize("body", CHUNKS)
def test_chunks(gateway_to_echo, body):
    up = gateway_to_echo.upstream
    with gateway_to_echo.connect() as c:
        c.send(client.request("/", "POST", headers={"Transfer-Encoding": "chunked"}) + body)
        c.send(client.request("/second"))
        assert c.read().status == 400 and c.closed()
    assert all(r.body is None for r in up.requests) and not any(r.path == "/second" for r in up.requests)


LINES = [b"GET / HTTP/1.1 \r\n", b"GET / HTTP/2.0\r\n", b"GET / HTTP/1.2\r\n", b"GET / \r\n", b"GET /\r\n", b"G@T / HTTP/1.1\r\n",
         b"GET /\thttp HTTP/1.1\r\n", b"GET / http/1.1\r\n", b"\x16\x03\x01\0\r\n", b"PRI * HTTP/2.0\r\n",
         b"CONNECT a:1 HTTP/1.1\r\n", b"TRACE / HTTP/1.1\r\n"]


@pytest.mark.parametrize("line", LINES)
def test_request_line(gateway_to_echo, line):
    r = client.exchange(gateway_to_echo.port, line + b"Host: test\r\n\r\n")
    assert r.status in (400, 501, 505) and not gateway_to_echo.upstream.requests


def test_target_that_differs_from_host_decides(gateway, serve):
    """RFC 9112 section 3.2.2: the absolute form wins, and the upstream is told."""
    a, b = serve(name="a"), serve(name="b")
    gw = gateway({"upstreams": {"a": {"endpoints": [a.address]}, "b": {"endpoints": [b.address]}}, "routes": [
        {"host": "a.test", "upstream": "a"}, {"host": "b.test", "upstream": "b"}]})
    r = gw.ask("http://b.test/x", host="a.test").json()
    assert r["name"] == "b" and ["Host", "b.test"] in r["headers"]
