"""Campaigns whose processes die: kill −9 at random moments, and eight processes at once.

    python tests/benchmarks/study_kills.py [--kills N]

Every process asks, tells and gives up in random portions, and is killed after a random time; another one goes on with
the file. After every death the file is compared with everything that any process had acknowledged. At the end the
decision, and the table of the confirmation that runs in the same file, are compared with those of a campaign that was
never interrupted. What an experiment shows depends on its id alone. Writes tests/benchmarks/results/study_kills.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "study"))

from interruptions import Ledger, confirmed_too, ended, killed, made, together, work

RESULTS = Path(__file__).parent / "results"
SEARCH, PROOF = 800, 300
"""Experiments of a campaign: dozens of deaths fit into one."""
PROCESSES, CAMPAIGNS = 8, 2


def campaign(folder: Path, name: str, seed: int) -> Path:
    """A study with a search and a confirmation, of which nothing has been run."""
    path = folder / name
    made(path, SEARCH, seed)
    confirmed_too(path, PROOF)
    return path


def uninterrupted(folder: Path, seed: int) -> object:
    """What a campaign answers that one process runs."""
    path = campaign(folder, f"whole-{seed}.study", seed)
    work(path, seed)
    return ended(path)


def deaths(folder: Path, kills: int) -> tuple[Ledger, int, int, int]:
    """The ledger of all deaths; campaigns, those that ended in another answer, and rows told."""
    rng = np.random.default_rng(1)
    every = Ledger()
    campaigns = differing = rows = 0
    while sum(every.struck.values()) < kills:
        path = campaign(folder, f"killed-{campaigns}.study", campaigns)
        ledger = killed(path, kills - sum(every.struck.values()), rng)
        work(path, 7)
        rows += ledger.verify(path)
        every.struck += ledger.struck
        every.lost += ledger.lost
        every.twice += ledger.twice
        differing += ended(path) != uninterrupted(folder, campaigns)
        campaigns += 1
        print(f"campaign {campaigns}: {sum(every.struck.values())} deaths", flush=True)
    return every, campaigns, differing, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=240)
    parser.add_argument("--out", default=str(RESULTS / "study_kills.md"))
    options = parser.parse_args()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        dead, campaigns, differing, rows = deaths(Path(folder), options.kills)
        crowd = Ledger()
        crowd_differing = given = 0
        for seed in range(100, 100 + CAMPAIGNS):
            path = campaign(Path(folder), f"crowd-{seed}.study", seed)
            ledger = together(path, PROCESSES, seed)
            crowd.lost += ledger.lost
            crowd.twice += ledger.twice
            given += len(ledger.asked)
            crowd_differing += ended(path) != uninterrupted(Path(folder), seed)
    struck = ", ".join(f"{count} in {place}" for place, count in sorted(dead.struck.items()))
    lines = [
        "# Studies whose processes die, or are many",
        "",
        f"Campaigns of {SEARCH:,} experiments of a search by top-two and {PROOF} of a confirmation in the same file, "
        "against the same campaign of one process that nobody stops. Made by `python tests/benchmarks/study_kills.py`.",
        "",
        "| | campaigns | processes | acknowledged rows lost | handed out twice | other decision or confirmation |",
        "|---|---|---|---|---|---|",
        f"| kill −9 at random moments ({struck.replace(' in between', ' between')}) | {campaigns} | "
        f"{sum(dead.struck.values())} killed | {len(dead.lost)} of {rows:,} | {len(dead.twice)} | {differing} |",
        f"| {PROCESSES} processes at once | {CAMPAIGNS} | {PROCESSES * CAMPAIGNS} | {len(crowd.lost)} | "
        f"{len(crowd.twice)} of {given:,} (budget {(SEARCH + PROOF) * CAMPAIGNS:,}) | {crowd_differing} |",
    ]
    Path(options.out).write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
