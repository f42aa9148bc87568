"""Confidence sequences: the reference package, coverage of whole paths, and a naive interval that must fail it."""

import json
from pathlib import Path

import numpy as np
import pytest
from cases import together
from scipy.special import betaln, xlogy
from scipy.stats import norm

from causalbandit.errors import InvalidArgument
from causalbandit.sequences import streams as sequences
from causalbandit.sequences.boundaries import gamma_exponential_mixture, polynomial_stitching
from causalbandit.sequences.streams import bernoulli_interval, bernoulli_mean, mean_sequence

CASES = json.loads((Path(__file__).parents[1] / "data" / "boundaries_reference.json").read_text())["cases"]
EXACT = ["normal-mixture", "bernoulli", "gamma-exponential", "stitching"]


def test_bernoulli_intervals_equal_the_reference():
    for case in CASES["bernoulli_confidence_interval"]:
        ends = bernoulli_interval(
            case["num_successes"], case["num_trials"], case["alpha"], case["t_opt"], alpha_opt=case["alpha_opt"]
        )
        for place in (0, 1):
            if case["ends"][place] != "no_root":
                assert ends[place] == pytest.approx(case["value"][place], abs=1e-9), case


def test_bernoulli_paths_equal_their_points_and_contain_the_mean():
    ones = np.array([[0.0, 1.0, 5.0], [10.0, 400.0, 0.0]])
    trials = np.array([[1.0, 1.0, 10.0], [10.0, 1000.0, 0.0]])
    lower, upper = bernoulli_interval(ones, trials, 0.05)
    for at in np.ndindex(2, 3):
        np.testing.assert_allclose(bernoulli_interval(ones[at], trials[at], 0.05), (lower[at], upper[at]), rtol=1e-6)
    assert (lower[1, 2], upper[1, 2]) == (0.0, 1.0)
    assert (lower <= ones / np.maximum(trials, 1)).all()
    mirrored = bernoulli_interval(trials - ones, trials, 0.05)
    np.testing.assert_allclose(mirrored[0], 1.0 - upper, atol=1e-12)


def miss_rate(method, draws, mean, **tuning):
    """The share of paths that leave the mean out at some round."""
    missed = 0
    for outcomes in draws:
        path = mean_sequence(outcomes, method, 0.1, **tuning)
        missed += bool(((path["lower"] > mean) | (path["upper"] < mean)).any())
    return missed / len(draws)


@pytest.mark.parametrize("method", EXACT)
def test_exact_sequences_miss_a_whole_path_at_most_as_often_as_they_say(method):
    """100 paths at α = 0.1: a sequence that misses exactly as often as allowed passes 0.23 once in 10^4 seeds."""
    draws = (np.random.default_rng(1).random((100, 150)) < 0.3).astype(float)
    assert miss_rate(method, draws, 0.3, bounds=(0.0, 1.0)) < 0.23


def test_a_naive_interval_fails_the_same_test():
    draws = (np.random.default_rng(1).random((100, 150)) < 0.3).astype(float)
    assert miss_rate("naive", draws, 0.3) > 0.3


def test_the_asymptotic_sequence_covers_once_there_are_some_outcomes():
    """Misses after round 30 only; the bound has the same false-alarm rate as above."""
    draws = np.random.default_rng(2).exponential(size=(100, 150))
    paths = [mean_sequence(outcomes, "asymptotic", 0.1).iloc[30:] for outcomes in draws]
    assert np.mean([((path["lower"] > 1) | (path["upper"] < 1)).any() for path in paths]) < 0.23


def test_the_empirical_variance_is_about_means_of_the_past_and_starts_at_the_middle():
    outcomes = np.array([0.9, 0.2, 0.6])
    predicted = [0.5, 0.9, 0.55]  # the bounds' middle, then the means of what came before
    times = np.cumsum((outcomes - predicted) ** 2)
    radius = gamma_exponential_mixture(times, 0.05, 400.0 / 12.0, 1.0) / [1, 2, 3]
    path = mean_sequence(outcomes, "gamma-exponential", 0.1, bounds=(0.0, 1.0), t_opt=400.0)
    np.testing.assert_allclose(path["upper"], np.minimum(1.0, path["estimate"] + radius))
    free = sequences._gamma_exponential_ends(outcomes, sequences.SequenceTuning(0.1, (0.0, 1.0), None, 400.0))
    np.testing.assert_allclose(free[1] - path["estimate"], radius)


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_two_sided_sequences_from_one_sided_boundaries_spend_half_on_each_side(alpha):
    outcomes = np.random.default_rng(0).uniform(0, 4, 3000)
    rounds = np.arange(1, 3001)
    means = np.concatenate(([2.0], np.cumsum(outcomes)[:-1] / rounds[:-1]))
    times = np.cumsum((outcomes - means) ** 2)
    for method, radius in (
        ("stitching", polynomial_stitching(times, alpha / 2, 100 * 16 / 120, c=4.0)),
        ("gamma-exponential", gamma_exponential_mixture(times, alpha / 2, 100 * 16 / 12, 4.0)),
    ):
        table = mean_sequence(outcomes, method, alpha, bounds=(0, 4), t_opt=100)
        inside = (table["lower"] > 0) & (table["upper"] < 4)
        assert inside.sum() > 1000
        np.testing.assert_allclose(
            ((table["upper"] - table["lower"]) / 2)[inside], (radius / rounds)[inside], rtol=1e-9
        )


