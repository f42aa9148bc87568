"""The tables that leave and enter a study: experiments to run, and what they showed.

A sheet of experiments has the column ``id`` and one column per observed node, which holds the value to fix or nothing.
The sheet that comes back is the same one with what was observed filled in. Rows without an id name their intervention
instead, in a column ``intervention`` that holds a label such as ``ad=1`` or ``(observe)``.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from causalbandit.arrays import Flags, Places
from causalbandit.assignments import FREE, value_columns
from causalbandit.checks import binary_column, distinct, instance, nodes_present
from causalbandit.counts import Counts
from causalbandit.errors import InvalidArgument, Rows, Setting, did_you_mean, listing
from causalbandit.interventions import InterventionSet

if TYPE_CHECKING:
    import pandas as pd

Bytes = npt.NDArray[np.uint8]
Mismatch = Literal["error", "exclude"]
EXCLUDE = Setting("on_mismatch", "'exclude'")

ID, INTERVENTION = "id", "intervention"
"""Columns beside those of the nodes."""
NOT_SEEN = 2
"""What stands for the value of a node that a row does not hold."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings that a spreadsheet would take for a formula."""


def guarded(text: str) -> str:
    """``text`` with an apostrophe in front where a spreadsheet would calculate it."""
    return f"'{text}" if text.startswith(FORMULA) else text


def unguarded(text: str) -> str:
    """What `guarded` was given."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text


def todo_frame(interventions: InterventionSet, experiments: Sequence[tuple[int, int]]) -> pd.DataFrame:
    """One row per experiment (id, place): the id, and per node the value to fix, the alternative's name, or <NA>."""
    import pandas as pd

    nodes = interventions.graph.nodes
    places = [place for _, place in experiments]
    codes, choices = interventions.assignments[places], interventions.choices[places]
    named = value_columns(interventions.graph, codes, choices)
    soft = set(itertools.compress(interventions.graph.alternatives, (interventions.choices != FREE).any(axis=0)))
    columns: dict[str, Any] = {ID: pd.array([number for number, _ in experiments], dtype="int64")}
    for column, node in enumerate(nodes):
        if node in soft:
            columns[node] = pd.array(named.get(node, [None] * len(places)), dtype="string")
            continue
        values = pd.array(np.where(codes[:, column] == FREE, 0, codes[:, column]), dtype="Int8")
        values[codes[:, column] == FREE] = pd.NA
        columns[node] = values
    return pd.DataFrame(columns)


@dataclass(frozen=True)
class Sheet:
    """What came back, checked."""

    ids: list[int | None]
    """The experiment of each row; None where the row names its intervention."""
    places: list[int | None]
    """The place of the intervention that a row names; None where it has an id."""
    observed: Bytes
    """0, 1, or `NOT_SEEN`, by node: [n, N]."""
    extra: list[dict[str, Any]]
    """What else each row holds."""
    rows: list[int]
    """The number of each row in what came back."""

    def split(self, above: int) -> tuple[Sheet, Sheet]:
        """The rows without an id or with another one, and those whose id lies ``above`` a number."""
        far = [number is not None and number > above for number in self.ids]
        return self._part(np.flatnonzero(np.logical_not(far))), self._part(np.flatnonzero(far))

    def _part(self, rows: Places) -> Sheet:
        return Sheet(
            [self.ids[row] for row in rows],
            [self.places[row] for row in rows],
            self.observed[rows],
            [self.extra[row] for row in rows],
            [self.rows[row] for row in rows],
        )


def never_handed_out(ids: Sequence[int | None]) -> InvalidArgument:
    """The error for ids that nobody was given."""
    return InvalidArgument(
        "results", f"hold ids that were never handed out: {listing(ids)}. Expected ids that `ask` gave."
    )


def still_open(ids: Sequence[int], states: Mapping[int, str]) -> list[int]:
    """Those of ``ids`` whose experiments are open, once each; an error when one is neither open nor abandoned."""
    wrong = [number for number in ids if states.get(number) not in ("open", "abandoned")]
    if wrong:
        state = states.get(wrong[0], "never handed out")
        raise InvalidArgument(
            "ids", f"hold {listing(wrong)}: {wrong[0]} is {state}; expected experiments that are open."
        )
    return [number for number in dict.fromkeys(ids) if states[number] == "open"]


