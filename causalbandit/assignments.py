"""What one intervention fixes: partial assignments of 0 and 1 to nodes, checked, coded as numbers, and in words."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from causalbandit.alternatives import fixed_values, unknown_choice
from causalbandit.arrays import Floats
from causalbandit.checks import distinct, finite_array, instance, listed, number, numeric_array, shaped
from causalbandit.errors import BadValue, InvalidArgument, did_you_mean, listing
from causalbandit.graph import CausalGraph

Codes = npt.NDArray[np.int8] | npt.NDArray[np.int16]

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


def checked_assignment(graph: CausalGraph, called: str, intervention: object) -> dict[str, Any]:
    """An intervention as a dict of 0, 1 and names, or an error that names the node.

    ``called`` is what the error calls it: "intervention 3" of a set, or "control".
    """
    if not isinstance(intervention, Mapping):
        raise TypeError(f"{called.capitalize()} was {intervention!r}; expected a mapping such as {{'ad': 1}}.")
    row: dict[str, Any] = {}
    said = f"{called.capitalize()} ({dict(intervention)!r})"
    for node, value in intervention.items():
        if node not in graph.places:
            graph.require(node, f"node in {called} ({dict(intervention)!r}):")
            fix = "which nobody can fix. Leave it out, or do not declare it as hidden"
            raise BadValue(f"{said} fixes the hidden node {node!r}, {fix}.")
        names = graph.alternatives.get(node, ())
        if isinstance(value, str) and value in names:
            row[node] = str(value)
            continue
        if node == graph.target and not (names and isinstance(value, str)):
            raise BadValue(f"{said} fixes the target {node!r}; expected other nodes only. Remove the target from it.")
        if not isinstance(value, (int, float, np.integer, np.floating, np.bool_)) or value not in (0, 1):
            near = did_you_mean(value, names) if isinstance(value, str) else ""
            expected = unknown_choice(node, value, names) if names or isinstance(value, str) else "expected 0 or 1"
            raise BadValue(f"{said} sets {node!r} to {value!r}; {expected}. Leave it out to keep it free.{near}")
        row[node] = int(value)
    return row


def check_room(graph: CausalGraph, n_interventions: int) -> None:
    """A ValueError when the codes of so many interventions are too many."""
    needed = n_interventions * len(graph.nodes)
    if needed > MOST_BYTES:
        given = f"{n_interventions:,} interventions on {len(graph.nodes):,} nodes need {needed:,} bytes"
        fix = "List fewer interventions, or leave nodes out of the graph"
        raise BadValue(f"{given}; expected at most {MOST_BYTES:,}. {fix}.")


def free_codes(graph: CausalGraph, n_interventions: int) -> npt.NDArray[np.int8]:
    """Codes [A, N] that fix nothing yet; a ValueError before they are made when they are too many."""
    check_room(graph, n_interventions)
    return np.full((n_interventions, len(graph.nodes)), FREE, dtype=np.int8)


def code_blocks(codes: Codes) -> Iterator[Codes]:
    """The codes [A, N], some rows at a time, so that what is made of them stays small."""
    step = max(1, _BLOCK_BYTES // codes.shape[1])
    return (codes[start : start + step] for start in range(0, len(codes), step))


def mark_stride(graph: CausalGraph) -> int:
    """So many codes of one column at most: 0 and 1, or a node's alternatives."""
    return max(2, *(len(names) for names in graph.alternatives.values())) if graph.alternatives else 2


def marks_of(graph: CausalGraph, intervention: Mapping[str, Any]) -> tuple[int, ...]:
    """What tells a checked intervention from others: its column and code in numbers, ascending, as in `find_places`."""
    stride, alternatives = mark_stride(graph), list(graph.alternatives)
    return tuple(
        sorted(
            stride * (len(graph.nodes) + alternatives.index(node)) + graph.alternatives[node].index(value)
            if isinstance(value, str)
            else stride * graph.position(node) + value
            for node, value in intervention.items()
        )
    )


def intervention_label(intervention: Mapping[str, Any]) -> str:
    """Short text for one intervention: ``ad=1, price=0``, or ``(observe)`` when nothing is done."""
    return ", ".join(f"{node}={value}" for node, value in intervention.items()) or "(observe)"


def value_codes(graph: CausalGraph, rows: Sequence[Mapping[str, Any]]) -> npt.NDArray[np.int8]:
    """Per checked intervention and node the value at which it is fixed, or FREE; [A, N]."""
    codes = free_codes(graph, len(rows))
    for place, row in enumerate(rows):
        for node, value in fixed_values(row).items():
            codes[place, graph.places[node]] = value
    return codes


def choice_codes(graph: CausalGraph, rows: Sequence[Mapping[str, Any]]) -> Codes:
    """Per intervention and node with alternatives: the place of the one that is chosen, or FREE; [A, S]."""
    codes = np.full((len(rows), len(graph.alternatives)), FREE, dtype=np.int16)
    for column, (node, names) in enumerate(graph.alternatives.items()):
        for place, row in enumerate(rows):
            if isinstance(row.get(node), str):
                codes[place, column] = names.index(row[node])
    return codes


