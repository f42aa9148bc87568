"""What known tables are worth: searches that are told all tables but one, against those that are told none.

    python tests/benchmarks/known_tables.py [--small]

Per problem and strategy: visits to rows of the one table to learn, and mean simple regret, of both, with the standard
error of the paired difference of regret. Both meet the same worlds.
Writes results/known_tables.md in about two CPU minutes.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

import causalbandit as cb

CASES = [("asia", "bronc", 100), ("purchase", "trust", 100), ("cancer", "Cancer", 60)]
"""Graph, the node whose table is to be learned, and T."""
STRATEGIES = {"two-phase": cb.TwoPhase(), "top-two": cb.TopTwo()}
VISITED = 20
"""Searches that visits are averaged over: its error is small beside the differences that matter."""


def visits(problem, node, strategy, budget, replications):
    """Mean visits of a search to the rows of ``node``."""
    rows = [family.rows for family in problem.interventions.families_of(node)]
    counts = [cb.search(problem, budget, strategy, rng=seed).counts for seed in range(replications)]
    return np.mean([sum(each.visits[where].sum() for where in rows) for each in counts])


def table(replications):
    """Rows of the report."""
    for name, node, budget in CASES:
        problem = cb.load_problem(name)
        told = replace(problem, known=[other for other in problem.graph.nodes if other != node])
        for label, strategy in STRATEGIES.items():
            regret = [
                cb.evaluate_regret(each, strategy, [budget], replications, rng=1, progress=False).to_frame()["regret"]
                for each in (told, problem)
            ]
            gap = regret[0].to_numpy() - regret[1].to_numpy()
            error = gap.std(ddof=1) / np.sqrt(len(gap))
            seen = [visits(each, node, strategy, budget, min(replications, VISITED)) for each in (told, problem)]
            yield name, node, label, budget, *seen, *(each.mean() for each in regret), gap.mean(), error


def main():
    """Print the table and write it, unless --small."""
    small = "--small" in sys.argv
    lines = [
        "| graph | to learn | strategy | T | visits to it: told | untold | regret: told | untold "
        "| difference | error |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    replications = 10 if small else 200
    for *words, told_visits, visits_, told, untold, gap, error in table(replications):
        found = f"{told_visits:.0f} | {visits_:.0f} | {told:.4f} | {untold:.4f} | {gap:+.4f} | {error:.4f}"
        lines.append(f"| {' | '.join(map(str, words))} | {found} |")
    text = (
        f"# Known tables: all but one, against none\n\n{replications} searches each; told: the strategy knows the "
        "tables of all nodes but that one. Error: standard error of the paired difference of mean simple regret.\n\n"
        + "\n".join(lines)
        + "\n\nWritten by `python tests/benchmarks/known_tables.py`.\n"
    )
    print(text)
    if not small:
        Path(__file__).with_name("results").joinpath("known_tables.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
