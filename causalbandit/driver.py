"""How a search runs: a strategy asks for batches of experiments, someone runs them, and its choice becomes a decision.

:func:`drive` is the one loop that feeds a strategy; :func:`search` feeds it simulated experiments or those of the
caller's own function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from causalbandit.checks import instance
from causalbandit.counts import Counts
from causalbandit.decision import Decision, FinishedBatch
from causalbandit.errors import InvalidArgument, InvalidType
from causalbandit.interventions import InterventionSet
from causalbandit.problem import Problem
from causalbandit.propagation import MEMORY, check_fits
from causalbandit.randomness import RNG, seed_sequence
from causalbandit.strategies.catalogue import strategy_from
from causalbandit.strategies.maximise import Maximisation
from causalbandit.strategies.stopping import StopWhenSure, Watched
from causalbandit.strategies.strategy import Batch, Choice, Plan, Strategy, Task, check_budget, check_tables, make_task

if TYPE_CHECKING:
    import pandas as pd

Environment = Callable[[dict[str, int], int], "pd.DataFrame"]
"""A user's own experiments: ``run(intervention, size)`` returns one row per experiment, one 0/1 column per node."""

MOST_KEPT = 1 << 25
"""Numbers that the batches of a decision may hold one by one, 256 MiB: successive rejects has A batches of 2·A."""


def drive(plan: Plan, experiment: Callable[[Batch], Counts]) -> Choice:
    """Run ``plan`` to its choice: every batch it yields goes to ``experiment``, the counts of it come back."""
    try:
        batch = next(plan)
        while True:
            batch = plan.send(experiment(batch))
    except StopIteration as stop:
        choice: Choice = stop.value
        return choice


def search(
    problem: Problem,
    budget: int,
    strategy: Strategy | str = "two-phase",
    *,
    rng: RNG = None,
    environment: Environment | None = None,
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
    if environment is not None and not callable(environment):
        raise InvalidType(
            "environment",
            f"was {environment!r}; expected a function run(intervention, size) that returns a DataFrame.",
        )
    learner_seed, world_seed = seed_sequence(rng).spawn(2)
    paid = [Counts.zeros(problem.interventions)]
    if environment is None:
        world_rng = np.random.default_rng(world_seed)
        simulator = problem.require_model().simulator(problem.interventions, memory=memory)

        def observe(batch: Batch) -> Counts:
            return simulator.draw(batch.sizes, world_rng, target_only=chosen.needs == "target")

    else:

        def observe(batch: Batch) -> Counts:
            return run_environment(environment, problem.interventions, batch, paid)

    try:
        return run_strategy(problem, chosen, task, budget, np.random.default_rng(learner_seed), observe, progress)
    except Exception as error:
        if paid[0].total:
            error.counts = paid[0]  # type: ignore[attr-defined]  # whatever the environment raised
            error.add_note(
                f"The {paid[0].total:,} experiments that were finished before are not lost: they are in the attribute "
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
    from tqdm import tqdm

    turn = Maximisation.of(problem)
    batches: list[FinishedBatch] = []
    hidden = None if progress is None else not progress

    with tqdm(total=budget, desc="experiments", unit="", unit_scale=True, disable=hidden, leave=False) as bar:

        def experiment(batch: Batch) -> Counts:
            counts = observe(batch)
            _keep(batches, FinishedBatch(batch.phase, counts))
            bar.update(batch.total)
            return turn.counts(counts)

        choice = turn.choice(drive(strategy.run(turn.task(task), budget, rng), experiment))

    return concluded(problem, strategy, budget, choice, batches, task.memory)


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
        effects=choice.effects,
        tables=choice.tables,
        mixture=choice.mixture,
        notes=choice.notes,
        promise=choice.promise,
        batches=tuple(batches),
        true_effects=None if problem.model is None else problem.model.effects(problem.interventions, memory=memory),
    )


def _keep(batches: list[FinishedBatch], new: FinishedBatch) -> None:
    """Append ``new``; when that would take too much memory add it to the batch before, if that is of its phase."""
    numbers = 2 * (len(new.counts.trials) + len(new.counts.visits))
    if batches and batches[-1].phase == new.phase and numbers * len(batches) > MOST_KEPT:
        batches[-1] = batches[-1] + new
    else:
        batches.append(new)


def run_environment(
    environment: Environment, interventions: InterventionSet, batch: Batch, paid: list[Counts]
) -> Counts:
    """Counts of the rows that the caller's own function returns for each intervention of ``batch``.

    ``paid[0]`` grows by the counts of every intervention as they arrive.
    """
    total = Counts.zeros(interventions)
    for place in np.flatnonzero(batch.sizes):
        intervention, size = interventions[int(place)], int(batch.sizes[place])
        rows = environment(dict(intervention), size)
        counts = Counts.from_frame(interventions, intervention, rows)
        if counts.total != size:
            raise InvalidArgument(
                "environment",
                f"returned {counts.total} experiments under {intervention!r}; expected the {size} that were asked for, "
                "one row each.",
            )
        total = total + counts
        paid[0] = paid[0] + counts
    return total
