"""Clique trees: a graph's families laid out so that sums over all states become sums over small bags.

The families are moralised and triangulated by min-fill (Lauritzen & Spiegelhalter 1988); every family's table belongs
to one bag that holds its node and parents. The tree knows nothing of tables or interventions and serves all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import or_
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from causalbandit.arrays import Floats, Places
from causalbandit.errors import BadValue
from causalbandit.graph import CausalGraph, Family
from causalbandit.regimes import LARGEST_SCOPE
from causalbandit.triangulation import min_fill

Number = TypeVar("Number", np.float64, np.int64)

_MERGED = 5
"""Neighbouring bags are merged while they hold at most this many nodes: fewer, slightly larger numpy calls."""

_LARGE = 2048
"""Entries of a table above which summing it column by column is faster than numpy's sum over a short last axis."""


@dataclass(frozen=True, eq=False)
class Scope:
    """Where the configurations of some of a bag's nodes stand among the bag's own configurations.

    Attributes
    ----------
    size : int
        How many nodes.
    places : numpy.ndarray of int, shape [2^|bag|]
        The scope's configuration in each configuration of the bag.
    order : numpy.ndarray of int, shape [2^|bag|]
        The bag's configurations sorted by that of the scope.
    shape : tuple of int
        Shape of a table over the scope's nodes that broadcasts against one over the bag's, ``Bag.shape``; 1 where a run
        of nodes is outside the scope.
    axes, outside, kept : list or tuple of int
        All axes of a table over the bag with two more behind them; those outside the scope, and the others.
    to_bag, from_bag : numpy.ndarray of int, shape [2^size], or None
        Takes a table whose configurations are read in the scope's order of nodes to one in the bag's, and back. None
        when both orders agree.
    last_is : two numpy.ndarray of float, shape [2^size, 1]
        1 where the last of the scope's nodes is 0, and 1 where it is 1; nodes in the bag's order.
    """

    size: int
    places: Places
    order: Places
    shape: tuple[int, ...]
    axes: list[int]
    outside: tuple[int, ...]
    kept: list[int]
    to_bag: Places | None
    from_bag: Places | None
    last_is: tuple[Floats, Floats]

    def sum_onto(self, table: npt.NDArray[Number]) -> npt.NDArray[Number]:
        """``table`` [..., 2^|bag|] summed onto the scope, [..., 2^|scope|]."""
        alike = len(self.order) >> self.size  # configurations of the bag that agree on the scope
        if alike <= 2 or (alike == 4 and table.size > _LARGE):  # column by column: the same additions in the same order
            first, *others = self.order.reshape(-1, alike).T
            total: npt.NDArray[Number] = table.take(first, axis=-1)
            for column in others:
                total += table.take(column, axis=-1)
            return total
        shape = (*table.shape[:-1], 1 << self.size, -1)
        summed: npt.NDArray[Number] = table.take(self.order, axis=-1).reshape(shape).sum(axis=-1)
        return summed


@dataclass(frozen=True, eq=False)
class Bag:
    """One bag of the tree. A configuration of its nodes is read with the first as the most significant bit.

    Attributes
    ----------
    nodes : tuple of int
        Places of the nodes among the tree's families: first the residual nodes (not shared with the parent bag), then
        the separator.
    n_residual : int
        How many of them are residual.
    parent : int
        The parent bag's place in ``CliqueTree.bags``; -1 for the root.
    children : tuple of int
        Places of the child bags.
    families : tuple of int
        Places of the families whose tables this bag holds.
    family_scopes, child_scopes : tuple of Scope
        Where (parents, node) of each family, and the separator to each child, stand in this bag.
    own_scope : Scope
        Where the separator to the parent stands in this bag.
    shape : tuple of int
        Shape of a table over the bag, one axis per run of neighbouring nodes that every scope holds or leaves together.
    """

    nodes: tuple[int, ...]
    n_residual: int
    parent: int
    children: tuple[int, ...]
    families: tuple[int, ...]
    family_scopes: tuple[Scope, ...]
    child_scopes: tuple[Scope, ...]
    own_scope: Scope
    shape: tuple[int, ...]

    @property
    def separator(self) -> tuple[int, ...]:
        """Nodes shared with the parent bag."""
        return self.nodes[self.n_residual :]


