"""Tables of rounds as the arrays of a log: one path for data frames, CSV and Parquet files."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from causalbandit.arrays import Flags, Floats
from causalbandit.errors import InvalidArgument, Rows, Setting
from causalbandit.files import missing_file
from causalbandit.inference.arm_names import arm_columns, codes_as_seen
from causalbandit.inference.log_columns import LogColumns
from causalbandit.inference.log_order import batch_labels, time_stamps
from causalbandit.inference.log_values import Covariate, numbers

if TYPE_CHECKING:
    import pandas as pd

MISSING = ("", "NA", "N/A", "n/a", "<NA>", "#N/A", "#NA", "NaN", "nan", "-nan", "-NaN", "NULL", "null", "None")
"""What stands for a missing number in a CSV file; in its column of arms only an empty field does."""

PART = 1 << 17
"""Rows of a Parquet file that are in memory at once: one mebibyte per column of doubles."""


class Table(NamedTuple):
    """A table that is read in parts.

    ``parts`` are stretches of rows, in order: their number, and a function from the name of a column to its values.
    ``line`` gives, for the number of a row, that of its line in a file of text.
    """

    names: list[Any]
    n_rows: int
    parts: Iterable[tuple[int, Callable[[str], NDArray[Any]]]]
    line: Callable[[int], int] | None = None


def log_arrays(table: Table, columns: LogColumns) -> tuple[dict[str, Any], Flags]:
    """The arrays of an `AdaptiveLog`, by its fields, from the named columns, and which rows are in them.

    Parts are copied straight into the arrays.
    """
    columns.check_present(table.names)
    if not table.n_rows:
        raise InvalidArgument("outcomes", "is empty: the log has no rounds; expected one row per round.")
    codes, outcomes = np.empty(table.n_rows, dtype=np.int64), np.empty(table.n_rows)
    propensities = np.empty((table.n_rows, len(columns.shares)))
    contexts = np.empty((table.n_rows, len(columns.contexts)))
    covariates = [Covariate(name) for name in columns.contexts]
    seen: dict[Any, int] = {}
    order: dict[str, list[NDArray[Any]]] = {name: [] for name in (columns.time, columns.batch) if name is not None}
    start = 0
    for size, values in table.parts:
        rows = slice(start, start + size)
        codes[rows] = codes_as_seen(values(columns.arm), seen)
        outcomes[rows] = numbers(values(columns.outcome), columns.outcome, start, truth=True)
        for at, name in enumerate(columns.shares):
            propensities[rows, at] = numbers(values(name), name, start)
        for at, covariate in enumerate(covariates):
            contexts[rows, at] = covariate.read(values(covariate.column), start)
        for name, stretches in order.items():
            stretches.append(values(name))
        start = rows.stop
    encoded = [covariate.encoded(contexts[:, at]) for at, covariate in enumerate(covariates)]
    notes = [note for _, _, note in encoded if note]
    if notes:  # otherwise the columns are what was read, and need no copy
        contexts = np.column_stack([each for each, _, _ in encoded])
    joined = {name: np.concatenate(stretches) for name, stretches in order.items()}
    kept = _known_outcomes(outcomes, columns)
    if not kept.all():
        note = f"Left out {table.n_rows - int(kept.sum())} of {table.n_rows} rows, whose outcomes are open"
        notes.append(f"{note}: valid if their absence depends on neither the arm nor the outcome.")
    arms, names = arm_columns(codes, list(seen), columns.names, columns.arm)
    if not columns.shares:
        propensities = np.full((table.n_rows, 1), 1.0 / len(names))
        notes.append("The log has no propensities: it serves methods that look at none, such as exact.")
    stamps = None
    if columns.time is not None:
        stamps = time_stamps(joined[columns.time], columns.time, columns.time_format)
    batches = None if columns.batch is None else batch_labels(joined[columns.batch], columns.rows_in_order)
    arrays: dict[str, Any] = {
        "arms": arms,
        "outcomes": outcomes,
        "propensities": propensities if columns.per_arm else propensities[:, 0],
        "contexts": contexts if encoded else None,
        "batches": batches,
        "times": stamps,
    }
    if not kept.all():
        arrays = {name: None if array is None else array[kept] for name, array in arrays.items()}
    others = {
        "arm_names": names,
        "context_names": tuple(name for _, named, _ in encoded for name in named) or None,
        "tolerance": columns.tolerance,
        "notes": tuple(notes),
    }
    return arrays | others, kept


def _known_outcomes(outcomes: Floats, columns: LogColumns) -> Flags:
    """Which rows of a table are kept, bool [T]; missing outcomes are refused unless they are to be dropped."""
    known: Flags = ~np.isnan(outcomes)
    missing = np.flatnonzero(~known)
    if len(missing) == len(outcomes):
        raise InvalidArgument("outcome", f"was {columns.outcome!r}, a column without any value; expected numbers.")
    if len(missing) and not columns.drop_open:
        raise InvalidArgument(
            "outcomes",
            f"is missing or infinite in {len(missing)} of {len(outcomes)} rows (",
            Rows(missing),
            "); wait for late outcomes; leave such rows out (",
            Setting("drop_open", "True"),
            ") only if an outcome's absence depends on neither the arm nor the outcome.",
        )
    return known


def frame_table(frame: pd.DataFrame) -> Table:
    """A data frame in one part."""

    def values(name: str) -> NDArray[Any]:
        column = frame[name]
        if column.dtype.kind in "iub" and column.hasnans:  # pandas' own Int64 and boolean, which know a missing value
            return column.to_numpy(dtype=np.float64, na_value=np.nan)
        return column.to_numpy()

    return Table(list(frame.columns), len(frame), [(len(frame), values)])


def csv_table(path: str | PathLike[str] | BinaryIO, columns: LogColumns, sep: str = ",") -> Table:
    """A CSV file with a header line, in one part; pandas unpacks what its ending says is compressed.

    Arms are text as it was written; types of other columns are told from the whole file, not from a part of it.
    ``sep`` is one character. An open binary file is read from its start.

    Raises
    ------
    ValueError
        For a file without a header, one that is not UTF-8, and for a row with more fields than the header, with its
        line: its values would be read from wrong columns.
    """
    columns.check_present(csv_header(path, sep))
    missing = {name: [""] if name == columns.arm else list(MISSING) for name in columns.all}
    frame = read_csv(path, sep, dtype={columns.arm: str}, na_values=missing, low_memory=False)
    return frame_table(frame)._replace(line=partial(csv_line, path, sep))


def read_csv(path: str | PathLike[str] | BinaryIO, sep: str = ",", **options: Any) -> pd.DataFrame:
    """The table in a CSV file with a header line; ``options`` are pandas'. Nothing is read from wrong columns."""
    import pandas as pd

    with _readable(path), warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # a first row that is too long shifts the columns
        table: pd.DataFrame = pd.read_csv(_rewound(path), sep=sep, index_col=False, keep_default_na=False, **options)
        return table


