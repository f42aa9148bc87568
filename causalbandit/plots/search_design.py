"""The figure of what a budget can be expected to show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from causalbandit.plots.axes import axes, colours_of
from causalbandit.text import escaped, shortened

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Z = 1.96
"""Standard errors on each side of an interval of 95 %."""


def plot_search_design(
    frame: pd.DataFrame,
    interventions: Sequence[str],
    ax: Axes | None = None,
    *,
    target: str,
    title: str,
    most: int = 12,
) -> Axes:
    """Effects of the first ``most`` interventions, the first on top, with an expected interval per allocation.

    ``frame`` has the columns ``allocation``, ``intervention``, ``effect`` and ``std_error``, a row for each pair.
    """
    shown = list(interventions[:most])
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
    left_out = "" if len(interventions) <= most else f", {len(interventions) - most} more not shown"
    ax.set_title(escaped(title) + left_out, fontsize="medium")
    ax.legend(loc="best", fontsize="small", facecolor="white", edgecolor="none", framealpha=0.9)
    return ax
