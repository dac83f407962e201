"""Requests that come before the answer are answered in order."""

import time

from harness import client


def test_answers_are_in_order(proxy, serve):
    def answer(r, c):
        time.sleep(0.1 if r.path == "/0" else 0)
        c.reply(body=r.path.encode())
    with proxy(serve(answer)).connect() as c:
        c.send(b"".join(client.request(f"/{i}") for i in range(10)))
        assert [c.read().body for _ in range(10)] == [b"/%d" % i for i in range(10)]


def test_bodies_between(proxy, serve):
    with proxy(serve()).connect() as c:
        c.send(b"".join(client.request("/", "POST", body=b"%d" % i * 1000) for i in range(5)))
        assert [c.read().json()["body"] for _ in range(5)] == [str(i) * 1000 for i in range(5)]


def test_split_into_single_bytes(proxy, serve):
    with proxy(serve()).connect() as c:
        for byte in client.request("/a", "POST", body=b"abc") * 2:
            c.send(bytes([byte]))
        assert [c.read().json()["body"] for _ in range(2)] == ["abc", "abc"]
