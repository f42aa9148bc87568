"""Campaigns of `confirm`: how often its readings ever leave the truth out, and how soon they decide.

    python tests/benchmarks/confirm.py [--campaigns 1000] [--jobs 2]

writes tests/benchmarks/results/confirm.md. Problems, budgets and bars below were fixed before the run. Every campaign
runs to its budget; its rounds are then read after every round: `mad` from round 100 on, `exact` from the first. A miss
is a campaign in which any interval ever leaves a true effect out (α = 0.05 over all effects). Rounds to a decision are
those after which the signs of all effects are told, the budget's where they never are.

Bars: misses of `mad` at most 0.075, of `exact` at most 0.05 (both with two standard errors' room for the simulation in
the exit status), median rounds to a decision of `exact` at most 0.8 times those of `mad` where there are effects.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import networkx as nx
import numpy as np
from joblib import Parallel, delayed
from study_problems import GRAPHS

import causalbandit as cb
from causalbandit.designs.running_contrasts import RunningContrasts
from causalbandit.sequences.bernoulli_contrast import outcomes_per_pair
from causalbandit.sequences.bernoulli_region import Arm
from causalbandit.sequences.tilted_contrast import excluded

RESULT = Path(__file__).parent / "results" / "confirm.md"
ALPHA, START, SEED = 0.05, 100, 31007
BARS = {"mad": 0.075, "exact": 0.05}
SOONER = 0.8
BATCH = 20


def shipped(name: str) -> cb.Problem:
    return cb.load_problem(GRAPHS / f"{name}.json")


def without_effect() -> cb.Problem:
    """Three nodes to act on, none of which reaches the target in its table."""
    dag = nx.DiGraph([("a", "m"), ("b", "m"), ("m", "y"), ("c", "y")])
    graph = cb.CausalGraph(dag, target="y", parents={"m": ["a", "b"], "y": ["m", "c"]})
    tables = {"a": [0.4], "b": [0.5], "c": [0.3], "m": [0.2, 0.6, 0.5, 0.8], "y": [0.3] * 4}
    interventions = cb.InterventionSet.up_to(graph, 2, ["a", "b", "c"])
    return cb.Problem(graph, interventions, cb.CausalModel(graph, tables), name="no effect")


@dataclass(frozen=True)
class Setting:
    """A problem, how many of its best interventions are confirmed, experiments, and of the search before, if any."""

    problem: Callable[[], cb.Problem]
    chosen: int
    budget: int
    search: int = 0


SETTINGS = {
    "asia": Setting(lambda: shipped("asia"), 1, 1000),
    "asia, 3 chosen": Setting(lambda: shipped("asia"), 3, 1500),
    "purchase": Setting(lambda: shipped("purchase"), 1, 4000),
    "win95pts": Setting(lambda: shipped("win95pts"), 1, 6000),
    "no effect": Setting(without_effect, 3, 1500),
    "no effect, chosen by top-two": Setting(without_effect, 1, 1500, search=500),
}


def campaign(setting: Setting, seed: np.random.SeedSequence) -> tuple[list[float], np.ndarray, np.ndarray]:
    """True effects against doing nothing, and the arms and outcomes of all rounds."""
    problem, (first, second) = setting.problem(), seed.spawn(2)
    model = problem.model
    assert model is not None
    if setting.search:
        found = cb.search(problem, setting.search, "top-two", rng=first, progress=False)
        chosen = [dict(problem.interventions[found.best_index])]
    else:
        effects = model.effects(problem.interventions) * (1 if problem.goal == "max" else -1)
        order = [int(place) for place in np.argsort(-effects, kind="stable") if len(problem.interventions[int(place)])]
        chosen = [dict(problem.interventions[place]) for place in order[: setting.chosen]]
    if {} in chosen:  # a search that chose to do nothing leaves nothing to confirm
        chosen = [dict(next(one for one in problem.interventions if len(one)))]
    proof = cb.confirm(
        problem, chosen, budget=setting.budget, rng=second, batch_size=BATCH, stop_early=False, progress=False
    )
    means = model.effects(cb.InterventionSet(problem.graph, [{}, *chosen]))
    outcomes = proof.rows[:, problem.graph.position(problem.graph.target)]
    return (means[1:] - means[0]).tolist(), proof.drawn.astype(np.uint8), outcomes


def readings(truth: np.ndarray, arms: np.ndarray, outcomes: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Per reading, for R campaigns of T rounds: whether it ever missed, and rounds to its decision."""
    size, rounds = arms.shape
    n_arms = truth.shape[1] + 1
    design = RunningContrasts(_settings(n_arms, rounds), replications=size)
    chances = np.full((size, n_arms), 1.0 / n_arms)
    ones, trials = np.zeros((size, n_arms)), np.zeros((size, n_arms))
    planned, rows = outcomes_per_pair(rounds, n_arms), np.arange(size)
    found = {name: (np.zeros(size, dtype=bool), np.full(size, rounds)) for name in BARS}
    for t in range(1, rounds + 1):
        arm, outcome = arms[:, t - 1], outcomes[:, t - 1].astype(np.float64)
        design.take(arm, outcome, chances[:, 0], chances)
        trials[rows, arm] += 1.0
        ones[rows, arm] += outcome
        if t < 20:
            continue
        told, wrong = {}, {}
        if t >= START:
            wrong["mad"] = (np.abs(design.estimates - truth) > design.radii).any(axis=1)
            told["mad"] = (np.abs(design.estimates) > design.radii).all(axis=1)
        wrong["exact"] = np.zeros(size, dtype=bool)
        told["exact"] = np.ones(size, dtype=bool)
        control = Arm(ones[:, 0], trials[:, 0] - ones[:, 0])
        for place in range(n_arms - 1):
            one = Arm(ones[:, place + 1], trials[:, place + 1] - ones[:, place + 1])
            each = ALPHA / (n_arms - 1)
            told["exact"] &= excluded(one, control, each, planned)
            for effect in np.unique(truth[:, place]):
                at = np.flatnonzero((truth[:, place] == effect) & ~found["exact"][0])
                wrong["exact"][at] |= excluded(one.at(at), control.at(at), each, planned, float(effect))
        for name in told:
            missed, decided = found[name]
            missed |= wrong[name]
            decided[told[name] & (decided == rounds)] = t
    return found


