"""What a strategy is: told a task, it yields batches of experiments, is sent their counts, and returns a choice.

A strategy is a generator, so that it reads from top to bottom like the pseudocode of its paper and never knows who
runs the experiments. The driver feeds it (`causalbandit.driver`).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import numpy as np

from causalbandit.arrays import Flags, Floats, Integers, Numbers
from causalbandit.checks import whole_number
from causalbandit.counts import Counts
from causalbandit.errors import InvalidArgument, listing
from causalbandit.graph import CausalGraph, Family
from causalbandit.interventions import InterventionSet
from causalbandit.known_tables import Known
from causalbandit.learned_rows import LearnedRows, teaching
from causalbandit.problem import Goal, Problem
from causalbandit.propagation import MEMORY
from causalbandit.representatives import Representatives
from causalbandit.spending import MOST_EXPERIMENTS, Spending
from causalbandit.strategies.earlier import Earlier

if TYPE_CHECKING:
    from causalbandit.strategies.mixture import Mixture
    from causalbandit.strategies.stopping import Promise

SAME = 1e-12
"""Probabilities this near to each other are equal but for rounding, which differs between machines."""


@dataclass(frozen=True, eq=False)
class Batch:
    """A plan: how many experiments to run under each intervention before the strategy decides anew.

    Attributes
    ----------
    sizes : numpy.ndarray of int64, shape [A]
        Number of experiments under each intervention of the set.
    phase : str
        Which part of the strategy asks, for reports.
    families : tuple of Family, optional
        The families whose counts the strategy will read of this batch; None means all. Whoever runs the experiments may
        tell all counts in any case. The simulator draws as much as is read, and the rest when the search has ended.
    """

    sizes: Integers
    phase: str
    families: tuple[Family, ...] | None = None

    @property
    def total(self) -> int:
        """Number of experiments in the batch."""
        return int(self.sizes.sum())


@dataclass(frozen=True, eq=False)
class Task:
    """What a strategy may know before the first experiment.

    Attributes
    ----------
    graph : CausalGraph
        The graph.
    interventions : InterventionSet
        The A interventions to choose from.
    known : numpy.ndarray of float, shape [C]
        Table values that are given, NaN elsewhere.
    memory : int
        Bound on working memory of one propagation, in bytes.
    goal : {"max", "min"}
        What the user wants. A strategy maximises in any case (see `Maximisation`); it needs this to read data that its
        user gave it.
    history : Earlier, optional
        Rows from before the search, of the target as the strategy sees it. A strategy that uses them says so by an
        attribute ``reads_history``.
    spending : Spending, optional
        The budget, where it is a sum of money or has limits. A strategy that plans by its `purse` says so by an
        attribute ``reads_spending``; another is told a number of experiments that keeps to it in any case.
    reduce : bool
        Whether one intervention of each group with the same effect is enough to search among (see `searched`).
    """

    graph: CausalGraph
    interventions: InterventionSet
    known: Floats
    memory: int = MEMORY
    goal: Goal = "max"
    history: Earlier | None = None
    spending: Spending | None = None
    reduce: bool = False

    @cached_property
    def representatives(self) -> Representatives | None:
        """The interventions that stand for groups with the same effect; None where all are searched.

        With limits all are: those on the experiments of one kind make several of a kind worth having.
        """
        limits = self.spending is not None and self.spending.limits.asked
        if not self.reduce or limits or len(self.interventions.groups) == len(self.interventions):
            return None
        return Representatives.of(self.interventions)

    @cached_property
    def searched(self) -> Task:
        """The task that the strategy is told: this one, or the same among the `representatives` alone."""
        chosen, before, spending = self.representatives, self.history, self.spending
        if chosen is None:
            return self
        return replace(
            self,
            interventions=chosen.reduced,
            known=self.known[chosen.rows],
            history=None if before is None else Earlier(chosen.counts(before.counts)),
            spending=None if spending is None else spending.among(chosen.places),
            reduce=False,
        )

    @property
    def purse(self) -> Spending | None:
        """What may be spent on what, unless a number of experiments says it all."""
        return None if self.spending is None or self.spending.plain else self.spending

    def with_rows(self, visits: Integers, ones: Integers) -> tuple[Numbers, Numbers]:
        """Visits and ones of a search, [C] each, and by weight those of its history, if it has one."""
        return (visits, ones) if self.history is None else self.history.with_rows(visits, ones)

    def evidence(self, visits: Integers, ones: Integers) -> Floats | None:
        """Visits that the variance of each row goes by, [C]; None without a history: they are those of the search."""
        return None if self.history is None else self.history.row_evidence(visits, ones)

    def with_arms(self, trials: Integers, successes: Integers) -> tuple[Numbers, Numbers]:
        """Trials and successes of a search, [A] each, and by weight those of its history, if it has one."""
        return (trials, successes) if self.history is None else self.history.with_arms(trials, successes)

    @cached_property
    def rows(self) -> LearnedRows:
        """Which of the C family rows some intervention can reach, and which must be learned."""
        return LearnedRows.of(self.interventions, self.known)

    @property
    def learned(self) -> Flags:
        """Which of the C family rows must be learned, shape [C]."""
        return self.rows.flags

    @cached_property
    def teaches(self) -> Flags:
        """Which interventions can reach a row that must be learned, shape [A]; all where there is none."""
        if np.isnan(self.known).all() or not self.learned.any():
            return np.ones(len(self.interventions), dtype=bool)
        return teaching(self.interventions, self.learned)

    @property
    def n_learned(self) -> int:
        """Number of family rows that must be learned: the C of Yabe et al. (2018) with their Remarks 3 and 5."""
        return self.rows.number


@dataclass(frozen=True, eq=False)
class Tables:
    """What a search learned about the conditional probability tables; all arrays have shape [C].

    Attributes
    ----------
    cpt : numpy.ndarray of float
        Estimated P(node = 1 | configuration).
    visits : numpy.ndarray of int64
        Experiments behind each estimate, those of a history left out.
    known : numpy.ndarray of bool
        Rows that were given, not estimated.
    truncated : numpy.ndarray of bool, shape [C, 2]
        Outcomes (0 and 1) of a row that were set to probability 0 while planning, because they are too rare.
    negligible : numpy.ndarray of bool
        Rows that no intervention reaches often enough to be worth experiments.
    """

    cpt: Floats
    visits: Integers
    known: Flags
    truncated: Flags | None = None
    negligible: Flags | None = None


@dataclass(frozen=True, eq=False)
class Choice:
    """What a strategy returns: the intervention with the largest effect, and what it learned on the way.

    Attributes
    ----------
    best_index : int
        Place of the chosen intervention in the set.
    effects : numpy.ndarray of float, shape [A], optional
        Estimated P(target = 1 | do(a)); NaN for interventions of which the strategy has no estimate.
    tables : Tables, optional
        Estimated conditional probability tables, when the strategy learns them.
    mixture : Mixture, optional
        The planned mixture of interventions with its certificate, when the strategy plans one.
    notes : tuple of str
        Sentences about what did not go as usual.
    promise : Promise, optional
        What may be said of the choice, when the search was to stop when sure.
    """

    best_index: int
    effects: Floats | None = None
    tables: Tables | None = None
    mixture: Mixture | None = None
    notes: tuple[str, ...] = ()
    promise: Promise | None = None


Plan = Generator[Batch, Counts, Choice]
"""A running strategy: yields batches, is sent the counts of each, returns its choice."""


@runtime_checkable
class Strategy(Protocol):
    """A search strategy. Implementations are frozen dataclasses: their fields are their parameters."""

    @property
    def name(self) -> str:
        """Short name, as in the table of strategies."""
        ...

    @property
    def needs(self) -> Literal["rows", "target"]:
        """ "rows" when it learns from all nodes; "target" when outcomes of the target alone are enough."""
        ...

    def smallest_budget(self, task: Task) -> int:
        """The least number of experiments with which the strategy can work."""
        ...

    def run(self, task: Task, budget: int, rng: np.random.Generator) -> Plan:
        """The generator that looks for the intervention with the largest effect."""
        ...


def make_task(
    problem: Problem,
    known: Known | None = None,
    memory: int = MEMORY,
    history: Earlier | None = None,
    spending: Spending | None = None,
    *,
    reduce: bool = False,
) -> Task:
    """What may be known of ``problem``: graph and interventions, and its known tables, of the target as it is.

    ``known`` adds further ones (`Problem.with_known`). For a strategy `Maximisation.task` turns the task.
    """
    if known is not None:
        problem = problem.with_known(known)
    whole_number(memory, "memory", of="bytes")
    interventions = problem.interventions
    if 8 * interventions.n_family_rows > memory:
        widest = max(interventions.families, key=lambda family: len(family.parents))
        raise InvalidArgument(
            "memory",
            f"was {memory:,} bytes, less than one number for each of the graph's {interventions.n_family_rows:,} "
            f"family rows ({widest.n_rows:,} of them are of {widest.node!r} with its {len(widest.parents)} parents). "
            + (
                f"Interventions that fix one of {listing(widest.district[:-1])} have smaller tables."
                if len(widest.district) > 1
                else "Split nodes with many parents, or leave out edges that matter little."
            ),
        )
    return Task(problem.graph, interventions, problem.known_rows, memory, problem.goal, history, spending, reduce)


def check_tables(strategy: Strategy, task: Task) -> None:
    """Raise when ``strategy`` says that it knows the tables of all nodes but the target, and ``task`` lacks some."""
    if not getattr(strategy, "knows_tables", False):
        return
    task = task.searched
    target = task.graph.target
    learned = [family.node for family in task.interventions.families if task.learned[family.rows].any()]
    unknown = [node for node in dict.fromkeys(learned) if node != target]
    if unknown:
        need = f"the strategy {strategy.name!r} works with those of all nodes but the target"
        fix = "Give them (evaluate_regret does), or use a strategy that learns them"
        raise InvalidArgument("known", f"lacks the tables of {listing(unknown)}; {need}. {fix}.")


def check_budget(budget: object, strategy: Strategy, task: Task) -> int:
    """The number of experiments with which ``strategy`` can work on ``task``: ``budget``, or what the money buys.

    Where prices differ or limits are set it is the most that any plan can have.
    """
    task = task.searched
    smallest = strategy.smallest_budget(task)
    explain = getattr(strategy, "explain_smallest_budget", None)
    said = "" if explain is None else explain(task)
    why = f" {said}" if said else ""
    if task.spending is not None:
        return _check_spending(task.spending, strategy, task, smallest, why)
    given = whole_number(budget, "budget", most=MOST_EXPERIMENTS, of="experiments")
    if given < smallest:
        need = f"the strategy {strategy.name!r} needs at least {smallest} experiments here"
        raise InvalidArgument("budget", f"was {given}; {need}.{why}")
    return given


def _check_spending(spending: Spending, strategy: Strategy, task: Task, smallest: int, why: str) -> int:
    """The number of experiments to tell ``strategy``; an error names the budget or the limit that leaves no plan."""
    argument = "budget_money" if spending.unit == "money" else "budget"
    need = f"the strategy {strategy.name!r} needs at least"
    reads = bool(getattr(strategy, "reads_spending", False))
    experiments = spending.most_experiments if reads or spending.plain else spending.safe_experiments
    if reads and not spending.plain:
        least = getattr(strategy, "smallest_money", None)
        money = 0.0 if least is None else least(task)
        if spending.money < money * (1 - SAME):
            raise InvalidArgument(argument, f"was {spending.money:,.6g}; {need} {money:,.6g} here.{why}")
    if experiments >= smallest:
        return experiments
    if spending.capped:
        allows = f"was {spending.limits.most_each:,}, which allows {experiments:,} experiments for this budget"
        raise InvalidArgument("most_each", f"{allows}; {need} {smallest:,}.{why}")
    buys = f"was {spending.money:,.6g}, which buys {'' if reads else 'in any case '}{experiments:,} experiments"
    raise InvalidArgument(argument, f"{buys}; {need} {smallest:,}.{why}")


def best_at_random(values: Floats, rng: np.random.Generator) -> int:
    """Place of the largest probability, ties at random; NaN never wins unless all are NaN."""
    finite = np.where(np.isnan(values), -np.inf, values)
    return int(rng.choice(np.flatnonzero(finite >= finite.max() - SAME)))
