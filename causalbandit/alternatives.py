"""Alternatives: named tables that can stand in for a node's own, what soft interventions choose from.

A soft intervention does not fix a node at a value: it replaces the node's table by one of its alternatives, {"ad":
"campaign"} for example. What the node then shows still depends on its parents. Yabe et al. (2018, Remark 5) reduce this
to hard interventions by selector nodes, further parents of the node that every intervention fixes. Here the selectors'
configurations are families of their own: a node has one family for its own table and one for each alternative that some
intervention chooses. These are the rows of the reduction that can be reached; the others never arise.

>>> import networkx as nx
>>> from causalbandit import CausalGraph, CausalModel, InterventionSet
>>> dag = nx.DiGraph([("season", "ad"), ("ad", "sale")])
>>> graph = CausalGraph(dag, target="sale", alternatives={"ad": ["campaign", "pause"]})
>>> arms = InterventionSet(graph, [{}, {"ad": "campaign"}, {"ad": 1}])
>>> arms.labels
('(observe)', 'ad=campaign', 'ad=1')
>>> [(family.node, dict(family.alternatives), family.n_rows) for family in arms.families]
[('season', {}, 1), ('ad', {}, 2), ('ad', {'ad': 'campaign'}, 2), ('sale', {}, 2)]
>>> tables = {"season": [0.5], "ad": [0.1, 0.3], "sale": [0.2, 0.6]}
>>> model = CausalModel(graph, tables, alternatives={"ad": {"campaign": [0.5, 0.9], "pause": [0.0, 0.0]}})
>>> model.effects(arms).round(3).tolist()
[0.28, 0.48, 0.6]
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from causalbandit.checks import instance, listed
from causalbandit.errors import InvalidArgument, did_you_mean, listing

Choices = tuple[tuple[str, str], ...]
"""Pairs of a node and the alternative in place of its own table."""

FamilyKey = tuple[tuple[str, ...], Choices]
"""What tells a family from all others of one graph: its district, and the alternatives in it."""

_SEPARATORS = ",=;?"
"""Characters that labels, sheets and the command line read as something else."""


def checked_names(nodes: Iterable[str], hidden: Iterable[str], given: Any) -> dict[str, tuple[str, ...]]:
    """The names of every node's alternatives, in the order of ``nodes``.

    ``given`` maps nodes to lists of names, or to mappings whose keys are the names.

    Raises
    ------
    InvalidArgument
        For unknown and hidden nodes, and names that are no text, stand twice, are "0" or "1", or name a node.
    """
    instance(given, "alternatives", Mapping, "a mapping from node to names of tables, such as {'ad': ['campaign']}")
    order, unseen = list(nodes), set(hidden)
    for node in given:
        if node not in order:
            raise InvalidArgument("alternatives", f"names {node!r}, which is not a node.{did_you_mean(node, order)}")
        if node in unseen:
            raise InvalidArgument("alternatives", f"names the hidden node {node!r}, on which nobody can act.")
    found = {}
    for node in order:
        if given.get(node):
            own = list(given[node]) if isinstance(given[node], Mapping) else given[node]
            names = listed(own, "alternatives", f"a list of names for {node!r}, such as ['campaign']")
            found[node] = tuple(_checked_name(node, name, order) for name in names)
            if len(set(found[node])) < len(found[node]):
                twice = next(name for name in found[node] if found[node].count(name) > 1)
                raise InvalidArgument("alternatives", f"of {node!r} hold {twice!r} twice; expected each name once.")
    return found


def _checked_name(node: str, name: object, nodes: list[str]) -> str:
    said = f"of {node!r} have the name {name!r}"
    if not isinstance(name, str) or not name.isprintable() or name != name.strip() or not name:
        raise InvalidArgument("alternatives", f"{said}; expected printable text without spaces at its ends.")
    if name in ("0", "1"):
        raise InvalidArgument("alternatives", f"{said}, which means that the node is fixed at {name}. Rename it.")
    if set(name) & set(_SEPARATORS):
        raise InvalidArgument("alternatives", f"{said}; expected none of the characters {_SEPARATORS!r} in it.")
    if name in nodes:
        raise InvalidArgument("alternatives", f"{said}, which is a node of the graph. Rename the alternative.")
    return name


def unknown_choice(node: str, value: object, names: tuple[str, ...]) -> str:
    """What an error says of ``value``, which is neither 0 nor 1 nor one of the node's alternatives."""
    if not names:
        return f"expected 0 or 1. {node!r} has no alternatives: CausalGraph(..., alternatives={{...}}) declares them"
    return f"expected 0, 1 or one of its alternatives {listing(names)}"


def fixed_values(intervention: Mapping[str, Any]) -> dict[str, int]:
    """The nodes that an intervention fixes, without those whose table it replaces."""
    return {node: int(value) for node, value in intervention.items() if not isinstance(value, str)}


def chosen_tables(intervention: Mapping[str, Any]) -> dict[str, str]:
    """The nodes whose table an intervention replaces, and by which alternative."""
    return {node: value for node, value in intervention.items() if isinstance(value, str)}
