"""Simulated searches by the block: what a worker process runs, and how blocks go to the workers and come back."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np

from causalbandit.checked_search import checked_plan
from causalbandit.checks import shaped, whole_number
from causalbandit.counts import Counts
from causalbandit.driver import Check, drive
from causalbandit.errors import InvalidArgument, RunError
from causalbandit.finished_searches import FinishedSearch, SearchStore
from causalbandit.partial_draws import PartialDraws
from causalbandit.problem import Problem
from causalbandit.randomness import descendant
from causalbandit.spending import Limits, Spending
from causalbandit.strategies.maximise import Maximisation
from causalbandit.strategies.plans import plan_of
from causalbandit.strategies.strategy import Batch, Strategy, Task, check_budget, make_task
from causalbandit.text import progress_bar
from causalbandit.world import World

Unit = Literal["experiments", "money"]
Cell = tuple[int, int, float]
"""Places of a problem and a strategy in the lists of a run, and a budget."""

BLOCK = 20
"""Replications that a worker runs before it reports: the unit of progress and of what an interruption can lose."""
WAVE = 64
"""Blocks that go out together to backends that hand results over only when all are done."""
ATTEMPTS = 3
"""Workers may die this often in a row, without a block finished in between, before the run gives up."""


@dataclass(frozen=True)
class Case:
    """A problem as it travels to the workers, with what `evaluate_regret` was told of it; equal when fingerprints are.

    ``unit`` says what its budgets count. ``fingerprint`` is that of the problem (see :func:`fingerprint`), of its world
    and of all else that a search depends on. ``reduce`` does not hold in a world.
    """

    problem: Problem = field(compare=False)
    memory: int
    world: Problem | None = field(default=None, compare=False)
    check: Check = "warn"
    unit: Unit = "experiments"
    limits: Limits | None = None
    reduce: bool = True
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        arms, text = self.problem.interventions, fingerprint(self.problem)
        if self.world is not None:
            text += f" in {fingerprint(self.world)}, {self.check}"
        if self.unit == "money" or self.limits is not None:
            text += f", {self.unit}, {self.limits}"
        reduce = self.reduce and self.world is None and len(arms.groups) < len(arms)
        if reduce:
            text += ", one of each group"
        object.__setattr__(self, "reduce", reduce)
        object.__setattr__(self, "fingerprint", text)

    def spending(self, budget: float) -> Spending | None:
        """What a search may spend; None for a number of experiments without limits."""
        number, money = (None, budget) if self.unit == "money" else (budget, None)
        return Spending.of(self.problem.interventions, number, money, self.limits)


@dataclass(frozen=True)
class Block:
    """Some replications of one cell.

    Replication r has the children (r, 0) of the problem's ``seed`` for the strategy, and (r, 1) for the world.
    """

    case: Case
    strategy: Strategy
    cell: Cell
    replications: tuple[int, ...]
    seed: np.random.SeedSequence


class Outcome(NamedTuple):
    """What one search came to, as `FinishedSearch` has it."""

    chosen: int
    experiments: int
    contradicted: bool = False
    amendments: int = 0
    money: float = 0.0


class Bench:
    """All that searches on one problem share: simulator, effects on the maximising scale, and the tasks."""

    def __init__(self, case: Case) -> None:
        self.case, self.problem = case, case.problem
        problem = self.problem
        self.turn = Maximisation.of(problem)
        self.task = self.task_with_tables = self.turn.task(make_task(problem, memory=case.memory, reduce=case.reduce))
        self.world = None if case.world is None else World(problem, case.world, memory=case.memory)
        if self.world is not None:
            self.regret = self.turn.regrets(self.world.effects)
            return
        model = problem.require_model("evaluate_regret")
        self.simulator = model.simulator(problem.interventions, memory=case.memory)
        self.regret = self.turn.regrets(self.simulator.effects)
        known = model.cpt_for(problem.interventions).copy()
        for family in problem.interventions.families_of(problem.graph.target):
            known[family.rows] = self.task.known[family.rows]
        self.task_with_tables = replace(self.task, known=known)

    def run(self, strategy: Strategy, given: float, rng: np.random.Generator, draws: np.random.Generator) -> Outcome:
        """One search with the budget that was ``given``: what it chose, and what it found of the graph."""
        case, world, arms = self.case, self.world, self.problem.interventions
        used, money, costs = 0, 0.0, arms.costs
        task = self.task_for(strategy, given)
        budget = check_budget(given, strategy, task)
        setup = None if task.spending is None else task.spending.setup

        def counted(batch: Batch) -> Batch:
            nonlocal used, money
            shaped(batch.sizes, "batch.sizes", costs.shape, "one number per intervention")
            used += batch.total
            money += float(batch.sizes @ costs) + (0.0 if setup is None else float(setup[batch.sizes > 0].sum()))
            if used > budget:
                raise RunError(f"The strategy {strategy.name!r} asked for {used} experiments of a budget of {budget}.")
            return batch

        if world is not None and case.check != "off":
            repair = case.check == "repair"
            plan = checked_plan(
                *(self.problem, strategy, budget, rng), repair=repair, memory=case.memory, spending=task.spending
            )
            found = drive(plan, lambda batch: world.draw(counted(batch).sizes, draws))
            refuted = found.check is not None and found.check.refuted
            n_amendments = len(found.amendments)
            return Outcome(found.choice.best_index, used, refuted or n_amendments > 0, n_amendments, money)

        experiments = None if world is not None else PartialDraws(self.simulator, draws)

        def experiment(batch: Batch) -> Counts:
            sizes = counted(batch).sizes
            if world is not None:
                return self.turn.counts(world.draw(sizes, draws).counts(arms))
            assert experiments is not None
            return self.turn.counts(experiments.draw(sizes, batch.families, target_only=strategy.needs == "target"))

        return Outcome(drive(plan_of(strategy, task, budget, rng), experiment).best_index, used, money=money)

    def too_small(self, strategy: Strategy, budget: float) -> str:
        """Why ``strategy`` cannot work with a budget; empty when it can."""
        if self.world is not None and getattr(strategy, "knows_tables", False):
            return "must be told true tables, which a wrong graph does not have"
        try:
            check_budget(budget, strategy, self.task_for(strategy, budget))
        except InvalidArgument as error:
            if error.argument != "budget" or self.case.limits is not None:
                return str(error)
            return f"needs at least {strategy.smallest_budget(self.task_for(strategy, budget).searched)} experiments"
        return ""

    def task_for(self, strategy: Strategy, budget: float) -> Task:
        """What ``strategy`` may know: the graph; all tables but the target's when it says ``knows_tables``."""
        task = self.task_with_tables if getattr(strategy, "knows_tables", False) else self.task
        spending = self.case.spending(budget)
        return task if spending is None else replace(task, spending=spending)