def decoded(graph: CausalGraph, codes: Codes, choices: Codes) -> dict[str, Any]:
    """One intervention, in the order of the nodes, from its codes [N] and choices [S]."""
    fixed: dict[str, Any] = {graph.nodes[column]: int(codes[column]) for column in np.flatnonzero(codes != FREE)}
    if (choices == FREE).all():
        return fixed
    chosen = zip(graph.alternatives.items(), choices.tolist(), strict=True)
    fixed |= {node: names[choice] for (node, names), choice in chosen if choice != FREE}
    return {node: fixed[node] for node in graph.nodes if node in fixed}


def find_places(graph: CausalGraph, codes: Codes, choices: Codes) -> dict[tuple[int, ...], int]:
    """Place of each intervention by its marks (`marks_of`); refuses one that is there twice.

    Memory grows with the nodes that are fixed, not with those that are free.
    """
    stride = mark_stride(graph)
    joined: Any = np.hstack([codes, choices]) if choices.shape[1] else codes
    places: dict[tuple[int, ...], int] = {}
    place = 0
    for block in code_blocks(joined):
        rows, columns = np.nonzero(block != FREE)
        marks = (stride * columns + block[rows, columns]).tolist()
        start = 0
        for end in np.bincount(rows, minlength=len(block)).cumsum().tolist():
            first = places.setdefault(tuple(marks[start:end]), place)
            if first != place:
                shown = decoded(graph, codes[place, : len(graph.nodes)], choices[place])
                raise BadValue(f"Interventions {first} and {place} are both {shown!r}; expected each once. Remove one.")
            start = end
            place += 1
    return places


def codes_up_to(graph: CausalGraph, nodes: Sequence[str], size: int, total: int, most: int) -> npt.NDArray[np.int8]:
    """Codes of the ``total`` interventions that fix at most ``size`` of ``nodes``, by number of nodes fixed.

    A ValueError when there are more than ``most``.
    """
    if total > most:
        given = f"Fixing up to {size} of {len(nodes)} nodes makes {total:,} interventions; expected at most {most:,}"
        fix = "Fix or name fewer nodes; in Python, raise most or use InterventionSet.stream_up_to"
        raise BadValue(f"{given}. {fix}.")
    columns = np.array([graph.position(node) for node in nodes], dtype=np.intp)
    codes = free_codes(graph, total)
    row = 1
    for fixed in range(1, min(size, len(nodes)) + 1):
        values = np.array(list(itertools.product((0, 1), repeat=fixed)), dtype=np.int8)
        for combination in itertools.combinations(columns, fixed):
            codes[row : row + len(values), list(combination)] = values
            row += len(values)
    return codes


def value_columns(graph: CausalGraph, codes: Codes, choices: Codes) -> dict[str, Any]:
    """Per node that is acted on: its value, the name of its alternative, or <NA> where it is free; [A] each."""
    import pandas as pd

    chosen = dict(zip(graph.alternatives, choices.T, strict=True))
    columns: dict[str, Any] = {}
    for column, node in enumerate(graph.nodes):
        values = codes[:, column]
        if node in chosen and (chosen[node] != FREE).any():
            names = graph.alternatives[node]
            columns[node] = pd.array(
                [
                    names[choice] if choice != FREE else None if value == FREE else str(value)
                    for value, choice in zip(values.tolist(), chosen[node].tolist(), strict=True)
                ],
                dtype="string",
            )
        elif (values != FREE).any():
            columns[node] = pd.array([None if code == FREE else code for code in values.tolist()], dtype="Int8")
    return columns


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


def checked_costs(costs: Any, n_interventions: int, labels: Callable[[], Collection[str]]) -> Floats:
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
    """The price of every label, each named when it is missing, unknown or no price; parts of a label in any order."""
    fix = f"A label is as in {listing(list(labels)[:3])}"
    known = set(labels)
    if not known.issuperset(costs):
        by_parts = {_parts(label): label for label in labels}
        renamed = {label: label if label in known else by_parts.get(_parts(label), label) for label in costs}
        distinct(list(renamed.values()), "costs")
        costs = {renamed[label]: price for label, price in costs.items()}
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


def _parts(label: str) -> frozenset[str]:
    """What a label sets, whatever the order and the spaces around its commas: ``"b=1,a=0"`` as ``"a=0, b=1"``."""
    return frozenset(part.strip() for part in str(label).split(","))


def product_of(
    graph: CausalGraph, choices: Mapping[str, Iterable[int | None]] | Iterable[str], most: int
) -> Iterator[dict[str, int]]:
    """Every combination of the nodes' choices, as `InterventionSet.product` takes them; at most ``most``."""
    if not isinstance(choices, Mapping):
        choices = dict.fromkeys(listed(choices, "choices", "a list of node names, such as ['ad']"), (0, 1))
    table: dict[str, tuple[int | None, ...]] = {}
    for node, values in choices.items():
        graph.require(node)
        table[node] = tuple(listed(values, "choices", f"a list for {node!r} such as [0, 1] or [None, 1]"))
    total = math.prod(len(values) for values in table.values())
    if total > most:
        given = f"The product of the choices makes {total:,} interventions; expected at most {most:,}"
        raise BadValue(f"{given}. Give fewer nodes or fewer values each, or raise most.")
    check_room(graph, total)
    return (
        {node: value for node, value in zip(table, values, strict=True) if value is not None}
        for values in itertools.product(*table.values())
    )
