"""Drawings of estimates: forest plots, estimates over time, and the panel that compares estimators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")
"""Colours that readers with colour-blindness tell apart (Okabe & Ito)."""


def _axes(ax: Axes | None, height: float = 4.0) -> Axes:
    """The axes to draw on: those given, or those of a new figure."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    _, made = plt.subplots(figsize=(7.0, height), layout="constrained")
    return made


def forest(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """One horizontal interval per row, the first row on top; infinite intervals are drawn as open arrows.

    Parameters
    ----------
    table
        Columns ``estimate``, ``lower``, ``upper``, and what names a row: ``arm``, ``policy`` or ``intervention``, and
        ``reference`` for contrasts (which are drawn with a line at zero).
    """
    names = table[next(name for name in ("arm", "policy", "intervention") if name in table)].astype(str)
    contrasts = "reference" in table
    labels = [*names]
    if contrasts:
        labels = [f"{a} − {b}" for a, b in zip(names, table["reference"].astype(str), strict=True)]
    ax = _axes(ax, height=1.4 + 0.4 * len(table))
    estimate, lower, upper = (table[name].to_numpy(dtype=float) for name in ("estimate", "lower", "upper"))
    places = np.arange(len(table))[::-1]
    shown = np.isfinite(lower) & np.isfinite(upper)
    ax.hlines(places[shown], lower[shown], upper[shown], color=COLOURS[0], linewidth=2.0)
    ax.plot(estimate, places, "o", color=COLOURS[0], markersize=6)
    for place in places[~shown]:
        ax.text(0.5, place, "no interval", transform=ax.get_yaxis_transform(), ha="center", va="bottom", color="0.4")
    if contrasts:
        ax.axvline(0.0, color="0.4", linewidth=1.0, linestyle="--")
    ax.set_yticks(places, labels)
    ax.set_ylim(-0.6, len(table) - 0.4)
    ax.margins(x=0.08)
    level = getattr(table, "alpha", None)
    interval = "interval" if level is None else f"{1 - level:.0%} interval"
    ax.set_xlabel(f"{'difference' if contrasts else 'value'}, with {interval}")
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    return ax


def estimates_over_time(path: pd.DataFrame, alpha: float | None = None, ax: Axes | None = None) -> Axes:
    """Each arm's estimate against the number of rounds, with a band between ``lower`` and ``upper``.

    Parameters
    ----------
    path
        Columns ``round``, ``arm``, ``estimate``, ``lower``, ``upper``.
    alpha
        Error rate, for the label.
    """
    ax = _axes(ax)
    final = path.groupby("arm", sort=False).last()
    low, high = final["lower"].min(), final["upper"].max()
    for place, (arm, rows) in enumerate(path.groupby("arm", sort=False)):
        colour = COLOURS[place % len(COLOURS)]
        ax.plot(rows["round"], rows["estimate"], color=colour, label=str(arm), linewidth=1.6)
        known = rows[np.isfinite(rows["lower"]) & np.isfinite(rows["upper"])]
        ax.fill_between(known["round"], known["lower"], known["upper"], color=colour, alpha=0.15, linewidth=0.0)
    if np.isfinite(low) and np.isfinite(high):
        room = max(high - low, 1e-12)
        ax.set_ylim(low - 0.75 * room, high + 0.75 * room)  # the first rounds' wide bands may leave the picture
    ax.set_xlim(0, path["round"].max())
    ax.set_xlabel("rounds")
    ax.set_ylabel("value" if alpha is None else f"value, with {1 - alpha:.0%} interval")
    ax.legend(title="arm", frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return ax
