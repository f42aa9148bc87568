"""Exact effects, reach and gradient of a whole set of interventions through one clique tree.

The target and its ancestors have one clique tree. Interventions are a batch axis of every table: where an intervention
assigns a node, the node's family table is replaced by the indicator of the assigned value, so the tree serves all of
them. Messages are those of Shafer & Shenoy (1990): a bag sends to a neighbour the sum of the product of its own
families and its *other* messages, which needs no division, so that tables may hold 0 and 1. Sending the evidence
"target = 1" down from the root yields the derivative of μ(a) with respect to every table entry (Darwiche 2003); sending
no evidence yields the probability of every parent configuration.

A message depends only on the assignments inside the part of the tree it comes from: it is computed once per distinct
restriction of the set to that part, then gathered.

With hidden causes the set falls into regimes (:mod:`causalbandit.regimes`). Each has a tree of its own; what is found
there is written into the rows that the regime uses, the others stay 0.

Cost: Σ_bags 2^|bag| multiplications per distinct restriction and factor; memory is bounded by the caller, the set is
worked through in chunks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from causalbandit.checks import whole_number
from causalbandit.clique_tree import LARGEST_BAG, CliqueTree, Floats, Places, Scope, clique_tree
from causalbandit.interventions import InterventionSet
from causalbandit.regimes import Regime
from causalbandit.sharing import Plan, Share, alike, plans, without

MEMORY = 256 * 2**20
"""Default bound on working memory, in bytes."""


@dataclass(frozen=True, eq=False)
class Propagation:
    """What one propagation found, exactly, for A interventions.

    Attributes
    ----------
    effects : numpy.ndarray of float, shape [A]
        μ(a) = P(target = 1 | do(a)).
    reach : numpy.ndarray of float, shape [C, A], optional
        β_c(a): probability that the parents of row c show its configuration; 0 where a assigns the row's node.
    gradient : numpy.ndarray of float, shape [C, A], optional
        ∂μ(a)/∂cpt_c; 0 where a assigns the row's node.

    With D sets of tables at once, every array has a leading axis of length D.
    """

    effects: Floats
    reach: Floats | None = None
    gradient: Floats | None = None


def propagate(
    interventions: InterventionSet,
    cpt: Floats,
    complement: Floats | None = None,
    *,
    reach: bool = False,
    gradient: bool = False,
    memory: int = MEMORY,
    largest_bag: int = LARGEST_BAG,
) -> Propagation:
    """Exact effects, and on request reach and gradient, of all ``interventions`` under the tables ``cpt``.

    Parameters
    ----------
    interventions : InterventionSet
        A interventions and their graph.
    cpt : numpy.ndarray of float, shape [C] or [D, C]
        P(node = 1 | configuration) per row of ``interventions.families``; D sets of tables are propagated as one batch.
    complement : numpy.ndarray of float, same shape as ``cpt``, optional
        P(node = 0 | configuration), 1 - ``cpt`` by default. Tables may sum to less than one (truncation). Reach then
        loses the mass that is truncated anywhere in the graph: for the sum over a family's ancestors alone, give
        every other node a full table.
    reach, gradient : bool
        What to compute besides effects.
    memory : int
        Bound on working memory in bytes; the result itself, 8·C·A bytes for each of reach and gradient, is not counted.
    largest_bag : int
        Refuse trees with a larger bag.

    Raises
    ------
    ValueError
        If the tree's tables for a single intervention do not fit into ``memory``, or a bag is too large.
    """
    single = cpt.ndim == 1
    ones = np.atleast_2d(np.asarray(cpt, dtype=np.float64))
    zeros = 1 - ones if complement is None else np.atleast_2d(np.asarray(complement, dtype=np.float64))
    n_rows, n_interventions = interventions.n_family_rows, len(interventions)
    assert ones.shape == zeros.shape == (len(ones), n_rows), (ones.shape, zeros.shape)
    tables = np.stack([zeros, ones], axis=-1)
    effects = np.empty((len(tables), n_interventions))
    shape = (len(tables), n_rows, n_interventions)
    filled = interventions.regimes[0].rows is None and interventions.regimes[0].whole
    channels = [(np.empty if filled else np.zeros)(shape) if wanted else None for wanted in (reach, gradient)]
    for regime in interventions.regimes:
        _propagate_regime(interventions, regime, tables, effects, channels, memory, largest_bag)
    if single:
        return Propagation(effects[0], *(None if channel is None else channel[0] for channel in channels))
    return Propagation(effects, *channels)


def _propagate_regime(
    interventions: InterventionSet,
    regime: Regime,
    tables: Floats,
    effects: Floats,
    channels: list[Floats | None],
    memory: int,
    largest_bag: int,
) -> None:
    """Fill what belongs to one regime into ``effects`` [D, A] and the ``channels`` reach and gradient [D, C, A]."""
    tree = clique_tree(interventions.graph, regime.families, largest_bag)
    n_channels = sum(channel is not None for channel in channels)
    pairs = pairs_in_memory(tree, memory, channels=n_channels)
    tables_at_once = min(len(tables), pairs)
    chunk = max(1, pairs // tables_at_once)
    rows = regime.rows
    own_tables = tables if rows is None else tables[:, rows]  # what stands in for rows that nothing reads is not read
    for places, plan in plans(tree, interventions, regime, chunk):
        for start in range(0, len(tables), tables_at_once):
            part = slice(start, start + tables_at_once)
            run = Pass(tree, plan, own_tables[part])
            effects[part, places] = run.effects()
            if not n_channels:
                continue
            if rows is None and isinstance(places, slice):
                run.downward(*(None if channel is None else channel[part, :, places] for channel in channels))
                continue
            shape = (len(own_tables[part]), own_tables.shape[1], plan.n_interventions)
            own = [None if channel is None else np.empty(shape) for channel in channels]
            run.downward(*own)
            _scatter(own, channels, part, rows, places)


def _scatter(
    own: list[Floats | None], channels: list[Floats | None], part: slice, rows: Places | None, places: slice | Places
) -> None:
    """Write a regime's rows [D, rows of the regime, A_r] where the set has them."""
    columns = np.arange(places.start, places.stop) if isinstance(places, slice) else places
    for values, channel in zip(own, channels, strict=True):
        if values is None or channel is None:
            continue
        if rows is None:
            channel[part, :, columns] = values
        else:
            read = np.flatnonzero(rows >= 0)
            channel[part, rows[read, None], columns] = values[:, read]


