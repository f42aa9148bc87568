"""What happened to a running design, in order: the only state that its file keeps beside the design's beginning."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from causalbandit.study.database import Database, checksum

Kind = Literal["assign", "observe", "amend", "exclude", "cancel", "arms"]
Unit = str | int | None


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Attributes
    ----------
    number : int
        Its place in the order, from 1.
    kind : str
        "assign", "observe", "amend" (an outcome replaces another), "exclude" (an outcome that does not count),
        "cancel", or "arms" (from here on other arms are drawn).
    id : int
        The assignment; for "arms" the last one before.
    unit : str, int or None
        Whom the arm was for, as the caller names it ("assign").
    value : float or None
        The outcome, or the propensity ("assign").
    detail : mapping
        JSON values: arm and covariates ("assign"), what else a row held, or the design that begins ("arms").
    at : float
        When, in seconds since 1970.
    """

    number: int
    kind: Kind
    id: int
    unit: Unit
    value: float | None
    detail: Mapping[str, Any]
    at: float


class DesignEvents:
    """The events of a design in a study's file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def last(self) -> int:
        """Number of the last event; 0 before the first."""
        return int(self._database.value("SELECT COALESCE(MAX(number), 0) FROM design_events"))

    def since(self, number: int) -> list[Event]:
        """The events after ``number``, in order, each checked against its checksum."""
        found = []
        for row in self._database.rows(f"{EVENT} WHERE number > ? ORDER BY number", (number,)):
            if not event_is_whole(row):
                raise self._database.damaged(f"event {row[0]} of the design")
            found.append(Event(row[0], row[1], row[2], json.loads(row[3]), row[4], json.loads(row[5]), row[6]))
        return found

    def append(
        self,
        kind: Kind,
        number: int,
        *,
        unit: Unit = None,
        value: float | None = None,
        detail: Mapping[str, Any] | None = None,
        at: float | None = None,
    ) -> Event:
        """Keep what happens now. Inside a transaction."""
        event = Event(self.last + 1, kind, number, unit, value, detail or {}, time.time() if at is None else at)
        kept = json.dumps(dict(event.detail), allow_nan=False)
        row = (event.number, kind, number, json.dumps(unit), value, kept, event.at)
        self._database.execute("INSERT INTO design_events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*row, checksum(*row)))
        return event


EVENT = "SELECT number, kind, id, unit, value, detail, at, checksum FROM design_events"
"""All columns of events."""


def event_is_whole(row: tuple[Any, ...]) -> bool:
    """Whether a row of `EVENT` matches its checksum, the last column."""
    return bool(row[-1] == checksum(*row[:-1]))
