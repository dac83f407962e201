"""Memory of idle kept-alive connections: of the gateway's whole process tree in user space, before they come and while they
are held, after a request or two on each of them."""

import contextlib
import dataclasses
import resource
import time

import processes
import stage as stages

RATE = 5000  # of the requests that wake the connections


def weigh(entry, scenario, stage):
    count = stage.options.connections or scenario.connections
    with contextlib.ExitStack() as stack:
        stages.start(entry, scenario, stage, stack)
        with contextlib.ExitStack() as few:  # what grows once is not a connection's
            stages.attach(entry, stage, few, 64).window(0.5)
        base = processes.memory(entry.pid)
        load = stages.attach(entry, stage, stack, count)
        result = load.window(max(count / RATE * 1.1, 0.2), RATE)  # the one that waited longest is next: each gets one
        time.sleep(0.3)
        held = processes.memory(entry.pid)
    return {"gateway": entry.label, "kib": (held - base) / 1024 / count, "base_mib": base / 2**20, "connections": count,
            "errors": {kind: n for kind, n in result["by_kind"].items() if n}}


def run(scenario, chosen, stage):
    found, notes = stages.entries_of(scenario, chosen)
    most = (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - stages.descriptors(0)) * 8 // 17
    if scenario.connections > most:
        notes.append(f"{most} connections: the limit of descriptors allows no more (ulimit -Hn)")
        scenario = dataclasses.replace(scenario, connections=most)
    rows = [weigh(entry, scenario, stage) for entry in found]
    return {"kind": "idle", "rows": rows, "notes": notes, "targets": [
        {"what": "KiB for each idle connection", "value": row["kib"], "limit": scenario.target_kib}
        for row in rows if row["gateway"] == "yett"]}
