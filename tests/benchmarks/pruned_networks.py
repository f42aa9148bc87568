"""Shipped networks pruned to a target's ancestors, and random interventions on them, for scripts that measure speed."""

from pathlib import Path

import networkx as nx
import numpy as np

import causalbandit as cb

GRAPHS = Path(cb.__file__).parents[1] / "graphs"


def pruned(name: str, target: str) -> cb.CausalModel:
    """The shipped network ``name`` with another target, pruned to the target's ancestors."""
    problem = cb.load_problem(GRAPHS / f"{name}.json")
    assert problem.model is not None
    whole = problem.graph.to_networkx()
    dag = whole.subgraph(nx.ancestors(whole, target) | {target}).copy()
    parents = {node: problem.graph.parents(node) for node in dag}
    graph = cb.CausalGraph(dag, target, parents=parents)
    return cb.CausalModel(graph, {node: problem.model.table(node) for node in graph.nodes})


def random_interventions(graph: cb.CausalGraph, number: int) -> cb.InterventionSet:
    """``number`` distinct random interventions on one to three ancestors of the target."""
    rng = np.random.default_rng(1)
    nodes = [node for node in graph.nodes if node != graph.target]
    found: dict[tuple[tuple[str, int], ...], dict[str, int]] = {}
    while len(found) < number:
        chosen = rng.choice(len(nodes), size=min(int(rng.integers(1, 4)), len(nodes)), replace=False)
        intervention = {nodes[place]: int(rng.integers(2)) for place in chosen}
        found[tuple(sorted(intervention.items()))] = intervention
    return cb.InterventionSet(graph, list(found.values()))
