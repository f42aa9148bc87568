"""How simulated experiments explore: laws of outcomes, rules that choose arms, and floors under their probabilities.

>>> floored([0.9, 0.1, 0.0], 0.1).round(3).tolist()
[0.8, 0.1, 0.1]
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from causalbandit.arrays import Floats, quotients
from causalbandit.errors import BadValue


def _lognormal(random: np.random.Generator, means: Floats) -> Floats:
    return means + (random.lognormal(size=len(means)) - math.sqrt(math.e)) / math.sqrt(math.e**2 - math.e)


NOISES: dict[str, Callable[[np.random.Generator, Floats], Floats]] = {
    "uniform": lambda random, means: means + random.uniform(-1.0, 1.0, len(means)),
    "normal": lambda random, means: means + random.standard_normal(len(means)),
    "exponential": lambda random, means: means + random.standard_exponential(len(means)) - 1.0,
    "lognormal": _lognormal,
    "bernoulli": lambda random, means: (random.random(len(means)) < means).astype(np.float64),
}
"""Laws of outcomes about their means, by name: functions of a generator and [R] means that give [R] outcomes. The first
is the paper's, with standard deviation 1/√3; that of the next three is 1 and their skewness 0, 2 and 6.2."""


@dataclass(eq=False)
class ArmSums:
    """What R experiments have seen of their K arms: number, sum and sum of squares of the outcomes, [K, R] each."""

    count: Floats
    total: Floats
    squares: Floats

    @property
    def mean(self) -> Floats:
        """Mean outcomes."""
        return self.total / self.count

    @property
    def variance(self) -> Floats:
        """Variances of outcomes; that of the prior, 1, where all were equal."""
        found = self.squares / self.count - self.mean**2
        return np.where(found > 1e-12, found, 1.0)


def _thompson(sums: ArmSums, t: int, draws: int, random: np.random.Generator) -> Floats:
    """Share of draws from normal posteriors, prior N(0, 1) and the arm's own variance, in which each arm is best."""
    mean, variance = sums.mean, sums.variance
    centre = sums.count / (variance + sums.count) * mean
    spread = 1.0 / np.sqrt(sums.count / variance + 1.0)
    samples = random.standard_normal((len(mean), draws, mean.shape[1]), dtype=np.float32)
    samples *= spread[:, None, :].astype(np.float32)
    samples += centre[:, None, :].astype(np.float32)
    wins = (samples == samples.max(axis=0)).sum(axis=1).astype(np.float64)
    result: Floats = wins / wins.sum(axis=0)
    return result


def _highest(index: Floats) -> Floats:
    """Probability 1 for the arm of the highest index."""
    chosen = np.zeros(index.shape)
    chosen[index.argmax(axis=0), np.arange(index.shape[1])] = 1.0
    return chosen


def _ucb(sums: ArmSums, t: int, draws: int, random: np.random.Generator) -> Floats:
    """The arm of the highest mean + √(2 log t · variance / count)."""
    return _highest(sums.mean + np.sqrt(2.0 * math.log(t) * sums.variance / sums.count))


RULES: dict[str, Callable[[ArmSums, int, int, np.random.Generator], Floats]] = {
    "thompson": _thompson,
    "greedy": lambda sums, t, draws, random: _highest(sums.mean),
    "ucb": _ucb,
    "uniform": lambda sums, t, draws, random: np.full(sums.count.shape, 1.0 / len(sums.count)),
}
"""How an experiment explores, by name: functions of what it has seen, the round, the number of draws and a generator,
that give [K, R] probabilities before the floor."""


def floored(chances: ArrayLike, floor: float) -> Floats:
    """Probabilities raised to at least ``floor``, the others shrunk in proportion to what they have above it.

    new = max(p, floor); result = new − c·(new − floor) with c such that the sum is 1. The last axis holds the arms.

    Raises
    ------
    ValueError
        When the floor is negative or K floors exceed 1.
    """
    given = np.asarray(chances, dtype=np.float64)
    n_arms = given.shape[-1]
    if not 0.0 <= floor * n_arms <= 1.0 + 1e-12:
        raise BadValue(f"floor was {floor!r} for {n_arms} arms; expected a number between 0 and 1/{n_arms}.")
    raised = np.maximum(given, floor)
    above = raised - floor
    spare = above.sum(axis=-1, keepdims=True)
    excess = raised.sum(axis=-1, keepdims=True) - 1.0
    return raised - quotients(excess, spare) * above
