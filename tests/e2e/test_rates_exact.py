"""Exactly the quota passes: through four workers at once, over a reload, killed workers, and a killed master."""

import json
import os
import signal
import subprocess
import time

import pytest

from harness import procs
from harness.gateway import BINARY, LONG

CONNECTIONS = 16
QUOTA = 30000 if LONG else 2000
LOAD = os.path.join(os.path.dirname(os.path.dirname(BINARY)), "bench", "bench-load")


def config(quota=QUOTA, **rate):
    # What comes back in the time of a test is less than one: 86 seconds each.
    return {"workers": 4, "access_log": "off", "rates": {"r": {"limit": "1000/day", "burst": quota} | rate}, "limits": {"rates": "r"},
            "routes": [{"path": "/", "respond": {"status": 200}}]}


class Load:
    """Asks as fast as it can, in a process of its own; `passed` in the end is how many were answered 200."""

    def __init__(self, gw):
        if not os.path.exists(LOAD):
            pytest.skip(f"no {LOAD}")
        seconds = "30" if LONG else "2"
        self.process = procs.spawn([LOAD, "-c", str(CONNECTIONS), "-d", seconds, f"http://127.0.0.1:{gw.port}/"],
                                   stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        told = json.loads(self.process.communicate(timeout=60)[0])
        procs.forget(self.process)
        self.passed, self.refused = told["requests"], told["wrong_statuses"].get("429", 0)


def test_over_a_reload(gateway):
    gw = gateway(config())
    with Load(gw) as load:
        time.sleep(0.1)
        assert gw.reload(config() | {"log_level": "debug"}).returncode == 0
        assert gw.reload(config(silent=True)).returncode == 0
    assert load.passed == QUOTA and load.refused > 0
    gw.reload(config(QUOTA + 10, silent=True))  # other numbers under the old name: what was spent stays spent
    assert [gw.ask().status for _ in range(12)] == [200] * 10 + [429] * 2


@pytest.mark.parametrize("victim", ["worker", "master"])
def test_over_a_kill(gateway, victim):
    """Who was killed takes along what it had let in and not answered yet."""
    gw = gateway(config())
    deaths = 1 if victim == "master" else 2
    with Load(gw) as load:
        time.sleep(0.1)
        if victim == "master":
            gw.kill()
            gw.start()
        else:
            for pid in gw.workers()[:deaths]:
                os.kill(pid, signal.SIGKILL)
    lost = 0 if victim == "master" else CONNECTIONS * deaths
    assert QUOTA - lost <= load.passed <= QUOTA and load.refused > 0
    assert gw.ask().status == 429
