"""Upstreams close connections that wait for too long, just as the gateway sends the next request on them: no client sees it,
and no POST is given to the application twice. 15 seconds; 5 minutes in the long form."""

import asyncio
import os
import random
import signal
import time

import pytest

from harness.gateway import LONG
from harness.idler import Idler

IDLES = (2.5, 1.5, 1)  # seconds; the gateways expect 2 of all of them, or 5
UPSTREAMS = 10  # of each: a gateway soon learns when it has to be quicker, so that it meets the race a few times with each
TOGETHER = 4  # requests at once, so that as many connections wait


class Client:
    def __init__(self, port, path):
        self.port, self.path, self.writer = port, path, None

    async def ask(self, name):
        """None, or an answer that is not the upstream's own."""
        await asyncio.sleep(random.uniform(0, 0.01))
        body = b"" if name is None else name.encode() + b" " + b"x" * random.choice((0, 100, 10000, 30000))
        method = "GET" if name is None else "POST"
        if not self.writer:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(f"{method} {self.path} HTTP/1.1\r\nHost: test\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        head = await self.reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            return method + " " + head.decode()
        await self.reader.readexactly(2)
        if b"\r\nconnection: close" in head.lower():
            self.close()
        return None

    def close(self):
        if self.writer:
            self.writer.close()
            self.writer = None


async def load(port, path, idle, end, problems, names):
    """Bursts, with pauses that end just before or after connections of the upstream do."""
    clients = [Client(port, path) for _ in range(TOGETHER)]
    await asyncio.sleep(random.uniform(0, 1))
    while time.monotonic() < end:
        burst = []
        for c in clients:
            names += [f"{port}-{len(names)}"] if random.random() < 0.5 else [None]
            burst.append(c.ask(names[-1]))
        problems += [a for a in await asyncio.gather(*burst) if a]
        await asyncio.sleep(random.choice((0, idle * 0.75, idle, idle, idle)) * random.uniform(0.98, 1.01))
    for c in clients:
        c.close()


async def stutter(pids, end):
    """The workers are busy now and then: requests and ends of connections come together."""
    while time.monotonic() < end:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(random.uniform(0.01, 0.05))
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        await asyncio.sleep(random.uniform(0.01, 0.1))


@pytest.mark.parametrize("again", range(20 if LONG else 1))  # new upstreams, of which nothing has been learnt
def test_nobody_sees_it(gateway, again):
    idlers = [Idler(idle, UPSTREAMS) for idle in IDLES]
    targets = [(f"/{i.idle}-{n}", i.idle, a) for i in idlers for n, a in enumerate(i.addresses)]
    config = {"routes": [{"path": path, "target": address} for path, _, address in targets], "health": {"enabled": False},
              "access_log": "off"}
    gateways = [gateway(config | {"timeouts": {"upstream_idle": expected}}) for expected in ("2s", "5s")]
    problems, names = [], []

    async def all_of_them():
        end = time.monotonic() + 11.5
        await asyncio.gather(*(load(gw.port, path, idle, end, problems, names) for gw in gateways for path, idle, _ in targets),
                             *(stutter(gw.workers(), end) for gw in gateways))
    asyncio.run(all_of_them())
    retries = sum(gw.metrics()["yett_retries_total"] for gw in gateways)
    seen = [i.stop() for i in idlers]
    assert problems == []
    posts = [(name, n) for s in seen for name, n in s["posts"].items()]
    assert sorted(posts) == sorted((name, 1) for name in names if name)
    assert retries > 0 or sum(s["closed"] for s in seen) > 20, seen  # there was a race to be lost
