"""Predictions from the past only: running means, models refitted on a schedule, and what looks ahead."""

import numpy as np
import pytest
from cases import together
from small_logs import Straight, random_log

from causalbandit.inference.past_means import LookaheadWarning, refit_rounds, running_means
from causalbandit.inference.scores import aipw_scores


def test_running_means_use_the_past_only_across_blocks():
    outcomes, arms, _ = random_log(n_rounds=40_000, n_arms=3)
    means = running_means(outcomes, arms, 3)
    assert (means[0] == 0).all()
    for t in (1, 7, 21_845, 21_846, 39_999):
        expected = [outcomes[:t][arms[:t] == k].mean() if (arms[:t] == k).any() else 0.0 for k in range(3)]
        np.testing.assert_allclose(means[t], expected, rtol=1e-12)


def test_a_model_is_fitted_on_the_past_only():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(400, 1))
    arms, propensities = rng.integers(0, 2, 400), np.full((400, 2), 0.5)
    outcomes = 3.0 * x[:, 0] + arms + rng.normal(size=400)
    shown: list[int] = []
    scores = aipw_scores(outcomes, arms, propensities, Straight(shown), contexts=x, refit_at=[50, 200])
    assert shown == [*np.bincount(arms[:50]), *np.bincount(arms[:200])]
    changed = outcomes.copy()
    changed[200:] += 100.0  # what comes later does not reach what came before
    again = aipw_scores(changed, arms, propensities, Straight([]), contexts=x, refit_at=[50, 200])
    np.testing.assert_array_equal(scores[:200], again[:200])
    plain = aipw_scores(outcomes, arms, propensities)
    assert (scores[200:].var(axis=0) < 0.7 * plain[200:].var(axis=0)).all()


def test_refits_wait_for_batches_to_begin():
    starts = np.arange(0, 1000, 90)
    when = refit_rounds(1000, starts)
    assert set(when) <= set(starts)
    assert len(when) > 5
    assert refit_rounds(1000)[-1] < 1000


def test_a_fitted_model_is_refused_and_flagged_when_allowed():
    outcomes, arms, propensities = random_log()
    x = np.arange(300.0)[:, None]
    fitted = Straight([]).fit(x, outcomes)
    with pytest.raises(ValueError, match=r"fitted already.*allow_lookahead=True"):
        aipw_scores(outcomes, arms, propensities, fitted, contexts=x)
    with pytest.warns(LookaheadWarning, match="not guaranteed"):
        aipw_scores(outcomes, arms, propensities, fitted, contexts=x, allow_lookahead=True)


def test_means_of_the_full_sample_are_refused():
    outcomes, arms, propensities = random_log()
    full = [outcomes[arms == k].mean() for k in range(4)]
    with pytest.raises(ValueError, match="look ahead"):
        aipw_scores(outcomes, arms, propensities, full)


def test_inverse_propensity_scores_of_outcomes_whose_means_are_exactly_zero_do_not_look_ahead():
    outcomes, arms = np.tile([1.0, -1.0], 10), np.tile([0, 0, 1, 1], 5)
    for guess in (0, np.zeros(2), np.zeros((20, 2))):
        assert aipw_scores(outcomes, arms, np.full((20, 2), 0.5), guess).sum() == 0.0
    halves = aipw_scores(outcomes + 0.5, arms, np.full((20, 2), 0.5), 0.5)  # one number, chosen before the data
    assert halves.mean() == 0.5


def test_a_fitted_scikit_learn_model_is_recognised():
    linear_model = pytest.importorskip("sklearn.linear_model")
    outcomes, arms, propensities = random_log()
    x = np.arange(300.0)[:, None]
    model = linear_model.LinearRegression()
    aipw_scores(outcomes, arms, propensities, model, contexts=x)
    with pytest.raises(ValueError, match="LinearRegression that is fitted already"):
        aipw_scores(outcomes, arms, propensities, model.fit(x, outcomes), contexts=x)


@together(
    ("keywords", "error", "words"),
    [
        ({"outcome_means": "mean"}, TypeError, "not numbers; expected None"),
        ({"outcome_means": np.zeros((3, 7))}, ValueError, r"shape \(3, 7\).*\(300, 4\)"),
        ({"outcome_means": [0, 0, np.nan, 0]}, ValueError, "row 0, column 2"),
        ({"outcome_means": Straight, "contexts": np.ones((300, 1))}, TypeError, r"class Straight; .*Straight\("),
        ({"outcome_means": Straight([])}, ValueError, "needs contexts"),
        ({"outcome_means": Straight([]), "contexts": np.ones((7, 1))}, ValueError, r"contexts has shape \(7, 1\)"),
        ({"outcome_means": Straight([]), "contexts": np.ones((300, 1)), "refit_at": [400]}, ValueError, "refit_at"),
    ],
)
def test_bad_outcome_means_are_named(keywords, error, words):
    with pytest.raises(error, match=words):
        aipw_scores(*random_log(), **keywords)
