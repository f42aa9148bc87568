"""Stopping when sure: how often searches promise wrongly, and how many experiments they use beside blind rules.

    python tests/benchmarks/stopping.py [errors | blind | belief | table] [--runs N] [--cell NAME]

Finished runs are kept in tests/benchmarks/results/.stopping/, so the study can be run in parts; ``table`` writes
tests/benchmarks/results/stopping.md. All settings below were fixed before the runs whose seeds are used here.

errors: 1,000 searches per cell by top-two with `StopWhenSure`; wrong are those that stop with a choice whose effect is
below the best by more than the tolerance. blind: the same question without the graph, every intervention an arm of its
own, by two ways of spreading experiments and the same rule, with a look whenever 10 % more experiments are in.
belief: searches that stop by their posterior probability instead.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import networkx as nx
import numpy as np
from study_problems import networks, random_families

import causalbandit as cb
from causalbandit.driver import drive
from causalbandit.sequences.bernoulli_contrast import bernoulli_contrast
from causalbandit.strategies.maximise import Maximisation
from causalbandit.strategies.stopping import StopWhenSure, Watched
from causalbandit.strategies.strategy import Batch, Choice, Plan, Strategy, Task, make_task

RESULTS = Path(__file__).parent / "results"
KEPT = RESULTS / ".stopping"
ERROR, RUNS, BLIND_RUNS = 0.05, 1000, 20
SEED = 2026


def arms(means: Sequence[float]) -> cb.Problem:
    """Interventions that share nothing: each fixes all parents of the target and so selects a row of its own."""
    n_bits = max(1, math.ceil(math.log2(len(means))))
    bits = [f"b{place}" for place in range(n_bits)]
    graph = cb.CausalGraph(nx.DiGraph([(bit, "y") for bit in bits]), target="y", parents={"y": bits})
    table = [*means, *[0.5] * (2**n_bits - len(means))]
    model = cb.CausalModel(graph, {**{bit: [0.5] for bit in bits}, "y": table})
    chosen = [{bit: place >> (n_bits - 1 - shift) & 1 for shift, bit in enumerate(bits)} for place in range(len(means))]
    return cb.Problem(graph, cb.InterventionSet(graph, chosen), model)


@dataclass(frozen=True)
class Cell:
    """A problem, the tolerance, the most experiments and the number of looks of a search."""

    problem: Callable[[], cb.Problem]
    tolerance: float
    budget: int
    looks: int
    on_graph: bool = True

    def strategy(self) -> cb.TopTwo:
        """Top-two with a look after each of its batches; arms that share nothing have no rows to plan."""
        return cb.TopTwo(rounds=self.looks) if self.on_graph else cb.TopTwo(rounds=self.looks, planned=0, draws=200)


NETWORKS, FAMILIES = networks(), random_families(3)
CELLS = {
    "arms .51, .50": Cell(lambda: arms([0.51, 0.50]), 0.0, 5_000, 100, False),
    "arms .03, .02": Cell(lambda: arms([0.03, 0.02]), 0.0, 10_000, 100, False),
    "arms .512, 4 × .50": Cell(lambda: arms([0.512, *[0.5] * 4]), 0.01, 10_000, 100, False),
    "arms .03, 3 × .02": Cell(lambda: arms([0.03, *[0.02] * 3]), 0.008, 10_000, 100, False),
    "asia, .01": Cell(lambda: NETWORKS["asia"][0], 0.01, 8_000, 40),
    "asia, .004": Cell(lambda: NETWORKS["asia"][0], 0.004, 20_000, 40),
    "purchase, .01": Cell(lambda: NETWORKS["purchase"][0], 0.01, 4_000, 40),
    "purchase, .02": Cell(lambda: NETWORKS["purchase"][0], 0.02, 4_000, 40),
    "win95pts Problem6, .04": Cell(lambda: NETWORKS["win95pts Problem6"][0], 0.04, 20_000, 40),
    "win95pts Problem1, .04": Cell(lambda: NETWORKS["win95pts Problem1"][0], 0.04, 12_000, 30),
    "random uniform, .01": Cell(lambda: FAMILIES["random uniform"][0], 0.01, 8_000, 40),
    "noisy-or, rare, .035": Cell(lambda: FAMILIES["random noisy-or, rare"][0], 0.035, 4_000, 40),
}


# -- without the graph -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spread:
    """Batches of a tenth of what is in, shared out by ``shares`` of the arms' counts; 20 per arm at first."""

    name: str
    shares: Callable[[np.ndarray, np.ndarray], np.ndarray]
    needs: str = "rows"

    def smallest_budget(self, task: Task) -> int:
        """20 per arm."""
        return 20 * len(task.interventions)

    def run(self, task: Task, budget: int, rng: np.random.Generator) -> Plan:
        """Batches until the budget is used."""
        n_arms = len(task.interventions)
        ones, trials = np.zeros((2, n_arms), dtype=np.int64)
        sizes = np.full(n_arms, 20)
        while trials.sum() + sizes.sum() <= budget:
            counts = yield Batch(sizes, self.name)
            ones, trials = ones + counts.successes, trials + counts.trials
            shares = self.shares(ones, trials)
            sizes = np.ceil(0.1 * trials.sum() * shares / shares.sum()).astype(np.int64)
        return Choice(int((ones / trials).argmax()))


