"""Checks of the arrays that make a log: what was given, what was expected, and the row where it went wrong.

What could silently bias an estimate is looked for here, once, when a log is made or `aipw_scores` is called.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causalbandit.arrays import Flags, Floats, Integers
from causalbandit.checks import SUM_TOLERANCE, finite_array, no_gaps, numeric_array, probability_rows, shaped
from causalbandit.errors import InvalidArgument, InvalidType, Rows, listing, shown

_SUMS = "Give every arm of the design a column; where the numbers were rounded, divide each row by its sum."
_OUTCOMES = (
    "wait for late outcomes; drop such rows only if an outcome's absence depends on neither the arm nor the outcome"
)
LARGEST = 1e90
"""Outcomes up to this size have scores whose cubes, summed over a log, a double holds: 10^270, and 10^38 to spare."""

_CONTEXTS = "impute them with a value that does not depend on the outcome, or drop the column"


def outcome_vector(values: ArrayLike) -> Floats:
    """[T] finite outcomes."""
    outcomes = numeric_array(values, "outcomes", "the numbers that were observed")
    shaped(outcomes, "outcomes", ("T",), "one number per round, and at least one round")
    no_gaps(~np.isfinite(outcomes), "outcomes", _OUTCOMES, "missing or infinite")
    rescale = f", below {LARGEST:g} in size: their squares and cubes are averaged. Give them in a larger unit"
    return finite_array(outcomes, "outcomes", rescale, least=-LARGEST, most=LARGEST)


def propensity_array(values: ArrayLike | None, n_rounds: int) -> Floats:
    """[T, K] propensities of all arms, or [T] of the taken one: numbers that are not looked at yet."""
    given = numeric_array(values, "propensities", "the probabilities with which the design chose")
    if given.ndim not in (1, 2) or len(given) != n_rounds:
        expected = "expected [T, K], one column per arm, or [T], the propensity of the arm that was taken"
        raise InvalidArgument("propensities", f"has shape {given.shape} for {n_rounds} outcomes; {expected}.")
    return given


def arm_vector(values: ArrayLike, n_rounds: int, n_arms: int, names: tuple[Hashable, ...]) -> Integers:
    """[T] columns 0 … K−1."""
    arms = shaped(np.asarray(values), "arms", (n_rounds,), "one arm per outcome")
    if arms.dtype.kind == "f" and np.array_equal(arms, np.round(arms)):
        arms = arms.astype(np.int64)
    if arms.dtype.kind not in "iu":
        raise InvalidType("arms", f"holds {arms.dtype} values; expected columns 0 … K−1. For names use from_frame.")
    outside = np.flatnonzero((arms < 0) | (arms >= n_arms))
    if len(outside):
        known = f"but the propensities have {n_arms} columns: expected 0 … {n_arms - 1} ({listing(names)})"
        raise InvalidArgument("arms", f"holds {int(arms[outside[0]])} in row {outside[0]}, {known}.")
    return arms.astype(np.int64, copy=False)


def check_size(n_rounds: int, n_arms: int) -> None:
    """Raise for a record that has one arm only or fewer rounds than arms."""
    if n_arms < 2:
        raise InvalidArgument("arms", "are one arm only; an effect compares at least two. Name all arms of the design.")
    if n_rounds < n_arms:
        raise InvalidArgument("outcomes", f"hold {n_rounds} rounds for {n_arms} arms; expected at least one per arm.")


def all_propensities(propensities: Floats, tolerance: float = SUM_TOLERANCE) -> Floats:
    """[T, K]: ``propensities`` when every row is a probability vector."""
    return probability_rows(propensities, "propensities", tolerance, _SUMS)


def check_taken(taken: Floats, arms: Integers, names: tuple[Hashable, ...]) -> None:
    """Raise for the first taken arm whose propensity is no number in (0, 1]."""
    wrong = np.flatnonzero(~((taken > 0.0) & (taken <= 1.0)))
    if len(wrong):
        row = wrong[0]
        given = f"holds {taken[row]:g} for the taken arm {shown(names[arms[row]])} in "
        fix = "an arm that was taken had a probability above 0 and at most 1: log the one that the design used"
        raise InvalidArgument("propensities", given, Rows([row]), f" ({len(wrong)} such rows); {fix}.")


def context_matrix(values: ArrayLike, n_rounds: int) -> Floats:
    """[T, d] finite contexts; one column may be given as [T]."""
    contexts = numeric_array(values, "contexts", "encode categories first, for example with pandas.get_dummies")
    contexts = contexts[:, None] if contexts.ndim == 1 else contexts
    shaped(contexts, "contexts", (n_rounds, "d"), "one row per round")
    no_gaps(np.asarray(~np.isfinite(contexts).all(axis=1)), "contexts", _CONTEXTS, "missing or infinite")
    return contexts


def round_labels(values: Any, n_rounds: int, argument: str) -> NDArray[Any]:
    """[T] labels without a gap, of any type that can be compared."""
    array = shaped(np.asarray(values), argument, (n_rounds,), "one value per round")
    if array.dtype.kind == "O":
        missing: Flags = np.array([value is None or value != value for value in array], dtype=bool)
    else:
        missing = np.asarray(array != array, dtype=bool)  # what is no number or no time differs from itself
    no_gaps(missing, argument, "the order of time needs all of them")
    return array
