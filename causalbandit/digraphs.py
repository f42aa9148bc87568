"""What a networkx graph must be to become a causal graph: checks that name the node, the edge or the pair at fault."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import networkx as nx

from causalbandit.checks import instance, listed
from causalbandit.errors import BadValue, InvalidArgument, did_you_mean


def check_kind(dag: object) -> None:
    """Raise unless ``dag`` is a networkx.DiGraph with at least one node."""
    graph = instance(dag, "dag", nx.Graph, "a networkx.DiGraph")
    if graph.is_multigraph():
        raise TypeError("The graph is a multigraph; expected single edges. Convert it with networkx.DiGraph(graph).")
    if not graph.is_directed():
        raise TypeError("The graph is undirected; expected a networkx.DiGraph with edges from causes to effects.")
    if len(graph) == 0:
        raise BadValue("The graph has no nodes; expected at least the target.")


def check_names(nodes: Iterable[object]) -> None:
    """Raise unless every node is printable text without spaces at its ends."""
    for node in nodes:
        if not isinstance(node, str):
            given = f"The node {node!r} is a {type(node).__name__}; expected a string"
            raise TypeError(f"{given}. networkx.relabel_nodes(dag, str) makes every name one.")
        if not node or node != node.strip() or not node.isprintable():
            expected = "expected printable text on one line, without spaces at its ends"
            raise BadValue(f"A node is named {node!r}; {expected}. networkx.relabel_nodes renames it.")


def check_acyclic(dag: nx.DiGraph[str]) -> None:
    """Raise for a self-loop, and for a cycle, which is named."""
    loop = next(iter(nx.nodes_with_selfloops(dag)), None)
    if loop is not None:
        raise BadValue(f"The node {loop!r} has an edge to itself; a graph of causes has none. Remove that edge.")
    if nx.is_directed_acyclic_graph(dag):
        return
    cycle = [tail for tail, _ in nx.find_cycle(dag)]
    path = " → ".join([*cycle, cycle[0]] if len(cycle) <= 12 else [*cycle[:12], "…", cycle[0]])
    raise BadValue(f"The graph has the cycle {path}; a causal graph is acyclic. Remove or turn one of these edges.")


def parent_order(dag: nx.DiGraph[str], node: str, order: object) -> tuple[str, ...]:
    """The parents of ``node`` in the order of its table; ``order`` None takes that of the edges."""
    edges = tuple(dag.predecessors(node))
    if order is None:
        return edges
    if isinstance(order, str) or not isinstance(order, Sequence):
        raise BadValue(f"The parents of {node!r} were {order!r}; expected a list of node names in table order.")
    if not all(isinstance(parent, str) for parent in order) or sorted(order) != sorted(edges):
        given = f"listed as {list(order)!r}, but its edges come from {sorted(edges)!r}"
        raise BadValue(f"The parents of {node!r} are {given}; expected these, in the order of the node's table.")
    return tuple(order)


def hidden_nodes(dag: nx.DiGraph[str], target: str, hidden: Iterable[str]) -> frozenset[str]:
    """The nodes that are declared hidden."""
    names = listed(hidden, "hidden", "a list of nodes, such as ['taste']")
    for name in names:
        known_node(dag, name, "hidden")
    if target in names:
        raise InvalidArgument("hidden", f"names the target {target!r}; a search must see its target. Remove it.")
    return frozenset(names)


def confounded_pairs(
    dag: nx.DiGraph[str], hidden: frozenset[str], confounded: Iterable[Sequence[str]]
) -> tuple[tuple[str, str], ...]:
    """The declared pairs of observed nodes with a hidden common cause, as they were given."""
    pairs: dict[frozenset[str], tuple[str, str]] = {}
    for given in listed(confounded, "confounded", "a list of pairs, such as [('trust', 'purchase')]"):
        if isinstance(given, str) or not isinstance(given, Sequence) or len(given) != 2 or given[0] == given[1]:
            raise InvalidArgument("confounded", f"holds {given!r}; expected a pair of two different nodes.")
        for name in given:
            known_node(dag, name, "confounded")
            if name in hidden:
                fix = "expected observed nodes. Draw edges from a hidden node instead"
                raise InvalidArgument("confounded", f"names the hidden node {name!r}; {fix}.")
        if frozenset(given) in pairs:
            raise InvalidArgument("confounded", f"holds the pair of {given[0]!r} and {given[1]!r} twice. Remove one.")
        pairs[frozenset(given)] = (given[0], given[1])
    return tuple(pairs.values())


def known_node(dag: nx.DiGraph[str], name: str, argument: str) -> None:
    """Raise, with the nearest name, unless the graph has the node ``name``."""
    if name not in dag:
        raise InvalidArgument(argument, f"names {name!r}, which is not a node.{did_you_mean(name, dag)}")
