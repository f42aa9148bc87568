"""A graph that lacks a common cause: the wrong answer, the warning, and the search that repairs its graph.

A clinic believes that a risk x acts on a measure m, and m and a habit z act on recovery y. It does not know that the
patients' condition u acts on both m and y. The search trusts the graph, so it recommends the wrong measure; the rows of
its own experiments contradict the graph, and the result says so.
"""

import argparse

import causalbandit as cb
from causalbandit.wrong_graphs import confounded_mediator

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--budget", type=int, default=5_000, help="experiments of each search")
parser.add_argument("--plot", default="hidden_cause.png", help="figure of the repaired graph")
options = parser.parse_args()

wrong = confounded_mediator()  # wrong.problem is what the clinic believes, wrong.world is so
believed, true = wrong.problem, wrong.world

trusting = cb.search(believed, options.budget, "top-two", world=true, rng=0)
print("The graph is believed, and checked afterwards:")
print(f"  best {trusting.best}, simple regret {trusting.simple_regret:.3f}")
print(trusting.graph_check.summary())
print()
repaired = cb.search(believed, options.budget, "top-two", world=true, check="repair", rng=0)
print("The graph is repaired on the way:")
print(f"  best {repaired.best}, simple regret {repaired.simple_regret:.3f}")
for amendment in repaired.amendments:
    print(f"  {amendment.sentence}")
repaired.problem.plot().figure.savefig(options.plot, dpi=120)
