"""Simulated adaptive experiments with known truth, and the comparison of estimators on them.

The experiments are those of Hadad, Hirshberg, Zhan, Wager & Athey (PNAS 2021): Gaussian Thompson sampling with a floor
under the propensities, which drops arms as it goes, so that textbook intervals fail. Many run at once, one round of all
of them after the other.

>>> records = simulate_bandits([1.0, 1.5, 2.0], n_rounds=200, replications=3, rng=0)
>>> records.arms.shape, records.propensities.shape
((3, 200), (3, 200, 3))
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from causalbandit.arrays import Flags, Floats, Integers
from causalbandit.checks import error_rate, one_of, whole_number
from causalbandit.errors import InvalidArgument
from causalbandit.exploration import NOISES, RULES, ArmSums, floored
from causalbandit.inference.arm_values import sample_moments, weighted_estimates
from causalbandit.inference.comparators import decorrelated_moments, union_bound
from causalbandit.inference.log import AdaptiveLog
from causalbandit.inference.multiplicity import normal_quantile
from causalbandit.inference.scores import aipw_scores
from causalbandit.inference.weights import SCHEMES, adaptive_weights
from causalbandit.randomness import RNG, generator, seed_sequence
from causalbandit.sequences.streams import sequence_ends

if TYPE_CHECKING:
    import pandas as pd


SIGNALS: Mapping[str, tuple[float, float, float]] = {
    "no signal": (1.0, 1.0, 1.0),
    "low signal": (1.0, 1.1, 1.2),
    "high signal": (1.0, 1.5, 2.0),
}
"""The three settings of the paper: true means of its three arms; outcomes are uniform within 1 of them."""

BATCH = 250
"""Experiments simulated at once: at 10,000 rounds and three arms they take 60 MB."""


@dataclass(frozen=True, eq=False)
class BanditRecords:
    """What R simulated experiments of T rounds with K arms left behind.

    Attributes
    ----------
    arms : numpy.ndarray of int64, shape [R, T]
        Columns taken.
    outcomes : numpy.ndarray of float, shape [R, T]
        What they gave.
    propensities : numpy.ndarray of float, shape [R, T, K]
        Probabilities of all arms in each round.
    means : numpy.ndarray of float, shape [K]
        The truth. Estimators must not see it.
    """

    arms: Integers
    outcomes: Floats
    propensities: Floats
    means: Floats

    def logs(self, n_rounds: int | None = None) -> Iterator[AdaptiveLog]:
        """Each experiment's record, or that of its first ``n_rounds``."""
        for arms, outcomes, propensities in zip(self.arms, self.outcomes, self.propensities, strict=True):
            yield AdaptiveLog(arms[:n_rounds], outcomes[:n_rounds], propensities[:n_rounds])


