"""A campaign as a user writes it, for the type checkers."""

import networkx as nx
import numpy as np
import pandas as pd

import causalbandit as cb

graph = cb.CausalGraph(nx.DiGraph([("ad", "trust"), ("trust", "purchase")]), target="purchase")
arms = cb.InterventionSet(graph, [{}, {"ad": 1}, {"trust": 1}])
model = cb.CausalModel(graph, {"ad": [0.5], "trust": [0.2, 0.6], "purchase": [0.1, 0.4]})
problem = cb.Problem(graph, arms, model)
decision: cb.Decision = cb.search(problem, 500, cb.TopTwo(), rng=0)
cb.search(cb.load_problem("asia"), 5000, cb.TwoPhase(), rng=np.random.default_rng(0))
best: dict[str, int] = decision.best
table: pd.DataFrame = decision.to_frame()
curves = cb.evaluate_regret(problem, [cb.TopTwo(), "two-phase"], [100, 300], 10, rng=0)
proof: cb.Confirmation = decision.confirm(budget=200, rng=1)
design = cb.MixtureAdaptiveDesign(cb.BetaBernoulliThompson(2), arms=["a", "b"], control="a", delta="slow", rng=0)
unit: cb.Assignment = design.assign()
design.observe(unit.id, 1)
print(best, table, curves.summary(), proof.sentence(), design.estimates())
