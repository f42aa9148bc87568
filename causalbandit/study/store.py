"""The file of a study: one SQLite database in which an experiment is handed out once and a told row is never lost.

Every change is one transaction that is on the disk before the call returns (write-ahead log, ``synchronous=FULL``), so
a process may be killed at any moment and several may work on the file at once. What is written is checked by sums, row
by row and record by record, so that a damaged file is noticed before it is believed.

The store knows no strategies. A *batch* is a list of places in the set of interventions, in the order in which its
experiments are handed out; experiment ``first + k`` of a batch is the k-th of that list, whoever asks and however
many at a time. A *tally* is what the rows told while a batch was open add up to; what it holds is up to the caller.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from causalbandit.arrays import Integers
from causalbandit.study.database import Database, checksum, is_whole

ASKED_AT_ONCE = 500
"""Ids in one question: SQLite takes at least 999 parameters."""
State = Literal["open", "told", "abandoned"]


@dataclass(frozen=True)
class StoredBatch:
    """One planned batch: how many of its experiments were handed out, told and given up."""

    number: int
    """Its place among the study's batches, from 0."""
    phase: str
    """Which part of the strategy asked."""
    first: int
    """The id of its first experiment."""
    total: int
    """Number of its experiments; `Store.places` has their interventions."""
    handed: int
    told: int
    abandoned: int
    closed: bool
    """Whether the strategy may go on from it."""


@dataclass(frozen=True)
class Result:
    """One told row."""

    id: int
    """The experiment; negative for a row that nobody had asked for."""
    batch: int | None
    """The batch that planned it; None for such a row."""
    place: int
    """Its intervention's place in the set."""
    counted_in: int
    """The tally that holds it: that of the batch that was open when it was told."""
    excluded: bool
    """Whether it was recorded but not counted."""
    observed: bytes
    """One byte per observed node: 0, 1, or `NOT_SEEN`."""
    extra: Mapping[str, Any]
    """What else the row held."""
    told: float
    """When, in seconds since 1970."""