def undecided(ones: np.ndarray, trials: np.ndarray, tolerance: float) -> tuple[int, np.ndarray]:
    """The leader, and who may still be better by more than the tolerance."""
    leader = int((ones / trials).argmax())
    found = bernoulli_contrast(ones, trials, ones[leader], trials[leader], ERROR, contrasts=max(1, len(ones) - 1))
    return leader, (found.upper > tolerance) & (np.arange(len(ones)) != leader)


def blind_strategies(tolerance: float) -> list[Spread]:
    """The undecided and the leader alike, or the leader as often as is best against k equal rivals."""

    def elimination(ones: np.ndarray, trials: np.ndarray) -> np.ndarray:
        leader, open_ = undecided(ones, trials, tolerance)
        return open_ + (np.arange(len(ones)) == leader) * 1.0

    def leader_first(ones: np.ndarray, trials: np.ndarray) -> np.ndarray:
        leader, open_ = undecided(ones, trials, tolerance)
        return open_ + (np.arange(len(ones)) == leader) * math.sqrt(max(1, open_.sum()))

    return [
        Spread("elimination", elimination),
        Spread("elimination, leader first", leader_first),
    ]


def without_graph(problem: cb.Problem) -> cb.Problem:
    """The same effects as arms that share nothing, to be maximised."""
    assert problem.model is not None
    effects = problem.model.effects(problem.interventions)
    return arms(effects if problem.goal == "max" else 1 - effects)


# -- runs ------------------------------------------------------------------------------------------------------------


def searches(
    problem: cb.Problem, strategy: Strategy, tolerance: float, budget: int, runs: range, seed: int
) -> list[list[float]]:
    """Per run: experiments used, whether it stopped, how much worse than the best its choice is, and by which rule."""
    assert problem.model is not None
    turn = Maximisation.of(problem)
    task = turn.task(make_task(problem))
    simulator = problem.model.simulator(problem.interventions)
    regrets = turn.regrets(problem.model.effects(problem.interventions))
    rows = []
    for run in runs:
        learner, world = (np.random.default_rng(child) for child in np.random.SeedSequence([seed, run]).spawn(2))
        used = [0]

        def experiment(batch: Batch, world: np.random.Generator = world, used: list[int] = used) -> object:
            used[0] += batch.total
            return turn.counts(simulator.draw(batch.sizes, world))

        choice = drive(strategy.run(task, budget, learner), experiment)  # type: ignore[arg-type]
        promise = choice.promise
        stopped = promise.kept if promise is not None else used[0] < budget
        rule = "" if promise is None or not promise.kept else promise.rule
        rows.append([used[0], int(stopped), float(regrets[choice.best_index]), rule])
    return rows


def kept_runs(part: str, cell: str, runs: int, go: Callable[[range], list[list[float]]]) -> list[list[float]]:
    """The first ``runs`` runs of a part: those in its file, and the others, 50 at a time."""
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / f"{part} {cell}.json".replace("/", "-")
    rows = json.loads(path.read_text()) if path.exists() else []
    while len(rows) < runs:
        rows += go(range(len(rows), min(runs, len(rows) + 50)))
        path.write_text(json.dumps(rows))
        print(part, cell, len(rows), flush=True)
    return rows[:runs]


def errors(name: str, runs: int) -> list[list[float]]:
    """Top-two with the rule."""
    cell = CELLS[name]
    strategy = Watched(cell.strategy(), StopWhenSure(ERROR, cell.tolerance, cell.looks))
    seed = SEED + list(CELLS).index(name)
    return kept_runs(
        "errors",
        name,
        runs,
        lambda part: searches(cell.problem(), strategy, cell.tolerance, cell.budget, part, seed),
    )


