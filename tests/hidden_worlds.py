"""Small worlds with a hidden common cause, for tests and benchmarks."""

import networkx as nx

import causalbandit as cb


def small_world(strength: float = 1.0) -> cb.Problem:
    """x → m → y ← z with a hidden cause u of m and y, which moves both by ``strength``; nine interventions.

    m = 1 goes with a larger y where it is seen, and makes y smaller where it is fixed.
    """
    dag = nx.DiGraph([("u", "m"), ("x", "m"), ("u", "y"), ("m", "y"), ("z", "y")])
    graph = cb.CausalGraph(dag, "y", hidden=["u"], parents={"m": ["u", "x"], "y": ["u", "m", "z"]})
    bits = (0, 1)
    tables = {
        **{root: [0.5] for root in ("u", "x", "z")},
        "m": [0.05 + 0.75 * strength * u + 0.375 * (1 - strength) + 0.15 * x for u in bits for x in bits],
        "y": [
            0.1 + 0.6 * strength * u + 0.3 * (1 - strength) - 0.10 * m + 0.08 * z
            for u in bits
            for m in bits
            for z in bits
        ],
    }
    arms = [{}, *({node: value} for node in "mzx" for value in bits), {"m": 0, "z": 1}, {"m": 1, "z": 1}]
    return cb.Problem(graph, cb.InterventionSet(graph, arms), cb.CausalModel(graph, tables), name="small world")
