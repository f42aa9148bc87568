"""Rows that come back: which experiment each belongs to, whether it counts, and where."""

from __future__ import annotations

import struct
import time
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from causalbandit.arrays import Flags
from causalbandit.counts import Counts, Origin
from causalbandit.errors import InvalidArgument, Rows
from causalbandit.interventions import InterventionSet
from causalbandit.study.sheets import EXCLUDE, Mismatch, Sheet, contradictions, counts_of, never_handed_out
from causalbandit.study.status import Told
from causalbandit.study.store import Result, Store


@dataclass(frozen=True)
class Telling:
    """One `tell`, inside its transaction."""

    interventions: InterventionSet
    store: Store
    sheet: Sheet
    allow_extra: bool
    allow_amend: bool
    on_mismatch: Mismatch

    def run(self) -> Told:
        """Record the rows and add them to the tally of the batch that is open; what became of them."""
        last = self.store.last_batch()
        current = 0 if last is None else last.number + last.closed
        homes = self._homes()
        left_out = self._mismatches([place for _, _, place in homes])
        told_before = self.store.find([number for number, _, _ in homes if number > 0])
        late = extra = excluded = repeated = amended = 0
        fresh: list[int] = []
        now = time.time()
        for row, (number, batch, place) in enumerate(homes):
            observed = self.sheet.observed[row].tobytes()
            result = Result(number, batch, place, current, bool(left_out[row]), observed, self.sheet.extra[row], now)
            if told_before.get(number, ("",))[0] == "told":
                changed = self._again(result)
                amended += changed
                repeated += not changed
                continue
            self.store.record(result)
            late += batch is not None and batch < current
            extra += batch is None
            excluded += result.excluded
            if not result.excluded:
                fresh.append(row)
        if fresh:
            new = counts_of(self.interventions, [homes[row][2] for row in fresh], self.sheet.observed[fresh])
            self.store.set_tally(current, counts_bytes(self._tally(current) + new))
        return Told(len(fresh), late, extra, excluded, repeated, amended)

    def _homes(self) -> list[tuple[int, int | None, int]]:
        """Id, batch and place of every row."""
        taken = [number for number in self.sheet.ids if number is not None]
        known = self.store.find(taken)
        unknown = [number for number in taken if number not in known]
        if unknown:
            raise never_handed_out(unknown)
        named = Counter(place for place in self.sheet.places if place is not None)
        waiting = {
            place: [number for number in self.store.open_at(place, count + len(taken)) if number not in known]
            for place, count in named.items()
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

    def _mismatches(self, places: list[int]) -> Flags:
        """Which rows contradict their intervention; an error when such rows are not to be left out."""
        wrong = contradictions(self.interventions, places, self.sheet.observed)
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

    def _again(self, result: Result) -> bool:
        """A row that was told before: whether it amends what was told, or an error where it may not."""
        old = self.store.result(result.id)
        if old.observed == result.observed:
            return False
        if not self.allow_amend:
            fix = "To replace what was told before (it is kept), say that they amend it"
            given = f"tell experiment {result.id} again with other values; nothing was recorded"
            raise InvalidArgument("results", f"{given}. {fix}.")
        total = self._tally(old.counted_in)
        if not old.excluded:
            total = difference(total, self._counts(old))
        if not result.excluded:
            total = total + self._counts(result)
        self.store.set_tally(old.counted_in, counts_bytes(total))
        self.store.amend(old, replace(result, counted_in=old.counted_in))
        return True

    def _tally(self, batch: int) -> Counts:
        return counts_from(self.store.tally(batch), self.interventions)

    def _counts(self, row: Result) -> Counts:
        observed = np.frombuffer(row.observed, dtype=np.uint8)
        return counts_of(self.interventions, [row.place], observed[None, :])


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


def difference(counts: Counts, other: Counts) -> Counts:
    """The experiments of ``counts`` without those of ``other``, which are among them."""
    return Counts(
        counts.visits - other.visits,
        counts.ones - other.ones,
        counts.trials - other.trials,
        counts.successes - other.successes,
    )
