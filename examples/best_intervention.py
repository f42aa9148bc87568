"""Find the best intervention.

Does a training, a tool or both help a team to deliver in time, and what is best done with few trials? This tutorial
goes from a graph that is drawn in networkx to a search with simulated experiments.

    python examples/best_intervention.py [EXPERIMENTS]
"""

# %% [markdown]
# ## What causes what
#
# All quantities are yes or no. A training builds skill; skill and the tool make defects rarer; the tool costs
# overhead; defects and overhead both delay. The *target* is the node whose probability is to be made as large as
# possible.

# %%
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

# %% [markdown]
# ## What could be done
#
# An intervention fixes some nodes and leaves the rest to themselves. Here at most two of training and tool are fixed,
# at
# 0 or 1. The one that fixes nothing, `(observe)`, belongs to the set: doing nothing may be best.

# %%
interventions = cb.InterventionSet.up_to(graph, 2, nodes=["training", "tool"])
print(*interventions.labels, sep="\n")

# %% [markdown]
# ## A world to try it in
#
# A search needs no tables: it learns them. To try it out, tables stand in for the world. Each holds P(node = 1) for
# every configuration of the node's parents, in the order in which the arrows were drawn; the first parent is the most
# significant bit.

# %%
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
problem = cb.Problem(graph, interventions, model, name="delivery")
print(problem.summary())
problem.plot().figure.savefig("graph.png", dpi=110)

# %% [markdown]
# C, the number of *family rows*, says how much there is to learn: one probability per row of a table that some
# intervention can reach. The default strategy, two-phase, needs three experiments per row; `top-two` works with any
# number.
#
# ## The search
#
# One experiment applies one intervention once and observes every node. The summary names the choice, an interval, and
# what the interval rests on. The true effects stand beside the estimates because the tables are known here.

# %%
result = cb.search(problem, budget, strategy="two-phase-pooled", rng=0)
print(result.summary())
result.plot().figure.savefig("effects.png", dpi=110)

# %% [markdown]
# Interventions that share a mechanism share what is learned about it, so even one that was hardly tried has an
# estimate.
#
# ## What was learned
#
# `visits` tells how many experiments passed through each row of a table. A row that few experiments reached is one
# that matters little for every intervention of the set.

# %%
print(result.tables_frame().round(3).to_string(index=False))

# %% [markdown]
# ## How much better, and how sure?
#
# `effects` compares the choice with doing nothing on the data of the search, and says which data speak. Since the
# search chose, its own estimate of the choice is too good on the average; the proof comes from fresh experiments, as
# in the next tutorial.

# %%
effects = result.effects(reference={})
best_first = effects.sort_values("estimate", ascending=False)
print(best_first[["intervention", "estimate", "lower", "upper"]].head(4).round(3).to_string(index=False))
