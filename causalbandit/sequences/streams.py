"""Confidence sequences: intervals that hold at every round at once, so that one may look and stop at any time.

`asymptotic_radius` is the sequence of the Mixture Adaptive Design. `bernoulli_interval` and the methods of
`mean_sequence` are sequences for the mean of one stream of outcomes; the outcomes of one arm of an adaptive experiment,
in the order of time, are such a stream, whatever the design: see `arm_sequences`. Their boundaries are in
`causalbandit.sequences.boundaries`.

>>> lower, upper = bernoulli_interval(60.0, 100.0, alpha=0.05, t_opt=100.0)
>>> round(lower, 3), round(upper, 3)
(0.448, 0.741)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from causalbandit.errors import did_you_mean, listing
from causalbandit.inference.checks import NUMBERS, outcome_vector
from causalbandit.inference.log import AdaptiveLog, require_log
from causalbandit.sequences.boundaries import (
    find_root,
    gamma_exponential_mixture,
    log_beta_binomial_mixture,
    normal_mixture,
    polynomial_stitching,
)

if TYPE_CHECKING:
    import pandas as pd

FloatArray = npt.NDArray[np.float64]


@lru_cache(maxsize=256)
def asymptotic_rho(alpha: float, t_star: float) -> float:
    """The tuning constant ρ = √((−2 log α + log(−2 log α + 1)) / t*) of the asymptotic confidence sequence.

    ``t_star`` says where the sequence is tightest relative to its limit; any value is valid, so it is a matter of
    length alone. It is compared with the variance sum S, not with the round: best near the S one expects.

    Raises
    ------
    ValueError
        If ``alpha`` is outside (0, 1) or ``t_star`` is below 1.
    """
    if not isinstance(alpha, NUMBERS) or not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha was {alpha!r}; it is an error rate between 0 and 1, for example alpha=0.05.")
    if not isinstance(t_star, NUMBERS) or not 1.0 <= t_star < math.inf:
        raise ValueError(
            f"t_star was {t_star!r}; it is a number of rounds, at least 1, for example the experiment's planned length."
        )
    log_term = -2.0 * math.log(alpha)
    return math.sqrt((log_term + math.log(log_term + 1.0)) / t_star)


@overload
def asymptotic_radius(variance_sum: float, t: float, alpha: float, t_star: float) -> float: ...
@overload
def asymptotic_radius(variance_sum: FloatArray, t: Any, alpha: float, t_star: float) -> FloatArray: ...
def asymptotic_radius(variance_sum: Any, t: Any, alpha: float, t_star: float) -> Any:
    """Half-width of the asymptotic confidence sequence for a running mean of t scores.

    radius = √( 2(Sρ² + 1)/(t²ρ²) · log(√(Sρ² + 1)/α) ), with S the sum of the scores' conditional variances (or of
    upper bounds of them) and ρ of `asymptotic_rho`.

    Parameters
    ----------
    variance_sum
        S, a Python float or an array of any shape; the unit is that of the squared scores.
    t
        Number of scores, a number or an array that broadcasts with ``variance_sum``; 0 gives an infinite radius.
    alpha, t_star
        Error rate (already shared out if several sequences are meant to hold together) and tuning round.

    Returns
    -------
    A Python float for a Python float, else an array; in the unit of the scores.

    Notes
    -----
    Source: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2021), as used by Liang & Bojinov (2024).
    The guarantee is asymptotic: scores with a finite moment above the second, and a variance sum that grows without
    bound. Few scores of a heavy tail are where it shows that it is not exact.
    """
    rho_squared = asymptotic_rho(alpha, t_star) ** 2
    if isinstance(variance_sum, float):
        if t <= 0:
            return math.inf
        inflated = variance_sum * rho_squared + 1.0
        return math.sqrt(2.0 * inflated / (t * t * rho_squared) * (0.5 * math.log(inflated) - math.log(alpha)))
    scores = np.asarray(t, dtype=np.float64)
    grown = np.asarray(variance_sum, dtype=np.float64) * rho_squared + 1.0
    with np.errstate(divide="ignore"):
        return np.sqrt(2.0 * grown / (scores * scores * rho_squared) * (0.5 * np.log(grown) - math.log(alpha)))


# -- sequences for the mean of one stream ----------------------------------------------------------------------------


@overload
def bernoulli_interval(
    successes: float, trials: float, alpha: float, t_opt: float = ..., *, alpha_opt: float = ...
) -> tuple[float, float]: ...
@overload
def bernoulli_interval(
    successes: FloatArray, trials: Any, alpha: float, t_opt: float = ..., *, alpha_opt: float = ...
) -> tuple[FloatArray, FloatArray]: ...
def bernoulli_interval(
    successes: Any, trials: Any, alpha: float, t_opt: float = 100.0, *, alpha_opt: float = 0.05
) -> tuple[Any, Any]:
    """Lower and upper ends of the two-sided beta-binomial confidence sequence for a mean of outcomes in [0, 1].

    The means p that the two-sided sub-Bernoulli mixture does not reject at level α. Exact: over all rounds together the
    true mean is left out with probability at most α, for 0/1 outcomes and, with their sum as ``successes``, for any
    outcomes in [0, 1] whose mean given the past is constant.

    Parameters
    ----------
    successes, trials
        Sum and number of outcomes: numbers or arrays that broadcast (a whole path at once). 0 trials give (0, 1).
    alpha
        Error rate, spent on both sides together.
    t_opt, alpha_opt
        The sequence is tightest near ``t_opt`` trials for error rate ``alpha_opt``: tuning, to be fixed before the
        data.

    Raises
    ------
    ValueError
        Error rates outside (0, 1), or successes outside 0 … trials.

    Notes
    -----
    Source: Howard, Ramdas, McAuliffe & Sekhon (2021), two-sided beta-binomial mixture, inverted in p. By root finding
    on the logit of p, over the whole path at once, about fifteen evaluations per end.
    """
    from scipy.special import expit, logit

    for name, rate in (("alpha", alpha), ("alpha_opt", alpha_opt)):
        if not 0.0 < rate < 1.0:
            raise ValueError(f"{name} was {rate!r}; it is an error rate between 0 and 1, for example 0.05.")
    if not 0.0 < t_opt < math.inf:
        raise ValueError(f"t_opt was {t_opt!r}; it is a positive number of trials, for example t_opt=100.")
    shape = np.broadcast_shapes(np.shape(successes), np.shape(trials))
    ones = np.broadcast_to(np.asarray(successes, dtype=np.float64), shape).ravel()
    total = np.broadcast_to(np.asarray(trials, dtype=np.float64), shape).ravel()
    bad = np.flatnonzero(~((ones >= 0.0) & (ones <= total) & np.isfinite(total)))
    if len(bad):
        raise ValueError(
            f"successes was {ones[bad[0]]:g} with trials {total[bad[0]]:g}; expected 0 ≤ successes ≤ trials."
        )
    level = -math.log(alpha)

    def lower_end(count: FloatArray, number: FloatArray) -> FloatArray:
        """The smallest p that is not rejected; 0 where no p below the mean is."""
        ends = np.zeros(len(count))
        mean = count / np.maximum(number, 1.0)
        at = np.flatnonzero((number > 0.0) & (count > 0.0))
        if not len(at):
            return ends

        def excess(place: FloatArray, part: npt.NDArray[np.int64]) -> FloatArray:
            p, q = expit(place), expit(-place)
            tries = number[at[part]]
            gap = count[at[part]] * q - (tries - count[at[part]]) * p
            value: FloatArray = log_beta_binomial_mixture(gap, tries * p * q, t_opt * p * q, p, q, alpha_opt) - level
            return value

        top = logit(np.minimum(mean[at], 1.0 - 1e-16))
        bottom = np.full(len(at), -60.0)
        found = excess(bottom, np.arange(len(at))) > 0.0
        at, top, bottom = at[found], top[found], bottom[found]
        ends[at] = expit(find_root(excess, bottom, top))
        return ends

    lower, upper = lower_end(ones, total), 1.0 - lower_end(total - ones, total)
    if shape == ():
        return float(lower[0]), float(upper[0])
    return lower.reshape(shape), upper.reshape(shape)


@dataclass(frozen=True)
class SequenceTuning:
    """What a method of `mean_sequence` may use beside the outcomes: all of it fixed before the data.

    Attributes
    ----------
    alpha
        Error rate of the two-sided sequence over all rounds.
    bounds
        Interval (a, b) that outcomes cannot leave, or None.
    scale
        Sub-Gaussian scale σ of an outcome about its mean, or None; (b − a)/2 follows from bounds.
    t_opt
        Number of outcomes near which the sequence is to be tight.
    """

    alpha: float
    bounds: tuple[float, float] | None
    scale: float | None
    t_opt: float

    def interval(self, method: str) -> tuple[float, float]:
        """The bounds, or an error that says that ``method`` needs them."""
        if self.bounds is None:
            raise ValueError(
                f"The method {method!r} needs bounds=(a, b), the interval that outcomes cannot leave whatever "
                "happens; the "
                "smallest and largest outcome seen are not such bounds. Without any, use method='asymptotic'."
            )
        return self.bounds

    def sub_gaussian_scale(self) -> float:
        """σ, given or from the bounds."""
        if self.scale is not None:
            return self.scale
        low, high = self.interval("normal-mixture")
        return (high - low) / 2.0


def _normal_mixture_ends(outcomes: FloatArray, tuning: SequenceTuning) -> tuple[FloatArray, FloatArray]:
    rounds = np.arange(1.0, len(outcomes) + 1.0)
    variance = tuning.sub_gaussian_scale() ** 2
    mean = np.cumsum(outcomes) / rounds
    radius = normal_mixture(variance * rounds, tuning.alpha, variance * tuning.t_opt) / rounds
    return mean - radius, mean + radius


def _empirical_variance(outcomes: FloatArray, low: float, high: float) -> FloatArray:
    """Σ (Y_i − Ŷ_i)² up to each round, Ŷ_i the mean of earlier outcomes, at first the middle of the bounds."""
    before = np.concatenate(([0.0], np.cumsum(outcomes)[:-1]))
    predicted = before / np.maximum(np.arange(len(outcomes)), 1)
    predicted[0] = (low + high) / 2.0
    return np.cumsum((outcomes - predicted) ** 2)


def _gamma_exponential_ends(outcomes: FloatArray, tuning: SequenceTuning) -> tuple[FloatArray, FloatArray]:
    low, high = tuning.interval("gamma-exponential")
    rounds = np.arange(1.0, len(outcomes) + 1.0)
    v_opt = tuning.t_opt * (high - low) ** 2 / 12.0
    times = _empirical_variance(outcomes, low, high)
    radius = gamma_exponential_mixture(times, tuning.alpha / 2.0, v_opt, high - low) / rounds
    mean = np.cumsum(outcomes) / rounds
    return mean - radius, mean + radius


def _stitching_ends(outcomes: FloatArray, tuning: SequenceTuning) -> tuple[FloatArray, FloatArray]:
    low, high = tuning.interval("stitching")
    rounds = np.arange(1.0, len(outcomes) + 1.0)
    v_min = tuning.t_opt * (high - low) ** 2 / 120.0
    times = _empirical_variance(outcomes, low, high)
    radius = polynomial_stitching(times, tuning.alpha / 2.0, v_min, c=high - low) / rounds
    mean = np.cumsum(outcomes) / rounds
    return mean - radius, mean + radius


def _bernoulli_ends(outcomes: FloatArray, tuning: SequenceTuning) -> tuple[FloatArray, FloatArray]:
    low, high = tuning.interval("bernoulli")
    rounds = np.arange(1.0, len(outcomes) + 1.0)
    sums = np.clip(np.cumsum((outcomes - low) / (high - low)), 0.0, rounds)
    lower, upper = bernoulli_interval(sums, rounds, tuning.alpha, tuning.t_opt)
    return low + (high - low) * lower, low + (high - low) * upper


def _moments(outcomes: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Rounds, means, and Σ (Y_i − mean_t)² up to each round t."""
    rounds = np.arange(1.0, len(outcomes) + 1.0)
    centred = outcomes - outcomes[0]
    mean = np.cumsum(centred) / rounds
    squares = np.maximum(np.cumsum(centred * centred) - rounds * mean * mean, 0.0)
    return rounds, mean + outcomes[0], squares


