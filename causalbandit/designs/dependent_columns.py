"""Covariates that are constant or combinations of others: which to keep, and least squares on those.

Columns are taken in order; one is kept when something of it is left after its projection on those kept before. The
fitted values are those of least squares on all columns, whatever combination is left out.

>>> columns = np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 3.0], [1.0, 2.0, 1.0]])      # the second is twice the first
>>> kept_columns(columns)[0].tolist()
[True, False, True]
>>> left_out_notes(columns, ["x0", "x1", "x2"])
['covariate x1 is a combination of x0 and was left out']
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from causalbandit.arrays import Flags, Floats

RANK_TOLERANCE = 1e-10
"""A covariate counts as a combination of those before it when what is left of its spread is below this share."""

NAMED = 1e-6
"""A covariate is named as part of a combination when its part is at least this share of the combination's spread."""


def kept_columns(columns: ArrayLike) -> tuple[Flags, Floats]:
    """Which of d columns [..., m, d] to keep, [..., d], and an orthonormal basis of those, [..., m, d], else 0.

    Columns are deviations from their means, or a triangular factor of such. Gram-Schmidt, each projection done twice:
    the second removes what rounding left of the first. O(m d²).
    """
    given = np.asarray(columns, dtype=np.float64)
    basis, kept = np.zeros_like(given), np.zeros((*given.shape[:-2], given.shape[-1]), dtype=bool)
    for j in range(given.shape[-1]):
        left = given[..., j]
        spread = np.sqrt((left * left).sum(axis=-1))
        for _ in range(2):
            left = left - (basis @ (left[..., None, :] @ basis).swapaxes(-1, -2))[..., 0]
        size = np.sqrt((left * left).sum(axis=-1))
        kept[..., j] = (size > RANK_TOLERANCE * spread) & (spread > 0.0)
        basis[..., j] = np.where(kept[..., j, None], left / np.where(size > 0.0, size, 1.0)[..., None], 0.0)
    return kept, basis


def kept_slopes(columns: ArrayLike, right: ArrayLike) -> Floats:
    """Least-squares coefficients [..., d] of ``right`` [..., m] on the kept ones of ``columns`` [..., m, d]; else 0."""
    given = np.asarray(columns, dtype=np.float64)
    kept, basis = kept_columns(given)
    across = np.swapaxes(basis, -1, -2)
    square = np.where(kept[..., None, :], across @ given, np.eye(given.shape[-1]))
    slopes: Floats = np.linalg.solve(square, across @ np.asarray(right)[..., None])[..., 0]
    return slopes


def left_out_notes(columns: Floats, names: Sequence[str]) -> list[str]:
    """A sentence per column of one matrix [m, d] that is not kept: what it is a combination of, or that it is constant.

    ``columns`` are as for `kept_columns`, ``names`` those of the d covariates.
    """
    kept, _ = kept_columns(columns)
    spread, notes = np.sqrt((columns**2).sum(axis=0)), []
    for j in np.flatnonzero(~kept).tolist():
        parts = np.abs(kept_slopes(columns, columns[:, j])) * spread
        on = [names[i] for i in np.flatnonzero((parts > NAMED * spread[j]) & kept).tolist()]
        what = f"is a combination of {', '.join(map(str, on))}" if on else "does not vary"
        notes.append(f"covariate {names[j]} {what} and was left out")
    return notes
