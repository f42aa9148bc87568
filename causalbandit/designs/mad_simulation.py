"""Many simulated Mixture Adaptive Designs at once: coverage, power, stopping time and reward, as one batch in numpy.

The experiments run side by side, round after round, in arrays with a leading axis of R replications; the mixing,
scores, outcome models and radii are the lines that a live `MixtureAdaptiveDesign` runs.

>>> from causalbandit.designs.policies import BetaBernoulliThompson
>>> simulation = simulate_mad(BetaBernoulliThompson(2), [0.3, 0.6], n_rounds=400, replications=200, delta="slow", rng=0)
>>> table = simulation.to_frame()
>>> table[["arm", "effect", "power"]].round(1).to_dict("records")
[{'arm': 1, 'effect': 0.3, 'power': 1.0}]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from causalbandit.designs.mixing import (
    SMALLEST_WEIGHT,
    check_precision,
    decay_function,
    mix,
    mixing_sequence,
    mixing_share,
    rebalance,
)
from causalbandit.designs.outcome_models import LeastSquaresModel, check_warmup
from causalbandit.designs.policies import check_policy
from causalbandit.designs.running_contrasts import ContrastSums, check_estimand, contrast_alpha, control_index
from causalbandit.randomness import RNG, seed_sequence
from causalbandit.sequences.asymptotic import asymptotic_radius, asymptotic_rho

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Outcomes = Callable[[int, np.random.Generator], Any]

GRID = 200
"""Number of rounds at which a simulation's path is kept."""


@dataclass(frozen=True, eq=False)
class MADRounds:
    """Every round of every replication, kept on request."""

    arms: npt.NDArray[np.int64]
    """[R, T] drawn arm."""
    outcomes: FloatArray
    """[R, T] its outcome."""
    propensities: FloatArray
    """[R, T] its probability."""
    covariates: FloatArray | None
    """[R, T, d], or None."""


