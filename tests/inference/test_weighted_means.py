"""Weighted means, their variances and paths, against sums round by round."""

import math

import numpy as np
import pytest

from causalbandit.arrays import BLOCK_ELEMENTS
from causalbandit.inference.weighted_means import kish_sizes, weighted_covariance, weighted_path, weighted_values


@pytest.fixture(params=[23, BLOCK_ELEMENTS // 3 + 5], ids=["one block", "two blocks"])
def sample(request):
    rng = np.random.default_rng(3)
    shape = request.param, 3
    return 5.0 + rng.exponential(size=shape), rng.uniform(0.1, 1.0, shape)


def by_hand(scores, weights):
    """Estimates [K] and covariance [K, K] from the influences, exactly summed."""
    n_arms = scores.shape[1]
    totals = [math.fsum(weights[:, w]) for w in range(n_arms)]
    means = [math.fsum(h * g for h, g in zip(weights[:, w], scores[:, w], strict=True)) / totals[w] for w in range(3)]
    influence = [
        [h * (g - means[w]) / totals[w] for h, g in zip(weights[:, w], scores[:, w], strict=True)]
        for w in range(n_arms)
    ]
    covariance = [[math.fsum(i * j for i, j in zip(a, b, strict=True)) for b in influence] for a in influence]
    return np.array(means), np.array(covariance)


def test_values_and_covariance_are_those_of_the_influences(sample):
    scores, weights = sample
    means, covariance = by_hand(scores, weights)
    estimates, errors = weighted_values(scores, weights)
    np.testing.assert_allclose(estimates, means, rtol=1e-12)
    np.testing.assert_allclose(errors, np.sqrt(np.diag(covariance)), rtol=1e-10)
    np.testing.assert_allclose(weighted_covariance(scores, weights, estimates), covariance, rtol=1e-8, atol=1e-12)


def test_a_path_holds_what_each_prefix_gives_alone_wherever_it_is_centred(sample):
    scores, weights = sample
    ends = np.array([2, 7, 8, len(scores)])
    for centre in (np.zeros(3), scores.mean(axis=0), np.array([np.nan, 5.0, 6.0])):
        estimates, errors = weighted_path(scores, weights, ends, centre)
        for row, end in enumerate(ends):
            alone = weighted_values(scores[:end], weights[:end])
            np.testing.assert_allclose(estimates[row], alone[0], rtol=1e-9)
            np.testing.assert_allclose(errors[row], alone[1], rtol=1e-6)


def test_arms_without_weight_or_variance_have_no_estimate():
    scores, weights = np.array([[1.0, 2.0, 3.0], [4.0, 2.0, 5.0]]), np.array([[0.0, 0.5, 1.0], [0.0, 0.5, 1.0]])
    estimates, errors = weighted_values(scores, weights)
    np.testing.assert_array_equal(np.isnan(estimates), [True, True, False])
    np.testing.assert_array_equal(np.isnan(errors), [True, True, False])
    assert (estimates[2], errors[2]) == (4.0, pytest.approx(math.sqrt(2) / 2))
    path, _ = weighted_path(scores, weights, np.array([1, 2]), np.zeros(3))
    np.testing.assert_array_equal(np.isnan(path), [[True, True, True], [True, True, False]])


def test_sizes_count_equal_weights_once_each():
    weights = np.array([[2.0, 1.0], [2.0, 0.0], [2.0, 0.0], [2.0, 3.0]])
    np.testing.assert_allclose(kish_sizes(weights), [4.0, 16.0 / 10.0])
