"""Plots as SVG: bars of ratios with their spread, and curves of percentiles. Colours are classes of the page's style sheet."""

import html
import math

GATEWAYS = ("yett", "nginx", "haproxy", "relay", "nginx-lua", "nginx-lru")  # each has its colour on the whole page
LABEL, WIDTH = 110, 640  # px: of the names; of a plot
BAR, GAP = 16, 10


def colour(gateway):
    name = gateway.split(" ")[0]
    return f"c{GATEWAYS.index(name)}" if name in GATEWAYS else "c5"


def _text(x, y, text, anchor="start", kind="ink"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{html.escape(text)}</text>'


def _rule(x1, y1, x2, y2, kind="grid"):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def _svg(height, parts, title):
    return (f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">'
            f"<title>{html.escape(title)}</title>{''.join(parts)}</svg>")


def steps(top):
    """Round numbers from 0 to a little below `top`, about five."""
    raw = top / 5
    unit = 10 ** math.floor(math.log10(raw))
    step = next(unit * n for n in (1, 2, 5, 10) if unit * n >= raw)
    return [step * i for i in range(int(top / step) + 1)]


def bars(rows, title, unit=""):
    """`rows`: (gateway, value, half the spread or None). They start at 0."""
    rows = [row for row in rows if row[1] is not None]
    top = max([value + (half or 0) for _, value, half in rows] + [1e-9]) * 1.02
    height = len(rows) * (BAR + GAP) + 24
    span = WIDTH - LABEL - 90

    def x(value):
        return LABEL + span * value / top

    parts = [_rule(x(tick), 0, x(tick), height - 20) + _text(x(tick), height - 6, f"{tick:g}{unit}", "middle", "muted")
             for tick in steps(top)]
    for i, (gateway, value, half) in enumerate(rows):
        y = i * (BAR + GAP) + 4
        shown = f"{value:.3g}" + (f" ±{half:.2g}" if half else "")
        parts.append(_text(LABEL - 8, y + 12, gateway, "end"))
        parts.append(f'<rect x="{LABEL}" y="{y}" width="{max(x(value) - LABEL, 1):.1f}" height="{BAR}" rx="3" '
                     f'class="{colour(gateway)}"><title>{html.escape(gateway)}: {shown}{unit}</title></rect>')
        end = x(value + (half or 0))
        if half:
            middle = y + BAR / 2
            parts.append(_rule(x(max(value - half, 0)), middle, end, middle, "whisker"))
            parts += [_rule(at, middle - 4, at, middle + 4, "whisker") for at in (x(max(value - half, 0)), end)]
        parts.append(_text(end + 6, y + 12, shown))
    return _svg(height, parts, title)


def _decades(low, high):
    return [10 ** e for e in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def curves(rows, title):
    """`rows`: (gateway, [[share, us], ...]). Across: shares, each nine that is added as wide as the one before; up: time, by
    powers of ten."""
    rows = [(gateway, [(s, us) for s, us in points if us]) for gateway, points in rows]
    rows = [row for row in rows if row[1]]
    if not rows:
        return ""
    values = [us for _, points in rows for _, us in points]
    marks = _decades(min(values), max(values) * 1.001)
    marks = marks if len(marks) > 1 else [marks[0], marks[0] * 10]
    low, high = math.log10(marks[0]), math.log10(marks[-1])
    height, left, bottom, right = 250, 70, 30, 20

    def x(share):
        return left + (WIDTH - left - right) * min(-math.log10(1 - share), 4) / 4

    def y(us):
        return 10 + (height - bottom - 10) * (1 - (math.log10(us) - low) / (high - low))

    parts = [_rule(left, y(m), WIDTH - right, y(m)) + _text(left - 6, y(m) + 4, _time(m), "end", "muted") for m in marks]
    for share, name in ((0, "0"), (0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"), (0.9999, "99.99 %")):
        parts.append(_text(x(share), height - 10, name, "middle" if share < 0.9999 else "end", "muted"))
    for gateway, points in rows:
        path = " ".join(f"{x(s):.1f},{y(us):.1f}" for s, us in points)
        dash = ' stroke-dasharray="5 4"' if " " in gateway else ""
        parts.append(f'<polyline points="{path}" class="curve {colour(gateway)}"{dash}/>')
        parts += [f'<circle cx="{x(s):.1f}" cy="{y(us):.1f}" r="3" class="{colour(gateway)}"><title>{html.escape(gateway)}: '
                  f"{s:.2%} within {_time(us)}</title></circle>" for s, us in points]
    return legend([gateway for gateway, _ in rows]) + _svg(height, parts, title)


def series(points, title):
    """`points`: (seconds, value). Up from 0."""
    top, end = max(max(v for _, v in points), 1e-9) * 1.05, max(points[-1][0], 1e-9)
    height, left, bottom, right = 160, 70, 24, 20

    def x(at):
        return left + (WIDTH - left - right) * at / end

    def y(value):
        return 10 + (height - bottom - 10) * (1 - value / top)

    parts = [_rule(left, y(m), WIDTH - right, y(m)) + _text(left - 6, y(m) + 4, f"{m:g}", "end", "muted") for m in steps(top)]
    parts += [_text(x(m), height - 8, f"{m:g} s", "middle", "muted") for m in steps(end)]
    path = " ".join(f"{x(at):.1f},{y(v):.1f}" for at, v in points)
    return _svg(height, [*parts, f'<polyline points="{path}" class="curve c0"/>'], title)


def _time(us):
    return f"{us:.3g} us" if us < 1000 else f"{us / 1000:.3g} ms" if us < 1e6 else f"{us / 1e6:.3g} s"


def legend(gateways):
    return '<p class="legend">' + " ".join(
        f'<span><svg width="12" height="12"><rect width="12" height="12" rx="3" class="{colour(g)}"/></svg> '
        f"{html.escape(g)}</span>" for g in gateways) + "</p>"
