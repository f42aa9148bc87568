"""Simulated experiments, and a small seeded part of the coverage study in tests/benchmarks/aipw_coverage.py."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from causalbandit.bandit_simulation import SIGNALS, compare_estimators, floored, simulate_bandits

FLOORS = json.loads((Path(__file__).parent / "data" / "aipw_reference.json").read_text())["apply_floor"]


@pytest.fixture(scope="module")
def comparison():
    """240 experiments of 400 rounds in each of two settings."""
    settings = {name: SIGNALS[name] for name in ("no signal", "high signal")}
    return compare_estimators(settings, [200, 400], 240, rng=11, progress=False).set_index(
        ["setting", "rounds", "estimator", "target"]
    )


def test_floors_equal_the_reference():
    for case in FLOORS:
        np.testing.assert_allclose(floored(case["a"], case["amin"]), case["out"], rtol=1e-12)
    with pytest.raises(ValueError, match="between 0 and 1/2"):
        floored([0.5, 0.5], 0.6)


def test_simulated_propensities_keep_the_floor_and_arms_follow_them():
    """The share of each arm against its propensities, 5 standard errors: a false alarm in 1 of 10^6 seeds."""
    records = simulate_bandits((1.0, 1.5, 2.0), 300, 100, rng=0)
    floor = np.arange(1, 301) ** -0.7 / 3
    assert (records.propensities >= floor[None, :, None] - 1e-12).all()
    np.testing.assert_allclose(records.propensities.sum(axis=2), 1.0)
    for arm in range(3):
        chance = records.propensities[:, 15:, arm]
        gap = (records.arms[:, 15:] == arm).sum() - chance.sum()
        assert abs(gap) < 5 * np.sqrt((chance * (1 - chance)).sum())
    np.testing.assert_array_equal(np.sort(records.arms[:, :15], axis=1), np.repeat([0, 1, 2], 5)[None].repeat(100, 0))


def test_weighted_intervals_cover_and_naive_ones_do_not(comparison):
    """The full rates are in tests/benchmarks/results/aipw_coverage.md.

    With 240 replications of a true rate of 0.875 (0.845 for the bad arm), a rate below the limit is a false alarm
    in about 1 of 3,000 seeds for each line; the naive canary has a true rate of about 0.8.
    """
    coverage = comparison["coverage"]
    for arm in range(3):
        assert coverage["no signal", 400, "aipw two-point", f"arm {arm}"] > 0.80
    assert coverage["high signal", 400, "aipw two-point", "arm 2"] > 0.85
    assert coverage["high signal", 400, "aipw two-point", "arm 0"] > 0.76
    naive = np.mean([coverage["no signal", 400, "sample mean", f"arm {arm}"] for arm in range(3)])
    assert naive < 0.87


def test_adaptive_weights_lower_the_error_of_a_dropped_arm(comparison):
    rmse = comparison["rmse"]
    assert (
        rmse["high signal", 400, "aipw two-point", "arm 0"] < 0.95 * rmse["high signal", 400, "aipw uniform", "arm 0"]
    )


def test_time_uniform_sequences_leave_the_truth_out_at_most_as_often_as_they_say(comparison):
    assert comparison["path_miss"].max() <= 0.1


def test_the_sample_mean_of_a_dropped_arm_is_biased_and_scores_are_less_so(comparison):
    bias = comparison["bias"].abs()
    naive = [bias["no signal", 400, "sample mean", f"arm {arm}"] for arm in range(3)]
    scores = [bias["no signal", 400, "aipw uniform", f"arm {arm}"] for arm in range(3)]
    assert np.mean(scores) < 0.5 * np.mean(naive)


def test_the_same_seed_gives_the_same_table_whatever_the_number_of_workers():
    """More replications than one batch, so that the work is split."""
    settings = {"two": (0.0, 0.5)}
    one = compare_estimators(settings, 20, 300, rng=5, progress=False)
    two = compare_estimators(settings, 20, 300, rng=5, progress=False, n_jobs=2)
    pd.testing.assert_frame_equal(one, two)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="at least two arms"):
        simulate_bandits([1.0], 100, 5)
    with pytest.raises(ValueError, match=r"at least initial·K = 10"):
        simulate_bandits([1.0, 2.0], 5, 5)
    with pytest.raises(ValueError, match="two replications"):
        compare_estimators(SIGNALS, 100, 1)
