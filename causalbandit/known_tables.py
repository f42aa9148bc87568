"""Tables that need not be learned, because whoever searches knows them, wholly or in some configurations.

A known value is told to the strategy and never estimated: its family row leaves the C rows that cost experiments (Yabe
et al. 2018, Remark 3). It is kept per node as a tuple like a table, with None where the value must be learned.

>>> import networkx as nx
>>> from causalbandit import CausalGraph
>>> graph = CausalGraph(nx.DiGraph([("ad", "trust"), ("trust", "purchase")]), target="purchase")
>>> known_tables(graph, {"trust": [0.2, float("nan")], "ad": 0.5}, {})
{'ad': (0.5,), 'trust': (0.2, None)}
>>> known_tables(graph, ["ad"], {"ad": (0.3,)})
{'ad': (0.3,)}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from causalbandit.arrays import Floats
from causalbandit.errors import InvalidArgument, InvalidType
from causalbandit.graph import CausalGraph, configuration_words
from causalbandit.interventions import InterventionSet
from causalbandit.model import checked_table

KnownTable = tuple[float | None, ...]
"""P(node = 1) per configuration of the parents, None where it must be learned."""
Known = Mapping[str, Sequence[float | None] | float] | Iterable[str]
"""What a caller says is known: a table per node, NaN or None where a value is not; or names of nodes with a table."""

SAME = 1e-9
"""Two probabilities that differ by less are the same but for the digits that files and sums round."""


def known_tables(graph: CausalGraph, given: Known, tables: Mapping[str, Sequence[float]]) -> dict[str, KnownTable]:
    """The known tables of some nodes, in topological order; those without any known value are left out.

    ``tables`` are those that the problem holds: they give the tables of nodes that are known by name, and known values
    must agree with them.

    Raises
    ------
    InvalidArgument
        For a node that is unknown, hidden or reached by a hidden cause, a name without a table, a table of the wrong
        length or with values outside [0, 1], and a value that contradicts the problem's table.
    """
    if isinstance(given, str) or not isinstance(given, Iterable):
        expected = "a mapping from node to its table, such as {'ad': [0.3]}, or a list of nodes whose tables are known"
        raise InvalidType("known", f"was {given!r}; expected {expected}.")
    found: dict[str, KnownTable] = {}
    for node in given:
        graph.observed(node, "node with a known table:")
        _refuse_hidden_causes(graph, node)
        if isinstance(given, Mapping):
            table = _partly(graph, node, given[node])
            if node in tables:
                refuse_contradiction(graph, node, table, tables[node])
        elif node in tables:
            table = tuple(tables[node])
        else:
            fix = "Give it as {node: table}, or leave the node out"
            raise InvalidArgument("known", f"names {node!r}, which has no table here. {fix}.")
        if any(value is not None for value in table):
            found[node] = table
    return {node: found[node] for node in graph.nodes if node in found}


def refuse_contradiction(
    graph: CausalGraph, node: str, known: KnownTable, table: Sequence[float], whose: str = "the problem's table"
) -> None:
    """Raise when a known value of a node is not what its table says, both in the order of ``graph.parents(node)``."""
    parents = graph.parents(node)
    for row, (value, other) in enumerate(zip(known, table, strict=True)):
        if value is not None and abs(value - other) > SAME:
            condition = f" | {configuration_words(parents, row)}" if parents else ""
            given = f"says P({node} = 1{condition}) = {value:g}, but {whose} says {other:g}"
            fix = "Correct one of them, or leave out the known value; it is learned."
            raise InvalidArgument("known", f"{given}. {fix}")


def joined_tables(
    graph: CausalGraph, before: Mapping[str, KnownTable], added: Mapping[str, KnownTable]
) -> dict[str, KnownTable]:
    """The known values of both; InvalidArgument where one contradicts the other."""
    joined = dict(before)
    for node, table in added.items():
        earlier = joined.get(node, (None,) * len(table))
        both = [value if old is None else old for old, value in zip(earlier, table, strict=True)]
        refuse_contradiction(graph, node, table, [0.0 if value is None else value for value in both], "what was known")
        joined[node] = tuple(both)
    return joined


def refuse_unlike_world(graph: CausalGraph, known: Mapping[str, KnownTable], world: CausalGraph, tables: Any) -> None:
    """Raise when a known value is not what the tables of a world say of the same node and parents.

    Where the world has other parents, the node has no table of these parents there, and nothing to compare with.
    """
    for node, table in known.items():
        mine, theirs = graph.parents(node), world.parents(node)
        if set(mine) == set(theirs):
            shape = (2,) * len(theirs)
            turned = np.reshape(tables(node), shape).transpose([theirs.index(parent) for parent in mine]).ravel()
            refuse_contradiction(graph, node, table, turned.tolist(), "the world's table")


def known_rows(interventions: InterventionSet, known: Mapping[str, KnownTable]) -> Floats:
    """The known values as an array of the set's C family rows, NaN where a row must be learned."""
    values = np.full(interventions.n_family_rows, np.nan)
    for node, table in known.items():
        for family in interventions.families_of(node):
            if not family.alternatives:  # what is known is the node's own table
                values[family.rows] = np.array(table, dtype=np.float64)
    return values


def _refuse_hidden_causes(graph: CausalGraph, node: str) -> None:
    if set(graph.parents(node)) & set(graph.hidden) or any(node in pair for pair in graph.bidirected):
        why = "which hidden causes reach, so that its own table does not tell what experiments show of it"
        raise InvalidArgument("known", f"has a table of {node!r}, {why}. Leave it out; it is learned.")


def _partly(graph: CausalGraph, node: str, table: Any) -> KnownTable:
    """The table with None where no value is given; the others checked as those of any table."""
    try:
        values = np.atleast_1d(np.asarray(table, dtype=np.float64))
    except (TypeError, ValueError):
        expected = "a flat list of probabilities, with NaN or None where one is not known"
        raise InvalidArgument("known", f"has {table!r} for {node!r}; expected {expected}.") from None
    missing = np.isnan(values)
    try:
        checked = checked_table(graph, node, np.where(missing, 0.5, values))
    except ValueError as error:
        message = str(error)
        raise InvalidArgument("known", f"does not fit: {message[0].lower()}{message[1:]}") from None
    return tuple(None if out else value for out, value in zip(missing.tolist(), checked, strict=True))
