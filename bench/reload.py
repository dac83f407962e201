"""Reloads, or upgrades in place, under load: what fails, and the latency before, during and after."""

import contextlib
import json

import processes
import stage as stages


def way(entry, scenario):
    return getattr(entry.peer, scenario.how)


def reloads(entry, scenario, stage):
    rate = stage.options.rate or scenario.rate
    with contextlib.ExitStack() as stack:
        stages.start(entry, scenario, stage, stack, can_reload=True)
        one = way(entry, scenario)(entry.setting, entry.pid)
        command = " && ".join([f"{one} && sleep {scenario.pause}"] * scenario.times)
        process = stack.enter_context(processes.Process(
            [stage.tools["bench-load"], "-d", str(scenario.seconds), "-w", "0.3", "-r", str(rate), "--while", command,
             *entry.load_options], entry.setting.folder, "load", pipes=True))
        result = json.loads(process.line())
    what = result["while"]
    if what["status"]:
        raise entry.process.failure(f"the {scenario.how} failed with {what['status']}: {one}")
    row = {"gateway": entry.label, "requests": result["requests"], "failed": result["errors"],
           "errors": {kind: n for kind, n in result["by_kind"].items() if n}}
    for phase in ("before", "during", "after"):
        row[phase + "_p99_us"] = what[phase]["latency_us"]["p99"]
        row[phase + "_max_us"] = what[phase]["latency_us"]["max"]
    return row


def run(scenario, chosen, stage):
    found, notes = stages.entries_of(scenario, chosen)
    notes += [f"{entry.label} cannot {scenario.how}" for entry in found if not way(entry, scenario)]
    rows = [reloads(entry, scenario, stage) for entry in found if way(entry, scenario)]
    return {"kind": "reload", "rows": rows, "notes": notes, "targets": [
        {"what": "failed requests", "value": row["failed"], "limit": 0} for row in rows if row["gateway"] == "yett"]}
