"""Simple regret of search strategies over many simulated searches, on one machine or a cluster.

Every strategy searches the same worlds: the seeds of a replication depend on the problem and on the replication's
number alone, so that differences between strategies are paired, and the rows depend neither on the number of workers
nor on the order in which they finish.

>>> from causalbandit import evaluate_regret
>>> from causalbandit.random_problems import random_problem
>>> problem = random_problem(8, rng=0)
>>> curves = evaluate_regret(problem, ["top-two", "uniform"], budgets=[100, 200], replications=5, rng=0)
>>> len(curves.to_frame())  # strategies × budgets × replications
20

Clusters come in through joblib's backends. With the extra ``dask`` three lines send the work to one::

    client = dask.distributed.Client("scheduler-address:8786")
    with joblib.parallel_config(backend="dask"):
        curves = evaluate_regret(problem, strategies, budgets, replications, rng=0, n_jobs=-1)

For Ray, call ``ray.util.joblib.register_ray()`` and name the backend "ray". The package must be installed on the
workers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from causalbandit.checks import ascending, distinct, instance, listed, number, one_of, whole_number
from causalbandit.driver import CHECKS, Check
from causalbandit.errors import InvalidArgument
from causalbandit.finished_searches import FinishedSearch, SearchStore
from causalbandit.problem import Problem
from causalbandit.propagation import MEMORY
from causalbandit.randomness import RNG, descendant, seed_sequence
from causalbandit.regret_curves import RegretCurves
from causalbandit.simulated_searches import Case, Cell, Unit, check_jobs, run_cells
from causalbandit.spending import MOST_EXPERIMENTS, Limits
from causalbandit.strategies.catalogue import strategy_from
from causalbandit.strategies.strategy import Strategy
from causalbandit.world import World

if TYPE_CHECKING:
    import os

    import pandas as pd

StrategyLike = Strategy | str


def evaluate_regret(
    problem: Problem | Sequence[Problem],
    strategies: StrategyLike | Sequence[StrategyLike] | Mapping[str, StrategyLike],
    budgets: int | Sequence[int] | None = None,
    replications: int = 200,
    *,
    budgets_money: float | Sequence[float] | None = None,
    limits: Limits | None = None,
    world: Problem | Sequence[Problem] | None = None,
    check: Check = "warn",
    rng: RNG = None,
    n_jobs: int | None = 1,
    resume: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
    memory: int = MEMORY,
    reduce: bool = True,
) -> RegretCurves:
    """Simple regret of every strategy at every budget, over simulated searches that all strategies share.

    Parameters
    ----------
    problem : Problem or sequence of Problem
        With the true tables; the strategies do not see them. Several problems are evaluated one beside the other.
    strategies : Strategy, str, sequence or mapping of str to these
        Objects or names; a mapping gives labels of one's own.
    budgets : int or sequence of int, optional
        Numbers of experiments, ascending. A budget below a strategy's smallest is a skipped cell, which the frame says.
    replications : int
        Searches per cell.
    budgets_money : float or sequence of float, optional
        In place of ``budgets`` sums of money, ascending, that pay the experiments at the interventions' costs.
    limits : Limits, optional
        What every search must keep to, as in `search`.
    world : Problem or sequence of Problem, optional
        The truth, with tables, one for all or one for each problem: experiments and regret follow it, while strategies
        see the graph of ``problem``, which needs no tables then. The observed nodes must be the same.
    check : {"warn", "repair", "off"}
        In a world: whether a search is checked for contradictions with its graph, and whether it repairs the graph
        (see `search`). The frame then has the columns ``contradicted`` and ``amendments``.
    rng : seed or numpy.random.Generator, optional
        Same seed, same rows (``seconds`` aside), whatever ``n_jobs``.
    n_jobs : int, optional
        Worker processes as in joblib; -1 for all cores, None for what ``joblib.parallel_config`` says.
    resume : path, optional
        Keep every finished block of searches in this file, and continue from it if it exists. The file must come from
        the same problems, strategies and seed; budgets and replications may be more than before.
    progress : bool, optional
        Show a progress bar; by default only on a terminal.
    memory : int
        Bound on working memory of one propagation, in bytes, per worker.
    reduce : bool
        Whether searches experiment with one intervention only of each group with the same effect, as in `search`; not
        in a ``world``.

    Raises
    ------
    TypeError, ValueError
        For unknown strategies, budgets that are not ascending positive integers, replications below 1, and a problem
        without tables; before any search.
    ResumeError
        A ValueError for a resume file that belongs to something else, with the difference; before any search.
    RuntimeError
        When workers die again and again. What was finished stays in the resume file.

    Notes
    -----
    Cost per search: a strategy that ignores the graph costs its batches, about 10 µs each, whatever the budget; one
    that learns tables costs, per batch, one draw through the clique tree and its propagation, which dominates. Tree,
    simulator and true effects are made once per problem and worker.
    """
    problems = _checked_problems(problem, with_tables=world is None)
    worlds = _checked_worlds(world, problems)
    one_of(check, "check", CHECKS)
    labelled = labelled_strategies(strategies)
    sizes = checked_budgets(budgets) if budgets_money is None else checked_sums(budgets_money, budgets)
    unit: Unit = "experiments" if budgets_money is None else "money"
    n_replications = whole_number(replications, "replications", least=1, of="searches per cell")
    check_jobs(n_jobs)
    labels = _problem_labels(problems)
    cases = [
        Case(each, memory, truth, check, unit, limits, reduce) for each, truth in zip(problems, worlds, strict=True)
    ]
    if world is not None:
        for label, strategy in labelled.items():
            if getattr(strategy, "knows_tables", False):
                why = "must be told true tables, which a graph that differs from the world does not have"
                raise InvalidArgument("world", f"was given, but {label!r} {why}. Leave this strategy out.")

    named = [
        (label, case.fingerprint, len(case.problem.interventions)) for label, case in zip(labels, cases, strict=True)
    ]
    with SearchStore(resume, named, labelled, seed_sequence(rng), any_seed=rng is None) as store:
        seeds = [descendant(store.seed, place) for place in range(len(cases))]
        done, skipped = run_cells(
            cases, [*labelled.values()], [sizes] * len(cases), n_replications, seeds, store, n_jobs, progress
        )
    frame = _frame(done, skipped, cases, labels, list(labelled), sizes, n_replications)
    return RegretCurves(frame, tuple(labelled), tuple(labels), unit)


def _frame(
    done: Mapping[Any, FinishedSearch],
    skipped: Mapping[Cell, str],
    cases: Sequence[Case],
    problem_labels: Sequence[str],
    strategy_labels: Sequence[str],
    budgets: Sequence[float],
    n_replications: int,
) -> pd.DataFrame:
    import pandas as pd

    labels = [case.problem.interventions.labels for case in cases]
    records: list[tuple[Any, ...]] = []
    for case_place, problem in enumerate(problem_labels):
        for strategy_place, strategy in enumerate(strategy_labels):
            for budget in budgets:
                reason = skipped.get((case_place, strategy_place, budget))
                if reason is not None:
                    nothing = None, "", math.nan, None, None, math.nan, None, None, math.nan
                    records.append((problem, strategy, budget, *nothing, reason))
                    continue
                for replication in range(n_replications):
                    row = done[case_place, strategy_place, budget, replication]
                    chosen = labels[case_place][row.chosen]
                    records.append((problem, strategy, budget, replication, chosen, *row[5:], ""))
    kinds = FRAME_COLUMNS | ({"budget": "float64"} if cases[0].unit == "money" else {})
    frame = pd.DataFrame.from_records(records, columns=list(kinds)).astype(kinds)
    checked = cases[0].world is not None and cases[0].check != "off"
    left_out = [] if checked else ["contradicted", "amendments"]
    if cases[0].unit == "experiments" and all(case.problem.interventions.priced_alike for case in cases):
        left_out.append("money")
    return frame.drop(columns=left_out)


FRAME_COLUMNS = {
    "problem": "object",
    "strategy": "object",
    "budget": "int64",
    "replication": "Int64",
    "chosen": "object",
    "regret": "float64",
    "correct": "boolean",
    "experiments": "Int64",
    "seconds": "float64",
    "contradicted": "boolean",
    "amendments": "Int64",
    "money": "float64",
    "reason": "object",
}
"""Columns of the table of a comparison and their types."""


# --- Checks and names ---------------------------------------------------------------------------------------------


def _checked_problems(problem: Problem | Sequence[Problem], *, with_tables: bool) -> list[Problem]:
    problems = _several(problem, "problem", Problem, "a Problem or a list of them")
    for each in problems:
        instance(each, "problem", Problem, "a Problem, from load_problem or Problem(...), or a list of them")
        if with_tables:
            each.require_model(f"The regret of searches on {each.name!r}" if each.name else "The regret of searches")
    return problems


def _checked_worlds(world: Problem | Sequence[Problem] | None, problems: Sequence[Problem]) -> list[Problem | None]:
    """The world of each problem; those of problems that a world does not fit are refused now."""
    if world is None:
        return [None] * len(problems)
    worlds = [world] * len(problems) if isinstance(world, Problem) else listed(world, "world", "a Problem or a list")
    if len(worlds) != len(problems):
        raise InvalidArgument("world", f"holds {len(worlds)} for {len(problems)} problems; expected one for each.")
    for problem, truth in zip(problems, worlds, strict=True):
        World(problem, truth)
    return list(worlds)


def _problem_labels(problems: Sequence[Problem]) -> list[str]:
    """Names of the problems, repeated ones numbered; no number makes a name that another problem has."""
    names = [problem.name or f"problem {place + 1}" for place, problem in enumerate(problems)]
    taken = {name for name in names if names.count(name) == 1}
    labels = []
    for name in names:
        if names.count(name) > 1:
            name = next(numbered for i in itertools.count(1) if (numbered := f"{name} ({i})") not in taken)
            taken.add(name)
        labels.append(name)
    return labels


def labelled_strategies(
    strategies: StrategyLike | Sequence[StrategyLike] | Mapping[str, StrategyLike],
) -> dict[str, Strategy]:
    """Label → strategy: the name as given, the object's name, or the mapping's key; duplicates tell their parameters.

    Raises
    ------
    TypeError, ValueError
        For an unknown name (the message lists the names), something that is no strategy, the same one twice, and none.
    """
    if isinstance(strategies, Mapping):
        made = [strategy_from(strategy) for strategy in strategies.values()]
        labels = [str(label) for label in strategies]
    else:
        known = "a strategy, a list of them or a mapping from label to strategy, such as 'two-phase'"
        given = _several(strategies, "strategies", (str, Strategy), known)
        made = [strategy_from(strategy) for strategy in given]
        names = [one if isinstance(one, str) else strategy.name for one, strategy in zip(given, made, strict=True)]
        labels = [
            name if names.count(name) == 1 else repr(strategy) for name, strategy in zip(names, made, strict=True)
        ]
    if not labels:
        raise InvalidArgument("strategies", "were none; expected at least one, such as 'two-phase'.")
    distinct(labels, "strategies")
    return dict(zip(labels, made, strict=True))


def checked_budgets(budgets: int | Sequence[int] | None) -> list[int]:
    """The budgets as a list, or an error unless they are positive whole numbers in ascending order."""
    known = "a whole number of experiments or a list of them, such as [300, 1000]"
    return ascending(
        _several(budgets, "budgets", (int, np.integer), known), "budgets", 1, MOST_EXPERIMENTS, "experiments"
    )


def checked_sums(budgets_money: float | Sequence[float], budgets: object = None) -> list[float]:
    """The sums of money as a list, or an error unless they are above 0, ascending, and given alone."""
    if budgets is not None:
        raise InvalidArgument("budgets_money", "was given beside budgets; expected one of the two.")
    given = _several(budgets_money, "budgets_money", (int, float, np.number), "a sum of money or a list of them")
    sums = [number(each, "budgets_money", above=0) for each in given]
    if any(later <= earlier for earlier, later in itertools.pairwise(sums)):
        raise InvalidArgument("budgets_money", f"was {sums}; expected ascending sums of money, such as [1000, 5000].")
    return sums


def _several(given: Any, argument: str, one: type | tuple[type, ...], expected: str) -> list[Any]:
    """What was given, one thing or a collection of them, as a list that is not empty."""
    several = [given] if isinstance(given, one) else listed(given, argument, expected)
    if not several:
        raise InvalidArgument(argument, f"was empty; expected {expected}.")
    return several
