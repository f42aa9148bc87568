"""A refuted claim in words: where the data disagree most, by how much, and what that asks of the graph."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from causalbandit.arrays import Flags
from causalbandit.assignments import FREE
from causalbandit.graph import configuration
from causalbandit.graph_check.claims import Claim, GraphClaims
from causalbandit.graph_check.evidence import Cells
from causalbandit.interventions import intervention_label
from causalbandit.sequences.conditional import hypergeometric_moments
from causalbandit.text import plain


@dataclass(frozen=True)
class Contradiction:
    """A claim of the graph that the data refute.

    Attributes
    ----------
    kind : {"invariance", "independence", "direct"}
        What was claimed (see :mod:`causalbandit.graph_check.claims`).
    node, other : str
        The node whose probability is compared, and the one that should make no difference; "" for "direct".
    row : dict of str to int
        The values of the node's scope where the cells differ most clearly; empty for "direct".
    first, second : str
        The cells in words, as in "experiments that fixed m".
    share_first, share_second : float
        Share of ones of the node in each cell, in that row.
    n_first, n_second : int
        Experiments in each cell.
    log_e : float
        Natural logarithm of the claim's e-value at its largest so far.
    sentence : str
        All of this as a sentence that ends in a question about the graph.
    """

    kind: str
    node: str
    other: str
    row: dict[str, int]
    first: str
    second: str
    share_first: float
    share_second: float
    n_first: int
    n_second: int
    log_e: float
    sentence: str

    @property
    def e_value(self) -> float:
        """The e-value; infinity above the range of doubles."""
        return math.exp(self.log_e) if self.log_e < 700 else math.inf

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and texts, ready for JSON."""
        return {name: plain(value) for name, value in self.__dict__.items()} | {"e_value": plain(self.e_value)}


def contradiction(claims: GraphClaims, place: int, cells: Cells, log_e: float) -> Contradiction:
    """Claim ``place`` in words, from the cells of its directions."""
    claim = claims.claims[place]
    direct = claim.kind == "direct"
    direction, chosen = _clearest(cells, pooled=direct)
    n, s, m, x = (float(each[chosen].sum()) for each in (cells.total, cells.ones, cells.cell, cells.cell_ones))
    evidence = f"(e = {e_text(log_e)})"
    if direct:
        row: dict[str, int] = {}
        expected = hypergeometric_moments(cells.total, cells.ones, cells.cell)[0]
        shares = x / m, float(expected[chosen].sum()) / m
        label = intervention_label(claims.interventions[claim.place])
        first, second = f"experiments under {label}", "what their rows say"
        said = (
            f"{claim.node} is 1 in {percent(shares[0])} of {int(m):,} {first}; the rows that they share with other "
            f"interventions say {percent(shares[1])} {evidence}: does this intervention reach {claim.node} in another "
            "way than the graph says?"
        )
    else:
        row = _row_values(claims, int(cells.row[chosen][0]))
        shares = x / m, (s - x) / (n - m)
        first, second = _cells_in_words(claim, 0 if direction == claims.first[place] else 1)
        given = f" given {intervention_label(row)}" if row else ""
        said = (
            f"{claim.node}{given} is 1 in {percent(shares[0])} of {first} and in {percent(shares[1])} of {second} "
            f"{evidence}: {_question(claims, claim)}"
        )
    return Contradiction(
        claim.kind, claim.node, claim.other, row, first, second, *shares, int(m), int(n - m), log_e, said
    )


def _clearest(cells: Cells, *, pooled: bool) -> tuple[int, Flags]:
    """The direction and the tables (of one row, unless ``pooled``) in which the cells differ most clearly."""
    mean, variance, _ = hypergeometric_moments(cells.total, cells.ones, cells.cell)
    key = cells.direction if pooled else cells.direction * (int(cells.row.max()) + 1) + cells.row
    _, at = np.unique(key, return_inverse=True)
    deviation, spread = np.bincount(at, cells.cell_ones - mean), np.bincount(at, variance)
    clearest = int(np.argmax(deviation**2 / np.maximum(spread, 1e-12)))
    chosen = at == clearest
    return int(cells.direction[chosen][0]), chosen


def _row_values(claims: GraphClaims, row: int) -> dict[str, int]:
    """The configuration of the scope in a row."""
    group = next(g for g in claims.groups if g.start <= row < g.start + g.n_rows)
    return configuration(group.scope, row - group.start)


def _cells_in_words(claim: Claim, which: int) -> tuple[str, str]:
    """The cells of the first or second direction of a claim about rows."""
    j = claim.other
    if claim.kind == "independence":
        verb = "with" if which == 0 else "that saw"
        return f"experiments {verb} {j}=1", f"those {verb} {j}=0"
    if claim.in_scope or which == 1:
        return f"experiments that fixed {j}", "those that only saw it" if claim.in_scope else "those that left it free"
    return f"experiments that fixed {j} at 1", "those that fixed it at 0"


def _question(claims: GraphClaims, claim: Claim) -> str:
    i, j, graph = claim.node, claim.other, claims.graph
    if claim.kind == "independence":
        return f"does {j} act on {i}, or do they have a common cause?"
    if claim.in_scope:
        return f"is there a common cause of {j} and {i}?"
    if i in graph.observed_parents(j):
        return f"does the edge from {i} to {j} point the other way?"
    return f"does {j} act on {i}?"


def unseen(claims: GraphClaims, cells: Cells) -> list[tuple[str, str, str]]:
    """Edges (j, i) of which no comparison can tell whether a common cause stands behind them, with the reason."""
    compared = set(cells.direction.tolist())
    tested = {
        (claim.other, claim.node)
        for claim, first, second in zip(claims.claims, claims.first, claims.second, strict=True)
        if claim.kind == "invariance" and claim.in_scope and compared & {int(first), int(second)}
    }
    graph, missing = claims.graph, {}
    known = {frozenset(pair) for pair in graph.bidirected}
    for group in claims.groups:
        i = group.node
        for j in graph.observed_parents(i):
            if (j, i) in tested or {j, i} in known or not len(group.places):
                continue
            codes = claims.interventions.assignments[group.places, graph.position(j)]
            if (codes == FREE).all():
                missing[j, i] = f"{j} was never fixed"
            elif (codes != FREE).all():
                missing[j, i] = f"{j} was never left free"
            else:
                missing[j, i] = f"too few experiments fixed {j} and left it free"
    return [(j, i, reason) for (j, i), reason in missing.items()]


def percent(share: float) -> str:
    """A share as a percentage with two significant digits."""
    value = 100 * share
    return f"{value:.0f} %" if value >= 10 or value == 0 else f"{value:.2g} %"


def e_text(log_e: float) -> str:
    """An e-value with one digit, from its logarithm.

    >>> e_text(14.5), e_text(2.3), e_text(2300.0)
    ('2e6', '10', '8e998')
    """
    if log_e < math.log(1000):
        return f"{math.exp(log_e):.2g}"
    exponent, rest = divmod(log_e / math.log(10), 1)
    digit = round(10**rest)
    return f"{digit}e{int(exponent)}" if digit < 10 else f"1e{int(exponent) + 1}"