@lru_cache(maxsize=16)
def bench_of(case: Case) -> Bench:
    """The bench of ``case``, made once per worker while it stays among the last few used."""
    return Bench(case)


def run_cells(
    cases: Sequence[Case],
    strategies: Sequence[Strategy],
    budgets: Sequence[Sequence[float]],
    replications: int,
    seeds: Sequence[np.random.SeedSequence],
    store: SearchStore,
    n_jobs: int | None,
    progress: bool | None,
) -> tuple[dict[Any, FinishedSearch], dict[Cell, str]]:
    """All searches by their keys, those that the store holds and those that are run now; and why some cells have none.

    ``budgets`` and ``seeds`` are those of each case. All cells advance together, so that a part of the run is a fair
    part.
    """
    cells = [
        (place, number, budget)
        for place, own in enumerate(budgets)
        for budget in own
        for number in range(len(strategies))
    ]
    reasons = {
        (place, number, budget): bench_of(cases[place]).too_small(strategies[number], budget)
        for place, number, budget in cells
    }
    done = {row.key: row for row in store.rows}
    blocks = []
    for start in range(0, replications, BLOCK):
        part = range(start, min(start + BLOCK, replications))
        for place, number, budget in cells:
            cell = place, number, budget
            missing = tuple(replication for replication in part if (*cell, replication) not in done)
            if missing and not reasons[cell]:
                blocks.append(Block(cases[place], strategies[number], cell, missing, seeds[place]))
    _run_all(blocks, n_jobs, progress, done, store)
    return done, {cell: reason for cell, reason in reasons.items() if reason}


