"""The search of a study: what its strategy asks for goes out, what comes back is fed to it batch by batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from causalbandit.arrays import Integers
from causalbandit.counts import Counts
from causalbandit.interventions import InterventionSet
from causalbandit.study.database import StudyError
from causalbandit.study.replay import Replay
from causalbandit.study.sheets import Mismatch, Sheet, still_open
from causalbandit.study.status import StudyStatus, Told
from causalbandit.study.store import Store, StoredBatch
from causalbandit.study.telling import Telling, counts_from
from causalbandit.study.terms import Terms

Planned = tuple[int, str, Integers]
"""Number, phase and places of a batch."""


class SearchStage:
    """The search in a study's file. Its methods that change something run inside a transaction of the store."""

    def __init__(self, store: Store, terms: Terms) -> None:
        self._store, self._terms = store, terms
        self._replay: Replay | None = None
        self._amended = 0

    @property
    def interventions(self) -> InterventionSet:
        """The interventions to choose from."""
        return self._terms.problem.interventions

    def next_plan(self) -> Planned | None:
        """The batch to plan; None when none is due or the strategy has chosen. May take long: not in a transaction."""
        batch = self._store.last_batch()
        if batch is not None and not batch.closed:
            return None
        replay = self.caught_up()
        if replay.asks is None:
            return None
        return len(replay.batches), replay.asks.phase, replay.order()

    def ask(self, planned: Planned | None, n: int | None) -> list[tuple[int, int]] | None:
        """The next experiments as (id, place); None when another process has planned since `next_plan`."""
        store = self._store
        batch = store.last_batch()
        if batch is None or batch.closed:
            if planned is None:
                return []
            number, phase, places = planned
            if number != (0 if batch is None else batch.number + 1):
                return None
            store.plan(number, phase, places)
            batch = store.last_batch()
            assert batch is not None
        return store.hand_out(batch, batch.total if n is None else n)

    def tell(self, sheet: Sheet, extra: bool, amend: bool, on_mismatch: Mismatch) -> Told:
        """Record the rows of a sheet."""
        told = Telling(self.interventions, self._store, sheet, extra, amend, on_mismatch).run()
        return replace(told, closed=self._close_if_complete())

    def abandon(self, ids: Sequence[int]) -> int:
        """Give up open experiments; how many they were."""
        waiting = still_open(ids, {number: found[0] for number, found in self._store.find(ids).items()})
        self._store.give_up(waiting)
        self._close_if_complete()
        return len(waiting)

    def caught_up(self) -> Replay:
        """The strategy, after all closed batches."""
        closed = [batch for batch in self._store.batches() if batch.closed]
        amended = self._store.amendments
        if self._replay is None or amended != self._amended or len(self._replay.batches) > len(closed):
            self._replay, self._amended = Replay(self._terms), amended
        for batch in closed[len(self._replay.batches) :]:
            if amended and self._replay.choice is not None:
                break  # by what was amended it has chosen before this batch
            self._require_same_plan(self._replay, batch)
            self._replay.feed(counts_from(self._store.tally(batch.number), self.interventions))
        return self._replay

    def counts(self) -> Counts:
        """All that counts by now."""
        total = Counts.zeros(self.interventions)
        last = self._store.last_batch()
        for tally in range(0 if last is None else last.number + 2):
            total = total + counts_from(self._store.tally(tally), self.interventions)
        return total

    def status(self) -> StudyStatus:
        """Where the search stands."""
        totals, batch = self._store.totals(), self._store.last_batch()
        closed = batch is not None and batch.closed
        return StudyStatus(
            budget=self._terms.budget,
            **totals,
            batch=0 if batch is None else batch.number + 1,
            phase="" if batch is None else batch.phase,
            waiting=0 if batch is None else batch.total - batch.handed,
            finished=closed and self.caught_up().choice is not None,
            budget_money=self._terms.budget_money,
            money=self._money(),
        )

    def _money(self) -> float | None:
        """What was handed out costs, where the budget is a sum of money."""
        if self._terms.budget_money is None:
            return None
        spending, n = self._terms.spending, len(self.interventions)
        assert spending is not None
        handed = (self._store.places(batch.number)[: batch.handed] for batch in self._store.batches())
        return float(sum(spending.cost(np.bincount(places, minlength=n)) for places in handed))

    def _require_same_plan(self, replay: Replay, batch: StoredBatch) -> None:
        asked = None if replay.asks is None else replay.asks.sizes
        stored = np.bincount(self._store.places(batch.number), minlength=len(self.interventions))
        if asked is None or not (np.array_equal(asked, stored) or self._amended):
            raise StudyError(
                f"Batch {batch.number + 1} was planned otherwise than this version of the strategy plans it: go on "
                "with the version that the study was begun with. Nothing was changed."
            )

    def _close_if_complete(self) -> bool:
        batch = self._store.last_batch()
        if batch is None or batch.closed or batch.handed < batch.total:
            return False
        enough = math.ceil(self._terms.quorum * batch.total)
        if batch.told + batch.abandoned < batch.total and batch.told < enough:
            return False
        self._store.close_batch(batch.number)
        return True
