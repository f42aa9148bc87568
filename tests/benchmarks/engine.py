"""Speed of exact effects and of row sampling, side by side with pyAgrum and pgmpy in one run, at equal answers.

    python tests/benchmarks/engine.py [--interventions 200] [--repeats 5] [--pgmpy 10]

needs the extra ``bench``; it writes tests/benchmarks/results/engine.md. Every contestant gets the same network, pruned
to the target's ancestors, with tables entered as doubles. Times are the best of the repeats, in microseconds per
intervention; ratios are what to read, since machines differ.

* ``mutilated, query``: the fastest of pyAgrum's exact engines on a network made beforehand for each intervention (arcs
  into the fixed nodes erased, their tables point masses); the making is timed apart (``with making``).
* ``regime``: the fastest way known to us to drive pyAgrum: a three-state regime parent (free, 0, 1) on every node that
  any intervention fixes, one compiled LazyPropagation, and evidence updates per intervention.
* pgmpy: variable elimination on the mutilated network (right), and ``CausalInference.query(do=...)``, with the number
  of wrong answers.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pyagrum as gum
from pruned_networks import pruned, random_interventions

import causalbandit as cb

HERE = Path(__file__).parent
CASES = [("asia", "dysp"), ("win95pts", "Problem1"), ("andes", "GOAL_99"), ("andes", "SNode_151")]
EQUAL = 1e-9


def best_of(repeats: int, run) -> float:
    """Seconds of the fastest of ``repeats`` calls."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


# --- contestants ---------------------------------------------------------------------------------------------------


def agrum_network(model: cb.CausalModel, intervention: dict[str, int]) -> gum.BayesNet:
    """The network with arcs into the fixed nodes left out and point masses on them."""
    graph = model.graph
    network = gum.BayesNet()
    for node in graph.nodes:
        network.add(gum.LabelizedVariable(node, node, 2))
    for node in graph.nodes:
        if node not in intervention:
            for parent in graph.parents(node):
                network.addArc(parent, node)
    for node in graph.nodes:
        if node in intervention:
            value = intervention[node]
            network.cpt(node).fillWith([1.0 - value, float(value)])
        else:
            fill(network.cpt(node), graph.parents(node), model.table(node))
    return network


def fill(cpt, parents, table) -> None:
    if not parents:
        cpt.fillWith([1 - table[0], table[0]])
        return
    for row, p in enumerate(table):
        cpt[{parent: (row >> (len(parents) - 1 - place)) & 1 for place, parent in enumerate(parents)}] = [1 - p, p]


def agrum_regime_network(model: cb.CausalModel, fixed: set[str]) -> gum.BayesNet:
    """One network for all interventions: a regime parent (0: free, 1: fixed at 0, 2: fixed at 1) on each fixed node."""
    graph = model.graph
    network = gum.BayesNet()
    for node in graph.nodes:
        network.add(gum.LabelizedVariable(node, node, 2))
    for node in sorted(fixed):
        network.add(gum.LabelizedVariable(f"regime {node}", "", 3))
    for node in graph.nodes:
        for parent in graph.parents(node):
            network.addArc(parent, node)
        if node in fixed:
            network.addArc(f"regime {node}", node)
    for node in sorted(fixed):
        network.cpt(f"regime {node}").fillWith([1.0, 0.0, 0.0])
    for node in graph.nodes:
        parents, table = graph.parents(node), model.table(node)
        if node not in fixed:
            fill(network.cpt(node), parents, table)
            continue
        for row, p in enumerate(table):
            where = {parent: (row >> (len(parents) - 1 - place)) & 1 for place, parent in enumerate(parents)}
            for regime, values in enumerate(([1 - p, p], [1.0, 0.0], [0.0, 1.0])):
                network.cpt(node)[{**where, f"regime {node}": regime}] = values
    return network


def time_agrum(model: cb.CausalModel, interventions: cb.InterventionSet, repeats: int):
    """Seconds and answers: queries on ready mutilated networks, making them, and regime evidence."""
    target = model.graph.target
    start = time.perf_counter()
    networks = [agrum_network(model, intervention) for intervention in interventions]
    making = time.perf_counter() - start
    answers = np.empty(len(networks))
    fastest = np.inf
    for inference in (gum.LazyPropagation, gum.ShaferShenoyInference, gum.VariableElimination):

        def query(inference=inference) -> None:
            for place, network in enumerate(networks):
                engine = inference(network)
                engine.addTarget(target)
                engine.makeInference()
                answers[place] = engine.posterior(target)[1]

        fastest = min(fastest, best_of(1 if fastest < np.inf else repeats, query))

    fixed = {node for intervention in interventions for node in intervention}
    network = agrum_regime_network(model, fixed)
    engine = gum.LazyPropagation(network)
    engine.addTarget(target)
    engine.setEvidence({f"regime {node}": 0 for node in fixed})
    engine.makeInference()
    regime_answers = np.empty(len(interventions))
    listed = list(interventions)

    def update() -> None:
        for place, intervention in enumerate(listed):
            for node, value in intervention.items():
                engine.chgEvidence(f"regime {node}", value + 1)
            engine.makeInference()
            regime_answers[place] = engine.posterior(target)[1]
            for node in intervention:
                engine.chgEvidence(f"regime {node}", 0)

    regime = best_of(repeats, update)
    return fastest, making, regime, answers, regime_answers


