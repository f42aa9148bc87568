"""A study: ask for experiments, tell what they showed, for weeks, from any process, without losing a row."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from causalbandit.checks import instance, number, one_of, whole_number
from causalbandit.confirmation import ConfirmationPlan
from causalbandit.confirmation_results import Confirmation
from causalbandit.decision import Decision
from causalbandit.driver import prepared
from causalbandit.errors import InvalidArgument
from causalbandit.files import write_output
from causalbandit.graph_check.check import GraphCheck, check_graph
from causalbandit.history_use import read_history
from causalbandit.interventions import InterventionSet
from causalbandit.problem import Problem
from causalbandit.randomness import RNG, descendant, seed_sequence
from causalbandit.spending import Limits
from causalbandit.strategies.stopping import StopWhenSure
from causalbandit.strategies.strategy import Strategy
from causalbandit.study.check import StudyCheck
from causalbandit.study.database import StudyError
from causalbandit.study.page import decision_so_far, replaced_frame, rows_frame, study_page
from causalbandit.study.preview import Preview
from causalbandit.study.proof import IDS_ABOVE, Proof
from causalbandit.study.search_stage import SearchStage
from causalbandit.study.sheets import Mismatch, never_handed_out, read_sheet, todo_frame
from causalbandit.study.status import ProofStatus, StudyStatus, Told
from causalbandit.study.store import Store
from causalbandit.study.terms import Terms

if TYPE_CHECKING:
    import pandas as pd

LARGEST_BUDGET = IDS_ABOVE
"""Experiments of one search: each is handed out by itself, with an id."""
PROOF = 3
"""Place of the seed for a confirmation: the strategy has 0, a simulated world 1, the order within batches 2."""


class Study:
    """A campaign in one file. Make it with `create` or `open`; use it as a context manager, or call `close`.

    Everything that `ask`, `tell` and `abandon` report is on the disk. Several processes may use the same file at once.
    """

    def __init__(self, store: Store, terms: Terms) -> None:
        self._store, self._terms = store, terms
        self._search = SearchStage(store, terms)
        self._stage: Proof | None = None

    # -- opening ------------------------------------------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        problem: Problem,
        budget: int | None = None,
        strategy: Strategy | str = "two-phase",
        rng: RNG = None,
        *,
        budget_money: float | None = None,
        limits: Limits | None = None,
        quorum: float = 1.0,
        stop: StopWhenSure | None = None,
        history: Any = None,
        history_interventions: Any = None,
        reduce: bool = True,
    ) -> Study:
        """A new study in a new file.

        Parameters
        ----------
        path : str or path
            The file; one that exists is never overwritten.
        problem : Problem
            Graph, interventions and goal.
        budget : int, optional
            T, the largest number of experiments.
        strategy : Strategy or str
            An object or a name, as in `search`.
        rng : seed, SeedSequence or Generator, optional
            The plan's seed, kept in the file: with the same outcomes the same file gives the same plan.
        budget_money, limits : optional
            In place of ``budget`` a sum of money, and what batches must keep to, as in `search`.
        quorum : float
            Share of a batch that must be told, once all of it was handed out, before the strategy goes on. Rows that
            come later count in the next batch.
        stop : StopWhenSure, optional
            End the study as soon as its data show that the best is found, as in `search`.
        history, history_interventions : optional
            Rows from before, as in `search`. The file keeps them, so that the plan can be made again.
        reduce : bool
            Ask for one intervention only, the cheapest, of each group with the same effect, as in `search`.
        """
        instance(problem, "problem", Problem, "a Problem, from load_problem or Problem(...)")
        if budget is not None:
            whole_number(budget, "budget", least=1, most=LARGEST_BUDGET, of="experiments")
        number(quorum, "quorum", above=0, most=1)
        rows = read_history(problem, history, history_interventions)
        chosen, _, most = prepared(problem, strategy, budget, budget_money, limits, history=rows, reduce=reduce)
        if most > LARGEST_BUDGET:
            buys = f"buys up to {most:,} experiments; a study has at most {LARGEST_BUDGET:,}"
            raise InvalidArgument("budget_money", f"{buys}. Give less, or larger prices.")
        if stop is not None:
            instance(stop, "stop", StopWhenSure, "StopWhenSure(error=0.05, tolerance=0.01)")
        seed = seed_sequence(rng)
        money = None if budget_money is None else float(budget_money)
        terms = Terms(
            problem, chosen, most if budget is None else budget, seed, float(quorum), stop, rows, money, limits, reduce
        )
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
            if store.settings().get("kind") == "design":
                raise StudyError(f"{str(path)!r} holds a running design, no search: open it with DesignStudy.open.")
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

        Notes
        -----
        A confirmation goes first: as long as it has experiments left the search waits.
        """
        if n is not None:
            whole_number(n, "n", least=1, of="experiments")
        while True:
            proof = self._proof()
            planned = self._search.next_plan() if proof is None or proof.ended else None
            with self._changing():
                proof = self._proof()
                if proof is not None and (fresh := proof.ask(n)):
                    return todo_frame(proof.arms, fresh)
                given = self._search.ask(planned, n)
            if given is not None:
                return todo_frame(self.interventions, given)

    def outstanding(self) -> pd.DataFrame:
        """Experiments that were handed out and are neither told nor given up, as `ask` gave them."""
        import pandas as pd

        proof = self._proof()
        frames = [todo_frame(self.interventions, self._store.open_experiments())]
        if proof is not None:
            frames.append(todo_frame(proof.arms, proof.outstanding()))
        return pd.concat(frames, ignore_index=True)

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
        searched, proved = sheet.split(IDS_ABOVE)
        told = Told()
        with self._changing():
            proof = self._proof()
            if searched.ids:
                told += self._search.tell(searched, extra, amend, on_mismatch)
            if proved.ids:
                if proof is None:
                    raise never_handed_out(proved.ids)
                told += proof.tell(proved, amend, on_mismatch)
        return told

    def abandon(self, ids: Any) -> int:
        """Give up experiments that were handed out; how many they were. Their batch goes on without them."""
        given = [whole_number(value, "ids") for value in ids]
        with self._changing():
            proof = self._proof()
            later = [value for value in given if value > IDS_ABOVE and proof is not None]
            count = self._search.abandon([value for value in given if value not in later])
            return count if proof is None else count + proof.abandon(later)

    def status(self) -> StudyStatus:
        """Where the study stands."""
        proof = self._proof()
        return replace(self._search.status(), confirmation=None if proof is None else proof.status())

    def result(self) -> Decision:
        """The decision; a StudyError as long as experiments are missing."""
        return replace(self._decision(), graph_check=self.graph_check())

    def _decision(self) -> Decision:
        """The decision without a check of the graph, which reads every row."""
        replay = self._search.caught_up()
        if replay.choice is None:
            status = self.status()
            raise StudyError(
                f"The study is not finished: {status.told:,} of {status.budget:,} experiments are told, "
                f"{status.open:,} are running. Its preview tells what is known by now."
            )
        return replay.decision()

    def graph_check(self) -> GraphCheck | None:
        """What the counted rows of the search say about the graph; None without any, or when the target alone is told.

        Cost: reads all told rows.
        """
        nodes = list(self.problem.graph.nodes)
        rows = self.rows()
        rows = rows[(rows["stage"] == "search") & rows["counted"].astype(bool) & rows["batch"].notna()]
        if rows.empty or self._terms.strategy.needs == "target" or rows[nodes].isna().any(axis=None):
            return None
        return check_graph(
            self.problem, rows[["batch", "intervention", *nodes]], interventions="intervention", batch="batch"
        )

    def preview(self) -> Preview:
        """What the search would answer now, and what the rows say about the graph."""
        total = self._search.counts()
        if not total.total and self._terms.history is None:
            raise StudyError("Nothing was told yet: there is nothing to preview.")
        return replace(Preview.of(self.problem, total, self._terms.history), graph_check=self.graph_check())

    def confirm(
        self,
        interventions: Sequence[Mapping[str, int]] | Mapping[str, int] | None = None,
        control: Mapping[str, int] | None = None,
        *,
        budget: int,
        rng: RNG = None,
        batch_size: int | None = None,
        reading: str = "exact",
        alpha: float = 0.05,
        covariates: str | Sequence[str] | None = None,
        policy: Any = None,
        delta: Any = None,
        stop_early: bool = True,
    ) -> ProofStatus:
        """Begin a second stage: fresh, randomised experiments that prove chosen interventions against a control.

        From here on `ask` hands out experiments of the confirmation until it ends, and `tell` and `abandon` take their
        ids as well. It may begin before the search has ended; the search goes on after it.

        Parameters
        ----------
        interventions : sequence of mappings, or one mapping, optional
            The chosen interventions; by default the one that the finished search chose.
        control, budget, batch_size, reading, alpha, covariates, stop_early
            As in `confirm`, and so are the looks at the data: told batch by batch, the confirmation is the one that
            `confirm` makes of the same experiments with the same seed.
        rng : seed, SeedSequence or Generator, optional
            The seed of the assignments; by default one that the study's own seed gives.
        policy, delta : optional
            Of the Mixture Adaptive Design, of a kind that the file can hold.

        Returns
        -------
        ProofStatus
            Where it stands: at the beginning.
        """
        chosen = self._decision().best if interventions is None else interventions
        plan = ConfirmationPlan.of(
            self.problem, chosen, control, budget, batch_size, reading, alpha, covariates, stop_early
        )
        seed = descendant(self._terms.seed, PROOF) if rng is None else rng
        design = plan.design(seed_sequence(seed).spawn(2)[0], policy, delta)
        with self._changing() as store:
            self._stage = Proof.begin(store, plan, design)
        return self._stage.status()

    def confirmation(self) -> Confirmation:
        """What the confirmation has proved, by now or for good; a StudyError before its first told row."""
        proof = self._proof()
        if proof is None:
            raise StudyError("The study has no confirmation; confirm(...) begins one.")
        return proof.confirmation()

    def rows(self) -> pd.DataFrame:
        """One row per told experiment, those of the search first.

        Columns: ``id``, ``stage`` ("search" or "confirmation"), ``batch`` (of a search), ``intervention``,
        ``propensity`` (its chance when it was drawn, in a confirmation), the nodes, ``counted``, and what else was
        told.
        """
        proof = self._proof()
        return rows_frame(self.interventions, self._store.results(), proof)

    def replaced(self) -> pd.DataFrame:
        """One row per told row that another replaced (``amend``), in the order in which that happened.

        Columns: ``id``, the nodes, ``told_at`` and ``replaced_at`` (UTC), and what else was told.
        """
        proof = self._proof()
        return replaced_frame(
            self.problem.graph.nodes, [*self._store.replaced(), *([] if proof is None else proof.replaced())]
        )

    def report(self, path: str | os.PathLike[str]) -> None:
        """Write the page of the study, finished or not, to an HTML file (see `causalbandit.report.report_page`)."""
        status, proof = self.status(), self._proof()
        confirmation = None if proof is None or not proof.status().counted else proof.confirmation()
        if status.finished:
            found: Decision | Confirmation = self.result()
        elif confirmation is not None and not status.told:
            found = confirmation
        else:
            found = decision_so_far(self._terms, self._search.caught_up(), self.preview())
        write_output(path, study_page(found, confirmation, status, self._terms, self._store.path.name))

    def check(self) -> StudyCheck:
        """Whether the file is whole, and what is safe in it. Reads every row."""
        return StudyCheck.of(self._store.path)

    # -- inside -------------------------------------------------------------------------------------------------------

    @contextmanager
    def _changing(self) -> Iterator[Store]:
        """A transaction, after whose failure nothing is believed that was not written down."""
        try:
            with self._store.transaction() as store:
                yield store
        except BaseException:
            if self._stage is not None and self._stage.spoilt:
                self._stage = None
            raise

    def _proof(self) -> Proof | None:
        """The confirmation, which another process may have begun."""
        if self._stage is None:
            self._stage = Proof.found(self._store, self.problem)
        return self._stage
