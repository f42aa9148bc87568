"""A study: ask for experiments, tell what they showed, for weeks, from any process, without losing a row."""

from __future__ import annotations

import math
import os
import time
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from causalbandit.checks import instance, number, one_of, whole_number
from causalbandit.counts import Counts
from causalbandit.decision import Decision
from causalbandit.driver import concluded, prepared
from causalbandit.errors import InvalidArgument, listing
from causalbandit.files import write_output
from causalbandit.finished_batches import FinishedBatch
from causalbandit.inference.plug_in import PlugIn
from causalbandit.interventions import InterventionSet
from causalbandit.problem import Problem
from causalbandit.randomness import RNG, seed_sequence
from causalbandit.report import report_page
from causalbandit.strategies.stopping import StopWhenSure
from causalbandit.strategies.strategy import Choice, Strategy
from causalbandit.study.database import StudyError
from causalbandit.study.preview import Preview
from causalbandit.study.replay import Replay
from causalbandit.study.sheets import NOT_SEEN, Mismatch, read_sheet, todo_frame
from causalbandit.study.status import StudyCheck, StudyStatus, Told
from causalbandit.study.store import Store, StoredBatch
from causalbandit.study.telling import Telling, counts_from
from causalbandit.study.terms import Terms

if TYPE_CHECKING:
    import pandas as pd

LARGEST_BUDGET = 10**7
"""Experiments of one study: each is handed out by itself, with an id."""


