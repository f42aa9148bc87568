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
from numpy.typing import ArrayLike, NDArray

from causalbandit.checks import error_rate
from causalbandit.errors import listing
from causalbandit.inference.arm_values import sample_moments
from causalbandit.inference.log import AdaptiveLog
from causalbandit.inference.scores import aipw_scores
from causalbandit.inference.weighted_means import weighted_covariance, weighted_values
from causalbandit.inference.weights import adaptive_weights
from causalbandit.randomness import RNG, generator, seed_sequence
from causalbandit.sequences.streams import sequence_ends

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

SIGNALS: Mapping[str, tuple[float, float, float]] = {
    "no signal": (1.0, 1.0, 1.0),
    "low signal": (1.0, 1.1, 1.2),
    "high signal": (1.0, 1.5, 2.0),
}
"""The three settings of the paper: true means of its three arms; outcomes are uniform within 1 of them."""

WEIGHTS = ("uniform", "constant", "two-point")
"""The weighting schemes that `compare_estimators` tries."""

BATCH = 250
"""Experiments simulated at once: at 10,000 rounds and three arms they take 60 MB."""


@dataclass(frozen=True, eq=False)
class BanditRecords:
    """What R simulated experiments of T rounds with K arms left behind.

    Attributes
    ----------
    arms
        [R, T] columns taken.
    outcomes
        [R, T].
    propensities
        [R, T, K].
    means
        [K]: the truth. Estimators must not see it.
    """

    arms: NDArray[np.int64]
    outcomes: Array
    propensities: Array
    means: Array

    def logs(self, n_rounds: int | None = None) -> Iterator[AdaptiveLog]:
        """Each experiment's record, or that of its first ``n_rounds``."""
        for arms, outcomes, propensities in zip(self.arms, self.outcomes, self.propensities, strict=True):
            yield AdaptiveLog(arms[:n_rounds], outcomes[:n_rounds], propensities[:n_rounds])


def floored(chances: ArrayLike, floor: float) -> Array:
    """Probabilities raised to at least ``floor``, the others shrunk in proportion to what they have above it.

    new = max(p, floor); result = new − c·(new − floor) with c such that the sum is 1. The last axis holds the arms.

    Raises
    ------
    ValueError
        When the floor is negative or K floors exceed 1.
    """
    given = np.asarray(chances, dtype=np.float64)
    n_arms = given.shape[-1]
    if not 0.0 <= floor * n_arms <= 1.0 + 1e-12:
        raise ValueError(f"floor was {floor!r} for {n_arms} arms; expected a number between 0 and 1/{n_arms}.")
    raised = np.maximum(given, floor)
    above = raised - floor
    spare = above.sum(axis=-1, keepdims=True)
    excess = raised.sum(axis=-1, keepdims=True) - 1.0
    result: Array = raised - np.divide(excess, spare, out=np.zeros_like(spare), where=spare > 0.0) * above
    return result


