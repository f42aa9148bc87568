"""Checks at the door of public functions: each returns the value as the rest of the package uses it, or raises.

A check takes the value and the name of the argument, and raises `InvalidArgument` (`InvalidType` for a wrong type),
whose message tells what was given, what was expected and the usual fix. What has passed a door is trusted inside.

>>> whole_number(5, "budget", least=1)
5
>>> whole_number(0, "budget", least=1)
Traceback (most recent call last):
    ...
causalbandit.errors.InvalidArgument: budget was 0; expected a whole number of at least 1.
"""

from __future__ import annotations

import itertools
import math
import numbers
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pandas as pd

from causalbandit.arrays import row_blocks
from causalbandit.errors import InvalidArgument, InvalidType, Rows, did_you_mean, listing, shown

T = TypeVar("T")


def whole_number(
    value: Any, argument: str, *, least: int | None = None, most: int | None = None, of: str = "", fix: str = ""
) -> int:
    """``value`` as an int when it is an integer (no bool) from ``least`` to ``most``.

    ``of`` says what it counts ("experiments"), ``fix`` is a sentence that closes the message.
    """
    expected = f"expected a whole number{f' of {of}' if of else ''}{_range(least, most, of)}.{f' {fix}' if fix else ''}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise InvalidType(argument, f"was {shown(value)}; {expected}")
    if (least is not None and value < least) or (most is not None and value > most):
        raise InvalidArgument(argument, f"was {shown(value)}; {expected}")
    return int(value)


def _range(least: int | None, most: int | None, of: str) -> str:
    if least is None and most is None:
        return ""
    start = ", " if of else " of "
    if most is None:
        return f"{start}at least {least:,}"
    return f"{start}at most {most:,}" if least is None else f"{', ' if of else ' '}from {least:,} to {most:,}"


def number(
    value: Any,
    argument: str,
    *,
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
    most: float | None = None,
    fix: str = "",
) -> float:
    """``value`` as a float when it is a finite real number (no bool) within bounds; ``above``, ``below`` exclude."""
    bounds = [
        f"{words} {bound:g}"
        for words, bound in (("above", above), ("at least", least), ("below", below), ("at most", most))
        if bound is not None
    ]
    expected = f"expected a finite number{' ' if bounds else ''}{' and '.join(bounds)}.{f' {fix}' if fix else ''}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (numbers.Real, np.number)):
        raise InvalidType(argument, f"was {value!r}; {expected}")
    try:
        given = float(value)
    except OverflowError:
        given = math.inf
    inside = (
        math.isfinite(given)
        and (above is None or given > above)
        and (least is None or given >= least)
        and (below is None or given < below)
        and (most is None or given <= most)
    )
    if not inside:
        text = shown(value) if isinstance(value, int) and math.isinf(given) else f"{given:g}"
        raise InvalidArgument(argument, f"was {text}; {expected}")
    return given


def share(value: Any, argument: str, fix: str = "") -> float:
    """``value`` as a float in [0, 1]."""
    return number(value, argument, least=0, most=1, fix=fix)


def error_rate(value: Any, argument: str = "alpha") -> float:
    """``value`` as a float in (0, 1): the share of intervals or answers that may be wrong."""
    try:
        return number(value, argument, above=0, below=1)
    except InvalidArgument:
        raise InvalidArgument(
            argument, f"was {shown(value)}; it is an error rate between 0 and 1, for example 0.05."
        ) from None


def one_of(value: T, argument: str, options: Iterable[T], what: str | None = None, *, verb: str = "was") -> T:
    """``value`` when it is among ``options``; else an error that lists them. ``what`` is the noun of the message.

    ``verb`` is "names" where the argument is a list that ``value`` stands in.
    """
    known = list(options)
    if not any(value is option or (type(value) is type(option) and value == option) for option in known):
        nouns = f" {what}" if what else ""
        near = did_you_mean(value, known)
        raise InvalidArgument(argument, f"{verb} {shown(value)}; known{nouns}: {listing(known, MOST_LISTED)}.{near}")
    return value


MOST_LISTED = 16
"""Options that a message lists: all of this package's, and the first of a long graph's nodes."""


def instance(value: Any, argument: str, kinds: type[T] | tuple[type[T], ...], expected: str) -> T:
    """``value`` when it is an instance of ``kinds``; ``expected`` ends the message: "a Problem, from load_problem"."""
    if isinstance(value, type) or not isinstance(value, kinds):
        given = f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__}"
        raise InvalidType(argument, f"was {given}; expected {expected}.")
    return value


def methods(value: Any, argument: str, names: Collection[str], purpose: str) -> None:
    """Raise unless ``value`` is an object with the methods ``names``; ``purpose`` is a clause that says what for."""
    if isinstance(value, type):
        raise InvalidType(argument, f"was the class {value.__name__}; expected an object, {value.__name__}(...).")
    missing = [f"{name}()" for name in names if not callable(getattr(value, name, None))]
    if missing:
        raise InvalidType(argument, f"was {_given(value)}, which has no {' and '.join(missing)}: {purpose}.")


