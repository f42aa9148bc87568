"""Many simulated Mixture Adaptive Designs at once: coverage, power, stopping time and reward, as one batch in numpy.

The experiments run side by side, round after round, in arrays with a leading axis of R replications; mixing, scores,
outcome models and radii are the lines that a live `MixtureAdaptiveDesign` runs.

>>> from causalbandit.designs.thompson import BetaBernoulliThompson
>>> simulation = simulate_mad(BetaBernoulliThompson(2), [0.3, 0.6], n_rounds=400, replications=200, delta="slow", rng=0)
>>> table = simulation.to_frame()
>>> table[["arm", "effect", "power"]].round(1).to_dict("records")
[{'arm': 1, 'effect': 0.3, 'power': 1.0}]
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Any, Literal, NamedTuple

import numpy as np

from causalbandit import checks
from causalbandit.arrays import Flags, Floats, Integers, cells
from causalbandit.designs.mixing import batch_probabilities, drawn_arms, mix, rebalance
from causalbandit.designs.policies import check_policy
from causalbandit.designs.running_contrasts import RunningContrasts
from causalbandit.designs.settings import ESTIMANDS, MADSettings
from causalbandit.designs.simulated_designs import MADRounds, MADSimulation
from causalbandit.errors import InvalidArgument
from causalbandit.randomness import RNG, seed_sequence
from causalbandit.text import progress_bar

Outcomes = Callable[..., Any]

GRID = 200
"""Number of rounds at which a simulation's path is kept: more than a figure shows."""


