"""Blocks of consecutive rounds, small enough to stay in a processor's cache while several passes are made over them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

BLOCK_ELEMENTS = 1 << 16
"""Numbers in one block: half a mebibyte of doubles, so that a handful of temporaries fit in a second-level cache."""


def row_blocks(n_rounds: int, n_columns: int) -> Iterator[slice]:
    """Consecutive slices that cover ``range(n_rounds)``, each of about ``BLOCK_ELEMENTS`` numbers.

    Work on [T, K] arrays that goes block by block needs temporaries of one block, never of T·K numbers.
    """
    step = max(1, BLOCK_ELEMENTS // max(1, n_columns))
    for start in range(0, n_rounds, step):
        yield slice(start, min(start + step, n_rounds))


def column_sums(block: NDArray[np.float64]) -> NDArray[np.float64]:
    """[K]: sums over the rows of a block, as a product with ones: for few columns far faster than ``sum(axis=0)``."""
    result: NDArray[np.float64] = np.ones(len(block)) @ block
    return result
