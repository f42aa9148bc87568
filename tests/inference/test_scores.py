"""Scores: unbiased by enumeration, and equal for numbers and arrays."""

import numpy as np
import pytest

from causalbandit.inference.scores import contrast, inverse_propensity_residual


def test_score_is_unbiased_whatever_the_prediction() -> None:
    propensities = np.array([0.1, 0.3, 0.6])
    outcomes = np.array([2.0, -1.0, 5.0])
    for predictions in (np.zeros(3), np.array([1.0, 4.0, -2.0])):
        expected = np.zeros(3)
        for drawn in range(3):  # the expectation over the draw, by enumeration
            scores = predictions.copy()
            scores[drawn] += inverse_propensity_residual(outcomes[drawn], propensities[drawn], predictions[drawn])
            expected += propensities[drawn] * scores
        np.testing.assert_allclose(expected, outcomes, rtol=1e-12)


def test_contrast_equals_the_mean_of_the_rounds_scores() -> None:
    rng = np.random.default_rng(3)
    rounds, n_arms = 50, 3
    arms = rng.integers(n_arms, size=rounds)
    propensities = rng.uniform(0.1, 0.9, size=rounds)
    outcomes = rng.normal(size=rounds)
    residuals = inverse_propensity_residual(outcomes, propensities)
    score = np.bincount(arms, residuals, minlength=n_arms)
    square = np.bincount(arms, residuals**2, minlength=n_arms)
    for arm in (1, 2):
        per_round = (arms == arm) * outcomes / propensities - (arms == 0) * outcomes / propensities
        estimate, variance_sum = contrast(score[arm], score[0], square[arm], square[0], rounds)
        assert estimate == pytest.approx(per_round.mean(), rel=1e-12)
        assert variance_sum == pytest.approx(np.sum(per_round**2), rel=1e-12)
