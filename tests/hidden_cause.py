"""A small world in which an unmeasured cause misleads whoever leaves it out of the graph."""

from __future__ import annotations

import networkx as nx

import causalbandit as cb

ARMS = ({}, {"m": 0}, {"m": 1}, {"z": 1}, {"z": 0}, {"x": 1}, {"x": 0}, {"m": 0, "z": 1}, {"m": 1, "z": 1})
"""Nine interventions; {m=0, z=1} is the best in the world of strength 1."""


def hidden_cause(strength=1.0):
    """x → m → y ← z with a declared hidden cause u of m and y, of a strength in [0, 1]."""
    dag = nx.DiGraph([("x", "m"), ("m", "y"), ("z", "y"), ("u", "m"), ("u", "y")])
    graph = cb.CausalGraph(dag, "y", parents={"m": ["u", "x"], "y": ["u", "m", "z"]}, hidden=["u"])
    bits, rest = (0, 1), 1 - strength
    m = [0.05 + 0.75 * strength * u + 0.375 * rest + 0.15 * x for u in bits for x in bits]
    y = [0.1 + 0.6 * strength * u + 0.3 * rest - 0.1 * m + 0.08 * z for u in bits for m in bits for z in bits]
    model = cb.CausalModel(graph, {"u": 0.5, "x": 0.5, "z": 0.5, "m": m, "y": y})
    return cb.Problem(graph, cb.InterventionSet(graph, ARMS), model, name="hidden cause")
