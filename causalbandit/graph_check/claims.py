"""What a graph claims that experiments can contradict, and where each claim looks.

Given its scope (without hidden variables: its parents), a node owes nothing to what came before it or to what was
fixed. So all experiments of one family row share one unknown probability of a one, and any two cells of them that were
known before the node took its value may be compared:

============= =================================================== =====================================================
kind          claim about a node i                                cells that are compared within a row
============= =================================================== =====================================================
invariance    j, in the scope: fixed or seen makes no difference  j fixed | j left free, where both show the same value
invariance    j, not in the scope: fixing it makes no difference  j fixed at 1 | at 0; j fixed | j left free
independence  j, earlier and not in the scope, tells nothing      j = 1 | j = 0, over all experiments and those that
                                                                  left j free
direct        the target under one intervention is what the rows  that intervention | all others
              say that it shares with others
============= =================================================== =====================================================
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from causalbandit.arrays import Floats, Integers
from causalbandit.assignments import FREE
from causalbandit.graph import CausalGraph
from causalbandit.interventions import InterventionSet, intervention_label

Kind = Literal["invariance", "independence", "direct"]


@dataclass(frozen=True)
class Claim:
    """One claim of the graph, of a kind that the module docstring explains."""

    kind: Kind
    node: str
    """The node i whose probability is compared."""
    other: str = ""
    """The node j; empty for "direct"."""
    in_scope: bool = False
    """Whether j is in the scope of i, so that rows tell its values apart."""
    place: int = -1
    """The intervention of a "direct" claim; -1 for others."""


@dataclass(frozen=True, eq=False)
class RowGroup:
    """Interventions under which a node has the same scope in the same district, and so the same family rows."""

    node: str
    """The node i, left free by all of them."""
    places: Integers
    """The interventions."""
    scope: tuple[str, ...]
    """The nodes whose values make a row, the first being the most significant bit."""
    start: int
    """The group's first row among the C family rows of the set."""

    @property
    def n_rows(self) -> int:
        """Number of rows, 2^(nodes in the scope)."""
        return 1 << len(self.scope)


NOTHING, ALL, VALUE, FIXED, ONE = -2, -1, 0, 1, 2
"""Marks of experiments: none; all; those with j = 1; those that fixed j; those that fixed j at 1. The last three are
numbered 3·(place of j) + mark in `Comparisons`."""


@dataclass(frozen=True, eq=False)
class Comparisons:
    """The two-cell comparisons in the rows of one group, ascending by the node j that makes the cells; D in all."""

    direction: Integers
    """[D]: comparisons of one direction add up, a shift has the same sign in all of them."""
    other: Integers
    """[D]: place of j among the observed nodes."""
    marks: Integers
    """[4, D]: marks of the experiments compared, the first less the second, and of the first cell, the others alike."""
    bit: Integers
    """[D]: only rows in which the scope's node at this place shows ``value``; -1 for all rows."""
    value: Integers

    @classmethod
    def of(cls, rows: Sequence[tuple[int, int, tuple[int, int, int, int], int, int]]) -> Comparisons:
        """From (direction, other, marks, bit, value) each; marks without their node's number."""
        table = np.array([(d, j, *marks, bit, value) for d, j, marks, bit, value in rows], dtype=np.int64)
        direction, other, *marks, bit, value = table.reshape(-1, 8).T
        return cls(direction, other, np.stack([np.where(m < 0, m, 3 * other + m) for m in marks]), bit, value)


