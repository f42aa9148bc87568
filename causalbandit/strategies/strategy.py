"""How a search runs: a strategy asks for a batch of experiments, is sent their counts, and returns a decision.

A strategy is a generator, so that it reads from top to bottom like the pseudocode of its paper and never knows who
runs the experiments. :func:`drive` is the one loop that feeds it; :func:`search` feeds it simulated experiments or
those of the caller's own function.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from causalbandit.checks import whole_number
from causalbandit.counts import Counts
from causalbandit.errors import listing
from causalbandit.graph import CausalGraph
from causalbandit.interventions import InterventionSet
from causalbandit.model import checked_table
from causalbandit.problem import Goal, Problem
from causalbandit.propagation import MEMORY, check_fits
from causalbandit.randomness import RNG, seed_sequence

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from causalbandit.strategies.mixture import Mixture

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
MOST_EXPERIMENTS = 10**18
"""Largest budget: counts are 64-bit integers."""
Environment = Callable[[dict[str, int], int], "pd.DataFrame"]
"""A user's own experiments: ``run(intervention, size)`` returns one row per experiment, one 0/1 column per node."""


@dataclass(frozen=True, eq=False)
class Batch:
    """A plan: how many experiments to run under each intervention before the strategy decides anew.

    Attributes
    ----------
    sizes : numpy.ndarray of int64, shape [A]
        Number of experiments under each intervention of the set.
    phase : str
        Which part of the strategy asks, for reports.
    """

    sizes: Integers
    phase: str

    @property
    def total(self) -> int:
        """Number of experiments in the batch."""
        return int(self.sizes.sum())


@dataclass(frozen=True, eq=False)
class Task:
    """What a strategy may know before the first experiment. It always maximises; the driver turns "min" round.

    Attributes
    ----------
    graph : CausalGraph
        The graph.
    interventions : InterventionSet
        The A interventions to choose from.
    known : numpy.ndarray of float, shape [C]
        Table values that need not be learned, NaN where they must be.
    memory : int
        Bound on working memory of one propagation, in bytes.
    goal : {"max", "min"}
        The problem's goal. A strategy maximises in any case; it needs this to read data that its user gave it, whose
        target is not turned round.
    """

    graph: CausalGraph
    interventions: InterventionSet
    known: Floats
    memory: int = MEMORY
    goal: Goal = "max"

    @property
    def learned(self) -> npt.NDArray[np.bool_]:
        """Which of the C family rows must be learned, shape [C]."""
        return np.isnan(self.known)

    @property
    def n_learned(self) -> int:
        """Number of family rows that must be learned: the C of Yabe et al. (2018) with their Remark 3."""
        return int(self.learned.sum())


@dataclass(frozen=True, eq=False)
class Tables:
    """What a search learned about the conditional probability tables; all arrays have shape [C].

    Attributes
    ----------
    cpt : numpy.ndarray of float
        Estimated P(node = 1 | configuration).
    visits : numpy.ndarray of int64
        Experiments behind each estimate.
    known : numpy.ndarray of bool
        Rows that were given, not estimated.
    truncated : numpy.ndarray of bool, shape [C, 2]
        Outcomes (0 and 1) of a row that were set to probability 0 while planning, because they are too rare.
    negligible : numpy.ndarray of bool
        Rows that no intervention reaches often enough to be worth experiments.
    """

    cpt: Floats
    visits: Integers
    known: npt.NDArray[np.bool_]
    truncated: npt.NDArray[np.bool_] | None = None
    negligible: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True, eq=False)
