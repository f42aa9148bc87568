"""Rows from before a campaign: tables with counts, what they already tell, and how far they can be trusted.

Rows that were observed without intervention, or under known ones, count for every row of the tables that they visit, if
the graph is right about them.

>>> import networkx as nx, pandas as pd
>>> from causalbandit import CausalGraph, InterventionSet, Problem
>>> graph = CausalGraph(nx.DiGraph([("ad", "sale")]), target="sale")
>>> problem = Problem(graph, InterventionSet(graph, [{}, {"ad": 1}]))
>>> seen = pd.DataFrame({"ad": [0, 0, 1, 1, 1], "sale": [0, 0, 1, 1, None]})
>>> found = fit(problem, seen)
>>> found.visits.tolist(), found.ones.tolist()          # the row without a sale still counts for the ad
([5, 2, 2], [3, 0, 2])
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from causalbandit.checks import binary_column, instance, nodes_present
from causalbandit.counts import Counts
from causalbandit.errors import InvalidArgument
from causalbandit.graph_check.check import GraphCheck, check_graph
from causalbandit.graph_check.data import data_parts
from causalbandit.inference.plug_in import PlugIn, plug_in_effects
from causalbandit.interventions import InterventionSet
from causalbandit.model import CausalModel
from causalbandit.problem import Problem
from causalbandit.strategies.maximise import Maximisation
from causalbandit.text import frame_text, plain, wrapped

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

THIN = 5
"""Visits below which a row of a table is called thin: its estimate is off by 0.2 and more."""
SHOWN = 8
"""Interventions and thin rows that the summary lists."""


@dataclass(frozen=True, eq=False, repr=False)
class Fitted:
    """What rows from before tell of a problem.

    Attributes
    ----------
    problem : Problem
        The problem, with tables estimated from the rows, (ones + ½)/(visits + 1), when nothing is hidden.
    visits, ones : numpy.ndarray of int64, shape [C]
        Rows of the history that visited every family row, and those of them in which its node was 1.
    trials, successes : numpy.ndarray of int64, shape [A]
        Rows under every intervention of the set in which the target was seen, and those in which it was 1.
    n_rows, n_incomplete : int
        Rows that were read, and those of them in which a value is missing.
    check : GraphCheck or None
        Whether the rows contradict the graph; None when every row lacks some value.
    """

    problem: Problem
    visits: Integers
    ones: Integers
    trials: Integers
    successes: Integers
    n_rows: int
    n_incomplete: int
    check: GraphCheck | None

    @cached_property
    def counts(self) -> Counts:
        """The rows as counts, for searches that go on from them."""
        return Counts(self.visits, self.ones, self.trials, self.successes)

    def to_frame(self) -> pd.DataFrame:
        """The ranking: ``intervention``, ``estimate``, ``std_error``, ``lower``, ``upper``, the best first."""
        problem = self.problem
        frame = plug_in_effects(problem.interventions, self.counts)
        order = np.argsort(-Maximisation.of(problem).gains(frame["estimate"].to_numpy()), kind="stable")
        return frame.iloc[order].reset_index(drop=True)

    def thin_rows(self) -> pd.DataFrame:
        """Family rows with fewer than 5 visits, those that matter most first.

        Columns: ``node``, ``configuration`` of its parents, ``visits``, ``share`` (the largest share that the row has
        in the variance of any effect).
        """
        import pandas as pd

        arms = self.problem.interventions
        found = PlugIn.of(arms, self.counts)
        parts = found.variance[:, None] * found.gradient**2
        total = parts.sum(axis=0)
        shares = np.divide(parts, total, out=np.zeros_like(parts), where=total > 0).max(axis=1)
        names = [
            (family.node, ", ".join(f"{node}={value}" for node, value in family.configuration(row).items()))
            for family in arms.families
            for row in range(family.n_rows)
        ]
        thin = np.flatnonzero(self.visits < THIN)
        frame = pd.DataFrame(
            {
                "node": [names[row][0] for row in thin],
                "configuration": [names[row][1] for row in thin],
                "visits": self.visits[thin],
                "share": shares[thin],
            }
        )
        return frame.sort_values("share", ascending=False, kind="stable").reset_index(drop=True)

    def summary(self) -> str:
        """The ranking with intervals, thin rows and contradictions, within 80 columns."""
        frame, thin = self.to_frame(), self.thin_rows()
        missing = f"; {self.n_incomplete:,} lack a value and count where they can" if self.n_incomplete else ""
        lines = wrapped(f"{self.n_rows:,} rows from before{missing}.")
        lines += ["", frame_text(frame[["intervention", "estimate", "lower", "upper"]].head(SHOWN))]
        if len(frame) > SHOWN:
            lines.append(f"… and {len(frame) - SHOWN} more")
        lines += [""]
        if len(thin):
            lines += wrapped(f"{len(thin)} rows of the tables were visited fewer than {THIN} times:")
            lines += [frame_text(thin.head(SHOWN), digits=2)]
        if self.check is not None:
            lines += [self.check.summary()]
        lines += wrapped(
            "All of this holds if the graph is right; where values are missing, also if that depends on nothing but "
            "the parents of the node."
        )
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, numbers and texts, ready for JSON."""

        def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
            return [{str(name): plain(value) for name, value in row.items()} for row in frame.to_dict("records")]

        return {
            "problem": self.problem.name,
            "rows": self.n_rows,
            "incomplete": self.n_incomplete,
            "ranking": records(self.to_frame()),
            "thin_rows": records(self.thin_rows()),
            "check": None if self.check is None else self.check.to_dict(),
            "visits": self.visits.tolist(),
            "ones": self.ones.tolist(),
        }

    def _repr_html_(self) -> str:
        table: str = self.to_frame().head(20).to_html(index=False, float_format=lambda value: f"{value:.4f}")
        return f"<p>{self.n_rows:,} rows from before</p>{table}"

    def __repr__(self) -> str:
        return f"Fitted({self.n_rows} rows, {int((self.visits < THIN).sum())} of {len(self.visits)} table rows thin)"


