"""Interventions that have the same effect on the target in every model of a graph.

A fixed node matters only if a directed path leads from it to the target that meets no other fixed node. Let X be the
fixed nodes of which this is true and Z the others. In the graph without the edges into X and Z, hidden causes
included, a path from Z to the target that X does not block has no collider at a fixed node, so that it is a directed
path past X; there is none. So Z and the target are d-separated given X, and rule 3 of Pearl's calculus (Pearl 1995)
gives P(target | do(X, Z)) = P(target | do(X)), whatever the tables. Interventions that fix the same X at the same
values make a group; those of different groups have different effects in almost all models.

>>> import networkx as nx
>>> from causalbandit import CausalGraph, InterventionSet
>>> graph = CausalGraph(nx.DiGraph([("ad", "trust"), ("trust", "purchase")]), target="purchase")
>>> arms = InterventionSet(graph, [{}, {"trust": 1}, {"ad": 1, "trust": 1}, {"ad": 1}])
>>> arms.groups
((0,), (1, 2), (3,))
>>> arms.reduced().labels
('(observe)', 'trust=1', 'ad=1')
>>> arms.reduced().stands_for
((), ('ad=1, trust=1',), ())
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from causalbandit.arrays import Floats
from causalbandit.assignments import FREE, Codes, code_blocks
from causalbandit.graph import CausalGraph


def minimal_codes(graph: CausalGraph, codes: Codes) -> Codes:
    """The codes of the target's ancestors with the fixed nodes that do not matter left free, [A, ancestors].

    Cost: one pass over the edges per block of interventions.
    """
    column = {node: place for place, node in enumerate(graph.ancestors)}
    blocks = []
    for block in code_blocks(codes[:, graph.ancestor_places]):
        fixed = block != FREE
        matters = np.zeros(block.shape[::-1], dtype=bool)  # a path past all other fixed nodes leads to the target
        matters[column[graph.target]] = True
        for node in reversed(graph.ancestors):
            onwards = matters[column[node]] & ~fixed[:, column[node]]
            for parent in graph.observed_parents(node):
                matters[column[parent]] |= onwards
        blocks.append(np.where(matters.T, block, FREE).astype(np.int8))
    return np.concatenate(blocks)


def equal_groups(graph: CausalGraph, codes: Codes, choices: Codes, costs: Floats) -> tuple[tuple[int, ...], ...]:
    """Places of the interventions of each group, the cheapest first; groups by that.

    Of equal prices the one that fixes the fewest nodes, which shows more of the tables, and of these the first.

    Interventions that replace tables, by other ``choices`` [A, N], are never put together.
    """
    groups: dict[bytes, list[int]] = {}
    for place, (row, choice) in enumerate(zip(minimal_codes(graph, codes), choices, strict=True)):
        groups.setdefault(row.tobytes() + choice.tobytes(), []).append(place)
    n_fixed = (codes != FREE).sum(axis=1)
    kept = (tuple(sorted(group, key=lambda place: (costs[place], n_fixed[place], place))) for group in groups.values())
    return tuple(sorted(kept, key=lambda group: group[0]))


def equals(groups: Sequence[Sequence[int]], labels: Sequence[str]) -> list[tuple[str, ...]]:
    """Labels of the others in each one's group, in the order of ``labels``."""
    others: list[tuple[str, ...]] = [()] * len(labels)
    for group in groups:
        for place in group if len(group) > 1 else ():
            others[place] = tuple(labels[other] for other in group if other != place)
    return others
