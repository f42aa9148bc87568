"""What a study would answer now: a look ahead that binds nobody and changes no plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from causalbandit.arrays import Floats
from causalbandit.counts import Counts
from causalbandit.decision_words import TOLD
from causalbandit.graph_check.check import GraphCheck
from causalbandit.history_rows import History
from causalbandit.inference.plug_in import PlugIn, effects_frame
from causalbandit.problem import Problem
from causalbandit.strategies.earlier import Earlier
from causalbandit.strategies.maximise import Maximisation
from causalbandit.text import frame_text, wrapped

if TYPE_CHECKING:
    import pandas as pd

DRAWS = 4_000
"""Draws behind the probability of being best: it is off by less than 0.02."""
SHOWN = 8
"""Interventions that the summary lists."""


@dataclass(frozen=True, eq=False)
class Preview:
    """The best guess from the rows that are told.

    Attributes
    ----------
    problem : Problem
        The problem.
    counts : Counts
        All that was told and counts by now.
    known : Counts
        The same, and by weight the visits of a history, in whole numbers.
    effects : numpy.ndarray of float, shape [A]
        Effects that these estimate.
    best_index : int
        Place of the intervention with the best estimate.
    probability : float
        How likely it is the best, as far as the graph and the data tell: the share of draws that it wins, when errors
        are normal. A belief, not a promise.
    frame : pandas.DataFrame
        One row per intervention, best first: ``intervention``, ``estimate``, ``std_error``, ``lower``, ``upper``,
        ``experiments``, ``wins`` (share of draws).
    graph_check : GraphCheck, optional
        What the told rows say about the graph.
    """

    problem: Problem
    counts: Counts
    known: Counts
    effects: Floats
    best_index: int
    probability: float
    frame: pd.DataFrame
    graph_check: GraphCheck | None = None

    @classmethod
    def of(cls, problem: Problem, counts: Counts, history: History | None = None) -> Preview:
        """The preview of these counts, and of rows from before. Cost: one propagation with gradient."""
        arms, turn = problem.interventions, Maximisation.of(problem)
        known = counts
        if history is not None:
            visits, ones = Earlier(history.counts(arms)).with_rows(counts.visits, counts.ones)
            known = replace(counts, visits=np.rint(visits).astype(np.int64), ones=np.rint(ones).astype(np.int64))
        found = PlugIn.of(arms, known, problem.known_rows)
        rows = np.flatnonzero(found.variance > 0)
        factor = np.sqrt(found.variance[rows])[:, None] * found.gradient[rows]
        drawn = found.effects + np.random.default_rng(0).standard_normal((DRAWS, len(rows))) @ factor
        wins = np.bincount(turn.gains(drawn).argmax(axis=1), minlength=len(arms)) / DRAWS
        best = int(turn.gains(found.effects).argmax())
        frame = effects_frame(found, arms)
        frame["experiments"], frame["wins"] = counts.trials, wins
        order = np.argsort(-turn.gains(found.effects), kind="stable")
        return cls(
            problem, counts, known, found.effects, best, float(wins[best]), frame.iloc[order].reset_index(drop=True)
        )

    @property
    def best(self) -> dict[str, int]:
        """The best guess: node → 0 or 1."""
        return self.problem.interventions[self.best_index]

    def summary(self) -> str:
        """The best guess, how likely it is, and the next ones, within 80 columns."""
        target = self.problem.graph.target
        row = self.frame.iloc[0]
        lines = wrapped(
            f"Best guess after {self.counts.total:,} experiments: {row['intervention']}, estimated P({target} = 1) = "
            f"{row['estimate']:.4f}; best with probability {self.probability:.2f}, if the graph is right."
        )
        lines += ["", frame_text(self.frame.head(SHOWN)[["intervention", "estimate", "lower", "upper", "experiments"]])]
        if len(self.frame) > SHOWN:
            lines.append(f"… and {len(self.frame) - SHOWN} more")
        if self.graph_check is not None:
            lines += ["", *wrapped(f"Graph: {self.graph_check.sentence}")]
            lines += [line for each in self.graph_check.told[:TOLD] for line in wrapped(f"- {each.sentence}")]
        return "\n".join(lines)
