"""A rolling upgrade: three gateways under load are replaced one after the other, and no request fails."""

import asyncio
import signal
import time

import pytest

from harness import procs
from harness.api import Api
from harness.gateway import LONG, from_redis, proxy_to
from harness.load import Load
from harness.procs import wait_until


def push(gw, i):
    return Api(gw.socket).ask("PUT", "frontends", f"h{i}", "b", query="wait=fleet")


def start(gateway, store, responder, n):
    gateways = [gateway(from_redis(store) | proxy_to(responder)) for _ in range(n)]
    wait_until(lambda: len(Api(gateways[0].socket).data("fleet")["gateways"]) == n, 5)
    return gateways


def upgraded(gw, others, i):
    """As yett(8) says."""
    done = gw.cli("upgrade")
    assert done.returncode == 0, done
    assert push(others, i).status == 200


def killed(gw, others, i):
    """The next master takes the sockets of the old one over."""
    gw.kill()
    assert push(others, i).status in (200, 202)
    gw.start()


@pytest.mark.parametrize("replace", [upgraded] + [killed] * LONG)  # test_master_killed has one of them
def test_replaced_one_by_one(gateway, store, responder, replace):
    gateways = start(gateway, store, responder, 3)
    loads = [Load(gw.port, rate=100, connections=8) for gw in gateways]
    ids = [gw.status()["gateway"] for gw in gateways]
    for i, gw in enumerate(gateways):
        old = gw.workers()
        replace(gw, gateways[i - 1], i)
        assert gw.cli("wait", "--timeout", "30s").returncode == 0
        wait_until(lambda old=old: not any(procs.alive(pid) for pid in old), 10, what="the old workers' end")
    results = [load.stop() for load in loads]
    assert [r["failures"] for r in results] == [[], [], []] and all(r["ok"] > 100 for r in results)
    assert [gw.status()["gateway"] for gw in gateways] == ids
    assert gateways[0].cli("wait", "--all", "--timeout", "10s").returncode == 0


class Balanced:
    """Clients that go to the next gateway where one does not take their connection or closes it unread, as a balancer does."""

    def __init__(self, ports):
        self.ports, self.ok, self.failures, self.moved, self.go = ports, 0, [], 0, True

    async def once(self, turn):
        for attempt in range(len(self.ports)):
            port = self.ports[(turn + attempt) % len(self.ports)]
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
                answer = await reader.read()
                writer.close()
            except ConnectionError:
                answer = b""
            if answer:
                return answer.partition(b"\r\n")[0]
            self.moved += 1
        return b"nobody took it"

    async def client(self, number):
        turn = number
        while self.go:
            status = await asyncio.wait_for(self.once(turn), 10)
            if b" 200 " in status:
                self.ok += 1
            else:
                self.failures.append(status)
            turn += 1
            await asyncio.sleep(0.02)

    async def run(self, work):
        clients = [asyncio.create_task(self.client(i)) for i in range(6)]
        await asyncio.get_running_loop().run_in_executor(None, work)
        self.go = False
        await asyncio.gather(*clients)


@pytest.mark.parametrize("n", [3 if LONG else 2])
def test_drained_one_by_one(gateway, store, responder, n):
    """Behind something that goes to the next one: what was taken is answered."""
    gateways = start(gateway, store, responder, n)

    def roll():
        for i, gw in enumerate(gateways):
            gw.signal(signal.SIGTERM)
            others = Api(gateways[i - 1].socket)
            wait_until(lambda: gw.process.poll() is not None or any(g["state"] == "draining" for g in others.data("fleet")["gateways"]), 5)
            assert push(gateways[i - 1], i).status == 200  # who drains does not count
            assert gw.wait() == 0
            gw.start()
            assert gw.cli("wait", "--timeout", "30s").returncode == 0
            time.sleep(0.2)
    load = Balanced([gw.port for gw in gateways])
    asyncio.run(load.run(roll))
    print(f"{load.ok} answered, {load.moved} moved on")
    assert load.failures == [] and load.ok > 50
