"""The causal graph: a directed acyclic graph over binary nodes with one target node.

>>> import networkx as nx
>>> from causalbandit import CausalGraph
>>> graph = CausalGraph(nx.DiGraph([("ad", "trust"), ("trust", "purchase"), ("ad", "purchase")]), target="purchase")
>>> graph.nodes
('ad', 'trust', 'purchase')
>>> graph.parents("purchase")
('trust', 'ad')
>>> graph.n_family_rows  # 1 row for ad, 2 for trust, 4 for purchase
7
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import networkx as nx

from causalbandit.checks import instance
from causalbandit.errors import InvalidArgument, did_you_mean, listing


@dataclass(frozen=True)
class Family:
    """A node with its parents: one conditional probability table.

    Attributes
    ----------
    node : str
        The child.
    parents : tuple of str
        Its parents in table order; the first is the most significant bit of a configuration.
    start : int
        Place of the family's first row in arrays of C family rows.
    """

    node: str
    parents: tuple[str, ...]
    start: int

    @property
    def n_rows(self) -> int:
        """Number of parent configurations, 2^(number of parents)."""
        return 1 << len(self.parents)

    @property
    def rows(self) -> slice:
        """The family's place in arrays of C family rows."""
        return slice(self.start, self.start + self.n_rows)

    def configuration(self, row: int) -> dict[str, int]:
        """Values of the parents in row ``row`` of this family (0 ≤ row < 2^(number of parents))."""
        last = len(self.parents) - 1
        return {parent: (row >> (last - place)) & 1 for place, parent in enumerate(self.parents)}


class CausalGraph:
    """A checked, frozen view of a directed acyclic graph with binary nodes and one target.

    Parameters
    ----------
    dag : networkx.DiGraph
        Its nodes are non-empty strings. It is copied: later changes to it are not seen.
    target : str
        The node whose probability of being 1 is to be driven.
    parents : mapping of str to sequence of str, optional
        The order of a node's parents, which is the order of its table (first parent = most significant bit). A node
        that is not named here takes the order of its node attribute ``parents`` if it has one, else the order in
        which the edges into it were added.

    Attributes
    ----------
    nodes : tuple of str
        All N nodes in topological order.
    families : tuple of Family
        One per node of ``ancestors``, in topological order. The C rows of all arrays of family rows follow it.
    n_family_rows : int
        C, the sum of 2^(number of parents) over ``ancestors``.
    derived : dict
        What later stages compute from the graph once and keep with it; not part of its value, not pickled.

    Raises
    ------
    TypeError
        If ``dag`` is not a networkx.DiGraph (undirected, multigraph) or a node is not a string.
    ValueError
        For an empty graph, a self-loop, a cycle (which is named), a target that is not a node, and an order of
        parents that disagrees with the edges.
    """

    def __init__(
        self, dag: nx.DiGraph[str], target: str, *, parents: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        _check_kind(dag)
        _check_names(dag)
        _check_acyclic(dag)
        if target not in dag:
            raise ValueError(
                f"The target {target!r} is not a node of the graph.{did_you_mean(target, dag)} "
                f"Its nodes are {listing(dag)}."
            )
        if parents is not None:
            mapping = "a mapping from node to the order of its parents"
            instance(parents, "parents", Mapping, mapping)
        orders = dict(parents or {})
        for name in orders:
            if name not in dag:
                raise InvalidArgument("parents", f"names {name!r}, which is not a node.{did_you_mean(name, dag)}")
        self._target = target
        self._nodes: tuple[str, ...] = tuple(nx.topological_sort(dag))
        self._parents = {
            node: _parent_order(dag, node, orders.get(node, dag.nodes[node].get("parents"))) for node in self._nodes
        }
        self._index = {node: place for place, node in enumerate(self._nodes)}
        above = {target}
        for node in reversed(self._nodes):
            if node in above:
                above.update(self._parents[node])
        self._ancestors = tuple(node for node in self._nodes if node in above)
        families = []
        start = 0
        for node in self._ancestors:
            family = Family(node, self._parents[node], start)
            families.append(family)
            start += family.n_rows
        self._families = tuple(families)
        self._n_family_rows = start
        self.derived: dict[Any, Any] = {}

    @property
    def target(self) -> str:
        """The target node Y."""
        return self._target

    @property
    def nodes(self) -> tuple[str, ...]:
        """All N nodes in topological order."""
        return self._nodes

    @property
    def ancestors(self) -> tuple[str, ...]:
        """The target's ancestors and the target, in topological order: the only nodes that matter for effects."""
        return self._ancestors

    @property
    def families(self) -> tuple[Family, ...]:
        """One family per node of :attr:`ancestors`, in topological order."""
        return self._families

    @property
    def n_family_rows(self) -> int:
        """C, the number of table rows of the target and its ancestors."""
        return self._n_family_rows

    @property
    def n_edges(self) -> int:
        """Number of edges."""
        return sum(len(parents) for parents in self._parents.values())

    @cached_property
    def family_of(self) -> Mapping[str, Family]:
        """The family of each node of :attr:`ancestors`, by name."""
        return {family.node: family for family in self._families}

    @cached_property
    def layers(self) -> tuple[tuple[str, ...], ...]:
        """Topological generations of :attr:`ancestors`: nodes of one layer have no path between them."""
        depth: dict[str, int] = {}
        for node in self._ancestors:
            depth[node] = 1 + max((depth[parent] for parent in self._parents[node]), default=-1)
        layers: list[list[str]] = [[] for _ in range(1 + max(depth.values()))]
        for node in self._ancestors:
            layers[depth[node]].append(node)
        return tuple(tuple(layer) for layer in layers)

    def parents(self, node: str) -> tuple[str, ...]:
        """Parents of ``node`` in table order, the first being the most significant bit of a configuration."""
        return self._parents[self.require(node)]

    def position(self, node: str) -> int:
        """Place of ``node`` in :attr:`nodes`."""
        return self._index[self.require(node)]

    def require(self, node: Any, what: str = "node") -> str:
        """``node`` itself when the graph has it; otherwise a ValueError that suggests the nearest name."""
        if not isinstance(node, str) or node not in self._index:
            raise ValueError(
                f"Unknown {what} {node!r}.{did_you_mean(node, self._nodes)} "
                f"The graph's nodes are {listing(self._nodes)}."
            )
        return node

    def to_networkx(self) -> nx.DiGraph[str]:
        """A new networkx.DiGraph with the same nodes and edges, edges into a node added in table order."""
        dag: nx.DiGraph[str] = nx.DiGraph()
        dag.add_nodes_from(self._nodes)
        dag.add_edges_from((parent, node) for node in self._nodes for parent in self._parents[node])
        return dag

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "derived": {}}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CausalGraph):
            return NotImplemented
        return self is other or (self._target, self._nodes, self._parents) == (
            other._target,
            other._nodes,
            other._parents,
        )

    def __hash__(self) -> int:
        return hash((self._target, self._nodes, tuple(self._parents[node] for node in self._nodes)))

    def __repr__(self) -> str:
        return f"CausalGraph({len(self._nodes)} nodes, {self.n_edges} edges, target={self._target!r})"


