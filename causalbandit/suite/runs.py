"""Strategies run on the suite: every search of every cell, on one or several processes."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from causalbandit.checks import whole_number
from causalbandit.evaluation import StrategyLike, labelled_strategies
from causalbandit.finished_searches import SearchStore
from causalbandit.propagation import MEMORY
from causalbandit.simulated_searches import Case, bench_of, check_jobs, run_cells
from causalbandit.suite.problems import suite_problems
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
    check_jobs(n_jobs)
    # Strategies meet the sets as they are, equal effects included, as the shipped results did.
    cases = [Case(each.problem, MEMORY, each.world, "off", reduce=False) for each in problems]
    named = [
        (each.name, case.fingerprint, len(each.problem.interventions))
        for each, case in zip(problems, cases, strict=True)
    ]
    with SearchStore(resume, named, labelled, np.random.SeedSequence(entropy)) as store:
        # The worlds of a problem depend on the seed, its name and the replication alone.
        seeds = [np.random.SeedSequence([entropy, zlib.crc32(each.name.encode())]) for each in problems]
        budgets = [each.budgets for each in problems]
        done, refused = run_cells(cases, [*labelled.values()], budgets, n, seeds, store, n_jobs, progress)
    blind = [float(np.mean(bench_of(case).regret)) for case in cases]
    frame = results_frame(problems, blind, list(labelled), n, done, refused)
    return SuiteResults(frame, tuple(labelled), entropy, n)
