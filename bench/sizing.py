"""From what was measured to what a Redis can bear: costs, rows and tables of bench/simulate."""

import contextlib

import model
import recorded
import simulated

FEW, TIMES = 10, 100  # gateways, and how often each, for the costs of the model
WAY_S = 100e-6  # of a network between machines, in one direction
FULL = 0.7  # of a processor: beyond that Redis is as good as full
MAXCLIENTS = 10000  # as Redis has it
BUFFER = 32 << 20  # of a connection that hears of changes (client-output-buffer-limit pubsub)
LINK = 125e6  # bytes in a second, of 1 Gbit/s
ASKS = {"lease": 2.0, "session": 5.0, "touch": 5.0, "refresh": 0.5}  # of a gateway in a second
TOLD = {"start": "starts, each in its time", "push": "a rule is pushed", "bulk": f"{recorded.BULK} rules at once",
        "suspend": "somebody is suspended", "lease": "units of a limit are leased", "session": "a session is read",
        "touch": "a session is touched", "refresh": "tokens are refreshed", "lost": "all connections are lost, and come back"}


# ---- the costs ----

def cost(fleet, name):
    """Of one event at one gateway, measured on a few that do nothing else."""
    times = 1 if name == "refresh" else TIMES
    rounds = fleet.recording.events[name]
    few = fleet.measure(f"run {name} {FEW} {times}")
    fleet.sessions()
    one = fleet.measure(f"run {name} 1 {times}")
    redis, own = few.cpu_s / FEW / times, few.own_cpu_s / FEW / times
    weights = [1 + len(r.commands) for r in rounds]
    heard = fleet.hear(name) if name in recorded.HEARD else None
    hear, way = max(heard.cpu_s / FEW - redis, 0) if heard else 0.0, max(one.ms[0] / 1e3 - redis - own, 0) / 2 / len(rounds)
    write = max(heard.heard[0] / 1e3 - hear * FEW / 2 - way, 0) if heard else 0.0
    return model.Costs([redis * w / sum(weights) for w in weights], hear, write, own / (len(rounds) + 1), way)


def measure(tool, server, recording, folder):
    with contextlib.ExitStack() as stack:
        fleet = simulated.Fleet(tool, server, recording, FEW, folder, stack)
        fleet.connect(FEW)
        fleet.sessions()
        return {name: cost(fleet, name) for name in (*recorded.HEARD, *ASKS)}


# ---- rows ----

def row(n, name, outcome, runs):
    return {"gateways": n, "event": name, "commands": outcome.commands / runs, "read": outcome.read / runs,
            "written": outcome.written / runs, "cpu_us": outcome.cpu_s / runs * 1e6, "ms": outcome.ms, "failed": outcome.failed,
            "fault": outcome.fault}


def modelled(rows, costs):
    """What the model says of each row: here, and where each gateway has a machine of its own."""
    for r in rows:
        c = costs.get(r["event"])
        if not c:
            continue
        r["model_cpu_us"] = c.of_gateway * 1e6
        if r["event"] in recorded.HEARD:
            r["model_ms"] = model.last_of(r["gateways"], c, together=True) * 1e3
            r["apart_ms"] = model.last_of(r["gateways"], c._replace(way=WAY_S)) * 1e3
    return rows


def limits(recording, costs, rows):
    """(what, how much): where one Redis ends."""
    idle = max((r for r in rows if r["event"] == "idle"), key=lambda r: r["gateways"])
    bulk = next(r for r in rows if r["event"] == "bulk")
    n = idle["gateways"]
    connections = len(recording.connections)
    key = max(len(k) for _, k in recording.heard["bulk"]) + 9  # "$nn", two line ends
    yield f"gateways of {connections} connections, until maxclients {MAXCLIENTS}", MAXCLIENTS // connections
    yield f"gateways that rest, until {FULL:.0%} of a processor", int(FULL * n / idle["cpu"])
    for name in "push", "suspend", "bulk":
        yield f"in a second, of 1 000 gateways ({TOLD[name]})", FULL / costs[name].of_gateway / 1000
    for name in ASKS:
        yield f"in a second ({TOLD[name]})", FULL / costs[name].of_gateway
    yield "keys that may change at once, until a connection's buffer is full", BUFFER // key
    yield f"MiB of buffers, when {recorded.BULK} keys change before 1 000 gateways", 1000 * recorded.BULK * key / 2**20
    yield "Mbit/s to 1 000 gateways that rest", idle["total_net_output_bytes"] / n * 1000 * 8 / 1e6
    yield f"seconds of a link of 1 Gbit/s, when {recorded.BULK} rules change before 1 000 gateways", bulk["written"] * 1000 / LINK


def document(recording, costs, rows, version, options):
    said = {name: [[c[0].decode() for c in r.commands] for r in rounds] for name, rounds in recording.events.items() if name in costs}
    return {"redis": version, "rules": options.rules, "workers": options.workers, "connections": len(recording.connections), "said": said,
            "costs": {name: c._asdict() for name, c in costs.items()}, "rows": modelled(rows, costs),
            "limits": [{"what": what, "value": value} for what, value in limits(recording, costs, rows)]}


# ---- text ----

def short(words):
    out, last, times = [], None, 0
    for word in [*words, None]:
        if word == last:
            times += 1
            continue
        if last:
            out.append(last + (f" x{times}" if times > 1 else ""))
        last, times = word, 1
    return " ".join(out)


def number(value):
    return "-" if value is None else f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def line(r):
    cells = [r["gateways"], TOLD[r["event"]], *(number(r[k]) for k in ("commands", "read", "written", "cpu_us")),
             number(r.get("model_cpu_us")), *(number(r["ms"][i]) if r["ms"] else "-" for i in (0, 3)), number(r.get("model_ms")),
             number(r.get("apart_ms"))]
    return "  {:>8}  {:40}{:>8}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}".format(*cells) + (f"  {r['failed']} failed: {r['fault']}" if r["failed"] else "")


def text(d):
    out = [f"Redis {d['redis']}; {d['rules']} rules; gateways of {d['workers']} workers, {d['connections']} connections each", "",
           "what a gateway says, in rounds:"]
    out += [f"  {TOLD[name]:40} " + " | ".join(short(words) for words in rounds) for name, rounds in d["said"].items()]
    out += ["", "for each gateway (of what all hear), or each time (of what each asks):",
            "  {:>8}  {:40}{:>8}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}".format(
                "gateways", "", "commands", "B in", "B out", "CPU us", "model", "ms p50", "last", "model", "apart")]
    out += [line(r) for r in d["rows"] if r["event"] != "idle"]
    out += ["", "at rest:"]
    for r in d["rows"]:
        if r["event"] == "idle":
            out.append(f"  {r['gateways']:>8}  {r['cpu']:.1%} of a processor, {r['total_commands_processed'] / r['gateways']:.1f} commands/s and "
                       f"{r['memory'] / 1024:.0f} KiB for each gateway")
    out += ["", "one Redis bears:"]
    out += [f"  {number(limit['value']):>8}  {limit['what']}" for limit in d["limits"]]
    return "\n".join(out) + "\n"
