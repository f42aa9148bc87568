"""The figure of a causal graph."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from causalbandit.plots.axes import PALETTE, axes
from causalbandit.plots.layout import Layout, Point, ancestors, layered_layout
from causalbandit.text import escaped, shortened

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.patches import FancyBboxPatch

ALL_NODES = 100
"""Larger graphs are drawn without the nodes that are no ancestors of the target."""

ACTIONABLE, TARGET, OTHER, EMPTY = PALETTE[0], PALETTE[1], "#eef2f5", "#ffffff"
"""Fillings of nodes: acted on by some intervention, the target, only observed, and hidden or without effect."""

INK, FAINT = "#4a555d", "#9aa5ad"
"""Lines of what has an effect on the target, and of what has none."""

_FONT = 9.0
"""Size of the names, in points."""

_LETTER = 0.62 * _FONT / 72
"""Width of a letter in inches: the default font's letters are about 0.62 of its size wide, and 72 points an inch."""

_PADDING, _HEIGHT, _LAYER = 0.22, 0.30, 0.85
"""Inches: what a box is wider than its name, how high it is, and from one layer to the next."""

_LONGEST_NAME = 22
"""Letters; longer names are shortened in the middle."""

_MARGIN = 0.2
"""Inches around the drawing."""

_BULGE = 0.35
"""How far the handle of a bidirected arc lies from its chord, in lengths of the chord; the arc goes half as far."""


