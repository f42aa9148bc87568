"""True tables of the observed nodes of a model with hidden ones, by exact elimination.

Write Q[S] for P(v_S | do(everything else)). For a district S = S_i it is the sum over the hidden nodes around S of the
product of the tables of S and of these hidden nodes, a function of S and its observed parents (Tian & Pearl 2002). What
the observed world shows of i is P(i | S without i, do(rest of the scope)) = Q[S] / Σ_i Q[S].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from causalbandit.arrays import Floats, quotients
from causalbandit.errors import BadValue
from causalbandit.graph import CausalGraph, Family

_LARGEST = 25
"""Most nodes of a table on the way: its 2^25 doubles take the default bound on working memory, 256 MiB."""


class _Factor(NamedTuple):
    """A table over some binary nodes: ``values`` [2, 2, ...] have one axis for each."""

    nodes: tuple[str, ...]
    values: Floats

    def over(self, nodes: Sequence[str]) -> Floats:
        """The values with one axis for each of ``nodes``, which hold its own; of length 1 where it does not depend."""
        order = [self.nodes.index(node) for node in nodes if node in self.nodes]
        shape = [2 if node in self.nodes else 1 for node in nodes]
        return self.values.transpose(order).reshape(shape)


def family_table(graph: CausalGraph, tables: Mapping[str, Sequence[float]], family: Family) -> Floats:
    """P(node = 1 | configuration) for the rows of a family, [2^(number of parents)]; 1/2 where it cannot be.

    ``tables`` holds P(node = 1 | parent configuration) of all nodes, hidden ones included.
    """
    hidden = _hidden_around(graph, family.district)
    factors = [_table(graph, tables, node) for node in (*family.district, *hidden)]
    while hidden:
        costs = {node: len(_joint_nodes(factors, node)) for node in hidden}
        node = min(costs, key=costs.__getitem__)
        hidden.remove(node)
        touched = [factor for factor in factors if node in factor.nodes]
        factors = [factor for factor in factors if node not in factor.nodes]
        product = _product(touched, (*_joint_nodes(touched, node), node), family.node)
        factors.append(_Factor(product.nodes[:-1], product.values.sum(axis=-1)))
    joint = _product(factors, (*family.parents, family.node), family.node).values.reshape(-1, 2)
    total = joint.sum(axis=1)
    return quotients(joint[:, 1], total, 0.5)


def _hidden_around(graph: CausalGraph, district: Sequence[str]) -> list[str]:
    """The hidden nodes with a directed path into the district through hidden nodes only."""
    unseen = set(graph.hidden)
    found: dict[str, None] = {}
    stack = list(district)
    while stack:
        for parent in graph.parents(stack.pop()):
            if parent in unseen and parent not in found:
                found[parent] = None
                stack.append(parent)
    return list(found)


def _table(graph: CausalGraph, tables: Mapping[str, Sequence[float]], node: str) -> _Factor:
    nodes = (*graph.parents(node), node)
    ones = np.asarray(tables[node])
    return _Factor(nodes, np.stack([1 - ones, ones], axis=-1).reshape((2,) * len(nodes)))


def _joint_nodes(factors: Sequence[_Factor], without: str) -> tuple[str, ...]:
    """All nodes of the factors that hold ``without``, but for it."""
    joined = dict.fromkeys(node for factor in factors if without in factor.nodes for node in factor.nodes)
    return tuple(node for node in joined if node != without)


def _product(factors: Sequence[_Factor], nodes: Sequence[str], asked: str) -> _Factor:
    """The product of the factors as a table over ``nodes``, which hold theirs."""
    if len(nodes) > _LARGEST:
        need = f"a table over {len(nodes)} nodes at once, because hidden nodes join them; expected at most {_LARGEST}"
        raise BadValue(f"What is seen of {asked!r} takes {need}. Leave out hidden nodes or edges that matter little.")
    values = np.ones((2,) * len(nodes))
    for factor in factors:
        values *= factor.over(nodes)
    return _Factor(tuple(nodes), values)
