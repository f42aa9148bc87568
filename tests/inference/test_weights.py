"""Scores and evaluation weights against an independent package, brute force and what theory promises of them."""

import json
from pathlib import Path

import numpy as np
import pytest

from causalbandit.inference.past_means import LookaheadWarning, refit_rounds, running_means
from causalbandit.inference.scores import aipw_scores
from causalbandit.inference.weights import adaptive_weights, two_point_rates

REFERENCE = json.loads((Path(__file__).parents[1] / "data" / "aipw_reference.json").read_text())
CASES = [pytest.param(case, id=case["dgp"]) for case in REFERENCE["cases"]]


def random_log(n_rounds=300, n_arms=4, seed=0):
    rng = np.random.default_rng(seed)
    propensities = rng.dirichlet(np.ones(n_arms), n_rounds)
    arms = (rng.random(n_rounds)[:, None] > propensities.cumsum(axis=1)).sum(axis=1).clip(max=n_arms - 1)
    return rng.normal(size=n_rounds) + arms, arms, propensities


@pytest.mark.parametrize("case", CASES)
def test_scores_equal_the_reference(case):
    scores = aipw_scores(case["rewards"], case["arms"], case["assignment_probs"])
    np.testing.assert_allclose(scores[:10], case["scores"]["first10"], rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(scores.sum(axis=0), case["scores"]["column_sums"], rtol=1e-9)
    np.testing.assert_allclose((scores**2).sum(axis=0), case["scores"]["column_sumsq"], rtol=1e-9)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("scheme", "name"), [("uniform", "uniform"), ("constant", "lvdl"), ("two-point", "two_point")])
def test_weights_equal_the_reference(case, scheme, name):
    weights = adaptive_weights(case["assignment_probs"], scheme, case["floor_decay"])
    expected = case["weights"][name]
    np.testing.assert_allclose(weights[expected["rows"]], expected["values"], rtol=1e-9)
    np.testing.assert_allclose(weights.sum(axis=0), expected["column_sums"], rtol=1e-9)
    np.testing.assert_allclose((weights**2).sum(axis=0), expected["column_sumsq"], rtol=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_two_point_rates_equal_the_reference(case):
    propensities = np.array(case["assignment_probs"])
    best, dropped = two_point_rates(case["T"], case["floor_decay"], np.arange(1, case["T"] + 1))
    rates = propensities * best[:, None] + (1 - propensities) * dropped[:, None]
    expected = case["lambda_two_point"]
    np.testing.assert_allclose(rates[expected["rows"]], expected["values"], rtol=1e-9)
    np.testing.assert_allclose(rates.sum(axis=0), expected["column_sums"], rtol=1e-9)


def test_running_means_use_the_past_only_across_blocks():
    outcomes, arms, _ = random_log(n_rounds=40_000, n_arms=3)
    means = running_means(outcomes, arms, 3)
    assert (means[0] == 0).all()
    for t in (1, 7, 21_845, 21_846, 39_999):
        expected = [outcomes[:t][arms[:t] == k].mean() if (arms[:t] == k).any() else 0.0 for k in range(3)]
        np.testing.assert_allclose(means[t], expected, rtol=1e-12)


def test_two_point_weights_equal_stick_breaking_by_hand():
    """The sum form of the definition, one round after the other, against the product over blocks."""
    _, _, propensities = random_log(n_rounds=30_000, n_arms=3, seed=1)
    weights = adaptive_weights(propensities, "two-point", 0.5)
    n_rounds = len(propensities)
    spent = np.zeros(3)
    for t in range(1, n_rounds + 1):
        e = propensities[t - 1]
        rate = e / (1 + n_rounds - t) + (1 - e) * 0.5 / (0.5 + n_rounds * (t / n_rounds) ** 0.5 - t)
        square = (1 - spent) * rate
        spent += square
        if t % 4999 == 1 or t > n_rounds - 3:
            np.testing.assert_allclose(weights[t - 1] ** 2 / e, square, rtol=1e-7)
    np.testing.assert_allclose((weights**2 / propensities).sum(axis=0), 1.0, rtol=1e-12)


def test_given_weights_pass_through_and_do_not_alias():
    _, _, propensities = random_log()
    given = np.ones(300)
    weights = adaptive_weights(propensities, given)
    assert weights.shape == (300, 4)
    weights[0] = 5.0
    assert given[0] == 1.0


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


class Straight:
    """Least squares with the interface of scikit-learn, which remembers how many rows it was shown."""

    shown: list[int]

    def __init__(self, shown):
        self.shown = shown

    def __deepcopy__(self, memo):
        return Straight(self.shown)

    def fit(self, x, y):
        self.shown.append(len(y))
        self.coef_ = np.linalg.lstsq(np.column_stack([np.ones(len(x)), x]), y, rcond=None)[0]
        return self

    def predict(self, x):
        return np.column_stack([np.ones(len(x)), x]) @ self.coef_


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


@pytest.mark.parametrize(
    ("keywords", "error", "words"),
    [
        ({"outcome_means": "mean"}, TypeError, "'mean'.*expected None"),
        ({"outcome_means": np.zeros((3, 7))}, ValueError, r"shape \(3, 7\).*\(300, 4\)"),
        ({"outcome_means": [0, 0, np.nan, 0]}, ValueError, "row 0, column 2"),
        ({"outcome_means": Straight, "contexts": np.ones((300, 1))}, TypeError, r"class Straight; .*Straight\(\)"),
        ({"outcome_means": Straight([])}, ValueError, "needs contexts"),
        ({"outcome_means": Straight([]), "contexts": np.ones((7, 1))}, ValueError, r"contexts has shape \(7, 1\)"),
        ({"outcome_means": Straight([]), "contexts": np.ones((300, 1)), "refit_at": [400]}, ValueError, "refit_at"),
    ],
)
def test_bad_outcome_means_are_named(keywords, error, words):
    with pytest.raises(error, match=words):
        aipw_scores(*random_log(), **keywords)


def test_bad_arrays_are_named():
    outcomes, arms, propensities = random_log()
    with pytest.raises(ValueError, match=r"shape \(300, 4\) for 299"):
        aipw_scores(outcomes[1:], arms[1:], propensities)
    with pytest.raises(ValueError, match="pass n_arms="):
        aipw_scores(outcomes, arms, propensities[:, 0])
    with pytest.raises(ValueError, match="3 rounds for 4 arms"):
        aipw_scores(outcomes[:3], arms[:3], propensities[:3])
    with pytest.raises(ValueError, match="one arm only"):
        aipw_scores(outcomes, np.zeros(300, int), np.ones((300, 1)))
    with pytest.raises(ValueError, match="sum to 2"):
        aipw_scores(outcomes, arms, np.full((300, 4), 0.5))


@pytest.mark.parametrize(
    ("scheme", "floor_decay", "words"),
    [
        ("two_point", 0.7, "Did you mean 'two-point'"),
        ("two-point", 1.0, "floor_decay was 1.0"),
        (-np.ones(300), 0.7, "-1 in row 0"),
        (np.full((300, 4), np.nan), 0.7, "nan in row 0"),
        ([[0.0, 1.0, 1.0, 1.0]], 0.7, "all zero for the arms in columns 0"),
        (np.ones(7), 0.7, r"shape \(7,\)"),
    ],
)
def test_bad_weights_are_named(scheme, floor_decay, words):
    _, _, propensities = random_log()
    with pytest.raises(ValueError, match=words):
        adaptive_weights(propensities, scheme, floor_decay)