def simulate_mad(
    policy: Any,
    outcomes: Outcomes | Sequence[float] | Floats,
    *,
    n_rounds: int,
    replications: int,
    means: Sequence[float] | Floats | None = None,
    control: int = 0,
    delta: str | Callable[[int], float] = "fast",
    alpha: float = 0.05,
    t_star: float | None = None,
    multiplicity: str | None = "bonferroni",
    variance: Literal["guarded", "realised"] = "guarded",
    outcome_model: Literal["mean", "pooled", "split"] | None = None,
    n_warmup: int = 0,
    estimand: Literal["sample", "population"] = "sample",
    truth: Literal["sample", "population"] | None = None,
    decay: str | Callable[[float], float] | None = None,
    precision: float = 0.1,
    start: int = 100,
    record: bool = False,
    rng: RNG = None,
    progress: bool | None = None,
) -> MADSimulation:
    """Run R independent Mixture Adaptive Designs of T rounds each, all at once.

    Parameters
    ----------
    policy
        A policy with ``replicate(replications, rng)``; it is copied, never changed.
    outcomes
        K Bernoulli means; or a function ``outcomes(size, rng)`` that draws one round for ``size`` units: potential
        outcomes [size, K], or with an outcome model that uses covariates a pair (outcomes [size, K], covariates
        [size, d]). A function with a third argument is given the round's number 1, 2, …: outcomes may drift.
    n_rounds, replications
        T and R.
    means
        Population means of the arms [K], known from ``outcomes`` when that is a list. Needed to count misses of the
        population effects, and for the naive interval's misses.
    control, delta, alpha, t_star, multiplicity, variance, outcome_model, n_warmup, decay, precision
        As in `MixtureAdaptiveDesign`; ``t_star`` defaults to T. Every experiment runs all T rounds; when it would have
        stopped is in ``stopping_round``.
    estimand
        What the intervals are made for: "sample" effects, the mean difference of the potential outcomes over the scored
        rounds, or "population" effects.
    truth
        Which of the two misses are counted against; default: the estimand.
    start
        First round at which a miss counts.
    record
        Keep every round (24 bytes a round and replication, 8 more per arm and per covariate).
    rng, progress
        Seed or generator; whether to show a progress bar (default: on a terminal).

    Notes
    -----
    Work is O(RK) a round, O(R(K + d³)) with least squares; memory O(R(K + d²)) unless ``record``.

    Raises
    ------
    InvalidArgument
        For settings outside their range, and for outcomes of another shape.
    """
    check_policy(policy)
    purpose = "it cannot run as a batch; use a policy of this package, or MixtureAdaptiveDesign.run"
    checks.methods(policy, "policy", ("replicate",), purpose)
    n_rounds = checks.whole_number(n_rounds, "n_rounds", least=1, of="rounds")
    replications = checks.whole_number(replications, "replications", least=1, of="experiments")
    settings = MADSettings(
        arms=tuple(range(policy.n_arms)),
        control=control,
        delta=delta,
        alpha=alpha,
        t_star=n_rounds if t_star is None else t_star,
        multiplicity=multiplicity,
        variance=variance,
        outcome_model=outcome_model,
        n_warmup=n_warmup,
        estimand=estimand,
        decay=decay,
        precision=precision,
    )
    source = _OutcomeSource(outcomes, means, settings)
    against = checks.one_of(estimand if truth is None else truth, "truth", ESTIMANDS)
    if against == "population" and source.means is None:
        fix = "or pass estimand='sample' or truth='sample'"
        raise InvalidArgument("means", f"are needed to count misses of population effects; {fix}.")
    batch = _Batch(settings, policy, source, replications, rng)
    misses = _Misses(settings, source.means, against == "population", replications)
    paths = _Paths(n_rounds, len(settings.others))
    kept: list[_Round] = []
    for t in progress_bar(n_rounds, "rounds", progress, iterable=range(1, n_rounds + 1)):
        drawn = batch.round(t)
        misses.learn(drawn, scored=t > settings.n_warmup)
        if t >= start and batch.contrasts.sums.rounds:
            misses.count(batch.contrasts)
        paths.keep(t, batch.contrasts, misses.missed)
        if record:
            kept.append(drawn._replace(potential=np.empty((0, 0))))  # they are not recorded, and large
    contrasts = batch.contrasts
    return MADSimulation(
        control=settings.control_index,
        n_rounds=n_rounds,
        alpha=settings.alpha,
        estimand=estimand,
        start=start,
        effects=misses.effects,
        estimates=contrasts.estimates,
        radii=contrasts.radii,
        missed=misses.missed,
        naive_missed=misses.naive_missed,
        first_significant=contrasts.first_significant,
        warned=contrasts.sums.doubts(settings.others).any() if contrasts.sums.rounds else np.isnan(contrasts.estimates),
        stopping_round=batch.stopping_round,
        pulls=contrasts.pulls,
        reward=misses.totals.sum(axis=1) / n_rounds,
        grid=paths.grid,
        power_path=paths.power,
        miss_path=paths.missed,
        radius_path=paths.radius,
        rounds=_stack(kept) if record else None,
    )


class _Round(NamedTuple):
    """One round of R experiments: potential outcomes [R, K] and covariates [R, d] of the units, the drawn arms [R]
    with outcome and propensity, and the probabilities of all arms [R, K].
    """

    potential: Floats
    covariates: Floats | None
    arms: Integers
    outcome: Floats
    propensity: Floats
    probabilities: Floats


