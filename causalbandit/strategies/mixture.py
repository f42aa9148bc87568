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

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from causalbandit.arrays import Flags, Floats
from causalbandit.checks import finite_array, instance, listed, number, numeric_array, one_each, one_of, shaped
from causalbandit.compressed_reach import CompressedReach
from causalbandit.errors import InvalidArgument, InvalidType, RunError
from causalbandit.interventions import InterventionSet
from causalbandit.model import CausalModel
from causalbandit.propagation import MEMORY
from causalbandit.strategies.mixture_search import UNIFORM, MixtureProblem, MixtureSearch, learnable, relative_gap
from causalbandit.strategies.mixture_solvers import FIRST_ORDER, SOLVERS
from causalbandit.strategies.streamed_problem import StreamedProblem
from causalbandit.strategies.weightings import checked_weights
from causalbandit.text import plain

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

LOG = logging.getLogger(__name__)


DEFAULT_SOLVERS = ("CLARABEL", "SCS", FIRST_ORDER)
"""Clarabel is exact and quick; SCS serves where it fails and is installed; the last needs nothing but numpy."""
CLOSED_FORM = "closed form"
"""What found a mixture when nothing had to be solved."""


@dataclass(frozen=True, eq=False, repr=False)
class Mixture:
    """A mixture of A interventions with a proof of how near to the best it is.

    Attributes
    ----------
    weights : numpy.ndarray of float, shape [A]
        η, non-negative, sums to one. With costs they are shares of the money; see `experiment_shares`.
    value : float
        max_a Σ_c W_ca / d_c at ``weights``, an upper bound on the optimum (γ when the objective is the default).
    lower_bound : float
        A lower bound on the optimum, computed from ``dual`` without trusting any solver.
    solver : str
        What found ``weights``: a cvxpy solver's name, "first-order", "uniform" (over the rows' best interventions), or
        "closed form" when nothing had to be solved.
    tolerance : float
        The gap that was asked for.
    dual : numpy.ndarray of float, shape [A]
        Weights p over the interventions in the maximum: the contenders that hold the value where it is.
    n_rows : int
        Rows that count: learned, reachable and with a positive weight.
    n_small_rows : int
        Rows among them too small to be given to the solver; a tiny share of the mixture keeps them reached.
    rounds : int
        Rounds of growing working sets that the solve took.
    note : str
        What did not go as planned, in sentences; empty when all did.
    costs : numpy.ndarray of float, shape [A], or None
        Price per experiment of every intervention.
    """

    weights: Floats
    value: float
    lower_bound: float
    solver: str
    tolerance: float
    dual: Floats
    n_rows: int
    n_small_rows: int = 0
    rounds: int = 0
    note: str = ""
    costs: Floats | None = None

    @property
    def gap(self) -> float:
        """``value / lower_bound - 1``: 0.01 says that no mixture is better by more than 1 %."""
        return relative_gap(self.value, self.lower_bound)

    @property
    def n_used(self) -> int:
        """Interventions with a positive weight."""
        return int(np.count_nonzero(self.weights))

    @property
    def experiment_shares(self) -> Floats:
        """Share of the experiments (not of the money) per intervention, shape [A]."""
        if self.costs is None:
            return self.weights
        shares: Floats = self.weights / self.costs
        shares /= shares.sum()
        return shares

    def summary(self) -> str:
        """The value, its certificate and the solver, in a few lines."""
        lines = [
            f"Mixture of {self.n_used} of {len(self.weights)} interventions over {self.n_rows} family rows",
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
        one_each(labels, "names", len(self.weights), "interventions")
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
        return {
            "weights": self.weights.tolist(),
            "value": self.value,
            "lower_bound": self.lower_bound,
            "gap": plain(self.gap),
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
        from causalbandit.plots.bars import plot_mixture

        return plot_mixture(
            self.to_frame(names),
            ax,
            share_of="experiments" if self.costs is None else "money",
            title=f"mixture: value {self.value:.4g}, gap {self.gap:.0e}",
        )

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.summary())}</pre>{self.to_frame().to_html(index=False)}"

    def __repr__(self) -> str:
        return (
            f"Mixture({self.n_used} of {len(self.weights)} interventions, value {self.value:.4g}, gap {self.gap:.0e})"
        )


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
    instance(model, "model", CausalModel, "a CausalModel, such as problem.model, and its interventions")
    large = isinstance(interventions, InterventionSet) and 8 * interventions.n_family_rows * len(interventions) > MEMORY
    reach = model.compressed_reach(interventions) if large else model.reach(interventions)
    mixture = optimal_mixture(reach, learned=learned, tolerance=tolerance)
    if mixture.gap > tolerance:
        given = f"gamma_star was solved only to a gap of {mixture.gap:.1e}, not to {tolerance:.1e} ({mixture.note})"
        raise RunError(f"{given}. Use optimal_mixture(...), which gives the value with its gap, or raise tolerance.")
    return mixture.value


