"""InterventionSet: its builders, its order, and what it refuses."""

import itertools
import pickle
import re
import tracemalloc

import networkx as nx
import numpy as np
import pytest
from cases import together
from conftest import refusal
from hypothesis import given, settings
from hypothesis import strategies as st

import causalbandit as cb
from causalbandit import assignments


@pytest.fixture
def graph():
    return cb.CausalGraph(nx.DiGraph([("ad", "trust"), ("trust", "purchase"), ("price", "purchase")]), "purchase")


@pytest.fixture
def wide():
    """200 causes of one target in a row: every node is an ancestor."""
    return cb.CausalGraph(nx.path_graph([f"n{i}" for i in range(200)], nx.DiGraph), "n199")


def test_an_explicit_list_keeps_its_order(graph):
    given = [{"ad": 1}, {}, {"price": 0, "ad": 0}]
    arms = cb.InterventionSet(graph, given)
    assert list(arms) == given
    assert [arms.index(intervention) for intervention in given] == [0, 1, 2]
    assert {"price": 1} not in arms
    assert arms.assignments.shape == (3, 4)
    assert sorted(arms.labels) == ["(observe)", "ad=0, price=0", "ad=1"]


def test_up_to_holds_every_small_intervention_once(graph):
    arms = cb.InterventionSet.up_to(graph, 2)
    by_hand = {
        tuple(zip(chosen, values, strict=True))
        for size in range(3)
        for chosen in itertools.combinations(("ad", "price", "trust"), size)
        for values in itertools.product((0, 1), repeat=size)
    }
    assert {tuple(sorted(intervention.items())) for intervention in arms} == by_hand
    assert len(arms) == len(by_hand) == cb.InterventionSet.count_up_to(graph, 2)
    assert arms[0] == {}
    assert list(arms) == list(cb.InterventionSet.stream_up_to(graph, 2))


def test_up_to_more_than_there_are_nodes_is_the_full_product(graph):
    arms = cb.InterventionSet.up_to(graph, 9, nodes=["ad", "price"])
    assert len(arms) == 9
    free = cb.InterventionSet.product(graph, {"ad": [None, 0, 1], "price": [None, 0, 1]})
    assert set(map(str, arms)) == set(map(str, free))


def test_product_of_a_list_fixes_every_node(graph):
    assert list(cb.InterventionSet.product(graph, ["ad", "price"])) == [
        {"ad": a, "price": p} for a, p in itertools.product((0, 1), repeat=2)
    ]


def test_a_set_too_large_for_memory_is_counted_streamed_and_refused_before_it_is_built(wide):
    assert cb.InterventionSet.count_up_to(wide, 3) == 1 + 2 * 199 + 4 * 199 * 198 // 2 + 8 * 199 * 198 * 197 // 6
    tracemalloc.start()
    said = refusal(lambda: cb.InterventionSet.up_to(wide, 3))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20
    assert f"{cb.InterventionSet.count_up_to(wide, 3):,}" in said
    assert "stream_up_to" in said
    first = list(itertools.islice(cb.InterventionSet.stream_up_to(wide, 3), 3))
    assert first == [{}, {"n0": 0}, {"n0": 1}]


def test_a_product_too_large_for_memory_is_refused_before_it_is_built(wide):
    said = refusal(lambda: cb.InterventionSet.product(wide, wide.nodes[:60]))
    assert f"{2**60:,}" in said
    assert "raise most" in said


def test_a_set_whose_table_is_too_large_is_refused_before_it_is_made(wide, monkeypatch):
    monkeypatch.setattr(assignments, "MOST_BYTES", 200 * 399)
    assert len(cb.InterventionSet.up_to(wide, 1)) == 399
    tracemalloc.start()
    for make in (
        lambda: cb.InterventionSet.up_to(wide, 2),
        lambda: cb.InterventionSet.product(wide, wide.nodes[:12]),
        lambda: cb.InterventionSet(wide, [{}, *({"n0": 0, f"n{i}": 1} for i in range(1, 199)), *wide_singles(wide)]),
    ):
        said = refusal(make)
        assert "interventions on 200 nodes need" in said
        assert "at most 79,800" in said
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


def wide_singles(wide):
    return list(cb.InterventionSet.stream_up_to(wide, 1))[1:]


