"""The shape of a graph file, for pydantic: what is checked before any value is believed, and what editors may check.

Imported only when a file is read, because pydantic takes a while to load. `faults` is the door; the exported
``graph.schema.json`` beside this module is made by `schema_text`::

    python -c "from causalbandit.formats import graph_schema; graph_schema.export()"
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, PlainValidator, ValidationError, WithJsonSchema

from causalbandit.files import write_output
from causalbandit.formats.strict_json import place_text

SCHEMA_FILE = Path(__file__).with_name("graph.schema.json")

FORMAT = 1
"""Version of the format that this package writes, and the newest that it reads."""

Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


def _assigned(value: object) -> object:
    """0, 1 or a name, of which "0" and "1" are none."""
    if (type(value) is int and value in (0, 1)) or (isinstance(value, str) and value not in ("0", "1")):
        return value
    raise ValueError("neither 0 nor 1 nor a name")


Value = Annotated[
    Any,
    PlainValidator(_assigned),
    WithJsonSchema({"anyOf": [{"maximum": 1, "minimum": 0, "type": "integer"}, {"type": "string"}]}),
]
Cost = Annotated[FiniteFloat, Field(gt=0)]


class _Open(BaseModel):
    """Further fields are allowed, as networkx writes attributes there, and not kept."""

    model_config = ConfigDict(strict=True, extra="allow")


class UpTo(BaseModel):
    """All interventions that fix at most ``up_to`` of ``nodes``, at every combination of values."""

    model_config = ConfigDict(strict=True, extra="forbid")

    up_to: int = Field(ge=0, description="Most nodes that one intervention fixes at once.")
    nodes: list[str] | None = Field(default=None, description="Nodes to choose from; default: the target's ancestors.")


class Header(_Open):
    """The ``graph`` object: what the whole file says. Further fields are allowed, and not kept."""

    target: str = Field(description="The node whose probability of being 1 is to be driven.")
    goal: Literal["max", "min"] = Field(default="max", description="Make the target most or least likely to be 1.")
    name: str = Field(default="", description="What the problem is called.")
    description: str = Field(default="", description="What the problem asks, in a sentence or two.")
    source: str = Field(default="", description="Where graph and tables come from.")
    format: int = Field(default=FORMAT, ge=1, le=FORMAT, description="Version of this format.")
    interventions: list[dict[str, Value]] | UpTo | None = Field(
        default=None,
        description="Interventions to choose from, each {node: 0, 1 or the name of an alternative}, or "
        "{'nodes': [...], 'up_to': k}. Default: "
        "{}, every single assignment of the target's ancestors and every alternative.",
    )
    confounded: list[Annotated[list[str], Field(min_length=2, max_length=2)]] | None = Field(
        default=None,
        description="Pairs of nodes with a hidden common cause that is no node of the file, such as [['ad', 'trust']].",
    )
    costs: list[Cost] | dict[str, Cost] | None = Field(
        default=None,
        description="Price of one experiment: one positive number per intervention, in order, or an object from labels "
        "such as 'ad=1, price=0' and '(observe)' to them. Default: 1 each. A budget of money pays them.",
    )


class Node(_Open):
    """One binary node. Further fields are allowed, as networkx writes node attributes, and not kept."""

    id: str = Field(description="The node's name.")
    parents: list[str] | None = Field(
        default=None, description="Its parents in the order of its table. Default: the order of the edges into it."
    )
    cpt: list[Probability] | None = Field(
        default=None,
        description="P(node = 1) for each of the 2^k configurations of its k parents, counted upwards in binary with "
        "the first parent as the most significant bit.",
    )
    known: bool | list[Probability | None] = Field(
        default=False,
        description="True when a search is told the whole 'cpt' and does not learn it. Or a list as long as the table: "
        "the probabilities that a search is told, null where it must learn; they must agree with a 'cpt', if there is "
        "one.",
    )
    alternatives: dict[str, list[Probability] | None] | list[str] | None = Field(
        default=None,
        description="Tables that interventions can put in place of the node's own, by name, in the order of 'cpt'; "
        "null, or a list of names alone, where they are unknown.",
    )
    hidden: bool = Field(default=False, description="True for a cause that nobody can see or fix.")
    description: str = Field(default="", description="What the node means.")
    states: Annotated[list[str], Field(min_length=2, max_length=2)] | None = Field(
        default=None, description="Names of the states coded 0 and 1."
    )


class Edge(_Open):
    """One edge, from cause to effect. Further fields are allowed, as networkx writes them, and not kept."""

    source: str = Field(description="The cause.")
    target: str = Field(description="The effect.")


class GraphFile(BaseModel):
    """A best-intervention problem as networkx node-link data."""

    model_config = ConfigDict(strict=True, extra="forbid", title="causalbandit problem")

    directed: Literal[True] = Field(default=True, description="Causal graphs are directed.")
    multigraph: Literal[False] = Field(default=False, description="At most one edge between two nodes.")
    graph: Header
    nodes: list[Node] = Field(min_length=1)
    edges: list[Edge] = Field(description="May also be called 'links'.")
    schema_: str | None = Field(default=None, alias="$schema", description="Where editors find this schema.")


class Fault(NamedTuple):
    """One thing wrong with a file: its JSON place, a sentence, and whether the graph or its tables depend on it."""

    place: str
    text: str
    essential: bool

    def __str__(self) -> str:
        return f"{self.place} {self.text}"


_EXPECTED = {
    "$": "an object with 'graph', 'nodes' and 'edges'",
    "directed": "true, because a causal graph is directed (networkx.DiGraph)",
    "multigraph": "false, because two nodes have at most one edge (networkx.DiGraph)",
    "graph": "an object that holds at least 'target'",
    "nodes": "a list of at least one node such as {'id': 'ad'}",
    "nodes[]": "an object such as {'id': 'ad', 'cpt': [0.3]}",
    "nodes[].id": "the node's name as a text; numbers go in quotes",
    "nodes[].parents": "a list of node names in the order of the table, or leave it out",
    "nodes[].cpt": "a flat list of 2^(number of parents) probabilities, or leave it out",
    "nodes[].cpt[]": "a probability in [0, 1]",
    "nodes[].known": "true, false, or a list as long as the table, with null where a probability must be learned",
    "nodes[].known[]": "a probability in [0, 1], or null for one that must be learned",
    "nodes[].alternatives": "an object from name to table, such as {'campaign': [0.6]}, or a list of names",
    "nodes[].alternatives[]": "the name of an alternative, a text",
    "nodes[].alternatives.*": "a flat list of 2^(number of parents) probabilities, or null",
    "nodes[].alternatives.*[]": "a probability in [0, 1]",
    "nodes[].hidden": "true for a node that nobody can see or fix, else false",
    "nodes[].description": "a text",
    "nodes[].states": "two texts, the names of the states 0 and 1",
    "edges": "a list of edges such as {'source': 'ad', 'target': 'trust'}",
    "edges[]": "an object such as {'source': 'ad', 'target': 'trust'}",
    "edges[].source": "the name of the cause, a text",
    "edges[].target": "the name of the effect, a text",
    "graph.target": "the name of the node to drive, a text",
    "graph.goal": "'max' or 'min'",
    "graph.format": f"{FORMAT}; a newer file needs a newer version of causalbandit",
    "graph.interventions": "a list such as [{}, {'ad': 1}], or {'nodes': ['ad'], 'up_to': 1}",
    "graph.interventions[]": "an object from node names to 0 or 1, such as {'ad': 1}",
    "graph.interventions[].*": "0 or 1, or the name of one of the node's alternatives",
    "graph.interventions.up_to": "a whole number of nodes to fix at once, 0 or more",
    "graph.interventions.nodes": "a list of node names",
    "graph.confounded": "a list of pairs of nodes such as [['ad', 'trust']]",
    "graph.confounded[]": "a pair of nodes such as ['ad', 'trust']",
    "graph.confounded[][]": "the name of a node, a text",
    "graph.costs": "a list with one positive number per intervention, or an object from their labels to these",
    "graph.costs[]": "a positive number",
    "graph.costs.*": "a positive number",
}
"""What belongs at each place: said whenever something else stands there."""

_NAMED_BY_USERS = ("nodes[].alternatives", "graph.interventions[]", "graph.costs")
"""Objects whose keys are names or labels, not fields."""

_ESSENTIAL = ("$", "directed", "multigraph", "graph.target", "graph.format", "graph.confounded", "nodes", "edges")
_OPTIONAL = ("nodes[].description", "nodes[].states", "nodes[].states[]")

_OTHER_WORDS = {
    "cpd": "cpt",
    "table": "cpt",
    "probability": "cpt",
    "probabilities": "cpt",
    "name": "id",
    "label": "id",
    "from": "source",
    "to": "target",
    "arcs": "edges",
    "vertices": "nodes",
    "objective": "goal",
    "arms": "interventions",
    "actions": "interventions",
    "prices": "costs",
    "latent": "hidden",
    "unobserved": "hidden",
    "unmeasured": "hidden",
    "bidirected": "confounded",
    "soft": "alternatives",
    "mechanisms": "alternatives",
}
"""Words that other formats use for our fields; refused where the right field is absent, since they would be lost."""


def faults(document: Mapping[str, Any]) -> list[Fault]:
    """Everything in ``document`` that does not have the shape of a graph file; empty when all is well."""
    found = _misspelt(document)
    try:
        GraphFile.model_validate(document)
    except ValidationError as error:
        known = {fault.place for fault in found}
        for item in error.errors(include_url=False):
            fault = _fault(document, item)
            if fault is not None and fault.place not in known:
                known.add(fault.place)
                found.append(fault)
    return found


def schema_text() -> str:
    """The JSON schema of a graph file, as the text of ``graph.schema.json``."""
    schema = GraphFile.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    edges = schema["properties"]["edges"]
    schema["properties"]["links"] = {**edges, "title": "Links", "description": "Another name for 'edges'."}
    schema["required"] = [name for name in schema["required"] if name != "edges"]
    schema["oneOf"] = [{"required": ["edges"]}, {"required": ["links"]}]
    return json.dumps(schema, indent=2) + "\n"


def export() -> None:
    """Write `schema_text` to ``graph.schema.json`` in this package, after a change of the format."""
    write_output(SCHEMA_FILE, schema_text())


def _fault(document: Mapping[str, Any], item: Any) -> Fault | None:
    # pydantic names the branch of a union inside the path: neither a field of the file nor a place in it
    branches = [step for step in item["loc"] if step == "UpTo" or str(step).startswith(("list[", "dict["))]
    path = [step for step in item["loc"] if step not in branches]
    kind = item["type"]
    if path[:1] == ["nodes"] and path[2:3] == ["known"]:
        numbers = [step for step in path[3:] if isinstance(step, int)]
        if isinstance(document["nodes"][path[1]]["known"], list) != bool(numbers):
            return None  # what the other branch would have wanted
        path = [*path[:3], *numbers]
    elif branches and isinstance(document.get("graph"), Mapping):
        given = document["graph"].get(path[1])
        of_list = any(branch.startswith("list[") for branch in branches)
        if isinstance(given, list) != of_list and isinstance(given, (list, Mapping)):
            return None  # what the other branch would have wanted
    if branches and path[2:3] == ["alternatives"]:
        names = any(branch.startswith("list[str") for branch in branches)
        if isinstance(document["nodes"][path[1]]["alternatives"], list) != names:
            return None  # it is no object, or no list: what the other branch says is enough
    place = place_text(tuple(path))
    pattern = _pattern(path)
    expected = _EXPECTED.get(pattern, "a text")
    essential = pattern == "graph" or (pattern.startswith(_ESSENTIAL) and pattern not in _OPTIONAL)
    if kind == "extra_forbidden":
        return Fault(place, _unknown(path), essential)
    if kind == "missing":
        return Fault(place, f"is missing; expected {expected}", True)
    return Fault(place, f"was {_short(item['input'])}; expected {expected}", essential)


def _pattern(path: list[str | int]) -> str:
    """The place as a key of ``_EXPECTED``."""
    text = ""
    for step in path:
        name = "*" if text in _NAMED_BY_USERS else step
        text += "[]" if isinstance(step, int) else f".{name}" if text else str(name)
    return text or "$"


def _unknown(path: list[str | int]) -> str:
    field = str(path[-1])
    if len(path) == 1:
        if field in Header.model_fields:
            return f"stands at the top of the file; expected it inside 'graph': {{\"graph\": {{{field!r}: ...}}}}"
        return (
            "is not a field of a graph file; expected 'directed', 'multigraph', 'graph', 'nodes', 'edges' (or 'links')"
        )
    return "is not a field here; expected 'nodes' and 'up_to'"


def _misspelt(document: Mapping[str, Any]) -> list[Fault]:
    found: list[Fault] = []
    top = [name for name in GraphFile.model_fields if name != "schema_"] + ["links"]
    _check_names(document, (), [*top, "$schema"], found)
    if isinstance(document.get("graph"), Mapping):
        _check_names(document["graph"], ("graph",), list(Header.model_fields), found)
    for collection, fields in (("nodes", list(Node.model_fields)), ("edges", list(Edge.model_fields))):
        records = document.get(collection)
        for place, record in enumerate(records if isinstance(records, list) else []):
            if isinstance(record, Mapping) and len(record.keys() - set(fields)):
                _check_names(record, (collection, place), fields, found)
    return found


def _check_names(record: Mapping[str, Any], path: tuple[str | int, ...], fields: list[str], found: list[Fault]) -> None:
    for name in record:
        if name in fields:
            continue
        plain = name.strip().lower()
        meant = _OTHER_WORDS.get(plain)
        if meant not in fields or meant in record:
            # Nearer than for a suggestion, since the field is refused: a network of one's own may use other words.
            near = difflib.get_close_matches(plain, fields, n=1, cutoff=0.8)
            meant = near[0] if near else None
        if meant is not None:
            text = f"is not a field that is read. Did you mean {meant!r}?"
            found.append(Fault(place_text((*path, name)), text, True))


def _short(value: object) -> str:
    text = repr(value) if not isinstance(value, bool) and value is not None else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