def blind(name: str, runs: int) -> dict[str, list[list[float]]]:
    """The two ways without the graph."""
    cell = CELLS[name]
    found = {}
    for spread in blind_strategies(cell.tolerance):
        strategy = Watched(spread, StopWhenSure(ERROR, cell.tolerance, looks=1))
        problem = without_graph(cell.problem())
        found[spread.name] = kept_runs(
            f"blind {spread.name}",
            name,
            runs,
            lambda part, problem=problem, strategy=strategy: searches(  # type: ignore[misc]
                problem, strategy, cell.tolerance, 10_000_000, part, SEED + 100
            ),
        )
    return found


def belief(name: str, runs: int) -> list[list[float]]:
    """Top-two that stops at the posterior probability 0.95 of being within the tolerance."""
    cell = CELLS[name]
    strategy = cb.TopTwo(rounds=cell.looks, planned=0, draws=200, stop_level=1 - ERROR, stop_tolerance=cell.tolerance)
    return kept_runs(
        "belief", name, runs, lambda part: searches(cell.problem(), strategy, cell.tolerance, cell.budget, part, SEED)
    )


def wrong_share(rows: list[list[float]], tolerance: float) -> float:
    """Share of all runs that stopped with a choice worse than promised."""
    return float(np.mean([bool(row[1]) and row[2] > tolerance + 1e-12 for row in rows]))


def table(runs: int) -> None:
    """All parts into results/stopping.md."""
    bar = ERROR + 2 * math.sqrt(ERROR * (1 - ERROR) / runs)
    lines = [
        "# Stopping when sure",
        "",
        f"{runs:,} searches per cell by top-two with StopWhenSure(error={ERROR}, tolerance). *Wrong*: stopped with a "
        "choice worse than the best by more than the tolerance, as a share of all searches; at most "
        f"{bar:.3f} is within two standard errors of the promise. *Rules*: how many stopped by the graph's tables, by "
        "outcomes alone, by both. *Experiments*: median of all searches, beside that of the better of two ways without "
        f"the graph ({BLIND_RUNS} searches each, the same rule, every intervention an arm of its own). Made by "
        "`python tests/benchmarks/stopping.py`.",
        "",
        "| cell | tolerance | interventions | budget | looks | stopped | wrong | rules | experiments | blind | ratio |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, cell in CELLS.items():
        rows = errors(name, runs)
        median = float(np.median([row[0] for row in rows]))
        rules = "/".join(str(sum(row[3] == rule for row in rows)) for rule in ("graph", "outcomes", "both"))
        beside = "– | –"
        if cell.on_graph:
            way, least = min(
                ((way, float(np.median([row[0] for row in found]))) for way, found in blind(name, BLIND_RUNS).items()),
                key=lambda pair: pair[1],
            )
            beside = f"{least:,.0f} ({way}) | {median / least:.3f}"
        lines.append(
            f"| {name.split(', .')[0] if cell.on_graph else name} | {cell.tolerance:g} | "
            f"{len(cell.problem().interventions)} | {cell.budget:,} | {cell.looks} | "
            f"{np.mean([row[1] for row in rows]):.3f} | {wrong_share(rows, cell.tolerance):.4f} | {rules} | "
            f"{median:,.0f} | {beside} |"
        )
    lines += [
        "",
        "Searches that stop by their belief, a posterior probability of 0.95 of being within the tolerance, at the "
        "same looks:",
        "",
        "| cell | stopped | wrong | wrong among those that stopped |",
        "|---|---|---|---|",
    ]
    for name in list(CELLS)[:2]:
        rows = belief(name, 300)
        stopped = float(np.mean([row[1] for row in rows]))
        wrong = wrong_share(rows, CELLS[name].tolerance)
        lines.append(f"| {name} | {stopped:.3f} | {wrong:.3f} | {wrong / max(stopped, 1e-9):.3f} |")
    (RESULTS / "stopping.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", choices=["errors", "blind", "belief", "table"], default="table")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--cell", choices=list(CELLS))
    given = parser.parse_args()
    names = [given.cell] if given.cell else list(CELLS)
    if given.part == "table":
        table(given.runs)
    for name in names:
        if given.part == "errors":
            rows = errors(name, given.runs)
            print(name, "wrong", wrong_share(rows, CELLS[name].tolerance), "stopped", np.mean([row[1] for row in rows]))
        elif given.part == "blind" and CELLS[name].on_graph:
            for way, rows in blind(name, min(given.runs, BLIND_RUNS)).items():
                print(
                    name, way, "median", np.median([row[0] for row in rows]), wrong_share(rows, CELLS[name].tolerance)
                )
        elif given.part == "belief" and name in list(CELLS)[:2]:
            belief(name, min(given.runs, 300))


if __name__ == "__main__":
    main()
