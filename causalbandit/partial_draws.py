"""Simulated experiments drawn as far as they are read, and the rest of all of them at once.

A search that learns tables layer by layer reads one layer's families from each of its batches. To draw every node for
every batch costs the square of the depth. Here a batch draws the smallest part of the clique tree that connects the
bags of the families that are read. By the Markov property what is left depends on the drawn part only through the
separators around it, and experiments under one intervention are exchangeable: the counts at a separator may be added up
over batches, and everything that is left is drawn in two passes over the tree, towards the root and away from it.

The joint law of all counts, added up over the batches, is that of :meth:`causalbandit.sampling.Simulator.draw`, and so
is the law of what each batch reads given what was read before.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from heapq import heapify, heappop, heappush

import numpy as np

from causalbandit.alternatives import FamilyKey
from causalbandit.arrays import Floats, Integers, Places
from causalbandit.counts import Counts
from causalbandit.graph import Family
from causalbandit.randomness import RNG, generator
from causalbandit.sampling import RegimeSimulator, Simulator, binomial, filled, stages
from causalbandit.sharing import Plan

MANY_BAGS = 64
"""Bags of a tree from which on parts are drawn: before, a whole draw costs little more."""

Flow = tuple[Places, Integers]
"""Counts at a separator that wait for what lies behind it: u interventions of the regime, counts [u, 2^separator]."""


class PartialDraws:
    """The experiments of one run, each batch drawn as far as it is read; trees of fewer than ``many_bags`` whole.

    Attributes
    ----------
    pending : bool
        Whether something of a batch was left out, so that `rest` is due.
    """

    def __init__(self, simulator: Simulator, rng: RNG = None, *, many_bags: int = MANY_BAGS) -> None:
        self._simulator = simulator
        self._random = generator(rng)
        self._parts: list[_RegimeDraws | RegimeSimulator] | None = None
        self.pending = False
        self._worth = any(len(part.tree.bags) >= many_bags for part in simulator.parts)

    def draw(
        self, sizes: Sequence[int] | Integers, families: Sequence[Family] | None = None, *, target_only: bool = False
    ) -> Counts:
        """Counts of ``sizes[a]`` independent experiments under each intervention a, complete for these ``families``.

        Counts of other families may be lower, 0 for most, and ``successes`` is 0; `rest` has what is missing. None asks
        for all. ``target_only`` is that of `Simulator.draw`.
        """
        if families is None or target_only or not self._worth:
            return self._simulator.draw(sizes, self._random, target_only=target_only)
        if self._parts is None:  # where memory holds the tables of some interventions only, all is drawn
            kept = [(part, part.kept()) for part in self._simulator.parts]
            self._parts = [part if own is None else _RegimeDraws(part, *own) for part, own in kept]
        self.pending = True
        counts = Counts.zeros(self._simulator.interventions)
        counts.trials[:] = sizes
        keys = {family.key for family in families}
        for part in self._parts:
            if isinstance(part, RegimeSimulator):
                part.draw(counts.trials, self._random, counts)
            else:
                part.draw(counts.trials, keys, self._random, counts)
        return counts

    def rest(self) -> Counts:
        """What was left out of all batches since the last call, with no trials of its own."""
        self.pending = False
        counts = Counts.zeros(self._simulator.interventions)
        for part in self._parts or ():
            if isinstance(part, _RegimeDraws):
                part.draw_rest(self._random, counts)
        return counts


class _RegimeDraws:
    """Draws under the interventions of one regime, and the counts at the separators behind which nothing is drawn."""

    def __init__(self, simulator: RegimeSimulator, plan: Plan, splits: Sequence[Sequence[Floats]]) -> None:
        self._simulator = simulator
        self._plan, self._splits = plan, splits
        self._bags = simulator.tree.bags
        self._holder = {
            family.key: simulator.tree.holder[place][0] for place, family in enumerate(simulator.regime.families)
        }
        self._below: list[list[Flow]] = [[] for _ in self._bags]  # drawn above, down to this bag's separator
        self._above: list[list[Flow]] = [[] for _ in self._bags]  # drawn below, up to this bag's separator
        self._separators = self._marginals()

    def _marginals(self) -> list[Floats]:
        """Probabilities of every bag's separator, [A_r, 2^|separator|] each; those of the root are ones [A_r, 1]."""
        separators = [np.ones((self._plan.n_interventions, 1))] * len(self._bags)
        for place, bag in enumerate(self._bags):
            table = filled(separators[place], self._splits[place], self._plan.up[place].group, np.multiply)
            for child, scope in zip(bag.children, bag.child_scopes, strict=True):
                separators[child] = scope.sum_onto(table)
        return separators

    def draw(self, numbers: Integers, keys: set[FamilyKey], random: np.random.Generator, counts: Counts) -> None:
        """Add to ``counts`` what ``numbers[a]`` experiments show of these families, and keep what is left to draw."""
        own = numbers[self._simulator.regime.places]
        used = np.flatnonzero(own)
        if not len(used):
            return
        part = self._connected({self._holder[key] for key in keys if key in self._holder})
        if not part:
            self._below[0].append((used, own[used][:, None]))
            return
        top = min(part)
        split = partial(binomial, random)
        separator = self._separators[top][used]
        size = separator.shape[1].bit_length() - 1
        at_separator = filled(own[used][:, None], stages(separator, size), np.arange(len(used)), split)
        self._above[top].append((used, at_separator))
        waiting = {top: at_separator}
        for place in sorted(part):
            self._fill(place, used, waiting.pop(place), random, counts, waiting, part)

    def _connected(self, places: set[int]) -> set[int]:
        """The smallest connected part of the tree with these bags."""
        part, tops = set(places), [-place for place in places]
        heapify(tops)
        while len(tops) > 1:  # parents come before children, so the last of several tops is not that of the part
            parent = self._bags[-heappop(tops)].parent
            if parent not in part:
                part.add(parent)
                heappush(tops, -parent)
        return part

    def _fill(
        self,
        place: int,
        used: Places,
        at_separator: Integers,
        random: np.random.Generator,
        counts: Counts,
        waiting: dict[int, Integers],
        part: set[int],
    ) -> None:
        """Draw a bag from the counts at its separator; its children in ``part`` wait for theirs, the others stay."""
        group = self._plan.up[place].group[used]
        table = filled(at_separator, self._splits[place], group, partial(binomial, random))
        self._record(place, used, table, counts)
        for child, scope in zip(self._bags[place].children, self._bags[place].child_scopes, strict=True):
            if child in part:
                waiting[child] = scope.sum_onto(table)
            else:
                self._below[child].append((used, scope.sum_onto(table)))

    def draw_rest(self, random: np.random.Generator, counts: Counts) -> None:
        """Add to ``counts`` everything that was left out."""
        for place in reversed(range(1, len(self._bags))):
            if self._above[place]:
                self._fill_parent(place, *_joined(self._above[place]), random, counts)
                self._above[place] = []
        self._above[0] = []  # nothing lies above the root
        for place in range(len(self._bags)):
            if self._below[place]:
                used, at_separator = _joined(self._below[place])
                self._fill(place, used, at_separator, random, counts, {}, set())
                self._below[place] = []

    def _fill_parent(
        self, place: int, used: Places, at_separator: Integers, random: np.random.Generator, counts: Counts
    ) -> None:
        """Draw the parent of a bag from the counts at the bag's separator; what adjoins the parent waits for later."""
        parent = self._bags[place].parent
        bag = self._bags[parent]
        scope = bag.child_scopes[bag.children.index(place)]
        group = self._plan.up[parent].group[used]
        law = filled(self._separators[parent][used], self._splits[parent], group, np.multiply)
        # The separator's nodes last, as a bag has them, so that the others are drawn given them.
        shape = (len(used), 1 << scope.size, -1)
        given = law.take(scope.order, axis=1).reshape(shape).swapaxes(1, 2).reshape(law.shape)
        split = stages(given, len(bag.nodes) - scope.size)
        drawn = filled(at_separator, split, np.arange(len(used)), partial(binomial, random))
        table = np.empty_like(drawn)
        table[:, scope.order] = drawn.reshape(len(used), -1, 1 << scope.size).swapaxes(1, 2).reshape(drawn.shape)
        self._record(parent, used, table, counts)
        for child, other in zip(bag.children, bag.child_scopes, strict=True):
            if child != place:
                self._below[child].append((used, other.sum_onto(table)))
        if parent > 0:
            n_separator = 1 << len(bag.separator)
            self._above[parent].append((used, table.reshape(len(used), -1, n_separator).sum(axis=1)))

    def _record(self, place: int, used: Places, table: Integers, counts: Counts) -> None:
        """Add a bag's families to ``counts``, and the target's ones when it is the root."""
        simulator, bag = self._simulator, self._bags[place]
        everyone = table.sum(axis=0)
        for family, scope in zip(bag.families, bag.family_scopes, strict=True):
            free = simulator.free[simulator.regime.places[used], family]
            by_value = scope.sum_onto(everyone if free.all() else table[free].sum(axis=0))
            simulator.add(family, by_value, counts)
        if place == 0:
            counts.successes[simulator.regime.places[used]] += table @ simulator.tree.target_in_root.astype(np.int64)


def _joined(flows: Sequence[Flow]) -> Flow:
    """Counts of several batches at one separator, added up by intervention."""
    if len(flows) == 1:
        return flows[0]
    used, place = np.unique(np.concatenate([flow[0] for flow in flows]), return_inverse=True)
    total = np.zeros((len(used), flows[0][1].shape[1]), dtype=np.int64)
    np.add.at(total, place, np.concatenate([flow[1] for flow in flows]))
    return used, total
