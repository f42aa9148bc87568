"""How a Mixture Adaptive Design mixes a policy with uniform assignment, and shifts power to arms that still need it.

>>> delta = mixing_sequence("fast")
>>> mixing_share(delta, 16)                             # δ_16 = 16^-0.24
0.5140569133280333
>>> mix(0.5, 0.9, n_arms=2)                             # half of the policy's 0.9, half of 1/2
0.7
>>> import numpy as np
>>> rebalance(np.array([0.2, 0.8]), np.array([1.0, 0.25])).round(3).tolist()    # the second arm is settled
[0.68, 0.32]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from causalbandit import checks
from causalbandit.arrays import Floats, Integers
from causalbandit.errors import InvalidArgument, listing

SMALLEST_WEIGHT = 1e-10
"""Weight below which a settled arm's share of the policy does not fall."""


@dataclass(frozen=True)
class PowerDecay:
    """The mixing sequence δ_t = t^(−exponent), exponent in [0, 1/4): 0 is complete randomisation."""

    exponent: float

    def __post_init__(self) -> None:
        checks.number(self.exponent, "exponent", least=0, below=0.25, fix="The sequence must stay above t^(-1/4).")

    def __call__(self, t: int) -> float:
        return float(t**-self.exponent)


MIXING_SEQUENCES: dict[str, PowerDecay] = {
    "uniform": PowerDecay(0.0),
    "slow": PowerDecay(0.1),
    "fast": PowerDecay(0.24),
}
"""Named sequences: "uniform" δ = 1 (a completely randomised design), "slow" t^-0.1, "fast" t^-0.24."""


def mixing_sequence(delta: str | Callable[[int], float]) -> Callable[[int], float]:
    """The function of the round (1, 2, …) that ``delta`` names or is."""
    if isinstance(delta, str):
        return MIXING_SEQUENCES[checks.one_of(delta, "delta", MIXING_SEQUENCES, "names of sequences")]
    expected = f"a function of the round such as lambda t: t**-0.24, or one of {listing(MIXING_SEQUENCES)}"
    return checks.function(delta, "delta", expected)


def mixing_share(delta: Callable[[int], float], t: int) -> float:
    """δ_t, the share of uniform assignment in round t, checked: t^(−1/4) < δ_t ≤ 1 (δ_1 in (0, 1]).

    Source: Liang & Bojinov (2024): a sequence that falls at t^(−1/4) or faster lets variances grow so fast that the
    confidence sequence need not shrink.
    """
    share = float(delta(t))
    if isinstance(delta, PowerDecay):  # its exponent was checked
        return share
    if not 0.0 < share <= 1.0:
        raise InvalidArgument(f"delta({t})", f"was {share!r}; the share of uniform assignment lies in (0, 1].")
    if t > 1 and not share > t**-0.25:
        given = f"was {share!r}, not above {t}^(-1/4) = {t**-0.25:.6g}, so that the guarantee is lost"
        raise InvalidArgument(f"delta({t})", f"{given}. Use a slower sequence, for example lambda t: t**-0.24.")
    return share


def mix(share: float, probability: Any, n_arms: int) -> Any:
    """Assignment probability δ/K + (1 − δ)q of an arm that the policy would draw with q; of a list or array of arms."""
    uniform, rest = share / n_arms, 1.0 - share
    if isinstance(probability, list):
        return [uniform + rest * q for q in probability]
    return uniform + rest * probability


def rebalance(probabilities: Floats, weights: Floats) -> Floats:
    """q′ = qw + Σq(1−w)·w/Σw: what settled arms (w < 1) give up goes to all arms by weight. [..., K] in and out.

    Source: Molitor & Gold (2025), the balanced-power extension. Weights are positive; the result sums to what q does.
    """
    lost = (probabilities * (1.0 - weights)).sum(axis=-1, keepdims=True)
    return np.asarray(probabilities * weights + lost * weights / weights.sum(axis=-1, keepdims=True))


def inverse_square_root(x: float) -> float:
    """The default decay 1/√x of a settled arm's weight, x ≥ 1 the number of rounds since it settled."""
    return 1.0 / math.sqrt(x)


DECAYS: dict[str, Callable[[float], float]] = {"inverse-sqrt": inverse_square_root}
"""Named decays of settled arms' weights."""


def decay_function(decay: str | Callable[[float], float] | None) -> Callable[[float], float] | None:
    """The decay that ``decay`` names or is; None for a design that never shifts power."""
    if decay is None or callable(decay):
        return decay
    return DECAYS[checks.one_of(decay, "decay", DECAYS, "names of decays, beside None and functions")]


def policy_probabilities(policy: Any, arms: Sequence[Hashable]) -> list[float]:
    """The K probabilities that a policy answers for one experiment, checked, in the order of the arms.

    A mapping goes by the arms' names, or by their positions.
    """
    raw = policy.probabilities()
    given = raw.tolist() if type(raw) is np.ndarray and raw.ndim == 1 else _listed(policy, raw, arms)
    total, valid = sum(given), len(given) == len(arms) and min(given) >= 0.0  # NaN makes a total that is not 1
    if not valid or not abs(total - 1.0) <= checks.SUM_TOLERANCE:
        raise _wrong(policy, f"gave {given}", f"{len(arms)} {_NUMBERS}")
    return given if total == 1.0 else [q / total for q in given]


_NUMBERS = "non-negative numbers that sum to 1"


def _wrong(policy: Any, said: str, expected: str) -> InvalidArgument:
    return InvalidArgument("policy", f"is wrong: {type(policy).__name__}.probabilities() {said}; expected {expected}.")


def _listed(policy: Any, raw: Any, arms: Sequence[Hashable]) -> list[float]:
    """Probabilities that came as a mapping or as a sequence, as a list."""
    if isinstance(raw, Mapping):
        keys = next((keys for keys in (arms, range(len(arms))) if set(keys) == set(raw)), None)
        if keys is None:
            raise _wrong(policy, f"has the arms {listing(raw)}", listing(arms))
        raw = [raw[key] for key in keys]
    try:
        return [float(q) for q in raw]
    except (TypeError, ValueError):
        raise _wrong(policy, f"gave {raw!r}", f"{len(arms)} {_NUMBERS}") from None


def batch_probabilities(policy: Any, shape: tuple[int, int]) -> Floats:
    """[R, K] probabilities that a replicated policy answers, checked."""
    said = f"what {type(policy).__name__}.probabilities() gave"
    return checks.probability_rows(
        checks.shaped(np.asarray(policy.probabilities(), dtype=np.float64), said, shape), said
    )


def drawn_arm(draw: float, probabilities: Sequence[float]) -> int:
    """The arm whose stretch of the cumulative probabilities holds ``draw``, uniform in [0, 1)."""
    total = 0.0
    for arm, probability in enumerate(probabilities):
        total += probability
        if draw < total:
            return arm
    return len(probabilities) - 1  # probabilities may sum to a little less than 1


def drawn_arms(draws: Floats, probabilities: Floats) -> Integers:
    """[R]: `drawn_arm` of each row of [R, K] probabilities."""
    arms, total = np.zeros(len(draws), dtype=np.int64), np.zeros(len(draws))
    for column in probabilities.T[:-1]:
        total += column
        arms += draws >= total
    return arms
