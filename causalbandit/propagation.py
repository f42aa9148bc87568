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

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from causalbandit.arrays import Floats, Places
from causalbandit.checks import whole_number
from causalbandit.clique_tree import CliqueTree, clique_tree
from causalbandit.errors import BadValue
from causalbandit.interventions import InterventionSet
from causalbandit.messages import Pass
from causalbandit.regimes import Regime
from causalbandit.sharing import Plan, plans

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
        _propagate_regime(interventions, regime, tables, effects, channels, memory, complement is None)
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
    full_tables: bool,
) -> None:
    """Fill what belongs to one regime into ``effects`` [D, A] and the ``channels`` reach and gradient [D, C, A]."""
    tree = clique_tree(interventions.graph, regime.families)
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
