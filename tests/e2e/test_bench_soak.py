"""bench/soak, as short as it can be: all kinds of load run, nothing fails, and what rises is told from what does not."""

import json
import os
import random
import subprocess
import sys

import pytest

from harness import gateway as gateways
from harness.gateway import ROOT

BUILD = os.path.dirname(os.path.dirname(gateways.BINARY or ROOT))


def test_all_of_it_for_some_seconds(tmp_path):
    if not os.path.exists(os.path.join(BUILD, "bench/bench-load")):
        pytest.skip(f"no bench-load in {BUILD}/bench")
    page = tmp_path / "soak.html"
    done = subprocess.run([os.path.join(ROOT, "bench/soak"), "5s", "--json", "--tools", BUILD, "--report", page], capture_output=True,
                          text=True, timeout=120, check=False)
    told = json.loads(done.stdout or pytest.fail(done.stderr))
    assert told["failures"] == [] and told["requests"] > 300, told["failures"]
    assert min(told[name] for name in ("pushes", "suspensions", "gone")) > 0
    assert {f"{what} of the {who}" for what in ("memory", "descriptors") for who in ("master", "workers", "admin worker")} <= {
        name.removesuffix(", KiB") for name in told["trends"]}
    assert all(t["mean"] > 0 for t in told["trends"].values())
    assert page.read_text().count("<svg") == len(told["samples"][0][1])


@pytest.mark.parametrize("per_hour,noise,rises", [(0, 5, False), (60, 1, True), (-60, 1, False), (0, 0, False), (1, 0, False)])
def test_what_rises(monkeypatch, per_hour, noise, rises):
    monkeypatch.syspath_prepend(os.path.join(ROOT, "bench"))
    monkeypatch.delitem(sys.modules, "trend", raising=False)
    import trend
    some = random.Random(7)
    t = trend.trend([(s, 1000 + per_hour * s / 3600 + some.gauss(0, noise)) for s in range(0, 7200, 20)])
    assert t.rises == rises and abs(t.slope - per_hour) <= max(2 * t.error, 1e-6)
