"""Cost of simulated experiments in bulk: 10^9 of them against 10^5, on every shipped graph.

    python tests/benchmarks/sampling.py [--repeats 30]

writes tests/benchmarks/results/sampling.md. One draw spreads the experiments evenly over all interventions of a graph.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import causalbandit as cb

HERE = Path(__file__).parent
GRAPHS = HERE.parent.parent / "graphs"


def milliseconds(simulator, sizes, repeats: int) -> float:
    """The fastest of ``repeats`` draws."""
    rng = np.random.default_rng(1)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        simulator.draw(sizes, rng)
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def main() -> None:
    """Time both sizes on every shipped graph and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=30)
    options = parser.parse_args()
    lines = [
        "# Counts of simulated experiments",
        "",
        f"Milliseconds per draw under all interventions of the graph together, best of {options.repeats}.",
        "",
        "| graph | interventions | 10^5 experiments | 10^9 experiments | ratio | ten times 10^9 under {} alone |",
        "|---|---|---|---|---|---|",
    ]
    for path in sorted(GRAPHS.glob("*.json")):
        problem = cb.load_problem(path)
        model, arms = problem.require_model(), problem.interventions
        simulator = model.simulator(arms)
        share = np.full(len(arms), 1)
        few = milliseconds(simulator, share * (10**5 // len(arms)), options.repeats)
        many = milliseconds(simulator, share * (10**9 // len(arms)), options.repeats)
        alone = milliseconds(model.simulator(cb.InterventionSet(problem.graph, [{}])), [10**10], options.repeats)
        lines.append(f"| {path.stem} | {len(arms)} | {few:.2f} | {many:.2f} | {many / few:.2f} | {alone:.2f} |")
        print(lines[-1], flush=True)
    results = HERE / "results" / "sampling.md"
    results.parent.mkdir(exist_ok=True)
    results.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"written: {results}")


if __name__ == "__main__":
    main()
