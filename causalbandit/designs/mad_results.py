"""What a Mixture Adaptive Design has to say: tables of estimates, paths, rounds and scores, its words and figures.

Functions make the tables from settings, running contrasts and the record of rounds; two classes hold the methods that
users call: `ContrastResults` for whatever has contrasts (a log, a live design), `LiveResults` for what keeps rounds.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from causalbandit.designs.assignment_book import AssignmentBook
from causalbandit.designs.mad_record import ARM, OBSERVED, OUTCOME, PROPENSITY, RoundRecord
from causalbandit.designs.running_contrasts import RunningContrasts
from causalbandit.designs.settings import MADSettings
from causalbandit.errors import InvalidArgument, listing
from causalbandit.inference.estimates import estimate_frame, summary_html
from causalbandit.inference.scores import inverse_propensity_residual

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

ASSUMPTIONS = (
    "Asymptotic, time-uniform confidence sequence: holds at every round at once. It assumes that propensities are "
    "those with which arms were drawn, that units do not interfere, and that whether and when an outcome arrives "
    "depends on neither the arm nor the outcome."
)


def contrast_table(contrasts: RunningContrasts, notes: Sequence[str] = ()) -> pd.DataFrame:
    """One row per arm other than control, in the arms' order; ``notes`` are added to the frame's own.

    Columns: ``arm``, ``reference`` (the control), ``estimate``, ``std_error`` (√S/t), ``lower``, ``upper``,
    ``significant``, ``n`` and ``n_control`` (rounds in which they were drawn), ``insufficient_data`` (then the estimate
    is NaN and the interval infinite), ``warning`` (why the promise may not be held, or empty).
    """

    settings = contrasts.settings
    intervals = [contrasts.interval(arm) for arm in settings.others]
    missing = [math.isnan(estimate) for estimate, _, _ in intervals]
    centres = [0.0 if math.isnan(estimate) else estimate for estimate, _, _ in intervals]
    radii = [radius for _, radius, _ in intervals]
    return estimate_frame(
        {
            "arm": settings.other_arms,
            "reference": [settings.control] * len(radii),
            "estimate": [estimate for estimate, _, _ in intervals],
            "std_error": [math.sqrt(variance_sum) / max(contrasts.sums.rounds, 1) for _, _, variance_sum in intervals],
            "lower": [centre - radius for centre, radius in zip(centres, radii, strict=True)],
            "upper": [centre + radius for centre, radius in zip(centres, radii, strict=True)],
            "significant": [abs(centre) >= radius for centre, radius in zip(centres, radii, strict=True)],
            "n": [int(contrasts.pulls[k]) for k in settings.others],
            "n_control": [int(contrasts.pulls[settings.control_index])] * len(radii),
            "insufficient_data": missing,
            "warning": [_warning(contrasts, arm) for arm in settings.others],
        },
        title="Effects against control, Mixture Adaptive Design",
        alpha=settings.alpha,
        notes=(_joint_note(settings), *notes, ASSUMPTIONS),
    )


def _warning(contrasts: RunningContrasts, arm: int) -> str:
    """Why the promise of an arm's interval may not be held, or an empty text."""
    sums, settings = contrasts.sums, contrasts.settings
    if not sums.sufficient(arm):
        return ""
    doubts, reasons = sums.doubts(arm), []
    if doubts.few_draws:
        fewest = min((sums.counts[k], k) for k in (arm, settings.control_index))
        reasons.append(f"only {fewest[0]:.0f} scored draws of {settings.arms[fewest[1]]!r}")
    if doubts.few_outcomes:
        reasons.append("a few outcomes carry the variance: heavy tails, or too few that are not 0")
    if doubts.too_short:
        reasons.append(
            "the realised variance is likely too small; variance='guarded' gives a wider interval that holds"
        )
    return "; ".join(reasons)


def _joint_note(settings: MADSettings) -> str:
    if settings.joint:
        return "All intervals hold together at the stated rate (Bonferroni)."
    return "Each interval holds by itself at the stated rate."


def path_frame(values: npt.ArrayLike, names: Sequence[Hashable]) -> pd.DataFrame:
    """Columns ``round``, ``arm``, ``estimate``, ``lower``, ``upper`` from estimates and radii [T, J, 2], in a row."""
    import pandas as pd

    table = np.asarray(values, dtype=np.float64).reshape(-1, 2)
    estimates, radii = table[:, 0], table[:, 1]
    centres = np.where(np.isnan(estimates), 0.0, estimates)
    rounds = len(table) // len(names)
    return pd.DataFrame(
        {
            "round": np.repeat(np.arange(1, rounds + 1), len(names)),
            "arm": list(names) * rounds,
            "estimate": estimates,
            "lower": centres - radii,
            "upper": centres + radii,
        }
    )


