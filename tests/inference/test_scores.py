"""Scores: unbiased by enumeration, equal for numbers and arrays, equal to an independent package."""

import numpy as np
import pytest
from small_logs import REFERENCE, random_log

import causalbandit as cb
from causalbandit.inference.scores import aipw_scores, contrast, inverse_propensity_residual

CASES = [pytest.param(case, id=case["dgp"]) for case in REFERENCE["cases"]]


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


@pytest.mark.parametrize("case", CASES)
def test_scores_equal_the_reference(case):
    scores = aipw_scores(case["rewards"], case["arms"], case["assignment_probs"])
    np.testing.assert_allclose(scores[:10], case["scores"]["first10"], rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(scores.sum(axis=0), case["scores"]["column_sums"], rtol=1e-9)
    np.testing.assert_allclose((scores**2).sum(axis=0), case["scores"]["column_sumsq"], rtol=1e-9)


def test_scores_need_only_the_taken_arms_propensity():
    outcomes, arms, propensities = random_log()
    taken = propensities[np.arange(300), arms]
    np.testing.assert_array_equal(
        aipw_scores(outcomes, arms, taken, n_arms=4), aipw_scores(outcomes, arms, propensities)
    )


def test_scores_are_unbiased_whatever_the_predictions():
    """Mean over 20,000 seeded rounds within 5 standard errors: a false alarm in about 1 of 600,000 seeds per arm."""
    rng = np.random.default_rng(3)
    propensities = np.tile([0.7, 0.3], (20_000, 1))
    arms = (rng.random(20_000) > 0.7).astype(int)
    outcomes = rng.normal([1.0, 2.0], 1.0, size=(20_000, 2))[np.arange(20_000), arms]
    for prediction in (None, 0.0, [5.0, -5.0]):
        scores = aipw_scores(outcomes, arms, propensities, prediction)
        error = scores.std(axis=0) / np.sqrt(20_000)
        assert (np.abs(scores.mean(axis=0) - [1.0, 2.0]) < 5 * error).all()


def test_bad_arrays_are_named():
    outcomes, arms, propensities = random_log()
    with pytest.raises(ValueError, match=r"shape \(300, 4\) for 299 outcomes"):
        aipw_scores(outcomes[1:], arms[1:], propensities)
    with pytest.raises(ValueError, match="n_arms is missing"):
        aipw_scores(outcomes, arms, propensities[:, 0])
    with pytest.raises(ValueError, match="3 rounds for 4 arms"):
        aipw_scores(outcomes[:3], arms[:3], propensities[:3])
    with pytest.raises(ValueError, match="one arm only"):
        aipw_scores(outcomes, np.zeros(300, int), np.ones((300, 1)))
    with pytest.raises(ValueError, match="sum to 2"):
        aipw_scores(outcomes, arms, np.full((300, 4), 0.5))


@pytest.mark.parametrize("n_arms", ["2", 2.0, True])
def test_a_number_of_arms_that_is_none_is_named(n_arms):
    with pytest.raises(TypeError, match=f"n_arms was {n_arms!r}; expected a whole number of arms of the design"):
        cb.aipw_scores([0, 1, 0, 1], [0, 1, 0, 1], [0.5] * 4, n_arms=n_arms)
