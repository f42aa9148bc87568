"""The oracle: effects, reach, gradient and laws by brute-force enumeration over all 2^N states."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np

from causalbandit import CausalGraph, CausalModel, InterventionSet


def states(nodes):
    """Every assignment of 0 and 1 to ``nodes``."""
    for values in itertools.product((0, 1), repeat=len(nodes)):
        yield dict(zip(nodes, values, strict=True))


def row_of(graph, node, state):
    """Row of the node's table that ``state`` selects, first parent most significant."""
    row = 0
    for parent in graph.parents(node):
        row = 2 * row + state[parent]
    return row


def probability(model, intervention, state, nodes):
    """P(state | do(intervention)) as the plain product over ``nodes``."""
    product = 1.0
    for node in nodes:
        if node in intervention:
            product *= float(state[node] == intervention[node])
        else:
            p = model.table(node)[row_of(model.graph, node, state)]
            product *= p if state[node] else 1 - p
    return product


def enumerate_all(model: CausalModel, interventions: InterventionSet):
    """Effects [A], reach [C, A] and gradient [C, A] from their definitions, over the target's ancestors."""
    graph = model.graph
    effects = np.zeros(len(interventions))
    reach = np.zeros((graph.n_family_rows, len(interventions)))
    gradient = np.zeros((graph.n_family_rows, len(interventions)))
    nodes = graph.ancestors
    for a, intervention in enumerate(interventions):
        for state in states(nodes):
            p = probability(model, intervention, state, nodes)
            effects[a] += p * state[graph.target]
            for family in graph.families:
                if family.node in intervention:
                    continue
                row = family.start + row_of(graph, family.node, state)
                reach[row, a] += p
                if state[graph.target]:
                    others = probability(model, intervention, state, [n for n in nodes if n != family.node])
                    gradient[row, a] += others if state[family.node] else -others
    return effects, reach, gradient


def random_problem(rng, n_nodes, most_parents=3, extreme=0.2, n_interventions=8):
    """A random model, whose tables hold 0 and 1 with probability ``extreme``, and random interventions on it.

    In about a third of the problems every intervention fixes one common node.
    """
    names = [f"x{i}" for i in range(n_nodes)]
    dag = nx.DiGraph()
    dag.add_nodes_from(names)
    for i in range(1, n_nodes):
        k = int(rng.integers(0, min(i, most_parents) + 1))
        dag.add_edges_from((names[j], names[i]) for j in rng.choice(i, size=k, replace=False))
    graph = CausalGraph(dag, target=names[-1] if rng.random() < 0.8 else names[int(rng.integers(n_nodes))])
    tables = {}
    for node in graph.nodes:
        table = rng.random(2 ** len(graph.parents(node)))
        hard = rng.random(len(table)) < extreme
        table[hard] = rng.integers(0, 2, hard.sum())
        tables[node] = table
    always = str(rng.choice(names)) if rng.random() < 1 / 3 else None
    chosen: dict[tuple[tuple[str, int], ...], dict[str, int]] = {}
    while len(chosen) < min(n_interventions, 2 ** (n_nodes - 1)):
        nodes = [node for node in graph.nodes if node != graph.target and (node == always or rng.random() < 0.3)]
        intervention = {node: int(rng.integers(2)) for node in nodes}
        chosen[tuple(sorted(intervention.items()))] = intervention
    return CausalModel(graph, tables), InterventionSet(graph, chosen.values())
