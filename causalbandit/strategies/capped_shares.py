"""Shares of money with an upper limit each, and the best ones for the mixture problem by first-order steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STEPS = 400
"""First-order steps of a solve."""
CHECK_EVERY = 25
"""Steps between looks at the averages of all steps so far."""


def within_caps(shares: Array, most: Array, total: float) -> Array:
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


def dearest_first(gradient: Array, most: Array, total: float) -> float:
    """The largest Σ_b η_b·grad_b of shares with the sum ``total`` and none above ``most``."""
    order = np.argsort(-gradient, kind="stable")
    before = np.cumsum(most[order]) - most[order]
    room = np.clip(total - before, 0.0, most[order])
    return float(room @ gradient[order])


def lower_bound(rate: Array, weight: Array, count: Array, mixture: Array, dual: Array, most: Array) -> float:
    """F²/(Σ_c w_c n_c/d_c² + max_{η ≤ u} Σ_b η_b grad_b): no shares within the limits have a smaller value.

    0 where a row is starved, so that the point says nothing.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        denominators = np.maximum(count + rate @ mixture, 1e-300)
        row = (weight @ dual) / denominators
        gradient = (row / denominators) @ rate
        slope = float((row / denominators) @ count) + dearest_first(gradient, most, 1.0)
        total = float(row.sum())
        return total * (total / slope) if 0 < slope < np.inf and total < np.inf else 0.0


def capped_saddle(
    rate: Array, weight: Array, count: Array, most: Array, total: float, tolerance: float = 1e-4
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Shares [S] of the sum ``total``, none above ``most`` [S], with dual weights [R]: the best, and the best proof.

    Multiplicative steps on both sides of the saddle form min_η max_p Σ_c (Wp)_c/d_c, as those of
    `causalbandit.strategies.mixture_solvers.first_order`, each followed by `within_caps`. The first pair has the least
    value, the second the largest bound on these columns.
    """
    mixture = within_caps(np.full(rate.shape[1], 1.0), most, total)
    dual = np.full(weight.shape[1], 1 / weight.shape[1])
    sums = np.zeros_like(mixture), np.zeros_like(dual)
    best, proof, upper, lower = (mixture, dual), (mixture, dual), np.inf, 0.0

    def judge(mixture: Array, dual: Array) -> tuple[Array, Array]:
        nonlocal best, proof, upper, lower
        denominators = np.maximum(count + rate @ mixture, 1e-100)
        values = (1 / denominators) @ weight
        row = (weight @ dual) / denominators
        gradient = (row / denominators) @ rate
        slope = float((row / denominators) @ count) + dearest_first(gradient, most, total)
        bound = float(row.sum()) ** 2 / slope if slope > 0 else 0.0
        if values.max() < upper:
            best, upper = (mixture, dual), float(values.max())
        if bound > lower:
            proof, lower = (mixture, dual), bound
        return values, gradient

    for step in range(1, STEPS + 1):
        values, gradient = judge(mixture, dual)
        sums[0][:] += step * mixture
        sums[1][:] += step * dual
        if step % CHECK_EVERY == 0:
            judge(sums[0] * (mixture.sum() / sums[0].sum()), sums[1] / sums[1].sum())
            if upper <= lower * (1 + tolerance):
                break
        mixture = within_caps(mixture * (gradient / gradient.max()) ** 0.75, most, total)
        dual = dual * np.exp(10 / np.sqrt(step) * (values / values.max() - 1))
        dual = dual / dual.sum()
    return best, proof
