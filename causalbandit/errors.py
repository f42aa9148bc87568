"""What the package raises, and the words of its messages: near-miss suggestions and short listings."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from typing import Any


class Error(Exception):
    """Base of the errors that this package defines."""


class InvalidArgument(Error, ValueError):
    """An argument that cannot be used.

    The message begins with the argument's name, so that a caller who calls it differently (an option of a command
    line) can put that name in its place.

    >>> print(InvalidArgument("budget", "was 0; expected at least 1."))
    budget was 0; expected at least 1.

    Attributes
    ----------
    argument : str
        The name of the argument.
    message : str
        What is wrong with it, without the name: what was given, what was expected, and the usual fix.
    """

    def __init__(self, argument: str, message: str) -> None:
        super().__init__(argument, message)
        self.argument = argument
        self.message = message

    def __str__(self) -> str:
        return f"{self.argument} {self.message}"


class InvalidType(InvalidArgument, TypeError):
    """An argument of a type that cannot be used; a TypeError, too."""


class BadValue(Error, ValueError):
    """What a file or a value holds cannot be used; the message says why."""


class RunError(Error, RuntimeError):
    """Work that began could not be finished; the message says why."""


def did_you_mean(name: object, options: Iterable[object]) -> str:
    """A clause `` Did you mean 'x'?`` for the option nearest to ``name``, or an empty string when none is near."""
    # difflib's usual cutoff: about two letters in five may differ, enough to find a misspelt name.
    near = difflib.get_close_matches(str(name), [str(option) for option in options], n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""


MOST_DIGITS = 30
"""Digits of a whole number that a message writes out; longer ones are told by their length."""


def shown(value: object) -> str:
    """``value`` as a message shows it: its representation, with numpy's scalars as the plain values that they hold.

    >>> shown(10**400)
    'a number of 401 digits'
    """
    plain: Any = value
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == () and hasattr(value, "item"):
        plain = str(value) if type(value).__name__ in ("datetime64", "timedelta64") else value.item()
    if type(plain) is tuple and len(plain) > 1:
        return f"({', '.join(map(shown, plain))})"
    if isinstance(plain, int) and abs(plain) >= 10**MOST_DIGITS:
        return f"a number of {int(math.log10(abs(plain))) + 1} digits"
    return repr(plain)


def listing(items: Iterable[object], most: int = 8) -> str:
    """The items' representations, comma separated, cut after ``most`` with the number left out."""
    given = list(items)
    text = ", ".join(map(shown, given[:most]))
    return text + (f", … ({len(given) - most} more)" if len(given) > most else "")
