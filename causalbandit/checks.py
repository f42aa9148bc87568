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

import math
import numbers
from collections.abc import Collection, Iterable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causalbandit.errors import InvalidArgument, InvalidType, did_you_mean

T = TypeVar("T")


def whole_number(
    value: Any, argument: str, *, least: int | None = None, most: int | None = None, of: str = "", fix: str = ""
) -> int:
    """``value`` as an int when it is an integer (no bool) from ``least`` to ``most``.

    ``of`` says what it counts ("experiments"), ``fix`` is a sentence that closes the message.
    """
    expected = f"expected a whole number{f' of {of}' if of else ''}{_range(least, most, of)}.{f' {fix}' if fix else ''}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise InvalidType(argument, f"was {value!r}; {expected}")
    if (least is not None and value < least) or (most is not None and value > most):
        raise InvalidArgument(argument, f"was {value}; {expected}")
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
        raise InvalidArgument(argument, f"was {given:g}; {expected}")
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
            argument, f"was {value!r}; it is an error rate between 0 and 1, for example 0.05."
        ) from None


def one_of(value: T, argument: str, options: Iterable[T], what: str | None = None) -> T:
    """``value`` when it is among ``options``; else an error that lists them. ``what`` is the noun of the message."""
    known = list(options)
    if not any(value is option or (type(value) is type(option) and value == option) for option in known):
        listed = ", ".join(repr(option) for option in known)
        raise InvalidArgument(
            argument, f"was {value!r}; known{f' {what}' if what else ''}: {listed}.{did_you_mean(value, known)}"
        )
    return value


def instance(value: Any, argument: str, kinds: type[T] | tuple[type[T], ...], expected: str) -> T:
    """``value`` when it is an instance of ``kinds``; ``expected`` ends the message: "a Problem, from load_problem"."""
    if isinstance(value, type) or not isinstance(value, kinds):
        given = f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__}"
        raise InvalidType(argument, f"was {given}; expected {expected}.")
    return value


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
    kind = {"M": "dates", "m": "durations", "c": "complex numbers"}.get(array.dtype.kind)
    if kind:  # numpy would turn them into numbers unasked: days into nanoseconds, say
        raise InvalidType(argument, f"holds {kind}; expected numbers. {_CONVERSION[kind]}")
    try:
        return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InvalidType(argument, f"holds values that are not numbers; {hint}.") from None


_CONVERSION = {
    "dates": "Subtract a date and convert to numbers, for example with (dates - start).dt.total_seconds().",
    "durations": "Convert them to numbers, for example with .dt.total_seconds().",
    "complex numbers": "Take their real part or their absolute value.",
}
"""How to make numbers of what numpy would cast to doubles unasked."""


def finite_array(values: NDArray[np.float64], argument: str, hint: str = "") -> NDArray[np.float64]:
    """``values`` of shape [T] or [T, K] when all are finite; else an error with the row (and column) of the first."""
    for start in range(0, len(values), 1 << 14):  # block by block: no second array of the size of the first
        bad = ~np.isfinite(values[start : start + (1 << 14)])
        if bad.any():
            row, *place = np.argwhere(bad)[0]
            given = values[(start + row, *place)]
            where = f"row {start + row}" + (f", column {place[0]}" if place else "")
            raise InvalidArgument(argument, f"holds {given} in {where}; expected finite numbers{hint}.")
    return values


def distinct(names: Collection[Any], argument: str) -> None:
    """Raise when a name stands twice."""
    if len(set(names)) < len(names):
        seen: set[Any] = set()
        twice = next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise InvalidArgument(argument, f"names {twice!r} twice; expected different names.")
