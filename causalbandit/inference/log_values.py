"""Values of a log's columns as numbers: truth values as words, categories as columns of 0 and 1, bad ones by line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalbandit.arrays import Flags, Floats
from causalbandit.checks import numeric_array
from causalbandit.errors import InvalidArgument, InvalidType, Rows, listing, shown
from causalbandit.inference.arm_names import codes_as_seen, number_read

TRUTH = {"yes": 1.0, "no": 0.0, "true": 1.0, "false": 0.0, "t": 1.0, "f": 0.0, "y": 1.0, "n": 0.0}
"""Words of outcomes that are 1 or 0, in letters of any size."""

MOST_LEVELS = 50
"""Texts of one covariate that are encoded; a column of more holds names or notes rather than categories."""

ENCODE = "encode them as numbers first (categories for example with pandas.get_dummies)"


def numbers(values: NDArray[Any], column: str, start: int = 0, *, truth: bool = False) -> Floats:
    """[n] values as doubles; with ``truth``, words of `TRUTH` count as 1 and 0 where the column holds no number.

    The first value that is no number is refused with its row; ``start`` is the row at which ``values`` begins.
    """
    try:
        return numeric_array(values, f"column {column!r}", ENCODE)
    except InvalidType:
        if not any(isinstance(value, str) for value in values.tolist()):
            raise
    read = np.array([number_read(value) for value in values.tolist()])
    missing = _missing(values)
    expected = "a number"
    if truth:
        expected = "a number, or yes/no, true/false, t/f"
        words = np.array([TRUTH.get(str(value).strip().lower(), np.nan) for value in values.tolist()])
        if (~np.isnan(words)).sum() > (~np.isnan(read)).sum():
            read = words
    bad = np.flatnonzero(np.isnan(read) & ~missing)
    if len(bad):
        count = f"{len(bad)} of {len(values)} values are none"
        raise InvalidType(
            f"column {column!r}",
            f"holds {shown(values[bad[0]])} in ",
            Rows([start + bad[0]]),
            f"; expected {expected}. {count}: correct or {ENCODE}.",
        )
    return read


def _missing(values: NDArray[Any]) -> Flags:
    import pandas as pd

    result: Flags = np.asarray(pd.isna(values), dtype=bool)
    result |= np.array([isinstance(value, str) and value.strip().lower() in ("", "nan") for value in values.tolist()])
    return result


@dataclass
class Covariate:
    """A column of covariates that is read in parts: numbers, or texts as categories.

    ``levels`` are text → number in the order of appearance; None for a column of numbers.
    """

    column: str
    levels: dict[Any, int] | None = None

    def read(self, values: NDArray[Any], start: int) -> Floats:
        """[n] numbers; of categories those of `levels`, NaN where one is missing."""
        if start == 0 and values.dtype.kind in "OUT" and self._is_text(values):
            self.levels = {}
        if self.levels is None:
            return numbers(values, self.column, start)
        codes = codes_as_seen(values, self.levels)
        return np.where(codes < 0, np.nan, codes.astype(np.float64))

    def _is_text(self, values: NDArray[Any]) -> bool:
        given = values[~_missing(values)].tolist()
        # One bad value in a column of numbers is a mistake to be named; a column without numbers holds categories.
        return bool(given) and all(isinstance(value, str) and np.isnan(number_read(value)) for value in given)

    def encoded(self, read: Floats) -> tuple[Floats, list[str], str]:
        """[T, d] columns, their d names, and a sentence on the encoding, empty for numbers.

        K sorted levels, `MOST_LEVELS` at most, make K − 1 columns of 0 and 1, for all but the first.
        """
        if self.levels is None:
            return read[:, None], [self.column], ""
        levels = sorted(self.levels, key=str)
        if len(levels) > MOST_LEVELS:
            given = f"name {self.column!r}, which holds {len(levels)} different texts ({listing(levels, 3)})"
            raise InvalidArgument("contexts", f"{given}; expected numbers or at most {MOST_LEVELS} categories.")
        first, *others = levels
        columns = np.empty((len(read), len(others)))
        for at, level in enumerate(others):
            columns[:, at] = np.where(np.isnan(read), np.nan, read == self.levels[level])
        names = [f"{self.column}={level}" for level in others]
        note = f"Covariate {self.column!r} holds categories: {listing(names)} are 1 or 0, all 0 for {first!r}."
        return columns, names, note
