"""Exact contrasts of two Bernoulli arms against a projection by brute force, and over paths of adaptive policies."""

import numpy as np
import pytest
from cases import together
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaln, ndtri, xlog1py, xlogy
from scipy.stats import binom
from two_armed_policies import POLICIES, run

from causalbandit.errors import InvalidArgument
from causalbandit.sequences.bernoulli_contrast import bernoulli_contrast, binary_counts, exact_contrasts

CASES = [
    (70, 100, 40, 100),
    (3, 7, 0, 4),
    (0, 12, 0, 9),
    (9, 9, 0, 6),
    (0, 6, 9, 9),
    (5, 5, 5, 5),
    (1, 1, 0, 1),
    (2, 400, 11, 90),
    (880, 900, 3, 1200),
    (4, 5, 0, 0),
    (0, 0, 2, 30),
    (30, 30, 2, 1000),
    (5000, 10000, 5100, 10000),
]
SCALES = ("difference", "ratio", "odds-ratio")
CONTRAST = {
    "difference": lambda p, q: p - q,
    "ratio": lambda p, q: p / q,
    "odds-ratio": lambda p, q: p / (1 - p) * ((1 - q) / q),
}


def log_martingale(successes, trials, p):
    """log M(p) by its definition."""
    mixture = betaln(successes + 0.5, trials - successes + 0.5) - betaln(0.5, 0.5)
    return mixture - xlogy(successes, p) - xlog1py(trials - successes, -p)


def permitted(successes, trials, room):
    """Ends of {p: log M(p) ≤ room} for every entry of ``room``, by halving; NaN where the set is empty."""
    top = successes / trials if trials else 0.5
    ends = []
    for outer in (0.0, 1.0):
        inside, outside = np.full_like(room, top), np.full_like(room, outer)
        for _ in range(52):
            middle = (inside + outside) / 2
            holds = log_martingale(successes, trials, middle) <= room
            inside, outside = np.where(holds, middle, inside), np.where(holds, outside, middle)
        with np.errstate(invalid="ignore", divide="ignore"):
            whole = log_martingale(successes, trials, np.full_like(room, outer)) <= room
        ends.append(np.where(whole, outer, inside))
    empty = log_martingale(successes, trials, np.array(top)) > room
    return [np.where(empty, np.nan, end) for end in ends]


def by_brute_force(counts, scale, alpha):
    """Both ends from all p of a grid, each with the extreme p_0 that the region leaves, in grids ever finer."""
    s, n, s0, n0 = counts
    low, high = permitted(s, n, np.array([-np.log(alpha) - log_martingale(s0, n0, s0 / n0 if n0 else 0.5)]))
    ends = []
    for sign in (1, -1):
        start, stop = low[0], high[0]
        for _ in range(5):
            p = np.linspace(start, stop, 201)
            with np.errstate(invalid="ignore", divide="ignore"):
                down, up = permitted(s0, n0, -np.log(alpha) - log_martingale(s, n, p))
                value = CONTRAST[scale](p, down if sign == 1 else up)
            value = np.where(np.isnan(value), -sign * np.inf, value)
            at = int((sign * value).argmax())
            start, stop = p[max(at - 2, 0)], p[min(at + 2, 200)]
        ends.append(value[at])
    return ends[1], ends[0]


