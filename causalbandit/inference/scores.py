"""Scores of single rounds, whose mean is the quantity of interest: the only module that divides by propensities.

Every estimator of the package is a (weighted) mean of such scores. For arm w at a round in which arm W was drawn with
probability p(W) and gave Y, and with a prediction f_w made before the round,

    Γ(w) = f_w + 1{W = w} (Y − f_w) / p(w)

has the mean of arm w as its expectation whatever f is. The second summand is the `inverse_propensity_residual`.
Written for single numbers and for arrays alike, so that a running experiment, a log and a simulation share each line.

>>> inverse_propensity_residual(1.0, 0.25)      # an arm drawn with probability 1/4 speaks for four rounds
4.0
>>> contrast(score=12.0, control_score=4.0, square=30.0, control_square=10.0, rounds=16)
(0.5, 40.0)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causalbandit.checks import whole_number
from causalbandit.errors import InvalidArgument
from causalbandit.inference.log_checks import (
    all_propensities,
    arm_vector,
    check_size,
    check_taken,
    context_matrix,
    outcome_vector,
    propensity_array,
)
from causalbandit.inference.past_means import past_means, refit_rounds

if TYPE_CHECKING:
    from causalbandit.inference.log import AdaptiveLog


def inverse_propensity_residual(outcome: Any, propensity: Any, prediction: Any = 0.0) -> Any:
    """(Y − f)/p of the arm that was drawn: what its score adds to the prediction.

    Parameters
    ----------
    outcome, propensity, prediction
        Numbers, or arrays that broadcast. ``propensity`` is the probability with which the drawn arm was drawn, in
        (0, 1] (checked where data enter, not here). ``prediction`` is the drawn arm's; it may use earlier rounds only.
        0 gives the plain inverse-propensity score.
    """
    return (outcome - prediction) / propensity


def contrast(score: Any, control_score: Any, square: Any, control_square: Any, rounds: Any) -> tuple[Any, Any]:
    """Estimate of arm minus control and its variance sum S, from per-arm sums over rounds.

    Parameters
    ----------
    score, control_score
        Σ Γ(w) for the arm and for control.
    square, control_square
        Σ of the drawn arm's squared residual over the rounds in which the arm (control) was drawn.
        No round draws both, so the contrast's variance terms 1{W ∈ {k, 0}}(Y − f_W)²/p(W)² simply add.
    rounds
        Number of scores, at least 1.

    Notes
    -----
    Source: Liang & Bojinov (2024) for f = 0; Molitor & Gold (2025) with predictions. Keeping the sums per arm instead
    of per contrast makes a round cost one arm's update, also when control is drawn and every contrast moves.
    """
    return (score - control_score) / rounds, square + control_square


def aipw_scores(
    outcomes: ArrayLike,
    arms: ArrayLike,
    propensities: ArrayLike,
    outcome_means: Any = None,
    *,
    contexts: ArrayLike | None = None,
    refit_at: Sequence[int] | NDArray[np.int64] | None = None,
    n_arms: int | None = None,
    allow_lookahead: bool = False,
) -> NDArray[np.float64]:
    """[T, K]: augmented inverse-propensity scores Γ_t(w) = μ̂_t(w) + 1{W_t = w}(Y_t − μ̂_t(w))/e_t(w).

    Parameters
    ----------
    outcomes, arms
        [T]: the outcome Y_t and the column 0 … K−1 of the arm that was taken, in the order of time.
    propensities
        [T, K]: the probabilities with which the design chose in that round; or [T], those of the taken arm.
    outcome_means
        Predictions μ̂_t(w) from the past: None for running means (0 before an arm's first round, so centre outcomes
        that are far from 0 by a number chosen before the data), numbers that broadcast to [T, K], or an unfitted
        scikit-learn style regressor of outcomes on ``contexts``, which is fitted per arm on rounds before the ones it
        predicts. 0 gives plain inverse-propensity scores.
    contexts
        [T, d], for a regressor.
    refit_at
        Rounds at which the regressor is fitted anew; default: about twenty, growing geometrically.
    n_arms
        K; needed only where ``propensities`` is [T].
    allow_lookahead
        Accept means that have seen the future, with a warning; the intervals then lose their guarantee.

    Raises
    ------
    ValueError, TypeError
        As :class:`~causalbandit.inference.log.AdaptiveLog` for the data, and for means that look ahead.

    Notes
    -----
    Source: Hadad, Hirshberg, Zhan, Wager & Athey (PNAS 2021). Each score is unbiased for its arm's mean
    given the past, whatever the predictions, when the propensities are those of the design and positive. An arm that
    was never taken has scores equal to its predictions: they hold no information, and `arm_values` says so.
    Cost O(T·K) without a regressor; the only T·K array made is the result.
    """
    observed = outcome_vector(outcomes)
    chosen = propensity_array(propensities, len(observed))
    if chosen.ndim == 2:
        n_arms = chosen.shape[1]
    elif n_arms is None:
        raise InvalidArgument("n_arms", "is missing, and propensities of the taken arms alone do not tell it.")
    n_arms = whole_number(n_arms, "n_arms", least=1, of="arms of the design")
    check_size(len(observed), n_arms)
    taken_arm = arm_vector(arms, len(observed), n_arms, tuple(range(n_arms)))
    rounds = np.arange(len(observed))
    if chosen.ndim == 2:
        chosen = all_propensities(chosen)[rounds, taken_arm]
    check_taken(chosen, taken_arm, tuple(range(n_arms)))
    known = None if contexts is None else context_matrix(contexts, len(observed))
    scores = past_means(
        outcome_means,
        observed,
        taken_arm,
        n_arms,
        contexts=known,
        refit_at=refit_at,
        allow_lookahead=allow_lookahead,
    )
    scores[rounds, taken_arm] += inverse_propensity_residual(observed, chosen, scores[rounds, taken_arm])
    return scores


def log_scores(
    log: AdaptiveLog, outcome_means: Any, refit_at: Sequence[int] | None, allow_lookahead: bool
) -> NDArray[np.float64]:
    """[T, K]: `aipw_scores` of a log; a regressor is refitted where batches that the log names begin, unless told
    otherwise. Runs of equal propensities are no such batches: outcomes may have come in between.
    """
    if refit_at is None and log.batches is not None and hasattr(outcome_means, "fit"):
        refit_at = refit_rounds(log.n_rounds, log.batch_starts()).tolist()
    return aipw_scores(
        log.outcomes,
        log.arms,
        log.taken_propensities,
        outcome_means,
        contexts=log.contexts,
        refit_at=refit_at,
        n_arms=log.n_arms,
        allow_lookahead=allow_lookahead,
    )


def effective_size(shares: NDArray[np.float64]) -> float:
    """(Σa)²/Σa² of shares a_t = weight_t/e_t(W_t); 0 if all are 0.

    The number of rounds that count in an estimate: as many of equal weight would average as well.
    """
    squares = float(shares @ shares)
    return float(shares.sum()) ** 2 / squares if squares > 0.0 else 0.0


def skewness(values: NDArray[np.float64]) -> float:
    """Σv³/n divided by (Σv²/n)^(3/2) of values about 0; 0 where all are 0."""
    squares = float(values @ values)
    return float((values * values) @ values) * len(values) ** 0.5 / squares**1.5 if squares > 0.0 else 0.0


def residuals(log: AdaptiveLog) -> NDArray[np.float64]:
    """[T]: outcomes about the mean of the arm that was taken."""
    sums = np.bincount(log.arms, log.outcomes, log.n_arms)
    result: NDArray[np.float64] = log.outcomes - (sums / np.maximum(log.pulls, 1))[log.arms]
    return result


def mean_skewness(shares: NDArray[np.float64], off: NDArray[np.float64], typical: float) -> float:
    """|g|·Σa³/(Σa²)^(3/2), the skewness of a mean with weights a_t = weight_t/e_t(W_t) of outcomes whose skewness is g.

    g is that of ``off`` (`residuals` of the rounds that count), or ``typical`` (that of all rounds) where that is
    larger: the few rounds of an arm that was dropped may not have shown the law's tail yet. 0 where all weights are.
    """
    skewed: float = abs(skewness(shares)) / max(len(shares), 1) ** 0.5 * max(abs(skewness(off)), abs(typical))
    return skewed


def followed_sizes(
    log: AdaptiveLog, weights: Iterable[NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[P] effective numbers of rounds and [P] skewness of estimates (`effective_size`, `mean_skewness`).

    ``weights`` holds [T] for each estimate: what it gives to the taken arm's outcome, 0 in rounds that do not count.
    """
    off = residuals(log)
    typical = skewness(off)
    sizes, skewed = [], []
    for each in weights:
        at = np.flatnonzero(each)
        shares = each[at] / log.taken_propensities[at]
        sizes.append(effective_size(shares))
        skewed.append(mean_skewness(shares, off[at], typical))
    return np.array(sizes), np.array(skewed)


def policy_variance(chances: NDArray[np.float64], propensities: NDArray[np.float64]) -> NDArray[np.float64]:
    """[n]: φ(x) = Σ_w π(w|x)²/e(x, w), up to the outcomes' noise the variance of a policy's score at each context.

    ``chances`` [n, K] are the policy's, ``propensities`` [n, K] or [1, K] the design's. Infinite where the policy takes
    an arm that the design never takes. Source: Zhan, Hadad, Hirshberg & Athey (KDD 2021).
    """
    wanted = chances > 0.0
    with np.errstate(divide="ignore"):
        ratio = np.where(wanted, chances * chances, 0.0) / np.where(wanted, propensities, 1.0)
    result: NDArray[np.float64] = ratio.sum(axis=1)
    return result
