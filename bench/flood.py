"""A flood of new connections, with TLS or without: so many a second, a request on each, while others are served at a fixed rate on
connections that they have. Windows with and without it take turns; what the latency does without it is the spread to stay
within. The flood comes from a process that yields the core to every other, or it would delay the others itself."""

import contextlib
import json
import os
import statistics
import time

import loris
import stage as stages

LEAD_S = 0.1  # the flood begins so long before the window


def windows(entry, scenario, stage, stack):
    """[(p50, p99) without the flood], [the same with it], errors of the others, [connections in a second]."""
    seconds, rate = stage.options.seconds or 0.5, stage.options.rate or scenario.rate
    load = stages.attach(entry, stage, stack, scenario.others)
    flood = stages.attach(entry, stage, stack, new_connection=True)
    os.sched_setscheduler(flood.process.child.pid, os.SCHED_IDLE, os.sched_param(0))
    load.window(0.3)
    seen, failed, reached = ([], []), 0, []
    for _ in range(scenario.pairs):
        for attacked in (False, True):
            if attacked:
                flood.process.say(f"run {seconds + 2 * LEAD_S} {scenario.new_rate}")
                time.sleep(LEAD_S)
            result = load.window(seconds, rate)
            if attacked:
                reached.append(json.loads(flood.process.line())["rps"])
            seen[attacked].append((result["latency_us"]["p50"], result["latency_us"]["p99"]))
            failed += result["errors"]
    return *seen, failed, reached


def row_of(entry, scenario, stage):
    with contextlib.ExitStack() as stack:
        stages.start(entry, scenario, stage, stack)
        control, attacked, failed, reached = windows(entry, scenario, stage, stack)
    return {"gateway": entry.label, "failed": failed, "accepted": statistics.median(reached),
            **loris.summary(control, attacked)}


def run(scenario, chosen, stage):
    found, notes = stages.entries_of(scenario, chosen)
    rows = [row_of(entry, scenario, stage) for entry in found]
    notes += [f"{row['gateway']} made {row['accepted']:.0f} connections a second of {scenario.new_rate:g}" for row in rows]
    return {"kind": "loris", "rows": rows, "notes": notes, "targets": loris.targets_of(rows)}
