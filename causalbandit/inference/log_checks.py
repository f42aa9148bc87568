"""Checks of the arrays that make a log: what was given, what was expected, and the row where it went wrong.

What could silently bias an estimate is looked for here, once, when a log is made or `aipw_scores` is called.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causalbandit.arrays import row_blocks
from causalbandit.checks import numeric_array
from causalbandit.errors import InvalidArgument, InvalidType, listing

SUM_TOLERANCE = 1e-6
"""How far a row of propensities may be from summing to 1; single precision and six printed decimals stay within it."""


def row_numbers(rows: NDArray[np.int64], most: int = 5) -> str:
    """Row numbers for a message."""
    text = ("row " if len(rows) == 1 else "rows ") + ", ".join(str(row) for row in rows[:most])
    return text + (", …" if len(rows) > most else "")


def outcome_vector(values: ArrayLike) -> NDArray[np.float64]:
    """[T] finite outcomes."""
    outcomes = numeric_array(values, "outcomes", "the numbers that were observed")
    if outcomes.ndim != 1:
        raise InvalidArgument("outcomes", f"has shape {outcomes.shape}; expected [T], one number per round.")
    if not len(outcomes):
        raise InvalidArgument("outcomes", "is empty; a log needs rounds to learn from.")
    bad = np.flatnonzero(~np.isfinite(outcomes))
    if len(bad):
        raise InvalidArgument(
            "outcomes",
            f"are missing or infinite in {len(bad)} of {len(outcomes)} rows ({row_numbers(bad)}). Wait for late "
            "outcomes; drop such rows only if an outcome's absence depends on neither the arm nor the outcome.",
        )
    return outcomes


def propensity_array(values: ArrayLike | None, n_rounds: int) -> NDArray[np.float64]:
    """[T, K] propensities of all arms, or [T] of the taken one: numbers that are not looked at yet."""
    given = numeric_array(values, "propensities", "the probabilities with which the design chose")
    if given.ndim not in (1, 2) or len(given) != n_rounds:
        raise InvalidArgument(
            "propensities",
            f"has shape {given.shape} for {n_rounds} outcomes; expected [T, K], one column per arm, or [T], the "
            "propensity of the arm that was taken.",
        )
    return given


def arm_vector(values: ArrayLike, n_rounds: int, n_arms: int, names: tuple[Hashable, ...]) -> NDArray[np.int64]:
    """[T] columns 0 … K−1."""
    arms = np.asarray(values)
    if arms.shape != (n_rounds,):
        raise InvalidArgument("arms", f"has shape {arms.shape}; expected ({n_rounds},), one arm per outcome.")
    if arms.dtype.kind == "f" and np.array_equal(arms, np.round(arms)):
        arms = arms.astype(np.int64)
    if arms.dtype.kind not in "iu":
        raise InvalidType(
            "arms", f"holds {arms.dtype} values; expected column numbers 0 … K−1. For names use from_frame."
        )
    outside = np.flatnonzero((arms < 0) | (arms >= n_arms))
    if len(outside):
        raise InvalidArgument(
            "arms",
            f"holds {int(arms[outside[0]])} in row {outside[0]}, but the propensities have {n_arms} columns: expected "
            f"0 … {n_arms - 1} ({listing(names)}).",
        )
    return arms.astype(np.int64, copy=False)


def check_size(n_rounds: int, n_arms: int) -> None:
    """Raise for a record that has one arm only or fewer rounds than arms."""
    if n_arms < 2:
        raise InvalidArgument("arms", "are one arm only; an effect compares at least two. Name all arms of the design.")
    if n_rounds < n_arms:
        raise InvalidArgument(
            "outcomes", f"hold {n_rounds} rounds for {n_arms} arms; expected at least one round per arm."
        )


def check_probability_rows(propensities: NDArray[np.float64], tolerance: float = SUM_TOLERANCE) -> None:
    """Raise for the first row of [T, K] that is no probability vector."""
    for rows in row_blocks(*propensities.shape):
        block = propensities[rows]
        if not (block.min() >= 0.0 and block.max() <= 1.0):  # NaN compares false, so it is wrong too
            row, place = np.argwhere(~((block >= 0.0) & (block <= 1.0)))[0]
            raise InvalidArgument(
                "propensities",
                f"holds {block[row, place]:g} in row {rows.start + row}, column {place}; expected probabilities in "
                "[0, 1], as the design used them.",
            )
        sums = block @ np.ones(block.shape[1])
        off = np.flatnonzero(np.abs(sums - 1.0) > tolerance)
        if len(off):
            raise InvalidArgument(
                "propensities",
                f"sum to {sums[off[0]]:.9g} in row {rows.start + off[0]}; expected 1 within {tolerance:g}. Give every "
                "arm of the design a column; where the numbers were rounded, divide each row by its sum.",
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
        raise InvalidArgument(
            "propensities",
            f"hold {taken[row]:g} for the taken arm {names[arms[row]]!r} in row {row} ({len(wrong)} such rows in all); "
            f"{fix}.",
        )


def context_matrix(values: ArrayLike, n_rounds: int) -> NDArray[np.float64]:
    """[T, d] finite contexts; one column may be given as [T]."""
    contexts = numeric_array(values, "contexts", "encode categories first, for example with pandas.get_dummies")
    contexts = contexts[:, None] if contexts.ndim == 1 else contexts
    if contexts.ndim != 2 or len(contexts) != n_rounds:
        raise InvalidArgument("contexts", f"has shape {contexts.shape}; expected [T, d] with T = {n_rounds}.")
    bad = np.flatnonzero(~np.isfinite(contexts).all(axis=1))
    if len(bad):
        raise InvalidArgument(
            "contexts",
            f"are missing or infinite in {len(bad)} of {n_rounds} rows ({row_numbers(bad)}); impute them with a value "
            "that does not depend on the outcome, or drop the column.",
        )
    return contexts


def round_labels(values: Any, n_rounds: int, argument: str) -> NDArray[Any]:
    """[T] labels without a gap, of any type that can be compared."""
    array = np.asarray(values)
    if array.shape != (n_rounds,):
        raise InvalidArgument(argument, f"has shape {array.shape}; expected ({n_rounds},), one value per round.")
    if array.dtype.kind in "fmM":
        missing = np.flatnonzero(np.isnan(array) if array.dtype.kind == "f" else np.isnat(array))
    elif array.dtype.kind == "O":
        missing = np.flatnonzero([value is None or value != value for value in array])
    else:
        missing = np.empty(0, dtype=np.int64)
    if len(missing):
        raise InvalidArgument(
            argument,
            f"is missing in {len(missing)} rows ({row_numbers(missing)}); the order of time needs all of them.",
        )
    return array
