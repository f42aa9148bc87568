"""Rows that come back: which experiment each belongs to, whether it counts, and where."""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from causalbandit.counts import Counts, Origin
from causalbandit.errors import InvalidArgument, Rows
from causalbandit.interventions import InterventionSet
from causalbandit.study.sheets import EXCLUDE, Mismatch, Sheet, contradictions, counts_of, never_handed_out
from causalbandit.study.status import Told
from causalbandit.study.store import Result, Store


@dataclass
class Telling:
    """One `tell`, inside its transaction."""

    interventions: InterventionSet
    store: Store
    sheet: Sheet
    allow_extra: bool
    allow_amend: bool
    on_mismatch: Mismatch
    counted: int = 0
    late: int = 0
    extra: int = 0
    excluded: int = 0
    repeated: int = 0
    amended: int = 0

    def run(self) -> Telling:
        """Record the rows and add them to the tally of the batch that is open."""
        last = self.store.last_batch()
        current = 0 if last is None else last.number + last.closed
        homes = self._homes()
        left_out = self._mismatches([place for _, _, place in homes])
        told_before = self.store.find([row for row, _, _ in homes if row > 0])
        fresh: list[int] = []
        now = time.time()
        for row, (identity, batch, place) in enumerate(homes):
            observed = self.sheet.observed[row].tobytes()
            result = Result(identity, batch, place, current, bool(left_out[row]), observed, self.sheet.extra[row], now)
            if told_before.get(identity, ("",))[0] == "told":
                self._again(result)
                continue
            self.store.record(result)
            self.late += batch is not None and batch < current
            self.extra += batch is None
            self.excluded += bool(left_out[row])
            if not left_out[row]:
                fresh.append(row)
        self.counted = len(fresh)
        self._add(current, fresh, [place for _, _, place in homes])
        return self

    def told(self) -> Told:
        """What became of the rows."""
        return Told(self.counted, self.late, self.extra, self.excluded, self.repeated, self.amended)

    def _homes(self) -> list[tuple[int, int | None, int]]:
        """Id, batch and place of every row."""
        known = self.store.find([number for number in self.sheet.ids if number is not None])
        unknown = [number for number in self.sheet.ids if number is not None and number not in known]
        if unknown:
            raise never_handed_out(unknown)
        named: dict[int, list[int]] = {}
        for place in self.sheet.places:
            if place is not None:
                named[place] = [*named.get(place, []), place]
        taken = {number for number in self.sheet.ids if number is not None}
        waiting = {
            place: [number for number in self.store.open_at(place, len(rows) + len(taken)) if number not in taken]
            for place, rows in named.items()
        }
        opened = self.store.find([number for ids in waiting.values() for number in ids])
        homes: list[tuple[int, int | None, int]] = []
        next_extra = self.store.next_extra()
        beyond = 0
        for given, place in zip(self.sheet.ids, self.sheet.places, strict=True):
            if given is not None:
                homes.append((given, known[given][1], known[given][2]))
            elif place is not None and waiting[place]:
                chosen = waiting[place].pop(0)
                homes.append((chosen, opened[chosen][1], place))
            else:
                assert place is not None
                homes.append((next_extra - beyond, None, place))
                beyond += 1
        if beyond and not self.allow_extra:
            fix = "expected no more than was asked for. To count them all the same, say that they are extra"
            said = f"hold {beyond} rows more than experiments are open under their interventions"
            raise InvalidArgument("results", f"{said}; {fix}.")
        return homes

    def _mismatches(self, places: list[int]) -> npt.NDArray[np.bool_]:
        """Which rows contradict their intervention; an error when such rows are not to be left out."""
        wrong = np.zeros(len(places), dtype=bool)
        at = np.array(places)
        for place in np.unique(at):
            rows = np.flatnonzero(at == place)
            wrong[rows] = contradictions(self.interventions, int(place), self.sheet.observed[rows])
        if wrong.any() and self.on_mismatch == "error":
            row = int(np.flatnonzero(wrong)[0])
            raise InvalidArgument(
                "results",
                f"contradict their intervention in {int(wrong.sum())} rows, first in ",
                Rows([self.sheet.rows[row]]),
                f": it was run under {self.interventions.labels[places[row]]}. Correct them, or record them without "
                "counting them (",
                EXCLUDE,
                ").",
            )
        return wrong

    def _again(self, result: Result) -> None:
        """A row that was told before: the same, or an amendment."""
        old = self.store.result(result.id)
        assert old is not None
        if old.observed == result.observed:
            self.repeated += 1
            return
        if not self.allow_amend:
            fix = "To replace what was told before (it is kept), say that they amend it"
            given = f"tell experiment {result.id} again with other values; nothing was recorded"
            raise InvalidArgument("results", f"{given}. {fix}.")
        before = counts_from(self.store.tally(old.counted_in), self.interventions)
        for row, sign in ((old, -1), (result, 1)):
            if not row.excluded:
                observed = np.frombuffer(row.observed, dtype=np.uint8)[None, :]
                before = _added(before, counts_of(self.interventions, row.place, observed), sign)
        self.store.set_tally(old.counted_in, counts_bytes(before))
        self.store.amend(old, replace(result, counted_in=old.counted_in))
        self.amended += 1

    def _add(self, tally: int, rows: list[int], places: list[int]) -> None:
        if not rows:
            return
        total = counts_from(self.store.tally(tally), self.interventions)
        at = np.array([places[row] for row in rows])
        observed = self.sheet.observed[rows]
        for place in np.unique(at):
            total = total + counts_of(self.interventions, int(place), observed[at == place])
        self.store.set_tally(tally, counts_bytes(total))


def counts_bytes(counts: Counts) -> bytes:
    arrays = (counts.visits, counts.ones, counts.trials, counts.successes)
    return struct.pack("<4q", *map(len, arrays)) + b"".join(array.astype("<i8").tobytes() for array in arrays)


def counts_from(data: bytes | None, interventions: InterventionSet) -> Counts:
    if data is None:
        return Counts.zeros(interventions)
    lengths = struct.unpack_from("<4q", data)
    arrays = np.split(np.frombuffer(data, dtype="<i8", offset=32), np.cumsum(lengths)[:-1])
    visits, ones, trials, successes = (array.astype(np.int64) for array in arrays)
    return Counts(visits, ones, trials, successes, Origin.of(interventions))


def _added(counts: Counts, other: Counts, sign: int) -> Counts:
    return Counts(
        counts.visits + sign * other.visits,
        counts.ones + sign * other.ones,
        counts.trials + sign * other.trials,
        counts.successes + sign * other.successes,
    )
