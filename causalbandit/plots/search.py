"""Figures of a search's decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from causalbandit.text import escaped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from causalbandit.strategies.strategy import Decision


def plot_decision(decision: Decision, ax: Axes | None = None, most: int = 15) -> Axes:
    """Estimated effects of the ``most`` best interventions, the chosen one on top, with the true ones when known."""
    from causalbandit.report import decision_frame
    from causalbandit.text import shortened

    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(
            figsize=(7, 0.9 + 0.3 * min(most, len(decision.problem.interventions))), layout="constrained"
        )
    frame = decision_frame(decision).head(most)[::-1]
    heights = np.arange(len(frame))
    chosen = frame["best"].to_numpy()
    ax.barh(heights, frame["estimate"], color=np.where(chosen, "#1b6ca8", "#b7c9d9"), height=0.7, label="estimate")
    if "true_effect" in frame:
        ax.plot(frame["true_effect"], heights, "k|", markersize=12, markeredgewidth=2, label="true effect")
    ax.set_yticks(heights, [escaped(shortened(label, 40)) for label in frame["intervention"]])
    ax.set_xlabel(f"P({escaped(decision.problem.graph.target)} = 1 | do(intervention))")
    word = "largest" if decision.problem.goal == "max" else "smallest"
    ax.set_title(
        f"{escaped(decision.strategy)}, {decision.counts.total:,} experiments: {word} effect wanted", fontsize="medium"
    )
    ax.legend(loc="best", fontsize="small", frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return ax
