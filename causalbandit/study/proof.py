"""The confirmation stage of a study: fresh, randomised experiments over chosen interventions and a control.

Its experiments are drawn by a Mixture Adaptive Design and go in and out through the same sheets as those of the
search; their ids lie above all ids of the search. The file keeps the plan, the design's beginning and its events.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from causalbandit.confirmation import ConfirmationPlan
from causalbandit.confirmation_results import Confirmation
from causalbandit.designs.assignment_book import Assignment
from causalbandit.designs.mad import MixtureAdaptiveDesign
from causalbandit.errors import InvalidArgument, Rows
from causalbandit.interventions import InterventionSet
from causalbandit.problem import Problem
from causalbandit.study.database import StudyError
from causalbandit.study.design_ledger import DesignLedger
from causalbandit.study.running_design import Drawn, Event, Kind, RunningDesign
from causalbandit.study.sheets import EXCLUDE, NOT_SEEN, Mismatch, Sheet, contradictions, never_handed_out, still_open
from causalbandit.study.status import ProofStatus, Told
from causalbandit.study.store import Result, Store

IDS_ABOVE = 10**7
"""Ids of a confirmation's experiments lie above this one, which is the largest that a search can have."""
SETTING = "confirmation"
"""The setting that holds the plan."""


class Proof:
    """The confirmation of a study. Made by `begin` or `found`; everything else is done by its `Study`."""

    def __init__(self, store: Store, plan: ConfirmationPlan, design: dict[str, Any]) -> None:
        self.plan = plan
        self._ledger = DesignLedger(store, design, watch=self._look)
        self._next_look = plan.first_look
        self._stopped = False
        self._places = {label: place for place, label in enumerate(plan.arms.labels)}
        self._target = plan.arms.graph.position(plan.arms.graph.target)

    @classmethod
    def begin(cls, store: Store, plan: ConfirmationPlan, design: MixtureAdaptiveDesign) -> Proof:
        """Write down a plan and the design before its first round. Inside a transaction."""
        if SETTING in store.settings():
            raise StudyError(
                "The study has a confirmation already, and a second one over the same data would be another promise. "
                "Nothing was changed."
            )
        saved = design.to_dict()
        own = [name for name in ("delta", "decay") if isinstance(saved["settings"][name], dict)]
        if own or saved["policy"]["settings"] is None:
            raise InvalidArgument(
                own[0] if own else "policy", "is a function or object of its own, which a study's file cannot hold."
            )
        control, *chosen = plan.arms
        kept = {
            "interventions": chosen,
            "control": control,
            "budget": plan.budget,
            "batch_size": plan.batch_size,
            "reading": plan.reading,
            "alpha": plan.alpha,
            "covariates": list(plan.covariates) or None,
            "stop_early": plan.stop_early,
        }
        store.insert("settings", [(SETTING, json.dumps({"plan": kept, "design": saved}))])
        return cls(store, plan, saved)

    @classmethod
    def found(cls, store: Store, problem: Problem) -> Proof | None:
        """The confirmation that a file holds; None without one."""
        text = store.settings().get(SETTING)
        if text is None:
            return None
        saved = json.loads(text)
        return cls(store, ConfirmationPlan.of(problem, **saved["plan"]), saved["design"])

    # -- experiments --------------------------------------------------------------------------------------------------

    @property
    def arms(self) -> InterventionSet:
        """The interventions that are compared, the control first."""
        return self.plan.arms

    def ask(self, n: int | None) -> list[tuple[int, int]]:
        """The next ``n`` experiments as (id, place among the arms), none once it has ended. Inside a transaction."""
        with self._ledger.changing() as running:
            if self._ended(running):
                return []
            size = min(self.plan.batch_size if n is None else n, self.plan.budget - len(running.drawn))
            made = [self._ledger.assign() for _ in range(size)]
        return [(IDS_ABOVE + one.id, self._place(one)) for one in made]

    def outstanding(self) -> list[tuple[int, int]]:
        """(id, place) of the open experiments."""
        running = self._ledger.running()
        return [
            (IDS_ABOVE + number, self._place(running.drawn[number]))
            for number, state in running.states.items()
            if state == "open"
        ]

    def tell(self, sheet: Sheet, amend: bool, on_mismatch: Mismatch) -> Told:
        """Record the rows of a sheet that has an id above `IDS_ABOVE` in each. Inside a transaction."""
        counted = excluded = repeated = amended = 0
        ids = [number for number in sheet.ids if number is not None]
        with self._ledger.changing() as running:
            unknown = [number for number in ids if number - IDS_ABOVE not in running.states]
            if unknown:
                raise never_handed_out(unknown)
            places = [self._place(running.drawn[number - IDS_ABOVE]) for number in ids]
            mismatched = contradictions(self.arms, places, sheet.observed).tolist()
            for row in np.argsort(ids, kind="stable").tolist():  # by id: the order of a sheet's rows means nothing
                number, observed, wrong = ids[row] - IDS_ABOVE, sheet.observed[row], mismatched[row]
                before = running.told.get(number)
                if before is not None and _observed(before) == observed.tobytes():
                    repeated += 1
                    continue
                if wrong and (on_mismatch == "error" or (before is not None and before.kind != "exclude")):
                    raise InvalidArgument(
                        "results",
                        "contradict their intervention in ",
                        Rows([sheet.rows[row]]),
                        f": it was run under {self.arms.labels[places[row]]}. Correct it, or record it without "
                        "counting it (",
                        EXCLUDE,
                        ") if it does not count yet.",
                    )
                if before is not None and not amend:
                    raise InvalidArgument(
                        "results",
                        f"tell experiment {ids[row]} again with other values; nothing was recorded. To replace what "
                        "was told before (it is kept), say that they amend it.",
                    )
                detail = {"observed": observed.tobytes().hex(), "extra": sheet.extra[row]}
                if wrong:
                    self._ledger.enter("exclude", number, detail=detail)
                else:
                    kind: Kind = "observe" if before is None else "amend"
                    self._ledger.enter(kind, number, float(observed[self._target]), detail)
                amended += before is not None
                excluded += wrong
                counted += before is None and not wrong
            complete = self._complete(running)
        return Told(counted=counted, excluded=excluded, repeated=repeated, amended=amended, proved=complete)

    def abandon(self, ids: Sequence[int]) -> int:
        """Give up open experiments; how many they were. Inside a transaction."""
        with self._ledger.changing() as running:
            known = [number for number in ids if number - IDS_ABOVE in running.states]
            waiting = still_open(ids, {number: running.states[number - IDS_ABOVE] for number in known})
            for number in waiting:
                self._ledger.enter("cancel", number - IDS_ABOVE)
        return len(waiting)

    @property
    def spoilt(self) -> bool:
        """Whether it may be ahead of its file, when the last change was not written down."""
        return self._ledger.touched

    # -- what is known ------------------------------------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        """Whether nothing is left to ask for."""
        return self._ended(self._ledger.running())

    def status(self) -> ProofStatus:
        """Where the confirmation stands."""
        running = self._ledger.running()
        excluded = sum(event.kind == "exclude" for event in running.told.values())
        return ProofStatus(
            self.plan.budget,
            running.count("told"),
            running.count("open"),
            running.count("abandoned"),
            excluded,
            running.n_observed,
            self._stopped,
            self._complete(running),
        )

    def confirmation(self) -> Confirmation:
        """What the told experiments confirm; a StudyError before the first."""
        running = self._ledger.running()
        if not running.n_observed:
            raise StudyError("Nothing of the confirmation was told yet.")
        _, rows = self._counted(running)
        return self.plan.confirmation(running.design, rows, self._stopped)

    def results(self) -> list[tuple[Result, float]]:
        """All told rows by id, each with the propensity of its arm."""
        running = self._ledger.running()
        found = []
        for number, event in sorted(running.told.items()):
            drawn, excluded = running.drawn[number], event.kind == "exclude"
            told = _observed(event), event.detail["extra"], event.at
            row = Result(IDS_ABOVE + number, None, self._place(drawn), 0, excluded, *told)
            found.append((row, drawn.propensity))
        return found

    def replaced(self) -> list[tuple[int, bytes, str, float, float]]:
        """Rows that others replaced, as `Store.replaced`."""
        return [
            (IDS_ABOVE + old.id, _observed(old), json.dumps(old.detail["extra"]), old.at, new.at)
            for old, new in self._ledger.replaced()
        ]

    # -- inside -------------------------------------------------------------------------------------------------------

    def _place(self, drawn: Drawn | Assignment) -> int:
        """The place of an assignment's arm."""
        return self._places[str(drawn.arm)]

    def _counted(self, running: RunningDesign) -> tuple[list[int], npt.NDArray[np.uint8]]:
        """Places and rows [t, N] of what counts, in the order of the assignments; a node that was not seen is 0."""
        counted = [(number, event) for number, event in sorted(running.told.items()) if event.value is not None]
        places = [self._place(running.drawn[number]) for number, _ in counted]
        told = b"".join(_observed(event) for _, event in counted)
        rows = np.frombuffer(told, dtype=np.uint8).reshape(-1, len(self.arms.graph.nodes))
        return places, np.where(rows == NOT_SEEN, 0, rows).astype(np.uint8)

    def _ended(self, running: RunningDesign) -> bool:
        return self._stopped or len(running.drawn) >= self.plan.budget

    def _complete(self, running: RunningDesign) -> bool:
        return self._ended(running) and not running.count("open")

    def _look(self, running: RunningDesign) -> None:
        """After an outcome: look at the data where `confirm` would, however many rows a sheet held."""
        plan, used = self.plan, running.n_observed
        at_border = used % plan.batch_size == 0 or used == plan.budget
        if self._stopped or not plan.stop_early or not at_border or used < self._next_look:
            return
        self._next_look = plan.next_look(used)
        places, rows = self._counted(running)
        trials = np.bincount(places, minlength=len(self.arms))
        successes = np.bincount(places, rows[:, self._target], minlength=len(self.arms)).astype(np.int64)
        self._stopped = plan.decided(running.design, rows, successes, trials) and used < plan.budget


def _observed(event: Event) -> bytes:
    """The row that an event told, a byte per node."""
    return bytes.fromhex(event.detail["observed"])
