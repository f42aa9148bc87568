"""The order of time in a log: by time stamps, by batches, or as the rows stand."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from causalbandit.arrays import Integers
from causalbandit.errors import InvalidArgument, InvalidType, Rows, listing
from causalbandit.inference.log_checks import round_labels

if TYPE_CHECKING:
    import pandas as pd


def time_order(times: NDArray[Any] | None, batches: NDArray[Any] | None) -> Integers | None:
    """The permutation that puts rows in the order of time, or None when they are in order already."""
    key = times if times is not None else batches
    if key is None:
        return None
    try:
        if (key[1:] >= key[:-1]).all():
            return None
        return np.argsort(key, kind="stable")
    except TypeError:
        raise InvalidType(
            "times" if times is not None else "batches",
            "are of mixed types, which cannot be put in order; use numbers or dates.",
        ) from None


def time_stamps(values: NDArray[Any], column: str, time_format: str | None = None) -> NDArray[Any]:
    """Time stamps as they are, but text as numbers or dates, because "10" and "10/2" sort before "9" and "9/2".

    Text is read as numbers, by ``time_format`` (as strftime writes it: "%d.%m.%Y"), or as ISO 8601. Dates with UTC
    offsets are put in the order of the moments that they mean, also where the offset changes. The first text that
    cannot be read so is refused with its row: "3/4/2024" is March or April.
    """
    import pandas as pd

    if values.dtype.kind not in "OUST" and time_format is None:
        return values
    series = pd.Series(values)
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind.startswith("mixed"):
        given = f"stamps in column {column!r} are of mixed types, such as numbers and text"
        raise InvalidType("time", f"{given}; convert them to numbers or dates first.")
    if time_format is not None:
        series = series.astype(str).where(series.notna())
    elif kind == "string":
        as_numbers = pd.to_numeric(series, errors="coerce")
        if not (as_numbers.isna() & series.notna()).any():
            return np.asarray(as_numbers)
    else:
        return _dates(series, None, column)
    written = time_format or "ISO8601"
    unread = pd.to_datetime(series, format=written, errors="coerce", utc=True).isna() & series.notna()
    if unread.any():
        row = int(np.argmax(unread.to_numpy()))
        how, fix = f"by the format {time_format!r}", ""
        if time_format is None:
            how = "as a number or as an ISO 8601 date such as 2024-12-31 18:00"
            fix = " Tell how dates are written by a time format, such as %d/%m/%Y for day/month/year."
        given = f"stamps in column {column!r} hold {series.iloc[row]!r} in "
        raise InvalidArgument("time", given, Rows([row]), f", which does not read {how}.{fix}")
    return _dates(series, written, column)


def _dates(series: pd.Series, written: str | None, column: str) -> NDArray[Any]:
    """Dates in one time zone: those with changing offsets in UTC."""
    import pandas as pd

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)  # pandas 2 warns of offsets that change
            return pd.to_datetime(series, format=written).to_numpy()
    except (TypeError, ValueError, FutureWarning) as error:
        cause = error
    with_offset = series.dropna().map(_has_offset)
    if not with_offset.all():
        if with_offset.any():
            mixed = "some with and some without a UTC offset, which cannot be put in order; write all in one way"
            raise InvalidArgument("time", f"stamps in column {column!r} are dates, {mixed}.") from None
        raise InvalidArgument(
            "time",
            f"stamps in column {column!r} do not read as dates ({cause}); convert them to numbers or dates first.",
        ) from None
    return pd.to_datetime(series, format=written, utc=True).to_numpy()


def _has_offset(stamp: Any) -> bool:
    """Whether a date, or its text, tells how far its clock is from UTC."""
    if isinstance(stamp, str):
        return re.search(r"(Z|[+-]\d\d(:?\d\d)?)\s*$", stamp[10:]) is not None  # behind the day: 2024-12-31
    return getattr(stamp, "tzinfo", None) is not None


def sortable_batches(batches: NDArray[Any]) -> NDArray[Any]:
    """Labels whose order is that of time: text as numbers or ISO dates, or as it is where the rows have its order."""
    if batches.dtype.kind not in "OUST" or not all(isinstance(label, str) for label in batches.tolist()):
        return batches
    import pandas as pd

    try:
        return np.asarray(pd.to_numeric(pd.Series(batches.tolist())))
    except ValueError:
        pass
    if (batches[1:] >= batches[:-1]).all():
        return batches
    try:
        return np.asarray(pd.to_datetime(pd.Series(batches.tolist()), format="ISO8601"))
    except ValueError:
        raise InvalidArgument(
            "batches",
            f"are called by text ({listing(dict.fromkeys(batches.tolist()), 4)}) that tells no order of time. Number "
            "them in the order of time, give time stamps, or say that the rows are ordered when they are.",
        ) from None


def batch_codes(batches: NDArray[Any]) -> Integers:
    """Batches, in the order of time, as numbers 0 … B−1."""
    changed = batches[1:] != batches[:-1]
    codes = np.concatenate(([0], np.cumsum(changed)))
    if len(np.unique(batches)) != codes[-1] + 1:
        given = "are not consecutive in time: some batch comes back after another has begun"
        fix = "Number the stretches of rounds whose propensities were fixed together, or leave batches out"
        raise InvalidArgument("batches", f"{given}. {fix}.")
    return codes


def batch_labels(values: NDArray[Any], rows_in_order: bool) -> NDArray[Any]:
    """A column of batches: its labels, or numbers in the order of the rows where those are the order of time."""
    return batch_codes(round_labels(values, len(values), "batches")) if rows_in_order and len(values) else values
