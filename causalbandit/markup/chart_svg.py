"""Charts as SVG: intervals, one per row, and estimates over the course of a campaign."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

from causalbandit.markup.pieces import escaped, figure
from causalbandit.text import shortened

ROW, LEFT, RIGHT, WIDTH = 26.0, 190.0, 60.0, 720.0
"""Pixels: height of a row, room for labels, room for numbers, width of a chart."""
PLOT = 220.0
"""Pixels: height of a chart over time."""
LONGEST = 26
"""Letters of a label; longer ones are shortened in the middle."""
COLOURS = ("var(--accent)", "var(--target)", "var(--good)", "#cc79a7", "#e69f00", "var(--soft)")
"""Of lines; readers with colour-blindness tell them apart."""


class Interval(NamedTuple):
    """A row: label, estimate and ends."""

    label: str
    estimate: float
    lower: float
    upper: float


def intervals_svg(rows: Sequence[Interval], *, axis: str, best: Collection[int] = (), zero: bool = False) -> str:
    """One horizontal interval per row, the first on top; ``best`` rows stand out, ``zero`` draws a line at 0."""
    values = [value for row in rows for value in row[1:] if math.isfinite(value)]
    if not values:
        return '<p class="soft">No estimate has an interval yet.</p>'
    low, high = min(values), max(values)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    low, high, ticks = _scale(low, high)
    height, bottom = ROW * len(rows) + 44, ROW * len(rows) + 8

    def x(value: float) -> float:
        return LEFT + (min(max(value, low), high) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    parts = [_tick(x(tick), tick, bottom) for tick in ticks]
    if zero:
        parts.append(f'<line x1="{x(0):.1f}" x2="{x(0):.1f}" y1="4" y2="{bottom:.0f}" stroke="var(--ink)"/>')
    for place, row in enumerate(rows):
        y, colour = ROW * place + ROW / 2 + 6, "var(--accent)" if place in best else "var(--soft)"
        name = escaped(shortened(row.label, LONGEST))
        parts.append(f'<text x="{LEFT - 10:.0f}" y="{y + 4:.1f}" text-anchor="end">{name}</text>')
        if math.isfinite(row.lower) and math.isfinite(row.upper):
            parts.append(
                f'<line x1="{x(row.lower):.1f}" x2="{x(row.upper):.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="{colour}" '
                'stroke-width="3" stroke-linecap="round"/>'
            )
        if math.isfinite(row.estimate):
            parts.append(f'<circle cx="{x(row.estimate):.1f}" cy="{y:.1f}" r="4.5" fill="{colour}"/>')
            parts.append(f'<text class="soft" x="{WIDTH - RIGHT + 8:.0f}" y="{y + 4:.1f}">{row.estimate:.3f}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    name = f'<text class="soft" x="{middle:.0f}" y="{height - 4:.0f}" text-anchor="middle">{escaped(axis)}</text>'
    parts.append(name)
    return figure(parts, f"{len(rows)} intervals: {axis}", WIDTH, height)


def path_svg(series: Sequence[tuple[str, Sequence[float], Sequence[float]]], *, across: str, upwards: str) -> str:
    """Lines over the course of a campaign: (label, places on the axis, values) each, the first six of them."""
    shown = [
        (label, [(a, b) for a, b in zip(xs, ys, strict=True) if math.isfinite(b)])
        for label, xs, ys in series[: len(COLOURS)]
    ]
    points = [point for _, line in shown for point in line]
    if not points:
        return ""
    left, bottom = 56.0, PLOT - 36.0
    most = max(a for a, _ in points) or 1.0
    low, high, ticks = _scale(min(b for _, b in points), max(b for _, b in points))
    right = WIDTH - 170.0

    def place(point: tuple[float, float]) -> tuple[float, float]:
        return left + point[0] / most * (right - left), bottom - (point[1] - low) / (high - low) * (bottom - 12)

    parts = []
    for tick in ticks:
        y = place((0.0, tick))[1]
        parts.append(f'<line x1="{left:.0f}" x2="{right:.0f}" y1="{y:.1f}" y2="{y:.1f}" stroke="var(--line)"/>')
        parts.append(f'<text class="soft" x="{left - 8:.0f}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in (0.0, most / 2, most):
        xt = place((tick, low))[0]
        parts.append(f'<text class="soft" x="{xt:.1f}" y="{bottom + 18:.0f}" text-anchor="middle">{tick:,.0f}</text>')
    ends: list[float] = []
    for (label, line), colour in zip(shown, COLOURS, strict=False):
        if not line:
            continue
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, line))
        parts.append(f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="2"/>')
        y = place(line[-1])[1] + 4
        while any(abs(y - other) < 14 for other in ends):  # labels at the ends of the lines must not lie on each other
            y += 14
        ends.append(y)
        parts.append(
            f'<text x="{right + 10:.0f}" y="{y:.1f}" style="fill: {colour}">{escaped(shortened(label, 22))}</text>'
        )
    height = max(PLOT, max(ends) + 8)
    parts.append(f'<text class="soft" x="{left:.0f}" y="{bottom + 32:.0f}">{escaped(across)}</text>')
    return figure(parts, f"{upwards} over {across}", WIDTH, height)


def _scale(low: float, high: float) -> tuple[float, float, list[float]]:
    """Round ends that hold ``low`` and ``high``, and 3 to 7 round numbers between them."""
    span = max(high - low, 1e-6)
    step = 10 ** math.floor(math.log10(span / 3))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (factor * step) <= 6)
    first = math.floor(low / step)
    last = max(math.ceil(high / step), first + 1)
    return first * step, last * step, [round(k * step, 10) for k in range(first, last + 1)]


def _tick(x: float, value: float, bottom: float) -> str:
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="6" y2="{bottom:.0f}" stroke="var(--line)"/>'
        f'<text class="soft" x="{x:.1f}" y="{bottom + 14:.0f}" text-anchor="middle">{value:g}</text>'
    )
