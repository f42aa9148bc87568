"""What rows of experiments say about the claims of a graph: cells of each comparison, and log e-values.

The cost grows with patterns · observed nodes per node, in blocks of bounded memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from causalbandit.arrays import Floats, Integers
from causalbandit.assignments import FREE
from causalbandit.graph_check.claims import FIXED, ONE, VALUE, GraphClaims
from causalbandit.observed_rows import ObservedRows
from causalbandit.sequences.conditional import hypergeometric_moments, log_e_value, log_universal

BLOCK = 1 << 21
"""Numbers in one block of columns: 16 mebibytes."""

SPARSE = 4
"""Keys of batches and rows are numbered without gaps when there are more of them than this, per pattern."""

MOST_LOOKS = 8
"""Looks at the e-values when there are more batches than this: any subset of the times is as valid."""


class Cells(NamedTuple):
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
        if not listed:
            return cls(*np.zeros((3, 0), dtype=np.int64), *np.zeros((4, 0)))
        return cls(*map(np.concatenate, zip(*listed, strict=True)))

    def of_directions(self, directions: Iterable[int]) -> Cells:
        """The tables of some directions."""
        kept = np.isin(self.direction, list(directions))
        return Cells(*(each[kept] for each in self))

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
    values = np.ascontiguousarray(rows.values.T)
    _, batch = np.unique(rows.batch, return_inverse=True)
    fixed = claims.fixed.T[:, rows.place]
    views = [_View(claims, place, rows, values, batch) for place in range(len(claims.groups))]
    views = [view for view in views if len(view.seen)]
    sums = _key_sums(views, len(rows))
    parts: list[Cells] = []
    step = max(1, BLOCK // max(1, 3 * len(rows)))
    for start in range(0, len(claims.nodes), step):
        block = slice(start, start + step)
        marks = np.empty((len(rows), 2 + 3 * len(claims.nodes[block])))
        marks[:, :2] = 0.0, 1.0  # nothing and all, before three columns of each node
        marks[:, 2 + VALUE :: 3] = values[block].T
        marks[:, 2 + FIXED :: 3] = (fixed[block] != FREE).T
        marks[:, 2 + ONE :: 3] = (fixed[block] == 1).T
        columns, first = sums @ marks, 0
        for view in views:
            some = slice(*np.searchsorted(view.comparisons.other, [start, start + step]))
            last = first + 2 * len(view.row)
            if some.start < some.stop:
                parts.append(view.compare(some, columns[first:last], start))
            first = last
    if claims.direct_places:
        parts.extend(view.direct(rows.place) for view in views if view.group.node == claims.graph.target)
    return Cells.concatenate(parts)


def _key_sums(views: list[_View], n_patterns: int) -> Any:
    """Sparse [Σ 2·K, P]: per view experiments, then ones, of the patterns of each of its keys."""
    from scipy.sparse import coo_array

    if not views:
        return coo_array((0, n_patterns)).tocsr()
    places, columns, entries, first = [], [], [], 0
    for view in views:
        seen = view.seen.astype(np.int32)
        for weight in view.weights:
            places.append((first + view.key).astype(np.int32))
            columns.append(seen)
            entries.append(weight)
            first += len(view.row)
    at = np.concatenate(places), np.concatenate(columns)
    return coo_array((np.concatenate(entries), at), shape=(first, n_patterns)).tocsr()


class _View:
    """The patterns that a group of rows sees, in K keys: one per batch and row."""

    def __init__(
        self, claims: GraphClaims, place: int, rows: ObservedRows, values: NDArray[np.uint8], batch: Integers
    ) -> None:
        group = claims.groups[place]
        self.claims, self.group, self.comparisons = claims, group, claims.comparisons[place]
        member = np.zeros(len(claims.interventions), dtype=bool)
        member[group.places] = True
        self.seen = np.flatnonzero(member[rows.place])
        key = batch[self.seen]
        for node in group.scope:
            key = 2 * key + values[claims.column[node]][self.seen]
        n_keys = (int(batch[-1]) + 1) * group.n_rows if len(batch) else 0
        keys = np.arange(n_keys)
        if n_keys > SPARSE * len(self.seen):
            keys, key = np.unique(key, return_inverse=True)
        self.key, self.batch, self.row = key, keys >> len(group.scope), keys & (group.n_rows - 1)
        weight = rows.weight[self.seen].astype(np.float64)
        self.weights = weight, weight * values[claims.column[group.node]][self.seen]

    def compare(self, some: slice, columns: Floats, start: int) -> Cells:
        """The tables of some comparisons from sums of marks [2·K, 2 + 3 each], which begin with those of ``start``."""
        index = self.comparisons.marks[:, some]
        index = np.where(index < 0, index, index - 3 * start) + 2
        size = len(self.row)
        total, cell = columns[:, index[0]] - columns[:, index[1]], columns[:, index[2]] - columns[:, index[3]]
        bit, value = self.comparisons.bit[some], self.comparisons.value[some]
        shown = self.row[:, None] >> np.maximum(len(self.group.scope) - 1 - bit, 0) & 1
        inside = (bit < 0) | (shown == value)  # an empty cell is no comparison
        direction, row = self.comparisons.direction[some], self.group.start + self.row[:, None]
        return Cells.compared(
            direction, self.batch[:, None], row, total[:size], total[size:], cell[:size] * inside, cell[size:]
        )

    def direct(self, place: Integers) -> Cells:
        """The tables of each intervention against the others, for the target."""
        claims = self.claims
        n_places = len(claims.interventions)
        pairs, at = np.unique(self.key * n_places + place[self.seen], return_inverse=True)
        key, place = pairs // n_places, pairs % n_places
        first = claims.n_directions - len(claims.direct_places)
        direction = first + np.searchsorted(claims.direct_places, place)
        kept = np.isin(place, claims.direct_places)
        numbers = []
        for weight in self.weights:
            totals = np.bincount(self.key, weight, minlength=len(self.row))
            numbers += [totals[key][kept], np.bincount(at, weight, minlength=len(pairs))[kept]]
        total, cell, ones, cell_ones = numbers
        row = self.group.start + self.row[key[kept]]
        return Cells.compared(direction[kept], self.batch[key[kept]], row, total, ones, cell, cell_ones)


def batch_sums(claims: GraphClaims, cells: Cells) -> Floats:
    """Deviation, variance and third moment per batch and direction, summed over rows: [3, B, D]."""
    n_batches = int(cells.batch.max(initial=0)) + 1
    mean, variance, third = hypergeometric_moments(cells.total, cells.ones, cells.cell)
    key = cells.batch * claims.n_directions + cells.direction
    size = n_batches * claims.n_directions
    sums = [np.bincount(key, each, minlength=size) for each in (cells.cell_ones - mean, variance, third)]
    return np.array(sums, dtype=np.float64).reshape(3, n_batches, claims.n_directions)


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
