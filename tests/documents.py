"""The blocks of code in the README and on the pages of the site, and whether what they print is what is shown."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from dataclasses import dataclass

from conftest import ROOT, command_line

README = ROOT / "README.md"
PAGES = sorted((ROOT / ".docs" / "pages").rglob("*.md"))
BLOCK = re.compile(r"^(<!-- prints -->\n)?```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"(?<![\w.])-?\d+\.\d+(?![\w.])")
"""A number with decimals; whole numbers count something and are to be equal."""


@dataclass(frozen=True)
class Block:
    """A block of code in a text.

    Attributes
    ----------
    language : str
        What stands behind its fence.
    code : str
        What stands in it.
    prints : bool
        Whether it is marked as printing what the block behind it shows.
    output : str, optional
        The text of the block behind it, if that is one of plain text.
    """

    language: str
    code: str
    prints: bool
    output: str | None


def blocks(text: str) -> list[Block]:
    """The blocks of a text, in its order."""
    found = [(match[2], match[3], bool(match[1])) for match in BLOCK.finditer(text)]
    after = [*found, ("", "", False)][1:]
    return [
        Block(*each, following[1] if following[0] == "text" else None)
        for each, following in zip(found, after, strict=True)
    ]


def printed_by_python(code: str, name: str) -> str:
    """What a block of Python prints, run by itself."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, name, "exec"), {"__name__": "__main__"})
    return printed.getvalue()


def commands(block: str) -> list[list[str]]:
    """The words of each command in a block of shell."""
    return [shlex.split(line, comments=True) for line in block.replace("\\\n", " ").splitlines() if line.strip()]


def printed_by_command(words: list[str]) -> str:
    """What a command of the package prints, run in this process."""
    assert words[0] == "causalbandit", words
    done = command_line(*words[1:])
    assert done.exit_code == 0, done.output
    return done.stdout


def agree(printed: str, shown: str) -> bool:
    """Whether two texts are equal but for a unit in the last decimal of a number: sums differ so between machines."""

    def spaced(text: str) -> list[str]:
        return [" ".join(line.split()) for line in NUMBER.sub("#", text).strip().splitlines()]

    if spaced(printed) != spaced(shown):
        return False
    return all(
        abs(float(one) - float(other)) <= 1.001 * 10.0 ** -len(other.split(".")[1])
        for one, other in zip(NUMBER.findall(printed), NUMBER.findall(shown), strict=True)
    )
