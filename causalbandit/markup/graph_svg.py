"""The causal graph as SVG: causes above effects, hidden causes dashed, what the best intervention fixes filled."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence

from causalbandit.markup.pieces import escaped
from causalbandit.plots.layout import Point, layered_layout
from causalbandit.text import shortened

LETTER, PADDING, HEIGHT, LAYER = 7.0, 22.0, 28.0, 74.0
"""Pixels: width of a letter, what a box is wider than its name, its height, and from one layer to the next."""
GAP = 18.0
"""Pixels between two boxes of a layer."""
LONGEST = 22
"""Letters; longer names are shortened in the middle."""
MARGIN = 16.0
"""Pixels around the drawing."""
MOST_NODES = 120
"""Larger graphs would not be read; they get a sentence in place of the drawing."""


def graph_svg(
    nodes: Sequence[str],
    edges: Iterable[tuple[str, str]],
    target: str,
    *,
    fixed: Mapping[str, int] | None = None,
    hidden: Collection[str] = (),
    bidirected: Iterable[tuple[str, str]] = (),
    doubted: Collection[tuple[str, str]] = (),
) -> str:
    """The graph with its ``nodes`` in topological order.

    Parameters
    ----------
    nodes, edges, target
        The graph.
    fixed
        What the best intervention fixes: node → 0 or 1.
    hidden
        Nodes that nobody sees; dashed.
    bidirected
        Pairs with a hidden common cause; dashed arcs.
    doubted
        Pairs between which the data speak of something that the graph lacks; red arcs.
    """
    if len(nodes) > MOST_NODES:
        return f'<p class="soft">The graph has {len(nodes):,} nodes, too many to draw here.</p>'
    fixed = fixed or {}
    edges = list(edges)
    names = {node: shortened(node, LONGEST) + (f" = {fixed[node]}" if node in fixed else "") for node in nodes}
    widths = {node: LETTER * len(names[node]) + PADDING for node in nodes}
    parents: dict[str, list[str]] = {node: [] for node in nodes}
    for tail, head in edges:
        parents[head].append(tail)
    layout = layered_layout(nodes, parents, widths, core=_above(target, parents), gap=GAP, layer_height=LAYER)
    width, height = layout.width + 2 * MARGIN, layout.height + HEIGHT + 2 * MARGIN

    def at(point: Point) -> Point:
        return point[0] + MARGIN, layout.height - point[1] + HEIGHT / 2 + MARGIN

    parts = [_route([at(point) for point in route]) for route in layout.routes.values()]
    for pairs, colour in ((bidirected, "var(--soft)"), (doubted, "var(--bad)")):
        parts += [_arc(at(layout.places[one]), at(layout.places[other]), colour) for one, other in pairs]
    for node in nodes:
        parts.append(_box(names[node], at(layout.places[node]), widths[node], _look(node, target, fixed, hidden)))
    said = f"Causal graph with {len(nodes)} nodes; target {target}."
    return (
        f'<div class="wide"><svg role="img" aria-label="{escaped(said)}" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" xmlns="http://www.w3.org/2000/svg">\n'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" fill="var(--soft)"/></marker></defs>\n' + "\n".join(parts) + "\n</svg></div>"
    )


def _above(node: str, parents: Mapping[str, Sequence[str]]) -> set[str]:
    """The node and all its ancestors."""
    found, waiting = {node}, [node]
    while waiting:
        new = set(parents[waiting.pop()]) - found
        found |= new
        waiting += sorted(new)
    return found


def _look(node: str, target: str, fixed: Mapping[str, int], hidden: Collection[str]) -> str:
    if node in fixed:
        return 'fill="var(--accent)" stroke="var(--accent)"'
    if node == target:
        return 'fill="var(--paper)" stroke="var(--target)" stroke-width="2.5"'
    dash = ' stroke-dasharray="4 3"' if node in hidden else ""
    return f'fill="var(--card)" stroke="var(--soft)"{dash}'


def _box(name: str, centre: Point, width: float, look: str) -> str:
    x, y = centre
    ink = ' style="fill: var(--paper)"' if "var(--accent)" in look else ""
    return (
        f'<rect x="{x - width / 2:.1f}" y="{y - HEIGHT / 2:.1f}" width="{width:.1f}" height="{HEIGHT:.0f}" '
        f'rx="7" {look}/>'
        f'<text x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle"{ink}>{escaped(name)}</text>'
    )


def _route(points: Sequence[Point]) -> str:
    """An edge as a smooth line from the bottom of its tail to the top of its head."""
    (x0, y0), *between, (x1, y1) = points
    stops = [(x0, y0 + HEIGHT / 2), *between, (x1, y1 - HEIGHT / 2 - 1)]
    path = f"M{stops[0][0]:.1f} {stops[0][1]:.1f}"
    for (xa, ya), (xb, yb) in itertools.pairwise(stops):
        half = (yb - ya) / 2
        path += f" C{xa:.1f} {ya + half:.1f} {xb:.1f} {yb - half:.1f} {xb:.1f} {yb:.1f}"
    return f'<path d="{path}" fill="none" stroke="var(--soft)" stroke-width="1.3" marker-end="url(#tip)"/>'


def _arc(one: Point, other: Point, colour: str) -> str:
    """A dashed bow between two nodes, beside the straight line."""
    (xa, ya), (xb, yb) = one, other
    xm, ym = (xa + xb) / 2, (ya + yb) / 2
    bow = 0.35  # how far the handle lies from the chord, in lengths of the chord
    handle = xm + bow * (yb - ya), ym - bow * (xb - xa)
    return (
        f'<path d="M{xa:.1f} {ya:.1f} Q{handle[0]:.1f} {handle[1]:.1f} {xb:.1f} {yb:.1f}" fill="none" '
        f'stroke="{colour}" stroke-width="1.6" stroke-dasharray="6 4"/>'
    )
