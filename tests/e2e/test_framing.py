"""Bodies of every framing pass through whole, in both directions."""

import threading

import pytest

from harness import client
from harness.gateway import proxy_to


def test_chunked_answer(proxy, serve):
    pieces = [b"a" * n for n in (1, 100, 70000, 3)]

    def answer(r, c):
        c.reply(headers={"Transfer-Encoding": "chunked"}, length=False)
        for p in pieces:
            c.chunk(p)
        c.send(b"0\r\n\r\n")
    up = serve(answer)
    with proxy(up).connect() as c:
        for _ in range(3):
            r = c.ask()
            assert r.body == b"".join(pieces) and r.framing == "chunked"
    assert len(up.used) == 1


def test_chunks_are_not_held_back(proxy, serve):
    seen = threading.Event()

    def drip(r, c):
        c.reply(headers={"Transfer-Encoding": "chunked", "Content-Type": "text/event-stream"}, length=False)
        c.chunk(b"first")
        assert seen.wait(5)
        c.chunk(b"second")
        c.send(b"0\r\n\r\n")
    with proxy(serve(drip)).connect() as c:
        c.send(client.request())
        assert c.read_head().header("Transfer-Encoding") == "chunked" and c.read_chunk() == b"first"
        seen.set()
        assert c.read_chunk() == b"second" and c.read_chunk() == b""


def test_request_body_is_not_held_back(proxy, serve):
    seen = threading.Event()

    def answer(r, c):
        pieces = c.body(r)
        assert next(pieces) == b"first"
        seen.set()
        assert next(pieces) == b"second"
        c.reply(body=b"both")
    with proxy(serve(answer)).connect() as c:
        c.send(client.request("/", "POST", headers={"Transfer-Encoding": "chunked"}) + b"5\r\nfirst\r\n")
        assert seen.wait(5)
        c.send(b"6\r\nsecond\r\n0\r\n\r\n")
        assert c.read().body == b"both"


def test_answer_until_close(proxy, serve):
    def answer(r, c):
        c.reply(length=False)
        c.send(b"x" * 100000)
        c.close = True
    with proxy(serve(answer)).connect() as c:
        for _ in range(2):
            r = c.ask()
            assert r.body == b"x" * 100000 and r.framing == "chunked"


def test_chunked_request(proxy, serve):
    up = serve()
    with proxy(up).connect() as c:
        for _ in range(2):
            c.send(client.request("/", "POST", headers={"Transfer-Encoding": "chunked"}))
            c.send(b"3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\n\r\n")
            assert c.read().json()["body"] == "abcdefg"


def test_large_bodies_both_ways(proxy, serve):
    def answer(r, c):
        c.reply(body=c.read_body(r)[::-1])
    body = bytes(range(256)) * 20000
    with proxy(serve(answer)).connect() as c:
        assert c.ask("/", "PUT", body=body[:900000]).body == body[:900000][::-1]


def test_content_length_of_an_answer_is_kept(proxy, serve):
    r = proxy(serve(lambda r, c: c.reply(body=b"12345"))).ask()
    assert r.header("Content-Length") == "5" and r.framing == "length"


def test_trailers_do_not_become_fields(gateway, serve):
    def answer(r, c):
        c.reply(headers={"Transfer-Encoding": "chunked"}, length=False)
        c.chunk(b"a")
        c.send(b"0\r\nX-Late: 1\r\n\r\n")
    r = gateway(proxy_to(serve(answer))).ask()
    assert r.body == b"a" and not r.all("X-Late")


def test_trailer_of_a_request_in_two_reads(gateway, serve):
    seen = threading.Event()

    def answer(r, c):
        assert c.file.readline() + c.file.readline() == b"1\r\na\r\n"
        seen.set()
        c.reply(body=c.file.readline() + c.file.readline() + c.file.readline())
        c.close = True
    with gateway(proxy_to(serve(answer))).connect() as c:
        c.send(client.request("/", "POST", headers={"Transfer-Encoding": "chunked"}) + b"1\r\na\r\n0\r\nX-La")
        assert seen.wait(5)
        c.send(b"te: 1\r\n\r\n")
        assert c.read().body == b"0\r\nX-Late: 1\r\n\r\n"


def test_trailer_of_an_answer_in_two_reads(gateway, serve):
    seen = threading.Event()

    def answer(r, c):
        c.reply(headers={"Transfer-Encoding": "chunked"}, length=False)
        c.send(b"1\r\na\r\n0\r\nX-La")
        assert seen.wait(5)
        c.send(b"te: 1\r\n\r\n")
    with gateway(proxy_to(serve(answer))).connect() as c:
        c.send(client.request(headers={"TE": "trailers"}))
        assert c.read_head().status == 200 and c.read_chunk() == b"a"
        seen.set()
        assert c.read_chunk() == b"" and c.read_until(b"\r\n\r\n") == b"X-Late: 1"


@pytest.mark.parametrize("size", [65535, 65536, 65537])
def test_sizes_around_the_buffer(proxy, serve, size):
    assert proxy(serve(lambda r, c: c.reply(body=b"x" * size))).ask().body == b"x" * size
