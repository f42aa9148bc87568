"""The check that goes along with a search: all rows so far, and the evidence after each batch."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from causalbandit.graph_check.check import GraphCheck, check_rows
from causalbandit.graph_check.claims import GraphClaims
from causalbandit.graph_check.evidence import batch_sums, cells_of, log_e_of
from causalbandit.observed_rows import ObservedRows
from causalbandit.problem import Problem
from causalbandit.sequences.conditional import log_adjusted, log_verdict

DELTA = 0.01
"""Probability that a search refutes a right graph."""


class Watch:
    """Collects the rows of a search batch by batch.

    Parameters
    ----------
    problem : Problem
        Its graph is watched.
    delta : float
        Probability that a right graph is ever refuted.
    running : bool
        Whether :attr:`refuted` is kept up to date after each batch; a check at the end needs rows alone.

    Attributes
    ----------
    batches : list of ObservedRows
        One per batch, its number in the order of collection.
    refuted : bool
        Whether the data so far refute the graph; stays False when not ``running``.
    """

    def __init__(self, problem: Problem, *, delta: float = DELTA, running: bool = False) -> None:
        self.problem = problem
        self.delta = delta
        self.running = running
        self.refuted = False
        self.batches: list[ObservedRows] = []
        self._sums: NDArray[np.float64] | None = None
        self._largest: NDArray[np.float64] | None = None

    @property
    def total(self) -> int:
        """Experiments so far."""
        return sum(rows.total for rows in self.batches)

    def add(self, rows: ObservedRows) -> None:
        """The rows of the next batch; places follow the problem's interventions."""
        rows = replace(rows, batch=np.full(len(rows), len(self.batches)))
        if self.batches and rows.nodes != self.batches[0].nodes:
            shared = [node for node in self.batches[0].nodes if node in rows.nodes]
            self.batches = [before.restricted(shared) for before in self.batches]
            rows, self._sums, self._largest = rows.restricted(shared), None, None  # counted anew
        self.batches.append(rows)
        if self.running:
            self._update([rows] if self._sums is not None else self.batches)

    def _update(self, batches: list[ObservedRows]) -> None:
        """Add the evidence of some batches, in order, to that of the batches before."""
        rows = ObservedRows.concatenate(batches)
        claims = self._claims(rows)
        before = np.zeros((3, claims.n_directions)) if self._sums is None else self._sums
        path = before[:, None] + batch_sums(claims, cells_of(claims, rows)).cumsum(axis=1)
        self._sums = path[:, -1]
        log_e = log_e_of(claims, path)
        largest = log_e.max(axis=0, initial=-np.inf)
        self._largest = largest if self._largest is None else np.maximum(self._largest, largest)
        threshold = math.log(1 / self.delta)
        adjusted = log_adjusted(self._largest, claims.weights, threshold)
        self.refuted |= bool((log_verdict(log_e, claims.weights) >= threshold).any() or (adjusted >= threshold).any())

    def _claims(self, rows: ObservedRows) -> GraphClaims:
        """The claims about these nodes, made once per set of interventions."""
        derived = self.problem.interventions.derived
        key = "graph claims", rows.nodes
        if key not in derived:
            derived[key] = GraphClaims(self.problem.interventions, rows.nodes)
        result: GraphClaims = derived[key]
        return result

    def check(self) -> GraphCheck | None:
        """The check with all rows so far; None before the first experiment."""
        rows = self.rows
        return None if rows is None else check_rows(self.problem, self._claims(rows), rows, self.delta)

    @property
    def rows(self) -> ObservedRows | None:
        """All rows so far; None before the first experiment."""
        return ObservedRows.concatenate(self.batches) if self.total else None

    def amended(self, problem: Problem) -> Watch:
        """The same rows under another graph, whose interventions have the same places."""
        new = Watch(problem, delta=self.delta, running=self.running)
        new.batches = list(self.batches)
        if new.running and new.total:
            new._update(new.batches)
        return new
