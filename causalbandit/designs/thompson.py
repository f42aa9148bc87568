"""Thompson sampling: posterior draws of every arm's mean, and exact win probabilities by quadrature.

>>> policy = BetaBernoulliThompson(2, draws="exact")
>>> policy.update(1, 1.0)                               # Beta(1, 1) against Beta(2, 1): P(arm 1 is best) = 2/3
>>> policy.probabilities().round(4).tolist()
[0.3333, 0.6667]
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from causalbandit import checks
from causalbandit.allocation import win_frequencies
from causalbandit.arrays import Floats
from causalbandit.designs.policies import ArmStatistics
from causalbandit.errors import InvalidArgument
from causalbandit.randomness import RNG


class _Thompson(ArmStatistics):
    """Posterior sampling: an arm's probability is its chance to be best, by one draw, by many, or by quadrature."""

    def __init__(
        self,
        n_arms: int,
        *,
        draws: int | Literal["exact"] = 1,
        goal: Literal["max", "min"] = "max",
        rng: RNG = None,
    ) -> None:
        super().__init__(n_arms, goal=goal, rng=rng)
        self.draws: int | str = draws
        if draws != "exact":
            self.draws = checks.whole_number(draws, "draws", least=1, of="posterior draws a round", fix="Or 'exact'.")

    def probabilities(self) -> Floats:
        """Each arm's chance to be best, [K] or [R, K]: one-hot for ``draws=1``, a frequency for more."""
        if self.draws == 1:
            if self.counts.ndim == 1:
                draws = self._draw_each()
                best = draws.index(max(draws) if self.goal == "max" else min(draws))
                wins = [0.0] * len(draws)
                wins[best] = 1.0
                return np.array(wins)
            return self._one_hot(self._sign * self._sample(self.counts.shape))
        if self.draws != "exact":
            return win_frequencies(self._sign * self._sample((int(self.draws), *self.counts.shape)))
        if self.counts.ndim == 1:
            return self._exact(self.counts, self.totals)
        return np.stack([self._exact(count, total) for count, total in zip(self.counts, self.totals, strict=True)])

    def _sample(self, shape: tuple[int, ...]) -> Floats:
        raise NotImplementedError

    def _draw_each(self) -> list[float]:
        """One posterior draw per arm of one experiment."""
        drawn: list[float] = self._sample(self.counts.shape).tolist()
        return drawn

    def _exact(self, counts: Floats, totals: Floats) -> Floats:
        raise NotImplementedError


class BetaBernoulliThompson(_Thompson):
    """Thompson sampling for outcomes in [0, 1] with a Beta prior on each arm's mean.

    Parameters
    ----------
    n_arms
        K.
    prior
        (a, b) of the Beta prior, both positive. (1, 1) is uniform.
    draws
        Posterior draws per round: 1 gives a one-hot vector (the classical algorithm), more a share of wins,
        "exact" the win probabilities by quadrature (about a millisecond per round at K = 4).
    goal, rng
        As in `ArmStatistics`.

    Notes
    -----
    Source: Thompson (1933). A fractional outcome y counts as y successes and 1 − y failures. Outcomes outside [0, 1]
    are refused: counting them as failures, as is sometimes done, would teach the policy the wrong order of arms.
    """

    setting_names = ("n_arms", "goal", "draws", "prior")

    def __init__(
        self,
        n_arms: int,
        *,
        prior: tuple[float, float] = (1.0, 1.0),
        draws: int | Literal["exact"] = 1,
        goal: Literal["max", "min"] = "max",
        rng: RNG = None,
    ) -> None:
        super().__init__(n_arms, draws=draws, goal=goal, rng=rng)
        if len(prior) != 2 or not all(0.0 < value < math.inf for value in prior):
            raise InvalidArgument("prior", f"was {prior!r}; expected two positive numbers (a, b), such as (1.0, 1.0).")
        self.prior = (float(prior[0]), float(prior[1]))

    def _check(self, outcome: Any) -> None:
        low, high = (outcome, outcome) if isinstance(outcome, float) else (np.min(outcome), np.max(outcome))
        if not (low >= 0.0 and high <= 1.0):
            expected = "BetaBernoulliThompson learns from outcomes in [0, 1]. Rescale them, or use GaussianThompson"
            raise InvalidArgument("outcome", f"was {high if low >= 0.0 else low}; {expected}.")

    def _sample(self, shape: tuple[int, ...]) -> Floats:
        return self.rng.beta(self.prior[0] + self.totals, self.prior[1] + self.counts - self.totals, size=shape)

    def _draw_each(self) -> list[float]:  # a few single draws cost a third of one call with arrays
        beta, (a, b) = self.rng.beta, self.prior
        pairs = zip(self.counts.tolist(), self.totals.tolist(), strict=True)
        return [beta(a + total, b + count - total) for count, total in pairs]

    def _exact(self, counts: Floats, totals: Floats) -> Floats:
        from scipy.special import betainc, betaln, digamma, expit, polygamma

        a, b = self.prior[0] + totals, self.prior[1] + counts - totals
        first, second = (a, b) if self.goal == "max" else (b, a)

        # On the logit scale z the density x^a (1 − x)^b / B(a, b) is smooth also where a or b is below 1.
        return _win_probabilities(
            lambda z: np.asarray(betainc(first, second, expit(self._sign * z))),
            lambda z: -a * np.logaddexp(0.0, -z) - b * np.logaddexp(0.0, z) - betaln(a, b),
            _around(digamma(a) - digamma(b), np.sqrt(polygamma(1, a) + polygamma(1, b))),
        )


