"""The batches of a search, with what each showed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalbandit.arrays import Integers
from causalbandit.counts import Counts

MOST_KEPT = 1 << 25
"""Numbers that the batches of a decision may hold one by one, 256 MiB: successive rejects has A batches of 2·A."""


@dataclass(frozen=True, eq=False)
class FinishedBatch:
    """One batch of a search and what it showed. Two of one phase can be added.

    Attributes
    ----------
    phase : str
        Which part of the strategy asked for it.
    counts : Counts
        What its experiments showed.
    n_batches : int
        Batches in it: more than 1 where a search had too many to keep each by itself, or where simulated experiments
        of a deep graph were drawn as far as each batch was read, and the rest when all had been asked for.
    several : numpy.ndarray of int64, shape [A], optional
        How many of them used each intervention, when there are several.
    """

    phase: str
    counts: Counts
    n_batches: int = 1
    several: Integers | None = None

    @property
    def sizes(self) -> Integers:
        """Experiments under each intervention, shape [A]."""
        return self.counts.trials

    @property
    def setups(self) -> Integers:
        """In how many batches each intervention was used, shape [A]."""
        return (self.sizes > 0).astype(np.int64) if self.several is None else self.several

    def __add__(self, other: FinishedBatch) -> FinishedBatch:
        n_batches = self.n_batches + other.n_batches
        return FinishedBatch(self.phase, self.counts + other.counts, n_batches, self.setups + other.setups)

    def __repr__(self) -> str:
        return f"FinishedBatch({self.phase!r}, {self.counts.total} experiments)"


def keep_batch(batches: list[FinishedBatch], new: FinishedBatch, *, join: bool = False) -> None:
    """Append ``new``; to ``join``, or when it would take too much memory, add it to one before that is of its phase."""
    numbers = 2 * (len(new.counts.trials) + len(new.counts.visits))
    if batches and batches[-1].phase == new.phase and (join or numbers * len(batches) > MOST_KEPT):
        batches[-1] = batches[-1] + new
    else:
        batches.append(new)
