"""What a budget will show, before the first experiment: the mixture, the difficulty γ*, standard errors, and chances.

Everything is computed from tables: those of the problem, or those that rows from before tell. With e_c experiments
expected to visit family row c, the plug-in estimate of intervention a's effect has, by the delta method, the variance

    Var(a) = Σ_c g_c(a)² min(α_c(1 − α_c)/e_c, ¼),

with g_c(a) the derivative of its effect by the row. No estimate of a probability varies more than ¼; a row that nothing
is expected to visit counts that much. Where searches can be made up in a second, the spread of their estimates is told
instead, which holds for rows that are visited a few times only, too (`causalbandit.allocation_forecast`).

>>> import networkx as nx
>>> from causalbandit import CausalGraph, CausalModel, InterventionSet, Problem
>>> graph = CausalGraph(nx.DiGraph([("ad", "sale")]), target="sale")
>>> model = CausalModel(graph, {"ad": [0.5], "sale": [0.2, 0.5]})
>>> found = design(Problem(graph, InterventionSet(graph, [{"ad": 0}, {"ad": 1}]), model), budget=200)
>>> found.gamma_star.value, found.bounds                  # two arms that share nothing: by hand 2, N·C and 1 + 1
(2.0, (4, 2))
>>> found.allocation("uniform-plug-in").delta_errors.round(3).tolist()     # √(0.2·0.8/100), √(0.5·0.5/100)
[0.04, 0.05]
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from causalbandit.allocation_forecast import FEWEST_DRAWS, Prospect
from causalbandit.arrays import Floats
from causalbandit.checks import finite_array, instance, numeric_array, shaped, whole_number
from causalbandit.counts import Counts
from causalbandit.errors import InvalidArgument, listing
from causalbandit.graph import row_names
from causalbandit.history_use import read_history
from causalbandit.interventions import intervention_label
from causalbandit.known_tables import Known
from causalbandit.problem import Problem
from causalbandit.propagation import MEMORY, propagate
from causalbandit.randomness import RNG
from causalbandit.search_design_results import SearchDesign
from causalbandit.spending import MOST_EXPERIMENTS
from causalbandit.strategies.earlier import Earlier
from causalbandit.strategies.maximise import Maximisation
from causalbandit.strategies.mixture import optimal_mixture
from causalbandit.strategies.strategy import make_task
from causalbandit.strategies.two_phase import TwoPhase
from causalbandit.strategies.weightings import lead_errors, row_weights
from causalbandit.text import shortened

TOLERANCE = 1e-3
"""Gap to which mixtures are solved: γ* is told to three digits."""


def design(
    problem: Problem,
    budget: int,
    *,
    weighting: str = "reach",
    history: Any = None,
    history_interventions: Any = None,
    known: Known | None = None,
    allocations: Mapping[str, npt.ArrayLike] | None = None,
    rng: RNG = 0,
    memory: int = MEMORY,
) -> SearchDesign:
    """What ``budget`` experiments can be expected to show, before the first one.

    Parameters
    ----------
    problem : Problem
        With tables, unless there is a history.
    budget : int
        T, the number of experiments.
    weighting : {"reach", "variance", "contrast"}
        What the mixture learns best (`causalbandit.strategies.weightings`).
    history, history_interventions
        Rows from before, as `search` takes them. The tables are then (ones + ½)/(visits + 1) of these rows, and their
        visits stand in the denominators of the mixture.
    known : optional
        Tables that need not be learned, beside those that the problem says are known, as `search` takes them.
    allocations : mapping of str to array of float, shape [A], optional
        Plans of one's own by name: experiments under each intervention, at most ``budget`` in all. Their effects are
        estimated by the graph.
    rng : seed or numpy.random.Generator
        Of the draws behind the chances.
    memory : int
        Bound on working memory of one propagation, in bytes.

    Returns
    -------
    SearchDesign
        Allocations "two-phase" and "two-phase-pooled" (at budgets that they can work with), "mixture",
        "uniform-plug-in", "uniform" (the graph ignored), and those given.

    Raises
    ------
    InvalidArgument
        For a budget below 1, an unknown weighting, tables missing without a history, and plans of one's own that do
        not fit, or that leave a row unseen which an effect depends on.

    Notes
    -----
    Cost: one propagation with reach and gradient, up to five mixtures, and at most about a second of draws for each
    allocation.
    """
    instance(problem, "problem", Problem, "a Problem, from load_problem or Problem(...)")
    budget = whole_number(budget, "budget", least=1, most=MOST_EXPERIMENTS, of="experiments")
    strategies = [TwoPhase(weighting=weighting), TwoPhase(pooled=True, weighting=weighting)]
    arms = problem.interventions
    earlier = read_history(problem, history, history_interventions)
    before = None if earlier is None else earlier.counts(arms)
    task = make_task(problem, known, memory, None if before is None else Earlier(before))
    cpt = np.where(task.rows.known, task.known, _tables(problem, before))
    found = propagate(arms, cpt, reach=True, gradient=True, memory=memory)
    assert found.reach is not None
    assert found.gradient is not None
    turn = Maximisation.of(problem)
    prospect = Prospect(task, turn, cpt, found.effects, found.reach, found.gradient, budget)

    # The mixtures: by reach without visits in hand for γ*, and the one that was asked for.
    gamma = optimal_mixture(found.reach, learned=task.learned, tolerance=TOLERANCE)
    mixture = gamma
    if weighting != "reach" or before is not None:
        in_hand = np.zeros(len(cpt)) if before is None else before.visits
        even = found.reach.mean(axis=1) * budget
        errors = lead_errors(found.gradient, prospect.gains, prospect.variance(prospect.visits(even)))
        weights = row_weights(weighting, found.gradient, cpt, prospect.gains, errors)
        mixture = optimal_mixture(found.reach, weights, in_hand / budget, learned=task.learned, tolerance=TOLERANCE)

    # What each way of spending the budget is expected to show.
    notes = [f"Mixture: {mixture.note}"] if mixture.note else []
    made = []
    for strategy in strategies:
        smallest = strategy.smallest_budget(task)
        if budget >= smallest:
            made.append(prospect.two_phase(strategy, rng))
        elif strategy is strategies[0]:
            notes.append(f"two-phase needs at least {smallest:,} experiments. {strategy.explain_smallest_budget(task)}")
    made.append(prospect.by_graph("mixture", budget * mixture.weights, rng))
    made.append(prospect.by_graph("uniform-plug-in", np.full(len(arms), budget / len(arms)), rng))
    made.append(prospect.by_outcomes("uniform", np.full(len(arms), budget / len(arms)), rng))
    for name, sizes in (allocations or {}).items():
        if name in {each.name for each in made}:
            raise InvalidArgument("allocations", f"have the name {name!r}, which is taken; choose another.")
        made.append(prospect.by_graph(name, _own_plan(prospect, name, sizes), rng))

    size = TwoPhase(truncation="theory").truncation_at(task, budget)
    expected = budget // (3 * max(task.n_learned, 1)) * found.reach.max(axis=1) * np.stack([1 - cpt, cpt])
    truncated = int((expected[:, task.learned] <= size).sum())
    return SearchDesign(
        problem=problem,
        budget=budget,
        weighting=weighting,
        mixture=mixture,
        gamma_star=gamma,
        bounds=(len(problem.graph.ancestors) * task.n_learned, round(float(found.reach[task.learned].sum()))),
        effects=found.effects,
        allocations=tuple(made),
        n_earlier=0 if earlier is None else earlier.total,
        theory=(size, truncated, 2 * task.n_learned),
        exact_draws=prospect.exact_draws >= FEWEST_DRAWS,
        notes=tuple(notes),
    )


def _tables(problem: Problem, before: Counts | None) -> Floats:
    """P(node = 1) for the C family rows: what rows from before tell, else the problem's tables."""
    if before is not None:
        return np.asarray((before.ones + 0.5) / (before.visits + 1.0))
    if problem.model is None:
        missing, pairs = problem.missing_tables, problem.graph.confounded
        lack = f"the common causes of {listing(pairs)} are no nodes" if pairs and not missing else ""
        lack = lack or f"{len(missing)} of {len(problem.graph.all_nodes)} nodes have no table: {listing(missing)}"
        raise InvalidArgument(
            "history",
            f"was not given, and {lack}. A design needs tables: expected rows from before, or a problem with all "
            "tables, a guess of them if need be.",
        )
    return problem.model.cpt_for(problem.interventions)


