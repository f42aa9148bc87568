"""Figures of simple regret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from causalbandit.text import escaped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from causalbandit.evaluation import RegretCurves

COLOURS = ("#1b6ca8", "#d1495b", "#3a7d44", "#e0a100", "#6a4c93", "#2a9d8f", "#8d6b4f", "#7a7a7a")
MARKERS = "osD^vP*X"
MOST_TICKS = 8
"""So many budgets are written under the axis, more get powers of ten."""


def plot_regret(curves: RegretCurves, ax: Axes | None = None, *, problem: str | None = None) -> Axes:
    """Mean simple regret over the budget, both logarithmic, a line with a band of two standard errors per strategy.

    With several problems and no ``problem``, a replication's regret is averaged over the problems; a budget with which
    a strategy could not work on all of them has no point, and the title says so. Means of 0 are drawn at the lower
    edge, with an open marker.
    """
    frame = curves.frame
    if problem is not None:
        if problem not in curves.problems:
            raise ValueError(f"problem was {problem!r}; expected one of {', '.join(curves.problems)}.")
        frame = frame[frame["problem"] == problem]
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
    shown_problems = [problem] if problem is not None else list(curves.problems)
    finished = frame[frame["reason"] == ""]
    on_all = finished.groupby(["strategy", "budget"])["problem"].transform("nunique") == len(shown_problems)
    done = finished[on_all]
    per_replication = done.groupby(["strategy", "budget", "replication"], sort=True)["regret"].mean().reset_index()
    lines = per_replication.groupby(["strategy", "budget"])["regret"].agg(["mean", "sem"]).reset_index()
    positive = lines["mean"][lines["mean"] > 0]
    lowest = float(positive.min()) / 2 if len(positive) else 1e-6
    for place, strategy in enumerate(curves.strategies):
        line = lines[lines["strategy"] == strategy].sort_values("budget")
        if line.empty:
            continue
        colour, marker = COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]
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
            ax.set_xticks(ticks, [f"{budget:,}" for budget in ticks])
            ax.xaxis.minorticks_off()
        ax.legend(fontsize="small", frameon=False)
    else:
        why = "the budgets are too small for the strategies" + (" on some problem" if len(finished) else "")
        ax.text(0.5, 0.5, f"Nothing to draw: {why}", transform=ax.transAxes, ha="center", va="center", color="0.4")
    ax.set_xlabel("experiments")
    ax.set_ylabel("mean simple regret (± 2 standard errors)")
    title = shown_problems[0] if len(shown_problems) == 1 else f"mean over {len(shown_problems)} problems"
    if len(done) < len(finished):
        title += "; left out: budgets too small for a strategy on one of them"
    ax.set_title(escaped(title), fontsize="medium")
    ax.spines[["top", "right"]].set_visible(False)
    return ax
