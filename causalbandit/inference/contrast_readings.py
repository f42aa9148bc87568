"""Effects against a control that are exact at every round at once, read from the rounds of any adaptive experiment.

Two readings of the same rounds, each with its own assumption (`READINGS`):

- "exact", for outcomes 0 or 1: the contrast of two Bernoulli arms, from how often each gave 1. It needs no
  propensities; it assumes that the outcomes of one arm are independent draws with one mean.
- "bounded", for outcomes that cannot leave known bounds: inverse-propensity scores. It assumes nothing of drift or
  dependence; it needs the propensities with which arms were drawn, and the bounds.

>>> arms, outcomes = np.tile([0, 1], 200), np.tile([0.0, 1.0, 1.0, 1.0], 100)
>>> rounds = ObservedRounds(arms, outcomes, np.full(400, 0.5), ("old", "new"), t_star=400, bounds=(0, 1))
>>> for method in READINGS:
...     print(method, *rounds.estimates(method)[["estimate", "lower", "upper"]].round(2).values)
exact [0.5  0.35 0.65]
bounded [0.5  0.34 0.66]
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from causalbandit.arrays import Floats, Integers
from causalbandit.checks import error_rate, one_of
from causalbandit.errors import InvalidArgument
from causalbandit.formats.result_file import stamp
from causalbandit.inference.estimates import estimate_frame, frame_notes, path_frame, plot_estimates
from causalbandit.inference.log import AdaptiveLog, require_log
from causalbandit.sequences.bernoulli_contrast import bernoulli_contrast, binary_counts, outcomes_per_pair
from causalbandit.sequences.score_bounds import score_paths
from causalbandit.text import plain, plain_rows

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Ends = tuple[Floats, Floats, Floats]
"""Estimates, lower and upper ends: [J] after the last round, or [n, J] after n rounds that were asked for."""

DRAWN = 400
"""Rounds of a path that a figure shows: as many as it has pixels to tell apart."""


@dataclass(frozen=True, eq=False)
class ObservedRounds:
    """T observed rounds of K arms, to be read by one of `READINGS`.

    Attributes
    ----------
    arms : numpy.ndarray of int64, shape [T]
        The drawn arm, 0 … K − 1.
    outcomes : numpy.ndarray of float, shape [T]
        What it gave.
    propensities : numpy.ndarray of float, shape [T]
        The probability with which it was drawn.
    names : tuple
        Names of the K arms.
    control : int
        Place of the arm that the J = K − 1 others are compared with.
    alpha : float
        Error rate in (0, 1), of all intervals together when ``joint``, else of each.
    joint : bool
        Whether the intervals hold together, each at α/J (Bonferroni).
    t_star : float
        Number of rounds near which "bounded" is to be tightest, fixed before the data.
    bounds : tuple of float, or None
        (a, b) that outcomes cannot leave whatever happens, for "bounded".
    unreachable : numpy.ndarray of int64, shape [K], or None
        In how many rounds each arm could not be drawn, where that is known.
    planned : int, or None
        Outcomes of an arm and the control together near which "exact" is to be shortest, fixed before the data
        (`outcomes_per_pair`); None serves all numbers alike.
    """

    arms: Integers
    outcomes: Floats
    propensities: Floats
    names: Sequence[Hashable]
    control: int = 0
    alpha: float = 0.05
    joint: bool = True
    t_star: float = 1000.0
    bounds: tuple[float, float] | None = None
    unreachable: Integers | None = None
    planned: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", error_rate(self.alpha))

    @property
    def n_arms(self) -> int:
        """K."""
        return len(self.names)

    @property
    def others(self) -> list[int]:
        """Places of the J arms that are compared with the control."""
        return [place for place in range(self.n_arms) if place != self.control]

    @property
    def alpha_each(self) -> float:
        """Error rate of one interval."""
        return self.alpha / len(self.others) if self.joint else self.alpha

    def estimates(self, method: str) -> pd.DataFrame:
        """One row per arm other than the control, in the arms' order, after the last round.

        Columns: ``arm``, ``reference`` (the control), ``estimate``, ``std_error`` (for orientation: the interval does
        not rest on it), ``lower``, ``upper``, ``significant``, ``n`` and ``n_control`` (rounds in which they were
        drawn), ``insufficient_data`` (one of both was never drawn: the estimate is NaN, the interval what the other
        leaves possible), ``warning``.

        Raises
        ------
        InvalidArgument
            For "exact" with an outcome other than 0 or 1, for "bounded" without bounds or with an outcome outside them.
        """
        reading, others = READINGS[one_of(method, "method", READINGS)], self.others
        estimate, lower, upper = reading.ends(self, None)
        pulls = np.bincount(self.arms, minlength=self.n_arms)
        missing = (pulls[others] == 0) | (pulls[self.control] == 0)
        return estimate_frame(
            {
                "arm": [self.names[place] for place in others],
                "reference": [self.names[self.control]] * len(others),
                "estimate": np.where(missing, np.nan, estimate),
                "std_error": np.where(missing, np.nan, reading.std_errors(self)),
                "lower": lower,
                "upper": upper,
                "significant": (lower > 0.0) | (upper < 0.0),
                "n": pulls[others],
                "n_control": [int(pulls[self.control])] * len(others),
                "insufficient_data": missing,
                "warning": [reading.warning(self, place) for place in others],
            },
            title=f"Effects against control, {method} reading",
            alpha=self.alpha,
            notes=(joint_note(self.joint and len(others) > 1), reading.assumption),
        )

    def path(self, method: str, most: int | None = None) -> pd.DataFrame:
        """The intervals after every round: columns ``round``, ``arm``, ``estimate``, ``lower``, ``upper``.

        With ``most`` at so many rounds at most, evenly spaced, the last among them: an interval of "exact" takes about
        0.15 ms.
        """
        at = np.arange(1, len(self.arms) + 1)
        if most is not None and len(at) > most:
            at = np.unique(np.linspace(1, len(at), most).astype(np.int64))
        estimate, lower, upper = READINGS[one_of(method, "method", READINGS)].ends(self, at)
        others = self.others
        drawn = self.arms[:, None] == np.arange(self.n_arms)
        seen = np.logical_or.accumulate(drawn, axis=0)[at - 1]
        estimate = np.where(seen[:, others] & seen[:, [self.control]], estimate, np.nan)
        names = [self.names[place] for place in others]
        return path_frame(at, names, {"estimate": estimate, "lower": lower, "upper": upper})


class LogReading(NamedTuple):
    """The rounds of a log by one of `READINGS`, from `read_log`: tables, JSON values and figures."""

    method: str
    rounds: ObservedRounds

    def estimates(self) -> pd.DataFrame:
        """As `ObservedRounds.estimates`."""
        return self.rounds.estimates(self.method)

    def to_dict(self) -> dict[str, Any]:
        """Settings and estimates as JSON values; an infinite bound is None."""
        rounds, table = self.rounds, self.estimates()
        return stamp("effects") | {
            "method": self.method,
            "rounds": len(rounds.arms),
            "control": plain(rounds.names[rounds.control]),
            "alpha": rounds.alpha,
            "multiplicity": "bonferroni" if rounds.joint else "none",
            "bounds": None if rounds.bounds is None else list(rounds.bounds),
            "estimates": plain_rows(table),
            "notes": list(frame_notes(table)),
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Each effect with its interval."""
        return plot_estimates(self.estimates(), ax=ax)

    def plot_path(self, ax: Axes | None = None) -> Axes:
        """Effects and intervals over the rounds."""
        from causalbandit.plots.effects import effects_over_time

        return effects_over_time(self.rounds.path(self.method, DRAWN), alpha=self.rounds.alpha, ax=ax)


