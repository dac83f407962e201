"""Runs one scenario over several gateways in interleaved rounds and sums it up."""

import contextlib
import os
import statistics
import time

import processes
import stage as stages
import strace

WARMUP_S = 0.3
LATENCY_SHARE = 0.6  # of what the slowest does at most: the rate at which latencies are measured
LATENCY_ROUNDS = 4
TRACE_S = 0.3
P50_OVER_RELAY_US = 10


def measure(entry, seconds, rate):
    before = processes.cpu_ns(entry.pid)
    result = entry.load.window(seconds, rate)
    if entry.setting.scenario.resumed and result["resumed"] < result["requests"]:  # all but the first of the warm-up
        raise entry.process.failure(f"{result['resumed']} of {result['requests']} connections resumed a session")
    cpu = processes.cpu_between(before, processes.cpu_ns(entry.pid))
    result["cpu_us"] = cpu / 1000 / result["requests"] if cpu is not None and result["requests"] else None
    return result


def interleaved(found, count):
    for i in range(count):
        at = i % len(found)
        yield from found[at:] + found[:at]


def measure_rounds(found, options, rate):
    """All rounds. Returns the share of our cores that went to others meanwhile: to processes that are not ours, or to other
    machines on the same host."""
    start, busy, ours = time.monotonic(), processes.busy_s(), processes.cpu_ns(os.getpid())
    for entry in interleaved(found, options.rounds):
        entry.rounds.append(measure(entry, options.seconds, rate))
    busy, ours = processes.busy_s() - busy, processes.cpu_between(ours, processes.cpu_ns(os.getpid()))
    if ours is None:
        return None
    cores = len(set.union(*processes.cores()))
    return max(0, (busy - ours / 1e9) / (time.monotonic() - start) / cores)


def measure_latency(found, options, rate):
    """Open loop at one rate for all."""
    for entry in interleaved(found, LATENCY_ROUNDS):
        entry.latency.append(entry.load.window(max(options.seconds / 2, 0.25), rate))


def spread(values):
    """(median, half the distance of the quartiles) of what there is."""
    have = [v for v in values if v is not None]
    if len(have) < 2:
        return (have[0] if have else None, None)
    low, _, high = statistics.quantiles(have, n=4, method="inclusive")
    return statistics.median(have), (high - low) / 2


def histogram(rounds):
    counts = {}
    for result in rounds:
        for us, count in result["latency_buckets"]:
            counts[us] = counts.get(us, 0) + count
    return sorted(counts.items())


def percentile(buckets, share):
    need, seen = share * sum(count for _, count in buckets), 0
    for us, count in buckets:
        seen += count
        if seen >= need:
            return us
    return None


SHARES = (0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999)


def ratio(entry, other):
    """Of CPU per request, each round to the same round of the other."""
    pairs = zip((r["cpu_us"] for r in entry.rounds), (r["cpu_us"] for r in other.rounds))
    return spread([a / b if a and b else None for a, b in pairs])


def summary(entry, reference):
    cpu, cpu_spread = spread([r["cpu_us"] for r in entry.rounds])
    buckets = histogram(entry.latency)
    errors = {}
    for result in entry.rounds + entry.latency:
        for kind, n in result["by_kind"].items():
            if n:
                errors[kind] = errors.get(kind, 0) + n
    row = {
        "gateway": entry.label, "rps": statistics.median(r["rps"] for r in entry.rounds),
        "cpu_us": cpu, "cpu_us_spread": cpu_spread,
        **{f"p{share * 100:g}_us": percentile(buckets, share) for share in (0.5, 0.9, 0.99, 0.999)},
        "percentiles": [[share, percentile(buckets, share)] for share in SHARES if buckets],
        "requests": sum(r["requests"] for r in entry.rounds), "errors": errors, **entry.row,
    }
    if reference:
        row["ratio"], row["ratio_spread"] = ratio(entry, reference) if entry is not reference else (1, 0)
    return row


def verdicts(found, scenario):
    """Our CPU per request against each of the others, with the target where there is one."""
    ours = next((e for e in found if e.ours), None)
    lines = []
    for other in found if ours else ():
        if other is ours or other.label != other.peer.name:
            continue
        value, half = ratio(ours, other)
        if value is not None:
            lines.append({"what": f"CPU of yett / {other.label}", "value": value, "spread": half,
                          "limit": scenario.targets.get(other.label)})
    return lines


def latency_verdict(rows, scenario):
    by_name = {row["gateway"]: row["p50_us"] for row in rows}
    if not scenario.share or by_name.get("yett") is None or by_name.get("relay") is None:
        return []
    return [{"what": "p50 of yett - relay, us", "value": by_name["yett"] - by_name["relay"], "limit": P50_OVER_RELAY_US}]


def fixed_rate(found, reference, scenario, options):
    """The rate of all rounds; 0: the closed loop."""
    if options.rate or not scenario.share:
        return options.rate
    entry = reference or found[0]
    return scenario.share * statistics.median(entry.load.window(options.seconds)["rps"] for _ in range(3))


def measure_all(found, scenario, stage, reference):
    options = stage.options
    with contextlib.ExitStack() as stack:
        for entry in found:
            stages.start(entry, scenario, stage, stack)
            entry.load = stages.attach(entry, stage, stack)
        for entry in found:
            entry.load.window(WARMUP_S)
        rate = fixed_rate(found, reference, scenario, options)
        disturbance = measure_rounds(found, options, rate)
        at = rate or LATENCY_SHARE * min(statistics.median(r["rps"] for r in e.rounds) for e in found)
        if rate:
            for entry in found:
                entry.latency = entry.rounds
        elif at > 0:
            measure_latency(found, options, at)
        for entry in found:
            entry.row["memory_mib"] = processes.memory(entry.pid) / 2**20
            names = strace.calls(entry, TRACE_S)
            entry.row |= {"calls": sum(names.values()) if names else None, "names": names or {}}
            if any(result["errors"] for result in entry.rounds + entry.latency) and not scenario.log:
                entry.row["said"] = entry.process.said(3)
    return rate, at, disturbance


def run(scenario, chosen, stage):
    found, notes = stages.entries_of(scenario, chosen)
    options = stage.options
    result = {"kind": "rounds", "rounds": options.rounds, "seconds": options.seconds, "notes": notes, "rows": [],
              "targets": [], "connections": options.connections or scenario.connections}
    if not found:
        return result
    wanted = peers_in_place(options.reference, scenario)
    reference = next((e for e in found if e.label in wanted), None)
    rate, at, disturbance = measure_all(found, scenario, stage, reference)
    rows = [summary(entry, reference) for entry in found]
    result["notes"] += [f"{row['gateway']} said: {line}" for row in rows for line in row.pop("said", ())]
    return {**result, "rate": rate, "latency_rate": at, "reference": reference.label if reference else None,
            "disturbance": disturbance, "rows": rows,
            "targets": verdicts(found, scenario) + latency_verdict(rows, scenario)}


def peers_in_place(name, scenario):
    peer = stages.peers.PEERS[name]
    return peer.instead if scenario.gate and peer.instead else (name,)