def rounds_frame(settings: MADSettings, record: RoundRecord, covariates: Sequence[str]) -> pd.DataFrame:
    """The log, one row per assignment: ``id``, ``arm``, ``propensity``, ``outcome`` (NaN while open), ``observed``
    (place in the order of observation, 0 while open), then the covariates, then ``p(…)``, the probability of every arm.
    """
    import pandas as pd

    table = record.table()
    frame = pd.DataFrame(
        {
            "id": np.arange(1, len(table) + 1),
            "arm": [settings.arms[int(k)] for k in table[:, ARM]],
            "propensity": table[:, PROPENSITY],
            "outcome": table[:, OUTCOME],
            "observed": table[:, OBSERVED].astype(int),
        }
    )
    for name, column in zip(covariates, record.covariates(table).T, strict=True):
        frame[name] = column
    for arm, column in zip(settings.arms, record.probabilities(table).T, strict=True):
        frame[f"p({arm})"] = column
    return frame


def propensity_frame(settings: MADSettings, record: RoundRecord) -> pd.DataFrame:
    """Assignment probabilities of every round: columns ``round``, ``arm``, ``probability``."""
    import pandas as pd

    probabilities = record.probabilities(record.table())
    rounds = len(probabilities)
    return pd.DataFrame(
        {
            "round": np.repeat(np.arange(1, rounds + 1), settings.n_arms),
            "arm": list(settings.arms) * rounds,
            "probability": probabilities.ravel(),
        }
    )


