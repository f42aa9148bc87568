"""Bounds from inverse-propensity scores: the supermartingale by enumeration, sums, and coverage while means drift."""

import itertools

import numpy as np
import pytest
from cases import together
from scipy.special import ndtri
from scipy.stats import binom

from causalbandit.errors import InvalidArgument
from causalbandit.sequences.boundaries import gamma_exponential_mixture
from causalbandit.sequences.score_bounds import score_paths


def treated_with(ones, zeros):
    """A propensity of the treatment that depends on the past, from .04 to .96."""
    return 0.04 + 0.92 * (ones + 0.5) / (ones + zeros + 1.0)


def expected_supermartingale(rounds, rate, means, share=1.0):
    """E exp(λ Σ(Z − 1 − τ_t) − ψ(λ) V) with V = share·Σ(Z − 1)², λ = ``rate``, over all paths of adaptive rounds.

    ``means[t]`` are the probabilities of outcome 1 of both arms in round t.
    """
    total = 0.0
    for path in itertools.product(itertools.product((0, 1), (0, 1)), repeat=rounds):
        weight, score, variance, ones, zeros = 1.0, 0.0, 0.0, 0, 0
        for (arm, outcome), (control_mean, treated_mean) in zip(path, means, strict=False):
            p = treated_with(ones, zeros)
            mean = treated_mean if arm else control_mean
            weight *= (p if arm else 1 - p) * (mean if outcome else 1 - mean)
            z = outcome / p if arm else (1 - outcome) / (1 - p)
            score += z - 1 - (treated_mean - control_mean)
            variance += share * (z - 1) ** 2
            ones, zeros = ones + (arm == outcome), zeros + (arm != outcome)
        total += weight * np.exp(rate * score + (np.log1p(-rate) + rate) * variance)
    return total


MEANS = {
    "fair": [(0.5, 0.5)] * 5,
    "large": [(0.9, 0.1)] * 5,
    "rare": [(0.02, 0.05)] * 5,
    "drifting": [(0.1, 0.8), (0.7, 0.2)] * 3,
}


@together("rate", [0.01, 0.2, 0.6, 0.95])
@together("means", MEANS)
def test_the_exponential_is_a_supermartingale_under_adaptive_propensities_and_drift(means, rate):
    expected = [expected_supermartingale(rounds, rate, MEANS[means]) for rounds in (1, 2, 4)]
    assert max(expected) <= 1 + 1e-12
    assert (np.diff(expected) <= 1e-12).all()


def test_the_check_of_the_supermartingale_can_fail():
    assert expected_supermartingale(4, 0.1, MEANS["fair"], share=0.5) > 1.005


