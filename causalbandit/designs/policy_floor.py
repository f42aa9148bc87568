"""A floor under any policy, so that no arm's probability falls too low.

>>> from causalbandit.designs.policies import FixedPolicy
>>> PolicyFloor(FixedPolicy([1.0, 0.0]), 0.2).probabilities().tolist()      # ε/K = 0.1 for each arm at least
[0.9, 0.1]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from causalbandit.allocation import floor_allocation
from causalbandit.arrays import Floats
from causalbandit.checks import methods
from causalbandit.designs.policies import CANNOT_AMEND, check_policy
from causalbandit.randomness import RNG


class PolicyFloor:
    """Any policy with a floor: no arm's probability falls below ε/K (iterative floor of `floor_allocation`).

    Parameters
    ----------
    policy
        The policy underneath.
    epsilon
        Share in [0, 1], or a function of the round (1, 2, …) that gives it: ``lambda t: t**-0.7`` keeps every arm at
        (1/K)t^{-0.7} or more. The round counts calls of `probabilities`.
    """

    def __init__(self, policy: Any, epsilon: float | Callable[[int], float]) -> None:
        check_policy(policy)
        if not callable(epsilon):
            floor_allocation([1.0], epsilon)
        self.policy = policy
        self.epsilon = epsilon
        self.round = 0
        if hasattr(policy, "n_arms"):
            self.n_arms = policy.n_arms

    def seed(self, rng: RNG) -> None:
        """Seed the policy underneath unless it has a generator."""
        if hasattr(self.policy, "seed"):
            self.policy.seed(rng)

    def probabilities(self) -> Floats:
        """The policy's probabilities raised to the floor, [K] or [R, K]."""
        self.round += 1
        raw = self.policy.probabilities()
        if isinstance(raw, Mapping):
            raw = [raw[arm] for arm in sorted(raw)]
        return floor_allocation(raw, self.epsilon(self.round) if callable(self.epsilon) else self.epsilon)

    def update(self, arm: Any, outcome: Any) -> None:
        """Pass the outcome on."""
        self.policy.update(arm, outcome)

    def amend(self, arm: int, old: float, new: float) -> None:
        """Pass the correction on."""
        methods(self.policy, "policy", ("amend",), CANNOT_AMEND)
        self.policy.amend(arm, old, new)

    def replicate(self, replications: int, rng: RNG = None) -> PolicyFloor:
        """The same floor over R fresh copies of the policy."""
        return PolicyFloor(self.policy.replicate(replications, rng), self.epsilon)

    def settings(self) -> dict[str, Any]:
        """The arguments that make this policy again."""
        return {"policy": self.policy, "epsilon": self.epsilon}

    def state(self) -> dict[str, Any]:
        """The policy's state and the round."""
        return {"policy": self.policy.state(), "round": self.round}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Put back what `state` gave."""
        self.policy.restore(state["policy"])
        self.round = int(state["round"])
