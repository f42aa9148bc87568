"""Which interventions share a message: a part of the tree that sees the same assignments is worked out once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from causalbandit.arrays import Flags, Places
from causalbandit.assignments import FREE
from causalbandit.clique_tree import CliqueTree
from causalbandit.interventions import InterventionSet
from causalbandit.regimes import Regime

_WORTH = 0.8
"""Groups per intervention above which gathering values by group costs more than it saves."""


@dataclass(frozen=True, eq=False)
class Share:
    """Interventions grouped by what some part of the tree sees of them."""

    group: Places  # [A] group of each intervention
    first: Places  # [groups] one intervention of each group

    @classmethod
    def of(cls, group: Places, first: Places) -> Share:
        """These groups; each intervention by itself, in order, where grouping saves next to nothing."""
        if len(first) < _WORTH * len(group):
            return cls(group, first)
        each = np.arange(len(group))
        return cls(each, each)

    @property
    def n(self) -> int:
        return len(self.first)

    @property
    def each(self) -> bool:
        """Whether every intervention is a group by itself; group a is then intervention a."""
        return len(self.first) == len(self.group)


class Plan:
    """Which of a chunk's interventions share which messages of a tree; made once per set, used for any tables.

    Attributes
    ----------
    n_interventions : int
        Size of the chunk.
    states : list of Share
        Per family: groups by the node's state (free, fixed at 0, fixed at 1).
    codes : list of numpy.ndarray
        Per family: the state of each group, 0 free, 1 fixed at 0, 2 fixed at 1.
    up : list of Share
        Per bag: groups by the assignments within its subtree.
    """

    def __init__(self, tree: CliqueTree, assignments: npt.NDArray[np.int8]) -> None:
        self.n_interventions = len(assignments)
        self.states: list[Share] = []
        self.codes: list[Places] = []
        for family in range(len(tree.families)):
            states = assignments[:, family].astype(np.intp) + 1
            share = alike([states], [3], self.n_interventions)
            self.states.append(share)
            self.codes.append(states[share.first])
        self.up: list[Share] = [alike([], [], self.n_interventions)] * len(tree.bags)
        for place in reversed(range(len(tree.bags))):
            bag = tree.bags[place]
            self.up[place] = self.combine(
                [*(self.states[family] for family in bag.families), *(self.up[child] for child in bag.children)]
            )
        self._tree, self._assignments = tree, assignments

    def combine(self, shares: Sequence[Share]) -> Share:
        """Interventions that are alike in all of ``shares``."""
        several = [share for share in shares if share.n > 1]
        return alike([share.group for share in several], [share.n for share in several], self.n_interventions)

    @cached_property
    def down(self) -> list[tuple[list[Share], list[Share]]]:
        """Per bag: groups for the message to each child, and for the derivative of each of the bag's families."""
        down = []
        outside = [alike([], [], self.n_interventions)] * len(self._tree.bags)
        for place, bag in enumerate(self._tree.bags):
            states = [self.states[family] for family in bag.families]
            inward = [self.up[child] for child in bag.children]
            to_children = [
                self.combine([outside[place], *states, *without(inward, index)]) for index in range(len(inward))
            ]
            to_families = [
                self.combine([outside[place], *inward, *without(states, index)]) for index in range(len(states))
            ]
            for child, share in zip(bag.children, to_children, strict=True):
                outside[child] = share
            down.append((to_children, to_families))
        return down

    @cached_property
    def down_by_ancestors(self) -> list[tuple[list[Share], list[Share]]]:
        """As `down`, without evidence: fewer groups, because nothing but the ancestors' tables matters then."""
        alike_on = _AlikeOn(self._assignments)
        return [
            ([alike_on(needed) for needed in to_children], [alike_on(needed) for needed in to_families])
            for to_children, to_families in self._tree.ancestors_needed
        ]


def alike_above(assignments: npt.NDArray[np.int8], families: int) -> tuple[Share, npt.NDArray[np.int8]]:
    """Groups of interventions that fix the same among ``families`` (bits), and what they fix there [A, families]."""
    seen = np.where(_flags(families, assignments.shape[1]), assignments, FREE).astype(np.int8, copy=False)
    return _AlikeOn(assignments)(families), seen


