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
import numpy.typing as npt

from causalbandit.study.database import Database, checksum

Integers = npt.NDArray[np.int64]
ASKED_AT_ONCE = 500
"""Ids in one question: SQLite takes at least 999 parameters."""
State = Literal["open", "told", "abandoned"]


@dataclass(frozen=True)
class StoredBatch:
    """One planned batch.

    Attributes
    ----------
    number : int
        Its place among the study's batches, from 0.
    phase : str
        Which part of the strategy asked.
    first : int
        The id of its first experiment.
    total : int
        Number of its experiments; `Store.places` has their interventions.
    handed, told, abandoned : int
        How many of its experiments were handed out, told and given up.
    closed : bool
        Whether the strategy may go on from it.
    """

    number: int
    phase: str
    first: int
    total: int
    handed: int
    told: int
    abandoned: int
    closed: bool


@dataclass(frozen=True)
class Result:
    """One told row.

    Attributes
    ----------
    id : int
        The experiment; negative for a row that nobody had asked for.
    batch : int or None
        The batch that planned it; None for such a row.
    place : int
        Its intervention's place in the set.
    counted_in : int
        The tally that holds it: that of the batch that was open when it was told.
    excluded : bool
        Whether it was recorded but not counted.
    observed : bytes
        One byte per column that is observed, 0 or 1.
    extra : mapping
        What else the row held.
    told : float
        When, in seconds since 1970.
    """

    id: int
    batch: int | None
    place: int
    counted_in: int
    excluded: bool
    observed: bytes
    extra: Mapping[str, Any]
    told: float


