"""Confidence sequences: intervals that hold at every round at once, so that one may look and stop at any time.

`bernoulli_interval`, `bernoulli_mean` and the methods of `mean_sequence` are sequences for the mean of one stream of
outcomes. The outcomes of one arm of an adaptive experiment, in the order of time, are such a stream, whatever the
design (`causalbandit.inference.arm_sequences`). Boundaries are in `causalbandit.sequences.boundaries`.

>>> lower, upper = bernoulli_interval([0, 60], [0, 100], alpha=0.05, t_opt=100.0)
>>> lower.round(3).tolist(), upper.round(3).tolist()
([0.0, 0.448], [1.0, 0.741])
>>> lower, upper = bernoulli_mean([0, 60], [0, 100], alpha=0.05)
>>> lower.round(3).tolist(), upper.round(3).tolist()
([0.0, 0.434], [1.0, 0.751])
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from causalbandit.arrays import Floats, Integers
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
from causalbandit.sequences.boundaries import (
    find_root,
    gamma_exponential_mixture,
    log_beta_binomial_mixture,
    normal_mixture,
    polynomial_stitching,
)

if TYPE_CHECKING:
    import pandas as pd

Ends = tuple[Floats, Floats]
"""Lower and upper ends."""

FARTHEST = 700.0
"""Largest |log-odds| of an end of `bernoulli_mean`: its probability is still a double."""

# -- the mean of outcomes 0 or 1, or in [0, 1] -----------------------------------------------------------------------


def bernoulli_interval(
    successes: npt.ArrayLike, trials: npt.ArrayLike, alpha: float, t_opt: float = 100.0, *, alpha_opt: float = 0.05
) -> Ends:
    """Lower and upper ends of the two-sided beta-binomial confidence sequence for a mean of outcomes in [0, 1].

    The means p that the two-sided sub-Bernoulli mixture does not reject at level α. Exact: over all rounds together the
    true mean is left out with probability at most α, for 0/1 outcomes and, with their sum as ``successes``, for any
    outcomes in [0, 1] whose mean given the past is constant.

    Parameters
    ----------
    successes, trials
        Sum and number of outcomes, 0 ≤ successes ≤ trials, of any shape that broadcast; 0 trials give 0 and 1.
    alpha
        Error rate, spent on both sides together.
    t_opt, alpha_opt
        The sequence is tightest near ``t_opt`` trials for error rate ``alpha_opt``: tuning, to be fixed before the
        data.

    Notes
    -----
    Source: Howard, Ramdas, McAuliffe & Sekhon (2021), two-sided beta-binomial mixture, inverted in p. By root finding
    on the logit of p, over the whole path at once, about fifteen evaluations per end.
    """
    from scipy.special import expit, logit

    level = -math.log(alpha)

    def least(ones: Floats, total: Floats) -> Floats:
        """The smallest p that is not rejected; 0 where no p below the mean is."""
        ends = np.zeros(len(ones))
        at = np.flatnonzero(ones > 0.0)

        def excess(place: Floats, part: Integers) -> Floats:
            p, q = expit(place), expit(-place)
            tries = total[at[part]]
            gap = ones[at[part]] * q - (tries - ones[at[part]]) * p
            value: Floats = log_beta_binomial_mixture(gap, tries * p * q, t_opt * p * q, p, q, alpha_opt) - level
            return value

        top = logit(np.minimum(ones[at] / total[at], 1.0 - 1e-16))
        bottom = np.full(len(at), -60.0)  # the logit of 1e-26
        found = excess(bottom, np.arange(len(at))) > 0.0
        at, top, bottom = at[found], top[found], bottom[found]
        ends[at] = expit(find_root(excess, bottom, top))
        return ends

    return _both_ends(least, successes, trials)


def bernoulli_mean(successes: npt.ArrayLike, trials: npt.ArrayLike, alpha: float) -> Ends:
    """Lower and upper ends of the exact confidence sequence for a mean of outcomes 0 or 1: the one-armed sibling of
    `causalbandit.sequences.bernoulli_contrast`.

    With s ones and f zeros, M(p) = B(s + ½, f + ½)/B(½, ½) / (p^s (1 − p)^f) is a non-negative martingale of mean 1 at
    the true p, so that {p: M(p) < 1/α} holds it at all times at once with probability 1 − α (Robbins 1970; Ville 1939),
    if the outcomes are independent with one mean. There is nothing to tune. Arguments as in `bernoulli_interval`.
    """
    from scipy.special import betaln, expit, log_expit, logit

    level = -math.log(alpha)

    def least(ones: Floats, total: Floats) -> Floats:
        """The smallest p with log M(p) ≤ level, one root in the log-odds below those of the mean; 0 without ones."""
        ends = np.zeros(len(ones))
        at = np.flatnonzero(ones > 0.0)
        s, f = ones[at], (total - ones)[at]
        constant = betaln(s + 0.5, f + 0.5) - betaln(0.5, 0.5) - level

        def excess(place: Floats, part: Integers) -> Floats:
            value: Floats = constant[part] - s[part] * log_expit(place) - f[part] * log_expit(-place)
            return value

        top = np.minimum(logit(s / (s + f)), FARTHEST)  # M < 1 at the mean
        ends[at] = expit(find_root(excess, np.full(len(at), -FARTHEST), top))
        return ends

    return _both_ends(least, successes, trials)


def _both_ends(least: Callable[[Floats, Floats], Floats], successes: npt.ArrayLike, trials: npt.ArrayLike) -> Ends:
    """The ends from ``least(ones, total)``, the lower ones: an upper end is one minus the lower end of zeros."""
    ones, total = np.broadcast_arrays(*(np.asarray(given, dtype=np.float64) for given in (successes, trials)))
    s, n = ones.ravel(), total.ravel()
    return least(s, n).reshape(ones.shape), (1.0 - least(n - s, n)).reshape(ones.shape)


# -- methods for a stream of outcomes --------------------------------------------------------------------------------


class SequenceTuning(NamedTuple):
    """What a method of `mean_sequence` may use beside the outcomes: that function's arguments, checked."""

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


