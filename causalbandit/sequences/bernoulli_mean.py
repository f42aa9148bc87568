"""The mean of one arm with outcomes 0 or 1, exact at any time and under any policy: the one-armed sibling of
`causalbandit.sequences.bernoulli_contrast`.

With s ones and f zeros, M(p) = B(s + ½, f + ½)/B(½, ½) / (p^s (1 − p)^f) is a non-negative martingale of mean 1 at the
true p, so that {p: M(p) < 1/α} holds it at all times at once with probability 1 − α (Robbins 1970; Ville 1939). It
assumes that the outcomes are independent with one mean, and has nothing to tune.

>>> lower, upper = bernoulli_mean([0, 60], [0, 100], alpha=0.05)
>>> lower.round(3).tolist(), upper.round(3).tolist()
([0.0, 0.434], [1.0, 0.751])
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causalbandit.checks import error_rate
from causalbandit.sequences.boundaries import find_root

Floats = NDArray[np.float64]

FARTHEST = 700.0
"""Largest |log-odds| of an end: its probability is still a double."""


def bernoulli_mean(successes: ArrayLike, trials: ArrayLike, alpha: float = 0.05) -> tuple[Floats, Floats]:
    """Lower and upper ends for counts of any shape that broadcast; 0 trials give 0 and 1.

    Parameters
    ----------
    successes, trials
        Numbers of ones and of outcomes, 0 ≤ successes ≤ trials.
    alpha
        Error rate in (0, 1) of both sides together, over all times.
    """
    level = -math.log(error_rate(alpha))
    ones, total = np.broadcast_arrays(*(np.asarray(given, dtype=np.float64) for given in (successes, trials)))
    s, f = ones.ravel(), (total - ones).ravel()
    lower, upper = _least(s, f, level), 1.0 - _least(f, s, level)
    return lower.reshape(ones.shape), upper.reshape(ones.shape)


def _least(s: Floats, f: Floats, level: float) -> Floats:
    """The smallest p with log M(p) ≤ level, one root in the log-odds below those of the mean; 0 without ones."""
    from scipy.special import betaln, expit, log_expit, logit

    least = np.zeros(len(s))
    at = np.flatnonzero(s > 0.0)
    s, f = s[at], f[at]
    constant = betaln(s + 0.5, f + 0.5) - betaln(0.5, 0.5) - level

    def excess(place: Floats, part: NDArray[np.int64]) -> Floats:
        value: Floats = constant[part] - s[part] * log_expit(place) - f[part] * log_expit(-place)
        return value

    top = np.minimum(logit(s / (s + f)), FARTHEST)  # M < 1 at the mean
    least[at] = expit(find_root(excess, np.full(len(at), -FARTHEST), top))
    return least
