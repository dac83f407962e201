"""System calls for each request, counted by strace while a load runs. strace slows what it looks at, but does not change what
that one asks for; only waits are fewer than at leisure, as at full load."""

import contextlib
import os
import re
import signal
import subprocess
import time

import processes
import stage as stages

LINE = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$")


def calls(entry, seconds):
    """{name: calls for each request}, or None where there is no strace, or none of use."""
    strace = processes.find("strace")
    if not strace:
        return None
    out = os.path.join(entry.setting.folder, "strace")
    pids = [word for pid in processes.process_tree(entry.pid) for word in ("-p", str(pid))]
    with open(out + ".err", "wb") as err:
        tracer = subprocess.Popen([strace, "-c", "-f", "-o", out, *pids], stdin=subprocess.DEVNULL, stdout=err, stderr=err)
    end = time.monotonic() + 5
    while time.monotonic() < end and tracer.poll() is None:
        with open(out + ".err", encoding="utf-8", errors="replace") as f:
            if f.read().count("attached") >= len(pids) // 2:
                break
        time.sleep(0.02)
    result = entry.load.window(seconds)
    with contextlib.suppress(ProcessLookupError):
        tracer.send_signal(signal.SIGINT)
    tracer.wait()
    if not os.path.exists(out) or not result["requests"] or result["errors"]:
        return None
    with open(out, encoding="ascii", errors="replace") as f:
        found = [LINE.match(line) for line in f]
    counts = {m[2]: int(m[1]) / result["requests"] for m in found if m and m[2] != "total"}
    return dict(sorted(counts.items(), key=lambda item: -item[1])) or None


def run(scenario, chosen, stage):
    found, notes = stages.entries_of(scenario, chosen)
    rows = []
    for entry in found:
        with contextlib.ExitStack() as stack:
            stages.start(entry, scenario, stage, stack)
            entry.load = stages.attach(entry, stage, stack)
            entry.load.window(0.3)
            names = calls(entry, 1)
        rows.append({"gateway": entry.label, "calls": sum(names.values()) if names else None, "names": names or {}})
    if not processes.find("strace"):
        notes.append("strace is not installed: run etc/setup bench")
    return {"kind": "syscalls", "rows": rows, "notes": notes, "targets": [
        {"what": "system calls for each request", "value": row["calls"], "limit": scenario.target_calls}
        for row in rows if row["gateway"] == "yett" and row["calls"] is not None]}
