"""Time, memory and certified gap of the best mixture for many interventions, beside one plain cvxpy program.

    python tests/benchmarks/mixture.py [--rows 200] [--tolerance 1e-3] [--patience 60]

writes tests/benchmarks/results/mixture.md. The plain formulation is ``minimise max(Wᵀ inv_pos(Bη))`` over all
interventions at once, with the same solver (Clarabel) at its own default accuracy; it is tried while the size before
took less than a tenth of the patience, in a process that is ended when the patience is over. Every solve runs in a
process of its own on one thread; times are its CPU seconds without imports, memory is the most that the process held.
Reach is that of random tables: rows in families of four that sum to one, each intervention moves a family part of the
way to one of twelve other distributions, or fixes its node and makes it unseen.
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

import cvxpy as cp
import numpy as np

from causalbandit import optimal_mixture

RESULTS = Path(__file__).parent / "results" / "mixture.md"
SIZES = (99, 1_000, 5_000, 20_000, 100_000)


def random_reach(n_rows: int, n_interventions: int, seed: int = 0) -> np.ndarray:
    """Reach [C, A] as the module's docstring describes it."""
    rng = np.random.default_rng(seed)
    reach = np.empty((n_rows, n_interventions))
    for start in range(0, n_rows, 4):
        usual = rng.dirichlet(np.ones(4))
        others = rng.dirichlet(np.full(4, 0.7), size=12)
        way = rng.random((n_interventions, 1))
        block = (1 - way) * usual + way * others[rng.integers(12, size=n_interventions)]
        block[rng.random(n_interventions) < 0.03] = 0.0
        reach[start : start + 4] = block.T
    return reach


def plain_value(reach: np.ndarray) -> float:
    """The optimum by one program over all interventions."""
    mixture = cp.Variable(reach.shape[1], nonneg=True)
    objective = cp.max((reach**2).T @ cp.inv_pos(reach @ mixture))
    program = cp.Problem(cp.Minimize(objective), [cp.sum(mixture) == 1])
    program.solve(solver="CLARABEL")
    return float(program.value)


def measure(way: str, n_rows: int, n_interventions: int, tolerance: float) -> dict[str, float | int]:
    """One solve, timed in this process."""
    reach = random_reach(n_rows, n_interventions)
    start = time.process_time()
    if way == "plain":
        found: dict[str, float | int] = {"value": plain_value(reach)}
    else:
        mixture = optimal_mixture(reach, tolerance=tolerance)
        found = {"value": mixture.value, "gap": mixture.gap, "rounds": mixture.rounds, "used": mixture.n_used}
    found["seconds"] = time.process_time() - start
    found["mebibytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found


def in_a_process(way: str, options: argparse.Namespace, n_interventions: int) -> dict[str, float | int] | None:
    """What `measure` finds in a process of its own; None when it takes more than the patience."""
    given = [f"--rows={options.rows}", f"--tolerance={options.tolerance}", f"--one={way}", f"--size={n_interventions}"]
    try:
        done = subprocess.run(
            [sys.executable, __file__, *given], timeout=options.patience, check=True, capture_output=True
        )
    except subprocess.TimeoutExpired:
        return None
    found: dict[str, float | int] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200, help="family rows, a multiple of 4")
    parser.add_argument("--tolerance", type=float, default=1e-3)
    parser.add_argument("--patience", type=float, default=60, help="seconds per solve")
    parser.add_argument("--one", choices=("plain", "package"), help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.rows, options.size, options.tolerance)))
        return
    lines = [
        f"Best mixture over {options.rows} family rows, tolerance {options.tolerance:g}; CPU seconds on one thread.",
        "",
        "| A | seconds | MiB | gap | rounds | used | plain seconds | plain MiB | value / plain - 1 |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    plain: dict[str, float | int] | None = {"seconds": 0.0}
    for size in SIZES:
        ours = in_a_process("package", options, size)
        other = ["not tried", "-", "-"]
        if plain is not None:
            plain = in_a_process("plain", options, size)
            other[0] = f"not in {options.patience:g} s"
        mine = ["-"] * 5
        if ours is not None:
            mine = [f"{ours['seconds']:.2f}", f"{ours['mebibytes']:.0f}", f"{ours['gap']:.1e}"]
            mine += [str(ours["rounds"]), str(ours["used"])]
        if plain is not None and ours is not None:
            difference = ours["value"] / plain["value"] - 1
            other = [f"{plain['seconds']:.2f}", f"{plain['mebibytes']:.0f}", f"{difference:.1e}"]
        lines.append(f"| {size:,} | {' | '.join(mine + other)} |")
        print(lines[-1], flush=True)
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
