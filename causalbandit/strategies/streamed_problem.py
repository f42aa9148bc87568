"""The mixture problem of a set so large that its reach is read a block of interventions at a time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from causalbandit.arrays import Flags, Floats, Places
from causalbandit.compressed_reach import CompressedReach
from causalbandit.strategies.mixture_search import MixtureProblem


@dataclass(frozen=True, eq=False)
class StreamedProblem(MixtureProblem):
    """As `MixtureProblem` with the weights W = B²; the arrays ``rate`` and ``weight`` are empty.

    ``rows`` [C] are those that count, among all of ``reach``. Columns of interventions that a search has used are kept:
    there are a few hundred of them.
    """

    reach: CompressedReach
    rows: Places
    kept: dict[int, Floats] = field(default_factory=dict)

    @classmethod
    def of(cls, reach: CompressedReach, count: Floats) -> StreamedProblem:
        """The problem of all rows with these counts [C]."""
        nothing = np.zeros((len(count), 0))
        return cls(nothing, nothing, count, reach.most, reach.most**2, reach, np.arange(len(count)))

    @property
    def n_interventions(self) -> int:
        return self.reach.shape[1]

    def restricted(self, rows: Flags) -> StreamedProblem:
        part = {name: getattr(self, name)[rows] for name in ("count", "row_reach", "row_weight", "rows")}
        return replace(self, **part, kept={})

    def rates(self, places: Places) -> Floats:
        missing = [place for place in places.tolist() if place not in self.kept]
        if missing:
            self.kept.update(zip(missing, self.reach.columns(missing)[self.rows].T, strict=True))
        if not len(places):
            return np.zeros((len(self.rows), 0))
        return np.stack([self.kept[place] for place in places.tolist()], axis=1)

    def weights(self, places: Places) -> Floats:
        squares: Floats = self.rates(places) ** 2
        return squares

    def best(self, rows: slice | list[int] | Flags | Places) -> Places:
        return self.reach.best[self.rows][rows]

    def on_rates(self, row: Floats) -> Floats:
        """Σ_c row_c B_ca, [A]. One pass over all blocks."""
        return row @ self.reach.of_rows(self.rows)

    def on_weights(self, row: Floats) -> Floats:
        """Σ_c row_c W_ca, [A]. One pass over all blocks."""
        every = np.zeros(self.reach.shape[0])
        every[self.rows] = row
        found = np.empty(self.n_interventions)
        for places, block in self.reach.blocks():
            found[places] = every @ np.square(block, out=block)
        return found
