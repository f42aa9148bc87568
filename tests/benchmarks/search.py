"""Time of whole two-phase searches on the shipped networks, the mixture's cvxpy solve included.

    python tests/benchmarks/search.py [--repeats 5]

writes tests/benchmarks/results/search.md. The package and cvxpy are imported beforehand; every search is otherwise the
first of its process on its graph (a new process each), so that compiling the tree and cvxpy's first solve are counted.
Limits: win95pts with 20,000 experiments in 5 seconds, asia with 5,000 in 1 second, after imports; the exit status is 1
when the slowest repeat misses one.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
GRAPHS = HERE.parent.parent / "graphs"
CASES = [("asia", 5_000, 1.0), ("win95pts", 20_000, 5.0), ("andes", 20_000, None)]

ONE_SEARCH = """
import sys, time
import cvxpy, pandas, scipy.sparse.linalg
import causalbandit as cb
import causalbandit.strategies.two_phase
problem = cb.load_problem(sys.argv[1])
start = time.perf_counter()
result = cb.search(problem, int(sys.argv[2]), rng=int(sys.argv[3]), progress=False)
print(time.perf_counter() - start, len(problem.interventions), problem.graph.n_family_rows, result.mixture.gap)
"""


def one_search(name: str, budget: int, seed: int) -> tuple[float, int, int, float]:
    """Seconds of a first search in a new process, interventions, family rows, and the mixture's gap."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parent.parent), *sys.path])}
    arguments = [sys.executable, "-c", ONE_SEARCH, str(GRAPHS / f"{name}.json"), str(budget), str(seed)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True, env=environment)
    seconds, interventions, rows, gap = done.stdout.split()
    return float(seconds), int(interventions), int(rows), float(gap)


def main() -> int:
    """Print and write the table; 1 when a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    lines = [
        f"First two-phase search of a process, seconds after imports ({os.cpu_count()} cores, {repeats} repeats).",
        "",
        "| network | experiments T | interventions A | family rows C | median | slowest | limit | mixture's gap |",
        "|---|---|---|---|---|---|---|---|",
    ]
    missed = False
    for name, budget, limit in CASES:
        runs = [one_search(name, budget, seed) for seed in range(repeats)]
        seconds = [run[0] for run in runs]
        _, interventions, rows, _ = runs[0]
        missed |= limit is not None and max(seconds) > limit
        lines.append(
            f"| {name} | {budget:,} | {interventions} | {rows} | {statistics.median(seconds):.2f} | {max(seconds):.2f} "
            f"| {'' if limit is None else limit} | ≤ {max(run[3] for run in runs):.0e} |"
        )
    print("\n".join(lines))
    results = HERE / "results" / "search.md"
    results.parent.mkdir(exist_ok=True)
    results.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
