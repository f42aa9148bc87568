"""Wrong graphs with their worlds: what a search believes, and what is true, to see what a mistake costs.

>>> wrong = confounded_mediator(strength=1.0)
>>> wrong.problem.graph.nodes, wrong.world.graph.hidden
(('x', 'z', 'm', 'y'), ('u',))
>>> from causalbandit.random_problems import random_problem
>>> print(wrong_graph(random_problem(6, rng=1), "edge left out", strength=0.3, rng=0).mistake)
the edge x3 → x5 was left out
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import networkx as nx
import numpy as np

from causalbandit.arrays import Floats
from causalbandit.checks import one_of, share
from causalbandit.errors import InvalidArgument
from causalbandit.graph import CausalGraph
from causalbandit.interventions import InterventionSet
from causalbandit.model import CausalModel
from causalbandit.problem import Problem
from causalbandit.randomness import RNG, generator


@dataclass(frozen=True)
class WrongGraph:
    """A graph that somebody believes, and the truth.

    Attributes
    ----------
    problem : Problem
        The believed graph and its interventions, without tables.
    world : Problem
        The true graph with its tables, and the same interventions.
    mistake : str
        What is wrong with the believed graph.
    strength : float
        How much of it: a change of probability (see `wrong_graph`); 0 is no mistake.
    """

    problem: Problem
    world: Problem
    mistake: str
    strength: float


def confounded_mediator(strength: float = 1.0) -> WrongGraph:
    """x → m → y ← z, believed free of hidden causes, in a world where u causes m and y; nine interventions.

    u, x and z are fair; P(m = 1) = 0.05 + 0.75·k·u + 0.375·(1 − k) + 0.15·x and
    P(y = 1) = 0.1 + 0.6·k·u + 0.3·(1 − k) − 0.1·m + 0.08·z with the strength k in [0, 1]. Seen, m and y rise
    and fall together; to fix m at 1 lowers y.
    """
    k = share(strength, "strength")
    edges = [("x", "m"), ("m", "y"), ("z", "y")]
    m = [0.05 + 0.75 * k * u + 0.375 * (1 - k) + 0.15 * x for u in (0, 1) for x in (0, 1)]
    y = [0.1 + 0.6 * k * u + 0.3 * (1 - k) - 0.1 * m1 + 0.08 * z for u in (0, 1) for m1 in (0, 1) for z in (0, 1)]
    believed = CausalGraph(nx.DiGraph(edges), "y")
    truth = CausalGraph(
        nx.DiGraph([*edges, ("u", "m"), ("u", "y")]),
        "y",
        parents={"m": ["u", "x"], "y": ["u", "m", "z"]},
        hidden=["u"],
    )
    fixed: list[dict[str, int]] = [{}, {"m": 0}, {"m": 1}, {"z": 1}, {"z": 0}, {"x": 1}, {"x": 0}]
    fixed += [{"m": 0, "z": 1}, {"m": 1, "z": 1}]
    tables = {"u": [0.5], "x": [0.5], "z": [0.5], "m": m, "y": y}
    name = f"confounded mediator, strength {k:g}"
    return WrongGraph(
        Problem(believed, InterventionSet(believed, fixed), name=name),
        Problem(truth, InterventionSet(truth, fixed), CausalModel(truth, tables), name=name),
        "the common cause u of m and y was not seen",
        k,
    )


def wrong_graph(problem: Problem, mistake: str, strength: float = 0.3, rng: RNG = None) -> WrongGraph:
    """A random mistake about the graph of ``problem``, among the target and its ancestors.

    Parameters
    ----------
    problem : Problem
        A problem with tables and without hidden causes, from which the world is made.
    mistake : {"edge left out", "edge turned", "hidden cause", "extra edge"}
        What the believed graph has wrong: an edge is missing; an edge points the other way; two nodes, one of which
        causes the other, have a common cause (a fair coin) that nobody sees; there is an edge that does nothing.
    strength : float
        k in [0, 1]: in the world, the cause that is left out, turned or hidden changes the probability of its effect by
        k in every row of the effect's table, whose other entries are squeezed to make room. It does not matter for
        "extra edge".
    rng : seed or numpy.random.Generator, optional
        Same seed, same nodes.

    Raises
    ------
    ValueError
        For an unknown mistake, a strength outside [0, 1], a problem without tables or with hidden causes, and a graph
        in which there is no place for the mistake.
    """
    make = _MISTAKES[one_of(mistake, "mistake", _MISTAKES)]
    k = share(strength, "strength")
    problem.require_model("A wrong graph with its world")
    if problem.graph.bidirected:
        raise InvalidArgument("problem", "has hidden causes; expected a graph in which every node is seen.")
    dag, world, said = make(problem, k, generator(rng))
    believed = CausalGraph(dag, world.graph.target)
    arms = _moved(world, believed)
    belief = replace(world, graph=believed, interventions=arms, model=None, tables={}, known={}, alternatives={})
    return WrongGraph(belief, world, said, k)


Mistake = tuple["nx.DiGraph[str]", Problem, str]
"""The edges that are believed, the world, and what is wrong with them."""


def _edge_left_out(problem: Problem, k: float, random: np.random.Generator) -> Mistake:
    cause, effect = _chosen(_edges(problem), random)
    believed = problem.graph.to_networkx()
    believed.remove_edge(cause, effect)
    return believed, _shifted(problem, effect, cause, k), f"the edge {cause} → {effect} was left out"


def _edge_turned(problem: Problem, k: float, random: np.random.Generator) -> Mistake:
    dag = problem.graph.to_networkx()
    possible = []
    for cause, effect in _edges(problem):
        dag.remove_edge(cause, effect)
        if effect != problem.graph.target and not nx.has_path(dag, cause, effect):
            possible.append((cause, effect))
        dag.add_edge(cause, effect)
    cause, effect = _chosen(possible, random)
    dag.remove_edge(cause, effect)
    dag.add_edge(effect, cause)
    return dag, _shifted(problem, effect, cause, k), f"the edge {cause} → {effect} was turned"


def _hidden_cause(problem: Problem, k: float, random: np.random.Generator) -> Mistake:
    graph = problem.graph
    cause, effect = _chosen(_edges(problem), random)
    name = next(name for number in range(len(graph.nodes) + 1) if (name := f"u{number or ''}") not in graph.nodes)
    dag = graph.to_networkx()
    dag.add_edges_from([(name, cause), (name, effect)])
    parents = {node: graph.parents(node) for node in graph.nodes}
    tables = {node: np.asarray(problem.tables[node]) for node in graph.nodes}
    for node in (cause, effect):
        parents[node] = (name, *parents[node])
        tables[node] = np.concatenate(_around(tables[node], k))
    truth = CausalGraph(dag, graph.target, parents=parents, hidden=[name])
    model = CausalModel(truth, {**tables, name: np.array([0.5])})
    world = replace(problem, graph=truth, interventions=_moved(problem, truth), model=model, tables={}, known={})
    return graph.to_networkx(), world, f"the common cause {name} of {cause} and {effect} was not seen"


def _extra_edge(problem: Problem, k: float, random: np.random.Generator) -> Mistake:
    nodes, dag = problem.graph.ancestors, problem.graph.to_networkx()
    possible = [
        (first, second)
        for place, second in enumerate(nodes)
        for first in nodes[:place]
        if not dag.has_edge(first, second)
    ]
    cause, effect = _chosen(possible, random)
    dag.add_edge(cause, effect)
    return dag, problem, f"the edge {cause} → {effect} does nothing"


_MISTAKES: dict[str, Callable[[Problem, float, np.random.Generator], Mistake]] = {
    "edge left out": _edge_left_out,
    "edge turned": _edge_turned,
    "hidden cause": _hidden_cause,
    "extra edge": _extra_edge,
}

MISTAKES = tuple(_MISTAKES)
"""The kinds of mistakes that `wrong_graph` makes."""


def _edges(problem: Problem) -> list[tuple[str, str]]:
    """The edges among the target and its ancestors."""
    return [(parent, node) for node in problem.graph.ancestors for parent in problem.graph.parents(node)]


def _chosen(possible: list[tuple[str, str]], random: np.random.Generator) -> tuple[str, str]:
    if not possible:
        raise InvalidArgument("mistake", "has no place in this graph; expected another one, or a larger graph.")
    return possible[int(random.integers(len(possible)))]


def _around(table: Floats, k: float) -> tuple[Floats, Floats]:
    """The table for the cause at 0 and at 1: k apart, around the old values squeezed into [k/2, 1 − k/2]."""
    middle = k / 2 + (1 - k) * table
    return middle - k / 2, middle + k / 2


def _shifted(problem: Problem, effect: str, cause: str, k: float) -> Problem:
    """The problem with a table of ``effect`` in which ``cause`` changes every probability by k."""
    parents = problem.graph.parents(effect)
    table = np.asarray(problem.tables[effect]).reshape((2,) * len(parents))
    axis = parents.index(cause)
    shifted = np.stack(_around(table.mean(axis=axis), k), axis=axis).ravel()
    model = CausalModel(problem.graph, {**problem.tables, effect: shifted})
    return replace(problem, model=model, tables={}, known={})


def _moved(problem: Problem, graph: CausalGraph) -> InterventionSet:
    return InterventionSet(graph, list(problem.interventions), costs=problem.interventions.costs)
