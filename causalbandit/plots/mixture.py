"""A picture of a mixture of interventions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalbandit.plots.axes import PALETTE, axes
from causalbandit.text import escaped

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def plot_mixture(frame: pd.DataFrame, ax: Axes | None = None, *, share_of: str, title: str, most: int = 30) -> Axes:
    """Horizontal bars of the first ``most`` weights, the first on top; returns the Axes.

    ``frame`` has the columns ``intervention`` and ``weight``, largest weight first; ``share_of`` says of what the
    weights are shares ("experiments", "money").
    """
    ax = axes(ax)
    shown = frame.head(most)
    places = range(len(shown))
    ax.barh(places, shown["weight"].to_numpy(), color=PALETTE[0])
    ax.set_yticks(list(places), [escaped(label) for label in shown["intervention"]])
    ax.invert_yaxis()
    ax.set_xlabel(f"share of the {share_of}")
    left_out = "" if len(frame) <= most else f", {len(frame) - most} more not shown"
    ax.set_title(title + left_out)
    return ax