class CliqueTree:
    """A rooted clique tree of some families, each assigned to one bag.

    Parameters
    ----------
    families : tuple of Family
        One per node, parents before children, the target's last: ``graph.families``, for example.

    Attributes
    ----------
    bags : tuple of Bag
        Parents before children; the root, which holds the target, first.
    width : int
        Tree width that the triangulation found: nodes in its largest clique, minus one. Small neighbouring cliques
        are merged into one bag, so that a bag may hold a few nodes more.
    holder : dict of int to (int, int)
        Per family: the place of the bag that holds it, and its index there.
    scopes_in_parent : list of Scope
        Where each bag's separator stands in its parent; the root's own in the root.
    target_in_root : numpy.ndarray of float, shape [2^|root|]
        1 for the root's configurations in which the target is 1, else 0.

    Raises
    ------
    ValueError
        If a bag has more than 22 nodes: its table has 2^22 entries per intervention. Nothing of that size is allocated.
    """

    def __init__(self, families: tuple[Family, ...]) -> None:
        self.families = families
        scopes = _family_scopes(families)
        target, in_degree = len(scopes) - 1, max(map(len, scopes)) - 1
        _check_size(in_degree, in_degree)
        self.width, cliques, parents = _rooted_cliques(scopes, target)
        _check_size(self.width, in_degree)
        self.bags = _make_bags(cliques, parents, scopes)
        self.target_in_root = _configurations(self.bags[0].nodes, [target]).astype(np.float64)
        self.scopes_in_parent = [bag.own_scope for bag in self.bags]
        self.holder: dict[int, tuple[int, int]] = {}
        for place, bag in enumerate(self.bags):
            self.holder |= {family: (place, index) for index, family in enumerate(bag.families)}
            for child, scope in zip(bag.children, bag.child_scopes, strict=True):
                self.scopes_in_parent[child] = scope

    @cached_property
    def ancestors_needed(self) -> list[tuple[list[int], list[int]]]:
        """Per bag: on what its message to each child, and the derivative of each family, depends without evidence.

        Families as bits, places among ``families``. A derivative depends on the node's proper ancestors, a message on
        the separator's nodes and their ancestors that lie on the sender's side; the tables of other nodes sum to one.
        """
        parents, above = [scope[:-1] for scope in _family_scopes(self.families)], self._above
        inside = [0] * len(self.bags)
        for place in reversed(range(len(self.bags))):
            bag = self.bags[place]
            inside[place] = reduce(
                or_, [*(1 << family for family in bag.families), *(inside[c] for c in bag.children)], 0
            )
        needed = []
        for bag in self.bags:
            to_children = []
            for child in bag.children:
                found, stack = 0, list(self.bags[child].separator)
                while stack:
                    node = stack.pop()
                    if not (inside[child] | found) >> node & 1:
                        found |= 1 << node
                        stack.extend(parents[node])
                to_children.append(found)
            needed.append((to_children, [above[family] for family in bag.families]))
        return needed

    @cached_property
    def _above(self) -> list[int]:
        """Proper ancestors of every family's node, as bits."""
        above: list[int] = []
        for *parents, _ in _family_scopes(self.families):
            above.append(reduce(or_, (above[parent] | 1 << parent for parent in parents), 0))
        return above

    def ancestors_of(self, families: Sequence[int]) -> int:
        """Proper ancestors of the nodes of these families, places among ``families``, as bits."""
        return reduce(or_, (self._above[family] for family in families), 0)

    def table_bytes(self, channels: int = 2) -> int:
        """Bytes of working tables per intervention: the unit of chunking.

        ``channels`` is how many of reach and gradient are asked for beside the effects: 0, 1 or 2.
        """
        separators = sum(1 << (len(bag.nodes) - bag.n_residual) for bag in self.bags)
        largest = max(1 << len(bag.nodes) for bag in self.bags)
        return 8 * ((1 + channels) * separators + (3 + 2 * channels) * largest)

    def __repr__(self) -> str:
        return f"CliqueTree({len(self.bags)} bags, width {self.width})"


def clique_tree(graph: CausalGraph, families: tuple[Family, ...] | None = None) -> CliqueTree:
    """The clique tree of the families of a regime (default: ``graph.families``), made once and kept with the graph."""
    own = graph.families if families is None else families
    if any(family.alternatives for family in own):
        own = tuple(replace(family, alternatives=()) for family in own)  # the tree is the same
    key = ("clique_tree", None if own is graph.families or own == graph.families else own)
    return graph.derived.once(key, lambda: CliqueTree(own))


def _check_size(width: int, in_degree: int) -> None:
    """Raise when a tree of this width has a bag of too many nodes."""
    largest = width + 1
    if largest > LARGEST_SCOPE:
        need = f"a table over {largest} nodes at once (tree width {width}), more than the {LARGEST_SCOPE}"
        size = f"it can work with: {8 << largest:,} bytes per intervention"
        split = f"split nodes with many parents (the most that a node has is {in_degree})"
        raise BadValue(
            f"Exact propagation on this graph needs {need} {size}. Remove edges of little weight, or {split}."
        )


def _family_scopes(families: Sequence[Family]) -> list[tuple[int, ...]]:
    """(parents, node) of every family, a node being known by the place of its own family."""
    place = {family.node: index for index, family in enumerate(families)}
    return [(*(place[parent] for parent in family.parents), place[family.node]) for family in families]


