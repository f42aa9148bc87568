"""Figures of intervals, one group per intervention, the first on top: a confirmation's readings, a design's budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from causalbandit.plots.axes import PALETTE, axes, colours_of
from causalbandit.text import escaped, shortened

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MARKERS = "osD^"
"""A shape per reading, for those who print in grey."""
MOST = 12
"""Interventions for which the intervals of a design are drawn."""
Z = 1.96
"""Standard errors on each side of an interval of 95 %."""


def plot_readings(frame: pd.DataFrame, *, target: str, alpha: float, ax: Axes | None = None) -> Axes:
    """One interval per intervention and reading, interventions in the order of the frame.

    ``frame`` has the columns ``intervention``, ``reference``, ``method``, ``estimate``, ``lower``, ``upper``; ``alpha``
    is the error rate of the intervals, for the label.
    """
    names, methods = list(dict.fromkeys(frame["intervention"])), list(dict.fromkeys(frame["method"]))
    ax = axes(ax, height=1.6 + 0.3 * len(frame))
    for place, method in enumerate(methods):
        rows = frame[frame["method"] == method]
        # The readings of one intervention share its line, a sixth of the space apart.
        at = np.array([-names.index(name) for name in rows["intervention"]]) + (len(methods) - 1 - 2 * place) / 12
        colour = PALETTE[place % len(PALETTE)]
        ax.hlines(at, rows["lower"], rows["upper"], color=colour, linewidth=2.0)
        ax.plot(rows["estimate"], at, MARKERS[place % len(MARKERS)], color=colour, markersize=5, label=method)
    ax.axvline(0.0, color="0.4", linewidth=1.0, linestyle="--")
    ax.set_yticks([-place for place in range(len(names))], [escaped(shortened(name, 40)) for name in names])
    ax.set_ylim(-len(names) + 0.5, 0.5)
    reference = frame["reference"].iloc[0]
    ax.set_xlabel(
        f"P({escaped(target)} = 1): difference to {escaped(shortened(reference, 30))}, with {1 - alpha:.0%} interval"
    )
    ax.legend(title="reading", frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return ax


def plot_search_design(
    frame: pd.DataFrame,
    interventions: Sequence[str],
    ax: Axes | None = None,
    *,
    target: str,
    title: str,
) -> Axes:
    """Effects of the first interventions, with an expected interval per allocation.

    ``frame`` has the columns ``allocation``, ``intervention``, ``effect`` and ``std_error``, a row for each pair.
    """
    shown = list(interventions[:MOST])
    ax = axes(ax, height=1.4 + 0.45 * len(shown))
    colours = colours_of(list(dict.fromkeys(frame["allocation"])))
    heights = np.arange(len(shown), dtype=np.float64)
    for place, (name, colour) in enumerate(colours.items()):
        rows = frame[frame["allocation"] == name].set_index("intervention").loc[shown]
        offset = 0.7 * ((place + 0.5) / len(colours) - 0.5)
        effects, errors = rows["effect"].to_numpy(), rows["std_error"].to_numpy()
        ax.errorbar(
            effects, heights + offset, xerr=Z * errors, fmt=".", markersize=4, color=colour, label=escaped(name)
        )
    ax.set_yticks(heights, [escaped(shortened(label, 40)) for label in shown])
    ax.invert_yaxis()
    ax.set_xlabel(f"P({escaped(target)} = 1 | do(intervention)), with 95 % intervals to be expected")
    left_out = "" if len(interventions) <= MOST else f", {len(interventions) - MOST} more not shown"
    ax.set_title(escaped(title) + left_out, fontsize="medium")
    ax.legend(loc="best", fontsize="small", facecolor="white", edgecolor="none", framealpha=0.9)
    return ax