def _asymptotic_ends(outcomes: FloatArray, tuning: SequenceTuning) -> tuple[FloatArray, FloatArray]:
    rounds, mean, squares = _moments(outcomes)
    radius = asymptotic_radius(squares, rounds, tuning.alpha, max(1.0, tuning.t_opt))
    radius[squares == 0.0] = np.inf  # a variance cannot be told from equal outcomes
    return mean - radius, mean + radius


def _naive_ends(outcomes: FloatArray, tuning: SequenceTuning) -> tuple[FloatArray, FloatArray]:
    from scipy.special import ndtri

    rounds, mean, squares = _moments(outcomes)
    radius = float(ndtri(1.0 - tuning.alpha / 2.0)) * np.sqrt(squares) / rounds
    radius[squares == 0.0] = np.inf
    return mean - radius, mean + radius


_METHODS: dict[str, Callable[[FloatArray, SequenceTuning], tuple[FloatArray, FloatArray]]] = {
    "normal-mixture": _normal_mixture_ends,
    "gamma-exponential": _gamma_exponential_ends,
    "stitching": _stitching_ends,
    "bernoulli": _bernoulli_ends,
    "asymptotic": _asymptotic_ends,
    "naive": _naive_ends,
}


def mean_sequence(
    outcomes: npt.ArrayLike,
    method: str,
    alpha: float = 0.05,
    *,
    bounds: tuple[float, float] | None = None,
    scale: float | None = None,
    t_opt: float = 100.0,
    intersect: bool = False,
) -> pd.DataFrame:
    """Columns ``round``, ``estimate``, ``lower``, ``upper``: the mean of the first t outcomes with a two-sided
    interval, for all t.

    Parameters
    ----------
    outcomes
        [T] outcomes in the order of time, with one mean given the past.
    method
        Each spends α on both sides together:

        - "normal-mixture": exact for sub-Gaussian outcomes of known ``scale``, or within ``bounds``. The
          interval's length is known in advance.
        - "bernoulli": exact for outcomes within ``bounds``; the shortest exact one for 0/1 outcomes.
        - "gamma-exponential": exact for outcomes within ``bounds``; adapts to their variance (α/2 on each side).
        - "stitching": the same with a closed form of the best rate √(log log t / t), longer at sizes met in practice.
        - "asymptotic": valid as the number of outcomes grows; needs nothing but a moment above the second.
        - "naive": mean ± z·standard error, for **one** planned look only: a comparator that looking at many rounds
        breaks.
    bounds, scale, t_opt
        As `SequenceTuning`.
    intersect
        Report the intersection of all intervals so far, which is as valid and never grows.

    Raises
    ------
    ValueError
        Unknown method, missing bounds, or an outcome outside them.
    """
    import pandas as pd

    estimate, lower, upper = sequence_ends(
        outcomes, method, alpha, bounds=bounds, scale=scale, t_opt=t_opt, intersect=intersect
    )
    rounds = np.arange(1, len(estimate) + 1)
    return pd.DataFrame({"round": rounds, "estimate": estimate, "lower": lower, "upper": upper})


