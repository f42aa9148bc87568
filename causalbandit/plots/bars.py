"""Figures of horizontal bars, the first on top: estimates of a search, weights of a mixture, evidence on a graph."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from causalbandit.plots.axes import PALE, PALETTE, axes
from causalbandit.text import escaped, shortened

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MOST = 15
"""Bars of a figure with names that take a line each."""
MOST_WEIGHTS = 30
"""Bars of a mixture: the weights after the first few are small."""


def plot_decision(frame: pd.DataFrame, ax: Axes | None = None, *, target: str, title: str) -> Axes:
    """Estimates of the first interventions, with the true effects when known.

    ``frame`` has one row per intervention: ``intervention``, ``estimate``, ``best`` (a darker bar) and, when known,
    ``true_effect``.
    """
    ax = axes(ax, height=0.9 + 0.3 * min(MOST, len(frame)))
    shown = frame.head(MOST)[::-1]
    heights = np.arange(len(shown))
    chosen = shown["best"].to_numpy()
    ax.barh(heights, shown["estimate"], color=np.where(chosen, PALETTE[0], PALE), height=0.7, label="estimate")
    if "true_effect" in shown:
        ax.plot(shown["true_effect"], heights, "k|", markersize=12, markeredgewidth=2, label="true effect")
    ax.set_yticks(heights, [escaped(shortened(label, 40)) for label in shown["intervention"]])
    ax.set_xlabel(f"P({escaped(target)} = 1 | do(intervention))")
    ax.set_title(escaped(title), fontsize="medium")
    ax.legend(loc="best", fontsize="small", frameon=False)
    return ax


def plot_mixture(frame: pd.DataFrame, ax: Axes | None = None, *, share_of: str, title: str) -> Axes:
    """The first weights of a mixture.

    ``frame`` has the columns ``intervention`` and ``weight``, largest weight first; ``share_of`` says of what the
    weights are shares ("experiments", "money").
    """
    ax = axes(ax)
    shown = frame.head(MOST_WEIGHTS)
    places = range(len(shown))
    ax.barh(places, shown["weight"].to_numpy(), color=PALETTE[0])
    ax.set_yticks(list(places), [escaped(label) for label in shown["intervention"]])
    ax.invert_yaxis()
    ax.set_xlabel(f"share of the {share_of}")
    left_out = "" if len(frame) <= MOST_WEIGHTS else f", {len(frame) - MOST_WEIGHTS} more not shown"
    ax.set_title(title + left_out)
    return ax


def plot_claims(frame: pd.DataFrame, ax: Axes | None = None, *, threshold: float) -> Axes:
    """log₁₀ of the largest e-value of the claims with the largest, contradicted ones in colour.

    ``frame`` has the columns ``claim``, ``adjusted`` (natural logarithm, adjusted for all claims) and ``contradicted``;
    ``threshold`` is the value of ``adjusted`` that refutes.
    """
    shown = frame.sort_values("adjusted", ascending=False).head(MOST)[::-1]
    ax = axes(ax, height=1.0 + 0.3 * len(shown))
    heights = np.arange(len(shown))
    colours = np.where(shown["contradicted"], PALETTE[1], PALE)
    ax.barh(heights, shown["adjusted"] / math.log(10), color=colours, height=0.7)
    ax.axvline(threshold / math.log(10), color="black", linewidth=1, linestyle="--")
    ax.set_yticks(heights, [escaped(shortened(claim, 48)) for claim in shown["claim"]])
    ax.set_xlabel("log₁₀ e against the claim, adjusted for all claims (dashed: refuted)")
    return ax
