"""Regret of the two-phase search over its truncation, pooled or not, on the shipped graphs and on random families.

    python tests/benchmarks/truncation_sweep.py [--graphs asia cancer ...] [--large] [--replications 40] [--jobs 2]

Finished searches are kept in tests/benchmarks/results/.truncation_sweep/, so the study can be run in parts; a run over
all small graphs writes tests/benchmarks/results/truncation_sweep.md, one with --large truncation_sweep_large.md.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pandas as pd
from study_problems import GRAPHS

import causalbandit as cb

RESULTS = Path(__file__).parent / "results"
KEPT = RESULTS / ".truncation_sweep"
TRUNCATIONS = (0.0, 0.25, 0.5, 1.0, 2.0, 5.0)
FACTORS = (3, 12, 48)
LARGE = ("win95pts", "andes")
SMALL = ("purchase", "asia", "cancer", "earthquake", "parallel", "chain", "confounded-chain")


def theory(problem: cb.Problem, budget: int) -> float:
    """S = N² log(A·T), with the constant 1."""
    return len(problem.graph.ancestors) ** 2 * math.log(len(problem.interventions) * budget)


def strategies(problem: cb.Problem, budget: int) -> dict[str, cb.TwoPhase]:
    """Every truncation, plain and pooled. The mixture to within 1 % without a solver: half the time, same answers."""
    levels = {f"{level:g}": level for level in TRUNCATIONS} | {"theory": theory(problem, budget)}
    return {
        f"{name}{' pooled' if pooled else ''}": cb.TwoPhase(level, pooled, tolerance=1e-2, solvers=("first-order",))
        for pooled in (False, True)
        for name, level in levels.items()
    }


def families() -> dict[str, list[cb.Problem]]:
    """The shipped graphs, and two random families."""
    shipped = {name: [cb.load_problem(GRAPHS / f"{name}.json")] for name in (*SMALL, *LARGE)}
    return shipped | {
        "random uniform": cb.random_problems(10, 10, up_to=2, n_interventions=40, rng=1),
        "random noisy-or, rare": cb.random_problems(
            10, 12, in_degree=3, shape="noisy-or", rare=0.6, rare_probability=0.03, rng=2
        ),
    }


def rows_of(name: str, problems: list[cb.Problem], replications: int, jobs: int) -> pd.DataFrame:
    """One row per search, regret as a share of the problem's range of effects."""
    KEPT.mkdir(parents=True, exist_ok=True)
    small = name in SMALL or len(problems) > 1
    each = max(2, math.ceil((replications if small else replications / 4) / len(problems)))
    frames = []
    for place, problem in enumerate(problems):
        assert problem.model is not None
        effects = problem.model.effects(problem.interventions)
        for factor in FACTORS:
            budget = factor * problem.graph.n_family_rows
            path = KEPT / f"{name.replace(' ', '_').replace(',', '')}-{place}-{factor}.jsonl"
            curves = cb.evaluate_regret(
                problem, strategies(problem, budget), budget, each, rng=7, n_jobs=jobs, resume=path
            )
            frame = curves.to_frame().assign(family=name, place=place, factor=factor)
            frames.append(frame.assign(share=frame["regret"] / (effects.max() - effects.min())))
    return pd.concat(frames)


def report(frame: pd.DataFrame, replications: int) -> str:
    """One table per form of the strategy, a row per family and budget, and the mean over rows."""
    labels = [f"{level:g}" for level in TRUNCATIONS] + ["theory"]
    lines = [
        "# Truncation of the two-phase search",
        "",
        f"Mean simple regret in % of the range of effects ± standard error over {replications} searches, by the "
        "truncation S in units of expected counts (“theory”: N² log(A·T)). T is a multiple of C, the number of family "
        "rows; 3C is the least possible.",
    ]
    means = {}
    for suffix, title in (("", "As in the paper"), (" pooled", "Pooled")):
        lines += ["", f"## {title}", "", "| problem | T / C | " + " | ".join(f"S = {name}" for name in labels) + " |"]
        lines.append("|---|---:|" + "---:|" * len(labels))
        cells = frame.groupby(["family", "factor", "strategy"], sort=False)["share"].agg(["mean", "sem"])
        for family, factor in dict.fromkeys(zip(frame["family"], frame["factor"], strict=True)):
            texts = [
                f"{100 * cells['mean'][family, factor, name + suffix]:.2f} ± "
                f"{100 * cells['sem'][family, factor, name + suffix]:.2f}"
                for name in labels
            ]
            lines.append(f"| {family} | {factor} | " + " | ".join(texts) + " |")
        means[suffix] = [100 * cells["mean"].xs(name + suffix, level="strategy").mean() for name in labels]
        lines.append("| **mean of rows** | | " + " | ".join(f"**{mean:.2f}**" for mean in means[suffix]) + " |")
    for suffix, title in (("", "as in the paper"), (" pooled", "pooled")):
        best = min(range(len(labels)), key=means[suffix].__getitem__)
        lines += [
            "",
            f"Least mean, {title}: S = {labels[best]} ({means[suffix][best]:.2f} %); S = 0 has "
            f"{means[suffix][0]:.2f} %.",
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the chosen part and, when it is the whole, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", nargs="+", help="shipped graphs or random families; default: all")
    parser.add_argument("--large", action="store_true", help="win95pts and andes alone, which take long")
    parser.add_argument("--replications", type=int, default=40, help="a quarter of it on large graphs")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    frames = []
    for name, problems in families().items():
        if name not in arguments.graphs if arguments.graphs else (name in LARGE) != arguments.large:
            continue
        started = time.perf_counter()
        frames.append(rows_of(name, problems, arguments.replications, arguments.jobs))
        print(f"{name}: {time.perf_counter() - started:.0f} s", flush=True)
    text = report(pd.concat(frames), math.ceil(arguments.replications / (4 if arguments.large else 1)))
    print(text)
    if not arguments.graphs:
        (RESULTS / f"truncation_sweep{'_large' if arguments.large else ''}.md").write_text(text)


if __name__ == "__main__":
    main()
