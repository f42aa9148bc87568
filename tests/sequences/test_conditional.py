"""Conditional e-values against exact hypergeometric laws; expectation, validity at any time, closed testing."""

import itertools

import numpy as np
import pytest
from cases import together
from scipy.special import logsumexp
from scipy.stats import binom, hypergeom, nchypergeom_fisher

from causalbandit.sequences.conditional import (
    hypergeometric_moments,
    log_adjusted,
    log_e_value,
    log_universal,
    log_verdict,
)

SMALL = [(n, s, m) for n in (1, 2, 3, 5, 9, 14) for s in range(n + 1) for m in range(n + 1)]


def law(n, s, m):
    """Support and probabilities of the ones of the cell."""
    x = np.arange(max(0, s + m - n), min(s, m) + 1)
    return x, hypergeom.pmf(x, n, s, m)


def normal_form(u, v, tau=0.5):
    """The sub-Gaussian form, which has no proof: log of exp(θU − θ²V/2) mixed over N(0, τ²)."""
    return -0.5 * np.log1p(tau**2 * v) + tau**2 * u**2 / (2 * (1 + tau**2 * v))


@together(("n", "s", "m"), SMALL)
def test_moments_are_those_of_the_law(n, s, m):
    x, p = law(n, s, m)
    mean, variance, third = hypergeometric_moments(n, s, m)
    assert mean == pytest.approx(p @ x, abs=1e-12)
    assert variance == pytest.approx(p @ (x - mean) ** 2, abs=1e-12)
    assert third == pytest.approx(p @ (x - mean) ** 3, abs=1e-12)


def expectation(form, n, s, m):
    x, p = law(n, s, m)
    return p @ np.exp(form(x - hypergeometric_moments(n, s, m)[0]))


@together(("n", "s", "m"), [*SMALL, (200, 3, 90), (200, 195, 20), (1000, 12, 985), (60, 30, 30)])
def test_the_expectation_is_at_most_one_for_small_and_skewed_rows(n, s, m):
    _, variance, third = hypergeometric_moments(n, s, m)
    assert expectation(lambda u: log_e_value(u, np.full_like(u, variance), np.full_like(u, third)), n, s, m) <= 1 + 1e-9


def test_the_sub_gaussian_form_would_exceed_one():
    _, variance, _ = hypergeometric_moments(400, 40, 40)
    assert expectation(lambda u: normal_form(u, variance), 400, 40, 40) > 1.01


def test_every_exponent_is_bounded_by_the_sum_of_third_order():
    for theta, (n, s, m) in itertools.product((-5, -2, -0.5, 0.5, 2, 5), SMALL):
        x, p = law(n, s, m)
        mean, v, w = hypergeometric_moments(n, s, m)
        bound = (v + w) / 2 * (np.expm1(theta) - theta) + (v - w) / 2 * (np.expm1(-theta) + theta)
        assert np.log(p @ np.exp(theta * (x - mean))) <= bound + 1e-9


def exact_log_e(tables, theta, weights):
    """The likelihood ratio of the noncentral hypergeometric law to the central one, mixed over θ: the exact e-value."""
    exponents = np.log(weights)
    for n, s, m, x in tables:
        ratio = [
            nchypergeom_fisher.logpmf(x, n, s, m, np.exp(t)) - nchypergeom_fisher.logpmf(x, n, s, m, 1) for t in theta
        ]
        exponents = exponents + np.array(ratio)
    return logsumexp(exponents)


def test_little_is_lost_against_the_exact_likelihood_ratio():
    tables = [(100, 50, 40, 28), (120, 50, 60, 34), (80, 20, 30, 12), (200, 110, 100, 66)]
    theta = np.linspace(-3, 3, 121)
    weights = np.exp(-2 * theta**2)
    exact = exact_log_e(tables, theta, weights / weights.sum())
    n, s, m, x = np.array(tables).T
    mean, v, w = hypergeometric_moments(n, s, m)
    mine = log_e_value((x - mean).sum(), v.sum(), w.sum())
    assert 8 < mine < exact + 0.3
    assert mine == pytest.approx(exact, rel=0.1)


def test_no_variance_is_no_evidence_and_sides_are_alike():
    assert log_e_value(0.0, 0.0, 0.0) == pytest.approx(0, abs=1e-12)
    assert log_e_value([3.0, -3.0], [5.0, 5.0], [1.0, -1.0]) == pytest.approx([log_e_value(3.0, 5.0, 1.0)] * 2)


def adaptive_paths(rng, runs, batches, p, shift=0.0):
    """log E after each batch, [runs, batches]: the next batch's cells depend on the ones so far, as a bandit's do."""
    wins = np.zeros((runs, 2)) + 0.5
    sums = np.zeros((3, runs, batches))
    for batch in range(batches):
        share = (wins[:, 0] / wins.sum(axis=1)) ** 2
        sizes = rng.binomial(12, np.clip(share, 0.05, 0.95))
        x, y = rng.binomial(sizes, p + shift), rng.binomial(12 - sizes, p)
        wins += np.stack([x, y], axis=1)
        mean, v, w = hypergeometric_moments(12, x + y, sizes)
        sums[:, :, batch] = x - mean, v, w
    return log_e_value(*sums.cumsum(axis=2))


@pytest.mark.parametrize("p", [0.04, 0.5, 0.93])
def test_false_alarms_are_rare_under_adaptive_batches_at_any_time(p):
    # 4,000 paths at δ = 0.05: more than 5 % + 4 standard errors (6.4 %) has a probability below 1e-4 if valid.
    paths = adaptive_paths(np.random.default_rng(1), 4000, 60, p)
    assert (paths.max(axis=1) >= np.log(20)).mean() <= 0.064


def test_a_shift_is_found():
    paths = adaptive_paths(np.random.default_rng(2), 300, 120, 0.3, shift=0.25)
    assert (paths[:, -1] >= np.log(20)).mean() > 0.8


def test_universal_inference_is_the_ratio_by_hand_and_has_expectation_at_most_one():
    # One one in the first cell, one zero in the second: (½ · ½) / (½ · ½).
    assert log_universal([1, 0], [0, 1]) == pytest.approx(0)
    # Two ones against two zeros: B(2.5, .5)² / B(.5, .5)² · 2⁴.
    assert log_universal([2, 0], [0, 2]) == pytest.approx(np.log(0.375**2 * 16))
    for p in (0.1, 0.5):
        total = 0.0
        for x, y in itertools.product(range(8), range(6)):
            chance = binom.pmf(x, 7, p) * binom.pmf(y, 5, p)
            total += chance * np.exp(log_universal([x, y], [7 - x, 5 - y]))
        assert total <= 1


def test_adjusted_values_are_the_least_means_over_all_sets():
    rng = np.random.default_rng(3)
    for _ in range(20):
        log_e, weights = rng.normal(0, 4, 6), rng.dirichlet(np.ones(6))
        adjusted = log_adjusted(log_e, weights, level=-np.inf)
        for claim in range(6):
            others = [place for place in range(6) if place != claim]
            least = min(
                np.log(weights[[claim, *more]] @ np.exp(log_e[[claim, *more]]) / weights[[claim, *more]].sum())
                for size in range(6)
                for more in itertools.combinations(others, size)
            )
            assert adjusted[claim] == pytest.approx(least)
        assert log_verdict(log_e, weights) == pytest.approx(np.log(weights @ np.exp(log_e)))
