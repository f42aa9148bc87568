"""Simulated searches by the block: what a worker process runs, and how blocks go to the workers and come back."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np

from causalbandit.counts import Counts
from causalbandit.driver import drive
from causalbandit.finished_searches import FinishedSearch, SearchStore
from causalbandit.problem import Problem
from causalbandit.strategies.maximise import Maximisation
from causalbandit.strategies.strategy import Batch, Strategy, Task, make_task

WAVE = 64
"""Blocks that go out together to backends that hand results over only when all are done."""
ATTEMPTS = 3
"""Workers may die this often in a row, without a block finished in between, before the run gives up."""


@dataclass(frozen=True)
class Case:
    """A problem as it travels to the workers; equal when its fingerprint is.

    Attributes
    ----------
    problem : Problem
        With its tables.
    fingerprint : str
        See :func:`fingerprint`.
    memory : int
        Bound on working memory of one propagation, in bytes.
    """

    problem: Problem = field(compare=False)
    fingerprint: str
    memory: int


@dataclass(frozen=True)
class Block:
    """Some replications of one cell.

    Attributes
    ----------
    case : Case
        The problem.
    strategy : Strategy
        The strategy.
    place : tuple of int
        Places of the problem and the strategy in the lists of the run, and the budget.
    replications : tuple of int
        Their numbers.
    entropy, spawn_key
        The seed of the problem; replication r has the children (r, 0) for the strategy and (r, 1) for the world.
    """

    case: Case
    strategy: Strategy
    place: tuple[int, int, int]
    replications: tuple[int, ...]
    entropy: Any
    spawn_key: tuple[int, ...]


class Bench:
    """All that searches on one problem share: simulator, effects on the maximising scale, and the tasks."""

    def __init__(self, case: Case) -> None:
        problem = case.problem
        self.problem = problem
        model = problem.require_model("evaluate_regret")
        self.simulator = model.simulator(problem.interventions, memory=case.memory)
        effects = self.simulator.effects
        self.turn = Maximisation.of(problem)
        self.regret = self.turn.regrets(effects)
        self.task = self.turn.task(make_task(problem, memory=case.memory))
        known = model.cpt_for(problem.interventions).copy()
        for family in problem.interventions.families_of(problem.graph.target):
            known[family.rows] = np.nan
        self.task_with_tables = replace(self.task, known=known)

    def task_for(self, strategy: Strategy) -> Task:
        """What ``strategy`` may know: the graph; all tables but the target's when it says ``knows_tables``."""
        return self.task_with_tables if getattr(strategy, "knows_tables", False) else self.task


@lru_cache(maxsize=16)
def bench_of(case: Case) -> Bench:
    """The bench of ``case``, made once per worker while it stays among the last few used."""
    return Bench(case)


def _run_block(block: Block) -> list[FinishedSearch]:
    bench = bench_of(block.case)
    return [_search_once(bench, block, replication) for replication in block.replications]


def _search_once(bench: Bench, block: Block, replication: int) -> FinishedSearch:
    learner_seed, world_seed = (
        np.random.SeedSequence(block.entropy, spawn_key=(*block.spawn_key, replication, part)) for part in (0, 1)
    )
    strategy, budget = block.strategy, block.place[2]
    world = np.random.default_rng(world_seed)
    target_only = strategy.needs == "target"
    used = 0

    def experiment(batch: Batch) -> Counts:
        nonlocal used
        used += batch.total
        if used > budget:
            raise RuntimeError(f"The strategy {strategy.name!r} asked for {used} experiments of a budget of {budget}.")
        return bench.turn.counts(bench.simulator.draw(batch.sizes, world, target_only=target_only))

    started = time.perf_counter()
    plan = strategy.run(bench.task_for(strategy), budget, np.random.default_rng(learner_seed))
    choice = drive(plan, experiment)
    seconds = time.perf_counter() - started
    regret = float(bench.regret[choice.best_index])
    return FinishedSearch(*block.place, replication, choice.best_index, regret, regret <= 1e-12, used, seconds)


def run_all(
    blocks: list[Block],
    n_jobs: int | None,
    progress: bool | None,
    n_before: int,
    done: dict[Any, FinishedSearch],
    store: SearchStore | None,
) -> None:
    """Run ``blocks``, keeping each as it finishes; after a worker's death run what is missing again."""
    from joblib.externals.loky.process_executor import BrokenProcessPool
    from tqdm import tqdm

    hidden = None if progress is None else not progress
    total = n_before + sum(len(block.replications) for block in blocks)
    failures = 0
    with tqdm(total=total, initial=n_before, desc="searches", unit="", disable=hidden, leave=False) as bar:
        while blocks:
            finished: set[tuple[Any, ...]] = set()
            try:
                for rows in _results(blocks, n_jobs):
                    if store is not None:
                        store.add(rows)
                    done.update((row.key, row) for row in rows)
                    finished.add(rows[0].key)
                    bar.update(len(rows))
                    failures = 0
                return
            except BrokenProcessPool as error:
                failures += 1
                blocks = [block for block in blocks if (*block.place, block.replications[0]) not in finished]
                if failures >= ATTEMPTS:
                    where = f" What was finished is in {store.path}; run again to continue." if store else ""
                    raise RuntimeError(
                        f"A worker process died {failures} times in a row, {len(blocks)} blocks of searches are left. "
                        f"The usual reason is too little memory: use fewer processes, or allow each less memory.{where}"
                    ) from error


def _results(blocks: Sequence[Block], n_jobs: int | None) -> Iterator[list[FinishedSearch]]:
    """Rows of each block, in the order in which they finish."""
    from joblib import Parallel, delayed
    from joblib.parallel import get_active_backend

    if n_jobs == 1 and _plain_backend():
        yield from map(_run_block, blocks)
        return
    if get_active_backend()[0].supports_return_generator:
        parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered")
        yield from parallel(delayed(_run_block)(block) for block in blocks)
        return
    # Ray's backend and multiprocessing hand results over when all are done: ask for a part at a time.
    with Parallel(n_jobs=n_jobs) as parallel:
        for start in range(0, len(blocks), WAVE):
            yield from parallel(delayed(_run_block)(block) for block in blocks[start : start + WAVE])


def _plain_backend() -> bool:
    """Whether joblib would use this machine: no other backend was configured around the call."""
    from joblib.parallel import get_active_backend

    return type(get_active_backend()[0]).__module__.startswith("joblib._parallel_backends")


def fingerprint(problem: Problem) -> str:
    """A text that is the same for problems with the same graph, tables, interventions, costs and goal."""
    graph, model = problem.graph, problem.require_model()
    parts = [
        problem.goal,
        graph.target,
        [[node, list(graph.parents(node)), [value.hex() for value in model.table(node)]] for node in graph.all_nodes],
        problem.interventions.assignments.tobytes().hex(),
        problem.interventions.costs.tobytes().hex(),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
