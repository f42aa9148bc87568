"""Sequences of the arms of a log: each arm's own stream of outcomes, valid under adaptive choice."""

import numpy as np

from causalbandit.inference.arm_sequences import arm_sequences
from causalbandit.inference.log import AdaptiveLog
from causalbandit.sequences.streams import mean_sequence


def test_sequences_of_arms_hold_under_adaptive_choice_and_naive_ones_do_not():
    """Greedy choice, 5 % exploration, 100 experiments, whole paths at α = 0.1: a false alarm in 10^4 seeds at 0.23."""
    rng = np.random.default_rng(4)
    n_rounds, missed = 150, {"bernoulli": 0, "naive": 0}
    for _ in range(100):
        ones, pulls = np.ones(2), np.full(2, 2.0)
        arms, outcomes, propensities = np.empty(n_rounds, int), np.empty(n_rounds), np.empty((n_rounds, 2))
        for t in range(n_rounds):
            best = int(ones[1] / pulls[1] > ones[0] / pulls[0])
            propensities[t] = 0.05
            propensities[t, best] = 0.95
            arms[t] = best if rng.random() < 0.95 else 1 - best
            outcomes[t] = rng.random() < 0.5
            ones[arms[t]] += outcomes[t]
            pulls[arms[t]] += 1
        log = AdaptiveLog(arms, outcomes, propensities)
        for method in missed:
            path = arm_sequences(log, method, 0.1, bounds=(0.0, 1.0))
            rows = path[path["arm"] == 0]
            missed[method] += bool(((rows["lower"] > 0.5) | (rows["upper"] < 0.5)).any())
    assert missed["bernoulli"] / 100 < 0.23
    assert missed["naive"] / 100 > 0.25


def test_arm_sequences_are_those_of_each_arms_own_outcomes():
    rng = np.random.default_rng(0)
    arms, outcomes = rng.integers(0, 2, 60), rng.random(60)
    log = AdaptiveLog(arms, outcomes, np.full((60, 2), 0.5), arm_names=("a", "b"))
    path = arm_sequences(log, "gamma-exponential", bounds=(0, 1))
    alone = mean_sequence(outcomes[arms == 1], "gamma-exponential", bounds=(0, 1))
    rows = path[path["arm"] == "b"]
    np.testing.assert_allclose(rows[["estimate", "lower", "upper"]], alone[["estimate", "lower", "upper"]])
    np.testing.assert_array_equal(rows["pulls"], alone["round"])
