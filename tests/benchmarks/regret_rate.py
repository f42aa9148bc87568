"""The rate of two-phase's regret: sixteen times the experiments should leave about a quarter of it, as T^(-1/2) does.

    python tests/benchmarks/regret_rate.py [--replications 200] [--jobs 2]

Prints a row per problem, and fails when regret at sixteen times the budget is not below half of it. At the small
budgets, a little above the smallest that two-phase can work with, there is regret to lose.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from study_problems import GRAPHS

import causalbandit as cb

BUDGETS = {"purchase": 66, "asia": 48, "parallel": 210}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    slow = []
    for name, budget in BUDGETS.items():
        problem, budgets = cb.load_problem(GRAPHS / f"{name}.json"), [budget, 16 * budget]
        curves = cb.evaluate_regret(
            problem,
            "two-phase",
            budgets,
            arguments.replications,
            rng=0,
            n_jobs=arguments.jobs,
        )
        small, large = curves.means()["mean"]
        print(f"{name}: {small:.4f} at T = {budgets[0]}, {large:.4f} at T = {budgets[1]} (ratio {large / small:.2f})")
        if not large < small / 2:
            slow.append(name)
    if slow:
        raise SystemExit(f"Regret falls too slowly on {', '.join(slow)}.")


if __name__ == "__main__":
    main()
