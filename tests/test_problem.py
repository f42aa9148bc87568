"""Problem: what belongs together is checked to belong together."""

import pickle
from dataclasses import FrozenInstanceError, replace

import networkx as nx
import pytest
from cases import together
from conftest import refusal

import causalbandit as cb


def test_a_problem_with_a_model_holds_all_tables(shop):
    assert shop.missing_tables == ()
    assert shop.tables["trust"] == (0.2, 0.7)
    assert shop.require_model() is shop.model


def test_a_problem_may_hold_some_tables(shop):
    some = cb.Problem(shop.graph, shop.interventions, tables={"ad": [0.3]})
    assert some.missing_tables == ("trust", "purchase")


def test_search_names_the_missing_tables_and_the_other_way(shop):
    some = cb.Problem(shop.graph, shop.interventions, tables={"ad": [0.3]})
    said = refusal(lambda: cb.search(some, 1000))
    assert "'trust'" in said
    assert "'purchase'" in said
    assert "'ad'" not in said
    assert "environment=" in said


def test_a_problem_is_immutable_and_survives_pickling(shop):
    with pytest.raises(FrozenInstanceError):
        shop.goal = "min"
    with pytest.raises(TypeError):
        shop.tables["ad"] = (1.0,)
    again = pickle.loads(pickle.dumps(shop))
    assert again == shop
    assert hash(again) == hash(shop)
    assert replace(shop, goal="min") != shop


def test_the_summary_fits_80_columns_and_names_the_sizes(shipped):
    for problem in shipped.values():
        text = problem.summary()
        assert max(map(len, text.splitlines())) <= 80
        assert problem.graph.target in text
        assert f"{3 * problem.interventions.n_family_rows:,} experiments" in text
        assert f"{len(problem.interventions):,}, fixing" in text


def test_the_summary_escapes_names_for_notebooks(shop):
    html = replace(shop, name="<b>shop</b>")._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;" in html


def test_the_frame_holds_true_effects_when_tables_are_known(shop):
    assert shop.to_frame()["true_effect"].tolist() == pytest.approx([0.256, 0.16, 0.48, 0.6])
    assert "true_effect" not in replace(shop, model=None, tables={}).to_frame()


def test_a_problem_with_a_hidden_cause_is_drawn_with_it(shipped, without_display):
    ax = shipped["front-door"].plot()
    assert "motivation" in {text.get_text() for text in ax.texts}
    assert any("hidden" in text.get_text() for text in ax.get_legend().get_texts())


def test_tables_of_causes_that_are_no_nodes_are_said_to_be_missing(shop):
    graph = cb.CausalGraph(shop.graph.to_networkx(), "purchase", confounded=[("ad", "purchase")])
    problem = cb.Problem(graph, cb.InterventionSet(graph, [{}, {"ad": 1}]), tables=dict(shop.tables))
    assert problem.missing_tables == ()
    said = refusal(lambda: cb.search(problem, 1000))
    assert "common causes of ('ad', 'purchase') are no nodes" in said
    assert "environment=" in said


# Bad input -----------------------------------------------------------------------------------------------------------


def test_parts_of_another_graph_are_refused(shop):
    other = cb.CausalGraph(nx.DiGraph([("ad", "purchase")]), "purchase")
    arms = cb.InterventionSet(other, [{}])
    assert "interventions of another graph" in refusal(lambda: replace(shop, interventions=arms))
    model = cb.CausalModel(other, {"ad": 0.5, "purchase": [0.1, 0.2]})
    assert "model of another graph" in refusal(lambda: replace(shop, model=model))


def test_a_goal_that_is_neither_max_nor_min_is_refused(shop):
    assert "goal was 'maximise'; known: 'max', 'min'" in refusal(lambda: replace(shop, goal="maximise"))


def test_parts_of_the_wrong_kind_are_refused(shop):
    dag = shop.graph.to_networkx()
    assert "CausalGraph(dag, target=...)" in refusal(lambda: cb.Problem(dag, shop.interventions), TypeError)
    assert "InterventionSet" in refusal(lambda: cb.Problem(shop.graph, [{}]), TypeError)
    said = refusal(lambda: cb.Problem(shop.graph, shop.interventions, {"ad": 0.3}), TypeError)
    assert "model was a dict; expected a CausalModel" in said
    assert "tables=" in said
    for field, value in (("tables", [1]), ("descriptions", ["ad"]), ("states", "ad")):
        said = refusal(lambda: cb.Problem(shop.graph, shop.interventions, **{field: value}), TypeError)  # noqa: B023
        assert f"{field} was a {type(value).__name__}; expected a mapping from node names" in said
    assert "name was a int; expected a text" in refusal(lambda: replace(shop, name=3), TypeError)
    assert "'trust'" in refusal(lambda: replace(shop, descriptions={"trust": 3}), TypeError)


@together("names", ["no", ["no"], ["yes", "yes"], [0, 1], ["a", "b", "c"]])
def test_states_that_are_not_two_names_are_refused(shop, names):
    assert "states of 'ad'" in refusal(lambda: replace(shop, states={"ad": names}))


def test_descriptions_of_unknown_nodes_are_refused(shop):
    assert "Did you mean 'trust'?" in refusal(lambda: replace(shop, descriptions={"trsut": "?"}))
