"""What experiments taught: how often each family row was visited, and how often its node was 1 there.

Counts know what their places stand for, and are refused where these stand for something else.

>>> import networkx as nx
>>> graphs = [CausalGraph(nx.DiGraph(edges), "c") for edges in ([("a", "b"), ("b", "c")], [("b", "a"), ("a", "c")])]
>>> one, other = (Counts.zeros(InterventionSet(graph, [{}])) for graph in graphs)
>>> one + other  # doctest: +ELLIPSIS
Traceback (most recent call last):
    ...
causalbandit.errors.InvalidArgument: other has counts of other family rows: they come from another graph, ...
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from causalbandit.alternatives import fixed_values
from causalbandit.arrays import Integers
from causalbandit.checks import binary_column, distinct, instance
from causalbandit.errors import InvalidArgument, Rows, did_you_mean, listing
from causalbandit.files import write_output
from causalbandit.graph import CausalGraph
from causalbandit.interventions import InterventionSet

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1
"""Version of saved counts."""
KIND = "Counts"
_ARRAYS = ("visits", "ones", "trials", "successes")


@dataclass(frozen=True)
class Origin:
    """What the places of counts stand for, as two short digests.

    Attributes
    ----------
    rows : str
        Of the target and of node, parents and district of every family, in order: what ``visits`` and ``ones`` are of.
    interventions : str
        Of the observed nodes and the A interventions, in order: what ``trials`` and ``successes`` are of.
    """

    rows: str
    interventions: str

    @classmethod
    def of(cls, interventions: InterventionSet) -> Origin:
        """That of counts under a set; made once per set."""

        def found() -> Origin:
            graph = interventions.graph
            families = [[each.node, each.parents, each.district, *each.alternatives] for each in interventions.families]
            rows = json.dumps([graph.target, families]).encode()
            codes = interventions.assignments.tobytes() + interventions.choices.tobytes()
            fixed = json.dumps(graph.nodes).encode() + codes
            return cls(*(hashlib.sha256(text).hexdigest()[:16] for text in (rows, fixed)))

        return interventions.derived.once("origin", found)


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
    origin : Origin, optional
        What the places stand for; None for counts made by hand, which fit wherever their sizes do.

    C family rows follow ``interventions.families``, A interventions their set. A driver that only draws outcomes of the
    target (for strategies that ignore the graph) leaves ``visits`` and ``ones`` empty, shape [0].
    """

    visits: Integers
    ones: Integers
    trials: Integers
    successes: Integers
    origin: Origin | None = field(default=None, repr=False)

    @classmethod
    def zeros(cls, interventions: InterventionSet) -> Counts:
        """No experiments yet under any of ``interventions``."""
        visits, ones = np.zeros((2, interventions.n_family_rows), dtype=np.int64)
        trials, successes = np.zeros((2, len(interventions)), dtype=np.int64)
        return cls(visits, ones, trials, successes, Origin.of(interventions))

    @property
    def total(self) -> int:
        """Number of experiments."""
        return int(self.trials.sum())

    def __add__(self, other: Counts) -> Counts:
        """Both together; InvalidArgument when their places stand for different rows or interventions."""
        other.require_origin(self.origin, "other", same_set=True)
        return Counts(
            self.visits + other.visits,
            self.ones + other.ones,
            self.trials + other.trials,
            self.successes + other.successes,
            self.origin or other.origin,
        )

    def require_origin(self, origin: Origin | None, argument: str, *, same_set: bool = False) -> None:
        """Raise when the family rows are not those of ``origin`` or, with ``same_set``, the interventions are not."""
        if origin is None or self.origin is None or self.origin == origin:
            return
        if self.origin.rows != origin.rows:
            raise InvalidArgument(
                argument,
                "has counts of other family rows: they come from another graph, or from one with other parents or "
                "hidden causes. Rows of data can be counted again under any graph that has their nodes.",
            )
        if same_set:
            raise InvalidArgument(
                argument,
                "has counts of another set of interventions; expected the same interventions in the same order.",
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
        return replace(self, ones=ones, successes=self.trials - self.successes)

    def carried_to(self, source: InterventionSet, interventions: InterventionSet) -> Counts:
        """What these experiments under ``source`` say of the family rows of another set of the same graph.

        A row stands for the same probability in both sets when node, district and alternatives in it are the same.
        ``trials`` and ``successes`` are kept of interventions that both sets hold.
        """
        if source is interventions:
            return self
        carried = Counts.zeros(interventions)
        here = {family.key: family.rows for family in interventions.families}
        for family in source.families:
            if family.key in here:
                carried.visits[here[family.key]] = self.visits[family.rows]
                carried.ones[here[family.key]] = self.ones[family.rows]
        for place, intervention in enumerate(source):
            if intervention in interventions:
                at = interventions.index(intervention)
                carried.trials[at], carried.successes[at] = self.trials[place], self.successes[place]
        return carried

    def to_dict(self) -> dict[str, Any]:
        """The counts and their origin as JSON values."""
        arrays = {name: getattr(self, name).tolist() for name in _ARRAYS}
        origin = None if self.origin is None else asdict(self.origin)
        return {"format": FORMAT, "kind": KIND, "origin": origin, **arrays}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Counts:
        """The counts that `to_dict` wrote; InvalidArgument for anything else."""
        if saved.get("kind") != KIND or saved.get("format") != FORMAT:
            raise InvalidArgument(
                "saved",
                f"is {saved.get('kind')!r} of format {saved.get('format')!r}; expected {KIND!r} of format {FORMAT}, "
                "which Counts.save writes.",
            )
        try:
            given = saved["origin"]
            origin = None if given is None else Origin(str(given["rows"]), str(given["interventions"]))
            visits, ones, trials, successes = (np.array(saved[name], dtype=np.int64) for name in _ARRAYS)
            whole = all(type(value) is int for name in _ARRAYS for value in saved[name])
            right = whole and _within(ones, visits) and _within(successes, trials)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InvalidArgument("saved", f"cannot be read ({error!r}): the counts were damaged.") from None
        if not right:
            raise InvalidArgument("saved", "holds numbers that are no counts: they were damaged or changed by hand.")
        return cls(visits, ones, trials, successes, origin)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the counts to a JSON file, which replaces an old one only once it is complete on disk."""
        write_output(path, json.dumps(self.to_dict()))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Counts:
        """The counts in a file that `save` wrote. Where they are used, those of another graph are refused."""
        try:
            saved = json.loads(Path(path).read_text(encoding="utf-8"))
        except ValueError as error:
            raise InvalidArgument("path", f"{os.fspath(path)!r} is not JSON ({error}).") from None
        if not isinstance(saved, dict):
            raise InvalidArgument("path", f"{os.fspath(path)!r} holds no saved counts.")
        return cls.from_dict(saved)

    @classmethod
    def from_frame(cls, interventions: InterventionSet, intervention: Mapping[str, Any], rows: pd.DataFrame) -> Counts:
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
    def from_values(cls, interventions: InterventionSet, place: int, values: Mapping[str, Integers]) -> Counts:
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


def as_asked(total: int, size: int, intervention: Mapping[str, Any]) -> None:
    """Raise unless an environment returned as many experiments as it was asked for."""
    if total != size:
        given = f"returned {total} experiments under {dict(intervention)!r}"
        raise InvalidArgument("environment", f"{given}; expected the {size} that were asked for, one row each.")


def _within(part: Integers, whole: Integers) -> bool:
    return part.shape == whole.shape and bool(((part >= 0) & (part <= whole)).all())


def checked_values(graph: CausalGraph, intervention: Mapping[str, Any], rows: pd.DataFrame) -> dict[str, Integers]:
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
    for node, value in fixed_values(intervention).items():
        if node in values and (values[node] != value).any():
            first = int(np.flatnonzero(values[node] != value)[0])
            fixed = f", although the intervention fixed it at {value}; expected rows collected under"
            raise InvalidArgument(
                "rows",
                f"holds {node!r} = {1 - value} in ",
                Rows([first]),
                f"{fixed} the intervention that was asked for.",
            )
    return values


_FIX = "map its states to 0 and 1, and leave out experiments that were not fully observed"
