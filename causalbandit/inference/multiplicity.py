"""Several contrasts at once: critical values and p-values that account for how many questions are asked.

>>> contrasts = Contrasts(np.array([1, 2]), np.array([0, 0]), np.array([0.3, 0.1]), np.array([0.1, 0.1]), np.eye(3))
>>> for name in ("none", "bonferroni", "holm"):
...     print(name, MULTIPLICITIES[name](contrasts, 0.05, np.random.default_rng(0)).p_values.round(3).tolist())
none [0.003, 0.317]
bonferroni [0.005, 0.635]
holm [0.005, 0.317]
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from causalbandit.arrays import Flags, Floats, Integers, row_blocks

DRAWS = 200_000
"""Draws for the largest of correlated normals: its 95 % quantile is then found to about 0.005."""


class Contrasts(NamedTuple):
    """M differences of K estimates, approximately normal: estimate ``first`` minus estimate ``second``, of 0 … K−1.

    All are [M], but ``covariance`` [K, K], which is that of the estimates; ``std_error`` is NaN where nothing is known
    of a contrast.
    """

    first: Integers
    second: Integers
    estimate: Floats
    std_error: Floats
    covariance: Floats

    @property
    def known(self) -> Flags:
        """[M]: whether there is a standard error."""
        return ~np.isnan(self.std_error)

    @property
    def z(self) -> Floats:
        """[M]: estimates in standard errors; NaN where unknown."""
        return self.estimate / self.std_error

    def correlation(self) -> Floats:
        """[m, m] of the m contrasts that are known."""
        a, b, error = self.first[self.known], self.second[self.known], self.std_error[self.known]
        joint = sum(
            sign * self.covariance[np.ix_(left, right)]
            for sign, left, right in ((1.0, a, a), (-1.0, a, b), (-1.0, b, a), (1.0, b, b))
        )
        return np.asarray(joint / np.outer(error, error))

    def p_values(self) -> Floats:
        """[M]: two-sided, of each contrast by itself; 1 where unknown."""
        from scipy.special import ndtr

        return np.where(self.known, 2.0 * ndtr(-np.abs(self.z)), 1.0)


class Adjustment(NamedTuple):
    """What a method makes of M contrasts, and what that promises, in a sentence; empty for each by itself.

    Intervals are estimate ± critical · std_error; ``critical`` is NaN for a method that gives none.
    """

    critical: float
    p_values: Floats
    note: str = ""


def normal_quantile(probability: float) -> float:
    """The standard normal quantile."""
    from scipy.special import ndtri

    return float(ndtri(probability))


def _none(contrasts: Contrasts, alpha: float, rng: np.random.Generator) -> Adjustment:
    return Adjustment(normal_quantile(1.0 - alpha / 2.0), contrasts.p_values())


def _bonferroni(contrasts: Contrasts, alpha: float, rng: np.random.Generator) -> Adjustment:
    """Intervals at α/M, p-values times M."""
    m = len(contrasts.estimate)
    return Adjustment(
        normal_quantile(1.0 - alpha / (2.0 * m)),
        np.minimum(contrasts.p_values() * m, 1.0),
        f"Bonferroni over {m} contrasts: the intervals hold together with probability at least {1 - alpha:g}.",
    )


def _holm(contrasts: Contrasts, alpha: float, rng: np.random.Generator) -> Adjustment:
    """Step-down p-values: the j-th smallest times M − j + 1, made ascending (Holm 1979)."""
    p_values = contrasts.p_values()
    m = len(p_values)
    order = np.argsort(p_values)
    adjusted = np.empty(m)
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * np.arange(m, 0, -1)), 1.0)
    note = f"Holm over {m} contrasts: p-values decide, at family error rate {alpha:g}; there are no intervals."
    return Adjustment(math.nan, adjusted, note)


def _simultaneous(contrasts: Contrasts, alpha: float, rng: np.random.Generator) -> Adjustment:
    """The 1 − α quantile of max |Z| for normals of the contrasts' correlation, and p-values against it (Hothorn, Bretz
    & Westfall 2008); never wider than Bonferroni, whose bound the draws' error may pass.
    """
    note = (
        f"Simultaneous over {len(contrasts.estimate)} contrasts by their estimated correlation, family error rate "
        f"{alpha:g}."
    )
    known, p_values = contrasts.known, contrasts.p_values()
    m = int(known.sum())
    if m < 2:
        return Adjustment(normal_quantile(1.0 - alpha / 2.0), p_values, note)
    largest = _largest_normals(contrasts.correlation(), rng)
    critical = min(float(np.quantile(largest, 1.0 - alpha, method="higher")), normal_quantile(1.0 - alpha / (2.0 * m)))
    beyond = len(largest) - np.searchsorted(largest, np.abs(contrasts.z[known]), side="left")
    p_values[known] = np.minimum((beyond + 1) / (len(largest) + 1), np.minimum(1.0, m * p_values[known]))
    return Adjustment(critical, p_values, note)


def _largest_normals(correlation: Floats, rng: np.random.Generator) -> Floats:
    """Sorted draws of max |Z_j| for standard normals with this correlation, which may be singular."""
    values, vectors = np.linalg.eigh(correlation)
    keep = values > 1e-12 * values[-1]  # what is left of zero after rounding
    root = vectors[:, keep] * np.sqrt(values[keep])
    largest = np.empty(DRAWS)
    for rows in row_blocks(DRAWS, len(correlation)):
        draws = rng.standard_normal((rows.stop - rows.start, int(keep.sum())))
        largest[rows] = np.abs(draws @ root.T).max(axis=1)
    return np.sort(largest)


MULTIPLICITIES: dict[str, Callable[[Contrasts, float, np.random.Generator], Adjustment]] = {
    "none": _none,
    "bonferroni": _bonferroni,
    "holm": _holm,
    "simultaneous": _simultaneous,
}
"""How contrasts can account for asking several questions at once: functions of contrasts, α and a generator."""