def scores_frame(settings: MADSettings, record: RoundRecord) -> pd.DataFrame:
    """Scores of the observed rounds after warm-up: ``round`` (as observed), ``arm`` (compared with control), ``drawn``
    ("arm", "control" or "other"), ``score``, whose mean is the estimate.
    """
    import pandas as pd

    table = record.observed()[settings.n_warmup :]
    drawn = table[:, ARM].astype(int)
    known = record.predictions(table)
    predictions = np.zeros((len(table), settings.n_arms)) if known is None else known
    residuals = inverse_propensity_residual(
        table[:, OUTCOME], table[:, PROPENSITY], predictions[np.arange(len(table)), drawn]
    )
    control = settings.control_index
    parts = []
    for arm in settings.others:
        sign = (drawn == arm).astype(float) - (drawn == control)
        parts.append(
            pd.DataFrame(
                {
                    "round": np.arange(settings.n_warmup + 1, settings.n_warmup + 1 + len(table)),
                    "arm": [settings.arms[arm]] * len(table),
                    "drawn": np.where(drawn == arm, "arm", np.where(drawn == control, "control", "other")),
                    "score": predictions[:, arm] - predictions[:, control] + sign * residuals,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


class ContrastResults:
    """Results of contrasts with a control: estimates, their path over the rounds, and the figures of both."""

    settings: MADSettings
    """What was fixed before the first round."""

    def _running(self) -> RunningContrasts:
        """The contrasts after the last round."""
        raise NotImplementedError

    def _path_values(self) -> npt.ArrayLike:
        """Estimate and radius of every contrast, round after round."""
        raise NotImplementedError

    def estimates(self) -> pd.DataFrame:
        """One row per arm other than control, in the arms' order.

        Columns: ``arm``, ``reference`` (the control), ``estimate``, ``std_error`` (√S/t), ``lower``, ``upper``,
        ``significant``, ``n`` and ``n_control`` (observed rounds), ``insufficient_data`` (then the estimate is NaN and
        the interval infinite), ``warning`` (why the promise may not be held: few draws, a few outcomes that carry the
        variance, or a realised variance that is too small; else empty).
        """
        return contrast_table(self._running())

    def to_frame(self) -> pd.DataFrame:
        """The same as `estimates`."""
        return self.estimates()

    def path(self) -> pd.DataFrame:
        """Estimates after every observed round: columns ``round``, ``arm``, ``estimate``, ``lower``, ``upper``."""
        return path_frame(self._path_values(), self.settings.other_arms)

    def plot(self, ax: Axes | None = None, *, truth: Mapping[Hashable, float] | None = None) -> Axes:
        """Each effect with its interval; ``truth`` maps arms to effects that are marked, where they are known."""
        from causalbandit.plots.effects import forest, mark_truth

        drawn = forest(self.estimates(), ax=ax)
        return drawn if truth is None else mark_truth(drawn, truth, self.settings.other_arms)

    def plot_path(self, ax: Axes | None = None, *, truth: Mapping[Hashable, float] | None = None) -> Axes:
        """Effects and intervals over the rounds, dotted lines where ``truth`` gives an arm's effect."""
        from causalbandit.plots.axes import colours_of
        from causalbandit.plots.effects import effects_over_time

        colours = colours_of(self.settings.arms)
        return effects_over_time(self.path(), alpha=self.settings.alpha, truth=truth, ax=ax, colours=colours)

    def _repr_html_(self) -> str:
        return summary_html(self.estimates())


class LiveResults(ContrastResults):
    """Results of a running design: its state, the log, scores and probabilities beside the estimates."""

    _contrasts: RunningContrasts
    _book: AssignmentBook

    @property
    def arms(self) -> tuple[Hashable, ...]:
        """Names of the K arms."""
        return self.settings.arms

    @property
    def control(self) -> Hashable:
        """Name of the control arm."""
        return self.settings.control

    @property
    def n_assigned(self) -> int:
        """Number of assignments."""
        return self._book.n_assigned

    @property
    def n_observed(self) -> int:
        """Number of observed rounds."""
        return self._contrasts.rounds

    @property
    def n_open(self) -> int:
        """Number of assignments without an outcome."""
        return len(self._book.open)

    @property
    def finished(self) -> bool:
        """Whether every arm but the control is settled: significant, and tight enough by ``precision``."""
        return bool(self._contrasts.finished)

    @property
    def weights(self) -> list[float]:
        """Weight of each arm's share of the policy [K]: 1, less for settled arms when there is a decay."""
        return list(self._contrasts.weights())

    def _running(self) -> RunningContrasts:
        return self._contrasts

    def _path_values(self) -> npt.ArrayLike:
        if not self.settings.record_path:
            raise InvalidArgument("record_path", "was False, so there is no path; record_path=True keeps it.")
        return np.array(self._contrasts.path)

    def _kept_record(self) -> RoundRecord:
        if not self.settings.record_rounds:
            raise InvalidArgument("record_rounds", "was False, so no rounds are kept; record_rounds=True keeps them.")
        return RoundRecord(self.settings.n_arms) if self._book.record is None else self._book.record

    def rounds(self) -> pd.DataFrame:
        """The log, one row per assignment: ``id``, ``arm``, ``propensity``, ``outcome`` (NaN while open), ``observed``
        (place in the order of observation, 0 while open), then the covariates, then ``p(…)``, the probability of every
        arm.
        """
        return rounds_frame(self.settings, self._kept_record(), self._book.covariates)

    def propensity_path(self) -> pd.DataFrame:
        """Assignment probabilities of every round: columns ``round``, ``arm``, ``probability``."""
        return propensity_frame(self.settings, self._kept_record())

    def scores(self) -> pd.DataFrame:
        """Scores of the observed rounds after warm-up: ``round`` (as observed), ``arm`` (compared with control),
        ``drawn`` ("arm", "control" or "other"), ``score``, whose mean is the estimate.
        """
        return scores_frame(self.settings, self._kept_record())

    def summary(self) -> str:
        """Estimates with intervals, the state of the experiment and the assumptions, as text."""
        settings, contrasts = self.settings, self._running()
        joint = "together (Bonferroni)" if settings.joint else "each"
        level = f"{100 * (1 - settings.alpha):g}%"
        lines = [
            f"Mixture Adaptive Design: {settings.n_arms} arms, control {settings.control!r}, {self.n_observed} rounds "
            f"observed, {self.n_open} open",
            f"Treatment effects ({level} confidence sequences, {joint}; * excludes 0):",
        ]
        for row in self.estimates().itertuples():
            if row.insufficient_data:
                lines.append(f"- Arm {row.arm}: insufficient data ({row.n} pulls, control {row.n_control})")
            else:
                star = " *" if row.significant else ""
                lines.append(f"- Arm {row.arm}: {row.estimate:.3f} ({row.lower:.5f}, {row.upper:.5f}){star}")
            lines += [f"  ! {warning}" for warning in [str(row.warning)] if warning]
        if settings.uses_covariates:
            covers = "the units of this experiment" if settings.estimand == "sample" else "the population of the units"
            lines.append(f"Covariates {listing(self._book.covariates)}; the effects are those of {covers}.")
        pairs = zip(settings.other_arms, contrasts.settled_since, strict=True)
        settled = [arm for arm, since in pairs if since is not None]
        if settled:
            done = " All arms are: the experiment may stop." if contrasts.finished else ""
            lines.append(f"Settled: {listing(settled)}.{done}")
        return "\n".join([*lines, ASSUMPTIONS])

    def plot_assignments(self, ax: Axes | None = None) -> Axes:
        """Cumulative assignments of each arm over the rounds."""
        from causalbandit.plots.effects import assignments_over_time

        return assignments_over_time(self.rounds()["arm"], self.settings.arms, ax=ax)

    def plot_totals(self, ax: Axes | None = None) -> Axes:
        """Total assignments of each arm."""
        from causalbandit.plots.effects import assignment_totals

        return assignment_totals(self.rounds()["arm"], self.settings.arms, ax=ax)

    def plot_probabilities(self, ax: Axes | None = None) -> Axes:
        """Assignment probabilities over the rounds."""
        from causalbandit.plots.effects import assignment_probabilities

        return assignment_probabilities(self.propensity_path(), ax=ax)

    def plot_scores(self, ax: Axes | None = None) -> Axes:
        """Scores of each contrast: their middle 98 %, mean and quartiles, by the arm that was drawn."""
        from causalbandit.plots.axes import colours_of
        from causalbandit.plots.effects import score_distribution

        return score_distribution(self.scores(), ax=ax, colours=colours_of(self.settings.arms))
