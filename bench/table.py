"""Results as text, ready to be pasted."""


def cell(value, spread=None, digits=2):
    if value is None:
        return "-"
    return f"{value:.{digits}f}" + (f" ±{spread:.{digits}f}" if spread is not None else "")


def errors_of(row):
    return " ".join(f"{kind}={n}" for kind, n in row["errors"].items()) or "0"


def render(lines):
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "".join("  " + line[0].ljust(widths[0]) + "".join("  " + c.rjust(w) for c, w in zip(line[1:], widths[1:])) + "\n"
                   for line in lines)


def latencies(row):
    return [cell(row[name], digits=0) for name in ("p50_us", "p90_us", "p99_us", "p99.9_us")]


def rounds(result):
    loop = f"open loop at {result['rate']:.0f}/s" if result["rate"] else "closed loop"
    text = (f"  {result['connections']} connections, {loop}, {result['rounds']} rounds of {result['seconds']:g} s; "
            f"latencies at {result['latency_rate']:.0f}/s\n")
    ratio = f"to {result['reference']}" if result["reference"] else "ratio"
    lines = [["", "req/s", "CPU us/req", ratio, "p50 us", "p90", "p99", "p99.9", "MiB", "calls/req", "errors"]]
    for row in result["rows"]:
        one = "1" if row["gateway"] == result["reference"] else cell(row.get("ratio"), row.get("ratio_spread"), 3)
        lines.append([row["gateway"], f"{row['rps']:.0f}", cell(row["cpu_us"], row["cpu_us_spread"]), one, *latencies(row),
                      cell(row["memory_mib"], digits=1), cell(row["calls"]), errors_of(row)])
    if not result["reference"]:
        lines = [line[:3] + line[4:] for line in lines]
    text += render(lines)
    if result["disturbance"] is not None:
        text += f"  other work took {result['disturbance']:.0%} of the cores meanwhile\n"
    return text


def idle(result):
    lines = [["", "KiB/connection", "MiB before", "held", "errors"]]
    lines += [[row["gateway"], cell(row["kib"]), cell(row["base_mib"], digits=1), str(row["connections"]), errors_of(row)]
              for row in result["rows"]]
    return render(lines)


def syscalls(result):
    lines = [["", "calls/req", "of which"]]
    for row in result["rows"]:
        names = ", ".join(f"{n:.2f} {name}" for name, n in row["names"].items() if n >= 0.005)
        lines.append([row["gateway"], cell(row["calls"]), names])
    return "".join("  " + line[0].ljust(12) + line[1].rjust(10) + "  " + line[2] + "\n" for line in lines)


def reload(result):
    lines = [["", "requests", "failed", "p99 us before", "during", "after", "longest during", "errors"]]
    for row in result["rows"]:
        lines.append([row["gateway"], str(row["requests"]), str(row["failed"]),
                      *[cell(row[name], digits=0) for name in
                        ("before_p99_us", "during_p99_us", "after_p99_us", "during_max_us")], errors_of(row)])
    return render(lines)


def loris(result):
    lines = [["", "p50 us without", "least to most", "p50 with", "p99 us without", "least to most", "p99 with", "failed"]]
    for row in result["rows"]:
        line = [row["gateway"]]
        for name in ("p50", "p99"):
            line += [cell(row[f"control_{name}_us"], digits=0),
                     f"{row[f'control_{name}_min_us']:.0f} to {row[f'control_{name}_max_us']:.0f}",
                     cell(row[f"attacked_{name}_us"], digits=0)]
        lines.append([*line, str(row["failed"])])
    return render(lines)


def renew(result):
    lines = [["", "requests", "failed", "renewals", "late", "ms until shown", "p99 us kept", "new", "errors"]]
    for row in result["rows"]:
        lines.append([row["gateway"], *[str(row[name]) for name in ("requests", "failed", "renewals", "late")],
                      *[cell(row[name], digits=0) for name in ("delay_ms", "kept_p99_us", "new_p99_us")], errors_of(row)])
    return render(lines)


def freshness(result):
    return (f"  {result['writes']} writes, {result['workers']} workers: median {result['median_ms']:.1f} ms, "
            f"p90 {result['p90_ms']:.1f} ms, longest {result['max_ms']:.1f} ms\n")


