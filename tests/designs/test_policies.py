"""Policies: win probabilities against closed forms and simulation, batches, state."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

import causalbandit as cb
from causalbandit.designs.policies import PolicyFloor


def test_one_draw_is_one_hot_and_a_replicated_policy_is_many_single_ones() -> None:
    policy = cb.BetaBernoulliThompson(3, rng=0)
    assert sorted(policy.probabilities().tolist()) == [0.0, 0.0, 1.0]
    for single in (cb.UCB(3), cb.EpsilonGreedy(3, epsilon=0.2, goal="min"), cb.FixedPolicy([0.2, 0.3, 0.5])):
        batch = single.replicate(2, rng=0)
        twin = [single.replicate(1, rng=0), single.replicate(1, rng=1)]
        rng = np.random.default_rng(2)
        for _ in range(40):
            probabilities = batch.probabilities()
            for row in range(2):
                np.testing.assert_array_equal(probabilities[row], twin[row].probabilities()[0])
            arms, outcomes = rng.integers(3, size=2), rng.random(2)
            batch.update(arms, outcomes)
            for row in range(2):
                twin[row].update(arms[row : row + 1], outcomes[row : row + 1])
    exact = cb.GaussianThompson(2, draws="exact").replicate(3)
    np.testing.assert_allclose(exact.probabilities(), 0.5)


def test_ucb_tries_every_arm_and_then_the_largest_bound() -> None:
    policy = cb.UCB(3)
    for arm, outcome in ((0, 0.2), (1, 0.9), (2, 0.1)):
        assert policy.probabilities().tolist() == np.eye(3)[arm].tolist()
        policy.update(arm, outcome)
    assert policy.probabilities().argmax() == 1
    policy.update(1, 0.9)
    bounds = [0.2 + math.sqrt(2 * math.log(4)), 0.9 + math.sqrt(math.log(4)), 0.1 + math.sqrt(2 * math.log(4))]
    assert policy.probabilities().argmax() == int(np.argmax(bounds))


def test_amending_replaces_an_outcome() -> None:
    policy = cb.BetaBernoulliThompson(2, rng=0)
    policy.update(1, 1.0)
    policy.amend(1, 1.0, 0.0)
    assert policy.totals.tolist() == [0.0, 0.0]
    assert policy.counts.tolist() == [0.0, 1.0]
    unable = PolicyFloor(SimpleNamespace(probabilities=lambda: [0.5, 0.5], update=lambda arm, outcome: None), 0.1)
    with pytest.raises(ValueError, match=r"SimpleNamespace, which has no amend\(\): it cannot take back"):
        unable.amend(1, 1.0, 0.0)


def test_wrong_settings_and_outcomes_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"outcomes in \[0, 1\]"):
        cb.BetaBernoulliThompson(2).update(0, 3.5)
    with pytest.raises(ValueError, match="n_arms was 0"):
        cb.UCB(0)
    with pytest.raises(ValueError, match="goal was 'maximum'"):
        cb.UCB(2, goal="maximum")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="draws was 0"):
        cb.BetaBernoulliThompson(2, draws=0)
    with pytest.raises(ValueError, match="prior was"):
        cb.BetaBernoulliThompson(2, prior=(0.0, 1.0))
    with pytest.raises(ValueError, match="noise_sd was"):
        cb.GaussianThompson(2, noise_sd=0.0)
    with pytest.raises(ValueError, match="sum to 1"):
        cb.FixedPolicy([0.5, 0.6])
    with pytest.raises(ValueError, match="policy with 2 arms"):
        cb.UCB(3).restore(cb.UCB(2).state())


def test_floor_raises_a_policy_by_a_share_or_by_a_function_of_the_round() -> None:
    floored = PolicyFloor(cb.FixedPolicy([1.0, 0.0]), lambda t: 1.0 / t)
    np.testing.assert_allclose(floored.probabilities(), [0.5, 0.5])
    np.testing.assert_allclose(floored.probabilities(), [0.75, 0.25])
    with pytest.raises(ValueError, match="epsilon was 2"):
        PolicyFloor(cb.UCB(2), 2)
    with pytest.raises(TypeError, match=r"probabilities\(\) and update\("):
        PolicyFloor(object(), 0.1)