def optimal_mixture(
    reach: ArrayLike | CompressedReach,
    objective: ArrayLike | None = None,
    counts: ArrayLike | None = None,
    costs: ArrayLike | None = None,
    *,
    weighting: str = "reach",
    gradient: ArrayLike | None = None,
    cpt: ArrayLike | None = None,
    effects: ArrayLike | None = None,
    std_errors: ArrayLike | None = None,
    learned: ArrayLike | None = None,
    tolerance: float = 1e-4,
    solvers: Sequence[str] = DEFAULT_SOLVERS,
) -> Mixture:
    """The mixture η that minimises max_a Σ_c W_ca / (n_c + Σ_b η_b β_c(b) / k_b), with a certificate.

    Parameters
    ----------
    reach : array of float, shape [C, A], or CompressedReach
        β: the probability that an experiment under an intervention visits a family row and may learn it. Compressed it
        is read a block of interventions at a time, and never written down whole.
    objective : array of float, shape [C, A], optional
        W ≥ 0, when none of the weightings by name is meant.
    counts : array of float, shape [C], optional
        n: visits already made, in units of the experiments being planned (visits / planned; with costs
        visits per unit of money). By default 0. Visits that are in hand already plan the *next* experiments.
    costs : array of float, shape [A], optional
        k > 0: the price of an experiment. The weights are then shares of the money.
    weighting : {"reach", "variance", "contrast"}
        What is to be learned best (`causalbandit.strategies.weightings`): all rows that are reached, W = β² (Yabe et
        al. 2018, equation 9); the effects, by the delta method's variances; or the lead of the best over the others.
    gradient : array of float, shape [C, A], optional
        ∂μ(a)/∂α_c, for the weightings "variance" and "contrast".
    cpt : array of float, shape [C], optional
        α, for the same two.
    effects : array of float, shape [A], optional
        Larger for better interventions, for "contrast". With the goal "min" give them with the other sign.
    std_errors : array of float, shape [A], optional
        For "contrast": standard errors, so far, of the best one's lead over each. By default 0.
    learned : array of bool, shape [C], optional
        Rows to count; rows with known tables are False. By default all.
    tolerance : float
        The relative gap between value and lower bound at which the solve stops.
    solvers : sequence of str
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

    *Which optimum.* Mixtures of the same d_c have the same value, so the optimum is seldom one point. Clarabel stops
    on its central path, well before the tolerance of machine numbers, where the point is the same on every machine.

    *Many interventions.* The solve grows two working sets, the contenders in the maximum and the support of the
    mixture, from a few; each round costs one small solve and two products with a [C, A] matrix.

    A row that no intervention reaches and no count covers is left out, with a note if it has a weight: no mixture can
    learn it.

    Raises
    ------
    ValueError
        If an array has the wrong shape, a negative or non-finite entry, a reach above 1, a price that is not positive,
        if a weighting lacks an array that it needs, or if ``solvers`` or ``weighting`` is not known.
    """
    check_settings(tolerance, solvers)
    whole: MixtureProblem
    if isinstance(reach, CompressedReach):
        if objective is not None or costs is not None or weighting != "reach":
            given = "objective, costs and weighting other than 'reach' need"
            raise InvalidArgument("reach", f"was compressed; {given} an array [C, A], as model.reach returns it.")
        count, price, counted = _checked_rows(reach.shape, counts, costs, learned)
        whole = StreamedProblem.of(reach, count)
    else:
        beta, weight, count, price, counted = _checked(reach, objective, counts, costs, learned)
        named = checked_weights(weighting, beta.shape, objective, gradient, cpt, effects, std_errors)
        weight = weight if named is None else named
        rate = beta if price is None else beta / price
        whole = MixtureProblem.from_arrays(rate, weight, count)
    n_interventions = whole.n_interventions

    # Which rows count: learned, with a weight, and reachable (or already counted).
    rows = counted & learnable(whole.row_weight, whole.row_reach, count)
    impossible = counted & (whole.row_weight > 0) & ~rows
    notes = []
    if impossible.any():
        notes.append(f"{impossible.sum()} rows with a weight are reached by no intervention and were left out.")
    search = MixtureSearch(whole if rows.all() else whole.restricted(rows), tolerance)
    if not rows.any():
        notes.append("No row has a weight: every mixture has the value 0, this one is uniform.")
        start = np.full(n_interventions, 1 / n_interventions)
        return Mixture(start, 0.0, 0.0, CLOSED_FORM, tolerance, start, 0, note=" ".join(notes), costs=price)
    search.start()
    if n_interventions == 1:
        search.solver = CLOSED_FORM
    failures = []
    for name in solvers:
        if search.gap <= tolerance:
            break
        if name == UNIFORM:
            continue
        failure = search.run(SOLVERS[name], name)
        LOG.info("%s: gap %.1e after %d rounds %s", name, search.gap, search.rounds, failure)
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