def simulate_bandits(
    means: ArrayLike,
    n_rounds: int,
    replications: int,
    *,
    rng: RNG = None,
    noise: str = "uniform",
    rule: str = "thompson",
    floor_decay: float = 0.7,
    initial: int = 5,
    draws: int = 50,
) -> BanditRecords:
    """R independent adaptive experiments of T rounds with a floor under the propensities, all at once.

    Parameters
    ----------
    means
        [K] true means.
    noise
        One of `NOISES`: the law of outcomes about their mean; for "bernoulli" means are probabilities.
    rule
        One of `RULES`: "thompson", "greedy", "ucb" or "uniform".
    floor_decay
        κ: in round t (from 1) every propensity is at least (1/K)·t^(−κ).
    initial
        Each arm is first taken this often in turn, with recorded propensities 1/K.
    draws
        Posterior draws from which a round's propensities are computed by "thompson". They are the probabilities that
        are then used and recorded, so few draws make them noisier but not wrong.

    Notes
    -----
    Propensities are renewed every round. O(R·K·draws) a round.
    """
    truth = np.asarray(means, dtype=np.float64)
    if truth.ndim != 1 or len(truth) < 2:
        raise InvalidArgument("means", f"has shape {truth.shape}; expected the true means of at least two arms.")
    n_arms = len(truth)
    initial = whole_number(initial, "initial", least=1)
    fix = f"Each of {n_arms} arms is taken {initial} times first."
    n_rounds = whole_number(n_rounds, "n_rounds", least=initial * n_arms, fix=fix)
    outcomes_of = NOISES[one_of(noise, "noise", NOISES)]
    explore = RULES[one_of(rule, "rule", RULES)]
    random = generator(rng)
    size = (replications, n_rounds)
    arms, outcomes = np.empty(size, dtype=np.int64), np.empty(size)
    propensities = np.empty((*size, n_arms))
    sums = ArmSums(*(np.zeros((n_arms, replications)) for _ in range(3)))
    every = np.arange(replications)
    for t in range(n_rounds):
        if t < initial * n_arms:
            chances = np.full((replications, n_arms), 1.0 / n_arms)
            taken = np.full(replications, t % n_arms)
        else:
            wanted = explore(sums, t + 1, draws, random)
            chances = floored(wanted.T, (t + 1.0) ** -floor_decay / n_arms)
            edges = np.cumsum(chances, axis=1)[:, :-1]
            taken = (random.random(replications)[:, None] >= edges).sum(axis=1)
        reward = outcomes_of(random, truth[taken])
        sums.count[taken, every] += 1.0
        sums.total[taken, every] += reward
        sums.squares[taken, every] += reward * reward
        arms[:, t], outcomes[:, t], propensities[:, t] = taken, reward, chances
    return BanditRecords(arms, outcomes, propensities, truth)


def compare_estimators(
    settings: Mapping[str, Sequence[float]],
    n_rounds: int | Sequence[int],
    replications: int,
    *,
    rng: RNG = None,
    alpha: float = 0.1,
    noise: str = "uniform",
    rule: str = "thompson",
    floor_decay: float = 0.7,
    sequences: Sequence[str] = ("normal-mixture",),
    n_jobs: int = 1,
    progress: bool = True,
) -> pd.DataFrame:
    """One row per setting, number of rounds, estimator and target: bias, RMSE, coverage and width over the
    replications.

    Parameters
    ----------
    settings
        Name → true means, for example ``SIGNALS``.
    n_rounds
        Numbers of rounds; shorter ones are prefixes of the experiments of the longest.
    noise, rule, floor_decay
        As `simulate_bandits`.
    sequences
        Methods of `mean_sequence` to include, for the outcomes of each arm. They get the bounds that the law of
        outcomes has, "normal-mixture" its scale; a law without them is refused by the methods that need them.
        ``path_miss`` is the share of replications whose sequence leaves the truth out in any round.
    n_jobs, progress
        Processes (joblib), and a progress bar (never when not on a terminal). The result depends on neither.

    Returns
    -------
    Columns ``setting``, ``rounds``, ``estimator`` ("sample mean", "w-decorrelation", "aipw uniform", "aipw constant",
    "aipw two-point", "aipw two-point, union bound" and "sequence normal-mixture", whose contrasts are made of two
    intervals at half the error rate each), ``target`` ("arm 0", "arm 2 − arm 0", …: contrasts to the first arm),
    ``truth``, ``bias``, ``rmse``, ``coverage``, ``coverage_error`` (its Monte Carlo standard error), ``width`` (mean
    length), ``path_miss``, ``warned`` (the share of replications whose result carries a warning),
    ``coverage_unwarned`` (of the others), ``replications``.
    """
    import pandas as pd
    from joblib import Parallel, delayed
    from tqdm import tqdm

    error_rate(alpha)
    one_of(noise, "noise", NOISES)
    one_of(rule, "rule", RULES)
    replications = whole_number(replications, "replications", least=2)
    horizons = sorted({int(n_rounds)} if isinstance(n_rounds, (int, np.integer)) else {int(t) for t in n_rounds})
    if not settings or not horizons:
        raise InvalidArgument("settings", f"was {settings!r} with n_rounds {horizons}; expected at least one of each.")
    sizes = [min(BATCH, replications - start) for start in range(0, replications, BATCH)]
    jobs = [(name, tuple(means), size) for name, means in settings.items() for size in sizes]
    seeds = seed_sequence(rng).spawn(len(jobs))
    run = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(_measure)(_Task(means, noise, rule, floor_decay, alpha, tuple(sequences)), horizons, size, seed)
        for (_, means, size), seed in zip(jobs, seeds, strict=True)
    )
    found: dict[tuple[str, int, str], list[Floats]] = {}
    shown = tqdm(run, total=len(jobs), desc="experiments", unit="batch", disable=None if progress else True)
    for (name, _, _), measured in zip(jobs, shown, strict=True):
        for (rounds, estimator), numbers in measured.items():
            found.setdefault((name, rounds, estimator), []).append(numbers)
    places = {name: place for place, name in enumerate(settings)}
    rows = []
    for (name, rounds, estimator), parts in sorted(found.items(), key=lambda item: (places[item[0][0]], item[0][1])):
        numbers = np.concatenate(parts)  # [R, targets, 5]
        head = {"setting": name, "rounds": rounds, "estimator": estimator}
        for (target, truth), each in zip(_targets(settings[name]), np.moveaxis(numbers, 1, 0), strict=True):
            if not np.isnan(each[:, 0]).all():
                rows.append(head | {"target": target} | _measures(each, truth))
    return pd.DataFrame(rows)


