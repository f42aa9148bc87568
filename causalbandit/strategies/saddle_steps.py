"""First-order steps on both sides of the mixture problem, min_η max_p Σ_c (Wp)_c / d_c with d = n + Bη.

Shares η may have an upper limit each.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from causalbandit.arrays import Floats

CHECK_EVERY = 25
"""Steps between looks at the averages of all steps so far."""
CAPPED_STEPS = 400
"""Steps of a solve with limits."""


def saddle_steps(
    rate: Floats,
    weight: Floats,
    count: Floats,
    start: Floats,
    *,
    allowed: Callable[[Floats], Floats],
    largest: Callable[[Floats], float],
    steps: int,
    tolerance: float,
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Multiplicative steps from ``start`` [S], and weighted averages of them; shares with dual weights [R], twice.

    η_b ← η_b·grad_b^¾ (the classical step of optimal design has exponent ½ and is monotone for fixed p; a little more
    is faster and still contracts), p_a ← p_a·exp(10/√t·(value_a/value − 1)). The first pair has the least value, the
    second the largest bound F²/(Σ_c w_c n_c/d_c² + max_η Σ_b η_b grad_b).

    B, W and n are ``rate`` [C, S], ``weight`` [C, R] and ``count`` [C]. ``allowed`` makes of shares the allowed ones
    that are proportional to them, as far as limits let them be; ``largest`` is the largest Σ_b η_b grad_b of allowed
    ones. There are at most so many ``steps``, of four products with the matrices each; they end when the relative gap
    between value and bound is ``tolerance``.
    """
    mixture, dual = start, np.full(weight.shape[1], 1 / weight.shape[1])
    mixture_sum, dual_sum = np.zeros_like(mixture), np.zeros_like(dual)
    best, proof, upper, lower = (mixture, dual), (mixture, dual), np.inf, 0.0

    def judge(mixture: Floats, dual: Floats) -> tuple[Floats, Floats]:
        nonlocal best, proof, upper, lower
        denominators = np.maximum(count + rate @ mixture, 1e-100)
        values = (1 / denominators) @ weight
        row = (weight @ dual) / denominators
        gradient = (row / denominators) @ rate
        slope = float((row / denominators) @ count) + largest(gradient)
        bound = float(row.sum()) ** 2 / slope if slope > 0 else 0.0
        if values.max() < upper:
            best, upper = (mixture, dual), float(values.max())
        if bound > lower:
            proof, lower = (mixture, dual), bound
        return values, gradient

    for step in range(1, steps + 1):
        values, gradient = judge(mixture, dual)
        mixture_sum += step * mixture
        dual_sum += step * dual
        if step % CHECK_EVERY == 0:
            judge(allowed(mixture_sum), dual_sum / dual_sum.sum())
            if upper <= lower * (1 + tolerance):
                break
        mixture = allowed(mixture * (gradient / gradient.max()) ** 0.75)
        dual = dual * np.exp(10 / np.sqrt(step) * (values / values.max() - 1))
        dual = dual / dual.sum()
    return best, proof


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
        steps=CAPPED_STEPS,
        tolerance=tolerance,
    )
