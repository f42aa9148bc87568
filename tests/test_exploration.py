"""Laws of outcomes and rules of exploration, by their moments and by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
from cases import together
from scipy import stats

from causalbandit.exploration import NOISES, RULES, ArmSums, floored

FLOORS = json.loads((Path(__file__).parent / "data" / "aipw_reference.json").read_text())["apply_floor"]


def test_floors_equal_the_reference():
    for case in FLOORS:
        np.testing.assert_allclose(floored(case["a"], case["amin"]), case["out"], rtol=1e-12)
    with pytest.raises(ValueError, match="between 0 and 1/2"):
        floored([0.5, 0.5], 0.6)


@together(
    ("noise", "deviation", "skewness"),
    [("uniform", 1 / np.sqrt(3), 0.0), ("normal", 1.0, 0.0), ("exponential", 1.0, 2.0), ("lognormal", 1.0, None)],
)
def test_noise_has_the_stated_moments(noise, deviation, skewness):
    """400,000 draws; limits of 6 standard errors (deviation of the heavy lognormal law: wider), one alarm in 10^8."""
    outcomes = NOISES[noise](np.random.default_rng(1), np.full(400_000, 5.0))
    assert abs(outcomes.mean() - 5.0) < 6 * deviation / np.sqrt(400_000)
    assert outcomes.std() == pytest.approx(deviation, rel=0.1 if skewness is None else 0.01)
    if skewness is not None:
        assert stats.skew(outcomes) == pytest.approx(skewness, abs=0.1)


def test_rules_by_hand():
    """Two experiments, two arms. First: means 0.5 and 0.4, the second rarely taken; second: equal but for the mean."""
    sums = ArmSums(
        count=np.array([[100.0, 50.0], [4.0, 50.0]]),
        total=np.array([[50.0, 10.0], [1.6, 20.0]]),
        squares=np.array([[50.0, 10.0], [1.6, 20.0]]),
    )
    random = np.random.default_rng(0)
    assert RULES["greedy"](sums, 104, 50, random).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert RULES["ucb"](sums, 104, 50, random).tolist() == [[0.0, 0.0], [1.0, 1.0]]
    assert RULES["uniform"](sums, 104, 50, random).tolist() == [[0.5, 0.5], [0.5, 0.5]]
    chances = RULES["thompson"](sums, 104, 4000, random)
    np.testing.assert_allclose(chances.sum(axis=0), 1.0)
    centres = [sums.count / (sums.variance + sums.count) * sums.mean, 1.0 / (sums.count / sums.variance + 1.0)]
    gap = (centres[0][1] - centres[0][0]) / np.sqrt(centres[1].sum(axis=0))
    np.testing.assert_allclose(chances[1], stats.norm.cdf(gap), atol=0.04)  # five standard errors of 4,000 draws


def test_an_arm_whose_outcomes_were_all_equal_has_the_priors_variance():
    sums = ArmSums(*(np.array([[5.0]]), np.array([[0.0]]), np.array([[0.0]])))
    assert sums.variance.tolist() == [[1.0]]
