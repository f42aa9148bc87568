"""The exact sequence of one Bernoulli mean against a grid, and its error rate over all paths by dynamic programming."""

import numpy as np
import pytest
from scipy.special import betaln, xlogy
from scipy.stats import norm

from causalbandit.errors import InvalidArgument
from causalbandit.sequences.bernoulli_mean import bernoulli_mean
from causalbandit.sequences.streams import mean_sequence


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
