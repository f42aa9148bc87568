"""Triangulation of a graph by min-fill: bags of nodes and the tree that joins them.

Nodes are eliminated one by one, each time one whose neighbours lack the fewest edges among themselves; its neighbours
are joined, and it makes a bag with them (Rose 1972). Counts of missing edges are kept in a heap and renewed only around
what was eliminated, so that long graphs of small width take time proportional to their length.

>>> width, bags, edges = min_fill([{1}, {0, 2}, {1, 3}, {2}])  # a chain of four nodes
>>> width, [sorted(bag) for bag in bags]
(1, [[2, 3], [1, 2], [0, 1]])
>>> edges
[(0, 1), (1, 2)]
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heappush


def min_fill(neighbours: Sequence[set[int]]) -> tuple[int, list[frozenset[int]], list[tuple[int, int]]]:
    """The width, the bags, and the tree of the bags as pairs of their places (old bag, new bag).

    ``neighbours`` [n] are those of every node 0 to n - 1; the sets are used up. Ties in missing edges go to the smaller
    degree, then to the smaller number, so that a graph is triangulated alike everywhere: bag for bag as in networkx
    (``treewidth_min_fill_in``).
    """
    eliminated = _elimination(neighbours)
    left = frozenset(range(len(neighbours))).difference(node for node, _ in eliminated)
    bags, edges, width = [left], list[tuple[int, int]](), len(left) - 1
    place_of = {left: 0}
    holding: list[list[int]] = [[0] if node in left else [] for node in range(len(neighbours))]  # places of bags
    for node, around in reversed(eliminated):
        rarest = min((holding[other] for other in around), key=len, default=[0])
        old = next((place for place in rarest if around <= bags[place]), 0)
        bag = frozenset((*around, node))
        width = max(width, len(bag) - 1)
        if bag not in place_of:
            place_of[bag] = len(bags)
            bags.append(bag)
            for other in bag:
                holding[other].append(place_of[bag])
        if place_of[bag] != old:
            edges.append((old, place_of[bag]))
    return width, bags, edges


def _elimination(neighbours: Sequence[set[int]]) -> list[tuple[int, set[int]]]:
    """Eliminated nodes with their neighbours at that time, until those that are left are all joined."""
    n_left, n_ends = len(neighbours), sum(map(len, neighbours))
    fill = [_missing(neighbours, node) for node in range(n_left)]
    queue = [(fill[node], len(neighbours[node]), node) for node in range(n_left)]
    heapify(queue)
    gone = [False] * n_left
    eliminated = []
    while n_ends < n_left * (n_left - 1):  # not complete
        missing, degree, node = heappop(queue)
        if gone[node] or (missing, degree) != (fill[node], len(neighbours[node])):
            continue  # an entry from before its neighbourhood changed
        around = neighbours[node]
        changed = set(around)
        if missing:
            for one in around:
                new = around - neighbours[one] - {one}
                n_ends += len(new)
                neighbours[one] |= new
            for one in around:
                changed |= neighbours[one]
        for one in around:
            neighbours[one].remove(node)
        gone[node] = True
        changed.discard(node)
        n_left, n_ends = n_left - 1, n_ends - 2 * len(around)
        eliminated.append((node, around))
        for one in changed:
            fill[one] = _missing(neighbours, one)
            heappush(queue, (fill[one], len(neighbours[one]), one))
    return eliminated


def _missing(neighbours: Sequence[set[int]], node: int) -> int:
    """Edges that the neighbours of a node lack among themselves."""
    around = neighbours[node]
    return sum(len(around - neighbours[other]) - 1 for other in around) // 2
