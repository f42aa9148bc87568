"""CausalModel: tables by hand, and tables that are refused. Exactness is tested with the propagation."""

import copy
import pickle

import networkx as nx
import numpy as np
import pytest
from cases import together
from conftest import refusal

import causalbandit as cb
from causalbandit import elimination


def test_effects_of_three_nodes_are_those_worked_out_by_hand(shop):
    # P(purchase | do(ad=1)) = 0.3·0.2 + 0.7·0.6, P(purchase | do(ad=0)) = 0.8·0.1 + 0.2·0.4
    by_hand = [0.3 * 0.48 + 0.7 * 0.16, 0.16, 0.48, 0.6]
    assert shop.model.effects(shop.interventions) == pytest.approx(by_hand, abs=1e-15)


def test_the_first_parent_is_the_most_significant_bit():
    dag = nx.DiGraph([("a", "y"), ("b", "y")])
    for order, table in ((["a", "b"], [0.1, 0.2, 0.3, 0.4]), (["b", "a"], [0.1, 0.3, 0.2, 0.4])):
        graph = cb.CausalGraph(dag, "y", parents={"y": order})
        model = cb.CausalModel(graph, {"a": 0.5, "b": 0.5, "y": table})
        arms = cb.InterventionSet.product(graph, ["a", "b"])
        assert model.effects(arms) == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=1e-15)


def test_a_root_takes_one_number_or_a_list_of_one(shop):
    tables = {node: shop.model.table(node) for node in shop.graph.nodes}
    assert cb.CausalModel(shop.graph, {**tables, "ad": 0.3}) == cb.CausalModel(shop.graph, {**tables, "ad": [0.3]})


def test_a_model_is_read_only_and_survives_pickling(shop):
    with pytest.raises(ValueError, match="read-only"):
        shop.model.cpt[0] = 0.5
    again = pickle.loads(pickle.dumps(shop.model))
    assert again == shop.model
    assert hash(again) == hash(shop.model)
    for copied in (again, copy.deepcopy(shop.model)):
        with pytest.raises(ValueError, match="read-only"):
            copied.cpt[0] = 0.5


# Bad input -----------------------------------------------------------------------------------------------------------


def with_table(shop, table, node="purchase"):
    tables = {name: shop.model.table(name) for name in shop.graph.nodes}
    return lambda: cb.CausalModel(shop.graph, {**tables, node: table})


@pytest.mark.parametrize(
    ("table", "found"), [([0.1, 0.2, 0.3], "3 entries"), ([0.5] * 5, "5 entries"), (0.5, "1 entry")]
)
def test_a_table_of_the_wrong_length_is_refused(shop, table, found):
    said = refusal(with_table(shop, table))
    assert "'purchase'" in said
    assert found in said
    assert "expected 4 probabilities" in said
    assert "['ad', 'trust']" in said


@together("value", [float("nan"), -0.1, 1.1, float("inf")])
def test_a_table_with_a_value_that_is_no_probability_is_refused_with_its_configuration(shop, value):
    said = refusal(with_table(shop, [0.1, 0.2, value, 0.4]))
    assert "'purchase'" in said
    assert f"has {value!r} at position 2" in said
    assert "ad=1, trust=0" in said
    assert "[0, 1]" in said


def test_a_nested_table_and_words_are_refused(shop):
    assert "shape (2, 2)" in refusal(with_table(shop, np.full((2, 2), 0.5)))
    assert "flat list" in refusal(with_table(shop, ["low", "high", "low", "high"]))


def test_missing_tables_are_refused_by_name(shop):
    said = refusal(lambda: cb.CausalModel(shop.graph, {"ad": [0.3]}))
    assert "2 of 3 nodes" in said
    assert "'trust'" in said
    assert "'purchase'" in said


def test_a_table_of_an_unknown_node_is_refused(shop):
    assert "Did you mean 'trust'?" in refusal(with_table(shop, [0.1, 0.2], node="trsut"))


def test_interventions_of_another_graph_are_refused(shop):
    other = cb.CausalGraph(nx.DiGraph([("ad", "purchase")]), "purchase")
    assert "another graph" in refusal(lambda: shop.model.effects(cb.InterventionSet(other, [{}])))
    assert "expected an InterventionSet" in refusal(lambda: shop.model.effects([{}]), TypeError)


