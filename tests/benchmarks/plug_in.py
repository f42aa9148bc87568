"""Plug-in intervals on fresh, evenly randomised experiments: coverage, and length beside differences of means.

    python tests/benchmarks/plug_in.py [replications]

writes tests/benchmarks/results/plug_in.md. Arms are observing as the control and three interventions: the best,
the one at a quarter and the middling one by their true effects, named before the data. Allocations are even and fixed.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
from scipy.special import ndtri
from study_problems import networks

import causalbandit as cb
from causalbandit.inference.plug_in import plug_in_effects
from causalbandit.strategies.maximise import Maximisation

RESULTS = Path(__file__).parent / "results"
ALPHA = 0.05
SIZES = (100, 500, 2500)
"""Experiments per arm."""


def arms_of(problem: cb.Problem) -> cb.InterventionSet:
    """Observing, and the best intervention, that at a quarter of the order and the middling one."""
    assert problem.model is not None
    order = np.argsort(Maximisation.of(problem).regrets(problem.model.effects(problem.interventions)))
    named = [problem.interventions[int(place)] for place in order]
    chosen = [intervention for intervention in named if intervention]
    return cb.InterventionSet(problem.graph, [{}, chosen[0], chosen[len(chosen) // 4], chosen[len(chosen) // 2]])


def row(problem: cb.Problem, size: int, replications: int, rng: np.random.Generator) -> tuple[float, ...]:
    """Coverage of single and of simultaneous plug-in intervals and of differences of means, and median lengths."""
    assert problem.model is not None
    arms = arms_of(problem)
    effects = problem.model.effects(arms)
    true = effects[1:] - effects[0]
    simulator = problem.model.simulator(arms)
    hits, together, hits_means, lengths = 0, 0, 0, []
    for _ in range(replications):
        counts = simulator.draw(np.full(len(arms), size), rng)
        single = plug_in_effects(arms, counts, reference=0, alpha=ALPHA, simultaneous=False)
        joint = plug_in_effects(arms, counts, reference=0, alpha=ALPHA)
        hits += int(((single["lower"] <= true) & (true <= single["upper"])).sum())
        together += bool(((joint["lower"] <= true) & (true <= joint["upper"])).all())
        mean = counts.successes / counts.trials
        error = np.sqrt((mean * (1 - mean) / counts.trials)[1:] + mean[0] * (1 - mean[0]) / counts.trials[0])
        radius = -ndtri(ALPHA / 2) * error
        hits_means += int((np.abs(mean[1:] - mean[0] - true) <= radius).sum())
        lengths.append([(single["upper"] - single["lower"]).mean(), 2 * radius.mean()])
    n_intervals = len(true) * replications
    return hits / n_intervals, together / replications, hits_means / n_intervals, *np.median(lengths, axis=0)


def main() -> None:
    replications = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    error = math.sqrt(ALPHA * (1 - ALPHA) / replications)
    lines = [
        "# Plug-in intervals on fresh experiments",
        "",
        f"{replications:,} simulated experiments per row: observing and three interventions named before, with even "
        "allocation. Coverage of 95 % intervals for the differences to observing, each by itself and all together (by "
        "the largest |Z|), and of the usual interval for differences of means; standard error of a coverage about "
        f"{error:.3f}. Median lengths. Made by `python tests/benchmarks/plug_in.py`.",
        "",
        "| problem | per arm | plug-in covers | together | means cover | plug-in length | means' | ratio |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for place, name in enumerate(("asia", "win95pts Problem6", "purchase")):
        for size in SIZES:
            found = row(networks()[name][0], size, replications, np.random.default_rng([place, size]))
            single, together, means, length, length_means = found
            lines.append(
                f"| {name} | {size:,} | {single:.3f} | {together:.3f} | {means:.3f} | {length:.4f} | "
                f"{length_means:.4f} | {length / length_means:.2f} |"
            )
            print(lines[-1], flush=True)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "plug_in.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
