"""From a graph drawn in networkx to the best intervention, with simulated experiments.

Does a training, a tool or both help a team to deliver in time, and what is best done with few trials? Run it with
another number of experiments: ``python examples/best_intervention.py 20000``.
"""

import sys

import networkx as nx

import causalbandit as cb

budget = int(sys.argv[1]) if len(sys.argv) > 1 else 3_000

dag = nx.DiGraph(
    [
        ("training", "skill"),
        ("skill", "defects"),
        ("tool", "defects"),
        ("tool", "overhead"),
        ("defects", "in_time"),
        ("overhead", "in_time"),
    ]
)
graph = cb.CausalGraph(dag, target="in_time")

# P(node = 1) for each configuration of its parents, the first parent as the most significant bit.
model = cb.CausalModel(
    graph,
    {
        "training": [0.3],
        "tool": [0.5],
        "skill": [0.3, 0.8],  # without, with training
        "defects": [0.7, 0.5, 0.4, 0.15],  # (skill, tool) = 00, 01, 10, 11
        "overhead": [0.1, 0.5],  # without, with the tool
        "in_time": [0.8, 0.4, 0.35, 0.1],  # (defects, overhead) = 00, 01, 10, 11
    },
)
interventions = cb.InterventionSet.up_to(graph, 2, nodes=["training", "tool"])
problem = cb.Problem(graph, interventions, model, name="delivery")

print(problem.summary())
print()

result = cb.search(problem, budget, strategy=cb.TwoPhase(pooled=True), rng=0)
print(result.summary())
print()
print("What was learned about each table:")
print(result.tables_frame().round(3).to_string(index=False))