def _checked(
    reach: ArrayLike,
    objective: ArrayLike | None,
    counts: ArrayLike | None,
    costs: ArrayLike | None,
    learned: ArrayLike | None,
) -> tuple[Floats, Floats, Floats, Floats | None, Flags]:
    """All inputs as arrays of the right shape and range: reach, objective, counts, costs (or None), learned."""
    beta = _not_negative(reach, "reach", ("C", "A"), "as model.reach(interventions) returns it")
    # A little more than 1 is what summation leaves of a probability of 1.
    finite_array(beta, "reach", ", probabilities from 0 to 1. Pass prices as costs", most=1 + 1e-6)
    weight = beta * beta
    if objective is not None:
        weight = _not_negative(objective, "objective", beta.shape, "one weight per family row and intervention")
    return beta, weight, *_checked_rows(beta.shape, counts, costs, learned)


def _checked_rows(
    shape: tuple[int, ...], counts: ArrayLike | None, costs: ArrayLike | None, learned: ArrayLike | None
) -> tuple[Floats, Floats | None, Flags]:
    """Counts, costs (or None) and learned for reach of this shape."""
    n_rows, n_interventions = shape
    count, price = np.zeros(n_rows), None
    if counts is not None:
        count = _not_negative(counts, "counts", (n_rows,), "visits per planned experiment, one number per family row")
    if costs is not None:
        price = _not_negative(costs, "costs", (n_interventions,), "one price per intervention")
        finite_array(price, "costs", " above 0, the price of an experiment", least=np.nextafter(0, 1))
    counted = np.ones(n_rows, dtype=bool) if learned is None else np.asarray(learned)
    if counted.dtype != bool:
        raise InvalidType("learned", f"has entries of type {counted.dtype}; expected True or False per family row.")
    shaped(counted, "learned", (n_rows,), "True or False for every family row")
    return count, price, counted


def _not_negative(values: ArrayLike, argument: str, shape: tuple[int | str, ...], meaning: str) -> Floats:
    array = shaped(numeric_array(values, argument, "an array or nested lists"), argument, shape, meaning)
    return finite_array(array, argument, ", none below 0", least=0)


def check_settings(tolerance: float, solvers: Sequence[str]) -> None:
    """Raise unless `optimal_mixture` can work with these settings; for callers that solve much later."""
    number(tolerance, "tolerance", above=0, fix="It is a relative gap, for example 1e-4.")
    for name in listed(solvers, "solvers", "a sequence of names, such as ('first-order',)"):
        one_of(name, "solvers", (*SOLVERS, UNIFORM), verb="names")