class _OutcomeSource:
    """Draws potential outcomes; ``means`` [K] are the arms', or None where nobody knows them."""

    def __init__(self, outcomes: Any, means: Any, settings: MADSettings) -> None:
        self.settings = settings
        known = None if means is None else np.asarray(means, dtype=np.float64)
        if not callable(outcomes):
            expected = f"{settings.n_arms} Bernoulli means in [0, 1], or a function of (size, rng)"
            bernoulli = checks.numeric_array(outcomes, "outcomes", expected)
            checks.finite_array(
                checks.shaped(bernoulli, "outcomes", (settings.n_arms,), expected),
                "outcomes",
                f": {expected}",
                least=0,
                most=1,
            )
            if known is not None and not np.array_equal(known, bernoulli):
                raise InvalidArgument("means", "differ from the Bernoulli means given as outcomes; leave means out.")
            outcomes, known = _bernoulli(bernoulli), bernoulli
        if known is not None:
            checks.shaped(known, "means", (settings.n_arms,), "one per arm")
        self.means: Floats | None = known
        self._draw, self._takes_round = outcomes, _takes_three(outcomes)

    def draw(self, size: int, rng: np.random.Generator, t: int) -> tuple[Floats, Floats | None]:
        """Potential outcomes [R, K] and covariates [R, d] (None in a design without) of round t, checked."""
        drawn = self._draw(size, rng, t) if self._takes_round else self._draw(size, rng)
        potential, covariates = drawn if isinstance(drawn, tuple) else (drawn, None)
        potential, shape = np.asarray(potential, dtype=np.float64), (size, self.settings.n_arms)
        checks.shaped(potential, "what outcomes(size, rng) gave", shape, "replications, arms")
        if not self.settings.uses_covariates:
            return potential, None
        covariates = None if covariates is None else np.asarray(covariates, dtype=np.float64)
        if covariates is None or covariates.ndim != 2 or len(covariates) != size:
            expected = f"expected a pair (outcomes {shape}, covariates ({size}, d))"
            needed = f"and the outcome model {self.settings.outcome_model!r} needs covariates"
            raise InvalidArgument("outcomes(size, rng)", f"gave no covariates that fit, {needed}; {expected}.")
        return potential, covariates


def _bernoulli(means: Floats) -> Outcomes:
    return lambda size, rng: (rng.random((size, len(means))) < means).astype(np.float64)


def _takes_three(function: Any) -> bool:
    """Whether a function can be called with a third argument, the round."""
    try:
        inspect.signature(function).bind(1, 2, 3)
    except (TypeError, ValueError):
        return False
    return True


class _Batch:
    """R designs side by side: in every round they draw, observe and learn as a live design does."""

    def __init__(self, settings: MADSettings, policy: Any, source: _OutcomeSource, replications: int, rng: RNG) -> None:
        policy_seed, draw_seed, outcome_seed = seed_sequence(rng).spawn(3)
        self.settings, self.policy, self.source = settings, policy.replicate(replications, policy_seed), source
        self.contrasts = RunningContrasts(settings, replications=replications)
        self.stopping_round = np.full(replications, np.nan)
        self._draws, self._outcomes = np.random.default_rng(draw_seed), np.random.default_rng(outcome_seed)
        self.replications = replications

    def round(self, t: int) -> _Round:
        """Run round t and return what was drawn."""
        settings, contrasts, size = self.settings, self.contrasts, self.replications
        share = settings.share(t)
        potential, covariates = self.source.draw(size, self._outcomes, t)
        chances = batch_probabilities(self.policy, potential.shape)
        if contrasts.shifts_power:
            chances = rebalance(chances, contrasts.weights())
        probabilities = mix(share, chances, settings.n_arms)
        arms = drawn_arms(self._draws.random(size), probabilities)
        drawn = cells(arms, settings.n_arms)
        outcome, propensity = potential.ravel()[drawn], probabilities.ravel()[drawn]
        if t == 1:
            contrasts.start_model(0 if covariates is None else covariates.shape[1])
        predictions = None if contrasts.model is None else contrasts.model.predict(covariates)
        contrasts.take(arms, outcome, propensity, probabilities, predictions, covariates)
        self.policy.update(arms, outcome)
        self.stopping_round[np.isnan(self.stopping_round) & contrasts.finished] = t
        return _Round(potential, covariates, arms, outcome, propensity, probabilities)