def fit(problem: Problem, history: Any, interventions: str | Mapping[str, str] | None = None) -> Fitted:
    """What rows from before a campaign tell: tables with counts, a ranking with intervals, contradictions.

    Parameters
    ----------
    problem : Problem
        Graph and interventions; tables that it holds are not used.
    history : pandas.DataFrame, mapping or sequence
        One row per unit and one 0/1 column per observed node (the target and its ancestors; values may be missing), or
        a frame per intervention: {label: frame} or [(intervention, frame), ...].
    interventions : str or mapping, optional
        For one frame: the column of labels, or node → column with the value at which it was fixed (empty: left alone).
        Without it nothing was fixed.

    Returns
    -------
    Fitted
        Rows with missing values count for those families whose nodes are all there. That is right if a value is
        missing for reasons that, given the node's parents, have nothing to do with it.

    Raises
    ------
    InvalidArgument
        For columns that are missing, values that are not 0 or 1, and interventions outside the graph.

    Notes
    -----
    Cost: one pass over the rows per family, and one propagation with gradient.
    """
    instance(problem, "problem", Problem, "a Problem, from load_problem or Problem(...)")
    arms = problem.interventions
    parts = [
        (fixed, _numbers(problem, frame)) for fixed, frame in data_parts(arms, history, interventions) if len(frame)
    ]
    if not parts:
        raise InvalidArgument("history", "holds no rows; expected at least one.")
    visits, ones, trials, successes = _counts(arms, parts)
    complete = [(fixed, frame.dropna().astype(np.int64)) for fixed, frame in parts]
    complete = [(fixed, frame) for fixed, frame in complete if len(frame)]
    n_rows = sum(len(frame) for _, frame in parts)
    fitted = problem
    if not problem.graph.hidden and not problem.graph.confounded:
        tables = _all_tables(problem, parts)
        fitted = replace(problem, model=CausalModel(problem.graph, tables), tables={})
    return Fitted(
        fitted,
        visits,
        ones,
        trials,
        successes,
        n_rows=n_rows,
        n_incomplete=n_rows - sum(len(frame) for _, frame in complete),
        check=check_graph(problem, complete) if complete else None,
    )


def _numbers(problem: Problem, frame: pd.DataFrame) -> pd.DataFrame:
    """The observed nodes' columns as 0, 1 and NaN."""
    import pandas as pd

    nodes_present(problem.graph.ancestors, "history", frame.columns)
    seen = [node for node in problem.graph.nodes if node in frame.columns]
    fix = "leave empty what is unknown"
    return pd.DataFrame({node: binary_column(frame[node], "history", fix, gaps=True) for node in seen})


def _counts(arms: InterventionSet, parts: list[tuple[dict[str, int], pd.DataFrame]]) -> tuple[Integers, ...]:
    """visits [C], ones [C], trials [A], successes [A] of the set's rows."""
    total = Counts.zeros(arms)
    for fixed, frame in parts:
        used = arms if fixed in arms else InterventionSet(arms.graph, [*arms, fixed])
        place = used.index(fixed)
        for family, rows in used.families_under(place):
            at = _shared_rows(arms, family, rows)
            if at is None:
                continue
            values = frame[[*family.parents, family.node]].dropna().to_numpy(dtype=np.int64)
            codes = values @ (1 << np.arange(values.shape[1])[::-1])
            both = np.bincount(codes, minlength=2 * family.n_rows)
            total.visits[at] += both[0::2] + both[1::2]
            total.ones[at] += both[1::2]
        if fixed in arms:
            outcomes = frame[arms.graph.target].dropna()
            total.trials[place] += len(outcomes)
            total.successes[place] += int(outcomes.sum())
    return total.visits, total.ones, total.trials, total.successes


def _shared_rows(arms: InterventionSet, family: Any, rows: Any) -> Any:
    """Where the rows of a family stand among those of the set; None when the set does not use it."""
    for own in arms.families_of(family.node):
        if own.parents == family.parents and own.district == family.district:
            return own.rows
    return None


def _all_tables(problem: Problem, parts: list[tuple[dict[str, int], pd.DataFrame]]) -> dict[str, list[float]]:
    """A table per node of the whole graph; ½ where nothing was seen."""
    graph = problem.graph
    tables = {}
    for node in graph.nodes:
        parents = graph.parents(node)
        both = np.zeros(2 << len(parents), dtype=np.int64)
        for fixed, frame in parts:
            if node in fixed or not {node, *parents} <= set(frame.columns):
                continue
            values = frame[[*parents, node]].dropna().to_numpy(dtype=np.int64)
            both += np.bincount(values @ (1 << np.arange(values.shape[1])[::-1]), minlength=len(both))
        visits, ones = both[0::2] + both[1::2], both[1::2]
        tables[node] = ((ones + 0.5) / (visits + 1)).tolist()
    return tables