def test_intersections_never_grow_and_stay_within():
    outcomes = np.random.default_rng(3).random(300)
    plain = mean_sequence(outcomes, "normal-mixture", bounds=(0, 1))
    running = mean_sequence(outcomes, "normal-mixture", bounds=(0, 1), intersect=True)
    assert (np.diff(running["lower"]) >= 0).all()
    assert (running["upper"] <= plain["upper"]).all()


def test_equal_outcomes_give_no_finite_interval_without_bounds():
    for method in ("asymptotic", "naive"):
        assert np.isinf(mean_sequence(np.ones(20), method)["upper"]).all()


@together(
    ("keywords", "words"),
    [
        ({"method": "bernouli"}, "Did you mean 'bernoulli'"),
        ({"method": "bernoulli"}, "bounds is missing"),
        ({"method": "normal-mixture"}, "bounds is missing"),
        ({"method": "bernoulli", "bounds": (0, 0.5)}, r"bounds was \(0, 0.5\), but the outcome in row 1 is 0.9"),
        ({"method": "bernoulli", "bounds": (1, 0)}, "a < b"),
        ({"method": "naive", "alpha": 0}, "alpha was 0"),
        ({"method": "naive", "t_opt": -1}, "t_opt was -1"),
        ({"method": "normal-mixture", "scale": -1.0}, "scale was -1;"),
    ],
)
def test_bad_arguments_are_named(keywords, words):
    with pytest.raises(ValueError, match=words):
        mean_sequence([0.2, 0.9], **keywords)


# -- the exact sequence of one Bernoulli mean --------------------------------------------------------------------------


@pytest.mark.parametrize(("ones", "trials"), [(0, 7), (7, 7), (3, 10), (1, 400), (250, 400)])
@pytest.mark.parametrize("alpha", [0.3, 0.01])
def test_ends_are_those_of_the_region_on_a_grid(ones, trials, alpha):
    grid = np.linspace(0, 1, 200_001)
    log_m = betaln(ones + 0.5, trials - ones + 0.5) - np.log(np.pi) - xlogy(ones, grid) - xlogy(trials - ones, 1 - grid)
    inside = grid[log_m <= -np.log(alpha)]
    lower, upper = bernoulli_mean(ones, trials, alpha)
    assert inside[0] == pytest.approx(lower, abs=1e-5)
    assert inside[-1] == pytest.approx(upper, abs=1e-5)


ROUNDS = 200
TRIALS = np.arange(1, ROUNDS + 1)[:, None]
ONES = np.minimum(np.arange(ROUNDS + 1), TRIALS)
"""Counts s = 0 … t after every round t, the last one repeated."""


def ever_missed(ends, p):
    """P(any interval of the first ROUNDS leaves out p), over all paths; ``ends`` of the counts above."""
    out = (p < ends[0]) | (p > ends[1])
    alive, missed = np.array([1.0]), 0.0
    for t in range(ROUNDS):
        alive = np.append(alive * (1 - p), 0.0) + np.append(0.0, alive * p)
        missed += alive[out[t, : t + 2]].sum()
        alive[out[t, : t + 2]] = 0.0
    return missed


def test_over_all_looks_it_errs_at_most_as_often_as_it_says_where_an_interval_for_one_look_does_not():
    ends = bernoulli_mean(ONES, TRIALS, 0.1)
    spread = norm.ppf(0.95) * np.sqrt((ONES + 0.5) * (TRIALS - ONES + 0.5) / (TRIALS + 1) ** 2 / TRIALS)
    for p in (0.03, 0.3, 0.5, 0.9):
        assert ever_missed(ends, p) <= 0.1
        assert ever_missed((ONES / TRIALS - spread, ONES / TRIALS + spread), p) > 0.2


def test_no_outcomes_leave_everything_possible_and_shapes_are_kept():
    lower, upper = bernoulli_mean([[0, 0], [2, 3]], [[0], [4]], 0.05)
    assert lower.shape == upper.shape == (2, 2)
    assert (lower[0, 0], upper[0, 0]) == (0.0, 1.0)


def test_a_stream_by_this_method_is_for_outcomes_0_or_1():
    frame = mean_sequence([1, 0, 1, 1], "exact", 0.1)
    assert frame["lower"].iloc[-1] == float(bernoulli_mean(3, 4, 0.1)[0])
    with pytest.raises(InvalidArgument, match=r"holds 0\.5 in row 1; expected 0 or 1. .* use 'bernoulli'"):
        mean_sequence([1, 0.5], "exact")
