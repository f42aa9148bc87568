"""What further experiments are worth, and the mixture of interventions whose experiments are worth most.

Before n experiments are run, the posterior mean of row c is going to move: under a mixture η row c is expected to get
r_c = n·(Bη)_c visits, and what it learns has variance ν_c = v_c·r_c/(t_c + 2 + r_c), where v_c = α̂_c(1 − α̂_c)/(t_c + 2)
is the posterior variance now. Since μ is linear in every row, the posterior means of the effects become about
μ_b + Σ_c g_c(b)·√ν_c·ε_c with standard normal ε, and whoever then looks best is chosen. The worth of the experiments is
the preposterior expectation of Raiffa & Schlaifer (1961), for correlated effects the knowledge gradient of Frazier,
Powell & Dayanik (2009), here with all n experiments ahead instead of one::

    V(η) = E max_b (μ_b + Σ_c g_c(b)·√ν_c(η)·ε_c)

Effects that share rows move together, so that rivals which differ little are not counted as if each were a danger of
its own. V is estimated with ε fixed, which makes it a smooth function of η between the places where two effects tie.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from causalbandit.propagation import Propagation
from causalbandit.search.posterior import TablePosterior

Floats = npt.NDArray[np.float64]

STEPS = 10
"""Frank–Wolfe steps of a plan: rounding to whole experiments is coarser than what more would gain."""
EVENLY = 0.1
"""Share of a plan's start that is spread evenly: where a row gets no visit at all, V has no derivative."""


@dataclass(frozen=True, eq=False)
class ValueOfInformation:
    """V(η) for one posterior, over M interventions that may turn out best; C′ rows tell them apart.

    Attributes
    ----------
    margins : numpy.ndarray of float, shape [M]
        Posterior mean of each effect minus that of the leader; 0 for the leader.
    contrast : numpy.ndarray of float, shape [C', M]
        Derivative of those margins with respect to each row.
    reach : numpy.ndarray of float, shape [C', A]
        β_c(a), for all interventions.
    variance, weight : numpy.ndarray of float, shape [C']
        Posterior variance v_c of each row, and t_c + 2.
    normal : numpy.ndarray of float, shape [S/2, C']
        Half of the draws ε; the other half is −ε.
    """

    margins: Floats
    contrast: Floats
    reach: Floats
    variance: Floats
    weight: Floats
    normal: Floats

    @classmethod
    def of(
        cls,
        found: Propagation,
        posterior: TablePosterior,
        rivals: npt.NDArray[np.intp],
        draws: int,
        rng: np.random.Generator,
    ) -> ValueOfInformation:
        """From effects, reach and gradient under the posterior means; ``rivals`` [M] are places in the set.

        The leader, the largest posterior mean among the rivals, is what is chosen without further experiments.
        ``draws`` (S, at least 2) is rounded down to an even number.
        """
        assert found.reach is not None
        assert found.gradient is not None
        effects = found.effects[rivals]
        leader = int(effects.argmax())
        gradient = found.gradient[:, rivals]
        contrast = gradient - gradient[:, [leader]]
        rows = np.flatnonzero((posterior.variance > 0) & contrast.any(axis=1))
        return cls(
            margins=effects - effects[leader],
            contrast=contrast[rows],
            reach=found.reach[rows],
            variance=posterior.variance[rows],
            weight=(posterior.visits[rows] + 2).astype(np.float64),
            normal=rng.standard_normal((max(draws // 2, 1), len(rows))),
        )

    def at(self, shares: Floats, n_experiments: int) -> tuple[float, Floats]:
        """V(η) − μ(leader) after ``n_experiments`` spread as ``shares`` [A], and its derivative by each share, [A].

        The derivative is exact for the fixed draws: whoever is best in a draw moves with its own rows. Costs
        S·C′·M multiplications.
        """
        visits = n_experiments * (self.reach @ shares)
        total = self.weight + visits
        deviation = np.sqrt(self.variance * visits / total)
        moved = self.normal @ (self.contrast * deviation[:, None])
        above, below = self.margins + moved, self.margins - moved
        best_above, best_below = above.argmax(axis=1), below.argmax(axis=1)
        n_pairs = len(self.normal)
        each = np.arange(n_pairs)
        value = float(above[each, best_above].sum() + below[each, best_below].sum()) / (2 * n_pairs)
        by_deviation = np.einsum("cs,sc->c", self.contrast[:, best_above] - self.contrast[:, best_below], self.normal)
        by_deviation /= 2 * n_pairs
        # ν = v·r/(w + r): dν/dr = v·w/(w + r)², d√ν = dν/(2√ν). A row without visits is left to the others.
        by_visits = np.zeros_like(visits)
        seen = deviation > 0
        by_visits[seen] = (by_deviation * self.variance * self.weight / total**2)[seen] / (2 * deviation[seen])
        slope: Floats = n_experiments * (by_visits @ self.reach)
        return value, slope

    def planned_shares(self, n_experiments: int, start: Floats) -> Floats:
        """η that makes V large, by Frank–Wolfe steps from ``start`` [A] with a tenth spread evenly; sums to 1."""
        shares: Floats = (1 - EVENLY) * start / start.sum() + EVENLY / len(start)
        for step in range(STEPS):
            _, slope = self.at(shares, n_experiments)
            best = int(slope.argmax())
            if not slope[best] > 0:
                break
            shares *= (step + 1) / (step + 3)
            shares[best] += 2 / (step + 3)
        return shares