def _targets(means: Sequence[float]) -> list[tuple[str, float]]:
    """The names and truths of what is estimated: every arm, then every other arm minus the first."""
    others = [(f"arm {arm} − arm 0", mean - means[0]) for arm, mean in enumerate(means) if arm]
    return [(f"arm {arm}", mean) for arm, mean in enumerate(means)] + others


def _measures(results: Floats, truth: float) -> dict[str, float]:
    """How [R, 5] results (as of `_measure`) fare."""
    estimate, lower, upper, missed, warned = results.T
    covered = (lower <= truth) & (truth <= upper)
    coverage, quiet = float(covered.mean()), warned == 0.0
    return {
        "truth": truth,
        "bias": float(np.mean(estimate - truth)),
        "rmse": math.sqrt(float(np.mean((estimate - truth) ** 2))),
        "coverage": coverage,
        "coverage_error": math.sqrt(coverage * (1.0 - coverage) / len(covered)),
        "width": float(np.mean(upper - lower)),
        "path_miss": float(np.mean(missed)),
        "warned": float(np.mean(warned)),
        "coverage_unwarned": float(covered[quiet].mean()) if quiet.any() else math.nan,
        "replications": len(covered),
    }


@dataclass(frozen=True)
class _Task:
    """What a worker needs to know: the truth, the design, and what is asked of the estimators."""

    means: tuple[float, ...]
    noise: str
    rule: str
    floor_decay: float
    alpha: float
    sequences: tuple[str, ...]

    def known(self, method: str) -> dict[str, Any]:
        """What a sequence may know of the law of outcomes: its bounds, or the scale that a normal mixture needs."""
        if method == "normal-mixture" and self.noise in ("uniform", "normal"):
            return {"scale": 1.0}  # sub-Gaussian within half the range, or the standard deviation
        bounds = {"uniform": (min(self.means) - 1.0, max(self.means) + 1.0), "bernoulli": (0.0, 1.0)}
        return {"bounds": bounds.get(self.noise)}


def _measure(
    task: _Task, horizons: Sequence[int], replications: int, seed: np.random.SeedSequence
) -> dict[tuple[int, str], Floats]:
    """(rounds, estimator) → [R, targets, 5]: estimate, lower, upper, missed at any time (NaN: no path), warned."""
    records = simulate_bandits(
        task.means,
        max(horizons),
        replications,
        rng=generator(seed),
        noise=task.noise,
        rule=task.rule,
        floor_decay=task.floor_decay,
    )
    found: dict[tuple[int, str], Floats] = {}
    for rounds in horizons:
        fewest = [np.bincount(arms[:rounds], minlength=len(task.means)).min() for arms in records.arms]
        penalty = float(np.quantile(fewest, 0.05)) / math.log(rounds)  # as Deshpande et al. (2018) choose it
        for place, log in enumerate(records.logs(rounds)):
            for estimator, results in _results(log, task, penalty):
                found.setdefault((rounds, estimator), np.empty((replications, *results.shape)))[place] = results
    return found