def _run_block(block: Block) -> list[FinishedSearch]:
    bench = bench_of(block.case)
    try:
        return [_search_once(bench, block, replication) for replication in block.replications]
    except Exception as error:
        where = f" on {bench.problem.name!r}" if bench.problem.name else ""
        error.add_note(f"This happened to {block.strategy.name!r}{where} with {block.cell[2]} experiments.")
        raise


def _search_once(bench: Bench, block: Block, replication: int) -> FinishedSearch:
    learner, world = (np.random.default_rng(descendant(block.seed, replication, part)) for part in (0, 1))
    started = time.perf_counter()
    run = bench.run(block.strategy, block.cell[2], learner, world)
    seconds = time.perf_counter() - started
    regret = float(bench.regret[run.chosen])
    return FinishedSearch(
        *block.cell, replication, regret=regret, correct=regret <= 1e-12, seconds=seconds, **run._asdict()
    )


def check_jobs(n_jobs: int | None) -> None:
    """Raise unless ``n_jobs`` is a number of processes as joblib takes it, or None."""
    if n_jobs is not None and whole_number(n_jobs, "n_jobs", fix="-1 takes all cores.") == 0:
        raise InvalidArgument("n_jobs", "was 0; expected a number of processes, or -1 for all cores.")


def _run_all(
    blocks: list[Block],
    n_jobs: int | None,
    progress: bool | None,
    done: dict[Any, FinishedSearch],
    store: SearchStore,
) -> None:
    """Outcome ``blocks``, adding each to ``done`` as it finishes; after a worker's death run what is missing again."""
    from joblib.externals.loky.process_executor import BrokenProcessPool

    total = len(done) + sum(len(block.replications) for block in blocks)
    failures = 0
    with progress_bar(total, "searches", progress, initial=len(done), unit="") as bar:
        while blocks:
            finished: set[tuple[Any, ...]] = set()
            try:
                for rows in _results(blocks, n_jobs):
                    store.add(rows)
                    done.update((row.key, row) for row in rows)
                    finished.add(rows[0].key)
                    bar.update(len(rows))
                    failures = 0
                return
            except BrokenProcessPool as error:
                failures += 1
                blocks = [block for block in blocks if (*block.cell, block.replications[0]) not in finished]
                if failures >= ATTEMPTS:
                    where = f" What was finished is in {store.path}; run again to continue." if store.path else ""
                    raise RunError(
                        f"A worker process died {failures} times in a row, {len(blocks)} blocks of searches are left. "
                        f"The usual reason is too little memory: use fewer processes, or allow each less memory.{where}"
                    ) from error


def _results(blocks: Sequence[Block], n_jobs: int | None) -> Iterator[list[FinishedSearch]]:
    """Rows of each block, in the order in which they finish."""
    from joblib import Parallel, delayed
    from joblib.parallel import get_active_backend

    backend = get_active_backend()[0]
    if n_jobs == 1 and type(backend).__module__.startswith("joblib._parallel_backends"):  # no cluster
        yield from map(_run_block, blocks)
        return
    if backend.supports_return_generator:
        parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered")
        yield from parallel(delayed(_run_block)(block) for block in blocks)
        return
    # Ray's backend and multiprocessing hand results over when all are done: ask for a part at a time.
    with Parallel(n_jobs=n_jobs) as parallel:
        for start in range(0, len(blocks), WAVE):
            yield from parallel(delayed(_run_block)(block) for block in blocks[start : start + WAVE])


def _alternatives_text(problem: Problem) -> list[Any]:
    """Names and tables of all alternatives, and which each intervention chooses."""
    tables = {n: {name: [v.hex() for v in t] for name, t in each.items()} for n, each in problem.alternatives.items()}
    return [problem.graph.alternatives, tables, problem.interventions.choices.tobytes().hex()]


def fingerprint(problem: Problem) -> str:
    """A text that is the same for problems with the same graph, tables, interventions, costs, goal and known tables."""
    graph, tables = problem.graph, problem.tables
    parts = [
        problem.goal,
        graph.target,
        [[n, list(graph.parents(n)), [value.hex() for value in tables.get(n, ())]] for n in graph.all_nodes],
        problem.interventions.assignments.tobytes().hex(),
        problem.interventions.costs.tobytes().hex(),
        *([sorted(map(sorted, graph.confounded))] if graph.confounded else []),
        *([sorted(problem.known_tables.items())] if problem.known else []),
        *([_alternatives_text(problem)] if graph.alternatives else []),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
