"""A running strategy that is held to its budget: batches of at most so many kinds, none that the money does not buy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from causalbandit.counts import Counts
from causalbandit.errors import InvalidArgument, RunError
from causalbandit.spending import Spending
from causalbandit.strategies.equal_arms import plan_for_all, told_of_groups
from causalbandit.strategies.strategy import Batch, Choice, Plan, Strategy, Task, check_budget


def plan_of(strategy: Strategy, task: Task, budget: int, rng: np.random.Generator) -> Plan:
    """The generator of ``strategy``, told `Task.searched` and held to ``task.spending``; batches are of the whole set.

    A batch of more kinds of experiments than one may hold is run as several. RuntimeError for a batch beyond the money
    or the experiments that are left: strategies that plan by `Task.purse` ask for none.
    """
    chosen = task.representatives
    if chosen is not None:
        plan = plan_of(told_of_groups(strategy, chosen), task.searched, budget, rng)
        return plan_for_all(plan, task, chosen)
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
