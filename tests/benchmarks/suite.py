"""All strategies of the catalogue on the suite: the shipped results, and their table.

    python tests/benchmarks/suite.py [--replications 20] [--jobs 1] [--small | --table]

Finished searches are kept in tests/benchmarks/results/.suite/, so an interrupted run goes on. A whole run writes
causalbandit/suite/results.jsonl and tests/benchmarks/results/suite.md; --small runs two searches per cell of three
families and prints the table alone, --table makes suite.md anew from the shipped file.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from causalbandit.strategies.catalogue import STRATEGIES
from causalbandit.suite import FAMILIES, SuiteResults, run_suite, shipped_results, suite_problems
from causalbandit.suite.problems import STEPS
from causalbandit.suite.results import SHIPPED
from causalbandit.suite.runs import REPLICATIONS, SEED
from causalbandit.suite.score_card import ScoreCard, spread_of

RESULTS = Path(__file__).parent / "results"
KEPT = RESULTS / ".suite" / "searches.jsonl"
PAIRS = [
    *(("top-two", other) for other in ("two-phase", "two-phase-pooled", "uniform-plug-in", "successive-rejects")),
    *(("two-phase-pooled", other) for other in ("two-phase", "uniform-plug-in", "successive-rejects")),
    *(("two-phase", other) for other in ("uniform-plug-in", "successive-rejects", "uniform")),
    *(("pomis-thompson", other) for other in ("top-two", "uniform-plug-in", "successive-rejects")),
    *(("uniform-plug-in", "successive-rejects"), ("sequential-halving", "successive-rejects")),
    ("top-two-knows-tables", "importance-weighted-knows-tables"),
]
"""Comparisons that the table holds: strategy and the one that it is compared with."""


def report(results: SuiteResults) -> str:
    """The tables as Markdown."""
    problems = suite_problems()
    used = [problem for problem in problems if problem.name in set(results.frame["problem"])]
    lines = [
        "# The suite: all strategies on named families of problems",
        "",
        f"{len(used)} problems in {len({one.family for one in used})} families, budgets of "
        f"{', '.join(f'{step}C' for step in STEPS)} experiments (C: the problem's family rows), "
        f"{results.replications} searches per cell, seed {results.seed}; problems, budgets and seed were fixed before "
        "any strategy was run on them, and no strategy's settings were chosen on them. All strategies meet the same "
        "simulated worlds. Regret is told relative to that of an intervention chosen with equal chances.",
        "",
        "## Ratio of regrets, by family",
        "",
        "Mean relative regret of the one over that of the other, over the problems and budgets of the family that both "
        "can work with, with 95 % intervals (paired; each on its own). Below 1 the first is better; **bold** families "
        "are those in which it does not pay: the interval reaches 1 or lies above it. “both 0”: no regret.",
        "",
    ]
    cards = {}
    for strategy, other in PAIRS:
        mine = results.to_frame()
        only = SuiteResults(mine[mine["strategy"] == strategy], (strategy,), results.seed, results.replications)
        cards[strategy, other] = ScoreCard.of(only, results, [other]).to_frame()
    for strategy in dict.fromkeys(strategy for strategy, _ in PAIRS):
        others = [other for mine, other in PAIRS if mine == strategy]
        lines += [f"### {strategy}", "", "| family | " + " | ".join(others) + " |", "|---|" + "---|" * len(others)]
        for family in dict.fromkeys(results.frame["family"]):
            rows = [cards[strategy, other].set_index("family").loc[family] for other in others]
            lines.append(f"| {family} | " + " | ".join(map(cell, rows)) + " |")
        lines += [
            "| median (range) over families | " + " | ".join(spread(cards[strategy, o]) for o in others) + " |",
            "",
        ]
        for other in others:
            lines.append(f"- {words(strategy, other, cards[strategy, other])}")
        lines.append("")
    lines += ["## Mean relative regret, in per cent", "", "± standard error. “–”: refused, see below.", ""]
    means = results.means()
    lines += [
        "| problem | T | " + " | ".join(results.strategies) + " |",
        "|---|---:|" + "---:|" * len(results.strategies),
    ]
    for (problem, budget), rows in means.groupby(["problem", "budget"], sort=False):
        found = rows.set_index("strategy")
        texts = [
            "–"
            if found.loc[name, "reason"]
            else f"{100 * found.loc[name, 'mean']:.1f} ± {100 * found.loc[name, 'std_error']:.1f}"
            for name in results.strategies
        ]
        lines.append(f"| {problem} | {budget:,} | " + " | ".join(texts) + " |")
    lines += ["", "## Refused", "", "| strategy | family | cells | the first reason |", "|---|---|---:|---|"]
    lines += [
        f"| {row.strategy} | {row.family} | {row.cells} | {row.reason} |" for row in results.refusals().itertuples()
    ]
    lines += [
        "",
        "## Problems",
        "",
        "| family | problem | observed nodes | interventions | C | goal |",
        "|---|---|---:|---:|---:|---|",
    ]
    for one in used:
        told = one.problem
        sizes = f"{len(told.graph.nodes)} | {len(told.interventions)} | {one.budgets[0]} | {told.goal}"
        lines.append(f"| {one.family} | {one.name} | {sizes} |")
    return "\n".join(lines) + "\n"


def cell(row: object) -> str:
    """A ratio with its interval."""
    if row["verdict"] in ("both 0", "no cells"):
        return "both 0" if row["verdict"] == "both 0" else "–"
    text = f"{row['ratio']:.2f} [{row['lower']:.2f}, {row['upper']:.2f}]".replace("inf", "∞")
    return text if row["verdict"] == "better" else f"**{text}**"


def spread(rows: object) -> str:
    """Median and range over families."""
    median, low, high = spread_of(rows)
    return f"{median:.2f} ({low:.2f} to {high:.2f})".replace("inf", "∞")


def words(strategy: str, other: str, rows: object) -> str:
    """The families in which it does not pay."""
    kinds = {kind: list(rows.loc[rows["verdict"] == kind, "family"]) for kind in ("worse", "unclear")}
    if not any(kinds.values()):
        return f"{strategy} against {other}: pays in every family that can be compared."
    unclear = f"no gain seen in {', '.join(kinds['unclear'])}" if kinds["unclear"] else ""
    worse = f"worse in {', '.join(kinds['worse'])}" if kinds["worse"] else ""
    return f"{strategy} against {other}: {'; '.join(filter(None, (unclear, worse)))}."


def main() -> None:
    """Run what is missing and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=REPLICATIONS, help="more than before: goes on")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--small", action="store_true", help="two searches per cell of three families, nothing written")
    parser.add_argument("--table", action="store_true", help="write the table of the shipped results, run nothing")
    arguments = parser.parse_args()
    started = time.process_time()
    if arguments.table:
        results = shipped_results()
    elif arguments.small:
        results = run_suite(list(STRATEGIES), list(FAMILIES)[-3:], 2, n_jobs=arguments.jobs)
    else:
        KEPT.parent.mkdir(exist_ok=True)
        results = run_suite(
            list(STRATEGIES),
            None,
            arguments.replications,
            seed=SEED,
            n_jobs=arguments.jobs,
            resume=KEPT,
            progress=False,
        )
        results.save(SHIPPED)
    text = report(results)
    print(text)
    print(f"{time.process_time() - started:.0f} s of processor time")
    if not arguments.small:
        (RESULTS / "suite.md").write_text(text)


if __name__ == "__main__":
    main()
