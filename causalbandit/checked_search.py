"""A search whose graph is checked along the way, and repaired when its own experiments refute it.

The plan of a checked search is sent the rows of each batch instead of their counts. It counts them under the graph of
the moment for the strategy, so that after an amendment all rows are read again and none is lost.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add
from typing import ClassVar, Literal

import numpy as np

from causalbandit.arrays import quotients
from causalbandit.counts import Counts
from causalbandit.finished_batches import FinishedBatch, keep_batch
from causalbandit.graph_check.check import GraphCheck
from causalbandit.graph_check.repair import Amendment, amend, best_changes, score
from causalbandit.graph_check.watch import BEFORE, Watch
from causalbandit.history_rows import History
from causalbandit.history_use import UsedHistory
from causalbandit.interventions import InterventionSet
from causalbandit.observed_rows import ObservedRows
from causalbandit.problem import Problem
from causalbandit.propagation import MEMORY
from causalbandit.spending import Spending
from causalbandit.strategies.baselines import SuccessiveRejects
from causalbandit.strategies.earlier import Earlier
from causalbandit.strategies.maximise import Maximisation
from causalbandit.strategies.plans import enough, plan_of
from causalbandit.strategies.posterior import TablePosterior
from causalbandit.strategies.stopping import Watched
from causalbandit.strategies.strategy import Batch, Choice, Plan, Strategy, Task, best_at_random, make_task
from causalbandit.strategies.top_two import TopTwo

EXPERIMENTS_PER_ROW = 3
"""A repaired graph may have budget/3 family rows: with fewer experiments per row, tables are too vague to search by."""

MOST_AMENDMENTS = 8
"""A graph that needs more changes than this is given up, and the arms' own means decide."""

CLEAR = math.log(20)
"""With rows from before, a change must explain the data so much better (a Bayes factor of 20) than the next one."""

PATIENCE = 1 / 3
"""Share of the budget that a search waits for that, since some graphs no intervention of the set tells apart."""


@dataclass(frozen=True, eq=False)
class CheckedRun:
    """What a checked search came to."""

    problem: Problem
    """The problem on the graph of the end."""
    choice: Choice
    """The strategy's choice, on the user's scale."""
    batches: tuple[FinishedBatch, ...]
    """All batches, counted under the graph of the end."""
    check: GraphCheck | None
    """The check of that graph with all rows; None without experiments."""
    amendments: tuple[Amendment, ...]
    """How the graph was changed, in order."""
    history: UsedHistory | None
    """What rows from before counted for."""


def checked_plan(
    problem: Problem,
    strategy: Strategy,
    budget: int,
    rng: np.random.Generator,
    *,
    repair: bool,
    memory: int = MEMORY,
    history: History | None = None,
    spending: Spending | None = None,
    reduce: bool = False,
) -> Generator[Batch, ObservedRows, CheckedRun]:
    """The generator of a checked search: yields batches, is sent their rows, returns what it came to.

    With ``repair`` a refuted graph is amended as soon as it is refuted, and the strategy starts anew on the amended
    graph with what is left of the budget; top-two goes on from all counts so far. A strategy that ignores the graph is
    checked only.

    Rows of a ``history`` are checked beside the experiments, and alone before the first one; they are taken to come
    from the same population. When that explains the data better than any amendment, the history is dropped instead.
    """
    reads_graph = strategy.needs == "rows" and not getattr(strategy, "knows_tables", False)
    before = None if history is None else history.complete_rows(problem.interventions)
    watch = Watch(problem, running=repair and reads_graph, before=before)
    course = _Course(watch, strategy, budget, rng, memory, history, spending, reduce)
    plan = course.repaired() if course.due() else course.start()
    while True:
        try:
            batch = next(plan)
            while True:
                rows = yield batch
                course.add(batch, rows)
                if course.due():
                    break
                batch = plan.send(course.turn.counts(course.counts[-1]))
        except StopIteration as stop:
            return course.finished(stop.value)
        plan.close()
        plan = course.repaired()


