"""Places of a directed acyclic graph's nodes and edges in a top-down drawing (the method of Sugiyama et al. 1981).

Nodes are put in layers so that every edge points down, long edges get a bend in each layer that they pass, layers are
ordered by barycentres to have few crossings, and each layer is then moved as near to its neighbours as its widths
allow.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, insort
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

_SWEEPS = 12
"""Passes over the layers, half of them downwards and half upwards, after which drawings hardly change any more."""

_STIFFNESS = 4.0
"""Weight of a bend against a node's 1 when a layer is moved towards its neighbours: long edges are to be straight."""

_BEND_WIDTH = 0.3
"""Width of a bend, in gaps between nodes: edges may pass closer to each other than nodes stand."""

Point = tuple[float, float]
Bend = tuple[str, str, int]
Item = str | Bend


@dataclass(frozen=True)
class Layout:
    """Where things go, in the unit of the widths that were given; y grows upwards, the first layer is on top."""

    places: Mapping[str, Point]  # the centre of each node
    routes: Mapping[tuple[str, str], list[Point]]  # of each edge, from the centre of its tail to that of its head
    width: float  # of the whole drawing
    height: float


def layered_layout(
    nodes: Sequence[str],
    parents: Mapping[str, Sequence[str]],
    widths: Mapping[str, float],
    *,
    core: Collection[str],
    gap: float = 0.25,
    layer_height: float = 1.0,
) -> Layout:
    """The layout of a graph whose ``nodes`` come in topological order. Cost: Σ_layers (size · log size) per sweep.

    ``core`` (with all ancestors of its nodes) is placed in layers first, and the other nodes around it.
    """
    layer_of = _layers(nodes, parents, core)
    rows, above, chains = _with_bends(nodes, parents, layer_of)
    _order(rows, above)
    size = {item: widths[item] if isinstance(item, str) else _BEND_WIDTH * gap for row in rows for item in row}
    x = _abscissae(rows, above, size, gap)
    left = min(x[item] - size[item] / 2 for row in rows for item in row)
    right = max(x[item] + size[item] / 2 for row in rows for item in row)
    height = layer_height * (len(rows) - 1)

    def point(item: Item) -> Point:
        layer = layer_of[item] if isinstance(item, str) else item[2]
        return x[item] - left, height - layer * layer_height

    routes = {edge: [point(item) for item in chain] for edge, chain in chains.items()}
    return Layout({node: point(node) for node in nodes}, routes, right - left, height)


def ancestors(node: str, parents: Mapping[str, Sequence[str]]) -> set[str]:
    """The node and all that have a way to it."""
    found, waiting = {node}, [node]
    while waiting:
        new = set(parents[waiting.pop()]) - found
        found |= new
        waiting += new
    return found


def _layers(nodes: Sequence[str], parents: Mapping[str, Sequence[str]], core: Collection[str]) -> dict[str, int]:
    """Layer of each node: below its parents, and no higher than its children need."""
    layer_of: dict[str, int] = {}
    inside = frozenset(core)
    for part in ([node for node in nodes if node in inside], [node for node in nodes if node not in inside]):
        children: dict[str, list[str]] = {node: [] for node in part}
        for node in part:
            layer_of[node] = 1 + max((layer_of[parent] for parent in parents[node]), default=-1)
            for parent in parents[node]:
                if parent in children:
                    children[parent].append(node)
        for node in reversed(part):
            if children[node]:
                layer_of[node] = min(layer_of[child] for child in children[node]) - 1
    return layer_of


def _with_bends(
    nodes: Sequence[str], parents: Mapping[str, Sequence[str]], layer_of: Mapping[str, int]
) -> tuple[list[list[Item]], dict[Item, list[Item]], dict[tuple[str, str], list[Item]]]:
    """Rows of nodes and bends, what each is joined to in the row above, and the chain of each edge."""
    rows: list[list[Item]] = [[] for _ in range(1 + max(layer_of.values()))]
    above: dict[Item, list[Item]] = {node: [] for node in nodes}
    chains: dict[tuple[str, str], list[Item]] = {}
    for node in nodes:
        rows[layer_of[node]].append(node)
        for parent in parents[node]:
            chain: list[Item] = [parent]
            for layer in range(layer_of[parent] + 1, layer_of[node]):
                bend = (parent, node, layer)
                rows[layer].append(bend)
                above[bend] = [chain[-1]]
                chain.append(bend)
            above[node].append(chain[-1])
            chains[parent, node] = [*chain, node]
    return rows, above, chains


def _below(rows: Sequence[Sequence[Item]], above: Mapping[Item, Sequence[Item]]) -> dict[Item, list[Item]]:
    below: dict[Item, list[Item]] = {item: [] for row in rows for item in row}
    for row in rows:
        for item in row:
            for other in above[item]:
                below[other].append(item)
    return below


def _order(rows: list[list[Item]], above: Mapping[Item, Sequence[Item]]) -> None:
    """Reorder each row in place, downwards and upwards by turns, and keep the order with the fewest crossings."""
    below = _below(rows, above)
    best, fewest = [list(row) for row in rows], _crossings(rows, above)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        joined = above if down else below
        for place in range(1, len(rows)) if down else range(len(rows) - 2, -1, -1):
            row, fixed = rows[place], rows[place - 1 if down else place + 1]
            position = {item: float(at) for at, item in enumerate(fixed)}
            centre = {
                item: sum(position[other] for other in joined[item]) / len(joined[item])
                if joined[item]
                else at * len(fixed) / len(row)
                for at, item in enumerate(row)
            }
            row.sort(key=lambda item, centre=centre: centre[item])  # type: ignore[misc]  # default argument binds now
        crossings = _crossings(rows, above)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    rows[:] = best


def _crossings(rows: Sequence[Sequence[Item]], above: Mapping[Item, Sequence[Item]]) -> int:
    total = 0
    for upper, lower in itertools.pairwise(rows):
        position = {item: at for at, item in enumerate(upper)}
        seen: list[int] = []
        for item in lower:
            ends = sorted(position[other] for other in above[item])
            total += sum(len(seen) - bisect_left(seen, end + 1) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _abscissae(
    rows: Sequence[Sequence[Item]], above: Mapping[Item, Sequence[Item]], size: Mapping[Item, float], gap: float
) -> dict[Item, float]:
    """x of every item: rows start centred, then each moves to the mean of its neighbours, row by row, down and up."""
    from scipy.optimize import isotonic_regression

    below = _below(rows, above)
    offsets: list[list[float]] = []
    x: dict[Item, float] = {}
    for row in rows:
        at, places = 0.0, []
        for before, item in zip([None, *row], row, strict=False):
            at += 0.0 if before is None else (size[before] + size[item]) / 2 + gap
            places.append(at)
        offsets.append(places)
        x.update({item: place - at / 2 for item, place in zip(row, places, strict=True)})
    order = [*range(len(rows)), *reversed(range(len(rows)))]
    for sweep in range(_SWEEPS):
        for place in order:
            row = rows[place]
            wanted, weights = [], []
            for item, offset in zip(row, offsets[place], strict=True):
                near = [*above[item], *below[item]]
                if sweep == 0 and above[item]:
                    near = list(above[item])
                wanted.append((sum(x[other] for other in near) / len(near) if near else x[item]) - offset)
                weights.append(1.0 if isinstance(item, str) else _STIFFNESS)
            # The non-decreasing places nearest to the wanted ones keep the order of the row and its gaps.
            nearest = isotonic_regression(wanted, weights=weights)
            for item, offset, value in zip(row, offsets[place], nearest.x.tolist(), strict=True):
                x[item] = value + offset
    return x
