"""Stop when sure: a search ends as soon as its data show, at a stated error rate, that no other choice is much better.

After each batch every rival b of the *leader* l, the intervention with the largest estimate, is put to two tests; both
may be taken after every batch, however the batches were chosen. The search stops when each rival fails at least one.

1. *By the graph*, from the tables that all experiments teach. The rival's lead is estimated by μ(b) − μ(l), linear in
   the tables' rows near the estimate with weights g_c(b) − g_c(l). The rival fails when its lead plus u(I)/I is at most
   the tolerance, u a normal-mixture boundary (Howard, Ramdas, McAuliffe & Sekhon 2021) and I the lead's precision by
   the delta method (a row that was never visited has the variance ¼), and when no tables that are likely enough let it
   lead by more: likely enough means Σ_c t_c KL(α̂_c, α_c) ≤ u(I)²/2I, with half a one and half a zero added to each
   row. Valid if the graph is right, for many experiments.
2. *By the outcomes* of the target under the two interventions alone (`causalbandit.sequences.bernoulli_contrast`):
   exact, for any number of experiments, and whatever the graph.

The error rate is shared out between the tests, and within each between the rivals (Bonferroni); rivals with the same
effect in every model of the graph count as one. Why divergences beside variances: an effect that was underestimated by
chance has a variance that is underestimated, too, most of all where outcomes are rare.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from causalbandit.arrays import Flags, Floats, Places, quotients
from causalbandit.checks import error_rate, number, whole_number
from causalbandit.counts import Counts
from causalbandit.sequences.bernoulli_region import Arm, difference_at_most, largest_fall, room
from causalbandit.sequences.boundaries import normal_mixture
from causalbandit.spending import Spending
from causalbandit.strategies.posterior import TablePosterior
from causalbandit.strategies.strategy import Batch, Choice, Plan, Strategy, Task, best_at_random

BY_GRAPH = 0.8
"""Share of the error rate that goes to the test by the graph, which nearly always is the first to be passed."""
PRECISION = 1200.0
"""1/variance of a lead at which the boundary is tightest: about what it takes to see a lead of 0.1."""
AT_ONCE = 1 << 20
"""Entries of [C, rivals] arrays that the test by the graph works on at a time, 8 MiB each."""


@dataclass(frozen=True)
class StopWhenSure:
    """Stop when the chosen intervention is within ``tolerance`` of the best, at error rate ``error``.

    Attributes
    ----------
    error : float
        δ in (0, 1): among searches with this rule, the share that stop with a choice worse than promised.
    tolerance : float
        ε in [0, 1), on the scale of the target's probability: how much better another intervention may be. With 0 a
        search cannot stop before it has told the best from the second best.
    looks : int
        A batch of more than a share 1/``looks`` of the budget is run in parts, with a look after each.
    """

    error: float = 0.05
    tolerance: float = 0.01
    looks: int = 15

    def __post_init__(self) -> None:
        error_rate(self.error, "error")
        number(self.tolerance, "tolerance", least=0, below=1)
        whole_number(self.looks, "looks", least=1)

    def promise(self, task: Task, standing: Standing) -> Promise:
        """What the data so far allow to say of the leader."""
        leader, n_rivals = standing.leader, len(task.interventions.groups) - 1
        rivals = np.flatnonzero(np.arange(len(task.interventions)) != leader)
        each = self.error / max(n_rivals, 1)
        outcomes = excluded_by_outcomes(standing.counts, leader, rivals, self.tolerance, (1 - BY_GRAPH) * each)
        graph = np.zeros(len(rivals), dtype=bool)
        if standing.posterior is not None:
            left = ~outcomes
            graph[left] = excluded_by_graph(standing, rivals[left], self.tolerance, BY_GRAPH * each)
        return Promise(
            error=self.error,
            tolerance=self.tolerance,
            experiments=standing.counts.total,
            n_undecided=int((~(graph | outcomes)).sum()),
            n_rivals=len(rivals),
            rule="outcomes" if outcomes.all() else "both" if outcomes.any() else "graph",
        )


@dataclass(frozen=True)
class Promise:
    """What a search with `StopWhenSure` can say of its choice.

    Attributes
    ----------
    error, tolerance : float
        δ and ε of the rule.
    experiments : int
        Experiments behind it.
    n_undecided, n_rivals : int
        Rivals of the chosen intervention that may be better by more than the tolerance, at least, and all of them.
    rule : {"graph", "outcomes", "both"}
        What excluded the others: the graph's tables, the outcomes under each intervention, or some this and some that.
    """

    error: float
    tolerance: float
    experiments: int
    n_undecided: int
    n_rivals: int
    rule: Literal["graph", "outcomes", "both"]

    @property
    def kept(self) -> bool:
        """Whether every rival is excluded, so that the promise holds."""
        return self.n_undecided == 0

    def sentence(self, budget: int | None) -> str:
        """What was promised and by which rule, or that it was not; ``budget`` None where it is no number."""
        within = f"within {self.tolerance:g} of the best" if self.tolerance else "the best"
        spent = f"{self.experiments:,}{'' if budget is None else f' of {budget:,}'} experiments"
        if not self.kept:
            return (
                f"Not sure after {spent}: at least {self.n_undecided:,} of {self.n_rivals:,} other interventions may "
                f"be better by more than {self.tolerance:g} (error rate {self.error:g})."
            )
        return (
            f"Sure after {spent}: the chosen intervention is {within}. Searches that stop by this rule are wrong about "
            f"it at most at rate {self.error:g}. {_REASONS[self.rule]}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and texts, ready for JSON."""
        names = ("error", "tolerance", "experiments", "kept", "n_undecided", "n_rivals", "rule")
        return {name: getattr(self, name) for name in names}