def _own_plan(prospect: Prospect, name: str, sizes: npt.ArrayLike) -> Floats:
    """Experiments per intervention of a plan of one's own, [A]; an error names the row that it leaves unseen."""
    arms, of = prospect.task.interventions, f"of {name!r}: experiments under each intervention"
    plan = numeric_array(sizes, "allocations", of)
    finite_array(shaped(plan, "allocations", (len(arms),), of), "allocations", f" {of}, none below 0", least=0.0)
    if not 0 < plan.sum() <= prospect.budget:
        least = f"expected more than 0 and at most the budget, {prospect.budget:,}"
        raise InvalidArgument("allocations", f"of {name!r} hold {plan.sum():,.6g} experiments; {least}.")
    unseen = prospect.visits(prospect.reach @ plan) <= 0
    needed = np.abs(prospect.gradient).max(axis=1) > 0
    rows = np.flatnonzero(unseen & needed & prospect.task.learned)
    if len(rows):
        row = int(rows[0])
        node, configuration = row_names(arms.families)[row]
        of_row = f"{node} given {configuration}" if configuration else node
        moved = shortened(intervention_label(arms[int(np.abs(prospect.gradient[row]).argmax())]), 60)
        opens = shortened(intervention_label(arms[int(prospect.reach[row].argmax())]), 60)
        raise InvalidArgument(
            "allocations",
            f"of {name!r} never show {of_row}, on which the effect of {moved} depends. Those under {opens} would.",
        )
    return plan