def csv_header(path: str | PathLike[str] | BinaryIO, sep: str = ",") -> list[str]:
    """The names of a CSV file's columns."""
    import pandas as pd

    with _readable(path):
        line = pd.read_csv(_rewound(path), sep=sep, header=None, nrows=1, dtype=str, keep_default_na=False)
    return [str(name) for name in line.iloc[0].tolist()]


def parquet_header(path: str | PathLike[str]) -> list[str]:
    """The names of a Parquet file's columns."""
    return [str(name) for name in _parquet_module(path).read_schema(path).names]


def _rewound(path: Any) -> Any:
    """A path as it is, or an open file at its start."""
    if hasattr(path, "seek"):
        path.seek(0)
    return path


@contextmanager
def _readable(path: Any) -> Iterator[None]:
    """Say what is wrong with a CSV file where pandas would raise errors of its own."""
    import pandas as pd

    name = os.fspath(path) if isinstance(path, (str, PathLike)) else "standard input"
    if not hasattr(path, "seek"):
        _check_file(path)
    try:
        yield
    except pd.errors.EmptyDataError:
        raise InvalidArgument("path", f"{name!r} is an empty file; expected a header and rows of data.") from None
    except UnicodeDecodeError:
        raise InvalidArgument("path", f"{name!r} is not text in UTF-8; save it as such.") from None
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        place = f" ({str(error).strip()})" if "line" in str(error) else ""  # pandas' own words when they name it
        why = "a comma too many at its end, or one inside a value that is not in quotation marks"
        raise InvalidArgument("path", f"{name!r} has a row with more fields than the header{place}: {why}.") from None


def csv_line(path: Any, sep: str, row: int) -> int:
    """The line on which an editor shows a row of data to begin: the header is line 1. Reads the file again."""
    if hasattr(path, "seek"):
        return _counted(io.TextIOWrapper(io.BytesIO(_rewound(path).read()), "utf-8-sig", newline=""), sep, row)
    ending = os.path.splitext(path)[1].lower()
    if ending in (".zip", ".zst"):
        return row + 2  # these have no plain reader here: right if no line before it is blank
    openers: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
    with openers.get(ending, open)(path, "rt", encoding="utf-8-sig", newline="") as file:
        return _counted(file, sep, row)


def _counted(file: Any, sep: str, row: int) -> int:
    """The line of a row of data in a CSV file: a row may have several, and a line of blanks alone holds none."""
    reader = csv.reader(file, delimiter=sep)
    begins, before = 1, -1  # the header is no row
    for fields in reader:
        if len(fields) > 1 or "".join(fields).strip():
            if before == row:
                return begins
            before += 1
        begins = reader.line_num + 1
    return row + 2


def parquet_table(path: str | PathLike[str], columns: LogColumns) -> Table:
    """A Parquet file in parts of ``PART`` rows, so that it need not fit in memory as a data frame; needs pyarrow."""
    parquet = _parquet_module(path)
    import pyarrow

    def parts() -> Iterator[tuple[int, Callable[[str], NDArray[Any]]]]:
        with parquet.ParquetFile(path, pre_buffer=False) as file:
            for part in file.iter_batches(batch_size=PART, columns=list(columns.all)):
                yield part.num_rows, partial(_parquet_column, part)
        pyarrow.default_memory_pool().release_unused()

    return Table(list(parquet.read_schema(path).names), parquet.read_metadata(path).num_rows, parts())


def _parquet_column(part: Any, name: str) -> NDArray[Any]:
    return np.asarray(part.column(name).to_numpy(zero_copy_only=False))


def _parquet_module(path: str | PathLike[str]) -> Any:
    """pyarrow's reader, once there is a file to read."""
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise ImportError("Reading Parquet needs pyarrow: pip install 'causalbandit[parquet]'.") from error
    _check_file(path)
    return parquet


def _check_file(path: str | PathLike[str]) -> None:
    if not os.path.exists(path):
        raise FileNotFoundError(missing_file(path))
