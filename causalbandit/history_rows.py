"""Rows from before a campaign, kept as distinct patterns with their numbers, gaps included.

>>> import networkx as nx, pandas as pd
>>> from causalbandit import CausalGraph, InterventionSet, Problem
>>> graph = CausalGraph(nx.DiGraph([("ad", "sale")]), target="sale")
>>> problem = Problem(graph, InterventionSet(graph, [{}, {"ad": 1}]))
>>> rows = History.from_data(problem, pd.DataFrame({"ad": [0, 1, 1], "sale": [0, 1, None]}))
>>> rows.to_dict()["parts"]
[{'fixed': {}, 'nodes': ['ad', 'sale'], 'patterns': {'00': 1, '1?': 1, '11': 1}}]
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from causalbandit.alternatives import fixed_values
from causalbandit.arrays import Flags, Integers
from causalbandit.checks import binary_column, distinct, nodes_present
from causalbandit.counts import Counts
from causalbandit.errors import BadValue, InvalidArgument, Rows
from causalbandit.graph import CausalGraph
from causalbandit.graph_check.data import data_parts
from causalbandit.interventions import InterventionSet
from causalbandit.observed_rows import ObservedRows
from causalbandit.problem import Problem

if TYPE_CHECKING:
    import pandas as pd


FORMAT = 1
"""Version of saved rows."""
KIND = "History"
FIX = "leave empty what is unknown"
GAP = -1
"""Code of a missing value."""
_SIGNS = b"?01"
"""What a missing value, 0 and 1 are saved as."""


@dataclass(frozen=True, eq=False)
class HistoryPart:
    """The rows that were collected under one intervention.

    Attributes
    ----------
    fixed : dict of str to {0, 1} or name
        The intervention.
    nodes : tuple of str
        The N observed nodes that have a column, in the graph's order.
    values : numpy.ndarray of int8, shape [P, N]
        Distinct patterns of 0, 1 and -1 (missing).
    weight : numpy.ndarray of int64, shape [P]
        Rows that showed each.
    """

    fixed: dict[str, Any]
    nodes: tuple[str, ...]
    values: npt.NDArray[np.int8]
    weight: Integers

    @property
    def complete(self) -> Flags:
        """Which patterns lack no value, [P]."""
        return np.asarray((self.values != GAP).all(axis=1))

    def tally(self, nodes: Sequence[str]) -> Integers | None:
        """Rows per configuration of ``nodes`` (the first is the most significant bit) in which all of them were seen.

        Shape [2^nodes]; None when one of them has no column.
        """
        if not set(nodes) <= set(self.nodes):
            return None
        values = self.values[:, [self.nodes.index(node) for node in nodes]].astype(np.int64)
        seen = (values != GAP).all(axis=1)
        codes = values[seen] @ (1 << np.arange(len(nodes))[::-1])
        return np.bincount(codes, self.weight[seen], minlength=1 << len(nodes)).astype(np.int64)


@dataclass(frozen=True, eq=False, repr=False)
class History:
    """Rows from before, one part per intervention under which they were collected.

    Attributes
    ----------
    parts : tuple of HistoryPart
        None is empty.
    """

    parts: tuple[HistoryPart, ...]

    @classmethod
    def from_data(
        cls, problem: Problem, data: Any, interventions: Any = None, *, named: str = "interventions"
    ) -> History:
        """The rows in ``data``, whose forms `causalbandit.history.fit` lists.

        Raises
        ------
        InvalidArgument
            For no rows, missing columns, values that are not 0 or 1, interventions outside the graph, and rows that
            contradict their intervention. ``named`` is what the caller calls ``interventions``.
        """
        import pandas as pd

        graph = problem.graph
        if isinstance(data, pd.DataFrame):
            data = _checked(graph, data)
        try:
            given = data_parts(problem.interventions, data, interventions)
        except InvalidArgument as error:
            name = {"data": "history", "interventions": named}.get(error.argument, error.argument)
            raise type(error)(name, *error.words) from None
        if not isinstance(data, pd.DataFrame):
            given = [(fixed, _checked(graph, frame)) for fixed, frame in given]
        parts = tuple(_part(graph, fixed, frame) for fixed, frame in given if len(frame))
        if not parts:
            raise InvalidArgument("history", "holds no rows; expected at least one.")
        return cls(parts)

    def require(self, graph: CausalGraph) -> History:
        """Itself; InvalidArgument when the rows lack a node that another ``graph`` needs."""
        for part in self.parts:
            nodes_present(graph.ancestors, "history", part.nodes)
        return self

    @property
    def total(self) -> int:
        """Number of rows."""
        return sum(int(part.weight.sum()) for part in self.parts)

    @property
    def n_incomplete(self) -> int:
        """Rows in which a value is missing."""
        return sum(int(part.weight[~part.complete].sum()) for part in self.parts)

    def counts(self, interventions: InterventionSet) -> Counts:
        """What the rows say of the family rows of ``interventions``, and of its members under which there are rows.

        A row with gaps counts for those families whose nodes were all seen.
        """
        total = Counts.zeros(interventions)
        rows = {family.key: family.rows for family in interventions.families}
        for part in self.parts:
            under = InterventionSet(interventions.graph, [part.fixed])
            for family, _ in under.families_under(0):
                both = part.tally([*family.parents, family.node]) if family.key in rows else None
                if both is not None:
                    total.visits[rows[family.key]] += both[0::2] + both[1::2]
                    total.ones[rows[family.key]] += both[1::2]
            outcomes = part.tally([interventions.graph.target])
            if part.fixed in interventions and outcomes is not None:
                place = interventions.index(part.fixed)
                total.trials[place] += outcomes.sum()
                total.successes[place] += outcomes[1]
        return total

    def complete_rows(self, interventions: InterventionSet) -> tuple[InterventionSet, ObservedRows] | None:
        """The rows without gaps and the set that their places follow; None when there are none.

        That set is ``interventions``, and after them those that only the history has. The nodes are those with a column
        in every part.
        """
        parts = [part for part in self.parts if part.complete.any()]
        if not parts:
            return None
        fixed = {tuple(sorted(part.fixed.items())): part.fixed for part in parts}
        others = [each for each in fixed.values() if each not in interventions]
        arms = InterventionSet(interventions.graph, [*interventions, *others]) if others else interventions
        rows = []
        for part in parts:
            kept = part.complete
            values, place = part.values[kept], arms.index(part.fixed)
            rows.append(ObservedRows.from_values(part.nodes, values, place=place, weight=part.weight[kept]))
        return arms, ObservedRows.concatenate(rows)

    def tables(self, graph: CausalGraph) -> dict[str, list[float]]:
        """(ones + ½)/(visits + 1) in every row of every node's table, of a graph without hidden causes."""
        return {
            node: _table(graph, node, (part for part in self.parts if node not in part.fixed)) for node in graph.nodes
        }

    def alternative_tables(self, graph: CausalGraph) -> dict[str, dict[str, list[float]]]:
        """The same for the alternatives of every node, from the rows under interventions that chose them."""
        return {
            node: {name: _table(graph, node, (p for p in self.parts if p.fixed.get(node) == name)) for name in names}
            for node, names in graph.alternatives.items()
        }

    def to_dict(self) -> dict[str, Any]:
        """The rows as JSON values: per part the numbers of the patterns, one sign (0, 1 or ?) per node."""
        return {"format": FORMAT, "kind": KIND, "parts": [_part_to_dict(part) for part in self.parts]}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> History:
        """The rows that `to_dict` wrote; InvalidArgument for anything else."""
        if saved.get("kind") != KIND or saved.get("format") != FORMAT:
            raise InvalidArgument(
                "saved",
                f"is {saved.get('kind')!r} of format {saved.get('format')!r}; expected {KIND!r} of format {FORMAT}.",
            )
        try:
            return cls(tuple(map(_part_from_dict, saved["parts"])))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidArgument("saved", f"cannot be read ({error!r}): the history was damaged.") from None

    def __repr__(self) -> str:
        return f"History({self.total} rows under {len(self.parts)} interventions)"


