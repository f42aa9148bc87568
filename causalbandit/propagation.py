"""Exact effects, reach and gradient of a whole set of interventions through one clique tree.

The graph is pruned to the target's ancestors, moralised and triangulated once (min-fill; Lauritzen & Spiegelhalter
1988). Interventions are a batch axis of every table: where an intervention assigns a node, the node's family table is
replaced by the indicator of the assigned value, so the tree serves all of them. Messages are those of Shafer & Shenoy
(1990): a bag sends to a neighbour the sum of the product of its own families and its *other* messages, which needs no
division, so that tables may hold 0 and 1. Sending the evidence "target = 1" down from the root yields the derivative of
μ(a) with respect to every table entry (Darwiche 2003); sending no evidence yields the probability of every parent
configuration.

A message depends only on the assignments inside the part of the tree it comes from: it is computed once per distinct
restriction of the set to that part, then gathered.

Cost: Σ_bags 2^|bag| multiplications per distinct restriction and factor; memory is bounded by the caller, the set is
worked through in chunks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import networkx as nx
import numpy as np
import numpy.typing as npt

from causalbandit.graph import CausalGraph
from causalbandit.interventions import InterventionSet
from causalbandit.model import MEMORY

Number = TypeVar("Number", np.float64, np.int64)
Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

LARGEST_BAG = 22
"""Default limit on the number of nodes in one bag: its table has 2^22 entries per intervention."""

_MERGED = 5
"""Neighbouring bags are merged while they hold at most this many nodes: fewer, slightly larger numpy calls."""


@dataclass(frozen=True, eq=False)
class Propagation:
    """What one propagation found, exactly, for A interventions.

    Attributes
    ----------
    effects : numpy.ndarray of float, shape [A]
        μ(a) = P(target = 1 | do(a)).
    reach : numpy.ndarray of float, shape [C, A], optional
        β_c(a): probability that the parents of row c show its configuration; 0 where a assigns the row's node.
    gradient : numpy.ndarray of float, shape [C, A], optional
        ∂μ(a)/∂cpt_c; 0 where a assigns the row's node.

    With D sets of tables at once, every array has a leading axis of length D.
    """

    effects: Floats
    reach: Floats | None = None
    gradient: Floats | None = None


@dataclass(frozen=True, eq=False)
class _Scope:
    """Where the configurations of some of a bag's variables stand among the bag's own configurations."""

    size: int
    places: Places  # [2^|bag|] configuration of the scope in each configuration of the bag
    order: Places  # [2^|bag|] the bag's configurations sorted by that of the scope

    def sum_onto(self, table: npt.NDArray[Number]) -> npt.NDArray[Number]:
        """``table`` [..., 2^|bag|] summed onto the scope, [..., 2^|scope|]."""
        shape = (*table.shape[:-1], 1 << self.size, -1)
        summed: npt.NDArray[Number] = table.take(self.order, axis=-1).reshape(shape).sum(axis=-1)
        return summed


@dataclass(frozen=True, eq=False)
class Bag:
    """One bag of the tree. A configuration of its nodes is read with the first as the most significant bit.

    Attributes
    ----------
    nodes : tuple of int
        Places in ``graph.ancestors``: first the residual nodes (not shared with the parent bag), then the separator.
    n_residual : int
        How many of them are residual.
    parent : int
        The parent bag's place in ``CliqueTree.bags``; -1 for the root.
    children : tuple of int
        Places of the child bags.
    families : tuple of int
        Places in ``graph.families`` of the families whose tables this bag holds.
    family_scopes, child_scopes : tuple of _Scope
        Where (parents, node) of each family, and the separator to each child, stand in this bag.
    """

    nodes: tuple[int, ...]
    n_residual: int
    parent: int
    children: tuple[int, ...]
    families: tuple[int, ...]
    family_scopes: tuple[_Scope, ...]
    child_scopes: tuple[_Scope, ...]

    @property
    def separator(self) -> tuple[int, ...]:
        """Nodes shared with the parent bag."""
        return self.nodes[self.n_residual :]


class CliqueTree:
    """A rooted clique tree of a graph's target and its ancestors, with every family assigned to one bag.

    Parameters
    ----------
    graph : CausalGraph
        The graph.
    largest_bag : int
        Refuse a tree with a bag of more nodes than this.

    Attributes
    ----------
    bags : tuple of Bag
        Parents before children; the root, which holds the target, first.
    width : int
        Tree width that the triangulation found: nodes in its largest clique, minus one. Small neighbouring cliques
        are merged into one bag, so that a bag may hold a few nodes more.
    target_in_root : numpy.ndarray of float, shape [2^|root|]
        1 for the root's configurations in which the target is 1, else 0.

    Raises
    ------
    ValueError
        If a bag has more than ``largest_bag`` nodes. Nothing of the size of its table is allocated.
    """

    def __init__(self, graph: CausalGraph, *, largest_bag: int = LARGEST_BAG) -> None:
        self.graph = graph
        scopes = _family_scopes(graph)
        widest_family = max(scopes, key=len)
        if len(widest_family) > largest_bag:
            self._refuse(len(widest_family), largest_bag, len(widest_family) - 1)
        self.width, cliques, parents = _rooted_cliques(scopes, target=len(scopes) - 1)
        if self.width + 1 > largest_bag:
            self._refuse(self.width + 1, largest_bag, len(widest_family) - 1)
        self.bags = _make_bags(cliques, parents, scopes)
        self.target_in_root = _one_in_bag(self.bags[0], len(scopes) - 1)

    def _refuse(self, largest: int, largest_bag: int, in_degree: int) -> None:
        raise ValueError(
            f"Exact propagation on this graph needs a table over {largest} nodes at once (tree width {largest - 1}), "
            f"more than the {largest_bag} it can work with: {8 << largest:,} bytes per intervention. Remove edges that "
            f"matter little, or split nodes with many parents (the most that a node has is {in_degree})."
        )

    def table_bytes(self, channels: int = 2) -> int:
        """Bytes of working tables per intervention: the unit of chunking.

        ``channels`` is how many of reach and gradient are asked for beside the effects: 0, 1 or 2.
        """
        separators = sum(1 << (len(bag.nodes) - bag.n_residual) for bag in self.bags)
        largest = max(1 << len(bag.nodes) for bag in self.bags)
        return 8 * ((1 + channels) * separators + (3 + 2 * channels) * largest)

    def __repr__(self) -> str:
        return f"CliqueTree({len(self.bags)} bags, width {self.width})"


def clique_tree(graph: CausalGraph, largest_bag: int = LARGEST_BAG) -> CliqueTree:
    """The clique tree of ``graph``, made once and kept with it."""
    key = ("clique_tree", largest_bag)
    if key not in graph.derived:
        graph.derived[key] = CliqueTree(graph, largest_bag=largest_bag)
    tree: CliqueTree = graph.derived[key]
    return tree


def propagate(
    interventions: InterventionSet,
    cpt: Floats,
    complement: Floats | None = None,
    *,
    reach: bool = False,
    gradient: bool = False,
    memory: int = MEMORY,
    largest_bag: int = LARGEST_BAG,
) -> Propagation:
    """Exact effects, and on request reach and gradient, of all ``interventions`` under the tables ``cpt``.

    Parameters
    ----------
    interventions : InterventionSet
        A interventions and their graph.
    cpt : numpy.ndarray of float, shape [C] or [D, C]
        P(node = 1 | configuration) per family row; D sets of tables are propagated as one batch.
    complement : numpy.ndarray of float, same shape as ``cpt``, optional
        P(node = 0 | configuration), 1 - ``cpt`` by default. Tables may sum to less than one (truncation). Reach then
        loses the mass that is truncated anywhere in the graph: for the sum over a family's ancestors alone, give
        every other node a full table.
    reach, gradient : bool
        What to compute besides effects.
    memory : int
        Bound on working memory in bytes; the result itself, 8·C·A bytes for each of reach and gradient, is not counted.
    largest_bag : int
        Refuse trees with a larger bag.

    Raises
    ------
    ValueError
        If the tree's tables for a single intervention do not fit into ``memory``, or a bag is too large.
    """
    graph = interventions.graph
    tree = clique_tree(graph, largest_bag)
    single = cpt.ndim == 1
    ones = np.atleast_2d(np.asarray(cpt, dtype=np.float64))
    zeros = 1 - ones if complement is None else np.atleast_2d(np.asarray(complement, dtype=np.float64))
    if ones.shape[-1] != graph.n_family_rows or ones.shape != zeros.shape:
        raise ValueError(
            f"The tables have shapes {ones.shape} and {zeros.shape}; expected {graph.n_family_rows} family rows each."
        )
    tables = np.stack([zeros, ones], axis=-1)
    n_tables, n_interventions = len(tables), len(interventions)
    pairs = pairs_in_memory(tree, memory, channels=reach + gradient)
    tables_at_once = min(n_tables, pairs)
    chunk = max(1, pairs // tables_at_once)

    effects = np.empty((n_tables, n_interventions))
    shape = (n_tables, graph.n_family_rows, n_interventions)
    reaches = np.empty(shape) if reach else None
    gradients = np.empty(shape) if gradient else None
    for places, plan in plans(tree, interventions, chunk):
        for start in range(0, n_tables, tables_at_once):
            part = slice(start, start + tables_at_once)
            run = _Pass(tree, plan, tables[part])
            effects[part, places] = run.effects()
            if reach or gradient:
                run.downward(
                    None if reaches is None else reaches[part, :, places],
                    None if gradients is None else gradients[part, :, places],
                )
    if single:
        return Propagation(
            effects[0], None if reaches is None else reaches[0], None if gradients is None else gradients[0]
        )
    return Propagation(effects, reaches, gradients)


def check_memory(memory: object) -> None:
    """Raise unless ``memory`` is a whole number of bytes."""
    if isinstance(memory, bool) or not isinstance(memory, (int, np.integer)):
        raise TypeError(f"memory was {memory!r}; expected a whole number of bytes, such as {MEMORY}.")


def pairs_in_memory(tree: CliqueTree, memory: int, channels: int = 2) -> int:
    """How many (tables, intervention) pairs can be worked on at once; a ValueError when not even one fits."""
    check_memory(memory)
    needed = tree.table_bytes(channels)
    if needed > memory:
        raise ValueError(
            f"Exact propagation needs {needed:,} bytes of tables for one intervention (tree width "
            f"{tree.width}), more than memory={memory:,}. Raise memory= if the machine has it, or simplify the graph."
        )
    return memory // needed


def check_fits(graph: CausalGraph, memory: int) -> None:
    """A ValueError when exact propagation on ``graph`` is out of reach, or not even one intervention fits ``memory``.

    The tree is kept with the graph, so that asking before a long run costs nothing.
    """
    pairs_in_memory(clique_tree(graph), memory, channels=1)


def bag_tables(tree: CliqueTree, plan: Plan, cpt: Floats) -> list[Floats]:
    """Per bag, root first: the product of all tables at and below it, summed onto it; [groups of plan.up, 2^|bag|]."""
    run = _Pass(tree, plan, np.stack([1 - cpt, cpt], axis=-1)[None])
    tables = [np.broadcast_to(table[0], (plan.up[place].n, table.shape[-1])) for place, table in run.upward()]
    return tables[::-1]


# --- The tree -----------------------------------------------------------------------------------------------------


def _family_scopes(graph: CausalGraph) -> list[tuple[int, ...]]:
    """(parents, node) of every family as places in ``graph.ancestors``; the target is last of all nodes."""
    place = {node: index for index, node in enumerate(graph.ancestors)}
    return [(*(place[parent] for parent in family.parents), place[family.node]) for family in graph.families]


def _rooted_cliques(scopes: Sequence[tuple[int, ...]], target: int) -> tuple[int, list[frozenset[int]], list[int]]:
    """The tree width found, bags in preorder from one that holds the target, each bag's parent (-1 for the root).

    Nodes are small integers, so that ties in the heuristic break alike in every process.
    """
    if len(scopes) == 1:
        return 0, [frozenset(scopes[0])], [-1]
    moral: nx.Graph[int] = nx.Graph()
    moral.add_nodes_from(range(len(scopes)))
    for scope in scopes:
        moral.add_edges_from((a, b) for place, a in enumerate(scope) for b in scope[:place])
    width, tree = nx.algorithms.approximation.treewidth_min_fill_in(moral)
    numbered = sorted(tree, key=sorted)
    root = min((bag for bag in numbered if target in bag), key=lambda bag: (len(bag), sorted(bag)))
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


def _one_in_bag(bag: Bag, variable: int) -> Floats:
    shift = len(bag.nodes) - 1 - bag.nodes.index(variable)
    return ((np.arange(1 << len(bag.nodes)) >> shift) & 1).astype(np.float64)


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
    return tuple(
        Bag(
            nodes[place],
            n_residual[place],
            parents[place],
            tuple(children[place]),
            tuple(families[place]),
            tuple(_scope(nodes[place], scopes[family]) for family in families[place]),
            tuple(_scope(nodes[place], nodes[child][n_residual[child] :]) for child in children[place]),
        )
        for place in range(len(cliques))
    )


def _scope(bag: tuple[int, ...], variables: tuple[int, ...]) -> _Scope:
    configurations = np.arange(1 << len(bag))
    places = np.zeros_like(configurations)
    for variable in variables:
        places = 2 * places + ((configurations >> (len(bag) - 1 - bag.index(variable))) & 1)
    return _Scope(len(variables), places, np.argsort(places, kind="stable"))


# --- Which interventions share a message --------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Share:
    """Interventions grouped by what some part of the tree sees of them."""

    group: Places  # [A] group of each intervention
    first: Places  # [groups] one intervention of each group

    @property
    def n(self) -> int:
        return len(self.first)


class Plan:
    """Which of a chunk's interventions share which messages of a tree; made once per set, used for any tables.

    Attributes
    ----------
    n_interventions : int
        Size of the chunk.
    states : list of _Share
        Per family: groups by the node's state (free, fixed at 0, fixed at 1).
    codes : list of numpy.ndarray
        Per family: the state of each group, 0 free, 1 fixed at 0, 2 fixed at 1.
    up : list of _Share
        Per bag: groups by the assignments within its subtree.
    """

    def __init__(self, tree: CliqueTree, assignments: npt.NDArray[np.int8]) -> None:
        self.n_interventions = len(assignments)
        self.states: list[_Share] = []
        self.codes: list[Places] = []
        for family in range(len(tree.graph.families)):
            states = assignments[:, family].astype(np.intp) + 1
            share = _share([states], [3], self.n_interventions)
            self.states.append(share)
            self.codes.append(states[share.first])
        self.up: list[_Share] = [_share([], [], self.n_interventions)] * len(tree.bags)
        for place in reversed(range(len(tree.bags))):
            bag = tree.bags[place]
            self.up[place] = self.combine(
                [*(self.states[family] for family in bag.families), *(self.up[child] for child in bag.children)]
            )
        self._down: list[tuple[list[_Share], list[_Share]]] | None = None
        self._tree = tree

    def combine(self, shares: Sequence[_Share]) -> _Share:
        """Interventions that are alike in all of ``shares``."""
        several = [share for share in shares if share.n > 1]
        return _share([share.group for share in several], [share.n for share in several], self.n_interventions)

    def down(self) -> list[tuple[list[_Share], list[_Share]]]:
        """Per bag: groups for the message to each child, and for the derivative of each of the bag's families."""
        if self._down is None:
            self._down = []
            outside = [_share([], [], self.n_interventions)] * len(self._tree.bags)
            for place, bag in enumerate(self._tree.bags):
                states = [self.states[family] for family in bag.families]
                inward = [self.up[child] for child in bag.children]
                to_children = [
                    self.combine([outside[place], *states, *_without(inward, index)]) for index in range(len(inward))
                ]
                to_families = [
                    self.combine([outside[place], *inward, *_without(states, index)]) for index in range(len(states))
                ]
                for child, share in zip(bag.children, to_children, strict=True):
                    outside[child] = share
                self._down.append((to_children, to_families))
        return self._down


