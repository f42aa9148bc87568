"""Campaigns for tests of studies: what each experiment shows depends on its id alone, whoever runs it and when."""

import hashlib

import numpy as np
import pandas as pd

import causalbandit as cb


def funnel(tables=True):
    """ad → click → sale ← mail, small enough to plan in no time."""
    import networkx as nx

    graph = cb.CausalGraph(nx.DiGraph([("ad", "click"), ("click", "sale"), ("mail", "sale")]), "sale")
    arms = cb.InterventionSet(graph, [{}, {"ad": 1}, {"mail": 1}, {"ad": 1, "mail": 1}])
    model = cb.CausalModel(graph, {"ad": [0.5], "mail": [0.4], "click": [0.2, 0.6], "sale": [0.1, 0.25, 0.3, 0.7]})
    return cb.Problem(graph, arms, model if tables else None, name="funnel")


def outcomes(problem, todo):
    """The sheet with every experiment's result: a draw whose seed is the experiment's id."""
    rows = []
    for record in todo.to_dict("records"):
        fixed = {node: int(record[node]) for node in problem.graph.nodes if not pd.isna(record[node])}
        digest = hashlib.sha256(f"{record['id']}:{sorted(fixed.items())}".encode()).digest()
        shown = problem.model.sample(fixed, 1, rng=np.random.default_rng(list(digest[:8]))).iloc[0]
        rows.append({"id": record["id"]} | {node: int(shown[node]) for node in problem.graph.nodes})
    return pd.DataFrame(rows, columns=["id", *problem.graph.nodes])
