"""Regimes: which interventions see the same network of observed nodes, and which table rows they share.

What a node depends on changes with what is fixed when hidden causes are about: fix m, and y's table no longer depends
on m's parents through the cause that m and y share. For an intervention that fixes the set X, the node i has the
district S_i(X) and the scope T_i(X) of :mod:`causalbandit.projection`, and P(v_i | T_i) depends on X through S_i(X)
alone (Tian & Pearl 2002). So a family row is named by a node, its district and a configuration of its scope, and

* a *regime* is a set of interventions under which every node has the same district and the same table, its own or an
  alternative (:mod:`causalbandit.alternatives`), throughout its district: inside it the observed nodes form
  one Bayesian network, and all that works without hidden causes works as it is;
* an experiment teaches the rows of its regime, also to other regimes in which a node has the same district.

What identification across regimes could teach besides (the front-door formula and its kin) is not used: the answers
hold without it, they are only less thrifty.

>>> import networkx as nx
>>> from causalbandit import CausalGraph, InterventionSet
>>> graph = CausalGraph(nx.DiGraph([("x", "m"), ("m", "y")]), target="y", confounded=[("m", "y")])
>>> arms = InterventionSet(graph, [{}, {"x": 1}, {"m": 0}, {"m": 1}])
>>> for family in arms.families:
...     print(family.node, family.district, family.parents)
x ('x',) ()
m ('m',) ('x',)
y ('m', 'y') ('x', 'm')
y ('y',) ('m',)
>>> [regime.places.tolist() for regime in arms.regimes]
[[0, 1], [2, 3]]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from causalbandit.arrays import Flags, Places
from causalbandit.errors import InvalidArgument, listing
from causalbandit.graph import CausalGraph, Family
from causalbandit.projection import Projection, members

Choices = npt.NDArray[np.int8] | npt.NDArray[np.int16]
Key = tuple[int, tuple[tuple[int, int], ...]]
"""A node's district as a set of bits, and in it the places of nodes with an alternative, each with 1 + its place."""

LARGEST_SCOPE = 22
"""Most nodes of a family with hidden causes, its own included: as many as a bag of the clique tree may hold."""


