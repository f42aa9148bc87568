"""Running contrasts of arms with a control: estimates with confidence sequences, round after round.

`RunningContrasts.take` is the only round: a live design, the replay of a log and a simulation of R experiments all
enter what they observed through it.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from typing import Any

import numpy as np

from causalbandit.arrays import Floats, cells
from causalbandit.designs.contrast_sums import ContrastSums
from causalbandit.designs.mad_record import (
    ARM,
    OUTCOME,
    PROPENSITY,
    RoundRecord,
    doubles_from_text,
    doubles_to_text,
)
from causalbandit.designs.settings import MADSettings
from causalbandit.designs.variance_guard import guard_path
from causalbandit.inference.scores import contrast, inverse_propensity_residual
from causalbandit.sequences.asymptotic import AsymptoticBoundary, asymptotic_radius


class RunningContrasts:
    """What the rounds so far have taught: sums of scores, the outcome model, and which arms have settled.

    ``replications`` is None for one experiment, R for R at once.

    Attributes
    ----------
    rounds : int
        Observed rounds, those of the warm-up included.
    pulls : list or array
        [K] or [R, K]: rounds in which each arm was drawn.
    sums : ContrastSums
        Of the rounds after the warm-up.
    model : object or None
        The outcome model; `start_model` makes it once the number of covariates is known.
    settled_since, benchmark : list or array
        [J] or [R, J]: round at which each contrast settled, and its radius when it was first significant; None or NaN
        before.
    path : array of double
        Estimate and radius of each contrast, round after round, of one experiment that records them.
    estimates, radii, first_significant : array
        [R, J], with replications only: after the last round, and the first round at which zero was left out.
    """

    def __init__(self, settings: MADSettings, *, replications: int | None = None) -> None:
        self.settings, self.replications = settings, replications
        self.model: Any = None
        self._boundary = AsymptoticBoundary(settings.alpha_each, settings.t_star)
        self.clear()

    def clear(self) -> None:
        """Forget every round."""
        settings, size, count = self.settings, self.replications, len(self.settings.others)
        self.sums = ContrastSums(settings, size)
        self.rounds = 0
        self.path = array("d")
        self.pulls: Any
        self.settled_since: Any
        self.benchmark: Any
        if size is None:
            self.pulls = [0] * settings.n_arms
            self.settled_since, self.benchmark = [None] * count, [None] * count
            self._follow = self._follow_one
        else:
            self.pulls = np.zeros((size, settings.n_arms))
            self.settled_since, self.benchmark = np.full((size, count), np.nan), np.full((size, count), np.nan)
            self.estimates, self.radii = np.full((size, count), np.nan), np.full((size, count), np.inf)
            self.first_significant = np.full((size, count), np.nan)
            self._weights = array("d", [1.0])
            self._follow = self._follow_all
        if self.model is not None:
            self.start_model(self.model.n_covariates)

    def start_model(self, n_covariates: int) -> None:
        """Make the outcome model, if the design has one, for this number of covariates."""
        self.model = self.settings.new_model(n_covariates, self.replications)

    def take(
        self,
        arm: Any,
        outcome: Any,
        propensity: Any,
        probabilities: Any,
        predictions: Any = None,
        covariates: Any = None,
    ) -> None:
        """Enter one observed round: the only place where a round is scored, learned from and judged.

        Of the drawn arm come outcome and propensity ([R] each with replications), of all arms the probabilities and
        what the outcome model predicted before the draw ([K] or [R, K]), of the unit its covariates ([d] or [R, d]).
        """
        self.rounds += 1
        if self.replications is None:
            self.pulls[arm] += 1
        else:
            self.pulls.ravel()[cells(arm, self.settings.n_arms)] += 1
        if self.rounds > self.settings.n_warmup:
            self.sums.add(arm, outcome, propensity, probabilities, predictions)
        if self.model is not None:
            self.model.update(arm, covariates, outcome)
        self._follow()

    def retake(self, record: RoundRecord) -> None:
        """Forget every round of one experiment and enter those of its record anew."""
        table = record.observed()
        predictions = record.predictions(table)
        columns = (
            record.probabilities(table).tolist(),
            [None] * len(table) if predictions is None else predictions.tolist(),
            record.covariates(table).tolist(),
        )
        self.clear()
        for row, *known in zip(table.tolist(), *columns, strict=True):
            self.take(int(row[ARM]), row[OUTCOME], row[PROPENSITY], *known)

    def take_many(self, arms: Any, outcomes: Any, propensities: Any, probabilities: Any) -> None:
        """Enter the rounds [T] of one experiment without an outcome model at once; nothing settles on the way.

        ``probabilities`` [T, K] are those of all arms.
        """
        self.sums.add_many(arms, outcomes, propensities, probabilities)
        self.rounds += len(arms)
        self.pulls = np.add(self.pulls, np.bincount(arms, minlength=self.settings.n_arms)).tolist()

    def interval(self, arm: int) -> tuple[float, float, float]:
        """(estimate, radius, variance sum) of an arm of one experiment; NaN and infinities before there are scores."""
        sums = self.sums
        if not sums.sufficient(arm):
            return math.nan, math.inf, math.inf
        estimate, variance_sum = sums.contrast(arm)
        return estimate, self._boundary.one(variance_sum, sums.rounds), variance_sum

    def _follow_one(self) -> None:
        """Path and settled arms of one experiment after a round: `interval` of every arm, written out for speed."""
        sums, settings, path, counts, since = self.sums, self.settings, self.path, self.sums.counts, self.settled_since
        others, rounds, radius_of = settings.others, sums.rounds, self._boundary.one
        found = sums.contrasts(others) if rounds else []
        control_seen = counts[settings.control_index] > 0.0
        for place, arm in enumerate(others):
            if control_seen and counts[arm] > 0.0:
                estimate, variance_sum = found[place]
                radius = radius_of(variance_sum, rounds)
                if abs(estimate) >= radius:
                    self.settle(place, radius)
                else:
                    since[place] = None
            else:
                estimate, radius = math.nan, math.inf
            if settings.record_path:
                path.append(estimate)
                path.append(radius)

    def settle(self, place: int, radius: float) -> None:
        """Follow a significant contrast: it is settled once its radius is tight enough beside its first one."""
        benchmark = self.benchmark[place]
        if benchmark is None:
            self.benchmark[place] = benchmark = radius
        if self.settled_since[place] is None and radius <= (1.0 - self.settings.precision) * benchmark:
            self.settled_since[place] = self.rounds

    def _follow_all(self) -> None:
        """The same for R experiments: `interval` and `settle` in arrays."""
        sums, settings, t = self.sums, self.settings, self.rounds
        if not sums.rounds:
            return
        estimates, variance_sums = sums.contrast(settings.others)
        radii = self._boundary.each(variance_sums, sums.rounds)
        if not sums.counts.all():
            enough = sums.sufficient(settings.others)
            estimates, radii = np.where(enough, estimates, np.nan), np.where(enough, radii, np.inf)
        significant = np.abs(estimates) >= radii
        first = significant & np.isnan(self.benchmark)
        self.first_significant[first] = t
        self.benchmark[first] = radii[first]
        self.settled_since[~significant] = np.nan
        tight = significant & (radii <= (1.0 - settings.precision) * self.benchmark)
        self.settled_since[tight & np.isnan(self.settled_since)] = t
        self.estimates, self.radii = estimates, radii

    @property
    def finished(self) -> Any:
        """Whether all contrasts are settled: a bool, or an array [R]."""
        if self.replications is None:
            return None not in self.settled_since
        return ~np.isnan(self.settled_since @ np.ones(len(self.settings.others)))  # a sum with NaN is NaN

    @property
    def shifts_power(self) -> bool:
        """Whether any arm has less than its share of the policy: one is settled, and there is a decay."""
        if self.settings.decay is None:
            return False
        if self.replications is None:
            return bool(self.settled_since.count(None) < len(self.settled_since))
        return not bool(np.isnan(self.settled_since).all())

    def weights(self) -> Any:
        """Weight of each arm's share of the policy, [K] or [R, K]: 1, less for settled arms when there is a decay."""
        settings, now = self.settings, self.rounds + 1
        if self.replications is None:
            weights = [1.0] * settings.n_arms
            for arm, since in zip(settings.others, self.settled_since, strict=True):
                if since is not None:
                    weights[arm] = settings.settled_weight(now - since)
            return weights
        while len(self._weights) < now:  # a table of the weight by the number of rounds since an arm settled
            self._weights.append(settings.settled_weight(len(self._weights)))
        ages = np.where(np.isnan(self.settled_since), 0, now - self.settled_since).astype(np.int64)
        shares = np.ones((self.replications, settings.n_arms))
        shares[:, settings.others] = np.frombuffer(self._weights)[ages]
        return shares

    def state(self) -> dict[str, Any]:
        """All of it as JSON values (one experiment)."""
        return {
            "rounds": self.rounds,
            "pulls": self.pulls,
            "sums": self.sums.state(),
            "settled_since": self.settled_since,
            "benchmark": self.benchmark,
            "path": doubles_to_text(self.path),
            "model": None if self.model is None else self.model.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Put back what `state` gave, into running contrasts of the same settings."""
        self.rounds, self.pulls = state["rounds"], list(state["pulls"])
        self.sums.restore(state["sums"])
        self.settled_since, self.benchmark = list(state["settled_since"]), list(state["benchmark"])
        self.path = doubles_from_text(state["path"])
        if self.model is not None:
            self.model.restore(state["model"])


def contrast_path(
    settings: MADSettings, arms: Any, outcomes: Floats, propensities: Floats, probabilities: Floats
) -> Floats:
    """[T, K − 1, 2] estimates and radii after every round of an experiment without predictions, by cumulative sums."""
    residuals = inverse_propensity_residual(outcomes, propensities)
    rounds = np.arange(1, len(residuals) + 1)
    values = np.empty((len(residuals), len(settings.others), 2))
    drawn = [arms == arm for arm in range(settings.n_arms)]
    scores = [np.cumsum(own * residuals) for own in drawn]
    squares = [np.cumsum(own * residuals**2) for own in drawn]
    seen = [np.logical_or.accumulate(own) for own in drawn]
    if settings.variance == "guarded":
        extras, cubes = guard_path(arms, outcomes, probabilities, squares, settings.alpha_each)
    control = settings.control_index
    for place, arm in enumerate(settings.others):
        estimate, variance_sum = contrast(scores[arm], scores[control], squares[arm], squares[control], rounds)
        if settings.variance == "guarded":
            apart = cubes[arm] * cubes[control] < 0.0
            both = extras[arm] + extras[control]
            variance_sum = variance_sum + np.where(apart, both, np.maximum(extras[arm], extras[control]))
        radius = asymptotic_radius(variance_sum, rounds, settings.alpha_each, settings.t_star)
        enough = seen[arm] & seen[control]
        values[:, place, 0] = np.where(enough, estimate, np.nan)
        values[:, place, 1] = np.where(enough, radius, np.inf)
    return values
