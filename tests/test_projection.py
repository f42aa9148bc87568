"""The latent projection against its definitions, and the order that keeps the number of rows small."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
from cases import together
from enumeration import district_and_scope, random_hidden_problem, seen_parents, shares_a_hidden_cause

from causalbandit import CausalGraph
from causalbandit.projection import members


@together("seed", range(40))
def test_parents_ties_districts_and_scopes_are_those_of_their_definitions(seed):
    rng = np.random.default_rng(seed)
    graph = random_hidden_problem(rng, 9, int(rng.integers(1, 5)), most_parents=4)[0].graph
    for node in graph.nodes:
        assert set(graph.observed_parents(node)) == seen_parents(graph, node)
    tied = {frozenset(pair) for pair in itertools.combinations(graph.nodes, 2) if shares_a_hidden_cause(graph, *pair)}
    assert {frozenset(pair) for pair in graph.bidirected} == tied
    projection = graph.projection
    for place, node in enumerate(graph.ancestors):
        fixed = {other for other in graph.ancestors if other != node and rng.random() < 0.3}
        bits = sum(1 << graph.ancestors.index(other) for other in fixed)
        district = projection.district(place, bits)
        assert (set(projection.names(district)), set(projection.scope(place, district))) == district_and_scope(
            graph, node, fixed
        )


def test_districts_are_the_groups_that_hidden_causes_tie_together():
    dag = nx.DiGraph([("a", "b"), ("b", "c"), ("c", "y"), ("u", "a"), ("u", "c"), ("v", "w"), ("w", "c"), ("v", "y")])
    graph = CausalGraph(dag, "y", hidden=["u", "v", "w"])
    assert graph.bidirected == (("a", "c"), ("c", "y"))
    assert graph.districts == (("a", "c", "y"), ("b",))
    assert graph.families[-1].parents == ("a", "b", "c")
    assert graph.families[-1].district == ("a", "c", "y")


def every_order(graph):
    """C of every order of the ancestors in which parents come first."""
    parents = {node: set(graph.observed_parents(node)) for node in graph.ancestors}
    dag = nx.DiGraph((parent, node) for node in parents for parent in parents[node])
    dag.add_nodes_from(parents)
    default = graph.projection
    for order in nx.all_topological_sorts(dag):
        yield default.reordered([default.nodes.index(node) for node in order]).n_rows()


@together("seed", range(40))
def test_no_order_of_the_nodes_has_fewer_rows_than_the_chosen_one(seed):
    rng = np.random.default_rng(seed)
    graph = random_hidden_problem(rng, 8, int(rng.integers(1, 4)), most_parents=3)[0].graph
    rows = list(itertools.islice(every_order(graph), 20_000))
    assert graph.n_family_rows == min(rows) <= graph.n_family_rows_by_default
    assert graph.n_family_rows_by_default in rows


def test_the_order_matters_and_is_said():
    """a ↔ b, and b has five parents: a table of b needs a's (none), one of a needs b's five if b comes first."""
    dag = nx.DiGraph([*((f"x{i}", "b") for i in range(5)), ("b", "y"), ("a", "y"), ("u", "b"), ("u", "a")])
    graph = CausalGraph(dag, "y", hidden=["u"])
    assert graph.nodes.index("a") < graph.nodes.index("b")
    assert graph.n_family_rows == 5 + 1 + 2**6 + 2**2
    assert graph.n_family_rows_by_default == 5 + 2**5 + 2**6 + 2**2


def test_without_hidden_causes_order_and_rows_are_those_of_the_graph():
    dag = nx.gnp_random_graph(12, 0.4, seed=3, directed=True)
    dag = nx.DiGraph((f"n{a}", f"n{b}") for a, b in dag.edges if a < b)
    graph = CausalGraph(dag, "n11")
    assert graph.nodes == tuple(nx.topological_sort(dag))
    assert graph.n_family_rows == graph.n_family_rows_by_default == sum(2 ** len(f.parents) for f in graph.families)
    assert all(family.district == (family.node,) for family in graph.families)
    assert graph.districts == tuple((node,) for node in graph.ancestors)


def test_members_lists_a_set():
    assert list(members(0b101001)) == [0, 3, 5]
