"""The mixture of interventions that learns the tables best for its worst-served intervention, with a certificate.

A mixture η (a probability vector over A interventions) reaches family row c at the rate (Bη)_c, B = reach. The error
of an estimated effect μ̄(a) then behaves like Σ_c W_ca / (Bη)_c, and the best mixture minimises the largest of these
sums (Yabe et al. 2018, equations 9 and 13, with W_ca = β_c(a)²). The problem is convex; cvxpy solves it.

>>> import numpy as np
>>> reach = np.array([[1.0, 0.0], [0.0, 0.5]])  # row 0 is seen under intervention 0 only, row 1 under 1 half the time
>>> mixture = optimal_mixture(reach)
>>> mixture.weights.round(3)                    # by hand: max(1/η₀, 0.5/η₁) is least at η = (2/3, 1/3)
array([0.667, 0.333])
>>> round(mixture.value, 3), mixture.gap < 1e-4
(1.5, True)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causalbandit.errors import did_you_mean, listing

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from causalbandit.interventions import InterventionSet
    from causalbandit.model import CausalModel

__all__ = ["Mixture", "gamma_star", "optimal_mixture"]

Array = NDArray[np.float64]

CVXPY_SOLVERS: dict[str, dict[str, Any]] = {
    "CLARABEL": {},
    "SCS": {"eps_abs": 1e-7, "eps_rel": 1e-7, "max_iters": 20_000},
    "ECOS": {},
    "MOSEK": {},
}
"""Conic solvers reached through cvxpy, with their settings. The first two come with cvxpy."""
FIRST_ORDER, UNIFORM = "first-order", "uniform"
DEFAULT_SOLVERS = ("CLARABEL", "SCS", FIRST_ORDER)
MAX_ROUNDS = 60  # of growing the working sets; 14 served 20,000 interventions
POLISH_STEPS = 300  # cheap first-order steps after a conic solve that did not help, to scale the next one better
AT_ONCE = 5_000  # entries of a [C, A] matrix that are solved whole, without growing working sets
GROWTH = 24  # interventions that may join each working set per round


@dataclass(frozen=True, eq=False)
class Mixture:
    """A mixture of A interventions with a proof of how near to the best it is.

    Attributes
    ----------
    weights
        η, shape [A], non-negative, sums to one. With costs they are shares of the money; see `experiment_shares`.
    value
        max_a Σ_c W_ca / d_c at ``weights``, an upper bound on the optimum (γ when the objective is the default).
    lower_bound
        A lower bound on the optimum, computed from ``dual`` without trusting any solver.
    solver
        What found ``weights``: a cvxpy solver's name, "first-order", "uniform" (over the rows' best interventions), or
        "closed form" when nothing had to be solved.
    tolerance
        The gap that was asked for.
    dual
        Weights p over the interventions in the maximum, shape [A]: the contenders that hold the value where it is.
    n_rows
        Rows that count: learned, reachable and with a positive weight.
    n_small_rows
        Rows among them too small to be given to the solver; a tiny share of the mixture keeps them reached.
    rounds
        Rounds of growing working sets that the solve took.
    note
        What did not go as planned, in sentences; empty when all did.
    costs
        Price per experiment of every intervention, shape [A], or None.
    """

    weights: Array
    value: float
    lower_bound: float
    solver: str
    tolerance: float
    dual: Array
    n_rows: int
    n_small_rows: int = 0
    rounds: int = 0
    note: str = ""
    costs: Array | None = None

    @property
    def gap(self) -> float:
        """``value / lower_bound - 1``: 0.01 says that no mixture is better by more than 1 %."""
        return _gap(self.value, self.lower_bound)

    @property
    def experiment_shares(self) -> Array:
        """Share of the experiments (not of the money) per intervention, shape [A]."""
        if self.costs is None:
            return self.weights
        shares: Array = self.weights / self.costs
        shares /= shares.sum()
        return shares

    def summary(self) -> str:
        """The value, its certificate and the solver, in a few lines."""
        support = np.flatnonzero(self.weights)
        lines = [
            f"Mixture of {len(support)} of {len(self.weights)} interventions over {self.n_rows} family rows",
            f"  value {self.value:.6g}, proven lower bound {self.lower_bound:.6g} (gap {self.gap:.1e})",
            f"  solver {self.solver}, {self.rounds} {'round' if self.rounds == 1 else 'rounds'}",
        ]
        if self.note:
            lines.append(f"  note: {self.note}")
        return "\n".join(lines)

    def to_frame(self, names: Sequence[object] | None = None) -> pd.DataFrame:
        """One row per intervention with a positive weight, largest first: intervention, weight, experiment_share, dual.

        ``names`` are the labels of all A interventions; by default their positions.
        """
        import pandas as pd

        labels: Sequence[object] = range(len(self.weights)) if names is None else names
        if len(labels) != len(self.weights):
            raise ValueError(
                f"names has {len(labels)} labels for {len(self.weights)} interventions; "
                "give one label per intervention."
            )
        order = [b for b in np.argsort(-self.weights, kind="stable") if self.weights[b] > 0]
        return pd.DataFrame(
            {
                "intervention": [labels[b] for b in order],
                "weight": self.weights[order],
                "experiment_share": self.experiment_shares[order],
                "dual": self.dual[order],
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """The mixture in plain Python values, ready for JSON (a bound that is not finite becomes None)."""
        gap = self.gap
        return {
            "weights": self.weights.tolist(),
            "value": self.value,
            "lower_bound": self.lower_bound,
            "gap": gap if np.isfinite(gap) else None,
            "solver": self.solver,
            "tolerance": self.tolerance,
            "dual": self.dual.tolist(),
            "n_rows": self.n_rows,
            "n_small_rows": self.n_small_rows,
            "rounds": self.rounds,
            "note": self.note,
            "costs": None if self.costs is None else self.costs.tolist(),
        }

    def plot(self, ax: Axes | None = None, names: Sequence[object] | None = None) -> Axes:
        """Bars of the weights, largest first; returns the Axes."""
        from causalbandit.plots.mixture import plot_mixture

        return plot_mixture(self, ax=ax, names=names)

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.summary())}</pre>{self.to_frame().to_html(index=False)}"


def gamma_star(
    model: CausalModel,
    interventions: InterventionSet,
    *,
    learned: ArrayLike | None = None,
    tolerance: float = 1e-4,
) -> float:
    """γ*, the difficulty of a problem: the optimum of the mixture problem under the model's reach.

    The simple regret of the two-phase search is O(√(γ* log(A·T)/T)); γ* ≤ min(N·C, Σ_a (N − N_a)), where N_a is the
    number of nodes that a assigns (Yabe et al. 2018, equation 13 and proposition 2). The number returned is the
    certified upper bound, at most ``tolerance`` (relative) above γ*. ``learned``, bool [C], leaves out rows whose
    tables are known (their remark 3).

    Raises
    ------
    TypeError
        If ``model`` is no CausalModel, or ``interventions`` no InterventionSet.
    RuntimeError
        If no solver proves the value to ``tolerance``; `optimal_mixture` gives the best value found with its gap.
    """
    from causalbandit.model import CausalModel

    if not isinstance(model, CausalModel):
        raise TypeError(
            f"model was a {type(model).__name__}; expected a CausalModel, such as problem.model, and its interventions."
        )
    mixture = optimal_mixture(model.reach(interventions), learned=learned, tolerance=tolerance)
    if mixture.gap > tolerance:
        raise RuntimeError(
            f"gamma_star was solved only to a gap of {mixture.gap:.1e}, not to the tolerance {tolerance:.1e} "
            f"({mixture.note}). Use optimal_mixture(...), which returns the value with its gap, or a larger tolerance."
        )
    return mixture.value


def optimal_mixture(
    reach: ArrayLike,
    objective: ArrayLike | None = None,
    counts: ArrayLike | None = None,
    costs: ArrayLike | None = None,
    *,
    learned: ArrayLike | None = None,
    tolerance: float = 1e-4,
    solvers: Sequence[str] = DEFAULT_SOLVERS,
) -> Mixture:
    """The mixture η that minimises max_a Σ_c W_ca / (n_c + Σ_b η_b β_c(b) / k_b), with a certificate.

    Parameters
    ----------
    reach
        β, shape [C, A]: the probability that an experiment under an intervention visits a family row and may learn it.
    objective
        W ≥ 0, shape [C, A]; by default β² (Yabe et al. 2018, equation 9). With the delta method's variances
        g_c(a)²·α_c(1 − α_c) the mixture equalises the errors of the effects themselves.
    counts
        n, shape [C]: visits already made, in units of the experiments being planned (visits / planned; with costs
        visits per unit of money). By default 0.
    costs
        k > 0, shape [A]: the price of an experiment. The weights are then shares of the money.
    learned
        bool, shape [C]: rows to count; rows with known tables are False. By default all.
    tolerance
        The relative gap between value and lower bound at which the solve stops.
    solvers
        Tried in this order until the gap is reached: names of cvxpy's solvers, "first-order" (no cvxpy needed) and
        "uniform". Whatever is tried, the mixture uniform over the rows' best interventions is the last resort: its
        value is at most N·C.

    Returns
    -------
    Mixture
        The best mixture found; its ``gap`` is computed here with numpy and is true whatever the solver said.

    Notes
    -----
    *Certificate.* For p on the simplex, w = Wp, d_c = n_c + (Bη)_c and F = Σ_c w_c/d_c, the Cauchy–Schwarz inequality
    gives F² ≤ Σ_c w_c/d'_c · Σ_c w_c d'_c/d_c² for every other mixture's d', hence
    optimum ≥ F² / (Σ_c w_c n_c/d_c² + max_b Σ_c w_c B_cb/d_c²).

    *Scaling.* Row c of B and W is divided by the current d_c, so that every denominator the solver sees is near 1.
    Rows that reach 1e-8 of the others solve as well.

    *Many interventions.* The solve grows two working sets, the contenders in the maximum and the support of the
    mixture, from a few; each round costs one small solve and two products with a [C, A] matrix.

    A row that no intervention reaches and no count covers is left out, with a note if it has a weight: no mixture can
    learn it.

    Raises
    ------
    ValueError
        If an array has the wrong shape, a negative or non-finite entry, a reach above 1, a price that is not positive,
        or if ``solvers`` names one that is not known.
    """
    beta, weight, count, price, counted = _checked(reach, objective, counts, costs, learned)
    check_settings(tolerance, solvers)
    n_interventions = beta.shape[1]
    rate = beta if price is None else beta / price

    # Which rows count: learned, with a weight, and reachable (or already counted).
    row_reach, row_weight = rate.max(axis=1), weight.max(axis=1)
    impossible = counted & (row_weight > 0) & (row_reach <= 0) & (count <= 0)
    rows = counted & (row_weight > 0) & ~impossible
    notes = []
    if impossible.any():
        notes.append(f"{impossible.sum()} rows with a weight are reached by no intervention and were left out.")
    if rows.all():
        problem = _Problem(rate, weight, count, row_reach, row_weight)
    else:
        problem = _Problem(rate[rows], weight[rows], count[rows], row_reach[rows], row_weight[rows])

    search = _Search(problem, tolerance)
    if not rows.any():
        notes.append("No row has a weight: every mixture has the value 0, this one is uniform.")
        start = np.full(n_interventions, 1 / n_interventions)
        return Mixture(start, 0.0, 0.0, "closed form", tolerance, start, 0, note=" ".join(notes), costs=price)
    search.start()
    if n_interventions == 1:
        search.solver = "closed form"
    failures = []
    for name in solvers:
        if search.gap <= tolerance:
            break
        if name == UNIFORM:
            continue
        solve = _first_order if name == FIRST_ORDER else _conic(name)
        failure = search.run(solve, name)
        if failure:
            failures.append(f"{name}: {failure}")
    if failures:
        notes.append(f"Fell back ({'; '.join(failures)}); the mixture is from {search.solver}.")
    if search.gap > tolerance:
        notes.append(f"The gap {search.gap:.1e} is above the tolerance {tolerance:.1e}.")
    search.tidy()
    return Mixture(
        weights=search.weights,
        value=search.upper,
        lower_bound=min(search.lower, search.upper),
        solver=search.solver,
        tolerance=tolerance,
        dual=search.dual,
        n_rows=int(rows.sum()),
        n_small_rows=len(search.small_rows),
        rounds=search.rounds,
        note=" ".join(notes),
        costs=price,
    )


def _gap(upper: float, lower: float) -> float:
    if upper <= 0:
        return 0.0
    return max(upper / lower - 1, 0.0) if lower > 0 else float("inf")


# ---- the problem


@dataclass(frozen=True, eq=False)
class _Problem:
    """Rows that count: rate B [C, A] (reach per unit of η), weight W [C, A], count n [C], and row maxima of B and W."""

    rate: Array
    weight: Array
    count: Array
    row_reach: Array
    row_weight: Array

    def uniform_over_best(self) -> Array:
        """The mixture uniform over the rows' best interventions; a row that none reaches has no say. O(C·A)."""
        reachable = self.row_reach > 0
        n_interventions = self.rate.shape[1]
        if not reachable.any():
            return np.full(n_interventions, 1 / n_interventions)
        best = self.rate[reachable].argmax(axis=1) if not reachable.all() else self.rate.argmax(axis=1)
        mixture: Array = np.bincount(best, minlength=n_interventions) / reachable.sum()
        return mixture

    def uniform_over_cover(self) -> Array:
        """The mixture uniform over few interventions that reach every row at half its best rate or more.

        Greedy: rows in order of W_c/B_c; a row that is not covered yet brings in its best intervention. O(C·A) at most.
        """
        cover = np.where(self.row_reach > 0, 0.0, np.inf)
        mixture = np.zeros(self.rate.shape[1])
        with np.errstate(divide="ignore"):
            order = np.argsort(-self.row_weight / self.row_reach, kind="stable")
        for c in order:
            if cover[c] < 0.5 * self.row_reach[c]:
                best = self.rate[c].argmax()
                mixture[best] = 1.0
                cover = np.maximum(cover, self.rate[:, best])
        if not mixture.any():
            mixture[:] = 1.0
        mixture /= mixture.sum()
        return mixture

    def denominators(self, mixture: Array) -> Array:
        """d_c = n_c + (Bη)_c, shape [C]; kept above zero so that a starved row shows as a huge value, not as a NaN."""
        support = np.flatnonzero(mixture)
        return np.maximum(self.count + self.rate[:, support] @ mixture[support], 1e-300)

    def values(self, denominators: Array) -> Array:
        """Σ_c W_ca / d_c for every a, shape [A]. One product with W."""
        with np.errstate(over="ignore"):
            values: Array = (1 / denominators) @ self.weight
        return values

    def bound(self, denominators: Array, dual: Array, left_out: NDArray[np.intp]) -> tuple[float, Array]:
        """The lower bound F² / (Σ w n/d² + max_b grad_b), and grad, shape [A]. One product with B.

        Rows ``left_out`` count as nothing, which can only lower the optimum: a row that was too small for the solve,
        and got its sliver of the mixture by rule, would spoil the slope.
        """
        support = np.flatnonzero(dual)
        row = (self.weight[:, support] @ dual[support]) / denominators
        row[left_out] = 0.0
        with np.errstate(over="ignore", invalid="ignore"):
            gradient: Array = (row / denominators) @ self.rate
            total = float(row.sum())
            slope = float((row / denominators) @ self.count) + float(gradient.max())
        if not (0 < slope < float("inf") and total < float("inf")):  # a starved row: this point proves nothing
            return 0.0, np.zeros(self.rate.shape[1])
        return total * (total / slope), gradient


