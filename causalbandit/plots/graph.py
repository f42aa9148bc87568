"""The figure of a problem's graph."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from causalbandit.plots.layout import Layout, Point, layered_layout
from causalbandit.report import actionable_nodes
from causalbandit.text import escaped, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from causalbandit.problem import Problem

ALL_NODES = 100
"""Larger graphs are drawn without the nodes that are no ancestors of the target."""

TARGET, ACTIONABLE, OTHER, IDLE = "#d95f02", "#1b6ca8", "#eef2f5", "#ffffff"
_FONT = 9.0
_HEIGHT = 0.30
_LAYER = 0.85
_LONGEST_NAME = 22


def plot_graph(problem: Problem, ax: Axes | None = None, *, ancestors_only: bool | None = None) -> Axes:
    """The graph drawn top-down, causes above effects, with the target and the nodes that interventions fix marked.

    Parameters
    ----------
    problem : Problem
        What to draw.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure, large enough for the names to be read, when left out.
    ancestors_only : bool, optional
        Leave out the nodes that have no effect on the target; by default in graphs of more than 100 nodes. Otherwise
        they are drawn dashed.
    """
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    graph = problem.graph
    if ancestors_only is None:
        ancestors_only = len(graph.nodes) > ALL_NODES
    nodes = graph.ancestors if ancestors_only else graph.nodes
    names = {node: shortened(node, _LONGEST_NAME) for node in nodes}
    widths = {node: 0.22 + 0.62 * _FONT / 72 * len(name) for node, name in names.items()}
    parents = {node: graph.parents(node) for node in nodes}
    layout = layered_layout(nodes, parents, widths, core=graph.ancestors, layer_height=_LAYER)
    ax, scale = _axes(ax, layout)

    for (_parent, node), points in layout.routes.items():
        start = (points[0][0], points[0][1] - _HEIGHT / 2)
        end = (points[-1][0], points[-1][1] + _HEIGHT / 2)
        vertices, codes = _curve([start, *points[1:-1], end])
        idle = node not in graph.family_of
        arrow = FancyArrowPatch(
            path=Path(vertices, codes),
            arrowstyle="-|>",
            mutation_scale=9 * scale,
            linewidth=0.9 * max(scale, 0.5),
            color="#9aa5ad" if idle else "#4a555d",
            linestyle=":" if idle else "-",
            zorder=1,
        )
        ax.add_patch(arrow)
    fixed = set(actionable_nodes(problem))
    for node in nodes:
        colour, ink = (TARGET, "white") if node == graph.target else (OTHER, "black")
        if node in fixed:
            colour, ink = ACTIONABLE, "white"
        _draw_node(ax, names[node], layout.places[node], widths[node], colour, ink, scale, node in graph.family_of)
    _finish(ax, problem, nodes, scale)
    return ax


def _axes(ax: Axes | None, layout: Layout) -> tuple[Axes, float]:
    """The axes and how much smaller than planned the drawing becomes in them."""
    width, height = layout.width + 0.4, layout.height + _HEIGHT + 0.4
    scale = 1.0
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(max(width, 5.0) + 0.2, height + 1.1), layout="constrained")
    else:
        box = ax.get_window_extent()
        dpi = ax.figure.get_dpi()
        scale = min(1.0, box.width / dpi / width, box.height / dpi / height)
    ax.set_xlim(-0.2, layout.width + 0.2)
    ax.set_ylim(-_HEIGHT / 2 - 0.2, layout.height + _HEIGHT / 2 + 0.2)
    ax.set_aspect("equal")
    ax.set_axis_off()
    return ax, scale


def _curve(points: list[Point]) -> tuple[list[Point], list[int]]:
    """Cubic pieces through ``points`` that leave and enter each point vertically."""
    vertices, codes = [points[0]], [1]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        middle = (y0 + y1) / 2
        vertices += [(x0, middle), (x1, middle), (x1, y1)]
        codes += [4, 4, 4]
    return vertices, codes


def _draw_node(
    ax: Axes, name: str, place: Point, width: float, colour: str, ink: str, scale: float, matters: bool
) -> None:
    from matplotlib.patches import FancyBboxPatch

    x, y = place
    ax.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - _HEIGHT / 2),
            width,
            _HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.12",
            facecolor=colour if matters or colour != OTHER else IDLE,
            edgecolor="#4a555d" if matters else "#9aa5ad",
            linewidth=0.8 * max(scale, 0.5),
            linestyle="-" if matters else "--",
            zorder=2,
        )
    )
    ax.text(x, y, escaped(name), ha="center", va="center_baseline", fontsize=_FONT * scale, color=ink, zorder=3)


def _finish(ax: Axes, problem: Problem, nodes: tuple[str, ...], scale: float) -> None:
    from matplotlib.patches import Patch

    graph = problem.graph
    wanted = "more" if problem.goal == "max" else "less"
    marks = [
        Patch(facecolor=TARGET, edgecolor="#4a555d", label=f"target (wanted {wanted} often)"),
        Patch(facecolor=ACTIONABLE, edgecolor="#4a555d", label="fixed by some intervention"),
        Patch(facecolor=OTHER, edgecolor="#4a555d", label="only observed"),
    ]
    left_out = len(graph.nodes) - len(nodes)
    if len(nodes) > len(graph.ancestors):
        marks.append(Patch(facecolor=IDLE, edgecolor="#9aa5ad", linestyle="--", label="no effect on the target"))
    title = problem.name or f"causes of {graph.target}"
    if left_out:
        title += f" ({left_out} nodes without effect on {graph.target} left out)"
    ax.set_title(escaped(title), fontsize="medium")
    ax.legend(
        handles=marks,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        ncols=2 if scale == 1.0 and ax.get_xlim()[1] < 8 else len(marks),
        fontsize="small",
        frameon=False,
    )
