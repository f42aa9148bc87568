"""Strategies to compare with: the best known ones that ignore the graph, and two simple ones that use it.

=====================  ====================================================================  ===========
strategy               source                                                                uses
=====================  ====================================================================  ===========
Uniform                folklore: equal shares, best sample mean                              target only
SuccessiveRejects      Audibert, Bubeck & Munos (2010), Figure 3                             target only
SequentialHalving      Karnin, Koren & Somekh (2013), Algorithm 1                            target only
UniformPlugIn          equal shares, effects from the graph with estimated tables            all nodes
ImportanceWeighted     Lattimore, Lattimore & Reid (2016), Algorithm 2                       target's family
=====================  ====================================================================  ===========

K is the number of interventions, T the budget. All always maximise; ties are broken at random.

Rows from before (``history=`` of a search) count by weight (:mod:`causalbandit.strategies.earlier`): for those that use
all nodes in every row of a table that they visit, for the others as outcomes of exactly the intervention under which
they were collected. They never replace an experiment: numbers of experiments stay those of the published rules.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from causalbandit.arrays import Floats, Integers, Places, quotients
from causalbandit.counts import Counts
from causalbandit.propagation import propagate
from causalbandit.strategies.batch_sizes import (
    affordable_length,
    even_sizes,
    rounded_shares,
    rounds_of_halving,
    sequential_halving_rounds,
    sizes_from_shares,
    successive_rejects_lengths,
)
from causalbandit.strategies.earlier import Earlier
from causalbandit.strategies.mixture import Mixture, optimal_mixture
from causalbandit.strategies.posterior import TablePosterior
from causalbandit.strategies.strategy import Batch, Choice, Plan, Task, best_at_random, check_tables


@dataclass(frozen=True)
class Uniform:
    """Equal numbers of experiments, then the best share of ones; the graph is ignored."""

    reads_history: ClassVar[bool] = True
    reads_spending: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return "uniform"

    @property
    def needs(self) -> Literal["rows", "target"]:
        """Whether it learns from all nodes ("rows") or from the target alone ("target")."""
        return "target"

    def smallest_budget(self, task: Task) -> int:
        """One experiment; interventions that get none are never chosen."""
        return 1

    def run(self, task: Task, budget: int, rng: np.random.Generator) -> Plan:
        """One batch."""
        purse = task.purse
        sizes = even_sizes(budget, len(task.interventions), rng) if purse is None else purse.even(rng=rng)
        counts = yield Batch(sizes, "uniform")
        means = _sample_means(task, counts.trials, counts.successes)
        return Choice(best_at_random(means, rng), effects=means)


@dataclass(frozen=True)
class SuccessiveRejects:
    """Successive rejects (Audibert, Bubeck & Munos 2010): K − 1 phases, each drops the worst sample mean.

    Phase k brings every intervention still in to n_k = ⌈(T − K) / (logbar(K)·(K + 1 − k))⌉ experiments, with
    logbar(K) = ½ + Σ_{i=2..K} 1/i. Outcomes of all phases count. The total is at most T.

    With prices n_k = ⌊s / (K + 1 − k)⌋, where s is chosen anew before each phase: the largest that the money left can
    pay even if the cheapest interventions are dropped first.
    """

    reads_history: ClassVar[bool] = True
    reads_spending: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return "successive-rejects"

    @property
    def needs(self) -> Literal["rows", "target"]:
        """Whether it learns from all nodes ("rows") or from the target alone ("target")."""
        return "target"

    def smallest_budget(self, task: Task) -> int:
        """K + 1: below, the first phase would be empty."""
        return len(task.interventions) + 1 if len(task.interventions) > 1 else 1

    def smallest_money(self, task: Task) -> float:
        """One experiment under each intervention, with its set-up."""
        assert task.purse is not None
        return float((task.purse.prices + task.purse.setup).sum())

    def run(self, task: Task, budget: int, rng: np.random.Generator) -> Plan:
        """K − 1 batches."""
        n_arms, purse = len(task.interventions), task.purse
        if n_arms == 1:
            counts = yield Batch(np.array([budget]) if purse is None else purse.even(), "successive rejects")
            return Choice(0, effects=_sample_means(task, counts.trials, counts.successes))
        trials, successes = np.zeros((2, n_arms), dtype=np.int64)
        priority = rng.random(n_arms)  # breaks ties between equal numbers of successes
        active = np.arange(n_arms)
        lengths = successive_rejects_lengths(n_arms, budget) if purse is None else np.zeros(n_arms - 1, dtype=np.int64)
        before = 0
        for phase in range(n_arms - 1):
            after = int(lengths[phase]) if purse is None else affordable_length(purse, active, before)
            if after > before:
                sizes = np.zeros(n_arms, dtype=np.int64)
                sizes[active] = after - before
                counts = yield Batch(sizes, "successive rejects")
                successes += counts.successes
                trials[active] = before = after
                purse = None if purse is None else purse.after(sizes)
            # All active interventions have the same number of experiments: compare their successes, or with a history
            # those that its weighted means would give in as many.
            worst = _score(task, trials, successes, priority)[active].argmin()
            active[worst] = active[-1]
            active = active[:-1]
        return Choice(int(active[0]), effects=_sample_means(task, trials, successes))


@dataclass(frozen=True)
class SequentialHalving:
    """Sequential halving (Karnin, Koren & Somekh 2013): ⌈log₂ K⌉ rounds, each keeps the better half.

    A round gives every intervention still in ⌊T / (|S|·⌈log₂ K⌉)⌋ experiments and keeps the ⌈|S|/2⌉ best.

    Parameters
    ----------
    pooled : bool
        Judge by all outcomes so far instead of the round's own, which is the published rule.
    """

    pooled: bool = False
    reads_history: ClassVar[bool] = True
    reads_spending: ClassVar[bool] = True

    @property
    def needs(self) -> Literal["rows", "target"]:
        """Whether it learns from all nodes ("rows") or from the target alone ("target")."""
        return "target"

    @property
    def name(self) -> str:
        """ "sequential-halving", or "sequential-halving-pooled"."""
        return "sequential-halving-pooled" if self.pooled else "sequential-halving"

    def smallest_budget(self, task: Task) -> int:
        """K·⌈log₂ K⌉: one experiment each in the first round."""
        n_arms = len(task.interventions)
        return max(1, n_arms * rounds_of_halving(n_arms))

    def smallest_money(self, task: Task) -> float:
        """⌈log₂ K⌉ times the price of one experiment under each intervention: a round has equal money."""
        assert task.purse is not None
        rounds = max(1, rounds_of_halving(len(task.interventions)))
        return rounds * float((task.purse.prices + task.purse.setup).sum())

    def run(self, task: Task, budget: int, rng: np.random.Generator) -> Plan:
        """⌈log₂ K⌉ batches."""
        n_arms, purse = len(task.interventions), task.purse
        trials, successes = np.zeros((2, n_arms), dtype=np.int64)
        active = np.arange(n_arms)
        priority = rng.random(n_arms)
        rounds = sequential_halving_rounds(n_arms, budget)
        for place, (kept, size) in enumerate(rounds):
            sizes = np.zeros(n_arms, dtype=np.int64)
            sizes[active] = size
            if purse is not None:
                among = np.bincount(active, minlength=n_arms) > 0
                sizes = purse.even(among, purse.money / (len(rounds) - place))
                purse = purse.after(sizes)
            counts = yield Batch(sizes, "sequential halving")
            trials += counts.trials
            successes += counts.successes
            judged = (trials, successes) if self.pooled else (counts.trials, counts.successes)
            score = _score(task, *judged, priority)
            active = active[np.argsort(-score[active])[:kept]]
        return Choice(int(active[0]), effects=_sample_means(task, trials, successes))


@dataclass(frozen=True)
class UniformPlugIn:
    """Equal numbers of experiments, then the effects that the graph gives with tables estimated from all of them.

    Tables are posterior means (t₁ + ½)/(t + 1); every experiment counts for each row that it visits. With prices every
    intervention gets the same money.
    """

    reads_history: ClassVar[bool] = True
    reads_spending: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return "uniform-plug-in"

    @property
    def needs(self) -> Literal["rows", "target"]:
        """Whether it learns from all nodes ("rows") or from the target alone ("target")."""
        return "rows"

    def smallest_budget(self, task: Task) -> int:
        """One experiment."""
        return 1

    def run(self, task: Task, budget: int, rng: np.random.Generator) -> Plan:
        """One batch and one propagation."""
        n_arms, purse = len(task.interventions), task.purse
        sizes = even_sizes(budget, n_arms, rng) if purse is None else purse.sizes(np.ones(n_arms), None, rng)
        counts = yield Batch(sizes, "uniform")
        posterior = TablePosterior.of(task, counts.visits, counts.ones)
        effects = posterior.propagate(task).effects
        return Choice(best_at_random(effects, rng), effects=effects, tables=posterior.tables(counts.visits))


@dataclass(frozen=True)
class ImportanceWeighted:
    """The general algorithm of Lattimore, Lattimore & Reid (2016, Algorithm 2): truncated importance weights.

    It is given P(parents of the target | do(a)) for every a, that is, all tables but the target's. Interventions are
    drawn from the mixture η that minimises m(η) = max_a E_a[P_a/Q], Q = Σ_b η_b P_b, P_a = P(parents | do(a)); then
    μ̂(a) = (1/T) Σ_t Y_t R_a(X_t)·1{R_a(X_t) ≤ B}, R_a = P_a/Q, B = √(m(η)·T / log(2TK)). The numbers of experiments
    are η·T rounded without bias instead of drawn, which only lowers the variance. Rows of the target that are known,
    too, count with their value times P_a in place of what was seen in them.

    Cost: one propagation, and the mixture once per set of interventions (kept with it).
    """

    reads_history: ClassVar[bool] = True
    reads_spending: ClassVar[bool] = True
    knows_tables: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return "importance-weighted-knows-tables"

    @property
    def needs(self) -> Literal["rows", "target"]:
        """Whether it learns from all nodes ("rows") or from the target alone ("target")."""
        return "rows"

    def smallest_budget(self, task: Task) -> int:
        """One experiment."""
        return 1

    def run(self, task: Task, budget: int, rng: np.random.Generator) -> Plan:
        """One batch; an InvalidArgument names the tables that are not known, other than the target's."""
        check_tables(self, task)
        reach, mixture = _parents_design(task)
        shares, value = rounded_shares(mixture.weights), mixture.value
        if task.purse is None:
            sizes = sizes_from_shares(budget, shares, rng)
        else:
            sizes = task.purse.sizes(shares, None, rng)
            budget, shares = int(sizes.sum()), sizes / sizes.sum()
        counts = yield Batch(sizes, "mixture")
        mixed = (reach @ shares)[:, None]  # Q(configuration)
        ratio = quotients(reach, mixed)
        if task.purse is not None:
            value = float((reach * ratio).sum(axis=0).max())  # m(η) at the shares of experiments that were run
        bound = math.sqrt(value * budget / math.log(2 * budget * len(task.interventions)))
        kept = np.where(ratio <= bound, ratio, 0.0)
        rows = _target_rows(task)
        learned = task.learned[rows]
        if task.history is None:
            effects = (learned * counts.ones[rows]) @ kept / budget
        else:
            effects = (learned * _ones_per_experiment(task.history, counts, rows, mixed[:, 0], budget)) @ kept
        effects = effects + np.where(learned, 0.0, task.known[rows]) @ reach
        return Choice(best_at_random(effects, rng), effects=effects, mixture=mixture)


