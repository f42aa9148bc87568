"""What known tables are worth: searches that are told all tables but one, against those that are told none.

    python tests/benchmarks/known_tables.py [--small]

Per problem and strategy: mean simple regret of both with the standard error of the paired difference, and the share of
experiments under interventions that can reach the one table to learn. Writes results/known_tables.md.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

import causalbandit as cb
from causalbandit.propagation import propagate

CASES = [("asia", "either", 300), ("purchase", None, 300), ("cancer", None, 300)]
STRATEGIES = {"two-phase": cb.TwoPhase(), "two-phase-pooled": cb.TwoPhase(pooled=True), "top-two": cb.TopTwo()}


def share_of_use(problem, strategy, budget):
    """Share of one search's experiments under interventions that reach a row that is not known."""
    decision = cb.search(problem, budget, strategy, rng=0)
    learned = np.isnan(problem.known_rows)
    even = np.where(learned, 0.5, problem.known_rows)
    reaches = propagate(problem.interventions, even, reach=True).reach[learned].max(axis=0) > 0
    return float(decision.experiments[reaches].sum() / max(decision.experiments.sum(), 1))


def table(replications):
    """Rows of the report."""
    for name, left_out, budget in CASES:
        problem = cb.load_problem(name)
        left_out = left_out if left_out in problem.graph.ancestors else problem.graph.target
        told = replace(problem, known=[node for node in problem.graph.nodes if node != left_out])
        for label, strategy in STRATEGIES.items():
            means = [
                cb.evaluate_regret(each, strategy, [budget], replications, rng=1, progress=False).to_frame()["regret"]
                for each in (told, problem)
            ]
            gap = means[0].to_numpy() - means[1].to_numpy()
            error = gap.std(ddof=1) / np.sqrt(len(gap))
            used = share_of_use(told, strategy, budget)
            yield name, left_out, label, budget, means[0].mean(), means[1].mean(), error, used


def main():
    """Print the table and write it, unless --small."""
    small = "--small" in sys.argv
    lines = [
        "| graph | to learn | strategy | T | regret, others known | none known | error of difference | used for it |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for *words, told, none, error, used in table(20 if small else 200):
        lines.append(f"| {' | '.join(map(str, words))} | {told:.4f} | {none:.4f} | {error:.4f} | {used:.2f} |")
    text = "# Known tables: all but one, against none\n\n" + "\n".join(lines) + "\n"
    print(text)
    if not small:
        Path(__file__).with_name("results").joinpath("known_tables.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
