"""Top-two posterior sampling on the graph's tables: few experiments, any budget, a handful of rounds.

Every experiment teaches every table row that it visits, so the posterior over rows (independent Beta distributions) is
also one over all effects. Draws from it say which interventions may be best and which are their likeliest rivals
(top-two sampling, Russo 2020). Some experiments go straight to these; most go where they are worth most for telling
them apart, row by row, even if under other interventions.

>>> import networkx as nx
>>> from causalbandit import CausalGraph, CausalModel, InterventionSet, Problem, TopTwo, search
>>> graph = CausalGraph(nx.DiGraph([("ad", "trust"), ("trust", "purchase")]), target="purchase")
>>> model = CausalModel(graph, {"ad": [0.5], "trust": [0.2, 0.6], "purchase": [0.1, 0.4]})
>>> problem = Problem(graph, InterventionSet(graph, [{}, {"ad": 0}, {"ad": 1}]), model)
>>> search(problem, 300, TopTwo(rounds=5), rng=0).best
{'ad': 1}
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from causalbandit.allocation import floor_allocation
from causalbandit.arrays import Floats, Integers, Places
from causalbandit.checks import number, one_of, shaped, share, whole_number
from causalbandit.compressed_reach import CompressedReach
from causalbandit.counts import Counts, Origin
from causalbandit.interventions import InterventionSet
from causalbandit.propagation import Propagation, propagate
from causalbandit.spending import Spending
from causalbandit.strategies.batch_sizes import even_sizes, sizes_from_shares
from causalbandit.strategies.effect_draws import EffectDraws, chosen_gradient, streamed_draws
from causalbandit.strategies.maximise import Maximisation
from causalbandit.strategies.posterior import TablePosterior
from causalbandit.strategies.strategy import Batch, Choice, Plan, Task, best_at_random
from causalbandit.strategies.value_of_information import ValueOfInformation

if TYPE_CHECKING:
    import pandas as pd


PLANNING_DRAWS = 200
"""Draws behind a batch's plan."""
SETUPS_PER_ROUND = 10
"""A round has money for so many set-ups at least, so that most of it pays experiments."""
SLIVER = 1e-9
"""Least share of an intervention that is still allowed, once others no longer are."""
OUT_OF_REACH = 5.0
"""Standard deviations beyond which an intervention is left out of the draws: it would win fewer than 1 in 10⁶."""


