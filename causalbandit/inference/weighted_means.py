"""Weighted means of scores with their variances, in passes over blocks of rounds that make no copy of [T, K].

Q̂(w) = Σ h_t(w)Γ_t(w) / Σ h_t(w), with the influences I_t(w) = h_t(w)(Γ_t(w) − Q̂(w)) / Σ h_t(w), whose squares sum to
its variance and whose products to the covariance of two. Source: Hadad, Hirshberg, Zhan, Wager & Athey (PNAS 2021).
"""

from __future__ import annotations

import numpy as np

from causalbandit.arrays import Floats, Integers, column_sums, row_blocks


def weighted_values(scores: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """[K] estimates and [K] standard errors; both NaN for an arm whose scores never vary."""
    n_rounds, n_arms = scores.shape
    total, first, second = np.zeros(n_arms), np.zeros(n_arms), np.zeros(n_arms)
    for rows in row_blocks(n_rounds, n_arms):
        total += column_sums(weights[rows])
        first += column_sums(weights[rows] * scores[rows])
    with np.errstate(invalid="ignore", divide="ignore"):
        estimates = first / total  # NaN for an arm without any weight, which could never be taken
    for rows in row_blocks(n_rounds, n_arms):
        off = scores[rows] - estimates
        off *= weights[rows]
        off *= off
        second += column_sums(off)
    errors = np.sqrt(np.divide(second, total * total, out=np.full(n_arms, np.nan), where=total > 0.0))
    for arm in np.flatnonzero(errors <= 1e-9 * np.abs(estimates)):  # rounding, or truly no variance?
        if (scores[:, arm] == scores[0, arm]).all():
            estimates[arm], errors[arm] = np.nan, np.nan
    return estimates, errors


def weighted_covariance(scores: Floats, weights: Floats, estimates: Floats) -> Floats:
    """[K, K]: Σ_t I_t(w₁)I_t(w₂). O(T·K²)."""
    n_rounds, n_arms = scores.shape
    covariance, total = np.zeros((n_arms, n_arms)), np.zeros(n_arms)
    for rows in row_blocks(n_rounds, n_arms):
        influence = scores[rows] - estimates
        influence *= weights[rows]
        covariance += influence.T @ influence
        total += column_sums(weights[rows])
    with np.errstate(invalid="ignore"):
        result: Floats = covariance / np.outer(total, total)
    return result


def weighted_path(scores: Floats, weights: Floats, ends: Integers, centre: Floats) -> tuple[Floats, Floats]:
    """[E, K] estimates and standard errors from the first t rounds alone, for every t in ``ends``, in one pass.

    ``centre`` [K] holds numbers near the estimates, such as the last ones: sums about them keep their digits.
    """
    n_arms = scores.shape[1]
    centre = np.nan_to_num(centre)
    parts = np.zeros((len(ends), 5, n_arms))
    for place, (start, stop) in enumerate(zip(np.append(0, ends[:-1]), ends, strict=True)):
        for rows in row_blocks(stop - start, n_arms):
            piece = slice(start + rows.start, start + rows.stop)
            weight, off = weights[piece], scores[piece] - centre
            square = weight * weight
            for number, term in enumerate((weight, weight * off, square, square * off, square * off * off)):
                parts[place, number] += column_sums(term)
    total, first, square, square_first, square_second = np.cumsum(parts, axis=0).transpose(1, 0, 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        shift = first / total
        spread = square_second - 2.0 * shift * square_first + shift * shift * square
        errors = np.sqrt(np.maximum(spread, 0.0)) / total
    estimates = centre + shift
    unknown = ~(errors > 0.0)
    estimates[unknown], errors[unknown] = np.nan, np.nan
    return estimates, errors


def kish_sizes(weights: Floats) -> Floats:
    """[K]: (Σh)²/Σh², the number of equal weights that would average as well (Kish 1965)."""
    n_arms = weights.shape[1]
    total, squares = np.zeros(n_arms), np.zeros(n_arms)
    for rows in row_blocks(*weights.shape):
        total += column_sums(weights[rows])
        squares += column_sums(weights[rows] ** 2)
    return total**2 / squares