@together("scale", SCALES)
@together("counts", CASES)
def test_ends_equal_a_projection_by_brute_force(counts, scale):
    found = bernoulli_contrast(*counts, alpha=0.1, scale=scale)
    lower, upper = by_brute_force(counts, scale, 0.1)
    assert found.lower == pytest.approx(lower, rel=1e-6, abs=1e-6)
    assert found.upper == pytest.approx(upper, rel=1e-6, abs=1e-6)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(*[st.integers(0, 400)] * 4), min_size=1, max_size=8),
    st.floats(1e-12, 0.9),
    st.sampled_from(SCALES),
)
def test_ends_enclose_the_estimate_shrink_with_alpha_and_change_sides_with_the_arms(rows, alpha, scale):
    s, f, s0, f0 = np.array(rows, dtype=float).T
    found = bernoulli_contrast(s, s + f, s0, s0 + f0, alpha, scale)
    assert not np.isnan(found.lower).any()
    assert not np.isnan(found.upper).any()
    known = ~np.isnan(found.estimate)
    assert (found.lower <= found.estimate)[known].all()
    assert (found.estimate <= found.upper)[known].all()
    wider = bernoulli_contrast(s, s + f, s0, s0 + f0, alpha / 2, scale)
    assert (wider.lower <= found.lower).all()
    assert (wider.upper >= found.upper).all()
    other = bernoulli_contrast(s0, s0 + f0, s, s + f, alpha, scale)
    mirrored = -other.lower if scale == "difference" else 1 / np.where(other.lower > 0, other.lower, np.nan)
    np.testing.assert_allclose(found.upper, np.where(np.isnan(mirrored), np.inf, mirrored), rtol=1e-9, atol=1e-9)


def test_an_arm_without_data_leaves_what_the_other_one_says():
    found = bernoulli_contrast([0, 0], [0, 0], [0, 5], [0, 10])
    np.testing.assert_allclose(found.lower, [-1, -permitted(5, 10, np.array([np.log(20)]))[1][0]], atol=1e-9)
    np.testing.assert_allclose(found.upper, [1, 1 - permitted(5, 10, np.array([np.log(20)]))[0][0]], atol=1e-9)
    assert np.isnan(found.estimate).all()
    ratio = bernoulli_contrast(0, 0, 0, 0, scale="ratio")
    assert (ratio.lower, ratio.upper) == (0, np.inf)


