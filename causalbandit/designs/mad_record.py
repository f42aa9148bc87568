"""A compact record of every assignment of a design: one row of doubles per assignment, in an array that only grows."""

from __future__ import annotations

import base64
import math
from array import array
from collections.abc import Sequence

import numpy as np

from causalbandit.arrays import Floats

ARM, PROPENSITY, OUTCOME, OBSERVED = 0, 1, 2, 3
"""Columns: arm index, propensity, outcome (NaN while open), place in the order of observation (0 while open)."""
HEAD = 4


class RoundRecord:
    """Rows [arm, propensity, outcome, observed, probabilities [K], covariates [d], predictions [K or 0]].

    Appending, reading or changing a row costs O(its width); memory is 8 bytes an entry.
    """

    def __init__(self, n_arms: int, n_covariates: int = 0, predicted: bool = False) -> None:
        self.n_arms, self.n_covariates, self.predicted = n_arms, n_covariates, predicted
        self.width = HEAD + n_arms + n_covariates + (n_arms if predicted else 0)
        self.values = array("d")

    def append(
        self,
        arm: int,
        propensity: float,
        probabilities: Sequence[float],
        covariates: Sequence[float] = (),
        predictions: Sequence[float] = (),
    ) -> None:
        """Add an open assignment."""
        self.values.extend((arm, propensity, math.nan, 0.0, *probabilities, *covariates, *predictions))

    def set_outcome(self, row: int, outcome: float, observed: float) -> None:
        """Enter the outcome of a row and its place in the order of observation."""
        start = row * self.width
        self.values[start + OUTCOME] = outcome
        self.values[start + OBSERVED] = observed

    def value(self, row: int, column: int) -> float:
        """What stands in a row's column."""
        return self.values[row * self.width + column]

    def table(self) -> Floats:
        """All rows, a copy of shape [assignments, width]."""
        return np.array(self.values, dtype=np.float64).reshape(-1, self.width)

    def observed(self) -> Floats:
        """The observed rows in the order of observation."""
        table = self.table()
        table = table[table[:, OBSERVED] > 0]
        return np.asarray(table[np.argsort(table[:, OBSERVED], kind="stable")])

    def probabilities(self, table: Floats) -> Floats:
        """Columns of assignment probabilities."""
        return table[:, HEAD : HEAD + self.n_arms]

    def covariates(self, table: Floats) -> Floats:
        """Columns of covariates."""
        start = HEAD + self.n_arms
        return table[:, start : start + self.n_covariates]

    def predictions(self, table: Floats) -> Floats | None:
        """Columns of predictions, or None."""
        return table[:, -self.n_arms :] if self.predicted else None


def doubles_to_text(values: array[float]) -> str:
    """Doubles as base64 of their little-endian bytes: exact, also for NaN and infinity."""
    return base64.b64encode(np.array(values, dtype="<f8").tobytes()).decode("ascii")


def doubles_from_text(text: str) -> array[float]:
    """The inverse of `doubles_to_text`."""
    values = array("d")
    values.frombytes(np.frombuffer(base64.b64decode(text), dtype="<f8").astype(np.float64).tobytes())
    return values
