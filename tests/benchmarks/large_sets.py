"""Time and memory of searches of large sets of interventions: andes, 10,000 and 100,000 of them.

    python tests/benchmarks/large_sets.py [--sizes 10000 100000] [--strategies two-phase top-two] [--small]

writes tests/benchmarks/results/large_sets.md. The network is andes pruned to the ancestors of GOAL_99 (N = 96 nodes);
interventions fix one to three random nodes. Every search (T = 1,000,000 simulated experiments, the default bound on
working memory) runs in a process of its own on one thread; times are its CPU seconds without imports, memory is the
most that the process held, imports included. The array of reach is 8·C·A bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import cvxpy  # noqa: F401 - loaded before the clock starts
import numpy as np
from pruned_networks import pruned, random_interventions

import causalbandit as cb

RESULTS = Path(__file__).parent / "results" / "large_sets.md"
TARGET = "GOAL_99"


def measure(strategy: str, number: int, budget: int) -> dict[str, float]:
    """One search, timed in this process."""
    model = pruned("andes", TARGET)
    arms = random_interventions(model.graph, number)
    problem = cb.Problem(model.graph, arms, model)
    start = time.process_time()
    decision = cb.search(problem, budget, strategy, rng=0, progress=False)
    return {
        "rows": model.graph.n_family_rows,
        "seconds": time.process_time() - start,
        "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "regret": float(decision.simple_regret or 0.0),
        "gap": float("nan") if decision.mixture is None else decision.mixture.gap,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--strategies", nargs="+", default=["two-phase", "top-two"])
    parser.add_argument("--budget", type=int, default=1_000_000)
    parser.add_argument("--small", action="store_true", help="1,000 interventions, nothing written")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.sizes[0], options.budget)))
        return
    lines = [
        f"Searches of andes, {TARGET} (96 nodes), T = {options.budget:,}; CPU seconds on one thread.",
        "",
        "| strategy | A | reach as an array, MiB | seconds | peak MiB | regret | gap of the mixture |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for strategy in options.strategies:
        for number in [1_000] if options.small else options.sizes:
            given = [f"--one={strategy}", f"--sizes={number}", f"--budget={options.budget}"]
            done = subprocess.run([sys.executable, __file__, *given], check=True, capture_output=True, text=True)
            found = json.loads(done.stdout)
            array = 8 * found["rows"] * number / 2**20
            gap = "-" if np.isnan(found["gap"]) else f"{found['gap']:.0e}"
            lines.append(
                f"| {strategy} | {number:,} | {array:.0f} | {found['seconds']:.1f} | {found['mebibytes']:.0f} | "
                f"{found['regret']:.4f} | {gap} |"
            )
            print(lines[-1], flush=True)
    if not options.small:
        RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
