"""A search among one intervention of each group with the same effect, told and answered in terms of the whole set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from causalbandit.representatives import Representatives
from causalbandit.strategies.mixture import Mixture
from causalbandit.strategies.stopping import Watched
from causalbandit.strategies.strategy import Choice, Plan, Strategy, Tables, Task
from causalbandit.strategies.top_two import TopTwo


def told_of_groups(strategy: Strategy, chosen: Representatives) -> Strategy:
    """The strategy with counts that it was given of the whole set as those of the representatives."""
    if isinstance(strategy, Watched):
        return replace(strategy, strategy=told_of_groups(strategy.strategy, chosen))
    if isinstance(strategy, TopTwo) and strategy.prior is not None:
        return replace(strategy, prior=chosen.counts(strategy.prior_counts(chosen.whole)))
    return strategy


def plan_for_all(plan: Plan, task: Task, chosen: Representatives) -> Plan:
    """The batches and the choice of ``plan``, which knows the representatives alone, as those of the whole set."""
    try:
        batch = next(plan)
        while True:
            seen = yield replace(batch, sizes=chosen.spread(batch.sizes))
            batch = plan.send(chosen.counts(seen))
    except StopIteration as stop:
        choice: Choice = stop.value
        return choice_for_all(choice, task, chosen)
    finally:
        plan.close()


def choice_for_all(choice: Choice, task: Task, chosen: Representatives) -> Choice:
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
