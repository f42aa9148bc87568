"""Drawings of estimates: forest plots, estimates over time, and the panel that compares estimators."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from causalbandit.errors import BadValue
from causalbandit.plots.axes import PALETTE, axes, colours_of
from causalbandit.text import escaped

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def forest(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """One horizontal interval per row, the first row on top; a row without a finite interval says so.

    ``table`` has the columns ``estimate``, ``lower``, ``upper``, and what names a row: ``arm``, ``policy`` or
    ``intervention``, and ``reference`` for contrasts (which are drawn with a line at zero). The error rate
    ``table.attrs["alpha"]`` goes into the label.
    """
    names = table[next(name for name in ("arm", "policy", "intervention") if name in table)].astype(str)
    contrasts = "reference" in table
    labels = [*names]
    if contrasts:
        labels = [f"{a} − {b}" for a, b in zip(names, table["reference"].astype(str), strict=True)]
    ax = axes(ax, height=1.4 + 0.4 * len(table))
    estimate, lower, upper = (table[name].to_numpy(dtype=float) for name in ("estimate", "lower", "upper"))
    places = np.arange(len(table))[::-1]
    shown = np.isfinite(lower) & np.isfinite(upper)
    ax.hlines(places[shown], lower[shown], upper[shown], color=PALETTE[0], linewidth=2.0)
    ax.plot(estimate, places, "o", color=PALETTE[0], markersize=6)
    for place in places[~shown]:
        ax.text(0.5, place, "no interval", transform=ax.get_yaxis_transform(), ha="center", va="bottom", color="0.4")
    if contrasts:
        ax.axvline(0.0, color="0.4", linewidth=1.0, linestyle="--")
    ax.set_yticks(places, [escaped(label) for label in labels])
    ax.set_ylim(-0.6, len(table) - 0.4)
    ax.margins(x=0.08)
    level = table.attrs.get("alpha")
    interval = "interval" if level is None else f"{1 - level:.0%} interval"
    ax.set_xlabel(f"{'difference' if contrasts else 'value'}, with {interval}")
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    return ax


def _over_rounds(ax: Axes, what: str) -> Axes:
    """Labels and legend of a figure with a line per arm over the rounds."""
    ax.set_xlabel("rounds")
    ax.set_ylabel(what)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(title="arm", frameon=False)
    return ax


def estimates_over_time(
    path: pd.DataFrame,
    alpha: float | None = None,
    ax: Axes | None = None,
    colours: Mapping[Hashable, str] | None = None,
) -> Axes:
    """Each arm's estimate against the number of rounds, with a band between ``lower`` and ``upper``.

    ``path`` has the columns ``round``, ``arm``, ``estimate``, ``lower``, ``upper``. The error rate ``alpha`` goes into
    the label. ``colours`` of arms go by their order in ``path`` when they are left out.
    """
    ax = axes(ax)
    if colours is None:
        colours = colours_of(list(path["arm"].unique()))
    final = path.groupby("arm", sort=False).last()
    low, high = final["lower"].min(), final["upper"].max()
    for arm, rows in path.groupby("arm", sort=False):
        colour = colours[arm]
        ax.plot(rows["round"], rows["estimate"], color=colour, label=escaped(arm), linewidth=1.6)
        known = rows[np.isfinite(rows["lower"]) & np.isfinite(rows["upper"])]
        ax.fill_between(known["round"], known["lower"], known["upper"], color=colour, alpha=0.15, linewidth=0.0)
    if np.isfinite(low) and np.isfinite(high):
        # The first rounds' wide bands may leave the picture: around the last ones stay three quarters of their span.
        room = max(high - low, 1e-12)
        least = path["lower"].replace([-np.inf, np.inf], np.nan).min() - 0.05 * room
        most = path["upper"].replace([-np.inf, np.inf], np.nan).max() + 0.05 * room
        ax.set_ylim(max(low - 0.75 * room, least), min(high + 0.75 * room, most))
    ax.set_xlim(0, path["round"].max())
    return _over_rounds(ax, "value" if alpha is None else f"value, with {1 - alpha:.0%} interval")


def mark_truth(ax: Axes, truth: Mapping[Hashable, float], arms: Sequence[Hashable]) -> Axes:
    """Mark known effects on a `forest` whose rows are ``arms``, the first on top."""
    marked = [(truth[arm], len(arms) - 1 - place) for place, arm in enumerate(arms) if arm in truth]
    if marked:
        ax.plot(*zip(*marked, strict=True), "|", color=PALETTE[1], markersize=18, mew=2.0, label="truth")
        ax.legend(frameon=False, loc="best")
    return ax


def effects_over_time(
    path: pd.DataFrame,
    alpha: float | None = None,
    truth: Mapping[Hashable, float] | None = None,
    ax: Axes | None = None,
    colours: Mapping[Hashable, str] | None = None,
) -> Axes:
    """Effects against a control over the rounds, each with its confidence band, a line at zero and dotted truths.

    Everything but ``truth``, effects of arms where they are known, is as for `estimates_over_time`.
    """
    if path.empty:
        raise BadValue("there are no rounds to draw yet; observe some outcomes first.")
    if colours is None:
        colours = colours_of(list(path["arm"].unique()))
    ax = estimates_over_time(path, alpha, ax, colours)
    ax.axhline(0.0, color="0.4", linewidth=1.0, linestyle="--")
    for arm, effect in (truth or {}).items():
        if arm in colours:
            ax.axhline(effect, color=colours[arm], linewidth=1.4, linestyle=":")
    ax.set_ylabel("effect" if alpha is None else f"effect, with {1 - alpha:.0%} confidence sequence")
    return ax


def _places(arms: Any, names: Sequence[Hashable]) -> Any:
    """Arm labels of rounds as positions in ``names``."""
    place = {name: number for number, name in enumerate(names)}
    return np.array([place[arm] for arm in arms], dtype=np.int64)


def assignments_over_time(arms: Any, names: Sequence[Hashable], ax: Axes | None = None) -> Axes:
    """Cumulative number of assignments of each arm, from the arms of the rounds in order."""
    ax = axes(ax)
    places = _places(arms, names)
    for number, (name, colour) in enumerate(colours_of(names).items()):
        counts = np.cumsum(places == number)
        ax.plot(np.arange(1, len(places) + 1), counts, color=colour, label=escaped(name))
    return _over_rounds(ax, "assignments so far")


def assignment_totals(arms: Any, names: Sequence[Hashable], ax: Axes | None = None) -> Axes:
    """Total number of assignments of each arm, as labelled bars."""
    ax = axes(ax)
    counts = np.bincount(_places(arms, names), minlength=len(names))
    colours = list(colours_of(names).values())
    bars = ax.bar([escaped(name) for name in names], counts, color=colours, width=0.6)
    ax.bar_label(bars)
    ax.set_xlabel("arm")
    ax.set_ylabel("assignments")
    return ax


def assignment_probabilities(path: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Assignment probability of each arm over the rounds: a running mean over 1/50 of them, and faint single values.

    ``path`` has the columns ``round``, ``arm``, ``probability``.
    """
    ax = axes(ax)
    window = max(1, path["round"].nunique() // 50)
    colours = colours_of(list(path["arm"].unique()))
    for arm, rows in path.groupby("arm", sort=False):
        colour = colours[arm]
        step = max(1, len(rows) // 2000)  # more points than these would hide each other
        ax.plot(rows["round"][::step], rows["probability"][::step], ".", color=colour, markersize=2, alpha=0.15)
        smooth = rows["probability"].rolling(window, min_periods=1).mean()
        ax.plot(rows["round"], smooth, color=colour, label=escaped(arm), linewidth=1.6)
    ax.set_ylim(0.0, 1.0)
    return _over_rounds(ax, "assignment probability")


def score_distribution(scores: pd.DataFrame, colours: Mapping[Hashable, str], ax: Axes | None = None) -> Axes:
    """Boxes of the scores of each contrast, by what was drawn; whiskers hold the middle 98 %, dashes mark the mean.

    ``scores`` has the columns ``arm``, ``drawn`` ("arm", "control" or "other") and ``score``.
    """
    ax = axes(ax)
    boxes, labels, fills = [], [], []
    for arm in scores["arm"].unique():
        for group in ("arm", "control"):
            values = scores.loc[(scores["arm"] == arm) & (scores["drawn"] == group), "score"]
            if len(values):
                boxes.append(values.to_numpy())
                labels.append(f"{escaped(arm)}\n{'drawn' if group == 'arm' else 'control drawn'}")
                fills.append(colours[arm])
    if not boxes:
        raise BadValue("there are no scores to draw yet; observe some outcomes first.")
    drawn = ax.boxplot(
        boxes,
        whis=(1, 99),
        showfliers=False,
        showmeans=True,
        meanline=True,
        patch_artist=True,
        medianprops={"color": "black"},
        meanprops={"color": "black", "linestyle": "--"},
    )
    for patch, colour in zip(drawn["boxes"], fills, strict=True):
        patch.set_facecolor(colour)
        patch.set_alpha(0.35)
    ax.set_xticks(range(1, len(labels) + 1), labels)
    ax.axhline(0.0, color="0.4", linewidth=1.0, linestyle="--")
    ax.set_ylabel("score of arm minus control")
    return ax


def power_over_time(path: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Share of simulated experiments whose interval leaves out zero, over the rounds, a line per arm.

    ``path`` has the columns ``round``, ``arm``, ``power``.
    """
    ax = axes(ax)
    colours = colours_of(list(path["arm"].unique()))
    for arm, rows in path.groupby("arm", sort=False):
        ax.plot(rows["round"], rows["power"], color=colours[arm], label=escaped(arm), linewidth=1.6)
    ax.set_ylim(0.0, 1.02)
    return _over_rounds(ax, "share of experiments with a significant effect")


def estimator_panel(comparison: pd.DataFrame, targets: Mapping[str, str], alpha: float = 0.1) -> Figure:
    """A figure with a column per setting and rows for RMSE, bias, width and coverage, against the number of rounds.

    Parameters
    ----------
    comparison : pandas.DataFrame
        Columns ``setting``, ``rounds``, ``estimator``, ``target``, ``rmse``, ``bias``, ``width``, ``coverage``, as
        `causalbandit.bandit_simulation.compare_estimators` gives them.
    targets : mapping of str to str
        Which targets to draw and with which line style, for example ``{"arm 0": "-", "arm 2": "--"}``.
    alpha : float
        Error rate, drawn as a line at 1 − α under the coverage.
    """
    import matplotlib.pyplot as plt
    from matplotlib.lines import Line2D

    rows = {"rmse": "RMSE", "bias": "bias", "width": "interval width", "coverage": "coverage"}
    settings, colours = comparison["setting"].unique(), colours_of(list(comparison["estimator"].unique()))
    figure, grid = plt.subplots(
        len(rows), len(settings), figsize=(3.6 * len(settings) + 1.0, 9.5), sharex=True, sharey="row", squeeze=False
    )
    for place, setting in enumerate(settings):
        for number, (column, label) in enumerate(rows.items()):
            ax = axes(grid[number, place])
            for estimator, colour in colours.items():
                for target, style in targets.items():
                    here = comparison[
                        (comparison["setting"] == setting)
                        & (comparison["estimator"] == estimator)
                        & (comparison["target"] == target)
                    ]
                    ax.plot(here["rounds"], here[column], style, color=colour, marker="o", markersize=3)
            ax.set_xscale("log")
            if column in ("rmse", "width"):
                ax.set_yscale("log")
            else:
                ax.axhline(0.0 if column == "bias" else 1.0 - alpha, color="0.4", linewidth=1.0, linestyle=":")
            if place == 0:
                ax.set_ylabel(label)
                grid[0, place].set_title(escaped(setting))
        grid[-1, place].set_xlabel("rounds")
    lines = [Line2D([], [], color=colour, label=escaped(name)) for name, colour in colours.items()]
    for target, style in targets.items():
        lines.append(Line2D([], [], color="0.3", label=escaped(target)))
        lines[-1].set_linestyle(style)  # type: ignore[arg-type] # any of matplotlib's style strings
    figure.legend(handles=lines, loc="outside lower center", ncols=4, frameon=False)
    figure.set_layout_engine("constrained")
    return figure