def read_log(
    log: AdaptiveLog,
    method: str,
    control: Hashable,
    *,
    alpha: float = 0.05,
    multiplicity: str | None = "bonferroni",
    t_star: float | None = None,
    bounds: tuple[float, float] | None = None,
) -> LogReading:
    """The effects of a log's arms against a control by one of `READINGS`.

    Parameters
    ----------
    log
        The checked record.
    method
        "exact" or "bounded".
    control
        Name of the control arm.
    alpha, multiplicity
        Error rate in (0, 1): "bonferroni", of all intervals together; "none" or None, of each.
    t_star, bounds
        As `ObservedRounds`; by default the number of rounds, and none. A ``t_star`` that is given is also the number
        of rounds that "exact" plans with, which shortens it where arms were drawn about equally often and lengthens it
        by a tenth where they were not; without one it serves all numbers alike.
    """
    require_log(log)
    one_of(method, "method", READINGS)
    joint = one_of(multiplicity or "none", "multiplicity", ("bonferroni", "none")) == "bonferroni"
    rounds = ObservedRounds(
        log.arms,
        log.outcomes,
        log.taken_propensities,
        log.names,
        log.column(control, "control"),
        alpha,
        joint,
        float(log.n_rounds) if t_star is None else t_star,
        bounds,
        None if log.propensities is None else (log.propensities == 0.0).sum(axis=0),
        None if t_star is None else outcomes_per_pair(t_star, len(log.names)),
    )
    return LogReading(method, rounds)


