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

from causalbandit.arrays import Integers, quotients
from causalbandit.checks import instance
from causalbandit.counts import Counts
from causalbandit.formats.result_file import stamp
from causalbandit.graph import row_names
from causalbandit.graph_check.check import GraphCheck, check_rows
from causalbandit.graph_check.claims import GraphClaims
from causalbandit.graph_check.watch import DELTA
from causalbandit.history_rows import History
from causalbandit.inference.plug_in import PlugIn, plug_in_effects
from causalbandit.interventions import InterventionSet
from causalbandit.model import CausalModel
from causalbandit.problem import Problem
from causalbandit.strategies.maximise import Maximisation
from causalbandit.text import frame_text, plain_rows, wrapped

if TYPE_CHECKING:
    import pandas as pd


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
    history : History
        The rows, as a search takes them, too (``history=``).
    counts : Counts
        What they count for: visits and ones of every family row, and target and trials under the set's interventions.
    """

    problem: Problem
    history: History
    counts: Counts

    @property
    def visits(self) -> Integers:
        """Rows of the history that visited every family row, [C]."""
        return self.counts.visits

    @property
    def ones(self) -> Integers:
        """Those of them in which its node was 1, [C]."""
        return self.counts.ones

    @property
    def trials(self) -> Integers:
        """Rows under every intervention of the set in which the target was seen, [A]."""
        return self.counts.trials

    @property
    def successes(self) -> Integers:
        """Those of them in which it was 1, [A]."""
        return self.counts.successes

    @property
    def n_rows(self) -> int:
        """Rows that were read."""
        return self.history.total

    @property
    def n_incomplete(self) -> int:
        """Those of them in which a value is missing."""
        return self.history.n_incomplete

    @cached_property
    def check(self) -> GraphCheck | None:
        """Whether the rows contradict the graph; None when every row lacks some value.

        Rows under one intervention are one batch, whose size was not chosen by what they show. How many there are under
        each of several interventions may have been: universal inference holds then, too, but sees less.
        """
        fixed = [part.fixed for part in self.history.parts if part.complete.any()]
        if not fixed:
            return None
        distinct = {tuple(sorted(each.items())): each for each in fixed}
        found = self.history.complete_rows(InterventionSet(self.problem.graph, distinct.values()))
        assert found is not None
        claims = GraphClaims(found[0], found[1].nodes)
        return check_rows(self.problem, claims, found[1], DELTA, "conditional" if len(distinct) == 1 else "universal")

    def to_frame(self) -> pd.DataFrame:
        """The ranking: ``intervention``, ``estimate``, ``std_error``, ``lower``, ``upper``, the best first."""
        problem = self.problem
        frame = plug_in_effects(problem.interventions, self.counts, known=problem.known_rows)
        order = np.argsort(-Maximisation.of(problem).gains(frame["estimate"].to_numpy()), kind="stable")
        return frame.iloc[order].reset_index(drop=True)

    def thin_rows(self) -> pd.DataFrame:
        """Family rows with fewer than 5 visits that are not known, those that matter most first.

        Columns: ``node``, ``configuration`` of its parents, ``visits``, ``share`` (the largest share that the row has
        in the variance of any effect).
        """
        import pandas as pd

        arms, known = self.problem.interventions, self.problem.known_rows
        found = PlugIn.of(arms, self.counts, known)
        parts = found.variance[:, None] * found.gradient**2
        total = parts.sum(axis=0)
        shares = quotients(parts, total).max(axis=1)
        names = pd.DataFrame(row_names(arms.families), columns=["node", "configuration"])
        thin = names.assign(visits=self.visits, share=shares)[(self.visits < THIN) & np.isnan(known)]
        return thin.sort_values("share", ascending=False, kind="stable").reset_index(drop=True)

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
        return stamp("fit") | {
            "problem": self.problem.name,
            "rows": self.n_rows,
            "incomplete": self.n_incomplete,
            "ranking": plain_rows(self.to_frame()),
            "thin_rows": plain_rows(self.thin_rows()),
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

    Rows in a database are one query away, here and as ``history`` of ``search``:
    ``fit(problem, pandas.read_sql("SELECT * FROM rows", connection))``; NULL is a value that is missing.

    Parameters
    ----------
    problem : Problem
        Graph and interventions; of its tables those that are known are kept, the others not used.
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
        For no rows, columns that are missing, values that are not 0 or 1, interventions outside the graph, and rows
        that contradict their intervention.

    Notes
    -----
    Cost: one pass over the rows per family, and one propagation with gradient.
    """
    instance(problem, "problem", Problem, "a Problem, from load_problem or Problem(...)")
    if isinstance(history, History):
        rows = history.require(problem.graph)
    else:
        rows = History.from_data(problem, history, interventions)
    fitted = problem
    if not problem.graph.hidden and not problem.graph.confounded:
        tables, alternatives = rows.tables(problem.graph), rows.alternative_tables(problem.graph)
        for node, known in problem.known_tables.items():
            tables[node] = [seen if told is None else told for told, seen in zip(known, tables[node], strict=True)]
        model = CausalModel(problem.graph, tables, alternatives=alternatives)
        fitted = replace(problem, model=model, tables={}, alternatives={})
    return Fitted(fitted, rows, rows.counts(problem.interventions))