class Store(Database):
    """A study's file, open: its batches, open experiments, told rows and tallies."""

    def __init__(self, path: str | os.PathLike[str], connection: sqlite3.Connection) -> None:
        super().__init__(path, connection)
        self._kept: tuple[int, Integers] | None = None  # the plan that was read last: a batch's plan never changes

    # -- reading ------------------------------------------------------------------------------------------------------

    def batches(self) -> list[StoredBatch]:
        """All batches in order."""
        with self.speaking():
            rows = self._connection.execute(f"{_BATCH} ORDER BY number").fetchall()
        return [_batch(row) for row in rows]

    def last_batch(self) -> StoredBatch | None:
        """The newest batch, or None before the first."""
        with self.speaking():
            row = self._connection.execute(f"{_BATCH} ORDER BY number DESC LIMIT 1").fetchone()
        return None if row is None else _batch(row)

    def places(self, batch: int) -> Integers:
        """The intervention of every experiment of a batch, in the order of their ids, shape [total]."""
        if self._kept is None or self._kept[0] != batch:
            with self.speaking():
                row = self._connection.execute(
                    "SELECT phase, first, total, places, checksum FROM batches WHERE number = ?", (batch,)
                ).fetchone()
            if row[-1] != checksum(*row[:2], row[3]):
                raise self.damaged(f"the plan of batch {batch}")
            places = np.frombuffer(zlib.decompress(row[3]), dtype=np.int64)
            if len(places) != row[2]:
                raise self.damaged(f"the plan of batch {batch}")
            self._kept = (batch, places)
        return self._kept[1]

    def tally(self, batch: int) -> bytes | None:
        """What the rows told while ``batch`` was open add up to; None when there were none."""
        with self.speaking():
            row = self._connection.execute("SELECT counts, checksum FROM tallies WHERE batch = ?", (batch,)).fetchone()
        if row is None:
            return None
        if row[1] != checksum(row[0]):
            raise self.damaged(f"the counts of batch {batch}")
        return bytes(zlib.decompress(row[0]))

    def open_experiments(self) -> list[tuple[int, int]]:
        """(id, place) of all experiments that were handed out and not yet told or given up, by id."""
        rows = self.rows("SELECT id, batch, place, asked, checksum FROM open_experiments ORDER BY id")
        for row in rows:
            if row[-1] != checksum(*row[:-1]):
                raise self.damaged(f"the running experiment {row[0]}")
        return [(number, place) for number, _, place, _, _ in rows]

    def find(self, ids: Sequence[int]) -> dict[int, tuple[State, int | None, int]]:
        """State, batch and place of those experiments that were ever handed out or told."""
        found: dict[int, tuple[State, int | None, int]] = {}
        with self.speaking():
            for start in range(0, len(ids), ASKED_AT_ONCE):
                some = list(ids[start : start + ASKED_AT_ONCE])
                marks = ", ".join("?" * len(some))
                for table, state in _STATES:
                    question = f"SELECT id, batch, place FROM {table} WHERE id IN ({marks})"
                    for number, batch, place in self._connection.execute(question, some):
                        found[number] = (state, batch, place)
        return found

    def result(self, number: int) -> Result | None:
        """The told row of an experiment."""
        with self.speaking():
            row = self._connection.execute(f"{RESULT} WHERE id = ?", (number,)).fetchone()
        return None if row is None else self._result(row)

    def results(self) -> Iterator[Result]:
        """All told rows by id, one at a time."""
        with self.speaking():
            for row in self._connection.execute(f"{RESULT} ORDER BY id"):
                yield self._result(row)

    def replaced(self) -> list[tuple[int, bytes, str, float, float]]:
        """(id, observed, extra as JSON, when told, when replaced) of all rows that others replaced, in that order."""
        return self.rows("SELECT id, observed, extra, told, replaced FROM amendments ORDER BY number")

    @property
    def amendments(self) -> int:
        """How often a row replaced another."""
        with self.speaking():
            return int(self.value("SELECT COUNT(*) FROM amendments"))

    def totals(self) -> dict[str, int]:
        """How many experiments were handed out, told, given up; rows beyond the plan, excluded and amended ones."""
        questions = {
            "handed": "SELECT COALESCE(SUM(handed), 0) FROM batches",
            "told": "SELECT COALESCE(SUM(told), 0) FROM batches",
            "abandoned": "SELECT COALESCE(SUM(abandoned), 0) FROM batches",
            "open": "SELECT COUNT(*) FROM open_experiments",
            "extra": "SELECT COUNT(*) FROM results WHERE id < 0",
            "excluded": "SELECT COUNT(*) FROM results WHERE excluded",
            "amended": "SELECT COUNT(*) FROM amendments",
        }
        with self.speaking():
            return {name: self.value(question) for name, question in questions.items()}

    # -- writing ------------------------------------------------------------------------------------------------------

    def plan(self, number: int, phase: str, places: Sequence[int] | Integers) -> None:
        """Add batch ``number``. Inside a `transaction`."""
        packed = _packed(np.asarray(places, dtype=np.int64))
        first = self.value("SELECT COALESCE(MAX(first + total), 1) FROM batches")
        self._connection.execute(
            "INSERT INTO batches (number, phase, first, total, places, checksum) VALUES (?, ?, ?, ?, ?, ?)",
            (number, phase, first, len(places), packed, checksum(phase, first, packed)),
        )

    def hand_out(self, batch: StoredBatch, size: int) -> list[tuple[int, int]]:
        """The next ``size`` (id, place) of a batch, marked as handed out. Inside a `transaction`."""
        stop = min(batch.total, batch.handed + size)
        places = self.places(batch.number)
        given = [(batch.first + k, int(places[k])) for k in range(batch.handed, stop)]
        now = time.time()
        self._connection.executemany(
            "INSERT INTO open_experiments VALUES (?, ?, ?, ?, ?)",
            [(number, batch.number, place, now, checksum(number, batch.number, place, now)) for number, place in given],
        )
        self._connection.execute("UPDATE batches SET handed = ? WHERE number = ?", (stop, batch.number))
        return given

    def open_at(self, place: int, size: int) -> list[int]:
        """Ids of the first ``size`` open experiments under an intervention."""
        found = self._connection.execute(
            "SELECT id FROM open_experiments WHERE place = ? ORDER BY id LIMIT ?", (place, size)
        )
        return [number for (number,) in found]

    def next_extra(self) -> int:
        """The id of the next row that nobody asked for."""
        return int(self.value("SELECT MIN(0, COALESCE(MIN(id), 0)) - 1 FROM results"))

    def record(self, row: Result) -> None:
        """Keep a told row: its experiment is no longer open or given up. Inside a `transaction`."""
        extra = json.dumps(dict(row.extra), ensure_ascii=False, allow_nan=False)
        self._connection.execute("DELETE FROM open_experiments WHERE id = ?", (row.id,))
        back = self._connection.execute("DELETE FROM abandoned WHERE id = ?", (row.id,)).rowcount
        self._connection.execute(
            "INSERT INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                row.id, row.batch, row.place, row.counted_in, int(row.excluded), row.observed, extra, row.told,
                _sum_of(row, extra),
            ),
        )  # fmt: skip
        if row.batch is not None:
            self._connection.execute(
                "UPDATE batches SET told = told + 1, abandoned = abandoned - ? WHERE number = ?", (back, row.batch)
            )

    def amend(self, old: Result, row: Result) -> None:
        """Put ``row`` in place of the one told before, which is kept. Inside a `transaction`."""
        before = json.dumps(dict(old.extra), ensure_ascii=False, allow_nan=False)
        kept = (old.id, old.observed, before, old.told, row.told)
        extra = json.dumps(dict(row.extra), ensure_ascii=False, allow_nan=False)
        self._connection.execute(
            "INSERT INTO amendments (id, observed, extra, told, replaced, checksum) VALUES (?, ?, ?, ?, ?, ?)",
            (*kept, checksum(*kept)),
        )
        self._connection.execute(
            "UPDATE results SET observed = ?, extra = ?, excluded = ?, counted_in = ?, told = ?, checksum = ? "
            "WHERE id = ?",
            (row.observed, extra, int(row.excluded), row.counted_in, row.told, _sum_of(row, extra), row.id),
        )

    def give_up(self, ids: Iterable[int]) -> None:
        """Mark open experiments as given up. Inside a `transaction`."""
        now = time.time()
        for number in ids:
            found = self._connection.execute("SELECT batch, place FROM open_experiments WHERE id = ?", (number,))
            for batch, place in found.fetchall():
                row = (number, batch, place, now)
                self.execute("INSERT INTO abandoned VALUES (?, ?, ?, ?, ?)", (*row, checksum(*row)))
                self.execute("UPDATE batches SET abandoned = abandoned + 1 WHERE number = ?", (batch,))
                self.execute("DELETE FROM open_experiments WHERE id = ?", (number,))

    def set_tally(self, batch: int, counts: bytes) -> None:
        """Replace the tally of ``batch``. Inside a `transaction`."""
        packed = zlib.compress(counts, 1)
        self._connection.execute(
            "INSERT INTO tallies VALUES (?, ?, ?) ON CONFLICT (batch) DO UPDATE SET counts = excluded.counts, "
            "checksum = excluded.checksum",
            (batch, packed, checksum(packed)),
        )

    def close_batch(self, number: int) -> None:
        """Let the strategy go on from a batch. Inside a `transaction`."""
        self._connection.execute("UPDATE batches SET closed = 1 WHERE number = ?", (number,))

    def _result(self, row: tuple[Any, ...]) -> Result:
        if not row_is_whole(row):
            raise self.damaged(f"the row of experiment {row[0]}")
        return row_of(row)


