"""The order of time in a log: by time stamps, by batches, or as the rows stand."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalbandit.errors import InvalidArgument, InvalidType, listing
from causalbandit.inference.log_checks import round_labels


def time_order(times: NDArray[Any] | None, batches: NDArray[Any] | None) -> NDArray[np.int64] | None:
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


def time_stamps(values: NDArray[Any], column: str) -> NDArray[Any]:
    """Time stamps as they are, but text as dates, because "10/2" sorts before "9/2"."""
    if values.dtype.kind not in "OUST":
        return values
    import pandas as pd

    if pd.api.types.infer_dtype(values, skipna=True).startswith("mixed"):
        given = f"stamps in column {column!r} are of mixed types, such as numbers and text"
        raise InvalidType("time", f"{given}; convert them to numbers or dates first.")
    try:
        return pd.to_datetime(pd.Series(values)).to_numpy()
    except (TypeError, ValueError) as error:
        raise InvalidArgument(
            "time",
            f"stamps in column {column!r} are text that does not read as dates ({error}); convert them to numbers or "
            "dates first.",
        ) from None


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


def batch_codes(batches: NDArray[Any]) -> NDArray[np.int64]:
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