def test_summarising_a_wide_set_needs_little_beside_its_table():
    nodes = [f"n{i}" for i in range(3000)]
    graph = cb.CausalGraph(nx.DiGraph(itertools.pairwise(nodes)), nodes[-1])
    tracemalloc.start()
    arms = cb.InterventionSet.up_to(graph, 1)
    assert arms.index({"n7": 1}) == 16
    assert arms.n_fixed.tolist() == [0] + 5998 * [1]
    assert arms.ever_fixed.tolist() == 2999 * [True] + [False]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * arms.assignments.nbytes


@given(st.data())
def test_places_are_found_and_duplicates_refused_whatever_the_blocks(data):
    graph = cb.CausalGraph(nx.DiGraph((f"x{i}", "y") for i in range(4)), "y")
    every = list(cb.InterventionSet.up_to(graph, 4))
    chosen = data.draw(st.lists(st.sampled_from(every), min_size=1, max_size=8, unique_by=str))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assignments, "_BLOCK_BYTES", data.draw(st.integers(1, 20)))
        arms = cb.InterventionSet(graph, chosen)
        for some in (arms, pickle.loads(pickle.dumps(arms)), arms[:], arms.subset(range(-len(arms), 0))):
            assert [some.index(intervention) for intervention in chosen] == list(range(len(chosen)))
            assert all((intervention in some) == (intervention in chosen) for intervention in every)
            assert some.n_fixed.tolist() == [len(intervention) for intervention in chosen]
        twice = data.draw(st.integers(0, len(chosen) - 1))
        said = f"Interventions {twice} and {len(chosen)} are both {re.escape(repr(arms[twice]))}"
        with pytest.raises(ValueError, match=said):
            cb.InterventionSet(graph, [*chosen, chosen[twice]])
        with pytest.raises(ValueError, match=said):
            arms.subset([*range(len(arms)), twice - len(arms)])


def test_a_slice_keeps_the_costs(graph):
    arms = cb.InterventionSet(graph, [{}, {"ad": 1}, {"ad": 0}], costs=[1, 2.5, 3])
    assert arms[1:].costs.tolist() == [2.5, 3]
    assert list(arms[1:]) == [{"ad": 1}, {"ad": 0}]


def test_a_subset_is_taken_by_places_or_by_booleans(graph):
    arms = cb.InterventionSet(graph, [{}, {"ad": 1}, {"ad": 0}])
    assert list(arms.subset([2, 0])) == [{"ad": 0}, {}]
    assert list(arms.subset(np.array([False, True, True]))) == [{"ad": 1}, {"ad": 0}]
    with pytest.raises(ValueError, match=r"places has shape \(2,\); expected \(3,\): one boolean per intervention"):
        arms.subset(np.array([True, False]))


def test_a_set_is_read_only_and_survives_pickling(graph):
    arms = cb.InterventionSet(graph, [{}, {"ad": 1}], costs=[1, 2])
    for array in (arms.assignments, arms.costs):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    again = pickle.loads(pickle.dumps(arms))
    assert again == arms
    assert hash(again) == hash(arms)
    for array in (again.assignments, again.costs):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    assert arms != cb.InterventionSet(graph, [{}, {"ad": 1}])


def test_the_frame_has_one_row_per_intervention(graph):
    frame = cb.InterventionSet(graph, [{}, {"ad": 1}, {"ad": 0, "price": 1}]).to_frame()
    assert frame["n_fixed"].tolist() == [0, 1, 2]
    assert frame["intervention"].tolist()[:2] == ["(observe)", "ad=1"]
    assert frame["ad"].isna().tolist() == [True, False, False]


def test_fixing_a_node_without_effect_is_allowed():
    graph = cb.CausalGraph(nx.DiGraph([("a", "y"), ("y", "after")]), "y")
    arms = cb.InterventionSet(graph, [{}, {"after": 1}])
    model = cb.CausalModel(graph, {"a": [0.5], "y": [0.1, 0.9], "after": [0.2, 0.3]})
    assert model.effects(arms) == pytest.approx([0.5, 0.5])


# Bad input -----------------------------------------------------------------------------------------------------------


def test_an_intervention_on_the_target_is_refused(graph):
    said = refusal(lambda: cb.InterventionSet(graph, [{}, {"purchase": 1}]))
    assert "Intervention 1" in said
    assert "'purchase'" in said
    assert "Remove the target" in said
    assert "target" in refusal(lambda: cb.InterventionSet.up_to(graph, 1, nodes=["ad", "purchase"]))