class GaussianThompson(_Thompson):
    """Thompson sampling for real outcomes: normal prior on each arm's mean, normal noise of known size.

    Parameters
    ----------
    n_arms
        K.
    prior_mean, prior_sd
        Of every arm's mean, in the outcome's unit.
    noise_sd
        Standard deviation of one outcome, in the same unit. A wrong value makes the policy more greedy (too small) or
        more exploring (too large); it never touches the validity of the inference.
    draws, goal, rng
        As in `BetaBernoulliThompson`.
    """

    setting_names = ("n_arms", "goal", "draws", "prior_mean", "prior_sd", "noise_sd")

    def __init__(
        self,
        n_arms: int,
        *,
        prior_mean: float = 0.0,
        prior_sd: float = 1.0,
        noise_sd: float = 1.0,
        draws: int | Literal["exact"] = 1,
        goal: Literal["max", "min"] = "max",
        rng: RNG = None,
    ) -> None:
        super().__init__(n_arms, draws=draws, goal=goal, rng=rng)
        unit = "It is in the outcome's unit."
        self.prior_mean = checks.number(prior_mean, "prior_mean", fix=unit)
        self.prior_sd = checks.number(prior_sd, "prior_sd", above=0, fix=unit)
        self.noise_sd = checks.number(noise_sd, "noise_sd", above=0, fix=unit)

    def _posterior(self, counts: Floats, totals: Floats) -> tuple[Floats, Floats]:
        precision = 1.0 / self.prior_sd**2 + counts / self.noise_sd**2
        return (self.prior_mean / self.prior_sd**2 + totals / self.noise_sd**2) / precision, 1.0 / np.sqrt(precision)

    def _sample(self, shape: tuple[int, ...]) -> Floats:
        mean, spread = self._posterior(self.counts, self.totals)
        return mean + spread * self.rng.standard_normal(shape)

    def _exact(self, counts: Floats, totals: Floats) -> Floats:
        from scipy.special import ndtr

        mean, spread = self._posterior(counts, totals)
        return _win_probabilities(
            lambda x: np.asarray(ndtr(self._sign * (x - mean) / spread)),
            lambda x: -0.5 * ((x - mean) / spread) ** 2 - np.log(spread) - 0.5 * math.log(2.0 * math.pi),
            _around(mean, spread),
        )


def _around(mean: Floats, spread: Floats) -> Floats:
    """Panel ends for quadrature: every arm's mean and steps of its standard deviation around it."""
    half = np.array([0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 9.0, 14.0, 20.0, 30.0])
    steps = np.concatenate([-half, [0.0], half])
    return np.asarray((mean[:, None] + spread[:, None] * steps).ravel())


def _win_probabilities(
    beaten: Callable[[Floats], Floats], log_density: Callable[[Floats], Floats], ends: Floats
) -> Floats:
    """P(arm k is best) = ∫ f_k(x) Π_{j≠k} F_j(x) dx by Gauss-Legendre panels between ``ends``.

    ``beaten`` and ``log_density`` take x [n, 1] and give [n, K]: each arm's probability to be no better than x, and its
    log density at x.
    """
    nodes, weights = np.polynomial.legendre.leggauss(10)
    edges = np.unique(ends)
    half = 0.5 * np.diff(edges)[:, None]
    x = (edges[:-1, None] + half * (nodes + 1.0)).ravel()
    below = beaten(x[:, None])
    rows = (half * weights).ravel()[:, None] * np.exp(log_density(x[:, None]))
    left = np.cumprod(np.concatenate([np.ones((len(x), 1)), below[:, :-1]], axis=1), axis=1)
    right = np.cumprod(np.concatenate([np.ones((len(x), 1)), below[:, :0:-1]], axis=1), axis=1)[:, ::-1]
    wins = np.maximum((rows * left * right).sum(axis=0), 0.0)
    return np.asarray(wins / wins.sum())