def _without(items: Sequence[Any], place: int) -> list[Any]:
    return [item for index, item in enumerate(items) if index != place]


def _share(keys: Sequence[Places], sizes: Sequence[int], n_interventions: int) -> _Share:
    if not keys:
        return _Share(np.zeros(n_interventions, dtype=np.intp), np.zeros(1, dtype=np.intp))
    key, size = keys[0], sizes[0]
    for other, other_size in zip(keys[1:], sizes[1:], strict=True):
        if size * other_size > 1 << 60:
            first, key = np.unique(key, return_index=True, return_inverse=True)[1:]
            size = len(first)
        key = key * other_size + other
        size *= other_size
    if size > 8 * n_interventions + 64:
        first, group = np.unique(key, return_index=True, return_inverse=True)[1:]
        return _Share(group.astype(np.intp, copy=False), first)
    seen = np.full(size, -1, dtype=np.intp)
    seen[key[::-1]] = np.arange(n_interventions - 1, -1, -1)
    present = seen >= 0
    rank = np.cumsum(present) - 1
    return _Share(rank[key], seen[present])


def plans(tree: CliqueTree, interventions: InterventionSet, chunk: int) -> Iterator[tuple[slice, Plan]]:
    """The set in chunks of at most ``chunk`` interventions, each with its plan.

    The plan of a set that fits one chunk is kept with it when it is small.
    """
    graph = interventions.graph
    n_interventions = len(interventions)
    columns = np.array([graph.position(node) for node in graph.ancestors])
    if n_interventions <= chunk:
        key = "plan"  # the tree of a graph is always the same
        plan = interventions.derived.get(key)
        if plan is None:
            plan = Plan(tree, interventions.assignments[:, columns])
            if n_interventions * len(tree.graph.families) <= 1 << 20:
                interventions.derived[key] = plan
        yield slice(0, n_interventions), plan
        return
    for start in range(0, n_interventions, chunk):
        part = slice(start, min(start + chunk, n_interventions))
        yield part, Plan(tree, interventions.assignments[part][:, columns])