def push(result):
    lines = [["", "routes", "pushes", "median ms", "p99", "longest"]]
    lines += [[row["via"], str(row["routes"]), str(row["pushes"]), cell(row["median_ms"]), cell(row["p99_ms"]),
               cell(row["max_ms"])] for row in result["rows"]]
    return render(lines)


def change(result):
    lines = [["", "us without", "least to most", "with changes", "least to most"]]
    for row in result["rows"]:
        for share in ("p50", "p99", "p99.9"):
            one = row[share]
            lines.append([share, cell(one["control"], digits=0), f"{one['min']:.0f} to {one['max']:.0f}",
                          cell(one["changing"], digits=0), f"{one['least']:.0f} to {one['worst']:.0f}"])
        text = (f"  {row['changes']} changes: median {row['median_ms']:.1f} ms until all workers have it, longest {row['max_ms']:.1f} ms; "
                f"{row['failed']} requests failed\n")
    return render(lines) + text


KINDS = {"rounds": rounds, "idle": idle, "syscalls": syscalls, "reload": reload, "loris": loris, "renew": renew,
         "freshness": freshness, "push": push, "change": change}


def word(line):
    """Whether a target is met; "" where there is none."""
    return "" if line["limit"] is None else "met" if line["value"] <= line["limit"] else "NOT MET"


def targets(result):
    lines = [["", "", "target", ""]]
    for line in result.get("targets", ()):
        digits = 3 if "CPU" in line["what"] else 2
        limit = f"<= {line['limit']:g}" if line["limit"] is not None else "-"
        lines.append([line["what"], cell(line["value"], line.get("spread"), digits), limit, word(line)])
    return render(lines) if len(lines) > 1 else ""


def section(result):
    """Of one scenario."""
    text = f"\n{result['scenario']}: {result['text']}\n"
    if result["kind"] == "freshness" or result["rows"]:
        text += KINDS[result["kind"]](result) + targets(result)
    return text + "".join(f"  {note}\n" for note in result.get("notes", ()))


HEAD = (("scenario", -15), ("req/s", 9), ("CPU us/req", 18), ("at req/s", 9), ("p50 us", 8), ("p90", 8), ("p99", 8),
        ("p99.9", 8), ("MiB", 7), ("calls/req", 10), ("errors", 8))


def _line(cells):
    return "".join(c.ljust(-w) if w < 0 else c.rjust(w) for c, (_, w) in zip(cells, HEAD)).rstrip() + "\n"


def head():
    return _line([name for name, _ in HEAD])


def line(result):
    """A scenario in one line, where there is one gateway."""
    name = result["scenario"]
    if result["kind"] == "rounds" and result["rows"]:
        row = result["rows"][0]
        return _line([name, f"{row['rps']:.0f}", cell(row["cpu_us"], row["cpu_us_spread"]), f"{result['latency_rate']:.0f}",
                      *latencies(row), cell(row["memory_mib"], digits=1), cell(row["calls"]), errors_of(row)])
    if result["kind"] == "freshness" or result["rows"]:
        short = {
            "idle": lambda row: f"{row['kib']:.2f} KiB each, {row['connections']} held",
            "syscalls": lambda row: syscalls({"rows": [row]}).splitlines()[1].split(None, 1)[1].strip(),
            "reload": lambda row: f"{row['failed']} of {row['requests']} failed; p99 {row['before_p99_us']:.0f} us before, "
                                  f"{row['during_p99_us']:.0f} during",
            "push": lambda row: "; ".join(f"{r['via']}, {r['routes']} routes: median {r['median_ms']:.1f} ms, p99 {r['p99_ms']:.1f}"
                                          for r in result["rows"]),
            "change": lambda row: f"median {row['median_ms']:.1f} ms; p99 {row['p99']['control']:.0f} us without changes, "
                                  f"{row['p99']['changing']:.0f} with; {row['failed']} failed",
            "renew": lambda row: f"{row['failed']} of {row['requests']} failed; {row['renewals']} renewals, {row['late']} late",
            "loris": lambda row: f"p99 {row['control_p99_us']:.0f} us without, {row['attacked_p99_us']:.0f} with; "
                                 f"{row['failed']} failed",
        }.get(result["kind"])
        return name.ljust(15) + (" " + short(result["rows"][0]) + "\n" if short else freshness(result)[1:])
    return name.ljust(15) + " " + "; ".join(result["notes"]) + "\n"