def _check_kind(dag: object) -> None:
    instance(dag, "dag", nx.Graph, "a networkx.DiGraph")
    assert isinstance(dag, nx.Graph)
    if dag.is_multigraph():
        raise TypeError(
            "The graph is a multigraph, in which a pair of nodes may have several edges; expected a networkx.DiGraph. "
            "If the parallel edges mean the same, convert it with networkx.DiGraph(graph)."
        )
    if not dag.is_directed():
        raise TypeError(
            "The graph is undirected, so it does not say what causes what; expected a networkx.DiGraph with an edge "
            "from each cause to its effect."
        )
    if len(dag) == 0:
        raise ValueError("The graph has no nodes; expected at least the target.")


def _check_names(nodes: Iterable[object]) -> None:
    for node in nodes:
        if not isinstance(node, str):
            raise TypeError(
                f"The node {node!r} is a {type(node).__name__}; expected a string. "
                "networkx.relabel_nodes(dag, str) makes every name one."
            )
        if not node or node != node.strip() or not node.isprintable():
            raise ValueError(
                f"The node name {node!r} is empty, starts or ends with a space or holds a line break or another "
                "control character; expected printable text. networkx.relabel_nodes renames it."
            )


def _check_acyclic(dag: nx.DiGraph[str]) -> None:
    loop = next(iter(nx.nodes_with_selfloops(dag)), None)
    if loop is not None:
        raise ValueError(
            f"The node {loop!r} has an edge to itself; a causal graph has no self-loops. Remove that edge."
        )
    if nx.is_directed_acyclic_graph(dag):
        return
    cycle = [tail for tail, _ in nx.find_cycle(dag)]
    path = " → ".join([*cycle, cycle[0]] if len(cycle) <= 12 else [*cycle[:12], "…", cycle[0]])
    raise ValueError(f"The graph has the cycle {path}; a causal graph is acyclic. Remove or turn one of these edges.")


def _parent_order(dag: nx.DiGraph[str], node: str, order: object) -> tuple[str, ...]:
    edges = tuple(dag.predecessors(node))
    if order is None:
        return edges
    if isinstance(order, str) or not isinstance(order, Sequence):
        raise ValueError(f"The parents of {node!r} were {order!r}; expected a list of node names in table order.")
    if not all(isinstance(parent, str) for parent in order) or sorted(order) != sorted(edges):
        raise ValueError(
            f"The parents of {node!r} are listed as {list(order)!r}, but its edges come from {sorted(edges)!r}; "
            "expected the same nodes, each once, in the order of the node's table."
        )
    return tuple(order)
