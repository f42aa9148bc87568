"""Values of arms and their contrasts from scores and evaluation weights, with normal intervals.

>>> import numpy as np
>>> scores = np.array([[1.0, 0.0], [3.0, 2.0], [2.0, 1.0], [2.0, 5.0]])
>>> arm_values(scores, np.ones((4, 2)))[["arm", "estimate", "std_error"]].round(3).values.tolist()
[[0.0, 2.0, 0.354], [1.0, 2.0, 0.935]]
>>> float(arm_contrasts(scores, np.ones((4, 2)))["std_error"].iloc[0].round(3))
0.866

Every interval here is for one look at the end, at a number of rounds that was fixed in advance; to look whenever you
like, use a confidence sequence (`causalbandit.sequences.streams`).

The intervals are asymptotic, and an arm that the design has nearly dropped is where that shows. Share of 90 % intervals
that hold the truth, 2,000 simulated experiments of Hadad et al. (2021) with three arms, Thompson sampling and the floor
t^(−0.7)/3:

=================== ====== ========= ======== ======= ===========
arm                 rounds two-point constant uniform sample mean
=================== ====== ========= ======== ======= ===========
worst, high signal   1,000 0.845     0.825    0.801   0.838
worst, high signal  10,000 0.879     0.864    0.853   0.877
best, high signal    1,000 0.940     0.900    0.910   0.892
best, high signal   10,000 0.940     0.914    0.916   0.916
worst, low signal    1,000 0.871     0.855    0.832   0.864
worst, low signal   10,000 0.876     0.865    0.863   0.880
best, low signal     1,000 0.916     0.902    0.913   0.883
best, low signal    10,000 0.909     0.893    0.901   0.893
first, no signal     1,000 0.885     0.875    0.859   0.819
first, no signal    10,000 0.895     0.900    0.892   0.845
=================== ====== ========= ======== ======= ===========
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causalbandit.arrays import column_sums, row_blocks
from causalbandit.errors import did_you_mean, listing
from causalbandit.inference.checks import NUMBERS, check_finite, numbers
from causalbandit.inference.estimates import estimate_frame, frame_notes, summary_html, summary_text
from causalbandit.inference.log import AdaptiveLog, check_names_differ, require_log
from causalbandit.inference.past_means import refit_rounds
from causalbandit.inference.scores import aipw_scores, effective_size
from causalbandit.inference.weights import FLOOR_DECAY, adaptive_weights, checked_weights
from causalbandit.randomness import RNG, generator
from causalbandit.text import plain, plain_rows

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_PLURALS = {"arm": "arms", "policy": "policies"}

LEAST_EFFECTIVE_SIZE = 10.0
"""Below this effective sample size a result carries a warning."""

MULTIPLICITIES = ("none", "bonferroni", "holm", "simultaneous")
"""How `arm_contrasts` can account for asking several questions at once."""

LOOKAHEAD_NOTE = "allow_lookahead=True: outcome means may have seen the future; intervals are not guaranteed."

SIMULTANEOUS_DRAWS = 200_000
"""Draws for the largest of correlated normals: its 95 % quantile is then found to about 0.005."""


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
    return value_table(
        labels, estimates, errors, _kish(h), alpha, ("Valid for one look, at a planned number of rounds.",)
    )


def arm_contrasts(
    scores: ArrayLike,
    weights: ArrayLike,
    reference: Hashable = 0,
    alpha: float = 0.05,
    *,
    all_pairs: bool = False,
    multiplicity: str = "none",
    names: Sequence[Hashable] | None = None,
    rng: RNG = 0,
) -> pd.DataFrame:
    """One row per other arm, ascending: arm minus reference; with ``all_pairs`` every later arm minus every earlier
    one.

    Variance of w₁ against w₂: Σ_t [h_t(w₁)(Γ_t(w₁) − Q̂(w₁))/Σh(w₁) − h_t(w₂)(Γ_t(w₂) − Q̂(w₂))/Σh(w₂)]².

    Parameters
    ----------
    scores, weights
        [T, K], as for `arm_values`.
    reference
        A column, or a name where ``names`` are given.
    multiplicity
        With m contrasts: "none"; "bonferroni": intervals at α/m, p-values times m; "holm": step-down p-values, which
        decide more than Bonferroni's but come with no intervals (``lower`` and ``upper`` are NaN); "simultaneous":
        intervals ± c·std_error, where c is the 1 − α quantile of max |Z| for normals with the contrasts' estimated
        correlation, found with ``SIMULTANEOUS_DRAWS`` draws of ``rng``.
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
    _check_multiplicity(multiplicity)
    gamma, h, labels = _checked(scores, weights, alpha, names)
    if gamma.shape[1] < 2:
        raise ValueError("scores has one arm only; a contrast compares two.")
    estimates, errors = weighted_values(gamma, h)
    covariance = weighted_covariance(gamma, h, estimates)
    return _contrast_table(
        labels, estimates, errors, covariance, _kish(h), reference, alpha, all_pairs, multiplicity, generator(rng)
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
    gamma: NDArray[np.float64],
    h: NDArray[np.float64],
    labels: Sequence[Hashable],
    alpha: float,
    at: ArrayLike | int = 200,
) -> pd.DataFrame:
    """`value_path` of checked arrays; an arm without any weight has no estimates."""
    import pandas as pd

    n_rounds, n_arms = gamma.shape
    if isinstance(at, (int, np.integer)):
        ends = np.unique(np.linspace(n_arms, n_rounds, max(2, int(at))).astype(np.int64))
    else:
        ends = np.unique(np.asarray(at, dtype=np.int64))
    if not len(ends) or ends[0] < 1 or ends[-1] > n_rounds:
        raise ValueError(f"at was {at!r}; expected numbers of rounds between 1 and {n_rounds}.")
    centre, _ = weighted_values(gamma, h)  # sums about the final estimate keep their digits
    parts = np.zeros((len(ends), 5, n_arms))
    for place, (start, stop) in enumerate(zip(np.append(0, ends[:-1]), ends, strict=True)):
        for rows in row_blocks(stop - start, n_arms):
            piece = slice(start + rows.start, start + rows.stop)
            weight, off = h[piece], gamma[piece] - np.nan_to_num(centre)
            square = weight * weight
            for number, term in enumerate((weight, weight * off, square, square * off, square * off * off)):
                parts[place, number] += column_sums(term)
    total, first, square, square_first, square_second = np.cumsum(parts, axis=0).transpose(1, 0, 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        shift = first / total
        spread = square_second - 2.0 * shift * square_first + shift * shift * square
        errors = np.sqrt(np.maximum(spread, 0.0)) / total
    errors[~(errors > 0.0)] = np.nan
    radius = np.nan_to_num(_normal_quantile(1.0 - alpha / 2.0) * errors, nan=np.inf)
    estimates = np.nan_to_num(centre) + shift
    estimates[np.isnan(errors)] = np.nan
    middle = np.nan_to_num(estimates)
    columns = {"estimate": estimates, "std_error": errors, "lower": middle - radius, "upper": middle + radius}
    frame = pd.DataFrame({name: column.ravel() for name, column in columns.items()})
    frame.insert(0, "arm", list(labels) * len(ends))
    frame.insert(0, "round", np.repeat(ends, n_arms))
    return frame


@dataclass(frozen=True, eq=False)
class ArmEstimates:
    """Values of all arms and their contrasts to a reference, estimated from an adaptive log.

    Attributes
    ----------
    values
        Table of `arm_values`.
    contrasts
        Table of `arm_contrasts`.
    path
        Frame of `value_path`.
    log
        The log.
    weights
        The name of the weighting scheme, or "given".
    alpha
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
        return {
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
    reference: Hashable | None = None,
    alpha: float = 0.05,
    outcome_means: Any = None,
    floor_decay: float = FLOOR_DECAY,
    all_pairs: bool = False,
    multiplicity: str = "none",
    refit_at: Sequence[int] | None = None,
    allow_lookahead: bool = False,
    rng: RNG = 0,
) -> ArmEstimates:
    """Values and contrasts of the arms of a log by adaptively weighted AIPW.

    Parameters
    ----------
    log
        The checked record. With "constant" and "two-point" weights it must hold all arms' propensities.
    weights, floor_decay
        As `adaptive_weights`.
    reference
        The arm, by name, that others are compared with; default: the log's first.
    outcome_means, refit_at, allow_lookahead
        As `aipw_scores`; a regressor predicts from the log's contexts and is refitted where batches begin, if the
        log names any.
    all_pairs, multiplicity, rng
        As `arm_contrasts`.

    Returns
    -------
    `ArmEstimates`. Here ``effective_size`` counts rounds in which the arm was taken, weighted as the estimate weights
    them: (Σa)²/Σa² with a_t = h_t(w)·1{W_t = w}/e_t(w); it is low when a few rounds with small propensities decide.
    An arm that was never taken has no estimate; one whose outcomes were all equal has an infinite interval.

    Notes
    -----
    Memory: the log, the scores and the weights, three T·K arrays in all.
    """
    require_log(log)
    alpha = check_alpha(alpha)
    _check_multiplicity(multiplicity)
    reference = log.names[0] if reference is None else reference
    reference = log.names[log.column(reference)]
    if isinstance(weights, str) and weights == "uniform" and log.propensities is None:
        h: NDArray[np.float64] = np.broadcast_to(1.0, (log.n_rounds, log.n_arms))
    elif isinstance(weights, str):
        h = adaptive_weights(log.all_propensities(f"weights={weights!r}"), weights, floor_decay)
    else:
        h = checked_weights(weights, log.n_rounds, log.n_arms)
    gamma = log_scores(log, outcome_means, refit_at, allow_lookahead)
    estimates, errors = weighted_values(gamma, h)
    pulls = log.pulls
    for arm in range(log.n_arms):
        own = log.outcomes[log.arms == arm]
        if not len(own):
            estimates[arm], errors[arm] = np.nan, np.nan
        elif (own == own[0]).all():  # a variance cannot be told from equal outcomes
            estimates[arm] = own[0] if np.isnan(estimates[arm]) else estimates[arm]
            errors[arm] = np.nan
    covariance = weighted_covariance(gamma, h, estimates)
    effective = _taken_effective_size(log, h)
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
    values = value_table(log.names, estimates, errors, effective, alpha, tuple(notes), pulls)
    contrasts = _contrast_table(
        log.names,
        estimates,
        errors,
        covariance,
        effective,
        reference,
        alpha,
        all_pairs,
        multiplicity,
        generator(rng),
    )
    path = _path(gamma, h, log.names, alpha)
    return ArmEstimates(values, contrasts, path, log, scheme, alpha)


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


def sample_means(log: AdaptiveLog, alpha: float = 0.05) -> pd.DataFrame:
    """The mean outcome of each arm with its textbook interval, **which is wrong for adaptive data**: a comparator.

    Mean ± z·√(Σ(Y − mean)²)/n over the arm's n rounds. A design that drops an arm after bad luck leaves its mean too
    low, so these intervals cover less often than they say.
    """
    require_log(log)
    means, errors = sample_moments(log)
    note = "Sample means of adaptive data: biased, and their intervals cover too rarely. For comparison only."
    pulls = log.pulls
    return value_table(log.names, means, errors, pulls.astype(np.float64), check_alpha(alpha), (note,), pulls)


def sample_moments(log: AdaptiveLog) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[K] mean outcomes and [K] their textbook standard errors; NaN where an arm has no rounds or no spread."""
    n = log.pulls
    means = np.divide(np.bincount(log.arms, log.outcomes, log.n_arms), n, out=np.full(log.n_arms, np.nan), where=n > 0)
    errors = np.sqrt(np.bincount(log.arms, (log.outcomes - means[log.arms]) ** 2, log.n_arms)) / np.maximum(n, 1)
    errors[errors == 0.0] = np.nan
    return means, errors


# -- the arithmetic --------------------------------------------------------------------------------------------------


def weighted_values(
    scores: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
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


def weighted_covariance(
    scores: NDArray[np.float64], weights: NDArray[np.float64], estimates: NDArray[np.float64]
) -> NDArray[np.float64]:
    """[K, K]: Σ_t I_t(w₁)I_t(w₂) of the influences I_t(w) = h_t(w)(Γ_t(w) − Q̂(w))/Σh(w)."""
    n_rounds, n_arms = scores.shape
    covariance, total = np.zeros((n_arms, n_arms)), np.zeros(n_arms)
    for rows in row_blocks(n_rounds, n_arms):
        influence = scores[rows] - estimates
        influence *= weights[rows]
        covariance += influence.T @ influence
        total += column_sums(weights[rows])
    with np.errstate(invalid="ignore"):
        result: NDArray[np.float64] = covariance / np.outer(total, total)
    return result


def _kish(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """[K]: (Σh)²/Σh², the number of equal weights that would average as well."""
    n_arms = weights.shape[1]
    total, squares = np.zeros(n_arms), np.zeros(n_arms)
    for rows in row_blocks(*weights.shape):
        total += column_sums(weights[rows])
        squares += column_sums(weights[rows] ** 2)
    result: NDArray[np.float64] = total**2 / squares
    return result


def _taken_effective_size(log: AdaptiveLog, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """[K]: the effective number of rounds that took each arm, weighted as its estimate weights them."""
    taken = weights[np.arange(log.n_rounds), log.arms]
    sizes = np.zeros(log.n_arms)
    for arm in range(log.n_arms):
        at = np.flatnonzero(log.arms == arm)
        sizes[arm] = effective_size(taken[at], log.taken_propensities[at])
    return sizes


def _normal_quantile(probability: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(probability))


def _holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Holm's step-down p-values: the j-th smallest times m − j + 1, made ascending."""
    order = np.argsort(p_values)
    stepped = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def _largest_normals(correlation: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Sorted draws of max |Z_j| for standard normals with this correlation, which may be singular."""
    values, vectors = np.linalg.eigh(correlation)
    keep = values > 1e-12 * values[-1]
    root = vectors[:, keep] * np.sqrt(values[keep])
    largest = np.empty(SIMULTANEOUS_DRAWS)
    for rows in row_blocks(SIMULTANEOUS_DRAWS, len(correlation)):
        draws = rng.standard_normal((rows.stop - rows.start, int(keep.sum())))
        largest[rows] = np.abs(draws @ root.T).max(axis=1)
    return np.sort(largest)


# -- the tables ------------------------------------------------------------------------------------------------------


def value_table(
    labels: Sequence[Hashable],
    estimates: NDArray[np.float64],
    errors: NDArray[np.float64],
    effective: NDArray[np.float64],
    alpha: float,
    notes: tuple[str, ...],
    pulls: NDArray[np.int64] | None = None,
    label: str = "arm",
) -> pd.DataFrame:
    """The table of values of arms or, with ``label``, of policies; errors that are NaN give infinite intervals."""
    radius = np.nan_to_num(_normal_quantile(1.0 - alpha / 2.0) * errors, nan=np.inf)
    middle = np.nan_to_num(estimates)
    columns: dict[str, Any] = {
        label: list(labels),
        "estimate": estimates,
        "std_error": errors,
        "lower": middle - radius,
        "upper": middle + radius,
    }
    if pulls is not None:
        columns["rounds"] = pulls
    columns["effective_size"] = effective
    columns["insufficient_data"] = np.isnan(errors)
    columns["warning"] = _warnings(errors, effective)
    return estimate_frame(columns, title=f"Values of {_PLURALS[label]}", alpha=alpha, notes=notes)


def _warnings(errors: NDArray[np.float64], effective: NDArray[np.float64]) -> list[str]:
    """[K] sentences, empty where there is nothing to warn of."""
    return [
        "never taken, or its outcome never varied: no interval (with known bounds, a confidence sequence has one)"
        if np.isnan(error)
        else f"effective sample size {size:.1f} is below {LEAST_EFFECTIVE_SIZE:g}: do not trust the normal interval"
        if size < LEAST_EFFECTIVE_SIZE
        else ""
        for error, size in zip(errors.tolist(), effective.tolist(), strict=True)
    ]


def _contrast_table(
    labels: Sequence[Hashable],
    estimates: NDArray[np.float64],
    errors: NDArray[np.float64],
    covariance: NDArray[np.float64],
    effective: NDArray[np.float64],
    reference: Hashable,
    alpha: float,
    all_pairs: bool,
    multiplicity: str,
    rng: np.random.Generator,
    label: str = "arm",
) -> pd.DataFrame:
    """The table of contrasts; the one place where α is shared out among them."""
    from scipy.special import ndtr

    first, second = _pairs(labels, reference, all_pairs)
    estimate = estimates[first] - estimates[second]
    spread = covariance[first, first] + covariance[second, second] - 2.0 * covariance[first, second]
    with np.errstate(invalid="ignore"):
        error = np.sqrt(np.where(spread > 0.0, spread, np.nan))
    known = ~np.isnan(error) & ~np.isnan(errors[first]) & ~np.isnan(errors[second])
    estimate, error = np.where(known, estimate, np.nan), np.where(known, error, np.nan)
    z = estimate / error
    p_values = 2.0 * ndtr(-np.abs(z))
    p_values[~known] = 1.0
    m = len(first)
    critical = _normal_quantile(1.0 - alpha / 2.0)
    notes: tuple[str, ...] = ()
    if multiplicity == "bonferroni":
        critical = _normal_quantile(1.0 - alpha / (2.0 * m))
        p_values = np.minimum(p_values * m, 1.0)
        notes = (
            f"Bonferroni over {m} contrasts: the intervals hold together with probability at least {1 - alpha:g}.",
        )
    elif multiplicity == "holm":
        p_values = _holm(p_values)
        critical = math.nan
        notes = (f"Holm over {m} contrasts: p-values decide, at family error rate {alpha:g}; there are no intervals.",)
    elif multiplicity == "simultaneous":
        notes = (f"Simultaneous over {m} contrasts by their estimated correlation, family error rate {alpha:g}.",)
        if known.sum() > 1:
            critical, p_values = _simultaneous(first, second, covariance, error, z, p_values, known, alpha, rng)
    radius = critical * error
    if multiplicity != "holm":
        radius = np.nan_to_num(radius, nan=np.inf)
    middle = np.nan_to_num(estimate)
    alerts = _warnings(errors, effective)
    return estimate_frame(
        {
            label: [labels[place] for place in first],
            "reference": [labels[place] for place in second],
            "estimate": estimate,
            "std_error": error,
            "lower": middle - radius,
            "upper": middle + radius,
            "z": z,
            "p_value": p_values,
            "significant": (p_values <= alpha) & known,
            "insufficient_data": ~known,
            "warning": [
                "; ".join(f"{label} {labels[place]!r}: {alerts[place]}" for place in pair if alerts[place])
                for pair in zip(first.tolist(), second.tolist(), strict=True)
            ],
        },
        title=f"Contrasts, {label} minus reference",
        alpha=alpha,
        notes=notes,
    )


def influence_contrasts(
    labels: Sequence[Hashable],
    estimates: NDArray[np.float64],
    influences: NDArray[np.float64],
    effective: NDArray[np.float64],
    reference: Hashable,
    alpha: float,
    all_pairs: bool,
    multiplicity: str,
    label: str,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """The table of contrasts of estimates whose [T, P] influences are given, as `arm_contrasts` lays it out."""
    _check_multiplicity(multiplicity)
    covariance = influences.T @ influences
    spread = np.diag(covariance)
    errors = np.sqrt(np.where(spread > 0.0, spread, np.nan))
    return _contrast_table(
        labels,
        estimates,
        errors,
        covariance,
        effective,
        reference,
        alpha,
        all_pairs,
        multiplicity,
        rng,
        label,
    )


def _check_multiplicity(multiplicity: str) -> None:
    if multiplicity not in MULTIPLICITIES:
        raise ValueError(
            f"Unknown multiplicity {multiplicity!r}; known: {listing(MULTIPLICITIES)}."
            f"{did_you_mean(multiplicity, MULTIPLICITIES)}"
        )


def _pairs(
    labels: Sequence[Hashable], reference: Hashable, all_pairs: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Columns of the arm and of the reference of every contrast."""
    n_arms = len(labels)
    if all_pairs:
        earlier, later = np.triu_indices(n_arms, 1)
        return later.astype(np.int64), earlier.astype(np.int64)
    if reference not in labels:
        raise ValueError(
            f"reference was {reference!r}, which is none of {listing(labels)}.{did_you_mean(reference, labels)}"
        )
    place = list(labels).index(reference)
    others = np.array([arm for arm in range(n_arms) if arm != place], dtype=np.int64)
    return others, np.full(n_arms - 1, place, dtype=np.int64)


def _simultaneous(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    covariance: NDArray[np.float64],
    error: NDArray[np.float64],
    z: NDArray[np.float64],
    p_values: NDArray[np.float64],
    known: NDArray[np.bool_],
    alpha: float,
    rng: np.random.Generator,
) -> tuple[float, NDArray[np.float64]]:
    """The 1 − α quantile of max |Z|, and p-values of |z| against it (never above Bonferroni's)."""
    a, b = first[known], second[known]
    joint = (
        covariance[np.ix_(a, a)] - covariance[np.ix_(a, b)] - covariance[np.ix_(b, a)] + covariance[np.ix_(b, b)]
    ) / np.outer(error[known], error[known])
    largest = _largest_normals(joint, rng)
    critical = float(np.quantile(largest, 1.0 - alpha, method="higher"))
    critical = min(critical, _normal_quantile(1.0 - alpha / (2.0 * len(a))))  # the draws' error may pass Bonferroni's
    beyond = len(largest) - np.searchsorted(largest, np.abs(z[known]), side="left")
    adjusted = p_values.copy()
    adjusted[known] = np.minimum((beyond + 1) / (len(largest) + 1), np.minimum(1.0, known.sum() * p_values[known]))
    return critical, adjusted


def _checked(
    scores: ArrayLike, weights: ArrayLike, alpha: float, names: Sequence[Hashable] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[Hashable, ...]]:
    gamma = numbers(scores, "scores", "one score per round and arm")
    if gamma.ndim != 2 or 0 in gamma.shape:
        raise ValueError(f"scores has shape {gamma.shape}; expected [T, K], one column per arm.")
    n_rounds, n_arms = gamma.shape
    check_finite(gamma, "scores", ", from aipw_scores")
    check_alpha(alpha)
    labels: tuple[Hashable, ...] = tuple(range(n_arms)) if names is None else tuple(names)
    if len(labels) != n_arms:
        raise ValueError(f"names has {len(labels)} names for {n_arms} arms.")
    check_names_differ(labels)
    return gamma, checked_weights(weights, n_rounds, n_arms), labels


def check_alpha(alpha: float) -> float:
    """``alpha`` as a float, or a ValueError when it is no error rate."""
    if isinstance(alpha, bool) or not isinstance(alpha, NUMBERS) or not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha was {alpha!r}; it is an error rate between 0 and 1, for example alpha=0.05.")
    return float(alpha)
