"""Names of arms: labels in a table as columns of a log, and names that could be taken for one another."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from numbers import Number
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from causalbandit.arrays import Integers
from causalbandit.checks import listed, no_gaps
from causalbandit.errors import InvalidArgument, Rows, did_you_mean, listing


def codes_as_seen(labels: NDArray[Any], seen: dict[Any, int]) -> Integers:
    """Labels as numbers in the order of first appearance, which ``seen`` carries from part to part; −1 if missing."""
    import pandas as pd

    codes, uniques = pd.factorize(labels)
    found = pd.Index(uniques).tolist() if uniques.dtype.kind == "m" or uniques.dtype == "M8[ns]" else uniques.tolist()
    table = [seen.setdefault(label, len(seen)) for label in found]
    return np.array([*table, -1], dtype=np.int64)[codes]  # the last entry is that of code −1


def arm_columns(
    codes: Integers, labels: list[Any], names: tuple[Hashable, ...] | None, column: str
) -> tuple[Integers, tuple[Hashable, ...]]:
    """[T] columns 0 … K−1 of labels given as numbers, and the K names.

    With ``names``, a label is the arm that equals it, that prints like it, or whose number it reads as: "1" and "1.0"
    in a file are the arm 1. Without, each label that prints differently is an arm.
    """
    no_gaps(codes < 0, f"arm (column {column!r})", "expected the name of an arm in every row")
    if names is None:
        names = _in_order(labels, column)
    check_names_differ(names)
    known: dict[Hashable, int] = {name: number for number, name in enumerate(names)}
    printed = {str(name): number for number, name in enumerate(names)}
    numbers = {float(name): number for number, name in enumerate(names) if _is_number(name)}  # type: ignore[arg-type]
    table = np.empty(len(labels), dtype=np.int64)
    for number, label in enumerate(labels):
        found = known.get(label, printed.get(str(label)))
        if found is None:
            found = numbers.get(_value(label))
        if found is None:
            raise InvalidArgument(
                "arm",
                f"{label!r} (column {column!r}, first in ",
                Rows([int(np.argmax(codes == number))]),
                f") is not one of the arms {listing(names)}.{did_you_mean(label, names)} Give every arm of the design, "
                "with its propensity.",
            )
        table[number] = found
    return table[codes], names


def names_in_order(given: Any, argument: str) -> tuple[Hashable, ...]:
    """The names of all arms, as somebody lists them."""
    names = tuple(map(plain_name, listed(given, argument, "the names of all arms in order, such as ['a', 'b']")))
    check_names_differ(names)
    return names


def plain_name(name: Hashable) -> Hashable:
    """An arm's name with numpy's scalars, but for dates and durations, as the plain value that they hold."""
    plain = isinstance(name, np.generic) and not isinstance(name, (np.datetime64, np.timedelta64))
    return cast(Hashable, name.item()) if plain else name  # type: ignore[attr-defined]


def check_names_differ(names: Sequence[Hashable]) -> None:
    """Raise for names that are equal or print alike."""
    seen: dict[str, Hashable] = {}
    for name in names:
        if str(name) in seen:
            given = f"are called {seen[str(name)]!r} and {name!r}"
            raise InvalidArgument("arms", f"{given}: each needs a name that does not print like another's.")
        seen[str(name)] = name


def _in_order(labels: list[Any], column: str) -> tuple[Hashable, ...]:
    """One name for the labels that print alike, the first seen; by number if all read as numbers, else sorted.

    Text that may mean one arm or two is refused: names that differ in spaces only, and a number written in two ways
    ("1" and "1.0"). Strings of digits are names as they stand: "01" and "1" are two.
    """
    named: dict[str, Any] = {}
    for label in labels:
        named.setdefault(str(label), label)
    seen: dict[Any, str] = {}
    for text in named:
        other = seen.setdefault(text.strip() if math.isnan(_value(text)) else _value(text), text)
        if other != text and not (other.isdigit() and text.isdigit()):
            given = f"{other!r} and {text!r} (column {column!r}) may be one arm written in two ways"
            raise InvalidArgument("arm", f"{given}; write each arm in one way, or name all arms of the design.")
    names = list(named.values())
    values = [_value(name) for name in names]
    if not any(map(math.isnan, values)):
        return tuple(name for _, _, name in sorted(zip(values, map(str, names), names, strict=True)))
    try:
        return tuple(sorted(names))
    except TypeError:
        return tuple(sorted(names, key=str))


def _is_number(name: Any) -> bool:
    return isinstance(name, Number) and not isinstance(name, (bool, complex))


def _value(label: Any) -> float:
    """The finite number that a label is or reads as; NaN for others."""
    value = number_read(label) if isinstance(label, str) or _is_number(label) else math.nan
    return value if math.isfinite(value) else math.nan


def number_read(value: Any) -> float:
    """A number, or a text that reads as one, as a float; NaN for others."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
