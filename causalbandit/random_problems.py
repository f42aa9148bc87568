"""Random problems, seeded, so that regret can be averaged over many of them.

>>> problem = random_problem(10, rng=7, rare=0.2)
>>> problem
Problem('random-10-2-uniform', 10 nodes, 15 interventions, max 'x9', tables known)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import networkx as nx
import numpy as np

from causalbandit.arrays import Floats
from causalbandit.checks import one_of, share, whole_number
from causalbandit.errors import InvalidArgument
from causalbandit.graph import CausalGraph, configuration
from causalbandit.interventions import InterventionSet
from causalbandit.model import CausalModel
from causalbandit.problem import Problem
from causalbandit.randomness import RNG, generator, seed_sequence

Shape = Literal["uniform", "beta", "noisy-or"]
"""How random tables are drawn, see :func:`random_problem`."""
ANCESTORS = 0.75
"""Share of the nodes that are the target or its ancestors in a graph that is taken at once."""
ATTEMPTS = 200
"""Graphs that are drawn to find one; the best of them is taken otherwise. One in a few is usually good."""
SHAPES: tuple[Shape, ...] = get_args(Shape)


def random_problem(
    n_nodes: int,
    *,
    in_degree: int = 2,
    shape: Shape = "uniform",
    rare: float = 0.0,
    rare_probability: float = 0.02,
    up_to: int = 1,
    n_interventions: int | None = None,
    actionable: Literal["all", "non-parents", "roots"] = "non-parents",
    rng: RNG = None,
    name: str | None = None,
) -> Problem:
    """A random graph x0 … x(N−1) with random tables; the last node is the target.

    Parameters
    ----------
    n_nodes : int
        N ≥ 2.
    in_degree : int
        Node i has min(i, in_degree) parents, drawn from the earlier nodes; those that have no child yet are four times
        as likely. Graphs are drawn until three quarters of the nodes are the target or its ancestors (of 200 without,
        the best is taken).
    shape : {"uniform", "beta", "noisy-or"}
        How P(node = 1 | configuration) is drawn: uniform on [0, 1]; Beta(½, ½), near 0 and 1; or noisy-or, where a leak
        of 0.05 and one strength per parent, uniform on [0.2, 0.9], make every parent a cause.
    rare : float
        Share of the nodes without parents, at random, that are rare events with probability ``rare_probability``.
    up_to : int
        Interventions fix at most this many nodes, the empty one among them.
    n_interventions : int, optional
        Keep only this many of them, drawn at random, the empty one always.
    actionable : {"all", "non-parents", "roots"}
        Which of the target's ancestors may be fixed: all, those that are no parent of it, or those without parents.
        When none fits the description, all.
    rng : seed or numpy.random.Generator, optional
        Same seed, same problem.
    name : str, optional
        By default made of N, in-degree and shape.

    Raises
    ------
    ValueError
        For sizes or shares out of range, and unknown words.
    """
    whole_number(n_nodes, "n_nodes", least=2)
    whole_number(in_degree, "in_degree", least=1)
    one_of(shape, "shape", SHAPES)
    share(rare, "rare")
    share(rare_probability, "rare_probability")
    one_of(actionable, "actionable", ("all", "non-parents", "roots"))
    random = generator(rng)
    names = [f"x{place}" for place in range(n_nodes)]
    graph = _connected_graph(names, in_degree, random)
    tables = {node: drawn_table(len(graph.parents(node)), shape, random) for node in names}
    for node in names:
        if not graph.parents(node) and random.random() < rare:
            tables[node] = np.array([rare_probability])
    nodes = actionable_nodes(graph, actionable)
    interventions = InterventionSet.up_to(graph, up_to, nodes)
    if n_interventions is not None:
        fix = f"{len(nodes)} actionable nodes and up_to={up_to} make no more."
        whole_number(n_interventions, "n_interventions", least=1, most=len(interventions), fix=fix)
        others = 1 + random.permutation(len(interventions) - 1)[: n_interventions - 1]
        interventions = interventions.subset([0, *sorted(others.tolist())])
    label = f"random-{n_nodes}-{in_degree}-{shape}" if name is None else name
    return Problem(graph, interventions, CausalModel(graph, tables), name=label, source="drawn at random")


def random_problems(count: int, n_nodes: int, *, rng: RNG = None, **parameters: Any) -> list[Problem]:
    """``count`` independent problems of one family, numbered; ``parameters`` are those of :func:`random_problem`."""
    whole_number(count, "count", least=1, of="problems")
    seeds = seed_sequence(rng).spawn(count)
    problems = [random_problem(n_nodes, rng=np.random.default_rng(seed), **parameters) for seed in seeds]
    return [replace(problem, name=f"{problem.name}-{place}") for place, problem in enumerate(problems, start=1)]


def bernoulli_arms(effects: Sequence[float]) -> Problem:
    """K independent arms: a problem whose graph says nothing, with effects μ(k) = ``effects[k]``.

    The target's parents are the bits of an arm's number, and arm k fixes all of them: each arm has its own row of the
    target's table.
    """
    n_arms = len(effects)
    if n_arms < 2:
        raise InvalidArgument("effects", f"has {n_arms} entries; expected those of at least 2 arms.")
    n_bits = (n_arms - 1).bit_length()
    bits = [f"bit{place}" for place in range(n_bits)]
    dag: nx.DiGraph[str] = nx.DiGraph()
    dag.add_edges_from((bit, "y") for bit in bits)
    graph = CausalGraph(dag, "y", parents={"y": bits})
    table = np.full(1 << n_bits, 0.5)
    table[:n_arms] = effects
    interventions = InterventionSet(graph, [configuration(bits, arm) for arm in range(n_arms)])
    model = CausalModel(graph, {**{bit: [0.5] for bit in bits}, "y": table})
    return Problem(graph, interventions, model, name=f"{n_arms} arms", source="independent arms")


def _connected_graph(names: Sequence[str], in_degree: int, random: np.random.Generator) -> CausalGraph:
    """The first random graph in which enough nodes are ancestors of the target; of many without, the best."""
    best = _random_graph(names, in_degree, random)
    for _ in range(ATTEMPTS - 1):
        if len(best.ancestors) >= ANCESTORS * len(names):
            break
        best = max(best, _random_graph(names, in_degree, random), key=lambda graph: len(graph.ancestors))
    return best


def _random_graph(names: Sequence[str], in_degree: int, random: np.random.Generator) -> CausalGraph:
    dag: nx.DiGraph[str] = nx.DiGraph()
    dag.add_nodes_from(names)
    childless = np.ones(len(names))
    for place in range(1, len(names)):
        weights = np.where(childless[:place] > 0, 4.0, 1.0)
        parents = random.choice(place, size=min(place, in_degree), replace=False, p=weights / weights.sum())
        childless[parents] = 0
        dag.add_edges_from((names[parent], names[place]) for parent in sorted(parents.tolist()))
    return CausalGraph(dag, names[-1])


def drawn_table(n_parents: int, shape: Shape, random: np.random.Generator) -> Floats:
    """P(node = 1) by configuration, [2^n_parents], drawn as `random_problem` says."""
    size = 1 << n_parents
    if shape == "uniform" or (shape == "noisy-or" and n_parents == 0):
        drawn = random.random(size)
    elif shape == "beta":
        drawn = random.beta(0.5, 0.5, size)
    else:
        strength = random.uniform(0.2, 0.9, n_parents)
        on = (np.arange(size)[:, None] >> np.arange(n_parents - 1, -1, -1)) & 1
        drawn = 1 - 0.95 * np.prod(np.where(on, 1 - strength, 1.0), axis=1)
    return np.asarray(drawn)


def actionable_nodes(graph: CausalGraph, which: str) -> list[str]:
    """The target's ancestors that may be fixed: "all", "non-parents" or "roots"; all when there are none of these."""
    others = [node for node in graph.ancestors if node != graph.target]
    if which == "non-parents":
        chosen = [node for node in others if node not in graph.parents(graph.target)]
    elif which == "roots":
        chosen = [node for node in others if not graph.parents(node)]
    else:
        chosen = others
    return chosen or others
