"""A dashboard as one SVG: each panel in its place, drawn from the answers to its queries."""

import math
from collections.abc import Sequence
from html import escape

from monitoring.dashboard import Panel
from monitoring.server import Series

COLUMN, ROW, GAP = 54, 34, 6
COLOURS = ("#3b7dd8", "#d9822b", "#2e9d5b", "#c23b3b", "#8358c4", "#a6761d", "#d64d95", "#5f6b7a", "#1aa3a3", "#b5b11f")
SCALES = (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 5, 6, 8, 10)
HEAD, LEGEND_LINE, MARGIN = 26, 14, 44
LEGEND_LINES = 3
CHARACTER = 5.6
TICKS = 4

Answers = Sequence[tuple[str, Series]]


def drawn(panels: Sequence[tuple[Panel, Answers]], start: float, end: float) -> str:
    """The whole picture."""
    width = 24 * COLUMN
    height = max(y + h for (_, y, _, h) in (panel.place for panel, _ in panels)) * ROW
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="system-ui, sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="#eef0f3"/>',
        *(_panel(panel, answers, start, end) for panel, answers in panels),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _panel(panel: Panel, answers: Answers, start: float, end: float) -> str:
    x, y, w, h = panel.place
    width, height = w * COLUMN - GAP, h * ROW - GAP
    inside = _number(panel, answers, width, height) if panel.stat else _lines(panel, answers, width, height, start, end)
    return (
        f'<g transform="translate({x * COLUMN + GAP / 2:.0f} {y * ROW + GAP / 2:.0f})">'
        f'<rect width="{width}" height="{height}" rx="3" fill="#fff" stroke="#d5d9e0"/>'
        f'<text x="10" y="17" font-weight="600" fill="#24292f">{escape(panel.title)}</text>{inside}</g>'
    )


def _number(panel: Panel, answers: Answers, width: int, height: int) -> str:
    points = answers[0][1][1] if answers else ()
    text = _shown(points[-1][1], panel.unit) if points else "no data"
    return (
        f'<text x="{width / 2:.0f}" y="{height / 2 + 24:.0f}" text-anchor="middle" font-size="40" font-weight="600" '
        f'fill="#24292f">{text}</text>'
    )


def _lines(panel: Panel, answers: Answers, width: int, height: int, start: float, end: float) -> str:
    drawn_ = [(name, points) for name, (_, points) in answers if points]
    if not drawn_:
        return f'<text x="{width / 2:.0f}" y="{height / 2:.0f}" text-anchor="middle" fill="#777">no data</text>'
    legend, lines = _legend([name for name, _ in drawn_], width, height)
    top, bottom = HEAD + 6, height - 22 - lines * LEGEND_LINE
    most = _rounded(max(value for _, points in drawn_ for _, value in points))

    def place(at: float, value: float) -> str:
        across = MARGIN + (at - start) / (end - start) * (width - MARGIN - 12)
        return f"{across:.1f},{bottom - value / most * (bottom - top):.1f}"

    parts = [_grid(most, panel.unit, width, top, bottom), _clock(width, bottom, end - start)]
    for number, (_, points) in enumerate(drawn_):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(place(at, value) for at, value in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
    return "".join([*parts, legend])


def _grid(most: float, unit: str, width: int, top: int, bottom: int) -> str:
    parts = []
    for tick in range(TICKS + 1):
        y = bottom - tick / TICKS * (bottom - top)
        parts.append(f'<path d="M{MARGIN} {y:.1f}H{width - 12}" stroke="#e7eaee"/>')
        parts.append(_small(MARGIN - 5, y + 4, "end", _shown(most * tick / TICKS, unit)))
    return "".join(parts)


def _clock(width: int, bottom: int, seconds: float) -> str:
    """The time since the beginning, below the lines."""
    parts = []
    for part in range(TICKS + 1):
        x = MARGIN + part / TICKS * (width - MARGIN - 12)
        anchor = "end" if part == TICKS else "middle"
        parts.append(_small(x, bottom + 13, anchor, f"{seconds * part / TICKS:.0f} s"))
    return "".join(parts)


def _small(x: float, y: float, anchor: str, text: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="#777" font-size="10">{text}</text>'


def _legend(names: Sequence[str], width: int, height: int) -> tuple[str, int]:
    """Names with their colours, in as many lines as there is room for; how many lines that took."""
    parts, x, line = [], 10.0, 0
    places = []
    for number, name in enumerate(names):
        needs = 22 + len(name) * CHARACTER
        if x + needs > width - 10 and x > 10:
            x, line = 10.0, line + 1
        if line == LEGEND_LINES:
            break
        places.append((x, line, number, name))
        x += needs
    lines = places[-1][1] + 1
    for x, at, number, name in places:
        y = height - 8 - (lines - 1 - at) * LEGEND_LINE
        colour = COLOURS[number % len(COLOURS)]
        parts.append(f'<rect x="{x:.0f}" y="{y - 5}" width="10" height="3" fill="{colour}"/>')
        parts.append(f'<text x="{x + 14:.0f}" y="{y}" fill="#444" font-size="10">{escape(name)}</text>')
    return "".join(parts), lines


def _rounded(value: float) -> float:
    """A round number that is not less."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(each * power for each in SCALES if each * power >= value * 0.999)


def _shown(value: float, unit: str) -> str:
    digits = f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.2g}"
    return f"{digits} s" if unit == "s" else f"{digits}/s" if unit in ("reqps", "wps", "ops") else digits
