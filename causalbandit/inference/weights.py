"""Evaluation weights h_t(w) that make adaptively weighted estimates approximately normal.

An adaptive design makes the variance of a score, about 1/e_t(w), as random as its propensities. Uniform weights then
give heavy-tailed, skewed estimates of arms that the design has given up. Weights that grow with e_t(w) even the
variance out.

>>> import numpy as np
>>> propensities = np.array([[0.5, 0.5], [0.8, 0.2], [0.9, 0.1]])
>>> adaptive_weights(propensities, "constant").round(3).tolist()
[[0.707, 0.707], [0.894, 0.447], [0.949, 0.316]]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from causalbandit.arrays import Floats, Integers, column_sums, row_blocks
from causalbandit.checks import broadcast, finite_array, number, numeric_array, one_of, shaped
from causalbandit.errors import InvalidArgument, listing
from causalbandit.inference.log_checks import all_propensities

FLOOR_DECAY = 0.7
"""κ, the default exponent of a propensity floor (1/K)·t^(−κ), as in the simulations of Hadad et al. (2021)."""

SCHEMES = ("uniform", "constant", "two-point")
"""The weighting schemes."""


def adaptive_weights(
    propensities: ArrayLike, scheme: str | ArrayLike = "two-point", floor_decay: float = FLOOR_DECAY
) -> Floats:
    """[T, K]: the evaluation weight h_t(w) of each arm in each round.

    Parameters
    ----------
    propensities
        [T, K]: probabilities e_t(w) of the design, in the order of time.
    scheme
        ``"uniform"``: h = 1.
        ``"constant"``: the constant allocation rule h_t = √e_t.
        ``"two-point"``: the two-point allocation rule, by stick breaking h_t²/e_t = (1 − Σ_{s<t} h_s²/e_s)·λ_t with
        λ_t = e_t/(1+T−t) + (1−e_t)(1−κ)/((1−κ) + T(t/T)^κ − t), which suits an arm that ends as the best (e → 1) or
        nearly dropped (e → 0). Needs the number of rounds T in advance: it is that of the array.
        Or numbers of your own that broadcast to [T, K]; the weight of round t must depend on rounds before t only.
    floor_decay
        κ in [0, 1): the design keeps e_t(w) ≥ c·t^(−κ). Used by "two-point" only.

    Raises
    ------
    ValueError
        Unknown scheme; bad propensities; weights that are negative, not finite, or all zero for an arm; κ out of range.

    Notes
    -----
    Source: Hadad, Hirshberg, Zhan, Wager & Athey (PNAS 2021). Asymptotic normality needs a floor
    that decays more slowly than 1/t and, for contrasts, propensities that settle. Cost O(T·K); the result is the only
    T·K array.
    """
    chosen = numeric_array(propensities, "propensities", "the probabilities with which the design chose")
    shaped(chosen, "propensities", ("T", "K"), "the propensity of every arm in every round")
    if not isinstance(scheme, str):
        return checked_weights(scheme, *chosen.shape).copy()
    one_of(scheme, "weights", SCHEMES)
    fix = "It is the exponent κ of the design's floor c·t^(−κ), which has to decay more slowly than 1/t."
    floor_decay = number(floor_decay, "floor_decay", least=0, below=1, fix=fix)
    all_propensities(chosen)
    if scheme == "two-point":
        return _two_point(chosen, floor_decay)
    return np.sqrt(chosen) if scheme == "constant" else np.ones(chosen.shape)


def checked_weights(weights: ArrayLike, n_rounds: int, n_arms: int) -> Floats:
    """Weights broadcast to [T, K]: finite, not negative, not all zero for any arm. A view where possible."""
    given = numeric_array(weights, "weights", "one non-negative number per round, or per round and arm")
    if given.ndim == 1 and len(given) == n_rounds:
        given = given[:, None]
    full = broadcast(given, "weights", (n_rounds, n_arms))
    finite_array(full, "weights", ", none below 0", least=0)
    totals = sum((column_sums(full[rows]) for rows in row_blocks(n_rounds, n_arms)), np.zeros(n_arms))
    idle = np.flatnonzero(totals == 0.0).tolist()
    if idle:
        raise InvalidArgument("weights", f"are all zero for the arms in columns {listing(idle)}; expected some weight.")
    return full


def _two_point(propensities: Floats, floor_decay: float) -> Floats:
    n_rounds, n_arms = propensities.shape
    weights = np.empty((n_rounds, n_arms))
    remaining = np.ones(n_arms)  # 1 − Σ_{s<t} h_s²/e_s = Π_{s<t} (1 − λ_s)
    for rows in row_blocks(n_rounds, n_arms):
        chosen = propensities[rows]
        if_best, if_dropped = two_point_rates(n_rounds, floor_decay, np.arange(rows.start + 1, rows.stop + 1))
        share = chosen * (if_best - if_dropped)[:, None]
        share += if_dropped[:, None]
        np.clip(share, 0.0, 1.0, out=share)
        if rows.stop == n_rounds:
            share[-1] = 1.0  # λ_T = 1: the last round takes what is left, exactly
        left = np.empty((len(share) + 1, n_arms))
        left[0] = remaining
        np.subtract(1.0, share, out=left[1:])
        np.cumprod(left, axis=0, out=left)
        remaining = left[-1].copy()
        share *= left[:-1]
        share *= chosen
        np.sqrt(share, out=weights[rows])
    return weights


def two_point_rates(n_rounds: int, floor_decay: float, rounds: Integers) -> tuple[Floats, Floats]:
    """λ_t for an arm with e_t = 1 and for one with e_t = 0; λ_t is linear in e_t between the two.

    T(t/T)^κ − t is written as t·(exp((κ−1)·log(t/T)) − 1), which keeps its digits where t is close to T.
    """
    t = rounds.astype(np.float64)
    ahead = t * np.expm1((floor_decay - 1.0) * np.log1p((t - n_rounds) / n_rounds))
    return 1.0 / (1.0 + n_rounds - t), (1.0 - floor_decay) / ((1.0 - floor_decay) + ahead)