def function(value: T, argument: str, expected: str) -> T:
    """``value`` when it can be called; ``expected`` shows how: "a function run(intervention, size)"."""
    if not callable(value):
        raise InvalidType(argument, f"was {_given(value)}; expected {expected}.")
    return value


def _given(value: Any) -> str:
    """A value in a message: itself where it is plain, else its type."""
    return shown(value) if value is None or isinstance(value, (str, numbers.Number)) else f"a {type(value).__name__}"


def listed(values: Any, argument: str, expected: str) -> list[Any]:
    """``values`` as a list; a text, a mapping and what holds nothing are refused. ``expected``: "a list of nodes"."""
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        raise InvalidType(argument, f"was {values!r}; expected {expected}.")
    return list(values)


def one_each(labels: Collection[Any], argument: str, n: int, of: str) -> None:
    """Raise unless there are ``n`` labels, one for each ``of`` ("arms")."""
    if len(labels) != n:
        raise InvalidArgument(argument, f"has {len(labels)} labels for {n} {of}; expected one for each.")


def interval(bounds: Any, argument: str) -> tuple[float, float]:
    """``bounds`` as two finite numbers, the lower one first."""
    try:
        low, high = (float(bound) for bound in bounds)
    except (TypeError, ValueError, OverflowError):
        low = high = math.nan
    if not -math.inf < low < high < math.inf:
        raise InvalidArgument(argument, f"was {shown(bounds)}; expected two finite numbers (a, b) with a < b.")
    return low, high


def ascending(values: Any, argument: str, least: int, most: int, of: str) -> list[int]:
    """``values`` as whole numbers from ``least`` to ``most``, each larger than the one before.

    ``of`` says what they number: "rounds".
    """
    given = [
        whole_number(value, argument, least=least, most=most, of=of)
        for value in listed(values, argument, f"a list of numbers of {of}")
    ]
    for before, after in itertools.pairwise(given):
        if before >= after:
            raise InvalidArgument(argument, f"holds {before} before {after}; expected each once, ascending.")
    return given


def numeric_array(values: ArrayLike | None, argument: str, hint: str) -> NDArray[np.float64]:
    """``values`` as doubles; ``hint`` tells how to make numbers of what is none. Dates and complex are refused."""
    if values is None:
        raise InvalidType(argument, f"is None; expected an array of numbers ({hint}).")
    try:
        array = np.asarray(values)
    except ValueError:
        raise InvalidArgument(
            argument, f"has rows of different lengths; expected an array of numbers ({hint})."
        ) from None
    if array.dtype.kind in _CAST:
        kind, fix = _CAST[array.dtype.kind]
        raise InvalidType(argument, f"holds {kind}; expected numbers. {fix}")
    try:
        return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InvalidType(argument, f"holds values that are not numbers; {hint}.") from None


_CAST = {
    "M": ("dates", "Subtract a date and convert to numbers, for example with (dates - start).dt.total_seconds()."),
    "m": ("durations", "Convert them to numbers, for example with .dt.total_seconds()."),
    "c": ("complex numbers", "Take their real part or their absolute value."),
}
"""What numpy would cast to doubles unasked, days into nanoseconds, say, and how to make numbers of it."""


def shaped(values: NDArray[Any], argument: str, shape: tuple[int | str, ...], meaning: str = "") -> NDArray[Any]:
    """``values`` when they have the ``shape``, in which a letter stands for any length above 0: ("T", 2).

    ``meaning`` says what the axes are: "one row per round".
    """
    pairs = zip(values.shape, shape, strict=False)
    if values.ndim != len(shape) or not all(n == want if isinstance(want, int) else n > 0 for n, want in pairs):
        expected = f"[{', '.join(map(str, shape))}]" if any(isinstance(n, str) for n in shape) else str(shape)
        raise InvalidArgument(
            argument, f"has shape {values.shape}; expected {expected}{f': {meaning}' if meaning else ''}."
        )
    return values


