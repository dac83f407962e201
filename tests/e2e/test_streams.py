"""Streams: what one side sends arrives at the other at once, in both directions at a time, and ends there as it ended here."""

import hashlib
import os
import socket
import threading
import time

import pytest

from harness import client
from harness.gateway import LONG, proxy_to

SOON = 1.0  # seconds; without a reason to wait it is a millisecond
EVENTS = 100


class Clock:
    """When each event was sent."""

    def __init__(self):
        self.sent = {}

    def event(self, number):
        self.sent[number] = time.monotonic()
        return b"id: %d\ndata: x\n\n" % number

    def late(self, number):
        return time.monotonic() - self.sent[number]


def stream_of(clock, framing, arrived):
    def answer(r, c):
        fields = {"Content-Type": "text/event-stream"} | ({"Transfer-Encoding": "chunked"} if framing == "chunked" else {})
        c.reply(headers=fields, length=False)
        for i in range(EVENTS):
            c.chunk(clock.event(i)) if framing == "chunked" else c.send(clock.event(i))
            assert arrived.acquire(timeout=5)  # no event follows that could push this one out
        if framing == "chunked":
            c.send(b"0\r\n\r\n")
        c.close = True
    return answer


@pytest.mark.parametrize("framing", ["chunked", "until the end"])
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_events_come_one_by_one(proxy, serve, framing, version):
    clock, arrived, worst = Clock(), threading.Semaphore(0), 0
    with proxy(serve(stream_of(clock, framing, arrived))).connect() as c:
        c.send(client.request(headers={"Accept": "text/event-stream"}, version=version))
        head = c.read_head()
        chunked = head.header("Transfer-Encoding") == "chunked"
        assert chunked == (version == "HTTP/1.1") and head.header("Content-Length") is None
        for i in range(EVENTS):
            event = c.read_chunk() if chunked else c.read_until(b"\n\n") + b"\n\n"
            assert event.startswith(b"id: %d\n" % i)
            worst = max(worst, clock.late(i))
            arrived.release()
        assert (c.read_chunk() == b"") if chunked else c.closed()
    assert worst < SOON


def test_long_poll(gateway, serve):
    seconds = 20 if LONG else 1

    def answer(r, c):
        time.sleep(seconds)
        c.reply(body=b"news")
    with gateway(proxy_to(serve(answer))).connect(seconds + 10) as c:
        r = c.ask()
        assert (r.status, r.body) == (200, b"news")


def multipart():
    parts = [b"--edge\r\nContent-Disposition: form-data; name=\"f%d\"; filename=\"f\"\r\nContent-Type: %s\r\n\r\n%s\r\n"
             % (i, kind, os.urandom(n)) for i, (kind, n) in enumerate([(b"image/png", 300000), (b"text/plain", 0),
                                                                       (b"application/x-ndjson", 1)])]
    return {"Content-Type": "multipart/form-data; boundary=edge"}, b"".join(parts) + b"--edge--\r\n"


@pytest.mark.parametrize("headers, body", [
    multipart(), ({"Content-Type": "application/grpc"}, os.urandom(1 << 20)), ({}, b"\0"), ({"Content-Encoding": "gzip"}, b"no gzip"),
    ({"Content-Type": "text/plain; charset=utf-16"}, b"")], ids=["multipart", "binary", "byte", "coded", "empty"])
def test_uploads_pass_as_they_are(proxy, serve, headers, body):
    def answer(r, c):
        assert all(r.header(n) == v for n, v in headers.items())
        c.reply(body=hashlib.sha256(c.read_body(r)).hexdigest().encode())
    assert proxy(serve(answer)).ask("/", "POST", headers=headers, body=body).body.decode() == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("says", [{}, {"Connection": "close"}])
def test_both_directions_at_once(gateway, serve, framing, says):
    """The upstream answers while the body comes, and each piece is answered before the next is sent."""
    def answer(r, c):
        c.reply(headers=says | {"Transfer-Encoding": "chunked"}, length=False)
        for piece in c.body(r):
            c.chunk(piece.upper())
        c.chunk(b"END")
        c.send(b"0\r\n\r\n")
        r.body = b""
    gw = gateway(proxy_to(serve(answer)))
    pieces = [b"piece %03d" % i for i in range(EVENTS)]
    length = {"Content-Length": str(sum(map(len, pieces)))} if framing == "length" else {"Transfer-Encoding": "chunked"}
    with gw.connect() as c:
        c.send(client.request("/", "POST", headers=length))
        assert c.read_head().status == 200
        got = b""
        for piece in pieces:
            begin = time.monotonic()
            c.send(piece if framing == "length" else b"%x\r\n%s\r\n" % (len(piece), piece))
            while piece.upper() not in got:
                got += c.read_chunk()
            assert time.monotonic() - begin < SOON
        if framing == "chunked":
            c.send(b"0\r\n\r\n")
        while chunk := c.read_chunk():
            got += chunk
    assert got == b"".join(pieces).upper() + b"END"


def test_answer_ends_within_the_upload(gateway, serve):
    """What was answered is whole, and what is left of the body harms nobody."""
    def answer(r, c):
        c.reply(body=b"enough")
        c.close = True
    gw = gateway(proxy_to(serve(answer), body_limit="100m"))
    with gw.connect() as c:
        c.send(client.request("/", "POST", headers={"Content-Length": str(50 << 20)}) + b"x" * 1000)
        r = c.read()
        assert (r.body, r.header("Connection")) == (b"enough", "close")
    assert gw.ask().status == 200


@pytest.mark.parametrize("framing", ["chunked", "until the end"])
def test_upstream_that_dies_gives_no_whole_answer(gateway, serve, framing):
    """Chunks lack their last. An end of the connection would be the end of a stream that has no other: that client gets a
    reset."""
    def answer(r, c):
        c.reply(headers={"Transfer-Encoding": "chunked"} if framing == "chunked" else {}, length=False)
        c.chunk(b"first") if framing == "chunked" else c.send(b"first")
        cut.wait(5)
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        c.close = True
    cut = threading.Event()
    for version in ["HTTP/1.1", "HTTP/1.0"]:
        cut.clear()
        gw = gateway(proxy_to(serve(answer)))
        with gw.connect() as c:
            c.send(client.request(version=version))
            c.read_head()
            c.read_until(b"first")
            cut.set()
            if version == "HTTP/1.1":
                assert not c.read_all().endswith(b"0\r\n\r\n")
            else:
                with pytest.raises(ConnectionResetError):
                    c.read_all()
        assert gw.logged(path="/")["reason"] == "upstream_aborted"
