"""Checks of the arrays that enter inference: what was given, what was expected, and the row where it went wrong."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causalbandit.arrays import row_blocks
from causalbandit.errors import listing

SUM_TOLERANCE = 1e-6
"""How far a row of propensities may be from summing to 1; single precision and six printed decimals stay within it."""


NUMBERS = (int, float, np.integer, np.floating)
"""Types of single numbers."""


def row_numbers(rows: NDArray[np.int64], most: int = 5) -> str:
    """Row numbers for a message."""
    text = ("row " if len(rows) == 1 else "rows ") + ", ".join(str(row) for row in rows[:most])
    return text + (", …" if len(rows) > most else "")


def numbers(values: ArrayLike | None, what: str, hint: str) -> NDArray[np.float64]:
    """Values as doubles, or a TypeError that calls them ``what``."""
    if values is None:
        raise TypeError(f"{what} is None; expected an array of numbers ({hint}).")
    check_numeric(values, what)
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{what} holds values that are not numbers; {hint}.") from None


_CONVERSION = {
    "dates": "Subtract a date and convert to numbers, for example with (dates - start).dt.total_seconds().",
    "durations": "Convert them to numbers, for example with .dt.total_seconds().",
    "complex numbers": "Take their real part or their absolute value.",
}
"""How to make numbers of what `not_numeric` names."""


def check_numeric(values: Any, what: str) -> None:
    """Raise a TypeError for what `not_numeric` names, with the way to make numbers of it."""
    kind = not_numeric(values)
    if kind:
        raise TypeError(f"{what} holds {kind}; expected numbers. {_CONVERSION[kind]}")


def not_numeric(values: Any) -> str:
    """ "dates", "durations" or "complex numbers" for arrays of what numpy would cast to doubles unasked, else ""."""
    array = np.asarray(values)
    name = {"M": "dates", "m": "durations", "c": "complex numbers"}.get(array.dtype.kind, "")
    if array.dtype.kind == "O":
        for kinds, name in _OBJECTS:
            if any(isinstance(value, kinds) for value in array.flat):
                return name
        return ""
    return name


_OBJECTS = (
    ((date, np.datetime64), "dates"),
    ((timedelta, np.timedelta64), "durations"),
    ((complex, np.complexfloating), "complex numbers"),
)


def round_labels(values: Any, n_rounds: int, what: str) -> NDArray[Any]:
    """[T] labels without a gap, of any type that can be compared."""
    array = np.asarray(values)
    if array.shape != (n_rounds,):
        raise ValueError(f"{what} has shape {array.shape}; expected ({n_rounds},), one value per round.")
    if array.dtype.kind in "fmM":
        missing = np.flatnonzero(np.isnan(array) if array.dtype.kind == "f" else np.isnat(array))
    elif array.dtype.kind == "O":
        missing = np.flatnonzero([value is None or value != value for value in array])
    else:
        missing = np.empty(0, dtype=np.int64)
    if len(missing):
        raise ValueError(
            f"{what} is missing in {len(missing)} rows ({row_numbers(missing)}); the order of time needs all of them."
        )
    return array


def check_finite(values: NDArray[np.float64], what: str, hint: str) -> None:
    """Raise for the first number of [T, K] ``values``, called ``what``, that is missing or infinite."""
    for rows in row_blocks(*values.shape):
        bad = ~np.isfinite(values[rows])
        if bad.any():
            row, place = np.argwhere(bad)[0]
            raise ValueError(
                f"{what} holds {values[rows][row, place]} in row {rows.start + row}, column {place}; expected finite "
                f"numbers{hint}."
            )


def outcome_vector(values: ArrayLike) -> NDArray[np.float64]:
    """[T] finite outcomes."""
    given = np.asarray(values)
    if given.dtype.kind in "mM" and given.ndim == 1:
        check_known(~np.isnat(given))
    outcomes = numbers(values, "outcomes", "the numbers that were observed")
    if outcomes.ndim != 1:
        raise ValueError(f"outcomes has shape {outcomes.shape}; expected [T], one number per round.")
    if not len(outcomes):
        raise ValueError("The log is empty: no rounds to learn from.")
    check_known(np.isfinite(outcomes))
    return outcomes


def check_known(known: NDArray[np.bool_]) -> None:
    """Raise for outcomes that are missing or infinite: where ``known`` [T] is false."""
    bad = np.flatnonzero(~known)
    if len(bad):
        raise ValueError(
            f"outcomes are missing or infinite in {len(bad)} of {len(known)} rows ({row_numbers(bad)}). Wait for "
            "late outcomes; drop such rows only if an outcome's absence depends on neither the arm nor the outcome."
        )


def arm_vector(values: ArrayLike, n_rounds: int, n_arms: int, names: tuple[Hashable, ...]) -> NDArray[np.int64]:
    """[T] columns 0 … K−1."""
    arms = np.asarray(values)
    if arms.shape != (n_rounds,):
        raise ValueError(f"arms has shape {arms.shape}; expected ({n_rounds},), one arm per outcome.")
    if arms.dtype.kind == "f" and np.array_equal(arms, np.round(arms)):
        arms = arms.astype(np.int64)
    if arms.dtype.kind not in "iu":
        raise TypeError(f"arms holds {arms.dtype} values; expected column numbers 0 … K−1. For names use from_frame.")
    outside = np.flatnonzero((arms < 0) | (arms >= n_arms))
    if len(outside):
        raise ValueError(
            f"arms holds {int(arms[outside[0]])} in row {outside[0]}, but the propensities have {n_arms} columns: "
            f"expected 0 … {n_arms - 1} ({listing(names)})."
        )
    return arms.astype(np.int64, copy=False)


def check_rows(propensities: NDArray[np.float64], tolerance: float = SUM_TOLERANCE) -> None:
    """Raise for the first row that is no probability vector."""
    for rows in row_blocks(*propensities.shape):
        block = propensities[rows]
        if not (block.min() >= 0.0 and block.max() <= 1.0):  # NaN compares false, so it is wrong too
            row, place = np.argwhere(~((block >= 0.0) & (block <= 1.0)))[0]
            raise ValueError(
                f"propensities holds {block[row, place]:g} in row {rows.start + row}, column {place}; expected "
                "probabilities in [0, 1], as the design used them."
            )
        sums = block @ np.ones(block.shape[1])
        off = np.flatnonzero(np.abs(sums - 1.0) > tolerance)
        if len(off):
            raise ValueError(
                f"propensities sum to {sums[off[0]]:.9g} in row {rows.start + off[0]}; expected 1 within "
                f"{tolerance:g}. Give every arm of the design a column; if the numbers were rounded, divide each row "
                "by its sum or pass tolerance=."
            )


def check_taken(taken: NDArray[np.float64], arms: NDArray[np.int64], names: tuple[Hashable, ...]) -> None:
    """Raise for the first taken arm whose propensity is no number in (0, 1]."""
    wrong = np.flatnonzero(~((taken > 0.0) & (taken <= 1.0)))
    if len(wrong):
        row = wrong[0]
        fix = (
            "an arm that was taken cannot have had probability 0: log the probability that the design used in that "
            "round"
            if taken[row] == 0.0
            else "expected a probability in (0, 1]"
        )
        raise ValueError(
            f"The propensity of the taken arm {names[arms[row]]!r} is {taken[row]:g} in row {row} "
            f"({len(wrong)} such rows in all); {fix}."
        )


def check_size(n_rounds: int, n_arms: int) -> None:
    """Raise for a record that has one arm only or fewer rounds than arms."""
    if isinstance(n_arms, bool) or not isinstance(n_arms, (int, np.integer)):
        raise TypeError(f"n_arms was {n_arms!r}; expected the number of arms of the design, an integer.")
    if n_arms < 2:
        raise ValueError("The log has one arm only; an effect compares at least two. Name all arms of the design.")
    if n_rounds < n_arms:
        raise ValueError(f"The log has {n_rounds} rounds for {n_arms} arms; expected at least one round per arm.")


def context_matrix(values: ArrayLike, n_rounds: int) -> NDArray[np.float64]:
    """[T, d] finite contexts; one column may be given as [T]."""
    contexts = numbers(values, "contexts", "encode categories first, for example with pandas.get_dummies")
    contexts = contexts[:, None] if contexts.ndim == 1 else contexts
    if contexts.ndim != 2 or len(contexts) != n_rounds:
        raise ValueError(f"contexts has shape {contexts.shape}; expected [T, d] with T = {n_rounds}.")
    bad = np.flatnonzero(~np.isfinite(contexts).all(axis=1))
    if len(bad):
        raise ValueError(
            f"contexts are missing or infinite in {len(bad)} of {n_rounds} rows ({row_numbers(bad)}); impute them "
            "with a value that does not depend on the outcome, or drop the column."
        )
    return contexts
