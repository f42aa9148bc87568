"""Exact contrasts of two arms with outcomes 0 or 1, at any time and under any policy.

For one arm with s ones and f zeros, M(p) = B(s + ½, f + ½)/B(½, ½) / (p^s (1 − p)^f) is a non-negative martingale of
mean 1 at the arm's true p, however the arms were chosen from the past; so is the product over two arms. Hence the
region {(p_k, p_0): log M_k(p_k) + log M_0(p_0) ≤ log 1/α} holds the true pair at all times at once with probability
1 − α (Robbins 1970; Ville 1939). The interval for a difference, a ratio or an odds ratio is the region's projection.

It needs no propensities. It assumes that the outcomes of one arm are independent with one mean: means that drift are
not covered.

>>> one = bernoulli_contrast(70, 100, 40, 100)
>>> round(float(one.estimate), 2), round(float(one.lower), 3), round(float(one.upper), 3)
(0.3, 0.02, 0.549)
>>> bernoulli_contrast([0, 70], [0, 100], 40, 100).lower.round(3).tolist()     # an arm without data: no bound
[-0.566, 0.02]
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from causalbandit.arrays import Floats, Integers, row_blocks
from causalbandit.checks import error_rate, numeric_array, one_of, whole_number, zeros_and_ones
from causalbandit.errors import InvalidArgument
from causalbandit.sequences.bernoulli_region import LARGEST, Arm, room
from causalbandit.sequences.tilted_contrast import largest_difference

if TYPE_CHECKING:
    import pandas as pd

Scale = Literal["difference", "ratio", "odds-ratio"]


@dataclass(frozen=True, eq=False)
class BernoulliContrast:
    """Contrasts of arms with their controls; all arrays have the shape to which the counts broadcast.

    Attributes
    ----------
    estimate : numpy.ndarray of float
        p̂_k − p̂_0, or p̂_k/p̂_0, or the ratio of the odds; NaN where it is not defined (an arm without data, 0/0).
    lower, upper : numpy.ndarray of float
        Ends of the interval: within [−1, 1] for a difference, [0, ∞] for a ratio.
    successes, trials, control_successes, control_trials : numpy.ndarray of float
        The counts behind each contrast.
    alpha : float
        Error rate of each interval over all times.
    scale : str
        "difference", "ratio" or "odds-ratio".
    """

    estimate: Floats
    lower: Floats
    upper: Floats
    successes: Floats
    trials: Floats
    control_successes: Floats
    control_trials: Floats
    alpha: float
    scale: str

    def to_frame(self) -> pd.DataFrame:
        """One row per contrast, the last axis fastest: the counts, ``estimate``, ``lower``, ``upper``."""
        import pandas as pd

        counts = ("successes", "trials", "control_successes", "control_trials")
        columns = {name: np.ravel(getattr(self, name)).astype(np.int64) for name in counts}
        ends = {name: np.ravel(getattr(self, name)) for name in ("estimate", "lower", "upper")}
        return pd.DataFrame(columns | ends)


def bernoulli_contrast(
    successes: ArrayLike,
    trials: ArrayLike,
    control_successes: ArrayLike,
    control_trials: ArrayLike,
    alpha: float = 0.05,
    scale: Scale = "difference",
    *,
    contrasts: int = 1,
    planned: int | None = None,
) -> BernoulliContrast:
    """Exact, anytime-valid intervals for arms against controls, from counts of any shape that broadcast.

    Parameters
    ----------
    successes, trials
        How often each arm gave 1, and how often it was tried. Arms and times may be axes: counts [T, K] of a whole
        experiment against the control's [T, 1] give a sequence per arm.
    control_successes, control_trials
        The same of the control.
    alpha
        Error rate, in (0, 1): the probability that the interval ever leaves the truth out.
    scale
        "difference" p_k − p_0, "ratio" p_k/p_0, or "odds-ratio".
    contrasts
        Number of contrasts that are to hold together: each gets α/contrasts (Bonferroni). For K arms against one
        control that is K − 1.
    planned
        Outcomes of an arm and its control together near which the interval of a difference is to be shortest (see
        :mod:`causalbandit.sequences.tilted_contrast`); about half as many experiments then tell two arms apart. To be
        fixed before the first outcome. Without it the interval serves all numbers alike; ratios know no plan.

    Raises
    ------
    InvalidArgument
        For counts that are negative, not whole, more successes than trials, or shapes that do not broadcast.

    Notes
    -----
    An end is one root in a Lagrange multiplier (see :mod:`causalbandit.sequences.bernoulli_region`), found for all
    contrasts at once in about six evaluations each, 2 µs a contrast; with a plan 0.15 ms. The smallest contrast is
    the largest one with the arms exchanged.

    The interval at a time is valid as it is; so is the intersection of all intervals so far, which never grows
    (``numpy.maximum.accumulate(lower)``).
    """
    each = error_rate(alpha) / whole_number(contrasts, "contrasts", least=1)
    one_of(scale, "scale", LARGEST)
    if planned is not None:
        whole_number(planned, "planned", least=1, of="outcomes")
        one_of(scale, "scale", ["difference"], "scales with a plan")
    arm = _checked_counts(successes, trials, "successes", "trials")
    control = _checked_counts(control_successes, control_trials, "control_successes", "control_trials")
    try:
        s, n, s0, n0 = np.broadcast_arrays(*arm, *control)
    except ValueError:
        raise InvalidArgument(
            "control_successes",
            f"and control_trials have the shape {control[0].shape}, which does not fit the arms' {arm[0].shape}; give "
            "the control of arms in columns the shape [T, 1].",
        ) from None
    shape, size = s.shape, s.size
    one, other = Arm(s.ravel(), (n - s).ravel()), Arm(s0.ravel(), (n0 - s0).ravel())
    ends = np.empty((3, size))
    for rows in row_blocks(size, 8 if planned is None else 64):  # a contrast works on so many numbers
        ends[:, rows] = _ends(one.at(rows), other.at(rows), each, scale, planned)
    estimate, lower, upper = (end.reshape(shape) if shape else end[0] for end in ends)
    return BernoulliContrast(estimate, lower, upper, s, n, s0, n0, alpha=each, scale=scale)


def exact_contrasts(
    successes: Integers,
    trials: Integers,
    names: Sequence[Hashable],
    alpha: float = 0.05,
    scale: Scale = "difference",
    planned: int | None = None,
) -> pd.DataFrame:
    """One row per arm other than the first, the control, from the counts [K] of all arms at one time.

    Columns: ``arm``, ``reference`` (the control), ``estimate``, ``lower``, ``upper``, ``n`` and ``n_control`` (outcomes
    of either). The intervals hold together, each at α/(K − 1). For what they assume, and for ``planned``, see
    `bernoulli_contrast`.
    """
    import pandas as pd

    control, *arms = names
    found = bernoulli_contrast(
        successes[1:], trials[1:], successes[0], trials[0], alpha, scale, contrasts=len(arms), planned=planned
    )
    return pd.DataFrame(
        {
            "arm": arms,
            "reference": control,
            "estimate": found.estimate,
            "lower": found.lower,
            "upper": found.upper,
            "n": trials[1:],
            "n_control": trials[0],
        }
    )


def outcomes_per_pair(rounds: float, n_arms: int) -> int:
    """Outcomes of an arm and its control together in ``rounds`` of a design that treats its arms alike."""
    return max(1, round(2 * rounds / n_arms))


def binary_counts(outcomes: ArrayLike, arms: ArrayLike, n_arms: int, *, running: bool = False) -> tuple[Floats, Floats]:
    """(successes, trials) of every arm from outcomes [T] of the arms [T] (0 to K − 1): [K], or ``running`` [T, K].

    An outcome other than 0 or 1 is refused with the names of the readings that can take it.
    """
    fix = "For outcomes in known bounds use 'bounded', for any other 'mad' (both at any time) or 'aipw' (one look)."
    values = zeros_and_ones(numeric_array(outcomes, "outcomes", "0 or 1 per row"), "outcomes", fix)
    chosen = np.asarray(arms, dtype=np.int64)
    if not running:
        ones = np.bincount(chosen, values, n_arms).astype(np.float64)
        return ones, np.bincount(chosen, minlength=n_arms).astype(np.float64)
    drawn = chosen[:, None] == np.arange(n_arms)
    return np.cumsum(drawn * values[:, None], axis=0), np.cumsum(drawn, axis=0, dtype=np.float64)


def _checked_counts(successes: ArrayLike, trials: ArrayLike, first: str, second: str) -> tuple[Floats, Floats]:
    """Both as doubles of one shape, when they are whole numbers of at least 0 and no success lacks its trial."""
    counts = []
    for given, argument in ((successes, first), (trials, second)):
        values = numeric_array(given, argument, "whole numbers, how often")
        wrong = values[~((values >= 0.0) & (values == np.floor(values)) & np.isfinite(values))]
        if wrong.size:
            raise InvalidArgument(argument, f"holds {wrong.flat[0]:g}; expected counts, whole numbers of at least 0.")
        counts.append(values)
    try:
        s, n = np.broadcast_arrays(*counts)
    except ValueError:
        given = f"has the shape {counts[0].shape}, which does not fit that of {second}, {counts[1].shape}"
        raise InvalidArgument(first, f"{given}; expected two numbers per arm.") from None
    if (s > n).any():
        at = tuple(np.argwhere(s > n)[0])
        given = f"holds {s[at]:g} where {second} holds {n[at]:g}"
        raise InvalidArgument(first, f"{given}; expected at most one success per trial.")
    return s, n


def _ends(one: Arm, other: Arm, alpha: float, scale: str, planned: int | None) -> tuple[Floats, Floats, Floats]:
    """Estimates, lower and upper ends."""
    if planned is None:
        left = room(one, other, alpha)
        upper, exchanged = LARGEST[scale](one, other, left), LARGEST[scale](other, one, left)
    else:
        upper, exchanged = (largest_difference(*arms, alpha, planned) for arms in ((one, other), (other, one)))
    with np.errstate(invalid="ignore", divide="ignore"):
        return _ESTIMATES[scale](one, other), -exchanged if scale == "difference" else 1.0 / exchanged, upper


_ESTIMATES: dict[str, Callable[[Arm, Arm], Any]] = {
    "difference": lambda one, other: one.ones / one.n - other.ones / other.n,
    "ratio": lambda one, other: (one.ones / one.n) / (other.ones / other.n),
    "odds-ratio": lambda one, other: (one.ones / one.zeros) / (other.ones / other.zeros),
}