class Store(Database):
    """A study's file, open: its batches, open experiments, told rows and tallies."""

    def __init__(self, path: str | os.PathLike[str], connection: sqlite3.Connection) -> None:
        super().__init__(path, connection)
        self._kept: tuple[int, Integers] | None = None  # the plan that was read last: a batch's plan never changes

    # -- reading ------------------------------------------------------------------------------------------------------

    def batches(self) -> list[StoredBatch]:
        """All batches in order."""
        return [_batch(row) for row in self.rows(f"{_BATCH} ORDER BY number")]

    def last_batch(self) -> StoredBatch | None:
        """The newest batch, or None before the first."""
        rows = self.rows(f"{_BATCH} ORDER BY number DESC LIMIT 1")
        return _batch(rows[0]) if rows else None

    def places(self, batch: int) -> Integers:
        """The intervention of every experiment of a batch, in the order of their ids, shape [total]."""
        if self._kept is None or self._kept[0] != batch:
            question = "SELECT total, phase, first, places, checksum FROM batches WHERE number = ?"
            total, *row = self.rows(question, (batch,))[0]
            places = np.frombuffer(zlib.decompress(row[2]), dtype=np.int64) if is_whole(row) else None
            if places is None or len(places) != total:
                raise self.damaged(f"the plan of batch {batch}")
            self._kept = (batch, places)
        return self._kept[1]

    def tally(self, batch: int) -> bytes | None:
        """What the rows told while ``batch`` was open add up to; None when there were none."""
        rows = self.records(
            "SELECT counts, checksum FROM tallies WHERE batch = ?", (batch,), what=f"the counts of batch {batch}"
        )
        return next((zlib.decompress(packed) for (packed,) in rows), None)

    def open_experiments(self) -> list[tuple[int, int]]:
        """(id, place) of all experiments that were handed out and not yet told or given up, by id."""
        question = "SELECT id, batch, place, asked, checksum FROM open_experiments ORDER BY id"
        return [(number, place) for number, _, place, _ in self.records(question, what="the running experiment {}")]

    def find(self, ids: Sequence[int]) -> dict[int, tuple[State, int | None, int]]:
        """State, batch and place of those experiments that were ever handed out or told."""
        found: dict[int, tuple[State, int | None, int]] = {}
        for start in range(0, len(ids), ASKED_AT_ONCE):
            some = ids[start : start + ASKED_AT_ONCE]
            marks = ", ".join("?" * len(some))
            for table, state in _STATES:
                question = f"SELECT id, batch, place FROM {table} WHERE id IN ({marks})"
                found |= {number: (state, batch, place) for number, batch, place in self.rows(question, some)}
        return found

    def result(self, number: int) -> Result:
        """The told row of an experiment."""
        return next(self._results("WHERE id = ?", (number,)))

    def results(self) -> Iterator[Result]:
        """All told rows by id, one at a time."""
        return self._results("ORDER BY id")

    def _results(self, which: str, values: Sequence[Any] = ()) -> Iterator[Result]:
        return map(row_of, self.records(f"{RESULT} {which}", values, what="the row of experiment {}"))

    def replaced(self) -> list[tuple[int, bytes, str, float, float]]:
        """(id, observed, extra as JSON, when told, when replaced) of all rows that others replaced, in that order."""
        return self.rows("SELECT id, observed, extra, told, replaced FROM amendments ORDER BY number")

    @property
    def amendments(self) -> int:
        """How often a row replaced another."""
        return int(self.value("SELECT COUNT(*) FROM amendments"))

    def totals(self) -> dict[str, Any]:
        """How many experiments were told, run, and were given up; rows beyond the plan, excluded and amended ones."""
        questions = {
            "told": "SELECT COALESCE(SUM(told), 0) FROM batches",
            "abandoned": "SELECT COALESCE(SUM(abandoned), 0) FROM batches",
            "open": "SELECT COUNT(*) FROM open_experiments",
            "extra": "SELECT COUNT(*) FROM results WHERE id < 0",
            "excluded": "SELECT COUNT(*) FROM results WHERE excluded",
            "amended": "SELECT COUNT(*) FROM amendments",
        }
        return {name: self.value(question) for name, question in questions.items()}

    # -- writing: inside a `transaction` ------------------------------------------------------------------------------

    def plan(self, number: int, phase: str, places: Integers) -> None:
        """Add batch ``number``."""
        packed = zlib.compress(places.tobytes(), 1)
        first = self.value("SELECT COALESCE(MAX(first + total), 1) FROM batches")
        self.execute(
            "INSERT INTO batches (number, phase, first, total, places, checksum) VALUES (?, ?, ?, ?, ?, ?)",
            (number, phase, first, len(places), packed, checksum(phase, first, packed)),
        )

    def hand_out(self, batch: StoredBatch, size: int) -> list[tuple[int, int]]:
        """The next ``size`` (id, place) of a batch, marked as handed out."""
        stop = min(batch.total, batch.handed + size)
        places = self.places(batch.number)
        given = [(batch.first + k, int(places[k])) for k in range(batch.handed, stop)]
        now = time.time()
        self.insert("open_experiments", ((number, batch.number, place, now) for number, place in given))
        self.execute("UPDATE batches SET handed = ? WHERE number = ?", (stop, batch.number))
        return given

    def open_at(self, place: int, size: int) -> list[int]:
        """Ids of the first ``size`` open experiments under an intervention."""
        found = self.rows("SELECT id FROM open_experiments WHERE place = ? ORDER BY id LIMIT ?", (place, size))
        return [number for (number,) in found]

    def next_extra(self) -> int:
        """The id of the next row that nobody asked for."""
        return int(self.value("SELECT MIN(0, COALESCE(MIN(id), 0)) - 1 FROM results"))

    def record(self, row: Result) -> None:
        """Keep a told row: its experiment is no longer open or given up."""
        self.execute("DELETE FROM open_experiments WHERE id = ?", (row.id,))
        back = self.execute("DELETE FROM abandoned WHERE id = ?", (row.id,))
        self.insert("results", [_columns(row)])
        if row.batch is not None:
            self.execute(
                "UPDATE batches SET told = told + 1, abandoned = abandoned - ? WHERE number = ?", (back, row.batch)
            )

    def amend(self, old: Result, row: Result) -> None:
        """Put ``row`` in place of the one told before, which is kept."""
        *_, observed, extra, told = _columns(old)
        kept = (old.id, observed, extra, told, row.told)
        self.insert("amendments (id, observed, extra, told, replaced, checksum)", [kept])
        columns = _columns(row)
        self.execute(
            "UPDATE results SET counted_in = ?, excluded = ?, observed = ?, extra = ?, told = ?, checksum = ? "
            "WHERE id = ?",
            (*columns[3:], checksum(*columns), row.id),
        )

    def give_up(self, ids: Iterable[int]) -> None:
        """Mark open experiments as given up."""
        now = time.time()
        for number in ids:
            for batch, place in self.rows("SELECT batch, place FROM open_experiments WHERE id = ?", (number,)):
                self.insert("abandoned", [(number, batch, place, now)])
                self.execute("UPDATE batches SET abandoned = abandoned + 1 WHERE number = ?", (batch,))
                self.execute("DELETE FROM open_experiments WHERE id = ?", (number,))

    def set_tally(self, batch: int, counts: bytes) -> None:
        """Replace the tally of ``batch``."""
        packed = zlib.compress(counts, 1)
        self.execute("REPLACE INTO tallies VALUES (?, ?, ?)", (batch, packed, checksum(packed)))

    def close_batch(self, number: int) -> None:
        """Let the strategy go on from a batch."""
        self.execute("UPDATE batches SET closed = 1 WHERE number = ?", (number,))


RESULT = "SELECT id, batch, place, counted_in, excluded, observed, extra, told, checksum FROM results"
"""All columns of told rows."""


def row_of(record: Sequence[Any]) -> Result:
    """The told row that a record of `RESULT`, without its checksum, holds."""
    number, batch, place, counted_in, excluded, observed, extra, told = record
    return Result(number, batch, place, counted_in, bool(excluded), observed, json.loads(extra), told)


def _columns(row: Result) -> tuple[Any, ...]:
    """The record of a told row: what `row_of` reads."""
    extra = json.dumps(dict(row.extra), ensure_ascii=False, allow_nan=False)
    return row.id, row.batch, row.place, row.counted_in, int(row.excluded), row.observed, extra, row.told


_STATES: tuple[tuple[str, State], ...] = (
    ("open_experiments", "open"),
    ("results", "told"),
    ("abandoned", "abandoned"),
)
"""Which table holds experiments of which state."""

_BATCH = "SELECT number, phase, first, total, handed, told, abandoned, closed FROM batches"


def _batch(row: Sequence[Any]) -> StoredBatch:
    number, phase, first, total, handed, told, abandoned, closed = row
    return StoredBatch(number, phase, first, total, handed, told, abandoned, bool(closed))
