"""The argument LOG of ``ate`` and ``values``: a log in a file or on standard input, and the options of its columns."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from causalbandit.cli.errors import BadInput, bad_input
from causalbandit.cli.options import gathered, listed
from causalbandit.errors import rows_told

if TYPE_CHECKING:
    from causalbandit.inference.log import AdaptiveLog

PACKED = ("", ".gz", ".bz2", ".xz", ".zip", ".zst")
"""What may follow .csv in a file's name."""


class LogFile:
    """A log in a file, or on standard input ("-"), and what its columns are."""

    def __init__(self, log: str, sep: str, contexts: list[str] | None, arms: tuple[str, ...], **columns: Any) -> None:
        self.path = log
        named = listed(arms[0]) if len(arms) == 1 else [name.strip() for name in arms]
        self.columns = columns | {"contexts": contexts or [], "arms": named or None}
        self.line: Callable[[int], int] | None = None
        self.sep = {"tab": "\t", "\\t": "\t"}.get(sep, sep)

    def read(self, method: str, needs_propensity: bool = True) -> AdaptiveLog:
        """The checked log for ``method``; `BadInput` with the file's fault, or else that of an option, otherwise."""
        from causalbandit.inference.log import AdaptiveLog
        from causalbandit.inference.log_columns import LogColumns
        from causalbandit.inference.log_readers import csv_header, csv_line, parquet_header

        csv = self.path == "-" or any(self.path.lower().endswith(f".csv{packed}") for packed in PACKED)
        if not csv and not self.path.lower().endswith(".parquet"):
            raise BadInput(f"{self.path!r} does not end in .csv or .parquet, the kinds of logs that can be read.")
        if len(self.sep) != 1:
            raise BadInput(f"--sep was {self.sep!r}; expected one character, or tab.")
        source = self.path if self.path != "-" else io.BytesIO(sys.stdin.buffer.read())
        name = "standard input" if self.path == "-" else self.path
        with bad_input(name):
            header = csv_header(source, self.sep) if csv else parquet_header(self.path)
        if not (self.columns["ordered"] or self.columns["time"] or self.columns["batch"]):
            fix = "time stamps (--time) or of batches (--batch), or pass --ordered when the rows stand in that order"
            why = "The order of time is unknown, and inference uses, for every round, the past only"
            raise BadInput(f"{name}: {why}. Name the column of {fix}.")
        without = not self.columns["propensity"]
        if without and needs_propensity:
            fix = "name the column with the probability with which the design took the arm, or one column per arm"
            raise BadInput(f"--propensity is missing, which --method {method} needs; {fix}.")
        propensity = None if without else _propensity_columns(self.columns["propensity"], header)
        with bad_input(name):
            columns = LogColumns(**self.columns | {"propensity": propensity})
            if not csv:
                return AdaptiveLog.from_parquet(self.path, columns)
            if not (columns.time or columns.batch or columns.drop_open):
                self.line = partial(csv_line, source, self.sep)
            return AdaptiveLog.from_csv(source, columns, sep=self.sep)

    @contextlib.contextmanager
    def rounds(self) -> Iterator[None]:
        """`bad_input` for work on the log: a round is told by its line where rounds are lines, else by its number."""
        with bad_input(), rows_told(self.line or (lambda row: row + 1), "round" if self.line is None else "line"):
            yield


log_options = gathered(
    "log_file",
    LogFile,
    click.argument("log", metavar="LOG"),
    click.option("--arm", metavar="COLUMN", required=True, help="The arm that was taken."),
    click.option("--outcome", metavar="COLUMN", required=True, help="What it gave: a number, or yes/no, true/false."),
    click.option(
        "--propensity",
        metavar="COLUMNS",
        multiple=True,
        help="The probability with which the design took the arm: one column for the arm that was taken, or one for "
        "every arm: red=p_red,blue=p_blue or, if what follows a common prefix names the arms, p_red,p_blue. Names "
        "of arms may hold = and commas. Only --method exact does without.",
    ),
    click.option("--time", metavar="COLUMN", help="Time stamps, which put the rows in order."),
    click.option(
        "--time-format",
        metavar="FORMAT",
        help="How time stamps are written, such as %d/%m/%Y.  [default: numbers or ISO 8601]",
    ),
    click.option("--batch", metavar="COLUMN", help="Batches, numbered in time."),
    click.option("--ordered", is_flag=True, help="The rows are in the order of time already."),
    click.option(
        "--contexts",
        "--covariates",
        "contexts",
        metavar="COLUMNS",
        type=listed,
        help="What was known before the arm was taken, comma separated; text is encoded as categories.",
    ),
    click.option(
        "--arms",
        metavar="NAMES",
        multiple=True,
        help="All arms of the design, comma separated, or one for each --arms.  [default: as found]",
    ),
    click.option("--drop-open", is_flag=True, help="Leave out rows whose outcome is missing."),
    click.option("--sep", metavar="CHARACTER", default=",", help="What stands between fields, or tab.  [default: ,]"),
)
"""The argument LOG and the options that say what its columns are, gathered as ``log_file``."""


def _entries(text: str, header: Sequence[str]) -> list[str]:
    """A comma-separated list of columns, or of arm=column, whose names of arms may hold commas and equals signs.

    An entry ends where a column of the ``header`` does; what no column ends is split at every comma.
    """
    entries, begun = [], ""
    for part in text.split(","):
        begun = f"{begun},{part}" if begun else part
        if begun.strip() in header or begun.rpartition("=")[2].strip() in header:
            entries.append(begun.strip())
            begun = ""
    return [*entries, *listed(begun)]


def _propensity_columns(given: tuple[str, ...], header: Sequence[str]) -> str | list[str] | dict[str, str]:
    """One column, a list of columns, or arm → column; the last equals sign is the one before the column."""
    parts = [entry for text in given for entry in _entries(text, header)]
    whole = [part in header for part in parts]
    named = [("", "", part) if bare else part.rpartition("=") for part, bare in zip(parts, whole, strict=True)]
    if parts and all(equals for _, equals, _ in named):
        return {arm.strip(): column.strip() for arm, _, column in named}
    if any(equals for _, equals, _ in named):
        fix = "name the arm of every column or of none"
        raise BadInput(f"--propensity: {', '.join(parts)} mixes arm=column with bare columns; {fix}.")
    return parts[0] if len(parts) == 1 else parts
