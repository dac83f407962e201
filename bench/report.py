"""A page of HTML of one run: figures and plots, in one file with nothing to fetch and no script."""

import html

import machine
import plot
import table

STYLE = """
:root { color-scheme: light dark; --page: #fcfcfb; --ink: #1a1a19; --muted: #6b6a63; --grid: #e4e3dd; --good: #17794f;
  --bad: #b3261e; --c0: #2a78d6; --c1: #1baf7a; --c2: #eda100; --c3: #8b8a83; --c4: #4a3aa7; --c5: #e34948; }
@media (prefers-color-scheme: dark) { :root { --page: #1a1a19; --ink: #f2f1ec; --muted: #a3a29a; --grid: #383733;
  --good: #4cc38a; --bad: #ff8a80; --c0: #3987e5; --c1: #199e70; --c2: #c98500; --c3: #8b8a83; --c4: #9085e9; --c5: #e66767; } }
body { background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; }
h2 { margin: 2.5rem 0 0.2rem; font-size: 1.15rem; } p { margin: 0.3rem 0; } .note { color: var(--muted); }
.wide { overflow-x: auto; } svg { max-width: 100%; height: auto; vertical-align: middle; }
table { border-collapse: collapse; margin: 0.6rem 0; font-variant-numeric: tabular-nums; }
td, th { padding: 0.15rem 0.7rem 0.15rem 0; text-align: right; border-bottom: 1px solid var(--grid); white-space: nowrap; }
td:first-child, th:first-child, .left { text-align: left; } th { color: var(--muted); font-weight: 500; }
.met { color: var(--good); } .missed { color: var(--bad); font-weight: 600; }
.legend span { margin-right: 1rem; } text { font: 12px system-ui, sans-serif; } .ink { fill: var(--ink); }
.muted { fill: var(--muted); } .grid { stroke: var(--grid); } .whisker { stroke: var(--ink); stroke-width: 1.5; }
.c0 { fill: var(--c0); stroke: var(--c0); } .c1 { fill: var(--c1); stroke: var(--c1); } .c2 { fill: var(--c2); stroke: var(--c2); }
.c3 { fill: var(--c3); stroke: var(--c3); } .c4 { fill: var(--c4); stroke: var(--c4); } .c5 { fill: var(--c5); stroke: var(--c5); }
rect { stroke: none !important; } .curve { fill: none; stroke-width: 2; stroke-linejoin: round; }
"""


def rows_of(head, lines):
    def cells(line, tag):
        return "".join(f"<{tag}>{cell}</{tag}>" for cell in line)
    return (f'<div class="wide"><table><tr>{cells(head, "th")}</tr>'
            + "".join(f"<tr>{cells(line, 'td')}</tr>" for line in lines) + "</table></div>")


def verdict(line):
    word = table.word(line)
    return f'<span class="{"met" if word == "met" else "missed"}">{word}</span>' if word else ""


def targets(results):
    lines = []
    for result in results:
        for line in result.get("targets", ()):
            limit = f"&le; {line['limit']:g}" if line["limit"] is not None else ""
            lines.append((html.escape(result["scenario"]), f'<span class="left">{html.escape(line["what"])}</span>',
                          table.cell(line["value"], line.get("spread"), 3), limit, verdict(line)))
    return "<h2>Targets</h2>" + rows_of(("scenario", "figure", "value", "target", ""), lines) if lines else ""


def rounds(result):
    rows, reference = result["rows"], result["reference"]
    text = ""
    if reference and len(rows) > 1:
        text += f"<p>CPU for each request, as a ratio to {html.escape(reference)} (less is better)</p>" + plot.bars(
            [(row["gateway"], row["ratio"], row["ratio_spread"]) for row in rows], "CPU ratio")
    else:
        text += "<p>CPU for each request</p>" + plot.bars(
            [(row["gateway"], row["cpu_us"], row["cpu_us_spread"]) for row in rows], "CPU", " us")
    text += (f"<p>Latency at {result['latency_rate']:.0f} requests/s: the share of requests that had their answer within"
             "</p>") + plot.curves([(row["gateway"], row["percentiles"]) for row in rows], "latency")
    head = ("gateway", "req/s", "CPU us/req", "p50 us", "p90", "p99", "p99.9", "MiB", "calls/req", "errors")
    return text + rows_of(head, [
        (html.escape(row["gateway"]), f"{row['rps']:.0f}", table.cell(row["cpu_us"], row["cpu_us_spread"]),
         *table.latencies(row), table.cell(row["memory_mib"], digits=1), table.cell(row["calls"]), table.errors_of(row))
        for row in rows])


def single(member, title, unit=""):
    return lambda result: f"<p>{title}</p>" + plot.bars(
        [(row["gateway"], row[member], None) for row in result["rows"]], title, unit)


def text_too(draw):
    return lambda result: (draw(result) if draw else "") + f"<pre>{html.escape(table.KINDS[result['kind']](result))}</pre>"


KINDS = {
    "rounds": rounds, "freshness": text_too(None), "push": text_too(None),
    "idle": text_too(single("kib", "Memory for each idle connection", " KiB")),
    "syscalls": text_too(single("calls", "System calls for each request")),
    "reload": text_too(single("failed", "Failed requests")),
    "renew": text_too(None),
    "loris": text_too(single("attacked_p99_us", "p99 under attack", " us")),
}


def section(result):
    text = f"<h2>{html.escape(result['scenario'])}</h2><p>{html.escape(result['text'])}"
    if result["kind"] == "rounds" and result["rows"]:
        loop = f"open loop at {result['rate']:.0f}/s" if result["rate"] else "closed loop"
        text += f"; {result['connections']} connections, {loop}, {result['rounds']} rounds of {result['seconds']:g} s"
        if result["disturbance"] is not None:
            text += f"; other work took {result['disturbance']:.0%} of the cores meanwhile"
    text += "</p>"
    if result["kind"] == "freshness" or result["rows"]:
        text += KINDS[result["kind"]](result)
    return text + "".join(f'<p class="note">{html.escape(note)}</p>' for note in result.get("notes", ()))


def page(document):
    results = document["results"]
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<title>yett: bench/run</title><style>{STYLE}</style></head><body><h1>bench/run</h1>"
            f"<p>{html.escape(machine.sentence(document['machine']))}</p>"
            '<p class="note">One worker each, on one core; load and upstream on another. Ratios are medians over interleaved '
            "rounds, &plusmn; half the distance of the quartiles. bench/README.md says how to read them.</p>"
            + targets(results) + "".join(section(result) for result in results) + "</body></html>\n")
