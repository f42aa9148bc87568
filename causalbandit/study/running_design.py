"""A Mixture Adaptive Design brought to where the events of a study have led it, and what its arms are worth by then.

The arms may change while the design runs. Each set of arms begins an *epoch* with a design of its own, which goes on
with what the policy has learned; the effect of an arm is read from the epochs in which it could be drawn.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from causalbandit.designs.assignment_book import Assignment
from causalbandit.designs.mad import MixtureAdaptiveDesign
from causalbandit.designs.mad_tables import contrast_table
from causalbandit.designs.policies import ArmStatistics, PolicyFloor
from causalbandit.designs.running_contrasts import RunningContrasts
from causalbandit.designs.settings import MADSettings
from causalbandit.errors import InvalidArgument, listing
from causalbandit.randomness import generator_from_state
from causalbandit.study.database import StudyError

if TYPE_CHECKING:
    import pandas as pd


Kind = Literal["assign", "observe", "amend", "exclude", "cancel", "arms"]
Unit = str | int | None


@dataclass(frozen=True)
class Event:
    """One thing that happened to a design. Its events in order are all that a file keeps beside its beginning."""

    number: int
    """Its place in the order, from 1."""
    kind: Kind
    """An outcome may replace another ("amend") or not count ("exclude"); from "arms" on other arms are drawn."""
    id: int
    """The assignment; for "arms" the last one before."""
    unit: Unit
    """Whom the arm was for, as the caller names it ("assign")."""
    value: float | None
    """The outcome, or the propensity ("assign")."""
    detail: Mapping[str, Any]
    """JSON values: arm and covariates ("assign"), what else a row held, or the design that begins ("arms")."""
    at: float
    """When, in seconds since 1970."""


class Epoch(NamedTuple):
    """A design and the number of assignments that were made before it."""

    design: MixtureAdaptiveDesign
    first: int


@dataclass(frozen=True)
class Drawn:
    """An assignment as it was made."""

    arm: Hashable
    """The arm's name."""
    propensity: float
    """Probability with which it was drawn."""
    round: int
    """Round of the mixing sequence, which begins anew with every epoch."""
    epoch: int
    """Place of its epoch."""
    unit: Unit
    """Whom it was for."""
    covariates: Any
    """What was known of the unit: a mapping, a list or None."""
    at: float
    """When, in seconds since 1970; NaN for assignments from before the file."""