def test_an_unknown_node_is_refused_with_the_nearest_name(graph):
    said = refusal(lambda: cb.InterventionSet(graph, [{"trsut": 1}]))
    assert "intervention 0" in said
    assert "Did you mean 'trust'?" in said
    assert "Did you mean 'price'?" in refusal(lambda: cb.InterventionSet.up_to(graph, 1, nodes=["prize"]))


@together("value", [2, -1, 0.5, float("nan"), "1", None, np.array([0, 1])])
def test_a_value_other_than_0_and_1_is_refused(graph, value):
    said = refusal(lambda: cb.InterventionSet(graph, [{}, {"ad": value}]))
    assert "Intervention 1" in said
    assert f"'ad' to {value!r}" in said
    assert "expected 0 or 1" in said


def test_duplicates_are_refused_with_their_places(graph):
    said = refusal(lambda: cb.InterventionSet(graph, [{"ad": 1, "price": 0}, {}, {"price": 0, "ad": 1}]))
    assert "0 and 2" in said
    assert "Remove one" in said


def test_an_empty_set_is_refused(graph):
    said = refusal(lambda: cb.InterventionSet(graph, []))
    assert "empty" in said
    assert "{} only observes" in said


@pytest.mark.parametrize("given", [{"ad": 1}, "ad", 3])
def test_something_that_is_no_list_of_interventions_is_refused(graph, given):
    assert "expected a list" in refusal(lambda: cb.InterventionSet(graph, given), TypeError)


def test_an_intervention_that_is_no_mapping_is_refused(graph):
    assert "Intervention 1" in refusal(lambda: cb.InterventionSet(graph, [{}, ("ad", 1)]), TypeError)


def test_a_networkx_graph_in_place_of_a_causal_graph_is_refused(graph):
    for make in (
        lambda: cb.InterventionSet(graph.to_networkx(), [{}]),
        lambda: cb.InterventionSet.up_to(graph.to_networkx(), 1),
        lambda: cb.InterventionSet.product(graph.to_networkx(), ["ad"]),
    ):
        assert "expected a CausalGraph" in refusal(make, TypeError)


@together("costs", [[1], [1, 0], [1, -2], [1, np.nan], [[1, 2]]])
def test_costs_that_are_not_one_positive_number_each_are_refused(graph, costs):
    said = refusal(lambda: cb.InterventionSet(graph, [{}, {"ad": 1}], costs=costs))
    assert "expected (2,): one price per intervention" in said or "expected finite numbers above 0" in said


@together("size", [-1, 1.5, True, "2"])
def test_a_size_that_is_no_whole_number_is_refused(graph, size):
    assert "size was" in refusal(lambda: cb.InterventionSet.up_to(graph, size))


def test_choices_that_are_no_lists_are_refused(graph):
    assert "choices was 1; expected a list for 'ad'" in refusal(
        lambda: cb.InterventionSet.product(graph, {"ad": 1}), TypeError
    )
    assert "['ad']" in refusal(lambda: cb.InterventionSet.product(graph, "ad"), TypeError)
    assert "['ad']" in refusal(lambda: cb.InterventionSet.up_to(graph, 1, nodes="ad"), TypeError)
    assert "names 'ad' twice" in refusal(lambda: cb.InterventionSet.up_to(graph, 1, nodes=["ad", "ad"]))


def test_possibly_optimal_holds_every_assignment_of_the_sets_worth_fixing(graph):
    arms = cb.InterventionSet.possibly_optimal(graph)
    assert list(arms) == [dict(zip(("price", "trust"), values, strict=True)) for values in BITS]
    arms = cb.InterventionSet.possibly_optimal(graph, ["ad", "price"])
    assert list(arms) == [dict(zip(("ad", "price"), values, strict=True)) for values in BITS]
    assert list(cb.InterventionSet.possibly_optimal(graph, [])) == [{}]


