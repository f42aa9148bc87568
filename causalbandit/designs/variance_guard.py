"""A guard under the variance of contrasts: what an arm's variance sum is at least, judged from how often it was drawn.

The variance sum S_w = Σ 1{W = w}e²/p(w)², e = Y − f_w, is made of what happened. An arm that is drawn rarely, and whose
few draws came out low, has given neither outcome nor variance: estimate and radius are too small at once, and the
interval misses. Its expectation is E[e²]·Σ_s 1/p_s(w), and everything in it but E[e²] is known. So, with n_w draws,

    floor_w = (Σ e² + a·c_w²)/(n_w + 1) · Σ_s 1/p_s(w),     a = ½ log(1/α),

where c_w is the size of an outcome that counts in the sum: |Σ e³|/Σ e², which is 1 for 0/1 outcomes and close to 0
where errors lie evenly on both sides of 0, so that low estimates and low variances do not go together. It is reckoned
from the arm's own draws and, so that an arm without any has a size too, from two draws' worth of all arms'. The number
a makes the bound hold where it is hardest: n draws that all gave 0 have probability at least α as long as their mean is
at most c·log(1/α)/n (Chernoff), and √(2 log(1/α)·a)·c/n is that much.

With an outcome model, e is reckoned from predictions that are cut to the range of the outcomes so far: a model that has
only just seen enough rows may predict wildly, which says nothing of later rounds (the realised sums take it as it was).

Only one of a contrast's two variances is raised, the one that gains more: its upper end fails when the arm is too low,
its lower end when the control is too low. Where the errors of the two lean to opposite sides, both happen together and
both are raised.

>>> guard = VarianceGuard(n_arms=2, alpha=0.05)
>>> for arm, outcome in ((0, 1.0), (0, 0.0), (1, 0.0), (0, 1.0)):
...     guard.add(arm, outcome, [0.75, 0.25])
>>> [round(floor, 2) for floor in guard.floors([3.0, 1.0])]         # arm 1 gave nothing in one draw
[4.66, 11.98]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from causalbandit.arrays import Floats

BORROWED_DRAWS = 2.0
"""Draws' worth of all arms' outcomes that an arm's size of outcomes is reckoned from beside its own."""


