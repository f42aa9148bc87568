"""Simulated experiments, and a small seeded part of the coverage study in tests/benchmarks/aipw_coverage.py."""

import numpy as np
import pytest

from causalbandit.bandit_simulation import SIGNALS, compare_estimators, simulate_bandits


@pytest.fixture(scope="module")
def comparison():
    """160 experiments of 400 rounds in each of two settings."""
    settings = {name: SIGNALS[name] for name in ("no signal", "high signal")}
    return compare_estimators(settings, 400, 160, rng=11, progress=False).set_index(
        ["setting", "rounds", "estimator", "target"]
    )


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

    With 160 replications of a true rate of 0.875 (0.845 for the bad arm), a rate below the limit is a false alarm
    in about 1 of 400 seeds for each line; the naive canary has a true rate of about 0.8.
    """
    coverage = comparison["coverage"]
    for arm in range(3):
        assert coverage["no signal", 400, "aipw two-point", f"arm {arm}"] > 0.80
    assert coverage["high signal", 400, "aipw two-point", "arm 2"] > 0.85
    assert coverage["high signal", 400, "aipw two-point", "arm 0"] > 0.76
    naive = np.mean([coverage["no signal", 400, "sample mean", f"arm {arm}"] for arm in range(3)])
    assert naive < 0.87
    for arm in (1, 2):  # contrasts of naive intervals have a true rate of about 0.79
        assert coverage["no signal", 400, "sample mean", f"arm {arm} − arm 0"] < 0.87


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


@pytest.mark.parametrize("rule", ["greedy", "ucb", "uniform"])
def test_other_rules_keep_the_floor_and_prefer_the_best_arm(rule):
    records = simulate_bandits([0.1, 0.5, 0.3, 0.2], 400, 50, rng=3, noise="bernoulli", rule=rule)
    floor = np.arange(1, 401) ** -0.7 / 4
    assert (records.propensities >= floor[None, :, None] - 1e-12).all()
    assert set(np.unique(records.outcomes)) == {0.0, 1.0}
    taken = np.bincount(records.arms[:, 20:].ravel(), minlength=4) / (50 * 380)
    if rule == "uniform":
        np.testing.assert_allclose(taken, 0.25, atol=0.02)
    else:
        assert taken[1] > 0.4


def test_comparators_are_in_the_table_with_their_contrasts():
    """Four arms, skewed outcomes, a rule other than the paper's; naive and decorrelated contrasts, a union bound."""
    table = compare_estimators(
        {"four": (0.0, 0.0, 0.0, 0.5)},
        150,
        40,
        rng=2,
        noise="exponential",
        rule="greedy",
        sequences=["asymptotic"],
        progress=False,
    ).set_index(["estimator", "target"])
    for estimator in ("sample mean", "w-decorrelation", "aipw two-point", "sequence asymptotic"):
        assert {f"arm {arm}" for arm in range(4)} <= set(table.loc[estimator].index)
        assert table.loc[(estimator, "arm 3 − arm 0"), "truth"] == 0.5
    assert "arm 0" not in table.loc["aipw two-point, union bound"].index
    joint, union = (
        table.loc[(name, "arm 3 − arm 0"), "width"] for name in ("aipw two-point", "aipw two-point, union bound")
    )
    assert union > joint


def test_sequences_that_need_bounds_refuse_laws_without_any():
    with pytest.raises(ValueError, match="bounds is missing"):
        compare_estimators(SIGNALS, 20, 2, noise="lognormal", progress=False)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="at least two arms"):
        simulate_bandits([1.0], 100, 5)
    with pytest.raises(ValueError, match=r"n_rounds was 5; expected a whole number of at least 10"):
        simulate_bandits([1.0, 2.0], 5, 5)
    with pytest.raises(ValueError, match=r"noise was 'log-normal'.*Did you mean 'lognormal'"):
        simulate_bandits([1.0, 2.0], 100, 5, noise="log-normal")
    with pytest.raises(ValueError, match="rule was 'ts'; known: 'thompson'"):
        compare_estimators(SIGNALS, 100, 2, rule="ts")
    with pytest.raises(ValueError, match="replications was 1; expected a whole number of at least 2"):
        compare_estimators(SIGNALS, 100, 1)


def cell_of_warnings(noise, n_arms, seed):
    """The rows of two-point weights in a cell of tests/benchmarks/aipw_warnings.py, with equal arms and 500 rounds."""
    means = np.full(n_arms, 0.05 if noise == "bernoulli" else 1.0)
    table = compare_estimators({"cell": means}, 500, 60, rng=seed, noise=noise, sequences=(), progress=False)
    return table[table["estimator"] == "aipw two-point"]


def test_results_without_a_warning_cover_and_few_are_warned_of_where_outcomes_are_even():
    """A small part of tests/benchmarks/aipw_warnings.py: 60 experiments, 5 targets, pooled.

    Targets of one experiment go together, so that a pooled coverage has a standard deviation of up to 0.025: one of
    0.87, the least that is promised, falls below 0.79 in about 1 of 1,000 seeds.
    """
    even = cell_of_warnings("normal", 3, 21)
    assert even["warned"].mean() < 0.5
    quiet = 1.0 - even["warned"]
    assert (even["coverage_unwarned"] * quiet).sum() / quiet.sum() > 0.79


def test_most_results_are_warned_of_where_outcomes_are_skewed_and_these_cover_too_little():
    """About 0.72 are warned of and 0.76 cover, ± 0.03 from seed to seed: a false alarm in fewer than 1 of 100,000."""
    skewed = cell_of_warnings("lognormal", 3, 21)
    assert skewed["warned"].mean() > 0.5
    assert skewed["coverage"].mean() < 0.87  # the canary: without the warnings, less than is promised