def _settings(n_arms: int, rounds: int) -> cb.designs.settings.MADSettings:
    from causalbandit.designs.settings import MADSettings

    return MADSettings(arms=tuple(range(n_arms)), delta="uniform", alpha=ALPHA, t_star=rounds)


def study(name: str, campaigns: int, jobs: int) -> dict[str, float]:
    """Misses and medians of one setting."""
    setting = SETTINGS[name]
    seeds = np.random.SeedSequence([SEED, list(SETTINGS).index(name)]).spawn(campaigns)
    with Parallel(n_jobs=jobs) as parallel:
        runs = parallel(delayed(campaign)(setting, seed) for seed in seeds)
    truth, arms, outcomes = (np.array(part) for part in zip(*runs, strict=True))
    found = readings(truth, arms, outcomes)
    row = {f"{name} missed": float(missed.mean()) for name, (missed, _) in found.items()}
    row |= {f"{name} rounds": float(np.median(decided)) for name, (_, decided) in found.items()}
    row |= {f"{name} decided": float((decided < setting.budget).mean()) for name, (_, decided) in found.items()}
    return row | {"effects": float(np.abs(truth).max() > 1e-9)}


def main() -> int:
    """All settings, the table, and the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--campaigns", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    started, failed = time.perf_counter(), []
    lines = [
        "# Campaigns of a confirmation",
        "",
        f"`python tests/benchmarks/confirm.py`: {given.campaigns:,} campaigns per row, α = {ALPHA}. *Missed*: share in "
        f"which an interval ever left a true effect out (`mad` from round {START} on). *Rounds*: median to the "
        "decision of all signs, and in brackets the share of campaigns decided within the budget.",
        "",
        "| problem | chosen | budget | mad missed | exact missed | mad rounds | exact rounds | exact/mad |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, setting in SETTINGS.items():
        row = study(name, given.campaigns, given.jobs)
        rounds = [f"{row[f'{of} rounds']:,.0f} ({row[f'{of} decided']:.2f})" for of in BARS]
        ratio = row["exact rounds"] / row["mad rounds"]
        beside = [*rounds, f"{ratio:.2f}"] if row["effects"] else ["–", "–", "–"]
        lines.append(
            f"| {name} | {setting.chosen} | {setting.budget:,} | {row['mad missed']:.3f} | {row['exact missed']:.3f} | "
            f"{' | '.join(beside)} |"
        )
        print(lines[-1], f"{time.perf_counter() - started:.0f} s", flush=True)
        for of, bar in BARS.items():
            if row[f"{of} missed"] > bar + 2 * math.sqrt(bar * (1 - bar) / given.campaigns):
                failed.append(f"{name}: {of} missed {row[f'{of} missed']:.3f}")
        if row["effects"] and ratio > SOONER:
            failed.append(f"{name}: exact takes {ratio:.2f} of mad's rounds")
    if given.campaigns >= 1000:
        RESULT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(*failed, sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
