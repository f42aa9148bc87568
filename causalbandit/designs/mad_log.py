"""The estimates of a Mixture Adaptive Design from the log of an experiment that somebody else's system ran.

The arms must have been drawn at random with the logged propensities, which depend on the past only and keep every arm
likely enough (the design's own keep p_t(k) ≥ δ_t/K > t^(−1/4)/K).

>>> import pandas as pd
>>> log = pd.DataFrame({"page": ["old", "new", "new", "old"], "sale": [0, 1, 1, 1], "p": [0.5, 0.5, 0.8, 0.2]})
>>> table = mad_from_log(log, arm="page", outcome="sale", propensity="p", control="old")
>>> table[["arm", "reference", "estimate"]].to_dict("records")          # (1/0.5 + 1/0.8 − 1/0.2)/4
[{'arm': 'new', 'reference': 'old', 'estimate': -0.4375}]
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from causalbandit.designs.outcome_models import check_warmup, dependent_column
from causalbandit.designs.outcome_models import outcome_model as make_model
from causalbandit.designs.running_contrasts import (
    ContrastSums,
    check_estimand,
    contrast_alpha,
    contrast_path,
    contrast_table,
    control_index,
    path_frame,
)
from causalbandit.inference.checks import row_numbers
from causalbandit.inference.estimates import plot_estimates, summary_html, summary_text
from causalbandit.inference.log import AdaptiveLog, PropensityColumns, require_log
from causalbandit.sequences.asymptotic import asymptotic_radius, asymptotic_rho
from causalbandit.text import plain, plain_rows

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class LoggedMAD:
    """A log read as a Mixture Adaptive Design (`replay_log`)."""

    log: AdaptiveLog
    """The T rounds in the order of time."""
    control: int
    """Index of the control among ``log.names``."""
    alpha: float
    """Error rate."""
    t_star: float
    """Where the sequence is tightest."""
    multiplicity: str | None
    """"bonferroni" or None."""
    sums: ContrastSums
    """Sums of the scores after the last round."""
    values: Any
    """[T, K − 1, 2] estimates and radii after every round with an outcome model; None without (made on request)."""

    def estimates(self) -> pd.DataFrame:
        """One row per arm other than control (columns as in `contrast_table`)."""
        return contrast_table(
            self.sums,
            self.log.names,
            self.log.pulls.tolist(),
            alpha=self.alpha,
            multiplicity=self.multiplicity,
            t_star=self.t_star,
        )

    def path(self) -> pd.DataFrame:
        """Estimates after every round: columns ``round``, ``arm``, ``estimate``, ``lower``, ``upper``."""
        values = self.values
        if values is None:
            log = self.log
            each = contrast_alpha(self.alpha, log.n_arms, self.multiplicity)
            values = contrast_path(log.arms, log.outcomes, log.taken_propensities, self.sums, each, self.t_star)
        return path_frame(values, [name for k, name in enumerate(self.log.names) if k != self.control])

    def to_frame(self) -> pd.DataFrame:
        """The same as `estimates`."""
        return self.estimates()

    def to_dict(self) -> dict[str, Any]:
        """Settings and estimates as JSON values; an infinite bound is None."""
        return {
            "method": "mad",
            "rounds": self.log.n_rounds,
            "control": plain(self.log.names[self.control]),
            "alpha": plain(self.alpha),
            "t_star": plain(self.t_star),
            "multiplicity": self.multiplicity,
            "estimates": plain_rows(self.estimates()),
        }

    def summary(self) -> str:
        """Estimates and assumptions as text."""
        return f"{self.log.n_rounds} rounds, {self.log.n_arms} arms\n{summary_text(self.estimates())}"

    def __repr__(self) -> str:
        return f"LoggedMAD({self.log.n_rounds} rounds, {self.log.n_arms} arms)"

    def _repr_html_(self) -> str:
        return summary_html(self.estimates())

    def plot(self, ax: Axes | None = None) -> Axes:
        """Each effect with its interval."""
        return plot_estimates(self.estimates(), ax)

    def plot_path(self, ax: Axes | None = None, *, truth: Mapping[Hashable, float] | None = None) -> Axes:
        """Effects and intervals over the rounds."""
        from causalbandit.plots.effects import arm_colours, effects_over_time

        colours = arm_colours(self.log.names)
        return effects_over_time(self.path(), alpha=self.alpha, truth=truth, ax=ax, colours=colours)


def replay_log(
    log: AdaptiveLog,
    control: Hashable,
    *,
    alpha: float = 0.05,
    t_star: float | None = None,
    multiplicity: str | None = "bonferroni",
    outcome_model: Any = None,
    model_options: Mapping[str, Any] | None = None,
    n_warmup: int = 0,
    estimand: Literal["sample", "population"] = "sample",
) -> LoggedMAD:
    """The log as a Mixture Adaptive Design: each round scored with what the rounds before it taught.

    Parameters
    ----------
    log
        The checked record. Its contexts are the covariates of the outcome model.
    control
        Name of the control arm.
    alpha, multiplicity, outcome_model, model_options, n_warmup, estimand
        As in `MixtureAdaptiveDesign`.
    t_star
        Default: the number of rounds. Choosing it after seeing the data is not covered by the guarantee.

    Raises
    ------
    ValueError
        For settings outside their range, an unknown control, covariates without a model or the other way round, and
        covariates that are constant or combinations of others; an arm that could not be drawn in some round.

    Notes
    -----
    One pass in numpy without an outcome model; with one, a Python loop that costs O(K + d³) a round.
    """
    require_log(log)
    place = control_index(control, log.names)
    _check_chances(log)
    t_star = float(log.n_rounds) if t_star is None else t_star
    asymptotic_rho(alpha, t_star)
    each = contrast_alpha(alpha, log.n_arms, multiplicity)
    uses_covariates = outcome_model is not None and outcome_model != "mean"
    population = check_estimand(estimand) == "population"
    values = None
    if uses_covariates != (log.contexts is not None):
        raise ValueError(
            f"covariates are needed by the outcome model {outcome_model!r}."
            if uses_covariates
            else "covariates need an outcome_model that uses them: 'pooled', 'split' or a regressor."
        )
    n_warmup = check_warmup(n_warmup, outcome_model)
    if outcome_model is None:
        sums = ContrastSums(log.n_arms, place, population=population)
        sums.add_many(log.arms, log.outcomes, log.taken_propensities)
    else:
        contexts = np.zeros((log.n_rounds, 0)) if log.contexts is None else log.contexts
        _check_columns(log, contexts)
        model = make_model(outcome_model, log.n_arms, contexts.shape[1], **dict(model_options or {}))
        sums = ContrastSums(log.n_arms, place, population=population, crossed=not model.orthogonal)
        others = [k for k in range(log.n_arms) if k != place]
        values = np.full((log.n_rounds, len(others), 2), [np.nan, np.inf])
        rows = zip(log.arms.tolist(), log.outcomes.tolist(), log.taken_propensities.tolist(), contexts, strict=True)
        for number, (arm, outcome, propensity, row) in enumerate(rows):
            if number >= n_warmup:
                sums.add(arm, outcome, propensity, model.predict(row))
                for column, other in enumerate(others):
                    if sums.sufficient(other):
                        estimate, variance_sum = sums.contrast(other)
                        radius = asymptotic_radius(float(variance_sum), sums.rounds, each, t_star)
                        values[number, column] = estimate, radius
            model.update(arm, row, outcome)
    return LoggedMAD(log, place, alpha, t_star, multiplicity, sums, values)


def _check_chances(log: AdaptiveLog) -> None:
    """Refuse rounds in which an arm with data could not be drawn: its mean score would be too small."""
    if log.propensities is None:
        return
    drawn = np.flatnonzero(log.pulls)
    for arm in drawn.tolist():
        rows = np.flatnonzero(log.propensities[:, arm] == 0.0)
        if len(rows):
            raise ValueError(
                f"the arm {log.names[arm]!r} had propensity 0 in {len(rows)} of {log.n_rounds} rounds "
                f"({row_numbers(rows)} in the order of time), so their scores say nothing of it. Keep the rounds in "
                "which every arm that is compared could be drawn."
            )


def _check_columns(log: AdaptiveLog, contexts: Any) -> None:
    """Refuse covariates that no least-squares model can tell apart, by name."""
    if not contexts.shape[1]:
        return
    factor: Any = np.linalg.qr(contexts - contexts.mean(axis=0), mode="r")
    position = dependent_column(factor) if len(factor) == contexts.shape[1] else None
    if position is not None:
        name = log.context_names[position] if log.context_names else position
        raise ValueError(
            f"covariate {name!r} is constant, or a linear combination of the covariates before it; leave it out."
        )


def mad_from_log(
    frame: pd.DataFrame,
    *,
    arm: str,
    outcome: str,
    propensity: PropensityColumns,
    control: Hashable,
    arms: Sequence[Hashable] | None = None,
    alpha: float = 0.05,
    t_star: float | None = None,
    multiplicity: str | None = "bonferroni",
    covariates: Sequence[str] = (),
    outcome_model: Any = None,
    model_options: Mapping[str, Any] | None = None,
    n_warmup: int = 0,
    estimand: Literal["sample", "population"] = "sample",
    time: str | None = None,
) -> pd.DataFrame:
    """Effects of every arm against control, with anytime-valid intervals, from a log with one row per round.

    Parameters
    ----------
    frame
        The log; it is not changed. Rows are in the order in which outcomes came, unless ``time`` is given.
    arm, outcome
        Columns of the arm that was drawn and its outcome.
    propensity
        Column of the probability with which that arm was drawn; or one column per arm.
    control
        Name of the control arm.
    arms
        All arms of the design; default: those in the log. An arm without data has its row, marked
        ``insufficient_data``.
    covariates
        Columns known before the draw, for the outcome model.
    outcome_model
        None, or "pooled" (the default when there are covariates), "split", "mean" or a regressor.
    alpha, t_star, multiplicity, model_options, n_warmup, estimand
        As in `replay_log`, which also gives the path over the rounds.
    time
        Column that gives the order of time.

    Returns
    -------
    pandas.DataFrame
        Columns ``arm``, ``reference``, ``estimate``, ``std_error``, ``lower``, ``upper``, ``significant``, ``n``,
        ``n_control``, ``insufficient_data``.

    Raises
    ------
    ValueError, TypeError
        For columns that are not there, propensities that are not in (0, 1] (the row is named), outcomes that are not
        finite, an unknown control, a single arm.
    """
    log = AdaptiveLog.from_frame(
        frame,
        arm=arm,
        outcome=outcome,
        propensity=propensity,
        contexts=covariates,
        time=time,
        ordered=time is None,
        arms=arms,
    )
    if outcome_model is None and log.contexts is not None:
        outcome_model = "pooled"
    return replay_log(
        log,
        control,
        alpha=alpha,
        t_star=t_star,
        multiplicity=multiplicity,
        outcome_model=outcome_model,
        model_options=model_options,
        n_warmup=n_warmup,
        estimand=estimand,
    ).estimates()