@dataclass(frozen=True)
class TopTwo:
    """Batched top-two sampling from the posterior of the tables, with batches planned row by row.

    Counts of all experiments are pooled: α̂_c = (t₁ + ½)/(t + 1). The first batch is uniform. Before every other one,
    effects are drawn from the posterior, and the batch is shared out by

    1. how often each intervention wins a draw (half of this part) and how often each wins once the leader, the one with
       the largest posterior mean, is left out (the other half);
    2. for the share ``planned`` of the batch, a mixture η of all interventions under which the experiments that are
       left are worth much: the expected effect of what will look best once they are done, taking into account what
       each row will learn and which effects share it (:mod:`causalbandit.strategies.value_of_information`). The plan
       starts from the shares of part 1 with a tenth spread evenly, and its candidates for the best are those of part 1.
       Late in a search, when hardly any outcome would change the choice, the plan is its start.

    The decision is the largest posterior mean effect. With independent rows and a graph this is exactly μ(α̂), because μ
    is linear in every row and no product holds two rows of one node.

    Parameters
    ----------
    rounds : int
        Number of batches, of equal size but for a longer first one. A real experimenter has 3 to 20.
    draws : int
        Posterior draws S per batch.
    posterior : {"linear", "exact"}
        "linear": μ(α̂) + Σ_c g_c z_c with z_c normal of the Beta posterior's variance; "exact": propagate every draw of
        the tables, S propagations per batch.
    planned : float
        Share of a batch that goes by part 2, in [0, 1]; 0 is plain top-two sampling.
    warm_up : float
        κ ≥ 0: with few experiments per table row the posterior is too vague to steer by. The first min(κC, T)
        experiments are spread evenly, and so is the share κC/(κC + t) of a batch that starts after t; C counts the rows
        to learn. Where tables are known, only interventions that can reach a row to learn get experiments.
    floor : float
        ε in [0, 1]: every intervention gets at least the share ε/A of a batch, so that propensities stay above 0.
    prior : Counts or pandas.DataFrame, optional
        Data from before that count as experiments do: counts of the same family rows, or rows that were observed
        without intervention (one 0/1 column per node). With it the first batch is not uniform but planned like the
        others. Rows that may not agree with the experiments go into the ``history`` of a search instead: they count by
        weight in every estimate, and a row of a table is explored as long as its history is not confirmed
        (:mod:`causalbandit.strategies.earlier`).
    stop_level : float, optional
        Stop when the posterior probability that the leader's effect is within ``stop_tolerance`` of the best reaches
        this level. It is the model's own belief, estimated from the draws, not a guarantee over repeated searches: with
        two arms of .51 and .50 and a look after each of 100 batches, a lead by chance ends most searches long before
        their end, and many of those with the worse arm. For a promise use ``search(..., stop=StopWhenSure(...))``. The
        decision's notes report the belief.
    stop_tolerance : float
        ε of the stopping rule, on the scale of the target's probability.
    knows_tables : bool
        For comparisons: `evaluate_regret` gives it all tables but the target's, as it does to other strategies that say
        so. In `search` tables are given by known=, to any strategy.

    Notes
    -----
    Cost per batch: one propagation with reach and gradient; for the draws C·P² and S·P² multiplications, where P ≤ A
    interventions have a chance (S·C·P when P > C); at each of the plan's 20 steps 2·C·A and 100·C·M for the M
    interventions that won a draw. The propagation dominates on small graphs, the draws on large sets. Memory: four
    arrays of C·A numbers, none of them kept while a batch is run; when one is larger than the bound on memory,
    interventions are worked through some at a time, reach is kept compressed, and the same steps are taken.
    Nothing depends on the budget.

    *Prices.* With a budget of money, shares are shares of money: rounds have equal money, the plan asks what money is
    worth under each intervention, and the first batch costs what κC experiments cost when all interventions get the
    same. With few kinds allowed in a batch, or set-ups to pay, the kinds with the largest shares are kept and their
    plan is made again; how many is decided by the worth of what set-ups leave.

    ``planned`` and ``warm_up`` were set on the shipped graphs, other targets of theirs and random graphs. Regret hardly
    depends on ``planned`` between 0.5 and 1. A smaller warm-up is better on some problems and much worse where most
    rows are seldom visited.

    No regret bound is known for this combination. Beta posteriors of separate rows are exact when tables are
    independent a priori and experiments are independent given their interventions, adaptive batches included.
    """

    rounds: int = 15
    draws: int = 500
    posterior: Literal["linear", "exact"] = "linear"
    planned: float = 0.9
    warm_up: float = 0.25
    floor: float = 0.0
    prior: Counts | pd.DataFrame | None = field(default=None, compare=False)
    stop_level: float | None = None
    stop_tolerance: float = 0.0
    knows_tables: bool = False
    reads_history: ClassVar[bool] = True
    reads_spending: ClassVar[bool] = True

    @property
    def needs(self) -> Literal["rows", "target"]:
        """Whether it learns from all nodes ("rows") or from the target alone ("target")."""
        return "rows"

    def __post_init__(self) -> None:
        whole_number(self.rounds, "rounds", least=1)
        whole_number(self.draws, "draws", least=1)
        one_of(self.posterior, "posterior", ("linear", "exact"))
        share(self.planned, "planned")
        share(self.floor, "floor")
        number(self.warm_up, "warm_up", least=0, fix="It is a number of experiments per table row.")
        if self.stop_level is not None:
            number(self.stop_level, "stop_level", above=0, most=1, fix="None uses the whole budget.")
        number(self.stop_tolerance, "stop_tolerance", least=0, fix="It is a difference of probabilities.")

    @property
    def name(self) -> str:
        """ "top-two", or "top-two-knows-tables"."""
        return "top-two-knows-tables" if self.knows_tables else "top-two"

    def prior_counts(self, interventions: InterventionSet) -> Counts:
        """The data of ``prior``, on the user's scale, as counts of a set's family rows."""
        if self.prior is None:
            return Counts.zeros(interventions)
        if not isinstance(self.prior, Counts):
            observing = InterventionSet(interventions.graph, [{}])
            return Counts.from_frame(observing, {}, self.prior).carried_to(observing, interventions)
        self.prior.require_origin(Origin.of(interventions), "prior")
        expected = "the graph's family rows, as result.counts of a search has them"
        shaped(self.prior.visits, "prior.visits", (interventions.n_family_rows,), expected)
        if len(self.prior.trials) == len(interventions) and self.prior.origin in (None, Origin.of(interventions)):
            return self.prior
        zeros = Counts.zeros(interventions)  # of another set: its interventions are not those of this one
        return replace(zeros, visits=self.prior.visits, ones=self.prior.ones)

    def smallest_budget(self, task: Task) -> int:
        """One experiment."""
        return 1

    def run(self, task: Task, budget: int, rng: np.random.Generator) -> Plan:
        """The generator: batches until the budget is used or the stopping rule holds, then the decision."""
        teaches = task.teaches
        n_teaching = int(teaches.sum())
        visits, ones, n_before = _prior_counts(self, task)
        caution = self.warm_up * task.n_learned
        first = 0 if task.with_rows(visits, ones)[0].any() else min(math.ceil(caution), budget)
        stopped: float | None = None
        used, purse = 0, task.purse
        worth: ValueOfInformation | None = None
        few_kinds = purse is not None and purse.few_kinds
        for end in _ends_of_rounds(budget, self.rounds, first) if purse is None else _sums(purse, self.rounds, first):
            if purse is not None and not purse.affordable.any():
                break
            posterior = TablePosterior.of(task, visits, ones)
            if not posterior.visits.any() and not few_kinds:
                phase, shares = "uniform", teaches / n_teaching
            else:
                left = budget - used if purse is None else purse.money
                shares, certainty, worth = self._shares(task, posterior, left, rng, purse)
                if self.stop_level is not None and certainty >= self.stop_level:
                    stopped = certainty
                    break
                evenly = caution / (caution + n_before + used) if caution else 0.0
                if shares[teaches].any():  # else nothing is left to tell apart
                    shares = np.where(teaches, shares, 0.0)
                    shares = (1 - evenly) * shares / shares.sum() + evenly * teaches / n_teaching
                else:
                    shares = teaches / n_teaching
                if self.floor > 0:
                    shares = floor_allocation(shares, self.floor)
                phase = "top-two"
            if purse is None:
                size, sizes = int(end) - used, np.zeros(len(teaches), dtype=np.int64)
                if phase == "uniform":
                    sizes[teaches] = even_sizes(size, n_teaching, rng)
                else:
                    sizes = sizes_from_shares(size, shares, rng)
            else:
                money = end - purse.spent
                if worth is not None:
                    shares = worth.narrowed_shares(money, shares, purse)
                sizes = purse.sizes(shares, money, rng)
                purse = purse.after(sizes)
                if not sizes.any():  # what a round may spend buys nothing: the next may spend more
                    continue
            counts = yield Batch(sizes, phase)
            visits, ones = visits + counts.visits, ones + counts.ones
            used += int(sizes.sum())

        posterior = TablePosterior.of(task, visits, ones)
        if self.stop_level is None or stopped is not None:
            effects = posterior.propagate(task).effects
        else:
            sample, _ = self._sample(task, posterior, rng, priced=purse is not None)
            effects, stopped = sample.effects, sample.certainty(self.stop_tolerance)
        notes: tuple[str, ...] = ()
        if stopped is not None:
            whole = budget if purse is None else used if purse.most_experiments == 0 else None
            notes = (self._stopping_note(stopped, used, whole),)
        return Choice(best_at_random(effects, rng), effects, posterior.tables(visits), notes=notes)

    def _shares(
        self,
        task: Task,
        posterior: TablePosterior,
        left: float,
        rng: np.random.Generator,
        purse: Spending | None = None,
    ) -> tuple[Floats, float, ValueOfInformation | None]:
        """Shares of the next batch before warm-up and floor, [A]; what the stopping rule asks, 0 without one; V.

        ``left`` is the number of experiments that are left, or the money. V is given where a batch has few kinds.
        """
        arms, few_kinds = task.interventions, purse is not None and purse.few_kinds
        plans = self.planned > 0 or few_kinds
        worth = None
        sample, found = self._sample(task, posterior, rng, reach=plans, priced=purse is not None)
        shares = sample.top_two_shares()
        prices = None if purse is None else purse.prices
        open_ = None if purse is None or purse.affordable.all() else purse.affordable
        certainty = 0.0 if self.stop_level is None else sample.certainty(self.stop_tolerance)
        if plans:
            candidates = np.union1d(np.flatnonzero(shares), sample.leader)
            reach: Floats | CompressedReach
            if found is None:
                gradient = chosen_gradient(task, posterior, candidates)
                reach = CompressedReach(arms, posterior.mean, task.memory)
            else:
                assert found.gradient is not None
                assert found.reach is not None
                gradient, reach = found.gradient[:, candidates], found.reach
            worth = ValueOfInformation.of(
                sample.effects, candidates, gradient, reach, posterior, PLANNING_DRAWS, rng, prices
            )
        if worth is not None and self.planned > 0:
            planned = worth.planned_shares(left, shares) if open_ is None else worth.shares_among(open_, left, shares)
            shares = self.planned * planned + (1 - self.planned) * shares
        if open_ is not None:
            shares = np.where(open_, shares + SLIVER, 0.0)
            shares /= shares.sum()
        return shares, certainty, worth if few_kinds else None

    def _sample(
        self, task: Task, posterior: TablePosterior, rng: np.random.Generator, *, reach: bool = False, priced: bool
    ) -> tuple[EffectDraws, Propagation | None]:
        """S posterior draws of all effects, and what they go by; None where that is larger than the bound on memory."""
        too_large = 8 * len(posterior.mean) * len(task.interventions) > task.memory
        if too_large and self.posterior == "linear" and not priced:
            return streamed_draws(task, posterior, self.draws, OUT_OF_REACH, rng), None
        found = posterior.propagate(task, reach=reach, gradient=True)
        return EffectDraws.among(*self._draw_effects(task, posterior, found, rng), found.effects), found

    def _draw_effects(
        self, task: Task, posterior: TablePosterior, found: Propagation, rng: np.random.Generator
    ) -> tuple[Floats, Places]:
        """S posterior draws of the effects of the M interventions that may be the best, [S, M], and their places."""
        if self.posterior == "exact":
            drawn = propagate(task.interventions, posterior.draw(self.draws, rng), memory=task.memory).effects
            return drawn, np.arange(len(found.effects))
        assert found.gradient is not None
        variance = posterior.variance
        deviation = np.sqrt(variance @ found.gradient**2)
        leader = int(found.effects.argmax())
        # Whoever is OUT_OF_REACH standard deviations below the leader's lower end wins no draw.
        cut = found.effects[leader] - OUT_OF_REACH * deviation[leader]
        places = np.flatnonzero(found.effects + OUT_OF_REACH * deviation >= cut)
        if len(places) == 1:
            places = np.sort(np.argsort(-found.effects - deviation)[:2])
        rows = np.flatnonzero(variance > 0)
        factor = np.sqrt(variance[rows])[:, None] * found.gradient[np.ix_(rows, places)]
        if len(places) < len(rows):
            covariance = factor.T @ factor
            tiny = 1e-10 * covariance.diagonal().max() + 1e-300
            factor = np.linalg.cholesky(covariance + tiny * np.eye(len(places))).T
        drawn = rng.standard_normal((self.draws, len(factor))) @ factor
        drawn += found.effects[places]
        return drawn, places

    def _stopping_note(self, certainty: float, used: int, budget: int | None) -> str:
        within = f"within {self.stop_tolerance:g} of the best" if self.stop_tolerance else "the best"
        how = (
            f"Stopped after {used:,}{'' if budget is None else f' of {budget:,}'} experiments"
            if budget is None or used < budget
            else f"Used all {budget:,} experiments"
        )
        return (
            f"{how}: posterior probability {certainty:.3f} that the chosen intervention is {within} (level "
            f"{self.stop_level:g}). This is the belief of the model given these data, not a guarantee."
        )