def drifting(rounds, replications, rng):
    """Arms, outcomes, propensities [R, T] of a greedy design with a floor while means drift; mean effects [T]."""
    t = np.arange(rounds)
    means = np.stack([0.3 + 0.2 * np.sin(t / 40), 0.3 + 0.25 * (t > rounds // 3)])
    arms, outcomes = np.zeros((2, replications, rounds), dtype=int)
    propensities = np.empty((replications, rounds))
    ones, pulls = np.full((2, replications), 0.5), np.ones((2, replications))
    for now in range(rounds):
        treated = np.where(ones[1] / pulls[1] > ones[0] / pulls[0], 0.9, 0.1)
        arms[:, now] = rng.random(replications) < treated
        propensities[:, now] = np.where(arms[:, now] == 1, treated, 1 - treated)
        outcomes[:, now] = rng.random(replications) < means[arms[:, now], now]
        for arm in (0, 1):
            ones[arm] += (arms[:, now] == arm) * outcomes[:, now]
            pulls[arm] += arms[:, now] == arm
    return arms, outcomes, propensities, np.cumsum(means[1] - means[0]) / (t + 1)


ROUNDS, REPLICATIONS, ALPHA = 400, 100, 0.2
MOST = int(binom.isf(1e-4, REPLICATIONS, ALPHA))  # fails by chance in at most 1 of 10,000 seeds


def exact(arms, outcomes, propensities):
    estimate, lower, upper = score_paths(arms, outcomes, propensities, 2, bounds=(0, 1), alpha=ALPHA, t_opt=400)
    assert ((lower <= estimate) & (estimate <= upper)).all()
    return lower[:, 0], upper[:, 0]


def naive(arms, outcomes, propensities):
    scores = np.where(arms == 1, 1, -1) * outcomes / propensities
    t = np.arange(1, len(arms) + 1)
    mean = np.cumsum(scores) / t
    radius = -ndtri(ALPHA / 2) * np.sqrt(np.maximum(np.cumsum(scores**2) / t - mean**2, 1e-3) / t)
    return mean - radius, mean + radius


@pytest.mark.parametrize(("interval", "holds"), [(exact, True), (naive, False)])
def test_whole_paths_hold_the_mean_effect_while_means_drift(interval, holds):
    arms, outcomes, propensities, effects = drifting(ROUNDS, REPLICATIONS, np.random.default_rng(3))
    missed = 0
    for one in zip(arms, outcomes, propensities, strict=True):
        lower, upper = interval(*one)
        missed += bool(((lower > effects) | (upper < effects))[50:].any())
    assert (missed <= MOST) == holds


def test_the_path_is_the_definition_at_every_round_or_at_a_few():
    rng = np.random.default_rng(8)
    arms, outcomes = rng.integers(0, 3, 120), rng.uniform(-2, 3, 120)
    propensities = rng.uniform(0.1, 0.9, 120)
    estimates, lower, upper = score_paths(arms, outcomes, propensities, 3, 1, bounds=(-2, 3), alpha=0.1, t_opt=50)
    few = score_paths(arms, outcomes, propensities, 3, 1, np.array([5, 6, 120]), bounds=(-2, 3), alpha=0.1, t_opt=50)
    for whole, part in zip((estimates, lower, upper), few, strict=True):
        np.testing.assert_allclose(part, whole[[4, 5, 119]], rtol=1e-9)
    # By the definition: arm 2 against arm 1.
    y = (outcomes + 2) / 5
    z = ((arms == 2) * y + (arms == 1) * (1 - y)) / propensities
    radius = gamma_exponential_mixture(float(((z - 1) ** 2).sum()), 0.05, 100.0, 1.0)
    assert lower[-1, 1] == pytest.approx(5 * ((z - 1).sum() - radius) / 120)
    mirrored = ((arms == 2) * (1 - y) + (arms == 1) * y) / propensities
    radius = gamma_exponential_mixture(float(((mirrored - 1) ** 2).sum()), 0.05, 100.0, 1.0)
    assert upper[-1, 1] == pytest.approx(-5 * ((mirrored - 1).sum() - radius) / 120)
    centred = ((arms == 2) * 1.0 - (arms == 1)) * (outcomes - 0.5) / propensities
    assert estimates[-1, 1] == pytest.approx(centred.mean())


def test_without_rounds_nothing_is_known():
    none = np.zeros(0)
    estimate, lower, upper = score_paths(none.astype(int), none, none, 2, at=np.array([0]), bounds=(0, 10))
    assert np.isnan(estimate).all()
    assert (lower[0, 0], upper[0, 0]) == (-10, 10)


@together(
    ("outcome", "bounds", "words"),
    [
        (0.0, (1, 1), "bounds was"),
        (1.5, (0, 1), r"outcomes holds 1.5, outside bounds=\(0, 1\)"),
        (np.nan, (0, 1), "outcomes holds nan"),
    ],
)
def test_bad_input_is_named(outcome, bounds, words):
    with pytest.raises(InvalidArgument, match=words):
        score_paths(np.array([0, 1]), np.array([1.0, outcome]), np.full(2, 0.5), 2, bounds=bounds)
