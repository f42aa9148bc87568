"""How quick a study is when it is large: telling at 10⁵ recorded rows, opening at 10⁶.

    python tests/benchmarks/study_speed.py [--rows N] [--out FILE]

A campaign of top-two on the graph asia, whose results are told in bulk up to the size that is measured; then single
tells are timed one by one, each on the disk before the next, and the file is opened in a fresh process. The bars:
median tell below 20 ms at 10⁵ rows, opening below 2 s at 10⁶. Writes tests/benchmarks/results/study_speed.md.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import causalbandit as cb
from causalbandit.study.study import Study

RESULTS = Path(__file__).parent / "results"
GRAPH = Path(__file__).parents[2] / "graphs" / "asia.json"
LARGE = 1_000_000
TOLD_AT = 100_000
CHUNK = 20_000
SINGLE, PORTION = 300, 20
"""Tells that are timed, of one row and of a portion of rows."""

OPENING = """
import sys, time
from causalbandit.study.study import Study
start = time.perf_counter()
study = Study.open(sys.argv[1])
opened = time.perf_counter()
study.status()
stated = time.perf_counter()
study.ask(1)
asked = time.perf_counter()
print(opened - start, stated - opened, asked - stated)
"""


def results(todo: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """A coin for every node that was left alone."""
    frame = pd.DataFrame(rng.integers(0, 2, size=(len(todo), todo.shape[1] - 1)), columns=todo.columns[1:])
    for node in frame.columns:
        fixed = todo[node].notna().to_numpy()
        frame.loc[fixed, node] = todo.loc[fixed, node].astype(int)
    frame.insert(0, "id", todo["id"].to_numpy())
    return frame


def fill(study: Study, until: int, rng: np.random.Generator) -> None:
    """Ask and tell in bulk until ``until`` rows are told."""
    told = study.status().told
    while told < until:
        todo = study.ask(min(CHUNK, until - told))
        study.tell(results(todo, rng))
        told += len(todo)


def timed(study: Study, rows: int, times: int, rng: np.random.Generator) -> list[float]:
    """Seconds of every tell of so many rows."""
    found = []
    while len(found) < times:
        told = results(study.ask(rows), rng)
        if len(told) == rows:
            start = time.perf_counter()
            study.tell(told)
            found.append(time.perf_counter() - start)
        elif len(told):
            study.tell(told)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=LARGE)
    parser.add_argument("--folder", help="where the study is made; by default a temporary folder")
    parser.add_argument("--out", default=str(RESULTS / "study_speed.md"))
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    lines = ["| what | rows told | median ms | 95 % ms |", "|---|---|---|---|"]
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder) / "large.study"
        with Study.create(path, cb.load_problem(GRAPH), options.rows + 50_000, "top-two", rng=0) as study:
            for size in (0, min(TOLD_AT, options.rows // 10), options.rows):
                start = time.perf_counter()
                fill(study, size, rng)
                spent, told = time.perf_counter() - start, study.status().told
                print(f"{told:,} rows after {spent:.0f} s", flush=True)
                for rows in (1, PORTION):
                    found = 1000 * np.array(timed(study, rows, SINGLE, rng))
                    lines.append(
                        f"| tell {rows} row{'s' * (rows > 1)} | {told:,} | {np.median(found):.1f} | "
                        f"{np.quantile(found, 0.95):.1f} |"
                    )
                    print(lines[-1], flush=True)
            batches = len(study._store.batches())
        size = path.stat().st_size
        spent = np.array(
            [
                [float(part) for part in subprocess.check_output([sys.executable, "-c", OPENING, path]).split()]
                for _ in range(5)
            ]
        )
        start = time.perf_counter()
        with Study.open(path) as study:
            found = study.check()
        checked = time.perf_counter() - start
    opening, status, ask = np.median(spent, axis=0)
    text = [
        "# Speed of a study",
        "",
        f"Top-two on asia, {told:,} rows in {batches} batches, {size / 2**20:.0f} MiB; every tell is on the disk "
        "before the next begins. Made by `python tests/benchmarks/study_speed.py`.",
        "",
        *lines,
        "",
        "| opening, in a fresh process (median of 5) | seconds |",
        "|---|---|",
        f"| `Study.open` | {opening:.3f} |",
        f"| first `status` | {status:.3f} |",
        f"| first `ask` | {ask:.3f} |",
        f"| `check`, which reads every row ({'whole' if found.whole else 'damaged'}) | {checked:.1f} |",
    ]
    Path(options.out).write_text("\n".join(text) + "\n")
    print("\n".join(text))


if __name__ == "__main__":
    main()
