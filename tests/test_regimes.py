"""Regimes: which interventions share which rows, and what is said of districts that are too large."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
from cases import together
from enumeration import district_and_scope, random_hidden_problem

from causalbandit import CausalGraph, InterventionSet


def bow(arms):
    """x → m → y ← z, and a hidden cause of m and y."""
    dag = nx.DiGraph([("x", "m"), ("m", "y"), ("z", "y"), ("u", "m"), ("u", "y")])
    return InterventionSet(CausalGraph(dag, "y", hidden=["u"]), arms)


def test_rows_and_regimes_by_hand():
    arms = bow([{}, {"m": 0}, {"m": 1}, {"z": 1}, {"m": 1, "z": 0}, {"x": 1}])
    named = {(family.node, family.district): set(family.parents) for family in arms.families}
    assert named == {
        ("x", ("x",)): set(),
        ("z", ("z",)): set(),
        ("m", ("m",)): {"x"},
        ("y", ("m", "y")): {"x", "m", "z"},
        ("y", ("y",)): {"m", "z"},
    }
    assert arms.n_family_rows == 1 + 1 + 2 + 8 + 4
    assert [regime.places.tolist() for regime in arms.regimes] == [[0, 3, 5], [1, 2, 4]]
    assert [family.n_rows for family in arms.families_of("y")] == [8, 4]
    assert [{family.node for family in layer} for layer in arms.layers] == [{"x", "z"}, {"m"}, {"y"}]


def test_rows_that_no_intervention_uses_are_not_counted():
    arms = bow([{"m": 0}, {"m": 1}])
    assert arms.n_family_rows == 1 + 1 + 4
    assert arms.families_of("m") == ()
    assert bow([{}, {"x": 0}]).families == arms.graph.families
    assert arms.subset([0]).n_family_rows == 1 + 1 + 4


def test_fixing_a_node_that_splits_no_district_starts_no_regime():
    """Fixing the last node of a district leaves the tables of the others as they are."""
    dag = nx.DiGraph([("a", "b"), ("b", "c"), ("c", "y"), ("u", "a"), ("u", "b")])
    graph = CausalGraph(dag, "y", hidden=["u"])
    assert len(InterventionSet(graph, [{}, {"b": 1}, {"c": 0}]).regimes) == 1
    assert len(InterventionSet(graph, [{}, {"a": 1}]).regimes) == 2


def test_the_districts_of_fixed_nodes_do_not_matter():
    """a ↔ b ↔ y: with b fixed, nothing else changes when a is fixed, too."""
    dag = nx.DiGraph([("a", "b"), ("b", "y"), ("u", "a"), ("u", "b"), ("v", "b"), ("v", "y")])
    graph = CausalGraph(dag, "y", hidden=["u", "v"])
    assert len(InterventionSet(graph, [{"b": 1}, {"a": 1, "b": 1}, {"b": 0}]).regimes) == 1


@together("seed", range(30))
def test_every_free_node_has_the_district_that_its_definition_gives(seed):
    rng = np.random.default_rng(seed)
    _, arms = random_hidden_problem(rng, 9, int(rng.integers(1, 5)), most_parents=4)
    used = set()
    for place, intervention in enumerate(arms):
        found = dict(arms.families_under(place))
        assert {family.node for family in found} == set(arms.graph.ancestors) - set(intervention)
        for family, rows in found.items():
            district, scope = district_and_scope(arms.graph, family.node, intervention)
            assert (set(family.district), set(family.parents)) == (district, scope)
            (of_set,) = (other for other in arms.families_of(family.node) if set(other.district) == district)
            assert np.arange(arms.n_family_rows)[rows].tolist() == list(range(of_set.start, of_set.rows.stop))
            used.add(of_set)
    assert used == set(arms.families)
    assert arms.n_family_rows == sum(family.n_rows for family in used)
    assert sorted(np.concatenate([regime.places for regime in arms.regimes])) == list(range(len(arms)))
    layer_of = {family.node: depth for depth, layer in enumerate(arms.layers) for family in layer}
    for family in arms.families:
        assert all(layer_of.get(parent, -1) < layer_of[family.node] for parent in family.parents)


def test_a_set_keeps_the_graphs_families_when_nothing_is_hidden(shipped):
    for problem in (problem for problem in shipped.values() if not problem.graph.hidden):
        assert problem.interventions.families is problem.graph.families
        assert len(problem.interventions.regimes) == 1
        dag = problem.graph.to_networkx().subgraph(problem.graph.ancestors)
        generations = [set(layer) for layer in nx.topological_generations(dag)]
        assert [{family.node for family in layer} for layer in problem.interventions.layers] == generations


def comb(teeth):
    """A chain of nodes with one hidden cause of all, into y."""
    nodes = [f"n{i}" for i in range(teeth)]
    dag = nx.DiGraph([*itertools.pairwise(nodes), (nodes[-1], "y")])
    dag.add_edges_from(("u", node) for node in (*nodes, "y"))
    return CausalGraph(dag, "y", hidden=["u"])


def test_a_district_with_too_many_rows_is_refused_and_told_how_to_split():
    chain = nx.DiGraph((f"n{i}", f"n{i + 1}") for i in range(30))
    chain.add_edges_from((f"u{i}", node) for i in range(30) for node in (f"n{i}", f"n{i + 1}"))
    graph = CausalGraph(chain, "n30", hidden=[f"u{i}" for i in range(30)])
    arms = InterventionSet(graph, [{"n3": 1, "n15": 1}, {}, {"n15": 1}])
    with pytest.raises(
        ValueError, match=r"interventions leave a district of 31 nodes whole, number 1 for one"
    ) as raised:
        _ = arms.families
    said = str(raised.value)
    assert "'n22' depends on 22 nodes and has 4,194,304 rows (33,554,432 bytes); expected at most 2,097,152" in said
    assert "Fixing one node more splits it: 'n15' into tables of at most 16 nodes" in said
    assert InterventionSet(graph, [{"n3": 1, "n15": 1}, {"n15": 1}]).n_family_rows < 10**6
    assert comb(12).n_family_rows == 2**13 - 1
