"""Reach as a plan sees it: outcomes that are too rare count as impossible for what lies below them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from causalbandit.alternatives import FamilyKey
from causalbandit.arrays import Flags, Floats, Places
from causalbandit.changing_reach import ChangingReach
from causalbandit.compressed_reach import CompressedReach
from causalbandit.graph import Family
from causalbandit.propagation import propagate
from causalbandit.regimes import Regime
from causalbandit.strategies.strategy import Task

FEW = 2
"""Propagations of the whole graph that cost less than making messages anew group by group."""


class PlannedReach:
    """β̂ of chosen families under estimated tables, some of whose outcomes are truncated.

    A row's reach is a sum over the ancestors of its node, so only their truncated outcomes lose mass: all other nodes
    get full tables (Yabe et al. 2018, equation 3). Families with the same truncated ancestors are worked out together;
    from one group to the next only the messages are made anew that depend on tables in which the two differ. With
    hidden causes the ancestors are those of the regime.
    """

    def __init__(self, task: Task) -> None:
        self._interventions, self._memory = task.interventions, task.memory
        self._kept = ChangingReach(task.interventions, task.memory)
        self._place = {family.key: place for place, family in enumerate(self._interventions.families)}
        self._family_of_row = np.repeat(
            np.arange(len(self._place)), [family.n_rows for family in self._interventions.families]
        )

    def of(self, families: Sequence[Family], cpt: Floats, truncated: Flags) -> Floats:
        """β̂ of the rows of ``families``, one family after the other, [rows, A].

        ``cpt`` [C] holds all tables; outcome x of row c is impossible where ``truncated`` [C, 2] says so.
        """
        everything = len(families) == len(self._interventions.families)
        if not truncated.any():
            return self._whole(cpt, 1 - cpt) if everything else self._kept.of(families, cpt)
        groups = self._groups(families, truncated)
        starts = np.cumsum([0, *(family.n_rows for family in families)])
        result = np.zeros((starts[-1], len(self._interventions)))
        for relevant, members in groups.items():
            here = truncated & self._flags(relevant)[self._family_of_row][:, None]
            ones, zeros = np.where(here[:, 1], 0.0, cpt), np.where(here[:, 0], 0.0, 1 - cpt)
            whole = self._whole(ones, zeros) if everything and len(groups) <= FEW else None
            for place, columns in members:
                family = families[place]
                found = self._kept.of([family], ones, zeros) if whole is None else whole[family.rows]
                result[starts[place] : starts[place + 1], columns] = found[:, columns]
        return result

    def of_all(self, cpt: Floats, truncated: Flags, *, compressed: bool = False) -> Floats | CompressedReach:
        """β̂ of all C rows; if ``compressed``, and its array would not fit into memory, without writing it down."""
        families = self._interventions.families
        too_large = 8 * len(cpt) * len(self._interventions) > self._memory
        if compressed and too_large and not truncated.any():
            return CompressedReach(self._interventions, cpt, self._memory)
        return self.of(families, cpt, truncated)

    def _whole(self, ones: Floats, zeros: Floats) -> Floats:
        reach = propagate(self._interventions, ones, zeros, reach=True, memory=self._memory).reach
        assert reach is not None
        return reach

    def _groups(self, families: Sequence[Family], truncated: Flags) -> dict[int, list[tuple[int, slice | Places]]]:
        """Places of the families by their truncated ancestors (bits: places in the set), with columns of the regime."""
        flags = np.zeros(len(self._place), dtype=bool)
        flags[self._family_of_row[truncated.any(axis=1)]] = True
        cut = int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")
        asked = {family.key: place for place, family in enumerate(families)}
        groups: dict[int, list[tuple[int, slice | Places]]] = {}
        for regime, above in zip(self._interventions.regimes, self._above, strict=True):
            for key, place in asked.items():
                if key in above:
                    groups.setdefault(above[key] & cut, []).append((place, regime.columns))
        return groups

    def _flags(self, places: int) -> Flags:
        """Which of the families' places are among these bits."""
        packed = np.frombuffer(places.to_bytes(len(self._place) // 8 + 1, "little"), dtype=np.uint8)
        return np.unpackbits(packed, count=len(self._place), bitorder="little").astype(np.bool_)

    @cached_property
    def _above(self) -> list[dict[FamilyKey, int]]:
        return [self._ancestors(regime) for regime in self._interventions.regimes]

    def _ancestors(self, regime: Regime) -> dict[FamilyKey, int]:
        """Per family of a regime the proper ancestors of its node, as bits: places of their families in the set."""
        below: dict[str, int] = {}  # the node and its ancestors
        above = {}
        for family in regime.families:
            bits = 0
            for parent in family.parents:
                bits |= below[parent]
            above[family.key] = bits
            place = self._place.get(family.key)  # nothing reads a family that is not in the set
            below[family.node] = bits if place is None else bits | 1 << place
        return above
