"""The causal graph: a directed acyclic graph over binary nodes with one target node, some nodes perhaps hidden.

>>> import networkx as nx
>>> from causalbandit import CausalGraph
>>> graph = CausalGraph(nx.DiGraph([("ad", "trust"), ("trust", "purchase"), ("ad", "purchase")]), target="purchase")
>>> graph.nodes
('ad', 'trust', 'purchase')
>>> graph.parents("purchase")
('trust', 'ad')
>>> graph.n_family_rows  # 1 row for ad, 2 for trust, 4 for purchase
7

A cause that nobody measures is declared as hidden. Taste, which moves trust and purchase, makes the purchase's table
depend on all that tells of taste, the ad included:

>>> dag = nx.DiGraph([("ad", "trust"), ("trust", "purchase"), ("taste", "trust"), ("taste", "purchase")])
>>> graph = CausalGraph(dag, target="purchase", hidden=["taste"])
>>> graph.nodes, graph.bidirected
(('ad', 'trust', 'purchase'), (('trust', 'purchase'),))
>>> graph.families[-1].parents
('ad', 'trust')
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import networkx as nx
import numpy as np

from causalbandit.alternatives import Choices, FamilyKey, checked_names
from causalbandit.arrays import Places
from causalbandit.checks import instance
from causalbandit.derived import Derived
from causalbandit.digraphs import (
    check_acyclic,
    check_kind,
    check_names,
    confounded_pairs,
    hidden_nodes,
    known_node,
    parent_order,
)
from causalbandit.errors import BadValue, did_you_mean, listing
from causalbandit.projection import Projection, project


@dataclass(frozen=True)
class Family:
    """A node with its parents: one conditional probability table.

    Attributes
    ----------
    node : str
        The child.
    parents : tuple of str
        Its parents in table order; the first is the most significant bit of a configuration. With hidden causes, the
        node's scope: all that its probability depends on.
    start : int
        Place of the family's first row in arrays of C family rows.
    district : tuple of str
        The nodes up to this one that hidden causes tie together with it, itself last; itself alone when there are none.
        In one graph a district says what the family is, and which alternatives stand in it.
    alternatives : tuple of (str, str)
        The nodes of the district whose own tables are replaced, each with the name of its alternative.
    """

    node: str
    parents: tuple[str, ...]
    start: int
    district: tuple[str, ...]
    alternatives: Choices = ()

    @property
    def key(self) -> FamilyKey:
        """What tells the family from all others of one graph."""
        return self.district, self.alternatives

    @property
    def title(self) -> str:
        """The node, followed by the alternatives in its district: "ad (campaign)", "sale (ad=campaign)"."""
        chosen = [name if node == self.node else f"{node}={name}" for node, name in self.alternatives]
        return f"{self.node} ({', '.join(chosen)})" if chosen else self.node

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
        return configuration(self.parents, row)


def configuration(parents: Sequence[str], row: int) -> dict[str, int]:
    """Values of the parents in row ``row`` of a table, the first parent being the most significant bit."""
    last = len(parents) - 1
    return {parent: (row >> (last - place)) & 1 for place, parent in enumerate(parents)}


def configuration_words(parents: Sequence[str], row: int) -> str:
    """Values of the parents in row ``row`` of a table as text: "a=1, b=0"."""
    return ", ".join(f"{parent}={value}" for parent, value in configuration(parents, row).items())


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
    hidden : iterable of str, optional
        Nodes that nobody can see or fix: causes that are known but not measured. Default: the nodes whose attribute
        ``hidden`` is true.
    confounded : iterable of (str, str), optional
        Pairs of observed nodes with a hidden common cause that is no node of the graph (i ↔ j). Default: the attribute
        ``confounded`` of the networkx graph.
    alternatives : mapping of str to sequence of str, optional
        Names of tables that interventions can put in place of a node's own (:mod:`causalbandit.alternatives`). Default:
        the node attributes ``alternatives``.

    Attributes
    ----------
    alternatives : dict of str to tuple of str
        The names that were declared, for the nodes that have some.
    places : dict of str to int
        Place of each observed node in ``nodes``.
    derived : Derived
        What later stages compute from the graph once and keep with it; not part of its value, not pickled.

    Raises
    ------
    TypeError
        If ``dag`` is not a networkx.DiGraph (undirected, multigraph) or a node is not a string.
    ValueError
        For an empty graph, a self-loop, a cycle (which is named), a target that is not a node, an order of parents that
        disagrees with the edges, a hidden target, hidden or confounded nodes that are unknown, and pairs that are no
        pairs of different observed nodes or stand twice.
    """

    def __init__(
        self,
        dag: nx.DiGraph[str],
        target: str,
        *,
        parents: Mapping[str, Sequence[str]] | None = None,
        hidden: Iterable[str] | None = None,
        confounded: Iterable[Sequence[str]] | None = None,
        alternatives: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        check_kind(dag)
        check_names(dag)
        check_acyclic(dag)
        if target not in dag:
            known = f"{did_you_mean(target, dag)} Its nodes are {listing(dag)}"
            raise BadValue(f"The target {target!r} is not a node of the graph.{known}.")
        if parents is not None:
            instance(parents, "parents", Mapping, "a mapping from node to the order of its parents")
        orders = dict(parents or {})
        for name in orders:
            known_node(dag, name, "parents")
        marked = [node for node, attributes in dag.nodes.items() if attributes.get("hidden")]
        self._target = str(target)  # a numpy text as a plain one
        self._all_nodes: tuple[str, ...] = tuple(map(str, nx.topological_sort(dag)))
        self._parents = {
            node: tuple(map(str, parent_order(dag, node, orders.get(node, dag.nodes[node].get("parents")))))
            for node in self._all_nodes
        }
        unseen = hidden_nodes(dag, target, marked if hidden is None else hidden)
        self._hidden = tuple(node for node in self._all_nodes if node in unseen)
        pairs = dag.graph.get("confounded", ()) if confounded is None else confounded
        self._confounded = confounded_pairs(dag, unseen, pairs)
        if alternatives is None:
            alternatives = {node: names for node in dag if (names := dag.nodes[node].get("alternatives"))}
        self.alternatives = checked_names(self._all_nodes, unseen, alternatives)
        self._setup()
        self.derived = Derived()

    def _setup(self) -> None:
        """Project the hidden nodes out, choose the order of the observed ones, and lay out the families."""
        unseen = frozenset(self._hidden)
        if unseen:
            self._observed_parents, shared = project(self._all_nodes, self._parents, unseen)
        else:
            self._observed_parents, shared = self._parents, []
        observed = list(self._observed_parents)
        place = {node: index for index, node in enumerate(observed)}
        pairs = {(a, b) if place[a] < place[b] else (b, a) for a, b in (*shared, *self._confounded)}
        above = {self._target}
        for node in reversed(observed):
            if node in above:
                above.update(self._observed_parents[node])
        ancestors = [node for node in observed if node in above]
        bits = {node: 1 << index for index, node in enumerate(ancestors)}
        spouses = dict.fromkeys(ancestors, 0)
        for a, b in pairs:
            if a in above and b in above:
                spouses[a] |= bits[b]
                spouses[b] |= bits[a]
        by_default = Projection(
            tuple(ancestors), tuple(self._observed_parents[node] for node in ancestors), tuple(spouses.values())
        )
        self.projection = by_default.thriftiest()
        self._n_rows_by_default = by_default.n_rows()
        self._nodes = tuple(observed)
        if self.projection is not by_default:
            self._nodes = (*self.projection.nodes, *(node for node in observed if node not in above))
        self.places = {node: index for index, node in enumerate(self._nodes)}
        self._bidirected = tuple(sorted(pairs, key=lambda pair: (place[pair[0]], place[pair[1]])))
        families: list[Family] = []
        self._n_family_rows = 0
        for index, node in enumerate(self.projection.nodes):
            district = self.projection.district(index)
            scope, names = self.projection.scope(index, district), self.projection.names(district)
            families.append(Family(node, scope, self._n_family_rows, names))
            self._n_family_rows += families[-1].n_rows
        self._families = tuple(families)

    @property
    def target(self) -> str:
        """The target node Y."""
        return self._target

    @property
    def nodes(self) -> tuple[str, ...]:
        """The N observed nodes in topological order.

        With hidden causes, the target's ancestors come first and in an order that keeps C small
        (:meth:`causalbandit.projection.Projection.thriftiest`).
        """
        return self._nodes

    @property
    def hidden(self) -> tuple[str, ...]:
        """The nodes that nobody can see or fix, in topological order."""
        return self._hidden

    @property
    def all_nodes(self) -> tuple[str, ...]:
        """All nodes, hidden ones included, in topological order: those that have tables in a model."""
        return self._all_nodes

    @property
    def confounded(self) -> tuple[tuple[str, str], ...]:
        """The declared pairs of observed nodes with a hidden common cause."""
        return self._confounded

    @property
    def bidirected(self) -> tuple[tuple[str, str], ...]:
        """All pairs of observed nodes that share a hidden cause, declared or through hidden nodes."""
        return self._bidirected

    @property
    def ancestors(self) -> tuple[str, ...]:
        """The target and its observed ancestors, in the order of :attr:`nodes`: all that matters for effects."""
        return self.projection.nodes

    @cached_property
    def ancestor_places(self) -> Places:
        """Places of :attr:`ancestors` in :attr:`nodes`: their columns in arrays of all nodes."""
        return np.array([self.places[node] for node in self.ancestors])

    @cached_property
    def districts(self) -> tuple[tuple[str, ...], ...]:
        """:attr:`ancestors` in groups that hidden causes tie together; without any, each node is alone."""
        found, left = [], (1 << len(self.ancestors)) - 1
        while left:
            district = self.projection.component(left.bit_length() - 1, left)
            found.append(self.projection.names(district))
            left &= ~district
        return tuple(sorted(found, key=lambda names: self.places[names[0]]))

    @property
    def families(self) -> tuple[Family, ...]:
        """One family per node of :attr:`ancestors`, in that order: the tables of an experiment that fixes nothing.

        The C rows of all arrays of family rows follow ``InterventionSet.families``, which are the same when nothing is
        hidden.
        """
        return self._families

    @property
    def n_family_rows(self) -> int:
        """C of :attr:`families`, the sum of 2^(number of parents)."""
        return self._n_family_rows

    @property
    def n_family_rows_by_default(self) -> int:
        """What C would be had the nodes kept the order in which networkx sorts them."""
        return self._n_rows_by_default

    @property
    def n_edges(self) -> int:
        """Number of edges, those of hidden nodes included."""
        return sum(len(parents) for parents in self._parents.values())

    @cached_property
    def family_of(self) -> Mapping[str, Family]:
        """The family of each node of :attr:`ancestors`, by name."""
        return {family.node: family for family in self._families}

    def parents(self, node: str) -> tuple[str, ...]:
        """Parents of any node in table order, hidden ones included; the first is the most significant bit."""
        return self._parents[self.require(node)]

    def observed_parents(self, node: str) -> tuple[str, ...]:
        """Observed nodes with a directed path to an observed ``node`` through hidden nodes only."""
        return self._observed_parents[self.observed(node)]

    def position(self, node: str) -> int:
        """Place of an observed ``node`` in :attr:`nodes`."""
        place = self.places.get(node)
        return self.places[self.observed(node)] if place is None else place

    def observed(self, node: Any, what: str = "node") -> str:
        """``node`` itself when it is an observed node; otherwise a ValueError that says whether it is hidden."""
        if self.require(node, what) not in self.places:
            raise BadValue(f"The {what} {node!r} is hidden: nobody can see or fix it.")
        return str(node)

    def require(self, node: Any, what: str = "node") -> str:
        """``node`` itself when the graph has it; otherwise a ValueError that suggests the nearest name."""
        if not isinstance(node, str) or node not in self._parents:
            known = f"{did_you_mean(node, self._all_nodes)} The graph's nodes are {listing(self._all_nodes)}"
            raise BadValue(f"Unknown {what} {node!r}.{known}.")
        return node

    def to_networkx(self) -> nx.DiGraph[str]:
        """A new networkx.DiGraph with all nodes and edges, edges into a node added in table order.

        Hidden nodes have the attribute ``hidden``, declared pairs stand in the graph's attribute ``confounded``.
        """
        dag: nx.DiGraph[str] = nx.DiGraph()
        order = self._nodes if not self._hidden else self._all_nodes
        dag.add_nodes_from(order)
        dag.add_edges_from((parent, node) for node in order for parent in self._parents[node])
        for node in self._hidden:
            dag.nodes[node]["hidden"] = True
        for node, names in self.alternatives.items():
            dag.nodes[node]["alternatives"] = list(names)
        if self._confounded:
            dag.graph["confounded"] = list(self._confounded)
        return dag

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "derived": Derived()}

    def _value(self) -> tuple[Any, ...]:
        parents = tuple(self._parents[node] for node in self._all_nodes)
        pairs = frozenset(map(frozenset, self._confounded))
        names = tuple(self.alternatives.items())
        return self._target, self._all_nodes, self._nodes, parents, self._hidden, pairs, names

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CausalGraph):
            return NotImplemented
        return self is other or self._value() == other._value()

    def __hash__(self) -> int:
        return hash(self._value())

    def __repr__(self) -> str:
        unseen = f"{len(self._hidden)} hidden, " if self._hidden else ""
        pairs = f"{len(self._confounded)} confounded pairs, " if self._confounded else ""
        return f"CausalGraph({len(self._nodes)} nodes, {unseen}{self.n_edges} edges, {pairs}target={self._target!r})"


def row_names(families: Iterable[Family]) -> list[tuple[str, str]]:
    """Node and configuration of its parents ("a=1, b=0") of each of the C family rows.

    A node whose table is an alternative is followed by its name: "ad (campaign)". With hidden causes, by all that stand
    in its district: "sale (ad=campaign)".
    """
    return [
        (family.title, configuration_words(family.parents, row)) for family in families for row in range(family.n_rows)
    ]
