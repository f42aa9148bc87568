"""A study over a Mixture Adaptive Design: live traffic whose every assignment and outcome is on the disk.

>>> import os, tempfile
>>> from causalbandit.designs.mad import MixtureAdaptiveDesign
>>> from causalbandit.designs.thompson import BetaBernoulliThompson
>>> path = os.path.join(tempfile.mkdtemp(), "buttons.study")
>>> design = MixtureAdaptiveDesign(BetaBernoulliThompson(2), arms=("old", "new"), control="old", t_star=500, rng=0)
>>> with DesignStudy.create(path, design) as study:
...     made = study.assign(unit="customer 7")
>>> with DesignStudy.open(path) as study:             # another day, another process
...     study.assign(unit="customer 7") == made       # who asks again gets the same arm
...     study.observe(made.id, 1)
...     study.status().told
True
1
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from causalbandit.checks import instance, whole_number
from causalbandit.designs.assignment_book import Assignment, finite_outcome, known_ids
from causalbandit.designs.mad import MixtureAdaptiveDesign
from causalbandit.errors import InvalidArgument, InvalidType, listing
from causalbandit.study.check import StudyCheck
from causalbandit.study.database import StudyError
from causalbandit.study.design_ledger import DesignLedger
from causalbandit.study.sheets import plain_value
from causalbandit.study.store import Store
from causalbandit.text import frame_text

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class DesignStatus:
    """Where a running design stands.

    Attributes
    ----------
    assigned, told, open, abandoned : int
        Assignments made; with an outcome, without one yet, and given up.
    arms : tuple
        The arms that are drawn now.
    changes : int
        How often the arms changed.
    validity : str
        Which inference holds.
    """

    assigned: int
    told: int
    open: int
    abandoned: int
    arms: tuple[Hashable, ...]
    changes: int
    validity: str

    def summary(self) -> str:
        """Where the design stands, as text."""
        return (
            f"Design over {listing(self.arms)}: {self.assigned:,} assigned, {self.told:,} told, {self.open:,} open, "
            f"{self.abandoned:,} given up\n{self.validity}"
        )


class DesignStudy:
    """A running design in one file. Make it with `create` or `open`; use it as a context manager, or call `close`.

    What `assign`, `observe`, `cancel` and `change_arms` report is on the disk, and several processes may use the file
    at once. The file holds the design's beginning (settings, policy, generator) and what happened since, in order; a
    design that is opened goes through it again and so draws what it would have drawn.
    """

    def __init__(self, database: Store, own: Mapping[str, Any]) -> None:
        self._database = database
        self._ledger = DesignLedger(database, json.loads(database.settings()["design"]), own)

    @classmethod
    def create(cls, path: str | os.PathLike[str], design: MixtureAdaptiveDesign) -> DesignStudy:
        """A new file for a design, fresh or already running, which it leaves as it is.

        Parameters
        ----------
        path : str or path
            The file; one that exists is never overwritten.
        design : MixtureAdaptiveDesign
            The design. Whoever goes on with the object itself goes on beside the file.

        Raises
        ------
        InvalidArgument
            For a design that keeps no rounds (``record_rounds=False``), or whose settings or policy cannot be saved.
        """
        instance(design, "design", MixtureAdaptiveDesign, "a MixtureAdaptiveDesign")
        if not design.settings.record_rounds:
            raise InvalidArgument("design", "keeps no rounds; expected one with record_rounds=True.")
        saved = design.to_dict()
        settings = {"kind": "design", "design": json.dumps(saved), "created": repr(time.time())}
        database = Store.create(path, settings)
        own = {name: getattr(design.settings, name) for name in ("delta", "decay", "outcome_model")}
        given = {name: value for name, value in own.items() if value is not None and not isinstance(value, str)}
        return cls(database, given | ({"policy": design.policy} if saved["policy"]["settings"] is None else {}))

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        policy: Any = None,
        delta: Callable[[int], float] | None = None,
        decay: Callable[[float], float] | None = None,
        outcome_model: Any = None,
    ) -> DesignStudy:
        """The running design in a file; a policy, functions and a regressor of one's own are given again."""
        database = Store.open(path)
        try:
            if database.settings().get("kind") != "design":
                raise StudyError(f"{str(path)!r} holds a search, no running design: open it with Study.open.")
            study = cls(database, {"policy": policy, "delta": delta, "decay": decay, "outcome_model": outcome_model})
            study._ledger.running()
        except BaseException:
            database.close()
            raise
        return study

    def close(self) -> None:
        """Give the file back."""
        self._database.close()

    def __enter__(self) -> DesignStudy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def design(self) -> MixtureAdaptiveDesign:
        """The design that assigns now, to look at: what is done to it directly is in no file."""
        return self._ledger.running().design

    # -- traffic ------------------------------------------------------------------------------------------------------

    def assign(self, covariates: Any = None, *, unit: str | int | None = None) -> Assignment:
        """An arm for the next unit.

        Parameters
        ----------
        covariates
            As in `MixtureAdaptiveDesign.assign`.
        unit : str or int, optional
            Whom it is for. A unit that has an assignment gets it again, so that a request may be repeated after a
            crash.

        Returns
        -------
        Assignment
            Its ``id`` counts on over all changes of arms; report the outcome under it.
        """
        unit = int(unit) if isinstance(unit, np.integer) else unit
        if unit is not None and (isinstance(unit, bool) or not isinstance(unit, (str, int))):
            raise InvalidType("unit", f"was {unit!r}; expected a text or a whole number.")
        known = _plain_covariates(covariates)
        with self._ledger.changing() as running:
            return running.assigned(unit) or self._ledger.assign(known, unit)

    def observe(
        self, assignment_id: int, outcome: float, *, amend: bool = False, extra: Mapping[str, Any] | None = None
    ) -> None:
        """Enter the outcome of an assignment, also of one that was given up.

        Parameters
        ----------
        assignment_id : int
            The ``id`` that `assign` gave.
        outcome : float
            A finite number. The same one again changes nothing.
        amend : bool
            Replace an outcome that was entered before; the file keeps both.
        extra : mapping, optional
            What else is known, kept with the outcome.
        """
        detail = {"extra": {str(name): plain_value(value) for name, value in extra.items()}} if extra else {}
        with self._ledger.changing() as running:
            number = self._known(running.states, assignment_id)
            value = finite_outcome(outcome, number)
            old = running.outcome(number)
            if old == value:
                return
            first = bool(np.isnan(old))
            if not first and not amend:
                raise InvalidArgument(
                    "outcome", f"of assignment {number} was {old:g} before, now {value:g}; to correct it, amend it."
                )
            self._ledger.enter("observe" if first else "amend", number, value, detail)

    def cancel(self, ids: int | Iterable[int]) -> int:
        """Give up assignments whose outcome will not come; how many were open. One that comes all the same counts."""
        given = [ids] if isinstance(ids, (int, np.integer)) else list(ids)
        with self._ledger.changing() as running:
            numbers = [self._known(running.states, value) for value in given]
            told = [number for number in numbers if running.states[number] == "told"]
            if told:
                raise InvalidArgument("ids", f"hold {listing(told)}, whose outcomes are told; expected open ones.")
            waiting = [number for number in dict.fromkeys(numbers) if running.states[number] == "open"]
            for number in waiting:
                self._ledger.enter("cancel", number)
        return len(waiting)

    def change_arms(self, *, add: Sequence[Hashable] = (), drop: Sequence[Hashable] = (), policy: Any = None) -> str:
        """From here on, draw other arms; the sentences that say which inference stays valid.

        Parameters
        ----------
        add, drop : sequence
            Names of arms; the control stays.
        policy : optional
            A policy without data for the new number of arms; by default one of the same kind and settings. It is told
            the outcomes of the arms that stay.

        Notes
        -----
        Outcomes of earlier assignments may still come. The mixing sequence begins anew, so that new arms are tried.
        """
        with self._ledger.changing() as running:
            arms = running.design.arms
            for name, wrong, expected in (
                ("add", [arm for arm in add if arm in arms], "arms that are not drawn now"),
                ("drop", [arm for arm in drop if arm not in arms], "arms that are drawn now"),
                ("drop", [arm for arm in drop if arm == running.design.control], "arms other than the control"),
            ):
                if wrong:
                    raise InvalidArgument(name, f"names {listing(wrong)}; expected {expected}.")
            if add or drop:
                kept = [arm for arm in arms if arm not in drop]
                design = running.with_arms([*kept, *add], policy)
                self._ledger.enter("arms", len(running.drawn), detail={"design": design.to_dict()})
            return running.validity()

    # -- results ------------------------------------------------------------------------------------------------------

    def estimates(self) -> pd.DataFrame:
        """One row per arm that was ever compared with the control, with the columns of the design's estimates.

        While the arms are those of the beginning these are `MixtureAdaptiveDesign.estimates`; see `status` for what
        holds after a change.
        """
        return self._ledger.running().estimates()

    def status(self) -> DesignStatus:
        """Where the design stands, and which inference holds."""
        running = self._ledger.running()
        return DesignStatus(
            len(running.drawn),
            running.count("told"),
            running.count("open"),
            running.count("abandoned"),
            running.design.arms,
            len(running.epochs) - 1,
            running.validity(),
        )

    def summary(self) -> str:
        """Where the design stands, which inference holds, and the estimates, as text."""
        shown = self.estimates()[["arm", "estimate", "lower", "upper", "n", "n_control"]]
        return f"{self.status().summary()}\n\n{frame_text(shown)}"

    def rows(self) -> pd.DataFrame:
        """One row per assignment.

        Columns: ``id``, ``unit``, ``arm``, ``propensity``, ``round``, ``epoch`` (from 1, one more with every change of
        arms), ``state`` ("open", "told" or "abandoned"), ``outcome``, ``asked`` and ``told_at`` (UTC), covariates, and
        what else was told.
        """
        import pandas as pd

        running = self._ledger.running()
        records = []
        for number, drawn in running.drawn.items():
            event = running.told.get(number)
            known = drawn.covariates or {}
            named = (
                dict(known) if isinstance(known, Mapping) else {f"x{place}": value for place, value in enumerate(known)}
            )
            records.append(
                {
                    "id": number,
                    "unit": drawn.unit,
                    "arm": drawn.arm,
                    "propensity": drawn.propensity,
                    "round": drawn.round,
                    "epoch": drawn.epoch + 1,
                    "state": running.states[number],
                    "outcome": running.outcome(number),
                    "asked": pd.Timestamp(drawn.at, unit="s", tz="UTC"),
                    "told_at": pd.NaT if event is None else pd.Timestamp(event.at, unit="s", tz="UTC"),
                }
                | named
                | (dict(event.detail.get("extra", {})) if event is not None else {})
            )
        return pd.DataFrame(records)

    def check(self) -> StudyCheck:
        """Whether the file is whole, and what is safe in it. Reads everything."""
        return StudyCheck.of(self._database.path)

    @staticmethod
    def _known(states: Mapping[int, str], value: Any) -> int:
        number = whole_number(value, "assignment_id")
        if number not in states:
            raise InvalidArgument("assignment_id", f"was {value!r}; {known_ids(len(states))}")
        return number


def _plain_covariates(covariates: Any) -> Any:
    """Covariates as JSON holds them: a mapping name → number, a list of numbers, or None."""
    if covariates is None:
        return None
    if hasattr(covariates, "to_dict"):
        covariates = covariates.to_dict()
    if isinstance(covariates, Mapping):
        return {str(name): plain_value(value) for name, value in covariates.items()}
    return [plain_value(value) for value in covariates]
