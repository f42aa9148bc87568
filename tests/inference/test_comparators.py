"""Comparators against their definitions written as loops."""

import numpy as np
import pytest
from small_logs import random_log

from causalbandit.inference.comparators import decorrelated_means, union_bound
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
    table = decorrelated_means(log, penalty)
    estimates, errors = by_definition(log, penalty)
    np.testing.assert_allclose(table["estimate"], estimates, rtol=1e-10)
    np.testing.assert_allclose(table["std_error"], errors, rtol=1e-10)


def test_the_penalty_is_by_default_the_fewest_rounds_over_log_t_and_bad_ones_are_named():
    outcomes, arms, propensities = random_log()
    log = AdaptiveLog(arms, outcomes, propensities)
    penalty = log.pulls.min() / np.log(300)
    np.testing.assert_allclose(decorrelated_means(log)["upper"], decorrelated_means(log, penalty)["upper"], rtol=1e-12)
    with pytest.raises(ValueError, match="penalty was 0; expected a finite number above 0"):
        decorrelated_means(log, 0.0)


def test_an_arm_without_rounds_has_no_decorrelated_mean():
    log = AdaptiveLog(np.tile([0, 1], 20), np.arange(40.0), np.full((40, 3), 1 / 3))
    table = decorrelated_means(log)
    assert table["insufficient_data"].tolist() == [False, False, True]


def test_a_union_bound_takes_the_far_ends():
    lower, upper = union_bound(np.array([0.0, 1.0]), np.array([0.5, 2.0]))
    assert (lower[1], upper[1]) == (0.5, 2.0)
