"""Bags and their tree are those of networkx's min-fill, at a cost that grows with the length of a graph."""

from __future__ import annotations

import networkx as nx
import numpy as np

from causalbandit.triangulation import min_fill


def triangulated(graph):
    return min_fill([set(graph[node]) for node in range(len(graph))])


def test_bags_and_tree_are_those_of_networkx():
    rng = np.random.default_rng(0)
    for _ in range(60):
        n = int(rng.integers(1, 25))
        graph = nx.gnp_random_graph(n, rng.uniform(0.02, 0.5), seed=int(rng.integers(1 << 30)))
        width, bags, edges = triangulated(graph)
        expected_width, tree = nx.algorithms.approximation.treewidth_min_fill_in(graph)
        assert width == expected_width
        assert bags == list(tree)
        found = {frozenset((bags[one], bags[other])) for one, other in edges}
        assert found == {frozenset(edge) for edge in tree.edges if edge[0] != edge[1]}


def test_every_edge_lies_in_a_bag_and_the_bags_of_a_node_hang_together():
    graph = nx.convert_node_labels_to_integers(nx.grid_2d_graph(4, 9))
    width, bags, edges = triangulated(graph)
    assert width == 4
    assert all(any({a, b} <= bag for bag in bags) for a, b in graph.edges)
    tree = nx.Graph(edges)
    assert nx.is_tree(tree)
    for node in graph:
        assert nx.is_connected(tree.subgraph([place for place, bag in enumerate(bags) if node in bag]))