@dataclass(frozen=True, eq=False)
class _Restricted:
    """The problem on working sets, rows divided by the current denominators and values by the current value.

    rate [C', S], weight [C', R], count [C']; ``start`` [S] is the current mixture on the support, with denominators 1;
    ``tolerance`` is the gap at which a solver may stop.
    """

    rate: Array
    weight: Array
    count: Array
    start: Array
    tolerance: float


_Solver = Callable[[_Restricted], list[tuple[Array, Array]]]
"""From a restricted problem to pairs of a mixture on its support [S] and dual weights on its contenders [R]."""


class _SolveError(Exception):
    """A solver gave no usable answer; the message says why in a clause."""


class _Search:
    """The best mixture, the best bound and the working sets while solvers are tried on one problem."""

    def __init__(self, problem: _Problem, tolerance: float) -> None:
        n_interventions = problem.rate.shape[1]
        self.problem, self.tolerance = problem, tolerance
        self.weights = self.dual = np.full(n_interventions, 1 / n_interventions)
        self.upper, self.lower, self.solver, self.rounds = float("inf"), 0.0, UNIFORM, 0
        self.contenders = np.full(n_interventions, problem.rate.size <= AT_ONCE)
        self.support = self.contenders.copy()
        self.small_rows: NDArray[np.intp] = np.zeros(0, dtype=np.intp)

    @property
    def gap(self) -> float:
        return _gap(self.upper, self.lower)

    def start(self) -> None:
        """Offer the mixtures that need no solver; the working sets begin with what the small one uses."""
        support = self.support.copy()
        self.offer(self.problem.uniform_over_best(), None, UNIFORM)
        self.support = support
        self.offer(self.problem.uniform_over_cover(), None, UNIFORM)

    def offer(self, mixture: Array, dual: Array | None, solver: str) -> bool:
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

    def run(self, solve: _Solver, name: str) -> str:
        """Rounds of restricted solves until the gap is reached. Empty, or why this solver did not reach it."""
        idle, trouble = 0, ""
        for _ in range(MAX_ROUNDS):
            self.rounds += 1
            before = self.gap
            support, contenders = np.flatnonzero(self.support), np.flatnonzero(self.contenders)
            restricted, spread = self._restrict(support, contenders)
            # A round without progress is followed by cheap first-order steps: their denominators scale the next solve.
            step, used = (
                (solve, name) if idle % 2 == 0 else (partial(_first_order, iterations=POLISH_STEPS), FIRST_ORDER)
            )
            try:
                pairs = step(restricted)
            except _SolveError as error:
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

    def _restrict(self, support: NDArray[np.intp], contenders: NDArray[np.intp]) -> tuple[_Restricted, Array | None]:
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
            np.add.at(spread, problem.rate[shared].argmax(axis=1), by_share[shared] / np.sqrt(self.lower))
        kept = np.ones(len(problem.count), dtype=bool)
        kept[self.small_rows] = False
        rows = np.flatnonzero(kept)
        scale = problem.denominators(self.weights)[rows]
        start = self.weights[support]
        restricted = _Restricted(
            rate=problem.rate[np.ix_(rows, support)] / scale[:, None],
            weight=problem.weight[np.ix_(rows, contenders)] / (scale[:, None] * self.upper),
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
        if value <= self.upper * (1 + 1e-6) and (_gap(value, self.lower) <= self.tolerance or value <= self.upper):
            self.upper, self.weights = value, trimmed


def _join(members: NDArray[np.bool_], score: Array) -> bool:
    """Let the largest scores outside the set join it, if they exceed what the set holds; True if any did."""
    outside = np.flatnonzero(~members)
    if not len(outside):
        return False
    level = score[members].max() if members.any() else -np.inf
    best = outside[np.argsort(-score[outside], kind="stable")[:GROWTH]] if len(outside) < 500 else _top(outside, score)
    best = best[score[best] > level * (1 - 1e-9)] if np.isfinite(level) else best
    members[best] = True
    return bool(len(best))


def _top(candidates: NDArray[np.intp], score: Array) -> NDArray[np.intp]:
    """The candidates with the largest scores, in O(A)."""
    return candidates[np.argpartition(-score[candidates], GROWTH)[:GROWTH]]


# ---- the solvers


def _conic(name: str) -> _Solver:
    """A cvxpy solver as a function of the restricted problem."""

    def solve(problem: _Restricted) -> list[tuple[Array, Array]]:
        import warnings

        import cvxpy as cp

        mixture = cp.Variable(problem.rate.shape[1], nonneg=True)
        value = cp.Variable()
        limits = problem.weight.T @ cp.inv_pos(problem.count + problem.rate @ mixture) <= value
        program = cp.Problem(cp.Minimize(value), [limits, cp.sum(mixture) == 1])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # an inaccurate answer is judged by the certificate, not by its warning
                program.solve(solver=name, **CVXPY_SOLVERS[name])
        except (cp.error.SolverError, ValueError, ArithmeticError) as error:
            first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise _SolveError(first_line.rstrip(".")) from error
        if mixture.value is None or limits.dual_value is None:
            raise _SolveError(f"status {program.status}")
        return [(_simplex(mixture.value), _simplex(np.atleast_1d(limits.dual_value)))]

    return solve


def _simplex(point: ArrayLike) -> Array:
    """The point with negative dust cleared and the sum made one."""
    clipped = np.clip(np.asarray(point, dtype=float), 0, None)
    total = clipped.sum()
    if not np.isfinite(total) or total <= 0:
        raise _SolveError("the answer is not a point of the simplex")
    scaled: Array = clipped / total
    return scaled


def _first_order(problem: _Restricted, iterations: int = 4000, check_every: int = 25) -> list[tuple[Array, Array]]:
    """Multiplicative steps on both sides of the saddle form min_η max_p Σ_c (Wp)_c / d_c, and weighted averages.

    η_b ← η_b·grad_b^¾ (the classical step of optimal design has exponent ½ and is monotone for fixed p; a little more
    is faster and still contracts), p_a ← p_a·exp(10/√t·(value_a/value − 1)); both renormalised. Keeps two pairs:
    that of the least value and that of the largest bound. Each iteration costs four products with the small matrices.
    """
    rate, weight, count = problem.rate, problem.weight, problem.count
    mixture = 0.9 * problem.start + 0.1 / len(problem.start)
    dual = np.full(weight.shape[1], 1 / weight.shape[1])
    mixture_sum, dual_sum = np.zeros_like(mixture), np.zeros_like(dual)
    best, proof, upper, lower = (mixture, dual), (mixture, dual), np.inf, 0.0

    def judge(mixture: Array, dual: Array) -> tuple[Array, Array]:
        nonlocal best, proof, upper, lower
        denominators = np.maximum(count + rate @ mixture, 1e-100)
        values = (1 / denominators) @ weight
        row = (weight @ dual) / denominators
        gradient = (row / denominators) @ rate
        value, total = values.max(), row.sum()
        bound = total**2 / ((row / denominators) @ count + gradient.max())
        if value < upper:
            best, upper = (mixture, dual), value
        if bound > lower:
            proof, lower = (mixture, dual), bound
        return values, gradient

    for t in range(1, iterations + 1):
        values, gradient = judge(mixture, dual)
        mixture_sum += t * mixture
        dual_sum += t * dual
        if t % check_every == 0:
            judge(mixture_sum / mixture_sum.sum(), dual_sum / dual_sum.sum())
            if upper <= lower * (1 + problem.tolerance):
                break
        mixture = mixture * (gradient / gradient.max()) ** 0.75
        mixture = mixture / mixture.sum()
        dual = dual * np.exp(10 / np.sqrt(t) * (values / values.max() - 1))
        dual = dual / dual.sum()
    return [(_simplex(mixture), _simplex(dual)) for mixture, dual in (best, proof)]


# ---- the checks


def _checked(
    reach: ArrayLike,
    objective: ArrayLike | None,
    counts: ArrayLike | None,
    costs: ArrayLike | None,
    learned: ArrayLike | None,
) -> tuple[Array, Array, Array, Array | None, NDArray[np.bool_]]:
    """All inputs as arrays of the right shape and range: reach, objective, counts, costs (or None), learned."""
    beta = _numbers("reach", reach)
    if beta.ndim != 2 or 0 in beta.shape:
        raise ValueError(
            f"reach has shape {beta.shape}; expected [C, A], one row per family row and one column per intervention, "
            "as model.reach(interventions) returns it."
        )
    if beta.max() > 1 + 1e-6:
        c, a = np.unravel_index(beta.argmax(), beta.shape)
        raise ValueError(
            f"reach[{c}, {a}] is {beta[c, a]}; a reach is a probability, at most 1. Pass prices as costs=."
        )
    n_rows, n_interventions = beta.shape
    weight = beta * beta if objective is None else _numbers("objective", objective)
    _check_shape(
        "objective", weight, (n_rows, n_interventions), "like reach: one weight per family row and intervention"
    )
    count = np.zeros(n_rows) if counts is None else _numbers("counts", counts)
    _check_shape("counts", count, (n_rows,), "one number per family row, visits per planned experiment")
    price = None if costs is None else _numbers("costs", costs)
    if price is not None:
        _check_shape("costs", price, (n_interventions,), "one price per intervention")
        if price.min() <= 0:
            raise ValueError(f"costs[{price.argmin()}] is {price.min()}; a price per experiment must be above 0.")
    counted = np.ones(n_rows, dtype=bool) if learned is None else np.asarray(learned)
    if counted.dtype != bool:
        raise TypeError(f"learned has entries of type {counted.dtype}; expected True or False for every family row.")
    _check_shape("learned", counted, (n_rows,), "True or False for every family row")
    return beta, weight, count, price, counted


def _numbers(name: str, values: ArrayLike) -> Array:
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} was {type(values).__name__}; expected an array of numbers.") from error
    bad = np.argwhere(~(array >= 0) | np.isinf(array))
    if len(bad):
        place = ", ".join(str(i) for i in bad[0])
        raise ValueError(f"{name}[{place}] is {array[tuple(bad[0])]}; expected finite numbers, none below 0.")
    return array


def _check_shape(name: str, array: NDArray[Any], shape: tuple[int, ...], meaning: str) -> None:
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}; expected {shape}: {meaning}.")


def check_settings(tolerance: float, solvers: Sequence[str]) -> None:
    """Raise unless `optimal_mixture` can work with these settings; for callers that solve much later."""
    if isinstance(tolerance, bool) or not isinstance(tolerance, (int, float, np.number)):
        raise TypeError(f"tolerance was {tolerance!r}; expected a relative gap above 0, for example 1e-4.")
    if not 0 < tolerance < float("inf"):
        raise ValueError(f"tolerance was {tolerance}; expected a relative gap above 0, for example 1e-4.")
    known = (*CVXPY_SOLVERS, FIRST_ORDER, UNIFORM)
    if isinstance(solvers, str):
        raise TypeError(
            f"solvers was the string {solvers!r}; expected a sequence of names, for example ({solvers!r},)."
        )
    for name in solvers:
        if name not in known:
            raise ValueError(f"solvers names {name!r}; expected some of {listing(known)}.{did_you_mean(name, known)}")