BITS = [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_possibly_optimal_refuses_what_up_to_refuses(graph):
    assert "purchase" in refusal(lambda: cb.InterventionSet.possibly_optimal(graph, ["purchase"]))
    assert "Did you mean 'price'?" in refusal(lambda: cb.InterventionSet.possibly_optimal(graph, ["prise"]))
    dag = nx.DiGraph([(f"x{place}", "y") for place in range(40)])
    wide = cb.CausalGraph(dag, "y")
    message = refusal(lambda: cb.InterventionSet.possibly_optimal(wide))
    assert "more than 200,000 interventions" in message
    assert "Name the nodes" in message
    assert len(cb.InterventionSet.possibly_optimal(wide, ["x0", "x1"])) == 4


def test_redundant_names_what_can_be_left_out_without_loss(shipped):
    for problem in shipped.values():
        answers = problem.interventions.redundant()
        named = {problem.interventions.index(answer.intervention) for answer in answers}
        kept = [place for place in range(len(problem.interventions)) if place not in named]
        effects = problem.model.effects(problem.interventions)
        assert effects[kept].max() == pytest.approx(effects.max(), abs=1e-12)
        assert effects[kept].min() == pytest.approx(effects.min(), abs=1e-12)
        for answer in answers:
            others = [effects[problem.interventions.index(other)] for other in answer.others]
            own = effects[problem.interventions.index(answer.intervention)]
            assert min(others) - 1e-12 <= own <= max(others) + 1e-12


def test_an_intervention_on_a_hidden_node_is_refused():
    dag = nx.DiGraph([("x", "y"), ("u", "x"), ("u", "y")])
    graph = cb.CausalGraph(dag, "y", hidden=["u"])
    said = refusal(lambda: cb.InterventionSet(graph, [{}, {"u": 1}]))
    assert "Intervention 1" in said
    assert "fixes the hidden node 'u', which nobody can fix" in said
    assert "'u' is hidden" in refusal(lambda: cb.InterventionSet.up_to(graph, 1, nodes=["u"]))
    assert "hidden node 'u'" in refusal(lambda: cb.InterventionSet.product(graph, ["u"]))
    assert list(cb.InterventionSet.up_to(graph, 2)) == [{}, {"x": 0}, {"x": 1}]


def test_a_set_with_hidden_causes_survives_pickling_and_slicing():
    graph = cb.CausalGraph(nx.DiGraph([("x", "m"), ("m", "y")]), "y", confounded=[("m", "y")])
    arms = cb.InterventionSet.up_to(graph, 2)
    families = arms.families
    again = pickle.loads(pickle.dumps(arms))
    assert again == arms
    assert again.families == families
    assert arms[:1].families == graph.families


@settings(max_examples=30)
@given(st.integers(0, 2**32))
def test_with_hidden_nodes_the_sets_worth_fixing_hold_the_best_and_the_sentences_are_true(seed):
    rng = np.random.default_rng(seed)
    nodes = [f"x{place}" for place in range(int(rng.integers(3, 8)))]
    dag = nx.DiGraph()
    dag.add_nodes_from(nodes)
    dag.add_edges_from(pair for pair in itertools.combinations(nodes, 2) if rng.random() < 0.5)
    hidden = [node for node in nodes[:-1] if rng.random() < 0.3]
    graph = cb.CausalGraph(dag, nodes[-1], hidden=hidden)
    tables = {node: rng.choice([0, 0.3, 0.8, 1], size=1 << len(graph.parents(node))) for node in nodes}
    model = cb.CausalModel(graph, tables)
    everything = cb.InterventionSet.up_to(graph, len(nodes))
    effects = model.effects(everything)
    worth = cb.InterventionSet.possibly_optimal(graph)
    assert model.effects(worth).max() == pytest.approx(effects.max(), abs=1e-12)
    assert len(everything) - len(everything.redundant()) == len(worth)
    chosen = rng.permutation(len(everything))[: int(rng.integers(1, 12))]
    arms = everything.subset(chosen)
    for answer in arms.redundant():
        others = [effects[everything.index(other)] for other in answer.others]
        own = effects[everything.index(answer.intervention)]
        assert min(others) - 1e-12 <= own <= max(others) + 1e-12


def test_the_label_of_a_price_may_name_its_nodes_in_any_order():
    graph = cb.CausalGraph(nx.DiGraph([("a", "y"), ("b", "y")]), target="y")
    arms = [{"a": 1}, {"a": 1, "b": 0}]
    for label in ("a=1, b=0", "b=0, a=1", "b=0,a=1"):
        assert cb.InterventionSet(graph, arms, costs={"a=1": 2, label: 5}).costs.tolist() == [2, 5]
    both = {"a=1": 2, "a=1, b=0": 5, "b=0, a=1": 6}
    assert "names 'a=1, b=0' twice" in refusal(lambda: cb.InterventionSet(graph, arms, costs=both))
    assert "'b=1, a=1', which is no intervention" in refusal(
        lambda: cb.InterventionSet(graph, arms, costs={"a=1": 2, "b=1, a=1": 5})
    )
