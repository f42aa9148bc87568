"""Problems on published networks: a shipped network with another target than the one that its file names."""

from __future__ import annotations

from typing import Literal

from causalbandit.formats.graph_json import load_problem
from causalbandit.graph import CausalGraph
from causalbandit.interventions import InterventionSet
from causalbandit.model import CausalModel
from causalbandit.problem import Goal, Problem


def on_network(
    network: str,
    target: str,
    up_to: int,
    which: Literal["non-parents", "roots"] = "non-parents",
    goal: Goal = "max",
) -> Problem:
    """The shipped ``network`` with the target ``target`` and all interventions on up to ``up_to`` of its ancestors.

    ``which`` says on which ancestors: "non-parents" of the target, or "roots", the ones without parents.
    """
    shipped = load_problem(network)
    dag = shipped.graph.to_networkx()
    graph = CausalGraph(dag, target, parents={node: shipped.graph.parents(node) for node in dag})
    model = CausalModel(graph, {node: shipped.tables[node] for node in graph.nodes})
    ancestors = [node for node in graph.ancestors if node != target]
    if which == "roots":
        nodes = [node for node in ancestors if not graph.parents(node)]
    else:
        nodes = [node for node in ancestors if node not in graph.parents(target)]
    interventions = InterventionSet.up_to(graph, up_to, nodes)
    return Problem(graph, interventions, model, goal=goal, name=f"{network} {target}", source=shipped.source)