def test_a_networkx_graph_and_a_list_of_tables_are_refused(shop):
    assert "CausalGraph" in refusal(lambda: cb.CausalModel(shop.graph.to_networkx(), {}), TypeError)
    assert "mapping" in refusal(lambda: cb.CausalModel(shop.graph, [0.1]), TypeError)


# Hidden nodes ---------------------------------------------------------------------------------------------------------


def bow(**tables):
    """m → y with a hidden cause u of both."""
    graph = cb.CausalGraph(nx.DiGraph([("m", "y"), ("u", "m"), ("u", "y")]), "y", hidden=["u"])
    return graph, cb.CausalModel(graph, {"u": 0.5, "m": [0.2, 0.6], "y": [0.1, 0.5, 0.3, 0.9], **tables})


def test_tables_of_what_is_seen_are_those_worked_out_by_hand():
    graph, model = bow()
    arms = cb.InterventionSet(graph, [{}, {"m": 0}, {"m": 1}])
    # P(m=1) = ½·0.2 + ½·0.6; P(u=1 | m=0) = 0.4/1.2, P(u=1 | m=1) = 0.6/0.8
    seen = [0.4, 0.1 * 2 / 3 + 0.5 / 3, 0.3 / 4 + 0.9 * 3 / 4]
    assert model.cpt == pytest.approx(seen, abs=1e-15)
    # with m fixed, u keeps its own probability
    assert model.cpt_for(arms) == pytest.approx([*seen, 0.3, 0.6], abs=1e-15)
    assert model.effects(arms) == pytest.approx([0.6 * seen[1] + 0.4 * seen[2], 0.3, 0.6], abs=1e-15)


def test_configurations_that_cannot_be_have_a_table_without_holes():
    graph, model = bow(m=[0.0, 0.0])
    assert model.cpt[2] == 0.5  # m is never 1
    assert np.isfinite(model.cpt_for(cb.InterventionSet(graph, [{}, {"m": 1}]))).all()


def test_without_hidden_nodes_the_tables_of_a_set_are_the_models(shop):
    assert shop.model.cpt_for(shop.interventions) is shop.model.cpt


def test_a_model_with_hidden_nodes_survives_pickling(shop):
    graph, model = bow()
    before = model.cpt_for(cb.InterventionSet(graph, [{}, {"m": 1}]))
    again = pickle.loads(pickle.dumps(model))
    assert again == model
    assert hash(again) == hash(model)
    assert (again.cpt_for(cb.InterventionSet(graph, [{}, {"m": 1}])) == before).all()
    with pytest.raises(ValueError, match="read-only"):
        again.cpt[0] = 0.5


def test_a_model_needs_the_tables_of_hidden_nodes():
    graph, model = bow()
    said = refusal(lambda: cb.CausalModel(graph, {"m": model.table("m"), "y": model.table("y")}))
    assert "1 of 3 nodes have no table: 'u'" in said
    assert "expected 4 probabilities" in refusal(lambda: bow(y=[0.1, 0.2]))


def test_a_confounded_pair_has_no_model():
    graph = cb.CausalGraph(nx.DiGraph([("m", "y")]), "y", confounded=[("m", "y")])
    said = refusal(lambda: cb.CausalModel(graph, {"m": 0.5, "y": [0.1, 0.2]}))
    assert "1 confounded pairs, 'm' and 'y' for one" in said
    assert "declare a hidden node with edges into both" in said
    assert "searches on real experiments" in said


def test_hidden_nodes_that_join_too_many_others_are_refused_before_memory_is_taken(monkeypatch):
    """a → b → y with three hidden causes of all: what is seen of y takes a table over six nodes."""
    dag = nx.DiGraph([("a", "b"), ("b", "y"), *((u, node) for u in "uvw" for node in "aby")])
    graph = cb.CausalGraph(dag, "y", hidden=["u", "v", "w"])
    model = cb.CausalModel(graph, {node: [0.5] * 2 ** len(graph.parents(node)) for node in graph.all_nodes})
    monkeypatch.setattr(elimination, "_LARGEST", 5)
    assert "What is seen of 'y' takes a table over 6 nodes at once" in refusal(lambda: model.cpt)
    monkeypatch.setattr(elimination, "_LARGEST", 6)
    assert model.cpt == pytest.approx([0.5] * 7)