@dataclass(eq=False)
class _Course:
    """Where a checked search stands."""

    watch: Watch
    strategy: Strategy
    budget: int
    rng: np.random.Generator
    memory: int
    history: History | None
    spending: Spending | None  # what is left
    reduce: bool
    phases: list[str] = field(default_factory=list)
    counts: list[Counts] = field(default_factory=list)  # of each batch, under the graph of the moment
    amendments: list[Amendment] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    dropped: bool = False  # the history
    given_up: bool = False  # the graph

    @property
    def problem(self) -> Problem:
        return self.watch.problem

    @property
    def turn(self) -> Maximisation:
        return Maximisation.of(self.problem)

    @property
    def inner(self) -> Strategy:
        """The strategy itself, without the rule by which it stops."""
        return self.strategy.strategy if isinstance(self.strategy, Watched) else self.strategy

    @property
    def left(self) -> int:
        if self.spending is not None and not self.spending.plain:
            return self.spending.most_experiments
        return self.budget - self.watch.total

    def task(self) -> Task:
        """The strategy's task under the graph of the moment, which it maximises."""
        earlier = None
        if self.history is not None and not self.dropped:
            earlier = Earlier(self.history.counts(self.problem.interventions))
        task = make_task(self.problem, memory=self.memory, history=earlier, spending=self.spending, reduce=self.reduce)
        return self.turn.task(task)

    def start(self) -> Plan:
        return plan_of(self.strategy, self.task(), self.budget, self.rng)

    def add(self, batch: Batch, rows: ObservedRows) -> None:
        self.phases.append(batch.phase)
        self.watch.add(rows)
        self.counts.append(rows.counts(self.problem.interventions))
        self.spending = None if self.spending is None else self.spending.after(batch.sizes)

    def due(self) -> bool:
        """Whether the graph is refuted and must be amended now.

        Rows from before may refute it without a hint what is wrong: what was only seen fits several graphs. Then a
        search waits for experiments that tell them apart, for a part of its budget.
        """
        spending = self.spending
        used = self.watch.total / self.budget if spending is None else spending.spent / spending.total
        if not self.watch.refuted or self.watch.before is None or used >= PATIENCE:
            return self.watch.refuted
        check = self.watch.check()
        assert check is not None
        best = best_changes(check)
        return len(best) < 2 or best[0].gain - best[1].gain >= CLEAR

    def repaired(self) -> Plan:
        """The plan for what is left, once the graph is amended until the data do not refute it, or given up."""
        while self.due():
            check = self.watch.check()
            assert check is not None
            found = None
            if len(self.amendments) < MOST_AMENDMENTS:
                found = amend(check, max(self.budget // EXPERIMENTS_PER_ROW, 1))
            if self.watch.before is not None and (found is None or self._gain_without_history() > found[0].gain):
                self.dropped, self.watch = True, self.watch.amended(self.problem, without_before=True)
                self.notes.append(
                    f"After {self.watch.total:,} experiments the rows from before were dropped: that they come from "
                    "elsewhere explains the contradictions better than any amendment of the graph."
                )
                continue
            if found is None:
                self.watch.running = self.watch.refuted = False
                self.given_up = True
                self.notes.append(
                    f"After {self.watch.total:,} experiments the graph was given up: no amendment within "
                    f"{self.budget // EXPERIMENTS_PER_ROW:,} family rows explains the data. From there on the "
                    "interventions' own means decide."
                )
                last = _OwnMeans(self.turn.counts(self.total))
                return plan_of(last, self.task(), self.left, self.rng)
            before = self.problem.known_tables
            amendment, problem = found
            self.amendments.append(amendment)
            self.notes.append(amendment.sentence)
            self.watch = self.watch.amended(problem)
            self.counts = [rows.counts(problem.interventions) for rows in self.watch.batches]
            for node in before.keys() - problem.known_tables.keys():
                self.notes.append(f"The table of {node} that was given as known was dropped with that.")
        return self._resumed()

    def _gain_without_history(self) -> float:
        """Log marginal likelihood of all data when those from before have tables of their own, less that when not."""
        rows, arms = self.watch.rows, self.watch.arms
        assert rows is not None
        before = rows.batch == BEFORE
        return score(rows.part(before), arms) + score(rows.part(~before), arms) - score(rows, arms)

    @property
    def total(self) -> Counts:
        """All experiments so far, on the user's scale."""
        return reduce(add, self.counts, Counts.zeros(self.problem.interventions))

    def _resumed(self) -> Plan:
        if not self.phases:  # refuted by the history alone
            return self.start()
        task, strategy, inner = self.task(), self.strategy, self.inner
        if self.left == 0:
            return _no_batch(_plug_in(task, self.turn.counts(self.total), self.rng))
        prior = self.total  # top-two turns it round itself
        if isinstance(inner, TopTwo):
            prior = prior + self._from_before(inner)
            inner = replace(inner, prior=prior, rounds=max(1, inner.rounds - len(self.phases)))
        elif not enough(inner, task, self.left):
            self.notes.append(
                f"{self.left:,} experiments are too few for {inner.name} to start anew on the amended graph: top-two "
                "went on from all data."
            )
            inner = TopTwo(prior=prior, rounds=5)
        again = replace(strategy, strategy=inner) if isinstance(strategy, Watched) else inner
        return plan_of(again, task, self.left, self.rng)

    def _by_all_data(self, choice: Choice) -> bool:
        """Whether a choice after an amendment rests on all experiments: top-two's does, and a promise must be kept."""
        return isinstance(self.inner, TopTwo) or (choice.promise is not None and choice.promise.kept)

    def _from_before(self, strategy: TopTwo) -> Counts:
        """Data that top-two was given before the search, read under the amended graph when they are rows."""
        arms, before = self.problem.interventions, strategy.prior
        if before is None:
            return Counts.zeros(arms)
        if isinstance(before, Counts):
            self.notes.append(
                "The counts that were given as prior cannot be read under the amended graph and were dropped; give "
                "rows instead."
            )
            return Counts.zeros(arms)
        observing = InterventionSet(self.problem.graph, [{}])
        return Counts.from_frame(observing, {}, before).carried_to(observing, arms)

    def finished(self, choice: Choice) -> CheckedRun:
        if self.amendments and self.watch.running and not self._by_all_data(choice):
            by_all = _plug_in(self.task(), self.turn.counts(self.total), self.rng)
            choice = replace(choice, best_index=by_all.best_index, effects=by_all.effects, tables=by_all.tables)
            self.notes.append("The choice goes by all experiments, those before the amendment included.")
        choice = self.turn.choice(choice)
        batches: list[FinishedBatch] = []
        for phase, counts in zip(self.phases, self.counts, strict=True):
            keep_batch(batches, FinishedBatch(phase, counts))
        choice = replace(choice, notes=(*choice.notes, *self.notes))
        used = None
        if self.history is not None:
            by_arms = self.strategy.needs == "target" or self.given_up
            used = UsedHistory.of(self.problem, self.history, self.total, arms=by_arms, dropped=self.dropped)
        return CheckedRun(self.problem, choice, tuple(batches), self.watch.check(), tuple(self.amendments), used)


def _plug_in(task: Task, counts: Counts, rng: np.random.Generator) -> Choice:
    """The choice by the plug-in effects of all counts."""
    posterior = TablePosterior.of(task, counts.visits, counts.ones)
    effects = posterior.propagate(task).effects
    return Choice(best_at_random(effects, rng), effects, posterior.tables(counts.visits))


def _no_batch(choice: Choice) -> Plan:
    return choice
    yield  # a plan is a generator, this one without batches


@dataclass(frozen=True, eq=False)
class _OwnMeans:
    """Successive rejects for what is left when that is enough for it; else the best mean of all experiments so far."""

    counts: Counts
    name: ClassVar[str] = "own means"
    needs: ClassVar[Literal["rows", "target"]] = "target"
    reads_spending: ClassVar[bool] = True

    def smallest_budget(self, task: Task) -> int:
        """None is needed."""
        return 0

    def run(self, task: Task, budget: int, rng: np.random.Generator) -> Plan:
        """The batches of successive rejects, if any."""
        rejects = SuccessiveRejects()
        best: int | None = None
        counts = self.counts
        if enough(rejects, task, budget):
            plan = rejects.run(task, budget, rng)
            try:
                batch = next(plan)
                while True:
                    new = yield batch
                    counts = counts + new
                    batch = plan.send(new)
            except StopIteration as stop:
                best = stop.value.best_index
        trials, successes = task.with_arms(counts.trials, counts.successes)
        if best is None:
            best = best_at_random((successes + 0.5) / (trials + 1.0), rng)
        return Choice(best, quotients(successes, trials, np.nan))
