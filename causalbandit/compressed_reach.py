"""Reach of a large set of interventions in a fraction of the memory of its array [C, A].

Reach of a family depends on what an intervention fixes among the ancestors of the family's node, so that many
interventions have the same column there. Interventions are worked through in blocks; of a block every family keeps its
distinct columns and each intervention's number among them. The array itself is written down a block at a time.

>>> import networkx as nx
>>> from causalbandit import CausalGraph, InterventionSet
>>> graph = CausalGraph(nx.DiGraph([("a", "b"), ("b", "c")]), target="c")
>>> reach = CompressedReach(InterventionSet(graph, [{}, {"a": 1}, {"b": 0}]), np.array([0.25, 0.5, 0.5, 0.5, 0.5]))
>>> reach.shape, reach.columns([1])[:, 0].tolist()
((5, 3), [0.0, 0.0, 1.0, 0.5, 0.5])
>>> [(places.tolist(), block.shape) for places, block in reach.blocks()]
[([0, 1, 2], (5, 3))]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from causalbandit.arrays import Flags, Floats, Places
from causalbandit.clique_tree import clique_tree
from causalbandit.interventions import InterventionSet
from causalbandit.messages import Pass
from causalbandit.propagation import MEMORY, pairs_in_memory
from causalbandit.sharing import plans


@dataclass(frozen=True, eq=False)
class _FamilyColumns:
    """One family's reach under a block: ``values`` [rows, groups], and each intervention's group; None: its own."""

    rows: slice | Places
    values: Floats
    group: Places | None


@dataclass(frozen=True, eq=False)
class RowMaxima:
    """Where rows are reached most."""

    best: Places  # [rows]: the first intervention that reaches the row most
    most: Floats  # [rows]: how much
    n_interventions: int

    @classmethod
    def of(cls, reach: Floats | RowMaxima) -> RowMaxima:
        """Those of an array [rows, A]."""
        if isinstance(reach, RowMaxima):
            return reach
        return cls(reach.argmax(axis=1), reach.max(axis=1), reach.shape[1])


class CompressedReach:
    """β of C family rows and A interventions, exact, column blocks of it at a time.

    Parameters
    ----------
    interventions : InterventionSet
        A interventions and their graph.
    cpt : numpy.ndarray of float, shape [C]
        The tables.
    memory : int
        Bound on working memory in bytes, for one block. What is kept is not counted; see ``nbytes``.

    Attributes
    ----------
    shape : (int, int)
        C and A.
    most : numpy.ndarray of float, shape [C]
        The largest reach of every row.
    best : numpy.ndarray of int, shape [C]
        The first intervention that has it.
    nbytes : int
        Bytes of what is kept.
    """

    def __init__(self, interventions: InterventionSet, cpt: Floats, memory: int = MEMORY) -> None:
        self.shape = interventions.n_family_rows, len(interventions)
        self.most = np.zeros(self.shape[0])
        self.best = np.zeros(self.shape[0], dtype=np.intp)
        self._blocks: list[tuple[Places, list[_FamilyColumns]]] = []
        tables = np.stack([1 - cpt, cpt], axis=-1)
        for regime in interventions.regimes:
            tree = clique_tree(interventions.graph, regime.families)
            own = regime.own_rows(tables)[None]
            for where, plan in plans(tree, interventions, regime, pairs_in_memory(tree, memory, channels=1)):
                places = np.arange(where.start, where.stop) if isinstance(where, slice) else where
                run = Pass(tree, plan, own)
                run.upward()
                columns = []
                for family, share, values in run.reach_by_family():
                    rows = regime.rows_in_set(tree.families[family])
                    fixed = plan.codes[family][plan.states[family].group] != 0
                    columns.append(self._kept(rows, values, None if share.each else share.group, fixed, places))
                self._blocks.append((places, columns))

    def _kept(
        self, rows: slice | Places, values: Floats, group: Places | None, fixed: Flags, places: Places
    ) -> _FamilyColumns:
        """The columns of one family, those of interventions that fix its node 0; notes its largest values."""
        if group is None:
            values = values.copy()
            values[:, fixed] = 0.0
        elif fixed.any():
            used = np.zeros(values.shape[1] + 1, dtype=np.bool_)
            used[group[~fixed]] = True
            group = np.where(fixed, len(used) - 1, group)
            values = np.concatenate([values, np.zeros((len(values), 1))], axis=1)
            values[:, ~used] = 0.0
        if not fixed.all():  # rows that no intervention opens have no place in the set
            which = values.argmax(axis=1)
            most = values[np.arange(len(values)), which]
            first = which if group is None else np.array([(group == number).argmax() for number in which])
            better = most > self.most[rows]
            self.best[rows] = np.where(better, places[first], self.best[rows])
            self.most[rows] = np.where(better, most, self.most[rows])
        if group is not None:
            group = group.astype(np.uint16 if values.shape[1] < 1 << 16 else np.int64)
        return _FamilyColumns(rows, values, group)

    def maxima(self, rows: Flags | slice = slice(None)) -> RowMaxima:
        """Where some rows are reached most."""
        return RowMaxima(self.best[rows], self.most[rows], self.shape[1])

    @property
    def nbytes(self) -> int:
        arrays = [array for _, block in self._blocks for part in block for array in (part.values, part.group)]
        return sum(array.nbytes for array in arrays if array is not None)

    def blocks(self) -> Iterator[tuple[Places, Floats]]:
        """Places of some interventions and their columns [C, n], until all A have been told; the array is reused."""
        largest = max(len(places) for places, _ in self._blocks)
        space = np.empty((self.shape[0], largest))
        for places, block in self._blocks:
            columns = space[:, : len(places)]
            self._write(block, slice(None), columns)
            yield places, columns

    def of_rows(self, rows: Places) -> ReachOfRows:
        """Some rows, for products with vectors."""
        return ReachOfRows(self, rows)

    def columns(self, places: Sequence[int] | Places) -> Floats:
        """The columns of some interventions, [C, n]."""
        asked = np.asarray(places, dtype=np.intp)
        found = np.zeros((self.shape[0], len(asked)))
        for own, block in self._blocks:
            order = np.argsort(own)
            at = np.minimum(np.searchsorted(own, asked, sorter=order), len(own) - 1)
            here = np.flatnonzero(own[order[at]] == asked)
            if len(here):
                part = np.empty((self.shape[0], len(here)))
                self._write(block, order[at[here]], part)
                found[:, here] = part
        return found

    def _write(self, block: Sequence[_FamilyColumns], which: slice | Places, out: Floats) -> None:
        """Write columns of a block to ``out`` [C, n]; 0 in rows that its regime does not use."""
        if not all(isinstance(part.rows, slice) for part in block):
            out[...] = 0.0
        for part in block:
            rows = part.rows
            values = part.values[:, which] if part.group is None else part.values.take(part.group[which], axis=1)
            if isinstance(rows, slice) or rows[0] >= 0:
                out[rows] = values


@dataclass(frozen=True, eq=False)
class ReachOfRows:
    """Some rows of compressed reach, to be multiplied by vectors from both sides: one pass over all blocks each."""

    whole: CompressedReach
    rows: Places  # [C']
    __array_ufunc__ = None  # so that numpy leaves ``vector @ reach`` to __rmatmul__

    def __matmul__(self, shares: Floats) -> Floats:
        """Σ_a β_ca shares_a, [C']."""
        total = np.zeros(self.whole.shape[0])
        for places, block in self.whole.blocks():
            total += block @ shares[places]
        return total[self.rows]

    def __rmatmul__(self, row: Floats) -> Floats:
        """Σ_c row_c β_ca, [A]."""
        every = np.zeros(self.whole.shape[0])
        every[self.rows] = row
        found = np.empty(self.whole.shape[1])
        for places, block in self.whole.blocks():
            found[places] = every @ block
        return found
