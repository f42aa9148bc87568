"""Campaigns for tests of studies: what each experiment shows depends on its id alone, whoever runs it and when."""

import networkx as nx
import numpy as np
import pandas as pd

import causalbandit as cb

TABLES = {"ad": [0.5], "mail": [0.4], "click": [0.2, 0.6], "sale": [0.1, 0.25, 0.3, 0.7]}
"""P(node = 1) by the values of its parents; those of sale are click and mail."""
PARENTS = {"ad": (), "mail": (), "click": ("ad",), "sale": ("click", "mail")}


def funnel(tables=True):
    """ad → click → sale ← mail, small enough to plan in no time."""
    graph = cb.CausalGraph(nx.DiGraph([("ad", "click"), ("click", "sale"), ("mail", "sale")]), "sale")
    arms = cb.InterventionSet(graph, [{}, {"ad": 1}, {"mail": 1}, {"ad": 1, "mail": 1}])
    return cb.Problem(graph, arms, cb.CausalModel(graph, TABLES) if tables else None, name="funnel")


def outcomes(problem, todo):
    """The sheet with every experiment's result: a draw whose seed is the experiment's id."""
    rows = []
    for record in todo.to_dict("records"):
        draws = np.random.default_rng([7, int(record["id"])]).random(len(TABLES))
        shown = {}
        for draw, (node, table) in zip(draws, TABLES.items(), strict=True):
            place = sum(shown[parent] << k for k, parent in enumerate(reversed(PARENTS[node])))
            shown[node] = int(draw < table[place]) if pd.isna(record[node]) else int(record[node])
        rows.append({"id": record["id"]} | shown)
    return pd.DataFrame(rows, columns=["id", *problem.graph.nodes])