def row_of(row: Sequence[Any]) -> Result:
    """The told row that a row of `RESULT` holds."""
    number, batch, place, counted_in, excluded, observed, extra, told, _ = row
    return Result(number, batch, place, counted_in, bool(excluded), observed, json.loads(extra), told)


def row_is_whole(row: Sequence[Any]) -> bool:
    """Whether a row of `RESULT` matches its checksum, the last column."""
    number, batch, place, counted_in, excluded, observed, extra, told, kept = row
    return bool(kept == checksum(number, batch, place, counted_in, excluded, observed, extra, told))


def _sum_of(row: Result, extra: str) -> int:
    return checksum(row.id, row.batch, row.place, row.counted_in, int(row.excluded), row.observed, extra, row.told)


_BATCH = "SELECT number, phase, first, total, handed, told, abandoned, closed FROM batches"
_STATES: tuple[tuple[str, State], ...] = (
    ("open_experiments", "open"),
    ("results", "told"),
    ("abandoned", "abandoned"),
)
"""Which table holds experiments of which state."""

RESULT = "SELECT id, batch, place, counted_in, excluded, observed, extra, told, checksum FROM results"
"""All columns of told rows."""


def _batch(row: tuple[Any, ...]) -> StoredBatch:
    number, phase, first, total, handed, told, abandoned, closed = row
    return StoredBatch(number, phase, first, total, handed, told, abandoned, bool(closed))


def _packed(places: Integers) -> bytes:
    return zlib.compress(places.tobytes(), 1)
