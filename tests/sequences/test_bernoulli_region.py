"""The largest fall of weighted sums against a general solver, and against contrasts."""

import numpy as np
import pytest
from cases import together
from scipy.optimize import minimize
from scipy.special import expit, logit

from causalbandit.sequences.bernoulli_region import LARGEST, Arm, difference_at_most, largest_fall, room

ROWS = Arm(np.array([0.5, 3.5, 20.5, 1.5, 7.0]), np.array([0.5, 9.5, 10.5, 100.5, 0.25]))


def by_solver(weights, most, rng):
    """max Σ w (p̂ − p) subject to Σ n KL(p̂, p) ≤ most, from several starts."""
    mean = ROWS.ones / ROWS.n

    def left(x):
        p = expit(x)
        return most - (ROWS.ones * np.log(mean / p) + ROWS.zeros * np.log((1 - mean) / (1 - p))).sum()

    found = [
        minimize(
            lambda x: -(weights * (mean - expit(x))).sum(),
            logit(mean) + 0.1 * rng.standard_normal(len(mean)),
            constraints=[{"type": "ineq", "fun": left}],
            options={"maxiter": 1000, "ftol": 1e-13},
        )
        for _ in range(4)
    ]
    return max(-one.fun for one in found if left(one.x) > -1e-9)


def test_the_largest_fall_is_that_of_a_general_solver():
    rng = np.random.default_rng(5)
    weights = rng.standard_normal((5, 4))
    weights[2, 1] = 0.0
    rooms = np.array([0.3, 2.0, 6.0, 12.0])
    found = largest_fall(weights, ROWS, rooms)
    for place, most in enumerate(rooms):
        assert found[place] == pytest.approx(by_solver(weights[:, place], most, rng), rel=1e-5)


@together("level", [-0.2, 0.0, 0.15, 0.4, 0.999])
def test_a_difference_is_at_most_a_level_when_its_largest_is(level):
    rng = np.random.default_rng(1)
    trials = rng.integers(0, 200, (2, 400))
    ones = rng.binomial(trials, rng.random((2, 400)))
    one, other = (Arm(ones[arm].astype(float), (trials - ones)[arm].astype(float)) for arm in (0, 1))
    left = room(one, other, 0.1)
    expected = LARGEST["difference"](one, other, left) <= level
    assert 0 < expected.sum() < 400
    np.testing.assert_array_equal(difference_at_most(one, other, left, level), expected)


def test_a_sum_without_rows_cannot_fall():
    assert largest_fall(np.zeros((5, 1)), ROWS, np.array([3.0])).tolist() == [0.0]


def test_the_fall_of_a_difference_is_the_contrast_of_its_arms():
    one, other, left = Arm(np.array([40.0]), np.array([60.0])), Arm(np.array([9.0]), np.array([21.0])), np.array([5.0])
    rows = Arm(np.array([40.0, 9.0]), np.array([60.0, 21.0]))
    fall = largest_fall(np.array([[-1.0], [1.0]]), rows, left)  # −(p₁ − p₀) falls as p₁ − p₀ rises
    assert 0.4 - 0.3 + fall == pytest.approx(LARGEST["difference"](one, other, left), rel=1e-9)
