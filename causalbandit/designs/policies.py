"""Bandit policies: what a Mixture Adaptive Design mixes with uniform assignment.

A policy is any object with ``probabilities()`` (K numbers that sum to 1, or a mapping from arm index to them) and
``update(arm, outcome)``; arms are indices 0..K−1. The classes here also have ``replicate(R, rng)``, a fresh policy
whose state carries a leading axis of R replications (so that thousands of experiments run as one batch), ``amend`` (a
corrected outcome), and ``state`` / ``restore`` (JSON values, for saving a running experiment). Every method costs O(K)
per round and replication.

>>> policy = EpsilonGreedy(2, epsilon=0.2)
>>> for arm, outcome in ((0, 0.0), (1, 1.0)):
...     policy.update(arm, outcome)
>>> policy.probabilities().round(3).tolist()
[0.1, 0.9]
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np

from causalbandit import checks
from causalbandit.allocation import floor_allocation
from causalbandit.arrays import Floats, Integers, cells
from causalbandit.errors import InvalidArgument
from causalbandit.randomness import RNG, generator, generator_from_state


class ArmStatistics:
    """Base of the policies here: per-arm counts and outcome totals, of one experiment [K] or of R at once [R, K].

    Parameters
    ----------
    n_arms
        K, at least 1.
    goal
        "max" if large outcomes are good, "min" if small ones are.
    rng
        Seed or generator for posterior draws. A policy made without one is seeded by the design that it is given to.
    """

    setting_names: tuple[str, ...] = ("n_arms", "goal")

    def __init__(self, n_arms: int, *, goal: Literal["max", "min"] = "max", rng: RNG = None) -> None:
        self.n_arms = checks.whole_number(n_arms, "n_arms", least=1, of="arms")
        self.goal = checks.one_of(goal, "goal", ("max", "min"))
        self.counts: Floats = np.zeros(self.n_arms)
        self.totals: Floats = np.zeros(self.n_arms)
        self._sign = 1.0 if goal == "max" else -1.0
        self._rows: Integers | None = None
        self._rng = None if rng is None else generator(rng)

    @property
    def rng(self) -> np.random.Generator:
        """The policy's generator, made from fresh entropy if it has none yet."""
        if self._rng is None:
            self._rng = generator(None)
        return self._rng

    def seed(self, rng: RNG) -> None:
        """Give the policy a generator unless it was made with one."""
        if self._rng is None:
            self._rng = generator(rng)

    def probabilities(self) -> Floats:
        """Assignment probabilities for the next round, [K] or [R, K]."""
        raise NotImplementedError

    def update(self, arm: Any, outcome: Any) -> None:
        """Learn ``outcome`` of ``arm``: two numbers, or two arrays [R] in a replicated policy."""
        self._check(outcome)
        place, counts, totals = arm, self.counts, self.totals
        if self._rows is not None:
            place, counts, totals = cells(arm, self.n_arms), counts.ravel(), totals.ravel()
        counts[place] += 1.0
        totals[place] += outcome

    def amend(self, arm: int, old: float, new: float) -> None:
        """Replace an outcome that was learned before by its correction."""
        self._check(new)
        self.totals[arm] += new - old

    def replicate(self, replications: int, rng: RNG = None) -> Self:
        """A policy with the same settings and empty state for R independent experiments at once."""
        twin = copy.copy(self)
        twin.counts = np.zeros((replications, self.n_arms))
        twin.totals = np.zeros((replications, self.n_arms))
        twin._rows = np.arange(replications)
        twin._rng = generator(rng)
        return twin

    def settings(self) -> dict[str, Any]:
        """The arguments that make this policy again, as JSON values."""
        return {name: getattr(self, name) for name in self.setting_names}

    def state(self) -> dict[str, Any]:
        """Everything the policy has learned, and its generator's state, as JSON values."""
        rng_state = None if self._rng is None else self._rng.bit_generator.state
        return {"counts": self.counts.tolist(), "totals": self.totals.tolist(), "rng": rng_state}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Put back what `state` gave, into a policy made with the same settings."""
        counts, totals = np.array(state["counts"], dtype=np.float64), np.array(state["totals"], dtype=np.float64)
        if counts.shape != self.counts.shape or totals.shape != self.totals.shape:
            given = f"was saved by a policy with {counts.size} arms"
            raise InvalidArgument("state", f"{given}; this {type(self).__name__} has {self.n_arms}.")
        self.counts, self.totals = counts, totals
        if state["rng"] is not None:
            self._rng = generator_from_state(state["rng"])

    def _check(self, outcome: Any) -> None:
        """Raise InvalidArgument for an outcome that the policy cannot learn from."""

    def _one_hot(self, scores: Floats) -> Floats:
        """Probability 1 on the best score (highest once signed), ties to the lowest index."""
        chosen = np.zeros(scores.shape)
        if scores.ndim == 1:
            chosen[scores.argmax()] = 1.0
        else:
            chosen[self._rows, scores.argmax(axis=-1)] = 1.0
        return chosen


class UCB(ArmStatistics):
    """The deterministic UCB1 rule: the arm with the largest mean + c·√(2 log t / n), once every arm was tried.

    Source: Auer, Cesa-Bianchi & Fischer (2002), for outcomes in [0, 1] (``exploration`` c rescales for other units).
    ``goal="min"`` takes the smallest mean − c·√(2 log t / n). Ties go to the lowest index.
    """

    setting_names = ("n_arms", "goal", "exploration")

    def __init__(
        self, n_arms: int, *, exploration: float = 1.0, goal: Literal["max", "min"] = "max", rng: RNG = None
    ) -> None:
        super().__init__(n_arms, goal=goal, rng=rng)
        self.exploration = checks.number(exploration, "exploration", least=0, fix="1 is the source's.")

    def probabilities(self) -> Floats:
        """One-hot vector(s) of the arm to pull, [K] or [R, K]."""
        tried = np.maximum(self.counts, 1.0)
        rounds = np.maximum(self.counts.sum(axis=-1, keepdims=True), 1.0)
        bonus = self.exploration * np.sqrt(2.0 * np.log(rounds) / tried)
        return self._one_hot(np.where(self.counts > 0.0, self._sign * self.totals / tried + bonus, np.inf))


class EpsilonGreedy(ArmStatistics):
    """Probability 1 − ε on the arm with the best mean, ε spread over all arms; an arm without data counts as best."""

    setting_names = ("n_arms", "goal", "epsilon")

    def __init__(
        self, n_arms: int, *, epsilon: float = 0.1, goal: Literal["max", "min"] = "max", rng: RNG = None
    ) -> None:
        super().__init__(n_arms, goal=goal, rng=rng)
        self.epsilon = checks.share(epsilon, "epsilon", fix="It is the share of random assignments.")

    def probabilities(self) -> Floats:
        """Assignment probabilities, [K] or [R, K], each at least ε/K."""
        means = self._sign * self.totals / np.maximum(self.counts, 1.0)
        best = self._one_hot(np.where(self.counts > 0.0, means, np.inf))
        return self.epsilon / self.n_arms + (1.0 - self.epsilon) * best


class FixedPolicy(ArmStatistics):
    """The same assignment probabilities at every round, whatever the outcomes."""

    def __init__(self, probabilities: Sequence[float] | Floats, *, rng: RNG = None) -> None:
        fixed = np.array(probabilities, dtype=np.float64)
        checks.probability_rows(checks.shaped(fixed, "probabilities", ("K",))[None], "probabilities")
        super().__init__(len(fixed), rng=rng)
        self.fixed = fixed / fixed.sum()

    def settings(self) -> dict[str, Any]:
        """The arguments that make this policy again, as JSON values."""
        return {"probabilities": self.fixed.tolist()}

    def probabilities(self) -> Floats:
        """The fixed vector, [K] or repeated to [R, K]."""
        return np.broadcast_to(self.fixed, self.counts.shape)


CANNOT_AMEND = "it cannot take back an outcome; give it a method amend(arm, old, new)"
"""What a policy without the method lacks, for an error."""


def check_policy(policy: Any) -> None:
    """Raise InvalidType unless ``policy`` is an object with the methods of a policy."""
    purpose = "a policy has probabilities() and update(arm, outcome), for example BetaBernoulliThompson(n_arms)"
    checks.methods(policy, "policy", ("probabilities", "update"), purpose)


class PolicyFloor:
    """Any policy with a floor: no arm's probability falls below ε/K (iterative floor of `floor_allocation`).

    Parameters
    ----------
    policy
        The policy underneath.
    epsilon
        Share in [0, 1], or a function of the round (1, 2, …) that gives it: ``lambda t: t**-0.7`` keeps every arm at
        (1/K)t^{-0.7} or more. The round counts calls of `probabilities`.

    >>> PolicyFloor(FixedPolicy([1.0, 0.0]), 0.2).probabilities().tolist()      # ε/K = 0.1 for each arm at least
    [0.9, 0.1]
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
        checks.methods(self.policy, "policy", ("amend",), CANNOT_AMEND)
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
