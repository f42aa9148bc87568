"""The engine equals enumeration over all states, whatever the chunking, and says no before it takes memory."""

from __future__ import annotations

import json
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from cases import together
from enumeration import enumerate_all, enumerate_hidden, random_hidden_problem, random_problem
from hypothesis import given, settings
from hypothesis import strategies as st

from causalbandit import CausalGraph, CausalModel, InterventionSet
from causalbandit.clique_tree import CliqueTree, _runs, _scope, clique_tree
from causalbandit.propagation import propagate
from causalbandit.sharing import plans

GRAPHS = Path(__file__).parents[1] / "graphs"


def everything(model, interventions, **options):
    return propagate(interventions, model.cpt_for(interventions), reach=True, gradient=True, **options)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), n_nodes=st.integers(1, 8), most_parents=st.integers(1, 5))
def test_effects_reach_and_gradient_equal_enumeration_on_random_graphs(seed, n_nodes, most_parents):
    rng = np.random.default_rng(seed)
    model, interventions = random_problem(rng, n_nodes, most_parents=most_parents)
    effects, reach, gradient = enumerate_all(model, interventions)
    found = everything(model, interventions)
    np.testing.assert_allclose(found.effects, effects, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.reach, reach, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.gradient, gradient, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", [path.stem for path in sorted(GRAPHS.glob("*.json"))])
def test_effects_reach_and_gradient_equal_enumeration_on_small_shipped_graphs(shipped, name):
    problem = shipped[name]
    if len(problem.graph.all_nodes) > 15:
        assert name in ("andes", "win95pts")  # too many states to enumerate; these are compared with pyAgrum's numbers
        return
    arms = problem.interventions
    if problem.graph.hidden or len(problem.graph.all_nodes) > 8:  # all states at once
        arms = arms.subset(range(0, len(arms), max(1, len(arms) // 6)))
        effects, reach, gradient, _ = enumerate_hidden(problem.model, arms)
    else:
        effects, reach, gradient = enumerate_all(problem.model, arms)
    found = everything(problem.model, arms)
    np.testing.assert_allclose(found.effects, effects, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.reach, reach, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.gradient, gradient, rtol=0, atol=1e-12)


def test_effects_by_hand_on_a_chain():
    graph = CausalGraph(nx.DiGraph([("a", "b"), ("b", "y")]), "y")
    model = CausalModel(graph, {"a": 0.5, "b": [0.2, 0.6], "y": [0.1, 0.4]})
    arms = InterventionSet(graph, [{}, {"a": 1}, {"b": 0}])
    assert model.effects(arms).round(12).tolist() == [0.22, 0.28, 0.1]
    # rows: a | b given a=0, a=1 | y given b=0, b=1
    assert model.reach(arms).T.round(12).tolist() == [[1, 0.5, 0.5, 0.6, 0.4], [0, 0, 1, 0.4, 0.6], [1, 0, 0, 1, 0]]
    # d mu / d P(b=1 | a=1) = P(a=1) (0.4 - 0.1)
    assert model.gradient(arms)[2, 0] == pytest.approx(0.15, abs=1e-15)


def test_gradient_equals_central_differences():
    rng = np.random.default_rng(3)
    model, interventions = random_problem(rng, 9, most_parents=4, extreme=0)
    gradient = model.gradient(interventions)
    step = 1e-6
    for row in range(model.graph.n_family_rows):
        up, down = model.cpt.copy(), model.cpt.copy()
        up[row] += step
        down[row] -= step
        difference = propagate(interventions, up).effects - propagate(interventions, down).effects
        np.testing.assert_allclose(gradient[row], difference / (2 * step), rtol=0, atol=1e-8)


def test_small_memory_and_single_interventions_give_the_same_answer():
    rng = np.random.default_rng(4)
    model, interventions = random_problem(rng, 10, n_interventions=40)
    whole = everything(model, interventions)
    tree = clique_tree(model.graph)
    chunked = everything(model, interventions, memory=3 * tree.table_bytes())
    np.testing.assert_allclose(chunked.reach, whole.reach, rtol=0, atol=1e-15)
    np.testing.assert_allclose(chunked.gradient, whole.gradient, rtol=0, atol=1e-15)
    for place in range(len(interventions)):
        alone = everything(model, interventions.subset([place]))
        np.testing.assert_allclose(alone.effects[0], whole.effects[place], rtol=0, atol=1e-15)
        np.testing.assert_allclose(alone.gradient[:, 0], whole.gradient[:, place], rtol=0, atol=1e-15)


@pytest.mark.parametrize("hidden", [False, True])
def test_many_tables_at_once_equal_one_by_one(hidden):
    rng = np.random.default_rng(5)
    if hidden:
        interventions = InterventionSet.up_to(CausalGraph(nx.DiGraph(SHAPES["bow"][0]), "y", hidden=["u"]), 2)
        little = 2_000
    else:
        _, interventions = random_problem(rng, 8)
        little = 4 * clique_tree(interventions.graph).table_bytes()
    tables = rng.random((7, interventions.n_family_rows))
    for memory in (256 * 2**20, little):
        batch = propagate(interventions, tables, reach=True, gradient=True, memory=memory)
        assert batch.reach.shape == (7, interventions.n_family_rows, len(interventions))
        for place, cpt in enumerate(tables):
            alone = propagate(interventions, cpt, reach=True, gradient=True)
            np.testing.assert_allclose(batch.effects[place], alone.effects, rtol=0, atol=1e-15)
            np.testing.assert_allclose(batch.reach[place], alone.reach, rtol=0, atol=1e-15)
            np.testing.assert_allclose(batch.gradient[place], alone.gradient, rtol=0, atol=1e-15)


def test_truncated_tables_lose_exactly_the_truncated_mass():
    graph = CausalGraph(nx.DiGraph([("a", "b"), ("b", "y")]), "y")
    arms = InterventionSet(graph, [{}])
    cpt = np.array([0.5, 0.2, 0.6, 0.1, 0.4])
    complement = 1 - cpt
    complement[0] = 0  # a = 0 never happens: its half of the mass is gone, not renormalised
    found = propagate(arms, cpt, complement, reach=True)
    assert found.effects[0] == pytest.approx(0.5 * (0.4 * 0.1 + 0.6 * 0.4))
    assert found.reach[:, 0] == pytest.approx([1, 0, 0.5, 0.2, 0.3])


def test_relabelled_nodes_give_the_same_answer():
    rng = np.random.default_rng(6)
    model, interventions = random_problem(rng, 9)
    graph = model.graph
    names = {node: f"n{place:02d}" for node, place in zip(graph.nodes, rng.permutation(len(graph.nodes)), strict=True)}
    dag = nx.relabel_nodes(graph.to_networkx(), names)
    parents = {names[node]: [names[parent] for parent in graph.parents(node)] for node in graph.nodes}
    other = CausalGraph(dag, names[graph.target], parents=parents)
    renamed = CausalModel(other, {names[node]: model.table(node) for node in graph.nodes})
    arms = InterventionSet(other, [{names[node]: value for node, value in a.items()} for a in interventions])
    np.testing.assert_allclose(renamed.effects(arms), model.effects(interventions), rtol=0, atol=1e-14)


def test_assigning_a_node_that_is_no_ancestor_changes_nothing():
    graph = CausalGraph(nx.DiGraph([("a", "y"), ("y", "z")]), "y")
    model = CausalModel(graph, {"a": 0.3, "y": [0.2, 0.7], "z": [0.5, 0.5]})
    arms = InterventionSet(graph, [{}, {"z": 1}])
    assert model.effects(arms)[0] == model.effects(arms)[1]
    np.testing.assert_array_equal(model.reach(arms)[:, 0], model.reach(arms)[:, 1])


def test_a_bag_that_is_too_large_is_refused_and_named(monkeypatch):
    dag = nx.DiGraph((f"x{i}", "y") for i in range(30))
    graph = CausalGraph(dag, "y")
    with pytest.raises(
        ValueError, match=r"31 nodes at once \(tree width 30\), more than the 22 it can work with"
    ) as refused:
        CliqueTree(graph.families)
    assert "split nodes with many parents (the most that a node has is 30)" in str(refused.value)
    # A grid of three by three nodes: no family has more than three nodes, but the triangulation joins four.
    monkeypatch.setattr("causalbandit.clique_tree.LARGEST_SCOPE", 3)
    grid = nx.DiGraph((str(cause), str(effect)) for cause, effect in nx.grid_2d_graph(3, 3).edges)
    with pytest.raises(ValueError, match=r"4 nodes at once .*, more than the 3 it can work with: 128 bytes"):
        CliqueTree(CausalGraph(grid, str((2, 2))).families)


def test_a_memory_bound_below_one_intervention_is_refused_and_named():
    model, interventions = random_problem(np.random.default_rng(0), 8)
    with pytest.raises(ValueError, match=r"bytes of tables for one intervention .* more than the 10 allowed"):
        propagate(interventions, model.cpt, memory=10)


def test_the_tree_does_not_depend_on_hash_seeds():
    """Names hash differently in every process; ties in the triangulation must not."""
    import subprocess
    import sys

    code = (
        "import sys; sys.path[:0] = ['tests', '.']; import numpy as np; from enumeration import random_problem;"
        "from causalbandit.clique_tree import clique_tree;"
        "m, i = random_problem(np.random.default_rng(1), 12);"
        "print([bag.nodes for bag in clique_tree(m.graph).bags], m.effects(i).tolist())"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONHASHSEED": "1"}, capture_output=True, text=True, check=True
    ).stdout
    model, interventions = random_problem(np.random.default_rng(1), 12)
    here = ([bag.nodes for bag in clique_tree(model.graph).bags], model.effects(interventions).tolist())
    assert printed == " ".join(map(str, here)) + "\n"  # the hash seed of this process is another one


def test_messages_are_shared_by_interventions_that_look_alike_below_a_bag(shipped):
    """Groups of a plan are the distinct restrictions of the set to each subtree; one per intervention if nearly so."""
    problem = shipped["andes"]
    graph, arms = problem.graph, problem.interventions
    tree = clique_tree(graph)
    ((_, plan),) = plans(tree, arms, arms.regimes[0], len(arms))
    columns = [graph.position(family.node) for family in graph.families]
    below = [set(bag.families) for bag in tree.bags]
    for place in reversed(range(1, len(tree.bags))):
        below[tree.bags[place].parent] |= below[place]
    n_messages = 0
    for place, families in enumerate(below):
        seen = arms.assignments[:, [columns[family] for family in sorted(families)]]
        distinct, group = np.unique(seen, axis=0, return_inverse=True)
        share = plan.up[place]
        assert share.n == len(distinct) or (share.each and len(distinct) >= 0.8 * len(arms))
        assert len(set(zip(share.group.tolist(), group.ravel().tolist(), strict=True))) == share.n
        n_messages += len(distinct)
    assert n_messages < 0.3 * len(arms) * len(tree.bags)  # most of the work goes away


# Hidden nodes ---------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_nodes=st.integers(4, 9),
    n_hidden=st.integers(1, 4),
    most_parents=st.integers(2, 5),
)
def test_with_hidden_nodes_effects_reach_gradient_and_tables_equal_enumeration(seed, n_nodes, n_hidden, most_parents):
    model, interventions = random_hidden_problem(np.random.default_rng(seed), n_nodes, n_hidden, most_parents)
    effects, reach, gradient, tables = enumerate_hidden(model, interventions)
    cpt = model.cpt_for(interventions)
    found = propagate(interventions, cpt, reach=True, gradient=True)
    np.testing.assert_allclose(found.effects, effects, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.reach, reach, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.gradient, gradient, rtol=0, atol=1e-12)
    seen = ~np.isnan(tables)
    np.testing.assert_allclose(np.broadcast_to(cpt[:, None], tables.shape)[seen], tables[seen], rtol=0, atol=1e-12)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), n_nodes=st.integers(4, 9), n_hidden=st.integers(1, 4))
def test_hidden_nodes_with_tables_of_0_and_1_have_the_enumerated_effects_and_reach(seed, n_nodes, n_hidden):
    model, interventions = random_hidden_problem(np.random.default_rng(seed), n_nodes, n_hidden, extreme=0.4)
    effects, reach, _, _ = enumerate_hidden(model, interventions)
    np.testing.assert_allclose(model.effects(interventions), effects, rtol=0, atol=1e-12)
    np.testing.assert_allclose(model.reach(interventions), reach, rtol=0, atol=1e-12)


SHAPES = {
    "bow": ([("x", "m"), ("m", "y"), ("z", "y"), ("u", "m"), ("u", "y")], ["u"]),
    "front door": ([("x", "m"), ("m", "y"), ("u", "x"), ("u", "y")], ["u"]),
    "chain of hidden nodes": (
        [("u", "v"), ("v", "w"), ("w", "a"), ("v", "b"), ("u", "y"), ("a", "b"), ("b", "y")],
        "uvw",
    ),
    "three children": ([("u", "a"), ("u", "b"), ("u", "y"), ("a", "c"), ("c", "y"), ("b", "y")], ["u"]),
    "hidden mediator": ([("a", "u"), ("u", "b"), ("u", "y"), ("b", "y"), ("c", "u")], ["u"]),
    "two districts": ([("a", "b"), ("b", "c"), ("c", "y"), ("u", "a"), ("u", "c"), ("v", "b"), ("v", "y")], "uv"),
    "one district of pairs": (
        [("a", "b"), ("b", "c"), ("c", "y"), ("u", "a"), ("u", "b"), ("v", "b"), ("v", "y")],
        "uv",
    ),
}


@together("shape", SHAPES)
def test_every_intervention_on_three_nodes_of_well_known_shapes_equals_enumeration(shape):
    edges, hidden = SHAPES[shape]
    graph = CausalGraph(nx.DiGraph(edges), "y", hidden=list(hidden))
    rng = np.random.default_rng(5)
    model = CausalModel(graph, {node: rng.uniform(0.1, 0.9, 2 ** len(graph.parents(node))) for node in graph.all_nodes})
    interventions = InterventionSet.up_to(graph, 3)
    assert len(interventions.regimes) > 1
    effects, reach, gradient, _ = enumerate_hidden(model, interventions)
    for memory in (256 * 2**20, 3_000):
        found = everything(model, interventions, memory=memory)
        np.testing.assert_allclose(found.effects, effects, rtol=0, atol=1e-12)
        np.testing.assert_allclose(found.reach, reach, rtol=0, atol=1e-12)
        np.testing.assert_allclose(found.gradient, gradient, rtol=0, atol=1e-12)


def test_a_confounded_pair_has_the_rows_of_a_hidden_cause():
    """A declared pair and an explicit hidden node ask for the same rows, so the same tables give the same answer."""
    edges = [("x", "m"), ("m", "y"), ("z", "y")]
    paired = CausalGraph(nx.DiGraph(edges), "y", confounded=[("m", "y")])
    explicit = CausalGraph(nx.DiGraph([*edges, ("u", "m"), ("u", "y")]), "y", hidden=["u"])
    arms = [{}, {"m": 1}, {"z": 0}, {"m": 0, "x": 1}]
    first, second = InterventionSet(paired, arms), InterventionSet(explicit, arms)
    order = [
        second.families.index(next(g for g in second.families if g.district == f.district)) for f in first.families
    ]
    assert [f.n_rows for f in first.families] == [second.families[place].n_rows for place in order]
    cpt = np.random.default_rng(7).random(first.n_family_rows)
    moved = np.empty_like(cpt)
    for family, place in zip(first.families, order, strict=True):
        other = second.families[place]
        for row in range(family.n_rows):
            values = family.configuration(row)
            (same,) = (r for r in range(other.n_rows) if other.configuration(r) == values)
            moved[other.start + same] = cpt[family.start + row]
    np.testing.assert_allclose(propagate(first, cpt).effects, propagate(second, moved).effects, rtol=0, atol=1e-15)


def test_effects_with_hidden_nodes_equal_those_of_an_independent_enumeration():
    reference = json.loads((Path(__file__).parent / "data" / "hidden_effects.json").read_text(encoding="utf-8"))
    for problem in reference["problems"]:
        nodes = problem["nodes"]
        dag = nx.DiGraph()
        dag.add_nodes_from(node["id"] for node in nodes)
        dag.add_edges_from((parent, node["id"]) for node in nodes for parent in node["parents"])
        graph = CausalGraph(
            dag,
            problem["target"],
            parents={node["id"]: node["parents"] for node in nodes},
            hidden=[node["id"] for node in nodes if node.get("hidden")],
        )
        model = CausalModel(graph, {node["id"]: node["cpt"] for node in nodes})
        arms = InterventionSet(graph, [case["do"] for case in problem["cases"]])
        expected = [case["p1"] for case in problem["cases"]]
        np.testing.assert_allclose(model.effects(arms), expected, rtol=0, atol=reference["tolerance"])


@together("n_variables", range(6))
@together("n_groups", [1, 300])
def test_a_table_is_summed_onto_a_scope_entry_by_entry(n_variables, n_groups):
    rng = np.random.default_rng(n_variables)
    bag, variables = (3, 1, 4, 0, 2), tuple(rng.permutation(5)[:n_variables].tolist())
    for table in (rng.random((2, n_groups, 32)), rng.integers(0, 100, (n_groups, 32))):
        expected = np.zeros((*table.shape[:-1], 1 << n_variables))
        for configuration in range(32):
            place = 0
            for variable in variables:
                place = 2 * place + (configuration >> (4 - bag.index(variable)) & 1)
            expected[..., place] += table[..., configuration]
        kept = table.copy()
        np.testing.assert_allclose(
            _scope(bag, variables, _runs(bag, [variables])).sum_onto(table), expected, rtol=1e-14
        )
        np.testing.assert_array_equal(table, kept)


def test_reach_is_worked_out_once_per_assignment_of_the_ancestors(shipped):
    """Groups for a family's reach are the distinct restrictions of the set to the ancestors of its node."""
    graph = shipped["andes"].graph
    arms = InterventionSet.up_to(graph, 2, nodes=list(graph.ancestors[:12]))
    tree = clique_tree(graph)
    ((_, plan),) = plans(tree, arms, arms.regimes[0], len(arms))
    n_groups = 0
    for bag, (_, to_families) in zip(tree.bags, plan.down_by_ancestors, strict=True):
        for family, share in zip(bag.families, to_families, strict=True):
            above = sorted(nx.ancestors(graph.to_networkx(), tree.families[family].node))
            seen = arms.assignments[:, [graph.position(node) for node in above]]
            distinct, group = np.unique(seen, axis=0, return_inverse=True) if above else ([0], np.zeros(len(arms), int))
            assert share.n == len(distinct) or (share.each and len(distinct) >= 0.8 * len(arms))
            assert len(set(zip(share.group.tolist(), group.ravel().tolist(), strict=True))) == share.n
            n_groups += share.n
    assert n_groups < 0.5 * len(arms) * len(tree.families)
