"""The mixture that learns most for a sum of money, within limits on its interventions, and how near to the best it is.

The relaxation knows no limits: shares η of the money M buy M·η_b/k_b experiments each, and the mixture problem with
prices is convex (`causalbandit.strategies.mixture`). With at most so many kinds of experiments, or with set-ups to pay,
it is a choice of a set of interventions, too. Local search finds one: members are exchanged, added and given up as long
as the value falls. What that may have missed is certified: no mixture within the limits has a value below the lower
bound of the relaxation.

With limits on the experiments of one kind, η_b ≤ u_b, the relaxation keeps them. For p on the simplex, w = Wp,
d_c = n_c + (Bη)_c and F = Σ_c w_c/d_c, the optimum is at least F²/(Σ_c w_c n_c/d_c² + max_{η' ≤ u} Σ_b η'_b grad_b),
grad_b = Σ_c w_c B_cb/d_c²: the bound of the mixture problem with the largest gradient replaced by the best sum of money
that the limits allow, dearest first.

>>> import numpy as np
>>> from causalbandit.spending import Limits, Spending
>>> one = np.ones(3)
>>> purse = Spending("money", 100.0, 100.0, one, 0 * one, np.full(3, 10**18), 2, Limits(most_kinds=2))
>>> reach = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]])  # two kinds see one row each, the third both
>>> mixture = limited_mixture(reach, None, np.zeros(2), purse)
>>> mixture.n_used <= 2, round(mixture.value, 3)
(True, 2.0)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from causalbandit.arrays import Flags, Floats, Integers, Places
from causalbandit.derived import Derived
from causalbandit.errors import InvalidArgument
from causalbandit.spending import Spending
from causalbandit.strategies.mixture import DEFAULT_SOLVERS, Mixture, optimal_mixture
from causalbandit.strategies.mixture_search import MixtureProblem, learnable
from causalbandit.strategies.saddle_steps import capped_saddle, dearest_first

LOCAL_SEARCH = "local search"
"""What found a mixture that limits forbid the solver."""
CANDIDATES = 6
"""Interventions outside the set, those with the largest gradient, that are tried in place of each member."""
ROOM = 2.0
"""Where only experiments of one kind are limited, the first members could hold so many times the money."""
GOOD_ENOUGH = 0.01
"""Certified gap at which members stop growing then."""
MOST_MOVES = 40
"""Improvements after which the search ends, whether or not there are more."""
LEAST_GAIN = 1e-4
"""A move must lower the value by this share."""
CONTENDERS = 64
"""Interventions in the maximum that a solve looks at: those that were worst for the mixtures seen so far."""
USED = 1e-6
"""A share below this is dust of a solver."""


def limited_mixture(
    reach: Floats,
    objective: Floats | None,
    visits: Floats | Integers,
    purse: Spending,
    *,
    learned: Flags | None = None,
    tolerance: float = 1e-4,
    solvers: Sequence[str] = DEFAULT_SOLVERS,
) -> Mixture:
    """The mixture for all the money of ``purse`` that minimises the largest error within its limits.

    ``visits`` [C] were made already; the other arguments are those of `optimal_mixture`. In the result ``weights`` are
    shares of the money that pays experiments, ``value`` counts what set-ups cost, and ``lower_bound`` holds for every
    mixture within the limits: ``gap`` certifies the local search.

    Raises
    ------
    InvalidArgument
        When no set of interventions that was tried reaches all rows within the limits.
    """
    money = max(purse.money, float(purse.prices.min()))
    settings: dict[str, Any] = {"learned": learned, "tolerance": tolerance, "solvers": solvers}
    relaxed = optimal_mixture(reach, objective, visits / money, purse.prices, **settings)
    most = np.minimum(purse.most * (purse.prices / money), 1.0)
    within = np.count_nonzero(relaxed.weights > USED) <= purse.kinds and bool((relaxed.weights <= most).all())
    if relaxed.value <= 0 or not purse.affordable.any() or (within and not purse.setup.any()):
        return relaxed
    rows = learnable((reach if objective is None else objective).max(axis=1), reach.max(axis=1), visits)
    if learned is not None:
        rows &= learned
    weight = (reach * reach if objective is None else objective)[rows]
    rate = reach[rows] / purse.prices
    problem = MixtureProblem.from_arrays(rate, weight, visits[rows] / money)
    search = _Search(problem, most, purse.setup / money, purse.kinds, relaxed)
    found = search.run() if purse.few_kinds else search.whole()
    if not np.isfinite(found.value):
        raise InvalidArgument("most_kinds" if purse.few_kinds else "most_each", _no_plan(purse, reach[rows]))
    lower = max(relaxed.lower_bound, search.bound(found))
    return replace(
        relaxed,
        weights=found.shares / found.shares.sum(),
        value=found.value,
        lower_bound=min(lower, found.value),
        solver=LOCAL_SEARCH,
        dual=found.proof[1],
        note=" ".join([*([relaxed.note] if relaxed.note else []), _said(purse, found, lower)]),
    )


def _said(purse: Spending, found: _Point, lower: float) -> str:
    kinds = "few kinds and set-ups" if purse.setup.any() else "few kinds"
    limits = kinds if purse.few_kinds else "few experiments of one kind"
    gap = 100 * max(1 - lower / found.value, 0.0)
    return f"Made for {limits} by local search: no mixture within the limits is better by more than {gap:.2g} %."


def _no_plan(purse: Spending, reach: Floats) -> str:
    if not purse.few_kinds:
        return "leaves rows to be learned that no intervention may reach any more. Allow more experiments of one kind."
    problem = MixtureProblem.from_arrays(reach, reach, np.zeros(len(reach)))
    cover = int(np.count_nonzero(problem.uniform_over_cover()))
    return (
        f"was {purse.kinds}; no {purse.kinds} interventions that were tried reach all {len(reach)} rows to be learned, "
        f"which {cover} do. Allow more kinds, or leave out interventions that need rows of their own."
    )


@dataclass(frozen=True, eq=False)
class _Point:
    """A mixture: shares of all the money [A], its value, shares and dual weights that prove most, its gradient."""

    shares: Floats
    value: float
    proof: tuple[Floats, Floats]
    gradient: Floats

    @property
    def members(self) -> Places:
        return np.flatnonzero(self.shares)


class _Search:
    """Local search over sets of interventions."""

    def __init__(self, problem: MixtureProblem, most: Floats, setup: Floats, kinds: int, relaxed: Mixture) -> None:
        self.problem, self.most, self.setup, self.kinds, self.relaxed = problem, most, setup, kinds, relaxed
        n = len(most)
        self.contenders = np.arange(n) if n <= CONTENDERS else np.flatnonzero(relaxed.dual > 0)
        self.wanted = np.flatnonzero((relaxed.weights > USED) & (most > 0))
        if not len(self.wanted):
            self.wanted = np.flatnonzero(most > 0)[:CANDIDATES]
        self.seen = Derived()

    def run(self) -> _Point:
        """The best point: the relaxation's members given up one by one, then moves as long as they help."""
        best = self._thinned()
        for _ in range(MOST_MOVES):
            tried = [self.solved(members) for members in self._moves(best)]
            good = min(tried, key=lambda point: point.value, default=best)
            if not good.value < best.value * (1 - LEAST_GAIN):
                break
            best = good
        return best

    def whole(self) -> _Point:
        """The best point of all interventions, where only experiments of one kind are limited.

        The members grow by those with the largest gradient until the certificate is as good as asked or nothing helps.
        """
        order = np.argsort(-self._gradient(self.relaxed.weights, self.relaxed.dual), kind="stable")
        order = order[self.most[order] > 0]
        enough = int(np.searchsorted(np.cumsum(self.most[order]), ROOM)) + 1
        members = np.union1d(order[:enough], self.wanted)
        allowed = np.where(self.most > 0, self.problem.rate, 0.0)
        starved = self._starved(members) & allowed.any(axis=1)
        members = np.union1d(members, allowed[starved].argmax(axis=1))
        best, lower = self.solved(members), self.relaxed.lower_bound
        for _ in range(MOST_MOVES):
            lower = max(lower, self.bound(best))
            outside = self._outside(members, best.gradient, max(CANDIDATES, len(members) // 2))
            if not len(outside) or best.value <= lower * (1 + GOOD_ENOUGH):
                break
            members = np.union1d(members, outside)
            point = self.solved(members)
            done = not point.value < best.value * (1 - LEAST_GAIN)
            best = min(best, point, key=lambda each: each.value)
            if done:
                break
        return best

    def _thinned(self) -> _Point:
        members = self.wanted
        point = self.solved(members)
        while len(members) > 1:
            # With many members only those with small shares are tried.
            small = members[np.argsort(self.relaxed.weights[members], kind="stable")[:CANDIDATES]]
            tried = [self.solved(members[members != place]) for place in small]
            good = min(tried, key=lambda each: (each.value, np.count_nonzero(self._starved(each.members))))
            if len(members) <= self.kinds and not good.value < point.value * (1 - LEAST_GAIN):
                break
            point, members = good, good.members
        return point

    def _starved(self, members: Places) -> Flags:
        """Which rows these interventions do not reach, and nothing has visited; shape [C]."""
        reached: Floats = self.problem.rate[:, members].max(axis=1, initial=0.0)
        return reached + self.problem.count <= 0

    def _outside(self, members: Places, score: Floats, most: int) -> Places:
        """The interventions with the largest scores that are allowed and no members, ``most`` at most."""
        score = np.where(self.most > 0, score, -np.inf)
        score[members] = -np.inf
        best = np.argsort(-score, kind="stable")[:most]
        return best[score[best] > -np.inf]

    def _moves(self, point: _Point) -> list[Places]:
        members = point.members
        score = point.gradient
        if not np.isfinite(point.value):  # some row is not reached: those who reach most of such rows
            score = (self.problem.rate[self._starved(members)] > 0).sum(axis=0)
        outside = self._outside(members, score, CANDIDATES)
        moves = [np.append(members[members != old], new) for new in outside for old in members]
        if len(members) < self.kinds:
            moves += [np.append(members, new) for new in outside]
        if self.setup.any() and len(members) > 1:
            moves += [members[members != old] for old in members]
        return moves

    def solved(self, members: Places) -> _Point:
        """The best point with these members."""
        key = tuple(sorted(members.tolist()))
        return self.seen.once(key, lambda: self._solve(np.array(key, dtype=np.intp)))

    def _solve(self, members: Places) -> _Point:
        problem, n = self.problem, len(self.most)
        shares, money = np.zeros(n), 1.0 - float(self.setup[members].sum())
        shares[members] = USED
        rate = problem.rate[:, members]
        if money <= 0 or self._starved(members).any():
            proof = shares, self.relaxed.dual
            return _Point(shares, np.inf, proof, self._gradient(*proof))
        while True:  # contenders grow until none outside is worse
            weight = problem.weight[:, self.contenders]
            best, proof = capped_saddle(rate, weight, problem.count, self.most[members], money)
            shares[members] = best[0]
            values = problem.values(problem.denominators(shares))
            worst = int(values.argmax())
            if worst in self.contenders or values[worst] <= values[self.contenders].max() * (1 + LEAST_GAIN):
                break
            self.contenders = np.union1d(self.contenders, np.argsort(-values, kind="stable")[:CANDIDATES])
        proved, dual = np.zeros(n), np.zeros(n)
        proved[members], dual[self.contenders] = proof
        return _Point(shares, float(values[worst]), (proved, dual), self._gradient(shares, dual))

    def _gradient(self, shares: Floats, dual: Floats) -> Floats:
        return self.problem.bound(self.problem.denominators(shares), dual)[1]

    def bound(self, point: _Point) -> float:
        """The lower bound of the relaxation that keeps to limits on one kind, from this point; 0 where it says none."""
        shares, dual = point.proof
        within = partial(dearest_first, most=self.most, total=1.0)
        return self.problem.bound(self.problem.denominators(shares), dual, largest=within)[0]