def _ends_of_rounds(budget: int, rounds: int, first: int) -> list[int]:
    """Experiments used at the end of each round: equal batches, the first one of at least ``first``; none is empty."""
    start = max(first, -(-budget // rounds))
    later = rounds - 1
    ends = [start] + [start + (budget - start) * (place + 1) // later for place in range(later)]
    return sorted({end for end in ends if end > 0} | {budget})


def _sums(purse: Spending, rounds: int, first: int) -> list[float]:
    """Money spent at the end of each round: equal sums, the first enough for ``first`` experiments at equal money.

    Where interventions must be set up there are fewer rounds, so that one has money for several set-ups.
    """
    if purse.setup.any():
        rounds = max(1, min(rounds, int(purse.money / (SETUPS_PER_ROUND * purse.setup.mean()))))
    dearness = len(purse.prices) / float((1 / purse.prices).sum())
    start = min(max(first * dearness, purse.money / rounds), purse.money)
    later = rounds - 1
    ends = [start] + [start + (purse.money - start) * (place + 1) / later for place in range(later)]
    return [purse.spent + end for end in ends]


def _prior_counts(strategy: TopTwo, task: Task) -> tuple[Integers, Integers, int]:
    """Visits and ones per row, of the target that the strategy sees, and the number of rows before the first batch."""
    before = strategy.prior
    prior = Maximisation(task.interventions, task.goal).counts(strategy.prior_counts(task.interventions))
    n_before = 0 if before is None else before.total if isinstance(before, Counts) else len(before)
    return prior.visits, prior.ones, n_before
