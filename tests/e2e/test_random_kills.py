"""Processes of the gateway are killed at random under load: each death costs at most what was under way in it."""

import os
import random
import signal
import time

from harness import client, procs
from harness.gateway import LONG, proxy_to
from harness.load import Load
from harness.procs import wait_until


CONNECTIONS = 16


def test_workers(gateway, responder):
    seed = time.time_ns()
    print(f"seed {seed}")
    choose = random.Random(seed)
    gw = gateway(proxy_to(responder))
    deaths = []
    with Load(gw.port, rate=400, connections=CONNECTIONS) as load:
        for _ in range(60 if LONG else 8):
            pids = procs.children(gw.pid)
            if pids:
                deaths.append(time.monotonic())
                os.kill(choose.choice(pids), choose.choice([signal.SIGKILL, signal.SIGABRT, signal.SIGTERM]))
            time.sleep(choose.uniform(0.01, 0.5))
        wait_until(lambda: len(gw.workers()) == 2, 20)
        time.sleep(0.5)
    r = load.result
    assert len(r["failures"]) + r["retried"] <= CONNECTIONS * len(deaths), r
    strays = [f for f in r["failures"] if not any(-0.1 < f[0] - d < 1 for d in deaths)]
    assert not strays, strays
    assert [gw.ask().status for _ in range(20)] == [200] * 20


def test_everything_at_once(gateway, responder):
    path = f"/tmp/yett-killed-{os.getpid()}.sock"
    gw = gateway(proxy_to(responder) | {"listeners": [f"unix:{path}"]}, ready=False)
    wait_until(gw.is_ready, 10)
    for pid in [gw.pid] + procs.children(gw.pid):
        os.kill(pid, signal.SIGKILL)
    gw.wait()
    time.sleep(0.1)
    gw.start()  # what lies about does not keep it from starting
    assert client.ask(path).status == 200
    gw.stop()
    assert not os.path.exists(path) and os.listdir(gw.run_dir) == []


def test_master_and_a_worker(gateway, responder):
    gw = gateway(proxy_to(responder))
    victim = gw.workers()[0]
    gw.kill()
    os.kill(victim, signal.SIGKILL)
    gw.start()  # the orphaned admin worker answers that it is ready until the new one has its socket
    wait_until(lambda: len(gw.workers()) == 2, 5)
    assert [gw.ask().status for _ in range(20)] == [200] * 20


def test_master_within_a_reload(gateway, responder):
    gw = gateway(proxy_to(responder))
    with Load(gw.port, rate=200, connections=8) as load:
        for delay in (0, 0.002, 0.01):
            gw.signal(signal.SIGHUP)
            time.sleep(delay)
            gw.kill()
            gw.start()
    assert load.result["failures"] == []
