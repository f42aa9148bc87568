"""What a Mixture Adaptive Design has to say: estimates, paths, words and figures.

Two classes hold the methods that users call: `ContrastResults` for whatever has contrasts (a log, a live design),
`LiveResults` for what keeps rounds.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from causalbandit.checks import one_of
from causalbandit.designs.assignment_book import AssignmentBook
from causalbandit.designs.mad_record import ARM, OUTCOME, PROPENSITY, RoundRecord
from causalbandit.designs.mad_tables import contrast_table, propensity_frame, radius_path, rounds_frame, scores_frame
from causalbandit.designs.running_contrasts import RunningContrasts
from causalbandit.designs.settings import MADSettings
from causalbandit.designs.unit_covariates import left_out
from causalbandit.errors import InvalidArgument, listing
from causalbandit.inference.contrast_readings import DRAWN, READINGS, ObservedRounds
from causalbandit.inference.estimates import frame_notes, summary_html

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

METHODS = ("mad", *READINGS)
"""The ways to read a design's rounds."""

Bounds = tuple[float, float] | None
"""(a, b) that outcomes cannot leave, where they are known."""


class ContrastResults:
    """Results of contrasts with a control: estimates, their path over the rounds, and the figures of both.

    The same rounds can be read in three ways, the ``method`` of every function here: "mad", the design's own sequence;
    "exact", for outcomes 0 or 1; "bounded", for outcomes that cannot leave ``bounds`` = (a, b). For what each assumes
    see `causalbandit.inference.contrast_readings`.
    """

    settings: MADSettings
    """What was fixed before the first round."""
    _contrasts: RunningContrasts

    def _path_values(self) -> ArrayLike:
        """Estimate and radius of every contrast, round after round."""
        raise NotImplementedError

    def _observed(self, bounds: Bounds) -> ObservedRounds:
        """The observed rounds in their order, for the readings other than "mad"."""
        raise NotImplementedError

    def _notes(self) -> list[str]:
        """Sentences that qualify the design's own sequence."""
        return []

    def estimates(self, method: str = "mad", *, bounds: Bounds = None) -> pd.DataFrame:
        """One row per arm other than control, in the arms' order.

        Columns: ``arm``, ``reference`` (the control), ``estimate``, ``std_error`` (√S/t), ``lower``, ``upper``,
        ``significant``, ``n`` and ``n_control`` (observed rounds), ``insufficient_data`` (then the estimate is NaN and
        the interval infinite), ``warning`` (why the promise may not be held: few draws, a few outcomes that carry the
        variance, or a realised variance that is too small; else empty).

        Parameters
        ----------
        method
            "mad", "exact" (outcomes 0 or 1) or "bounded". The last two have the same columns (`ObservedRounds`) and
            count the rounds of a warm-up; they read the record of rounds anew, O(rounds) a call.
        bounds
            (a, b) that outcomes cannot leave whatever happens, for "bounded".

        Raises
        ------
        InvalidArgument
            For outcomes that a reading is not for, with the one to use; for a design that keeps no rounds.
        """
        if one_of(method, "method", METHODS) == "mad":
            return contrast_table(self._contrasts, self._notes())
        return self._observed(bounds).estimates(method)

    def to_frame(self) -> pd.DataFrame:
        """The same as `estimates`."""
        return self.estimates()

    def path(self, method: str = "mad", *, bounds: Bounds = None) -> pd.DataFrame:
        """Estimates after every observed round: columns ``round``, ``arm``, ``estimate``, ``lower``, ``upper``."""
        if one_of(method, "method", METHODS) == "mad":
            return radius_path(self._path_values(), self.settings.other_arms)
        return self._observed(bounds).path(method)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        truth: Mapping[Hashable, float] | None = None,
        method: str = "mad",
        bounds: Bounds = None,
    ) -> Axes:
        """Each effect with its interval; ``truth`` maps arms to effects that are marked, where they are known."""
        from causalbandit.plots.effects import forest, mark_truth

        drawn = forest(self.estimates(method, bounds=bounds), ax=ax)
        return drawn if truth is None else mark_truth(drawn, truth, self.settings.other_arms)

    def plot_path(
        self,
        ax: Axes | None = None,
        *,
        truth: Mapping[Hashable, float] | None = None,
        method: str = "mad",
        bounds: Bounds = None,
    ) -> Axes:
        """Effects and intervals over the rounds, dotted lines where ``truth`` gives an arm's effect."""
        from causalbandit.plots.axes import colours_of
        from causalbandit.plots.effects import effects_over_time

        colours = colours_of(self.settings.arms)
        path = self.path() if method == "mad" else self._observed(bounds).path(method, DRAWN)
        return effects_over_time(path, alpha=self.settings.alpha, truth=truth, ax=ax, colours=colours)

    def _repr_html_(self) -> str:
        return summary_html(self.estimates())


