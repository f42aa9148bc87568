"""What further experiments are worth, and a mixture of interventions whose experiments are worth much.

n further experiments move the posterior means. Row c is a Beta(a, b) with a + b = t_c + 1 and variance
v_c = α̂_c(1 − α̂_c)/(t_c + 2); r_c visits move its mean with variance ν_c = v_c·r_c/(t_c + 1 + r_c) (exact for the
Beta-binomial). Under a mixture η row c expects r_c = n·(Bη)_c visits. Since μ is linear in every row, the posterior
means of the effects become about μ_b + Σ_c g_c(b)·√ν_c·ε_c with standard normal ε, and whoever then looks best is
chosen. The worth of the experiments is the preposterior expectation of Raiffa & Schlaifer (1961); for a single
experiment on correlated effects it is the knowledge gradient of Frazier, Powell & Dayanik (2009)::

    V(η) = E max_b (μ_b + Σ_c g_c(b)·√ν_c(η)·ε_c)

Effects that share rows move together, so that rivals which differ little are not counted as if each were a danger of
its own. V is estimated with ε fixed, which makes it a smooth function of η between the places where two effects tie.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from causalbandit.arrays import Flags, Floats, Places
from causalbandit.compressed_reach import CompressedReach, ReachOfRows
from causalbandit.spending import Spending
from causalbandit.strategies.posterior import TablePosterior

STEPS = 20
"""Steps of a plan: ten times as many gain a few percent of V."""
EVENLY = 0.1
"""Share of a plan's start that is spread evenly, so that every row that can be visited is."""
SAME = 1e-12
"""Derivatives of two effects by a row that are this close are taken as equal: the difference is rounding."""


@dataclass(frozen=True, eq=False)
class ValueOfInformation:
    """V(η) for one posterior, over M interventions that may turn out best; C′ rows tell these apart.

    Attributes
    ----------
    margins : numpy.ndarray of float, shape [M]
        Posterior mean of each effect minus that of the leader; 0 for the leader.
    contrast : numpy.ndarray of float, shape [C', M]
        Derivative of those margins with respect to each row.
    reach : numpy.ndarray of float or ReachOfRows, shape [C', A]
        β_c(a), for all interventions; with prices β_c(a)/k_a, visits per unit of money.
    variance, weight : numpy.ndarray of float, shape [C']
        Posterior variance v_c of each row, and t_c + 1.
    normal : numpy.ndarray of float, shape [S/2, C']
        Half of the draws ε; the other half is −ε.
    """

    margins: Floats
    contrast: Floats
    reach: Floats | ReachOfRows
    variance: Floats
    weight: Floats
    normal: Floats

    @classmethod
    def of(
        cls,
        effects: Floats,
        candidates: Places,
        gradient: Floats,
        reach: Floats | CompressedReach,
        posterior: TablePosterior,
        draws: int,
        rng: np.random.Generator,
        prices: Floats | None = None,
    ) -> ValueOfInformation:
        """From effects [A] and reach [C, A] under the posterior means, and the ``gradient`` [C, M] of ``candidates``.

        They are places in the set, ascending, and the leader is among them: the largest posterior mean of all, which is
        chosen without further experiments. With ``prices`` [A] shares are of money, and sums of money stand wherever
        numbers of experiments do; without them reach may be a compressed one. ``draws`` (S, at least 2) is rounded
        down to an even number.
        """
        leader = int(effects.argmax())
        contrast = gradient - gradient[:, [int(np.searchsorted(candidates, leader))]]
        contrast[np.abs(contrast) < SAME] = 0
        rows = np.flatnonzero((posterior.variance > 0) & contrast.any(axis=1))
        part = reach.of_rows(rows) if isinstance(reach, CompressedReach) else reach[rows]
        return cls(
            margins=effects[candidates] - effects[leader],
            contrast=contrast[rows],
            reach=part if prices is None else np.asarray(part) / prices,
            variance=posterior.variance[rows],
            weight=(posterior.trusted[rows] + 1).astype(np.float64),
            normal=rng.standard_normal((max(draws // 2, 1), len(rows))),
        )

    def at(self, shares: Floats, n_experiments: float) -> tuple[float, Floats]:
        """V(η) − μ(leader) after ``n_experiments`` spread as ``shares`` [A], and its derivative by each share, [A].

        The derivative is exact for the fixed draws, but for rows without visits, where it is infinite and taken as 0.
        Costs (S/2)·C′·M + 2·C′·A multiplications.
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

    def planned_shares(self, n_experiments: float, start: Floats) -> Floats:
        """η with a large V, [A], sums to 1: the best on the way from ``start`` [A], a tenth of it spread evenly.

        Each step multiplies every share by its derivative (Silvey, Titterington & Torsney 1978, for optimal designs),
        so that interventions worth the same keep equal shares. V is not concave: there is no promise of the largest.
        Where no draw changes the choice, V and its derivative are 0 and the start is returned.
        """
        shares: Floats = (1 - EVENLY) * start / start.sum() + EVENLY / len(start)
        best, most = shares, -np.inf
        for _ in range(STEPS):
            value, slope = self.at(shares, n_experiments)
            if value > most:
                best, most = shares, value
            gain = shares * np.maximum(slope, 0)
            total = gain.sum()
            if not total > 0 or slope.max() <= (1 + 1e-6) * (slope @ shares):
                break
            shares = gain / total
        return best

    def shares_among(self, open_: Flags, money: float, start: Floats) -> Floats:
        """As `planned_shares`, of the interventions ``open_`` [A] alone."""
        places = np.flatnonzero(open_)
        shares = np.zeros_like(start)
        few = start[places] if start[places].any() else np.ones(len(places))
        assert not isinstance(self.reach, ReachOfRows), "prices weigh every intervention"
        shares[places] = replace(self, reach=self.reach[:, places]).planned_shares(money, few)
        return shares

    def narrowed_shares(self, money: float, shares: Floats, purse: Spending) -> Floats:
        """Shares of money [A] for few kinds of experiments: as many as a batch may hold and its set-ups are worth.

        The kinds with the largest shares are kept, half as many as before at a time, and the plan is made again for
        them. Among the numbers of kinds that are tried the one with the largest V for what set-ups leave of ``money``.
        """
        best, most = shares, -np.inf
        kept = np.flatnonzero(shares)
        while len(kept):
            if len(kept) <= purse.kinds:
                net = money - float(purse.setup[kept].sum())
                value = self.at(shares, net)[0] if net > 0 else -np.inf
                if value > most:
                    best, most = shares, value
                if not purse.setup.any():
                    break
            size = len(kept) // 2 if len(kept) <= purse.kinds else max(len(kept) // 2, purse.kinds)
            kept = kept[np.argsort(-shares[kept], kind="stable")[:size]]
            if len(kept):
                among = np.zeros(len(shares), dtype=bool)
                among[kept] = True
                shares = self.shares_among(among, money, shares)
        return best
