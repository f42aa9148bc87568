"""CSV files of rounds as data frames: arms stay as they were written, and no row may shift its columns."""

from __future__ import annotations

import bz2
import csv
import gzip
import lzma
import math
import os
from collections.abc import Callable, Collection, Iterator
from os import PathLike
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from causalbandit.errors import listing

if TYPE_CHECKING:
    import pandas as pd

MISSING = ("", "NA", "N/A", "n/a", "<NA>", "#N/A", "#NA", "NaN", "nan", "-nan", "-NaN", "NULL", "null", "None")
"""What stands for a missing number in a CSV file; in its column of arms only an empty field does."""

_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_ARCHIVES = (".zip", ".tar", ".tgz", ".zst", ".7z")


def csv_header(path: str | PathLike[str]) -> list[str]:
    """The names of the columns, in the file's order, after checking that no row has more fields than they.

    Raises
    ------
    ValueError
        For the first row that has more fields than the header, with its line: its values would be read from wrong
        columns. For a file without a header, and for archives, which have to be unpacked first.

    Notes
    -----
    One pass over the file in constant memory: commas are counted line by line, and rows are taken apart only where the
    file has quotation marks or a line with too many commas.
    """
    with _opened(path) as file:
        header = next(_rows(csv.reader(file)), None)
    if header is not None and any("\ufffd" in name for name in header):
        raise ValueError("The header line is not text in UTF-8; save the file as CSV in UTF-8.")
    if header is not None and not _may_be_ragged(path, len(header)):
        return header
    with _opened(path) as file:
        reader = csv.reader(file)
        rows = _rows(reader)
        header = next(rows, None)
        if header is None:
            raise ValueError("The file is empty: it has no header line that names the columns.")
        width = len(header)
        for row in rows:
            if len(row) > width:
                raise ValueError(
                    f"Line {reader.line_num} has {len(row)} fields, but the header names {width} columns "
                    f"({listing(header)}): a comma too many at the line's end, or one inside a value that is not in "
                    "quotation marks. It cannot be told which value belongs to which column; mend the line, or name "
                    "every column in the header."
                )
    return header


def read_csv_columns(path: str | PathLike[str], wanted: Collection[str], labels: Collection[str]) -> pd.DataFrame:
    """The ``wanted`` columns of a CSV file; those in ``labels`` hold text as it was written, as categories.

    The types of the others are told from the whole file, not from a part of it.
    """
    import pandas as pd

    frame = pd.read_csv(
        path,
        usecols=sorted(wanted),
        index_col=False,
        dtype=dict.fromkeys(labels, str),  # "category" would read 01 as the number 1
        keep_default_na=False,
        na_values={name: [""] if name in labels else list(MISSING) for name in wanted},
        low_memory=False,
    )
    return frame.astype(dict.fromkeys(labels, "category"))


def labels_as_typed(labels: list[str], column: str, arms_given: bool) -> list[Any]:
    """Labels of arms that are all numbers (or all True and False) as such, if they were written as Python prints them.

    Other labels stay text: ``01`` and ``1`` are two arms, unless spaces around a number are all that sets them apart.

    Raises
    ------
    ValueError
        When one number is written in two ways with a decimal point or exponent, ``1`` and ``1.0``, and no arms were
        given that would tell whether this is one arm or two.
    """
    bare = [label.strip() for label in labels]
    for convert in (int, float, _truth):
        try:
            typed = [convert(label) for label in bare]
        except ValueError:
            continue
        if [str(value) for value in typed] == bare and all(map(math.isfinite, typed)):
            return typed
    seen: dict[float, str] = {}
    for label in () if arms_given else dict.fromkeys(bare):
        try:
            other = seen.setdefault(float(label), label)
        except ValueError:
            continue
        if other != label and not (other.isdigit() and label.isdigit()):
            raise ValueError(
                f"The arms {other!r} and {label!r} (column {column!r}) are one number written in two ways, so that it "
                "cannot be told whether they are one arm; write each arm in one way throughout, or name all arms of "
                "the design."
            )
    return list(labels)


def _truth(label: str) -> bool:
    if label not in ("True", "False"):
        raise ValueError(label)
    return label == "True"


def _may_be_ragged(path: str | PathLike[str], width: int) -> bool:
    """Whether the file has quotation marks or a line with ``width`` commas or more, or its lines cannot be told."""
    rest = b""
    with _opened(path, text=False) as file:
        while block := file.read(1 << 20):
            if b'"' in block:
                return True
            lines, newline, rest = (rest + block).rpartition(b"\n")
            if not newline:  # lines may end otherwise
                return True
            codes = np.frombuffer(lines + newline, dtype=np.uint8)
            ends = np.searchsorted(np.flatnonzero(codes == ord(",")), np.flatnonzero(codes == ord("\n")))
            if len(ends) and np.diff(ends, prepend=0).max() >= width:
                return True
    return rest.count(b",") >= width


def _opened(path: str | PathLike[str], text: bool = True) -> IO[Any]:
    """The file as text or bytes, unpacked if its name says that it is compressed."""
    name = os.fspath(path).lower()
    if any(name.endswith(end) or f"{end}." in os.path.basename(name) for end in _ARCHIVES):
        raise ValueError(
            f"{os.fspath(path)!r} is an archive; unpack it first (.csv, also as .gz, .bz2 or .xz, is read)."
        )
    opener = _OPENERS.get(os.path.splitext(name)[1], open)
    file: IO[Any] = (
        opener(path, "rt", encoding="utf-8-sig", errors="replace", newline="") if text else opener(path, "rb")
    )
    return file


def _rows(reader: Any) -> Iterator[list[str]]:
    """The rows that are not blank; ValueError for what is no CSV."""
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ValueError(f"Line {reader.line_num} cannot be read as CSV: {error}.") from None
        if len(row) > 1 or (row and row[0].strip()):
            yield row
