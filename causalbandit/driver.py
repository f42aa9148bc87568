"""How a search runs: a strategy asks for batches of experiments, someone runs them, and its choice becomes a decision.

:func:`drive` is the one loop that feeds a strategy; :func:`search` feeds it simulated experiments or those of the
caller's own function.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NoReturn, TypeVar

import numpy as np
import numpy.typing as npt

from causalbandit.checked_search import checked_plan
from causalbandit.checks import function, instance, one_of
from causalbandit.counts import Counts, as_asked
from causalbandit.decision import Decision
from causalbandit.errors import InvalidArgument
from causalbandit.finished_batches import FinishedBatch, keep_batch
from causalbandit.interventions import InterventionSet
from causalbandit.observed_rows import Environment, ObservedRows
from causalbandit.problem import Problem
from causalbandit.propagation import MEMORY, check_fits
from causalbandit.randomness import RNG, seed_sequence
from causalbandit.strategies.catalogue import strategy_from
from causalbandit.strategies.maximise import Maximisation
from causalbandit.strategies.stopping import StopWhenSure, Watched
from causalbandit.strategies.strategy import Batch, Choice, Strategy, Task, check_budget, check_tables, make_task
from causalbandit.world import World

if TYPE_CHECKING:
    from tqdm import tqdm

Seen = TypeVar("Seen")
Result = TypeVar("Result")
Floats = npt.NDArray[np.float64]
Check = Literal["warn", "repair", "off"]
CHECKS: tuple[Check, ...] = ("warn", "repair", "off")


def drive(plan: Generator[Batch, Seen, Result], experiment: Callable[[Batch], Seen]) -> Result:
    """Run ``plan`` to what it returns: every batch it yields goes to ``experiment``, what that saw comes back."""
    try:
        batch = next(plan)
        while True:
            batch = plan.send(experiment(batch))
    except StopIteration as stop:
        result: Result = stop.value
        return result


def search(
    problem: Problem,
    budget: int,
    strategy: Strategy | str = "two-phase",
    *,
    rng: RNG = None,
    environment: Environment | None = None,
    world: Problem | None = None,
    check: Check = "warn",
    known: Mapping[str, Sequence[float]] | None = None,
    stop: StopWhenSure | None = None,
    progress: bool | None = None,
    memory: int = MEMORY,
) -> Decision:
    """The best intervention that ``strategy`` finds with at most ``budget`` experiments.

    Parameters
    ----------
    problem : Problem
        Graph, interventions, goal and, for simulated experiments, the true tables.
    budget : int
        T, the number of experiments: one experiment applies one intervention once and observes all nodes. It is a
        number, not a sum of money: no strategy looks at the interventions' ``costs`` (the summary adds them up).
    strategy : Strategy or str
        An object such as ``TwoPhase()`` or the name of one.
    rng : seed or numpy.random.Generator, optional
        Same seed, same answer.
    environment : callable, optional
        ``run(intervention, size)`` runs ``size`` real experiments and returns a DataFrame with one row each and one 0/1
        column per node (the target and its ancestors at least). Without it experiments are simulated from the
        problem's tables.
    world : Problem, optional
        A problem with tables that is the truth instead of ``problem``: experiments are simulated from it, while the
        strategy sees the graph of ``problem``. Its observed nodes must be the same.
    check : {"warn", "repair", "off"}
        What to do about contradictions between the graph and the rows of ``environment`` or ``world``: "warn" tells
        them at the end (`Decision.graph_check`); "repair" amends the graph as soon as they refute it, reads all rows
        again and goes on (`Decision.amendments`, and the amended graph in `Decision.problem`). A right graph is ever
        refuted with probability 0.01 at most. Searches on the problem's own tables have nothing to check.
    known : mapping of str to sequence of float, optional
        Tables that are known in advance and not estimated (Yabe et al. 2018, Remark 3). A strategy whose name ends in
        "-knows-tables" needs those of all nodes but the target.
    stop : StopWhenSure, optional
        Stop as soon as the data show, at its error rate, that the best estimate is good enough; with any strategy. The
        decision's ``promise`` and its notes say what holds, and by which test.
    progress : bool, optional
        Show a progress bar; by default only on a terminal.
    memory : int
        Bound on working memory of one propagation, in bytes. Two-phase search keeps about four arrays of C·A numbers
        beside it (C family rows, A interventions).

    Returns
    -------
    Decision
        The chosen intervention with estimates, tables, and experiments used; with the true effects and the simple
        regret when the problem holds the true tables.

    Raises
    ------
    TypeError, ValueError
        Before any experiment, for a budget that is not a positive integer or below the strategy's smallest, an unknown
        strategy, missing tables without ``environment`` or for a strategy that must know them, and a graph too large
        for exact propagation in ``memory``; later for an environment whose rows do not fit what was asked. Whatever
        ``environment`` raises goes through. In both cases the exception has the attribute ``counts``: all experiments
        finished until then, from which ``TopTwo(prior=counts)`` can go on.
    """
    instance(problem, "problem", Problem, "a Problem, from load_problem or Problem(...)")
    chosen, task, budget = prepared(problem, strategy, budget, known=known, stop=stop, memory=memory)
    if environment is not None:
        function(environment, "environment", "a function run(intervention, size) that returns a DataFrame")
    one_of(check, "check", CHECKS)
    if world is not None and environment is not None:
        raise InvalidArgument("world", "was given beside environment; expected simulated experiments or real ones.")
    learner, random = (np.random.default_rng(seed) for seed in seed_sequence(rng).spawn(2))
    if environment is None and world is None:
        simulator = problem.require_model().simulator(problem.interventions, memory=memory)

        def simulate(batch: Batch) -> Counts:
            return simulator.draw(batch.sizes, random, target_only=chosen.needs == "target")

        return run_strategy(problem, chosen, task, budget, learner, simulate, progress)
    run = _RunOnRows(problem, chosen, task, budget, learner, check, known or {}, progress)
    if world is not None:
        truth = World(problem, world, memory=memory)
        return run.decision(lambda batch: truth.draw(batch.sizes, random), truth.effects)
    assert environment is not None
    paid: list[ObservedRows] = []
    try:
        return run.decision(lambda batch: run_environment(environment, problem.interventions, batch, paid))
    except Exception as error:
        if paid:
            counts = ObservedRows.concatenate(paid).counts(problem.interventions)
            error.counts = counts  # type: ignore[attr-defined]  # whatever the environment raised
            error.add_note(
                f"The {counts.total:,} experiments that were finished before are not lost: they are in the attribute "
                "counts of this exception. search(..., TopTwo(prior=error.counts)) goes on from them with the rest of "
                "the budget."
            )
        raise


def prepared(
    problem: Problem,
    strategy: Strategy | str,
    budget: int,
    *,
    known: Mapping[str, Sequence[float]] | None = None,
    stop: StopWhenSure | None = None,
    memory: int = MEMORY,
) -> tuple[Strategy, Task, int]:
    """The strategy as an object, its task on the user's scale, and the budget; refused now what could not run later."""
    chosen = strategy_from(strategy)
    if stop is not None:
        chosen = Watched(chosen, instance(stop, "stop", StopWhenSure, "StopWhenSure(error=0.05, tolerance=0.01)"))
    task = make_task(problem, known, memory)
    check_tables(chosen, task)
    budget = check_budget(budget, chosen, task)
    if chosen.needs == "rows":
        check_fits(problem.interventions, memory)  # refused now rather than after the first batch
    return chosen, task, budget


