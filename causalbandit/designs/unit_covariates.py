"""Covariates of one unit at a time: read from what a caller has at hand, held to the same names throughout."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from causalbandit.checks import listed
from causalbandit.errors import InvalidArgument, InvalidType, did_you_mean, listing


class CovariateReader:
    """Reads a unit's covariates as a list of numbers in one order, and refuses others than the first unit's.

    Without ``names`` they are those of the first unit; of units that come as plain sequences, x1, x2, …
    """

    def __init__(self, names: Sequence[str] | None = None, *, named: bool = True) -> None:
        self.names = None if names is None else [str(name) for name in names]
        self.named = named

    def read(self, covariates: Any) -> list[float]:
        """The row [d] of one unit: from a mapping name → number, a pandas row, a one-row frame or a sequence.

        Covariates that are missing, renamed, of another number, not finite or no numbers are refused.
        """
        if covariates is None:
            needed = listing(self.names) if self.names else "covariates"
            raise InvalidArgument("covariates", f"are missing; the outcome model needs {needed} at every assignment.")
        names, values = _names_and_values(covariates)
        if self.names is None:
            fixed = [f"x{j + 1}" for j in range(len(values))] if names is None else names
            row = _finite_row(fixed, values)
            self.names, self.named = fixed, names is not None
            return row
        if (names is not None) != self.named:
            given, before = ("with", "without") if names is not None else ("without", "with")
            said = f"came {given} names, those before {before}"
            raise InvalidArgument("covariates", f"{said}; expected {listing(self.names)}.")
        if names is None and len(values) != len(self.names):
            raise InvalidArgument("covariates", f"were {len(values)} numbers; this design uses {len(self.names)}.")
        if names is not None and names != self.names:
            extra = [name for name in names if name not in self.names]
            if extra or len(names) != len(self.names):
                known = f"{listing(self.names)}.{did_you_mean(extra[0], self.names) if extra else ''}"
                raise InvalidArgument("covariates", f"were {listing(names)}; this design uses {known}")
            by_name = dict(zip(names, values, strict=True))
            values = [by_name[name] for name in self.names]
        return _finite_row(self.names, values)


def row_source(covariates: Any, rounds: int) -> Callable[[int], Any] | None:
    """A function of the round's number (from 0) that gives its covariates; None without covariates.

    ``covariates`` is a frame or array with a row per round, or a function without arguments.
    """
    if covariates is None:
        return None
    if callable(covariates):
        return lambda number: covariates()
    if len(covariates) < rounds:
        given = f"has {len(covariates)} rows for {rounds} rounds"
        raise InvalidArgument("covariates", f"{given}; expected one row per round.")
    if hasattr(covariates, "columns"):
        names = [str(name) for name in covariates.columns]
        values = covariates.to_numpy()
        return lambda number: dict(zip(names, values[number].tolist(), strict=True))
    return lambda number: covariates[number]


def left_out(model: Any, names: Sequence[str]) -> list[str]:
    """A sentence for each covariate that an outcome model leaves out; regressors of one's own see them all."""
    told = getattr(model, "left_out", None)
    return [] if told is None else list(told(names))


def _names_and_values(covariates: Any) -> tuple[list[str] | None, list[Any]]:
    """Names (None for a plain sequence) and values of one unit's covariates."""
    if isinstance(covariates, np.ndarray):
        return None, covariates.ravel().tolist()
    if hasattr(covariates, "columns") and hasattr(covariates, "iloc"):
        if len(covariates) != 1:
            raise InvalidArgument("covariates", f"was a frame with {len(covariates)} rows; expected one row, one unit.")
        covariates = covariates.iloc[0]
    if hasattr(covariates, "to_dict"):
        covariates = covariates.to_dict()
    if isinstance(covariates, Mapping):
        return [str(name) for name in covariates], list(covariates.values())
    return None, listed(covariates, "covariates", "a mapping name → number, a pandas row or a sequence")


def _finite_row(names: Sequence[str], values: Sequence[Any]) -> list[float]:
    """The values as finite floats; the error names the covariate."""
    row = []
    for name, value in zip(names, values, strict=True):
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise InvalidType("covariates", f"have {name!r} = {value!r}; encode it as a number first.") from None
        if not math.isfinite(number):
            fix = "it must be known before treatment: impute it first"
            raise InvalidArgument("covariates", f"have {name!r} = {number}; {fix}.")
        row.append(number)
    if not row:
        raise InvalidArgument("covariates", "is empty; give at least one, or use outcome_model='mean'.")
    return row
