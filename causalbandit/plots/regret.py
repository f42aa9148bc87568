"""The figure of simple regret over the budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from causalbandit.plots.axes import axes, colours_of
from causalbandit.text import escaped

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MARKERS = "osD^vP*X"
"""One marker per strategy, so that lines are told apart in print, too."""
MOST_TICKS = 8
"""So many budgets are written under the axis, more get powers of ten."""


def plot_regret(
    frame: pd.DataFrame,
    strategies: Sequence[str],
    problems: Sequence[str],
    ax: Axes | None = None,
    unit: str = "experiments",
) -> Axes:
    """Mean simple regret over the budget, both logarithmic, a line with a band of two standard errors per strategy.

    ``frame`` has one row per search on the ``problems``, with the columns of `RegretCurves.frame`; ``strategies`` are
    in the order of their colours; ``unit`` is what budgets count. With several problems a replication's regret is
    averaged over them; a budget with which a strategy could not work on all of them has no point, and the title says
    so. Means of 0 are drawn at the lower edge, with an open marker.
    """
    ax = axes(ax, width=6.5, height=4.2)
    finished = frame[frame["reason"] == ""]
    on_all = finished.groupby(["strategy", "budget"])["problem"].transform("nunique") == len(problems)
    done = finished[on_all]
    per_replication = done.groupby(["strategy", "budget", "replication"], sort=True)["regret"].mean().reset_index()
    lines = per_replication.groupby(["strategy", "budget"])["regret"].agg(["mean", "sem"]).reset_index()
    positive = lines["mean"][lines["mean"] > 0]
    lowest = float(positive.min()) / 2 if len(positive) else 1e-6  # where means of 0 are drawn
    for place, (strategy, colour) in enumerate(colours_of(strategies).items()):
        line = lines[lines["strategy"] == strategy].sort_values("budget")
        if line.empty:
            continue
        marker = MARKERS[place % len(MARKERS)]
        budgets = line["budget"].to_numpy(dtype=float)
        mean, error = line["mean"].to_numpy(dtype=float), np.nan_to_num(line["sem"].to_numpy(dtype=float))
        shown = np.maximum(mean, lowest)
        ax.plot(budgets, shown, color=colour, marker=marker, markersize=5, label=escaped(strategy))
        zero = mean <= 0
        ax.plot(budgets[zero], shown[zero], color=colour, marker=marker, markersize=5, mfc="white", linestyle="")
        lower, upper = np.maximum(mean - 2 * error, lowest / 2), np.maximum(mean + 2 * error, lowest)
        ax.fill_between(budgets, lower, upper, color=colour, alpha=0.15, linewidth=0)
    if len(done):
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_ylim(bottom=lowest / 1.3)
        ticks = sorted(done["budget"].unique())
        if len(ticks) <= MOST_TICKS:
            ax.set_xticks(ticks, [f"{budget:,.6g}" for budget in ticks])
            ax.xaxis.minorticks_off()
        ax.legend(fontsize="small", frameon=False)
    else:
        why = "the budgets are too small for the strategies" + (" on some problem" if len(finished) else "")
        ax.text(0.5, 0.5, f"Nothing to draw: {why}", transform=ax.transAxes, ha="center", va="center", color="0.4")
    ax.set_xlabel(unit)
    ax.set_ylabel("mean simple regret (± 2 standard errors)")
    title = problems[0] if len(problems) == 1 else f"mean over {len(problems)} problems"
    if len(done) < len(finished):
        title += "; left out: budgets too small for a strategy on one of them"
    ax.set_title(escaped(title), fontsize="medium")
    return ax
