"""Runs one scenario over several gateways in interleaved rounds and sums it up."""

import contextlib
import dataclasses
import http.client
import os
import statistics
import time

import harness
import peers
import tokens

WARMUP_S = 0.3


@dataclasses.dataclass
class Entry:
    """One column of a scenario: a gateway with or without its check, running and warm."""
    label: str
    peer: peers.Peer
    gate: bool
    process: harness.Process = None
    load: harness.Load = None
    rounds: list = dataclasses.field(default_factory=list)


def entries_of(scenario, chosen):
    found = []
    for name in chosen:
        peer, label = peers.PEERS[name], name
        if any(e.label == label for e in found):  # named twice: a control
            label += " again"
        if not scenario.gate:
            found.append(Entry(label, peer, False))
            continue
        if peer.gates:
            found.append(Entry(label, peer, True))
        found.append(Entry(label + " without", peer, False))
    return found


def ask(port, scenario, token):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        lines = tokens.fields(f"127.0.0.1:{port}", scenario.path, token)
        connection.putrequest("GET", scenario.path, skip_host=True, skip_accept_encoding=True)
        for line in lines:
            connection.putheader(*line.split(": ", 1))
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def check(entry, port, scenario):
    """The gateway does the work that is measured, or there is no figure."""
    def expect(what, token, status):
        got, body = ask(port, scenario, token)
        if got != status:
            raise entry.process.failure(f"{what}: answered {got} instead of {status}")
        return body

    pattern = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    body = expect("a good request", tokens.mint(), 200)
    if body != (pattern * (scenario.length // 64 + 1))[:scenario.length]:
        raise entry.process.failure("a good request: not the upstream's body")
    if entry.gate:
        expect("no token", None, 401)
        expect("a forged token", tokens.mint(secret="not the secret of the benchmark at all"), 401)


def start(entry, scenario, options, tools, stack, folder):
    name = entry.label.replace(" ", "-")
    folder = os.path.join(folder, f"{scenario.name}-{name}")
    os.mkdir(folder)
    connections = options.connections or scenario.connections
    responder = stack.enter_context(
        harness.Process([tools["bench-responder"]], folder, name + "-responder", pipes=True))
    port = harness.free_port()
    setting = peers.Setting(folder, port, int(responder.line()), connections, entry.gate, tools.get("yett", ""))
    entry.process = stack.enter_context(
        harness.Process(entry.peer.start(setting), folder, name, on=harness.cores()[0]))
    entry.process.wait_port(port)
    check(entry, port, scenario)
    token = tokens.mint()
    arguments = ["-c", str(connections), "-m", scenario.method, "--length", str(scenario.length)]
    for line in tokens.fields(f"127.0.0.1:{port}", scenario.path, token):
        arguments += ["-H", line]
    if scenario.body:
        arguments += ["-b", str(scenario.body)]
    if scenario.new_connection:
        arguments.append("--new-connection")
    entry.load = stack.enter_context(harness.Load(
        tools["bench-load"], folder, name + "-load", arguments + [f"http://127.0.0.1:{port}{scenario.path}"]))


def measure(entry, seconds, rate):
    before = harness.cpu_ns(entry.process.child.pid)
    result = entry.load.window(seconds, rate)
    cpu = harness.cpu_between(before, harness.cpu_ns(entry.process.child.pid))
    result["cpu_us"] = cpu / 1000 / result["requests"] if cpu is not None and result["requests"] else None
    return result


def measure_rounds(found, options):
    """All rounds. Returns the share of our cores that went to others meanwhile: to processes that are not ours, or to other
    machines on the same host."""
    start, busy, ours = time.monotonic(), harness.busy_s(), harness.cpu_ns(os.getpid())
    for i in range(options.rounds):
        at = i % len(found)
        for entry in found[at:] + found[:at]:
            entry.rounds.append(measure(entry, options.seconds, options.rate))
    busy, ours = harness.busy_s() - busy, harness.cpu_between(ours, harness.cpu_ns(os.getpid()))
    if ours is None:
        return None
    cores = len(set.union(*harness.cores()))
    return max(0, (busy - ours / 1e9) / (time.monotonic() - start) / cores)


def spread(values):
    """(median, half the distance of the quartiles) of what there is."""
    have = [v for v in values if v is not None]
    if len(have) < 2:
        return (have[0] if have else None, None)
    low, _, high = statistics.quantiles(have, n=4, method="inclusive")
    return statistics.median(have), (high - low) / 2


def percentile(rounds, share):
    """Over all rounds, from their histograms."""
    counts = {}
    for result in rounds:
        for us, count in result["latency_buckets"]:
            counts[us] = counts.get(us, 0) + count
    need, seen = share * sum(counts.values()), 0
    for us in sorted(counts):
        seen += counts[us]
        if seen >= need:
            return us
    return None


def by_round(function, entry, other):
    pairs = zip((r["cpu_us"] for r in entry.rounds), (r["cpu_us"] for r in other.rounds))
    return spread([function(a, b) if a and b else None for a, b in pairs])


def summary(entry, found, reference):
    cpu, cpu_spread = spread([r["cpu_us"] for r in entry.rounds])
    row = {
        "gateway": entry.label,
        "rps": statistics.median(r["rps"] for r in entry.rounds),
        "cpu_us": cpu, "cpu_us_spread": cpu_spread,
        "p50_us": percentile(entry.rounds, 0.5), "p90_us": percentile(entry.rounds, 0.9),
        "p99_us": percentile(entry.rounds, 0.99), "p99.9_us": percentile(entry.rounds, 0.999),
        "requests": sum(r["requests"] for r in entry.rounds),
        "errors": {k: sum(r["by_kind"][k] for r in entry.rounds) for k in entry.rounds[0]["by_kind"]},
    }
    if reference and entry is not reference:
        row["ratio"], row["ratio_spread"] = by_round(lambda a, b: a / b, entry, reference)
    without = next((e for e in found if entry.gate and e.peer is entry.peer and not e.gate), None)
    if without:
        row["check_us"], row["check_us_spread"] = by_round(lambda a, b: a - b, entry, without)
    return row


def run(scenario, chosen, options, tools, folder):
    found = entries_of(scenario, chosen)
    reference = next((e for e in found if e.peer.name == options.reference), None)
    with contextlib.ExitStack() as stack:
        for entry in found:
            start(entry, scenario, options, tools, stack, folder)
        for entry in found:
            entry.load.window(WARMUP_S, options.rate)
        disturbance = measure_rounds(found, options)
    return {
        "scenario": scenario.name, "text": scenario.text, "rounds": options.rounds, "seconds": options.seconds,
        "rate": options.rate, "connections": options.connections or scenario.connections,
        "reference": reference.label if reference else None, "disturbance": disturbance,
        "rows": [summary(entry, found, reference) for entry in found],
    }
