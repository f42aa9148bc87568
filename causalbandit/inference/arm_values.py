"""Values of arms and their contrasts from scores and evaluation weights, with normal intervals.

>>> import numpy as np
>>> scores = np.array([[1.0, 0.0], [3.0, 2.0], [2.0, 1.0], [2.0, 5.0]])
>>> arm_values(scores, np.ones((4, 2)))[["arm", "estimate", "std_error"]].round(3).values.tolist()
[[0.0, 2.0, 0.354], [1.0, 2.0, 0.935]]
>>> float(arm_contrasts(scores, np.ones((4, 2)))["std_error"].iloc[0].round(3))
0.866

Every interval here is for one look at the end, at a number of rounds that was fixed in advance; to look whenever you
like, use a confidence sequence (`causalbandit.sequences.streams`).

The intervals are asymptotic: an arm that the design has nearly dropped, few rounds and skewed outcomes are where that
shows.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from causalbandit.arrays import Floats, quotients
from causalbandit.checks import ascending, error_rate, finite_array, numeric_array, one_each, one_of, shaped
from causalbandit.errors import InvalidArgument
from causalbandit.formats.result_file import stamp
from causalbandit.inference.arm_names import names_in_order
from causalbandit.inference.estimates import Estimates, frame_notes, path_frame, summary_html, summary_text
from causalbandit.inference.log import AdaptiveLog, require_log
from causalbandit.inference.multiplicity import MULTIPLICITIES, normal_quantile
from causalbandit.inference.scores import followed_sizes, log_scores
from causalbandit.inference.weighted_means import kish_sizes, weighted_covariance, weighted_path, weighted_values
from causalbandit.inference.weights import FLOOR_DECAY, adaptive_weights, checked_weights
from causalbandit.randomness import RNG, generator
from causalbandit.text import plain, plain_rows

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

LOOKAHEAD_NOTE = "allow_lookahead=True: outcome means may have seen the future; intervals are not guaranteed."

ONE_LOOK_NOTE = "Valid for one look, at a planned number of rounds."


def arm_values(
    scores: ArrayLike, weights: ArrayLike, alpha: float = 0.05, *, names: Sequence[Hashable] | None = None
) -> pd.DataFrame:
    """One row per arm, in column order: the weighted mean of its scores with a normal interval.

    Q̂(w) = Σ h_t(w)Γ_t(w) / Σ h_t(w), V̂(w) = Σ h_t(w)²(Γ_t(w) − Q̂(w))² / (Σ h_t(w))², interval Q̂ ± z_{1−α/2}·√V̂.

    Parameters
    ----------
    scores
        [T, K], from `aipw_scores`.
    weights
        [T, K] or [T], from `adaptive_weights`.
    alpha
        Error rate of each interval by itself.
    names
        The K arms' names; default 0 … K−1.

    Returns
    -------
    Columns ``arm``, ``estimate``, ``std_error``, ``lower``, ``upper``, ``effective_size`` (Σh)²/Σh²,
    ``insufficient_data`` and ``warning``. An arm whose scores never vary was never taken or its outcome never varied:
    its variance cannot be estimated, so its estimate is NaN and its interval infinite.

    Notes
    -----
    Source: Hadad, Hirshberg, Zhan, Wager & Athey (PNAS 2021). Two passes, O(T·K), no T·K copies.
    """
    gamma, h, labels = _checked(scores, weights, alpha, names)
    estimates, errors = weighted_values(gamma, h)
    return Estimates(labels, estimates, errors, None, kish_sizes(h), notes=(ONE_LOOK_NOTE,)).values(float(alpha))


def arm_contrasts(
    scores: ArrayLike,
    weights: ArrayLike,
    reference: Hashable = 0,
    alpha: float = 0.05,
    *,
    all_pairs: bool = False,
    multiplicity: str = "none",
    names: Sequence[Hashable] | None = None,
    control: Hashable | None = None,
    rng: RNG = 0,
) -> pd.DataFrame:
    """One row per other arm, ascending: arm minus reference; with ``all_pairs`` every later arm minus every earlier
    one.

    Variance of w₁ against w₂: Σ_t [h_t(w₁)(Γ_t(w₁) − Q̂(w₁))/Σh(w₁) − h_t(w₂)(Γ_t(w₂) − Q̂(w₂))/Σh(w₂)]².

    Parameters
    ----------
    scores, weights
        [T, K], as for `arm_values`.
    reference, control
        The arm that others are compared with, by either word: a column, or a name where ``names`` are given.
    multiplicity
        With m contrasts: "none"; "bonferroni": intervals at α/m, p-values times m; "holm": step-down p-values, which
        decide more than Bonferroni's but come with no intervals (``lower`` and ``upper`` are NaN); "simultaneous":
        intervals ± c·std_error, where c is the 1 − α quantile of max |Z| for normals with the contrasts' estimated
        correlation, found by drawing from ``rng``.
    names
        The K arms' names; default 0 … K−1.

    Returns
    -------
    Columns ``arm``, ``reference``, ``estimate``, ``std_error``, ``lower``, ``upper``, ``z``, ``p_value`` (two-sided,
    adjusted for multiplicity as asked), ``significant`` (p_value ≤ α), ``insufficient_data``, ``warning``.

    Notes
    -----
    Source: Hadad et al. (PNAS 2021) for the variance; Holm (1979); Hothorn, Bretz & Westfall
    (2008) for simultaneous normal intervals. O(T·K²) for the covariance; no T·K copies.
    """
    one_of(multiplicity, "multiplicity", MULTIPLICITIES)
    gamma, h, labels = _checked(scores, weights, alpha, names)
    if gamma.shape[1] < 2:
        raise InvalidArgument("scores", "has one arm only; a contrast compares two.")
    estimates, errors = weighted_values(gamma, h)
    together = Estimates(labels, estimates, errors, weighted_covariance(gamma, h, estimates), kish_sizes(h))
    reference = reference if control is None else control
    return together.contrasts(
        reference, float(alpha), all_pairs=all_pairs, multiplicity=multiplicity, rng=generator(rng)
    )


def value_path(
    scores: ArrayLike,
    weights: ArrayLike,
    alpha: float = 0.05,
    *,
    at: ArrayLike | int = 200,
    names: Sequence[Hashable] | None = None,
) -> pd.DataFrame:
    """Estimates of every arm's value from the first t rounds alone, for several t: columns as `arm_values`, and
    ``round``.

    ``at`` holds the numbers of rounds t, or says how many, evenly spaced. Each interval is for a look at that one t:
    looking at the path and stopping where it pleases is not covered. Two-point weights are those planned for all T
    rounds. O(T·K) time, no T·K copies.
    """
    gamma, h, labels = _checked(scores, weights, alpha, names)
    return _path(gamma, h, labels, alpha, at)


def _path(
    gamma: Floats,
    h: Floats,
    labels: Sequence[Hashable],
    alpha: float,
    at: ArrayLike | int = 200,
    centre: Floats | None = None,
) -> pd.DataFrame:
    """`value_path` of checked arrays; an arm without any weight has no estimates."""
    n_rounds, n_arms = gamma.shape
    if isinstance(at, (int, np.integer)):
        ends = np.unique(np.linspace(n_arms, n_rounds, max(2, int(at))).astype(np.int64))
    else:
        ends = np.unique(np.asarray(at, dtype=np.int64))
        ascending(ends.tolist(), "at", 1, n_rounds, "rounds")
    estimates, errors = weighted_path(gamma, h, ends, weighted_values(gamma, h)[0] if centre is None else centre)
    radius = np.nan_to_num(normal_quantile(1.0 - alpha / 2.0) * errors, nan=np.inf)
    middle = np.nan_to_num(estimates)
    columns = {"estimate": estimates, "std_error": errors, "lower": middle - radius, "upper": middle + radius}
    return path_frame(ends, labels, columns)


@dataclass(frozen=True, eq=False)
class ArmEstimates:
    """Values of all arms and their contrasts to a reference, estimated from an adaptive log.

    Attributes
    ----------
    values : pandas.DataFrame
        Frame as of `arm_values`.
    contrasts : pandas.DataFrame
        Frame as of `arm_contrasts`.
    path : pandas.DataFrame
        Frame as of `value_path`.
    log : AdaptiveLog
        The log.
    weights : str
        The name of the weighting scheme, or "given".
    alpha : float
        Error rate.
    """

    values: pd.DataFrame
    contrasts: pd.DataFrame
    path: pd.DataFrame
    log: AdaptiveLog
    weights: str
    alpha: float

    @property
    def notes(self) -> tuple[str, ...]:
        """What qualifies values and contrasts, in sentences."""
        return (*frame_notes(self.values), *frame_notes(self.contrasts))

    def to_frame(self) -> pd.DataFrame:
        """Values and contrasts, one below the other; ``reference`` is missing for values."""
        import pandas as pd

        frame = pd.concat([self.values, self.contrasts], ignore_index=True)
        frame.attrs.update(title="Values and contrasts of arms", alpha=self.alpha, notes=self.notes)
        return frame

    def to_dict(self) -> dict[str, Any]:
        """Plain Python, fit for JSON: infinite and missing numbers are None."""
        return stamp("effects") | {
            "rounds": self.log.n_rounds,
            "arms": [plain(name) for name in self.log.names],
            "weights": self.weights,
            "alpha": self.alpha,
            "values": plain_rows(self.values),
            "contrasts": plain_rows(self.contrasts),
            "notes": list(self.notes),
        }

    def summary(self) -> str:
        """Both tables as text."""
        return f"{summary_text(self.values)}\n\n{summary_text(self.contrasts)}"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Estimates over time, with pointwise intervals; `plot_estimates` draws forests of values and contrasts."""
        from causalbandit.plots.effects import estimates_over_time

        return estimates_over_time(self.path, self.alpha, ax=ax)

    def __repr__(self) -> str:
        return f"ArmEstimates({self.log.n_rounds} rounds, {self.log.n_arms} arms, {self.weights} weights)"

    def _repr_html_(self) -> str:
        return summary_html(self.values) + summary_html(self.contrasts)


