"""Do searches show what `design` predicts? Standard errors and chances, predicted before and found in simulations.

    python tests/benchmarks/design.py [--small]

For every problem and budget: three fixed plans (equal numbers, the mixture rounded, a random plan), 500 simulated
searches each, effects by the graph; and 100 searches by two-phase. The table shows the ratio of the spread of the
estimated effects over the searches to the predicted standard error, its smallest, median and largest value over the
interventions, and the share of searches that chose right beside its prediction. 500 searches know a spread to 3.2 %.
Writes tests/benchmarks/results/design.md; ``--small`` runs one problem and writes nothing.
"""

from __future__ import annotations

import argparse
import platform
import time
from pathlib import Path

import numpy as np

import causalbandit as cb
from causalbandit.propagation import propagate
from causalbandit.strategies.maximise import Maximisation
from causalbandit.strategies.strategy import make_task

RESULTS = Path(__file__).parent / "results" / "design.md"
CASES = (
    ("cancer", (300, 3_000)),
    ("chain", (100, 1_000)),
    ("purchase", (300, 3_000)),
    ("asia", (300, 3_000)),
    ("win95pts", (2_000, 20_000)),
)
SEARCHES, TWO_PHASE_SEARCHES, SEED = 500, 100, 2026


def whole(shares, budget):
    """Whole numbers of experiments that sum to the budget, largest remainders first."""
    exact = budget * np.asarray(shares) / np.sum(shares)
    sizes = np.floor(exact).astype(np.int64)
    sizes[np.argsort(sizes - exact, kind="stable")[: budget - sizes.sum()]] += 1
    return sizes


def plans(problem, budget, random):
    """The three fixed plans, by name."""
    n_arms = len(problem.interventions)
    mixture = cb.optimal_mixture(problem.model.reach(problem.interventions))
    return {
        "equal": whole(np.ones(n_arms), budget),
        "mixture, rounded": whole(mixture.weights, budget),
        "random": whole(random.dirichlet(np.full(n_arms, 2.0)), budget),
    }


def simulated(problem, sizes, random):
    """Effects that 500 searches with fixed numbers estimate by the graph, [500, A]."""
    simulator = problem.model.simulator(problem.interventions)
    drawn = [simulator.draw(sizes, random) for _ in range(SEARCHES)]
    cpt = np.array([(counts.ones + 0.5) / (counts.visits + 1) for counts in drawn])
    return propagate(problem.interventions, cpt).effects


def line(name, budget, plan, effects, predicted, problem):
    """One row of the table."""
    turn = Maximisation.of(problem)
    regret = turn.regrets(problem.model.effects(problem.interventions))
    spread = effects.std(axis=0, ddof=1)
    ratio, delta = spread / predicted.std_errors, spread / predicted.delta_errors
    best = np.array([turn.gains(each).argmax() for each in effects])
    right = float((regret[best] <= 1e-12).mean())
    return (
        f"| {name} | {budget:,} | {plan} | {ratio.min():.2f} | {np.median(ratio):.2f} | {ratio.max():.2f} | "
        f"{delta.min():.2f} to {delta.max():.2f} | "
        f"{predicted.probability_right:.3f} | {right:.3f} | {1000 * predicted.expected_regret:.2f} | "
        f"{1000 * regret[best].mean():.2f} |"
    )


def main() -> None:
    """Run the study and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="one problem, nothing is written")
    small = parser.parse_args().small
    started, rows = time.process_time(), []
    for name, budgets in CASES[:1] if small else CASES:
        problem = cb.load_problem(name)
        for budget in budgets:
            random = np.random.default_rng([SEED, budget])
            fixed = plans(problem, budget, random)
            found = cb.design(problem, budget, allocations=fixed)
            for plan, sizes in fixed.items():
                effects = simulated(problem, sizes, random)
                rows.append(line(name, budget, plan, effects, found.allocation(plan), problem))
            if budget >= cb.TwoPhase().smallest_budget(make_task(problem)):
                seeds = range(20 if small else TWO_PHASE_SEARCHES)
                effects = [cb.search(problem, budget, rng=seed, check="off").estimates for seed in seeds]
                predicted = found.allocation("two-phase")
                rows.append(line(name, budget, "two-phase", np.array(effects), predicted, problem))
            print(*rows[-4:], sep="\n", flush=True)
    if small:
        return
    head = [
        "# Standard errors and chances that `design` predicts, and what simulated searches show",
        "",
        f"`python tests/benchmarks/design.py`: {SEARCHES} searches per fixed plan, {TWO_PHASE_SEARCHES} by two-phase; "
        f"{time.process_time() - started:.0f} s of processor time, Python {platform.python_version()}, numpy "
        f"{np.__version__}.",
        "",
        "spread/predicted: standard deviation of the estimated effects over the searches, divided by the predicted "
        "standard error, smallest, median and largest over the interventions; then the same for the delta method's "
        "formula. Regrets in thousandths.",
        "",
        "| problem | budget | plan | smallest | median | largest | by the delta method | right, predicted "
        "| right, found | regret, predicted | regret, found |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    RESULTS.write_text("\n".join([*head, *rows]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
