"""Figure of a graph check: the evidence against each claim."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from causalbandit.plots.axes import PALE, PALETTE, axes
from causalbandit.text import escaped, shortened

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def plot_claims(frame: pd.DataFrame, ax: Axes | None = None, *, threshold: float, most: int = 15) -> Axes:
    """Bars of log₁₀ of the largest e-value of the ``most`` claims with the largest, contradicted ones in colour.

    ``frame`` has the columns ``claim``, ``adjusted`` (natural logarithm, adjusted for all claims) and ``contradicted``;
    ``threshold`` is the value of ``adjusted`` that refutes.
    """
    shown = frame.sort_values("adjusted", ascending=False).head(most)[::-1]
    ax = axes(ax, height=1.0 + 0.3 * len(shown))
    heights = np.arange(len(shown))
    colours = np.where(shown["contradicted"], PALETTE[1], PALE)
    ax.barh(heights, shown["adjusted"] / math.log(10), color=colours, height=0.7)
    ax.axvline(threshold / math.log(10), color="black", linewidth=1, linestyle="--")
    ax.set_yticks(heights, [escaped(shortened(claim, 48)) for claim in shown["claim"]])
    ax.set_xlabel("log₁₀ e against the claim, adjusted for all claims (dashed: refuted)")
    return ax
