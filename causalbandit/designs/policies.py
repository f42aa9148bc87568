"""Bandit policies: what a Mixture Adaptive Design mixes with uniform assignment.

A policy is any object with ``probabilities()`` (K numbers that sum to 1, or a mapping from arm index to them) and
``update(arm, outcome)``. The classes here also have ``replicate(R, rng)``, a fresh policy whose state carries a leading
axis of R replications (so that thousands of experiments run as one batch), ``amend`` (a corrected outcome), and
``state`` / ``restore`` (JSON values, for saving a running experiment). Every method costs O(K) per round and
replication.

>>> policy = EpsilonGreedy(2, epsilon=0.2)
>>> for arm, outcome in ((0, 0.0), (1, 1.0)):
...     policy.update(arm, outcome)
>>> policy.probabilities().round(3).tolist()
[0.1, 0.9]
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, Self

import numpy as np
import numpy.typing as npt

from causalbandit.allocation import floor_allocation, win_frequencies
from causalbandit.errors import did_you_mean
from causalbandit.randomness import RNG, generator

FloatArray = npt.NDArray[np.float64]


class Policy(Protocol):
    """What a design asks of a policy: assignment probabilities now, and learning from an outcome."""

    def probabilities(self) -> Sequence[float] | FloatArray | Mapping[int, float]:
        """K assignment probabilities for the next round."""
        ...

    def update(self, arm: int, outcome: float) -> None:
        """Learn that ``arm`` (an index 0..K−1) gave ``outcome``."""
        ...


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
        if isinstance(n_arms, bool) or not isinstance(n_arms, (int, np.integer)) or n_arms < 1:
            raise ValueError(f"n_arms was {n_arms!r}; it is a whole number of arms, at least 1.")
        if goal not in ("max", "min"):
            raise ValueError(f"goal was {goal!r}; expected 'max' or 'min'.{did_you_mean(goal, ('max', 'min'))}")
        self.n_arms = int(n_arms)
        self.goal = goal
        self.counts: FloatArray = np.zeros(self.n_arms)
        self.totals: FloatArray = np.zeros(self.n_arms)
        self._sign = 1.0 if goal == "max" else -1.0
        self._rows: npt.NDArray[np.int64] | None = None
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

    def probabilities(self) -> FloatArray:
        """Assignment probabilities for the next round, [K] or [R, K]."""
        raise NotImplementedError

    def update(self, arm: Any, outcome: Any) -> None:
        """Learn ``outcome`` of ``arm``: two numbers, or two arrays [R] in a replicated policy."""
        self._check(outcome)
        place = arm if self._rows is None else (self._rows, arm)
        self.counts[place] += 1.0
        self.totals[place] += outcome

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
            raise ValueError(f"the saved state has {counts.size} arms; this {type(self).__name__} has {self.n_arms}.")
        self.counts, self.totals = counts, totals
        if state["rng"] is not None:
            self._rng = generator_from_state(state["rng"])

    def _check(self, outcome: Any) -> None:
        """Raise ValueError for an outcome that the policy cannot learn from."""

    def _one_hot(self, scores: FloatArray) -> FloatArray:
        """Probability 1 on the best score (highest once signed), ties to the lowest index."""
        chosen = np.zeros(scores.shape)
        if scores.ndim == 1:
            chosen[scores.argmax()] = 1.0
        else:
            chosen[self._rows, scores.argmax(axis=-1)] = 1.0
        return chosen


def generator_from_state(state: Mapping[str, Any]) -> np.random.Generator:
    """The generator whose ``bit_generator.state`` this is (as read back from JSON)."""
    kind = getattr(np.random, str(state.get("bit_generator")), None)
    if not (isinstance(kind, type) and issubclass(kind, np.random.BitGenerator)):
        raise ValueError(f"unknown bit generator {state.get('bit_generator')!r} in a saved generator state.")
    bits = kind()
    bits.state = dict(state)
    return np.random.Generator(bits)


class _Thompson(ArmStatistics):
    """Posterior sampling: an arm's probability is its chance to be best, by one draw, by many, or by quadrature."""

    def __init__(
        self,
        n_arms: int,
        *,
        draws: int | Literal["exact"] = 1,
        goal: Literal["max", "min"] = "max",
        rng: RNG = None,
    ) -> None:
        super().__init__(n_arms, goal=goal, rng=rng)
        if draws != "exact" and (isinstance(draws, bool) or not isinstance(draws, (int, np.integer)) or draws < 1):
            raise ValueError(f"draws was {draws!r}; expected a number of posterior draws per round, or 'exact'.")
        self.draws = draws

    def probabilities(self) -> FloatArray:
        """Each arm's chance to be best, [K] or [R, K]: one-hot for ``draws=1``, a frequency for more."""
        if self.draws == 1:
            return self._one_hot(self._sign * self._sample(self.counts.shape))
        if self.draws != "exact":
            return win_frequencies(self._sign * self._sample((int(self.draws), *self.counts.shape)))
        if self.counts.ndim == 1:
            return self._exact(self.counts, self.totals)
        return np.stack([self._exact(count, total) for count, total in zip(self.counts, self.totals, strict=True)])

    def _sample(self, shape: tuple[int, ...]) -> FloatArray:
        raise NotImplementedError

    def _exact(self, counts: FloatArray, totals: FloatArray) -> FloatArray:
        raise NotImplementedError


