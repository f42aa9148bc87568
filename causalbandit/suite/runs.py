"""Strategies run on the suite: every search of every cell, on one or several processes."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np

from causalbandit.checks import whole_number
from causalbandit.errors import InvalidArgument
from causalbandit.evaluation import BLOCK, StrategyLike, labelled_strategies
from causalbandit.finished_searches import FinishedSearch, SearchStore
from causalbandit.propagation import MEMORY
from causalbandit.simulated_searches import Block, Case, bench_of, run_all
from causalbandit.strategies.strategy import Strategy
from causalbandit.suite.problems import SuiteProblem, suite_problems
from causalbandit.suite.results import SuiteResults, results_frame

if TYPE_CHECKING:
    import os

SEED = 20_261_125
"""Seed of the worlds in which the shipped results were made. No strategy was tuned with it."""

REPLICATIONS = 20
"""Searches per cell unless told otherwise: enough for a family, whose cells are a dozen, not for one cell."""


def run_suite(
    strategies: StrategyLike | Sequence[StrategyLike] | Mapping[str, StrategyLike],
    families: Sequence[str] | None = None,
    replications: int = REPLICATIONS,
    *,
    seed: int = SEED,
    n_jobs: int | None = 1,
    resume: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> SuiteResults:
    """Regret of every strategy on the problems of ``families``, at all their budgets.

    Parameters
    ----------
    strategies : Strategy, str, sequence or mapping of str to these
        As in `evaluate_regret`.
    families : sequence of str, optional
        Names of families; all by default.
    replications : int
        Searches per cell, at least 2.
    seed : int
        With the same seed every strategy meets the same worlds, whichever strategies and families run beside it:
        those of the shipped results by default.
    n_jobs, resume, progress
        As in `evaluate_regret`.

    Raises
    ------
    TypeError, ValueError
        For unknown strategies and families and numbers out of range; before any search.
    ResumeError
        For a resume file of another run.

    Notes
    -----
    A strategy that cannot work on a problem, or not with so few experiments, has a row with the reason there. Searches
    in a world that differs from the graph are not checked for contradictions.
    """
    problems = suite_problems(families)
    labelled = labelled_strategies(strategies)
    n = whole_number(replications, "replications", least=2, of="searches per cell")
    entropy = whole_number(seed, "rng", least=0)
    if n_jobs is not None and whole_number(n_jobs, "n_jobs", fix="-1 takes all cores.") == 0:
        raise InvalidArgument("n_jobs", "was 0; expected a number of processes, or -1 for all cores.")
    # Strategies meet the sets as they are, equal effects included, as the shipped results did.
    cases = [Case.of(each.problem, MEMORY, each.world, "off", reduce=False) for each in problems]
    with ExitStack() as stack:
        store = None
        if resume is not None:
            named = [(each.name, case.fingerprint) for each, case in zip(problems, cases, strict=True)]
            sizes = [len(each.problem.interventions) for each in problems]
            root = np.random.SeedSequence(entropy)
            store = stack.enter_context(SearchStore(resume, named, labelled, root, sizes))
            store.begin(root)
        done = {row.key: row for row in store.rows} if store is not None else {}
        refused = _refused(problems, cases, labelled)
        blocks = _blocks(problems, cases, labelled, n, entropy, refused, done)
        run_all(blocks, n_jobs, progress, len(done), done, store)
    frame = results_frame(problems, [_blind(case) for case in cases], list(labelled), n, done, refused)
    return SuiteResults(frame, tuple(labelled), entropy, n)


def _blind(case: Case) -> float:
    """The regret of an intervention chosen with equal chances."""
    return float(np.mean(bench_of(case).regret))


Refusals = dict[tuple[int, int, int], str]


def _refused(problems: Sequence[SuiteProblem], cases: Sequence[Case], labelled: Mapping[str, Strategy]) -> Refusals:
    """(problem, strategy, budget) → why the strategy cannot work there."""
    reasons: Refusals = {}
    for p, (problem, case) in enumerate(zip(problems, cases, strict=True)):
        bench = bench_of(case)
        for s, strategy in enumerate(labelled.values()):
            why, smallest = "", 0
            if problem.world is not None and getattr(strategy, "knows_tables", False):
                why = "must be told true tables, which a wrong graph does not have"
            else:
                try:
                    smallest = strategy.smallest_budget(bench.task_for(strategy))
                except InvalidArgument as error:
                    why = error.message
            for budget in problem.budgets:
                if why or budget < smallest:
                    reasons[p, s, budget] = why or f"needs at least {smallest} experiments"
    return reasons


def _blocks(
    problems: Sequence[SuiteProblem],
    cases: Sequence[Case],
    labelled: Mapping[str, Strategy],
    replications: int,
    seed: int,
    refused: Refusals,
    done: Mapping[tuple[int, int, float, int], FinishedSearch],
) -> list[Block]:
    """Everything still to run. The worlds of a problem depend on the seed, its name and the replication alone."""
    blocks = []
    for p, (problem, case) in enumerate(zip(problems, cases, strict=True)):
        entropy = [seed, zlib.crc32(problem.name.encode())]
        for s, strategy in enumerate(labelled.values()):
            for budget in problem.budgets:
                if (p, s, budget) in refused:
                    continue
                for start in range(0, replications, BLOCK):
                    wanted = range(start, min(start + BLOCK, replications))
                    missing = tuple(r for r in wanted if (p, s, budget, r) not in done)
                    if missing:
                        blocks.append(Block(case, strategy, (p, s, budget), missing, entropy, ()))
    return blocks
