"""Confidence sequences: intervals that hold at every round at once, so that one may look and stop at any time.

`bernoulli_interval` and the methods of `mean_sequence` are sequences for the mean of one stream of outcomes. The
outcomes of one arm of an adaptive experiment, in the order of time, are such a stream, whatever the design
(`causalbandit.inference.arm_sequences`). Boundaries are in `causalbandit.sequences.boundaries`.

>>> lower, upper = bernoulli_interval(60.0, 100.0, alpha=0.05, t_opt=100.0)
>>> round(lower, 3), round(upper, 3)
(0.448, 0.741)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from causalbandit.checks import (
    error_rate,
    finite_array,
    interval,
    number,
    numeric_array,
    one_of,
    shaped,
    zeros_and_ones,
)
from causalbandit.errors import InvalidArgument, Rows
from causalbandit.sequences.asymptotic import asymptotic_radius
from causalbandit.sequences.bernoulli_mean import bernoulli_mean
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

    alpha, alpha_opt = error_rate(alpha), error_rate(alpha_opt, "alpha_opt")
    t_opt = number(t_opt, "t_opt", above=0, fix="It is a number of trials.")
    shape = np.broadcast_shapes(np.shape(successes), np.shape(trials))
    ones = np.broadcast_to(np.asarray(successes, dtype=np.float64), shape).ravel()
    total = np.broadcast_to(np.asarray(trials, dtype=np.float64), shape).ravel()
    bad = np.flatnonzero(~((ones >= 0.0) & (ones <= total) & np.isfinite(total)))
    if len(bad):
        given = f"was {ones[bad[0]]:g} with trials {total[bad[0]]:g}"
        raise InvalidArgument("successes", f"{given}; expected 0 ≤ successes ≤ trials.")
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
        bottom = np.full(len(at), -60.0)  # the logit of 1e-26
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
    alpha : float
        Error rate of the two-sided sequence over all rounds.
    bounds : tuple of float, or None
        Interval (a, b) that outcomes cannot leave, or None.
    scale : float or None
        Sub-Gaussian scale σ of an outcome about its mean, or None; (b − a)/2 follows from bounds.
    t_opt : float
        Number of outcomes near which the sequence is to be tight.
    """

    alpha: float
    bounds: tuple[float, float] | None
    scale: float | None
    t_opt: float

    def interval(self, method: str) -> tuple[float, float]:
        """The bounds, or an error that says that ``method`` needs them."""
        if self.bounds is None:
            fix = "that outcomes cannot leave, not the smallest and largest seen. Without, use 'asymptotic'"
            raise InvalidArgument("bounds", f"is missing: the method {method!r} needs (a, b) {fix}.")
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
    v_opt = tuning.t_opt * (high - low) ** 2 / 12.0  # outcomes spread evenly have this variance
    times = _empirical_variance(outcomes, low, high)
    radius = gamma_exponential_mixture(times, tuning.alpha / 2.0, v_opt, high - low) / rounds
    mean = np.cumsum(outcomes) / rounds
    return mean - radius, mean + radius


def _stitching_ends(outcomes: FloatArray, tuning: SequenceTuning) -> tuple[FloatArray, FloatArray]:
    low, high = tuning.interval("stitching")
    rounds = np.arange(1.0, len(outcomes) + 1.0)
    v_min = tuning.t_opt * (high - low) ** 2 / 120.0  # tight from a tenth of that time on
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


def _exact_ends(outcomes: FloatArray, tuning: SequenceTuning) -> tuple[FloatArray, FloatArray]:
    fix = "For outcomes in known bounds use 'bernoulli' or 'gamma-exponential', for any other 'asymptotic'."
    zeros_and_ones(outcomes, "outcomes", fix)
    return bernoulli_mean(np.cumsum(outcomes), np.arange(1.0, len(outcomes) + 1.0), tuning.alpha)


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
    "exact": _exact_ends,
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
        - "bernoulli": exact for outcomes within ``bounds``; for 0/1 outcomes the shortest near ``t_opt``.
        - "exact": exact for outcomes 0 or 1 that are independent, with nothing to tune (`bernoulli_mean`).
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
    observed = numeric_array(outcomes, "outcomes", "the numbers that were observed")
    finite_array(shaped(observed, "outcomes", ("T",), "one number per round"), "outcomes")
    lower, upper = stream_ends(observed, method, tuned(observed, method, alpha, bounds, scale, t_opt), intersect)
    return np.cumsum(observed) / np.arange(1, len(observed) + 1), lower, upper


def stream_ends(
    outcomes: FloatArray, method: str, tuning: SequenceTuning, intersect: bool
) -> tuple[FloatArray, FloatArray]:
    """[T] lower and [T] upper ends for a stream of finite ``outcomes``, within the bounds where there are any."""
    lower, upper = _METHODS[method](outcomes, tuning)
    if tuning.bounds is not None:
        lower, upper = np.maximum(lower, tuning.bounds[0]), np.minimum(upper, tuning.bounds[1])
    if intersect:
        lower, upper = np.maximum.accumulate(lower), np.minimum.accumulate(upper)
    return lower, upper


def tuned(
    outcomes: FloatArray,
    method: str,
    alpha: float,
    bounds: tuple[float, float] | None,
    scale: float | None,
    t_opt: float,
) -> SequenceTuning:
    """The checked tuning of a method of `mean_sequence` for ``outcomes``, which must lie within ``bounds``."""
    one_of(method, "method", _METHODS)
    alpha = error_rate(alpha)
    t_opt = number(t_opt, "t_opt", above=0, fix="It is a number of outcomes.")
    if scale is not None:
        scale = number(scale, "scale", above=0, fix="Half the outcomes' range will do.")
    if bounds is not None:
        low, high = bounds = interval(bounds, "bounds")
        outside = np.flatnonzero((outcomes < low) | (outcomes > high))
        if len(outside):
            given = f" is {outcomes[outside[0]]:g}; expected an interval that outcomes cannot leave."
            raise InvalidArgument("bounds", f"was ({low:g}, {high:g}), but the outcome in ", Rows(outside[:1]), given)
    return SequenceTuning(alpha, bounds, scale, t_opt)
