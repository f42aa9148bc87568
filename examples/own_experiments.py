"""Search with experiments of your own: the tables are unknown, a function of yours runs what the search asks for.

A shop can show advertisement A, advertisement B, both or none, and can name its guarantee. It knows what causes what,
not how strongly. Here a small simulation stands in for the shop; yours would set the web site, wait, and read its log.
"""

import networkx as nx
import numpy as np
import pandas as pd

import causalbandit as cb

dag = nx.DiGraph(
    [
        ("ad_a", "trust"),
        ("guarantee", "trust"),
        ("trust", "risk"),
        ("ad_b", "benefit"),
        ("trust", "purchase"),
        ("risk", "purchase"),
        ("benefit", "purchase"),
    ]
)
graph = cb.CausalGraph(dag, target="purchase")
interventions = cb.InterventionSet.product(graph, {"ad_a": (0, 1), "ad_b": (0, 1), "guarantee": (None, 1)})

visitors = np.random.default_rng(2026)


def run(intervention: dict[str, int], size: int) -> pd.DataFrame:
    """Apply ``intervention`` to ``size`` visitors: one row per visitor, one column of 0 and 1 per node of the graph."""

    def happens(node: str, probability: np.ndarray | float) -> np.ndarray:
        if node in intervention:
            return np.full(size, intervention[node])
        return (visitors.random(size) < probability).astype(int)

    ad_a, ad_b, guarantee = happens("ad_a", 0.3), happens("ad_b", 0.3), happens("guarantee", 0.5)
    trust = happens("trust", 0.3 + 0.25 * ad_a + 0.25 * guarantee)
    risk = happens("risk", 0.6 - 0.35 * trust)
    benefit = happens("benefit", 0.4 + 0.2 * ad_b)
    purchase = happens("purchase", 0.05 + 0.1 * trust - 0.04 * risk + 0.15 * benefit)
    return pd.DataFrame(
        {
            "ad_a": ad_a,
            "ad_b": ad_b,
            "guarantee": guarantee,
            "trust": trust,
            "risk": risk,
            "benefit": benefit,
            "purchase": purchase,
        }
    )


problem = cb.Problem(graph, interventions)  # no tables: only the graph and what could be done
result = cb.search(problem, budget=20_000, strategy=cb.TwoPhase(pooled=True), environment=run, rng=0)
print(result.summary())
print()
print("Experiments per phase and intervention:")
print(pd.DataFrame(result.phases, index=pd.Index(interventions.labels, name="intervention")).to_string())
