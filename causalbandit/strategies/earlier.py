"""Rows from before a search, weighed by how well they agree with its own experiments.

In one row of a table the history has s₀ ones among n₀ visits and the search s₁ among n₁. Whether one unknown
probability stands behind both or two is told by a Bayes factor, each probability mixed over Beta(½, ½)::

    LB = ln [B(s₀ + ½, f₀ + ½)·B(s₁ + ½, f₁ + ½)] − ln [B(s₀ + s₁ + ½, f₀ + f₁ + ½)·B(½, ½)]

With even odds before, w = 1/(1 + e^LB) is the probability that it is one, and the weight with which every visit of the
history counts in an estimate. It is ½ before the first experiment, near 1 where many agree, and 0 where they do not.

How sure one may be is another matter: with probability w the row has been visited n₀ + n₁ times, else n₁ times, and
what averages is the variance. So a strategy that asks where to look takes the row for visited t times, with
1/(t + 2) = w/(n₀ + n₁ + 2) + (1 − w)/(n₁ + 2): about twice before the first experiment, however long the history is.

>>> import numpy as np
>>> ones, zeros = np.array([0, 70, 30]), np.array([0, 30, 70])  # of the search: nothing yet, alike, otherwise
>>> agreement(ones, zeros, np.array([700, 700, 700]), np.array([300, 300, 300])).round(3).tolist()
[0.5, 0.923, 0.0]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalbandit.arrays import Floats, Integers
from causalbandit.counts import Counts


def agreement(ones: Integers, zeros: Integers, earlier_ones: Integers, earlier_zeros: Integers) -> Floats:
    """1/(1 + e^LB): the probability that both come from one probability, for each entry of four arrays of one shape."""
    from scipy.special import betaln, expit

    apart = betaln(ones + 0.5, zeros + 0.5) + betaln(earlier_ones + 0.5, earlier_zeros + 0.5)
    together = betaln(ones + earlier_ones + 0.5, zeros + earlier_zeros + 0.5) + betaln(0.5, 0.5)
    weights: Floats = expit(together - apart)
    return weights


@dataclass(frozen=True, eq=False)
class Earlier:
    """Counts of rows from before a search, of the set that is searched, and what they count for beside its experiments.

    They hold visits and ones of its C family rows, and trials and successes under its A interventions.
    """

    counts: Counts

    def row_weights(self, visits: Integers, ones: Integers) -> Floats:
        """Weight of the history in every family row, given the visits and ones of the search; shape [C]."""
        before = self.counts
        return agreement(ones, visits - ones, before.ones, before.visits - before.ones)

    def arm_weights(self, trials: Integers, successes: Integers) -> Floats:
        """Weight of the history under every intervention, given the outcomes of the search; shape [A]."""
        before = self.counts
        return agreement(successes, trials - successes, before.successes, before.trials - before.successes)

    def with_rows(self, visits: Integers, ones: Integers) -> tuple[Floats, Floats]:
        """Visits and ones of the search and, by weight, of the history; shape [C] each."""
        weights = self.row_weights(visits, ones)
        return visits + weights * self.counts.visits, ones + weights * self.counts.ones

    def with_arms(self, trials: Integers, successes: Integers) -> tuple[Floats, Floats]:
        """Trials and successes of the search and, by weight, of the history; shape [A] each."""
        weights = self.arm_weights(trials, successes)
        return trials + weights * self.counts.trials, successes + weights * self.counts.successes

    def row_evidence(self, visits: Integers, ones: Integers) -> Floats:
        """Visits t that the variance of every family row goes by; shape [C]."""
        return _evidence(self.row_weights(visits, ones), visits, self.counts.visits)

    def arm_evidence(self, trials: Integers, successes: Integers) -> Floats:
        """Outcomes t that the variance under every intervention goes by; shape [A]."""
        return _evidence(self.arm_weights(trials, successes), trials, self.counts.trials)


def _evidence(weights: Floats, own: Integers, earlier: Integers) -> Floats:
    return np.asarray(1 / (weights / (own + earlier + 2) + (1 - weights) / (own + 2)) - 2)