def run_strategy(
    problem: Problem,
    strategy: Strategy,
    task: Task,
    budget: int,
    rng: np.random.Generator,
    observe: Callable[[Batch], Counts],
    progress: bool | None = False,
) -> Decision:
    """The finished decision of one run: ``observe`` runs the experiments of a batch and returns their counts."""
    turn = Maximisation.of(problem)
    batches: list[FinishedBatch] = []

    with _bar(budget, progress) as bar:

        def experiment(batch: Batch) -> Counts:
            counts = observe(batch)
            keep_batch(batches, FinishedBatch(batch.phase, counts))
            bar.update(batch.total)
            return turn.counts(counts)

        choice = turn.choice(drive(strategy.run(turn.task(task), budget, rng), experiment))

    return concluded(problem, strategy, budget, choice, batches, task.memory)


@dataclass(frozen=True, eq=False)
class _RunOnRows:
    """One run whose experiments come as rows, so that they can be checked against the graph."""

    problem: Problem
    strategy: Strategy
    task: Task
    budget: int
    rng: np.random.Generator
    check: Check
    known: Mapping[str, Sequence[float]]
    progress: bool | None

    def decision(self, observe: Callable[[Batch], ObservedRows], true_effects: Floats | None = None) -> Decision:
        """The finished decision; ``observe`` runs the experiments of a batch and returns their rows."""
        problem, memory = self.problem, self.task.memory
        if self.check == "off":
            counted = run_strategy(
                *(problem, self.strategy, self.task, self.budget, self.rng),
                lambda batch: observe(batch).counts(problem.interventions),
                self.progress,
            )
            return counted if true_effects is None else replace(counted, true_effects=true_effects)
        plan = checked_plan(
            *(problem, self.strategy, self.budget, self.rng),
            repair=self.check == "repair",
            known=self.known,
            memory=memory,
        )
        with _bar(self.budget, self.progress) as bar:

            def experiment(batch: Batch) -> ObservedRows:
                rows = observe(batch)
                bar.update(batch.total)
                return rows

            run = drive(plan, experiment)
        decision = concluded(run.problem, self.strategy, self.budget, run.choice, run.batches, memory)
        if true_effects is None and problem.model is not None:  # an amended problem has no tables
            true_effects = problem.model.effects(problem.interventions, memory=memory)
        return replace(decision, true_effects=true_effects, graph_check=run.check, amendments=run.amendments)