def _score(task: Task, trials: Integers, successes: Integers, priority: Floats) -> Floats:
    """Successes, with a history those that its weighted means would give in as many trials, and ``priority`` added."""
    if task.history is None:
        return successes + priority
    return np.where(trials > 0, _sample_means(task, trials, successes) * trials, successes) + priority


def _ones_per_experiment(history: Earlier, counts: Counts, rows: Places, mixed: Floats, budget: int) -> Floats:
    """Ones of the target in each of its rows per experiment: those of the history too, at the mixture's visits Q."""
    weights = history.row_weights(counts.visits, counts.ones)[rows]
    visits = budget * mixed + weights * history.counts.visits[rows]
    ones = counts.ones[rows] + weights * history.counts.ones[rows]
    return quotients(ones * mixed, visits)


def _sample_means(task: Task, trials: Integers, successes: Integers) -> Floats:
    """Share of ones under every intervention, those of a history counted by weight; NaN without any outcome; [A]."""
    weighed, ones = task.with_arms(trials, successes)
    return quotients(ones, weighed, np.nan)


def _target_rows(task: Task) -> Places:
    """The target's family rows; with hidden causes those of all its districts, of which an intervention uses one."""
    families = task.interventions.families_of(task.graph.target)
    return np.concatenate([np.arange(family.rows.start, family.rows.stop) for family in families])


def _parents_design(task: Task) -> tuple[Floats, Mixture]:
    """P(parents of the target | do(a)), [target's rows, A], and the mixture for it; made once per set."""
    cpt = np.where(np.isnan(task.known), 0.5, task.known)
    costs = None if task.purse is None else task.purse.prices
    key = ("parents_design", cpt.tobytes(), None if costs is None else costs.tobytes())

    def design() -> tuple[Floats, Mixture]:
        reach = propagate(task.interventions, cpt, reach=True, memory=task.memory).reach
        assert reach is not None
        rows = np.clip(reach[_target_rows(task)], 0, 1)
        return rows, optimal_mixture(rows, costs=costs)

    return task.interventions.derived.once(key, design)
