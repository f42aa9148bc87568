"""The latent projection: what hidden nodes leave between the nodes that are seen (Verma & Pearl 1990).

i is a parent of j when a directed path leads from i to j through hidden nodes only; i and j are joined by a bidirected
edge, i ↔ j, when they share a hidden ancestor through hidden nodes only. Nodes that ↔ connects form a *district*.
Given an order of the nodes in which parents come first, a node i and a set X of fixed nodes, S_i is the district of i
among the nodes up to i outside X, and its *scope* is T_i = (S_i ∪ parents of S_i) without i. Then (Tian & Pearl 2002)

    P(v | do(x)) = Π_{i ∉ X} P(v_i | T_i).

Sets of nodes are whole numbers here: bit k stands for the k-th node of the order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

_BEAM = 64
"""How many sets of nodes the search for an order keeps at each step; with more open ones it is no longer exhaustive."""


def members(nodes: int) -> Iterator[int]:
    """Places of the nodes in a set, ascending."""
    while nodes:
        lowest = nodes & -nodes
        yield lowest.bit_length() - 1
        nodes ^= lowest


@dataclass(frozen=True)
class Projection:
    """Observed nodes in an order in which parents come first, their observed parents, and who shares hidden causes."""

    nodes: tuple[str, ...]  # the target and its observed ancestors
    parents: tuple[tuple[str, ...], ...]  # in table order; where a hidden parent stood, its own observed parents
    spouses: tuple[int, ...]  # of each node: the set of nodes that share a hidden cause with it

    @cached_property
    def parent_sets(self) -> tuple[int, ...]:
        """The set of parents of each node."""
        place = {node: index for index, node in enumerate(self.nodes)}
        return tuple(sum(1 << place[parent] for parent in parents) for parents in self.parents)

    @cached_property
    def linked(self) -> int:
        """The set of nodes that share a hidden cause with another one."""
        return sum(1 << place for place, spouses in enumerate(self.spouses) if spouses)

    def component(self, place: int, among: int) -> int:
        """The nodes that ↔ connects with a node within the set ``among``, which holds it."""
        found = frontier = 1 << place
        while frontier:
            reached = 0
            for member in members(frontier):
                reached |= self.spouses[member]
            frontier = reached & among & ~found
            found |= frontier
        return found

    def district(self, place: int, fixed: int = 0) -> int:
        """S_i: the district of a node among the nodes up to it that are not in ``fixed`` (the node itself counts)."""
        up_to = (2 << place) - 1
        return self.component(place, (up_to & ~fixed) | (1 << place))

    def scope_set(self, place: int, district: int) -> int:
        """T_i as a set."""
        scope = district
        for member in members(district):
            scope |= self.parent_sets[member]
        return scope & ~(1 << place)

    def scope(self, place: int, district: int) -> tuple[str, ...]:
        """T_i: in table order when the node is alone in its district, else in the order of the nodes."""
        if district == 1 << place:
            return self.parents[place]
        return self.names(self.scope_set(place, district))

    def names(self, nodes: int) -> tuple[str, ...]:
        """The nodes of a set by name."""
        return tuple(self.nodes[place] for place in members(nodes))

    def n_rows(self) -> int:
        """C without interventions: Σ_i 2^|T_i|."""
        return sum(
            1 << self.scope_set(place, self.district(place)).bit_count() if spouses else 1 << len(self.parents[place])
            for place, spouses in enumerate(self.spouses)
        )

    def reordered(self, order: Sequence[int]) -> Projection:
        """The same with the nodes in another order, given by their places."""
        new_place = {old: new for new, old in enumerate(order)}
        return Projection(
            tuple(self.nodes[old] for old in order),
            tuple(self.parents[old] for old in order),
            tuple(sum(1 << new_place[spouse] for spouse in members(self.spouses[old])) for old in order),
        )

    def thriftiest(self) -> Projection:
        """The same with the nodes in an order that keeps C small; unchanged when no order is found with fewer rows.

        Nodes are taken away from the end: what the last node of a set costs, 2^|T_i|, does not depend on the order of
        the others, so that of all ways to the same set only the cheapest need be kept. The search keeps the 64
        cheapest sets of each size and is exhaustive as long as no more are open. Interventions are not considered: C
        here is that of observing.
        """
        if not self.linked:
            return self
        children = [0] * len(self.nodes)
        for place, parents in enumerate(self.parent_sets):
            for parent in members(parents):
                children[parent] |= 1 << place
        left, removed = self._without_unlinked_ends((1 << len(self.nodes)) - 1, (), children)
        best: dict[int, tuple[float, tuple[int, ...]]] = {left: (0, removed)}
        for _ in range(self.linked.bit_count()):
            found: dict[int, tuple[float, tuple[int, ...]]] = {}
            for left, (cost, removed) in best.items():
                for place in members(left & self.linked):
                    if children[place] & left:
                        continue
                    rows = 1 << self.scope_set(place, self.component(place, left)).bit_count()
                    rest, order = self._without_unlinked_ends(left ^ (1 << place), (*removed, -place), children)
                    found[rest] = min((cost + rows, order), found.get(rest, (math.inf, ())))
            best = dict(sorted(found.items(), key=lambda item: item[1])[:_BEAM])
        ((_, removed),) = best.values()
        other = self.reordered([-place for place in reversed(removed)])
        return other if other.n_rows() < self.n_rows() else self

    def _without_unlinked_ends(
        self, left: int, removed: tuple[int, ...], children: Sequence[int]
    ) -> tuple[int, tuple[int, ...]]:
        """Take away nodes without hidden causes from the end: they cost the same anywhere, and free their parents."""
        for place in reversed(list(members(left & ~self.linked))):
            if not children[place] & left:
                left ^= 1 << place
                removed = (*removed, -place)
        return left, removed


def project(
    nodes: Sequence[str], parents: Mapping[str, Sequence[str]], hidden: frozenset[str]
) -> tuple[dict[str, tuple[str, ...]], list[tuple[str, str]]]:
    """The observed parents of every observed node, and the pairs of observed nodes that share a hidden cause.

    ``nodes`` are all nodes with parents before children; ``parents`` in table order.
    """
    seen: dict[str, tuple[str, ...]] = {}
    causes: dict[str, set[str]] = {}
    for node in nodes:
        upward: dict[str, None] = {}
        causes[node] = {node} if node in hidden else set()
        for parent in parents[node]:
            if parent in hidden:
                upward.update(dict.fromkeys(seen[parent]))
                causes[node] |= causes[parent]
            else:
                upward[parent] = None
        seen[node] = tuple(upward)
    observed = [node for node in nodes if node not in hidden]
    confounded = [node for node in observed if causes[node]]
    pairs = [
        (first, second)
        for place, first in enumerate(confounded)
        for second in confounded[place + 1 :]
        if causes[first] & causes[second]
    ]
    return {node: seen[node] for node in observed}, pairs
