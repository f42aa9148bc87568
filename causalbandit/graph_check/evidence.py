"""What rows of experiments say about the claims of a graph: cells of each comparison, and log e-values.

The cost grows with patterns · observed nodes per node, in blocks of bounded memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalbandit.assignments import FREE
from causalbandit.graph_check.claims import Comparison, GraphClaims, RowGroup
from causalbandit.observed_rows import ObservedRows
from causalbandit.sequences.conditional import hypergeometric_moments, log_e_value, log_universal

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BLOCK = 1 << 21
"""Numbers in one block of columns: 16 mebibytes."""

MOST_LOOKS = 64
"""Looks at the e-values when there are more batches than this: any subset of the times is as valid."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Two-cell tables, one per direction, batch and row where both cells hold experiments; arrays of one length.

    Attributes
    ----------
    direction, batch, row : numpy.ndarray of int64
        Direction of the claims, place of the batch among those there are, and family row.
    total, ones : numpy.ndarray of float
        Experiments in both cells, and those in which the node was 1.
    cell, cell_ones : numpy.ndarray of float
        The same in the first cell.
    """

    direction: NDArray[Any]
    batch: NDArray[Any]
    row: NDArray[Any]
    total: NDArray[Any]
    ones: NDArray[Any]
    cell: NDArray[Any]
    cell_ones: NDArray[Any]

    @classmethod
    def concatenate(cls, parts: Iterable[Cells]) -> Cells:
        """All tables of some parts."""
        listed = list(parts)
        names = [field.name for field in fields(cls)]
        if not listed:
            return cls(*(np.zeros(0, dtype=np.int64 if place < 3 else np.float64) for place in range(len(names))))
        return cls(*(np.concatenate([getattr(part, name) for part in listed]) for name in names))

    def of_directions(self, directions: Iterable[int]) -> Cells:
        """The tables of some directions."""
        kept = np.isin(self.direction, list(directions))
        return Cells(*(getattr(self, field.name)[kept] for field in fields(self)))

    @classmethod
    def compared(cls, direction: Integers, batch: Integers, row: Integers, *numbers: NDArray[Any]) -> Cells:
        """Arrays that broadcast to [K, D], flattened, without tables that have an empty cell."""
        total, _, cell, _ = numbers
        kept = np.nonzero((cell > 0) & (cell < total))
        shape = total.shape
        return cls(
            *(np.broadcast_to(each, shape)[kept] for each in (direction, batch, row)), *(n[kept] for n in numbers)
        )


def cells_of(claims: GraphClaims, rows: ObservedRows) -> Cells:
    """The tables of all comparisons. ``rows.nodes`` must be ``claims.nodes``."""
    values = rows.values
    _, batch = np.unique(rows.batch, return_inverse=True)
    fixed = claims.fixed[rows.place]
    parts: list[Cells] = []
    for group, comparisons in zip(claims.groups, claims.comparisons, strict=True):
        view = _View(claims, group, rows, values, batch, fixed)
        if len(view.weight):
            parts.extend(view.compare(comparisons))
            if group.node == claims.graph.target and claims.direct_places:
                parts.append(view.direct())
    return Cells.concatenate(parts)


class _View:
    """The patterns that a group of rows sees, sorted by batch and row: K keys in all."""

    def __init__(
        self,
        claims: GraphClaims,
        group: RowGroup,
        rows: ObservedRows,
        values: NDArray[np.uint8],
        batch: Integers,
        fixed: NDArray[np.int8],
    ) -> None:
        self.claims, self.group = claims, group
        member = np.zeros(len(claims.interventions), dtype=bool)
        member[group.places] = True
        seen = np.flatnonzero(member[rows.place])
        code = np.zeros(len(seen), dtype=np.int64)
        for node in group.scope:
            code = 2 * code + values[seen, claims.column[node]]
        key = batch[seen] * group.n_rows + code
        order = np.argsort(key, kind="stable")
        key, seen = key[order], seen[order]
        self.starts = np.flatnonzero(np.diff(key, prepend=-1))
        self.batch, self.row = np.divmod(key[self.starts], group.n_rows)
        self.place = rows.place[seen]
        self.values, self.fixed = values[seen], fixed[seen]
        self.weight = rows.weight[seen].astype(np.float64)
        self.ones = self.weight * self.values[:, claims.column[group.node]]

    def compare(self, comparisons: Sequence[Comparison]) -> Iterator[Cells]:
        """The tables of the comparisons, some at a time."""
        step = max(1, BLOCK // (4 * len(self.weight)))
        for start in range(0, len(comparisons), step):
            yield self._compare(comparisons[start : start + step])

    def _compare(self, comparisons: Sequence[Comparison]) -> Cells:
        names = list(dict.fromkeys(name for c in comparisons for pair in (c.within, c.cell) for name in pair))
        columns = np.stack([self._column(name) for name in names], axis=1)
        place = {name: at for at, name in enumerate(names)}
        index = np.array([[place[name] for pair in (c.within, c.cell) for name in pair] for c in comparisons]).T
        # [K, D]: experiments of both cells, ones of both, experiments of the first, ones of the first
        sums = [np.add.reduceat(columns * each[:, None], self.starts, axis=0) for each in (self.weight, self.ones)]
        numbers = [each[:, plus] - each[:, minus] for plus, minus in (index[:2], index[2:]) for each in sums]
        bits = np.array([max(c.bit, 0) for c in comparisons])
        shown = (self.row[:, None] >> (len(self.group.scope) - 1 - bits)) & 1 if self.group.scope else 0
        apart = np.array([c.bit < 0 for c in comparisons]) | (shown == np.array([c.value for c in comparisons]))
        numbers[2] = numbers[2] * apart
        direction = np.array([c.direction for c in comparisons])
        return Cells.compared(direction, self.batch[:, None], self.group.start + self.row[:, None], *numbers)

    def _column(self, name: str) -> Floats:
        kind, _, node = name.partition(" ")
        if kind == "":
            return np.zeros(len(self.weight))
        if kind == "all":
            return np.ones(len(self.weight))
        at = self.claims.column[node]
        source = self.values[:, at] if kind == "value" else self.fixed[:, at]
        result: NDArray[np.bool_] = source != FREE if kind == "fixed" else source == 1
        return result.astype(np.float64)

    def direct(self) -> Cells:
        """The tables of each intervention against the others, for the target."""
        claims = self.claims
        n_places = len(claims.interventions)
        key = np.repeat(np.arange(len(self.starts)), np.diff(self.starts, append=len(self.weight)))
        pairs, at = np.unique(key * n_places + self.place, return_inverse=True)
        key, place = pairs // n_places, pairs % n_places
        first = claims.n_directions - len(claims.direct_places)
        direction = first + np.searchsorted(claims.direct_places, place)
        kept = np.isin(place, claims.direct_places)
        numbers = []
        for weight in (self.weight, self.ones):
            numbers += [np.add.reduceat(weight, self.starts)[key], np.bincount(at, weight, minlength=len(pairs))]
        total, cell, ones, cell_ones = (each[kept] for each in numbers)
        row = self.group.start + self.row[key[kept]]
        return Cells.compared(direction[kept], self.batch[key[kept]], row, total, ones, cell, cell_ones)


def batch_sums(claims: GraphClaims, cells: Cells) -> Floats:
    """Deviation, variance and third moment per batch and direction, summed over rows: [3, B, D]."""
    n_batches = int(cells.batch.max(initial=0)) + 1
    mean, variance, third = hypergeometric_moments(cells.total, cells.ones, cells.cell)
    key = cells.batch * claims.n_directions + cells.direction
    size = n_batches * claims.n_directions
    result = np.zeros((3, size))
    for place, each in enumerate((cells.cell_ones - mean, variance, third)):
        result[place] = np.bincount(key, each, minlength=size)
    return result.reshape(3, n_batches, claims.n_directions)


def log_e_of(claims: GraphClaims, sums: Floats) -> Floats:
    """log e-value of each claim, [..., M], from deviation, variance and third moment so far, [3, ..., D]."""
    directions = np.zeros(sums.shape[1:])
    seen = sums[1] > 0
    directions[seen] = log_e_value(*(each[seen] for each in sums))
    return _combined(claims, directions, exact_given_totals=True)


def log_e_path(claims: GraphClaims, cells: Cells) -> Floats:
    """log e-value of each claim after each look, [looks, M]: conditional on each batch's sizes and totals."""
    sums = batch_sums(claims, cells).cumsum(axis=1)
    n_batches = sums.shape[1]
    looks = np.unique(np.linspace(0, n_batches - 1, min(n_batches, MOST_LOOKS)).astype(np.int64))
    return log_e_of(claims, sums[:, looks])


def log_e_universal(claims: GraphClaims, cells: Cells) -> Floats:
    """log e-value of each claim by universal inference, [M]; the tables of ``cells`` must come as one batch."""
    pairs = np.stack([cells.cell, cells.total - cells.cell], axis=1)
    ones = np.stack([cells.cell_ones, cells.ones - cells.cell_ones], axis=1)
    weights = log_universal(ones, pairs - ones)
    found = np.bincount(cells.direction, weights, minlength=claims.n_directions).astype(np.float64)
    return _combined(claims, found, exact_given_totals=False)


def _combined(claims: GraphClaims, directions: Floats, *, exact_given_totals: bool) -> Floats:
    """Directions [..., D] as claims [..., M]: products where they are independent given the totals, else means."""
    first = directions[..., claims.first]
    second = np.where(claims.second < 0, first, directions[..., claims.second])
    product = claims.rule == claims.DISJOINT
    if exact_given_totals:
        product |= claims.rule == claims.SEQUENTIAL
    result: Floats = np.where(product, first + second, np.logaddexp(first, second) - np.log(2))
    return result
