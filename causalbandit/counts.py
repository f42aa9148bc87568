"""What experiments taught: how often each family row was visited, and how often its node was 1 there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from causalbandit.checks import binary_column, distinct, instance
from causalbandit.errors import InvalidArgument, did_you_mean, listing
from causalbandit.graph import CausalGraph
from causalbandit.interventions import InterventionSet

if TYPE_CHECKING:
    import pandas as pd

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Counts:
    """Sufficient statistics of a number of experiments. Two can be added.

    Attributes
    ----------
    visits : numpy.ndarray of int64, shape [C]
        Experiments that left the row's node free and in which its parents showed the row's configuration; with hidden
        causes, those of regimes in which the node has the row's district.
    ones : numpy.ndarray of int64, shape [C]
        Those among them in which the node was 1.
    trials : numpy.ndarray of int64, shape [A]
        Experiments under each intervention.
    successes : numpy.ndarray of int64, shape [A]
        Those among them in which the target was 1.

    C family rows follow ``interventions.families``, A interventions their set. A driver that only draws outcomes of the
    target (for strategies that ignore the graph) leaves ``visits`` and ``ones`` empty, shape [0].
    """

    visits: Integers
    ones: Integers
    trials: Integers
    successes: Integers

    @classmethod
    def zeros(cls, interventions: InterventionSet) -> Counts:
        """No experiments yet under any of ``interventions``."""
        n_rows, n_interventions = interventions.n_family_rows, len(interventions)
        return cls(
            np.zeros(n_rows, dtype=np.int64),
            np.zeros(n_rows, dtype=np.int64),
            np.zeros(n_interventions, dtype=np.int64),
            np.zeros(n_interventions, dtype=np.int64),
        )

    @property
    def total(self) -> int:
        """Number of experiments."""
        return int(self.trials.sum())

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.visits + other.visits,
            self.ones + other.ones,
            self.trials + other.trials,
            self.successes + other.successes,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Counts):
            return NotImplemented
        pairs = zip(self._arrays(), other._arrays(), strict=True)
        return all(np.array_equal(mine, theirs) for mine, theirs in pairs)

    __hash__ = None  # type: ignore[assignment]  # arrays inside: not for use as a key

    def _arrays(self) -> tuple[Integers, Integers, Integers, Integers]:
        return self.visits, self.ones, self.trials, self.successes

    def with_target_complemented(self, interventions: InterventionSet) -> Counts:
        """The same experiments with 0 and 1 of the target exchanged: how the goal "min" becomes "max"."""
        ones = self.ones.copy()
        if len(ones):
            for family in interventions.families_of(interventions.graph.target):
                ones[family.rows] = self.visits[family.rows] - ones[family.rows]
        return Counts(self.visits, ones, self.trials, self.trials - self.successes)

    def carried_to(self, source: InterventionSet, interventions: InterventionSet) -> Counts:
        """What these experiments under ``source`` say of the family rows of another set of the same graph.

        A row stands for the same probability in both sets when node and district are the same. ``trials`` and
        ``successes`` stay those of ``source``.
        """
        if source.families is interventions.families:
            return self
        visits, ones = np.zeros((2, interventions.n_family_rows), dtype=np.int64)
        here = {family.district: family.rows for family in interventions.families}
        for family in source.families:
            if family.district in here:
                visits[here[family.district]] = self.visits[family.rows]
                ones[here[family.district]] = self.ones[family.rows]
        return Counts(visits, ones, self.trials, self.successes)

    @classmethod
    def from_frame(cls, interventions: InterventionSet, intervention: Mapping[str, int], rows: pd.DataFrame) -> Counts:
        """Counts of the experiments that ``rows`` records, all run under ``intervention``.

        Parameters
        ----------
        interventions : InterventionSet
            The set whose places ``trials`` and ``successes`` follow; it must hold ``intervention``.
        intervention : mapping of str to {0, 1}
            What was fixed in these experiments.
        rows : pandas.DataFrame
            One experiment per row, one column per observed node, values 0 and 1. The target and its ancestors are
            needed; other columns that are nodes are allowed, columns that are no nodes or hidden ones are not.

        Raises
        ------
        TypeError
            If ``rows`` is not a DataFrame.
        ValueError
            For missing or unknown columns, values other than 0 and 1, and rows that contradict the intervention.
        """
        place = interventions.index(intervention)
        return cls.from_values(interventions, place, checked_values(interventions.graph, intervention, rows))

    @classmethod
    def from_values(
        cls, interventions: InterventionSet, place: int, values: Mapping[str, npt.NDArray[np.int64]]
    ) -> Counts:
        """Counts of n experiments under the intervention at ``place`` of the set.

        ``values`` holds a column [n] of 0 and 1 for the target and each of its ancestors; they are trusted.
        """
        n_experiments = len(values[interventions.graph.target])
        counts = cls.zeros(interventions)
        for family, places in interventions.families_under(place):
            configuration = np.zeros(n_experiments, dtype=np.int64)
            for parent in family.parents:
                configuration = 2 * configuration + values[parent]
            both = np.bincount(2 * configuration + values[family.node], minlength=2 * family.n_rows)
            counts.visits[places] = both[0::2] + both[1::2]
            counts.ones[places] = both[1::2]
        counts.trials[place] = n_experiments
        counts.successes[place] = int(values[interventions.graph.target].sum())
        return counts


def as_asked(total: int, size: int, intervention: Mapping[str, int]) -> None:
    """Raise unless an environment returned as many experiments as it was asked for."""
    if total != size:
        given = f"returned {total} experiments under {dict(intervention)!r}"
        raise InvalidArgument("environment", f"{given}; expected the {size} that were asked for, one row each.")


def checked_values(
    graph: CausalGraph, intervention: Mapping[str, int], rows: pd.DataFrame
) -> dict[str, npt.NDArray[np.int64]]:
    """The columns of the nodes that were seen, as whole numbers 0 and 1."""
    import pandas as pd

    instance(rows, "rows", pd.DataFrame, "a pandas.DataFrame with a row per experiment and a 0/1 column per node")
    seen = [node for node in graph.hidden if node in rows.columns]
    if seen:
        given = f"has columns for the hidden nodes {listing(seen)}; expected columns of observed nodes"
        raise InvalidArgument("rows", f"{given}. Drop them, or, if they are measured, do not declare them as hidden.")
    missing = [node for node in graph.ancestors if node not in rows.columns]
    unknown = [column for column in rows.columns if column not in graph.nodes]
    if missing or unknown:
        hint = did_you_mean(unknown[0], missing or graph.nodes) if unknown else ""
        given = f"has other columns than the graph has nodes: missing {listing(missing) or 'none'}, unknown"
        expected = f"Expected one column per node, at least for {listing(graph.ancestors)}"
        raise InvalidArgument("rows", f"{given} {listing(unknown) or 'none'}.{hint} {expected}.")
    distinct(list(rows.columns), "rows.columns")
    values = {n: binary_column(rows[n], "rows", _FIX).astype(np.int64) for n in graph.nodes if n in rows.columns}
    for node, value in intervention.items():
        if node in values and (values[node] != value).any():
            first = int(np.flatnonzero(values[node] != value)[0])
            given = f"holds {node!r} = {1 - value} in row {first}, although the intervention fixed it at {value}"
            raise InvalidArgument(
                "rows", f"{given}; expected rows collected under the intervention that was asked for."
            )
    return values


_FIX = "map its states to 0 and 1, and leave out experiments that were not fully observed"
