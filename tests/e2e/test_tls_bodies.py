"""Bodies, tunnels and ends of connections over TLS: whole ones look whole, and those that are not do not."""

import base64
import hashlib
import os
import ssl
import threading
import time

import pytest

from harness import client, procs, tls
from harness.gateway import proxy_to

SIZE = 6 << 20
BYTES = os.urandom(1 << 16) * (SIZE >> 16)


@pytest.fixture
def entry(pki):
    return pki.entry("ec")


@pytest.fixture
def start(gateway, entry):
    """start(upstream): a gateway before it."""
    return lambda up, **more: tls.over_both(gateway, proxy_to(up) | {"limits": {"body": "64m"}}, entry, more=more)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def slowly(read, total):
    """Reads all, with breaks in which nothing is read."""
    got = bytearray()
    while len(got) < total:
        piece = read(min(1 << 18, total - len(got)))
        if not piece:
            break
        got += piece
        if len(got) % (1 << 20) < len(piece):
            time.sleep(0.05)
    return bytes(got)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("slow", [False, True])
def test_a_large_answer(start, serve, pki, version, slow):
    def handler(r, c):
        c.read_body(r)
        c.send(b"HTTP/1.1 200 Fine\r\nContent-Length: %d\r\n\r\n" % SIZE)
        for at in range(0, SIZE, 100_000):
            c.send(BYTES[at:at + 100_000])
            if not slow and at % 1_000_000 == 0:
                time.sleep(0.01)

    gw = start(serve(handler))
    with tls.TlsClient(gw.tls, pki.context(version)) as c:
        for _ in range(2):
            c.send(client.request(host="a.example"))
            r = c.read_head()
            assert r.status == 200
            got = c.buffer
            c.buffer = b""
            got += slowly(c.sock.recv, SIZE - len(got)) if slow else b""
            while len(got) < SIZE:
                got += c.sock.recv(1 << 18)
            assert digest(got) == digest(BYTES)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("slow", [False, True])
def test_a_large_upload(start, serve, pki, version, slow):
    def handler(r, c):
        sum_, seen = hashlib.sha256(), 0
        for piece in c.body(r):
            sum_.update(piece)
            if slow and (seen >> 20) != (seen + len(piece)) >> 20:
                time.sleep(0.05)
            seen += len(piece)
        c.reply(200, body=sum_.hexdigest().encode())

    gw = start(serve(handler))
    with tls.TlsClient(gw.tls, pki.context(version)) as c:
        for _ in range(2):
            assert c.ask("/", "POST", "a.example", body=BYTES).body.decode() == digest(BYTES)


