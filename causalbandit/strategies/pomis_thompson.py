"""Thompson sampling over the interventions that the graph says can be best: a baseline that uses only its shape.

Lee & Bareinboim (2018) find the sets of nodes worth fixing and let a bandit algorithm play their assignments as
separate arms. What one experiment tells of another intervention is not used.

>>> import networkx as nx
>>> from causalbandit import CausalGraph, CausalModel, InterventionSet, Problem, search
>>> graph = CausalGraph(nx.DiGraph([("ad", "trust"), ("trust", "purchase")]), target="purchase")
>>> model = CausalModel(graph, {"ad": [0.5], "trust": [0.2, 0.6], "purchase": [0.1, 0.6]})
>>> problem = Problem(graph, InterventionSet.up_to(graph, 1), model)
>>> result = search(problem, 300, POMISThompson(), rng=0)
>>> result.best
{'trust': 1}
>>> int(result.experiments[1:3].sum())  # ad = 0 and ad = 1 only pass through trust
0
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from causalbandit.arrays import Integers, Numbers, Places
from causalbandit.checks import share
from causalbandit.strategies.batch_sizes import sizes_from_shares
from causalbandit.strategies.strategy import Batch, Choice, Plan, Task, best_at_random

MOST_BATCHES = 30
"""About so many batches where each pays for its set-ups."""
MOST_DRAWS = 1000
"""Posterior draws behind one batch, at most: the standard error of a share is then 1.6 percentage points or less."""


@dataclass(frozen=True)
class POMISThompson:
    """Thompson sampling on the members that are not redundant by the graph, then the best posterior mean.

    Left out are those that :meth:`causalbandit.InterventionSet.redundant` names. The rest are arms with independent
    Beta(1, 1) priors; each experiment goes to the arm that wins a draw from the posterior (Thompson 1933). Rows of a
    history count by weight as outcomes of exactly the intervention under which they were collected.

    Parameters
    ----------
    batch : float
        Experiments per batch, as a share of those done before, at least one experiment; 0 decides anew after every one.
    """

    batch: float = 0.01
    reads_history: ClassVar[bool] = True
    reads_spending: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """Short name, as in the table of strategies."""
        return "pomis-thompson"

    @property
    def needs(self) -> Literal["rows", "target"]:
        """Whether it learns from all nodes ("rows") or from the target alone ("target")."""
        return "target"

    def __post_init__(self) -> None:
        share(self.batch, "batch")

    def smallest_budget(self, task: Task) -> int:
        """One experiment."""
        return 1

    def smallest_money(self, task: Task) -> float:
        """The cheapest experiment that is not redundant."""
        assert task.purse is not None
        return float((task.purse.prices + task.purse.setup)[_not_redundant(task)].min())

    def run(self, task: Task, budget: int, rng: np.random.Generator) -> Plan:
        """Batches of growing size."""
        arms = _not_redundant(task)
        trials, successes = np.zeros((2, len(task.interventions)), dtype=np.int64)
        done, purse = 0, task.purse
        least = 1
        if purse is not None and purse.setup.any():  # every batch pays set-ups anew
            least = max(1, math.ceil(budget / MOST_BATCHES))
        while done < budget:
            size = min(max(least, int(self.batch * done)), budget - done)
            if purse is not None:
                arms = arms[purse.affordable[arms]]
                if not len(arms):
                    break
            a, b = (each[arms] for each in _beta(task, trials, successes))
            draws = rng.beta(a, b, size=(min(size, MOST_DRAWS), len(arms)))
            sizes = np.zeros(len(task.interventions), dtype=np.int64)
            wins = np.bincount(draws.argmax(axis=1), minlength=len(arms))
            sizes[arms] = wins if len(draws) == size else sizes_from_shares(size, wins / len(draws), rng)
            if purse is not None:
                if not purse.keeps(sizes):
                    sizes = purse.sizes(sizes * purse.prices, None, rng)
                purse, size = purse.after(sizes), int(sizes.sum())
                if not size:
                    break
            counts = yield Batch(sizes, "Thompson sampling")
            trials += counts.trials
            successes += counts.successes
            done += size
        arms = _not_redundant(task)
        a, b = (each[arms] for each in _beta(task, trials, successes))
        means = np.full(len(task.interventions), np.nan)
        means[arms] = a / (a + b)
        return Choice(best_at_random(means, rng), effects=means)


def _beta(task: Task, trials: Integers, successes: Integers) -> tuple[Numbers, Numbers]:
    """Parameters of the posterior of every intervention's mean, [A] each."""
    if task.history is None:
        return 1 + successes, 1 + trials - successes
    known, ones = task.with_arms(trials, successes)
    mean, total = (1 + ones) / (2 + known), 2 + task.history.arm_evidence(trials, successes)
    return mean * total, (1 - mean) * total


def _not_redundant(task: Task) -> Places:
    """Places of the interventions that are not redundant; found once per set."""
    arms = task.interventions

    def places() -> Places:
        named = {arms.index(answer.intervention) for answer in arms.redundant()}
        return np.array([place for place in range(len(arms)) if place not in named], dtype=np.intp)

    return arms.derived.once("not_redundant", places)
