"""Kinds of arrays by name, and blocks of rounds that stay in a processor's cache while several passes go over them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Numbers = Integers | Floats
"""Counts, which are no whole numbers where some count by weight."""
Places = NDArray[np.intp]
"""Where something stands in an array or a list."""
Flags = NDArray[np.bool_]

BLOCK_ELEMENTS = 1 << 16
"""Numbers in one block: half a mebibyte of doubles, so that a handful of temporaries fit in a second-level cache."""


def row_blocks(n_rounds: int, n_columns: int) -> Iterator[slice]:
    """Consecutive slices that cover ``range(n_rounds)``, each of about ``BLOCK_ELEMENTS`` numbers.

    Work on [T, K] arrays that goes block by block needs temporaries of one block, never of T·K numbers.
    """
    step = max(1, BLOCK_ELEMENTS // max(1, n_columns))
    for start in range(0, n_rounds, step):
        yield slice(start, min(start + step, n_rounds))


def column_sums(block: Floats) -> Floats:
    """[K]: sums over the rows of a block, as a product with ones: for few columns far faster than ``sum(axis=0)``."""
    result: Floats = np.ones(len(block)) @ block
    return result


def cells(columns: Integers, n_columns: int) -> Integers:
    """[R]: where one column of every row of a table [R, n_columns] stands in ``table.ravel()``.

    Numbers are found there in half the time that rows and columns take.

    >>> cells(np.array([2, 0]), 3).tolist()
    [2, 3]
    """
    return np.arange(0, n_columns * len(columns), n_columns) + columns


def quotients(above: NDArray[Any], below: NDArray[Any], otherwise: Floats | float = 0.0) -> Floats:
    """``above / below`` where ``below`` is positive, ``otherwise`` elsewhere; arrays that broadcast.

    >>> quotients(np.array([[3, 0], [1, 2]]), np.array([4, 0]), 0.5).tolist()
    [[0.75, 0.5], [0.25, 0.5]]
    """
    result = np.empty(np.broadcast_shapes(above.shape, below.shape))
    result[...] = otherwise
    np.divide(above, below, out=result, where=below > 0)
    return result