class BetaBernoulliThompson(_Thompson):
    """Thompson sampling for outcomes in [0, 1] with a Beta prior on each arm's mean.

    Parameters
    ----------
    n_arms
        K.
    prior
        (a, b) of the Beta prior, both positive. (1, 1) is uniform.
    draws
        Posterior draws per round: 1 gives a one-hot vector (the classical algorithm), more a share of wins,
        "exact" the win probabilities by quadrature (about a millisecond per round at K = 4).
    goal, rng
        As in `ArmStatistics`.

    Notes
    -----
    Source: Thompson (1933). A fractional outcome y counts as y successes and 1 − y failures. Outcomes outside [0, 1]
    are refused: counting them as failures, as is sometimes done, would teach the policy the wrong order of arms.
    """

    setting_names = ("n_arms", "goal", "draws", "prior")

    def __init__(
        self,
        n_arms: int,
        *,
        prior: tuple[float, float] = (1.0, 1.0),
        draws: int | Literal["exact"] = 1,
        goal: Literal["max", "min"] = "max",
        rng: RNG = None,
    ) -> None:
        super().__init__(n_arms, draws=draws, goal=goal, rng=rng)
        if len(prior) != 2 or not all(0.0 < value < math.inf for value in prior):
            raise ValueError(f"prior was {prior!r}; expected two positive numbers (a, b), for example (1.0, 1.0).")
        self.prior = (float(prior[0]), float(prior[1]))

    def _check(self, outcome: Any) -> None:
        low, high = (outcome, outcome) if isinstance(outcome, float) else (np.min(outcome), np.max(outcome))
        if not (low >= 0.0 and high <= 1.0):
            wrong = low if not low >= 0.0 else high
            raise ValueError(
                f"BetaBernoulliThompson was given the outcome {wrong}; it learns from outcomes in [0, 1]. "
                "Rescale them, or use GaussianThompson."
            )

    def _sample(self, shape: tuple[int, ...]) -> FloatArray:
        a, b = self.prior[0] + self.totals, self.prior[1] + self.counts - self.totals
        if len(shape) == 1:  # a few single draws cost a third of one call with arrays
            beta = self.rng.beta
            return np.array([beta(*pair) for pair in zip(a.tolist(), b.tolist(), strict=True)])
        return self.rng.beta(a, b, size=shape)

    def _exact(self, counts: FloatArray, totals: FloatArray) -> FloatArray:
        from scipy.special import betainc, betaln, digamma, expit, polygamma

        a, b = self.prior[0] + totals, self.prior[1] + counts - totals
        first, second = (a, b) if self.goal == "max" else (b, a)

        # On the logit scale z the density x^a (1 − x)^b / B(a, b) is smooth also where a or b is below 1.
        return _win_probabilities(
            lambda z: np.asarray(betainc(first, second, expit(self._sign * z))),
            lambda z: -a * np.logaddexp(0.0, -z) - b * np.logaddexp(0.0, z) - betaln(a, b),
            _around(digamma(a) - digamma(b), np.sqrt(polygamma(1, a) + polygamma(1, b))),
        )