class GraphClaims:
    """The claims of a graph about experiments under a set of interventions.

    Parameters
    ----------
    interventions : InterventionSet
        The interventions that experiments come from.
    nodes : sequence of str
        The observed nodes: the target and its ancestors at least.

    Attributes
    ----------
    claims : tuple of Claim
        The M claims that experiments under these interventions could contradict.
    groups : tuple of RowGroup
        Where they look, with the comparisons of each in ``comparisons``.
    first, second : numpy.ndarray of int64, shape [M]
        The one or two directions of a claim; ``second`` is -1 for one.
    rule : numpy.ndarray of int64, shape [M]
        How two directions combine: DISJOINT rows, a SEQUENTIAL split of the same, or the MEAN of two views.
    """

    DISJOINT, SEQUENTIAL, MEAN = range(3)

    def __init__(self, interventions: InterventionSet, nodes: Sequence[str]) -> None:
        self.interventions = interventions
        self.graph: CausalGraph = interventions.graph
        self.nodes = tuple(nodes)
        self.column = {node: place for place, node in enumerate(self.nodes)}
        self.fixed = interventions.assignments[:, [self.graph.position(node) for node in self.nodes]]
        self.groups = tuple(row_groups(interventions))
        self._found: dict[Claim, tuple[int, int, int]] = {}  # directions and rule
        self.comparisons = tuple(Comparisons.of(list(self._comparisons(group))) for group in self.groups)
        self.n_directions = 2 * len(self._found)
        for place in self.direct_places:
            self._found[Claim("direct", self.graph.target, place=place)] = self.n_directions, -1, self.MEAN
            self.n_directions += 1
        self.claims = tuple(self._found)
        self.first, self.second, self.rule = np.array(list(self._found.values()), dtype=np.int64).reshape(-1, 3).T

    @cached_property
    def direct_places(self) -> tuple[int, ...]:
        """Interventions whose target's rows are shared with others."""
        shared = [g.places for g in self.groups if g.node == self.graph.target and len(g.places) > 1]
        return tuple(np.sort(np.concatenate(shared)).tolist()) if shared else ()

    @cached_property
    def weights(self) -> Floats:
        """Share of each claim in the verdict, shape [M], sum 1: kinds count alike, and so do the claims of a kind."""
        sizes = Counter(claim.kind for claim in self.claims)
        return np.array([1 / (sizes[claim.kind] * len(sizes)) for claim in self.claims])

    def in_words(self, claim: Claim) -> str:
        """The claim as a short sentence."""
        i, j = claim.node, claim.other
        if claim.kind == "direct":
            label = intervention_label(self.interventions[claim.place])
            return f"{i} under {label} is what its rows say"
        if claim.kind == "independence":
            return f"{i} does not depend on {j}, given its scope"
        return f"{i} is the same with {j} fixed or seen" if claim.in_scope else f"fixing {j} does not change {i}"

    def _comparisons(self, group: RowGroup) -> Iterator[tuple[int, int, tuple[int, int, int, int], int, int]]:
        """The comparisons in one group; each claim gets its directions when it is met first."""
        if not len(group.places):
            return
        i = group.node
        before = set(self.graph.nodes[: self.graph.position(i)])
        codes = self.fixed[group.places]
        left_free, at = (codes == FREE).any(axis=0).tolist(), [(codes == v).any(axis=0).tolist() for v in (0, 1)]
        for place, j in enumerate(self.nodes):
            if j == i:
                continue
            free, values = left_free[place], [value for value in (0, 1) if at[value][place]]
            if j in group.scope:
                if free and values:
                    bit = group.scope.index(j)
                    both = self._claim(Claim("invariance", i, j, in_scope=True), self.DISJOINT)
                    for value in values:
                        yield both[value], place, (ALL, NOTHING, FIXED, NOTHING), bit, value
                continue
            if free + len(values) > 1:
                apart, fixed = self._claim(Claim("invariance", i, j), self.SEQUENTIAL)
                yield apart, place, (FIXED, NOTHING, ONE, NOTHING), -1, 0
                yield fixed, place, (ALL, NOTHING, FIXED, NOTHING), -1, 0
            if j in before and (free or len(values) > 1):
                anyhow, seen = self._claim(Claim("independence", i, j), self.MEAN)
                yield anyhow, place, (ALL, NOTHING, VALUE, NOTHING), -1, 0
                yield seen, place, (ALL, FIXED, VALUE, ONE), -1, 0

    def _claim(self, claim: Claim, rule: int) -> tuple[int, int]:
        """The two directions of a claim about rows."""
        next_one = 2 * len(self._found)
        first, second, _ = self._found.setdefault(claim, (next_one, next_one + 1, rule))
        return first, second


def row_groups(interventions: InterventionSet) -> list[RowGroup]:
    """One group per family of the set: the interventions under which its rows are visited."""
    graph = interventions.graph
    found: dict[object, list[Integers]] = {}
    for regime in interventions.regimes:
        for family in regime.families:
            codes = interventions.assignments[regime.places, graph.position(family.node)]
            found.setdefault((family.node, family.key), []).append(regime.places[codes == FREE])
    return [
        RowGroup(family.node, np.sort(np.concatenate(found[family.node, family.key])), family.parents, family.start)
        for family in interventions.families
    ]
