"""Messages of a clique tree for one chunk of interventions, towards the root and away from it.

Tables have the configurations of a bag's nodes on their first axes, then D sets of tables, and interventions last, so
that products and sums over configurations run along interventions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import attrgetter, mul
from typing import Any

import numpy as np

from causalbandit.arrays import Floats
from causalbandit.clique_tree import CliqueTree, Scope
from causalbandit.sharing import Plan, Share, alike, without

_SMALL = 1 << 14
"""Entries of a product up to which writing it down and summing it is faster than numpy's fused sum of products."""


@dataclass(frozen=True, eq=False)
class Factor:
    """One factor of a bag's product: values per group of interventions over a scope of the bag."""

    values: Floats  # [*Scope.shape, D, groups]
    share: Share  # the groups

    def at(self, share: Share) -> Floats:
        """The values for the groups of another share, [*shape, D, groups], or [..., 1] when all are alike."""
        if self.share.n == 1 or (self.share.each and share.each):
            return self.values
        return self.values.take(self.share.group if share.each else self.share.group[share.first], axis=-1)


def _product(arrays: list[Floats]) -> list[Floats]:
    """Two arrays, or one, with the product of these, which broadcast against each other; small ones come first."""
    if len(arrays) <= 2:
        return arrays
    *small, last = sorted(arrays, key=attrgetter("size"))
    return [reduce(mul, small), last]


def _contracted(factors: Sequence[Factor], share: Share, shape: tuple[int, ...], scope: Scope) -> Floats:
    """The product of a bag's factors summed onto a scope, for the groups of a share: [2^|scope|, D, groups].

    ``shape`` is the bag's; the scope's nodes are read in its own order. In large bags the last multiplication and the
    sum are one step, so that no table over the whole bag is written down.
    """
    arrays = _product([factor.at(share) for factor in factors])
    if math.prod(shape) * share.n <= _SMALL or len(arrays) == 1:
        product = arrays[0] * arrays[1] if len(arrays) > 1 else arrays[0]
        if product.shape[:-2] != shape:
            product = np.broadcast_to(product, (*shape, *product.shape[-2:]))
        summed: Floats = np.add.reduce(product, axis=scope.outside) if scope.outside else product
    else:
        operands: list[Any] = [arrays[0], scope.axes, arrays[1], scope.axes, scope.kept]
        summed = np.einsum(*operands)  # numpy's stubs know subscripts as text only
        lengths = [max(array.shape[axis] for array in arrays) for axis in range(len(shape))]
        n_alike = math.prod(shape[axis] // lengths[axis] for axis in scope.outside)  # nothing depends on these nodes
        if n_alike > 1:
            summed = summed * n_alike
        own = tuple(shape[axis] for axis in scope.kept[:-2])
        if summed.shape[:-2] != own:
            summed = np.broadcast_to(summed, (*own, *summed.shape[-2:]))
    if summed.shape[-1] != share.n:
        summed = np.broadcast_to(summed, (*summed.shape[:-1], share.n))
    summed = summed.reshape(1 << scope.size, *summed.shape[-2:])
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
        if scope.to_bag is not None:
            free = free[scope.to_bag]
        values = np.empty((*free.shape, share.n))
        for group, code in enumerate(self.plan.codes[place].tolist()):
            values[..., group] = free if code == 0 else scope.last_is[code - 1]
        return Factor(values.reshape(*scope.shape, len(tables), share.n), share)

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
        bag, share = self.tree.bags[place], self.plan.up[place]
        message = _contracted([*self.families[place], *self._inward(place)], share, bag.shape, bag.own_scope)
        scope = self.tree.scopes_in_parent[place]
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
        arrays = _product([factor.at(share) for factor in [*self.families[place], *self._inward(place)]])
        table = reduce(mul, arrays)
        return np.broadcast_to(table, (*shape, table.shape[-2], share.n)).reshape(-1, table.shape[-2], share.n)

    def effects(self) -> Floats:
        """μ for each set of tables and intervention of the chunk, [D, A]; leaves the messages for `downward`."""
        self.upward()
        table = self.table(0)
        grouped = (self.tree.target_in_root @ table.reshape(len(table), -1)).reshape(table.shape[1:])
        return np.asarray(grouped.take(self.plan.up[0].group, axis=-1))

    def downward(self, reach: Floats | None, gradient: Floats | None, *, full_tables: bool = True) -> None:
        """Fill ``reach`` and ``gradient``, views of shape [D, C, A], from the messages away from the root.

        With ``full_tables`` probabilities of 0 and 1 sum to one, so that reach depends on ancestors alone.
        """
        evidence = self.tree.target_in_root
        if reach is not None:
            shares = self.plan.down_by_ancestors if full_tables else self.plan.down
            for family, share, derivative in self._away(np.ones_like(evidence), shares):
                self._store(family, share, derivative[:, 0], reach)  # alike whichever value of the node follows
        if gradient is not None:
            for family, share, derivative in self._away(evidence, self.plan.down):
                self._store(family, share, derivative[:, 1] - derivative[:, 0], gradient)  # what the value 1 adds

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
        everything = np.ones_like(self.tree.target_in_root)
        for family, share, derivative in self._away(everything, self.plan.down_by_ancestors):
            yield family, share, derivative[:, 0, 0]

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