def _flags(places: int, size: int) -> Flags:
    """Which of the places 0 to size - 1 are among these bits."""
    packed = np.frombuffer(places.to_bytes(size // 8 + 1, "little"), dtype=np.uint8)
    return np.unpackbits(packed, count=size, bitorder="little").astype(np.bool_)


class _AlikeOn:
    """Groups of interventions that fix the same of some families' nodes, found from a random number per fixed value."""

    def __init__(self, assignments: npt.NDArray[np.int8]) -> None:
        self._n_interventions, self._n_families = assignments.shape
        self._who, self._what = np.nonzero(assignments != FREE)
        values = assignments[self._who, self._what]
        numbers = np.random.default_rng(0).integers(1 << 62, size=(2, self._n_families, 2))
        self._marks, self._proofs = numbers[:, self._what, values]
        self._known: dict[int, Share] = {}

    def __call__(self, families: int) -> Share:
        """Groups by the nodes of ``families``, places as bits."""
        if families not in self._known:
            self._known[families] = self._share(families)
        return self._known[families]

    def _share(self, families: int) -> Share:
        here = np.flatnonzero(_flags(families, self._n_families)[self._what])
        if not len(here):
            return alike([], [], self._n_interventions)
        who = self._who[here]
        starts = np.flatnonzero(np.diff(who, prepend=-1))
        touched = who[starts]
        marks = np.bitwise_xor.reduceat(self._marks[here], starts)
        proofs = np.bitwise_xor.reduceat(self._proofs[here], starts)
        _, first, group = np.unique(marks, return_index=True, return_inverse=True)
        if (proofs != proofs[first[group]]).any():  # two sums of random numbers that are equal by chance
            _, first, group = np.unique(np.stack([marks, proofs]), axis=1, return_index=True, return_inverse=True)
        if len(touched) == self._n_interventions:
            return Share.of(group.astype(np.intp, copy=False), first)
        groups = np.zeros(self._n_interventions, dtype=np.intp)
        groups[touched] = group + 1
        return Share.of(groups, np.concatenate([np.flatnonzero(groups == 0)[:1], touched[first]]))


def without(items: Sequence[Any], place: int) -> list[Any]:
    """``items`` but for the one at ``place``."""
    return [item for index, item in enumerate(items) if index != place]


def alike(keys: Sequence[Places], sizes: Sequence[int], n_interventions: int) -> Share:
    """Interventions grouped by their ``keys``, each an [A] array of numbers from 0 to its size in ``sizes``, less 1."""
    if not keys:
        return Share(np.zeros(n_interventions, dtype=np.intp), np.zeros(1, dtype=np.intp))
    key, size = keys[0], sizes[0]
    for other, other_size in zip(keys[1:], sizes[1:], strict=True):
        if size * other_size > 1 << 60:
            first, key = np.unique(key, return_index=True, return_inverse=True)[1:]
            size = len(first)
        key = key * other_size + other
        size *= other_size
    if size > 8 * n_interventions + 64:
        first, group = np.unique(key, return_index=True, return_inverse=True)[1:]
        return Share.of(group.astype(np.intp, copy=False), first)
    seen = np.full(size, -1, dtype=np.intp)
    seen[key[::-1]] = np.arange(n_interventions - 1, -1, -1)
    present = seen >= 0
    rank = np.cumsum(present) - 1
    return Share.of(rank[key], seen[present])


def plans(
    tree: CliqueTree, interventions: InterventionSet, regime: Regime, chunk: int
) -> Iterator[tuple[slice | Places, Plan]]:
    """A regime's interventions in chunks of at most ``chunk``: their places in the set, and their plan.

    The plan of a regime that fits one chunk is kept with the set when it is small.
    """
    n_interventions = len(regime.places)
    key = ("plan", int(regime.places[0]))  # a place is in one regime, and the tree of a regime is always the same
    kept = interventions.derived.get(key) if n_interventions <= chunk else None
    if kept is not None:
        yield (slice(0, n_interventions) if regime.whole else regime.places), kept
        return
    for start in range(0, n_interventions, chunk):
        part = slice(start, min(start + chunk, n_interventions))
        places = part if regime.whole else regime.places[part]
        plan = Plan(tree, interventions.assignments[places][:, interventions.graph.ancestor_places])
        if n_interventions <= chunk and n_interventions * len(tree.families) <= 1 << 20:
            interventions.derived[key] = plan
        yield places, plan