def _rounds(outcomes: Floats) -> Floats:
    return np.arange(1.0, len(outcomes) + 1.0)


def _around_means(outcomes: Floats, off: Floats) -> Ends:
    """Running means, less and more what their sums may be ``off``."""
    rounds = _rounds(outcomes)
    mean, radius = np.cumsum(outcomes) / rounds, off / rounds
    return mean - radius, mean + radius


def _empirical_variance(outcomes: Floats, low: float, high: float) -> Floats:
    """Σ (Y_i − Ŷ_i)² up to each round, Ŷ_i the mean of earlier outcomes, at first the middle of the bounds."""
    before = np.concatenate(([0.0], np.cumsum(outcomes)[:-1]))
    predicted = before / np.maximum(np.arange(len(outcomes)), 1)
    predicted[0] = (low + high) / 2.0
    return np.cumsum((outcomes - predicted) ** 2)


def _normal_mixture_ends(outcomes: Floats, tuning: SequenceTuning) -> Ends:
    scale = tuning.scale
    if scale is None:
        low, high = tuning.interval("normal-mixture")
        scale = (high - low) / 2.0
    variance = scale**2
    return _around_means(outcomes, normal_mixture(variance * _rounds(outcomes), tuning.alpha, variance * tuning.t_opt))


def _gamma_exponential_ends(outcomes: Floats, tuning: SequenceTuning) -> Ends:
    low, high = tuning.interval("gamma-exponential")
    v_opt = tuning.t_opt * (high - low) ** 2 / 12.0  # outcomes spread evenly have this variance
    times = _empirical_variance(outcomes, low, high)
    return _around_means(outcomes, gamma_exponential_mixture(times, tuning.alpha / 2.0, v_opt, high - low))