class Study:
    """A campaign in one file. Make it with `create` or `open`; use it as a context manager, or call `close`.

    Everything that `ask`, `tell` and `abandon` report is on the disk. Several processes may use the same file at once.
    """

    def __init__(self, store: Store, terms: Terms) -> None:
        self._store, self._terms = store, terms
        self._replay: Replay | None = None

    # -- opening ------------------------------------------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        problem: Problem,
        budget: int,
        strategy: Strategy | str = "two-phase",
        rng: RNG = None,
        *,
        quorum: float = 1.0,
        stop: StopWhenSure | None = None,
    ) -> Study:
        """A new study in a new file.

        Parameters
        ----------
        path : str or path
            The file; one that exists is never overwritten.
        problem : Problem
            Graph, interventions and goal.
        budget : int
            T, the largest number of experiments.
        strategy : Strategy or str
            An object or a name, as in `search`.
        rng : seed, SeedSequence or Generator, optional
            The plan's seed, kept in the file: with the same outcomes the same file gives the same plan.
        quorum : float
            Share of a batch that must be told, once all of it was handed out, before the strategy goes on. Rows that
            come later count in the next batch.
        stop : StopWhenSure, optional
            End the study as soon as its data show that the best is found, as in `search`.
        """
        instance(problem, "problem", Problem, "a Problem, from load_problem or Problem(...)")
        whole_number(budget, "budget", least=1, most=LARGEST_BUDGET, of="experiments")
        number(quorum, "quorum", above=0, most=1)
        chosen, _, budget = prepared(problem, strategy, budget)
        if stop is not None:
            instance(stop, "stop", StopWhenSure, "StopWhenSure(error=0.05, tolerance=0.01)")
        seed = seed_sequence(rng)
        terms = Terms(problem, chosen, budget, seed, float(quorum), stop)
        return cls(Store.create(path, terms.to_settings() | {"created": repr(time.time())}), terms)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        problem: Problem | None = None,
        strategy: Strategy | str | None = None,
        rng: RNG = None,
    ) -> Study:
        """The study in a file. What is given beside the path must be what it was created with."""
        store = Store.open(path)
        try:
            terms = Terms.from_settings(store.settings(), strategy)
            terms.require(problem, rng)
        except BaseException:
            store.close()
            raise
        return cls(store, terms)

    def close(self) -> None:
        """Give the file back."""
        self._store.close()

    def __enter__(self) -> Study:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def problem(self) -> Problem:
        """The problem that is studied."""
        return self._terms.problem

    @property
    def interventions(self) -> InterventionSet:
        """The interventions to choose from."""
        return self._terms.problem.interventions

    # -- the campaign -------------------------------------------------------------------------------------------------

    def ask(self, n: int | None = None) -> pd.DataFrame:
        """Experiments to run now, each with an id that no other call gets; at most ``n`` of them.

        Returns
        -------
        pandas.DataFrame
            The column ``id``, then per node the value to fix, or <NA> where it is left alone. Without rows when the
            study is finished or waits for what was handed out before.
        """
        if n is not None:
            whole_number(n, "n", least=1, of="experiments")
        while True:
            planned = self._next_plan()
            with self._store.transaction() as store:
                batch = store.last_batch()
                if batch is None or batch.closed:
                    if planned is None:
                        return todo_frame(self.interventions, [])
                    place, phase, places = planned
                    if place != (0 if batch is None else batch.number + 1):
                        continue  # another process was quicker: look again
                    store.plan(place, phase, places)
                    batch = store.last_batch()
                    assert batch is not None
                given = store.hand_out(batch, batch.total if n is None else n)
            return todo_frame(self.interventions, given)

    def outstanding(self) -> pd.DataFrame:
        """Experiments that were handed out and are neither told nor given up, as `ask` gave them."""
        return todo_frame(self.interventions, self._store.open_experiments())

    def tell(
        self, results: pd.DataFrame, *, extra: bool = False, amend: bool = False, on_mismatch: Mismatch = "error"
    ) -> Told:
        """Record what experiments showed: all the rows or, after an error, none.

        Parameters
        ----------
        results : pandas.DataFrame
            A row per experiment, in any order: the column ``id``, or ``intervention`` with a label for rows without
            one; a 0/1 column per node, the target and its ancestors at least. Other columns are kept.
        extra : bool
            Accept rows of interventions for which no experiment is open.
        amend : bool
            Let a row replace one that was told before with other values; the old one is kept.
        on_mismatch : {"error", "exclude"}
            What to do with a row that shows a fixed node at another value: refuse it, or record it without counting it.
        """
        one_of(on_mismatch, "on_mismatch", ("error", "exclude"))
        sheet = read_sheet(self.interventions, results)
        with self._store.transaction() as store:
            told = Telling(self.interventions, store, sheet, extra, amend, on_mismatch).run()
            closed = self._close_if_complete(store)
        if told.amended:
            self._replay = None  # what the strategy was sent may have changed
        return Told(told.counted, told.late, told.extra, told.excluded, told.repeated, told.amended, closed)

    def abandon(self, ids: Any) -> int:
        """Give up experiments that were handed out; how many they were. Their batch goes on without them."""
        given = [whole_number(value, "ids") for value in ids]
        with self._store.transaction() as store:
            found = store.find(given)
            wrong = [value for value in given if found.get(value, ("unknown",))[0] not in ("open", "abandoned")]
            if wrong:
                state = found.get(wrong[0], ("never handed out",))[0]
                raise InvalidArgument(
                    "ids", f"hold {listing(wrong)}: {wrong[0]} is {state}; expected experiments that are open."
                )
            open_ids = [value for value in dict.fromkeys(given) if found[value][0] == "open"]
            store.give_up(open_ids)
            self._close_if_complete(store)
        return len(open_ids)

    def status(self) -> StudyStatus:
        """Where the study stands."""
        totals, batch = self._store.totals(), self._store.last_batch()
        closed = batch is not None and batch.closed
        return StudyStatus(
            self._terms.budget,
            totals["told"],
            totals["open"],
            totals["abandoned"],
            totals["extra"],
            totals["excluded"],
            totals["amended"],
            0 if batch is None else batch.number + 1,
            "" if batch is None else batch.phase,
            0 if batch is None else batch.total - batch.handed,
            closed and self._caught_up().choice is not None,
        )

    def result(self) -> Decision:
        """The decision; a StudyError as long as experiments are missing."""
        replay = self._caught_up()
        if replay.choice is None:
            status = self.status()
            raise StudyError(
                f"The study is not finished: {status.told:,} of {status.budget:,} experiments are told, "
                f"{status.open:,} are running. preview() tells what is known by now."
            )
        return replay.decision()

    def preview(self) -> Preview:
        """What the study would answer now."""
        total = Counts.zeros(self.interventions)
        last = self._store.last_batch()
        for tally in range(0 if last is None else last.number + 2):
            total = total + counts_from(self._store.tally(tally), self.interventions)
        if not total.total:
            raise StudyError("Nothing was told yet: there is nothing to preview.")
        return Preview.of(self.problem, total)

    def rows(self) -> pd.DataFrame:
        """One row per told experiment: ``id``, ``batch``, ``intervention``, the nodes, ``counted``, and the rest."""
        import pandas as pd

        nodes, labels = self.problem.graph.nodes, self.interventions.labels
        records = []
        for result in self._store.results():
            seen = {
                node: None if value == NOT_SEEN else value for node, value in zip(nodes, result.observed, strict=True)
            }
            head = {
                "id": result.id,
                "batch": None if result.batch is None else result.batch + 1,
                "intervention": labels[result.place],
            }
            records.append(head | seen | {"counted": not result.excluded} | dict(result.extra))
        frame = pd.DataFrame(records, columns=None if records else ["id", "batch", "intervention", *nodes, "counted"])
        return frame.astype(dict.fromkeys(("batch", *nodes), "Int64"))

    def report(self, path: str | os.PathLike[str]) -> None:
        """Write the page of the study, finished or not, to an HTML file (see `causalbandit.report.report_page`)."""
        status = self.status()
        decision = self.result() if status.finished else self._decision_so_far()
        provenance = {"seed": self._terms.seed.entropy, "study": self._store.path.name, **_counted(status)}
        write_output(path, report_page(decision, provenance=provenance, state=status.summary().splitlines()[0] + "."))

    def _decision_so_far(self) -> Decision:
        """The best guess from what is told, in the form of a decision, for the page of a study that runs."""
        preview = self.preview()
        replay = self._caught_up()
        effects = PlugIn.of(self.interventions, preview.counts).effects
        batches = [*replay.batches]
        told = sum((batch.counts.total for batch in batches), 0)
        if preview.counts.total > told:
            known = reduce(add, (batch.counts for batch in batches), Counts.zeros(self.interventions))
            batches.append(FinishedBatch("running", _difference(preview.counts, known)))
        note = f"The study is not finished: {preview.probability:.2f} is the probability that this guess is the best."
        choice = Choice(preview.best_index, effects, notes=(note,))
        return concluded(self.problem, self._terms.strategy, self._terms.budget, choice, batches)

    def check(self) -> StudyCheck:
        """Whether the file is whole, and what is safe in it. Reads every row."""
        return StudyCheck(str(self._store.path), tuple(self._store.damages()), self._store.totals())

    # -- inside -------------------------------------------------------------------------------------------------------

    def _next_plan(self) -> tuple[int, str, npt.NDArray[np.int64]] | None:
        """Number, phase and places of the batch to plan; None when none is due or the strategy has chosen."""
        batch = self._store.last_batch()
        if batch is not None and not batch.closed:
            return None
        replay = self._caught_up()
        if replay.asks is None:
            return None
        return len(replay.batches), replay.asks.phase, replay.order()

    def _caught_up(self) -> Replay:
        """The strategy, after all closed batches."""
        closed = [batch for batch in self._store.batches() if batch.closed]
        if self._replay is None or len(self._replay.batches) > len(closed):
            self._replay = Replay(self._terms)
        for batch in closed[len(self._replay.batches) :]:
            self._require_same_plan(self._replay, batch)
            self._replay.feed(counts_from(self._store.tally(batch.number), self.interventions))
        return self._replay

    def _require_same_plan(self, replay: Replay, batch: StoredBatch) -> None:
        asked = None if replay.asks is None else replay.asks.sizes
        stored = np.bincount(self._store.places(batch.number), minlength=len(self.interventions))
        if asked is None or not (np.array_equal(asked, stored) or self._store.totals()["amended"]):
            raise StudyError(
                f"Batch {batch.number + 1} was planned otherwise than this version of the strategy plans it: go on "
                "with the version that the study was begun with. Nothing was changed."
            )

    def _close_if_complete(self, store: Store) -> bool:
        batch = store.last_batch()
        if batch is None or batch.closed or batch.handed < batch.total:
            return False
        enough = math.ceil(self._terms.quorum * batch.total)
        if batch.told + batch.abandoned < batch.total and batch.told < enough:
            return False
        store.close_batch(batch.number)
        return True


def _counted(status: StudyStatus) -> dict[str, object]:
    return {
        "rows": f"{status.told + status.extra:,} told, {status.excluded:,} of them left out, {status.amended:,} amended"
    }


def _difference(counts: Counts, other: Counts) -> Counts:
    return Counts(
        counts.visits - other.visits,
        counts.ones - other.ones,
        counts.trials - other.trials,
        counts.successes - other.successes,
    )
