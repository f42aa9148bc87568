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
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from causalbandit.arrays import Floats, Integers
from causalbandit.checks import one_of
from causalbandit.designs.dependent_columns import kept_columns, left_out_notes
from causalbandit.designs.mad_results import METHODS, Bounds, ContrastResults
from causalbandit.designs.running_contrasts import RunningContrasts, contrast_path
from causalbandit.designs.settings import USES_COVARIATES, MADSettings
from causalbandit.errors import InvalidArgument, Rows
from causalbandit.formats.result_file import stamp
from causalbandit.inference.contrast_readings import ObservedRounds, read_log
from causalbandit.inference.estimates import frame_notes, summary_text
from causalbandit.inference.log import AdaptiveLog, require_log
from causalbandit.inference.log_columns import PropensityColumns
from causalbandit.text import plain, plain_rows

if TYPE_CHECKING:
    import pandas as pd


GUESSED = (
    "The log has the drawn arm's probability alone; the variance of rarely drawn arms is judged as if the others had "
    "shared the rest equally. With a column per arm it is exact."
)


class LoggedMAD(ContrastResults):
    """A log read as a Mixture Adaptive Design (`replay_log`).

    Attributes
    ----------
    log : AdaptiveLog
        The T rounds in the order of time.
    settings : MADSettings
        What the intervals were made for.
    left_out : tuple of str
        A sentence for each covariate that is constant or a combination of others.
    """

    def __init__(
        self,
        log: AdaptiveLog,
        settings: MADSettings,
        contrasts: RunningContrasts,
        left_out: Sequence[str],
        planned: float | None,
    ) -> None:
        self.log, self.settings, self._contrasts, self.left_out = log, settings, contrasts, tuple(left_out)
        self._planned = planned  # t_star where it was given: the log's own length is no plan made before the data

    def _observed(self, bounds: Bounds) -> ObservedRounds:
        settings = self.settings
        return read_log(
            self.log,
            "exact",
            settings.control,
            alpha=settings.alpha,
            multiplicity=settings.multiplicity,
            t_star=self._planned,
            bounds=bounds,
        ).rounds

    def _notes(self) -> list[str]:
        log = self.log
        guessed = self.settings.variance == "guarded" and log.propensities is None and log.n_arms > 2
        return [*self.left_out, *([GUESSED] if guessed else [])]

    def _path_values(self) -> Any:
        if self.settings.outcome_model is not None:
            return self._contrasts.path
        return contrast_path(self.settings, *_columns(self.log))

    def to_dict(self) -> dict[str, Any]:
        """Settings and estimates as JSON values; an infinite bound is None."""
        table = self.estimates()
        return stamp("effects") | {
            "method": "mad",
            "rounds": self.log.n_rounds,
            "control": plain(self.settings.control),
            "alpha": self.settings.alpha,
            "t_star": self.settings.t_star,
            "multiplicity": self.settings.multiplicity,
            "estimates": plain_rows(table),
            "notes": list(frame_notes(table)),
        }

    def summary(self) -> str:
        """Estimates and assumptions as text."""
        return f"{self.log.n_rounds} rounds, {self.log.n_arms} arms\n{summary_text(self.estimates())}"

    def __repr__(self) -> str:
        return f"LoggedMAD({self.log.n_rounds} rounds, {self.log.n_arms} arms)"


