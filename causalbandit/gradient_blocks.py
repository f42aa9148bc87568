"""The gradient of a large set of interventions, some of them at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from causalbandit.arrays import Floats, Places
from causalbandit.clique_tree import clique_tree
from causalbandit.interventions import InterventionSet
from causalbandit.messages import Pass
from causalbandit.propagation import MEMORY, pairs_in_memory
from causalbandit.sharing import Plan


def gradient_blocks(
    interventions: InterventionSet, cpt: Floats, places: Places, memory: int = MEMORY
) -> Iterator[tuple[Places, Floats, Floats]]:
    """Some of ``places`` [n], their effects [n] and gradient [C, n], exact, until all places have been told.

    ``cpt`` [C] holds the tables. Places of one regime come together, otherwise in their order. A block and its messages
    stay within ``memory`` bytes.
    """
    n_rows = interventions.n_family_rows
    tables = np.stack([1 - cpt, cpt], axis=-1)
    assignments = interventions.assignments[:, interventions.graph.ancestor_places]
    for regime in interventions.regimes:
        here = places if regime.whole else places[np.isin(places, regime.places)]
        tree = clique_tree(interventions.graph, regime.families)
        own = regime.own_rows(tables)
        at_once = pairs_in_memory(tree, max(memory // 2, tree.table_bytes(1)), channels=1)
        at_once = max(1, min(at_once, memory // (32 * n_rows)))
        for start in range(0, len(here), at_once):
            part = here[start : start + at_once]
            run = Pass(tree, Plan(tree, assignments[part]), own[None])
            effects = run.effects()[0]
            found = np.empty((1, len(own), len(part)))
            run.downward(None, found)
            if regime.rows is None:
                yield part, effects, found[0]
                continue
            read = np.flatnonzero(regime.rows >= 0)
            gradient = np.zeros((n_rows, len(part)))
            gradient[regime.rows[read]] = found[0, read]
            yield part, effects, gradient
