"""A set of interventions and the one of each group that stands for all with the same effect, and numbers of both.

>>> import networkx as nx
>>> from causalbandit import CausalGraph
>>> graph = CausalGraph(nx.DiGraph([("ad", "trust"), ("trust", "purchase")]), target="purchase")
>>> arms = InterventionSet(graph, [{"trust": 0}, {"trust": 1}, {"ad": 1, "trust": 1}])
>>> chosen = Representatives.of(arms)
>>> chosen.reduced.labels
('trust=0', 'trust=1')
>>> chosen.for_all(np.array([0.2, 0.9])).tolist()
[0.2, 0.9, 0.9]
>>> chosen.spread(np.array([10, 20])).tolist()
[10, 20, 0]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from causalbandit.arrays import Places
from causalbandit.counts import Counts, Origin
from causalbandit.interventions import InterventionSet

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Representatives:
    """Where the R members of ``reduced``, one of each group with the same effect, lie in the ``whole`` set of A.

    ``places`` [R] are theirs in the whole set, ``group_of`` [A] is where every intervention's representative stands in
    the reduced one, and ``rows`` are the places of the reduced set's family rows among the C of the whole set.
    """

    whole: InterventionSet
    reduced: InterventionSet
    places: Places
    group_of: Places
    rows: Places

    @classmethod
    def of(cls, whole: InterventionSet) -> Representatives:
        """Those of a set; made once per set."""

        def found() -> Representatives:
            groups, reduced = whole.groups, whole.reduced()
            group_of = np.empty(len(whole), dtype=np.intp)
            for number, group in enumerate(groups):
                group_of[list(group)] = number
            there = {family.key: family.rows for family in whole.families}
            rows = [np.arange(there[family.key].start, there[family.key].stop) for family in reduced.families]
            places = np.array([group[0] for group in groups], dtype=np.intp)
            return cls(whole, reduced, places, group_of, np.concatenate(rows))

        return whole.derived.once("representatives", found)

    def for_all(self, values: Array) -> Array:
        """The value [R] of every intervention's representative, [A]."""
        return values[self.group_of]

    def spread(self, values: Array) -> Array:
        """Numbers [R] of the representatives, and 0 of the others, [A]."""
        result = np.zeros(len(self.whole), dtype=values.dtype)
        result[self.places] = values
        return result

    def spread_rows(self, values: Array, elsewhere: Any) -> Array:
        """Values of the reduced set's rows, in the first dimension, and ``elsewhere`` in the other rows; [C, ...]."""
        result = np.full((self.whole.n_family_rows, *values.shape[1:]), elsewhere, dtype=values.dtype)
        result[self.rows] = values
        return result

    def counts(self, counts: Counts) -> Counts:
        """Counts of the whole set as those of the reduced one: outcomes under a group's members are added up."""
        rows = self.rows if len(counts.visits) else slice(None)  # none were counted for those who watch the target
        trials, successes = np.zeros((2, len(self.reduced)), dtype=np.int64)
        np.add.at(trials, self.group_of, counts.trials)
        np.add.at(successes, self.group_of, counts.successes)
        return Counts(counts.visits[rows], counts.ones[rows], trials, successes, Origin.of(self.reduced))
