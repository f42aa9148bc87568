"""Reach while tables change a few at a time: a message of the clique tree is kept until something behind it changes.

A message depends on the tables of the part of the tree it comes from. When the table of one bag changes, the messages
that lead away from that bag are stale and all others hold. Asking for a family's reach pulls what is stale on the way
to its bag. A search that learns the tables of a chain in order and asks for each next family then costs a few messages
per step in place of a propagation of the whole graph.

The numbers are those of :func:`causalbandit.propagation.propagate`, bit for bit: the same products in the same order.

>>> import networkx as nx
>>> from causalbandit import CausalGraph, InterventionSet
>>> graph = CausalGraph(nx.DiGraph([("a", "b"), ("b", "c")]), target="c")
>>> reach = ChangingReach(InterventionSet(graph, [{}, {"a": 1}]))
>>> tables = np.array([0.25, 0.5, 0.5, 0.5, 0.5])           # a; b given a = 0, 1; c given b = 0, 1
>>> reach.of(graph.families[1:2], tables)                   # P(a = 0), P(a = 1) under {} and under a = 1
array([[0.75, 0.  ],
       [0.25, 1.  ]])
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from causalbandit.arrays import Floats
from causalbandit.assignments import FREE
from causalbandit.clique_tree import clique_tree
from causalbandit.graph import Family
from causalbandit.interventions import InterventionSet
from causalbandit.messages import Factor, Pass
from causalbandit.propagation import MEMORY, pairs_in_memory
from causalbandit.regimes import Regime
from causalbandit.sharing import Plan, alike_above, plans


class ChangingReach:
    """Reach of chosen families under tables of which some have changed since the last question.

    ``memory`` bounds the working memory, in bytes. Messages of a set that do not fit at once are not kept: they are
    made for each question, a part at a time of those interventions that differ in what they fix among the families'
    ancestors.
    """

    def __init__(self, interventions: InterventionSet, memory: int = MEMORY) -> None:
        self._interventions = interventions
        self._memory = memory
        self._parts: list[_KeptMessages] | None = None
        self._fits = all(
            len(regime.places) <= pairs_in_memory(clique_tree(interventions.graph, regime.families), memory, channels=1)
            for regime in interventions.regimes
        )

    def of(self, families: Sequence[Family], cpt: Floats, complement: Floats | None = None) -> Floats:
        """Reach of the rows of ``families``, one family after the other, [rows, A].

        ``cpt`` [C] holds all tables, ``complement`` [C] the probabilities of 0 where they are not 1 - ``cpt``.
        """
        tables = np.stack([1 - cpt if complement is None else complement, cpt], axis=-1)
        if not self._fits:
            return self._in_parts(families, tables)
        if self._parts is None:
            self._parts = [_KeptMessages(self._interventions, regime, tables) for regime in self._interventions.regimes]
        result = np.zeros((sum(family.n_rows for family in families), len(self._interventions)))
        for part in self._parts:
            part.replace_tables(tables)
            start = 0
            for family in families:
                rows = slice(start, start + family.n_rows)
                if family.key in part.places:
                    result[rows, part.regime.columns] = part.reach(part.places[family.key])
                start = rows.stop
        return result

    def _in_parts(self, families: Sequence[Family], tables: Floats) -> Floats:
        """`of` for a set whose messages do not fit at once; ``tables`` [C, 2]."""
        arms = self._interventions
        starts = np.cumsum([0, *(family.n_rows for family in families)])
        result = np.zeros((starts[-1], len(arms)))
        assignments = arms.assignments[:, arms.graph.ancestor_places]
        for regime in arms.regimes:
            tree = clique_tree(arms.graph, regime.families)
            places = {family.key: place for place, family in enumerate(regime.families)}
            asked = [
                (places[family.key], row) for family, row in zip(families, starts, strict=False) if family.key in places
            ]
            if not asked:
                continue
            own = assignments[regime.places]
            share, seen = alike_above(own, tree.ancestors_of([place for place, _ in asked]))
            at_once = pairs_in_memory(tree, self._memory, channels=1)
            found = [np.empty((regime.families[place].n_rows, share.n)) for place, _ in asked]
            for start in range(0, share.n, at_once):
                part = slice(start, start + at_once)
                messages = _KeptMessages(arms, regime, tables, Plan(tree, seen[share.first[part]]))
                for (place, _), values in zip(asked, found, strict=True):
                    values[:, part] = messages.reach(place)
            for (place, row), values in zip(asked, found, strict=True):
                block = values.take(share.group, axis=1)
                block[:, own[:, place] != FREE] = 0
                result[row : row + len(block), regime.columns] = block
        return result


class _KeptMessages:
    """The messages of one regime's tree: towards the root in ``run.messages``, away from it in ``outside``.

    ``plan`` is that of the interventions to work on, by default of all those of the regime.
    """

    def __init__(
        self, interventions: InterventionSet, regime: Regime, tables: Floats, plan: Plan | None = None
    ) -> None:
        self.regime = regime
        self.tree = clique_tree(interventions.graph, regime.families)
        self.places = {family.key: place for place, family in enumerate(regime.families)}
        self.tables = regime.own_rows(tables)
        if plan is None:
            ((_, plan),) = plans(self.tree, interventions, regime, len(regime.places))
        self.plan = plan
        self.run = Pass(self.tree, self.plan, self.tables[None])
        n_bags = len(self.tree.bags)
        self.upward_holds = [False] * n_bags
        self.outside: list[Factor | None] = [None] * n_bags  # None where stale
        self.outside[0] = self.run.from_above(np.ones_like(self.tree.target_in_root))
        self.bag_of_row = np.empty(len(self.tables), dtype=np.intp)
        for family, (place, _) in self.tree.holder.items():
            self.bag_of_row[self.tree.families[family].rows] = place

    def replace_tables(self, tables: Floats) -> None:
        """Take new tables [C, 2]; messages that lead away from a bag with a changed one become stale."""
        new = self.regime.own_rows(tables)
        changed = np.flatnonzero((new != self.tables).any(axis=1))
        if not len(changed):
            return
        self.tables = new
        for place in set(self.bag_of_row[changed].tolist()):
            self.run.replace_tables(place, new[None])
            self._expire(place)

    def _expire(self, changed: int) -> None:
        """Mark the messages that lead away from the bag ``changed``.

        A message is made only from messages that hold. Whatever depends on a stale one is stale, so that both the
        descent and the ascent stop where they meet a stale message.
        """
        below, place = -1, changed
        while place >= 0:
            bag = self.tree.bags[place]
            stack = [child for child in bag.children if child != below]
            while stack:
                child = stack.pop()
                if self.outside[child] is not None:
                    self.outside[child] = None
                    stack.extend(self.tree.bags[child].children)
            if not self.upward_holds[place]:
                return
            self.upward_holds[place] = False
            below, place = place, bag.parent

    def reach(self, family: int) -> Floats:
        """Reach of one family of the regime, [rows of the family, A_r]; 0 where its node is fixed."""
        place, index = self.tree.holder[family]
        above = self._from_above(place)
        self._refresh_upward(self.tree.bags[place].children)
        share = self.plan.down_by_ancestors[place][1][index]
        by_value = self.run.derivative(place, index, share, above)
        reach: Floats = by_value[:, 0, 0].take(share.group, axis=-1)
        reach[:, self.plan.codes[family][self.plan.states[family].group] != 0] = 0
        return reach

    def _from_above(self, place: int) -> Factor:
        """The message to a bag from its parent, made anew with those above it where they are stale."""
        path = []
        while self.outside[place] is None:
            path.append(place)
            place = self.tree.bags[place].parent
        for child in reversed(path):
            bag = self.tree.bags[place]
            index = bag.children.index(child)
            above = self.outside[place]
            assert above is not None
            self._refresh_upward([other for other in bag.children if other != child])
            self.outside[child] = self.run.outward(place, index, self.plan.down_by_ancestors[place][0][index], above)
            place = child
        message = self.outside[place]
        assert message is not None
        return message

    def _refresh_upward(self, places: Sequence[int]) -> None:
        """Make the messages of these bags to their parents anew, with those below them, where they are stale."""
        stale, stack = [], [place for place in places if not self.upward_holds[place]]
        while stack:
            place = stack.pop()
            stale.append(place)
            stack.extend(child for child in self.tree.bags[place].children if not self.upward_holds[child])
        for place in reversed(stale):
            self.run.gather(place)
            self.upward_holds[place] = True