def time_pgmpy(model: cb.CausalModel, interventions: cb.InterventionSet, number: int):
    """Seconds per intervention of both ways in pgmpy, answers of both, for the first ``number`` interventions."""
    from pgmpy.factors.discrete import TabularCPD
    from pgmpy.inference import CausalInference, VariableElimination
    from pgmpy.models import DiscreteBayesianNetwork

    graph, target = model.graph, model.graph.target
    network = DiscreteBayesianNetwork()
    network.add_nodes_from(graph.nodes)
    network.add_edges_from((parent, node) for node in graph.nodes for parent in graph.parents(node))
    for node in graph.nodes:
        parents, p = list(graph.parents(node)), np.asarray(model.table(node))
        network.add_cpds(TabularCPD(node, 2, [1 - p, p], parents or None, [2] * len(parents) or None))
    chosen = list(interventions)[:number]
    right, causal = np.full(len(chosen), np.nan), np.full(len(chosen), np.nan)
    start = time.perf_counter()
    for place, intervention in enumerate(chosen):
        mutilated = network.do(list(intervention))
        result = VariableElimination(mutilated).query([target], evidence=intervention, show_progress=False)
        right[place] = result.values[1]
    elimination = (time.perf_counter() - start) / len(chosen)
    start = time.perf_counter()
    for place, intervention in enumerate(chosen):
        try:
            result = CausalInference(network).query([target], do=intervention, show_progress=False)
            causal[place] = result.values[1]
        except Exception as error:  # a refusal is not an answer
            print("  pgmpy CausalInference:", type(error).__name__, str(error)[:90], file=sys.stderr)
    return elimination, (time.perf_counter() - start) / len(chosen), right, causal


def time_sampling(model: cb.CausalModel, rows: int, repeats: int) -> tuple[float, float]:
    """Node-samples per second of our rows and of pyAgrum's database generator."""
    ours = best_of(repeats, lambda: model.sample({}, rows, rng=1))
    network = agrum_network(model, {})  # the generator keeps no reference of its own
    generator = gum.BNDatabaseGenerator(network)
    theirs = best_of(repeats, lambda: generator.drawSamples(rows))
    nodes = len(model.graph.nodes)
    return rows * nodes / ours, rows * nodes / theirs


def main() -> None:
    """Run every case and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--interventions", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--pgmpy", type=int, default=10, help="interventions for pgmpy, which is slow")
    parser.add_argument("--rows", type=int, default=100_000)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    lines = [
        "# Exact effects and row sampling, side by side",
        "",
        f"{options.interventions} random interventions of size 1 to 3 per target; µs per intervention, best of "
        f"{options.repeats}; × = times slower than ours, which includes grouping a set never seen before.",
        f"pyAgrum {gum.__version__}, numpy {np.__version__}, one thread. pgmpy on the first {options.pgmpy} only.",
        "",
        "| network, target (ancestors) | ours, new set | ours, set seen before | pyAgrum mutilated, query "
        "| with making | pyAgrum regime | pgmpy elimination | pgmpy CausalInference (wrong answers) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    sampling = ["", "| network | node-samples/s, ours | pyAgrum generator | ratio |", "|---|---|---|---|"]
    for name, target in CASES:
        model = pruned(name, target)
        interventions = random_interventions(model.graph, options.interventions)
        listed = list(interventions)
        per = 1e6 / len(listed)
        seen_before = per * best_of(4 * options.repeats, lambda m=model, i=interventions: m.effects(i))
        fresh = [cb.InterventionSet(model.graph, listed) for _ in range(4 * options.repeats)]
        new = per * best_of(len(fresh), lambda m=model, f=fresh: m.effects(f.pop()))
        query, making, regime, *answers = time_agrum(model, interventions, options.repeats)
        elimination, causal_time, right, causal = time_pgmpy(model, interventions, options.pgmpy)
        ours = model.effects(interventions)
        for theirs in answers:
            assert np.abs(theirs - ours).max() < EQUAL, (name, target, np.abs(theirs - ours).max())
        assert np.abs(right - ours[: len(right)]).max() < EQUAL, (name, target)
        wrong = int((~(np.abs(causal - ours[: len(causal)]) < EQUAL)).sum())

        def cell(micro: float, new: float = new) -> str:
            return f"{micro:,.1f} ({micro / new:,.1f}×)"

        lines.append(
            f"| {name}, {target} ({len(model.graph.ancestors) - 1}) | {new:.1f} | {seen_before:.1f} "
            f"| {cell(query * per)} | {cell((query + making) * per)} | {cell(regime * per)} "
            f"| {cell(elimination * 1e6)} | {cell(causal_time * 1e6)}, {wrong} of {len(causal)} wrong |"
        )
        print(lines[-1], flush=True)
        mine, theirs = time_sampling(model, options.rows, options.repeats)
        sampling.append(f"| {name}, {target} | {mine:,.3g} | {theirs:,.3g} | {mine / theirs:.1f} |")
        print(sampling[-1], flush=True)
    results = HERE / "results" / "engine.md"
    results.parent.mkdir(exist_ok=True)
    results.write_text("\n".join(lines + sampling) + "\n", encoding="utf-8")
    print(f"written: {results}")


if __name__ == "__main__":
    main()
