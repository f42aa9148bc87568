"""What one intervention fixes: partial assignments of 0 and 1 to nodes, checked, coded as numbers, and in words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from causalbandit.checks import distinct, finite_array, instance, listed, number, numeric_array, shaped
from causalbandit.errors import BadValue, InvalidArgument, did_you_mean, listing
from causalbandit.graph import CausalGraph

Codes = npt.NDArray[np.int8]

FREE = -1
"""Code of a node that an intervention leaves alone, in :attr:`InterventionSet.assignments`."""

MOST_BYTES = 2**30
"""Sets whose :attr:`InterventionSet.assignments` would be larger than this are refused before it is made."""

_BLOCK_BYTES = 2**22
"""What is computed of a whole set is computed for so many codes at a time."""

GRAPH = "a CausalGraph, made by CausalGraph(dag, target=...)"
"""How an error names the graph that was expected."""


ASSIGNMENTS = "a list of mappings from node to 0 or 1, for example [{}, {'ad': 1}]"
"""How an error names the interventions that were expected."""


def checked_assignment(graph: CausalGraph, place: int, intervention: object) -> dict[str, int]:
    """The intervention at ``place`` of a set as a dict with integer values, or an error that names place and node."""
    if not isinstance(intervention, Mapping):
        raise TypeError(f"Intervention {place} was {intervention!r}; expected a mapping such as {{'ad': 1}}.")
    row = {}
    said = f"Intervention {place} ({dict(intervention)!r})"
    for node, value in intervention.items():
        if node not in graph.places:
            graph.require(node, f"node in intervention {place} ({dict(intervention)!r}):")
            fix = "which nobody can fix. Leave it out, or do not declare it as hidden"
            raise BadValue(f"{said} fixes the hidden node {node!r}, {fix}.")
        if node == graph.target:
            raise BadValue(f"{said} fixes the target {node!r}; expected other nodes only. Remove the target from it.")
        if not isinstance(value, (int, float, np.integer, np.floating, np.bool_)) or value not in (0, 1):
            raise BadValue(f"{said} sets {node!r} to {value!r}; expected 0 or 1. Leave it out to keep it free.")
        row[node] = int(value)
    return row


def check_room(graph: CausalGraph, n_interventions: int) -> None:
    """A ValueError when the codes of so many interventions are too many."""
    needed = n_interventions * len(graph.nodes)
    if needed > MOST_BYTES:
        given = f"{n_interventions:,} interventions on {len(graph.nodes):,} nodes need {needed:,} bytes"
        fix = "List fewer interventions, or leave nodes out of the graph"
        raise BadValue(f"{given}; expected at most {MOST_BYTES:,}. {fix}.")


def free_codes(graph: CausalGraph, n_interventions: int) -> Codes:
    """Codes [A, N] that fix nothing yet; a ValueError before they are made when they are too many."""
    check_room(graph, n_interventions)
    return np.full((n_interventions, len(graph.nodes)), FREE, dtype=np.int8)


def code_blocks(codes: Codes) -> Iterator[Codes]:
    """The codes [A, N], some rows at a time, so that what is made of them stays small."""
    step = max(1, _BLOCK_BYTES // codes.shape[1])
    return (codes[start : start + step] for start in range(0, len(codes), step))


def find_places(graph: CausalGraph, codes: Codes) -> dict[tuple[int, ...], int]:
    """Place of each intervention by what it fixes (2·column + value, ascending); refuses one that is there twice.

    Memory grows with the nodes that are fixed, not with those that are free.
    """
    places: dict[tuple[int, ...], int] = {}
    place = 0
    for block in code_blocks(codes):
        rows, columns = np.nonzero(block != FREE)
        marks = (2 * columns + block[rows, columns]).tolist()
        start = 0
        for end in np.bincount(rows, minlength=len(block)).cumsum().tolist():
            first = places.setdefault(tuple(marks[start:end]), place)
            if first != place:
                shown = {graph.nodes[mark // 2]: mark % 2 for mark in marks[start:end]}
                raise BadValue(f"Interventions {first} and {place} are both {shown!r}; expected each once. Remove one.")
            start = end
            place += 1
    return places


def actionable(graph: CausalGraph, nodes: Iterable[str] | None) -> list[str]:
    """The nodes that a builder may fix: ``nodes``, or the target's ancestors."""
    instance(graph, "graph", CausalGraph, GRAPH)
    if nodes is None:
        return [node for node in graph.ancestors if node != graph.target]
    chosen = [graph.observed(node) for node in listed(nodes, "nodes", "a list of node names, such as ['ad']")]
    if graph.target in chosen:
        raise InvalidArgument("nodes", f"holds the target {graph.target!r}, which no intervention may fix. Remove it.")
    distinct(chosen, "nodes")
    return chosen


def checked_costs(costs: Any, n_interventions: int, labels: Callable[[], Collection[str]]) -> npt.NDArray[np.float64]:
    """Prices [A], read-only, from one each or a mapping from ``labels()`` to them; 1 each when none are given."""
    if costs is None:
        array = np.ones(n_interventions)
    else:
        if isinstance(costs, Mapping):
            costs = _in_order(costs, labels())
        array = numeric_array(costs, "costs", "one price per intervention").copy()
        shaped(array, "costs", (n_interventions,), "one price per intervention")
        finite_array(array, "costs", " above 0", least=np.nextafter(0, 1))
    array.flags.writeable = False
    return array


def _in_order(costs: Mapping[str, float], labels: Collection[str]) -> list[float]:
    """The price of every label, each named when it is missing, unknown or no price."""
    fix = f"A label is as in {listing(list(labels)[:3])}"
    known = set(labels)
    for label, price in costs.items():
        if label not in known:
            raise InvalidArgument(
                "costs", f"has a price for {label!r}, which is no intervention.{did_you_mean(label, known)} {fix}."
            )
        number(price, "costs", above=0, fix=f"It is the price of {label!r}.")
    missing = [label for label in labels if label not in costs]
    if missing:
        raise InvalidArgument("costs", f"lacks the price of {listing(missing)}; expected one for every intervention.")
    return [costs[label] for label in labels]
