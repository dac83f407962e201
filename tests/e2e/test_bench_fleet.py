"""bench/simulate, as small as it can be: what a gateway says is recorded, said again by a few, weighed, modelled and told."""

import importlib.machinery
import importlib.util
import json
import os
import sys

import pytest

from harness import gateway as gateways
from harness.gateway import ROOT

TOOLS = os.path.join(os.path.dirname(os.path.dirname(gateways.BINARY or ROOT)), "bench")
EVENTS = {"start", "idle", "push", "bulk", "suspend", "lease", "session", "touch", "refresh", "lost"}


@pytest.fixture
def simulate(monkeypatch):
    """The module, which takes two minutes, in some seconds."""
    if not os.path.exists(os.path.join(TOOLS, "bench-fleet")):
        pytest.skip(f"no bench-fleet in {TOOLS}")
    monkeypatch.syspath_prepend(os.path.join(ROOT, "bench"))
    loader = importlib.machinery.SourceFileLoader("simulate", os.path.join(ROOT, "bench", "simulate"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("simulate", loader))
    had = set(sys.modules)
    loader.exec_module(module)
    for of, values in ((module, {"IDLE_S": 0.5, "ASKED_S": 0.2}), (module.recorded, {"START_S": 0.5, "IDLE_S": 2, "TRIES": 1}),
                       (module.sizing, {"FEW": 2, "TIMES": 3, "ASKS": dict.fromkeys(module.sizing.ASKS, 25.0)}), (module.simulated, {"PUSHES": 1, "SETTLE_S": 0.1, "REST_S": 0.1})):
        for name, value in values.items():
            monkeypatch.setattr(of, name, value)
    record = module.recorded.Stage.record
    monkeypatch.setattr(module.recorded.Stage, "record", lambda *of, gap=0.15, **how: record(*of, gap=2 * gap, **how))
    monkeypatch.setattr(os, "sched_setaffinity", lambda pid, cores: None)  # which the tests share
    yield module
    for name in set(sys.modules) - had:
        del sys.modules[name]


def run(simulate, monkeypatch, capsys, *more):
    tools = [word for name, tool in (("yett", gateways.BINARY), ("fleet", os.path.join(TOOLS, "bench-fleet")),
                                     ("responder", os.path.join(TOOLS, "bench-responder"))) for word in ("--" + name, tool)]
    monkeypatch.setattr(sys, "argv", ["simulate", *tools, "--gateways", "3", "--workers", "1", "--rules", "4", *more])
    simulate.main()
    return capsys.readouterr().out


def test_simulate(simulate, monkeypatch, capsys):
    told = json.loads(run(simulate, monkeypatch, capsys, "--json"))
    assert {(r["gateways"], r["event"]) for r in told["rows"]} == {(3, event) for event in EVENTS}
    for r in told["rows"]:
        if r["event"] == "idle":
            assert r["total_commands_processed"] > 0 and r["memory"] > 0
        else:
            assert r["commands"] > 0 and r["ms"][3] >= r["ms"][0] > 0 and (r["event"] == "lost" or r["failed"] == 0), r
    assert ["EVALSHA"] in told["said"]["lease"] and all(told["said"].values())
    assert all(limit["value"] > 0 for limit in told["limits"])
    text = simulate.sizing.text(told)
    assert "one Redis bears:" in text and all(name in text for name in ("a rule is pushed", "somebody is suspended", "tokens are refreshed"))
