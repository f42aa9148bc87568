"""What a search answered: the chosen intervention and everything a reader asks next, as words, frames and a figure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np

from causalbandit.arrays import Floats, Integers
from causalbandit.confirmation import confirm
from causalbandit.confirmation_results import Confirmation
from causalbandit.counts import Counts
from causalbandit.decision_words import decision_text
from causalbandit.drawings import decision_html
from causalbandit.equal_effects import equals
from causalbandit.errors import BadValue
from causalbandit.finished_batches import FinishedBatch
from causalbandit.formats.result_file import stamp
from causalbandit.graph import row_names
from causalbandit.graph_check.check import GraphCheck
from causalbandit.graph_check.repair import Amendment
from causalbandit.history_use import UsedHistory
from causalbandit.inference.plug_in import chosen_interval, plug_in_effects
from causalbandit.problem import Problem
from causalbandit.spending import Spending
from causalbandit.strategies.maximise import Maximisation
from causalbandit.strategies.mixture import Mixture
from causalbandit.strategies.stopping import Promise
from causalbandit.strategies.strategy import Tables
from causalbandit.text import plain, plain_rows

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


MOST_DRAWN = 2_000
"""Interventions; with more, whose intervals take a while, a notebook shows no chart."""
STEERED = (
    "The strategy steered by what it saw: for the chosen intervention these intervals are too short when effects are "
    "close. Fresh experiments prove an effect."
)
"""The sentence that comes with intervals from the data of a search that goes where effects look close."""


@dataclass(frozen=True, eq=False, repr=False)
class Decision:
    """The intervention that a search chose, on the scale of the problem's goal.

    Attributes
    ----------
    problem : Problem
        The problem that was searched.
    strategy : str
        The strategy's name.
    budget : int
        Number of experiments allowed.
    best_index : int
        Place of the chosen intervention in the set.
    estimates : numpy.ndarray of float, shape [A], or None
        Estimated P(target = 1 | do(a)); NaN for interventions of which the strategy has no estimate.
    tables : Tables or None
        Estimated conditional probability tables, when the strategy learns them.
    mixture : Mixture or None
        The planned mixture of interventions with its certificate, when the strategy plans one.
    notes : tuple of str
        Sentences about what did not go as usual.
    promise : Promise or None
        What may be said of the choice, when the search was to stop when sure.
    batches : tuple of FinishedBatch
        The batches in the order in which they were run.
    true_effects : numpy.ndarray of float, shape [A], or None
        Exact effects, when the problem or a world holds the true tables.
    graph_check : GraphCheck or None
        What the experiments say about the graph; None when they were simulated from the problem's own tables.
    amendments : tuple of Amendment
        How the graph was repaired during the search; ``problem`` holds the amended one.
    history : UsedHistory or None
        What rows from before the search counted for, and with which weights.
    spending : Spending or None
        The budget as it was given, when it was a sum of money or had limits.
    """

    problem: Problem
    strategy: str
    budget: int
    best_index: int
    estimates: Floats | None
    tables: Tables | None
    mixture: Mixture | None
    notes: tuple[str, ...]
    promise: Promise | None
    batches: tuple[FinishedBatch, ...]
    true_effects: Floats | None
    graph_check: GraphCheck | None = None
    amendments: tuple[Amendment, ...] = ()
    history: UsedHistory | None = None
    spending: Spending | None = None

    @property
    def best(self) -> dict[str, int]:
        """The chosen intervention: node → 0 or 1."""
        return self.problem.interventions[self.best_index]

    @property
    def best_effect(self) -> float:
        """Estimated P(target = 1) under the chosen intervention; NaN when the strategy has no estimate."""
        return math.nan if self.estimates is None else float(self.estimates[self.best_index])

    @cached_property
    def best_interval(self) -> tuple[float, float] | None:
        """Ends of a 95 % interval for P(target = 1) under the chosen intervention, from the search's own data.

        It is made for each of the A interventions at once (`chosen_interval`), and valid if the graph is right and the
        strategy was not steered by what it saw; `effects` gives all, a little shorter. None for a strategy that watched
        the target alone.
        """
        if not self.counts.total or not len(self.counts.visits):
            return None
        return chosen_interval(self.problem.interventions, self.counts, self.best_index, known=self._known_rows)

    @property
    def _known_rows(self) -> Floats | None:
        """The rows of the tables that are given, NaN for those to be learned; None without tables."""
        return None if self.tables is None else np.where(self.tables.known, self.tables.cpt, np.nan)

    @property
    def simple_regret(self) -> float:
        """How much worse the chosen intervention truly is than the best one (≥ 0); NaN without the true tables."""
        if self.true_effects is None:
            return math.nan
        return float(Maximisation.of(self.problem).regrets(self.true_effects)[self.best_index])

    @cached_property
    def counts(self) -> Counts:
        """What all experiments together showed, rows from before left out."""
        if not self.batches:
            return Counts.zeros(self.problem.interventions)
        return reduce(add, (batch.counts for batch in self.batches))

    @cached_property
    def phases(self) -> dict[str, Integers]:
        """Phase → experiments under each intervention, shape [A], in order of first use."""
        phases: dict[str, Integers] = {}
        for batch in self.batches:
            phases[batch.phase] = phases.get(batch.phase, 0) + batch.sizes
        return phases

    @property
    def experiments(self) -> Integers:
        """Experiments used under each intervention, shape [A]."""
        return self.counts.trials

    @property
    def money(self) -> float:
        """What the experiments cost, in the unit of the interventions' costs, set-ups included."""
        spent = float(self.experiments @ self.problem.interventions.costs)
        if self.spending is None or not self.batches:
            return spent
        return spent + float(sum(batch.setups for batch in self.batches) @ self.spending.setup)

    def to_frame(self) -> pd.DataFrame:
        """One row per intervention: the chosen one first, the others by their estimate.

        Columns: ``intervention``, ``estimate`` (of P(target = 1)), ``experiments``, ``successes`` (target = 1 in them),
        ``best``; where interventions have provably the same effect ``same_effect``, the labels of its equals; with a
        budget of money ``money`` (what they cost, without set-ups); with the true tables also ``true_effect`` and
        ``regret``. The index is the place in the set.
        """
        import pandas as pd

        turn = Maximisation.of(self.problem)
        n_interventions = len(self.problem.interventions)
        estimate = self.estimates if self.estimates is not None else np.full(n_interventions, np.nan)
        data: dict[str, Any] = {
            "intervention": list(self.problem.interventions.labels),
            "estimate": estimate,
            "experiments": self.counts.trials,
            "successes": self.counts.successes,
            "best": np.arange(n_interventions) == self.best_index,
        }
        groups = self.problem.interventions.groups
        if len(groups) < n_interventions:
            data["same_effect"] = ["; ".join(others) for others in equals(groups, data["intervention"])]
        if self.spending is not None and self.spending.unit == "money":
            data["money"] = self.experiments * self.problem.interventions.costs
        if self.true_effects is not None:
            data["true_effect"] = self.true_effects
            data["regret"] = turn.regrets(self.true_effects)
        order = np.lexsort((np.where(np.isnan(estimate), np.inf, -turn.gains(estimate)), ~data["best"]))
        return pd.DataFrame(data).iloc[order]

    def tables_frame(self) -> pd.DataFrame:
        """One row per family row: ``node``, ``configuration`` of its parents, ``estimate`` of P(node = 1), ``visits``.

        Further columns where the strategy has them: ``known`` (given, not estimated), ``negligible`` (too rarely
        reached to be worth experiments), ``truncated_0`` and ``truncated_1`` (outcomes taken as impossible while
        planning); with hidden causes ``district``, the nodes that they tie together with it in these rows; with rows
        from before ``history`` (their visits) and ``weight`` (how much each counts). ValueError without tables.
        """
        import pandas as pd

        tables = self.tables
        if tables is None:
            fix = "use one that learns the graph, such as 'two-phase'"
            raise BadValue(f"The strategy {self.strategy!r} does not estimate tables; {fix}.")
        families = self.problem.interventions.families
        data: dict[str, Any] = {"estimate": tables.cpt, "visits": tables.visits, "known": tables.known}
        if self.problem.graph.bidirected:
            data["district"] = [", ".join(family.district) for family in families for _ in range(family.n_rows)]
        if self.history is not None and self.history.by == "rows":
            data["history"], data["weight"] = self.history.counts.visits, self.history.weights
        if tables.negligible is not None:
            data["negligible"] = tables.negligible
        if tables.truncated is not None:
            data["truncated_0"], data["truncated_1"] = tables.truncated[:, 0], tables.truncated[:, 1]
        return pd.DataFrame(row_names(families), columns=["node", "configuration"]).assign(**data)

    def effects(
        self,
        reference: Mapping[str, int] | None = None,
        *,
        alpha: float = 0.05,
        simultaneous: bool = True,
        scale: str = "difference",
    ) -> pd.DataFrame:
        """What the search's own data tell of every effect: one row per intervention, in the order of the set.

        Columns: ``intervention``, with a ``reference`` that column, ``estimate``, ``std_error``, ``lower``, ``upper``,
        ``data`` ("search"). Plug-in estimates through the graph, whatever the strategy went by, from its experiments
        alone; intervals as `plug_in_effects` makes them, all together by default; ``scale`` as there, "difference",
        "ratio" or "one-more-per". ``frame.attrs["notes"]`` says what they rest on. Never pool them with the fresh
        experiments of `confirm`: those are the proof.

        Raises
        ------
        ValueError
            For a strategy that watched the target alone, whose data tell no tables.
        """
        if not len(self.counts.visits):
            fix = "use one that learns the graph, such as 'top-two', or confirm the choice by fresh experiments"
            raise BadValue(f"The strategy {self.strategy!r} watched the target alone, which tells no tables; {fix}.")
        place = None if reference is None else self.problem.interventions.index(reference)
        frame = plug_in_effects(
            self.problem.interventions,
            self.counts,
            reference=place,
            alpha=alpha,
            simultaneous=simultaneous,
            known=self._known_rows,
            scale=scale,
        )
        frame["data"] = "search"
        if self.strategy.startswith("top-two"):
            frame.attrs["notes"] = (*frame.attrs["notes"], STEERED)
        return frame

    def log(self) -> pd.DataFrame:
        """The rows of real experiments: ``batch`` (from 1), ``intervention``, and a 0/1 column per observed node.

        Rows of one batch and intervention stand in no particular order. A ValueError for experiments that were
        simulated as counts, which have no rows.
        """
        if self.graph_check is None:
            fix = "a search of real experiments (environment=) or in a world of its own keeps rows"
            raise BadValue(f"The experiments were simulated as counts, or their rows were not kept; {fix}.")
        return self.graph_check.rows.to_frame(self.graph_check.claims.interventions)

    def confirm(
        self,
        interventions: Sequence[Mapping[str, int]] | None = None,
        control: Mapping[str, int] | None = None,
        **settings: Any,
    ) -> Confirmation:
        """Fresh, randomised experiments over the chosen intervention, or ``interventions``, against a control.

        See :func:`causalbandit.confirmation.confirm`, which takes the same settings; ``budget`` is needed.
        """
        return confirm(self.problem, [self.best] if interventions is None else interventions, control, **settings)

    def summary(self) -> str:
        """The answer, how it was found and the next best interventions, as text that fits 80 columns."""
        return decision_text(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, numbers (null for unknown) and texts, ready for JSON."""
        problem = self.problem
        return stamp("decision") | {
            "problem": problem.name,
            "target": problem.graph.target,
            "goal": problem.goal,
            "strategy": self.strategy,
            "budget": int(self.budget),
            "best": self.best,
            "estimate": plain(self.best_effect),
            "true_effect": None if self.true_effects is None else plain(self.true_effects[self.best_index]),
            "simple_regret": plain(self.simple_regret),
            "experiments": {phase: sizes.tolist() for phase, sizes in self.phases.items()},
            "money": None if self.spending is None else self.spending.to_dict() | {"spent": self.money},
            "interventions": [
                row | {"intervention": intervention}
                for intervention, row in zip(
                    problem.interventions, plain_rows(self.to_frame().sort_index()), strict=True
                )
            ],
            "tables": None if self.tables is None else plain_rows(self.tables_frame()),
            "mixture": None if self.mixture is None else self.mixture.to_dict(),
            "promise": None if self.promise is None else self.promise.to_dict(),
            "notes": list(self.notes),
            "graph_check": None if self.graph_check is None else self.graph_check.to_dict(),
            "amendments": [amendment.to_dict() for amendment in self.amendments],
            "history": None if self.history is None else self.history.to_dict(),
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Estimated effects of the best interventions (and the true ones, when known), best on top."""
        from causalbandit.plots.bars import plot_decision

        wanted = "largest" if self.problem.goal == "max" else "smallest"
        money = f" for {self.money:,.6g}" if self.spending is not None and self.spending.unit == "money" else ""
        title = f"{self.strategy}, {self.counts.total:,} experiments{money}: {wanted} effect wanted"
        return plot_decision(self.to_frame(), ax, target=self.problem.graph.target, title=title)

    def _repr_html_(self) -> str:
        frame = self.to_frame().head(20)
        bands = self.effects() if len(self.counts.visits) and len(self.problem.interventions) <= MOST_DRAWN else None
        return decision_html(self.problem, self.best, self.best_effect, frame, bands, self.graph_check)

    def __repr__(self) -> str:
        return f"Decision(best={self.best!r}, effect={self.best_effect:.4g}, experiments={self.counts.total})"