class _Misses:
    """Which intervals have left out the truth so far, and the naive intervals beside them: the canary.

    ``effects`` [J] are the population's, NaN where the means are unknown; ``totals`` [R, K] sums of drawn outcomes.
    """

    def __init__(self, settings: MADSettings, means: Floats | None, population: bool, replications: int) -> None:
        others, control = settings.others, settings.control_index
        shape = (replications, settings.n_arms)
        self.settings, self.population = settings, population
        self.effects = np.full(len(others), np.nan) if means is None else means[others] - means[control]
        self.missed = np.zeros((replications, len(others)), dtype=bool)
        self.naive_missed = None if means is None else np.zeros((replications, len(others)), dtype=bool)
        self.totals, self._squares, self._potential = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self._factor = NormalDist().inv_cdf(1.0 - settings.alpha_each / 2.0) ** 2

    def learn(self, drawn: _Round, *, scored: bool) -> None:
        """Add a round to the sums; its potential outcomes count where the round is scored."""
        places = cells(drawn.arms, self.settings.n_arms)
        self.totals.ravel()[places] += drawn.outcome
        self._squares.ravel()[places] += drawn.outcome * drawn.outcome
        if scored:
            self._potential += drawn.potential

    def count(self, contrasts: RunningContrasts) -> None:
        """Note who misses now."""
        truth = self.effects if self.population else self._against_control(self._potential) / contrasts.sums.rounds
        self.missed |= np.abs(contrasts.estimates - truth) > contrasts.radii
        if self.naive_missed is not None:
            self.naive_missed |= self._naive(contrasts.pulls)

    def _against_control(self, values: Floats, sign: float = -1.0) -> Floats:
        """[R, J]: the other arms' values [R, K] less those of the control (plus, with sign 1)."""
        control = self.settings.control_index
        return values.take(self.settings.others, axis=1) + sign * values[:, control : control + 1]

    def _naive(self, pulls: Floats) -> Flags:
        """[R, J] misses of the difference of sample means ± z·√(s²/n + s₀²/n₀); arms with two pulls or more."""
        size = np.maximum(pulls, 1.0)
        mean = self.totals / size
        variance = np.maximum(self._squares / size - mean**2, 0.0) / np.maximum(size - 1.0, 1.0)
        error = self._against_control(mean) - self.effects
        missed = error * error > self._factor * self._against_control(variance, 1.0)
        enough = pulls >= 2.0
        if not enough.all():
            missed &= enough[:, self.settings.others] & enough[:, [self.settings.control_index]]
        return np.asarray(missed)


class _Paths:
    """Power, misses and radius at the rounds of a grid: [G, J] each."""

    def __init__(self, n_rounds: int, n_contrasts: int) -> None:
        self.grid = np.unique(np.linspace(1, n_rounds, min(GRID, n_rounds)).round().astype(np.int64))
        shape = (len(self.grid), n_contrasts)
        self.power, self.missed, self.radius = np.zeros(shape), np.zeros(shape), np.full(shape, np.inf)
        self._place = {int(t): place for place, t in enumerate(self.grid)}

    def keep(self, t: int, contrasts: RunningContrasts, missed: Flags) -> None:
        """Keep round t if it is on the grid and past the warm-up."""
        place = self._place.get(t)
        if place is not None and contrasts.sums.rounds:
            self.power[place] = (np.abs(contrasts.estimates) >= contrasts.radii).mean(axis=0)
            self.missed[place] = missed.mean(axis=0)
            self.radius[place] = np.median(contrasts.radii, axis=0)


def _stack(kept: list[_Round]) -> MADRounds:
    covariates = [drawn.covariates for drawn in kept if drawn.covariates is not None]
    return MADRounds(
        arms=np.stack([drawn.arms for drawn in kept], axis=1),
        outcomes=np.stack([drawn.outcome for drawn in kept], axis=1),
        propensities=np.stack([drawn.propensity for drawn in kept], axis=1),
        probabilities=np.stack([drawn.probabilities for drawn in kept], axis=1),
        covariates=np.stack(covariates, axis=1) if covariates else None,
    )
