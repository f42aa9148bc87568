"""Does the data contradict the graph? One record with the answer, its evidence and what could not be seen.

>>> import networkx as nx
>>> from causalbandit import CausalGraph, CausalModel, InterventionSet, Problem
>>> edges = [("u", "m"), ("m", "y"), ("u", "y")]
>>> tables = {"u": [0.5], "m": [0.1, 0.9], "y": [0.2, 0.8, 0.1, 0.7]}  # y: first m, then u
>>> world = CausalModel(CausalGraph(nx.DiGraph(edges), "y"), tables)
>>> graph = CausalGraph(nx.DiGraph([("m", "y")]), "y")  # nobody knows of u
>>> problem = Problem(graph, InterventionSet(graph, [{}, {"m": 0}, {"m": 1}]))
>>> seen, fixed = world.sample({}, 400, rng=0), world.sample({"m": 1}, 400, rng=1)
>>> check = check_graph(problem, {"(observe)": seen, "m=1": fixed}, planned=True)
>>> print(check.summary())
Assumes that the graph has all common causes of its nodes; checked: 1 of 3 rows,
  3 contradictions
- y given m=1 is 1 in 38 % of experiments that fixed m and in 66 % of those that
  only saw it (e = 4e6): is there a common cause of m and y?
It shows in y under 2 interventions, too.
If the graph were right, this would happen with probability 0.01 at most,
  however the experiments were chosen and whenever one looks.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from causalbandit.arrays import Flags, Floats
from causalbandit.checks import error_rate, instance
from causalbandit.errors import Error, InvalidArgument
from causalbandit.formats.result_file import stamp
from causalbandit.graph_check.claims import GraphClaims
from causalbandit.graph_check.contradictions import Contradiction, contradiction, e_text, unseen
from causalbandit.graph_check.data import read_data
from causalbandit.graph_check.evidence import Cells, cells_of, log_e_path, log_e_universal
from causalbandit.graph_check.repair import Amendment, amend, on_graph
from causalbandit.observed_rows import ObservedRows
from causalbandit.problem import ASSUMPTION, Problem
from causalbandit.sequences.conditional import log_adjusted, log_verdict
from causalbandit.text import plain, wrapped

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from causalbandit.graph_check.data import Data

Method = Literal["conditional", "universal", "mixed"]

SHOWN = 5
"""Contradictions, and edges that could not be seen, that a summary lists."""

MOST_ROWS, MOST_AMENDMENTS = 4096, 8
"""Where `GraphCheck.repaired` gives up: a graph that needs more is not repaired but another one."""


@dataclass(frozen=True, eq=False, repr=False)
class GraphCheck:
    """What data say about the claims of a graph.

    Attributes
    ----------
    problem : Problem
        The problem whose graph was checked.
    claims : GraphClaims
        The M claims, about experiments under the interventions that the data come from.
    rows : ObservedRows
        The data, so that they can be read again under another graph.
    log_e, largest : numpy.ndarray of float, shape [M]
        log e-value of each claim with all data, and the largest after any batch.
    adjusted : numpy.ndarray of float, shape [M]
        ``largest``, adjusted for the number of claims: a claim is refuted when it reaches log(1/``delta``).
    verdict : float
        Largest log of the mean e-value of all claims after any batch: one e-value for "the graph is right".
    delta : float
        If the graph is right, any claim is ever refuted with at most this probability.
    method : {"conditional", "universal", "mixed"}
        "conditional": given sizes and totals of each batch; "universal": universal inference, for data without batches;
        "mixed": the mean of both e-values, where rows from before the first batch are compared with experiments.
    """

    problem: Problem
    claims: GraphClaims
    rows: ObservedRows
    log_e: Floats
    largest: Floats
    adjusted: Floats
    verdict: float
    delta: float
    method: Method
    _cells: Cells = field(repr=False)

    @cached_property
    def contradictions(self) -> list[Contradiction]:
        """The refuted claims, those about rows before those about whole interventions, the clearest first."""
        found = []
        for place in np.flatnonzero(self.refuted_claims).tolist():
            cells = self._cells.of_directions((self.claims.first[place], self.claims.second[place]))
            found.append(contradiction(self.claims, place, cells, float(self.largest[place])))
        return sorted(found, key=lambda each: (each.kind == "direct", -each.log_e))

    @property
    def told(self) -> list[Contradiction]:
        """The contradictions in rows; those of whole interventions only where no row shows one: they say less."""
        return [each for each in self.contradictions if each.kind != "direct"] or self.contradictions

    @property
    def _threshold(self) -> float:
        return math.log(1 / self.delta)

    @property
    def refuted_claims(self) -> Flags:
        """Which claims are refuted by themselves, shape [M]."""
        return self.adjusted >= self._threshold

    @property
    def refuted(self) -> bool:
        """Whether the data contradict the graph: a claim by itself, or all of them taken together."""
        return bool(self.verdict >= self._threshold or self.refuted_claims.any())

    @property
    def n_rows(self) -> int:
        """Family rows that the interventions of the data use."""
        return self.claims.interventions.n_family_rows

    @cached_property
    def rows_checked(self) -> int:
        """Rows among them in which the data allow a comparison."""
        return len(np.unique(self._cells.row))

    @cached_property
    def unseen(self) -> list[tuple[str, str, str]]:
        """(j, i, reason) for edges j → i of which the data cannot tell whether a common cause stands behind them."""
        return unseen(self.claims, self._cells)

    @property
    def sentence(self) -> str:
        """The assumption and how far it was checked."""
        n = len(self.contradictions)
        result = f"{n} contradiction{'s' * (n > 1)}" if n else "contradicted as a whole" if self.refuted else ""
        return f"{ASSUMPTION}; checked: {self.rows_checked} of {self.n_rows} rows, {result or 'no contradiction'}"

    @cached_property
    def _repair(self) -> tuple[Problem, tuple[Amendment, ...]]:
        check = self
        made: list[Amendment] = []
        while check.refuted:
            found = amend(check, MOST_ROWS)
            if found is None or len(made) == MOST_AMENDMENTS:
                why = f"after {len(made)} amendments the data refute it, and more take over {MOST_ROWS:,} family rows"
                raise Error(f"No repair of the graph was found: {why}. Look at the contradictions one by one.")
            made.append(found[0])
            claims = GraphClaims(on_graph(check.claims.interventions, found[1].graph), check.rows.nodes)
            check = check_rows(found[1], claims, check.rows, self.delta, self.method)
        return check.problem, tuple(made)

    def repaired(self) -> Problem:
        """The problem on the graph amended until the data do not refute it; the problem itself when they never did.

        Raises
        ------
        Error
            When more than 8 amendments, or more than 4,096 family rows, would be needed.
        """
        return self._repair[0]

    @property
    def amendments(self) -> tuple[Amendment, ...]:
        """The changes that `repaired` makes, each with its evidence."""
        return self._repair[1]

    def summary(self) -> str:
        """The verdict, each contradiction in a sentence, and what could not be seen, as text within 80 columns."""
        lines = wrapped(self.sentence[0].upper() + self.sentence[1:])
        for each in self.told[:SHOWN]:
            lines += wrapped(f"- {each.sentence}")
        if len(self.told) > SHOWN:
            lines.append(f"… and {len(self.told) - SHOWN} more")
        if n := len(self.contradictions) - len(self.told):
            target = self.problem.graph.target
            lines += wrapped(f"It shows in {target} under {n} intervention{'s' * (n > 1)}, too.")
        if self.refuted and not self.contradictions:
            lines += wrapped(
                f"All claims together are refuted (e = {e_text(self.verdict)}), but none of them by itself: more "
                "experiments will tell which."
            )
        if self.refuted:
            lines += wrapped(
                f"If the graph were right, this would happen with probability {self.delta:g} at most, however the "
                "experiments were chosen and whenever one looks."
            )
        else:
            lines += wrapped("No contradiction is no proof: a mistake may be too small for these data to show.")
        if self.unseen:
            shown = "; ".join(f"{j} → {i} ({reason})" for j, i, reason in self.unseen[:SHOWN])
            more = f"; … and {len(self.unseen) - SHOWN} more" if len(self.unseen) > SHOWN else ""
            lines += wrapped(f"Not seen, a common cause behind the edges: {shown}{more}")
        if self.method == "universal":
            lines += wrapped(
                "The data came without batches: universal inference was used, which is weak with few experiments. Name "
                "the column that numbers the batches, or say that all sizes were planned, if they were."
            )
        return "\n".join(lines)

    def to_frame(self) -> pd.DataFrame:
        """One row per claim, the clearest evidence first.

        Columns: ``claim`` (in words), ``kind``, ``node``, ``other``, ``log_e`` (with all data), ``largest`` (after any
        batch), ``adjusted`` (for all claims), ``experiments`` (compared), ``contradicted``.
        """
        import pandas as pd

        claims = self.claims
        compared = np.bincount(self._cells.direction, self._cells.total, minlength=claims.n_directions)
        most = np.maximum(compared[claims.first], np.where(claims.second < 0, 0, compared[claims.second]))
        frame = pd.DataFrame(
            {
                "claim": [claims.in_words(claim) for claim in claims.claims],
                "kind": [claim.kind for claim in claims.claims],
                "node": [claim.node for claim in claims.claims],
                "other": [claim.other for claim in claims.claims],
                "log_e": self.log_e,
                "largest": self.largest,
                "adjusted": self.adjusted,
                "experiments": most.astype(np.int64),
                "contradicted": self.refuted_claims,
            }
        )
        return frame.sort_values("largest", ascending=False, ignore_index=True, kind="stable")

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, numbers and texts, ready for JSON."""
        return stamp("graph check") | {
            "assumption": ASSUMPTION,
            "refuted": self.refuted,
            "rows_checked": self.rows_checked,
            "rows": self.n_rows,
            "experiments": self.rows.n_experiments,
            "method": self.method,
            "delta": self.delta,
            "log_e": plain(self.verdict),
            "contradictions": [each.to_dict() for each in self.contradictions],
            "unseen": [{"edge": [j, i], "reason": reason} for j, i, reason in self.unseen],
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """The claims with the most evidence against them, as bars of log₁₀ e, with the line that refutes."""
        from causalbandit.plots.bars import plot_claims

        return plot_claims(self.to_frame(), ax, threshold=self._threshold)

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{html.escape(each.sentence)}</li>" for each in self.contradictions)
        return f"<p>Graph: {html.escape(self.sentence)}</p>" + (f"<ul>{items}</ul>" if items else "")

    def __repr__(self) -> str:
        return f"GraphCheck({self.rows_checked} of {self.n_rows} rows, {len(self.contradictions)} contradictions)"


def check_rows(
    problem: Problem, claims: GraphClaims, rows: ObservedRows, delta: float, method: Method = "conditional"
) -> GraphCheck:
    """The check of rows whose places follow the interventions of ``claims``."""
    cells = cells_of(claims, rows if method != "universal" else rows.in_one_batch())
    path = log_e_universal(claims, cells)[None] if method == "universal" else log_e_path(claims, cells)
    if method == "mixed":
        cells = cells_of(claims, rows.in_one_batch())
        path = with_universal(path, claims, cells)
    largest = path.max(axis=0, initial=-np.inf)
    return GraphCheck(
        problem=problem,
        claims=claims,
        rows=rows,
        log_e=path[-1],
        largest=largest,
        adjusted=log_adjusted(largest, claims.weights, math.log(1 / delta)),
        verdict=float(log_verdict(path, claims.weights).max()),
        delta=delta,
        method=method,
        _cells=cells,
    )


def with_universal(path: Floats, claims: GraphClaims, cells: Cells) -> Floats:
    """Means of conditional e-values and, at the last look, that of universal inference; all as logs, [looks, M].

    The tables of ``cells`` come as one batch. Half of each is an e-process, because both are. Experiments that were
    planned from rows of before cannot share a batch with them, so that the conditional e-value never compares the two.
    Universal inference does, at its price.
    """
    result: Floats = path - np.log(2)
    universal = log_e_universal(claims, cells) - np.log(2)
    result[-1] = np.logaddexp(result[-1], universal)
    return result


def check_graph(
    problem: Problem,
    data: Data,
    *,
    interventions: str | Mapping[str, str] | None = None,
    batch: str | None = None,
    planned: bool = False,
    delta: float = 0.01,
) -> GraphCheck:
    """What ``data`` say about the claims of the problem's graph.

    Parameters
    ----------
    problem : Problem
        Its graph is checked; tables, if it has any, are not used.
    data : pandas.DataFrame, mapping of str to pandas.DataFrame, or sequence of (mapping, pandas.DataFrame)
        One experiment per row, one 0/1 column per node, the target and its ancestors at least; other columns are left
        out. One table for all, or one per intervention, named by its label ("m=1, z=0", "(observe)") or given as
        {"m": 1, "z": 0}.
    interventions : str or mapping of str to str, optional
        For one table: the column that holds each row's label; or, for nodes that were fixed in some rows, the column
        that holds the value at which, empty where the node was left alone. By default no row was intervened on.
    batch : str, optional
        The column that numbers the batches in their order. The sizes under each intervention must have been fixed
        before a batch began, in whatever way they depended on batches before.
    planned : bool
        All sizes were fixed before the first experiment: all data are one batch.
    delta : float
        Probability that a right graph is refuted.

    Returns
    -------
    GraphCheck
        Contradictions, e-values and what the data cannot show.

    Raises
    ------
    TypeError, ValueError
        For no rows, missing columns, values other than 0 and 1, rows that contradict their intervention, interventions
        on nodes that the graph lacks or on the target, and columns that the data lack.

    Notes
    -----
    Without ``batch`` and ``planned`` the check uses universal inference, which holds however the experiments were
    chosen; it needs more of them. Experiments must be independent given their interventions.
    """
    instance(problem, "problem", Problem, "a Problem, from load_problem or Problem(...)")
    delta = error_rate(delta, "delta")
    if planned and batch is not None:
        raise InvalidArgument("planned", "was True, but batch names a column; expected one of them.")
    used, rows = read_data(problem.interventions, data, interventions, batch)
    method: Method = "conditional" if planned or batch is not None else "universal"
    return check_rows(problem, GraphClaims(used, rows.nodes), rows, delta, method)
