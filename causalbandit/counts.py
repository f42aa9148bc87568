"""What experiments taught: how often each family row was visited, and how often its node was 1 there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from causalbandit.errors import did_you_mean, listing
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
        graph = interventions.graph
        place = interventions.index(intervention)
        values = checked_values(graph, intervention, rows)
        n_experiments = len(rows)
        counts = cls.zeros(interventions)
        for family, places in interventions.families_under(place):
            configuration = np.zeros(n_experiments, dtype=np.int64)
            for parent in family.parents:
                configuration = 2 * configuration + values[parent]
            both = np.bincount(2 * configuration + values[family.node], minlength=2 * family.n_rows)
            counts.visits[places] = both[0::2] + both[1::2]
            counts.ones[places] = both[1::2]
        counts.trials[place] = n_experiments
        counts.successes[place] = int(values[graph.target].sum())
        return counts


def checked_values(
    graph: CausalGraph, intervention: Mapping[str, int], rows: pd.DataFrame
) -> dict[str, npt.NDArray[np.int64]]:
    import pandas as pd

    if not isinstance(rows, pd.DataFrame):
        raise TypeError(
            f"The experiments came as {type(rows).__name__}; expected a pandas.DataFrame with one row per experiment "
            "and one 0/1 column per node."
        )
    seen = [node for node in graph.hidden if node in rows.columns]
    if seen:
        raise ValueError(
            f"The experiments have columns for the hidden nodes {listing(seen)}; expected columns of observed nodes. "
            "Drop them, or, where these nodes are measured in every experiment, do not declare them as hidden."
        )
    missing = [node for node in graph.ancestors if node not in rows.columns]
    unknown = [column for column in rows.columns if column not in graph.nodes]
    if missing or unknown:
        hint = did_you_mean(unknown[0], missing or graph.nodes) if unknown else ""
        raise ValueError(
            f"The columns of the experiments do not match the graph: missing {listing(missing) or 'none'}, unknown "
            f"{listing(unknown) or 'none'}.{hint} Expected one column per node, at least for "
            f"{listing(graph.ancestors)}."
        )
    repeated = sorted(set(rows.columns[rows.columns.duplicated()]))
    if repeated:
        raise ValueError(f"The experiments have more than one column named {listing(repeated)}; expected one each.")
    values = {}
    for node in graph.nodes:
        if node not in rows.columns:
            continue
        column = rows[node]
        is_binary = column.isin([0, 1]).to_numpy(dtype=bool)
        if not is_binary.all():
            first = int(np.flatnonzero(~is_binary)[0])
            raise ValueError(
                f"Experiment {first} has {node!r} = {column.tolist()[first]!r}; expected 0 or 1. "
                f"{int((~is_binary).sum())} of {len(column)} values of this column are not: map its states to 0 and 1 "
                "and leave out experiments that were not fully observed."
            )
        values[node] = column.to_numpy(dtype=np.int64)
    for node, value in intervention.items():
        if node in values and (values[node] != value).any():
            first = int(np.flatnonzero(values[node] != value)[0])
            raise ValueError(
                f"Experiment {first} shows {node!r} = {1 - value} although the intervention fixed it at {value}; "
                "expected rows collected under the intervention that was asked for."
            )
    return values
