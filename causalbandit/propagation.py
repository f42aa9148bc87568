"""Exact effects, reach and gradient of a whole set of interventions through one clique tree.

The target and its ancestors have one clique tree. Interventions are a batch axis of every table: where an intervention
assigns a node, the node's family table is replaced by the indicator of the assigned value, so the tree serves all of
them. Messages are those of Shafer & Shenoy (1990): a bag sends to a neighbour the sum of the product of its own
families and its *other* messages, which needs no division, so that tables may hold 0 and 1. Sending the evidence
"target = 1" down from the root yields the derivative of μ(a) with respect to every table entry (Darwiche 2003); sending
no evidence yields the probability of every parent configuration.

A message depends only on the assignments inside the part of the tree it comes from: it is computed once per distinct
restriction of the set to that part, then gathered. Without evidence a message depends on ancestors alone (the tables of
other nodes sum to one), so that reach is worked out once per restriction of the set to a node's ancestors.

With hidden causes the set falls into regimes (:mod:`causalbandit.regimes`). Each has a tree of its own; what is found
there is written into the rows that the regime uses, the others stay 0.

Cost: Σ_bags 2^|bag| multiplications per distinct restriction and factor; memory is bounded by the caller, the set is
worked through in chunks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from causalbandit.checks import whole_number
from causalbandit.clique_tree import LARGEST_BAG, CliqueTree, Floats, Places, Scope, clique_tree
from causalbandit.errors import BadValue
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
        _propagate_regime(interventions, regime, tables, effects, channels, memory, largest_bag, complement is None)
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
    full_tables: bool,
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
                out = (None if channel is None else channel[part, :, places] for channel in channels)
                run.downward(*out, full_tables=full_tables)
                continue
            shape = (len(own_tables[part]), own_tables.shape[1], plan.n_interventions)
            own = [None if channel is None else np.empty(shape) for channel in channels]
            run.downward(*own, full_tables=full_tables)
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
        raise BadValue(f"Exact propagation needs {need}, more than the {memory:,} allowed. {fix}.")
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
    run.upward()
    return [np.ascontiguousarray(run.table(place)[:, 0].T) for place in range(len(tree.bags))]


@dataclass(frozen=True, eq=False)
class Factor:
    """One factor of a bag's product: values per group of interventions over a scope of the bag.

    Interventions are the last axis, so that sums and products over configurations run along them.

    Attributes
    ----------
    values : numpy.ndarray of float, shape [*shape, D, groups]
        The values; ``shape`` is that of the scope (`Scope.shape`).
    share : Share
        The groups.
    """

    values: Floats
    share: Share

    def at(self, share: Share) -> Floats:
        """The values for the groups of another share, [*shape, D, groups], or [..., 1] when all are alike."""
        if self.share.n == 1 or (self.share.each and share.each):
            return self.values
        return self.values.take(self.share.group if share.each else self.share.group[share.first], axis=-1)


def _product(arrays: list[Floats], n_left: int) -> list[Floats]:
    """Multiply the smallest of these arrays, which broadcast against each other, until ``n_left`` are left."""
    arrays = sorted(arrays, key=_size)
    while len(arrays) > n_left:
        first, second, *others = arrays
        arrays = sorted([first * second, *others], key=_size)
    return arrays


def _size(array: Floats) -> int:
    return array.size


def _contracted(factors: Sequence[Factor], share: Share, shape: tuple[int, ...], scope: Scope) -> Floats:
    """The product of a bag's factors summed onto a scope, for the groups of a share: [2^|scope|, D, groups].

    ``shape`` is the bag's; the scope's nodes are read in its own order. The last multiplication and the sum are one
    step, so that no table over the whole bag is written down when there are two factors.
    """
    arrays = _product([factor.at(share) for factor in factors], n_left=2)
    axes = list(range(len(shape) + 2))
    kept = [axis for axis in axes if axis not in scope.outside]
    operands: list[Any] = []
    for array in arrays:
        operands += [array, axes]
    summed: Floats = np.einsum(*operands, kept)
    lengths = [max(array.shape[axis] for array in arrays) for axis in range(len(shape))]
    n_alike = math.prod(shape[axis] // lengths[axis] for axis in scope.outside)  # nothing depends on these nodes
    if n_alike > 1:
        summed = summed * n_alike
    full = (*(shape[axis] for axis in kept[:-2]), summed.shape[-2], share.n)
    if summed.shape != full:
        summed = np.broadcast_to(summed, full)
    summed = summed.reshape(-1, *summed.shape[-2:])
    if scope.from_bag is not None:
        summed = summed.take(scope.from_bag, axis=0)
    return summed


class Pass:
    """One upward and, if asked, one downward pass for D sets of tables and one chunk of interventions."""

    def __init__(self, tree: CliqueTree, plan: Plan, tables: Floats) -> None:
        self.tree = tree
        self.plan = plan
        self.families: list[list[Factor]] = []
        for place in range(len(tree.bags)):
            self.families.append([])
            self.replace_tables(place, tables)
        self.messages: list[Factor | None] = [None] * len(tree.bags)  # to the parent, over its scope there

    def replace_tables(self, place: int, tables: Floats) -> None:
        """Use new ``tables`` [D, C, 2] for the families of one bag."""
        bag = self.tree.bags[place]
        self.families[place] = [
            self._family_factor(family, scope, tables)
            for family, scope in zip(bag.families, bag.family_scopes, strict=True)
        ]

    def _family_factor(self, place: int, scope: Scope, tables: Floats) -> Factor:
        """The family's table, per state of its node: free, fixed at 0, fixed at 1."""
        family = self.tree.families[place]
        share = self.plan.states[place]
        free = tables[:, family.rows].reshape(len(tables), -1).T
        value = np.arange(len(free)) & 1
        if scope.to_bag is not None:
            free, value = free[scope.to_bag], value[scope.to_bag]
        states = [
            free if code == 0 else np.broadcast_to((value == code - 1).astype(np.float64)[:, None], free.shape)
            for code in self.plan.codes[place]
        ]
        return Factor(np.stack(states, axis=-1).reshape(*scope.shape, len(tables), -1), share)

    def _inward(self, place: int, but_for: int = -1) -> list[Factor]:
        """The messages of a bag's children, but for the one at index ``but_for``."""
        inward = []
        for index, child in enumerate(self.tree.bags[place].children):
            if index != but_for:
                message = self.messages[child]
                assert message is not None
                inward.append(message)
        return inward

    def gather(self, place: int) -> None:
        """Make a bag's message to its parent from its families and its children's messages."""
        bag = self.tree.bags[place]
        above, share = self.tree.bags[bag.parent], self.plan.up[place]
        message = _contracted([*self.families[place], *self._inward(place)], share, bag.shape, bag.own_scope)
        scope = above.child_scopes[above.children.index(place)]
        if scope.to_bag is not None:
            message = message.take(scope.to_bag, axis=0)
        self.messages[place] = Factor(message.reshape(*scope.shape, *message.shape[1:]), share)

    def upward(self) -> None:
        """Make all messages towards the root."""
        for place in reversed(range(1, len(self.tree.bags))):
            self.gather(place)

    def table(self, place: int) -> Floats:
        """The product of a bag's families and its children's messages, [2^|bag|, D, groups of plan.up]."""
        share, shape = self.plan.up[place], self.tree.bags[place].shape
        (table,) = _product([factor.at(share) for factor in [*self.families[place], *self._inward(place)]], n_left=1)
        return np.broadcast_to(table, (*shape, table.shape[-2], share.n)).reshape(-1, table.shape[-2], share.n)

    def effects(self) -> Floats:
        """μ for each set of tables and intervention of the chunk, [D, A]; leaves the messages for `downward`."""
        self.upward()
        grouped = np.tensordot(self.tree.target_in_root, self.table(0), axes=1)
        return np.asarray(grouped.take(self.plan.up[0].group, axis=-1))

    def downward(self, reach: Floats | None, gradient: Floats | None, *, full_tables: bool = True) -> None:
        """Fill ``reach`` and ``gradient``, views of shape [D, C, A], from the messages away from the root.

        With ``full_tables`` probabilities of 0 and 1 sum to one, so that reach depends on ancestors alone.
        """
        evidence = self.tree.target_in_root
        if reach is not None:
            shares = self.plan.down_by_ancestors() if full_tables else self.plan.down()
            for family, share, derivative in self._away(np.ones_like(evidence), shares):
                self._store(family, share, _reach_of(derivative), reach)
        if gradient is not None:
            for family, share, derivative in self._away(evidence, self.plan.down()):
                self._store(family, share, _gradient_of(derivative), gradient)

    def _away(
        self, evidence: Floats, shares: Sequence[tuple[list[Share], list[Share]]]
    ) -> Iterator[tuple[int, Share, Floats]]:
        """Per family its place, groups, and derivative [rows, 2, D, groups], made from messages away from the root."""
        outside: list[Factor | None] = [None] * len(self.tree.bags)
        outside[0] = self.from_above(evidence)
        for place, (bag, (to_children, to_families)) in enumerate(zip(self.tree.bags, shares, strict=True)):
            above = outside[place]
            assert above is not None
            outside[place] = None
            for index, (child, share) in enumerate(zip(bag.children, to_children, strict=True)):
                outside[child] = self.outward(place, index, share, above)
            for index, (family, share) in enumerate(zip(bag.families, to_families, strict=True)):
                yield family, share, self.derivative(place, index, share, above)

    def reach_by_family(self) -> Iterator[tuple[int, Share, Floats]]:
        """Per family its place, groups of interventions and their reach [rows, groups], also where its node is fixed.

        For one set of tables that sum to one, after `upward`.
        """
        shares = self.plan.down_by_ancestors()
        for family, share, derivative in self._away(np.ones_like(self.tree.target_in_root), shares):
            yield family, share, _reach_of(derivative)[:, 0]

    def from_above(self, evidence: Floats) -> Factor:
        """What the root bag gets in place of a message: ``evidence`` [2^|root|], alike for everyone."""
        shape = (*self.tree.bags[0].shape, 1, 1)
        return Factor(evidence.reshape(shape), alike([], [], self.plan.n_interventions))

    def outward(self, place: int, index: int, share: Share, above: Factor) -> Factor:
        """The message of a bag to the child at ``index``, from what comes ``above`` and from the other children."""
        bag = self.tree.bags[place]
        factors = [above, *self.families[place], *self._inward(place, but_for=index)]
        message = _contracted(factors, share, bag.shape, bag.child_scopes[index])
        below = self.tree.bags[bag.children[index]]
        return Factor(message.reshape(*below.own_scope.shape, *message.shape[1:]), share)

    def derivative(self, place: int, index: int, share: Share, above: Factor) -> Floats:
        """The derivative for the table of a bag's family at ``index``: [rows, 2, D, groups]."""
        bag = self.tree.bags[place]
        factors = [above, *self._inward(place), *without(self.families[place], index)]
        summed = _contracted(factors, share, bag.shape, bag.family_scopes[index])
        return summed.reshape(-1, 2, *summed.shape[1:])

    def _store(self, place: int, share: Share, values: Floats, out: Floats) -> None:
        """Write one family's ``values`` [rows, D, groups] into ``out`` [D, C, A]; 0 where its node is fixed."""
        own = out[:, self.tree.families[place].rows]
        own[...] = (values if share.each else values.take(share.group, axis=-1)).swapaxes(0, 1)
        codes = self.plan.codes[place]
        if codes.any():
            own[..., codes[self.plan.states[place].group] != 0] = 0


def _reach_of(derivative: Floats) -> Floats:
    """β from the derivative without evidence [rows, 2, D, groups]: no matter which value follows, [rows, D, groups]."""
    return derivative[:, 0]


def _gradient_of(derivative: Floats) -> Floats:
    """∂μ/∂cpt from the derivative with evidence [rows, 2, D, groups]: what the value 1 adds, [rows, D, groups]."""
    return derivative[:, 1] - derivative[:, 0]
