"""The figure of what a search found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from causalbandit.plots.axes import PALE, PALETTE, axes
from causalbandit.text import escaped, shortened

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def plot_decision(frame: pd.DataFrame, ax: Axes | None = None, *, target: str, title: str, most: int = 15) -> Axes:
    """Bars of the first ``most`` estimates, the first on top, with the true effects when known.

    ``frame`` has one row per intervention: ``intervention``, ``estimate``, ``best`` (a darker bar) and, when known,
    ``true_effect``.
    """
    ax = axes(ax, height=0.9 + 0.3 * min(most, len(frame)))
    shown = frame.head(most)[::-1]
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
