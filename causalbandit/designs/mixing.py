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
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from causalbandit.errors import did_you_mean, listing

FloatArray = npt.NDArray[np.float64]

SMALLEST_WEIGHT = 1e-10
"""Weight below which a settled arm's share of the policy does not fall."""


@dataclass(frozen=True)
class PowerDecay:
    """The mixing sequence δ_t = t^(−exponent), exponent in [0, 1/4): 0 is complete randomisation."""

    exponent: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.exponent < 0.25:
            raise ValueError(
                f"exponent was {self.exponent!r}; the mixing sequence must stay above t^(-1/4): 0 <= exponent < 1/4."
            )

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
        if delta not in MIXING_SEQUENCES:
            raise ValueError(
                f"delta was {delta!r}; named sequences are {listing(MIXING_SEQUENCES)}, or pass a function of the "
                f"round, for example lambda t: t**-0.24.{did_you_mean(delta, MIXING_SEQUENCES)}"
            )
        return MIXING_SEQUENCES[delta]
    if not callable(delta):
        raise TypeError(
            f"delta was {delta!r}; expected a function of the round such as lambda t: t**-0.24, or one of "
            f"{listing(MIXING_SEQUENCES)}."
        )
    return delta


def mixing_share(delta: Callable[[int], float], t: int) -> float:
    """δ_t, the share of uniform assignment in round t, checked: t^(−1/4) < δ_t ≤ 1 (δ_1 in (0, 1]).

    Source: Liang & Bojinov (2024): a sequence that falls at t^(−1/4) or faster lets variances grow so fast that the
    confidence sequence need not shrink.
    """
    share = float(delta(t))
    if not 0.0 < share <= 1.0:
        raise ValueError(f"delta({t}) was {share!r}; the share of uniform assignment lies in (0, 1].")
    if t > 1 and not share > t**-0.25:
        raise ValueError(
            f"delta({t}) was {share!r}, not above {t}^(-1/4) = {t**-0.25:.6g}; a sequence that falls this fast loses "
            "the guarantee. Use a slower one, for example lambda t: t**-0.24."
        )
    return share


def check_precision(precision: Any) -> float:
    """``precision`` as a float: the share by which a significant arm's interval must shrink before it is settled."""
    if isinstance(precision, bool) or not isinstance(precision, (int, float)) or not 0.0 <= precision < 1.0:
        raise ValueError(f"precision was {precision!r}; it is a share between 0 (stop when significant) and 1.")
    return float(precision)


def mix(share: float, probability: Any, n_arms: int) -> Any:
    """Assignment probability δ/K + (1 − δ)q of an arm (or array of arms) that the policy would draw with q."""
    return share / n_arms + (1.0 - share) * probability


def rebalance(probabilities: FloatArray, weights: FloatArray) -> FloatArray:
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
    if decay not in DECAYS:
        raise ValueError(
            f"decay was {decay!r}; expected None, {listing(DECAYS)} or a function of the rounds since an arm settled."
            f"{did_you_mean(decay, DECAYS)}"
        )
    return DECAYS[decay]
