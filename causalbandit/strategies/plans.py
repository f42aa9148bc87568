"""A running strategy, between it and whoever runs its experiments.

It is held to its budget: batches are of at most so many kinds, and none is run that the money does not buy. Where one
intervention of each group with the same effect is searched among, it is told and answers in terms of the whole set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from causalbandit.counts import Counts
from causalbandit.errors import InvalidArgument, RunError
from causalbandit.representatives import Representatives
from causalbandit.spending import Spending
from causalbandit.strategies.mixture import Mixture
from causalbandit.strategies.stopping import Watched
from causalbandit.strategies.strategy import Batch, Choice, Plan, Strategy, Tables, Task, check_budget
from causalbandit.strategies.top_two import TopTwo


def plan_of(strategy: Strategy, task: Task, budget: int, rng: np.random.Generator) -> Plan:
    """The generator of ``strategy``, told `Task.searched` and held to ``task.spending``; batches are of the whole set.

    A batch of more kinds of experiments than one may hold is run as several. RuntimeError for a batch beyond the money
    or the experiments that are left: strategies that plan by `Task.purse` ask for none.
    """
    chosen = task.representatives
    if chosen is not None:
        plan = plan_of(_told_of_groups(strategy, chosen), task.searched, budget, rng)
        return _plan_for_all(plan, task, chosen)
    purse = task.purse
    if purse is None:
        return strategy.run(task, budget, rng)
    if not getattr(strategy, "reads_spending", False):
        budget = min(budget, purse.safe_experiments)
    return _held(strategy, task, purse, budget, rng)


def enough(strategy: Strategy, task: Task, budget: int) -> bool:
    """Whether ``strategy`` can work with what is left."""
    try:
        check_budget(budget, strategy, task)
    except InvalidArgument:
        return False
    return True


def _held(strategy: Strategy, task: Task, left: Spending, budget: int, rng: np.random.Generator) -> Plan:
    plan = strategy.run(task, budget, rng)
    try:
        batch = next(plan)
        while True:
            seen: Counts | None = None
            for part in by_kinds(batch, left.kinds):
                if not left.keeps(part.sizes):
                    raise RunError(
                        f"The strategy {strategy.name!r} asked for a batch that costs {left.cost(part.sizes):,.6g} "
                        f"({part.total:,} experiments), with {left.money:,.6g} of {left.total:,.6g} left. A strategy "
                        "of one's own finds prices and limits in task.purse."
                    )
                left = left.after(part.sizes)
                new = yield part
                seen = new if seen is None else seen + new
            assert seen is not None
            batch = plan.send(seen)
    except StopIteration as stop:
        choice: Choice = stop.value
        return choice
    finally:
        plan.close()


def by_kinds(batch: Batch, most: int) -> Iterator[Batch]:
    """``batch`` in parts of at most ``most`` interventions, about as many in each."""
    used = np.flatnonzero(batch.sizes)
    n_parts = -(-len(used) // most)
    if n_parts <= 1:
        yield batch
        return
    for places in np.array_split(used, n_parts):
        sizes = np.zeros_like(batch.sizes)
        sizes[places] = batch.sizes[places]
        yield replace(batch, sizes=sizes)


def _told_of_groups(strategy: Strategy, chosen: Representatives) -> Strategy:
    """The strategy with counts that it was given of the whole set as those of the representatives."""
    if isinstance(strategy, Watched):
        return replace(strategy, strategy=_told_of_groups(strategy.strategy, chosen))
    if isinstance(strategy, TopTwo) and strategy.prior is not None:
        return replace(strategy, prior=chosen.counts(strategy.prior_counts(chosen.whole)))
    return strategy


def _plan_for_all(plan: Plan, task: Task, chosen: Representatives) -> Plan:
    """The batches and the choice of ``plan``, which knows the representatives alone, as those of the whole set."""
    try:
        batch = next(plan)
        while True:
            seen = yield replace(batch, sizes=chosen.spread(batch.sizes))
            batch = plan.send(chosen.counts(seen))
    except StopIteration as stop:
        choice: Choice = stop.value
        return _choice_for_all(choice, task, chosen)
    finally:
        plan.close()


def _choice_for_all(choice: Choice, task: Task, chosen: Representatives) -> Choice:
    """The choice with the estimate of a representative for its whole group."""
    n_out = len(chosen.whole) - len(chosen.reduced)
    said = "1 intervention was left out: it has" if n_out == 1 else f"{n_out:,} interventions were left out: they have"
    note = f"{said} the effect of one that is as cheap or cheaper, in every model of the graph, and its estimate."
    return replace(
        choice,
        best_index=int(chosen.places[choice.best_index]),
        effects=None if choice.effects is None else chosen.for_all(choice.effects),
        tables=None if choice.tables is None else _tables(choice.tables, task, chosen),
        mixture=None if choice.mixture is None else _mixture(choice.mixture, chosen),
        notes=(*choice.notes, note),
    )


def _tables(tables: Tables, task: Task, chosen: Representatives) -> Tables:
    """Rows that matter for no representative, and so for no effect, were not learned: ½ unless they are known."""
    known = ~np.isnan(task.known)
    cpt = np.where(known, task.known, chosen.spread_rows(tables.cpt, 0.5))
    visits = chosen.spread_rows(tables.visits, 0)
    truncated = None if tables.truncated is None else chosen.spread_rows(tables.truncated, False)
    negligible = None if tables.negligible is None else chosen.spread_rows(tables.negligible, True)
    return Tables(cpt, visits, known, truncated, negligible)


def _mixture(mixture: Mixture, chosen: Representatives) -> Mixture:
    costs = None if mixture.costs is None else chosen.whole.costs
    return replace(mixture, weights=chosen.spread(mixture.weights), dual=chosen.spread(mixture.dual), costs=costs)
