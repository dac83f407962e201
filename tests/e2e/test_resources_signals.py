"""Signals in storms, to the master and its workers: all are served, the last reload is of the last configuration, nothing is left."""

import os
import random
import signal
import time

from harness import procs
from harness.gateway import LONG, merge, proxy_to
from harness.load import Load
from harness.procs import alive, descendants, state, wait_until

COUNT = 100_000 if LONG else 10_000
TO_MASTER = signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD, signal.SIGPIPE, signal.SIGWINCH
TO_WORKERS = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGCHLD, signal.SIGINT, signal.SIGQUIT,
              signal.SIGXFSZ)


def open_files(gw):
    return len(os.listdir(f"/proc/{gw.pid}/fd"))


def test_ten_thousand(gateway, responder):
    seed = time.time_ns()
    choose = random.Random(seed)
    gw = gateway(proxy_to(responder), own=True)
    gw.reload()
    before, workers = open_files(gw), gw.workers()
    sent = {}
    start = time.monotonic()
    with Load(gw.port, rate=200, connections=8) as load:
        while sum(sent.values()) < COUNT:
            for _ in range(100):
                if choose.random() < 0.5:
                    # An upgrade is one at a time, and each starts a whole new program.
                    number = choose.choices(TO_MASTER, (200, 200, 1, 200, 200, 200))[0]
                    os.kill(gw.pid, number)
                else:
                    number = choose.choice(TO_WORKERS)
                    os.kill(choose.choice(workers), number)
                sent[number.name] = sent.get(number.name, 0) + 1
            time.sleep(0.01)
            workers = [p for p in workers if alive(p)] or wait_until(gw.workers)  # an upgrade replaces them
        gw.configure(merge(proxy_to(responder), {"routes": [{"upstream": "u", "path": "/last"}]}))
        gw.signal(signal.SIGHUP)
        stormed = time.monotonic() - start
        wait_until(lambda: gw.ask("/other").status == 404 and gw.ask("/last").status == 200, 120 if LONG else 30, what="the last reload")
    took = time.monotonic() - start
    wrong = [f for f in load.result["failures"] if not f[1].startswith("404")]  # of the last route alone
    print(f"seed {seed}; {COUNT} signals in {stormed:.1f} s: {sent}; the last reload {took - stormed:.2f} s behind them; "
          f"{load.result['ok']} requests, {load.result['retried']} sent once more, {len(wrong)} failed")
    assert wrong == [] and load.result["ok"] > 50
    wait_until(lambda: len(gw.workers()) == 2 and len(procs.children(gw.pid)) == 3, 10)
    wait_until(lambda: open_files(gw) <= before, 10, what=lambda: f"{open_files(gw)} descriptors, not {before}")
    assert not [pid for pid in descendants(gw.pid) if state(pid) == "Z"]


def test_the_end_is_asked_for_again_and_again(gateway, responder):
    for _ in range(3):
        gw = gateway(proxy_to(responder))
        while gw.process.poll() is None:
            gw.signal(signal.SIGTERM)
            time.sleep(0.0002)
        assert gw.process.returncode == 0 and os.listdir(gw.run_dir) == []
