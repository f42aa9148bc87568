"""The ratio of two mean regrets over several cells, with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from causalbandit.arrays import Floats


class Ratio(NamedTuple):
    """Mean of x over mean of y. ``value`` is NaN when both means are 0, and infinite when y's alone is.

    ``lower`` and ``upper`` are 0 and infinite where y's mean is not told from 0: then data say nothing of the ratio.
    Both are infinite when y has no regret at all and x surely has.
    """

    x: float
    y: float
    value: float
    lower: float
    upper: float


def ratio_of_means(x: Sequence[Floats], y: Sequence[Floats], *, paired: bool = True, alpha: float = 0.05) -> Ratio:
    """The ratio ρ of Σ_c E[x_c] to Σ_c E[y_c] with an interval of level 1 − ``alpha``, valid as replications grow.

    ``x[c]`` and ``y[c]`` hold the replications of cell c, one array per cell, R_c ≥ 2 each; in ``paired`` cells entry r
    of both is of the same simulated world. The interval holds the ratios ρ that a test of E[x − ρ·y] = 0 does not
    reject (Fieller 1954): the roots of ρ²(ȳ² − z²v_yy) − 2ρ(x̄ȳ − z²v_xy) + x̄² − z²v_xx, where the variances of the
    means are summed over cells, which are fixed, and v_xy is 0 without pairs.
    """
    from scipy.special import ndtri

    n = len(x)
    x_mean = sum(float(cell.mean()) for cell in x) / n
    y_mean = sum(float(cell.mean()) for cell in y) / n
    v_xx = sum(float(cell.var(ddof=1)) / len(cell) for cell in x) / n**2
    v_yy = sum(float(cell.var(ddof=1)) / len(cell) for cell in y) / n**2
    v_xy = 0.0
    if paired:
        v_xy = sum(_covariance(a, b) / len(a) for a, b in zip(x, y, strict=True)) / n**2
    square = float(ndtri(1 - alpha / 2)) ** 2
    if y_mean == 0:
        surely = x_mean**2 > square * v_xx
        value = math.inf if x_mean > 0 else math.nan
        return Ratio(x_mean, y_mean, value, math.inf if surely else 0.0, math.inf)
    a, b, c = y_mean**2 - square * v_yy, x_mean * y_mean - square * v_xy, x_mean**2 - square * v_xx
    if a <= 0:
        return Ratio(x_mean, y_mean, x_mean / y_mean, 0.0, math.inf)
    reach = math.sqrt(max(b**2 - a * c, 0.0))
    return Ratio(x_mean, y_mean, x_mean / y_mean, max((b - reach) / a, 0.0), (b + reach) / a)


def _covariance(x: Floats, y: Floats) -> float:
    return float((x - x.mean()) @ (y - y.mean())) / (len(x) - 1)
