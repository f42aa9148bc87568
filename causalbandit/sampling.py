"""Simulated experiments: counts at a cost that does not depend on how many there are, and single rows.

Counts are drawn through the families' clique tree. The root bag's table is split by the root's
marginal distribution, then every child bag's by its conditional distribution given the separator, one binary node at
a time (a binomial per configuration). By the Markov property of the tree the joint law of all bag tables is that of
independent experiments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from causalbandit.arrays import Flags, Floats, Integers, Places
from causalbandit.assignments import FREE
from causalbandit.checks import whole_number
from causalbandit.clique_tree import Number, clique_tree
from causalbandit.counts import Counts, Origin
from causalbandit.errors import InvalidArgument, shown
from causalbandit.graph import CausalGraph
from causalbandit.interventions import InterventionSet
from causalbandit.propagation import MEMORY, bag_tables, pairs_in_memory, propagate
from causalbandit.randomness import RNG, generator
from causalbandit.regimes import Regime
from causalbandit.sharing import Plan, plans

if TYPE_CHECKING:
    import pandas as pd

_ONE_BY_ONE = 32
"""Binomials drawn one by one rather than as an array: numpy's checks of an array cost as much as about forty draws."""


class Simulator:
    """Draws counts of simulated experiments under a set of interventions, any number of times.

    Conditional probabilities of the tree are computed once and kept when they fit into ``memory``; a draw then costs a
    binomial per bag configuration and intervention used, whatever the number of experiments.

    Parameters
    ----------
    interventions : InterventionSet
        A interventions.
    cpt : numpy.ndarray of float, shape [C]
        The true tables, rows as in ``interventions.families``.
    memory : int
        Bound on working memory in bytes.
    """

    def __init__(self, interventions: InterventionSet, cpt: Floats, *, memory: int = MEMORY) -> None:
        self.interventions = interventions
        self._cpt = cpt
        self._memory = memory
        self.parts = [RegimeSimulator(interventions, regime, cpt, memory) for regime in interventions.regimes]

    @cached_property
    def effects(self) -> Floats:
        """μ(a), shape [A]; computed once."""
        return np.clip(propagate(self.interventions, self._cpt, memory=self._memory).effects, 0, 1)

    def draw(self, sizes: Sequence[int] | Integers, rng: RNG = None, *, target_only: bool = False) -> Counts:
        """Counts of ``sizes[a]`` independent experiments under each intervention a.

        With ``target_only`` the target alone is drawn, Binomial(sizes[a], μ(a)), and ``visits`` and ``ones`` are empty.

        Raises
        ------
        ValueError
            If ``sizes`` are not A non-negative integers.
        """
        numbers = _checked_sizes(sizes, len(self.interventions))
        random = generator(rng)
        if target_only:
            empty = np.zeros(0, dtype=np.int64)
            drawn = random.binomial(numbers, self.effects)
            return Counts(empty, empty, numbers.copy(), drawn, Origin.of(self.interventions))
        counts = Counts.zeros(self.interventions)
        counts.trials[:] = numbers
        for part in self.parts:
            part.draw(numbers, random, counts)
        return counts


