"""Least squares with a small penalty: exact without it, steady on few rounds, and fitted on the past by the scores."""

import numpy as np
import pytest
from small_logs import COLUMNS, small_frame

from causalbandit.inference.arm_values import estimate_arms
from causalbandit.inference.least_squares import LeastSquares
from causalbandit.inference.log import AdaptiveLog


def test_without_a_penalty_it_is_ordinary_least_squares():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)) * [1, 10, 0.1], rng.normal(size=40)
    by_hand = np.linalg.lstsq(np.column_stack([np.ones(40), x]), y, rcond=None)[0]
    np.testing.assert_allclose(LeastSquares(penalty=0).fit(x, y).predict(x), by_hand[0] + x @ by_hand[1:], rtol=1e-9)


def test_columns_that_do_not_vary_and_units_change_nothing():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(10, 2)), rng.normal(size=10)
    plain = LeastSquares().fit(x, y).predict(x)
    constant = np.column_stack([x * [1000, 0.001], np.ones(10)])
    np.testing.assert_allclose(LeastSquares().fit(constant, y).predict(constant), plain, rtol=1e-9)
    assert np.abs(plain - y.mean()).max() < np.abs(LeastSquares(0).fit(x, y).predict(x) - y.mean()).max()


def test_scores_fit_it_on_the_past_and_a_fitted_one_is_refused():
    frame = small_frame(400)
    frame["sale"] = 3.0 * frame["age"] + np.random.default_rng(2).normal(size=400)
    log = AdaptiveLog.from_frame(frame, contexts=["age"], **COLUMNS)
    with_contexts = estimate_arms(log, outcome_means=LeastSquares()).contrasts["std_error"].iloc[0]
    assert with_contexts < 0.75 * estimate_arms(log).contrasts["std_error"].iloc[0]
    with pytest.raises(ValueError, match="fitted already"):
        estimate_arms(log, outcome_means=LeastSquares().fit(log.contexts, log.outcomes))
