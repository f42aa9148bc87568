"""Comparators against their definitions written as loops."""

import numpy as np
import pytest
from small_logs import random_log

from causalbandit.inference.comparators import decorrelated_moments, union_bound
from causalbandit.inference.log import AdaptiveLog


def by_definition(log, penalty):
    """W-decorrelation as stated for any design matrix X: w_t = (I − Σ_{s<t} w_s x_sᵀ) x_t/(λ + |x_t|²)."""
    x = np.eye(log.n_arms)[log.arms]
    least_squares = np.linalg.lstsq(x, log.outcomes, rcond=None)[0]
    columns, done = [], np.zeros((log.n_arms, log.n_arms))
    for row in x:
        columns.append((np.eye(log.n_arms) - done) @ row / (penalty + row @ row))
        done += np.outer(columns[-1], row)
    weights = np.array(columns).T
    off = log.outcomes - x @ least_squares
    spread = np.array([np.mean(off[log.arms == arm] ** 2) for arm in range(log.n_arms)])
    return least_squares + weights @ off, np.sqrt(spread * (weights**2).sum(axis=1))


@pytest.mark.parametrize("penalty", [0.5, 7.0])
def test_decorrelated_means_equal_the_general_definition(penalty):
    outcomes, arms, propensities = random_log()
    log = AdaptiveLog(arms, outcomes, propensities)
    np.testing.assert_allclose(decorrelated_moments(log, penalty), by_definition(log, penalty), rtol=1e-10)


def test_an_arm_without_rounds_has_no_decorrelated_mean():
    log = AdaptiveLog(np.tile([0, 1], 20), np.arange(40.0), np.full((40, 3), 1 / 3))
    for moments in decorrelated_moments(log, 5.0):
        assert np.isnan(moments).tolist() == [False, False, True]


def test_a_union_bound_takes_the_far_ends():
    lower, upper = union_bound(np.array([0.0, 1.0]), np.array([0.5, 2.0]))
    assert (lower[1], upper[1]) == (0.5, 2.0)
