"""The blocks of code in the README and on the pages of the site, and whether what they print is what is shown.

python tests/documents.py        # writes anew what they show, where it no longer agrees with what they print
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import re
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path

from conftest import ROOT, command_line

README = ROOT / "README.md"
PAGES = sorted((ROOT / ".docs" / "pages").rglob("*.md"))
BLOCK = re.compile(r"^(<!-- prints -->\n)?```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"(?<![\w.])-?\d+\.\d+(?![\w.])")
"""A number with decimals; whole numbers count something and are to be equal."""


ELSEWHERE = re.compile(
    r"python3? (-m venv|-m pytest|(?P<script>(examples|tests)/[\w/]+\.py))|.*pip install|.*mkdocs build"
)
"""Commands that install, or run what other tests run: not run here, but the scripts that they name exist."""


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
    shown_at : tuple of int
        Where in the text that output stands.
    """

    language: str
    code: str
    prints: bool
    output: str | None
    shown_at: tuple[int, int]


def blocks(text: str) -> list[Block]:
    """The blocks of a text, in its order."""
    found = [*BLOCK.finditer(text), None]
    return [
        Block(
            match[2],
            match[3],
            bool(match[1]),
            *((after[3], after.span(3)) if after and after[2] == "text" else (None, (0, 0))),
        )
        for match, after in itertools.pairwise(found)
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


def ran_here(words: list[str]) -> bool:
    """Whether a command is one of the package's; a script that another names must be there."""
    other = ELSEWHERE.match(" ".join(words))
    if other and other["script"]:
        assert (ROOT / other["script"]).exists()
    return not other


def printed(block: Block, name: str) -> str | None:
    """What a block of Python or shell prints in the folder where we are; None where what it prints is not shown."""
    if block.language == "python":
        shown = printed_by_python(block.code, name)
        return shown if block.output is not None else None
    if block.language == "sh":
        shown = "".join(printed_by_command(words) for words in commands(block.code) if ran_here(words))
        return shown if block.prints else None
    return None


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


def written_anew(path: Path) -> str:
    """The text of a page with what its blocks print now, where that differs."""
    text = path.read_text(encoding="utf-8")
    pieces, done = [], 0
    for block in blocks(text):
        shown = printed(block, path.name)
        if shown is not None and not agree(shown, block.output):
            start, end = block.shown_at
            pieces += [text[done:start], *(f"{line.rstrip()}\n" for line in shown.rstrip().splitlines())]
            done = end
    return "".join([*pieces, text[done:]])


if __name__ == "__main__":
    os.environ["MPLBACKEND"] = "Agg"
    for page in (README, *PAGES):
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            Path("graphs").symlink_to(ROOT / "graphs")
            page.write_text(written_anew(page), encoding="utf-8")