def pairs_in_memory(tree: CliqueTree, memory: int, channels: int = 2) -> int:
    """How many (tables, intervention) pairs can be worked on at once; a ValueError when not even one fits."""
    whole_number(memory, "memory", of="bytes")
    needed = tree.table_bytes(channels)
    if needed > memory:
        need = f"{needed:,} bytes of tables for one intervention (tree width {tree.width})"
        fix = "Simplify the graph or, in Python, raise memory if the machine has it"
        raise ValueError(f"Exact propagation needs {need}, more than the {memory:,} allowed. {fix}.")
    return memory // needed


def check_fits(interventions: InterventionSet, memory: int) -> None:
    """A ValueError when exact propagation of the set is out of reach, or not even one intervention fits ``memory``.

    The trees are kept with the graph, so that asking before a long run costs nothing.
    """
    for regime in interventions.regimes:
        pairs_in_memory(clique_tree(interventions.graph, regime.families), memory, channels=1)


def bag_tables(tree: CliqueTree, plan: Plan, cpt: Floats) -> list[Floats]:
    """Per bag, root first: the product of all tables at and below it, summed onto it; [groups of plan.up, 2^|bag|]."""
    run = Pass(tree, plan, np.stack([1 - cpt, cpt], axis=-1)[None])
    tables = [np.broadcast_to(table[0], (plan.up[place].n, table.shape[-1])) for place, table in run.upward()]
    return tables[::-1]


@dataclass(frozen=True, eq=False)
class Factor:
    """One factor of a bag's product: values per group of interventions over a scope of the bag."""

    values: Floats  # [..., groups, 2^|scope|]
    share: Share
    places: Places | None  # [2^|bag|] scope configuration per bag configuration; None when the scope is the whole bag

    def at(self, interventions: Places) -> Floats:
        """Values over the whole bag for some interventions, [..., len(interventions), 2^|bag|]."""
        values = self.values
        if self.share.n > 1:
            values = values.take(self.share.group[interventions], axis=-2)
        return values if self.places is None else values.take(self.places, axis=-1)


def _product(factors: Sequence[Factor], interventions: Places) -> Floats:
    """Product of the factors for some interventions, [..., len(interventions) or 1, 2^|bag|]; smallest first."""
    product: Floats | None = None
    ours = False  # until the first multiplication the product may be a factor's own array
    for factor in sorted(factors, key=lambda factor: factor.share.n):
        values = factor.at(interventions)
        if product is None:
            product = values
        elif ours and product.shape == np.broadcast_shapes(product.shape, values.shape):
            np.multiply(product, values, out=product)
        else:
            product = product * values
            ours = True
    assert product is not None, "a bag without factors has nothing to send"
    return product