def test_huge_counts_keep_their_digits():
    # With n trials each and equal means, the interval is ±√(2R p(1−p)·2/n), R = log 1/α + log(πn/2)/… to first order.
    n = 10**12
    found = bernoulli_contrast(n // 4, n, n // 4, n)
    room = np.log(20) + 2 * (
        np.log(np.pi) + np.log(n * 3 / 16) / 2 + np.log(n / (n * 3 / 16)) / 2 - np.log(2 * np.pi) / 2
    )
    expected = np.sqrt(2 * room * 2 * 3 / 16 / n)
    assert found.upper == pytest.approx(expected, rel=1e-5)
    assert found.lower == pytest.approx(-expected, rel=1e-5)


def test_arrays_broadcast_and_equal_their_parts():
    rng = np.random.default_rng(4)
    trials = rng.integers(0, 60, (5, 3))
    successes = rng.binomial(trials, 0.3)
    control = rng.integers(1, 60, (5, 1))
    ones = rng.binomial(control, 0.5)
    found = bernoulli_contrast(successes, trials, ones, control, scale="ratio")
    assert found.lower.shape == (5, 3)
    for i, j in np.ndindex(5, 3):
        one = bernoulli_contrast(successes[i, j], trials[i, j], ones[i, 0], control[i, 0], scale="ratio")
        assert (one.lower, one.upper) == (found.lower[i, j], found.upper[i, j])
    frame = found.to_frame()
    assert list(frame) == [
        "successes", "trials", "control_successes", "control_trials", "estimate", "lower", "upper",
    ]  # fmt: skip
    assert frame["trials"].tolist() == trials.ravel().tolist()
    assert frame["control_trials"].tolist() == np.repeat(control, 3).tolist()


def test_contrasts_that_hold_together_share_the_error():
    together = bernoulli_contrast(40, 90, 20, 80, alpha=0.05, contrasts=5)
    alone = bernoulli_contrast(40, 90, 20, 80, alpha=0.01)
    assert together.lower == alone.lower
    frame = exact_contrasts(np.array([40, 10, 30]), np.array([60, 50, 70]), ["b", "a", "c"], alpha=0.1)
    assert frame["arm"].tolist() == ["a", "c"]
    assert set(frame["reference"]) == {"b"}
    expected = bernoulli_contrast([10, 30], [50, 70], 40, 60, alpha=0.05)
    np.testing.assert_array_equal(
        frame[["estimate", "lower", "upper"]].T, [expected.estimate, expected.lower, expected.upper]
    )
    assert frame[["n", "n_control"]].to_numpy().tolist() == [[50, 60], [70, 60]]


ROUNDS, REPLICATIONS, ALPHA = 250, 120, 0.2
MOST = int(binom.isf(1e-4, REPLICATIONS, ALPHA))  # a test fails by chance in at most 1 of 10,000 seeds


def missed(policy, truth, interval):
    """In how many experiments an interval leaves the difference out in any round, both arms tried."""
    ones, pulls = run(policy, truth, ROUNDS, REPLICATIONS, np.random.default_rng(11))
    lower, upper = interval(ones, pulls)
    difference = truth[1] - truth[0]
    return int((((lower > difference) | (upper < difference)) & (pulls.min(axis=2) > 0)).any(axis=0).sum())


def exact(ones, pulls):
    found = bernoulli_contrast(ones[..., 1], pulls[..., 1], ones[..., 0], pulls[..., 0], ALPHA)
    return found.lower, found.upper


def naive(ones, pulls):
    mean = ones / np.maximum(pulls, 1)
    difference = mean[..., 1] - mean[..., 0]
    radius = -ndtri(ALPHA / 2) * np.sqrt((mean * (1 - mean) / np.maximum(pulls, 1)).sum(axis=2))
    return difference - radius, difference + radius


@pytest.mark.parametrize("policy", POLICIES)
def test_whole_paths_miss_at_most_at_their_rate_under_any_policy(policy):
    # Every policy, one of two truths each; all of them at length in tests/benchmarks/bernoulli_contrast.py.
    truth = (0.3, 0.3) if list(POLICIES).index(policy) % 2 else (0.05, 0.12)
    assert missed(policy, truth, exact) <= MOST


def test_the_check_of_whole_paths_can_fail():
    assert missed("Thompson", (0.3, 0.3), naive) > MOST


def test_outcomes_are_counted_per_arm_at_the_end_or_after_every_round():
    outcomes, arms = [1, 0, 1, 1], [0, 1, 0, 1]
    ones, pulls = binary_counts(outcomes, arms, 3)
    assert (ones.tolist(), pulls.tolist()) == ([2, 1, 0], [2, 2, 0])
    ones, pulls = binary_counts(outcomes, arms, 3, running=True)
    assert ones.tolist() == [[1, 0, 0], [1, 0, 0], [2, 0, 0], [2, 1, 0]]
    assert pulls[-1].tolist() == [2, 2, 0]


@together(
    ("call", "words"),
    [
        (lambda: bernoulli_contrast(5, 4, 1, 2), "successes holds 5 where trials holds 4"),
        (lambda: bernoulli_contrast(1, 4, 3, 2), "control_successes holds 3 where control_trials holds 2"),
        (lambda: bernoulli_contrast(-1, 4, 1, 2), "successes holds -1"),
        (lambda: bernoulli_contrast(0.5, 4, 1, 2), "successes holds 0.5; expected counts"),
        (lambda: bernoulli_contrast(1, np.inf, 1, 2), "trials holds inf"),
        (lambda: bernoulli_contrast(np.nan, 3, 1, 2), "successes holds nan"),
        (lambda: bernoulli_contrast("many", 4, 1, 2), "successes holds values that are not numbers"),
        (lambda: bernoulli_contrast([1, 2], [3, 4, 5], 1, 2), "successes has the shape"),
        (lambda: bernoulli_contrast([1, 2], [3, 4], [1, 1, 1], 2), "control_successes and control_trials"),
        (lambda: bernoulli_contrast(1, 2, 1, 2, alpha=0), "alpha was 0"),
        (lambda: bernoulli_contrast(1, 2, 1, 2, scale="risk"), "scale was 'risk'; known: 'difference'"),
        (lambda: bernoulli_contrast(1, 2, 1, 2, contrasts=0), "contrasts was 0"),
        (lambda: binary_counts([1, 0.5], [0, 1], 2), "holds 0.5 in row 1; expected 0 or 1. .* use 'bounded'"),
    ],
)  # fmt: skip
def test_bad_counts_are_named(call, words):
    with pytest.raises(InvalidArgument, match=words):
        call()