class Decision:
    """The intervention that a strategy chose, and everything a reader asks next.

    A strategy fills ``best_index`` and what it has of ``effects``, ``tables``, ``mixture`` and ``notes``; the driver
    adds the rest and turns everything to the scale of the problem's goal.

    Attributes
    ----------
    best_index : int
        Place of the chosen intervention in the set.
    effects : numpy.ndarray of float, shape [A], optional
        Estimated P(target = 1 | do(a)); NaN for interventions of which the strategy has no estimate.
    tables : Tables, optional
        Estimated conditional probability tables, when the strategy learns them.
    mixture : Mixture, optional
        The planned mixture of interventions with its certificate, when the strategy plans one.
    notes : tuple of str
        Sentences about what did not go as usual.
    problem : Problem
        The problem that was searched.
    strategy : str
        The strategy's name.
    budget : int
        Number of experiments allowed.
    phases : mapping of str to numpy.ndarray of int64, shape [A]
        Experiments used under each intervention, per phase, in order of first use.
    counts : Counts
        What all experiments together showed.
    true_effects : numpy.ndarray of float, shape [A], optional
        Exact effects, when the problem holds the true tables.
    """

    best_index: int
    effects: Floats | None = None
    tables: Tables | None = None
    mixture: Mixture | None = None
    notes: tuple[str, ...] = ()
    problem: Problem = field(default=None)  # type: ignore[assignment]  # filled by the driver
    strategy: str = ""
    budget: int = 0
    phases: Mapping[str, Integers] = field(default_factory=dict)
    counts: Counts = field(default=None)  # type: ignore[assignment]  # filled by the driver
    true_effects: Floats | None = None

    @property
    def best(self) -> dict[str, int]:
        """The chosen intervention: node → 0 or 1."""
        return self.problem.interventions[self.best_index]

    @property
    def best_effect(self) -> float:
        """Estimated P(target = 1) under the chosen intervention; NaN when the strategy has no estimate."""
        return float("nan") if self.effects is None else float(self.effects[self.best_index])

    @property
    def simple_regret(self) -> float:
        """How much worse the chosen intervention truly is than the best one (≥ 0); NaN without the true tables."""
        if self.true_effects is None:
            return float("nan")
        return simple_regret(self.true_effects, self.best_index, self.problem.goal)

    @property
    def experiments(self) -> Integers:
        """Experiments used under each intervention, shape [A]."""
        return self.counts.trials

    def to_frame(self) -> pd.DataFrame:
        """One row per intervention, best estimate first: experiments, successes, estimate (and true effect, regret)."""
        from causalbandit.report import decision_frame

        return decision_frame(self)

    def tables_frame(self) -> pd.DataFrame:
        """One row per family row: node, parent configuration, estimate, visits, and whether known or negligible."""
        from causalbandit.report import tables_frame

        return tables_frame(self)

    def summary(self) -> str:
        """The answer and how it was found, as text that fits 80 columns."""
        from causalbandit.report import decision_summary

        return decision_summary(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, numbers and texts, ready for JSON."""
        from causalbandit.report import decision_dict

        return decision_dict(self)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Estimated effects of the best interventions (and the true ones, when known), best on top."""
        from causalbandit.plots.search import plot_decision

        return plot_decision(self, ax)

    def _repr_html_(self) -> str:
        from causalbandit.report import decision_html

        return decision_html(self)

    def __repr__(self) -> str:
        if self.problem is None:
            return f"Decision(best_index={self.best_index})"
        return f"Decision(best={self.best!r}, effect={self.best_effect:.4g}, experiments={self.counts.total})"


Plan = Generator[Batch, Counts, Decision]
"""A running strategy: yields batches, is sent the counts of each, returns its decision."""


@runtime_checkable
class Strategy(Protocol):
    """A search strategy. Implementations are frozen dataclasses: their fields are their parameters."""

    @property
    def name(self) -> str:
        """Short name, as in the table of strategies."""
        ...

    @property
    def needs(self) -> Literal["rows", "target"]:
        """ "rows" when it learns from all nodes; "target" when outcomes of the target alone are enough."""
        ...

    def smallest_budget(self, task: Task) -> int:
        """The least number of experiments with which the strategy can work."""
        ...

    def run(self, task: Task, budget: int, rng: np.random.Generator) -> Plan:
        """The generator that looks for the intervention with the largest effect."""
        ...


def make_task(problem: Problem, known: Mapping[str, Sequence[float]] | None = None, memory: int = MEMORY) -> Task:
    """What a strategy is told of ``problem``: graph and interventions, and the tables named in ``known``.

    ``known`` maps nodes to tables as in :class:`CausalModel`; the target's is complemented when the goal is "min".
    """
    graph = problem.graph
    if known is not None and not isinstance(known, Mapping):
        raise TypeError(f"known was a {type(known).__name__}; expected a mapping from node to its table.")
    whole_number(memory, "memory", of="bytes")
    if 8 * graph.n_family_rows > memory:
        widest = max(graph.families, key=lambda family: len(family.parents))
        raise ValueError(
            f"The graph has {graph.n_family_rows:,} family rows, {widest.n_rows:,} of them of {widest.node!r} with its "
            f"{len(widest.parents)} parents: one number for each is more than memory={memory:,} bytes. Split nodes "
            "with many parents, or leave out edges that matter little."
        )
    values = np.full(graph.n_family_rows, np.nan)
    for node, table in (known or {}).items():
        checked = np.asarray(checked_table(graph, graph.require(node, "node in known=:"), table))
        if node in graph.family_of:
            values[graph.family_of[node].rows] = checked
    return Task(graph, problem.interventions, _oriented(values, graph, problem.goal), memory, problem.goal)


def drive(plan: Plan, experiment: Callable[[Batch], Counts], record: Callable[[Batch, Counts], None]) -> Decision:
    """Run ``plan`` to its decision: every batch it yields goes to ``experiment``, its counts to ``record`` and back."""
    try:
        batch = next(plan)
        while True:
            counts = experiment(batch)
            record(batch, counts)
            batch = plan.send(counts)
    except StopIteration as stop:
        decision: Decision = stop.value
        return decision


def search(
    problem: Problem,
    budget: int,
    strategy: Strategy | str = "two-phase",
    *,
    rng: RNG = None,
    environment: Environment | None = None,
    known: Mapping[str, Sequence[float]] | None = None,
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
    from causalbandit.strategies.catalogue import strategy_from

    if not isinstance(problem, Problem):
        raise TypeError(
            f"problem was a {type(problem).__name__}; expected a Problem, from load_problem or Problem(...)."
        )
    chosen = strategy_from(strategy)
    task = make_task(problem, known, memory)
    check_tables(chosen, task)
    check_budget(budget, chosen, task)
    budget = int(budget)
    if environment is not None and not callable(environment):
        raise TypeError(
            f"environment was {environment!r}; expected a function run(intervention, size) that returns a DataFrame."
        )
    if chosen.needs == "rows":
        check_fits(problem.graph, memory)  # refused now rather than after the first batch
    learner_seed, world_seed = seed_sequence(rng).spawn(2)
    world_rng = np.random.default_rng(world_seed)
    if environment is None:
        simulator = problem.require_model().simulator(problem.interventions, memory=memory)

        def observe(batch: Batch) -> Counts:
            return simulator.draw(batch.sizes, world_rng, target_only=chosen.needs == "target")

    else:
        paid = [Counts.zeros(problem.graph, problem.interventions)]

        def observe(batch: Batch) -> Counts:
            return run_environment(environment, problem.interventions, batch, paid)

    try:
        return run_strategy(problem, chosen, task, budget, np.random.default_rng(learner_seed), observe, progress)
    except Exception as error:
        if environment is not None and paid[0].total:
            error.counts = paid[0]  # type: ignore[attr-defined]  # whatever the environment raised
            error.add_note(
                f"The {paid[0].total:,} experiments that were finished before are not lost: they are in the attribute "
                "counts of this exception. search(..., TopTwo(prior=error.counts)) goes on from them with the rest of "
                "the budget."
            )
        raise


def run_strategy(
    problem: Problem,
    strategy: Strategy,
    task: Task,
    budget: int,
    rng: np.random.Generator,
    observe: Callable[[Batch], Counts],
    progress: bool | None = False,
) -> Decision:
    """The finished decision of one run: ``observe`` maps each batch to counts on the user's scale."""
    from tqdm import tqdm

    graph = problem.graph
    phases: dict[str, Integers] = {}
    gathered: list[Counts] = []
    hidden = None if progress is None else not progress

    with tqdm(total=budget, desc="experiments", unit="", unit_scale=True, disable=hidden, leave=False) as bar:

        def experiment(batch: Batch) -> Counts:
            counts = observe(batch)
            return counts.with_target_complemented(graph) if problem.goal == "min" else counts

        def record(batch: Batch, counts: Counts) -> None:
            phases[batch.phase] = phases.get(batch.phase, 0) + batch.sizes
            gathered[:] = [gathered[0] + counts] if gathered else [counts]
            bar.update(batch.total)

        decision = drive(strategy.run(task, budget, rng), experiment, record)

    counts = gathered[0] if gathered else Counts.zeros(graph, problem.interventions)
    true_effects = None
    if problem.model is not None:
        true_effects = problem.model.effects(problem.interventions, memory=task.memory)
    return replace(
        _on_user_scale(decision, problem),
        problem=problem,
        strategy=strategy.name,
        budget=budget,
        phases=phases,
        counts=counts.with_target_complemented(graph) if problem.goal == "min" else counts,
        true_effects=true_effects,
    )


def check_tables(strategy: Strategy, task: Task) -> None:
    """Raise when ``strategy`` says that it knows the tables of all nodes but the target, and ``task`` lacks some."""
    if not getattr(strategy, "knows_tables", False):
        return
    target = task.graph.target
    unknown = [family.node for family in task.graph.families if task.learned[family.rows].any()]
    unknown = [node for node in unknown if node != target]
    if unknown:
        raise ValueError(
            f"The strategy {strategy.name!r} works with the tables of all nodes but the target, but does not know "
            f"those of {listing(unknown)}. Give them as known=, or use a strategy that learns them. A comparison by "
            "evaluate_regret gives them by itself."
        )


def check_experiments(number: object, said: str) -> int:
    """``number`` of experiments as an int; ``said`` begins the message of what is no such number or too large."""
    if isinstance(number, bool) or not isinstance(number, (int, np.integer)):
        raise TypeError(f"{said} {number!r}; expected a whole number of experiments, such as 10_000.")
    if number > MOST_EXPERIMENTS:
        raise ValueError(f"{said} {number}; expected at most {MOST_EXPERIMENTS:,}, so that counts stay exact.")
    return int(number)


def check_budget(budget: object, strategy: Strategy, task: Task) -> None:
    """Raise unless ``budget`` is an integer with which ``strategy`` can work on ``task``."""
    budget = check_experiments(budget, "budget was")
    smallest = strategy.smallest_budget(task)
    if budget < smallest:
        explain = getattr(strategy, "explain_smallest_budget", None)
        why = f" {explain(task)}" if explain is not None else ""
        raise ValueError(
            f"budget was {budget}; the strategy {strategy.name!r} needs at least {smallest} experiments here.{why}"
        )


def run_environment(
    environment: Environment, interventions: InterventionSet, batch: Batch, paid: list[Counts]
) -> Counts:
    """Counts of the rows that the caller's own function returns for each intervention of ``batch``.

    ``paid[0]`` grows by the counts of every intervention as they arrive.
    """
    total = Counts.zeros(interventions.graph, interventions)
    for place in np.flatnonzero(batch.sizes):
        intervention, size = interventions[int(place)], int(batch.sizes[place])
        rows = environment(dict(intervention), size)
        counts = Counts.from_frame(interventions, intervention, rows)
        if counts.total != size:
            raise ValueError(
                f"The environment returned {counts.total} experiments under {intervention!r}; expected the {size} that "
                "were asked for, one row each."
            )
        total = total + counts
        paid[0] = paid[0] + counts
    return total


def simple_regret(effects: Floats, chosen: int, goal: Goal = "max") -> float:
    """|best effect − effect of the chosen intervention|: how much was lost by choosing ``chosen``."""
    return float(effects.max() - effects[chosen] if goal == "max" else effects[chosen] - effects.min())


def best_at_random(values: Floats, rng: np.random.Generator) -> int:
    """Place of the largest value, ties at random; NaN never wins unless all are NaN."""
    finite = np.where(np.isnan(values), -np.inf, values)
    return int(rng.choice(np.flatnonzero(finite == finite.max())))


def _oriented(cpt: Floats, graph: CausalGraph, goal: Goal) -> Floats:
    """Family rows with the target's complemented when the goal is "min"; its own inverse."""
    if goal == "max":
        return cpt
    turned = cpt.copy()
    rows = graph.family_of[graph.target].rows
    turned[rows] = 1 - turned[rows]
    return turned


def _on_user_scale(decision: Decision, problem: Problem) -> Decision:
    if problem.goal == "max":
        return decision
    tables = decision.tables
    if tables is not None:
        truncated = tables.truncated
        if truncated is not None:
            truncated = truncated.copy()
            rows = problem.graph.family_of[problem.graph.target].rows
            truncated[rows] = truncated[rows, ::-1]
        tables = replace(tables, cpt=_oriented(tables.cpt, problem.graph, "min"), truncated=truncated)
    effects = None if decision.effects is None else 1 - decision.effects
    return replace(decision, effects=effects, tables=tables)
