"""Policies as JSON values and back."""

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from cases import together

import causalbandit as cb
from causalbandit.designs.policy_saving import policy_from_dict, policy_to_dict


@together(
    "policy",
    [
        cb.BetaBernoulliThompson(3, prior=(0.5, 2.0), draws=3, goal="min", rng=1),
        cb.GaussianThompson(3, prior_mean=1.0, noise_sd=0.5, rng=1),
        cb.UCB(3, exploration=0.5),
        cb.EpsilonGreedy(3, epsilon=0.2),
        cb.FixedPolicy([0.2, 0.3, 0.5]),
        cb.PolicyFloor(cb.UCB(3), 0.1),
        cb.PolicyFloor(cb.PolicyFloor(cb.EpsilonGreedy(3), 0.3), 0.1),
    ],
)
def test_a_saved_policy_is_made_again_with_settings_and_state(policy: Any) -> None:
    for arm, outcome in ((0, 1.0), (2, 0.0), (1, 1.0), (2, 1.0)):
        policy.probabilities()
        policy.update(arm, outcome)
    twin = policy_from_dict(json.loads(json.dumps(policy_to_dict(policy))))
    assert policy_to_dict(twin) == policy_to_dict(policy)
    for _ in range(3):
        np.testing.assert_array_equal(twin.probabilities(), policy.probabilities())


def test_what_cannot_be_made_again_is_asked_for() -> None:
    floored = cb.PolicyFloor(cb.UCB(2), lambda t: 1.0 / t)
    with pytest.raises(ValueError, match="pass policy="):
        policy_from_dict(policy_to_dict(floored))
    assert policy_from_dict(policy_to_dict(floored), floored) is floored
    with pytest.raises(TypeError, match=r"SimpleNamespace, which has no state\(\) and restore\(\): it cannot be saved"):
        policy_to_dict(SimpleNamespace())
    with pytest.raises(ValueError, match="policy was 'Greedy'"):
        policy_from_dict({"kind": "Greedy", "settings": {}, "state": {}})
    with pytest.raises(ValueError, match="the saved design uses a UCB"):
        policy_from_dict(policy_to_dict(cb.UCB(2)), cb.EpsilonGreedy(2))