@dataclass(frozen=True, eq=False)
class Regime:
    """Interventions under which the observed nodes form one network."""

    places: Places
    """Places of the interventions in their set, ascending, [A_r]."""
    families: tuple[Family, ...]
    """The network: one family per node of ``graph.ancestors``, in that order, with rows numbered within the regime. A
    node that every intervention of the regime fixes has no parents, and a row that nothing reads."""
    rows: Places | None
    """The set's row of each row of the regime, -1 for rows that nothing reads; None when they are the set's rows."""
    whole: bool
    """Whether the regime holds every intervention of the set."""

    @property
    def columns(self) -> slice | Places:
        """Where the regime's interventions stand among the A columns of the set's arrays."""
        return slice(None) if self.whole else self.places

    def own_rows(self, of_set: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The regime's rows of an array [C, ...]; what stands in for rows that nothing reads is not read."""
        return of_set if self.rows is None else of_set[self.rows]

    def rows_in_set(self, family: Family) -> slice | Places:
        """Where the rows of one of the regime's families stand among the set's."""
        return family.rows if self.rows is None else self.rows[family.rows]


@dataclass(frozen=True, eq=False)
class RowPlan:
    """The family rows that a set of interventions uses, and its regimes."""

    families: tuple[Family, ...]
    """One per node, district and alternatives in it, nodes in topological order, a node's districts from large to
    small, its own table first. Their rows are the C family rows of the set. Without hidden causes and alternatives:
    ``graph.families``."""
    regimes: tuple[Regime, ...]
    """In the order in which the set first meets them."""

    @property
    def n_rows(self) -> int:
        """C."""
        return self.families[-1].start + self.families[-1].n_rows

    @cached_property
    def by_node(self) -> dict[str, tuple[Family, ...]]:
        """The families of each node that some intervention leaves free."""
        found: dict[str, tuple[Family, ...]] = {}
        for family in self.families:
            found[family.node] = (*found.get(family.node, ()), family)
        return found

    @cached_property
    def regime_of(self) -> Places:
        """The place of each intervention's regime, [A]."""
        of = np.empty(sum(len(regime.places) for regime in self.regimes), dtype=np.intp)
        for number, regime in enumerate(self.regimes):
            of[regime.places] = number
        return of

    @cached_property
    def layers(self) -> tuple[tuple[Family, ...], ...]:
        """The families in generations: the reach of a family's rows depends on tables of earlier layers only."""
        depth: dict[str, int] = {}
        for family in self.families:
            above = 1 + max((depth.get(parent, -1) for parent in family.parents), default=-1)
            depth[family.node] = max(above, depth.get(family.node, 0))
        layers: list[list[Family]] = [[] for _ in range(1 + max(depth.values()))]
        for family in self.families:
            layers[depth[family.node]].append(family)
        return tuple(tuple(layer) for layer in layers if layer)


def row_plan(graph: CausalGraph, assignments: npt.NDArray[np.int8], choices: Choices) -> RowPlan:
    """The rows and regimes of a set.

    Parameters
    ----------
    graph : CausalGraph
        The graph.
    assignments : numpy.ndarray of int8, shape [A, N]
        Value of each of ``graph.nodes`` under each intervention, -1 where it is free.
    choices : numpy.ndarray of int, shape [A, S]
        Place of the alternative in force at each node of ``graph.alternatives``, -1 where it keeps its own table.

    Raises
    ------
    InvalidArgument
        When an intervention leaves a district whole whose rows are too many to work with.
    """
    in_force = _in_force(graph, choices)
    if not graph.bidirected and not in_force.any():
        return RowPlan(graph.families, (Regime(np.arange(len(assignments)), graph.families, None, True),))
    fixed = assignments[:, graph.ancestor_places] >= 0
    projection = graph.projection
    grouped = _grouped(projection, fixed, in_force)
    used: list[set[Key]] = [set() for _ in projection.nodes]
    for keys, places in grouped.items():
        for place in np.flatnonzero((~fixed[places]).any(axis=0)).tolist():
            key = keys[place]
            if key not in used[place]:
                example = int(places[~fixed[places, place]][0])
                _check_size(projection, place, key[0], fixed[example], example)
                used[place].add(key)
    families: dict[tuple[int, Key], Family] = {}
    start = 0
    for place, keys_of_node in enumerate(used):
        for key in sorted(keys_of_node, key=lambda key: (-key[0].bit_count(), *key)):
            families[place, key] = family = _family(graph, place, key, start)
            start += family.n_rows
    regimes = tuple(_regime(projection, keys, places, families, len(grouped) == 1) for keys, places in grouped.items())
    return RowPlan(tuple(families.values()), regimes)


def _in_force(graph: CausalGraph, choices: Choices) -> Places:
    """Per intervention and ancestor: 0 for its own table, else 1 + the place of its alternative; [A, ancestors]."""
    found = np.zeros((len(choices), len(graph.ancestors)), dtype=np.intp)
    place = {node: column for column, node in enumerate(graph.ancestors)}
    for column, node in enumerate(graph.alternatives):
        if node in place:
            found[:, place[node]] = choices[:, column] + 1
    return found


def _grouped(projection: Projection, fixed: Flags, in_force: Places) -> dict[tuple[Key, ...], Places]:
    """Places of the interventions by the key of every node; a node that is fixed has its largest district.

    The districts of a fixed node do not matter; this choice joins interventions that differ in it alone.
    """
    linked, soft = list(members(projection.linked)), np.flatnonzero(in_force.any(axis=0)).tolist()
    largest = [projection.district(place) for place in range(len(projection.nodes))]
    both = np.hstack([fixed[:, linked], in_force[:, soft]])
    patterns, pattern_of = np.unique(both, axis=0, return_inverse=True)

    def key_of(place: int, out: int, replaced: list[tuple[int, int]]) -> Key:
        if out >> place & 1:
            return largest[place], ()
        district = largest[place] if largest[place] == 1 << place else projection.district(place, out)
        return district, tuple(each for each in replaced if district >> each[0] & 1)

    keys: list[tuple[Key, ...]] = []
    for pattern in patterns.tolist():
        out = sum(1 << place for place, is_fixed in zip(linked, pattern, strict=False) if is_fixed)
        replaced = [(place, table) for place, table in zip(soft, pattern[len(linked) :], strict=True) if table]
        keys.append(tuple(key_of(place, out, replaced) for place in range(len(largest))))
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    regime_of = np.array([numbers[key] for key in keys])[pattern_of.ravel()]
    found = {key: np.flatnonzero(regime_of == number) for key, number in numbers.items()}
    return dict(sorted(found.items(), key=lambda item: int(item[1][0])))


def _family(graph: CausalGraph, place: int, key: Key, start: int) -> Family:
    projection, (district, replaced) = graph.projection, key
    nodes = projection.nodes
    chosen = tuple((nodes[other], graph.alternatives[nodes[other]][table - 1]) for other, table in replaced)
    return Family(nodes[place], projection.scope(place, district), start, projection.names(district), chosen)


def _regime(
    projection: Projection, keys: Sequence[Key], places: Places, families: dict[tuple[int, Key], Family], whole: bool
) -> Regime:
    own: list[Family] = []
    rows: list[Places] = []
    start = 0
    for place, (node, key) in enumerate(zip(projection.nodes, keys, strict=True)):
        in_set = families.get((place, key))
        if in_set is None:
            own.append(Family(node, (), start, (node,)))
            rows.append(np.array([-1]))
        else:
            own.append(replace(in_set, start=start))
            rows.append(np.arange(in_set.start, in_set.start + in_set.n_rows))
        start += own[-1].n_rows
    joined = np.concatenate(rows)
    n_rows = sum(family.n_rows for family in families.values())
    same = len(joined) == n_rows and bool((joined == np.arange(n_rows)).all())
    return Regime(places, tuple(own), None if same else joined, whole)


def _check_size(projection: Projection, place: int, district: int, fixed: Flags, example: int) -> None:
    """Raise when a district makes a family of more than ``LARGEST_SCOPE`` nodes under the ``example``, which fixes."""
    n_nodes = projection.scope_set(place, district).bit_count() + 1
    if district == 1 << place or n_nodes <= LARGEST_SCOPE:
        return
    last = len(projection.nodes) - 1
    fixed_set = sum(1 << other for other in np.flatnonzero(fixed).tolist())
    whole = projection.component(place, ((2 << last) - 1) & ~fixed_set)

    def largest_without(other: int) -> int:
        out = fixed_set | 1 << other
        return 1 + max(
            projection.scope_set(member, projection.district(member, out)).bit_count()
            for member in members(whole & ~(1 << other))
        )

    left = {other: largest_without(other) for other in members(whole & ~(1 << last))}
    best = sorted(left, key=left.__getitem__)[:3]
    raise InvalidArgument(
        "interventions",
        f"leave a district of {whole.bit_count()} nodes whole, number {example} for one: hidden causes tie "
        f"{listing(projection.names(whole))} together, so that {projection.nodes[place]!r} depends on {n_nodes - 1} "
        f"nodes and has {1 << n_nodes - 1:,} rows ({8 << n_nodes - 1:,} bytes); expected at most "
        f"{1 << LARGEST_SCOPE - 1:,}. "
        "Fixing one node more splits it: "
        + ", ".join(f"{projection.nodes[other]!r} into tables of at most {left[other]} nodes" for other in best)
        + ". Fix such nodes in every intervention, or declare fewer hidden causes.",
    )
