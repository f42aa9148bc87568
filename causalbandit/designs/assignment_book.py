"""The book of a live design: which unit was given which arm, what is still open, and the record of all rounds."""

from __future__ import annotations

import math
import numbers
from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import numpy as np

from causalbandit.designs.mad_record import ARM, OUTCOME, RoundRecord, doubles_from_text, doubles_to_text
from causalbandit.designs.settings import MADSettings
from causalbandit.designs.unit_covariates import CovariateReader
from causalbandit.errors import InvalidArgument, InvalidType, shown
from causalbandit.inference.log_checks import LARGEST


class Assignment(NamedTuple):
    """One unit's assignment: give ``arm`` to the unit, report its outcome under ``id``."""

    id: int
    """Number of the assignment, 1, 2, …; the handle for `MixtureAdaptiveDesign.observe`."""
    arm: Hashable
    """The arm to apply (its name)."""
    propensity: float
    """Probability with which this arm was drawn, in (0, 1]."""
    round: int
    """Round of the mixing sequence, equal to ``id``."""


class OpenAssignment(NamedTuple):
    """What an assignment needs once its outcome comes, frozen when it was made; the arm is an index 0..K−1.

    Probabilities and predictions are those of all arms [K], covariates [d] are in the design's order.
    """

    arm: int
    propensity: float
    probabilities: list[float]
    covariates: list[float] | None
    predictions: list[float] | None


def known_ids(n_assigned: int) -> str:
    """What ids can be, for an error."""
    known = f"ids so far are 1 to {n_assigned}" if n_assigned else "no unit has been assigned yet"
    return f"{known}. Pass the id that assign() gave."


class AssignmentBook:
    """Open assignments by id, the record of rounds and the covariates' names.

    The record is None before the number of covariates is known, and in a design that keeps none.
    """

    def __init__(self, settings: MADSettings) -> None:
        self.settings = settings
        self.n_assigned = 0
        self.open: dict[int, OpenAssignment] = {}
        self.record: RoundRecord | None = None
        self._reader = CovariateReader(settings.covariates)

    @property
    def covariates(self) -> list[str]:
        """Names of the covariates, as far as they are known."""
        return self._reader.names or []

    def start_record(self, n_covariates: int) -> None:
        """Begin the record, once the number of covariates is known."""
        settings = self.settings
        if settings.record_rounds:
            self.record = RoundRecord(settings.n_arms, n_covariates, predicted=settings.outcome_model is not None)

    def covariate_row(self, covariates: Any) -> list[float] | None:
        """One unit's covariates as numbers in the design's order; None in a design that uses none."""
        if self.settings.uses_covariates:
            return self._reader.read(covariates)
        if covariates is not None:
            fix = "make it with outcome_model='pooled' or 'split' (or a regressor) from the first round on"
            raise InvalidArgument("covariates", f"were given, but this design does not use any; {fix}.")
        return None

    def enter(
        self, arm: int, probabilities: list[float], covariates: list[float] | None, predictions: list[float] | None
    ) -> Assignment:
        """Write down a new assignment."""
        propensity = probabilities[arm]
        if self.record is not None:
            self.record.append(arm, propensity, probabilities, covariates or (), predictions or ())
        self.n_assigned = number = self.n_assigned + 1
        self.open[number] = OpenAssignment(arm, propensity, probabilities, covariates, predictions)
        return Assignment(number, self.settings.arms[arm], propensity, number)

    def close(self, number: int, outcome: float, observed: int) -> None:
        """Write down the outcome of an open assignment and its place in the order of observation."""
        del self.open[number]
        if self.record is not None:
            self.record.set_outcome(number - 1, outcome, observed)

    def known_id(self, assignment_id: Any) -> int:
        """The id of an assignment that was made, as an int: whole floats, as a frame's rows give them, count."""
        if type(assignment_id) is int and 0 < assignment_id <= self.n_assigned:
            return assignment_id
        whole = isinstance(assignment_id, numbers.Real) and not isinstance(assignment_id, bool)
        if not (whole and 0 < assignment_id <= self.n_assigned and assignment_id == int(assignment_id)):
            raise InvalidArgument("assignment_id", f"was {shown(assignment_id)}; {known_ids(self.n_assigned)}")
        return int(assignment_id)

    def check_covariates(self, number: int, covariates: Any) -> None:
        """Refuse covariates that differ from those with which the assignment was made."""
        row, known = self.covariate_row(covariates), None
        if number in self.open:
            known = self.open[number].covariates
        elif self.record is not None:
            known = self.record.covariates(self.record.table()[number - 1 : number])[0].tolist()
        if known is not None and row != known:
            given = f"of assignment {number} were {known} when it was made, now {row}"
            raise InvalidArgument("covariates", f"{given}; they are measured before treatment and do not change.")

    def amended(self, number: int, outcome: float, amend: bool) -> tuple[RoundRecord, int, float] | None:
        """The record with arm and old outcome of a closed assignment whose outcome may be replaced; None for the same
        outcome again.
        """
        if self.record is None:
            why = "this design keeps no record of outcomes to compare with (record_rounds=False)"
            raise InvalidArgument("assignment_id", f"was {number}, observed before, and {why}.")
        old = self.record.value(number - 1, OUTCOME)
        if old == outcome:
            return None
        if not amend:
            given = f"of assignment {number} was {old:g} before, now {outcome:g}"
            raise InvalidArgument("outcome", f"{given}; pass amend=True to correct it.")
        return self.record, int(self.record.value(number - 1, ARM)), old

    def state(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "n_assigned": self.n_assigned,
            "open": {str(number): list(entry) for number, entry in self.open.items()},
            "record": None if self.record is None else doubles_to_text(self.record.values),
            "covariates": self._reader.names,
            "named": self._reader.named,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Put back what `state` gave; the record has been started."""
        self._reader = CovariateReader(state["covariates"], named=state["named"])
        self.n_assigned = state["n_assigned"]
        self.open = {int(number): OpenAssignment(*entry) for number, entry in state["open"].items()}
        if self.record is not None:
            self.record.values = doubles_from_text(state["record"])


def finite_outcome(outcome: Any, number: int) -> float:
    """The outcome of an assignment as a finite Python float."""
    if type(outcome) is float and abs(outcome) <= LARGEST:
        return outcome
    if isinstance(outcome, np.ndarray) and outcome.size == 1:
        outcome = outcome.item()
    if not isinstance(outcome, (float, int, np.number, np.bool_, numbers.Real)):
        given = f"of assignment {number} was {outcome!r}"
        raise InvalidType("outcome", f"{given}; expected a number. The assignment stays open.")
    try:
        value = float(outcome)
    except OverflowError:
        value = math.inf
    if not abs(value) <= LARGEST:
        fix = "The assignment stays open: report the outcome once it is known, or never"
        expected = f"a finite number{f' up to {LARGEST:g} in size' if math.isfinite(value) else ''}"
        raise InvalidArgument("outcome", f"of assignment {number} was {value}; expected {expected}. {fix}.")
    return value
