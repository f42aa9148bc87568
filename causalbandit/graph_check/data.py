"""Rows of experiments as a user holds them, per intervention or in one table, checked and compressed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from causalbandit.arrays import Integers
from causalbandit.checks import binary_column, columns_present, instance, listed
from causalbandit.errors import InvalidArgument, InvalidType, did_you_mean, listing, rows_told
from causalbandit.graph import CausalGraph
from causalbandit.interventions import InterventionSet, intervention_label
from causalbandit.observed_rows import ObservedRows

if TYPE_CHECKING:
    import pandas as pd

Data: TypeAlias = "pd.DataFrame | Mapping[str, pd.DataFrame] | Sequence[tuple[Mapping[str, int], pd.DataFrame]]"
Part = tuple[dict[str, Any], "pd.DataFrame"]


def read_data(
    problem_set: InterventionSet, data: Any, interventions: str | Mapping[str, str] | None, batch: str | None
) -> tuple[InterventionSet, ObservedRows]:
    """The interventions that the data come from, and their rows; places follow that set, batches those of ``batch``.

    See :func:`causalbandit.check_graph` for the forms of ``data``. Rows of one intervention may come in several parts.
    """
    import pandas as pd

    parts = [part for part in data_parts(problem_set, data, interventions) if len(part[1])]
    if not parts:
        raise InvalidArgument("data", "holds no rows; expected at least one experiment.")
    graph = problem_set.graph
    distinct = {tuple(sorted(fixed.items())): fixed for fixed, _ in parts}
    used = InterventionSet(graph, distinct.values())
    shared = set(graph.nodes).intersection(*(frame.columns for _, frame in parts))
    nodes = [node for node in graph.nodes if node in shared or node in graph.ancestors]
    numbers = _batch_numbers([frame for _, frame in parts], batch)
    compressed = []
    for (fixed, frame), number in zip(parts, numbers, strict=True):
        columns = [node for node in (*nodes, *graph.hidden) if node in frame.columns]  # hidden ones are refused
        with rows_told(frame.index.__getitem__ if isinstance(data, pd.DataFrame) else None):
            compressed.append(ObservedRows.from_frame(used, fixed, frame[columns], number))
    return used, ObservedRows.concatenate(compressed)


def data_parts(problem_set: InterventionSet, data: Any, interventions: Any) -> list[Part]:
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        if interventions is None:
            return [({}, data)]
        if isinstance(interventions, str):
            return _by_label(problem_set, data, interventions)
        instance(interventions, "interventions", Mapping, "a column of labels, or a mapping from node to its column")
        return _by_columns(problem_set.graph, data, interventions)
    if interventions is not None:
        raise InvalidArgument("interventions", "names columns of one table, but data came as one table each. Drop it.")
    expected = "a pandas.DataFrame, a mapping from label to DataFrame, or a list of pairs (intervention, DataFrame)"
    parts = []
    for pair in data.items() if isinstance(data, Mapping) else listed(data, "data", expected):
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise InvalidType("data", f"holds {pair!r}; expected pairs (intervention, DataFrame).")
        given, frame = pair
        frame = instance(frame, "data", pd.DataFrame, f"a pandas.DataFrame for {given!r}")
        fixed = _from_label(problem_set, given) if isinstance(given, str) else dict(given)
        InterventionSet(problem_set.graph, [fixed])  # refuses what is not on the graph
        parts.append((fixed, frame))
    return parts


def _by_label(problem_set: InterventionSet, data: pd.DataFrame, column: str) -> list[Part]:
    columns_present([column], "interventions", data.columns)
    labels = data[column].where(data[column].notna(), "").astype(str)
    return [(_from_label(problem_set, str(label)), part) for label, part in data.groupby(labels, sort=False)]


def _by_columns(graph: CausalGraph, data: pd.DataFrame, columns: Mapping[str, str]) -> list[Part]:
    """One part per combination of fixed values and alternatives; an empty cell leaves the node alone."""
    import pandas as pd

    for node in columns:
        graph.require(node, "node in interventions=:")
    columns_present(columns.values(), "interventions", data.columns)
    codes, names = {}, {}
    for node, column in columns.items():
        fix = f"give the value at which {node!r} was fixed, and leave the cell empty where it was not"
        given, names[node] = data[column].replace("", np.nan), graph.alternatives.get(node, ())
        chosen = given.map({name: place for place, name in enumerate(names[node], start=2)})
        fixed = binary_column(given.where(chosen.isna(), np.nan), "interventions", fix, gaps=True)
        codes[node] = np.where(chosen.isna(), fixed, chosen)
    keys = pd.DataFrame(codes).fillna(-1).astype(int)
    parts = []
    for _, part in keys.groupby(list(keys.columns), sort=False):
        places, first = part.index, part.iloc[0]
        acted = {str(n): int(v) if v < 2 else names[str(n)][v - 2] for n, v in first.items() if v >= 0}
        parts.append((acted, data.iloc[np.asarray(places)]))
    return parts


def _from_label(problem_set: InterventionSet, label: str) -> dict[str, Any]:
    """The intervention that a label names: one of the set's, or ``node=value, node=value`` for any other."""
    if label in problem_set.labels:
        return problem_set[problem_set.labels.index(label)]
    if label.strip() in ("", "{}", intervention_label({})):
        return {}
    fixed: dict[str, Any] = {}
    for item in label.split(","):
        node, _, value = (part.strip() for part in item.rpartition("="))
        if value in problem_set.graph.alternatives.get(node, ()):
            fixed[node] = value
            continue
        if node not in problem_set.graph.nodes or value not in ("0", "1"):
            near = did_you_mean(label, problem_set.labels)
            known = f"for nodes among {listing(problem_set.graph.nodes)}, or {intervention_label({})!r}.{near}"
            expected = "expected node=0 or node=1, separated by commas"
            raise InvalidArgument("data", f"has the intervention {label!r}; {expected}, {known}")
        fixed[node] = int(value)
    return fixed


def _batch_numbers(frames: list[pd.DataFrame], batch: str | None) -> list[Integers | int]:
    """Numbers of the batches of every frame's rows, in the ascending order of what the column holds."""
    if batch is None:
        return [0] * len(frames)
    for frame in frames:
        columns_present([batch], "batch", frame.columns)
        if frame[batch].isna().any():
            raise InvalidArgument("batch", f"names the column {batch!r}, which has empty cells; expected a batch each.")
    known = np.unique(np.concatenate([frame[batch].to_numpy() for frame in frames]))
    return [np.searchsorted(known, frame[batch].to_numpy()) for frame in frames]