# --- Passing messages ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Factor:
    """One factor of a bag's product: values per group of interventions over a scope of the bag."""

    values: Floats  # [..., groups, 2^|scope|]
    share: _Share
    places: Places | None  # [2^|bag|] scope configuration per bag configuration; None when the scope is the whole bag

    def at(self, interventions: Places) -> Floats:
        """Values over the whole bag for some interventions, [..., len(interventions), 2^|bag|]."""
        values = self.values
        if self.share.n > 1:
            values = values.take(self.share.group[interventions], axis=-2)
        return values if self.places is None else values.take(self.places, axis=-1)


def _product(factors: Sequence[_Factor], interventions: Places) -> Floats:
    """Product of the factors for some interventions, [..., len(interventions) or 1, 2^|bag|]; smallest first."""
    product: Floats | None = None
    ours = False  # until the first multiplication the product may be a factor's own array
    for factor in sorted(factors, key=lambda factor: factor.share.n):
        values = factor.at(interventions)
        if product is None:
            product = values
        elif ours and product.shape == np.broadcast_shapes(product.shape, values.shape):
            np.multiply(product, values, out=product)
        else:
            product = product * values
            ours = True
    if product is None:
        raise AssertionError("a bag without factors has nothing to send")
    return product


class _Pass:
    """One upward and, if asked, one downward pass for D sets of tables and one chunk of interventions."""

    def __init__(self, tree: CliqueTree, plan: Plan, tables: Floats) -> None:
        self.tree = tree
        self.plan = plan
        self.tables = tables
        self.families: list[list[_Factor]] = [
            [self._family_factor(family, scope) for family, scope in zip(bag.families, bag.family_scopes, strict=True)]
            for bag in tree.bags
        ]
        self.messages: list[Floats] = [np.empty(0)] * len(tree.bags)

    def _family_factor(self, place: int, scope: _Scope) -> _Factor:
        """The family's table over its bag, per state of its node: free, fixed at 0, fixed at 1."""
        family = self.tree.graph.families[place]
        share = self.plan.states[place]
        free = self.tables[:, family.rows].reshape(len(self.tables), -1).take(scope.places, axis=-1)
        if share.n == 1 and self.plan.codes[place][0] == 0:
            return _Factor(free[:, None, :], share, None)
        value = scope.places & 1
        states = [
            free if code == 0 else np.broadcast_to((value == code - 1).astype(np.float64), free.shape)
            for code in self.plan.codes[place]
        ]
        return _Factor(np.stack(states, axis=1), share, None)

    def _inward(self, place: int) -> list[_Factor]:
        bag = self.tree.bags[place]
        return [
            _Factor(self.messages[child], self.plan.up[child], scope.places)
            for child, scope in zip(bag.children, bag.child_scopes, strict=True)
        ]

    def upward(self) -> Iterator[tuple[int, Floats]]:
        """Every bag, the root last, with the product of its families and its children's messages.

        The product has shape [D, groups, 2^|bag|]; summed onto the separator it becomes the bag's own message.
        """
        for place in reversed(range(len(self.tree.bags))):
            table = _product([*self.families[place], *self._inward(place)], self.plan.up[place].first)
            if place > 0:
                residual = 1 << self.tree.bags[place].n_residual
                self.messages[place] = table.reshape(*table.shape[:-1], residual, -1).sum(axis=-2)
            yield place, table

    def effects(self) -> Floats:
        """μ for each set of tables and intervention of the chunk, [D, A]; leaves the messages for `downward`."""
        for _, table in self.upward():
            root = table
        grouped = root @ self.tree.target_in_root
        return grouped.take(self.plan.up[0].group, axis=-1)

    def downward(self, reach: Floats | None, gradient: Floats | None) -> None:
        """Fill ``reach`` and ``gradient``, views of shape [D, C, A], from the messages away from the root."""
        everyone = _share([], [], self.plan.n_interventions)
        evidence = self.tree.target_in_root
        channels = []
        if reach is not None:
            channels.append(np.ones_like(evidence))
        if gradient is not None:
            channels.append(evidence)
        outside: list[_Factor | None] = [None] * len(self.tree.bags)
        outside[0] = _Factor(np.stack(channels)[:, None, None, :], everyone, None)
        for place, (bag, (to_children, to_families)) in enumerate(zip(self.tree.bags, self.plan.down(), strict=True)):
            above = outside[place]
            assert above is not None
            outside[place] = None
            families, inward = self.families[place], self._inward(place)
            for index, (child, scope, share) in enumerate(
                zip(bag.children, bag.child_scopes, to_children, strict=True)
            ):
                product = _product([above, *families, *_without(inward, index)], share.first)
                below = self.tree.bags[child]
                first = (1 << len(below.separator)) - 1
                outside[child] = _Factor(scope.sum_onto(product), share, np.arange(1 << len(below.nodes)) & first)
            for index, (family, scope, share) in enumerate(
                zip(bag.families, bag.family_scopes, to_families, strict=True)
            ):
                product = _product([above, *inward, *_without(families, index)], share.first)
                derivative = scope.sum_onto(product)
                self._store(family, share, derivative, reach, gradient)

    def _store(
        self, place: int, share: _Share, derivative: Floats, reach: Floats | None, gradient: Floats | None
    ) -> None:
        """Write one family's rows; ``derivative`` is [channels, D, groups, 2·rows], entries (configuration, value)."""
        rows = self.tree.graph.families[place].rows
        fixed = self.plan.codes[place][self.plan.states[place].group] != 0
        channel = 0
        for out in (reach, gradient):
            if out is None:
                continue
            by_value = derivative[channel]
            values = by_value[..., 0::2] if out is reach else by_value[..., 1::2] - by_value[..., 0::2]
            block = values.take(share.group, axis=-2)
            block[:, fixed] = 0
            out[:, rows] = block.swapaxes(-1, -2)
            channel += 1
