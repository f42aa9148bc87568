"""The figure of a confirmation: every effect by every reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from causalbandit.plots.axes import PALETTE, axes
from causalbandit.text import escaped, shortened

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MARKERS = "osD^"
"""A shape per reading, for those who print in grey."""


def plot_readings(frame: pd.DataFrame, *, target: str, alpha: float, ax: Axes | None = None) -> Axes:
    """One interval per intervention and reading, interventions in the order of the frame, the first on top.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns ``intervention``, ``reference``, ``method``, ``estimate``, ``lower``, ``upper``.
    target : str
        The target's name, for the label.
    alpha : float
        Error rate of the intervals, for the label.
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