_REASONS = {
    "graph": "Shown by the graph's tables: it holds if the graph is right, for many experiments.",
    "outcomes": "Shown by the outcomes under each intervention alone: exact, whatever the graph.",
    "both": "Shown for some by their outcomes, for the others by the graph's tables: it holds if the graph is right, "
    "for many experiments.",
}


@dataclass(frozen=True)
class Watched:
    """A strategy that stops when sure: the plan of ``strategy``, with a look at all data after each batch.

    It may be used wherever a strategy may. Once sure it returns the intervention with the largest estimate from all
    data; else what ``strategy`` chooses, and that nothing is promised. Rows of a history help ``strategy`` to find
    where to look, and name the leader; a promise rests on the experiments alone. A strategy that needs outcomes of the
    target alone stops by the test by outcomes alone.
    """

    strategy: Strategy
    stop: StopWhenSure

    # What it says of itself is what the strategy says.

    @property
    def name(self) -> str:
        return self.strategy.name

    @property
    def needs(self) -> Literal["rows", "target"]:
        return self.strategy.needs

    @property
    def reads_history(self) -> bool:
        return bool(getattr(self.strategy, "reads_history", False))

    @property
    def reads_spending(self) -> bool:
        return bool(getattr(self.strategy, "reads_spending", False))

    @property
    def knows_tables(self) -> bool:
        return bool(getattr(self.strategy, "knows_tables", False))

    def smallest_budget(self, task: Task) -> int:
        return self.strategy.smallest_budget(task)

    def explain_smallest_budget(self, task: Task) -> str:
        explain = getattr(self.strategy, "explain_smallest_budget", None)
        return "" if explain is None else str(explain(task))

    def smallest_money(self, task: Task) -> float:
        least = getattr(self.strategy, "smallest_money", None)
        return 0.0 if least is None else float(least(task))

    def run(self, task: Task, budget: int, rng: np.random.Generator) -> Plan:
        """The strategy's plan, its batches in parts, until a look shows that the leader is good enough."""
        own = rng.spawn(1)[0]  # leaves the strategy's own draws as they are without the rule
        plan = self.strategy.run(task, budget, rng)
        counts: Counts | None = None
        promise: Promise | None = None
        purse, told = task.purse, None if task.purse is not None and task.purse.unit == "money" else budget
        most = max(1, -(-budget // self.stop.looks))
        try:
            batch = next(plan)
            while True:
                seen: Counts | None = None
                if purse is not None:
                    most = largest_part(batch, purse, self.stop.looks)
                for part in in_parts(batch, most, own):
                    new = yield replace(part, families=None)  # a look at all data reads all counts
                    seen = new if seen is None else seen + new
                    counts = new if counts is None else counts + new
                    standing = Standing.of(task, counts, own)
                    promise = self.stop.promise(task, standing)
                    if promise.kept:
                        plan.close()
                        return standing.choice(promise, told)
                assert seen is not None
                batch = plan.send(seen)
        except StopIteration as stopped:
            choice: Choice = stopped.value
        if promise is None:  # a strategy that needed no experiment, with all tables known
            return choice
        return replace(choice, promise=promise, notes=(*choice.notes, promise.sentence(told)))


@dataclass(frozen=True, eq=False)
class Standing:
    """What all experiments so far say.

    ``effects`` [A] are estimated by the tables, or by the outcomes under each intervention (NaN without any) when only
    the target was observed. ``leader`` has the largest of them, ties at random; with a history, the largest by all
    data. ``posterior`` are the tables behind the estimates, and ``gradient`` [C, A] is how each effect grows with each
    row; ``all_data`` are tables and effects with the rows of a history counted by weight.
    """

    counts: Counts
    effects: Floats
    leader: int
    posterior: TablePosterior | None = None
    gradient: Floats | None = None
    all_data: tuple[TablePosterior, Floats] | None = None

    @classmethod
    def of(cls, task: Task, counts: Counts, rng: np.random.Generator) -> Standing:
        """What ``counts`` say; one propagation with gradients when all nodes were observed."""
        if not len(counts.visits):
            effects = quotients(counts.successes, counts.trials, np.nan)
            return cls(counts, effects, best_at_random(effects, rng))
        posterior = TablePosterior(counts.visits, counts.ones, task.known)
        found = posterior.propagate(task, gradient=True)
        if task.history is None:
            return cls(counts, found.effects, best_at_random(found.effects, rng), posterior, found.gradient)
        both = TablePosterior.of(task, counts.visits, counts.ones)
        effects = both.propagate(task).effects
        leader = best_at_random(effects, rng)
        return cls(counts, found.effects, leader, posterior, found.gradient, (both, effects))

    def choice(self, promise: Promise, budget: int | None) -> Choice:
        """The leader, with what is promised of it."""
        posterior, effects = (self.posterior, self.effects) if self.all_data is None else self.all_data
        tables = None if posterior is None else posterior.tables(self.counts.visits)
        return Choice(self.leader, effects, tables, notes=(promise.sentence(budget),), promise=promise)


def excluded_by_graph(standing: Standing, rivals: Places, tolerance: float, alpha: float) -> Flags:
    """Which rivals lead by more than ``tolerance`` under no likely tables, each at rate ``alpha``; shape [rivals].

    A quick test with the lead's variance comes first. Rivals that pass it are put to the full one only when all do,
    because a search goes on with one rival that does not: otherwise they are reported as they are.
    """
    posterior, leader = standing.posterior, standing.leader
    assert posterior is not None
    assert standing.gradient is not None
    passed = np.ones(len(rivals), dtype=bool)
    lead = standing.effects[leader] - standing.effects[rivals] + tolerance
    learned = np.isnan(posterior.known)
    visits = posterior.visits[learned].astype(np.float64)
    mean = posterior.mean[learned]
    variance = np.where(visits > 0, mean * (1.0 - mean) / np.maximum(visits, 1.0), 0.25)
    rows = Arm((visits + 1.0) * mean, (visits + 1.0) * (1.0 - mean))
    step = max(1, AT_ONCE // max(len(visits), 1))
    blocks = [slice(start, start + step) for start in range(0, len(rivals), step)]
    rooms = np.zeros(len(rivals))
    for part in blocks:
        weights = standing.gradient[learned, leader][:, None] - standing.gradient[np.ix_(learned, rivals[part])]
        spread = variance @ weights**2
        known = spread > 0.0  # else nothing is left to learn of the lead
        precision = 1.0 / np.where(known, spread, 1.0)
        # Two-sided at 2α with the same ρ, a closed form a little below the boundary, spares most looks its root.
        least = normal_mixture(precision, 2.0 * alpha, PRECISION, alpha_opt=0.1) if alpha < 0.5 else 0.0
        passed[part] = lead[part] >= np.where(known, least / precision, 0.0)
        if passed[part].all():
            boundary = normal_mixture(precision, alpha, PRECISION, one_sided=True)
            rooms[part] = boundary**2 / (2.0 * precision)
            passed[part] = lead[part] >= np.where(known, boundary / precision, 0.0)
    if not passed.all():
        return passed
    for part in blocks:
        weights = standing.gradient[learned, leader][:, None] - standing.gradient[np.ix_(learned, rivals[part])]
        passed[part] = lead[part] >= largest_fall(weights, rows, rooms[part])
        if not passed[part].all():
            break
    return passed


def excluded_by_outcomes(counts: Counts, leader: int, rivals: Places, tolerance: float, alpha: float) -> Flags:
    """Which rivals lead by more than ``tolerance`` in no pair of means that the outcomes allow; shape [rivals]."""
    arms = Arm(counts.successes.astype(np.float64), (counts.trials - counts.successes).astype(np.float64))
    own, leading = arms.at(rivals), arms.at(np.full_like(rivals, leader))
    return difference_at_most(own, leading, room(own, leading, alpha), tolerance)


def largest_part(batch: Batch, purse: Spending, looks: int) -> int:
    """Experiments of a batch between two looks, each after a share 1/``looks`` of the money, on average.

    Where interventions must be set up a batch is run at once, since every part would pay for that again.
    """
    n_parts = 1 if purse.setup.any() else math.ceil(purse.cost(batch.sizes) / purse.total * looks)
    return max(1, -(-batch.total // max(1, n_parts)))


def in_parts(batch: Batch, most: int, rng: np.random.Generator) -> Iterator[Batch]:
    """``batch`` in parts of about equal size, ``most`` experiments at most up to rounding, each a fair share of all."""
    n_parts = -(-batch.total // most)
    if n_parts <= 1:
        yield batch
        return
    whole, rest = np.divmod(batch.sizes, n_parts)
    offset, done = rng.random(len(rest)), np.zeros_like(rest)
    for part in range(1, n_parts + 1):
        upto = whole * part + np.floor(rest * (part / n_parts) + offset).astype(np.int64)
        if part == n_parts:
            upto = batch.sizes
        if (upto > done).any():
            yield Batch(upto - done, batch.phase)
        done = upto
