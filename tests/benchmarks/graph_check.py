"""How often wrong graphs are found and repaired, right ones suspected, and what the check costs.

    python tests/benchmarks/graph_check.py mediator|alarms|power|cost [--replications R] [--jobs N]

- mediator: a mediator with a common cause that nobody saw (`confounded_mediator`): share contradicted and regret of
  top-two with check="warn" and check="repair", and of successive rejects.
- alarms: ten right graphs, of which no search should be warned or repaired; regret with and without repair.
- power: kinds of mistakes × strength × budget on random graphs: share contradicted, share whose first amendment is the
  right one, regret of warn, repair and successive rejects.
- cost: processor time of searches with the check, without it, and with repair.

Finished searches are kept in tests/benchmarks/results/.graph_check/, so that a study can be run in parts; a table is
written to tests/benchmarks/results/graph_check_<study>.md.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from study_problems import GRAPHS

import causalbandit as cb
from causalbandit.graph_check.repair import Change
from causalbandit.wrong_graphs import MISTAKES, WrongGraph, confounded_mediator, wrong_graph

RESULTS = Path(__file__).parent / "results"
KEPT = RESULTS / ".graph_check"
BLOCK = 10
"""Searches after which results are kept."""

RIGHT = ("asia", "cancer", "earthquake", "purchase", "chain", "confounded-chain")


def searched(problem: cb.Problem, world: cb.Problem, strategy: str, budget: int, check: str, seed: int) -> dict:
    """One search and what it came to."""
    started = time.process_time()
    result = cb.search(problem, budget, strategy, world=world, check=check, rng=seed, progress=False)
    seconds = time.process_time() - started
    found = result.graph_check
    return {
        "regret": result.simple_regret,
        "contradicted": bool(result.amendments) or (found is not None and found.refuted),
        "amendments": len(result.amendments),
        "first": str(result.amendments[0].change) if result.amendments else "",
        "when": result.amendments[0].experiments if result.amendments else np.nan,
        "seconds": seconds,
    }


def expected_change(wrong: WrongGraph) -> str:
    """The amendment that makes the believed graph the true one; "" when there is none to be found."""
    believed, truth = wrong.problem.graph, wrong.world.graph
    if truth.bidirected:
        first, second = sorted(truth.bidirected[0], key=believed.position)
        return str(Change("common cause", first, second))
    edges = [{(p, n) for n in g.nodes for p in g.observed_parents(n)} for g in (believed, truth)]
    for cause, effect in edges[1] - edges[0]:
        return str(Change("turned edge" if (effect, cause) in edges[0] else "edge", cause, effect))
    return ""


Cell = tuple[dict, Callable[[int], dict]]
"""What a cell is, and one of its searches by number."""


def mediator() -> Iterator[Cell]:
    for strength in (1.0, 0.5):
        wrong = confounded_mediator(strength)
        for budget in (1000, 2000, 5000, 20_000):
            for strategy, check in (("top-two", "warn"), ("top-two", "repair"), ("successive-rejects", "off")):
                yield (
                    {"strength": strength, "budget": budget, "strategy": strategy, "check": check},
                    lambda seed, w=wrong, b=budget, s=strategy, c=check: (
                        searched(w.problem, w.world, s, b, c, seed) | {"expected": expected_change(w)}
                    ),
                )


def right_problems() -> list[cb.Problem]:
    shipped = [cb.load_problem(GRAPHS / f"{name}.json") for name in RIGHT]
    return [*shipped, *cb.random_problems(4, 9, up_to=2, n_interventions=30, rng=7)]


def alarms() -> Iterator[Cell]:
    for problem in right_problems():
        for check in ("off", "repair"):
            yield (
                {"problem": problem.name, "budget": 1000, "strategy": "top-two", "check": check},
                lambda seed, p=problem, c=check: searched(p, p, "top-two", 1000, c, seed),
            )


def power() -> Iterator[Cell]:
    def one(seed: int, mistake: str, strength: float, budget: int, strategy: str, check: str) -> dict:
        truth = cb.random_problem(8, up_to=2, n_interventions=24, actionable="all", rng=seed)
        wrong = wrong_graph(truth, mistake, strength, rng=seed)
        found = searched(wrong.problem, wrong.world, strategy, budget, check, seed)
        return found | {"expected": expected_change(wrong)}

    for mistake in MISTAKES:
        for strength in (0.15, 0.3, 0.6) if mistake != "extra edge" else (0.0,):
            for budget in (1000, 5000, 20_000):
                for strategy, check in (("top-two", "warn"), ("top-two", "repair"), ("successive-rejects", "off")):
                    yield (
                        {
                            **{"mistake": mistake, "strength": strength, "budget": budget},
                            **{"strategy": strategy, "check": check},
                        },
                        lambda seed, m=mistake, k=strength, b=budget, s=strategy, c=check: one(seed, m, k, b, s, c),
                    )


def cost() -> Iterator[Cell]:
    problems = [*right_problems()[:4], cb.load_problem(GRAPHS / "win95pts.json")]
    for problem in problems:
        for budget in (1000, 10_000):
            for check in ("off", "warn", "repair"):
                yield (
                    {"problem": problem.name, "budget": budget, "strategy": "top-two", "check": check},
                    lambda seed, p=problem, b=budget, c=check: searched(p, p, "top-two", b, c, seed),
                )


STUDIES = {"mediator": (mediator, 200), "alarms": (alarms, 200), "power": (power, 40), "cost": (cost, 10)}
"""Study → its cells and the usual number of searches per cell."""


def run(study: str, replications: int, jobs: int) -> pd.DataFrame:
    """One row per search; what was kept before is not run again."""
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / f"{study}.csv"
    frames = []
    kept = pd.read_csv(path, keep_default_na=False, na_values=["nan"]) if path.exists() else None
    with Parallel(n_jobs=jobs) as parallel:
        for cell, one in list(STUDIES[study][0]()):
            done = 0
            if kept is not None:
                same = np.logical_and.reduce([kept[name] == value for name, value in cell.items()])
                frames.append(kept[same])
                done = int(same.sum())
            for start in range(done, replications, BLOCK):
                seeds = range(start, min(start + BLOCK, replications))
                found = parallel(delayed(one)(seed) for seed in seeds) if jobs > 1 else [one(seed) for seed in seeds]
                block = pd.DataFrame([{**cell, "seed": seed, **row} for seed, row in zip(seeds, found, strict=True)])
                block.to_csv(path, mode="a", header=not path.exists(), index=False, na_rep="nan")
                frames.append(block)
    return pd.concat([frame for frame in frames if len(frame)], ignore_index=True)


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per cell: shares and means over its searches."""
    cells = [name for name in ("problem", "mistake", "strength", "budget", "strategy", "check") if name in rows]
    if "expected" in rows:
        rows["repaired rightly"] = (rows["first"] == rows["expected"]) & (rows["first"] != "")
    shown = ["contradicted", "amendments", *(["repaired rightly"] if "expected" in rows else []), "when", "seconds"]
    groups = rows.groupby(cells, sort=False)
    result = groups[shown].mean()
    result.insert(0, "searches", groups.size())
    result.insert(1, "regret", groups["regret"].mean())
    result.insert(2, "std_error", groups["regret"].sem())
    return result.reset_index()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", choices=STUDIES)
    parser.add_argument("--replications", type=int)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    rows = run(options.study, options.replications or STUDIES[options.study][1], options.jobs)
    found = table(rows)
    text = found.to_string(index=False, float_format=lambda value: f"{value:.4f}", na_rep="-")
    print(text)
    (RESULTS / f"graph_check_{options.study}.md").write_text(f"```\n{text}\n```\n", encoding="utf-8")


if __name__ == "__main__":
    main()
