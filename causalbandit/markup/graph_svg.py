"""The causal graph as SVG: causes above effects, hidden causes dashed, what the best intervention fixes filled.

What the data contradict is red: the edge of a doubted pair or, where it has none, its two nodes, and a dashed arc.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence

from causalbandit.markup.pieces import escaped, figure
from causalbandit.plots.layout import Point, ancestors, layered_layout
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
RING = 4.0
"""Pixels between a node's box and the ring that marks it."""
SENTENCES = 5
"""Sentences that the title of a mark holds, as it pops up; the others are counted."""
BOW = 0.35
"""How far the handle of an arc lies from its chord, in lengths of the chord."""


def graph_svg(
    nodes: Sequence[str],
    edges: Iterable[tuple[str, str]],
    target: str,
    *,
    fixed: Mapping[str, int] | None = None,
    hidden: Collection[str] = (),
    bidirected: Iterable[tuple[str, str]] = (),
    doubted: Mapping[tuple[str, ...], Sequence[str]] | None = None,
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
        A pair of nodes, or one node alone, of which the data contradict what the graph says → the sentences that tell
        how. They pop up as the title of the mark.
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
    layout = layered_layout(nodes, parents, widths, core=ancestors(target, parents), gap=GAP, layer_height=LAYER)
    width, height = layout.width + 2 * MARGIN, layout.height + HEIGHT + 2 * MARGIN

    def at(point: Point) -> Point:
        return point[0] + MARGIN, layout.height - point[1] + HEIGHT / 2 + MARGIN

    lines, rings = _marked(doubted or {}, set(edges))
    parts = [_route([at(point) for point in route], lines.get(edge, "")) for edge, route in layout.routes.items()]
    arcs = [((one, other), "var(--soft)", "") for one, other in bidirected]
    arcs += [(place, "var(--bad)", _title(said)) for place, said in (doubted or {}).items() if len(place) == 2]
    left, top, right, bottom = 0.0, 0.0, width, height
    for (one, other), colour, title in arcs:
        drawn, (xs, ys) = _arc(at(layout.places[one]), at(layout.places[other]), colour, title)
        parts.append(drawn)
        left, right = min(left, xs[0] - MARGIN), max(right, xs[1] + MARGIN)
        top, bottom = min(top, ys[0] - MARGIN), max(bottom, ys[1] + MARGIN)
    for node in nodes:
        look, ring = _look(node, target, fixed, hidden), _title(rings.get(node, ()))
        parts.append(_box(names[node], at(layout.places[node]), widths[node], look, ring))
    said = f"Causal graph with {len(nodes)} nodes; target {target}."
    if doubted:
        said += f" The data contradict it in {len(doubted)} place{'s' * (len(doubted) > 1)}, marked in red."
    tips = [("tip", "var(--soft)"), *([("doubted-tip", "var(--bad)")] if lines else [])]
    heads = "".join(_tip(name, colour) for name, colour in tips)
    return figure([f"<defs>{heads}</defs>", *parts], said, right - left, bottom - top, left, top)


def _marked(
    doubted: Mapping[tuple[str, ...], Sequence[str]], edges: Collection[tuple[str, str]]
) -> tuple[dict[tuple[str, str], str], dict[str, list[str]]]:
    """Edges that are red, with their titles, and nodes with a ring, with their sentences."""
    lines: dict[tuple[str, str], str] = {}
    rings: dict[str, list[str]] = {}
    for place, sentences in doubted.items():
        joined = [(tail, head) for tail, head in itertools.permutations(place, 2) if (tail, head) in edges]
        if joined:
            lines[joined[0]] = _title(sentences)
        else:
            for node in place:
                rings.setdefault(node, []).extend(sentences)
    return lines, rings


def _title(sentences: Sequence[str]) -> str:
    """What pops up over a mark, which readers of the file find there, too."""
    more = len(sentences) - SENTENCES
    said = [*sentences[:SENTENCES], *([f"… and {more} more"] if more > 0 else [])]
    return f"<title>{escaped(chr(10).join(said))}</title>" if said else ""


def _tip(name: str, colour: str) -> str:
    """The head of an arrow."""
    return (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0 L8 4 L0 8 z" fill="{colour}"/></marker>'
    )


def _look(node: str, target: str, fixed: Mapping[str, int], hidden: Collection[str]) -> str:
    if node in fixed:
        return 'fill="var(--accent)" stroke="var(--accent)"'
    if node == target:
        return 'fill="var(--paper)" stroke="var(--target)" stroke-width="2.5"'
    dash = ' stroke-dasharray="4 3"' if node in hidden else ""
    return f'fill="var(--card)" stroke="var(--soft)"{dash}'


def _box(name: str, centre: Point, width: float, look: str, title: str) -> str:
    x, y = centre
    ink = ' style="fill: var(--paper)"' if "var(--accent)" in look else ""
    box = _rectangle(x, y, width, HEIGHT, look)
    box += f'<text x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle"{ink}>{escaped(name)}</text>'
    if not title:
        return box
    ring = 'fill="none" stroke="var(--bad)" stroke-width="1.6" stroke-dasharray="6 4"'
    return f'<g class="doubted">{title}{_rectangle(x, y, width + 2 * RING, HEIGHT + 2 * RING, ring)}{box}</g>'


def _rectangle(x: float, y: float, width: float, height: float, look: str) -> str:
    return (
        f'<rect x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}" height="{height:.0f}" '
        f'rx="7" {look}/>'
    )


def _route(points: Sequence[Point], title: str) -> str:
    """An edge as a smooth line from the bottom of its tail to the top of its head; red with a ``title``."""
    (x0, y0), *between, (x1, y1) = points
    stops = [(x0, y0 + HEIGHT / 2), *between, (x1, y1 - HEIGHT / 2 - 1)]
    path = f"M{stops[0][0]:.1f} {stops[0][1]:.1f}"
    for (xa, ya), (xb, yb) in itertools.pairwise(stops):
        half = (yb - ya) / 2
        path += f" C{xa:.1f} {ya + half:.1f} {xb:.1f} {yb - half:.1f} {xb:.1f} {yb:.1f}"
    if not title:
        return f'<path d="{path}" fill="none" stroke="var(--soft)" stroke-width="1.3" marker-end="url(#tip)"/>'
    line = f'<path d="{path}" fill="none" stroke="var(--bad)" stroke-width="1.6" marker-end="url(#doubted-tip)"/>'
    return f'<g class="doubted">{title}{line}{_handle(path)}</g>'


def _arc(one: Point, other: Point, colour: str, title: str) -> tuple[str, tuple[Point, Point]]:
    """A dashed bow between two nodes, beside the straight line; and how far it reaches across and down."""
    (xa, ya), (xb, yb) = one, other
    handle = (xa + xb) / 2 + BOW * (yb - ya), (ya + yb) / 2 - BOW * (xb - xa)
    path = f"M{xa:.1f} {ya:.1f} Q{handle[0]:.1f} {handle[1]:.1f} {xb:.1f} {yb:.1f}"
    drawn = f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.6" stroke-dasharray="6 4"/>'
    if title:
        drawn = f'<g class="doubted">{title}{drawn}{_handle(path)}</g>'
    return drawn, (_reach(xa, handle[0], xb), _reach(ya, handle[1], yb))


def _handle(path: str) -> str:
    """A broad line that nobody sees, so that a mouse finds the title of a thin one."""
    return f'<path d="{path}" fill="none" stroke="transparent" stroke-width="12"/>'


def _reach(start: float, handle: float, end: float) -> Point:
    """Smallest and largest coordinate of a quadratic curve."""
    bend = start - 2 * handle + end
    turn = (start - handle) / bend if bend else 0.0  # where the derivative is 0
    values = [start, end]
    if 0 < turn < 1:
        values.append((1 - turn) ** 2 * start + 2 * turn * (1 - turn) * handle + turn**2 * end)
    return min(values), max(values)
