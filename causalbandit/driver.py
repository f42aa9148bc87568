"""How a search runs: a strategy asks for batches of experiments, someone runs them, and its choice becomes a decision.

:func:`drive` is the one loop that feeds a strategy; :func:`search` feeds it simulated experiments or those of the
caller's own function.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import numpy as np

from causalbandit.arrays import Floats
from causalbandit.checked_search import checked_plan
from causalbandit.checks import function, instance, one_of
from causalbandit.counts import Counts, as_asked
from causalbandit.decision import Decision
from causalbandit.errors import InvalidArgument
from causalbandit.finished_batches import FinishedBatch, keep_batch
from causalbandit.history_rows import History
from causalbandit.history_use import UsedHistory, read_history, require_reader
from causalbandit.interventions import InterventionSet
from causalbandit.known_tables import Known
from causalbandit.observed_rows import Environment, ObservedRows
from causalbandit.partial_draws import PartialDraws
from causalbandit.problem import Problem
from causalbandit.propagation import MEMORY, check_fits
from causalbandit.randomness import RNG, seed_sequence
from causalbandit.spending import Limits, Spending
from causalbandit.strategies.catalogue import strategy_from
from causalbandit.strategies.earlier import Earlier
from causalbandit.strategies.maximise import Maximisation
from causalbandit.strategies.plans import plan_of
from causalbandit.strategies.stopping import StopWhenSure, Watched
from causalbandit.strategies.strategy import Batch, Choice, Strategy, Task, check_budget, check_tables, make_task
from causalbandit.strategies.top_two import TopTwo
from causalbandit.text import progress_bar
from causalbandit.world import World

Seen = TypeVar("Seen")
Result = TypeVar("Result")
Check = Literal["warn", "repair", "off"]
CHECKS: tuple[Check, ...] = ("warn", "repair", "off")

LOG = logging.getLogger(__name__)


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
    budget: int | None = None,
    strategy: Strategy | str = "two-phase",
    *,
    budget_money: float | None = None,
    limits: Limits | None = None,
    rng: RNG = None,
    environment: Environment | None = None,
    world: Problem | None = None,
    check: Check = "warn",
    known: Known | None = None,
    stop: StopWhenSure | None = None,
    history: Any = None,
    history_interventions: str | Mapping[str, str] | None = None,
    progress: bool | None = None,
    memory: int = MEMORY,
    reduce: bool = True,
) -> Decision:
    """The best intervention that ``strategy`` finds with at most ``budget`` experiments, or for ``budget_money``.

    Parameters
    ----------
    problem : Problem
        Graph, interventions, goal and, for simulated experiments, the true tables.
    budget : int, optional
        T, the number of experiments: one experiment applies one intervention once and observes all nodes. It is a
        number, whatever they cost.
    strategy : Strategy or str
        An object such as ``TwoPhase()`` or the name of one.
    budget_money : float, optional
        In place of ``budget`` a sum of money, in the unit of the interventions' ``costs``, which every experiment is
        paid from. The strategies spread it by what experiments teach for their price, and none exceeds it.
    limits : Limits, optional
        Prices of set-ups, and the most different interventions in a batch and experiments under one.
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
    known : mapping of str to sequence of float, or iterable of str, optional
        Tables that are known in advance and not estimated (Yabe et al. 2018, Remark 3), beside those of
        ``problem.known``: per node a table, with NaN or None in configurations that must be learned; or names of nodes
        whose tables in ``problem`` are known. What the tables of ``problem`` or ``world`` say of the same node must
        agree. A strategy whose name ends in "-knows-tables" needs those of all nodes but the target.
    stop : StopWhenSure, optional
        Stop as soon as the data show, at its error rate, that the best estimate is good enough; with any strategy. The
        decision's ``promise`` and its notes say what holds, and by which test.
    history : pandas.DataFrame, mapping, sequence, Fitted or History, optional
        Rows from before, as `fit` takes them, or what it made of them. They cost nothing of the budget. Beside the
        experiments of the search each counts with the weight, between 0 and 1, that its row of a table (for strategies
        that ignore the graph: its intervention) deserves by their agreement; see `causalbandit.strategies.earlier`.
        They are checked with the experiments of ``environment`` or ``world``; "repair" reads them again under the
        amended graph. Right if they come from the same population, and if numbers of rows under their interventions
        were not chosen by their outcomes. `Decision.history` tells what they counted for.
    history_interventions : str or mapping of str to str, optional
        For one frame: the columns that tell what was fixed, as in `fit`.
    progress : bool, optional
        Show a progress bar; by default only on a terminal.
    memory : int
        Bound on working memory of one propagation, in bytes. Two-phase and top-two search keep about four arrays of
        C·A numbers beside it (C family rows, A interventions) while one of them fits into the bound; then they read
        reach compressed, some interventions at a time, unless there are prices, another weighting or truncation.
    reduce : bool
        Experiment with one intervention only, the cheapest, of each group that has the same effect in every model of
        the graph (`InterventionSet.groups`); the others share its estimate. With False, and in any case with
        ``limits``, in a ``world``, whose graph may say otherwise, and when check="repair" may change the graph, all are
        experimented with. A strategy of one's own is told the smaller set.

    Returns
    -------
    Decision
        The chosen intervention with estimates, tables, and experiments used; with the true effects and the simple
        regret when the problem holds the true tables.

    Raises
    ------
    TypeError, ValueError
        Before any experiment, for a budget that is not a positive integer or below the strategy's smallest, a sum of
        money below the cheapest experiment, limits that leave the strategy no plan, an unknown strategy, missing
        tables without ``environment`` or for a strategy that must know them, and a graph too large for exact
        propagation in ``memory``; later for an environment whose rows do not fit what was asked. Whatever
        ``environment`` raises goes through. In both cases, also when its first call fails, the exception has the
        attributes ``experiments``, the counts of all experiments finished until then and of the strategy's ``prior``,
        and ``counts``, the same with the ``history``: ``TopTwo(prior=...)`` can go on from either.
    """
    instance(problem, "problem", Problem, "a Problem, from load_problem or Problem(...)")
    if known is not None:
        problem = problem.with_known(known)
    reduce = reduce and world is None and check != "repair"
    rows = read_history(problem, history, history_interventions)
    chosen, task, budget = prepared(
        *(problem, strategy, budget, budget_money, limits), stop=stop, memory=memory, history=rows, reduce=reduce
    )
    if environment is not None:
        function(environment, "environment", "a function run(intervention, size) that returns a DataFrame")
    one_of(check, "check", CHECKS)
    if world is not None and environment is not None:
        raise InvalidArgument("world", "was given beside environment; expected simulated experiments or real ones.")
    learner, random = (np.random.default_rng(seed) for seed in seed_sequence(rng).spawn(2))
    run = Run(problem, chosen, task, budget, learner, progress, rows)
    if environment is None and world is None:
        simulator = problem.require_model().simulator(problem.interventions, memory=memory)
        experiments = PartialDraws(simulator, random)

        def simulate(batch: Batch) -> Counts:
            return experiments.draw(batch.sizes, batch.families, target_only=chosen.needs == "target")

        return run.by_counts(simulate, experiments)
    if world is not None:
        truth = World(problem, world, memory=memory)
        return run.by_rows(lambda batch: truth.draw(batch.sizes, random), check, truth.effects)
    assert environment is not None
    paid: list[ObservedRows] = []
    inner = chosen.strategy if isinstance(chosen, Watched) else chosen
    arms = problem.interventions
    before = inner.prior_counts(arms) if isinstance(inner, TopTwo) else Counts.zeros(arms)
    try:
        return run.by_rows(lambda batch: run_environment(environment, arms, batch, paid), check)
    except BaseException as error:  # an interrupted search has cost as much
        keep_paid(error, before, paid, arms, rows)
        raise


def keep_paid(
    error: BaseException, before: Counts, paid: Sequence[ObservedRows], arms: InterventionSet, history: History | None
) -> None:
    """Give ``error`` what was paid for: ``experiments`` with those ``before``, and ``counts`` with the history, too."""
    experiments = before if not paid else before + ObservedRows.concatenate(paid).counts(arms)
    counts = experiments if history is None else experiments + history.counts(arms)
    error.experiments, error.counts = experiments, counts  # type: ignore[attr-defined]  # whatever was raised
    if not counts.visits.any():
        return
    finished = sum(rows.total for rows in paid)
    given = " with the data from before" if history is not None or before.visits.any() else ""
    again = " To weigh the history anew, give it again beside TopTwo(prior=error.experiments)." if history else ""
    error.add_note(
        f"The {finished:,} experiments that were finished before are not lost: they are{given} in the attribute counts "
        "of this exception. search(..., TopTwo(prior=error.counts)) goes on from them with the rest of the budget."
        + again
    )


def prepared(
    problem: Problem,
    strategy: Strategy | str,
    budget: int | None,
    budget_money: float | None = None,
    limits: Limits | None = None,
    *,
    stop: StopWhenSure | None = None,
    memory: int = MEMORY,
    history: History | None = None,
    reduce: bool = True,
) -> tuple[Strategy, Task, int]:
    """The strategy as an object, its task on the user's scale, and the budget; refused now what could not run later.

    Where prices or limits decide, the budget is the most experiments that any plan can have.
    """
    chosen = strategy_from(strategy)
    if stop is not None:
        chosen = Watched(chosen, instance(stop, "stop", StopWhenSure, "StopWhenSure(error=0.05, tolerance=0.01)"))
    if history is not None:
        require_reader(chosen)
    earlier = None if history is None else Earlier(history.counts(problem.interventions))
    spending = Spending.of(problem.interventions, budget, budget_money, limits)
    task = make_task(problem, memory=memory, history=earlier, spending=spending, reduce=reduce)
    check_tables(chosen, task)
    most = check_budget(budget, chosen, task)
    if chosen.needs == "rows":
        check_fits(problem.interventions, memory)  # refused now rather than after the first batch
    return chosen, task, most


@dataclass(frozen=True, eq=False)
class Run:
    """A search that is ready to run, with what `prepared` made of it."""

    problem: Problem
    strategy: Strategy
    task: Task
    budget: int
    rng: np.random.Generator
    progress: bool | None = False
    history: History | None = None

    def by_counts(self, observe: Callable[[Batch], Counts], in_part: PartialDraws | None = None) -> Decision:
        """The finished decision: ``observe`` runs the experiments of a batch and returns their counts.

        When it draws them ``in_part`` (see `Batch.families`), the batches of a phase are kept as one, completed at its
        end.
        """
        turn = Maximisation.of(self.problem)
        batches: list[FinishedBatch] = []

        def complete() -> None:
            if in_part is not None and in_part.pending:
                batches[-1] += FinishedBatch(batches[-1].phase, in_part.rest(), n_batches=0)

        def turned(batch: Batch) -> Counts:
            if batches and batches[-1].phase != batch.phase:
                complete()
            counts = observe(batch)
            keep_batch(batches, FinishedBatch(batch.phase, counts), join=in_part is not None and in_part.pending)
            return turn.counts(counts)

        plan = plan_of(self.strategy, turn.task(self.task), self.budget, self.rng)
        choice = turn.choice(self._driven(plan, turned))
        complete()
        return concluded(
            *(self.problem, self.strategy, self.budget, choice, batches),
            *(self.task.memory, self.history, self.task.spending),
        )

    def by_rows(
        self, observe: Callable[[Batch], ObservedRows], check: Check, true_effects: Floats | None = None
    ) -> Decision:
        """The finished decision: ``observe`` returns the rows of a batch, which can be checked against the graph.

        ``true_effects`` are those of a world.
        """
        problem, task = self.problem, self.task
        if check == "off":
            counted = self.by_counts(lambda batch: observe(batch).counts(problem.interventions))
            return counted if true_effects is None else replace(counted, true_effects=true_effects)
        plan = checked_plan(
            *(problem, self.strategy, self.budget, self.rng),
            repair=check == "repair",
            memory=task.memory,
            history=self.history,
            spending=task.spending,
            reduce=task.reduce,
        )
        run = self._driven(plan, observe)
        decision = concluded(
            *(run.problem, self.strategy, self.budget, run.choice, run.batches, task.memory), spending=task.spending
        )
        if true_effects is None and problem.model is not None:  # an amended problem has no tables
            true_effects = problem.model.effects(problem.interventions, memory=task.memory)
        return replace(
            decision, true_effects=true_effects, graph_check=run.check, amendments=run.amendments, history=run.history
        )

    def _driven(self, plan: Generator[Batch, Seen, Result], experiment: Callable[[Batch], Seen]) -> Result:
        """`drive`, with a line in the log and a step of a bar for every batch."""
        with progress_bar(self.budget, "experiments", self.progress, unit="", unit_scale=True) as bar:

            def shown(batch: Batch) -> Seen:
                LOG.info("%s: %d experiments", batch.phase, batch.sizes.sum())
                seen = experiment(batch)
                bar.update(batch.total)
                return seen

            return drive(plan, shown)


def concluded(
    problem: Problem,
    strategy: Strategy,
    budget: int,
    choice: Choice,
    batches: Sequence[FinishedBatch],
    memory: int = MEMORY,
    history: History | None = None,
    spending: Spending | None = None,
) -> Decision:
    """The decision that a choice on the user's scale makes, after these batches."""
    decision = Decision(
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
        spending=spending,
        true_effects=None if problem.model is None else problem.model.effects(problem.interventions, memory=memory),
    )
    if history is None:
        return decision
    return replace(decision, history=UsedHistory.of(problem, history, decision.counts, arms=strategy.needs == "target"))


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
