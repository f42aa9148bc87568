"""The search for the best mixture: working sets that grow, and a certificate for every mixture that is tried.

The solve grows two working sets, the contenders in the maximum and the support of the mixture, from a few; each round
costs one small solve and two products with a [C, A] matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from causalbandit.arrays import Flags, Floats, Numbers, Places
from causalbandit.strategies.mixture_solvers import FIRST_ORDER, Restricted, SolveError, Solver, first_order

UNIFORM = "uniform"
"""What found a mixture that is uniform over some interventions, without a solver."""
MAX_ROUNDS = 60
"""Rounds of growing the working sets; 14 served 20,000 interventions."""
POLISH_STEPS = 300
"""Cheap first-order steps after a conic solve that did not help, to scale the next one better."""
AT_ONCE = 5_000
"""Entries of a [C, A] matrix that are solved whole, without growing working sets."""
SAME = 1 - 1e-9
"""Numbers whose ratio is this near to 1 are equal but for rounding, which differs between machines."""
GROWTH = 24
"""Interventions that may join each working set per round."""


def relative_gap(upper: float, lower: float) -> float:
    """upper/lower − 1, at least 0: how far a value may be from the optimum, as a share of it."""
    if upper <= 0:
        return 0.0
    return max(upper / lower - 1, 0.0) if lower > 0 else float("inf")


def learnable(row_weight: Floats, row_reach: Floats, count: Numbers) -> Flags:
    """Which rows have a weight and are reached by some intervention or were visited already; all [C]."""
    return (row_weight > 0) & ((row_reach > 0) | (count > 0))


@dataclass(frozen=True, eq=False)
class MixtureProblem:
    """Rows that count: rate B [C, A] (reach per unit of η), weight W [C, A], count n [C], and row maxima of B and W."""

    rate: Floats
    weight: Floats
    count: Floats
    row_reach: Floats
    row_weight: Floats

    @classmethod
    def from_arrays(cls, rate: Floats, weight: Floats, count: Floats) -> MixtureProblem:
        """The problem of these rows."""
        return cls(rate, weight, count, rate.max(axis=1), weight.max(axis=1))

    def uniform_over_best(self) -> Floats:
        """The mixture uniform over the rows' best interventions; a row that none reaches has no say. O(C·A)."""
        reachable = self.row_reach > 0
        if not reachable.any():
            return np.full(self.n_interventions, 1 / self.n_interventions)
        best = self.best(slice(None) if reachable.all() else reachable)
        mixture: Floats = np.bincount(best, minlength=self.n_interventions) / reachable.sum()
        return mixture

    def uniform_over_cover(self) -> Floats:
        """The mixture uniform over few interventions that reach every row at half its best rate or more.

        Greedy: rows in order of W_c/B_c; a row that is not covered yet brings in its best intervention. O(C·A) at most.
        """
        cover = np.where(self.row_reach > 0, 0.0, np.inf)
        mixture = np.zeros(self.n_interventions)
        with np.errstate(divide="ignore", over="ignore"):
            cost = (self.row_weight / self.row_reach).astype(np.float32)  # equal but for rounding: equal
        for c in np.argsort(-cost, kind="stable"):
            if cover[c] < 0.5 * SAME * self.row_reach[c]:
                best = self.best([c])
                mixture[best] = 1.0
                cover = np.maximum(cover, self.rates(best)[:, 0])
        if not mixture.any():
            mixture[:] = 1.0
        mixture /= mixture.sum()
        return mixture

    @property
    def n_interventions(self) -> int:
        """A."""
        return int(self.rate.shape[1])

    def rates(self, places: Places) -> Floats:
        """Columns of the rate, [C, n]."""
        return self.rate[:, places]

    def weights(self, places: Places) -> Floats:
        """Columns of the weight, [C, n]."""
        return self.weight[:, places]

    def best(self, rows: slice | list[int] | Flags | Places) -> Places:
        """The intervention that reaches each of ``rows`` best; of those that are equal up to rounding the first."""
        best: Places = (self.rate[rows] >= SAME * self.row_reach[rows, None]).argmax(axis=1)
        return best

    def denominators(self, mixture: Floats) -> Floats:
        """d_c = n_c + (Bη)_c, shape [C]; kept above zero so that a starved row shows as a huge value, not as a NaN."""
        support = np.flatnonzero(mixture)
        return np.maximum(self.count + self.rates(support) @ mixture[support], 1e-300)

    def values(self, denominators: Floats) -> Floats:
        """Σ_c W_ca / d_c for every a, shape [A]. One product with W."""
        with np.errstate(over="ignore"):
            return self.on_weights(1 / denominators)

    def bound(
        self,
        denominators: Floats,
        dual: Floats,
        left_out: Places | None = None,
        largest: Callable[[Floats], float] = np.max,
    ) -> tuple[float, Floats]:
        """The lower bound F² / (Σ w n/d² + max_b grad_b), and grad, shape [A]. One product with B.

        Rows ``left_out`` count as nothing, which can only lower the optimum: a row that was too small for the solve,
        and got its sliver of the mixture by rule, would spoil the slope. Where shares have limits, ``largest`` is the
        largest Σ_b η_b grad_b within them.
        """
        support = np.flatnonzero(dual)
        row = (self.weights(support) @ dual[support]) / denominators
        if left_out is not None:
            row[left_out] = 0.0
        with np.errstate(over="ignore", invalid="ignore"):
            gradient = self.on_rates(row / denominators)
            total = float(row.sum())
            slope = float((row / denominators) @ self.count) + float(largest(gradient))
        if not (0 < slope < float("inf") and total < float("inf")):  # a starved row: this point proves nothing
            return 0.0, np.zeros(self.n_interventions)
        return total * (total / slope), gradient

    def restricted(self, rows: Flags) -> MixtureProblem:
        """The problem of some of the rows."""
        arrays = (self.rate, self.weight, self.count, self.row_reach, self.row_weight)
        return MixtureProblem(*(array[rows] for array in arrays))

    def on_rates(self, row: Floats) -> Floats:
        """Σ_c row_c B_ca, [A]."""
        found: Floats = row @ self.rate
        return found

    def on_weights(self, row: Floats) -> Floats:
        """Σ_c row_c W_ca, [A]."""
        found: Floats = row @ self.weight
        return found


