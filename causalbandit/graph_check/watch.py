"""The check that goes along with a search: all rows so far, and the evidence after each batch."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from causalbandit.arrays import Floats
from causalbandit.graph_check.check import GraphCheck, Method, check_rows, with_universal
from causalbandit.graph_check.claims import GraphClaims
from causalbandit.graph_check.evidence import batch_sums, cells_of, log_e_of
from causalbandit.graph_check.repair import on_graph
from causalbandit.interventions import InterventionSet
from causalbandit.observed_rows import ObservedRows
from causalbandit.problem import Problem
from causalbandit.sequences.conditional import log_adjusted, log_verdict

DELTA = 0.01
"""Probability that a search refutes a right graph."""
BEFORE = -1
"""Number of the batch that rows from before a search make up."""


class Watch:
    """Collects the rows of a search batch by batch.

    Parameters
    ----------
    problem : Problem
        Its graph is watched.
    running : bool
        Whether :attr:`refuted` is kept up to date after each batch; a check at the end needs rows alone.
    before : (InterventionSet, ObservedRows), optional
        Rows from before the search, and the set that their places follow: the problem's interventions, then others.

    Attributes
    ----------
    batches : list of ObservedRows
        One per batch, its number in the order of collection.
    before : ObservedRows or None
        The rows from before, as a batch with the number -1.
    refuted : bool
        Whether the data so far refute the graph; stays False when not ``running``.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        running: bool = False,
        before: tuple[InterventionSet, ObservedRows] | None = None,
    ) -> None:
        self.problem = problem
        self.arms = problem.interventions if before is None else before[0]
        self.before = None if before is None else replace(before[1], batch=np.full(len(before[1]), BEFORE))
        self.running = running
        self.refuted = False
        self.batches: list[ObservedRows] = []
        self._sums: Floats | None = None
        self._largest: Floats | None = None
        if running and self.before is not None:
            self._update(self.before)

    @property
    def total(self) -> int:
        """Experiments so far, rows from before left out."""
        return sum(rows.total for rows in self.batches)

    def add(self, rows: ObservedRows) -> None:
        """The rows of the next batch; places follow the problem's interventions."""
        rows = replace(rows, batch=np.full(len(rows), len(self.batches)))
        earlier = self._all()
        if earlier and rows.nodes != earlier[0].nodes:
            shared = [node for node in earlier[0].nodes if node in rows.nodes]
            self.batches = [each.restricted(shared) for each in self.batches]
            self.before = None if self.before is None else self.before.restricted(shared)
            rows, self._sums, self._largest = rows.restricted(shared), None, None  # counted anew
        self.batches.append(rows)
        if self.running:
            self._update(rows if self._sums is not None else self._together())

    def _all(self) -> list[ObservedRows]:
        return self.batches if self.before is None else [self.before, *self.batches]

    def _together(self) -> ObservedRows:
        return ObservedRows.concatenate(self._all())

    def _update(self, rows: ObservedRows) -> None:
        """Add the evidence of further batches to that of the batches before."""
        claims = self._claims(rows)
        before = np.zeros((3, claims.n_directions)) if self._sums is None else self._sums
        path = before[:, None] + batch_sums(claims, cells_of(claims, rows)).cumsum(axis=1)
        self._sums = path[:, -1]
        log_e = log_e_of(claims, path)
        if self.before is not None:
            log_e = with_universal(log_e, claims, cells_of(claims, self._together().in_one_batch()))
        largest = log_e.max(axis=0, initial=-np.inf)
        self._largest = largest if self._largest is None else np.maximum(self._largest, largest)
        threshold = math.log(1 / DELTA)
        adjusted = log_adjusted(self._largest, claims.weights, threshold)
        self.refuted |= bool((log_verdict(log_e, claims.weights) >= threshold).any() or (adjusted >= threshold).any())

    def _claims(self, rows: ObservedRows) -> GraphClaims:
        """The claims about these nodes, made once per set of interventions."""
        return self.arms.derived.once(("graph claims", rows.nodes), lambda: GraphClaims(self.arms, rows.nodes))

    def check(self) -> GraphCheck | None:
        """The check with all rows so far; None when there are none."""
        rows = self.rows
        if rows is None:
            return None
        method: Method = "conditional" if self.before is None else "mixed"
        return check_rows(self.problem, self._claims(rows), rows, DELTA, method)

    @property
    def rows(self) -> ObservedRows | None:
        """All rows so far; None when there are none."""
        return self._together() if any(map(len, self._all())) else None

    def amended(self, problem: Problem, *, without_before: bool = False) -> Watch:
        """The same rows under another graph, whose interventions have the same places; or but for those from before."""
        before = None
        if self.before is not None and not without_before:
            before = on_graph(self.arms, problem.graph), self.before
        new = Watch(problem, running=self.running, before=before)
        new.batches = list(self.batches)
        if new.running and new.total:
            new._sums, new._largest, new.refuted = None, None, False
            new._update(new._together())
        return new
