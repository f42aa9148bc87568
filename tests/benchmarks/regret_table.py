"""Mean simple regret of all strategies on networks and random families, and what top-two gains over each.

    python tests/benchmarks/regret_table.py [--families asia ...] [--budgets 100 300 ...] [--replications 200]

Finished searches are kept in tests/benchmarks/results/.regret_table/, so the study can be run in parts; a run over all
families and budgets writes tests/benchmarks/results/regret_table.md. With another --seed, and perhaps fewer
--strategies, it checks in other simulated worlds what was seen there, and writes regret_table_seed_<seed>.md.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pandas as pd
from study_problems import networks, random_families

import causalbandit as cb

RESULTS = Path(__file__).parent / "results"
KEPT = RESULTS / ".regret_table"
STRATEGIES = [
    *("top-two", "two-phase", "two-phase-pooled", "successive-rejects", "sequential-halving", "uniform"),
    *("uniform-plug-in", "importance-weighted-knows-tables", "top-two-knows-tables"),
]
BUDGETS = [100, 300, 1000, 3000, 10_000]
SEED = 2018


def curves_of(
    family: str,
    problems: list[cb.Problem],
    strategies: list[str],
    budgets: list[int],
    replications: int,
    seed: int,
    jobs: int,
) -> pd.DataFrame:
    """One row per search of the family; a replication of a random family is spread over its problems."""
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / f"{family.replace(' ', '_').replace(',', '')}{'' if seed == SEED else f'-{seed}'}.jsonl"
    each = math.ceil(replications / len(problems))
    curves = cb.evaluate_regret(problems, strategies, budgets, each, rng=seed, n_jobs=jobs, resume=path)
    frame = curves.to_frame()
    # Budgets that only some problems of the family allow are left out: cells compare the same searches.
    skipped = frame[frame["reason"] != ""][["strategy", "budget"]].drop_duplicates()
    marked = frame.merge(skipped.assign(skipped=True), on=["strategy", "budget"], how="left")
    return marked[marked["skipped"].isna()].assign(family=family)


def report(frame: pd.DataFrame, strategies: list[str], replications: int, seed: int) -> str:
    """The tables as Markdown."""
    cells = frame.groupby(["family", "budget", "strategy"], sort=False)["regret"]
    mean, error = cells.mean(), cells.sem()
    lines = [
        "# Simple regret of all strategies",
        "",
        f"Mean ± standard error over {replications} searches per cell (random families: spread over their problems), "
        f"in units of 0.001, seed {seed}. All strategies meet the same simulated worlds. “–”: the budget is below what "
        "the strategy needs. Strategies whose name says “knows-tables” are given all tables but the target's; the "
        "others know the graph at most.",
        "",
        "| family | T | " + " | ".join(strategies) + " |",
        "|---|---:|" + "---:|" * len(strategies),
    ]
    keys = list(dict.fromkeys(zip(frame["family"], frame["budget"], strict=True)))
    for family, budget in sorted(keys, key=lambda key: (list(dict.fromkeys(frame["family"])).index(key[0]), key[1])):
        row = [
            f"{1000 * mean[family, budget, name]:.2f} ± {1000 * error[family, budget, name]:.2f}"
            if (family, budget, name) in mean.index
            else "–"
            for name in strategies
        ]
        lines.append(f"| {family} | {budget:,} | " + " | ".join(row) + " |")
    lines += ["", "## Paired differences: other strategy − top-two", "", *differences(frame, strategies, keys)]
    return "\n".join(lines) + "\n"


def differences(frame: pd.DataFrame, strategies: list[str], keys: list[tuple[str, int]]) -> list[str]:
    """Per other strategy: means over its cells, the ratio of regrets, and the cells in which top-two is worse."""
    wide = frame.pivot_table(
        index=["family", "budget", "problem", "replication"], columns="strategy", values="regret", observed=True
    )
    lines = [
        "A cell counts as worse when the mean difference is below −max(0.001, 3.5 standard errors).",
        "",
        "| other | cells | mean of other | mean of top-two | difference | top-two / other | the same over cells where "
        "other > 0.001 | worst difference (in standard errors) | cells worse |",
        "|---|---:|---:|---:|---:|---:|---:|---|---|",
    ]
    pairs = [("top-two", other) for other in strategies if other != "top-two"]
    if "top-two-knows-tables" in strategies:
        pairs.append(("top-two-knows-tables", "importance-weighted-knows-tables"))
    for mine, other in pairs:
        records = []
        for family, budget in keys:
            both = wide.loc[(family, budget)][[mine, other]].dropna() if other in wide else wide.iloc[:0]
            if len(both):
                gain = both[other] - both[mine]
                error = gain.sem()
                records.append((family, budget, both[other].mean(), both[mine].mean(), gain.mean(), error))
        if not records:
            continue
        table = pd.DataFrame(records, columns=["family", "budget", "other", "mine", "gain", "error"])
        large = table[table["other"] > 0.001]
        worse = table[table["gain"] < -(3.5 * table["error"]).clip(lower=0.001)]
        low = table.loc[table["gain"].idxmin()]
        ratio = large["mine"].mean() / large["other"].mean() if len(large) else math.nan
        whole = table["mine"].mean() / table["other"].mean() if table["other"].mean() else math.nan
        label = other if mine == "top-two" else f"{other} (against {mine})"
        lines.append(
            f"| {label} | {len(table)} | {table['other'].mean():.5f} | {table['mine'].mean():.5f} | "
            f"{table['gain'].mean():+.5f} | {whole:.3f} | {ratio:.3f} ({len(large)} cells) | "
            f"{low['gain']:+.5f} ({low['gain'] / low['error'] if low['error'] else 0:+.1f}) {low['family']} "
            f"{low['budget']:,} | {', '.join(f'{r.family} {r.budget:,}' for r in worse.itertuples()) or 'none'} |"
        )
    return lines


def main() -> None:
    """Run the chosen part and write the report of everything that is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", nargs="+", help="default: all")
    parser.add_argument("--strategies", nargs="+", default=STRATEGIES, help="default: all; top-two is needed")
    parser.add_argument("--budgets", nargs="+", type=int, default=BUDGETS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--replications", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    families = networks() | random_families()
    frames = []
    for family, problems in families.items():
        if arguments.families and family not in arguments.families:
            continue
        started = time.perf_counter()
        frames.append(
            curves_of(
                family,
                problems,
                arguments.strategies,
                arguments.budgets,
                arguments.replications,
                arguments.seed,
                arguments.jobs,
            )
        )
        print(f"{family}: {time.perf_counter() - started:.0f} s", flush=True)
    text = report(pd.concat(frames), arguments.strategies, arguments.replications, arguments.seed)
    print(text)
    if not arguments.families and arguments.budgets == BUDGETS:
        if arguments.seed != SEED:
            (RESULTS / f"regret_table_seed_{arguments.seed}.md").write_text(text)
        elif arguments.strategies == STRATEGIES:
            (RESULTS / "regret_table.md").write_text(text)


if __name__ == "__main__":
    main()