def estimate_arms(
    log: AdaptiveLog,
    weights: str | ArrayLike = "two-point",
    *,
    control: Hashable | None = None,
    alpha: float = 0.05,
    outcome_means: Any = None,
    floor_decay: float = FLOOR_DECAY,
    all_pairs: bool = False,
    multiplicity: str = "none",
    refit_at: Sequence[int] | None = None,
    allow_lookahead: bool = False,
    reference: Hashable | None = None,
    rng: RNG = 0,
) -> ArmEstimates:
    """Values and contrasts of the arms of a log by adaptively weighted AIPW.

    Parameters
    ----------
    log
        The checked record. With "constant" and "two-point" weights it must hold all arms' propensities.
    weights, floor_decay
        As `adaptive_weights`.
    control, reference
        The arm, by name, that others are compared with, by either word; default: the log's first.
    outcome_means, refit_at, allow_lookahead
        As `aipw_scores`; a regressor predicts from the log's contexts and is refitted where batches begin, if the
        log names any.
    all_pairs, multiplicity, rng
        As `arm_contrasts`.

    Returns
    -------
    `ArmEstimates`. Here ``effective_size`` counts rounds in which the arm was taken, weighted as the estimate weights
    them: (Σa)²/Σa² with a_t = h_t(w)·1{W_t = w}/e_t(w); it is low when a few rounds with small propensities decide.
    ``skewness`` is that of the estimate, were its outcomes as skewed as those of the arm or of all rounds. Both decide
    about warnings. An arm that was never taken has no estimate; one whose outcomes were all equal has an infinite
    interval.

    Notes
    -----
    Memory: the log, the scores and the weights, three T·K arrays in all.
    """
    require_log(log)
    alpha = error_rate(alpha)
    one_of(multiplicity, "multiplicity", MULTIPLICITIES)
    control = reference if control is None else control
    place = 0 if control is None else log.column(control, "control")
    if isinstance(weights, str) and weights == "uniform" and log.propensities is None:
        h: Floats = np.broadcast_to(1.0, (log.n_rounds, log.n_arms))
    elif isinstance(weights, str):
        h = adaptive_weights(log.all_propensities("weights", weights), weights, floor_decay)
    else:
        h = checked_weights(weights, log.n_rounds, log.n_arms)
    gamma = log_scores(log, outcome_means, refit_at, allow_lookahead)
    scheme = weights if isinstance(weights, str) else "given"
    notes = [f"AIPW with {scheme} weights; valid for one look, at a planned number of rounds."]
    if allow_lookahead:
        notes.append(LOOKAHEAD_NOTE)
    if log.propensities is not None:
        zeros = (log.propensities == 0.0).sum(axis=0)
        notes.extend(
            f"Arm {name!r} had propensity 0 in {count} rounds; its scores there rest on the outcome means alone."
            for name, count in zip(log.names, zeros.tolist(), strict=True)
            if count
        )
    together = weighted_estimates(log, gamma, h, tuple(notes))
    contrasts = together.contrasts(
        log.names[place], alpha, all_pairs=all_pairs, multiplicity=multiplicity, rng=generator(rng)
    )
    path = _path(gamma, h, log.names, alpha, centre=together.estimate)
    return ArmEstimates(together.values(alpha), contrasts, path, log, scheme, alpha)


