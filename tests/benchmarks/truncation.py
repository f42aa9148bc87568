"""Simple regret of the two-phase search under different truncations, on the shipped graphs: the reason for its default.

    python tests/benchmarks/truncation.py [--replications 30] [--graphs asia cancer ...]

writes tests/benchmarks/results/truncation.md. Every cell is the mean simple regret of seeded searches with T = factor·C
experiments (C family rows), standard error in brackets, in units of 0.001. Cells of one row share seeds.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import causalbandit as cb

HERE = Path(__file__).parent
GRAPHS = HERE.parent.parent / "graphs"
TRUNCATIONS = (0.0, 0.3, 1.0, 3.0)
FACTORS = (3, 12, 48)
SMALL = ("purchase", "asia", "cancer", "earthquake", "parallel", "chain", "confounded-chain")


def cell(problem: cb.Problem, budget: int, strategy: cb.TwoPhase, replications: int) -> tuple[str, float]:
    """Mean simple regret with its standard error, as text and as a number."""
    regrets = [cb.search(problem, budget, strategy, rng=seed).simple_regret for seed in range(replications)]
    mean, error = float(np.mean(regrets)), float(np.std(regrets) / np.sqrt(len(regrets)))
    return f"{1000 * mean:.1f} ({1000 * error:.1f})", mean


def main() -> None:
    """Print and write one table per form of the strategy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=30)
    parser.add_argument("--graphs", nargs="*", default=list(SMALL))
    parser.add_argument("--large", nargs="*", default=["win95pts"], help="graphs given a third of the replications")
    options = parser.parse_args()
    start = time.perf_counter()
    lines = [
        "Mean simple regret of the two-phase search by truncation S, in units of 0.001 (standard error in brackets);",
        f"{options.replications} seeded searches per cell on small graphs, a third of it on large ones. "
        "The largest effect differs from the smallest by 'range'.",
    ]
    for pooled in (False, True):
        lines += ["", f"### {'pooled' if pooled else 'as in the paper'}", ""]
        lines += ["| graph (range) | T | " + " | ".join(f"S = {s:g}" for s in TRUNCATIONS) + " |"]
        lines += ["|---" * (len(TRUNCATIONS) + 2) + "|"]
        total = np.zeros(len(TRUNCATIONS))
        for name in (*options.graphs, *options.large):
            problem = cb.load_problem(GRAPHS / f"{name}.json")
            assert problem.model is not None
            replications = options.replications // (3 if name in options.large else 1)
            effects = problem.model.effects(problem.interventions)
            spread = float(np.ptp(effects))
            for factor in FACTORS:
                budget = factor * problem.graph.n_family_rows
                # The mixture to within 1 % without cvxpy: the same decisions but for noise, in half the time.
                cells = [
                    cell(
                        problem, budget, cb.TwoPhase(s, pooled, tolerance=1e-2, solvers=("first-order",)), replications
                    )
                    for s in TRUNCATIONS
                ]
                total += np.array([mean for _, mean in cells]) / spread
                lines.append(f"| {name} ({spread:.2f}) | {budget:,} | " + " | ".join(text for text, _ in cells) + " |")
                print(lines[-1], f"{time.perf_counter() - start:.0f} s", file=sys.stderr)
                write(lines)
        rows = len(FACTORS) * (len(options.graphs) + len(options.large))
        means = " | ".join(f"**{100 * x / rows:.1f}**" for x in total)
        lines.append(f"| **mean of regret / range, %** | | {means} |")
    print("\n".join(lines))
    write(lines)


def write(lines: list[str]) -> None:
    """Keep what is there so far."""
    results = HERE / "results" / "truncation.md"
    results.parent.mkdir(exist_ok=True)
    results.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
