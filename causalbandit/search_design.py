"""What a budget will show, before the first experiment: the mixture, the difficulty γ*, standard errors, and chances.

Everything is computed from tables: those of the problem, or those that rows from before tell. With e_c experiments
expected to visit family row c, the plug-in estimate of intervention a's effect has, by the delta method, the variance

    Var(a) = Σ_c g_c(a)² min(α_c(1 − α_c)/e_c, ¼),

with g_c(a) the derivative of its effect by the row. No estimate of a probability varies more than ¼, which is what a row
counts that nothing is expected to visit.

>>> import networkx as nx
>>> from causalbandit import CausalGraph, CausalModel, InterventionSet, Problem
>>> graph = CausalGraph(nx.DiGraph([("ad", "sale")]), target="sale")
>>> model = CausalModel(graph, {"ad": [0.5], "sale": [0.2, 0.5]})
>>> found = design(Problem(graph, InterventionSet(graph, [{"ad": 0}, {"ad": 1}]), model), budget=200)
>>> found.gamma_star.value, found.bounds                  # two arms that share nothing: by hand 2, N·C and 1 + 1
(2.0, (6, 2))
>>> found.allocation("uniform-plug-in").std_errors.round(3).tolist()       # √(0.2·0.8/100), √(0.5·0.5/100)
[0.04, 0.05]
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from causalbandit.allocation_forecast import Allocation, Prospect
from causalbandit.checks import finite_array, instance, numeric_array, shaped, whole_number
from causalbandit.counts import Counts
from causalbandit.errors import InvalidArgument, listing
from causalbandit.graph import row_names
from causalbandit.history_use import read_history
from causalbandit.interventions import intervention_label
from causalbandit.problem import Problem
from causalbandit.propagation import MEMORY, propagate
from causalbandit.randomness import RNG
from causalbandit.strategies.earlier import Earlier
from causalbandit.strategies.maximise import Maximisation
from causalbandit.strategies.mixture import Mixture, optimal_mixture
from causalbandit.strategies.strategy import MOST_EXPERIMENTS, make_task
from causalbandit.strategies.two_phase import TwoPhase
from causalbandit.strategies.weightings import lead_errors, row_weights
from causalbandit.text import frame_text, plain_rows, shortened, wrapped

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.float64]

SHOWN = 8
"""Interventions that the summary lists."""


@dataclass(frozen=True, eq=False, repr=False)
class SearchDesign:
    """What a search with a budget of T experiments can be expected to show.

    Attributes
    ----------
    problem : Problem
        The problem.
    budget : int
        T.
    weighting : {"reach", "variance", "contrast"}
        What ``mixture`` learns best.
    mixture : Mixture
        The best mixture of interventions for all T experiments, with its certificate. Visits in hand stand in its
        denominators.
    gamma_star : Mixture
        The mixture by reach without any visits in hand: its ``value`` is γ*, the difficulty of the problem.
    bounds : (int, int)
        N·C and Σ_a (N − N_a), neither below γ*: N nodes matter, C rows are to be learned, a assigns N_a of the nodes.
    effects : numpy.ndarray of float, shape [A]
        P(target = 1 | do(a)) by the tables.
    allocations : tuple of Allocation
        Ways to spend the budget with what they can be expected to show.
    n_earlier : int
        Rows from before; 0 when the tables are those of the problem.
    theory : tuple of (float, int, int)
        S = N² log(A·T), how many outcomes it would truncate at this budget, and out of how many.
    notes : tuple of str
        What did not go as usual, in sentences.
    """

    problem: Problem
    budget: int
    weighting: str
    mixture: Mixture
    gamma_star: Mixture
    bounds: tuple[int, int]
    effects: Floats
    allocations: tuple[Allocation, ...]
    n_earlier: int
    theory: tuple[float, int, int]
    notes: tuple[str, ...] = ()

    @property
    def regret_bound(self) -> float:
        """√(γ* log(A·T)/T): the simple regret of the two-phase search is at most a constant times this."""
        return math.sqrt(self.gamma_star.value * math.log(len(self.effects) * self.budget) / self.budget)

    def allocation(self, name: str) -> Allocation:
        """The allocation of that name."""
        for each in self.allocations:
            if each.name == name:
                return each
        raise InvalidArgument("name", f"was {name!r}; known: {listing([each.name for each in self.allocations])}.")

    def to_frame(self) -> pd.DataFrame:
        """One row per allocation and intervention.

        Columns ``allocation``, ``intervention``, ``experiments`` (expected number), ``effect``, ``std_error`` of its
        estimate, ``probability_chosen``.
        """
        import pandas as pd

        labels = self.problem.interventions.labels
        parts = [
            pd.DataFrame(
                {
                    "allocation": each.name,
                    "intervention": labels,
                    "experiments": each.experiments,
                    "effect": self.effects,
                    "std_error": each.std_errors,
                    "probability_chosen": each.chosen,
                }
            )
            for each in self.allocations
        ]
        return pd.concat(parts, ignore_index=True)

    def comparison(self) -> pd.DataFrame:
        """One row per allocation: ``probability_right``, ``expected_regret``, ``largest_std_error``."""
        import pandas as pd

        rows = [
            (each.name, each.probability_right, each.expected_regret, each.std_errors.max())
            for each in self.allocations
        ]
        return pd.DataFrame(rows, columns=["allocation", "probability_right", "expected_regret", "largest_std_error"])

    def _ranking(self) -> npt.NDArray[np.intp]:
        return np.argsort(-Maximisation.of(self.problem).gains(self.effects), kind="stable")

    def _errors(self) -> pd.DataFrame:
        """The best interventions with their shares of the mixture and their errors under each allocation."""
        import pandas as pd

        order = self._ranking()[:SHOWN]
        labels = self.problem.interventions.labels
        shown = [each for each in self.allocations if each.name != "two-phase-pooled"]
        return pd.DataFrame(
            {
                "intervention": [labels[place] for place in order],
                "effect": self.effects[order],
                "share": self.mixture.experiment_shares[order],
                **{each.name: each.std_errors[order] for each in shown},
            }
        )

    def guarantee(self) -> str:
        """What the bound is proved for, and what a search does otherwise by default."""
        size, truncated, outcomes = self.theory
        return (
            "The bound is proved for the two-phase search with truncation at S of the order N² log(A·T), here "
            f"{size:,.0f} expected counts: that would count {truncated} of {outcomes} outcomes as impossible. By default "
            "S is 0, and the bound is a guide. Phase one also counts an experiment for every row of its layer that it "
            "visits, and the mixture's denominators hold the visits that part one has made, where the proof has a row's "
            "own experiments and a constant per row: both only add to what the proof counts on. Other weightings and "
            "pooling are not covered."
        )

    def summary(self) -> str:
        """The mixture, the difficulty and what each way of spending the budget is expected to show; 80 columns."""
        gamma, tables = self.gamma_star, "the tables of the problem"
        if self.n_earlier:
            tables = f"{self.n_earlier:,} rows from before, which count as far as experiments that agree would let them"
        name = f" for {self.problem.name}" if self.problem.name else ""
        lines = wrapped(f"Design{name}: {self.budget:,} experiments, from {tables}.")
        lines += [
            "",
            f"  γ*       {gamma.value:.4g} (proved to be at least {gamma.lower_bound:.4g})",
            f"  limits   min(N·C, Σ_a(N − N_a)) = min({self.bounds[0]:,}, {self.bounds[1]:,})",
            f"  regret   at most √(γ* log(A·T)/T) = {self.regret_bound:.3g}, up to a constant factor",
            f"  mixture  by {self.weighting}: {self.mixture.n_used} of {len(self.effects)} interventions,"
            f" gap {self.mixture.gap:.0e}",
            "",
            frame_text(self.comparison().rename(columns=lambda column: column.replace("_", " "))),
            "",
            "Standard errors of the effects; share is that of the mixture:",
            frame_text(self._errors()),
        ]
        if len(self.effects) > SHOWN:
            lines.append(f"… and {len(self.effects) - SHOWN} more")
        lines += ["", *(line for note in self.notes for line in wrapped(note))]
        draws = max(each.n_draws for each in self.allocations)
        lines += wrapped(
            "Errors are those of the delta method at expected visits. Chances are shares of "
            f"{draws:,} draws of all effects from the normal distribution with these errors and their correlations. "
            "two-phase is predicted as if its plan knew the tables; mixture and uniform-plug-in spend the whole budget "
            "at fixed shares and estimate by the graph; uniform takes the best share of ones and ignores the graph."
        )
        return "\n".join([*lines, *wrapped(self.guarantee())])

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, numbers and texts, ready for JSON."""
        return {
            "problem": self.problem.name,
            "budget": self.budget,
            "weighting": self.weighting,
            "gamma_star": self.gamma_star.value,
            "gamma_star_at_least": self.gamma_star.lower_bound,
            "limits": list(self.bounds),
            "regret_bound": self.regret_bound,
            "mixture": self.mixture.to_dict(),
            "earlier_rows": self.n_earlier,
            "theory": dict(zip(("truncation", "truncated", "outcomes"), self.theory, strict=True)),
            "allocations": plain_rows(self.comparison()),
            "interventions": plain_rows(self.to_frame()),
            "guarantee": self.guarantee(),
            "notes": list(self.notes),
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Effects with what an interval of 95 % can be expected to look like under each allocation; returns the Axes."""
        from causalbandit.plots.search_design import plot_search_design

        return plot_search_design(
            self.to_frame(),
            [self.problem.interventions.labels[place] for place in self._ranking()],
            ax,
            target=self.problem.graph.target,
            title=f"{self.problem.name or 'Design'}: {self.budget:,} experiments",
        )

    def _repr_html_(self) -> str:
        tables = [
            frame.to_html(index=False, float_format=lambda value: f"{value:.4f}")
            for frame in (self.comparison(), self._errors())
        ]
        head = f"γ* = {self.gamma_star.value:.4g}, {self.budget:,} experiments, mixture by {self.weighting}"
        return f"<p>{html.escape(head)}</p>{''.join(tables)}<p>{html.escape(self.guarantee())}</p>"

    def __repr__(self) -> str:
        best = max(self.allocations, key=lambda each: each.probability_right)
        return (
            f"SearchDesign({self.budget} experiments, γ* {self.gamma_star.value:.4g}, "
            f"right with probability {best.probability_right:.2f} by {best.name})"
        )


def design(
    problem: Problem,
    budget: int,
    *,
    weighting: str = "reach",
    history: Any = None,
    history_interventions: Any = None,
    known: Mapping[str, Any] | None = None,
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
    known : mapping of str to sequence of float, optional
        Tables that need not be learned, per node, as `search` takes them.
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
    budget = whole_number(budget, "budget", most=MOST_EXPERIMENTS, of="experiments")
    strategies = [TwoPhase(weighting=weighting), TwoPhase(pooled=True, weighting=weighting)]
    arms = problem.interventions
    earlier = read_history(problem, history, history_interventions)
    before = None if earlier is None else earlier.counts(arms)
    task = make_task(problem, known, memory, None if before is None else Earlier(before))
    cpt = np.where(task.learned, _tables(problem, before), task.known)
    found = propagate(arms, cpt, reach=True, gradient=True, memory=memory)
    assert found.reach is not None
    assert found.gradient is not None
    prospect = Prospect(task, cpt, found.reach, found.gradient, Maximisation.of(problem).gains(found.effects), budget)

    # The mixtures: by reach without visits in hand for γ*, and the one that was asked for.
    gamma = optimal_mixture(found.reach, learned=task.learned)
    mixture = gamma
    if weighting != "reach" or before is not None:
        in_hand = np.zeros(len(cpt)) if before is None else before.visits
        even = found.reach.mean(axis=1) * budget
        errors = lead_errors(found.gradient, prospect.gains, prospect.variance(prospect.visits(even)))
        weights = row_weights(weighting, found.reach, found.gradient, cpt, prospect.gains, errors)
        mixture = optimal_mixture(found.reach, weights, in_hand / budget, learned=task.learned)

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
    made.append(prospect.by_outcomes("uniform", np.full(len(arms), budget / len(arms)), found.effects, rng))
    for name, sizes in (allocations or {}).items():
        if name in {each.name for each in made}:
            raise InvalidArgument("allocations", f"have the name {name!r} of one that is there already; choose another.")
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
            f"of {name!r} never show {of_row}, on which the effect of {moved} depends. Experiments under {opens} would.",
        )
    return plan
