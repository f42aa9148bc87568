"""Sets of interventions: which nodes an experimenter could fix, and at which values.

>>> import networkx as nx
>>> from causalbandit import CausalGraph, InterventionSet
>>> graph = CausalGraph(nx.DiGraph([("ad", "trust"), ("trust", "purchase")]), target="purchase")
>>> arms = InterventionSet.up_to(graph, 1, nodes=["ad"])
>>> list(arms)
[{}, {'ad': 0}, {'ad': 1}]
>>> InterventionSet.count_up_to(graph, 2)  # a preview: nothing is built
9
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from causalbandit.arrays import Flags, Floats, Places
from causalbandit.assignments import (
    ASSIGNMENTS,
    FREE,
    GRAPH,
    Codes,
    actionable,
    checked_assignment,
    checked_costs,
    choice_codes,
    code_blocks,
    codes_up_to,
    decoded,
    find_places,
    intervention_label,
    marks_of,
    product_of,
    value_codes,
    value_columns,
)
from causalbandit.checks import instance, listed, shaped, whole_number
from causalbandit.derived import Derived
from causalbandit.equal_effects import equal_groups
from causalbandit.errors import BadValue, InvalidArgument
from causalbandit.graph import CausalGraph, Family
from causalbandit.possibly_optimal import Redundant, Structure, possibly_optimal_sets, redundant
from causalbandit.regimes import Regime, RowPlan, row_plan

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MOST_INTERVENTIONS", "InterventionSet", "intervention_label"]

MOST_INTERVENTIONS = 200_000
"""Builders refuse to make more interventions than this unless ``most=`` says otherwise."""

INTERVENTION_SET = "an InterventionSet, made by InterventionSet(graph, [{}, {'node': 1}, ...])"
"""How an error names the set that was expected."""


class InterventionSet:
    """An ordered, checked set of A interventions; each fixes some nodes at 0 or 1, and ``{}`` fixes none.

    Parameters
    ----------
    graph : CausalGraph
        The graph whose nodes are fixed.
    interventions : iterable of mapping of str to {0, 1} or name
        Partial assignments, without duplicates; none assigns the target or a hidden node. The name of one of the
        node's alternatives replaces its table instead (:mod:`causalbandit.alternatives`), the target's, too.
    costs : sequence of float or mapping of str to float, optional
        Price of one experiment under each intervention (positive, any unit), in order or by label; 1 each when left
        out. A search whose budget is a sum of money pays them.

    Attributes
    ----------
    stands_for : tuple of tuple of str
        Per member the labels of those with the same effect that `reduced` left out for it; empty in other sets.
    derived : Derived
        What later stages compute from the set once and keep with it; not part of its value, not pickled.

    Raises
    ------
    ValueError
        For an empty set, an unknown node, a value other than 0 or 1, an assigned target, a duplicate, costs that are
        not A positive finite numbers, and more than 2^30 codes A·N (one byte each: a gigabyte).
    """

    def __init__(
        self,
        graph: CausalGraph,
        interventions: Iterable[Mapping[str, Any]],
        *,
        costs: Sequence[float] | npt.NDArray[np.floating[Any]] | Mapping[str, float] | None = None,
    ) -> None:
        instance(graph, "graph", CausalGraph, GRAPH)
        given = listed(interventions, "interventions", ASSIGNMENTS)
        rows = [
            checked_assignment(graph, f"intervention {place}", intervention) for place, intervention in enumerate(given)
        ]
        self._setup(graph, value_codes(graph, rows), choice_codes(graph, rows), costs, distinct=False)

    def _setup(
        self, graph: CausalGraph, codes: npt.NDArray[np.int8], choices: Codes, costs: Any, *, distinct: bool
    ) -> None:
        """Fill the attributes; ``distinct`` says that no intervention can be there twice."""
        if len(codes) == 0:
            raise InvalidArgument("interventions", "was empty; expected at least one. {} only observes.")
        self._graph = graph
        self._codes, self._choices = codes, choices
        for array in (codes, choices):
            array.flags.writeable = False
        self._places = None if distinct else find_places(graph, codes, choices)
        self._costs = checked_costs(costs, len(codes), lambda: self.labels)
        self.derived = Derived()
        self.stands_for: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def _from_codes(
        cls, graph: CausalGraph, codes: npt.NDArray[np.int8], choices: Codes, costs: Any = None, *, distinct: bool
    ) -> InterventionSet:
        new = cls.__new__(cls)
        new._setup(graph, codes, choices, costs, distinct=distinct)
        return new

    @classmethod
    def up_to(
        cls, graph: CausalGraph, size: int, nodes: Iterable[str] | None = None, *, most: int = MOST_INTERVENTIONS
    ) -> InterventionSet:
        """All interventions that fix at most ``size`` of ``nodes``, the empty one first, then by number of nodes fixed.

        ``nodes`` defaults to the target's ancestors. The number is checked against ``most`` before anything is built;
        :meth:`count_up_to` gives it alone and :meth:`stream_up_to` yields the interventions one by one.
        """
        chosen = actionable(graph, nodes)
        total = cls.count_up_to(graph, size, chosen)
        codes = codes_up_to(graph, chosen, size, total, most)
        choices = np.full((total, len(graph.alternatives)), FREE, dtype=np.int16)
        return cls._from_codes(graph, codes, choices, distinct=True)

    @staticmethod
    def count_up_to(graph: CausalGraph, size: int, nodes: Iterable[str] | None = None) -> int:
        """Number of interventions that :meth:`up_to` would build, Σ_{k ≤ size} 2^k·C(number of nodes, k)."""
        n_nodes, size = len(actionable(graph, nodes)), whole_number(size, "size", least=0, of="nodes to fix at once")
        return sum(math.comb(n_nodes, fixed) << fixed for fixed in range(min(size, n_nodes) + 1))

    @staticmethod
    def stream_up_to(graph: CausalGraph, size: int, nodes: Iterable[str] | None = None) -> Iterator[dict[str, int]]:
        """The interventions of :meth:`up_to` in the same order, one by one, in memory that does not grow."""
        chosen, size = actionable(graph, nodes), whole_number(size, "size", least=0, of="nodes to fix at once")
        for fixed in range(min(size, len(chosen)) + 1):
            for combination in itertools.combinations(chosen, fixed):
                yield from _assignments(combination)

    @classmethod
    def product(
        cls,
        graph: CausalGraph,
        choices: Mapping[str, Iterable[int | None]] | Iterable[str],
        *,
        most: int = MOST_INTERVENTIONS,
    ) -> InterventionSet:
        """Every combination of the nodes' choices, the last node varying fastest.

        ``choices`` maps each node to its values, None meaning "left free"; a plain list of nodes gives each (0, 1).
        """
        instance(graph, "graph", CausalGraph, GRAPH)
        return cls(graph, product_of(graph, choices, most))

    @classmethod
    def possibly_optimal(
        cls, graph: CausalGraph, nodes: Iterable[str] | None = None, *, most: int = MOST_INTERVENTIONS
    ) -> InterventionSet:
        """All assignments of the sets of ``nodes`` that can be the best to fix in some model of the graph (POMIS).

        In every model one of them is as good as the best intervention on any of ``nodes`` (default: the target's
        ancestors); ``{}`` is there when observing can be best. Lee & Bareinboim (2018; 2019 for nodes that cannot be
        fixed); see :mod:`causalbandit.possibly_optimal`.
        """
        chosen = actionable(graph, nodes)
        try:
            sets = possibly_optimal_sets(Structure.of(graph), chosen, most)
        except OverflowError as error:
            raise BadValue(
                f"{error} Name the nodes that can be fixed at all (nodes), raise most, or fix few nodes at once "
                "with InterventionSet.up_to."
            ) from None
        return cls(graph, itertools.chain.from_iterable(map(_assignments, sets)))

    def redundant(self) -> list[Redundant]:
        """The members that cannot beat all others in any model of the graph, each with those that match or beat it.

        Leaving all of them out loses nothing of the best effect, largest or smallest. Experiments under them may still
        teach much of the others. A set that lacks the alternatives to a member says nothing of it;
        neither is anything said of members that replace a table.
        """
        hard = [each for each, soft in zip(self, (self._choices != FREE).any(axis=1), strict=True) if not soft]
        return redundant(Structure.of(self._graph), hard)

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Places of members with the same effect in every model, the cheapest first (`causalbandit.equal_effects`)."""
        return self.derived.once("groups", lambda: equal_groups(self._graph, self._codes, self._choices, self._costs))

    def reduced(self) -> InterventionSet:
        """The cheapest member of each group (at one price that which fixes least); the set itself when all differ."""
        if len(self.groups) == len(self):
            return self
        small, labels = self.subset([group[0] for group in self.groups]), self.labels
        small.stands_for = tuple(tuple(labels[place] for place in group[1:]) for group in self.groups)
        return small

    @property
    def graph(self) -> CausalGraph:
        """The graph that the interventions belong to."""
        return self._graph

    @property
    def assignments(self) -> npt.NDArray[np.int8]:
        """Codes [A, N]: 0 or 1 where a node of ``graph.nodes`` is fixed, -1 where it is free. Read-only."""
        return self._codes

    @property
    def choices(self) -> Codes:
        """Places [A, S] of the alternatives chosen, -1 where a node of ``graph.alternatives`` keeps its own table.

        Read-only.
        """
        return self._choices

    @property
    def costs(self) -> Floats:
        """Price of one experiment under each intervention, [A]. Read-only."""
        return self._costs

    @property
    def priced_alike(self) -> bool:
        """Whether all interventions have the same price."""
        return bool(self._costs.min() == self._costs.max())

    def with_costs(self, costs: Sequence[float] | Mapping[str, float]) -> InterventionSet:
        """The same interventions at other prices, in order or by label."""
        new = self._from_codes(self._graph, self._codes, self._choices, costs, distinct=self._places is None)
        new.stands_for = self.stands_for
        return new

    @property
    def _rows(self) -> RowPlan:
        return self.derived.once("rows", lambda: row_plan(self._graph, self._codes, self._choices))

    @property
    def families(self) -> tuple[Family, ...]:
        """What experiments under the set teach, nodes in topological order: their rows are the set's C family rows.

        It is ``graph.families`` unless something is hidden or a table is replaced; then a node has one family for each
        of its districts and alternatives (:mod:`causalbandit.regimes`), without those that no intervention of the set
        uses. Asking for it raises InvalidArgument when a district has too many rows.
        """
        return self._rows.families

    @property
    def n_family_rows(self) -> int:
        """C, the number of family rows that the set uses."""
        return self._rows.n_rows

    @property
    def regimes(self) -> tuple[Regime, ...]:
        """The interventions in groups within which the observed nodes form one network."""
        return self._rows.regimes

    @property
    def regime_of(self) -> Places:
        """The place of each intervention's regime among :attr:`regimes`, [A]."""
        return self._rows.regime_of

    @property
    def layers(self) -> tuple[tuple[Family, ...], ...]:
        """The families in generations: each needs the tables of earlier ones only."""
        return self._rows.layers

    def families_of(self, node: str) -> tuple[Family, ...]:
        """The families of one of ``graph.ancestors``, one per district; none when all interventions fix it."""
        return self._rows.by_node.get(self._graph.observed(node), ())

    def families_under(self, place: int) -> Iterator[tuple[Family, slice | Places]]:
        """The families of the nodes that intervention ``place`` leaves free, each with its rows among the set's C."""
        regime = self.regimes[self.regime_of[place]]
        for family in regime.families:
            if self._codes[place, self._graph.position(family.node)] == FREE:
                yield family, regime.rows_in_set(family)

    @property
    def n_fixed(self) -> npt.NDArray[np.intp]:
        """How many nodes each intervention fixes, [A]."""
        return np.concatenate([np.count_nonzero(codes != FREE, axis=1) for codes in code_blocks(self._codes)])

    @property
    def ever_fixed(self) -> Flags:
        """Which nodes at least one intervention fixes, [N]."""
        return np.asarray(self._codes.max(axis=0) != FREE)

    @property
    def labels(self) -> tuple[str, ...]:
        """One short text per intervention, such as ``ad=1, price=0``; ``(observe)`` for the empty one."""
        return tuple(intervention_label(intervention) for intervention in self)

    def index(self, intervention: Mapping[str, Any]) -> int:
        """Place of ``intervention`` in the set; a ValueError when it is not there."""
        if self._places is None:
            self._places = find_places(self._graph, self._codes, self._choices)
        place = self._places.get(marks_of(self._graph, checked_assignment(self._graph, "intervention", intervention)))
        if place is None:
            raise BadValue(f"The intervention {dict(intervention)!r} is not one of the set's {len(self)}.")
        return place

    def subset(self, places: Sequence[int] | npt.NDArray[np.integer[Any]] | Flags) -> InterventionSet:
        """A new set of the interventions at ``places``, in that order, with their costs.

        ``places`` may also be A booleans, True for those to keep.
        """
        chosen = np.asarray(places)
        if chosen.dtype == bool:
            chosen = np.flatnonzero(shaped(chosen, "places", (len(self),), "one boolean per intervention"))
        chosen = chosen.astype(np.intp, casting="same_kind") if chosen.size else np.zeros(0, dtype=np.intp)
        distinct = len(np.unique(np.arange(len(self))[chosen])) == len(chosen)
        return self._from_codes(
            self._graph, self._codes[chosen], self._choices[chosen], self._costs[chosen], distinct=distinct
        )

    def to_frame(self) -> pd.DataFrame:
        """One row per intervention: ``intervention`` (label), ``n_fixed``, ``cost``, a column per node ever fixed."""
        import pandas as pd

        data: dict[str, Any] = {"intervention": list(self.labels), "n_fixed": self.n_fixed, "cost": self._costs}
        return pd.DataFrame(data | value_columns(self._graph, self._codes, self._choices))

    def __len__(self) -> int:
        return len(self._codes)

    @overload
    def __getitem__(self, place: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> InterventionSet: ...
    def __getitem__(self, place: int | slice) -> dict[str, Any] | InterventionSet:
        if isinstance(place, slice):
            return self.subset(np.arange(len(self))[place])
        return decoded(self._graph, self._codes[place], self._choices[place])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[place] for place in range(len(self)))

    def __contains__(self, intervention: object) -> bool:
        try:
            self.index(intervention)  # type: ignore[arg-type]
        except (ValueError, TypeError):
            return False
        return True

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "derived": Derived(), "_places": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for array in (self._codes, self._choices, self._costs):
            array.flags.writeable = False  # pickling and copying forget it

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, InterventionSet):
            return NotImplemented
        return self is other or (
            self._graph == other._graph
            and np.array_equal(self._codes, other._codes)
            and np.array_equal(self._choices, other._choices)
            and np.array_equal(self._costs, other._costs)
        )

    def __hash__(self) -> int:
        return hash((self._graph, self._codes.tobytes(), self._choices.tobytes(), self._costs.tobytes()))

    def __repr__(self) -> str:
        shown = [repr(self[place]) for place in range(min(3, len(self)))]
        return f"InterventionSet({len(self)}: {', '.join(shown)}{', …' if len(self) > 3 else ''})"


def _assignments(nodes: tuple[str, ...]) -> Iterator[dict[str, int]]:
    """Every assignment of 0 and 1 to the nodes, the last varying fastest."""
    return (dict(zip(nodes, values, strict=True)) for values in itertools.product((0, 1), repeat=len(nodes)))