class VarianceGuard:
    """Draws, errors and inverse probabilities of K arms, and the floors of their variance sums.

    ``alpha`` is the error rate of one contrast, ``replications`` None for one experiment or R for R at once.

    Attributes
    ----------
    inverse : list or array
        [K] or [R, K]: Σ_s 1/p_s(w) over all rounds.
    squares, cubes : list or array
        [K] or [R, K]: Σ e² and Σ e³ over the rounds in which the arm was drawn.
    sizes : float or array
        Σ |e|³ over all rounds, [R] with replications.
    low, high : float or array
        Range of the outcomes that came with predictions; infinite before the first.
    """

    def __init__(self, n_arms: int, alpha: float, replications: int | None = None) -> None:
        self.n_arms, self.pseudo = n_arms, -0.5 * math.log(alpha)
        self._single = replications is None
        self.inverse: Any
        self.squares: Any
        self.cubes: Any
        self.inverse, self.squares, self.cubes = (
            [0.0] * n_arms if replications is None else np.zeros((replications, n_arms)) for _ in range(3)
        )
        self.sizes: Any = 0.0 if replications is None else np.zeros(replications)
        self.low: Any = math.inf if replications is None else np.full(replications, np.inf)
        self.high: Any = -self.low

    def add(self, place: Any, outcome: Any, probabilities: Any, prediction: Any = None) -> None:
        """Add one round: the drawn arm's place, outcome and prediction, and all arms' probabilities [K] or [R, K].

        The place is the arm's index, or in R experiments those of cells [R], counted along the rows of [R, K].
        """
        error = outcome if prediction is None else self._error(outcome, prediction)
        square = error * error
        if self._single:
            inverse = self.inverse
            for other, probability in enumerate(probabilities):
                inverse[other] += 1.0 / probability
            squares, cubes = self.squares, self.cubes
        else:
            self.inverse += 1.0 / probabilities
            squares, cubes = self.squares.ravel(), self.cubes.ravel()
        squares[place] += square
        cubes[place] += square * error
        self.sizes += square * abs(error)

    def _error(self, outcome: Any, prediction: Any) -> Any:
        """The outcome minus a prediction that is cut to the range of the outcomes."""
        if self._single:
            self.low, self.high = min(self.low, outcome), max(self.high, outcome)
            return outcome - min(max(prediction, self.low), self.high)
        self.low, self.high = np.minimum(self.low, outcome), np.maximum(self.high, outcome)
        return outcome - np.clip(prediction, self.low, self.high)

    def add_many(self, arms: Any, outcomes: Floats, probabilities: Floats) -> None:
        """Add many rounds [T] of one experiment without predictions, in any order; probabilities [T, K]."""
        size = self.n_arms
        added = (
            (1.0 / probabilities).sum(axis=0),
            np.bincount(arms, outcomes**2, minlength=size),
            np.bincount(arms, outcomes**3, minlength=size),
        )
        self.inverse, self.squares, self.cubes = (
            [float(old + new) for old, new in zip(sums, more, strict=True)]
            for sums, more in zip((self.inverse, self.squares, self.cubes), added, strict=True)
        )
        self.sizes += float(np.sum(np.abs(outcomes) ** 3))

    def floors(self, counts: Any) -> Any:
        """What each arm's variance sum is at least, [K] or [R, K]; ``counts`` are the draws of each arm, alike."""
        squares, cubes, pseudo = self.squares, self.cubes, self.pseudo
        if self._single:
            share = BORROWED_DRAWS / (sum(counts) or 1.0)
            square, cube = share * sum(squares), share * sum(map(abs, cubes))
            if square == 0.0:
                return [0.0] * self.n_arms
            floors = []
            for own, third, count, inverse in zip(squares, cubes, counts, self.inverse, strict=True):
                scale = (abs(third) + cube) / (own + square)
                floors.append((own + pseudo * scale * scale) / (count + 1.0) * inverse)
            return floors
        scale, ones = np.abs(cubes), np.ones((self.n_arms, 1))  # times ones: quicker than the sums of short rows
        share = BORROWED_DRAWS / max(counts[0].sum(), 1.0)  # every experiment has seen as many rounds
        scale += share * (scale @ ones)
        scale /= squares + np.maximum(share * (squares @ ones), np.finfo(np.float64).tiny)
        scale *= scale
        scale *= pseudo
        scale += squares
        scale *= self.inverse
        scale /= counts + 1.0
        return scale

    def extras(self, counts: Any, variance_sums: Any, control: int) -> Any:
        """What is added to the variance sum of each arm's contrast with ``control``, [K] or [R, K], at least 0.

        Of what the arm's and the control's variance sums lack to their floors it is the larger, or both where errors
        lean apart.
        """
        floors, cubes = self.floors(counts), self.cubes
        if self._single:
            other, leaning = max(0.0, floors[control] - variance_sums[control]), cubes[control]
            extras = []
            for floor, known, cube in zip(floors, variance_sums, cubes, strict=True):
                lack = floor - known if floor > known else 0.0
                if cube * leaning < 0.0:
                    lack += other
                elif lack < other:
                    lack = other
                extras.append(lack)
            return extras
        lacks, column = np.maximum(floors - variance_sums, 0.0), slice(control, control + 1)
        other, apart = lacks[:, column], cubes * cubes[:, column] < 0.0
        larger = np.maximum(lacks, other)
        return np.where(apart, lacks + other, larger) if apart.any() else larger

    @property
    def effective_outcomes(self) -> Any:
        """(Σe²)³/(Σ|e|³)² over all arms: how many outcomes of equal size would carry the sums as well; [R] for R.

        The number of successes for 0/1 outcomes. NaN before any outcome differs from its prediction.
        """
        if self._single:
            return sum(self.squares) ** 3 / self.sizes**2 if self.sizes else math.nan
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.squares.sum(axis=1) ** 3 / self.sizes**2

    def state(self) -> dict[str, Any]:
        """The sums as JSON values (one experiment)."""
        limits = None if self.low > self.high else [self.low, self.high]
        return {name: getattr(self, name) for name in ("inverse", "squares", "cubes", "sizes")} | {"range": limits}

    def restore(self, state: Any) -> None:
        """Put back what `state` gave."""
        self.inverse, self.squares, self.cubes = (list(state[name]) for name in ("inverse", "squares", "cubes"))
        self.sizes = state["sizes"]
        self.low, self.high = state["range"] or (math.inf, -math.inf)


def guard_path(
    arms: Any, outcomes: Floats, probabilities: Floats, variance_sums: Sequence[Floats], alpha: float
) -> tuple[list[Floats], list[Floats]]:
    """What every arm's variance sum lacks to its floor, and Σ e³, after each round of one experiment: K arrays [T]."""
    n_arms = probabilities.shape[1]
    share = BORROWED_DRAWS / np.arange(1, len(outcomes) + 1)
    cubes = [np.cumsum((arms == arm) * outcomes**3) for arm in range(n_arms)]
    square, cube = share * np.cumsum(outcomes**2), share * sum(np.abs(sums) for sums in cubes)
    extras = []
    for arm in range(n_arms):
        drawn = arms == arm
        own = np.cumsum(drawn * outcomes**2)
        scale = (np.abs(cubes[arm]) + cube) / np.maximum(own + square, np.finfo(np.float64).tiny)
        floor = (own - 0.5 * math.log(alpha) * scale**2) / (np.cumsum(drawn) + 1.0)
        extras.append(np.maximum(floor * np.cumsum(1.0 / probabilities[:, arm]) - variance_sums[arm], 0.0))
    return extras, cubes