def read_sheet(interventions: InterventionSet, frame: pd.DataFrame) -> Sheet:
    """The rows of a sheet that came back.

    Raises
    ------
    InvalidArgument
        For an empty sheet, a missing column, a value that is not 0 or 1, an id that is no whole number, or a row with
        neither an id nor an intervention of the set; with the first row where it happens.
    """
    import pandas as pd

    instance(frame, "results", pd.DataFrame, "a pandas.DataFrame, a row per experiment")
    if not len(frame):
        raise InvalidArgument("results", "hold no rows; expected one row per experiment that was run.")
    frame = frame.set_axis([unguarded(name) if isinstance(name, str) else name for name in frame.columns], axis=1)
    graph = interventions.graph
    distinct(list(frame.columns), "results.columns")
    nodes_present(graph.ancestors, "results", frame.columns)
    if ID not in frame.columns and INTERVENTION not in frame.columns:
        given = f"have neither a column {ID!r} nor a column {INTERVENTION!r}"
        raise InvalidArgument("results", f"{given}; expected one of them, to know what was run.")
    ids: list[int | None] = _ids(frame[ID]) if ID in frame.columns else [None] * len(frame)
    places = _places(interventions, frame, ids)
    observed = np.full((len(frame), len(graph.nodes)), NOT_SEEN, dtype=np.uint8)
    for column, node in enumerate(graph.nodes):
        if node in frame.columns:
            observed[:, column] = _seen(frame[node], gaps=node not in graph.ancestors)
    others = [name for name in frame.columns if name not in graph.nodes and name not in (ID, INTERVENTION)]
    extra: list[dict[str, Any]] = [{} for _ in ids]
    if others:
        records = frame[others].astype(object).where(frame[others].notna(), None).to_dict("records")
        extra = [{str(name): plain_value(value) for name, value in record.items()} for record in records]
    return Sheet(ids, places, observed, extra, list(range(len(frame))))


def _seen(column: pd.Series, gaps: bool) -> npt.NDArray[Any]:
    """The values of a node: 0, 1 or, where ``gaps`` are allowed, `NOT_SEEN`."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biu":
        whole = column.to_numpy()  # whole numbers are looked at once and not turned over by pandas
        if ((whole == 0) | (whole == 1)).all():
            return whole
    values = binary_column(column, "results", _FIX, gaps=gaps)
    return np.where(np.isnan(values), NOT_SEEN, values)


def contradictions(interventions: InterventionSet, places: Sequence[int], observed: Bytes) -> Flags:
    """Which rows [n, N] show a fixed node at another value than the one at which their place, one each, fixes it."""
    codes = interventions.assignments[np.asarray(places)]
    wrong: Flags = ((codes != FREE) & (observed != codes) & (observed != NOT_SEEN)).any(axis=1)
    return wrong


def counts_of(interventions: InterventionSet, places: Sequence[int], observed: Bytes) -> Counts:
    """Counts of rows [n, N], each run under the intervention at its place."""
    graph, at = interventions.graph, np.asarray(places)
    total = Counts.zeros(interventions)
    for place in np.unique(at).tolist():
        rows = observed[at == place]
        values = {node: rows[:, graph.position(node)].astype(np.int64) for node in graph.ancestors}
        total = total + Counts.from_values(interventions, place, values)
    return total


def _ids(column: pd.Series) -> list[int | None]:
    ids: list[int | None] = []
    for row, value in enumerate(column.tolist()):
        if value is None or value != value or (isinstance(value, str) and not value.strip()):
            ids.append(None)
            continue
        try:
            number = int(value)
            exact = isinstance(value, str) or number == value
        except (TypeError, ValueError, OverflowError):
            exact = False
        if not exact:
            expected = "; expected a whole number, as it was handed out."
            raise InvalidArgument("results", f"have the id {value!r} in ", Rows([row]), expected)
        ids.append(number)
    twice = [number for number, count in Counter(ids).items() if count > 1 and number is not None]
    if twice:
        expected = "expected one row per experiment"
        raise InvalidArgument("results", f"have the id {twice[0]} in more than one row; {expected}.")
    return ids


def _places(interventions: InterventionSet, frame: pd.DataFrame, ids: Sequence[int | None]) -> list[int | None]:
    if all(number is not None for number in ids):
        return [None] * len(ids)
    named = frame[INTERVENTION].tolist() if INTERVENTION in frame.columns else [None] * len(ids)
    known: Mapping[str, int] = {label: place for place, label in enumerate(interventions.labels)}
    places: list[int | None] = []
    for row, (number, label) in enumerate(zip(ids, named, strict=True)):
        if number is not None:
            places.append(None)
            continue
        place = known.get(str(label).strip())
        if place is None:
            options = f"{did_you_mean(label, known)} Expected one of {listing(known)}"
            said = f", and {label!r} is no intervention of the study.{options}."
            raise InvalidArgument("results", "have no id in ", Rows([row]), said)
        places.append(place)
    return places


_FIX = "fill in what was observed, and leave out experiments that are still running"


def plain_value(value: Any) -> Any:
    """What JSON can hold: numbers, texts and None as they are, anything else as text."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else str(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