def simulate_bandits(
    means: ArrayLike,
    n_rounds: int,
    replications: int,
    *,
    rng: RNG = None,
    floor_decay: float = 0.7,
    initial: int = 5,
    draws: int = 50,
) -> BanditRecords:
    """R independent experiments by Gaussian Thompson sampling with a floor, outcomes uniform on mean ± 1.

    Parameters
    ----------
    means
        [K] true means.
    floor_decay
        κ: in round t (from 1) every propensity is at least (1/K)·t^(−κ).
    initial
        Each arm is first taken this often in turn, with recorded propensities 1/K.
    draws
        Posterior draws from which a round's propensities are computed. They are the probabilities that are then used
        and recorded, so few draws make them noisier but not wrong.

    Notes
    -----
    Priors are N(0, 1), the variance is the arm's own; propensities are renewed every round. O(R·K·draws) a round.
    """
    truth = np.asarray(means, dtype=np.float64)
    n_arms = len(truth)
    if truth.ndim != 1 or n_arms < 2:
        raise ValueError(f"means has shape {truth.shape}; expected the true means of at least two arms.")
    if n_rounds < initial * n_arms or initial < 1:
        raise ValueError(
            f"n_rounds was {n_rounds} with initial={initial}; expected at least initial·K = {initial * n_arms} rounds, "
            "and initial ≥ 1."
        )
    random = generator(rng)
    size = (replications, n_rounds)
    arms, outcomes = np.empty(size, dtype=np.int64), np.empty(size)
    propensities = np.empty((*size, n_arms))
    count, total, squares = (np.zeros((n_arms, replications)) for _ in range(3))
    every = np.arange(replications)
    for t in range(n_rounds):
        if t < initial * n_arms:
            chances = np.full((replications, n_arms), 1.0 / n_arms)
            taken = np.full(replications, t % n_arms)
        else:
            mean = total / count
            variance = np.maximum(squares / count - mean * mean, 1e-12)
            centre = count / (variance + count) * mean
            spread = 1.0 / np.sqrt(count / variance + 1.0)
            samples = random.standard_normal((n_arms, draws, replications), dtype=np.float32)
            samples *= spread[:, None, :].astype(np.float32)
            samples += centre[:, None, :].astype(np.float32)
            wins = (samples == samples.max(axis=0)).sum(axis=1).astype(np.float64)  # [K, R]
            chances = floored((wins / wins.sum(axis=0)).T, (t + 1.0) ** -floor_decay / n_arms)
            edges = np.cumsum(chances, axis=1)[:, :-1]
            taken = (random.random(replications)[:, None] >= edges).sum(axis=1)
        reward = truth[taken] + random.uniform(-1.0, 1.0, replications)
        count[taken, every] += 1.0
        total[taken, every] += reward
        squares[taken, every] += reward * reward
        arms[:, t], outcomes[:, t], propensities[:, t] = taken, reward, chances
    return BanditRecords(arms, outcomes, propensities, truth)


