"""Which family rows a search has to learn: those that some intervention can reach and whose values are not given.

An intervention that leaves a node free can reach those rows of its table that agree with what it fixes of the node's
parents. A row that agrees with no intervention is out of reach whatever the tables say: no experiment visits it and no
effect depends on it, so that it is not counted in C (Yabe et al. 2018, Remarks 3 and 5).

>>> import networkx as nx
>>> from causalbandit import CausalGraph, InterventionSet
>>> graph = CausalGraph(nx.DiGraph([("ad", "sale"), ("price", "sale")]), target="sale")
>>> arms = InterventionSet(graph, [{"ad": 1}, {"ad": 1, "price": 0}])
>>> [(family.node, family.rows) for family in arms.families]
[('ad', slice(0, 1, None)), ('price', slice(1, 2, None)), ('sale', slice(2, 6, None))]
>>> LearnedRows.of(arms).flags.tolist()  # no arm leaves the ad alone or fixes it at 0
[False, True, False, False, True, True]
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from causalbandit.arrays import Flags, Floats
from causalbandit.assignments import FREE
from causalbandit.interventions import InterventionSet


@dataclass(frozen=True, eq=False)
class LearnedRows:
    """The rows to learn among the C family rows of a set of interventions."""

    reachable: Flags  # [C]: that some intervention can reach under some tables
    known: Flags  # [C]: whose values are given

    @classmethod
    def of(cls, interventions: InterventionSet, known: Floats | None = None) -> LearnedRows:
        """Those of a set, when the rows that are not NaN in ``known`` [C] are given; none are when it is left out."""
        reachable = reachable_rows(interventions)
        return cls(reachable, np.zeros(len(reachable), dtype=bool) if known is None else ~np.isnan(known))

    @cached_property
    def flags(self) -> Flags:
        """Which rows must be learned, [C]."""
        return self.reachable & ~self.known

    @cached_property
    def number(self) -> int:
        """How many: the C of Yabe et al. (2018) with their Remarks 3 and 5."""
        return int(self.flags.sum())


def reachable_rows(interventions: InterventionSet) -> Flags:
    """Which of the C family rows agree with what some intervention fixes that leaves the row's node free; [C].

    Worked out once per set. Cost: one pass over the codes of the nodes with fixed parents.
    """
    return interventions.derived.once("reachable rows", lambda: _reachable(interventions))


def _reachable(interventions: InterventionSet) -> Flags:
    graph, codes = interventions.graph, interventions.assignments
    found = np.zeros(interventions.n_family_rows, dtype=bool)
    for regime in interventions.regimes:
        own = codes[regime.columns]
        if (own == FREE).all(axis=1).any():  # observing reaches every row
            found[slice(None) if regime.rows is None else regime.rows[regime.rows >= 0]] = True
            continue
        for family in regime.families:
            free = own[:, graph.position(family.node)] == FREE
            if not free.any():
                continue
            parents = own[:, [graph.position(parent) for parent in family.parents]][free]
            rows = np.zeros((2,) * len(family.parents), dtype=bool)
            whole = (parents == FREE).all(axis=1).any()
            for fixed in parents[:0] if whole else np.unique(parents, axis=0):
                rows[_agreeing(fixed.tolist())] = True
            found[regime.rows_in_set(family)] |= rows.ravel() | whole
    found.flags.writeable = False
    return found


def _agreeing(codes: list[int]) -> tuple[slice | int, ...]:
    """Where in a table with an axis for each parent the rows lie that agree with the ``codes`` of the parents."""
    return tuple(slice(None) if code == FREE else code for code in codes)


def teaching(interventions: InterventionSet, wanted: Flags) -> Flags:
    """Which interventions leave the node of a row among ``wanted`` [C] free and agree with the row; [A].

    Cost: one pass over the codes of the families with such rows and of their parents.
    """
    graph, codes = interventions.graph, interventions.assignments
    found = np.zeros(len(interventions), dtype=bool)
    for regime in interventions.regimes:
        own = codes[regime.columns]
        for family in regime.families:
            rows = wanted[regime.rows_in_set(family)].reshape((2,) * len(family.parents))
            if not rows.any():
                continue
            fixed = own[:, [graph.position(parent) for parent in family.parents]]
            kinds, kind = np.unique(fixed, axis=0, return_inverse=True)
            agrees = [rows[_agreeing(each)].any() for each in kinds.tolist()]
            free = own[:, graph.position(family.node)] == FREE
            found[regime.columns] |= free & np.array(agrees)[kind.ravel()]
    return found