class MixtureSearch:
    """The best mixture, the best bound and the working sets while solvers are tried on one problem."""

    def __init__(self, problem: MixtureProblem, tolerance: float) -> None:
        n_interventions = problem.n_interventions
        self.problem, self.tolerance = problem, tolerance
        self.weights = self.dual = np.full(n_interventions, 1 / n_interventions)
        self.upper, self.lower, self.solver, self.rounds = float("inf"), 0.0, UNIFORM, 0
        self.contenders = np.full(n_interventions, len(problem.count) * n_interventions <= AT_ONCE)
        self.support = self.contenders.copy()
        self.small_rows: Places = np.zeros(0, dtype=np.intp)

    @property
    def gap(self) -> float:
        return relative_gap(self.upper, self.lower)

    def start(self) -> None:
        """Offer the mixtures that need no solver; the working sets begin with what the small one uses."""
        support = self.support.copy()
        self.offer(self.problem.uniform_over_best(), None, UNIFORM)
        self.support = support
        self.offer(self.problem.uniform_over_cover(), None, UNIFORM)

    def offer(self, mixture: Floats, dual: Floats | None, solver: str) -> bool:
        """Judge a mixture on the whole problem, keep what is best, let violators join. True if a working set grew."""
        denominators = self.problem.denominators(mixture)
        values = self.problem.values(denominators)
        value = float(values.max())
        if value < self.upper:
            self.upper, self.weights, self.solver = value, mixture, solver
        grew = _join(self.contenders, values)
        if dual is None:  # no solver's word yet: all on the worst contender
            dual = np.zeros_like(mixture)
            dual[values.argmax()] = 1.0
            self.support |= mixture > 0
        if np.isfinite(value):
            bound, gradient = self.problem.bound(denominators, dual, self.small_rows)
            if bound > self.lower:
                self.lower, self.dual = bound, dual
            grew |= _join(self.support, gradient)
        return grew

    def run(self, solve: Solver, name: str) -> str:
        """Rounds of restricted solves until the gap is reached. Empty, or why this solver did not reach it."""
        idle, trouble = 0, ""
        for _ in range(MAX_ROUNDS):
            self.rounds += 1
            before = self.gap
            support, contenders = np.flatnonzero(self.support), np.flatnonzero(self.contenders)
            restricted, spread = self._restrict(support, contenders)
            # A round without progress is followed by cheap first-order steps: their denominators scale the next solve.
            step, used = (
                (solve, name) if idle % 2 == 0 else (partial(first_order, iterations=POLISH_STEPS), FIRST_ORDER)
            )
            try:
                pairs = step(restricted)
            except SolveError as error:
                if trouble:
                    return str(error)
                idle, trouble = 1, str(error)
                continue
            grew = False
            for mixture_part, dual_part in pairs:
                mixture, dual = np.zeros_like(self.weights), np.zeros_like(self.weights)
                mixture[support] = mixture_part
                dual[contenders] = dual_part
                if spread is not None:
                    mixture = (1 - spread.sum()) * mixture + spread
                grew |= self.offer(mixture, dual, used)
            if self.gap <= self.tolerance:
                return trouble if self.solver != name else ""
            idle = 0 if grew or self.gap < 0.7 * before else idle + 1
            if idle > 3:
                return trouble or f"stopped at a gap of {self.gap:.1e}"
        return f"stopped after {MAX_ROUNDS} rounds at a gap of {self.gap:.1e}"

    def _restrict(self, support: Places, contenders: Places) -> tuple[Restricted, Floats | None]:
        """The restricted problem without its small rows, and the share of the mixture that keeps those rows reached."""
        problem = self.problem
        # A row costs at most W_c/n_c when left to its counts. Rows that get the share ε of the mixture, split in
        # proportion to √(W_c/B_c), cost at most S²/ε, S = Σ √(W_c/B_c). Drop the smallest while both costs stay far
        # below the tolerance.
        allowed = self.tolerance / 20
        with np.errstate(divide="ignore"):
            by_counts = problem.row_weight / problem.count
            by_share = np.sqrt(problem.row_weight / problem.row_reach)
        order = np.argsort(by_counts, kind="stable")
        free = order[np.cumsum(by_counts[order]) <= allowed * self.lower]
        by_share[free] = np.inf
        order = np.argsort(by_share, kind="stable")
        shared = order[np.cumsum(by_share[order]) <= allowed * np.sqrt(self.lower)]
        self.small_rows = np.concatenate([free, shared])
        spread = None
        if len(shared):
            spread = np.zeros_like(self.weights)
            np.add.at(spread, problem.best(shared), by_share[shared] / np.sqrt(self.lower))
        kept = np.ones(len(problem.count), dtype=bool)
        kept[self.small_rows] = False
        rows = np.flatnonzero(kept)
        scale, unit = _power_of_two(problem.denominators(self.weights)[rows]), _power_of_two(self.upper)
        start = self.weights[support]
        restricted = Restricted(
            rate=problem.rates(support)[rows] / scale[:, None],
            weight=problem.weights(contenders)[rows] / (scale[:, None] * unit),
            count=problem.count[rows] / scale,
            start=start / start.sum(),
            tolerance=self.tolerance * (0.5 if self.support.all() and self.contenders.all() else 0.25),
        )
        return restricted, spread

    def tidy(self) -> None:
        """Clear the dust an interior-point solver leaves on interventions outside the support, where that is free."""
        trimmed = np.where(self.weights > 1e-7, self.weights, 0.0)
        if trimmed.sum() <= 0 or np.array_equal(trimmed, self.weights):
            return
        trimmed = trimmed / trimmed.sum()
        value = float(self.problem.values(self.problem.denominators(trimmed)).max())
        if value <= self.upper * (1 + 1e-6) and (
            relative_gap(value, self.lower) <= self.tolerance or value <= self.upper
        ):
            self.upper, self.weights = value, trimmed


def _power_of_two(values: Floats | float) -> Floats:
    """The power of two nearest to each positive value on a logarithmic scale: dividing by it loses no digit.

    The numbers that a solver is given are then the same on every machine, however its linear algebra adds up.
    """
    return np.asarray(np.ldexp(1.0, np.rint(np.log2(values)).astype(np.int64)))


def _join(members: Flags, score: Floats) -> bool:
    """Let the largest scores outside the set join it, if they exceed what the set holds; True if any did."""
    outside = np.flatnonzero(~members)
    if not len(outside):
        return False
    level = score[members].max() if members.any() else -np.inf
    best = outside[np.argsort(-score[outside], kind="stable")[:GROWTH]] if len(outside) < 500 else _top(outside, score)
    best = best[score[best] > level * (1 - 1e-9)] if np.isfinite(level) else best
    members[best] = True
    return bool(len(best))


def _top(candidates: Places, score: Floats) -> Places:
    """The candidates with the largest scores, in O(A)."""
    return candidates[np.argpartition(-score[candidates], GROWTH)[:GROWTH]]