def _rooted_cliques(scopes: Sequence[tuple[int, ...]], target: int) -> tuple[int, list[frozenset[int]], list[int]]:
    """The tree width found, bags in preorder from one that holds the target, each bag's parent (-1 for the root).

    Nodes are small integers, so that ties in the heuristic break alike in every process.
    """
    if len(scopes) == 1:
        return 0, [frozenset(scopes[0])], [-1]
    moral: list[set[int]] = [set() for _ in scopes]
    for scope in scopes:
        for node in scope:
            moral[node].update(scope)
    for node, around in enumerate(moral):
        around.discard(node)
    width, bags, edges = min_fill(moral)
    tree: dict[frozenset[int], list[frozenset[int]]] = {bag: [] for bag in bags}
    for one, other in edges:
        tree[bags[one]].append(bags[other])
        tree[bags[other]].append(bags[one])
    root = min((bag for bag in bags if target in bag), key=lambda bag: (len(bag), sorted(bag)))
    merged: list[set[int]] = [set(root)]
    parents = [-1]
    stack = [(neighbour, root, 0) for neighbour in sorted(tree[root], key=sorted, reverse=True)]
    while stack:
        bag, came_from, place = stack.pop()
        union = merged[place] | bag
        if len(union) <= max(_MERGED, len(merged[place])):
            merged[place] = union
        else:
            merged.append(set(bag))
            parents.append(place)
            place = len(merged) - 1
        stack.extend(
            (neighbour, bag, place)
            for neighbour in sorted(tree[bag], key=sorted, reverse=True)
            if neighbour != came_from
        )
    return width, [frozenset(bag) for bag in merged], parents


def _make_bags(
    cliques: Sequence[frozenset[int]], parents: Sequence[int], scopes: Sequence[tuple[int, ...]]
) -> tuple[Bag, ...]:
    families: list[list[int]] = [[] for _ in cliques]
    holding: list[list[int]] = [[] for _ in scopes]  # per node: places of the cliques with it
    for place, clique in enumerate(cliques):
        for variable in clique:
            holding[variable].append(place)
    for family, scope in enumerate(scopes):
        rarest = min((holding[variable] for variable in scope), key=len)
        holder = min(
            (place for place in rarest if cliques[place].issuperset(scope)),
            key=lambda place: (len(cliques[place]), place),
        )
        families[holder].append(family)
    children: list[list[int]] = [[] for _ in cliques]
    nodes: list[tuple[int, ...]] = []
    n_residual: list[int] = []
    for place, (clique, parent) in enumerate(zip(cliques, parents, strict=True)):
        separator = clique & cliques[parent] if parent >= 0 else frozenset()
        residual = sorted(clique - separator)
        nodes.append((*residual, *sorted(separator)))
        n_residual.append(len(residual))
        if parent >= 0:
            children[parent].append(place)
    separators = [own[n:] for own, n in zip(nodes, n_residual, strict=True)]
    bags = []
    for place, own in enumerate(nodes):
        of_families = [scopes[family] for family in families[place]]
        of_children = [separators[child] for child in children[place]]
        runs = _runs(own, [*of_families, *of_children, separators[place]])
        bag = Bag(
            own,
            n_residual[place],
            parents[place],
            tuple(children[place]),
            tuple(families[place]),
            tuple(_scope(own, variables, runs) for variables in of_families),
            tuple(_scope(own, variables, runs) for variables in of_children),
            _scope(own, separators[place], runs),
            tuple(1 << len(run) for run in runs),
        )
        bags.append(bag)
    return tuple(bags)


def _runs(bag: tuple[int, ...], scopes: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """The bag's nodes in runs of neighbours that are together inside or together outside of every scope."""
    runs: list[list[int]] = []
    held_before: list[bool] | None = None
    for node in bag:
        held = [node in scope for scope in scopes]
        if held == held_before:
            runs[-1].append(node)
        else:
            runs.append([node])
        held_before = held
    return [tuple(run) for run in runs]


def _configurations(nodes: Sequence[int], variables: Sequence[int]) -> Places:
    """The configuration of some of the nodes in each configuration of all, [2^|nodes|]."""
    every = np.arange(1 << len(nodes))
    found = np.zeros_like(every)
    for variable in variables:
        found = 2 * found + ((every >> (len(nodes) - 1 - nodes.index(variable))) & 1)
    return found


def _scope(bag: tuple[int, ...], variables: tuple[int, ...], runs: Sequence[tuple[int, ...]]) -> Scope:
    places = _configurations(bag, variables)
    shape = tuple(1 << len(run) if run[0] in variables else 1 for run in runs)
    in_bag_order = sorted(variables, key=bag.index)
    to_bag = from_bag = None
    if in_bag_order != list(variables):
        to_bag = _configurations(in_bag_order, variables)
        from_bag = np.argsort(to_bag)
    outside = tuple(axis for axis, length in enumerate(shape) if length == 1)
    axes = list(range(len(shape) + 2))
    kept = [axis for axis in axes if axis not in outside]
    order = np.argsort(places, kind="stable")
    last = np.arange(1 << len(variables)) & 1
    one = (last if to_bag is None else last[to_bag]).astype(np.float64)[:, None]
    return Scope(len(variables), places, order, shape, axes, outside, kept, to_bag, from_bag, (1 - one, one))
