"""Where the problems that come with the package lie, and what a bare name stands for.

Their files have one place in the repository, ``graphs/``. An installed package holds a copy of that folder; a checkout
and an editable installation read the folder itself.
"""

from __future__ import annotations

import os
from pathlib import Path

from causalbandit.errors import did_you_mean, listing
from causalbandit.files import Source

_PACKAGE = Path(__file__).resolve().parents[1]

FOLDERS = (_PACKAGE / "graphs", _PACKAGE.parent / "graphs")
"""The folder of an installed package, and that of a checkout; the first that exists is read."""


def shipped_files() -> dict[str, Path]:
    """The files of the shipped problems by name, in the order of the alphabet."""
    folder = next((folder for folder in FOLDERS if folder.is_dir()), None)
    return {} if folder is None else {path.stem: path for path in sorted(folder.glob("*.json"))}


def file_named(source: Source) -> Source:
    """The shipped file that ``source`` names, or ``source`` itself.

    A text with a folder or an ending, such as ``./asia`` or ``asia.json``, is a path and nothing else. A bare name is
    the file of that name where there is one, and else the shipped problem.

    Raises
    ------
    FileNotFoundError
        If a bare name is neither a file nor a shipped problem, or a path leads nowhere but ends in the name of a
        shipped problem.
    """
    if not isinstance(source, (str, os.PathLike)):
        return source
    path = Path(source)
    if path.exists() and not (_bare(source) and path.is_dir()):
        return source
    shipped = shipped_files()
    if _bare(source):
        if path.name in shipped:
            return shipped[path.name]
        near = (
            did_you_mean(path.name, [*shipped, *os.listdir()]) or f" Shipped are {listing(shipped, most=len(shipped))}."
        )
        raise FileNotFoundError(f"There is neither a file nor a shipped problem named {str(source)!r}.{near}")
    if path.suffix == ".json" and path.stem in shipped:
        raise FileNotFoundError(f"There is no file {str(source)!r}; the shipped problem's name is {path.stem!r}.")
    return source


def _bare(source: str | os.PathLike[str]) -> bool:
    """Whether ``source`` is a text without folder and ending."""
    if not isinstance(source, str) or not source:
        return False
    return not Path(source).suffix and os.path.basename(source) == source and source not in (os.curdir, os.pardir)