def compare_estimators(
    settings: Mapping[str, Sequence[float]],
    n_rounds: int | Sequence[int],
    replications: int,
    *,
    rng: RNG = None,
    alpha: float = 0.1,
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
    sequences
        Methods of `mean_sequence` to include, for the outcomes of each arm, as known range 2 allows: "normal-mixture"
        with scale 1; others with the bounds of the setting. ``path_miss`` is the share of replications whose sequence
        leaves the truth out in any round.
    n_jobs, progress
        Processes (joblib), and a progress bar (never when not on a terminal). The result depends on neither.

    Returns
    -------
    Columns ``setting``, ``rounds``, ``estimator`` ("sample mean", "aipw uniform", …, "sequence normal-mixture"),
    ``target`` ("arm 0", "arm 2 − arm 0", …: contrasts to the first arm), ``truth``, ``bias``, ``rmse``, ``coverage``,
    ``coverage_error`` (its Monte Carlo standard error), ``width`` (mean length), ``path_miss``, ``replications``.
    """
    import pandas as pd
    from joblib import Parallel, delayed
    from tqdm import tqdm

    error_rate(alpha)
    horizons = sorted({int(n_rounds)} if isinstance(n_rounds, (int, np.integer)) else {int(t) for t in n_rounds})
    if not settings or not horizons or replications < 2:
        raise ValueError(
            f"settings {listing(settings)}, n_rounds {horizons} and replications {replications}: expected at least one "
            "setting, one number of rounds and two replications."
        )
    sizes = [min(BATCH, replications - start) for start in range(0, replications, BATCH)]
    jobs = [(name, tuple(means), size) for name, means in settings.items() for size in sizes]
    seeds = seed_sequence(rng).spawn(len(jobs))
    run = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(_measure)(means, horizons, size, seed, alpha, floor_decay, tuple(sequences))
        for (_, means, size), seed in zip(jobs, seeds, strict=True)
    )
    found: dict[tuple[Any, ...], list[Array]] = {}
    shown = tqdm(run, total=len(jobs), desc="experiments", unit="batch", disable=None if progress else True)
    for (name, _, _), measured in zip(jobs, shown, strict=True):
        for key, numbers in measured.items():
            found.setdefault((name, *key), []).append(numbers)
    rows = []
    places = {name: place for place, name in enumerate(settings)}
    for (name, rounds, estimator, target, truth), parts in sorted(
        found.items(), key=lambda item: (places[item[0][0]], item[0][1])
    ):
        estimate, lower, upper, missed = np.concatenate(parts, axis=1)
        covered = (lower <= truth) & (truth <= upper)
        coverage = float(covered.mean())
        rows.append(
            {
                "setting": name,
                "rounds": rounds,
                "estimator": estimator,
                "target": target,
                "truth": truth,
                "bias": float(np.mean(estimate - truth)),
                "rmse": math.sqrt(float(np.mean((estimate - truth) ** 2))),
                "coverage": coverage,
                "coverage_error": math.sqrt(coverage * (1.0 - coverage) / len(covered)),
                "width": float(np.mean(upper - lower)),
                "path_miss": float(np.mean(missed)),
                "replications": len(covered),
            }
        )
    return pd.DataFrame(rows)


def _measure(
    means: tuple[float, ...],
    horizons: Sequence[int],
    replications: int,
    seed: np.random.SeedSequence,
    alpha: float,
    floor_decay: float,
    sequences: tuple[str, ...],
) -> dict[tuple[int, str, str, float], Array]:
    """(rounds, estimator, target, truth) → [4, R]: estimate, lower, upper, missed at any time (NaN without a path)."""
    from scipy.special import ndtri

    records = simulate_bandits(means, max(horizons), replications, rng=generator(seed), floor_decay=floor_decay)
    found: dict[tuple[int, str, str, float], Array] = {}

    def put(place: int, key: tuple[int, str, str, float], numbers: tuple[float, float, float, float]) -> None:
        found.setdefault(key, np.empty((4, replications)))[:, place] = numbers

    z = float(ndtri(1.0 - alpha / 2.0))
    others = range(1, len(means))
    for rounds in horizons:
        for place, log in enumerate(records.logs(rounds)):
            for arm, (mean, error) in enumerate(zip(*sample_moments(log), strict=True)):
                numbers = (mean, *_around(mean, z * error), math.nan)
                put(place, (rounds, "sample mean", f"arm {arm}", means[arm]), numbers)
            scores = aipw_scores(log.outcomes, log.arms, log.taken_propensities, n_arms=log.n_arms)
            for scheme in WEIGHTS:
                weights = adaptive_weights(log.all_propensities("weights", scheme), scheme, floor_decay)
                estimates, errors = weighted_values(scores, weights)
                joint = weighted_covariance(scores, weights, estimates)
                for arm in range(len(means)):
                    numbers = (estimates[arm], *_around(estimates[arm], z * errors[arm]), math.nan)
                    put(place, (rounds, f"aipw {scheme}", f"arm {arm}", means[arm]), numbers)
                for arm in others:
                    effect = estimates[arm] - estimates[0]
                    error = math.sqrt(joint[arm, arm] + joint[0, 0] - 2.0 * joint[arm, 0])
                    key = (rounds, f"aipw {scheme}", f"arm {arm} − arm 0", means[arm] - means[0])
                    put(place, key, (effect, *_around(effect, z * error), math.nan))
            for method in sequences:
                scale = 1.0 if method == "normal-mixture" else None
                bounds = None if scale else (min(means) - 1.0, max(means) + 1.0)
                for arm, mean in enumerate(means):
                    own = log.outcomes[log.arms == arm]
                    estimate, lower, upper = sequence_ends(
                        own, method, alpha, bounds=bounds, scale=scale, t_opt=rounds / len(means)
                    )
                    missed = bool(((lower > mean) | (upper < mean)).any())
                    numbers = (estimate[-1], lower[-1], upper[-1], float(missed))
                    put(place, (rounds, f"sequence {method}", f"arm {arm}", mean), numbers)
    return found


def _around(middle: float, radius: float) -> tuple[float, float]:
    return middle - radius, middle + radius