def plot_graph(
    nodes: Sequence[str],
    edges: Iterable[tuple[str, str]],
    target: str,
    *,
    fixed: Collection[str] = (),
    hidden: Collection[str] = (),
    bidirected: Iterable[tuple[str, str]] = (),
    wanted: str = "",
    title: str = "",
    ancestors_only: bool | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The graph drawn top-down, causes above effects, with the target and the nodes that interventions fix marked.

    Parameters
    ----------
    nodes, edges
        All nodes in topological order; edges from cause to effect.
    fixed
        Nodes that some intervention fixes.
    hidden
        Nodes that are never observed; they and the edges out of them are drawn dashed.
    bidirected
        Pairs of nodes with a common cause that is not drawn; each is joined by a dashed arc with two heads.
    wanted
        What is wanted of the target, for the legend: "wanted more often".
    title
        Default: whose causes are shown.
    ancestors_only
        Leave out the nodes that have no effect on the target; by default in graphs of more than 100 nodes. Otherwise
        they are drawn faint, with dotted outlines.
    ax
        Where to draw; a new figure, large enough for the names to be read, when left out.
    """
    parents: dict[str, list[str]] = {node: [] for node in nodes}
    for parent, node in edges:
        parents[node].append(parent)
    matter = ancestors(target, parents)
    if ancestors_only is None:
        ancestors_only = len(nodes) > ALL_NODES
    drawn = [node for node in nodes if node in matter or not ancestors_only]
    names = {node: shortened(node, _LONGEST_NAME) for node in drawn}
    widths = {node: _PADDING + _LETTER * len(name) for node, name in names.items()}
    layout = layered_layout(drawn, parents, widths, core=matter, layer_height=_LAYER)
    arcs = {pair: _bulge(layout, *pair) for pair in bidirected if set(pair) <= set(drawn)}
    ax, scale = _sheet(ax, layout, [_summit(layout, *pair, bulge) for pair, bulge in arcs.items()])

    _draw_edges(ax, layout, matter, hidden, scale)
    boxes = {}
    for node in drawn:
        colour = EMPTY if node in hidden or node not in matter else OTHER
        colour = ACTIONABLE if node in fixed else TARGET if node == target else colour
        line = "--" if node in hidden else "-" if node in matter else ":"
        edge = INK if node in matter else FAINT
        boxes[node] = _box(layout.places[node], widths[node], colour, edge, line, _thickness(scale))
        ax.add_patch(boxes[node])
        text = ax.text(*layout.places[node], escaped(names[node]), ha="center", va="center_baseline", zorder=3)
        text.set(fontsize=_FONT * scale, color="white" if colour in (ACTIONABLE, TARGET) else "black")
    _draw_arcs(ax, layout, arcs, boxes, matter, scale)

    left_out = f" ({len(nodes) - len(drawn)} nodes without effect on {target} left out)" if ancestors_only else ""
    ax.set_title(escaped((title or f"causes of {target}") + left_out), fontsize="medium")
    marks = _legend(wanted, bool(fixed), any(node in hidden for node in drawn), bool(arcs), len(drawn) > len(matter))
    ax.legend(
        handles=marks,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        ncols=2 if scale == 1.0 and ax.get_xlim()[1] < 8 else len(marks),  # a row of all needs some 8 inches
        fontsize="small",
        frameon=False,
    )
    return ax


def _thickness(scale: float) -> float:
    """Width of lines, in points: those of a small drawing are thinner, but stay visible."""
    return 0.9 * max(scale, 0.5)


def _draw_edges(ax: Axes, layout: Layout, matter: Collection[str], hidden: Collection[str], scale: float) -> None:
    """An arrow for each edge, from the lower side of its cause to the upper side of its effect."""
    from matplotlib.path import Path

    for (parent, node), points in layout.routes.items():
        start = (points[0][0], points[0][1] - _HEIGHT / 2)
        end = (points[-1][0], points[-1][1] + _HEIGHT / 2)
        path, line = Path(*_curve([start, *points[1:-1], end])), "-" if node in matter else ":"
        colour = INK if node in matter else FAINT
        _add_arrow(ax, scale, path=path, arrowstyle="-|>", color=colour, linestyle="--" if parent in hidden else line)


def _draw_arcs(
    ax: Axes,
    layout: Layout,
    arcs: Mapping[tuple[str, str], float],
    boxes: Mapping[str, FancyBboxPatch],
    matter: Collection[str],
    scale: float,
) -> None:
    """A dashed arc with two heads for each pair of nodes, between the edges of their boxes."""
    for (one, other), bulge in arcs.items():
        _add_arrow(
            ax,
            scale,
            posA=layout.places[one],
            posB=layout.places[other],
            connectionstyle=f"arc3,rad={bulge}",
            arrowstyle="<|-|>",
            patchA=boxes[one],
            patchB=boxes[other],
            color=INK if one in matter and other in matter else FAINT,
            linestyle="--",
        )


def _add_arrow(ax: Axes, scale: float, **look: Any) -> None:
    """An arrow below the boxes, in the size of the drawing."""
    from matplotlib.patches import FancyArrowPatch

    ax.add_patch(FancyArrowPatch(mutation_scale=_FONT * scale, linewidth=_thickness(scale), zorder=1, **look))


def _bulge(layout: Layout, one: str, other: str) -> float:
    """On which side of its chord an arc runs: above the nodes of a layer, and otherwise away from the middle."""
    (x0, y0), (x1, y1) = layout.places[one], layout.places[other]
    if y0 == y1:
        return -_BULGE if x1 > x0 else _BULGE
    outwards = 1 if x0 + x1 >= layout.width else -1
    return _BULGE * outwards * (1 if y1 > y0 else -1)


def _summit(layout: Layout, one: str, other: str, bulge: float) -> Point:
    """The point of an arc that is farthest from its chord."""
    (x0, y0), (x1, y1) = layout.places[one], layout.places[other]
    return (x0 + x1) / 2 + bulge / 2 * (y1 - y0), (y0 + y1) / 2 - bulge / 2 * (x1 - x0)


def _sheet(ax: Axes | None, layout: Layout, summits: Sequence[Point]) -> tuple[Axes, float]:
    """The axes, an inch a unit, and how much smaller than planned the drawing becomes in them."""
    left = min([0.0, *(x for x, _ in summits)]) - _MARGIN
    right = max([layout.width, *(x for x, _ in summits)]) + _MARGIN
    low = min([-_HEIGHT / 2, *(y for _, y in summits)]) - _MARGIN
    high = max([layout.height + _HEIGHT / 2, *(y for _, y in summits)]) + _MARGIN
    scale = 1.0
    if ax is not None:
        box, dpi = ax.get_window_extent(), ax.figure.get_dpi()
        scale = min(1.0, box.width / dpi / (right - left), box.height / dpi / (high - low))
    # A new figure holds the drawing, the legend beneath and the title above; the legend needs some five inches.
    ax = axes(ax, width=max(right - left, 5.0) + 0.2, height=high - low + 1.1)
    ax.set_xlim(left, right)
    ax.set_ylim(low, high)
    ax.set_aspect("equal")
    ax.set_axis_off()
    return ax, scale


def _curve(points: list[Point]) -> tuple[list[Point], list[int]]:
    """Cubic pieces through ``points`` that leave and enter each point vertically, with matplotlib's path codes."""
    vertices, codes = [points[0]], [1]  # MOVETO
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        middle = (y0 + y1) / 2
        vertices += [(x0, middle), (x1, middle), (x1, y1)]
        codes += [4, 4, 4]  # CURVE4
    return vertices, codes


def _box(place: Point, width: float, colour: str, edge: str, line: str, linewidth: float) -> FancyBboxPatch:
    """A node's box with round corners, centred at ``place``."""
    from matplotlib.patches import FancyBboxPatch

    return FancyBboxPatch(
        (place[0] - width / 2, place[1] - _HEIGHT / 2),
        width,
        _HEIGHT,
        boxstyle=f"round,pad=0,rounding_size={0.4 * _HEIGHT}",
        facecolor=colour,
        edgecolor=edge,
        linewidth=linewidth,
        linestyle=line,
        zorder=2,
    )


def _legend(wanted: str, fixed: bool, hidden: bool, bidirected: bool, idle: bool) -> list[Artist]:
    """What the marks mean: those of every graph, and those that this one needs."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    marks: list[Artist] = [
        Patch(facecolor=TARGET, edgecolor=INK, label=f"target ({wanted})" if wanted else "target"),
        Patch(facecolor=OTHER, edgecolor=INK, label="only observed"),
    ]
    if fixed:
        marks.insert(1, Patch(facecolor=ACTIONABLE, edgecolor=INK, label="acted on by some intervention"))
    if hidden:
        marks.append(Patch(facecolor=EMPTY, edgecolor=INK, linestyle="--", label="hidden"))
    if bidirected:
        marks.append(Line2D([], [], color=INK, linestyle="--", label="hidden common cause"))
    if idle:
        marks.append(Patch(facecolor=EMPTY, edgecolor=FAINT, linestyle=":", label="no effect on the target"))
    return marks
