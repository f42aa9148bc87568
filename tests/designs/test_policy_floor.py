"""The floor under a policy."""

import numpy as np
import pytest

import causalbandit as cb
from causalbandit.designs.policy_floor import PolicyFloor


def test_floor_raises_a_policy_by_a_share_or_by_a_function_of_the_round() -> None:
    floored = PolicyFloor(cb.FixedPolicy([1.0, 0.0]), lambda t: 1.0 / t)
    np.testing.assert_allclose(floored.probabilities(), [0.5, 0.5])
    np.testing.assert_allclose(floored.probabilities(), [0.75, 0.25])
    with pytest.raises(ValueError, match="epsilon was 2"):
        PolicyFloor(cb.UCB(2), 2)
    with pytest.raises(TypeError, match=r"probabilities\(\) and update\("):
        PolicyFloor(object(), 0.1)
