"""The two-phase search: learn roughly how experiments reach the tables, then learn the tables by the best mixture.

Yabe, Hatano, Sumita, Ito, Kakimura, Fukunaga and Kawarabayashi, "Causal bandits with propagating inference" (ICML
2018), Algorithms 1 to 3. The numbered blocks below follow their lines.

>>> import networkx as nx
>>> from causalbandit import CausalGraph, CausalModel, InterventionSet, Problem, TwoPhase, search
>>> graph = CausalGraph(nx.DiGraph([("ad", "trust"), ("trust", "purchase")]), target="purchase")
>>> model = CausalModel(graph, {"ad": [0.5], "trust": [0.2, 0.6], "purchase": [0.1, 0.4]})
>>> problem = Problem(graph, InterventionSet(graph, [{}, {"ad": 0}, {"ad": 1}]), model)
>>> decision = search(problem, 3000, TwoPhase(), rng=0)
>>> decision.best
{'ad': 1}
>>> [(phase, int(sizes.sum())) for phase, sizes in decision.phases.items()]
[('phase 1', 1000), ('phase 2, part 1', 1000), ('phase 2, part 2', 1000)]
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from causalbandit.arrays import Flags, Floats, quotients
from causalbandit.checks import listed, number, one_of
from causalbandit.compressed_reach import CompressedReach
from causalbandit.counts import Counts
from causalbandit.errors import InvalidArgument, InvalidType
from causalbandit.propagation import propagate
from causalbandit.strategies.batch_sizes import rounded_shares
from causalbandit.strategies.limited_mixture import limited_mixture
from causalbandit.strategies.mixture import DEFAULT_SOLVERS, check_settings, optimal_mixture
from causalbandit.strategies.own_experiments import OwnExperiments, row_prices
from causalbandit.strategies.planned_reach import PlannedReach
from causalbandit.strategies.posterior import TablePosterior
from causalbandit.strategies.strategy import Batch, Choice, Plan, Tables, Task, best_at_random
from causalbandit.strategies.weightings import WEIGHTINGS, lead_errors, row_weights

HALF_A_VISIT = 0.5
"""With limits a row that was never visited counts as this often visited in the mixture, as in Jeffreys' prior."""


