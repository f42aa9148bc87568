"""What a way of spending a budget can be expected to show: standard errors, and chances to choose right.

The errors of estimated effects are taken to be normal, with the variances and correlations that the delta method gives
at the expected number of visits of every family row. The chance that an intervention is chosen is the share of draws of
all effects in which its estimate is the largest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from causalbandit.randomness import RNG, generator
from causalbandit.strategies.mixture import optimal_mixture
from causalbandit.strategies.strategy import SAME, Task
from causalbandit.strategies.two_phase import TwoPhase
from causalbandit.strategies.weightings import lead_errors, row_weights

Floats = npt.NDArray[np.float64]

DRAWS, FEWEST_DRAWS, WORK = 20_000, 2_000, 4e9
"""Draws behind a chance: it is then off by at most 0.0035 (one standard error). With many rows and interventions fewer
(off by 0.011), so that about a second's multiplications are enough."""
ELEMENTS = 1 << 22
"""Numbers of one block of draws, 32 MiB."""
OUT_OF_REACH = 8.0
"""Standard errors of a lead that no draw turns round: the chance is below 1e-15."""
MOST_VARIANCE = 0.25
"""The variance of an estimate in [0, 1] that is 0 or 1 with the same chance: none is larger."""


@dataclass(frozen=True, eq=False)
class Allocation:
    """A way of spending the budget, and what it can be expected to show.

    Attributes
    ----------
    name : str
        What it is called.
    experiments : numpy.ndarray of float, shape [A]
        Expected number of experiments under each intervention.
    std_errors : numpy.ndarray of float, shape [A]
        Predicted standard error of each estimated effect.
    chosen : numpy.ndarray of float, shape [A]
        Predicted probability that each intervention has the best estimate.
    probability_right : float
        That one with the best effect has.
    expected_regret : float
        By how much the effect of the one with the best estimate falls short of the best effect, on average.
    n_draws : int
        Draws behind the three.
    """

    name: str
    experiments: Floats
    std_errors: Floats
    chosen: Floats
    probability_right: float
    expected_regret: float
    n_draws: int


