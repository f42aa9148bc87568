"""Differences with a plan equal a brute-force search over the region, are martingales, and hold at all times."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from cases import together
from scipy.optimize import minimize_scalar
from scipy.special import betaln, logsumexp

from causalbandit.errors import InvalidArgument
from causalbandit.sequences.bernoulli_contrast import bernoulli_contrast
from causalbandit.sequences.bernoulli_region import Arm
from causalbandit.sequences.tilted_contrast import TILTED, excluded, tilts


def log_e(p_one: float, p_other: float, one: tuple[int, int], other: tuple[int, int], planned: int, side: int) -> float:
    """log E without the tilts of the other side, as its definition says; counts are (ones, trials)."""
    theta, log_weights = tilts(planned)
    terms = []
    for angle, weight in zip(-side * theta, log_weights, strict=True):
        moved = [(p_one, one, angle), (p_other, other, -angle)]
        ratio = sum(a * s - n * math.log(1 - p + p * math.exp(a)) for p, (s, n), a in moved)
        terms.append(math.log(TILTED / 2) + weight + ratio)
    product = math.log(1 - TILTED)
    for p, (s, n) in ((p_one, one), (p_other, other)):
        product += betaln(s + 0.5, n - s + 0.5) - math.log(math.pi)
        product -= (s * math.log(p) if s else 0) + ((n - s) * math.log(1 - p) if n > s else 0)
    return float(logsumexp([*terms, product]))


def least_on_line(difference: float, *rest: object) -> float:
    low, high = max(0.0, -difference) + 1e-12, min(1.0, 1.0 - difference) - 1e-12
    found = minimize_scalar(
        lambda p: log_e(p + difference, p, *rest),  # type: ignore[arg-type]
        bounds=(low, high),
        method="bounded",
        options={"xatol": 1e-12},
    )
    return float(found.fun)


@together(
    ("one", "other", "planned"),
    [
        ((92, 340), (195, 254), 2912),
        ((268, 291), (2, 252), 1640),
        ((167, 221), (8, 13), 1453),
        ((201, 249), (19, 19), 270),
        ((12, 45), (3, 3), 50),
        ((0, 30), (0, 40), 100),
        ((5, 5), (0, 7), 20),
        ((3000, 10_000), (2900, 10_000), 20_000),
        ((366, 736), (384, 764), 1500),  # Newton's steps on a line would go to and fro between two terms
    ],
)
def test_ends_are_where_the_least_log_e_of_a_line_meets_the_level(
    one: tuple[int, int], other: tuple[int, int], planned: int
) -> None:
    found = bernoulli_contrast(*one, *other, planned=planned)
    level = math.log(1 / 0.05)
    for end, side in ((float(found.upper), 1), (float(found.lower), -1)):
        if abs(end) < 1 - 1e-9:
            assert least_on_line(end - side * 1e-6, one, other, planned, side) < level
            assert least_on_line(end + side * 1e-6, one, other, planned, side) > level


def test_an_average_over_all_outcomes_is_one_at_the_true_means() -> None:
    """With 3 and 4 outcomes, every one weighted by its probability: E has mean 1."""
    p, q, planned = 0.3, 0.8, 10
    _theta, log_weights = tilts(planned)
    assert np.exp(log_weights).sum() == pytest.approx(1.0, abs=1e-14)
    mean = 0.0
    for outcomes in itertools.product((0, 1), repeat=7):
        first, second = outcomes[:3], outcomes[3:]
        chance = math.prod(p if y else 1 - p for y in first) * math.prod(q if y else 1 - q for y in second)
        counts = (sum(first), 3), (sum(second), 4)
        both = np.logaddexp(*(log_e(p, q, *counts, planned, side) for side in (1, -1)))
        product = math.log(1 - TILTED) + sum(
            betaln(s + 0.5, n - s + 0.5) - math.log(math.pi) - s * math.log(m) - (n - s) * math.log(1 - m)
            for (s, n), m in zip(counts, (p, q), strict=True)
        )
        mean += chance * (math.exp(both) - math.exp(product))  # both sides hold the product once
    assert mean == pytest.approx(1.0, abs=1e-12)


def test_signs_change_with_the_arms_and_shapes_broadcast() -> None:
    successes, trials = np.array([[3, 40], [10, 55]]), np.array([[20, 90], [21, 100]])
    found = bernoulli_contrast(successes, trials, [[7], [9]], [[30], [30]], planned=200)
    turned = bernoulli_contrast([[7], [9]], [[30], [30]], successes, trials, planned=200)
    np.testing.assert_allclose(found.lower, -turned.upper, atol=1e-10)
    one = bernoulli_contrast(55, 100, 9, 30, planned=200)
    assert (float(one.lower), float(one.upper)) == pytest.approx((found.lower[1, 1], found.upper[1, 1]), abs=1e-10)


def test_ends_are_finite_and_in_order_for_all_kinds_of_counts() -> None:
    rng = np.random.default_rng(8)
    trials = rng.integers(0, 1500, (2, 1200))
    trials[1] = np.where(rng.random(1200) < 0.5, 1500 - trials[0], trials[1])
    ones = rng.binomial(trials, rng.choice([0.0, 0.02, 0.5, 0.9, 1.0], (2, 1200)))
    found = bernoulli_contrast(ones[0], trials[0], ones[1], trials[1], planned=1500)
    known = np.isfinite(found.estimate)
    assert np.isfinite(found.lower).all()
    assert np.isfinite(found.upper).all()
    assert (found.lower[known] < found.estimate[known] + 1e-12).all()
    assert (found.upper[known] > found.estimate[known] - 1e-12).all()


def test_a_plan_shortens_even_arms_near_it_and_costs_little_where_arms_are_uneven() -> None:
    def width(*counts: int, planned: int | None) -> float:
        found = bernoulli_contrast(*counts, planned=planned)
        return float(found.upper - found.lower)

    assert width(600, 2000, 400, 2000, planned=4000) < 0.8 * width(600, 2000, 400, 2000, planned=None)
    assert width(6, 20, 800, 4000, planned=4000) < 1.15 * width(6, 20, 800, 4000, planned=None)


@pytest.mark.parametrize("difference", [0.0, 0.3, -0.7, 1.0])
def test_a_difference_is_excluded_when_it_lies_outside_the_interval(difference: float) -> None:
    rng = np.random.default_rng(4)
    trials = rng.integers(0, 300, (2, 200))
    ones = rng.binomial(trials, rng.random((2, 200)))
    found = bernoulli_contrast(ones[0], trials[0], ones[1], trials[1], alpha=0.03, planned=300)
    arms = [Arm(ones[place].astype(float), (trials - ones)[place].astype(float)) for place in (0, 1)]
    told = excluded(*arms, 0.03, 300, difference)
    assert 40 < told.sum() <= 200
    np.testing.assert_array_equal(told, (found.lower > difference) | (found.upper < difference))


def test_misses_over_whole_paths_stay_below_alpha() -> None:
    """500 experiments of 800 rounds with equal means at α = 0.05, read 14 times: at most 39 misses.

    Were the probability of a miss 0.05, 40 or more had probability 0.3 %.
    """
    rng = np.random.default_rng(11)
    arm = rng.random((500, 800)) < 0.5
    ones = rng.random((500, 800)) < 0.3
    looks = np.unique(np.geomspace(20, 799, 14).astype(int))
    counts = [np.cumsum(flags, axis=1)[:, looks] for flags in (ones & arm, arm, ones & ~arm, ~arm)]
    found = bernoulli_contrast(*counts, planned=800)
    missed = ((found.lower > 0) | (found.upper < 0)).any(axis=1)
    assert 2 <= missed.sum() <= 39


@pytest.mark.parametrize(("planned", "scale"), [(0, "difference"), (2.5, "difference"), (100, "ratio")])
def test_plans_that_are_none_are_refused(planned: object, scale: str) -> None:
    with pytest.raises(InvalidArgument, match=r"planned|scale"):
        bernoulli_contrast(1, 2, 1, 2, scale=scale, planned=planned)  # type: ignore[arg-type]
