"""Speed of repeated simulated searches: seconds per part, and the bounds they should keep on a free core.

    python tests/benchmarks/regret.py [--parts arms asia budget workers] [--best-of 3]

writes tests/benchmarks/results/regret.md when all parts are run.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import numpy as np
from joblib import Parallel, delayed
from study_problems import GRAPHS

import causalbandit as cb
from causalbandit.random_problems import bernoulli_arms

RESULTS = Path(__file__).parent / "results"


def seconds(best_of: int, *arguments: object, **options: object) -> float:
    """Fastest of ``best_of`` evaluations."""
    fastest = float("inf")
    for _ in range(best_of):
        started = time.perf_counter()
        cb.evaluate_regret(*arguments, rng=0, progress=False, **options)
        fastest = min(fastest, time.perf_counter() - started)
    return fastest


def arms(best_of: int) -> list[tuple[str, str, str]]:
    """1,000 searches among 100 independent arms."""
    problem = bernoulli_arms(np.linspace(0.3, 0.7, 100).tolist())
    rows = []
    for name in ("uniform", "sequential-halving", "successive-rejects"):
        cb.evaluate_regret(problem, name, 10_000, 5, rng=1)
        spent = seconds(best_of, problem, name, 10_000, 1000)
        rows.append((f"1,000 searches, {name}, 100 arms, T = 10,000, one core", f"{spent:.2f} s", "2 s"))
    return rows


def asia(best_of: int) -> list[tuple[str, str, str]]:
    """Top-two and two-phase on asia."""
    problem = cb.load_problem(GRAPHS / "asia.json")
    rows = []
    for name, replications, bound in (("top-two", 1000, "40 s"), ("two-phase", 200, "8 s")):
        cb.evaluate_regret(problem, name, 1000, 5, rng=1)
        spent = seconds(best_of, problem, name, 1000, replications)
        rows.append((f"{replications:,} searches, {name}, asia, T = 1,000, one core", f"{spent:.1f} s", bound))
    return rows


def budget(best_of: int) -> list[tuple[str, str, str]]:
    """The same searches with 10⁴ and 10⁸ experiments."""
    problem = cb.load_problem(GRAPHS / "asia.json")
    rows = []
    for name in ("uniform", "successive-rejects", "uniform-plug-in", "top-two", "two-phase"):
        small, large = (seconds(best_of, problem, name, size, 60) for size in (10**4, 10**8))
        rows.append((f"T = 10⁸ against T = 10⁴, {name}, asia", f"{large / small:.2f} ×", "2 ×"))
    return rows


def plain_work(size: int) -> float:
    """Small array operations, like those of a search, that share nothing."""
    values, total = np.random.default_rng(0).random((40, 40)), 0.0
    for _ in range(size):
        total += float((values * values).sum() + values.take([1, 2, 3]).sum())
    return total


def workers(best_of: int) -> list[tuple[str, str, str]]:
    """Two processes against one, on at least a minute of work; beside it what the machine gives to plain work."""
    problem = cb.load_problem(GRAPHS / "asia.json")
    each = seconds(3, problem, "top-two", 1000, 100) / 100
    replications = int(np.ceil(90 / each / 100)) * 100
    pool = Parallel(n_jobs=2)
    pool(delayed(plain_work)(10) for _ in range(4))
    fastest = dict.fromkeys(("one", "two", "plain one", "plain two"), float("inf"))
    # Taking turns, so that a busy machine slows all alike.
    for _ in range(best_of):
        for name, call in {
            "plain one": lambda: [plain_work(300_000) for _ in range(4)],
            "plain two": lambda: pool(delayed(plain_work)(300_000) for _ in range(4)),
            "one": lambda: seconds(1, problem, "top-two", 1000, replications, n_jobs=1),
            "two": lambda: seconds(1, problem, "top-two", 1000, replications, n_jobs=2),
        }.items():
            started = time.perf_counter()
            call()
            fastest[name] = min(fastest[name], time.perf_counter() - started)
    plain = fastest["plain one"] / fastest["plain two"]
    return [
        (
            f"two workers against one, {fastest['one']:.0f} s of top-two on asia (plain work at the same time: "
            f"{plain:.2f} times)",
            f"{fastest['one'] / fastest['two']:.2f} times as fast",
            "1.7 times",
        )
    ]


def main() -> None:
    """Run the chosen parts, print and, when all were run, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {part.__name__: part for part in (arms, asia, budget, workers)}
    parser.add_argument("--parts", nargs="+", choices=list(parts), default=list(parts))
    parser.add_argument("--best-of", type=int, default=3)
    arguments = parser.parse_args()
    rows: list[tuple[str, str, str]] = []
    for part in arguments.parts:
        measured = parts[part](arguments.best_of)
        rows += measured
        for row in measured:
            print(*row, sep="  |  ", flush=True)
    text = "\n".join(
        [
            "# Speed of repeated searches",
            "",
            f"Best of {arguments.best_of}, BLAS threads at 1.",
            "",
            "| what | measured | bound |",
            "|---|---:|---:|",
            *(f"| {what} | {measured} | {bound} |" for what, measured, bound in rows),
        ]
    )
    if arguments.parts == list(parts):
        (RESULTS / "regret.md").write_text(text + "\n")


if __name__ == "__main__":
    main()
