"""Evaluation weights against an independent package, their definition, and what theory promises of them."""

import numpy as np
import pytest
from cases import together
from small_logs import REFERENCE, random_log

from causalbandit.inference.weights import adaptive_weights, two_point_rates

CASES = REFERENCE["cases"]


@together("case", CASES)
@together(("scheme", "name"), [("uniform", "uniform"), ("constant", "lvdl"), ("two-point", "two_point")])
def test_weights_equal_the_reference(case, scheme, name):
    weights = adaptive_weights(case["assignment_probs"], scheme, case["floor_decay"])
    expected = case["weights"][name]
    np.testing.assert_allclose(weights[expected["rows"]], expected["values"], rtol=1e-9)
    np.testing.assert_allclose(weights.sum(axis=0), expected["column_sums"], rtol=1e-9)
    np.testing.assert_allclose((weights**2).sum(axis=0), expected["column_sumsq"], rtol=1e-9)


@together("case", CASES)
def test_two_point_rates_equal_the_reference(case):
    propensities = np.array(case["assignment_probs"])
    best, dropped = two_point_rates(case["T"], case["floor_decay"], np.arange(1, case["T"] + 1))
    rates = propensities * best[:, None] + (1 - propensities) * dropped[:, None]
    expected = case["lambda_two_point"]
    np.testing.assert_allclose(rates[expected["rows"]], expected["values"], rtol=1e-9)
    np.testing.assert_allclose(rates.sum(axis=0), expected["column_sums"], rtol=1e-9)


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


@together(
    ("scheme", "floor_decay", "words"),
    [
        ("two_point", 0.7, "Did you mean 'two-point'"),
        ("two-point", 1.0, "floor_decay was 1; expected a finite number at least 0 and below 1"),
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


@pytest.mark.parametrize("decay", [None, "0.7", True])
def test_an_exponent_that_is_no_number_is_named(decay):
    with pytest.raises(TypeError, match=f"floor_decay was {decay!r}; expected .*exponent"):
        adaptive_weights(np.full((4, 2), 0.5), "two-point", floor_decay=decay)
