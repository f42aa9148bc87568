"""Time of two-phase searches on chains: how it grows with depth.

    python tests/benchmarks/deep_graphs.py [--sizes 100 300 1000 1500 3000] [--patience 120] [--small]

writes tests/benchmarks/results/deep_graphs.md. The target is the last of N nodes in a row; T = 60·C experiments, C the
number of family rows. Four searches of each chain: with 21 interventions (none, and ten nodes spread over the chain at
0 and at 1), the same with outcomes truncated below one expected count, the same with pooled estimates (every batch is
then read whole, so that all nodes are drawn for every layer), and with all 2·N - 1 interventions on one node. Every
search runs in a process of its own on one thread; times are its CPU seconds without imports, the best of three; the
exponent is that of N from the size before. A kind of search is tried while the size before took less than a tenth of
the patience (CPU seconds), which ends it in any case.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import networkx as nx
import numpy as np

import causalbandit as cb

RESULTS = Path(__file__).parent / "results" / "deep_graphs.md"
KINDS = {"21 interventions": {}, "truncation=1": {"truncation": 1.0}, "pooled": {"pooled": True}, "all single ones": {}}


def chain(n_nodes: int, every: int) -> cb.Problem:
    """A chain with interventions on every so many nodes."""
    names = [f"x{place:04d}" for place in range(n_nodes)]
    graph = cb.CausalGraph(nx.DiGraph(list(pairwise(names))), names[-1])
    rng = np.random.default_rng(0)
    tables = {name: [float(rng.uniform(0.05, 0.3)), float(rng.uniform(0.7, 0.95))] for name in names[1:]}
    model = cb.CausalModel(graph, {names[0]: [0.5], **tables})
    arms = cb.InterventionSet(graph, [{}, *({name: value} for name in names[:-1:every] for value in (0, 1))])
    return cb.Problem(graph, arms, model)


def measure(kind: str, n_nodes: int, repeats: int) -> float:
    """The shortest of some searches, timed in this process, on a chain that is made anew for each."""
    cb.search(chain(5, 1), 600, cb.TwoPhase(), rng=0, progress=False)  # imports
    best = math.inf
    for _ in range(repeats):
        problem = chain(n_nodes, 1 if kind == "all single ones" else max(1, n_nodes // 10))
        start = time.process_time()
        strategy = cb.TwoPhase(**KINDS[kind])
        cb.search(problem, 60 * problem.graph.n_family_rows, strategy, rng=0, progress=False)
        best = min(best, time.process_time() - start)
    return best


def in_a_process(kind: str, n_nodes: int, repeats: int, patience: float) -> float:
    """What `measure` finds in a process of its own; infinite when it takes more than the patience."""
    given = [f"--one={kind}", f"--sizes={n_nodes}", f"--repeats={repeats}", f"--patience={patience}"]
    done = subprocess.run([sys.executable, __file__, *given], check=False, stdout=subprocess.PIPE)
    if done.returncode == -signal.SIGXCPU:
        return math.inf
    done.check_returncode()
    return float(json.loads(done.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 300, 1000, 1500, 3000])
    parser.add_argument("--patience", type=float, default=120, help="CPU seconds per kind and size")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="sizes 100 and 300 once, nothing written")
    parser.add_argument("--one", choices=KINDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        allowed = math.ceil(options.patience)
        resource.setrlimit(resource.RLIMIT_CPU, (allowed, allowed + 5))
        print(json.dumps(measure(options.one, options.sizes[0], options.repeats)))
        return
    sizes, repeats = ([100, 300], 1) if options.small else (options.sizes, options.repeats)
    lines = [
        "Two-phase searches of a chain of N nodes, T = 60·C; CPU seconds on one thread, and the exponent of N since "
        "the size before.",
        "",
        f"| N | {' | '.join(KINDS)} |",
        f"|---:|{'---:|' * len(KINDS)}",
    ]
    before = dict.fromkeys(KINDS, 0.0)
    for place, n_nodes in enumerate(sizes):
        cells = []
        for kind in KINDS:
            if before[kind] > options.patience / 10:
                cells.append("not tried")
                before[kind] = math.inf
                continue
            seconds = in_a_process(kind, n_nodes, repeats, options.patience)
            if math.isinf(seconds):
                cells.append(f"not in {options.patience:g} s")
            elif place:
                exponent = math.log(seconds / before[kind]) / math.log(n_nodes / sizes[place - 1])
                cells.append(f"{seconds:.2f} (N^{exponent:.2f})")
            else:
                cells.append(f"{seconds:.2f}")
            before[kind] = seconds
        lines.append(f"| {n_nodes:,} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    if not options.small:
        RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
