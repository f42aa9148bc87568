"""What a way of spending a budget can be expected to show: standard errors, and chances to choose right.

A draw makes up a search: for every family row with e expected visits their number t from Poisson(e), the ones among
them from Binomial(t, α), and all effects exactly from the tables that these give. The standard error of an effect is
the spread of its estimates over the draws, and the chance that an intervention is chosen the share of draws in which
its estimate is the best.

Where that would take too long, effects are drawn from the multivariate normal distribution with the errors and
correlations of the delta method. It is close for errors, less so where rows are visited a few times only, and too
pessimistic for chances where leads are products of small uncertain numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from causalbandit.arrays import Floats, quotients
from causalbandit.clique_tree import clique_tree
from causalbandit.propagation import propagate
from causalbandit.randomness import RNG, generator
from causalbandit.strategies.maximise import Maximisation
from causalbandit.strategies.mixture import optimal_mixture
from causalbandit.strategies.mixture_solvers import FIRST_ORDER
from causalbandit.strategies.strategy import SAME, Task
from causalbandit.strategies.two_phase import TwoPhase
from causalbandit.strategies.weightings import lead_errors, row_weights

Estimates = Callable[[np.random.Generator, int], Floats]
"""So many draws of all estimated effects, [size, A], larger for better ones."""

DRAWS, FEWEST_DRAWS = 2_000, 500
"""Draws behind a chance: it is then off by at most 0.011 (one standard error); on larger problems fewer, 0.022."""
TREE_WORK, NORMAL_WORK = 3e8, 4e9
"""Entries of bags' tables that exact draws may take, and multiplications of normal ones: about a second each."""
ELEMENTS = 1 << 22
"""Numbers of one block of draws, 32 MiB."""
OUT_OF_REACH = 8.0
"""Standard errors of a lead that no normal draw turns round: the chance is below 1e-15."""
NEAR_ENOUGH = 1e-2
"""Gap to which the mixture of two-phase is solved: its errors are then off by half a percent."""
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
    delta_errors : numpy.ndarray of float, shape [A]
        The same by the delta method, at expected visits.
    chosen : numpy.ndarray of float, shape [A]
        Predicted probability that each intervention has the best estimate.
    probability_right : float
        That one with the best effect has.
    expected_regret : float
        By how much the effect of the one with the best estimate falls short of the best effect, on average.
    n_draws : int
        Draws behind the chances, and the standard errors if searches were made up.
    """

    name: str
    experiments: Floats
    std_errors: Floats
    delta_errors: Floats
    chosen: Floats
    probability_right: float
    expected_regret: float
    n_draws: int


@dataclass(frozen=True, eq=False)
class Prospect:
    """All that predictions for one problem and budget share.

    A search would be told ``task``; its history counts by the weight that experiments which agree would give it.
    ``turn`` says which effects are better. Under the tables ``cpt`` [C], true or the best guess, interventions have
    these ``effects`` [A], ``reach`` β and ``gradient`` ∂μ(a)/∂α, [C, A] each.
    """

    task: Task
    turn: Maximisation
    cpt: Floats
    effects: Floats
    reach: Floats
    gradient: Floats
    budget: int

    @cached_property
    def gains(self) -> Floats:
        """Effects, larger for better ones, [A]."""
        return self.turn.gains(self.effects)

    @cached_property
    def exact_draws(self) -> int:
        """Searches that can be made up in about a second; below `FEWEST_DRAWS` effects are drawn from the normal."""
        arms = self.task.interventions
        tables = sum(
            1 << len(bag.nodes) for each in arms.regimes for bag in clique_tree(arms.graph, each.families).bags
        )
        return int(min(DRAWS, TREE_WORK / (tables * len(arms))))

    def visits(self, own: Floats) -> Floats:
        """Visits of every row, [C]: ``own`` expected ones, and those of the history by weight."""
        return np.asarray(self.task.with_rows(own, own * self.cpt)[0], dtype=np.float64)  # type: ignore[arg-type]

    def variance(self, visits: Floats) -> Floats:
        """Variance of every row's estimate from so many expected visits, [C]; 0 for rows that are known."""
        each = quotients(self.cpt * (1 - self.cpt), visits, MOST_VARIANCE)
        return np.where(self.task.learned, np.minimum(each, MOST_VARIANCE), 0.0)

    def two_phase(self, strategy: TwoPhase, rng: RNG) -> Allocation:
        """The two-phase search, as if its plan knew the tables: what it spends and shows (Yabe et al. 2018)."""
        n_interventions, budget, learned = len(self.effects), self.budget, self.task.learned
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
            objective = row_weights(strategy.weighting, self.gradient, self.cpt, self.gains, errors)
        shares = optimal_mixture(
            self.reach,
            objective,
            self.visits(before_mixture) / max(rest, 1.0),
            learned=learned,
            tolerance=max(strategy.tolerance, NEAR_ENOUGH),
            solvers=(FIRST_ORDER, *strategy.solvers),
        ).weights
        seen = before_mixture + self.reach @ (rest * shares)
        sizes = (first + second) * per_row + rest * shares
        return self._by_rows(strategy.name, sizes, seen, 0.5 if strategy.pooled else 0.0, rng)

    def by_graph(self, name: str, sizes: Floats, rng: RNG) -> Allocation:
        """Fixed numbers of experiments [A], effects estimated by the graph from all of them."""
        return self._by_rows(name, sizes, self.reach @ sizes, 0.5, rng)

    def by_outcomes(self, name: str, sizes: Floats, rng: RNG) -> Allocation:
        """Fixed numbers of experiments [A], each effect estimated by its own share of ones."""
        variance = quotients(self.effects * (1 - self.effects), sizes, MOST_VARIANCE)
        each = np.clip(self.effects, 0.0, 1.0)  # rounding may leave a little more

        def estimates(random: np.random.Generator, size: int) -> Floats:
            trials = np.floor(sizes + random.random((size, len(sizes)))).astype(np.int64)  # the remainder goes round
            ones = random.binomial(trials, each)
            gains = self.turn.gains(quotients(ones, trials, np.nan))
            return np.where(np.isnan(gains), -np.inf, gains)

        errors = np.sqrt(np.minimum(variance, MOST_VARIANCE))
        return self._allocation(name, sizes, errors, estimates, DRAWS, rng)

    def _by_rows(self, name: str, sizes: Floats, own: Floats, prior: float, rng: RNG) -> Allocation:
        """``prior`` ones and as many zeros are added to every row's counts by the estimate."""
        visits = self.visits(own)
        variance = self.variance(visits)
        rows = np.flatnonzero(variance > 0)
        factor = np.sqrt(variance[rows])[:, None] * self.gradient[rows]
        errors = np.sqrt((factor**2).sum(axis=0))
        if self.exact_draws >= FEWEST_DRAWS:
            known, arms = ~self.task.learned, self.task.interventions

            def made_up(random: np.random.Generator, size: int) -> Floats:
                seen = random.poisson(visits, (size, len(visits)))
                ones = random.binomial(seen, self.cpt) + prior
                both = seen + 2 * prior
                cpt = quotients(ones, both, 0.5)
                cpt[:, known] = self.cpt[known]
                return self.turn.gains(propagate(arms, cpt, memory=self.task.memory).effects)

            return self._allocation(name, sizes, errors, made_up, self.exact_draws, rng, spread=True)

        leads = lead_errors(self.gradient, self.gains, variance)
        rivals = np.flatnonzero(self.gains.max() - self.gains <= OUT_OF_REACH * leads + SAME)

        def normal(random: np.random.Generator, size: int) -> Floats:
            drawn = np.full((size, len(self.gains)), -np.inf)
            drawn[:, rivals] = self.gains[rivals] + random.standard_normal((size, len(rows))) @ factor[:, rivals]
            return drawn

        n_draws = int(min(DRAWS, max(FEWEST_DRAWS, NORMAL_WORK / max(len(rows) * len(rivals), 1))))
        return self._allocation(name, sizes, errors, normal, n_draws, rng)

    def _allocation(
        self,
        name: str,
        sizes: Floats,
        errors: Floats,
        estimates: Estimates,
        n_draws: int,
        rng: RNG,
        *,
        spread: bool = False,
    ) -> Allocation:
        """Chances by ``estimates``; with ``spread`` the standard errors, too, else they are ``errors``."""
        regrets = self.gains.max() - self.gains
        chosen, squares, total = np.zeros((3, len(regrets)))
        random = generator(rng)
        step = max(1, ELEMENTS // max(len(self.cpt), len(regrets)))
        for start in range(0, n_draws, step):
            drawn = estimates(random, min(step, n_draws - start))
            best = drawn >= drawn.max(axis=1, keepdims=True) - SAME
            chosen += (best / best.sum(axis=1, keepdims=True)).sum(axis=0)
            if spread:
                total += (drawn - self.gains).sum(axis=0)
                squares += ((drawn - self.gains) ** 2).sum(axis=0)
        chosen /= n_draws
        found = errors
        if spread:
            found = np.sqrt(np.maximum(squares - total**2 / n_draws, 0.0) / (n_draws - 1))
        right = min(float(chosen[regrets <= SAME].sum()), 1.0)
        return Allocation(name, sizes, found, errors, chosen, right, float(chosen @ regrets), n_draws)
