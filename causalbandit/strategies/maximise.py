"""The goal "min" as the goal "max": 0 and 1 of the target exchanged, there and back.

Strategies only know how to maximise P(target = 1). When the user wants it small, they are told a task, and later
counts, of the target's complement, and what they choose is turned back. Every step is its own inverse.

>>> import numpy as np
>>> from causalbandit import CausalGraph, InterventionSet
>>> import networkx as nx
>>> graph = CausalGraph(nx.DiGraph([("ad", "purchase")]), "purchase")
>>> turn = Maximisation(InterventionSet(graph, [{"ad": 0}, {"ad": 1}]), "min")
>>> turn.effects(np.array([0.25, 0.75])).tolist()
[0.75, 0.25]
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from causalbandit.arrays import Floats
from causalbandit.counts import Counts
from causalbandit.interventions import InterventionSet
from causalbandit.problem import Goal, Problem
from causalbandit.strategies.earlier import Earlier
from causalbandit.strategies.strategy import Choice, Tables, Task


@dataclass(frozen=True)
class Maximisation:
    """What a search for ``goal`` looks like to a strategy, which maximises; with the goal "max" nothing changes.

    The family rows of ``interventions`` are turned where they are the target's.
    """

    interventions: InterventionSet
    goal: Goal

    @classmethod
    def of(cls, problem: Problem) -> Maximisation:
        """The reduction of a problem."""
        return cls(problem.interventions, problem.goal)

    def task(self, task: Task) -> Task:
        """The task with the target's known rows complemented, and its history's."""
        if self.goal == "max":
            return task
        before = task.history
        history = None if before is None else Earlier(self.counts(before.counts))
        return replace(task, known=self._rows(task.known), history=history)

    def counts(self, counts: Counts) -> Counts:
        """The same experiments with 0 and 1 of the target exchanged."""
        return counts if self.goal == "max" else counts.with_target_complemented(self.interventions)

    def effects(self, effects: Floats) -> Floats:
        """P(target = 0 | do(a)) for P(target = 1 | do(a)), and the other way round."""
        return effects if self.goal == "max" else 1 - effects

    def tables(self, tables: Tables) -> Tables:
        """The tables with the target's rows complemented."""
        if self.goal == "max":
            return tables
        truncated = tables.truncated
        if truncated is not None:
            truncated = truncated.copy()
            for rows in self._target_rows():
                truncated[rows] = truncated[rows, ::-1]
        return replace(tables, cpt=self._rows(tables.cpt), truncated=truncated)

    def choice(self, choice: Choice) -> Choice:
        """The choice with its effects and tables turned."""
        return replace(
            choice,
            effects=None if choice.effects is None else self.effects(choice.effects),
            tables=None if choice.tables is None else self.tables(choice.tables),
        )

    def gains(self, effects: Floats) -> Floats:
        """Larger numbers for better effects, exact to the last digit: with the goal "min" the negative effects."""
        return effects if self.goal == "max" else -effects

    def regrets(self, effects: Floats) -> Floats:
        """How much worse each effect is than the best of them, shape [A]: the simple regret of choosing it."""
        gains = self.gains(effects)
        return np.asarray(gains.max() - gains)

    def _rows(self, cpt: Floats) -> Floats:
        turned = cpt.copy()
        for rows in self._target_rows():
            turned[rows] = 1 - turned[rows]
        return turned

    def _target_rows(self) -> list[slice]:
        target = self.interventions.graph.target
        return [family.rows for family in self.interventions.families_of(target)]
