"""The problems on which the studies of regret compare strategies: shipped graphs and random families."""

from __future__ import annotations

from pathlib import Path

import causalbandit as cb

GRAPHS = Path(__file__).parents[2] / "graphs"


def on_network(graph_file: str, target: str | None, up_to: int, which: str, goal: str | None = None) -> cb.Problem:
    """A shipped network, with another target if asked, and all interventions on up to ``up_to`` of its ancestors.

    ``which`` says on which of them: "non-parents" of the target, or "roots", the ones without parents.
    """
    shipped = cb.load_problem(GRAPHS / f"{graph_file}.json")
    assert shipped.model is not None
    target = shipped.graph.target if target is None else target
    dag = shipped.graph.to_networkx()
    graph = cb.CausalGraph(dag, target, parents={node: shipped.graph.parents(node) for node in dag})
    model = cb.CausalModel(graph, {node: shipped.model.table(node) for node in graph.nodes})
    ancestors = [node for node in graph.ancestors if node != target]
    if which == "roots":
        nodes = [node for node in ancestors if not graph.parents(node)]
    else:
        nodes = [node for node in ancestors if node not in graph.parents(target)]
    interventions = cb.InterventionSet.up_to(graph, up_to, nodes)
    name = f"{graph_file} {target}, {which} ≤ {up_to}"
    return cb.Problem(graph, interventions, model, goal=goal or "max", name=name)


def networks() -> dict[str, list[cb.Problem]]:
    """One problem per family."""
    return {
        "asia": [on_network("asia", None, 2, "non-parents", "min")],
        "win95pts Problem6": [on_network("win95pts", "Problem6", 2, "roots")],
        "win95pts Problem1": [on_network("win95pts", "Problem1", 1, "non-parents")],
        "andes SNode_46": [on_network("andes", "SNode_46", 1, "non-parents")],
        "purchase": [cb.load_problem(GRAPHS / "purchase.json")],
    }


def random_families(count: int = 10) -> dict[str, list[cb.Problem]]:
    """Two families of ``count`` problems: plain tables, and noisy-or tables over rare events."""
    return {
        "random uniform": cb.random_problems(count, 12, in_degree=2, up_to=2, n_interventions=60, rng=1),
        "random noisy-or, rare": cb.random_problems(
            count, 14, in_degree=3, shape="noisy-or", rare=0.6, rare_probability=0.03, up_to=1, rng=2
        ),
    }
