"""Sums of scores per arm, and from them contrasts with a control: an estimate and its variance sum.

Plain numbers in lists for one experiment (fastest there) and arrays [R, K] for R at once; the formulas are the same
lines.

>>> sums = ContrastSums(MADSettings(arms=(0, 1), variance="realised"))
>>> for arm, outcome in ((0, 1.0), (1, 3.0), (1, 2.0), (0, 1.5)):
...     sums.add(arm, outcome, propensity=0.5, probabilities=[0.5, 0.5])
>>> estimate, variance_sum = sums.contrast(1)
>>> estimate, variance_sum                              # (3 + 2 − 1 − 1.5)/0.5/4 and (9 + 4 + 1 + 2.25)/0.25
(1.25, 65.0)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from causalbandit.arrays import cells
from causalbandit.designs.settings import MADSettings
from causalbandit.designs.variance_guard import VarianceGuard
from causalbandit.inference.scores import contrast, inverse_propensity_residual

FEW_DRAWS = 10.0
"""Draws of an arm below which what it gives is hardly known."""

FEW_OUTCOMES = 10.0
"""Effective number of outcomes below which heavy tails, or too few outcomes that are not 0, carry the sums."""

LARGEST_WIDENING = 1.1
"""How much wider the guarded interval may be before the realised one is called too short."""


class Doubts(NamedTuple):
    """Reasons to doubt an interval: truth values of one contrast, or arrays [R, J]."""

    few_draws: Any
    """The arm or the control was drawn fewer than `FEW_DRAWS` times."""
    few_outcomes: Any
    """Fewer than `FEW_OUTCOMES` outcomes of equal size would carry the sums as well (`VarianceGuard`)."""
    too_short: Any
    """The realised variance is well below what the guard says; never with the guard on."""

    def any(self) -> Any:
        """Whether there is any reason."""
        return self.few_draws | self.few_outcomes | self.too_short


class ContrastSums:
    """Sufficient statistics of the scores Γ(w) = f_w + 1{W = w}(Y − f_w)/p(w) of K arms against one control.

    The variance sum adds the contrast's squared residuals R². For population effects it also adds the spread of
    predicted effects, ΣD² with D = f_k − f_0 − ATE_{t−1}: the score's variance around the population effect is
    E[D² + 2DR + R²]. Least squares makes E[DR] = 0; a model that shrinks the effect's variation makes it positive, so
    that D² + R² alone is too small, and twice the positive part of ΣDR is added (`MADSettings.crossed`). Variance
    "guarded" raises sums to what the `VarianceGuard` says; else the guard only keeps its own.

    ``replications`` is None for one experiment, R for R at once.
    """

    def __init__(self, settings: MADSettings, replications: int | None = None) -> None:
        def zeros() -> Any:
            return [0.0] * n_arms if replications is None else np.zeros((replications, n_arms))

        self.n_arms = n_arms = settings.n_arms
        self.control, self.crossed = settings.control_index, settings.crossed
        self.population, self.guarded = settings.estimand == "population", settings.variance == "guarded"
        self.guard = VarianceGuard(n_arms, settings.alpha_each, replications)
        self._single = replications is None
        self.rounds = 0
        self.counts, self.scores, self.squares = zeros(), zeros(), zeros()
        self.spread, self.cross = zeros(), zeros()
        self._extras: Any = zeros()

    def add(self, arm: Any, outcome: Any, propensity: Any, probabilities: Any, predictions: Any = None) -> None:
        """Add one round: the drawn arm, its outcome and propensity, and of all arms [K] the probabilities with which
        they could be drawn and the predictions made before it. O(K).
        """
        place, scores, squares, counts = arm, self.scores, self.squares, self.counts
        if not self._single:
            place, scores, squares, counts = cells(arm, self.n_arms), scores.ravel(), squares.ravel(), counts.ravel()
        prediction = None
        if predictions is None:
            residual = inverse_propensity_residual(outcome, propensity)
        else:
            prediction = predictions[arm] if self._single else predictions.ravel()[place]
            residual = inverse_propensity_residual(outcome, propensity, prediction)
            if self.population:
                self._add_spread(arm, predictions, residual)
            if self._single:
                for other in range(self.n_arms):
                    scores[other] += predictions[other]
            else:
                self.scores += predictions
        scores[place] += residual
        squares[place] += residual * residual
        counts[place] += 1.0
        self.rounds += 1
        self.guard.add(place, outcome, probabilities, prediction)
        self._judge()

    def add_many(self, arms: Any, outcomes: Any, propensities: Any, probabilities: Any) -> None:
        """Add many rounds [T] of one experiment without predictions, in any order; probabilities are [T, K]."""
        residuals = inverse_propensity_residual(outcomes, propensities)
        for name, weights in (("counts", None), ("scores", residuals), ("squares", residuals * residuals)):
            added = np.bincount(arms, weights, minlength=self.n_arms)
            setattr(self, name, [float(old + new) for old, new in zip(getattr(self, name), added, strict=True)])
        self.rounds += len(residuals)
        self.guard.add_many(arms, outcomes, probabilities)
        self._judge()

    def _judge(self) -> None:
        """What the guard adds to the variance sums from here on."""
        if self.guarded:
            self._extras = self.guard.extras(self.counts, self.squares, self.control)

    def _add_spread(self, arm: Any, predictions: Any, residual: Any) -> None:
        """The terms in D = f_k − f_0 − ATE_{t−1}; before any score ATE_{t−1} is taken as 0."""
        control, rounds = self.control, max(self.rounds, 1)
        if self._single:
            for other in range(self.n_arms):
                effect = (self.scores[other] - self.scores[control]) / rounds
                deviation = predictions[other] - predictions[control] - effect
                self.spread[other] += deviation * deviation
                if self.crossed and arm in (other, control):
                    self.cross[other] += deviation * (residual if arm == other else -residual)
            return
        effects = (self.scores - self.scores[:, [control]]) / rounds
        self.spread += (predictions - predictions[:, [control]] - effects) ** 2

    def contrast(self, arm: Any) -> tuple[Any, Any]:
        """(estimate, variance sum) of an arm against control; needs at least one round.

        One experiment: an arm index gives two numbers. R experiments: a list of arms gives two arrays [R, len(list)].
        """
        if self._single:
            return self.contrasts((arm,))[0]
        column = slice(self.control, self.control + 1)
        estimate, variance_sum = contrast(
            self.scores, self.scores[:, column], self.squares, self.squares[:, column], self.rounds
        )
        if self.guarded:
            variance_sum += self._extras
        if self.population:
            variance_sum += self.spread
        return estimate[:, arm], variance_sum[:, arm]

    def contrasts(self, arms: Sequence[int]) -> list[tuple[float, float]]:
        """(estimate, variance sum) of every one of these arms against control, in one experiment with a round."""
        scores, squares, extras, rounds = self.scores, self.squares, self._extras, self.rounds
        score, square = scores[self.control], squares[self.control]
        found = []
        for arm in arms:
            estimate, variance_sum = contrast(scores[arm], score, squares[arm], square, rounds)
            variance_sum += extras[arm]  # zeros unless guarded
            if self.population:
                variance_sum += self.spread[arm]
                if self.crossed:
                    variance_sum += 2.0 * max(0.0, self.cross[arm])
            found.append((estimate, variance_sum))
        return found

    def doubts(self, arm: Any) -> Doubts:
        """Why the promise of a contrast's interval may not be held; one arm, or a list of arms for R experiments."""
        single, counts = self._single, np.asarray(self.counts)
        own, control = (counts[arm], counts[self.control]) if single else (counts[:, arm], counts[:, [self.control]])
        effective = np.asarray(self.guard.effective_outcomes)
        _, variance_sum = self.contrast(arm)
        extra: Any = 0.0
        if not self.guarded:
            extras = self.guard.extras(self.counts, self.squares, self.control)
            extra = extras[arm] if single else extras[:, arm]
        return Doubts(
            few_draws=np.minimum(own, control) < FEW_DRAWS,
            few_outcomes=~((effective if single else effective[:, None]) >= FEW_OUTCOMES),  # NaN: none at all
            too_short=np.asarray(variance_sum + extra > LARGEST_WIDENING**2 * variance_sum),
        )

    def sufficient(self, arm: Any) -> Any:
        """Whether both the arm and the control have a score: a bool, or an array [R, len(arm)] for a list of arms."""
        if self._single:
            return self.counts[arm] > 0.0 and self.counts[self.control] > 0.0
        return (self.counts[:, arm] > 0.0) & (self.counts[:, [self.control]] > 0.0)

    def state(self) -> dict[str, Any]:
        """The sums as JSON values (one experiment)."""
        names = ("rounds", "counts", "scores", "squares", "spread", "cross")
        return {name: getattr(self, name) for name in names} | {"guard": self.guard.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Put back what `state` gave, into sums made with the same settings."""
        self.rounds = state["rounds"]
        for name in ("counts", "scores", "squares", "spread", "cross"):
            setattr(self, name, list(state[name]))
        self.guard.restore(state["guard"])
        self._judge()