def weighted_estimates(log: AdaptiveLog, scores: Floats, weights: Floats, notes: tuple[str, ...] = ()) -> Estimates:
    """The arms' values from [T, K] scores and weights of a log, with what the log tells of how far to trust them."""
    estimates, errors = weighted_values(scores, weights)
    for arm in range(log.n_arms):
        own = log.outcomes[log.arms == arm]
        if not len(own):
            estimates[arm], errors[arm] = np.nan, np.nan
        elif (own == own[0]).all():  # a variance cannot be told from equal outcomes
            estimates[arm] = own[0] if np.isnan(estimates[arm]) else estimates[arm]
            errors[arm] = np.nan
    taken = weights[np.arange(log.n_rounds), log.arms]
    sizes, skewed = followed_sizes(log, (np.where(log.arms == arm, taken, 0.0) for arm in range(log.n_arms)))
    return Estimates(
        labels=log.names,
        estimate=estimates,
        std_error=errors,
        covariance=weighted_covariance(scores, weights, estimates),
        effective_size=sizes,
        skewness=skewed,
        rounds=log.pulls,
        notes=notes,
    )


def sample_means(log: AdaptiveLog, alpha: float = 0.05) -> pd.DataFrame:
    """The mean outcome of each arm with its textbook interval, **which is wrong for adaptive data**: a comparator.

    Mean ± z·√(Σ(Y − mean)²)/n over the arm's n rounds. A design that drops an arm after bad luck leaves its mean too
    low, so these intervals cover less often than they say.
    """
    require_log(log)
    means, errors = sample_moments(log)
    note = "Sample means of adaptive data: biased, and their intervals cover too rarely. For comparison only."
    sizes = log.pulls.astype(np.float64)
    return Estimates(log.names, means, errors, None, sizes, rounds=log.pulls, notes=(note,)).values(error_rate(alpha))


def sample_moments(log: AdaptiveLog) -> tuple[Floats, Floats]:
    """[K] mean outcomes and [K] their textbook standard errors; NaN where an arm has no rounds or no spread."""
    n = log.pulls
    means = quotients(np.bincount(log.arms, log.outcomes, log.n_arms), n, np.nan)
    errors = np.sqrt(np.bincount(log.arms, (log.outcomes - means[log.arms]) ** 2, log.n_arms)) / np.maximum(n, 1)
    errors[errors == 0.0] = np.nan
    return means, errors


def _checked(
    scores: ArrayLike, weights: ArrayLike, alpha: float, names: Sequence[Hashable] | None
) -> tuple[Floats, Floats, tuple[Hashable, ...]]:
    """The scores, the weights as [T, K] and the names."""
    gamma = numeric_array(scores, "scores", "one score per round and arm")
    finite_array(shaped(gamma, "scores", ("T", "K"), "one column per arm"), "scores", ", from aipw_scores")
    error_rate(alpha)
    labels: tuple[Hashable, ...] = tuple(range(gamma.shape[1])) if names is None else names_in_order(names, "names")
    one_each(labels, "names", gamma.shape[1], "arms")
    return gamma, checked_weights(weights, *gamma.shape), labels
