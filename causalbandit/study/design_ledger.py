"""A running design that several processes share: whatever happens to it is written down before anybody is told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from causalbandit.designs.assignment_book import Assignment
from causalbandit.study.database import Database
from causalbandit.study.running_design import Event, Kind, RunningDesign, Unit

EVENT = "SELECT number, kind, id, unit, value, detail, at, checksum FROM design_events"
"""All columns of events."""


class DesignLedger:
    """The design of a study's file, brought up to date before anything is done to it.

    Parameters
    ----------
    database : Database
        The file.
    beginning : mapping
        The design before its first event, as `MixtureAdaptiveDesign.to_dict` gave it.
    own : mapping
        Policy, functions and regressor that the file cannot hold.
    watch : callable, optional
        Called with the running design after every first outcome of an assignment, whoever entered it.

    Notes
    -----
    Opening costs the design's own work for every event so far, and memory for every assignment.
    """

    def __init__(
        self,
        database: Database,
        beginning: Mapping[str, Any],
        own: Mapping[str, Any] | None = None,
        watch: Callable[[RunningDesign], None] | None = None,
    ) -> None:
        self._database, self._beginning, self._own, self._watch = database, beginning, own or {}, watch
        self._running: RunningDesign | None = None
        self.touched = False
        """Whether the block of `changing` that ran last did anything."""

    def running(self) -> RunningDesign:
        """The design after everything that is in the file."""
        if self._running is None:
            self._running = RunningDesign(self._beginning, self._own, self._watch)
        try:
            for event in self._events(self._running.applied):
                self._running.apply(event)
        except BaseException:
            self._running = None
            raise
        return self._running

    def replaced(self) -> list[tuple[Event, Event]]:
        """The events that told an outcome which another replaced, each with that other, in the order of these."""
        last: dict[int, Event] = {}
        found = []
        for event in self._events(0):
            if event.kind in ("observe", "amend", "exclude"):
                if event.id in last:
                    found.append((last[event.id], event))
                last[event.id] = event
        return found

    @contextmanager
    def changing(self) -> Iterator[RunningDesign]:
        """The design, for changes by the methods below: all of them are in the file after the block, or none."""
        self.touched = False
        try:
            with self._database.transaction():
                yield self.running()
        except BaseException:
            if self.touched:  # what was not written down did not happen: the next call reads the file again
                self._running = None
            raise

    def assign(self, covariates: Any = None, unit: Unit = None) -> Assignment:
        """Draw an arm. Inside `changing`."""
        running = self._current()
        now = time.time()
        made = running.assign(covariates, unit, now)
        detail = {"arm": made.arm} | ({} if covariates is None else {"covariates": covariates})
        event = Event(running.applied + 1, "assign", made.id, unit, made.propensity, detail, now)
        self._write(event)
        running.applied = event.number
        return made

    def enter(
        self, kind: Kind, number: int, value: float | None = None, detail: Mapping[str, Any] | None = None
    ) -> None:
        """Let anything else happen to the assignment ``number`` (see `Event`). Inside `changing`."""
        running = self._current()
        event = Event(running.applied + 1, kind, number, None, value, detail or {}, time.time())
        self._write(event)
        running.apply(event)

    def _current(self) -> RunningDesign:
        assert self._running is not None, "inside changing()"
        self.touched = True
        return self._running

    def _events(self, after: int) -> list[Event]:
        """The events after a number, in order."""
        question = f"{EVENT} WHERE number > ? ORDER BY number"
        return [
            Event(number, kind, assignment, json.loads(unit), value, json.loads(detail), at)
            for number, kind, assignment, unit, value, detail, at in self._database.records(
                question, (after,), what="event {} of the design"
            )
        ]

    def _write(self, event: Event) -> None:
        unit, detail = json.dumps(event.unit), json.dumps(dict(event.detail), allow_nan=False)
        row = (event.number, event.kind, event.id, unit, event.value, detail, event.at)
        self._database.insert("design_events", [row])