def joint_note(joint: bool) -> str:
    """What the error rate of several intervals means."""
    if joint:
        return "All intervals hold together at the stated rate (Bonferroni)."
    return "Each interval holds by itself at the stated rate."


class Reading(NamedTuple):
    """How rounds are read: the ends, standard errors for orientation, a warning for an arm, and what is assumed."""

    ends: Callable[[ObservedRounds, Integers | None], Ends]
    std_errors: Callable[[ObservedRounds], Floats]
    warning: Callable[[ObservedRounds, int], str]
    assumption: str


def _exact_ends(rounds: ObservedRounds, at: Integers | None) -> Ends:
    ones, tries = binary_counts(rounds.outcomes, rounds.arms, rounds.n_arms, running=at is not None)
    if at is not None:
        ones, tries = ones[at - 1], tries[at - 1]
    others, control = rounds.others, [rounds.control]
    found = bernoulli_contrast(
        ones[..., others],
        tries[..., others],
        ones[..., control],
        tries[..., control],
        rounds.alpha_each,
        planned=rounds.planned,
    )
    return found.estimate, found.lower, found.upper


def _exact_errors(rounds: ObservedRounds) -> Floats:
    """√(p̂_k(1 − p̂_k)/n_k + p̂_0(1 − p̂_0)/n_0)."""
    ones, tries = binary_counts(rounds.outcomes, rounds.arms, rounds.n_arms)
    n = np.maximum(tries, 1.0)
    variances = ones / n * (1.0 - ones / n) / n
    errors: Floats = np.sqrt(variances[rounds.others] + variances[rounds.control])
    return errors


def _bounded_ends(rounds: ObservedRounds, at: Integers | None) -> Ends:
    if rounds.bounds is None:
        raise InvalidArgument(
            "bounds",
            "is missing: the reading 'bounded' needs the interval (a, b) that outcomes cannot leave whatever happens, "
            "(0, 1) for outcomes 0 or 1; the smallest and largest outcome seen are not such bounds. Without any, use "
            "'mad'.",
        )
    estimate, lower, upper = score_paths(
        rounds.arms,
        rounds.outcomes,
        rounds.propensities,
        rounds.n_arms,
        rounds.control,
        np.array([len(rounds.arms)]) if at is None else at,
        bounds=rounds.bounds,
        alpha=rounds.alpha_each,
        t_opt=rounds.t_star,
    )
    return (estimate, lower, upper) if at is not None else (estimate[0], lower[0], upper[0])


def _bounded_errors(rounds: ObservedRounds) -> Floats:
    """√Σ (Y − m)²/p² / t over the rounds of either arm, m the middle of the bounds."""
    assert rounds.bounds is not None
    squares = ((rounds.outcomes - sum(rounds.bounds) / 2.0) / rounds.propensities) ** 2
    sums = np.bincount(rounds.arms, squares, rounds.n_arms)
    errors: Floats = np.sqrt(sums[rounds.others] + sums[rounds.control]) / max(len(squares), 1)
    return errors


def _bounded_warning(rounds: ObservedRounds, place: int) -> str:
    """Without a chance to draw an arm its score is too small on the average, in the lower as in the upper bound."""
    if rounds.unreachable is None:
        return ""
    told = [
        f"{rounds.names[arm]!r} could not be drawn in {rounds.unreachable[arm]} rounds"
        for arm in (place, rounds.control)
        if rounds.unreachable[arm]
    ]
    return f"{' and '.join(told)}: the interval holds, the estimate is biased" if told else ""


READINGS: dict[str, Reading] = {
    "exact": Reading(
        _exact_ends,
        _exact_errors,
        lambda rounds, place: "",
        "Exact at every round at once, whatever rule drew the arms, if the outcomes of an arm are independent draws of "
        "0 or 1 with one mean: means that drift are not covered. Propensities are not used.",
    ),
    "bounded": Reading(
        _bounded_ends,
        _bounded_errors,
        _bounded_warning,
        "Exact at every round at once, for the mean effect of the rounds so far, whatever drifts or depends on what: "
        "propensities must be those with which arms were drawn, and outcomes cannot leave the bounds.",
    ),
}
"""Name → reading."""
