"""Requests and answers with random damage: no worker dies, and the next request is answered."""

import random
import time

import pytest

from harness import client
from harness.gateway import LONG, proxy_to
from harness.tokens import SECRET, bearer, token

ROUNDS = 20000 if LONG else 1000
REQUESTS = [
    client.request("/a?b=c", headers={"Accept": "text/html;q=0.5, */*", "Cookie": "a=b; token=c"}),
    client.request("/api/%61/../b;c=d", headers=bearer(token()) | {"X-Forwarded-For": "1.2.3.4", "Connection": "close, x-a"}),
    client.request("/", "POST", headers={"Transfer-Encoding": "chunked"}) + b"5\r\nabcde\r\n1;x=y\r\nz\r\n0\r\nX-T: 1\r\n\r\n",
    client.request("http://test:80/abs", "PUT", body=b"abc", headers={"Expect": "100-continue"}),
    client.request("/up", headers={"Connection": "Upgrade", "Upgrade": "chat"}) + b"early",
]
ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nabcde",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
    b"HTTP/1.0 204 No Content\r\nConnection: keep-alive\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nhello",
]


PIECES = [b"\r\n", b"\n", b"\r", b"\0", b":", b" ", b"%", b"/..", b";", b"\r\n\r\n", b"0\r\n\r\n"]


def damage(chance, data):
    data = bytearray(data)
    for _ in range(chance.choice([0, 1, 1, 1, 2, 5])):
        at = chance.randrange(len(data) + 1)
        how = chance.randrange(5)
        if how == 0:
            data[at:at + chance.randint(1, 20)] = b""
        elif how == 1:
            data[at:at] = bytes([chance.randrange(256)]) * chance.choice([1, 1, 2, 300])
        elif how == 2:
            data[at:at + 1] = chance.choice(PIECES)
        elif how == 3:
            data[at:at] = data[chance.randrange(len(data) + 1):][:chance.randint(1, 200)]
        elif data:
            data[at % len(data)] ^= 1 << chance.randrange(8)
    return bytes(data)


@pytest.fixture
def chance():
    seed = time.time_ns()
    print(f"seed {seed}")
    return random.Random(seed)


def attack(gw, chance, make):
    pids = sorted(gw.workers())
    for _ in range(ROUNDS):
        with gw.connect(timeout=5) as c:
            data = make()
            cut = chance.randrange(len(data) + 1) if chance.random() < 0.3 else len(data)
            try:
                c.send(data[:cut])
                if chance.random() < 0.2:
                    time.sleep(0.001)
                c.send(data[cut:])
                if chance.random() < 0.8:
                    c.finish_sending()
                c.sock.settimeout(0.05)
                c.read_all()
            except OSError:
                pass
    assert gw.ask("/after").status == 200
    assert sorted(gw.workers()) == pids, f"a worker died:\n{gw.log()}"


def config(up):
    return proxy_to(up) | {"gate": {"protect": ["/api"], "secret": SECRET, "claims": {"id": "auth_id"}},
                           "timeouts": {"first_byte": "200ms", "idle": "200ms", "client_body": "200ms", "client_head": "200ms"}}


def test_requests(gateway, serve, chance):
    attack(gateway(config(serve())), chance, lambda: b"".join(
        damage(chance, chance.choice(REQUESTS)) for _ in range(chance.randint(1, 3))))


def test_answers(gateway, serve, chance):
    def answer(c):
        while r := c.read_request():
            if r.path == "/after":
                c.reply()
                continue
            c.read_body(r)
            c.send(damage(chance, chance.choice(ANSWERS)))
            if chance.random() < 0.5:
                return
    attack(gateway(config(serve(raw=answer))), chance, lambda: chance.choice(REQUESTS))
