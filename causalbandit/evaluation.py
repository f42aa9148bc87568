"""Simple regret of search strategies over many simulated searches, on one machine or a cluster.

Every strategy searches the same worlds: the seeds of a replication depend on the problem and on the replication's
number alone, so that differences between strategies are paired, and the rows depend neither on the number of workers
nor on the order in which they finish.

>>> from causalbandit import evaluate_regret
>>> from causalbandit.random_problems import random_problem
>>> problem = random_problem(8, rng=0)
>>> curves = evaluate_regret(problem, ["top-two", "uniform"], budgets=[100, 1000], replications=20, rng=0)
>>> len(curves.to_frame())  # strategies × budgets × replications
80

Clusters come in through joblib's backends. With the extra ``dask`` three lines send the work to one::

    client = dask.distributed.Client("scheduler-address:8786")
    with joblib.parallel_config(backend="dask"):
        curves = evaluate_regret(problem, strategies, budgets, replications, rng=0, n_jobs=-1)

For Ray, call ``ray.util.joblib.register_ray()`` and name the backend "ray". The package must be installed on the
workers.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from causalbandit.counts import Counts
from causalbandit.driver import drive
from causalbandit.errors import InvalidArgument, InvalidType
from causalbandit.finished_searches import FinishedSearch, ResumeError, SearchStore
from causalbandit.problem import Problem
from causalbandit.propagation import MEMORY
from causalbandit.randomness import RNG, seed_sequence
from causalbandit.strategies.catalogue import strategy_from
from causalbandit.strategies.maximise import Maximisation
from causalbandit.strategies.strategy import MOST_EXPERIMENTS, Batch, Strategy, Task, make_task

if TYPE_CHECKING:
    import os

    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["RegretCurves", "ResumeError", "evaluate_regret"]

BLOCK = 20
"""Replications that a worker runs before it reports: the unit of progress and of what an interruption can lose."""
WAVE = 64
"""Blocks that go out together to backends that hand results over only when all are done."""
ATTEMPTS = 3
"""Workers may die this often in a row, without a block finished in between, before the run gives up."""

StrategyLike = Strategy | str


@dataclass(frozen=True, eq=False)
class RegretCurves:
    """Simple regret per search: the result of :func:`evaluate_regret`.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row per problem, strategy, budget and replication, in that order of sorting: ``problem``, ``strategy`` (as
        given), ``budget``, ``replication``, ``chosen`` (the intervention's label), ``regret`` (≥ 0, on the scale of the
        target's probability), ``correct`` (none is better), ``experiments`` (used, ≤ budget), ``seconds`` (of the
        search with its simulation) and ``reason``. A cell that a strategy cannot work with is one row without
        replication, with NaN regret and the reason.
    strategies, problems : tuple of str
        Labels in the order given.
    """

    frame: pd.DataFrame
    strategies: tuple[str, ...]
    problems: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """The frame, a copy."""
        return self.frame.copy()

    def summary(self, *, reference: str | None = None, level: float = 0.95) -> pd.DataFrame:
        """Mean regret per problem, strategy and budget, and the paired difference to ``reference``.

        Columns: ``replications``, ``mean``, ``std_error``, ``q50``, ``q90``, ``max``, ``correct`` (share),
        ``experiments`` and ``seconds`` (means); ``difference`` (mean over replications of this strategy's regret minus
        that of ``reference``, by default the first strategy), ``difference_std_error``, ``difference_lower`` and
        ``difference_upper`` (Student's t at ``level``, valid as replications grow); ``reason`` for skipped cells.
        """
        pivot = self._paired()
        reference = self._checked_reference(reference)
        records = []
        for (problem, strategy, budget), group in self.frame.groupby(
            ["problem", "strategy", "budget"], sort=False, observed=True
        ):
            record: dict[str, Any] = {"problem": problem, "strategy": strategy, "budget": budget}
            reason = str(group["reason"].iloc[0])
            if reason:
                records.append(record | {"replications": 0, "reason": reason})
                continue
            regret = group["regret"].to_numpy(dtype=np.float64)
            record |= {
                "replications": len(regret),
                "mean": regret.mean(),
                "std_error": _standard_error(regret),
                "q50": np.quantile(regret, 0.5),
                "q90": np.quantile(regret, 0.9),
                "max": regret.max(),
                "correct": float(group["correct"].astype(bool).mean()),
                "experiments": float(group["experiments"].mean()),
                "seconds": float(group["seconds"].mean()),
            }
            mine, other = pivot.get((problem, strategy, budget)), pivot.get((problem, reference, budget))
            if mine is not None and other is not None:
                record |= _difference(mine, other, level)
            records.append(record | {"reason": ""})
        return _tidy(records, [*_SUMMARY_COLUMNS, "reason"])

    def differences(self, *, level: float = 0.95) -> pd.DataFrame:
        """Paired differences between all pairs of strategies: one row per problem, budget and pair.

        ``difference`` is the mean over replications of the regret of ``strategy`` minus that of ``other``, with
        ``difference_std_error``, ``difference_lower``, ``difference_upper`` as in :meth:`summary`.
        """
        pivot = self._paired()
        budgets = sorted({budget for _, _, budget in pivot})
        records = [
            {"problem": problem, "budget": budget, "strategy": first, "other": second}
            | _difference(pivot[problem, first, budget], pivot[problem, second, budget], level)
            for problem in self.problems
            for budget in budgets
            for place, first in enumerate(self.strategies)
            for second in self.strategies[place + 1 :]
            if (problem, first, budget) in pivot and (problem, second, budget) in pivot
        ]
        return _tidy(records, ["problem", "budget", "strategy", "other", *_DIFFERENCE_COLUMNS])

    def plot(self, ax: Axes | None = None, *, problem: str | None = None) -> Axes:
        """Mean regret over the budget on logarithmic axes, with bands of two standard errors.

        ``problem`` names one of several problems; by default the mean over all of them is drawn.
        """
        from causalbandit.plots.regret import plot_regret

        return plot_regret(self, ax, problem=problem)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, numbers and texts, ready for JSON: ``strategies``, ``problems`` and ``rows``."""
        import pandas as pd

        from causalbandit.text import plain

        rows = [
            {str(name): None if pd.isna(value) else plain(value) for name, value in row.items()}
            for row in self.frame.to_dict("records")
        ]
        return {"strategies": list(self.strategies), "problems": list(self.problems), "rows": rows}

    def _paired(self) -> dict[tuple[Any, Any, Any], npt.NDArray[np.float64]]:
        """Regret per (problem, strategy, budget), replications ascending; skipped cells left out."""
        done = self.frame[self.frame["reason"] == ""]
        groups = done.groupby(["problem", "strategy", "budget"], sort=False, observed=True)["regret"]
        return {tuple(key): values.to_numpy(dtype=np.float64) for key, values in groups}  # type: ignore[misc]  # three columns

    def _checked_reference(self, reference: str | None) -> str:
        if reference is None:
            return self.strategies[0]
        if reference not in self.strategies:
            raise ValueError(
                f"reference was {reference!r}; expected one of the strategies {', '.join(self.strategies)}."
            )
        return reference

    def _repr_html_(self) -> str:
        html: str = self.summary().to_html(index=False, float_format=lambda value: f"{value:.4g}", na_rep="")
        return html

    def __repr__(self) -> str:
        cells = len(self.frame.groupby(["problem", "strategy", "budget"], observed=True))
        return f"RegretCurves({', '.join(self.strategies)}; {cells} cells, {len(self.frame)} rows)"


def evaluate_regret(
    problem: Problem | Sequence[Problem],
    strategies: StrategyLike | Sequence[StrategyLike] | Mapping[str, StrategyLike],
    budgets: int | Sequence[int],
    replications: int,
    *,
    rng: RNG = None,
    n_jobs: int | None = 1,
    resume: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
    memory: int = MEMORY,
) -> RegretCurves:
    """Simple regret of every strategy at every budget, over simulated searches that all strategies share.

    Parameters
    ----------
    problem : Problem or sequence of Problem
        With the true tables; the strategies do not see them. Several problems are evaluated one beside the other.
    strategies : Strategy, str, sequence or mapping of str to these
        Objects or names; a mapping gives labels of one's own.
    budgets : int or sequence of int
        Numbers of experiments, ascending. A budget below a strategy's smallest is a skipped cell, which the frame says.
    replications : int
        Searches per cell.
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
    problems = _checked_problems(problem)
    labelled = labelled_strategies(strategies)
    sizes = checked_budgets(budgets)
    n_replications = _checked_replications(replications)
    if n_jobs is not None and (isinstance(n_jobs, bool) or not isinstance(n_jobs, (int, np.integer)) or n_jobs == 0):
        raise ValueError(f"n_jobs was {n_jobs!r}; expected a number of processes, or -1 for all cores.")
    labels = _problem_labels(problems)
    cases = [_Case(each, fingerprint(each), memory) for each in problems]

    root = seed_sequence(rng)
    named = [(label, case.fingerprint) for label, case in zip(labels, cases, strict=True)]
    with ExitStack() as stack:
        store = None
        if resume is not None:
            n_interventions = [len(each.interventions) for each in problems]
            store = SearchStore(resume, named, labelled, None if rng is None else root, n_interventions)
            stack.enter_context(store)
            root = store.seed or root
            store.begin(root)
        done = {row.key: row for row in store.rows} if store is not None else {}
        skipped = _skipped(cases, labelled, sizes)
        blocks = _blocks(cases, labelled, sizes, n_replications, root, skipped, done)
        _run_all(blocks, n_jobs, progress, len(done), done, store)
    return RegretCurves(
        _frame(done, skipped, cases, labels, list(labelled), sizes, n_replications), tuple(labelled), tuple(labels)
    )


# --- What runs in a worker ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Case:
    """A problem as it travels to the workers; equal when its fingerprint is."""

    problem: Problem = field(compare=False)
    fingerprint: str
    memory: int


@dataclass(frozen=True)
class _Block:
    """Some replications of one cell."""

    case: _Case
    strategy: Strategy
    place: tuple[int, int, int]  # problem, strategy, budget
    replications: tuple[int, ...]
    entropy: Any
    spawn_key: tuple[int, ...]


class _Bench:
    """All that searches on one problem share: simulator, effects on the maximising scale, and the tasks."""

    def __init__(self, case: _Case) -> None:
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
def _bench(case: _Case) -> _Bench:
    """The bench of ``case``, made once per worker while it stays among the last few used."""
    return _Bench(case)


def _run_block(block: _Block) -> list[FinishedSearch]:
    bench = _bench(block.case)
    return [_search_once(bench, block, replication) for replication in block.replications]


def _search_once(bench: _Bench, block: _Block, replication: int) -> FinishedSearch:
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


# --- Planning and collecting --------------------------------------------------------------------------------------


def _skipped(cases: Sequence[_Case], labelled: Mapping[str, Strategy], budgets: Sequence[int]) -> dict[Any, str]:
    """(problem, strategy, budget) → why the strategy cannot work there."""
    reasons = {}
    for case_place, case in enumerate(cases):
        bench = _bench(case)
        for strategy_place, strategy in enumerate(labelled.values()):
            smallest = strategy.smallest_budget(bench.task_for(strategy))
            for budget in budgets:
                if budget < smallest:
                    reasons[case_place, strategy_place, budget] = f"needs at least {smallest} experiments"
    return reasons


def _blocks(
    cases: Sequence[_Case],
    labelled: Mapping[str, Strategy],
    budgets: Sequence[int],
    n_replications: int,
    root: np.random.SeedSequence,
    skipped: Mapping[Any, str],
    done: Mapping[Any, FinishedSearch],
) -> list[_Block]:
    """Everything still to run; all cells advance together, so that a part of the run is a fair part."""
    blocks = []
    for start in range(0, n_replications, BLOCK):
        for case_place, case in enumerate(cases):
            for budget in budgets:
                for strategy_place, strategy in enumerate(labelled.values()):
                    place = case_place, strategy_place, budget
                    if place in skipped:
                        continue
                    missing = tuple(
                        replication
                        for replication in range(start, min(start + BLOCK, n_replications))
                        if (*place, replication) not in done
                    )
                    if missing:
                        spawn_key = (*root.spawn_key, case_place)
                        blocks.append(_Block(case, strategy, place, missing, root.entropy, spawn_key))
    return blocks


def _run_all(
    blocks: list[_Block],
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


def _results(blocks: Sequence[_Block], n_jobs: int | None) -> Iterator[list[FinishedSearch]]:
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


def _frame(
    done: Mapping[Any, FinishedSearch],
    skipped: Mapping[Any, str],
    cases: Sequence[_Case],
    problem_labels: Sequence[str],
    strategy_labels: Sequence[str],
    budgets: Sequence[int],
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
                    records.append((problem, strategy, budget, None, "", math.nan, None, None, math.nan, reason))
                    continue
                for replication in range(n_replications):
                    row = done[case_place, strategy_place, budget, replication]
                    chosen = labels[case_place][row.chosen]
                    records.append((problem, strategy, budget, replication, chosen, *row[5:], ""))
    frame = pd.DataFrame.from_records(records, columns=list(_FRAME_COLUMNS))
    return frame.astype(_FRAME_COLUMNS)


_FRAME_COLUMNS = {
    "problem": "object",
    "strategy": "object",
    "budget": "int64",
    "replication": "Int64",
    "chosen": "object",
    "regret": "float64",
    "correct": "boolean",
    "experiments": "Int64",
    "seconds": "float64",
    "reason": "object",
}
_DIFFERENCE_COLUMNS = ("difference", "difference_std_error", "difference_lower", "difference_upper")
_SUMMARY_COLUMNS = (
    *("problem", "strategy", "budget", "replications", "mean", "std_error", "q50", "q90", "max", "correct"),
    *("experiments", "seconds", *_DIFFERENCE_COLUMNS),
)


def _tidy(records: list[dict[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame.from_records(records).reindex(columns=list(columns))


def _standard_error(values: npt.NDArray[np.float64]) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan


def _difference(mine: npt.NDArray[np.float64], other: npt.NDArray[np.float64], level: float) -> dict[str, float]:
    from scipy.special import stdtrit

    paired = mine - other
    mean, error = float(paired.mean()), _standard_error(paired)
    reach = float(stdtrit(len(paired) - 1, 0.5 + level / 2)) * error if len(paired) > 1 else math.nan
    return dict(zip(_DIFFERENCE_COLUMNS, (mean, error, mean - reach, mean + reach), strict=True))


# --- Checks and names ---------------------------------------------------------------------------------------------


def _checked_problems(problem: Problem | Sequence[Problem]) -> list[Problem]:
    problems = [problem] if isinstance(problem, Problem) else _listed(problem, "problem", "a Problem or a list of them")
    if not problems:
        raise ValueError("No problem was given; expected one Problem or a list of them.")
    for each in problems:
        if not isinstance(each, Problem):
            raise TypeError(
                f"problem was a {type(each).__name__}; expected a Problem, from load_problem or Problem(...), or a "
                "list of them."
            )
        each.require_model(f"The regret of searches on {each.name!r}" if each.name else "The regret of searches")
    return problems


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
        labelled = {}
        for label, strategy in strategies.items():
            if str(label) in labelled:
                raise ValueError(f"The label {str(label)!r} was given to two strategies; expected one label for each.")
            labelled[str(label)] = strategy_from(strategy)
    else:
        listed = (
            [strategies]
            if isinstance(strategies, (str, Strategy))
            else _listed(strategies, "strategies", "a strategy, a list of them or a mapping from label to strategy")
        )
        made = [strategy_from(strategy) for strategy in listed]
        names = [
            given if isinstance(given, str) else strategy.name for given, strategy in zip(listed, made, strict=True)
        ]
        labels = [
            name if names.count(name) == 1 else repr(strategy) for name, strategy in zip(names, made, strict=True)
        ]
        repeated = sorted({label for label in labels if labels.count(label) > 1})
        if repeated:
            raise ValueError(f"The strategy {repeated[0]} was given more than once; expected each one once.")
        labelled = dict(zip(labels, made, strict=True))
    if not labelled:
        raise ValueError("No strategy was given; expected at least one, such as 'two-phase'.")
    return labelled


def checked_budgets(budgets: int | Sequence[int]) -> list[int]:
    """The budgets as a list, or an error unless they are positive whole numbers in ascending order."""
    wanted = "a whole number of experiments or a list of them, such as [300, 1000]"
    listed = [budgets] if isinstance(budgets, (int, np.integer)) else _listed(budgets, "budgets", wanted)
    for budget in listed:
        if isinstance(budget, bool) or not isinstance(budget, (int, np.integer)):
            raise InvalidType(
                "budgets", f"hold {budget!r}; expected whole numbers of experiments, such as [300, 1000]."
            )
        if not 1 <= budget <= MOST_EXPERIMENTS:
            raise InvalidArgument(
                "budgets", f"hold {budget}; expected numbers of experiments from 1 to {MOST_EXPERIMENTS:,}."
            )
    if not listed:
        raise ValueError("No budget was given; expected at least one number of experiments, such as [1000].")
    for before, after in itertools.pairwise(listed):
        if before == after:
            raise ValueError(f"budgets hold {before} more than once; expected each one once, ascending.")
        if before > after:
            raise ValueError(f"budgets hold {before} before {after}; expected them ascending: {sorted(listed)}.")
    return [int(budget) for budget in listed]


def _listed(given: Any, name: str, expected: str) -> list[Any]:
    """What was given as a list, or a TypeError that names it; a text is one thing, not a list of letters."""
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise TypeError(f"{name} was {given!r}; expected {expected}.")
    return list(given)


def _checked_replications(replications: Any) -> int:
    if isinstance(replications, bool) or not isinstance(replications, (int, np.integer)):
        raise TypeError(f"replications was {replications!r}; expected a whole number of searches per cell.")
    if replications < 1:
        raise ValueError(f"replications was {replications}; expected at least 1 search per cell.")
    return int(replications)


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