class GaussianThompson(_Thompson):
    """Thompson sampling for real outcomes: normal prior on each arm's mean, normal noise of known size.

    Parameters
    ----------
    n_arms
        K.
    prior_mean, prior_sd
        Of every arm's mean, in the outcome's unit.
    noise_sd
        Standard deviation of one outcome, in the same unit. A wrong value makes the policy more greedy (too small) or
        more exploring (too large); it never touches the validity of the inference.
    draws, goal, rng
        As in `BetaBernoulliThompson`.
    """

    setting_names = ("n_arms", "goal", "draws", "prior_mean", "prior_sd", "noise_sd")

    def __init__(
        self,
        n_arms: int,
        *,
        prior_mean: float = 0.0,
        prior_sd: float = 1.0,
        noise_sd: float = 1.0,
        draws: int | Literal["exact"] = 1,
        goal: Literal["max", "min"] = "max",
        rng: RNG = None,
    ) -> None:
        super().__init__(n_arms, draws=draws, goal=goal, rng=rng)
        for name, value in (("prior_sd", prior_sd), ("noise_sd", noise_sd)):
            if not 0.0 < value < math.inf:
                raise ValueError(f"{name} was {value!r}; it is a positive standard deviation in the outcome's unit.")
        if not math.isfinite(prior_mean):
            raise ValueError(f"prior_mean was {prior_mean!r}; it is a finite number in the outcome's unit.")
        self.prior_mean, self.prior_sd, self.noise_sd = float(prior_mean), float(prior_sd), float(noise_sd)

    def _posterior(self, counts: FloatArray, totals: FloatArray) -> tuple[FloatArray, FloatArray]:
        precision = 1.0 / self.prior_sd**2 + counts / self.noise_sd**2
        return (self.prior_mean / self.prior_sd**2 + totals / self.noise_sd**2) / precision, 1.0 / np.sqrt(precision)

    def _sample(self, shape: tuple[int, ...]) -> FloatArray:
        mean, spread = self._posterior(self.counts, self.totals)
        return mean + spread * self.rng.standard_normal(shape)

    def _exact(self, counts: FloatArray, totals: FloatArray) -> FloatArray:
        from scipy.special import ndtr

        mean, spread = self._posterior(counts, totals)
        return _win_probabilities(
            lambda x: np.asarray(ndtr(self._sign * (x - mean) / spread)),
            lambda x: -0.5 * ((x - mean) / spread) ** 2 - np.log(spread) - 0.5 * math.log(2.0 * math.pi),
            _around(mean, spread),
        )


def _around(mean: FloatArray, spread: FloatArray) -> FloatArray:
    """Panel ends for quadrature: every arm's mean and steps of its standard deviation around it."""
    half = np.array([0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 9.0, 14.0, 20.0, 30.0])
    steps = np.concatenate([-half, [0.0], half])
    return np.asarray((mean[:, None] + spread[:, None] * steps).ravel())


def _win_probabilities(
    beaten: Callable[[FloatArray], FloatArray], log_density: Callable[[FloatArray], FloatArray], ends: FloatArray
) -> FloatArray:
    """P(arm k is best) = ∫ f_k(x) Π_{j≠k} F_j(x) dx by Gauss-Legendre panels between ``ends``.

    ``beaten`` and ``log_density`` take x [n, 1] and give [n, K]: each arm's probability to be no better than x, and its
    log density at x.
    """
    nodes, weights = np.polynomial.legendre.leggauss(10)
    edges = np.unique(ends)
    half = 0.5 * np.diff(edges)[:, None]
    x = (edges[:-1, None] + half * (nodes + 1.0)).ravel()
    below = beaten(x[:, None])
    rows = (half * weights).ravel()[:, None] * np.exp(log_density(x[:, None]))
    left = np.cumprod(np.concatenate([np.ones((len(x), 1)), below[:, :-1]], axis=1), axis=1)
    right = np.cumprod(np.concatenate([np.ones((len(x), 1)), below[:, :0:-1]], axis=1), axis=1)[:, ::-1]
    wins = np.maximum((rows * left * right).sum(axis=0), 0.0)
    return np.asarray(wins / wins.sum())


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
        if not 0.0 <= exploration < math.inf:
            raise ValueError(f"exploration was {exploration!r}; it is a non-negative factor, 1.0 in the source.")
        self.exploration = float(exploration)

    def probabilities(self) -> FloatArray:
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
        if not 0.0 <= epsilon <= 1.0:
            raise ValueError(f"epsilon was {epsilon!r}; it is the share of random assignments, between 0 and 1.")
        self.epsilon = float(epsilon)

    def probabilities(self) -> FloatArray:
        """Assignment probabilities, [K] or [R, K], each at least ε/K."""
        means = self._sign * self.totals / np.maximum(self.counts, 1.0)
        best = self._one_hot(np.where(self.counts > 0.0, means, np.inf))
        return self.epsilon / self.n_arms + (1.0 - self.epsilon) * best


