"""Requests that come before the answer are answered in order."""

import contextlib
import select
import socket
import statistics
import threading
import time

from harness import client
from harness.gateway import proxy_to


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


def slow_reader(gw):
    """Most of an answer waits in the gateway's socket."""
    c = client.Client.__new__(client.Client)
    c.sock, c.buffer = socket.socket(), b""
    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    c.sock.settimeout(10)
    c.sock.connect(("127.0.0.1", gw.port))
    return c


def test_whole_answers_before_one_that_breaks_off(gateway, serve):
    def answer(r, c):
        if r.path == "/whole":
            c.reply(body=b"x" * 300000)
        else:
            c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
            c.close = True
    gw = gateway(proxy_to(serve(answer)))
    with slow_reader(gw) as c:
        c.send(client.request("/whole") + client.request("/half"))
        gw.logged(reason="upstream_aborted")
        assert c.read().body == b"x" * 300000
        c.read_head()
        assert c.read_all() == b"half"


def test_last_answer_of_a_connection(gateway, serve):
    """What comes behind the last request that we take may not reset what is still on its way."""
    gw = gateway(proxy_to(serve(lambda r, c: c.reply(body=b"x" * 300000))) | {"limits": {"keepalive_requests": 1}})
    with slow_reader(gw) as c:
        c.send(client.request("/one"))
        gw.logged(path="/one")
        c.send(client.request("/two"))
        time.sleep(0.05)
        c.send(client.request("/three"))
        r = c.read()
        assert (len(r.body), r.header("Connection")) == (300000, "close")
        assert c.closed()


def flood(gw, stop):
    """Sends requests that the gateway answers itself as fast as they are taken."""
    with gw.connect() as c:
        c.sock.setblocking(False)
        many = client.request("/none") * 2000
        left = b""
        while not stop.is_set():
            select.select([c.sock], [c.sock], [], 1)
            with contextlib.suppress(BlockingIOError):
                left = left or many
                left = left[c.sock.send(left):]
            with contextlib.suppress(BlockingIOError):
                c.sock.recv(1 << 20)


def test_who_pipelines_without_end_does_not_starve_others(gateway, serve):
    gw = gateway(proxy_to(serve(), path="/ok") | {"workers": 1, "limits": {"keepalive_requests": "off"}})
    stop = threading.Event()
    floods = [threading.Thread(target=flood, args=(gw, stop)) for _ in range(2)]
    for f in floods:
        f.start()
    try:
        with gw.connect() as c:
            c.ask("/ok")
            took = []
            for _ in range(20):
                start = time.monotonic()
                assert c.ask("/ok").status == 200
                took.append(time.monotonic() - start)
    finally:
        stop.set()
        for f in floods:
            f.join()
    assert statistics.median(took) < 0.1