def replay_log(
    log: AdaptiveLog,
    control: Hashable,
    *,
    alpha: float = 0.05,
    t_star: float | None = None,
    multiplicity: str | None = "bonferroni",
    variance: Literal["guarded", "realised"] = "guarded",
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
    alpha, multiplicity, variance, outcome_model, model_options, n_warmup, estimand
        As in `MixtureAdaptiveDesign`.
    t_star
        Default: the number of rounds. Choosing it after seeing the data is not covered by the guarantee.

    Raises
    ------
    InvalidArgument
        For settings outside their range, an unknown control, contexts without a model or the other way round; an arm
        that could not be drawn in some round.

    Notes
    -----
    One pass in numpy without an outcome model; with one, a Python loop that costs O(K + d³) a round. Least squares
    leaves out contexts that are constant or combinations of others, and a note of the result says which.
    """
    require_log(log)
    settings = MADSettings(
        arms=log.names,
        control=control,
        alpha=alpha,
        t_star=float(log.n_rounds) if t_star is None else t_star,
        multiplicity=multiplicity,
        variance=variance,
        outcome_model=outcome_model,
        model_options=model_options or {},
        n_warmup=n_warmup,
        estimand=estimand,
    )
    _check_chances(log)
    if settings.uses_covariates != (log.contexts is not None):
        needed = f"are needed by the outcome model {outcome_model!r}"
        raise InvalidArgument("contexts", f"{needed if settings.uses_covariates else f'need {USES_COVARIATES}'}.")
    contrasts, columns = RunningContrasts(settings), _columns(log)
    if outcome_model is None:
        contrasts.take_many(*columns)
        return LoggedMAD(log, settings, contrasts, (), t_star)
    contexts, left_out = _told_apart(log, outcome_model)
    contrasts.start_model(contexts.shape[1])
    rows = zip(*(column.tolist() for column in columns), contexts, strict=True)
    for arm, outcome, propensity, probabilities, row in rows:
        contrasts.take(arm, outcome, propensity, probabilities, contrasts.model.predict(row), row)
    return LoggedMAD(log, settings, contrasts, left_out, t_star)


def _columns(log: AdaptiveLog) -> tuple[Integers, Floats, Floats, Floats]:
    """[T] arms, outcomes and propensities, and [T, K] probabilities of all arms.

    Where the log has the drawn arm's probability alone, the others get equal parts of the rest. That is right for two
    arms, for equal chances, and whenever the undrawn arms were equally likely.
    """
    probabilities = log.propensities
    if probabilities is None:
        rest = (1.0 - log.taken_propensities) / (log.n_arms - 1)
        probabilities = np.repeat(rest[:, None], log.n_arms, axis=1)
        probabilities[np.arange(log.n_rounds), log.arms] = log.taken_propensities
    probabilities = np.where(probabilities > 0.0, probabilities, np.inf)  # an arm that could not be drawn has 1/p = 0
    return log.arms, log.outcomes, log.taken_propensities, probabilities


def _check_chances(log: AdaptiveLog) -> None:
    """Refuse rounds in which an arm with data could not be drawn: its mean score would be too small."""
    if log.propensities is None:
        return
    for arm in np.flatnonzero(log.pulls).tolist():
        rows = np.flatnonzero(log.propensities[:, arm] == 0.0)
        if len(rows):
            where = f"in {len(rows)} of {log.n_rounds} rounds ({Rows(rows)} in the order of time)"
            fix = "Keep the rounds in which every arm that is compared could be drawn"
            raise InvalidArgument("propensity", f"of the arm {log.names[arm]!r} was 0 {where}. {fix}.")


def _told_apart(log: AdaptiveLog, outcome_model: Any) -> tuple[Any, list[str]]:
    """The contexts that least squares can tell apart, [T, d], and a sentence for each that is left out.

    They are judged over all rounds: what is redundant there is so in every part, and no outcome is looked at.
    """
    if log.contexts is None:
        return np.zeros((log.n_rounds, 0)), []
    if not isinstance(outcome_model, str) or log.n_rounds <= log.contexts.shape[1]:
        return log.contexts, []
    centred = log.contexts - log.contexts[0]  # first, so that constants are 0 to the last digit
    factor: Any = np.linalg.qr(centred - centred.mean(axis=0), mode="r")
    kept, _ = kept_columns(factor)
    return log.contexts[:, kept], left_out_notes(factor, list(map(str, log.context_labels)))


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
    variance: Literal["guarded", "realised"] = "guarded",
    contexts: Sequence[str] = (),
    outcome_model: Any = None,
    model_options: Mapping[str, Any] | None = None,
    n_warmup: int = 0,
    estimand: Literal["sample", "population"] = "sample",
    time: str | None = None,
    time_format: str | None = None,
    drop_open: bool = False,
    covariates: Sequence[str] = (),
    method: str = "mad",
    bounds: Bounds = None,
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
    contexts
        Columns known before the draw, the covariates of the outcome model (``covariates`` is the same).
    outcome_model
        None, or "pooled" (the default when there are contexts), "split", "mean" or a regressor.
    alpha, t_star, multiplicity, variance, model_options, n_warmup, estimand
        As in `replay_log`, which also gives the path over the rounds.
    time
        Column that gives the order of time.
    time_format, drop_open
        How its text is written, and whether rows with missing outcomes are left out: as in `LogColumns`.
    method
        How the rounds are read: "mad"; "exact", for outcomes 0 or 1 that are independent with one mean per arm; or
        "bounded", for outcomes that cannot leave ``bounds``. The last two use neither covariates nor a model.
    bounds
        (a, b), for "bounded".

    Returns
    -------
    pandas.DataFrame
        Columns ``arm``, ``reference``, ``estimate``, ``std_error``, ``lower``, ``upper``, ``significant``, ``n``,
        ``n_control``, ``insufficient_data``, ``warning``.

    Raises
    ------
    InvalidArgument
        For columns that are not there, propensities that are not in (0, 1] (the row is named), outcomes that are not
        finite, an unknown control, a single arm.
    """
    log = AdaptiveLog.from_frame(
        frame,
        arm=arm,
        outcome=outcome,
        propensity=propensity,
        contexts=contexts or covariates,
        time=time,
        time_format=time_format,
        drop_open=drop_open,
        ordered=time is None,
        arms=arms,
    )
    if one_of(method, "method", METHODS) != "mad":
        reading = read_log(log, method, control, alpha=alpha, multiplicity=multiplicity, t_star=t_star, bounds=bounds)
        return reading.estimates()
    if outcome_model is None and log.contexts is not None:
        outcome_model = "pooled"
    return replay_log(
        log,
        control,
        alpha=alpha,
        t_star=t_star,
        multiplicity=multiplicity,
        variance=variance,
        outcome_model=outcome_model,
        model_options=model_options,
        n_warmup=n_warmup,
        estimand=estimand,
    ).estimates()