def _checked(graph: CausalGraph, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the observed nodes' columns as 0, 1 and NaN, and its other columns."""
    columns = list(frame.columns)
    nodes_present(graph.ancestors, "history", columns)
    nodes = [node for node in graph.nodes if node in columns]
    distinct([column for column in columns if column in nodes], "history")
    return frame.assign(**{node: binary_column(frame[node], "history", FIX, gaps=True) for node in nodes})


def _part(graph: CausalGraph, fixed: dict[str, Any], frame: pd.DataFrame) -> HistoryPart:
    """The rows of a checked frame that were collected under ``fixed``."""
    nodes = tuple(node for node in graph.nodes if node in frame.columns)
    values = frame[list(nodes)].fillna(GAP).to_numpy(dtype=np.int8)
    for node, value in fixed_values(fixed).items():
        wrong = values[:, nodes.index(node)] == 1 - value if node in nodes else np.zeros(0, dtype=bool)
        if wrong.any():
            raise InvalidArgument(
                "history",
                f"shows {node!r} = {1 - value} in ",
                Rows([frame.index[int(wrong.argmax())]]),
                f", although it was fixed at {value} there; so do {int(wrong.sum())} of {len(frame)} such rows. "
                "Correct them or leave them out.",
            )
    return HistoryPart(dict(fixed), nodes, *_distinct_rows(values))


def _table(graph: CausalGraph, node: str, parts: Iterable[HistoryPart]) -> list[float]:
    """(ones + ½)/(visits + 1) in every row of the node's table, from these parts."""
    family = [*graph.parents(node), node]
    both = np.zeros(1 << len(family), dtype=np.int64)
    for part in parts:
        found = part.tally(family)
        both += 0 if found is None else found
    estimates: list[float] = ((both[1::2] + 0.5) / (both[0::2] + both[1::2] + 1)).tolist()
    return estimates


def _distinct_rows(values: npt.NDArray[np.int8]) -> tuple[npt.NDArray[np.int8], Integers]:
    """The distinct rows of 0, 1 and -1, and how often each stands there; sorted by 64 bits at a time."""
    packed = np.packbits(np.concatenate([values == 1, values == GAP], axis=1), axis=1)
    padded = np.zeros((len(packed), -(-packed.shape[1] // 8) * 8), dtype=np.uint8)
    padded[:, : packed.shape[1]] = packed
    words = padded.view(">u8").astype(np.uint64)
    order = np.lexsort(words.T[::-1])
    words = words[order]
    starts = np.flatnonzero(np.concatenate([[True], (words[1:] != words[:-1]).any(axis=1)]))
    return values[order[starts]], np.diff(np.concatenate([starts, [len(values)]]))


def _part_to_dict(part: HistoryPart) -> dict[str, Any]:
    text = np.frombuffer(_SIGNS, dtype=np.uint8)[part.values + 1].tobytes().decode()
    width = len(part.nodes)
    patterns = {text[width * row : width * (row + 1)]: int(weight) for row, weight in enumerate(part.weight)}
    return {"fixed": part.fixed, "nodes": list(part.nodes), "patterns": patterns}


def _part_from_dict(saved: Mapping[str, Any]) -> HistoryPart:
    nodes, patterns = tuple(saved["nodes"]), saved["patterns"]
    signs = np.frombuffer("".join(patterns).encode(), dtype=np.uint8).reshape(len(patterns), len(nodes))
    codes = np.full(256, 2, dtype=np.int8)
    codes[list(_SIGNS)] = [GAP, 0, 1]
    values, weight = codes[signs], np.array(list(patterns.values()), dtype=np.int64)
    if (values == 2).any() or (weight < 1).any():
        raise BadValue("a pattern has other signs than 0, 1 and ?, or no rows")
    return HistoryPart(dict(saved["fixed"]), nodes, values, weight)