@dataclass(frozen=True, eq=False)
class Prospect:
    """All that predictions for one problem and budget share.

    Attributes
    ----------
    task : Task
        What a search would be told; its history counts by the weight that experiments which agree would give it.
    cpt : numpy.ndarray of float, shape [C]
        P(node = 1) per family row, true or the best guess.
    reach, gradient : numpy.ndarray of float, shape [C, A]
        β and ∂μ(a)/∂α under these tables.
    gains : numpy.ndarray of float, shape [A]
        Effects, larger for better ones.
    budget : int
        T.
    """

    task: Task
    cpt: Floats
    reach: Floats
    gradient: Floats
    gains: Floats
    budget: int

    def visits(self, own: Floats) -> Floats:
        """Visits of every row, [C]: ``own`` expected ones, and those of the history by weight."""
        return np.asarray(self.task.with_rows(own, own * self.cpt)[0], dtype=np.float64)  # type: ignore[arg-type]

    def variance(self, visits: Floats) -> Floats:
        """Variance of every row's estimate from so many expected visits, [C]; 0 for rows that are known."""
        each = np.full(len(visits), MOST_VARIANCE)
        np.divide(self.cpt * (1 - self.cpt), visits, out=each, where=visits > 0)
        return np.where(self.task.learned, np.minimum(each, MOST_VARIANCE), 0.0)

    def two_phase(self, strategy: TwoPhase, rng: RNG) -> Allocation:
        """The two-phase search, as if its plan knew the tables: what it spends and shows (Yabe et al. 2018)."""
        n_interventions, budget, learned = len(self.gains), self.budget, self.task.learned
        best, reached = self.reach.argmax(axis=1), self.reach.max(axis=1) > 0
        per_row = np.bincount(best[reached & learned], minlength=n_interventions).astype(np.float64)
        first, second = (
            budget * share // (sum(strategy.split) * max(self.task.n_learned, 1)) for share in strategy.split[:2]
        )
        rest = budget - (first + second) * per_row.sum() if learned.any() else 0.0
        before_mixture = self.reach @ ((second + first * strategy.pooled) * per_row)
        objective = None
        if strategy.weighting != "reach":
            errors = lead_errors(self.gradient, self.gains, self.variance(self.reach @ ((first + second) * per_row)))
            objective = row_weights(strategy.weighting, None, self.gradient, self.cpt, self.gains, errors)
        shares = optimal_mixture(
            self.reach,
            objective,
            self.visits(before_mixture) / max(rest, 1.0),
            learned=learned,
            tolerance=strategy.tolerance,
            solvers=strategy.solvers,
        ).weights
        seen = before_mixture + self.reach @ (rest * shares)
        sizes = (first + second) * per_row + rest * shares
        return self._by_rows(strategy.name, sizes, seen, rng)

    def by_graph(self, name: str, sizes: Floats, rng: RNG) -> Allocation:
        """Fixed numbers of experiments [A], effects estimated by the graph from all of them."""
        return self._by_rows(name, sizes, self.reach @ sizes, rng)

    def by_outcomes(self, name: str, sizes: Floats, effects: Floats, rng: RNG) -> Allocation:
        """Fixed numbers of experiments [A], each effect estimated by its own share of ones."""
        variance = np.full(len(sizes), MOST_VARIANCE)
        np.divide(effects * (1 - effects), sizes, out=variance, where=sizes > 0)
        errors = np.sqrt(np.minimum(variance, MOST_VARIANCE))
        leads = np.sqrt(errors**2 + errors[int(self.gains.argmax())] ** 2)

        def noise(random: np.random.Generator, size: int, rivals: npt.NDArray[np.intp]) -> Floats:
            return np.asarray(random.standard_normal((size, len(rivals))) * errors[rivals])

        return self._allocation(name, sizes, errors, leads, noise, 1, rng)

    def _by_rows(self, name: str, sizes: Floats, own: Floats, rng: RNG) -> Allocation:
        variance = self.variance(self.visits(own))
        rows = np.flatnonzero(variance > 0)
        factor = np.sqrt(variance[rows])[:, None] * self.gradient[rows]
        errors = np.sqrt((factor**2).sum(axis=0))
        leads = lead_errors(self.gradient, self.gains, variance)

        def noise(random: np.random.Generator, size: int, rivals: npt.NDArray[np.intp]) -> Floats:
            return np.asarray(random.standard_normal((size, len(rows))) @ factor[:, rivals])

        return self._allocation(name, sizes, errors, leads, noise, len(rows), rng)

    def _allocation(
        self,
        name: str,
        sizes: Floats,
        errors: Floats,
        leads: Floats,
        noise: Callable[[np.random.Generator, int, npt.NDArray[np.intp]], Floats],
        n_rows: int,
        rng: RNG,
    ) -> Allocation:
        regrets = self.gains.max() - self.gains
        rivals = np.flatnonzero(regrets <= OUT_OF_REACH * leads + SAME)
        n_draws = int(min(DRAWS, max(FEWEST_DRAWS, WORK / max(n_rows * len(rivals), 1))))
        chosen, random = np.zeros(len(regrets)), generator(rng)
        step = max(1, ELEMENTS // max(n_rows, len(rivals)))
        for start in range(0, n_draws, step):
            drawn = self.gains[rivals] + noise(random, min(step, n_draws - start), rivals)
            best = drawn >= drawn.max(axis=1, keepdims=True) - SAME
            chosen[rivals] += (best / best.sum(axis=1, keepdims=True)).sum(axis=0)
        chosen /= n_draws
        right = float(chosen[regrets <= SAME].sum())
        return Allocation(name, sizes, errors, chosen, min(right, 1.0), float(chosen @ regrets), n_draws)