class RegimeSimulator:
    """Draws counts of experiments under the interventions of one regime."""

    def __init__(self, interventions: InterventionSet, regime: Regime, cpt: Floats, memory: int) -> None:
        self.regime = regime
        self._cpt = regime.own_rows(cpt)
        self.tree = clique_tree(interventions.graph, regime.families)
        kept = 3 * 8 * sum(1 << len(bag.nodes) for bag in self.tree.bags)
        self._chunk = max(1, min(pairs_in_memory(self.tree, memory), memory // kept))
        self._kept: tuple[Plan, list[list[Floats]]] | None = None
        self._assignments = interventions.assignments[:, interventions.graph.ancestor_places]
        self.free = self._assignments == FREE
        self._interventions = interventions
        self._lay_out()

    def _lay_out(self) -> None:
        """Where each family row stands in the tables of all bags in line."""
        orders, widths, rows, owners, offset = [], [], [], [], 0
        for bag in self.tree.bags:
            for family, scope in zip(bag.families, bag.family_scopes, strict=True):
                orders.append(offset + scope.order)
                widths.append(np.full(1 << scope.size, len(scope.order) >> scope.size))
                where = self.regime.rows_in_set(self.tree.families[family])
                rows.append(np.arange(where.start, where.stop) if isinstance(where, slice) else where)
                owners.append(np.full(len(rows[-1]), family))
            offset += 1 << len(bag.nodes)
        self._order = np.concatenate(orders)
        self._starts = np.cumsum(np.concatenate([[0], *widths]))[:-1]
        self._rows, self._family_of_row = np.concatenate(rows), np.concatenate(owners)

    def draw(self, numbers: Integers, random: np.random.Generator, counts: Counts) -> None:
        """Add ``numbers[a]`` experiments under each intervention a of the regime to ``counts``, but for the trials."""
        own = numbers[self.regime.places]
        if not own.any():
            return
        kept = self.kept()
        if kept is not None:
            self._draw_part(*kept, self.regime.places, numbers, random, counts)
            return
        used = self.regime.places[np.flatnonzero(own)]
        for start in range(0, len(used), self._chunk):
            places = used[start : start + self._chunk]
            plan = Plan(self.tree, self._assignments[places])
            self._draw_part(plan, self._splits(plan), places, numbers, random, counts)

    def _splits(self, plan: Plan) -> list[list[Floats]]:
        """Per bag and residual node: P(node = 1 | earlier residual nodes, separator), [groups, 2^earlier, 2^|sep|]."""
        tables = bag_tables(self.tree, plan, self._cpt)
        return [stages(table, bag.n_residual) for bag, table in zip(self.tree.bags, tables, strict=True)]

    def kept(self) -> tuple[Plan, list[list[Floats]]] | None:
        """The plan of all interventions of the regime and their splits, made once; None when memory holds only some."""
        if self._kept is None and len(self.regime.places) <= self._chunk:
            ((_, plan),) = plans(self.tree, self._interventions, self.regime, self._chunk)
            self._kept = plan, self._splits(plan)
        return self._kept

    def _draw_part(
        self,
        plan: Plan,
        splits: list[list[Floats]],
        places: Places,
        numbers: Integers,
        random: np.random.Generator,
        counts: Counts,
    ) -> None:
        own = numbers[places]
        used = np.flatnonzero(own)
        tables: list[Integers] = []
        for place, bag in enumerate(self.tree.bags):
            scope = self.tree.scopes_in_parent[place]
            table = scope.sum_onto(tables[bag.parent]) if place > 0 else own[used][:, None]
            tables.append(filled(table, splits[place], plan.up[place].group[used], partial(binomial, random)))
        self._record(tables, self.free[places[used]], counts)
        counts.successes[places[used]] = tables[0] @ self.tree.target_in_root.astype(np.int64)

    def _record(self, tables: list[Integers], free: Flags, counts: Counts) -> None:
        """Add every family's counts: those that all interventions used leave free at once, the others one by one."""
        everyone = np.concatenate([table.sum(axis=0) for table in tables])
        by_value = np.add.reduceat(everyone[self._order], self._starts).reshape(-1, 2)
        always = np.asarray(free.all(axis=0))
        if always.all():
            rows = self._rows
        else:
            kept = always[self._family_of_row]
            by_value, rows = by_value[kept], self._rows[kept]
        counts.visits[rows] += by_value.sum(axis=1)
        counts.ones[rows] += by_value[:, 1]
        for family in np.flatnonzero(~always & np.asarray(free.any(axis=0))).tolist():
            place, index = self.tree.holder[family]
            part = tables[place][free[:, family]].sum(axis=0)
            self.add(family, self.tree.bags[place].family_scopes[index].sum_onto(part), counts)

    def add(self, family: int, by_value: Integers, counts: Counts) -> None:
        """Add one family's counts: per configuration of the parents, those of its node's value 0 and of 1 by turns."""
        where = self.regime.rows_in_set(self.tree.families[family])
        counts.visits[where] += by_value[0::2] + by_value[1::2]
        counts.ones[where] += by_value[1::2]


def stages(table: Floats, n_residual: int) -> list[Floats]:
    """Per residual node P(node = 1 | earlier residual nodes, the others), [groups, 2^earlier, 2^others].

    ``table`` [groups, 2^nodes] is proportional to the joint law of a bag's nodes, the residual ones first.
    """
    found = []
    for earlier in range(n_residual):
        halves = table.reshape(len(table), 1 << earlier, 2, -1, (table.shape[1] >> n_residual)).sum(axis=3)
        total = halves.sum(axis=2)
        found.append(np.divide(halves[:, :, 1], total, out=np.zeros_like(total), where=total > 0))
    return found


def filled(
    table: npt.NDArray[Number],
    split: Sequence[Floats],
    group: Places,
    part: Callable[[npt.NDArray[Number], Floats], npt.NDArray[Number]],
) -> npt.NDArray[Number]:
    """A bag's table [n, 2^nodes] from its sums over the residual nodes [n, 2^others], one residual node at a time.

    ``part`` gives the part of a table in which the node is 1: a binomial draw, or the product for expected counts.
    """
    n_tables = len(table)
    table = table[:, None, :]
    for probability in split:
        ones: npt.NDArray[Number] = part(table, probability[group])
        halves = np.empty((*ones.shape[:2], 2, ones.shape[2]), dtype=table.dtype)
        np.subtract(table, ones, out=halves[:, :, 0])
        halves[:, :, 1] = ones
        table = halves.reshape(n_tables, -1, table.shape[-1])
    return table.reshape(n_tables, -1)


def binomial(random: np.random.Generator, numbers: Integers, probability: Floats) -> Integers:
    """``random.binomial``, value for value; few numbers are drawn one by one, without numpy's checks of arrays.

    Both arrays have the same shape.
    """
    if numbers.size > _ONE_BY_ONE:
        return np.asarray(random.binomial(numbers, probability))
    pairs = zip(numbers.ravel().tolist(), probability.ravel().tolist(), strict=True)
    # No experiment draws no random number, in numpy either.
    ones = [random.binomial(number, chance) if number else 0 for number, chance in pairs]
    return np.array(ones, dtype=np.int64).reshape(numbers.shape)


def sample_rows(
    graph: CausalGraph,
    tables: Mapping[str, Sequence[float]],
    intervention: Mapping[str, int],
    size: int,
    rng: RNG = None,
) -> pd.DataFrame:
    """``size`` independent experiments under ``intervention``: one row each, one 0/1 column per node.

    ``tables`` holds P(node = 1 | parent configuration) of every node, hidden ones included; the rows show the observed
    ones. Forward sampling in topological order, all rows of a node at once: O(size) per node and parent.

    Raises
    ------
    ValueError
        If ``size`` is not a non-negative integer.
    """
    import pandas as pd

    n_rows = whole_number(size, "size", least=0, most=2**40, of="experiments")
    random = generator(rng)
    order = graph.all_nodes if graph.hidden else graph.nodes
    position = {node: place for place, node in enumerate(order)}
    values = np.empty((len(order), n_rows), dtype=np.uint8)
    for place, node in enumerate(order):
        if node in intervention:
            values[place] = intervention[node]
            continue
        table = np.asarray(tables[node])
        parents = graph.parents(node)
        if not parents:
            _draw_column(table[0], random, values[place])
            continue
        configuration = values[position[parents[0]]].astype(np.uint8 if len(parents) <= 8 else np.intp)
        for parent in parents[1:]:
            configuration <<= 1
            configuration |= values[position[parent]]
        if np.isin(table, (0, 1)).all():
            np.take(table.astype(np.uint8), configuration, out=values[place])
        else:
            _draw_column(table.take(configuration), random, values[place])
    if graph.hidden:
        values = values[[position[node] for node in graph.nodes]]
    return pd.DataFrame(values.T, columns=list(graph.nodes), copy=False)


def _draw_column(probability: Floats | np.float64, random: np.random.Generator, column: npt.NDArray[np.uint8]) -> None:
    np.less(random.random(len(column)), probability, out=column.view(np.bool_))


def _checked_sizes(sizes: Any, n_interventions: int) -> Integers:
    array = np.asarray(sizes)
    if array.shape != (n_interventions,) or array.dtype.kind not in "iu" or (array < 0).any():
        expected = f"expected {n_interventions} non-negative whole numbers, one per intervention"
        given = ", ".join(map(shown, sizes)) if isinstance(sizes, (list, tuple)) else shown(sizes)
        raise InvalidArgument("sizes", f"was [{given}]; {expected}.")
    return array.astype(np.int64)