def test_both_ways_at_once(start, serve, pki):
    """The answer begins before the request has ended, and neither waits for the other."""
    def handler(r, c):
        c.send(b"HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in c.body(r):
            c.chunk(piece)
        c.send(b"0\r\n\r\n")

    gw = start(serve(handler))
    data = BYTES[:2 << 20]
    with tls.TlsDuplex(gw.tls, pki.context()) as c:
        c.send(client.request("/", "POST", "a.example", headers={"Content-Length": str(len(data))}))
        got = bytearray()

        def read():
            head = c.read_head()
            assert head.status == 200
            while chunk := c.read_chunk():
                got.extend(chunk)

        reader = threading.Thread(target=read)
        reader.start()
        for at in range(0, len(data), 70_000):
            c.send(data[at:at + 70_000])
        reader.join(20)
        assert digest(bytes(got)) == digest(data)


def test_records_may_have_any_size(start, serve, pki):
    """A head byte by byte, each in a record of its own; empty writes between."""
    gw = start(serve())
    with tls.TlsClient(gw.tls, pki.context()) as c:
        for byte in client.request("/a", "POST", "a.example", body=b"x"):
            c.sock.send(bytes([byte]))
        assert c.read().json()["body"] == "x"


def test_websocket(start, serve, pki):
    def handler(r, c):
        key = base64.b64encode(hashlib.sha1(r.header("Sec-WebSocket-Key").encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        c.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               b"Sec-WebSocket-Accept: " + key + b"\r\n\r\n")
        while (data := c.file.read1(65536)) != b"quit":
            c.send(data.upper())
        c.send(b"bye")
        c.close = True

    gw = start(serve(handler))
    with tls.TlsDuplex(gw.tls, pki.context()) as c:
        c.send(client.request("/ws", host="a.example", headers={
            "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}) + b"early")
        assert c.read().status == 101
        assert c.read_exactly(5) == b"EARLY"
        blob = b"word" * 100_000
        sender = threading.Thread(target=c.send, args=(blob,))
        sender.start()
        assert c.read_exactly(len(blob)) == blob.upper()
        sender.join()
        c.send(b"quit")
        assert c.read_all() == b"bye"  # an end without close_notify would raise


def test_the_end_of_an_answer_without_length_is_told(start, serve, pki):
    def handler(r, c):
        c.read_body(r)
        c.send(b"HTTP/1.1 200 Fine\r\nConnection: close\r\n\r\n" + b"x" * 100_000)
        c.close = True

    gw = start(serve(handler))
    with tls.TlsClient(gw.tls, pki.context()) as c:
        c.send(b"GET / HTTP/1.0\r\nHost: a.example\r\n\r\n")
        assert c.read_head().status == 200
        assert len(c.read_all()) == 100_000  # an end without close_notify would raise


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_broken_answer_does_not_look_whole(start, serve, pki, version):
    def raw(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 Fine\r\nContent-Length: 200000\r\n\r\n" + b"x" * 100_000)
        time.sleep(0.2)
        connection.close()

    gw = start(serve(raw=lambda c: raw(c.sock)))
    with tls.TlsClient(gw.tls, pki.context()) as c:
        c.send(f"GET / HTTP/{version}\r\nHost: a.example\r\n\r\n".encode())
        with pytest.raises((ssl.SSLError, ConnectionResetError, EOFError)):
            assert c.read().status == 200
            pytest.fail("it looks whole")


def test_a_client_that_leaves_is_noticed(start, serve, pki):
    ended = []

    def handler(r, c):
        c.send(b"HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\n")
        c.chunk(b"x")
        ended.append(c.wait_gone(5))

    gw = start(serve(handler))
    for leave in "close_notify", "fin", "reset":
        with tls.TlsClient(gw.tls, pki.context()) as c:
            c.send(client.request(host="a.example"))
            assert c.read_head().status == 200
            if leave == "close_notify":
                c.sock.settimeout(0.2)
                try:
                    c.sock.unwrap()
                except (ssl.SSLError, OSError):
                    pass
            elif leave == "reset":
                c.reset()
    procs.wait_until(lambda: len(ended) == 3)
    assert ended == [True] * 3
    procs.wait_until(lambda: [e.get("reason") for e in gw.access_log()] == ["client_gone"] * 3)


def test_a_client_that_does_not_read_is_given_up(start, serve, pki):
    def handler(r, c):
        c.reply(200, body=BYTES + BYTES)

    gw = start(serve(handler), timeouts={"idle": "1s", "drain": "3s"})
    with tls.TlsClient(gw.tls, pki.context()) as c:
        c.send(client.request(host="a.example"))
        assert gw.logged(reason="client_stalled")


def test_the_gateway_says_when_it_closes(start, serve, pki):
    """A connection that waits for too long, and those of a gateway that stops, end with close_notify."""
    gw = start(serve(), timeouts={"keepalive": "1s", "drain": "3s"})
    with tls.TlsClient(gw.tls, pki.context()) as c:
        assert c.ask(host="a.example").status == 200
        assert c.sock.recv(1) == b""
    with tls.TlsClient(gw.tls, pki.context()) as c:
        assert c.ask(host="a.example", headers={"Connection": "close"}).status == 200
        assert c.sock.recv(1) == b""
