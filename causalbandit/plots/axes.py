"""The axes that every figure draws on, and the colours that all figures share."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")
"""Colours that readers with colour-blindness tell apart (Okabe & Ito 2008), the yellow replaced by a grey: it is too
pale for lines on white paper."""

PALE = "#b7c9d9"
"""A pale shade of the first colour, for what stands behind: bars of interventions that were not chosen, for example."""


def axes(ax: Axes | None = None, *, width: float = 7.0, height: float = 4.0) -> Axes:
    """The axes to draw on: ``ax`` when given, or those of a new figure of that size in inches; open above and right."""
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(width, height), layout="constrained")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def colours_of(names: Sequence[Hashable]) -> dict[Hashable, str]:
    """A colour for each name by its place among all, so that a name keeps its colour from figure to figure.

    >>> colours_of(["a", "b"])
    {'a': '#0072b2', 'b': '#d55e00'}
    """
    return {name: PALETTE[place % len(PALETTE)] for place, name in enumerate(names)}
