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

>>> sums = ScoreSums(n_arms=2, control=0, bounds=(0, 1))
>>> sums.add_many(arms=[0, 1] * 200, outcomes=[0.2, 0.9] * 200, propensities=[0.5] * 400)
>>> estimate, lower, upper = sums.contrast(1)
>>> round(estimate, 2), round(lower, 2), round(upper, 2)
(0.7, 0.57, 0.83)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causalbandit.checks import error_rate, interval, numeric_array, whole_number
from causalbandit.errors import InvalidArgument
from causalbandit.sequences.boundaries import gamma_exponential_mixture

Floats = NDArray[np.float64]


class ScoreSums:
    """Sums per arm of Y/p and (1 − Y)/p and of their squares, Y scaled to [0, 1]: all that the bounds need.

    A round costs O(1), the state is O(K), and sums of parts of an experiment add.

    Parameters
    ----------
    n_arms, control
        K and the control's index.
    bounds
        (a, b) that outcomes cannot leave whatever happens.

    Attributes
    ----------
    rounds : int
        t, rounds added.
    sums : numpy.ndarray of float, shape [4, K]
        Σ Y/p, Σ Y²/p², Σ (1 − Y)/p, Σ (1 − Y)²/p² over the rounds in which the arm was drawn.
    """

    def __init__(self, n_arms: int, control: int, bounds: tuple[float, float]) -> None:
        self.n_arms = whole_number(n_arms, "n_arms", least=2)
        self.control = whole_number(control, "control", least=0, most=n_arms - 1)
        self.bounds = interval(bounds, "bounds")
        self.rounds = 0
        self.sums = np.zeros((4, n_arms))

    def add(self, arm: int, outcome: float, propensity: float) -> None:
        """Add one round: the drawn arm, its outcome and the probability with which it was drawn."""
        self.sums[:, arm] += _terms(self._scaled(np.float64(outcome)), np.float64(propensity))
        self.rounds += 1

    def add_many(self, arms: ArrayLike, outcomes: ArrayLike, propensities: ArrayLike) -> None:
        """Add many rounds, arrays [T]."""
        drawn = np.asarray(arms, dtype=np.int64)
        values = self._scaled(numeric_array(outcomes, "outcomes", "one per round"))
        terms = _terms(values, numeric_array(propensities, "propensities", "one per round"))
        self.sums += [np.bincount(drawn, term, self.n_arms) for term in terms]
        self.rounds += len(drawn)

    def contrast(self, arm: int, alpha: float = 0.05, t_opt: float = 1000.0) -> tuple[float, float, float]:
        """(estimate, lower, upper) of an arm's mean effect against the control, on the outcomes' scale.

        The estimate is the mean of the scores 1{W = k}(Y − m)/p(k) − 1{W = 0}(Y − m)/p(0), m the middle of the bounds.
        ``alpha`` is spent on both sides together; see `score_ends` for ``t_opt``.
        """
        width = self.bounds[1] - self.bounds[0]
        v_opt = t_opt * (self.n_arms - 1)
        found = score_ends(self.sums[:, arm], self.sums[:, self.control], self.rounds, alpha, v_opt)
        estimate, lower, upper = (width * float(part) for part in found)
        return estimate, lower, upper

    def state(self) -> dict[str, Any]:
        """The sums as JSON values."""
        return {"rounds": self.rounds, "sums": self.sums.tolist()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Put back what `state` gave."""
        self.rounds, self.sums = int(state["rounds"]), np.array(state["sums"], dtype=np.float64)

    def _scaled(self, outcomes: Any) -> Any:
        low, high = self.bounds
        outside = ~((outcomes >= low) & (outcomes <= high))
        if np.any(outside):
            given = float(np.extract(outside, outcomes)[0])
            raise InvalidArgument(
                "outcomes",
                f"holds {given:g}, outside bounds=({low:g}, {high:g}); the bounds must be ones that outcomes cannot "
                "leave. For outcomes without bounds use a Mixture Adaptive Design's own sequence.",
            )
        return (outcomes - low) / (high - low)


def score_paths(
    arms: ArrayLike,
    outcomes: ArrayLike,
    propensities: ArrayLike,
    n_arms: int,
    control: int = 0,
    *,
    bounds: tuple[float, float],
    alpha: float = 0.05,
    t_opt: float = 1000.0,
) -> tuple[Floats, Floats, Floats]:
    """Estimates, lower and upper ends after every round, each [T, K − 1]: arms other than the control, in order.

    ``arms`` [T] holds indices, ``propensities`` [T] those of the drawn arms. Each contrast spends ``alpha`` by itself.
    """
    sums = ScoreSums(n_arms, control, bounds)
    drawn = np.asarray(arms, dtype=np.int64)
    values = sums._scaled(numeric_array(outcomes, "outcomes", "one per round"))
    terms = _terms(values, numeric_array(propensities, "propensities", "one per round"))
    others = [place for place in range(n_arms) if place != control]

    def running(arm: int) -> Floats:
        return np.cumsum((drawn == arm) * np.stack(terms), axis=1)

    rounds, of_control = np.arange(1, len(drawn) + 1), running(control)
    width, v_opt = sums.bounds[1] - sums.bounds[0], t_opt * (n_arms - 1)
    found = [score_ends(running(arm), of_control, rounds, alpha, v_opt) for arm in others]
    estimates, lower, upper = (width * np.stack(parts, axis=1) for parts in zip(*found, strict=True))
    return estimates, lower, upper


def score_ends(
    arm: Floats, control: Floats, rounds: ArrayLike, alpha: float, v_opt: float
) -> tuple[Floats, Floats, Floats]:
    """Estimate, lower and upper end of an arm's mean effect, for outcomes in [0, 1], from sums [4, ...] of both arms.

    Parameters
    ----------
    arm, control
        Σ Y/p, Σ Y²/p², Σ (1 − Y)/p, Σ (1 − Y)²/p² of either; further axes (times) follow.
    rounds
        t, all rounds, also those of other arms.
    alpha
        Error rate of both sides together over all times.
    v_opt
        V = Σ(Z − 1)² near which the bounds are tightest. With K arms drawn evenly and outcomes 0 or 1, V is about
        (K − 1)t; `ScoreSums.contrast` takes that at t = ``t_opt``.
    """
    error_rate(alpha)
    t = np.asarray(rounds, dtype=np.float64)
    at_least_one = np.maximum(t, 1.0)

    def least(up: int, one: Floats, down: int, other: Floats) -> Floats:
        """The lower end of the mean of Z − 1, Z the sum of two scores that are never both positive."""
        total, squares = one[up] + other[down], one[up + 1] + other[down + 1]
        variance = np.maximum(squares - 2.0 * total + t, 0.0)
        radius = gamma_exponential_mixture(np.asarray(variance), alpha / 2.0, v_opt, 1.0)
        end: Floats = np.clip((total - t - radius) / at_least_one, -1.0, 1.0)
        return end

    estimate = ((arm[0] - arm[2]) - (control[0] - control[2])) / (2.0 * at_least_one)
    lower, upper = least(0, arm, 2, control), -least(2, arm, 0, control)
    return np.where(t > 0, np.clip(estimate, -1.0, 1.0), math.nan), lower, upper


def _terms(values: Any, propensities: Any) -> tuple[Any, Any, Any, Any]:
    """Y/p, Y²/p², (1 − Y)/p, (1 − Y)²/p² of rounds with outcomes scaled to [0, 1]."""
    wrong = ~((propensities > 0.0) & (propensities <= 1.0))
    if np.any(wrong):
        given = float(np.extract(wrong, propensities)[0])
        raise InvalidArgument(
            "propensities", f"holds {given:g}; expected the probability with which the drawn arm was drawn, in (0, 1]."
        )
    rising, falling = values / propensities, (1.0 - values) / propensities
    return rising, rising * rising, falling, falling * falling
