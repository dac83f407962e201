"""Routes that change, one each second, while others are served at a fixed rate. Windows with and without changes take turns; what
the latency does without them is the spread to stay within."""

import contextlib
import os
import statistics
import threading
import time

import push
import routes
import stage as stages

SHARES = ("p50", "p99", "p99.9")


class Changes:
    """Leads one route after the other elsewhere, and takes the time until all workers have acknowledged it."""

    def __init__(self, setting):
        self.api, self.every_s = push.Api(os.path.join(setting.folder, "admin.sock")), setting.scenario.every_s
        self.paths, self.done, self.took = setting.routes(), 0, []

    def one(self):
        start = time.monotonic()
        self.api.push(routes.url(self.paths[self.done * 7919 % len(self.paths)]), "again")
        self.done += 1
        self.took.append((time.monotonic() - start) * 1000)

    def run(self, seconds):
        start = time.monotonic()
        for i in range(int(seconds / self.every_s)):
            time.sleep(max(start + i * self.every_s - time.monotonic(), 0))
            self.one()


def windows(load, changes, scenario, rate):
    """[percentiles of windows without changes], [the same with them], errors."""
    seen, failed = ([], []), 0
    for _ in range(scenario.pairs):
        for changing in (False, True):
            thread = threading.Thread(target=changes.run, args=(scenario.window_s,))
            if changing:
                thread.start()
            result = load.window(scenario.window_s, rate)
            if changing:
                thread.join()
            seen[changing].append([result["latency_us"][share] for share in SHARES])
            failed += result["errors"]
    return *seen, failed


def row_of(entry, scenario, stage, stack):
    stages.start(entry, scenario, stage, stack)
    load = stages.attach(entry, stage, stack, scenario.others)
    changes = Changes(entry.setting)
    changes.one()
    load.window(0.3)
    control, changing, failed = windows(load, changes, scenario, stage.options.rate or scenario.rate)
    took = changes.took[1:]
    row = {"gateway": entry.label, "failed": failed, "changes": len(took), "every_s": scenario.every_s,
           "median_ms": statistics.median(took), "max_ms": max(took)}
    for i, share in enumerate(SHARES):
        values = [window[i] for window in control]
        row[share] = {"control": statistics.median(values), "min": min(values), "max": max(values),
                      "changing": statistics.median(window[i] for window in changing),
                      "least": min(window[i] for window in changing), "worst": max(window[i] for window in changing)}
    return row


def targets_of(row):
    targets = [{"what": "failed requests", "value": row["failed"], "limit": 0},
               {"what": "median of a change until all workers have it, ms", "value": row["median_ms"], "limit": 200}]
    return targets + [{"what": f"{share} with a change each {row['every_s']:g} s, us", "value": row[share]["changing"],
                       "limit": row[share]["max"]} for share in SHARES]


def run(scenario, chosen, stage):
    found, notes = stages.entries_of(scenario, [name for name in chosen if name == "yett"])
    with contextlib.ExitStack() as stack:
        row = row_of(found[0], scenario, stage, stack)
    return {"kind": "change", "rows": [row], "notes": notes, "targets": targets_of(row)}
