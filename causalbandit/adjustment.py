"""Which nodes an experiment may adjust for: those that no compared intervention can change.

Adjusting for a covariate shortens the intervals of an effect. It may be neither fixed by an intervention that is
compared, the control included, nor a consequence of a node that one of them fixes: then it would hide part of the
effect. The graph tells which nodes these are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import networkx as nx

from causalbandit.errors import InvalidArgument, listing
from causalbandit.graph import CausalGraph
from causalbandit.interventions import InterventionSet


def adjustment_covariates(
    graph: CausalGraph, interventions: InterventionSet | Iterable[dict[str, int]]
) -> tuple[str, ...]:
    """The nodes that experiments comparing ``interventions`` may adjust for, and that can tell about the target.

    They are the target's ancestors, or share an ancestor with it, and are neither fixed by any of the interventions nor
    descend from a node that one of them fixes; in topological order.

    Parameters
    ----------
    graph : CausalGraph
        The graph.
    interventions : InterventionSet, or mappings
        All that are compared, the control included.
    """
    dag = graph.to_networkx()
    fixed = {node for one in interventions for node in one}
    touched = fixed.union(*(nx.descendants(dag, node) for node in fixed))
    related = {graph.target} | nx.ancestors(dag, graph.target)
    useful = related.union(*(nx.descendants(dag, node) for node in related))
    return tuple(node for node in graph.nodes if node in useful and node not in touched and node != graph.target)


def require_covariates(
    graph: CausalGraph, interventions: InterventionSet | Iterable[dict[str, int]], names: Sequence[str]
) -> list[str]:
    """``names`` as a list; an InvalidArgument for one that an intervention fixes or changes, with the way it does."""
    arms = [dict(one) for one in interventions]
    dag = graph.to_networkx()
    for name in names:
        graph.require(name, "covariate")
        if name == graph.target:
            raise InvalidArgument("covariates", f"hold {name!r}, which is the target; expected nodes that precede it.")
        for arm in arms:
            for fixed in arm:
                if name == fixed or nx.has_path(dag, fixed, name):
                    how = "fixed by" if name == fixed else f"a consequence of {fixed!r}, which is fixed by"
                    given = f"hold {name!r}, which is {how} an intervention: adjusting for it hides part of the effect"
                    expected = listing(adjustment_covariates(graph, arms)) or "none"
                    raise InvalidArgument("covariates", f"{given}. Expected some of {expected}.")
    return list(dict.fromkeys(names))