def sequence_ends(
    outcomes: npt.ArrayLike,
    method: str,
    alpha: float = 0.05,
    *,
    bounds: tuple[float, float] | None = None,
    scale: float | None = None,
    t_opt: float = 100.0,
    intersect: bool = False,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The columns ``estimate``, ``lower`` and ``upper`` of `mean_sequence` as arrays, each [T]."""
    observed = outcome_vector(outcomes)
    lower, upper = _ends(observed, method, _tuned(observed, method, alpha, bounds, scale, t_opt), intersect)
    return np.cumsum(observed) / np.arange(1, len(observed) + 1), lower, upper


def arm_sequences(
    log: AdaptiveLog,
    method: str,
    alpha: float = 0.05,
    *,
    bounds: tuple[float, float] | None = None,
    scale: float | None = None,
    t_opt: float = 100.0,
    intersect: bool = False,
) -> pd.DataFrame:
    """One row per round, for the arm taken in it: ``round``, ``arm``, ``pulls``, ``estimate``, ``lower``, ``upper``.

    The outcomes of one arm, in the order in which it was taken, are a stream with one mean, however the design chose
    when to take it: choices use the past only. So each arm's sequence holds at all rounds with error rate α (not all
    arms' together: divide α by the number of arms for that), if the arm's mean does not drift. Keywords as
    `mean_sequence`.
    """
    import pandas as pd

    require_log(log)
    tuning = _tuned(log.outcomes, method, alpha, bounds, scale, t_opt)
    pulls, estimate, lower, upper = (np.empty(log.n_rounds) for _ in range(4))
    for arm in range(log.n_arms):
        at = np.flatnonzero(log.arms == arm)
        if not len(at):
            continue
        stream = log.outcomes[at]
        low, high = _ends(stream, method, tuning, intersect)
        number = np.arange(1, len(at) + 1)
        pulls[at], estimate[at], lower[at], upper[at] = number, np.cumsum(stream) / number, low, high
    names = np.empty(log.n_arms, dtype=object)
    names[:] = log.names
    return pd.DataFrame(
        {
            "round": np.arange(1, log.n_rounds + 1),
            "arm": names[log.arms],
            "pulls": pulls.astype(np.int64),
            "estimate": estimate,
            "lower": lower,
            "upper": upper,
        }
    )


def _ends(outcomes: FloatArray, method: str, tuning: SequenceTuning, intersect: bool) -> tuple[FloatArray, FloatArray]:
    """Both ends at every round, within the bounds where there are any."""
    lower, upper = _METHODS[method](outcomes, tuning)
    if tuning.bounds is not None:
        lower, upper = np.maximum(lower, tuning.bounds[0]), np.minimum(upper, tuning.bounds[1])
    if intersect:
        lower, upper = np.maximum.accumulate(lower), np.minimum.accumulate(upper)
    return lower, upper


def _tuned(
    outcomes: FloatArray,
    method: str,
    alpha: float,
    bounds: tuple[float, float] | None,
    scale: float | None,
    t_opt: float,
) -> SequenceTuning:
    """The checked tuning."""
    if method not in _METHODS:
        raise ValueError(f"Unknown method {method!r}; known: {listing(_METHODS)}.{did_you_mean(method, _METHODS)}")
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha was {alpha!r}; it is an error rate between 0 and 1, for example alpha=0.05.")
    if not 0.0 < t_opt < math.inf:
        raise ValueError(f"t_opt was {t_opt!r}; it is a positive number of outcomes, for example t_opt=100.")
    if scale is not None and not 0.0 < scale < math.inf:
        raise ValueError(
            f"scale was {scale!r}; it is a positive sub-Gaussian scale, for example half the outcomes' range."
        )
    if bounds is not None:
        low, high = float(bounds[0]), float(bounds[1])
        if not -math.inf < low < high < math.inf:
            raise ValueError(f"bounds was {bounds!r}; expected two finite numbers (a, b) with a < b.")
        outside = np.flatnonzero((outcomes < low) | (outcomes > high))
        if len(outside):
            raise ValueError(
                f"The outcome {outcomes[outside[0]]:g} in row {outside[0]} is outside bounds=({low:g}, {high:g}); the "
                "bounds must be ones that outcomes cannot leave."
            )
        bounds = (low, high)
    return SequenceTuning(alpha, bounds, scale, t_opt)
