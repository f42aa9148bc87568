"""Words on a screen: what fits 80 columns, what JSON can hold, what a figure shows letter for letter."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from tqdm import tqdm

WIDTH = 80
"""Columns of a terminal."""


def plain(value: Any) -> Any:
    """A value as JSON can hold it: a numpy scalar as a Python one, NaN and infinities as None, a date as its text."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (str, int, float, list, tuple, dict, type(None))) else str(value)


def plain_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as dictionaries of `plain` values."""
    names = [str(name) for name in frame.columns]
    return [dict(zip(names, map(plain, row), strict=True)) for row in frame.itertuples(index=False, name=None)]


def frame_text(frame: pd.DataFrame, digits: int = 4) -> str:
    """A frame as aligned text within 80 columns; long labels are shortened in the middle."""
    shown = frame.copy()
    texts = [name for name in shown.columns if shown[name].dtype == object or str(shown[name].dtype).startswith("str")]
    others = shown.drop(columns=texts).to_string(
        index=False, float_format=lambda value: f"{value:.{digits}f}", na_rep="-"
    )
    taken = max((len(line) for line in others.splitlines()), default=0) + 2
    room = max(16, (WIDTH - taken) // max(1, len(texts)) - 2)
    for name in texts:
        values = [shortened(str(value), room) for value in shown[name]]
        width = max([len(name), *map(len, values)])
        shown[name] = [value.ljust(width) for value in values]
        shown = shown.rename(columns={name: name.ljust(width)})
    text: str = shown.to_string(index=False, float_format=lambda value: f"{value:.{digits}f}", na_rep="-")
    return text


def shortened(text: str, width: int) -> str:
    """``text``, with its middle replaced by … when it is longer than ``width``."""
    if len(text) <= width:
        return text
    head = width // 2
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"


def wrapped(text: str) -> list[str]:
    """``text`` in lines of at most 80 columns, continued with an indent."""
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ")


def progress_bar(total: int, steps: str, progress: bool | None, **options: Any) -> tqdm[Any]:
    """A bar that counts ``steps`` and goes at the end, shown on terminals unless ``progress`` decides it.

    With the option ``iterable`` it is gone through like that; else `update` it.
    """
    from tqdm import tqdm

    hidden = None if progress is None else not progress
    return tqdm(total=total, desc=steps, disable=hidden, leave=False, **options)


def escaped(name: object) -> str:
    r"""The name as matplotlib shows it letter for letter: a pair of dollar signs would be set as a formula.

    >>> print(escaped("$5 or $6"))
    \$5 or \$6
    """
    return str(name).replace("$", r"\$")
