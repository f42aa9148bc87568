"""A picture of a mixture of interventions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from causalbandit.text import escaped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from causalbandit.strategies.mixture import Mixture


def plot_mixture(
    mixture: Mixture, ax: Axes | None = None, names: Sequence[object] | None = None, most: int = 30
) -> Axes:
    """Horizontal bars of the ``most`` largest weights, largest on top; returns the Axes."""
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.figure(figsize=(7, 4), layout="constrained").add_subplot()
    frame = mixture.to_frame(names)
    shown = frame.head(most)
    places = range(len(shown))
    ax.barh(places, shown["weight"].to_numpy(), color="tab:blue")
    ax.set_yticks(list(places), [escaped(label) for label in shown["intervention"]])
    ax.invert_yaxis()
    ax.set_xlabel("share of the money" if mixture.costs is not None else "share of the experiments")
    left_out = "" if len(frame) <= most else f", {len(frame) - most} more not shown"
    ax.set_title(f"mixture: value {mixture.value:.4g}, gap {mixture.gap:.0e}{left_out}")
    return ax
