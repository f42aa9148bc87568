"""Problems as JSON files: networkx node-link data with a target, interventions and tables.

    {"graph": {"name": "...", "target": "purchase", "goal": "max", "interventions": [{}, {"ad": 1}]},
     "nodes": [{"id": "ad", "cpt": [0.3]}, {"id": "purchase", "parents": ["ad"], "cpt": [0.1, 0.4]}],
     "edges": [{"source": "ad", "target": "purchase"}]}

Only the target, the nodes and the edges are required; ``networkx.node_link_graph(json, edges="edges")`` reads the same
file. A node whose table a search is told has ``"known": true``, or ``"known": [0.1, null]`` when only some of its
probabilities are (null must be learned). A node that nobody can see has ``"hidden": true``; pairs of nodes with a
hidden common cause that is no node stand in the ``graph`` object as ``"confounded": [["ad", "trust"]]``.
``graph.schema.json`` beside this module describes every field.

Tables that interventions can put in place of a node's own are its ``"alternatives": {"campaign": [0.6], "pause":
null}``, null where nobody knows them; ``{"ad": "campaign"}`` is an intervention that chooses one.

A file is untrusted: its size is checked first, then its syntax (strictly, see `causalbandit.formats.strict_json`), then
its shape, then the graph and its tables, then everything optional. Errors name the file and the place in it, such as
``$.nodes[2].cpt[1]``. Fields that are not ours are allowed on nodes, edges and the ``graph`` object, because networkx
writes attributes there; they are not kept. A near miss of one of our fields is refused, since its content would be lost
without a word.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import networkx as nx
import numpy as np

from causalbandit.alternatives import checked_names, chosen_tables
from causalbandit.assignments import FREE
from causalbandit.checks import instance
from causalbandit.errors import BadValue, InvalidArgument, did_you_mean, listing
from causalbandit.files import Source, read_input, write_output
from causalbandit.formats.shipped_files import file_named
from causalbandit.formats.strict_json import place_text, read_object
from causalbandit.graph import CausalGraph
from causalbandit.interventions import MOST_INTERVENTIONS, InterventionSet
from causalbandit.known_tables import known_tables
from causalbandit.model import CausalModel, checked_table
from causalbandit.problem import Problem

MAX_BYTES = 16 * 2**20
"""Files larger than this are neither read nor written, unless ``max_bytes=`` says otherwise."""

MOST_FAULTS = 5
"""So many faults are listed in one error; the others are counted."""

_CONTENT = "an object with 'graph', 'nodes' and 'edges'"

_TEXTS = ("name", "description", "source")
"""Fields of the ``graph`` object that a problem keeps as they are."""


def load_problem(path_or_file: Source, *, max_bytes: int = MAX_BYTES) -> Problem:
    """The problem that a graph file holds.

    Parameters
    ----------
    path_or_file : str, path or open file
        A JSON file (UTF-8, with or without byte-order mark, any line ends), or a text or binary file open for reading.
        A text without folder and ending, such as ``"asia"``, is the file of that name where there is one, and else
        the shipped problem (`shipped_problems` lists them).
    max_bytes : int
        Larger files are refused before they are read.

    Returns
    -------
    Problem
        With ``model`` when every node has a table; with ``tables`` alone when only some have one.

    Raises
    ------
    FileNotFoundError
        If there is no such file and no shipped problem of that name.
    ValueError
        If the file is too large or does not hold a graph with a target. The message names the file, the place in
        it, what was expected and the usual fix.
    """
    name, data = read_input(file_named(path_or_file), max_bytes)
    return _problem(name, read_object(name, data, expected=_CONTENT))


def save_problem(problem: Problem, path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> None:
    """Write ``problem`` to ``path`` as JSON, at once: after an error the file is what it was before.

    `load_problem` reads it back as an equal problem, and probabilities come back to the last bit.

    Parameters
    ----------
    problem : Problem
        What to write.
    path : str or path
        The file.
    max_bytes : int
        A larger file is refused before anything is written. What is written with a larger limit than the default needs
        the same one in `load_problem`.

    Raises
    ------
    ValueError
        If the file would be larger than ``max_bytes``.
    OSError
        If ``path`` cannot be written.
    """
    instance(problem, "problem", Problem, "a Problem, such as load_problem returns")
    write_output(path, problem_text(problem, max_bytes=max_bytes))


def problem_text(problem: Problem, *, max_bytes: int = MAX_BYTES) -> str:
    """What :func:`save_problem` writes: the same problem gives the same text."""
    text = _text(_document(problem, max_bytes))
    size = len(text.encode())
    if size > max_bytes:
        _refuse_to_write(f"{size:,}", max_bytes)
    return text


# From a document to a problem ----------------------------------------------------------------------------------------


def _problem(name: str, document: dict[str, Any]) -> Problem:
    from causalbandit.formats.graph_schema import faults

    if "links" in document:
        if "edges" in document:
            raise BadValue(f"{name}: $.links and $.edges are both given; expected one of them.")
        document = {("edges" if key == "links" else key): value for key, value in document.items()}
    found = faults(document)
    essential = [fault for fault in found if fault.essential]
    if essential:
        _refuse(name, *essential)

    header, nodes, edges = document["graph"], document["nodes"], document["edges"]
    target = header["target"]

    def given(field: str) -> dict[str, Any]:
        return {node["id"]: node[field] for node in nodes if node.get(field) is not None}

    def checked(path: tuple[str | int, ...], make: Any, *arguments: Any, **keywords: Any) -> Any:
        try:
            return make(*arguments, **keywords)
        except (TypeError, ValueError) as error:
            match error:
                case InvalidArgument(argument="known", message=message):
                    _refuse(name, f"{place_text(path)} {message}")
                case InvalidArgument(argument="confounded", message=message):
                    _refuse(name, f"$.graph.confounded {message}")
            _refuse(name, f"{place_text(path)}: {error}")

    dag = _dag(name, nodes, edges)
    places = {node: place for place, node in enumerate(dag)}
    for node, order in given("parents").items():
        edges_from = sorted(dag.predecessors(node))
        if sorted(order) != edges_from:
            said = f"lists {order!r}, but the edges into {node!r} come from {edges_from!r}"
            expected = "expected the same nodes, each once, in the order of the table"
            _refuse(name, f"$.nodes[{places[node]}].parents {said}; {expected}")
    unseen = [node for node, hidden in given("hidden").items() if hidden]
    if target in unseen:
        why = f"is true, but {target!r} is the target, which a search must see. Remove it"
        _refuse(name, f"$.nodes[{places[target]}].hidden {why}")
    names: dict[str, tuple[str, ...]] = {}
    for node, own in given("alternatives").items():
        names |= checked(("nodes", places[node], "alternatives"), checked_names, list(dag), unseen, {node: own})
    lost = target not in dag and nx.is_directed_acyclic_graph(dag)
    graph = checked(
        *(("graph", "target") if lost else (), CausalGraph, dag, target),
        parents=given("parents"),
        hidden=unseen,
        confounded=header.get("confounded") or (),
        alternatives=names,
    )
    alternatives = {
        node: {
            other: checked(("nodes", places[node], "alternatives", other), checked_table, graph, node, table)
            for other, table in own.items()
            if table is not None
        }
        for node, own in given("alternatives").items()
        if isinstance(own, dict)
    }
    tables = {
        node: checked(("nodes", places[node], "cpt"), checked_table, graph, node, table)
        for node, table in given("cpt").items()
    }
    known: dict[str, Any] = {}
    for node, told in given("known").items():
        if told is not False:
            one = [node] if told is True else {node: told}
            known |= checked(("nodes", places[node], "known"), known_tables, graph, one, tables)
    whole = len(tables) == len(nodes) and not graph.confounded  # causes that are no nodes have no tables
    if found:
        _refuse(name, *found)
    interventions = checked(("graph", "interventions"), _interventions, graph, header.get("interventions"))
    if header.get("costs") is not None:
        interventions = checked(("graph", "costs"), interventions.with_costs, header["costs"])
    used = {tuple(item) for each in interventions for item in chosen_tables(each).items()}
    whole = whole and all(other in alternatives.get(node, {}) for node, other in used)
    model = CausalModel(graph, tables, alternatives=alternatives) if whole else None
    return checked(  # type: ignore[no-any-return]
        ("nodes",),
        Problem,
        graph,
        interventions,
        model,
        header.get("goal", "max"),
        **{field: header.get(field, "") for field in _TEXTS},
        tables=tables,
        descriptions=given("description"),
        states={node: tuple(states) for node, states in given("states").items()},
        known=known,
        alternatives=alternatives,
    )


def _refuse(name: str, *faults: object) -> NoReturn:
    """Raise for what is wrong with the file ``name``: sentences that begin with a place in it."""
    lines = [text if text.endswith((".", "?")) else f"{text}." for text in map(str, faults[:MOST_FAULTS])]
    if len(faults) > MOST_FAULTS:
        lines.append(f"… and {len(faults) - MOST_FAULTS:,} more")
    raise BadValue(f"{name}: {lines[0]}" if len(lines) == 1 else "\n  ".join([f"{name}:", *lines]))


def _dag(name: str, nodes: list[dict[str, Any]], edges: list[dict[str, Any]]) -> nx.DiGraph[str]:
    dag: nx.DiGraph[str] = nx.DiGraph()
    first: dict[str, int] = {}
    for place, node in enumerate(nodes):
        if node["id"] in first:
            before = f"$.nodes[{first[node['id']]}]"
            _refuse(name, f"$.nodes[{place}].id is {node['id']!r} again, as in {before}; expected each node once")
        first[node["id"]] = place
        dag.add_node(node["id"])
    for place, edge in enumerate(edges):
        for end in ("source", "target"):
            if edge[end] not in first:
                given = f"is {edge[end]!r}, which is not the id of a node.{did_you_mean(edge[end], first)}"
                _refuse(name, f"$.edges[{place}].{end} {given} The nodes are {listing(first)}")
        if dag.has_edge(edge["source"], edge["target"]):
            given = f"repeats the edge from {edge['source']!r} to {edge['target']!r}; expected each edge once"
            _refuse(name, f"$.edges[{place}] {given}")
        dag.add_edge(edge["source"], edge["target"])
    return dag


def _interventions(graph: CausalGraph, given: list[dict[str, Any]] | Mapping[str, Any] | None) -> InterventionSet:
    if isinstance(given, list):
        return InterventionSet(graph, given)
    hard = InterventionSet.up_to(graph, 1 if given is None else given["up_to"], (given or {}).get("nodes"))
    if given is not None or not graph.alternatives:
        return hard
    soft = [{node: name} for node, names in graph.alternatives.items() for name in names]
    return InterventionSet(graph, [*hard, *soft])


# From a problem to a document ----------------------------------------------------------------------------------------


def _refuse_to_write(size: str, max_bytes: int) -> NoReturn:
    expected = f"expected at most {max_bytes:,}, the most that load_problem reads by default. Nothing was written"
    fix = "List fewer interventions or, in Python, pass a larger max_bytes to save_problem and to load_problem"
    raise BadValue(f"The problem needs {size} bytes as a file; {expected}. {fix}.")


def _document(problem: Problem, max_bytes: int) -> dict[str, Any]:
    from causalbandit.formats.graph_schema import FORMAT

    graph = problem.graph
    header: dict[str, Any] = {field: text for field in _TEXTS if (text := getattr(problem, field))}
    header |= {"target": graph.target, "goal": problem.goal, "format": FORMAT}
    if graph.confounded:
        header["confounded"] = [list(pair) for pair in graph.confounded]
    header["interventions"] = _short_form(problem.interventions, max_bytes)
    if np.any(problem.interventions.costs != 1):
        header["costs"] = problem.interventions.costs.tolist()
    nodes = []
    for node in graph.all_nodes:
        table, told, known = (
            problem.tables.get(node),
            problem.known_tables.get(node),
            problem.alternatives.get(node, {}),
        )
        fields = {
            "id": node,
            "hidden": node in graph.hidden or None,
            "description": problem.descriptions.get(node),
            "states": problem.states.get(node),
            "parents": graph.parents(node) or None,
            "cpt": table,
            "known": True if told is not None and told == table else told,
            "alternatives": {name: known.get(name) for name in graph.alternatives.get(node, ())} or None,
        }
        nodes.append({field: value for field, value in fields.items() if value is not None})
    edges = [{"source": parent, "target": node} for node in graph.all_nodes for parent in graph.parents(node)]
    return {"directed": True, "multigraph": False, "graph": header, "nodes": nodes, "edges": edges}


def _short_form(interventions: InterventionSet, max_bytes: int) -> list[dict[str, Any]] | dict[str, Any]:
    """``{"nodes": [...], "up_to": k}`` when the set is that of ``InterventionSet.up_to``, else the list itself.

    A list that is too long for ``max_bytes`` is refused before it is made; so are, when read, short forms of more than
    ``MOST_INTERVENTIONS``, which are therefore written as lists.
    """
    graph, codes = interventions.graph, interventions.assignments
    fixed = interventions.n_fixed
    largest = int(fixed.max())
    singles = [int((codes[place] != FREE).argmax()) for place in np.flatnonzero(fixed == 1)]
    nodes = [graph.nodes[column] for column in dict.fromkeys(singles)]
    total = InterventionSet.count_up_to(graph, largest, nodes)
    hard = (interventions.choices == FREE).all()
    if largest >= 1 and hard and total == len(interventions) and total <= MOST_INTERVENTIONS:
        whole = InterventionSet.up_to(graph, largest, nodes)
        if np.array_equal(whole.assignments, codes):
            return {"nodes": nodes, "up_to": largest}
    # Per intervention at least two braces, a comma, a line break and six spaces; per fixed node a name of a letter in
    # quotes, a colon, a space and a digit.
    least = 10 * len(interventions) + 6 * int(fixed.sum())
    if least > max_bytes:
        _refuse_to_write(f"more than {least:,}", max_bytes)
    return list(interventions)


def _text(document: dict[str, Any]) -> str:
    """The document as JSON with one line per header field, intervention, node and edge."""
    header = []
    for name, value in document["graph"].items():
        rows = name == "interventions" and isinstance(value, list)
        header.append(f"    {_json(name)}: {_rows(value, 6, '    ') if rows else _json(value)}")
    return (
        '{\n  "directed": true,\n  "multigraph": false,\n  "graph": {\n' + ",\n".join(header) + "\n  },\n"
        f'  "nodes": {_rows(document["nodes"], 4, "  ")},\n'
        f'  "edges": {_rows(document["edges"], 4, "  ")}\n}}\n'
    )


def _rows(items: Iterable[Any], indent: int, close: str) -> str:
    rows = [" " * indent + _json(item) for item in items]
    return "[\n" + ",\n".join(rows) + f"\n{close}]" if rows else "[]"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
