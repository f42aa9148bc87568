"""E-values for "both cells have the same probability of a one", given how many ones there were in all.

Within a batch whose sizes were fixed before it began, let a row of experiments that share one unknown probability hold
n experiments with s ones, m of them in a cell that was known before the ones were. Given n, s and m, the ones of the
cell are hypergeometric, whatever that probability is and however the batch was chosen. An e-value is non-negative with
expectation at most 1 under the claim; a product over batches stays one, and by Ville's inequality it ever reaches 1/δ
with probability at most δ, however the batches were chosen and whenever one looks.

With U the sum over rows and batches of (ones − expected), V of the variance and W of the third central moment,

    E(θ) = exp(θU − (V + W)/2·φ(θ) − (V − W)/2·φ(−θ)),    φ(u) = exp(u) − 1 − u,

has expectation at most 1 for every θ in [−5, 5]. Proof: a hypergeometric variable has the law of a sum of independent
indicators (Vatutin & Mikhailov 1982), so that V = Σ p(1 − p) and W = Σ p(1 − p)(1 − 2p), and for one indicator

    log E exp(θ(X − p)) ≤ p·φ(θ(1 − p)) + (1 − p)·φ(−θp) ≤ p(1 − p)·[(1 − p)·φ(θ) + p·φ(−θ)].

The second step compares power series in θ: the terms of order 2 and 3 agree; of order k, even and at least 4, the right
side exceeds the left by at least as much as it may fall short at k + 1, as long as |θ| ≤ k + 1. With one indicator of
probability ½ the loss is 3 % of the exponent at θ = ½. The sub-Gaussian form exp(θU − θ²V/2) has no such proof: for
skewed rows its expectation exceeds 1.

E is the mixture of E(θ) over a grid of log odds ratios θ with weights of N(0, ½²).

>>> mean, variance, third = hypergeometric_moments([100, 100], [50, 50], [40, 40])
>>> deviation = [28, 29] - mean  # 57 ones of 80 in the cell, 43 of 120 outside it
>>> float(log_e_value(deviation.sum(), variance.sum(), third.sum()).round(1))
7.6
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from causalbandit.arrays import Floats

SPREAD = 0.5
"""Standard deviation of the mixed log odds ratios: effects from 5 to 25 points of a probability around one half."""

_STEPS = 0.02 * 1.35 ** np.arange(16)
"""Sizes of θ in the grid, 0.02 to 1.8: with a ratio of 1.35 the nearest costs at most 2.3 % of the best exponent."""


@cache
def _grid() -> tuple[Floats, Floats]:
    """What U, V and W count in the exponent of each of ±θ, [3, 32], and logarithms of their weights, [32].

    A weight is the normal mass between geometric means of neighbours, ½ in all per sign.
    """
    from scipy.special import ndtr

    even, odd = np.cosh(_STEPS) - 1.0, np.sinh(_STEPS) - _STEPS  # halves of φ(θ) ± φ(−θ)
    upwards = np.stack([_STEPS, -even, -odd])
    slopes = np.concatenate([upwards, upwards * [[-1.0], [1.0], [-1.0]]], axis=1)
    edges = np.concatenate([[0.0], np.sqrt(_STEPS[1:] * _STEPS[:-1]), [np.inf]])
    return slopes, np.tile(np.log(np.diff(ndtr(edges / SPREAD))), 2)


def hypergeometric_moments(total: ArrayLike, ones: ArrayLike, cell: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Mean, variance and third central moment of the ones in a cell of a row, given the ones of the row.

    Parameters
    ----------
    total, ones, cell : arrays that broadcast
        n experiments in the row, s ones among them, m experiments in the cell; 0 ≤ s, m ≤ n. Empty rows give zeros.
    """
    n, s, m = (np.asarray(each, dtype=np.float64) for each in (total, ones, cell))
    mean = m * s / np.maximum(n, 1)
    variance = mean * (n - s) / np.maximum(n, 1) * (n - m) / np.maximum(n - 1, 1)
    third = variance * ((n - 2 * s) / np.maximum(n, 1)) * ((n - 2 * m) / np.maximum(n - 2, 1))
    return mean, variance, third


def log_e_value(deviation: ArrayLike, variance: ArrayLike, third: ArrayLike) -> Floats:
    """log E of sums that share a direction, elementwise; 0 where the variance is 0: nothing was to be seen there.

    Parameters
    ----------
    deviation, variance, third : arrays of one shape
        U, V and W of the module docstring, summed over rows and over the batches so far.
    """
    slopes, log_weights = _grid()
    sums = [np.asarray(each, dtype=np.float64) for each in (deviation, variance, third)]
    exponents = np.stack(sums, axis=-1) @ slopes
    exponents += log_weights
    largest: Floats = exponents.max(axis=-1)
    exponents -= largest[..., None]
    np.exp(exponents, out=exponents)
    largest += np.log(exponents.sum(axis=-1))
    return largest


def log_universal(ones: ArrayLike, zeros: ArrayLike) -> Floats:
    """log E of one row by universal inference (Wasserman, Ramdas & Balakrishnan 2020), cells along the last axis.

    The numerator gives every cell its own probability, mixed over Beta(½, ½), the denominator is the largest likelihood
    with one probability for all. Valid for any order and any choice of the experiments, without batches; each cell
    costs about half the logarithm of its size.
    """
    from scipy.special import betaln, xlogy

    s, f = np.asarray(ones, dtype=np.float64), np.asarray(zeros, dtype=np.float64)
    all_ones, all_zeros = s.sum(axis=-1), f.sum(axis=-1)
    total = np.maximum(all_ones + all_zeros, 1)
    best = xlogy(all_ones, all_ones / total) + xlogy(all_zeros, all_zeros / total)
    result: Floats = (betaln(s + 0.5, f + 0.5) - betaln(0.5, 0.5)).sum(axis=-1) - best
    return result


def log_verdict(log_e: ArrayLike, weights: ArrayLike) -> Floats:
    """log of the weighted mean of e-values (claims along the last axis; weights sum to 1): an e-value for all at once.

    Means stay e-values whatever the dependence between the claims.
    """
    values = np.asarray(log_e, dtype=np.float64)
    if not values.shape[-1]:  # no claim to speak of: nothing is refuted
        return np.zeros(values.shape[:-1])
    largest = values.max(axis=-1)
    result: Floats = largest + np.log(np.exp(values - largest[..., None]) @ np.asarray(weights))
    return result


def log_adjusted(log_e: ArrayLike, weights: ArrayLike, level: float = 0.0) -> Floats:
    """log of each claim's e-value adjusted for all claims, shape [M]; the claim is refuted when it reaches log(1/δ).

    Closed testing with weighted means (Vovk & Wang 2021, e-Holm for equal weights): the least mean over all sets of
    claims that hold this one, found by adding smaller ones from the least upwards. At most δ is the probability that
    any true claim is ever refuted. Claims below ``level`` are not adjusted: adjusting makes none larger.
    """
    values, shares = np.asarray(log_e, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    sums = np.concatenate([[-np.inf], np.logaddexp.accumulate(values[order] + np.log(shares[order]))])
    weight = np.concatenate([[0.0], np.cumsum(shares[order])])
    adjusted = values.copy()
    for rank in np.flatnonzero(values[order] >= level):
        claim = order[rank]
        own = values[claim] + np.log(shares[claim])
        means = np.logaddexp(own, sums[: rank + 1]) - np.log(shares[claim] + weight[: rank + 1])
        adjusted[claim] = means.min()
    return adjusted
