"""The asymptotic confidence sequence of a running mean of scores: the interval of the Mixture Adaptive Design.

>>> round(asymptotic_radius(100.0, 100, alpha=0.05, t_star=100.0), 3)
0.304
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, overload

import numpy as np

from causalbandit.arrays import Floats
from causalbandit.checks import error_rate, number


@lru_cache(maxsize=256)
def asymptotic_rho(alpha: float, t_star: float) -> float:
    """The tuning constant ρ = √((−2 log α + log(−2 log α + 1)) / t*) of the asymptotic confidence sequence.

    ``t_star`` says where the sequence is tightest relative to its limit; any value is valid, so it is a matter of
    length alone. It is compared with the variance sum S, not with the round: best near the S one expects.

    Raises
    ------
    ValueError
        If ``alpha`` is outside (0, 1) or ``t_star`` is below 1.
    """
    log_term = -2.0 * math.log(error_rate(alpha))
    planned = number(
        t_star, "t_star", least=1, fix="It is a number of rounds, such as the experiment's planned length."
    )
    return math.sqrt((log_term + math.log(log_term + 1.0)) / planned)


@overload
def asymptotic_radius(variance_sum: float, t: float, alpha: float, t_star: float) -> float: ...
@overload
def asymptotic_radius(variance_sum: Floats, t: Any, alpha: float, t_star: float) -> Floats: ...
def asymptotic_radius(variance_sum: Any, t: Any, alpha: float, t_star: float) -> Any:
    """Half-width of the asymptotic confidence sequence for a running mean of t scores.

    radius = √( 2(Sρ² + 1)/(t²ρ²) · log(√(Sρ² + 1)/α) ), with S the sum of the scores' conditional variances (or of
    upper bounds of them) and ρ of `asymptotic_rho`.

    Parameters
    ----------
    variance_sum
        S, a Python float or an array of any shape; the unit is that of the squared scores.
    t
        Number of scores, a number or an array that broadcasts with ``variance_sum``; 0 gives an infinite radius.
    alpha, t_star
        Error rate (already shared out if several sequences are meant to hold together) and tuning round.

    Returns
    -------
    A Python float for a Python float, else an array; in the unit of the scores.

    Notes
    -----
    Source: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2021), as used by Liang & Bojinov (2024).
    The guarantee is asymptotic: scores with a finite moment above the second, and a variance sum that grows without
    bound. Few scores of a heavy tail are where it shows that it is not exact.
    """
    boundary = AsymptoticBoundary(alpha, t_star)
    if isinstance(variance_sum, float):
        return boundary.one(variance_sum, t)
    return boundary.each(np.asarray(variance_sum, dtype=np.float64), np.asarray(t, dtype=np.float64))


class AsymptoticBoundary:
    """`asymptotic_radius` for one error rate and tuning round, with what no round changes computed once."""

    def __init__(self, alpha: float, t_star: float) -> None:
        self._rho_squared = asymptotic_rho(alpha, t_star) ** 2
        self._log_alpha = math.log(alpha)

    def one(self, variance_sum: float, t: float) -> float:
        """The radius of one variance sum after t scores."""
        if t <= 0:
            return math.inf
        rho_squared = self._rho_squared
        grown = variance_sum * rho_squared + 1.0
        return math.sqrt(2.0 * grown / (t * t * rho_squared) * (0.5 * math.log(grown) - self._log_alpha))

    def each(self, variance_sums: Floats, t: Any) -> Floats:
        """The radii of an array of variance sums; ``t`` broadcasts with it."""
        grown = variance_sums * self._rho_squared + 1.0
        with np.errstate(divide="ignore"):
            radii: Floats = np.sqrt(2.0 * grown / (t * t * self._rho_squared) * (0.5 * np.log(grown) - self._log_alpha))
        return radii