def _stitching_ends(outcomes: Floats, tuning: SequenceTuning) -> Ends:
    low, high = tuning.interval("stitching")
    v_min = tuning.t_opt * (high - low) ** 2 / 120.0  # tight from a tenth of that time on
    times = _empirical_variance(outcomes, low, high)
    return _around_means(outcomes, polynomial_stitching(times, tuning.alpha / 2.0, v_min, c=high - low))


def _bernoulli_ends(outcomes: Floats, tuning: SequenceTuning) -> Ends:
    low, high = tuning.interval("bernoulli")
    rounds = _rounds(outcomes)
    sums = np.clip(np.cumsum((outcomes - low) / (high - low)), 0.0, rounds)
    lower, upper = bernoulli_interval(sums, rounds, tuning.alpha, tuning.t_opt)
    return low + (high - low) * lower, low + (high - low) * upper


def _exact_ends(outcomes: Floats, tuning: SequenceTuning) -> Ends:
    fix = "For outcomes in known bounds use 'bernoulli' or 'gamma-exponential', for any other 'asymptotic'."
    zeros_and_ones(outcomes, "outcomes", fix)
    return bernoulli_mean(np.cumsum(outcomes), _rounds(outcomes), tuning.alpha)


def _by_moments(outcomes: Floats, radius: Callable[[Floats, Floats], Floats]) -> Ends:
    """Running means, less and more ``radius(squares, rounds)`` with Σ (Y_i − mean_t)² up to each round t."""
    rounds = _rounds(outcomes)
    centred = outcomes - outcomes[0]
    mean = np.cumsum(centred) / rounds
    squares = np.maximum(np.cumsum(centred * centred) - rounds * mean * mean, 0.0)
    mean = mean + outcomes[0]
    off = np.where(squares == 0.0, np.inf, radius(squares, rounds))  # a variance cannot be told from equal outcomes
    return mean - off, mean + off


def _asymptotic_ends(outcomes: Floats, tuning: SequenceTuning) -> Ends:
    return _by_moments(outcomes, lambda s, t: asymptotic_radius(s, t, tuning.alpha, max(1.0, tuning.t_opt)))


def _naive_ends(outcomes: Floats, tuning: SequenceTuning) -> Ends:
    from scipy.special import ndtri

    return _by_moments(outcomes, lambda s, t: float(ndtri(1.0 - tuning.alpha / 2.0)) * np.sqrt(s) / t)


_METHODS: dict[str, Callable[[Floats, SequenceTuning], Ends]] = {
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
    bounds
        Interval (a, b) that outcomes cannot leave.
    scale
        Sub-Gaussian scale σ of an outcome about its mean; default: (b − a)/2 of ``bounds``.
    t_opt
        Number of outcomes near which the sequence is to be tight. Like the others to be fixed before the data.
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
    outcomes: npt.ArrayLike, method: str, alpha: float = 0.05, *, intersect: bool = False, **tuning: Any
) -> tuple[Floats, Floats, Floats]:
    """The columns ``estimate``, ``lower`` and ``upper`` of `mean_sequence` as arrays, each [T]."""
    observed = numeric_array(outcomes, "outcomes", "the numbers that were observed")
    finite_array(shaped(observed, "outcomes", ("T",), "one number per round"), "outcomes")
    lower, upper = stream_ends(observed, method, tuned(observed, method, alpha, **tuning), intersect)
    return np.cumsum(observed) / np.arange(1, len(observed) + 1), lower, upper


def stream_ends(outcomes: Floats, method: str, tuning: SequenceTuning, intersect: bool) -> Ends:
    """[T] lower and [T] upper ends for a stream of finite ``outcomes``, within the bounds where there are any."""
    lower, upper = _METHODS[method](outcomes, tuning)
    if tuning.bounds is not None:
        lower, upper = np.maximum(lower, tuning.bounds[0]), np.minimum(upper, tuning.bounds[1])
    if intersect:
        lower, upper = np.maximum.accumulate(lower), np.minimum.accumulate(upper)
    return lower, upper


def tuned(
    outcomes: Floats,
    method: str,
    alpha: float,
    bounds: tuple[float, float] | None = None,
    scale: float | None = None,
    t_opt: float = 100.0,
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
