"""Problems from BIF files, the format in which most published Bayesian networks are kept.

The file is parsed by pgmpy's reader (the extra ``bif``), which lets much pass in silence; what it makes of the file is
checked here against the file's own text before it is believed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import networkx as nx
import numpy as np

from causalbandit.errors import BadValue, InvalidArgument, InvalidType, did_you_mean, listing
from causalbandit.files import read_input
from causalbandit.formats.graph_json import MAX_BYTES
from causalbandit.graph import CausalGraph, configuration
from causalbandit.interventions import InterventionSet
from causalbandit.model import CausalModel
from causalbandit.problem import Goal, Problem

TOLERANCE = 1e-6
"""How far the probabilities of one row may be from summing to one."""

_YES = ("yes", "true", "positive")


def read_bif(
    path: str | os.PathLike[str],
    target: str,
    goal: Goal = "max",
    *,
    interventions: Iterable[Mapping[str, int]] | None = None,
    up_to: int | None = None,
    nodes: Iterable[str] | None = None,
    hidden: Iterable[str] = (),
    name: str | None = None,
    description: str = "",
    source: str = "",
    max_bytes: int = MAX_BYTES,
) -> Problem:
    """The network in a BIF file as a problem with known tables.

    Each variable must have two states. The one coded 1 is the state whose leading word is yes, true or positive, where
    exactly one of the two has such a word; otherwise the second state listed. ``Problem.states`` keeps both names.

    Parameters
    ----------
    path : str or path
        The file.
    target : str
        The variable to drive.
    goal : {"max", "min"}
        Whether the target's state 1 is wanted or unwanted.
    interventions : iterable of mapping, optional
        Interventions to choose from. Without it: all that fix at most ``up_to`` (default 1) of ``nodes`` (default: the
        target's ancestors).
    up_to, nodes : int, iterable of str, optional
        See ``interventions``; not together with it.
    hidden : iterable of str, optional
        Variables that nobody can see or fix.
    name, description, source : str
        What the problem is called (default: the file's name), asks and comes from.
    max_bytes : int
        Larger files are refused before they are read.

    Raises
    ------
    ImportError
        If pgmpy is not installed; the message holds the command that installs it.
    ValueError
        If the file is no BIF file, holds anything that the reader did not understand, a variable without two states, a
        table that is incomplete or a row that does not sum to one.
    """
    if interventions is not None and (up_to is not None or nodes is not None):
        raise InvalidType("interventions", "were given together with up_to or nodes; expected one way or the other.")
    file, data = read_input(path, max_bytes)
    text = _decoded(file, data)
    variables = _parsed(file, text)

    states = {variable: _ordered(listed) for variable, (listed, _, _) in variables.items()}
    dag: nx.DiGraph[str] = nx.DiGraph()
    dag.add_nodes_from(variables)
    dag.add_edges_from((parent, variable) for variable, (_, parents, _) in variables.items() for parent in parents)
    orders = {variable: parents for variable, (_, parents, _) in variables.items()}
    try:
        graph = CausalGraph(dag, target, parents=orders, hidden=hidden)
    except InvalidArgument:
        raise  # of hidden=, not of the file
    except ValueError as error:
        raise BadValue(f"{file}: {error}") from None
    tables = {
        variable: _table(listed, [variables[parent][0] for parent in parents], values)
        for variable, (listed, parents, values) in variables.items()
    }
    chosen = (
        InterventionSet.up_to(graph, 1 if up_to is None else up_to, nodes)
        if interventions is None
        else InterventionSet(graph, interventions)
    )
    return Problem(
        graph,
        chosen,
        CausalModel(graph, tables),
        goal,
        name=Path(path).stem if name is None else name,
        description=description,
        source=source,
        states=states,
    )


Variable = tuple[list[str], list[str], Any]
"""States as listed, parents as listed, table [2, configurations of the parents' states as listed]."""


def _decoded(file: str, data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadValue(f"{file}: byte {error.start} is not UTF-8; expected a BIF file, which is text.") from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    # The reader overlooks a block whose closing brace does not end its line.
    return re.sub(r"\}[ \t]*(?=\}|$|variable|probability)", "}\n", text) + "\n"


def _parsed(file: str, text: str) -> dict[str, Variable]:
    try:
        from pgmpy.readwrite import BIFReader
    except ImportError as error:
        raise ImportError(
            "Reading BIF files needs pgmpy, which is not installed. Install it with: pip install 'causalbandit[bif]'"
        ) from error
    bare = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL)
    declared = re.findall(r"\bvariable\s+\"?([^{\"]+?)\"?\s*\{", bare)
    headers = re.findall(r"\bprobability\s*\(\s*([^)|]*?)\s*(?:\|[^)]*)?\)", bare)
    if not declared or not headers:
        _refuse(file, "holds no 'variable' and 'probability' blocks; expected a Bayesian network in BIF")
    if bare.count("{") != bare.count("}"):
        _refuse(file, "has more opening than closing braces, or the reverse, as if it was cut off")
    many = sorted({item for item in declared if declared.count(item) > 1})
    if many:
        _refuse(file, f"declares {listing(many)} more than once; expected each variable once")
    for number, listing_text in re.findall(r"\[\s*(\d+)\s*\]\s*\{([^{}]*)\}", bare):
        if int(number) != len(listing_text.split(",")):
            _refuse(file, f"says that {{{listing_text}}} are {number} states; expected as many names as that")
    try:
        reader = BIFReader(string=text)
        states, parents, tables = reader.variable_states, reader.variable_parents, reader.variable_cpds
    except Exception as error:  # the reader raises whatever its parser met
        _refuse(
            file,
            _strange_words(bare, declared) or f"could not be parsed as BIF ({type(error).__name__}: {error})"[:240],
        )
    if len(states) != len(declared) or len(tables) != len(headers):
        _refuse(
            file,
            f"declares {len(declared)} variables and {len(headers)} tables, of which {len(states)} and {len(tables)} "
            "could be understood; expected blocks as in 'variable x { type discrete [ 2 ] { no, yes }; }'",
        )
    unbinary = [variable for variable, listed in states.items() if len(listed) != 2 or len(set(listed)) != 2]
    if unbinary:
        shown = ", ".join(
            f"{variable!r} ({len(states[variable])}: {', '.join(states[variable])})" for variable in unbinary[:6]
        )
        more = f" and {len(unbinary) - 6} more" if len(unbinary) > 6 else ""
        _refuse(
            file,
            f"has variables without exactly two states: {shown}{more}. Expected binary variables; merge their states "
            "into two in the program that wrote the file",
        )
    missing = [variable for variable in states if variable not in tables]
    if missing:
        _refuse(file, f"has no probability block for {listing(missing)}; expected one for each variable")
    rows_given = _rows_given(bare)
    variables: dict[str, Variable] = {}
    for variable, listed in states.items():
        above = list(parents[variable])
        strangers = [parent for parent in above if parent not in states]
        if strangers:
            _refuse(file, f"gives {variable!r} the parents {listing(strangers)}, which are not variables of the file")
        values = np.asarray(tables[variable], dtype=np.float64)
        expected = 1 << len(above)
        rows = rows_given.get(variable, [])
        if values.shape != (2, expected) or (above and rows and sorted(rows) != sorted(set(rows))):
            _refuse(file, f"has a table of {variable!r} that does not fit its {len(above)} parents, or a row twice")
        if above and rows and len(rows) != expected:
            _refuse(file, f"gives {len(rows)} rows for {variable!r}; expected {expected}, one per parent configuration")
        wrong = ~((values >= 0) & (values <= 1)).all(axis=0) | ~(np.abs(values.sum(axis=0) - 1) <= TOLERANCE)
        if wrong.any():
            column = int(np.flatnonzero(wrong)[0])
            at = ", ".join(f"{parent}={states[parent][bit]}" for parent, bit in configuration(above, column).items())
            _refuse(
                file,
                f"gives {variable!r} the probabilities {values[:, column].tolist()}{f' for {at}' if at else ''}; "
                "expected two numbers in [0, 1] that sum to 1",
            )
        variables[variable] = (listed, above, values)
    return variables


def _strange_words(bare: str, declared: list[str]) -> str:
    """A clause on the first parent or state that a probability block names and no variable block has, or ""."""
    for header in re.findall(r"\bprobability\s*\([^)|]*\|([^)]*)\)", bare):
        for parent in (name.strip().strip('"') for name in header.split(",")):
            if parent not in declared:
                return (
                    f"names the parent {parent!r}, which is not a variable of the file.{did_you_mean(parent, declared)}"
                )
    listed = [name for names in re.findall(r"\]\s*\{([^{}]*)\}", bare) for name in re.split(r"[\s,]+", names) if name]
    known = [name.strip('"') for name in listed]
    for rows in _rows_given(bare).values():
        for state in (state for row in rows for state in row):
            if state not in known:
                return f"has a row for the state {state!r}, which no variable lists.{did_you_mean(state, known)}"
    return ""


def _rows_given(bare: str) -> dict[str, list[tuple[str, ...]]]:
    """The parents' states that open each row of each probability block, as the text has them."""
    rows = {}
    for header, body in re.findall(r"\bprobability\s*\(([^)]*)\)\s*\{(.*?)\}", bare, flags=re.DOTALL):
        variable = re.split(r"[|\s]", header.strip().strip('"'))[0]
        rows[variable] = [
            tuple(state.strip().strip('"') for state in row.split(",")) for row in re.findall(r"\(([^)]*)\)", body)
        ]
    return rows


def _one(listed: list[str]) -> int:
    """Which of two states is coded 1: the yes-like one where exactly one is, else the second."""
    yes_like = [re.split(r"[^a-z0-9]+", state.strip().lower())[0] in _YES for state in listed]
    return 0 if yes_like == [True, False] else 1


def _ordered(listed: list[str]) -> tuple[str, str]:
    one = _one(listed)
    return listed[1 - one], listed[one]


def _table(listed: list[str], parents: list[list[str]], values: Any) -> tuple[float, ...]:
    """P(state coded 1) for the parents' coded configurations, first parent most significant."""
    cube = values[_one(listed)].reshape((2,) * len(parents))
    for axis, states in enumerate(parents):
        if _one(states) == 0:
            cube = np.flip(cube, axis)
    return tuple(cube.ravel().tolist())


def _refuse(file: str, text: str) -> NoReturn:
    raise BadValue(f"{file} {text}" if text.endswith((".", "?")) else f"{file} {text}.")