def _results(log: AdaptiveLog, task: _Task, penalty: float) -> Iterator[tuple[str, Floats]]:
    """Each estimator's name and [targets, 5]."""
    z, z_half = normal_quantile(1.0 - task.alpha / 2.0), normal_quantile(1.0 - task.alpha / 4.0)
    moments = {"sample mean": sample_moments(log), "w-decorrelation": decorrelated_moments(log, penalty)}
    for name, (means, errors) in moments.items():
        apart = np.sqrt(errors**2 + errors[0] ** 2)
        yield name, _around(means, z * errors, means - means[0], z * apart)
    scores = aipw_scores(log.outcomes, log.arms, log.taken_propensities, n_arms=log.n_arms)
    for scheme in SCHEMES:
        weights = adaptive_weights(log.all_propensities("weights", scheme), scheme, task.floor_decay)
        found = weighted_estimates(log, scores, weights)
        joint = found.covariance
        assert joint is not None
        apart = np.sqrt(np.maximum(joint.diagonal() + joint[0, 0] - 2.0 * joint[0], 0.0))  # of arm 0 minus itself: 0
        effects, warned = found.estimate - found.estimate[0], np.array([text != "" for text in found.warnings()])
        yield f"aipw {scheme}", _around(found.estimate, z * found.std_error, effects, z * apart, warned)
        if scheme == "two-point":
            radius = z_half * found.std_error
            lower, upper = union_bound(found.estimate - radius, found.estimate + radius)
            middle, half = (lower + upper) / 2.0, (upper - lower) / 2.0
            yield f"aipw {scheme}, union bound", _around(np.full(len(middle), np.nan), half, middle, half, warned)
    for method in task.sequences:
        yield f"sequence {method}", _sequence(log, method, task)


def _around(
    values: Floats, radii: Floats, effects: Floats, effect_radii: Floats, warned: Flags | None = None
) -> Floats:
    """[targets, 5] from [K] values and effects (of arms minus the first) with their radii, and [K] warnings."""
    alert = np.zeros(len(values), dtype=bool) if warned is None else warned
    middle = np.concatenate((values, effects[1:]))
    radius = np.concatenate((radii, effect_radii[1:]))
    alerts = np.concatenate((alert, (alert | alert[0])[1:]))
    return np.column_stack((middle, middle - radius, middle + radius, np.full(len(middle), np.nan), alerts))


def _sequence(log: AdaptiveLog, method: str, task: _Task) -> Floats:
    """[targets, 5] of a sequence for each arm's outcomes; contrasts are made of two at half the error rate each."""
    means, t_opt = task.means, log.n_rounds / len(task.means)
    found = np.full((2 * len(means) - 1, 5), np.nan)
    half = np.empty((2, len(means)))
    for arm, mean in enumerate(means):
        own = log.outcomes[log.arms == arm]
        known = task.known(method)
        estimate, lower, upper = sequence_ends(own, method, task.alpha, t_opt=t_opt, **known)
        missed = bool(((lower > mean) | (upper < mean)).any())
        found[arm] = estimate[-1], lower[-1], upper[-1], missed, 0.0
        _, low, high = sequence_ends(own, method, task.alpha / 2.0, t_opt=t_opt, **known)
        half[:, arm] = low[-1], high[-1]
    lower, upper = union_bound(*half)
    effects = found[: len(means), 0] - found[0, 0]
    found[len(means) :, [0, 1, 2, 4]] = np.column_stack((effects, lower, upper, np.zeros(len(means))))[1:]
    return found
