"""Exact bounds of an effect from inverse-propensity scores of bounded outcomes, at any time, whatever drifts.

Take outcomes Y scaled to [0, 1], arm k drawn with probability p(k) that may depend on all of the past. The score

    Z = 1{W = k} Y/p(k) + 1{W = 0} (1 − Y)/p(0)

is never negative and has mean 1 + τ_t given the past, τ_t the effect of arm k against the control in round t. So
Z − 1 ≥ −1, and exp(λ Σ(Z − 1 − τ_t) − ψ(λ) Σ(Z − 1)²) with ψ(λ) = −log(1 − λ) − λ is a supermartingale for every λ in
[0, 1) (Fan, Grama & Liu 2015; Howard, Ramdas, McAuliffe & Sekhon 2021, theorem 4): the one-sided gamma-exponential
boundary u(V) of scale 1 at V = Σ(Z − 1)² bounds the mean effect so far, (1/t)Σ τ_s ≥ ΣZ/t − 1 − u(V)/t, at all times at
once. The upper bound is the same for 1 − Y. Small propensities make the bounds longer, not less valid.

The only assumption is that propensities are those with which arms were drawn. Means may drift and outcomes depend on
each other; the bounds then hold for the mean effect of the rounds so far.

>>> arms, outcomes = np.tile([0, 1], 200), np.tile([0.2, 0.9], 200)
>>> ends = score_paths(arms, outcomes, np.full(400, 0.5), n_arms=2, bounds=(0, 1))
>>> [float(end[-1, 0].round(2)) for end in ends]
[0.7, 0.57, 0.83]
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

from causalbandit.arrays import Floats, Integers
from causalbandit.checks import interval
from causalbandit.errors import InvalidArgument
from causalbandit.sequences.boundaries import gamma_exponential_mixture


def score_paths(
    arms: Integers,
    outcomes: Floats,
    propensities: Floats,
    n_arms: int,
    control: int = 0,
    at: Integers | None = None,
    *,
    bounds: tuple[float, float],
    alpha: float = 0.05,
    t_opt: float = 1000.0,
) -> tuple[Floats, Floats, Floats]:
    """Estimates, lower and upper ends after every round, each [T, K − 1]: arms other than the control, in order.

    The estimate is the mean of the scores 1{W = k}(Y − m)/p(k) − 1{W = 0}(Y − m)/p(0), m the middle of the bounds; NaN
    without any round.

    Parameters
    ----------
    arms, outcomes, propensities
        [T]: indices of the drawn arms, what they gave, and the probabilities with which they were drawn.
    at
        [n]: numbers of rounds, ascending, to look at instead of all; the ends are then [n, K − 1].
    bounds
        (a, b) that outcomes cannot leave whatever happens.
    alpha
        Error rate of each contrast, of both sides together over all times.
    t_opt
        Number of rounds near which the bounds are tightest. With K arms drawn evenly and outcomes 0 or 1, V is about
        (K − 1)t.

    Raises
    ------
    InvalidArgument
        For bounds that are none, and an outcome outside them.
    """
    low, high = interval(bounds, "bounds")
    outside = ~((outcomes >= low) & (outcomes <= high))
    if outside.any():
        raise InvalidArgument(
            "outcomes",
            f"holds {outcomes[outside][0]:g}, outside bounds=({low:g}, {high:g}); the bounds must be ones that "
            "outcomes cannot leave. For outcomes without bounds use a Mixture Adaptive Design's own sequence.",
        )

    def terms(rows: slice) -> tuple[Floats, Floats, Floats, Floats]:
        return score_terms((outcomes[rows] - low) / (high - low), propensities[rows])

    when = np.arange(1, len(arms) + 1) if at is None else at
    if len(when) == len(arms):
        every = np.stack(terms(slice(None)))

        def sums(arm: int) -> Floats:
            """[4, n]: running sums of the terms over the rounds in which an arm was drawn."""
            return np.cumsum((arms == arm) * every, axis=1)

    else:
        stretches = [slice(*ends) for ends in pairwise((0, *when.tolist()))]
        known = np.cumsum([[np.bincount(arms[s], term, n_arms) for term in terms(s)] for s in stretches], axis=0)

        def sums(arm: int) -> Floats:
            return known[:, :, arm].T

    of_control, v_opt = sums(control), t_opt * (n_arms - 1)
    others = [place for place in range(n_arms) if place != control]
    found = [_ends(sums(arm), of_control, when, alpha, v_opt) for arm in others]
    estimates, lower, upper = ((high - low) * np.stack(parts, axis=1) for parts in zip(*found, strict=True))
    return estimates, lower, upper


def _ends(arm: Floats, control: Floats, rounds: Integers, alpha: float, v_opt: float) -> tuple[Floats, Floats, Floats]:
    """Estimates, lower and upper ends, each [n], for outcomes in [0, 1], from sums [4, n] of both arms' terms.

    ``rounds`` [n] counts those of other arms, too; ``v_opt`` is the V = Σ(Z − 1)² near which the bounds are tightest.
    """
    at_least_one = np.maximum(rounds, 1)

    def least(up: int, one: Floats, down: int, other: Floats) -> Floats:
        """The lower end of the mean of Z − 1, Z the sum of two scores that are never both positive."""
        total, squares = one[up] + other[down], one[up + 1] + other[down + 1]
        variance = np.maximum(squares - 2.0 * total + rounds, 0.0)
        radius = gamma_exponential_mixture(variance, alpha / 2.0, v_opt, 1.0)
        end: Floats = np.clip((total - rounds - radius) / at_least_one, -1.0, 1.0)
        return end

    estimate = ((arm[0] - arm[2]) - (control[0] - control[2])) / (2.0 * at_least_one)
    lower, upper = least(0, arm, 2, control), -least(2, arm, 0, control)
    return np.where(rounds > 0, np.clip(estimate, -1.0, 1.0), math.nan), lower, upper


def score_terms(values: Any, propensities: Any) -> tuple[Any, Any, Any, Any]:
    """Y/p, Y²/p², (1 − Y)/p, (1 − Y)²/p² for outcomes Y scaled to [0, 1]: the bounds rest on sums of these."""
    rising, falling = values / propensities, (1.0 - values) / propensities
    return rising, rising * rising, falling, falling * falling
