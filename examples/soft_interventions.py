"""Which advertising policy sells most? Interventions that replace a table instead of fixing a node.

A campaign does not force the ad on every visitor: it changes how often it is shown, and that still depends on the
season. Each policy is a named alternative to the table of "ad". The search does not know their tables; it learns them.

    python examples/soft_interventions.py [BUDGET]
"""

import sys

import networkx as nx

import causalbandit as cb

BUDGET = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000

graph = cb.CausalGraph(
    nx.DiGraph([("season", "ad"), ("season", "sale"), ("ad", "sale")]),
    target="sale",
    alternatives={"ad": ["campaign", "winter only", "pause"]},
)
model = cb.CausalModel(
    graph,
    {"season": [0.4], "ad": [0.2, 0.3], "sale": [0.05, 0.04, 0.08, 0.3]},  # the ad works in season 1
    alternatives={"ad": {"campaign": [0.6, 0.6], "winter only": [0.0, 0.95], "pause": [0.0, 0.0]}},
)
choices = [{}, {"ad": "campaign"}, {"ad": "winter only"}, {"ad": "pause"}]
problem = cb.Problem(graph, cb.InterventionSet(graph, choices), model, name="advertising")

print(problem.summary())
decision = cb.search(problem, BUDGET, rng=0)
print()
print(decision.summary())
print()
print(decision.tables_frame().round(2).to_string(index=False))
