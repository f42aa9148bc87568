"""Problems of one structure each: deep, wide, parity, a needle in a haystack, rare events, a funnel.

Every builder takes a generator, from which it draws its tables (and, where the graph is random, the graph).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import networkx as nx
import numpy as np

from causalbandit.arrays import Floats, Integers
from causalbandit.graph import CausalGraph
from causalbandit.interventions import InterventionSet
from causalbandit.model import CausalModel
from causalbandit.problem import Problem
from causalbandit.random_problems import Shape, drawn_table

Parents = Mapping[str, Sequence[str]]

OFF, ON = 0.05, 0.9
"""P(node = 1) of a node that copies a condition, when the condition fails and when it holds."""


def chain(length: int, random: np.random.Generator) -> Problem:
    """x0 → x1 → … → y: every node repeats its parent with probability 0.80 to 0.95; any node but the last may be fixed.

    The nearer a fixed node is to the target, the larger its effect.
    """
    nodes = [*(f"x{place}" for place in range(length - 1)), "y"]
    parents: dict[str, list[str]] = {
        node: nodes[place - 1 : place] if place else [] for place, node in enumerate(nodes)
    }
    tables = {"x0": np.array([0.5])}
    for node in nodes[1:]:
        kept = random.uniform(0.80, 0.95)
        tables[node] = np.array([1 - kept, kept])
    return problem_of(parents, tables, up_to=1, fixable=nodes[:-2])


def layers(depth: int, width: int, random: np.random.Generator, *, up_to: int = 1) -> Problem:
    """``depth`` layers of ``width`` nodes, each with two parents in the layer before, above one target.

    Tables are Beta(½, ½): near 0 and 1, so that effects come through many layers. Nodes of all but the last layer may
    be fixed.
    """
    rows = [[f"x{layer}.{place}" for place in range(width)] for layer in range(depth)]
    parents: dict[str, list[str]] = {node: [] for node in rows[0]}
    for above, below in itertools.pairwise(rows):
        for place, node in enumerate(below):
            parents[node] = [above[place], above[(place + 1) % width]]
    parents["y"] = rows[-1][:2]
    tables = {node: drawn_table(len(given), "beta", random) for node, given in parents.items()}
    return problem_of(parents, tables, up_to, [node for row in rows[:-1] for node in row])


def fan(groups: int, size: int, shape: Shape, random: np.random.Generator) -> Problem:
    """``groups`` · ``size`` roots; each group has a node of its own, and all groups meet in the target.

    Single roots are fixed. Tables are "uniform", or "noisy-or" with a leak of 0.05 and strengths uniform on [0.2, 0.9].
    """
    middle = [f"m{group}" for group in range(groups)]
    parents: dict[str, list[str]] = {f"x{group}.{place}": [] for group in range(groups) for place in range(size)}
    roots = list(parents)
    parents |= {node: roots[group * size : (group + 1) * size] for group, node in enumerate(middle)}
    parents["y"] = middle
    tables = {root: random.uniform(0.2, 0.8, 1) for root in roots}
    tables |= {node: drawn_table(len(parents[node]), shape, random) for node in [*middle, "y"]}
    return problem_of(parents, tables, 1, roots)


def parity(n_roots: int, low: float, high: float) -> Problem:
    """Fair roots, each with a copy (right with probability 0.9); the target is likelier when an odd number copies 1.

    Up to ``n_roots`` roots are fixed: no intervention on fewer than all of them has any effect.
    """
    roots = [f"x{place}" for place in range(n_roots)]
    copies = [f"m{place}" for place in range(n_roots)]
    parents: dict[str, list[str]] = {root: [] for root in roots}
    parents |= {copy: [root] for copy, root in zip(copies, roots, strict=True)}
    parents["y"] = copies
    tables = {root: np.array([0.5]) for root in roots} | {copy: np.array([0.1, 0.9]) for copy in copies}
    tables["y"] = np.where(bits(n_roots).sum(axis=1) % 2 == 1, high, low)
    return problem_of(parents, tables, n_roots, roots)


def lock(groups: int, size: int, random: np.random.Generator) -> Problem:
    """One needle: every intervention fixes all roots, and one pattern of them alone opens the lock.

    A node per group of ``size`` roots is on (probability 0.9, else 0.05) when its roots show their secret pattern; the
    target has probability 0.8 when all groups are on, else 0.2. A = 2^(groups·size).
    """
    roots = [f"x{place}" for place in range(groups * size)]
    middle = [f"m{group}" for group in range(groups)]
    parents: dict[str, list[str]] = {root: [] for root in roots}
    parents |= {node: roots[group * size : (group + 1) * size] for group, node in enumerate(middle)}
    parents["y"] = middle
    tables = {root: np.array([0.5]) for root in roots}
    for node in middle:
        tables[node] = np.full(1 << size, OFF)
        tables[node][random.integers(1 << size)] = ON
    tables["y"] = np.full(1 << groups, 0.2)
    tables["y"][-1] = 0.8
    graph = graph_of(parents)
    keys = [dict(zip(roots, row.tolist(), strict=True)) for row in bits(len(roots))]
    return Problem(graph, InterventionSet(graph, keys), CausalModel(graph, tables))


def one_among(n_roots: int, random: np.random.Generator) -> Problem:
    """One needle among many roots: all but one leave the target as it is; a middle node stands between each and it.

    Roots come in groups of four under a middle node; in one group one root matters.
    """
    size = 4
    groups = n_roots // size
    found = fan(groups, size, "uniform", random)
    needle = int(random.integers(n_roots))
    tables: dict[str, Floats] = {node: np.array([0.5]) for node in found.graph.nodes if node.startswith("x")}
    tables |= {f"m{group}": np.full(1 << size, 0.3) for group in range(groups)}
    tables[f"m{needle // size}"] = np.where(bits(size)[:, needle % size] == 1, 0.7, 0.3)
    tables["y"] = np.where(bits(groups)[:, needle // size] == 1, 0.6, 0.2)
    return Problem(found.graph, found.interventions, CausalModel(found.graph, tables))


def funnel(steps: int, levers: int, random: np.random.Generator) -> Problem:
    """Steps that must all be taken, each rarely: step k needs step k − 1, and ``levers`` roots help a little.

    Even under the best intervention, which fixes up to two levers, the last step is taken once in a hundred times.
    """
    parents: dict[str, list[str]] = {}
    tables: dict[str, Floats] = {}
    names = [*(f"step{place}" for place in range(steps - 1)), "y"]
    for place, step in enumerate(names):
        own = [f"x{place}.{lever}" for lever in range(levers)]
        parents |= {root: [] for root in own}
        tables |= {root: random.uniform(0.2, 0.6, 1) for root in own}
        parents[step] = [*names[place - 1 : place], *own] if place else own
        taken = 0.15 + bits(levers) @ random.uniform(0.0, 0.25, levers)
        tables[step] = np.concatenate([np.full(1 << levers, 0.001), taken]) if place else taken
    roots = [node for node, given in parents.items() if not given]
    return problem_of(parents, tables, 2, roots)


def bits(n: int) -> Integers:
    """All configurations of ``n`` bits in ascending order, the first bit the most significant: [2^n, n]."""
    return (np.arange(1 << n)[:, None] >> np.arange(n - 1, -1, -1)) & 1


def graph_of(parents: Parents) -> CausalGraph:
    """The graph with these parents, in this order; the target is called y."""
    dag: nx.DiGraph[str] = nx.DiGraph()
    dag.add_nodes_from(parents)
    dag.add_edges_from((parent, node) for node, given in parents.items() for parent in given)
    return CausalGraph(dag, "y", parents={node: list(given) for node, given in parents.items()})


def problem_of(parents: Parents, tables: Mapping[str, Floats], up_to: int, fixable: Sequence[str]) -> Problem:
    """The problem with these parents and tables and all interventions on up to ``up_to`` nodes of ``fixable``."""
    graph = graph_of(parents)
    return Problem(graph, InterventionSet.up_to(graph, up_to, fixable), CausalModel(graph, tables))