@dataclass(frozen=True, eq=False)
class MADSimulation:
    """R simulated experiments of T rounds with K arms; J = K − 1 contrasts in the arms' order."""

    control: int
    """Index of the control arm."""
    n_rounds: int
    """T."""
    alpha: float
    """Error rate of all J intervals together."""
    estimand: str
    """"sample" or "population": what the intervals are made for."""
    start: int
    """First round at which a miss counts."""
    effects: FloatArray
    """[J] population effects; NaN where the means were not given."""
    estimates: FloatArray
    """[R, J] after the last round; NaN without data."""
    radii: FloatArray
    """[R, J] after the last round."""
    missed: BoolArray
    """[R, J] whether the interval left out the truth at any round from ``start`` on."""
    naive_missed: BoolArray
    """[R, J] the same for the fixed-time interval of the difference of sample means (population effects)."""
    first_significant: FloatArray
    """[R, J] first round at which the interval left out zero; NaN if it never did."""
    stopping_round: FloatArray
    """[R] first round at which all arms were settled; NaN if they never were."""
    pulls: FloatArray
    """[R, K]."""
    reward: FloatArray
    """[R] mean outcome of the drawn arms."""
    grid: npt.NDArray[np.int64]
    """[G] rounds at which the paths below are kept."""
    power_path: FloatArray
    """[G, J] share of experiments whose interval leaves out zero at that round."""
    miss_path: FloatArray
    """[G, J] share of experiments that have missed at that round or before."""
    radius_path: FloatArray
    """[G, J] median radius at that round."""
    rounds: MADRounds | None = None
    """Every round, with ``record=True``."""

    @property
    def arms(self) -> list[int]:
        """The arms that are compared with control, [J]."""
        return [k for k in range(self.pulls.shape[1]) if k != self.control]

    @property
    def any_missed(self) -> float:
        """Share of experiments in which any interval missed at any round from ``start`` on."""
        return float(self.missed.any(axis=1).mean())

    @property
    def any_naive_missed(self) -> float:
        """The same for the fixed-time interval."""
        return float(self.naive_missed.any(axis=1).mean())

    def to_frame(self) -> pd.DataFrame:
        """One row per contrast: ``arm``, ``reference``, ``effect``, ``bias``, ``rmse``, ``median_radius``, ``power``
        (interval leaves out zero by the last round), ``missed``, ``naive_missed``, ``pulls`` (mean).
        """
        import pandas as pd

        error = self.estimates - self.effects
        bias, mean_square = _means_of_known(error), _means_of_known(error**2)
        return pd.DataFrame(
            {
                "arm": self.arms,
                "reference": self.control,
                "effect": self.effects,
                "bias": bias,
                "rmse": np.sqrt(mean_square),
                "median_radius": np.median(self.radii, axis=0),
                "power": (~np.isnan(self.first_significant)).mean(axis=0),
                "missed": self.missed.mean(axis=0),
                "naive_missed": self.naive_missed.mean(axis=0),
                "pulls": self.pulls[:, self.arms].mean(axis=0),
            }
        )

    def path(self) -> pd.DataFrame:
        """Over the rounds of the grid: ``round``, ``arm``, ``power``, ``missed`` (so far), ``median_radius``."""
        import pandas as pd

        n = len(self.arms)
        return pd.DataFrame(
            {
                "round": np.repeat(self.grid, n),
                "arm": self.arms * len(self.grid),
                "power": self.power_path.ravel(),
                "missed": self.miss_path.ravel(),
                "median_radius": self.radius_path.ravel(),
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """The numbers of `to_frame` and of the whole set of experiments, as JSON values."""
        from causalbandit.text import plain_rows

        return {
            "replications": len(self.reward),
            "rounds": self.n_rounds,
            "any_missed": self.any_missed,
            "any_naive_missed": self.any_naive_missed,
            "mean_reward": float(self.reward.mean()),
            "stopped": float((~np.isnan(self.stopping_round)).mean()),
            "contrasts": plain_rows(self.to_frame()),
        }

    def summary(self) -> str:
        """Coverage, power, stopping and reward as text."""
        stopped = self.stopping_round[~np.isnan(self.stopping_round)]
        median = f", median round {np.median(stopped):.0f}" if len(stopped) else ""
        return "\n".join(
            [
                f"{len(self.reward)} simulated Mixture Adaptive Designs of {self.n_rounds} rounds",
                f"Missed at any round from {self.start} on: {self.any_missed:.3f} (nominal {self.alpha:g}); naive "
                f"fixed-time interval: {self.any_naive_missed:.3f}",
                f"All arms settled: {len(stopped) / len(self.reward):.3f}{median}; mean outcome "
                f"{self.reward.mean():.4f}",
                self.to_frame().round(4).to_string(index=False),
            ]
        )

    def __repr__(self) -> str:
        return f"MADSimulation({len(self.reward)} replications, {self.n_rounds} rounds, {self.pulls.shape[1]} arms)"

    def _repr_html_(self) -> str:
        return f"<p>{self!r}</p>{self.to_frame().to_html(index=False)}"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Power of each contrast over the rounds."""
        from causalbandit.plots.effects import power_over_time

        return power_over_time(self.path(), ax=ax)


def simulate_mad(
    policy: Any,
    outcomes: Outcomes | Sequence[float] | FloatArray,
    *,
    n_rounds: int,
    replications: int,
    means: Sequence[float] | FloatArray | None = None,
    control: int = 0,
    delta: str | Callable[[int], float] = "fast",
    alpha: float = 0.05,
    t_star: float | None = None,
    multiplicity: str | None = "bonferroni",
    outcome_model: Literal["mean", "pooled", "split"] | None = None,
    n_warmup: int = 0,
    estimand: Literal["sample", "population"] = "population",
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
        [size, d]).
    n_rounds, replications
        T and R.
    means
        Population means of the arms [K], known from ``outcomes`` when that is a list. Needed to count misses of the
        population effects.
    control, delta, alpha, t_star, multiplicity, outcome_model, n_warmup, decay, precision
        As in `MixtureAdaptiveDesign`; ``t_star`` defaults to T. Every experiment runs all T rounds; when it would have
        stopped is in ``stopping_round``.
    estimand
        What the intervals are made for: "population" effects, or "sample" effects, the mean difference of the potential
        outcomes over the scored rounds.
    truth
        Which of the two misses are counted against; default: the estimand.
    start
        First round at which a miss counts.
    record
        Keep every round (24 bytes a round and replication, 8 more per covariate).
    rng, progress
        Seed or generator; whether to show a progress bar (default: on a terminal).

    Notes
    -----
    Work is O(RK) a round, O(R(K + d³)) with least squares; memory O(R(K + d²)) unless ``record``.

    Raises
    ------
    ValueError, TypeError
        For settings outside their range, and for outcomes of another shape.
    """
    from tqdm import tqdm

    check_policy(policy)
    if not callable(getattr(policy, "replicate", None)):
        raise TypeError(
            f"{type(policy).__name__} has no replicate(replications, rng), so it cannot run as a batch; use a policy "
            "of this package, or MixtureAdaptiveDesign.run for one experiment at a time."
        )
    for name, value in (("n_rounds", n_rounds), ("replications", replications)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise ValueError(f"{name} was {value!r}; it is a whole number, at least 1.")
    n_rounds, replications = int(n_rounds), int(replications)
    n_arms = int(policy.n_arms)
    control = control_index(control, range(n_arms))
    others = [k for k in range(n_arms) if k != control]
    t_star = float(n_rounds) if t_star is None else t_star
    asymptotic_rho(alpha, t_star)
    precision, n_warmup = check_precision(precision), check_warmup(n_warmup, outcome_model)
    alpha_each = contrast_alpha(alpha, n_arms, multiplicity)
    population = check_estimand(estimand) == "population"
    against_population = check_estimand(estimand if truth is None else truth) == "population"
    weight_decay = decay_function(decay)
    # weight_table[x]: weight of an arm that settled x rounds ago, x = 0 for one that has not
    weight_table = np.ones(n_rounds + 1)
    if weight_decay is not None:
        weight_table[1:] = [max(float(weight_decay(x)), SMALLEST_WEIGHT) for x in range(1, n_rounds + 1)]
    sequence = mixing_sequence(delta)
    draw, arm_means = _outcome_source(outcomes, means, n_arms)
    if against_population and arm_means is None:
        raise ValueError(
            "means are needed to count misses of population effects; or pass estimand='sample' or truth='sample'."
        )
    effects = np.full(len(others), np.nan) if arm_means is None else arm_means[others] - arm_means[control]

    policy_seed, draw_seed, outcome_seed = seed_sequence(rng).spawn(3)
    batch = policy.replicate(replications, policy_seed)
    draw_rng, outcome_rng = np.random.default_rng(draw_seed), np.random.default_rng(outcome_seed)
    rows = np.arange(replications)
    sums = ContrastSums(n_arms, control, replications=replications, population=population)
    model: LeastSquaresModel | None = None
    shape = (replications, len(others))
    missed, naive_missed = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    first_significant, settled_since, benchmark = np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, np.nan)
    stopping_round = np.full(replications, np.nan)
    pulls = np.zeros((replications, n_arms))
    totals, squares = np.zeros((replications, n_arms)), np.zeros((replications, n_arms))
    sample_sums = np.zeros((replications, n_arms))
    grid = np.unique(np.linspace(1, n_rounds, min(GRID, n_rounds)).round().astype(np.int64))
    on_grid = set(grid.tolist())
    paths: list[tuple[FloatArray, FloatArray, FloatArray]] = []
    kept: list[tuple[Any, Any, Any, Any]] = []
    naive_factor = NormalDist().inv_cdf(1.0 - alpha_each / 2.0)
    estimates, radii = np.full(shape, np.nan), np.full(shape, np.inf)

    for t in tqdm(
        range(1, n_rounds + 1), disable=None if progress is None else not progress, desc="rounds", leave=False
    ):
        share = mixing_share(sequence, t)
        potential, covariates = _drawn_round(draw(replications, outcome_rng), (replications, n_arms), outcome_model)
        q = np.asarray(batch.probabilities(), dtype=np.float64)
        if q.shape != potential.shape or not (q >= 0.0).all() or not (np.abs(q.sum(axis=1) - 1.0) <= 1e-6).all():
            raise ValueError(
                f"{type(policy).__name__}.probabilities() gave numbers that are no probability vectors of shape "
                f"{potential.shape} in round {t}."
            )
        if weight_decay is not None and not np.isnan(settled_since).all():
            q = rebalance(q, _weights(weight_table, settled_since, t, others, n_arms))
        probabilities = mix(share, q, n_arms)
        cumulative = np.cumsum(probabilities, axis=1)
        arms = np.minimum((draw_rng.random(replications)[:, None] >= cumulative).sum(axis=1), n_arms - 1)
        outcome, propensity = potential[rows, arms], probabilities[rows, arms]
        predictions = None
        if outcome_model is not None:
            if model is None:
                d = 0 if covariates is None else covariates.shape[1]
                model = LeastSquaresModel(n_arms, d, kind=outcome_model, replications=replications)
            predictions = model.predict(covariates)
        if t > n_warmup:
            sums.add(arms, outcome, propensity, predictions)
            sample_sums += potential
        if model is not None:
            model.update(arms, covariates, outcome)
        batch.update(arms, outcome)
        pulls[rows, arms] += 1.0
        totals[rows, arms] += outcome
        squares[rows, arms] += outcome * outcome
        if record:
            kept.append((arms, outcome, propensity, covariates))
        if sums.rounds == 0:
            continue

        estimates, variance_sums = sums.contrast(others)
        radii = asymptotic_radius(variance_sums, sums.rounds, alpha_each, t_star)
        enough = sums.sufficient(others)
        if not enough.all():
            estimates, radii = np.where(enough, estimates, np.nan), np.where(enough, radii, np.inf)
        significant = np.abs(estimates) >= radii
        first_significant = np.where(np.isnan(first_significant) & significant, t, first_significant)
        benchmark = np.where(np.isnan(benchmark) & significant, radii, benchmark)
        tight = significant & (radii <= (1.0 - precision) * benchmark)
        settled_since = np.where(significant, np.where(np.isnan(settled_since) & tight, t, settled_since), np.nan)
        stopping_round = np.where(np.isnan(stopping_round) & ~np.isnan(settled_since).any(axis=1), t, stopping_round)
        if t >= start:
            sample_effects = (sample_sums[:, others] - sample_sums[:, [control]]) / sums.rounds
            missed |= np.abs(estimates - (effects if against_population else sample_effects)) > radii
            if arm_means is not None:
                naive_missed |= _naive_misses(pulls, totals, squares, others, control, effects, naive_factor)
        if t in on_grid:
            paths.append((significant.mean(axis=0), missed.mean(axis=0), np.median(radii, axis=0)))

    missing = len(grid) - len(paths)  # rounds of warm-up have no contrasts
    empty = (np.zeros(len(others)), np.zeros(len(others)), np.full(len(others), np.inf))
    power_path, miss_path, radius_path = (np.array(column) for column in zip(*[empty] * missing, *paths, strict=True))
    return MADSimulation(
        control=control,
        n_rounds=n_rounds,
        alpha=alpha,
        estimand=estimand,
        start=start,
        effects=effects,
        estimates=estimates,
        radii=radii,
        missed=missed,
        naive_missed=naive_missed,
        first_significant=first_significant,
        stopping_round=stopping_round,
        pulls=pulls,
        reward=totals.sum(axis=1) / n_rounds,
        grid=grid,
        power_path=power_path,
        miss_path=miss_path,
        radius_path=radius_path,
        rounds=_stack(kept) if record else None,
    )


def _outcome_source(outcomes: Any, means: Any, n_arms: int) -> tuple[Outcomes, FloatArray | None]:
    """The function that draws a round's potential outcomes, and the arms' means if they are known."""
    known = None if means is None else np.asarray(means, dtype=np.float64)
    if not callable(outcomes):
        bernoulli = np.asarray(outcomes, dtype=np.float64)
        if bernoulli.shape != (n_arms,) or not np.all((bernoulli >= 0.0) & (bernoulli <= 1.0)):
            raise ValueError(
                f"outcomes were {outcomes!r}; expected {n_arms} Bernoulli means in [0, 1], one per arm of the policy, "
                "or a function of (size, rng)."
            )
        if known is not None and not np.array_equal(known, bernoulli):
            raise ValueError("means differ from the Bernoulli means given as outcomes; leave means out.")
        return lambda size, rng: (rng.random((size, n_arms)) < bernoulli).astype(np.float64), bernoulli
    if known is not None and known.shape != (n_arms,):
        raise ValueError(f"means has shape {known.shape}; expected ({n_arms},), one per arm.")
    return outcomes, known


def _drawn_round(drawn: Any, shape: tuple[int, int], model: str | None) -> tuple[FloatArray, FloatArray | None]:
    """Potential outcomes [R, K] and covariates [R, d] of one round, checked."""
    potential, covariates = drawn if isinstance(drawn, tuple) else (drawn, None)
    potential = np.asarray(potential, dtype=np.float64)
    if potential.shape != shape:
        raise ValueError(f"outcomes(size, rng) gave shape {potential.shape}; expected {shape}: replications, arms.")
    if model in ("pooled", "split"):
        covariates = None if covariates is None else np.asarray(covariates, dtype=np.float64)
        if covariates is None or covariates.ndim != 2 or len(covariates) != shape[0]:
            raise ValueError(
                f"the outcome model {model!r} needs covariates: outcomes(size, rng) must give a pair (outcomes "
                f"{shape}, covariates ({shape[0]}, d))."
            )
        return potential, covariates
    return potential, None


def _weights(table: FloatArray, settled_since: FloatArray, t: int, others: list[int], n_arms: int) -> FloatArray:
    """[R, K] weights of arms in round t: ``table[x]`` for an arm that settled in round t − x, else 1."""
    weights = np.ones((len(settled_since), n_arms))
    weights[:, others] = table[np.where(np.isnan(settled_since), 0, t - settled_since).astype(np.int64)]
    return weights


def _naive_misses(
    pulls: FloatArray,
    totals: FloatArray,
    squares: FloatArray,
    others: list[int],
    control: int,
    effects: FloatArray,
    factor: float,
) -> BoolArray:
    """[R, J] misses of the difference of sample means ± z·√(s²/n + s₀²/n₀); arms with two pulls or more."""
    size = np.maximum(pulls, 1.0)
    mean = totals / size
    variance = np.maximum(squares / size - mean**2, 0.0) / np.maximum(size - 1.0, 1.0)
    error = np.abs(mean[:, others] - mean[:, [control]] - effects)
    enough = (pulls[:, others] >= 2.0) & (pulls[:, [control]] >= 2.0)
    return np.asarray(enough & (error > factor * np.sqrt(variance[:, others] + variance[:, [control]])))


def _means_of_known(errors: FloatArray) -> FloatArray:
    """[J]: means over the replications [R, J] that have an estimate; NaN where none has."""
    known = ~np.isnan(errors)
    sums = np.where(known, errors, 0.0).sum(axis=0)
    result: FloatArray = np.divide(sums, known.sum(axis=0), out=np.full(len(sums), np.nan), where=known.any(axis=0))
    return result


def _stack(kept: list[tuple[Any, Any, Any, Any]]) -> MADRounds:
    arms, outcomes, propensities, covariates = zip(*kept, strict=True)
    return MADRounds(
        arms=np.stack(arms, axis=1),
        outcomes=np.stack(outcomes, axis=1),
        propensities=np.stack(propensities, axis=1),
        covariates=None if covariates[0] is None else np.stack(covariates, axis=1),
    )
