"""What the package raises, and the words of its messages: near-miss suggestions and short listings."""

from __future__ import annotations

import contextlib
import difflib
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self


class Error(Exception):
    """Base of the errors that this package defines."""


class InvalidArgument(Error, ValueError):
    """An argument that cannot be used.

    The message begins with the argument's name, so that a caller who calls it differently (an option of a command
    line) can put that name in its place.

    >>> print(InvalidArgument("budget", "was 0; expected at least 1."))
    budget was 0; expected at least 1.

    What follows may come in pieces, of which `Rows` and a `Setting` are other things that such a caller calls
    differently.

    >>> error = InvalidArgument("results", "holds 'buy' = 7 in ", Rows([0]), "; expected 0 or 1.")
    >>> print(error.with_rows(lambda row: row + 2, "line"))
    results holds 'buy' = 7 in line 2; expected 0 or 1.

    Attributes
    ----------
    argument : str
        The name of the argument.
    words : tuple of str, Rows and Setting
        What is wrong with it, without the name: what was given, what was expected, and the usual fix.
    """

    def __init__(self, argument: str, *words: str | Rows | Setting) -> None:
        super().__init__(argument, *words)
        self.argument = argument
        self.words = words

    @property
    def message(self) -> str:
        """The words as one text."""
        return "".join(map(str, self.words))

    def with_rows(self, number: Callable[[int], int], noun: str = "row") -> Self:
        """The same error with every row told as ``number`` of it, which ``noun`` stands before."""
        words = (word.told(number, noun) if isinstance(word, Rows) else word for word in self.words)
        return type(self)(self.argument, *words)

    def __str__(self) -> str:
        return f"{self.argument} {self.message}"


class InvalidType(InvalidArgument, TypeError):
    """An argument of a type that cannot be used; a TypeError, too."""


MOST_ROWS = 5
"""Rows that a message names."""


class Rows:
    """Rows of a table in a message, numbered from 0 as in a data frame, or as ``noun`` says.

    >>> print(Rows([3]), Rows(range(4, 10)), sep="; ")
    row 3; rows 4, 5, 6, 7, 8, …
    """

    def __init__(self, numbers: Iterable[int], noun: str = "row") -> None:
        self.numbers = list(islice(numbers, MOST_ROWS + 1))
        self.noun = noun

    def told(self, number: Callable[[int], int], noun: str) -> Rows:
        """The rows with other numbers."""
        return Rows(map(number, self.numbers), noun)

    def __str__(self) -> str:
        text = f"{self.noun}{'s' if len(self.numbers) > 1 else ''} {', '.join(map(str, self.numbers[:MOST_ROWS]))}"
        return text + (", …" if len(self.numbers) > MOST_ROWS else "")


@dataclass(frozen=True)
class Setting:
    """Another argument in a message, with the Python text of the value that it may be given.

    >>> print(Setting("drop_open", "True"))
    drop_open=True
    """

    argument: str
    value: str

    def __str__(self) -> str:
        return f"{self.argument}={self.value}"


@contextlib.contextmanager
def rows_told(number: Callable[[int], int] | None, noun: str = "row") -> Iterator[None]:
    """Raise what the block raises about rows with ``number`` of each row in its place, as `InvalidArgument.with_rows`.

    None leaves the rows as they are.
    """
    try:
        yield
    except InvalidArgument as error:
        if number is None or not any(isinstance(word, Rows) for word in error.words):
            raise
        raise error.with_rows(number, noun) from None


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