class RunningDesign:
    """A design and everything that has happened to it.

    Parameters
    ----------
    beginning : mapping
        What `MixtureAdaptiveDesign.to_dict` gave before the first event.
    own : mapping
        Policy, functions and regressor that a file cannot hold, as `MixtureAdaptiveDesign.from_dict` takes them.
    watch : callable, optional
        Called with this object after every first outcome of an assignment.

    Attributes
    ----------
    applied : int
        Number of the last event that is in it.
    epochs : list of Epoch
        The designs, one per set of arms.
    drawn : dict
        Every assignment by its id, which counts on over the epochs.
    states : dict
        "open", "told" or "abandoned", by id.
    told : dict
        The event that told an assignment's outcome, by id.
    """

    def __init__(
        self, beginning: Mapping[str, Any], own: Mapping[str, Any], watch: Callable[[RunningDesign], None] | None
    ) -> None:
        self._own, self._watch = own, watch
        self.applied = 0
        self.epochs = [Epoch(self._made(beginning), 0)]
        self.drawn: dict[int, Drawn] = {}
        self.states: dict[int, str] = {}
        self.told: dict[int, Event] = {}
        self._units: dict[Unit, int] = {}
        self._order: list[int] = []
        before = self.design.rounds()
        for row in before.to_dict("records"):
            self.drawn[row["id"]] = Drawn(row["arm"], row["propensity"], row["id"], 0, None, None, math.nan)
            self.states[row["id"]] = "told" if row["observed"] else "open"
        self._order += before.loc[before["observed"] > 0].sort_values("observed")["id"].tolist()

    def _made(self, saved: Mapping[str, Any]) -> MixtureAdaptiveDesign:
        own = {name: copy.deepcopy(value) if name == "policy" else value for name, value in self._own.items()}
        return MixtureAdaptiveDesign.from_dict(saved, **own)

    @property
    def design(self) -> MixtureAdaptiveDesign:
        """The design that assigns now."""
        return self.epochs[-1].design

    @property
    def n_observed(self) -> int:
        """Number of outcomes that count."""
        return len(self._order)

    def count(self, state: str) -> int:
        """How many assignments are in a state."""
        return sum(known == state for known in self.states.values())

    # -- what happens -------------------------------------------------------------------------------------------------

    def apply(self, event: Event) -> None:
        """Let an event happen that is in the file."""
        if event.kind == "assign":
            drawn = self.assign(event.detail.get("covariates"), event.unit, event.at)
            if drawn.id != event.id or drawn.arm != event.detail["arm"] or not _close(drawn.propensity, event.value):
                raise StudyError(
                    f"Assignment {event.id} was drawn otherwise than this version of the design draws it: go on with "
                    "the version, the policy and the functions that the study was begun with. Nothing was changed."
                )
        elif event.kind == "arms":
            self.epochs.append(Epoch(self._made(event.detail["design"]), event.id))
        elif event.kind == "cancel":
            self.states[event.id] = "abandoned"
        else:
            self.tell(event)
        self.applied = event.number

    def assign(self, covariates: Any, unit: Unit, at: float) -> Assignment:
        """Draw an arm for the next unit."""
        made = self.design.assign(covariates)
        number = self.epochs[-1].first + made.id
        self.drawn[number] = Drawn(made.arm, made.propensity, made.round, len(self.epochs) - 1, unit, covariates, at)
        self.states[number] = "open"
        if unit is not None:
            self._units[unit] = number
        return made._replace(id=number)

    def assigned(self, unit: Unit) -> Assignment | None:
        """The assignment of a unit that has one."""
        number = self._units.get(unit)
        if number is None:
            return None
        drawn = self.drawn[number]
        return Assignment(number, drawn.arm, drawn.propensity, drawn.round)

    def outcome(self, number: int) -> float:
        """The outcome that counts for an assignment; NaN without one."""
        epoch = self.epochs[self.drawn[number].epoch]
        return epoch.design.outcome(number - epoch.first)

    def tell(self, event: Event) -> None:
        """Enter an outcome, its correction, or one that does not count."""
        number = event.id
        drawn = self.drawn[number]
        epoch = self.epochs[drawn.epoch]
        if event.value is not None:
            old = self.outcome(number)
            epoch.design.observe(number - epoch.first, event.value, amend=event.kind == "amend")
            current = self.design
            if current is not epoch.design and drawn.arm in current.arms:
                place = current.arms.index(drawn.arm)
                if math.isnan(old):
                    current.policy.update(place, event.value)
                elif old != event.value:
                    current.policy.amend(place, old, event.value)
        self.states[number], self.told[number] = "told", event
        if event.value is not None and math.isnan(old):
            self._order.append(number)
            if self._watch is not None:
                self._watch(self)

    # -- other arms ---------------------------------------------------------------------------------------------------

    def with_arms(self, arms: Sequence[Hashable], policy: Any) -> MixtureAdaptiveDesign:
        """A design over other arms that goes on from here: the policy knows the outcomes of the arms that stay."""
        settings = self.design.settings
        if settings.outcome_model is not None:
            raise InvalidArgument(
                "design", "has an outcome model, which is fitted to its arms; expected one without, to change them."
            )
        chosen = _policy_like(self.design.policy, len(arms)) if policy is None else policy
        for number in self._order:
            if self.drawn[number].arm in arms:
                chosen.update(list(arms).index(self.drawn[number].arm), self.outcome(number))
        values = {each.name: getattr(settings, each.name) for each in fields(MADSettings)}
        # The rate of one contrast stays what it was: what was promised of the arms that stay does not change.
        values |= {"arms": tuple(arms), "alpha": settings.alpha_each, "multiplicity": "none"}
        rng = generator_from_state(self.design.to_dict()["state"]["rng"])
        return MixtureAdaptiveDesign(chosen, **values, rng=rng)

    # -- what is known ------------------------------------------------------------------------------------------------

    def compared(self) -> list[Hashable]:
        """All arms that were ever compared with the control, in the order in which they came."""
        return list(dict.fromkeys(arm for epoch in self.epochs for arm in epoch.design.settings.other_arms))

    def estimates(self) -> pd.DataFrame:
        """One row per arm that was ever compared with the control, with the columns of the design's estimates."""
        import pandas as pd

        if len(self.epochs) == 1:
            return self.design.estimates()
        arms = self.compared()
        joined: pd.DataFrame = pd.concat([self._contrast(arm) for arm in arms], ignore_index=True)
        joined["arm"], joined["reference"] = pd.Series(arms), pd.Series([self.design.control] * len(arms))
        return joined

    def _contrast(self, arm: Hashable) -> pd.DataFrame:
        """The row of one arm, from the rounds of those epochs in which it could be drawn."""
        first = self.epochs[0].design.settings
        control, rest = first.control, ("any other arm",)
        settings = replace(
            first, arms=(control, arm, rest), alpha=first.alpha_each, multiplicity="none", record_path=False
        )
        contrasts = RunningContrasts(settings)
        for design, _ in self.epochs:
            if arm not in design.arms:
                continue
            rounds = design.rounds()
            rounds = rounds[rounds["observed"] > 0]
            pair = rounds[[f"p({control})", f"p({arm})"]].to_numpy(dtype=float)
            others = [f"p({name})" for name in design.arms if name not in (control, arm)]
            left = rounds[others].to_numpy(dtype=float).sum(axis=1) if others else np.ones(len(rounds))
            drawn = rounds["arm"].map(lambda name: 0 if name == control else 1 if name == arm else 2)
            contrasts.take_many(
                drawn.to_numpy(dtype=np.int64),
                rounds["outcome"].to_numpy(dtype=float),
                rounds["propensity"].to_numpy(dtype=float),
                np.column_stack([pair, left]),
            )
        return contrast_table(contrasts).iloc[:1]

    def validity(self) -> str:
        """Which inference stays valid, as sentences."""
        settings = self.epochs[0].design.settings
        if len(self.epochs) == 1:
            hold = "All intervals together hold" if settings.joint else "Each interval holds"
            return (
                f"The arms are those of the beginning. {hold} at the error rate {settings.alpha:g}, at every round at "
                "once."
            )
        said = []
        for before, after in zip(self.epochs, self.epochs[1:], strict=False):
            gone = [arm for arm in before.design.arms if arm not in after.design.arms]
            new = [arm for arm in after.design.arms if arm not in before.design.arms]
            parts = [f"{verb} {listing(arms)}" for verb, arms in (("dropped", gone), ("added", new)) if arms]
            said.append(f"after assignment {after.first} {' and '.join(parts)}")
        rate, effects = settings.alpha_each, len(self.compared())
        together = (
            f"; the {effects} effects that were ever compared hold together at {min(1.0, rate * effects):g} (at the "
            f"beginning {len(settings.others)} were promised at {settings.alpha:g})"
            if settings.multiplicity == "bonferroni"
            else ""
        )
        return (
            f"The arms changed: {'; '.join(said)}. The interval of an effect uses the rounds in which its arm could be "
            "drawn and holds at every one of them at once, since arms change only by what was known before; a dropped "
            f"arm keeps the interval of its last round. Each interval holds at the error rate {rate:g}{together}. "
            "Effects of arms that were there at different times may differ by what happened at those times."
        )


def _policy_like(policy: Any, n_arms: int) -> Any:
    """A policy of the same kind and settings for another number of arms, without data."""
    if isinstance(policy, PolicyFloor):
        return PolicyFloor(_policy_like(policy.policy, n_arms), policy.epsilon)
    settings = policy.settings() if isinstance(policy, ArmStatistics) else {}
    if "n_arms" not in settings:
        raise InvalidArgument(
            "policy", f"of the design is a {type(policy).__name__}; give one that is made for the {n_arms} arms."
        )
    return type(policy)(**(settings | {"n_arms": n_arms}))


def _close(first: float, second: float | None) -> bool:
    # Libraries of other versions may round the last digits of a policy's probabilities otherwise.
    return second is not None and math.isclose(first, second, rel_tol=1e-9)
