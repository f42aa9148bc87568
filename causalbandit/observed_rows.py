"""Rows of experiments, kept as distinct patterns with their numbers, so that they can be read under another graph.

Counts per family row are enough for estimates under one graph. Whether that graph is right, and what the same
experiments say under another one, only whole rows can tell. Memory grows with the distinct patterns per batch and
intervention, not with the experiments.

>>> rows = ObservedRows.from_values(("ad", "sale"), [[0, 1], [1, 1], [0, 1]], batch=0, place=[0, 1, 0])
>>> rows.weight.tolist(), rows.values.tolist(), rows.place.tolist()
([2, 1], [[0, 1], [1, 1]], [0, 1])
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causalbandit.arrays import Flags, Integers
from causalbandit.assignments import FREE
from causalbandit.counts import Counts, checked_values
from causalbandit.interventions import InterventionSet

if TYPE_CHECKING:
    import pandas as pd

Environment = Callable[[dict[str, Any], int], "pd.DataFrame"]
"""A user's own experiments: ``run(intervention, size)`` returns one row per experiment, one 0/1 column per node."""
_WORD = 64


@dataclass(frozen=True, eq=False)
class ObservedRows:
    """P distinct combinations of batch, intervention and observed values, in ascending order, with their numbers.

    Attributes
    ----------
    nodes : tuple of str
        The N observed nodes.
    words : numpy.ndarray of uint64, shape [P, ⌈N/64⌉]
        Observed values, one bit per node.
    batch : numpy.ndarray of int64, shape [P]
        Number of the batch, ascending; below 0 for rows from before the experiments.
    place : numpy.ndarray of int64, shape [P]
        Place of the intervention in its set.
    weight : numpy.ndarray of int64, shape [P]
        Experiments that showed the pattern, at least 1.
    """

    nodes: tuple[str, ...]
    words: NDArray[np.uint64]
    batch: Integers
    place: Integers
    weight: Integers

    @classmethod
    def from_values(
        cls,
        nodes: Sequence[str],
        values: ArrayLike,
        *,
        batch: ArrayLike = 0,
        place: ArrayLike = 0,
        weight: ArrayLike | None = None,
    ) -> ObservedRows:
        """Compress ``values`` [T, N] of 0 and 1; ``batch``, ``place`` and ``weight`` are one number or one per row."""
        array = np.asarray(values, dtype=np.uint8).reshape(-1, len(nodes))
        packed = np.packbits(array, axis=1, bitorder="little")
        n_words = max(1, -(-len(nodes) // _WORD))
        padded = np.zeros((len(array), 8 * n_words), dtype=np.uint8)
        padded[:, : packed.shape[1]] = packed
        batches, places, weights = (
            np.broadcast_to(np.asarray(each, dtype=np.int64), len(array))
            for each in (batch, place, 1 if weight is None else weight)
        )
        seen = weights > 0
        return cls._merged(tuple(nodes), padded.view("<u8")[seen], batches[seen], places[seen], weights[seen])

    @classmethod
    def from_frame(
        cls, interventions: InterventionSet, intervention: Mapping[str, Any], rows: pd.DataFrame, batch: ArrayLike = 0
    ) -> ObservedRows:
        """The experiments in a frame, all run under ``intervention``, with the checks of `Counts.from_frame`."""
        values = checked_values(interventions.graph, intervention, rows)
        table = np.stack(list(values.values()), axis=1)
        return cls.from_values(tuple(values), table, batch=batch, place=interventions.index(intervention))

    @classmethod
    def concatenate(cls, parts: Sequence[ObservedRows]) -> ObservedRows:
        """All experiments of some parts, at least one, with the nodes that all of them observed."""
        shared = [node for node in parts[0].nodes if all(node in part.nodes for part in parts)]
        parts = [part if part.nodes == tuple(shared) else part.restricted(shared) for part in parts]
        words, batch, place, weight = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("words", "batch", "place", "weight")
        )
        ends = [(part.batch[0], part.batch[-1]) for part in parts if len(part)]
        if all(before[1] < after[0] for before, after in pairwise(ends)):  # in order, nothing to merge
            return cls(parts[0].nodes, words, batch, place, weight)
        return cls._merged(parts[0].nodes, words, batch, place, weight)

    @classmethod
    def _merged(
        cls, nodes: tuple[str, ...], words: NDArray[np.uint64], batch: Integers, place: Integers, weight: Integers
    ) -> ObservedRows:
        if len(weight) == 0:
            return cls(nodes, words, batch, place, weight)
        order = np.lexsort((*words.T, place, batch))
        words, batch, place = words[order], batch[order], place[order]
        new = np.empty(len(order), dtype=bool)
        new[0] = True
        new[1:] = (batch[1:] != batch[:-1]) | (place[1:] != place[:-1]) | (words[1:] != words[:-1]).any(axis=1)
        starts = np.flatnonzero(new)
        return cls(nodes, words[starts], batch[starts], place[starts], np.add.reduceat(weight[order], starts))

    @property
    def values(self) -> NDArray[np.uint8]:
        """The patterns, shape [P, N]."""
        as_bytes = np.ascontiguousarray(self.words).view(np.uint8)
        return np.unpackbits(as_bytes, axis=1, count=len(self.nodes), bitorder="little")

    @property
    def total(self) -> int:
        """Number of rows."""
        return int(self.weight.sum())

    @property
    def n_experiments(self) -> int:
        """Those of them that are experiments, not rows from before."""
        return int(self.weight[self.batch >= 0].sum())

    def part(self, kept: Flags) -> ObservedRows:
        """The patterns that ``kept`` [P] marks."""
        return ObservedRows(self.nodes, self.words[kept], self.batch[kept], self.place[kept], self.weight[kept])

    def in_one_batch(self) -> ObservedRows:
        """The same experiments without the numbers of their batches."""
        return self._merged(self.nodes, self.words, np.zeros_like(self.batch), self.place, self.weight)

    def restricted(self, nodes: Sequence[str]) -> ObservedRows:
        """The same experiments, of which only some nodes were observed."""
        columns = [self.nodes.index(node) for node in nodes]
        return self.from_values(nodes, self.values[:, columns], batch=self.batch, place=self.place, weight=self.weight)

    def counts(self, interventions: InterventionSet) -> Counts:
        """What the rows say of each family row of ``interventions``, whose places they follow."""
        counts = Counts.zeros(interventions)
        values, column = self.values, {node: place for place, node in enumerate(self.nodes)}
        regime_at = interventions.regime_of[self.place]
        free = interventions.assignments[self.place] == FREE
        for which, regime in enumerate(interventions.regimes):
            inside = regime_at == which
            for family in regime.families:
                seen = np.flatnonzero(inside & free[:, interventions.graph.position(family.node)])
                if not len(seen):
                    continue
                row = np.zeros(len(seen), dtype=np.int64)
                for parent in family.parents:
                    row = 2 * row + values[seen, column[parent]]
                at = regime.rows_in_set(family)
                weight = self.weight[seen]
                counts.visits[at] += np.bincount(row, weight, minlength=family.n_rows).astype(np.int64)
                ones = weight * values[seen, column[family.node]]
                counts.ones[at] += np.bincount(row, ones, minlength=family.n_rows).astype(np.int64)
        successes = self.weight * values[:, column[interventions.graph.target]]
        counts.trials[:] = np.bincount(self.place, self.weight, minlength=len(interventions))
        counts.successes[:] = np.bincount(self.place, successes, minlength=len(interventions))
        return counts

    def to_frame(self, interventions: InterventionSet) -> pd.DataFrame:
        """One row per experiment: ``batch`` (from 1), ``intervention`` (its label), and a 0/1 column per node."""
        import pandas as pd

        labels = np.array(interventions.labels, dtype=object)
        at = np.repeat(np.arange(len(self)), np.where(self.batch < 0, 0, self.weight))
        head = {"batch": self.batch[at] + 1, "intervention": labels[self.place[at]]}
        values = self.values[at]
        return pd.DataFrame(head | {node: values[:, column] for column, node in enumerate(self.nodes)})

    def __len__(self) -> int:
        return len(self.weight)

    def __repr__(self) -> str:
        return f"ObservedRows({self.total} experiments, {len(self)} patterns of {len(self.nodes)} nodes)"
