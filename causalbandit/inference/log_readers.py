"""Tables of rounds as the arrays of a log: one path for data frames, CSV and Parquet files."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from causalbandit.checks import numeric_array
from causalbandit.errors import InvalidArgument
from causalbandit.inference.arm_names import arm_columns, codes_as_seen
from causalbandit.inference.log_columns import LogColumns
from causalbandit.inference.log_order import batch_labels, time_stamps

if TYPE_CHECKING:
    import pandas as pd

MISSING = ("", "NA", "N/A", "n/a", "<NA>", "#N/A", "#NA", "NaN", "nan", "-nan", "-NaN", "NULL", "null", "None")
"""What stands for a missing number in a CSV file; in its column of arms only an empty field does."""

PART = 1 << 17
"""Rows of a Parquet file that are in memory at once: one mebibyte per column of doubles."""


@dataclass(frozen=True)
class Table:
    """A table that is read in parts.

    Attributes
    ----------
    names : list
        Its columns.
    n_rows : int
        Number of rows.
    parts : iterable of (int, callable)
        For stretches of rows, in order: their number, and a function from the name of a column to its values.
    """

    names: list[Any]
    n_rows: int
    parts: Iterable[tuple[int, Callable[[str], NDArray[Any]]]]


def log_arrays(table: Table, columns: LogColumns) -> dict[str, Any]:
    """The arrays of an `AdaptiveLog`, by its fields, from the named columns; parts are copied straight into them."""
    columns.check_present(table.names)
    if not table.n_rows:
        raise InvalidArgument("outcomes", "is empty; a log needs rounds to learn from.")
    codes, outcomes = np.empty(table.n_rows, dtype=np.int64), np.empty(table.n_rows)
    propensities = np.empty((table.n_rows, len(columns.shares)))
    contexts = np.empty((table.n_rows, len(columns.contexts)))
    seen: dict[Any, int] = {}
    order: dict[str, list[NDArray[Any]]] = {name: [] for name in (columns.time, columns.batch) if name is not None}
    start = 0
    for size, values in table.parts:
        rows = slice(start, start + size)
        codes[rows] = codes_as_seen(values(columns.arm), seen)
        outcomes[rows] = _numbers(values(columns.outcome), columns.outcome)
        for target, named in ((propensities, columns.shares), (contexts, columns.contexts)):
            for place, name in enumerate(named):
                target[rows, place] = _numbers(values(name), name)
        for name, stretches in order.items():
            stretches.append(values(name))
        start = rows.stop
    arms, names = arm_columns(codes, list(seen), columns.names, columns.arm)
    joined = {name: np.concatenate(stretches) for name, stretches in order.items()}
    return {
        "arms": arms,
        "outcomes": outcomes,
        "propensities": propensities if columns.per_arm else propensities[:, 0],
        "contexts": contexts if columns.contexts else None,
        "batches": None if columns.batch is None else batch_labels(joined[columns.batch], columns.rows_in_order),
        "times": None if columns.time is None else time_stamps(joined[columns.time], columns.time),
        "arm_names": names,
        "context_names": tuple(columns.contexts) or None,
        "tolerance": columns.tolerance,
    }


def frame_table(frame: pd.DataFrame) -> Table:
    """A data frame in one part."""

    def values(name: str) -> NDArray[Any]:
        column = frame[name]
        if column.dtype.kind in "iub" and column.hasnans:  # pandas' own Int64 and boolean, which know a missing value
            return column.to_numpy(dtype=np.float64, na_value=np.nan)
        return column.to_numpy()

    return Table(list(frame.columns), len(frame), [(len(frame), values)])


def csv_table(path: str | PathLike[str], columns: LogColumns) -> Table:
    """A CSV file with a header line, in one part; pandas unpacks what its ending says is compressed.

    Arms are text as it was written; types of other columns are told from the whole file, not from a part of it.

    Raises
    ------
    ValueError
        For a file without a header, one that is not UTF-8, and for a row with more fields than the header, with its
        line: its values would be read from wrong columns.
    """
    import pandas as pd

    _check_file(path)
    try:
        header = pd.read_csv(path, header=None, nrows=1, dtype=str, keep_default_na=False).iloc[0].tolist()
        columns.check_present(header)
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # the first row alone may be too long
            frame = pd.read_csv(
                path,
                index_col=False,
                dtype={columns.arm: str},
                keep_default_na=False,
                na_values={name: [""] if name == columns.arm else list(MISSING) for name in columns.all},
                low_memory=False,
            )
    except pd.errors.EmptyDataError:
        raise InvalidArgument("path", f"is {os.fspath(path)!r}, an empty file: it has no header line.") from None
    except UnicodeDecodeError:
        raise InvalidArgument("path", f"is {os.fspath(path)!r}, which is not text in UTF-8; save it as such.") from None
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise InvalidArgument(
            "path",
            f"is {os.fspath(path)!r}, which cannot be read: {str(error).strip()} A row has more fields than the "
            "header: a comma too many at its end, or one inside a value that is not in quotation marks.",
        ) from None
    return frame_table(frame)


def parquet_table(path: str | PathLike[str], columns: LogColumns) -> Table:
    """A Parquet file in parts of ``PART`` rows, so that it need not fit in memory as a data frame.

    Raises
    ------
    ImportError
        Without pyarrow.
    """
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise ImportError("Reading Parquet needs pyarrow: pip install 'causalbandit[parquet]'.") from error

    _check_file(path)
    schema = parquet.read_schema(path)
    columns.check_present(list(schema.names))

    def parts() -> Iterator[tuple[int, Callable[[str], NDArray[Any]]]]:
        with parquet.ParquetFile(path, pre_buffer=False) as file:
            for part in file.iter_batches(batch_size=PART, columns=list(columns.all)):
                yield part.num_rows, partial(_parquet_column, part)
        pyarrow.default_memory_pool().release_unused()

    return Table(list(schema.names), parquet.read_metadata(path).num_rows, parts())


def _parquet_column(part: Any, name: str) -> NDArray[Any]:
    return np.asarray(part.column(name).to_numpy(zero_copy_only=False))


def _numbers(values: NDArray[Any], column: str) -> NDArray[np.float64]:
    return numeric_array(
        values, f"column {column!r}", "encode them as numbers first (categories for example with pandas.get_dummies)"
    )


def _check_file(path: str | PathLike[str]) -> None:
    if not os.path.exists(path):
        raise FileNotFoundError(f"There is no file {os.fspath(path)!r}.")