class FixedPolicy(ArmStatistics):
    """The same assignment probabilities at every round, whatever the outcomes."""

    def __init__(self, probabilities: Sequence[float] | FloatArray, *, rng: RNG = None) -> None:
        fixed = np.array(probabilities, dtype=np.float64)
        if fixed.ndim != 1 or not np.all(fixed >= 0.0) or not abs(fixed.sum() - 1.0) <= 1e-8:
            raise ValueError(f"probabilities were {probabilities!r}; expected non-negative numbers that sum to 1.")
        super().__init__(len(fixed), rng=rng)
        self.fixed = fixed / fixed.sum()

    def settings(self) -> dict[str, Any]:
        """The arguments that make this policy again, as JSON values."""
        return {"probabilities": self.fixed.tolist()}

    def probabilities(self) -> FloatArray:
        """The fixed vector, [K] or repeated to [R, K]."""
        return np.broadcast_to(self.fixed, self.counts.shape)


def check_policy(policy: Any) -> None:
    """Raise TypeError unless ``policy`` is an object with the methods of `Policy`."""
    example = "for example BetaBernoulliThompson(n_arms)"
    if isinstance(policy, type):
        raise TypeError(f"policy was the class {policy.__name__}; expected an object made from it, {example}.")
    for method in ("probabilities", "update"):
        if not callable(getattr(policy, method, None)):
            raise TypeError(
                f"policy was {policy!r}; a policy has the methods probabilities() and update(arm, outcome), {example}."
            )


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

    def probabilities(self) -> FloatArray:
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
        if not callable(getattr(self.policy, "amend", None)):
            raise ValueError(
                f"{type(self.policy).__name__} cannot take back an outcome; give it a method amend(arm, old, new)."
            )
        self.policy.amend(arm, old, new)

    def replicate(self, replications: int, rng: RNG = None) -> PolicyFloor:
        """The same floor over R fresh copies of the policy."""
        return PolicyFloor(self.policy.replicate(replications, rng), self.epsilon)

    def settings(self) -> dict[str, Any]:
        """The arguments that make this policy again, as JSON values; a function as ``epsilon`` cannot be saved."""
        if callable(self.epsilon):
            raise TypeError("a PolicyFloor with a function as epsilon cannot be saved whole; pass policy= on loading.")
        return {"policy": policy_to_dict(self.policy), "epsilon": self.epsilon}

    def state(self) -> dict[str, Any]:
        """The policy's state and the round."""
        return {"policy": self.policy.state(), "round": self.round}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Put back what `state` gave."""
        self.policy.restore(state["policy"])
        self.round = int(state["round"])


POLICIES: dict[str, Any] = {
    kind.__name__: kind
    for kind in (BetaBernoulliThompson, GaussianThompson, UCB, EpsilonGreedy, FixedPolicy, PolicyFloor)
}
"""The policies that a saved design can make again by name."""


def policy_to_dict(policy: Any) -> dict[str, Any]:
    """A policy's kind, settings and state as JSON values.

    A policy of one's own is saved if it has ``state()`` (JSON values); loading then needs the policy object, whose
    ``restore(state)`` is called. A policy without them cannot be saved.

    Raises
    ------
    TypeError
        If the policy has no ``state`` and ``restore``.
    """
    if not callable(getattr(policy, "state", None)) or not callable(getattr(policy, "restore", None)):
        raise TypeError(
            f"{type(policy).__name__} cannot be saved: give it state(), which returns JSON values, and restore(state)."
        )
    settings = None
    if type(policy) in POLICIES.values():
        try:
            settings = policy.settings()
        except TypeError:  # a function among the settings: the caller passes the policy on loading
            settings = None
    return {"kind": type(policy).__name__, "settings": settings, "state": policy.state()}


def policy_from_dict(saved: Mapping[str, Any], policy: Any = None) -> Any:
    """The policy that `policy_to_dict` saved; ``policy``, for a kind of one's own, is one made alike."""
    if policy is None:
        if saved["settings"] is None:
            raise ValueError(
                f"the saved design uses a {saved['kind']} that a file cannot hold whole; pass policy= with one made "
                "with the same settings."
            )
        settings = dict(saved["settings"])
        if "policy" in settings:
            settings["policy"] = policy_from_dict(settings["policy"])
        policy = POLICIES[saved["kind"]](**settings)
    elif type(policy).__name__ != saved["kind"]:
        raise ValueError(f"the saved design uses a {saved['kind']}; policy was a {type(policy).__name__}.")
    policy.restore(saved["state"])
    return policy
