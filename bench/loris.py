"""Slow attackers: a thousand connections dribble a byte a second each, of heads or of bodies, or take so little of an answer of
1 MiB, while others are served at a fixed rate. Windows with and without them take turns; what the latency does without them is the
spread to stay within."""

import contextlib
import socket
import statistics
import sys
import time

import processes
import stage as stages

STARTS = {"heads": b"POST /never HTTP/1.1\r\nHost: test\r\nX-Padding: ",
          "bodies": b"POST /never HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n",
          "readers": b"GET /1m HTTP/1.1\r\nHost: test\r\n\r\n"}
FILLED_S = 2  # until they have what the buffers take: for one of them nobody has waited for it


def attack(port, part, count):
    """Until it is killed; one that is closed is replaced."""
    reads = part == "readers"

    def one():
        s = socket.socket()
        if reads:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", port))
        s.setblocking(False)
        s.send(STARTS[part])
        return s

    def goes_on(s):
        try:
            return (len(s.recv(1)) if reads else s.send(b"x")) == 1
        except BlockingIOError:
            return True
        except OSError:
            return False

    everybody = [one() for _ in range(count)]
    if reads:
        time.sleep(FILLED_S)
    print("ready", flush=True)
    while True:
        begin = time.monotonic()
        for i in range(count):
            if not goes_on(everybody[i]):
                everybody[i].close()
                everybody[i] = one()
            if i % 10 == 9:
                time.sleep(max(begin + i / count - time.monotonic(), 0))
        time.sleep(max(begin + 1 - time.monotonic(), 0))


def windows(entry, scenario, stage, load, rate):
    """[(p50, p99) without attackers], [the same with them], errors."""
    seen, failed = ([], []), 0
    for _ in range(scenario.pairs):
        for attacked in (False, True):
            with contextlib.ExitStack() as stack:
                if attacked:
                    process = stack.enter_context(processes.Process(
                        [sys.executable, __file__, str(entry.setting.port), scenario.part, str(scenario.attackers)],
                        entry.setting.folder, "attackers", pipes=True))
                    process.line()
                result = load.window(stage.options.seconds or 0.5, rate)
            seen[attacked].append((result["latency_us"]["p50"], result["latency_us"]["p99"]))
            failed += result["errors"]
    return *seen, failed


def row_of(entry, scenario, stage):
    with contextlib.ExitStack() as stack:
        stages.start(entry, scenario, stage, stack)
        load = stages.attach(entry, stage, stack, scenario.others)
        load.window(0.3)
        control, attacked, failed = windows(entry, scenario, stage, load, stage.options.rate or scenario.rate)
    return {"gateway": entry.label, "failed": failed, **summary(control, attacked)}


def summary(control, attacked):
    """Of (p50, p99) of windows."""
    row = {}
    for i, name in enumerate(("p50", "p99")):
        values = [pair[i] for pair in control]
        row |= {f"control_{name}_us": statistics.median(values), f"control_{name}_min_us": min(values),
                f"control_{name}_max_us": max(values), f"attacked_{name}_us": statistics.median(p[i] for p in attacked)}
    return row


def run(scenario, chosen, stage):
    found, notes = stages.entries_of(scenario, chosen)
    rows = [row_of(entry, scenario, stage) for entry in found]
    return {"kind": "loris", "rows": rows, "notes": notes, "targets": targets_of(rows)}


def targets_of(rows):
    targets = []
    for row in rows:
        if row["gateway"] == "yett":
            targets.append({"what": "failed requests", "value": row["failed"], "limit": 0})
            targets += [{"what": f"{name} under attack, us", "value": row[f"attacked_{name}_us"],
                         "limit": row[f"control_{name}_max_us"]} for name in ("p50", "p99")]
    return targets


if __name__ == "__main__":
    attack(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
