"""What counts say about the tables: an independent Beta posterior per family row.

>>> import numpy as np
>>> posterior = TablePosterior(visits=np.array([0, 8]), ones=np.array([0, 2]), known=np.array([np.nan, np.nan]))
>>> posterior.mean.round(3).tolist()  # (ones + 1/2) / (visits + 1)
[0.5, 0.278]
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from causalbandit.arrays import Floats, Integers, Numbers
from causalbandit.propagation import Propagation, propagate
from causalbandit.strategies.strategy import Tables, Task


@dataclass(frozen=True, eq=False)
class TablePosterior:
    """Beta(ones + ½, visits − ones + ½) for each of the C family rows that must be learned (Jeffreys' prior).

    Attributes
    ----------
    visits, ones : numpy.ndarray of int64 or float, shape [C]
        How often each row was visited with its node free, and how often the node was 1 there; no whole numbers where
        rows of a history count by weight.
    known : numpy.ndarray of float, shape [C]
        Table values that are given, NaN where a row must be learned.
    evidence : numpy.ndarray of float, shape [C], optional
        Visits that the variances go by, where they are not ``visits``: of a history that may not agree.
    """

    visits: Numbers
    ones: Numbers
    known: Floats
    evidence: Floats | None = None

    @classmethod
    def of(cls, task: Task, visits: Integers, ones: Integers) -> TablePosterior:
        """What [C] visits and ones of a search tell of the rows of ``task``, those of its history by weight."""
        return cls(*task.with_rows(visits, ones), task.known, task.evidence(visits, ones))

    @property
    def trusted(self) -> Numbers:
        """Visits that the variances go by, [C]."""
        return self.visits if self.evidence is None else self.evidence

    @cached_property
    def mean(self) -> Floats:
        """Posterior means (t₁ + ½)/(t + 1), the given value where a row is known; shape [C]."""
        return np.where(np.isnan(self.known), (self.ones + 0.5) / (self.visits + 1.0), self.known)

    @cached_property
    def variance(self) -> Floats:
        """Posterior variances α̂(1 − α̂)/(t + 2), 0 where a row is known; shape [C]."""
        mean = self.mean
        return np.where(np.isnan(self.known), mean * (1 - mean) / (self.trusted + 2.0), 0.0)

    def draw(self, size: int, rng: np.random.Generator) -> Floats:
        """``size`` draws of all tables, shape [size, C]; known rows are the same in each."""
        if self.evidence is None:
            a, b = self.ones + 0.5, self.visits - self.ones + 0.5
        else:  # the same mean, other certainty
            mean = (self.ones + 0.5) / (self.visits + 1.0)
            a, b = mean * (self.evidence + 1.0), (1.0 - mean) * (self.evidence + 1.0)
        drawn = rng.beta(a, b, size=(size, len(self.ones)))
        return np.where(np.isnan(self.known), drawn, self.known)

    def propagate(self, task: Task, *, reach: bool = False, gradient: bool = False) -> Propagation:
        """Effects of all interventions (and their reach and gradient) under the posterior means, exact."""
        return propagate(task.interventions, self.mean, reach=reach, gradient=gradient, memory=task.memory)

    def tables(self, visits: Integers) -> Tables:
        """The posterior means as a search reports them, with its own ``visits``, those of a history left out."""
        return Tables(cpt=self.mean, visits=visits, known=~np.isnan(self.known))
