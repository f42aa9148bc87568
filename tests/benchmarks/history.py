"""What rows from before are worth to a search, and what they cost when a hidden cause spoils them.

    python tests/benchmarks/history.py [--replications R]

- clean: 10,000 rows that were observed without intervention, drawn anew for every search. Bar, on asia and win95pts:
  with them 10 and 20 experiments have at most the mean regret of 50 and 100 without. A further row shows how the gain
  fades as experiments outgrow what the rows can tell.
- confounded: the same from a world in which a cause that nobody saw acts on a mediator and the target
  (`confounded_mediator`), searched with check="repair". Bar: at 1,000 and 5,000 experiments at most 1.2 times the mean
  regret of searches without rows.

All searches are by top-two. The table is written to tests/benchmarks/results/history.md; the exit status is 1 when a
bar is missed. With the usual 200 searches per cell it takes about a quarter of an hour on one core.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from study_problems import GRAPHS

import causalbandit as cb
from causalbandit.wrong_graphs import confounded_mediator

RESULTS = Path(__file__).parent / "results"
ROWS = 10_000
CLEAN = ((10, 50, True), (20, 100, True), (40, 200, False))
"""(Budget with rows, budget without, whether it is a bar), on both problems."""
CONFOUNDED = ((200, False), (500, False), (1000, True), (5000, True))
"""(Budget, whether it is a bar)."""
MOST = 1.2
"""Largest ratio of the mean regret with confounded rows to that without."""


def regrets(problem: cb.Problem, world: cb.Problem | None, budget: int, with_rows: bool, n: int) -> np.ndarray:
    """Simple regret of ``n`` searches; search k has the same seed, and the same rows, in every cell."""
    source, nodes = world or problem, list(problem.graph.nodes)
    found = []
    for number in range(n):
        rows_seed, seed = np.random.SeedSequence([2026, number]).spawn(2)
        rows = source.model.sample({}, ROWS, rng=np.random.default_rng(rows_seed))[nodes] if with_rows else None
        result = cb.search(
            problem, budget, "top-two", world=world, check="repair", history=rows, rng=seed, progress=False
        )
        found.append(result.simple_regret)
    return np.array(found)


def compared(name: str, ours: tuple[int, np.ndarray], theirs: tuple[int, np.ndarray], most: float, bar: bool) -> dict:
    """One row of the table: both cells, and whether the bar is kept."""
    (budget, found), (other, without) = ours, theirs
    row = {"problem": name, "with rows": budget, "regret": found.mean(), "se": _error(found)}
    row |= {"without": other, "its regret": without.mean(), "its se": _error(without)}
    kept = found.mean() <= most * without.mean()
    return row | {"bar": ("kept" if kept else "MISSED") if bar else "-"}


def _error(regret: np.ndarray) -> float:
    return float(regret.std(ddof=1) / np.sqrt(len(regret)))


def study(n: int) -> list[dict]:
    """All rows of the table, each printed as it is finished."""
    table = []

    def add(row: dict) -> None:
        table.append(row)
        print(pd.DataFrame([row]).to_string(index=False, header=len(table) == 1), flush=True)

    wrong = confounded_mediator(1.0)
    for budget, bar in CONFOUNDED:
        pair = [(budget, regrets(wrong.problem, wrong.world, budget, rows, n)) for rows in (True, False)]
        add(compared("confounded mediator", *pair, MOST, bar))
    for name in ("asia", "win95pts"):
        problem = cb.load_problem(GRAPHS / f"{name}.json")
        for few, many, bar in CLEAN:
            cells = (few, regrets(problem, None, few, True, n)), (many, regrets(problem, None, many, False, n))
            add(compared(name, *cells, 1.0, bar))
    return table


def report(table: list[dict], n: int, seconds: float) -> str:
    """The page of a finished study."""
    missed = sum(row["bar"] == "MISSED" for row in table)
    text = pd.DataFrame(table).to_string(index=False, float_format=lambda value: f"{value:.5f}")
    lines = [
        "# Rows from before",
        "",
        f"{ROWS:,} rows observed without intervention, {n} searches by top-two per cell; simple regret with its",
        'standard error. "with rows" and "without" are numbers of experiments.',
        "",
        "```",
        text,
        "```",
        "",
        f"{f'{missed} bars missed' if missed else 'All bars kept'}. Processor time: {seconds / 60:.0f} minutes.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=200)
    options = parser.parse_args()
    started = time.process_time()
    table = study(options.replications)
    page = report(table, options.replications, time.process_time() - started)
    (RESULTS / "history.md").write_text(page, encoding="utf-8")
    raise SystemExit(any(row["bar"] == "MISSED" for row in table))


if __name__ == "__main__":
    main()