def concluded(
    problem: Problem,
    strategy: Strategy,
    budget: int,
    choice: Choice,
    batches: Sequence[FinishedBatch],
    memory: int = MEMORY,
) -> Decision:
    """The decision that a choice on the user's scale makes, after these batches."""
    return Decision(
        problem=problem,
        strategy=strategy.name,
        budget=budget,
        best_index=choice.best_index,
        estimates=choice.effects,
        tables=choice.tables,
        mixture=choice.mixture,
        notes=choice.notes,
        promise=choice.promise,
        batches=tuple(batches),
        true_effects=None if problem.model is None else problem.model.effects(problem.interventions, memory=memory),
    )


def run_environment(
    environment: Environment, interventions: InterventionSet, batch: Batch, paid: list[ObservedRows]
) -> ObservedRows:
    """The rows that the caller's own function returns for each intervention of ``batch``.

    ``paid`` grows by the rows of every intervention as they arrive.
    """
    before = len(paid)
    for place in np.flatnonzero(batch.sizes):
        intervention, size = interventions[int(place)], int(batch.sizes[place])
        rows = ObservedRows.from_frame(interventions, intervention, environment(dict(intervention), size))
        as_asked(rows.total, size, intervention)
        paid.append(rows)
    return ObservedRows.concatenate(paid[before:])


def _bar(budget: int, progress: bool | None) -> tqdm[NoReturn]:
    """A bar of experiments, shown on terminals unless ``progress`` decides it."""
    from tqdm import tqdm

    hidden = None if progress is None else not progress
    return tqdm(total=budget, desc="experiments", unit="", unit_scale=True, disable=hidden, leave=False)