class Pass:
    """One upward and, if asked, one downward pass for D sets of tables and one chunk of interventions."""

    def __init__(self, tree: CliqueTree, plan: Plan, tables: Floats) -> None:
        self.tree = tree
        self.plan = plan
        self.tables = tables
        self.families: list[list[Factor]] = [
            [self._family_factor(family, scope) for family, scope in zip(bag.families, bag.family_scopes, strict=True)]
            for bag in tree.bags
        ]
        self.messages: list[Floats] = [np.empty(0)] * len(tree.bags)

    def replace_tables(self, place: int, tables: Floats) -> None:
        """Use new ``tables`` [D, C, 2] for the families of one bag."""
        self.tables = tables
        bag = self.tree.bags[place]
        self.families[place] = [
            self._family_factor(family, scope) for family, scope in zip(bag.families, bag.family_scopes, strict=True)
        ]

    def _family_factor(self, place: int, scope: Scope) -> Factor:
        """The family's table over its bag, per state of its node: free, fixed at 0, fixed at 1."""
        family = self.tree.families[place]
        share = self.plan.states[place]
        free = self.tables[:, family.rows].reshape(len(self.tables), -1).take(scope.places, axis=-1)
        if share.n == 1 and self.plan.codes[place][0] == 0:
            return Factor(free[:, None, :], share, None)
        value = scope.places & 1
        states = [
            free if code == 0 else np.broadcast_to((value == code - 1).astype(np.float64), free.shape)
            for code in self.plan.codes[place]
        ]
        return Factor(np.stack(states, axis=1), share, None)

    def _inward(self, place: int) -> list[Factor]:
        bag = self.tree.bags[place]
        return [
            Factor(self.messages[child], self.plan.up[child], scope.places)
            for child, scope in zip(bag.children, bag.child_scopes, strict=True)
        ]

    def upward(self) -> Iterator[tuple[int, Floats]]:
        """Every bag, the root last, with the product of its families and its children's messages.

        The product has shape [D, groups, 2^|bag|]; summed onto the separator it becomes the bag's own message.
        """
        for place in reversed(range(len(self.tree.bags))):
            yield place, self.gather(place)

    def gather(self, place: int) -> Floats:
        """One bag's product of its families and its children's messages; leaves the bag's own message."""
        table = _product([*self.families[place], *self._inward(place)], self.plan.up[place].first)
        if place > 0:
            residual = 1 << self.tree.bags[place].n_residual
            self.messages[place] = table.reshape(*table.shape[:-1], residual, -1).sum(axis=-2)
        return table

    def effects(self) -> Floats:
        """μ for each set of tables and intervention of the chunk, [D, A]; leaves the messages for `downward`."""
        for _, table in self.upward():
            root = table
        grouped = root @ self.tree.target_in_root
        return grouped.take(self.plan.up[0].group, axis=-1)

    def downward(self, reach: Floats | None, gradient: Floats | None) -> None:
        """Fill ``reach`` and ``gradient``, views of shape [D, C, A], from the messages away from the root."""
        evidence = self.tree.target_in_root
        channels = []
        if reach is not None:
            channels.append(np.ones_like(evidence))
        if gradient is not None:
            channels.append(evidence)
        outside: list[Factor | None] = [None] * len(self.tree.bags)
        outside[0] = self.from_above(np.stack(channels))
        for place, (bag, (to_children, to_families)) in enumerate(zip(self.tree.bags, self.plan.down(), strict=True)):
            above = outside[place]
            assert above is not None
            outside[place] = None
            for index, (child, share) in enumerate(zip(bag.children, to_children, strict=True)):
                outside[child] = self.outward(place, index, share, above)
            for index, (family, share) in enumerate(zip(bag.families, to_families, strict=True)):
                self._store(family, share, self.derivative(place, index, share, above), reach, gradient)

    def from_above(self, channels: Floats) -> Factor:
        """What the root bag gets in place of a message: ``channels`` [channels, 2^|root|], alike for everyone."""
        return Factor(channels[:, None, None, :], alike([], [], self.plan.n_interventions), None)

    def outward(self, place: int, index: int, share: Share, above: Factor) -> Factor:
        """The message of a bag to the child at ``index``, from what comes ``above`` and from the other children."""
        bag = self.tree.bags[place]
        product = _product([above, *self.families[place], *without(self._inward(place), index)], share.first)
        below = self.tree.bags[bag.children[index]]
        first = (1 << len(below.separator)) - 1
        return Factor(bag.child_scopes[index].sum_onto(product), share, np.arange(1 << len(below.nodes)) & first)

    def derivative(self, place: int, index: int, share: Share, above: Factor) -> Floats:
        """The derivative for the table of a bag's family at ``index``: [channels, D, groups, 2·rows]."""
        product = _product([above, *self._inward(place), *without(self.families[place], index)], share.first)
        return self.tree.bags[place].family_scopes[index].sum_onto(product)

    def _store(
        self, place: int, share: Share, derivative: Floats, reach: Floats | None, gradient: Floats | None
    ) -> None:
        """Write one family's rows; ``derivative`` is [channels, D, groups, 2·rows], entries (configuration, value)."""
        rows = self.tree.families[place].rows
        fixed = self.plan.codes[place][self.plan.states[place].group] != 0
        channel = 0
        for out in (reach, gradient):
            if out is None:
                continue
            by_value = derivative[channel]
            values = by_value[..., 0::2] if out is reach else by_value[..., 1::2] - by_value[..., 0::2]
            block = values.take(share.group, axis=-2)
            block[:, fixed] = 0
            out[:, rows] = block.swapaxes(-1, -2)
            channel += 1
