"""Shares of money with an upper limit each, and the best ones for the mixture problem by first-order steps."""

from __future__ import annotations

import numpy as np

from causalbandit.arrays import Floats
from causalbandit.strategies.saddle_steps import saddle_steps

STEPS = 400
"""First-order steps of a solve."""


def within_caps(shares: Floats, most: Floats, total: float) -> Floats:
    """``shares`` scaled to the sum ``total``, none above ``most``: what is cut off goes to the others in proportion.

    When all limits together are less than ``total`` every share is at its limit.
    """
    fixed = np.zeros(len(shares), dtype=bool)
    result = shares.astype(np.float64)
    for _ in range(len(shares)):
        left, free = total - float(most[fixed].sum()), float(result[~fixed].sum())
        if free <= 0 or left <= 0:
            break
        result[~fixed] *= left / free
        over = ~fixed & (result > most)
        if not over.any():
            return result
        result[over] = most[over]
        fixed |= over
    return np.minimum(result, most)


def dearest_first(gradient: Floats, most: Floats, total: float) -> float:
    """The largest Σ_b η_b·grad_b of shares with the sum ``total`` and none above ``most``."""
    order = np.argsort(-gradient, kind="stable")
    before = np.cumsum(most[order]) - most[order]
    room = np.clip(total - before, 0.0, most[order])
    return float(room @ gradient[order])


def capped_saddle(
    rate: Floats, weight: Floats, count: Floats, most: Floats, total: float, tolerance: float = 1e-4
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Shares [S] of the sum ``total``, none above ``most`` [S], with dual weights [R]: the best, and the best proof."""
    return saddle_steps(
        *(rate, weight, count),
        within_caps(np.full(rate.shape[1], 1.0), most, total),
        allowed=lambda shares: within_caps(shares, most, total),
        largest=lambda gradient: dearest_first(gradient, most, total),
        steps=STEPS,
        tolerance=tolerance,
    )