@dataclass(frozen=True)
class TwoPhase:
    """The two-phase search of Yabe et al. (2018): its simple regret is O(√(γ* log(A·T)/T)), see `gamma_star`.

    That is proved with ``truncation="theory"``, which budgets in practice are too small for; what the default does
    otherwise is said under *Guarantee* below.

    With T experiments and C family rows to learn, phase one spends λ = ⌊T/(3C)⌋ experiments on every row, in
    topological order, under the intervention that reaches the row best as far as is known; phase two does the same
    afresh with what phase one learned, then draws the remaining experiments' interventions from the optimal mixture.

    Parameters
    ----------
    truncation : float or "theory"
        S ≥ 0, in units of expected counts. While planning, an outcome of a row that phase one is expected to see at
        most S times counts as impossible, and a row that no intervention is expected to reach more than S times in λ
        experiments is negligible: it gets no experiments of its own and (without pooling) the estimate 0, or 1 for a
        row of the target when the goal is "min". Small estimated probabilities have large relative errors, which would
        pile up along the graph. "theory" is S = N² log(A·T) with N the number of nodes that matter: the order that the
        proof asks for, with the constant 1. It truncates almost everything at practical budgets; the decision's notes
        say how much. 0 truncates nothing, and rows are negligible only where the estimated reach is 0: such a row keeps
        what its chance visits show. It is the default because it has the least regret at practical budgets.
    pooled : bool
        Estimate every row from the experiments of both phases, by (ones + ½)/(visits + 1), in place of phase two's
        ones/visits. Not in the paper; the same experiments, used for more.
    split : (int, int, int)
        Shares of the budget, as whole numbers, of phase one, of part one and of part two of phase two. Part two also
        gets what the others cannot use.
    tolerance : float
        Relative gap to which the mixture is solved; statistics need no better.
    solvers : sequence of str
        Tried in order, as in `optimal_mixture`.
    weighting : {"reach", "variance", "contrast"}
        What the mixture of the last part is to learn best: the paper's reach, the effects, or the lead of the
        intervention that looks best (`causalbandit.strategies.weightings`). The last two plan by tables estimated from
        all experiments so far, (ones + ½)/(visits + 1).

    Notes
    -----
    *One propagation and one batch per layer.* Nodes of one topological generation do not need each other's tables, so
    their rows are planned and run together; an experiment of such a batch counts for every row of the layer that it
    visits (the paper counts only a row's own λ). Between layers only the messages are made anew that depend on the
    layer's tables, with truncation also those in which two families of a layer differ: planning a chain costs a few
    messages per node. Nothing but the layer's own counts is read of such a batch, unless estimates are pooled or there
    are rows from before, and the simulator draws long graphs that far (:mod:`causalbandit.partial_draws`).

    *Rows that no intervention reaches* are given no experiments.

    *Rows from before* (``history=`` of a search) count by weight wherever experiments are counted: in the estimates of
    both phases and in the denominators of the mixture. Every row still gets its λ experiments, which tell how far the
    history agrees, so the smallest budget stays what it is.

    *Prices.* With a budget of money its parts are sums of money. In the first two every row gets money in place of λ
    experiments (:mod:`causalbandit.strategies.own_experiments`) and spends it where it reaches most for the price; the
    mixture's shares are shares of money. With limits the mixture is made to keep to them, and its certificate compares
    it with the best that knows no limits (:mod:`causalbandit.strategies.limited_mixture`).

    *Guarantee.* The bound is for experiments that are independent given the intervention, a graph that says where
    hidden common causes are, ``pooled=False``, ``weighting="reach"`` and a truncation of the order of "theory". Three
    things differ from the algorithm that it is proved for:

    - Truncation is 0 by default. The proof bounds the relative error of estimated reach by leaving rare outcomes out;
      without truncation it says nothing of them, and the bound is a guide that simulations have to back.
    - Phase one counts an experiment for every row of its layer that it visits. Given the visits the outcomes are as
      independent as those of a row's own λ experiments, and there are at least as many.
    - The mixture's denominators hold the visits that part one of phase two has made, where the paper has a constant
      per row. The planned value is at most the paper's whenever every row was visited at least as often as its constant
      says.
    """

    truncation: float | Literal["theory"] = 0.0
    pooled: bool = False
    split: tuple[int, int, int] = (1, 1, 1)
    tolerance: float = 1e-3
    solvers: tuple[str, ...] = DEFAULT_SOLVERS
    weighting: str = "reach"
    reads_history: ClassVar[bool] = True
    reads_spending: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.truncation != "theory":
            fix = "It is an expected count, for example 1, or 'theory'; 0 truncates nothing."
            number(self.truncation, "truncation", least=0, fix=fix)
        one_of(self.weighting, "weighting", WEIGHTINGS)
        expected = "three whole numbers of at least 1, the shares of phase one and of the two parts of phase two"
        parts = listed(self.split, "split", expected)
        if not all(isinstance(part, (int, np.integer)) for part in parts) or len(parts) != 3 or min(parts) < 1:
            raise InvalidArgument("split", f"was {parts!r}; expected {expected}, for example (1, 1, 1).")
        if not isinstance(self.pooled, bool):
            raise InvalidType("pooled", f"was {self.pooled!r}; expected True or False.")
        object.__setattr__(self, "split", tuple(int(part) for part in parts))
        # Checked now: the mixture is solved when two thirds of the budget are gone.
        check_settings(self.tolerance, self.solvers)
        object.__setattr__(self, "solvers", tuple(self.solvers))

    @property
    def name(self) -> str:
        """ "two-phase", or "two-phase-pooled"."""
        return "two-phase-pooled" if self.pooled else "two-phase"

    @property
    def needs(self) -> Literal["rows", "target"]:
        """Experiments must observe all nodes."""
        return "rows"

    def truncation_at(self, task: Task, budget: int) -> float:
        """S for a budget T: the number given, or N² log(A·T) for "theory"; N counts the target and its ancestors."""
        if self.truncation != "theory":
            return self.truncation
        return len(task.graph.ancestors) ** 2 * math.log(len(task.interventions) * budget)

    def smallest_budget(self, task: Task) -> int:
        """3C with the even split: one experiment per row to learn in each of the three parts."""
        return max(1, -(-sum(self.split) * task.n_learned // min(self.split[:2])))

    def smallest_money(self, task: Task) -> float:
        """What every row needs to pay an experiment of its own in each of the three parts."""
        root = np.sqrt(row_prices(task))
        return float(root.max(initial=0.0) * root.sum() * sum(self.split) / min(self.split[:2]))

    def explain_smallest_budget(self, task: Task) -> str:
        """Where the smallest budget comes from, and what to do below it."""
        if task.purse is not None:
            return (
                f"Each of {task.n_learned} family rows needs an experiment of its own in each part. Raise the budget "
                "or the limits, or use the strategy 'top-two', which works with any."
            )
        factor = "3" if len(set(self.split)) == 1 else f"{sum(self.split)}/{min(self.split[:2])}"
        return (
            f"That is {factor}·C with C = {task.n_learned} family rows to learn: every row needs an experiment of its "
            "own in each part. Raise the budget, use the strategy 'top-two', which works with any budget because "
            "experiments count for all rows they visit, or say which tables are known."
        )

    def run(self, task: Task, budget: int, rng: np.random.Generator) -> Plan:
        """The generator of Algorithm 3: phase one, phase two, decision."""
        interventions, learned, given = task.interventions, task.learned, task.rows.known
        n_rows = interventions.n_family_rows
        first, second = (OwnExperiments.of(task, budget, share, sum(self.split)) for share in self.split[:2])
        purse = task.purse
        seen, used, notes = Counts.zeros(interventions), 0, []
        truncation = self.truncation_at(task, budget)

        # ---- Algorithm 1: phase one, estimates of reach
        # 1-2. Known rows keep their values; the others start at one half, which means "not known" while unvisited.
        rough = np.where(given, task.known, _estimates(task, seen))
        truncated = np.zeros((n_rows, 2), dtype=bool)
        planning = PlannedReach(task)
        for families in interventions.layers:
            rows = np.concatenate([np.arange(family.rows.start, family.rows.stop) for family in families])
            to_learn = learned[rows]
            if not to_learn.any():
                continue
            # 4-6. How every intervention reaches the layer's rows, and which reaches each best.
            reach = planning.of(families, rough, truncated)
            rows = rows[to_learn]
            sizes, own_visits = first.plan(rows, reach[to_learn], purse)
            # 7-11. λ experiments per row that can be reached.
            purse = None if purse is None else purse.after(sizes)
            if sizes.any():
                read = families if task.history is None and not self.pooled else None
                counts = yield Batch(sizes, "phase 1", read)
                seen, used = seen + counts, used + int(sizes.sum())
                rough[rows] = _estimates(task, counts if task.history is None else seen)[rows]
            # 12-17. Outcomes expected at most S times count as impossible in all later reaches. With S = 0 there is
            # nothing to do: they are impossible, or behind a row that is, by their estimates already.
            if truncation > 0:
                expected = own_visits[:, None] * np.stack([1 - rough[rows], rough[rows]], axis=1)
                truncated[rows] = expected <= truncation
        # 20. Reach under all estimates; rows that λ experiments would visit at most S times are negligible.
        streamed = purse is None and self.weighting == "reach"
        whole = planning.of_all(rough, truncated, compressed=streamed)
        every = np.arange(n_rows)
        top = whole.maxima() if isinstance(whole, CompressedReach) else whole
        negligible = ~given & (first.visits(every, top, purse) <= truncation)
        planned = learned & ~negligible
        if self.truncation == "theory":
            cut = int(truncated.sum()), int(negligible.sum())
            notes.append(theory_note(truncation, first.number, *cut, task.n_learned))

        # ---- Algorithm 2: phase two, estimates of tables
        fresh = Counts.zeros(interventions)
        # 1-11. λ experiments for every row that is not negligible.
        top = whole.maxima(planned) if isinstance(whole, CompressedReach) else whole[planned]
        sizes, _ = second.plan(every[planned], top, purse)
        purse = None if purse is None else purse.after(sizes)
        if sizes.any():
            counts = yield Batch(sizes, "phase 2, part 1")
            fresh, used = fresh + counts, used + int(sizes.sum())
        # 12. The mixture for the rest; what was seen already stands in the denominators.
        remaining = budget - used if learned.any() else 0
        counted = fresh if not self.pooled else seen + fresh
        objective = None
        if self.weighting != "reach":
            whole, objective = _planned_by_tables(task, seen + fresh, self.weighting)
        visits = task.with_rows(counted.visits, counted.ones)[0]
        settings: dict[str, Any] = {"learned": planned, "tolerance": self.tolerance, "solvers": self.solvers}
        if purse is None:
            mixture = optimal_mixture(whole, objective, counts=visits / max(remaining, 1), **settings)
        else:
            assert not isinstance(whole, CompressedReach)
            if purse.few_kinds or purse.capped:  # limits may leave no way to see the rows that were not seen yet
                visits = np.maximum(visits, HALF_A_VISIT)
            mixture = limited_mixture(whole, objective, visits, purse, **settings)
        # 13-20. Interventions of the remaining experiments drawn from it.
        if purse is not None and remaining:
            sizes = purse.sizes(rounded_shares(mixture.weights), None, rng)
            remaining = int(sizes.sum())
        elif remaining:
            sizes = rng.multinomial(remaining, rounded_shares(mixture.weights))
        if remaining:
            counts = yield Batch(sizes, "phase 2, part 2")
            fresh = fresh + counts
        # 21-23. Every experiment counts for every row it visited.
        if self.pooled:
            seen = seen + fresh
            visits = seen.visits
            estimate = TablePosterior.of(task, visits, seen.ones).mean
        else:
            visits = fresh.visits
            estimate = _estimates(task, fresh, rough)
            if truncation > 0:
                estimate[negligible] = 0.0
        tables = np.where(given, task.known, estimate)

        # ---- Algorithm 3: the decision
        effects = propagate(interventions, tables, memory=task.memory).effects
        if not learned.any():
            notes.append("All tables are known: no experiment was needed.")
        before = 0 if task.history is None else task.history.counts.visits
        notes += _unvisited_note(task, learned & (visits + before == 0), self.pooled)
        if mixture.note:
            notes.append(f"Mixture: {mixture.note}")
        return Choice(
            best_index=best_at_random(effects, rng),
            effects=effects,
            tables=Tables(tables, visits, given, truncated, negligible),
            mixture=mixture,
            notes=tuple(notes),
        )


def _planned_by_tables(task: Task, seen: Counts, weighting: str) -> tuple[Floats, Floats | None]:
    """Reach and weights of the mixture, [C, A] each, under the tables that all experiments so far tell."""
    posterior = TablePosterior.of(task, seen.visits, seen.ones)
    found = posterior.propagate(task, reach=True, gradient=True)
    assert found.reach is not None
    assert found.gradient is not None
    errors = lead_errors(found.gradient, found.effects, posterior.variance)
    return found.reach, row_weights(weighting, found.gradient, posterior.mean, found.effects, errors)


def theory_note(truncation: float, first: int, n_truncated: int, n_negligible: int, n_rows: int) -> str:
    """What truncation by the theory does to a search of ``first`` experiments per row in phase one."""
    said = (
        f"Truncation by the theory: S = N² log(A·T) = {truncation:,.0f} expected counts, with {first:,} experiments "
        f"per row in phase one. {n_truncated} of {2 * n_rows} outcomes counted as impossible while planning, and "
        f"{n_negligible} of {n_rows} rows were negligible"
    )
    if 2 * n_truncated < n_rows:
        return f"{said}."
    return f"{said}: the budget is too small for it, and the choice is little more than a guess. Use truncation 0."


def _estimates(task: Task, counts: Counts, otherwise: Floats | float = 0.5) -> Floats:
    """Shares of ones in every row, those of a history counted by weight; ``otherwise`` where there is no visit."""
    visits, ones = task.with_rows(counts.visits, counts.ones)
    return quotients(ones, visits, otherwise)


def _unvisited_note(task: Task, unvisited: Flags, pooled: bool) -> list[str]:
    """A sentence on rows that no experiment visited, if there are any that an intervention could reach."""
    if not unvisited.any():
        return []
    even = np.where(task.rows.known, task.known, 0.5)  # reach is positive under these tables where it can be under any
    nothing = np.zeros((len(even), 2), dtype=bool)
    reach = PlannedReach(task).of_all(even, nothing, compressed=True)
    most = reach.most if isinstance(reach, CompressedReach) else reach.max(axis=1)
    number = int((unvisited & (most > 0)).sum())
    if not number:
        return []
    instead = "0.5 stands for them" if pooled else "phase one's estimate or 0.5 stands for them, 0 for negligible ones"
    return [f"{number} of {task.n_learned} family rows were never visited: {instead}."]