class LiveResults(ContrastResults):
    """Results of a running design: its state, the log, scores and probabilities beside the estimates."""

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

    def outcome(self, assignment_id: int) -> float:
        """The outcome of an assignment, NaN while it is open."""
        return self._kept_record().value(self._book.known_id(assignment_id) - 1, OUTCOME)

    @property
    def finished(self) -> bool:
        """Whether every arm but the control is settled: significant, and tight enough by ``precision``."""
        return bool(self._contrasts.finished)

    @property
    def weights(self) -> list[float]:
        """Weight of each arm's share of the policy [K]: 1, less for settled arms when there is a decay."""
        return list(self._contrasts.weights())

    def _path_values(self) -> ArrayLike:
        if not self.settings.record_path:
            raise InvalidArgument("record_path", "was False, so there is no path; record_path=True keeps it.")
        return np.array(self._contrasts.path)

    def _notes(self) -> list[str]:
        return left_out(self._contrasts.model, self._book.covariates)

    def _observed(self, bounds: Bounds) -> ObservedRounds:
        settings, table = self.settings, self._kept_record().observed()
        return ObservedRounds(
            table[:, ARM].astype(np.int64),
            table[:, OUTCOME],
            table[:, PROPENSITY],
            settings.arms,
            settings.control_index,
            settings.alpha,
            settings.multiplicity == "bonferroni",
            settings.t_star,
            bounds,
            planned=settings.planned,
        )

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

    def summary(self, method: str = "mad", *, bounds: Bounds = None) -> str:
        """Estimates with intervals, the state of the experiment and the assumptions, as text."""
        settings, contrasts, table = self.settings, self._contrasts, self.estimates(method, bounds=bounds)
        joint = "together (Bonferroni)" if settings.joint else "each"
        level = f"{100 * (1 - settings.alpha):g}%"
        lines = [
            f"Mixture Adaptive Design: {settings.n_arms} arms, control {settings.control!r}, {self.n_observed} rounds "
            f"observed, {self.n_open} open",
            f"Treatment effects ({level} confidence sequences, {joint}; * excludes 0):",
        ]
        for row in table.itertuples():
            if row.insufficient_data:
                lines.append(f"- Arm {row.arm}: insufficient data ({row.n} pulls, control {row.n_control})")
            else:
                star = " *" if row.significant else ""
                lines.append(f"- Arm {row.arm}: {row.estimate:.3f} ({row.lower:.5f}, {row.upper:.5f}){star}")
            lines += [f"  ! {warning}" for warning in [str(row.warning)] if warning]
        if settings.uses_covariates and method == "mad":
            covers = "the units of this experiment" if settings.estimand == "sample" else "the population of the units"
            lines.append(f"Covariates {listing(self._book.covariates)}; the effects are those of {covers}.")
        pairs = zip(settings.other_arms, contrasts.settled_since, strict=True)
        settled = [arm for arm, since in pairs if since is not None]
        if settled and method == "mad":
            done = " All arms are: the experiment may stop." if contrasts.finished else ""
            lines.append(f"Settled: {listing(settled)}.{done}")
        return "\n".join([*lines, *frame_notes(table)[1:]])

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

        return score_distribution(self.scores(), colours_of(self.settings.arms), ax)