def broadcast(values: NDArray[np.float64], argument: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """A view of ``values`` as an array of the ``shape``."""
    try:
        return np.broadcast_to(values, shape)
    except ValueError:
        raise InvalidArgument(argument, f"has shape {values.shape}, which does not broadcast to {shape}.") from None


def finite_array(
    values: NDArray[np.float64],
    argument: str,
    hint: str = "",
    *,
    least: float = -np.finfo(np.float64).max,
    most: float = np.finfo(np.float64).max,
) -> NDArray[np.float64]:
    """``values``, with at least one axis, when all are finite and within bounds; else an error with the first's place.

    Block by block, without a second array of the size of the first. ``hint`` goes on behind "expected finite numbers".
    """
    for rows in row_blocks(len(values), values[:1].size) if values.size else ():
        block = values[rows]
        if not (block.min() >= least and block.max() <= most):  # NaN compares false, so it is wrong too
            row, *place = np.argwhere(~((block >= least) & (block <= most)))[0]
            given, expected = f"holds {block[(row, *place)]:g}", f"; expected finite numbers{hint}."
            if len(place) > 1:
                where = [rows.start + int(row), *map(int, place)]
                raise InvalidArgument(argument, f"{given} at {where}{expected}")
            column = f", column {place[0]}" if place else ""
            raise InvalidArgument(argument, f"{given} in ", Rows([rows.start + row]), f"{column}{expected}")
    return values


def zeros_and_ones(values: NDArray[np.float64], argument: str, fix: str) -> NDArray[np.float64]:
    """``values`` [T] when all are 0 or 1; else an error with the row of the first. ``fix`` is a sentence on others."""
    other = np.flatnonzero((values != 0.0) & (values != 1.0))
    if len(other):
        raise InvalidArgument(argument, f"holds {values[other[0]]:g} in ", Rows(other[:1]), f"; expected 0 or 1. {fix}")
    return values


SUM_TOLERANCE = 1e-6
"""How far probabilities may be from summing to 1; single precision and six printed decimals stay within it."""


def probability_rows(
    values: NDArray[np.float64], argument: str, tolerance: float = SUM_TOLERANCE, fix: str = ""
) -> NDArray[np.float64]:
    """``values`` [T, K] when every row is a probability vector; else an error with the first that is not.

    ``fix`` is a sentence that closes the message about a sum.
    """
    for rows in row_blocks(*values.shape):
        block = values[rows]
        sums = block @ np.ones(block.shape[1])
        off = np.abs(sums - 1.0) > tolerance
        if block.min() >= 0.0 and not off.any():  # NaN compares false, so it is wrong too
            continue
        if not (block.min() >= 0.0 and block.max() <= 1.0 + tolerance):
            row, place = np.argwhere(~((block >= 0.0) & (block <= 1.0 + tolerance)))[0]
            expected = f", column {place}; expected probabilities in [0, 1]."
            raise InvalidArgument(argument, f"holds {block[row, place]:g} in ", Rows([rows.start + row]), expected)
        wrong = np.flatnonzero(off)[0]
        expected = f"; expected 1 within {tolerance:g}.{f' {fix}' if fix else ''}"
        raise InvalidArgument(argument, f"sum to {sums[wrong]:.9g} in ", Rows([rows.start + wrong]), expected)
    return values


def no_gaps(bad: NDArray[np.bool_], argument: str, fix: str, what: str = "missing") -> None:
    """Raise when a row is ``bad``, bool [T]; ``what`` says in which way, and the clause ``fix`` closes the message."""
    rows = np.flatnonzero(bad)
    if len(rows):
        raise InvalidArgument(argument, f"is {what} in {len(rows)} of {len(bad)} rows (", Rows(rows), f"); {fix}.")


def binary_column(column: pd.Series, argument: str, fix: str, *, gaps: bool = False) -> NDArray[np.float64]:
    """A column of a data frame as 0, 1 and, where a value is missing and ``gaps`` allows it, NaN.

    Text that reads as 0 or 1 counts. ``fix`` is a clause that closes the message.
    """
    import pandas as pd

    numbers = pd.to_numeric(column.astype(object) if column.dtype == "category" else column, errors="coerce")
    wrong = ~(numbers.isin([0, 1]) | (column.isna() & gaps)).to_numpy(dtype=bool)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        expected = f"; expected 0{', 1 or nothing' if gaps else ' or 1'}."
        count = f"{int(wrong.sum())} of {len(wrong)} values of this column are something else: {fix}."
        given = f"holds {column.name!r} = {column.tolist()[row]!r} in "
        raise InvalidArgument(argument, given, Rows([row]), f"{expected} {count}")
    return numbers.to_numpy(dtype=np.float64, na_value=np.nan)


def nodes_present(nodes: Iterable[str], argument: str, table: Collection[Any]) -> None:
    """Raise unless the ``table`` has a column for each of the ``nodes``, the target and its ancestors."""
    missing = [node for node in nodes if node not in table]
    if missing:
        near = did_you_mean(missing[0], map(str, table))
        raise InvalidArgument(
            argument, f"has no column for {listing(missing)}; expected one for the target and each ancestor.{near}"
        )


def columns_present(wanted: Iterable[Any], argument: str, table: Collection[Any]) -> None:
    """Raise unless every ``wanted`` column is once among those of the ``table``."""
    names = list(table)
    for name in wanted:
        if name not in names:
            known = f"the table has {listing(names)}.{did_you_mean(name, names)}"
            raise InvalidArgument(argument, f"names {shown(name)}, but there is no such column; {known}")
        if names.count(name) > 1:
            count = f"the table has {names.count(name)} such columns"
            raise InvalidArgument(argument, f"names {name!r}, but {count}; expected one.")


def distinct(names: Collection[Any], argument: str) -> None:
    """Raise when a name stands twice."""
    if len(set(names)) < len(names):
        given = list(names)
        twice = next(name for place, name in enumerate(given) if name in given[:place])
        raise InvalidArgument(argument, f"names {twice!r} twice; expected different names.")
