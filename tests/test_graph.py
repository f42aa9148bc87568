"""CausalGraph: what it keeps of a networkx graph, and what it refuses."""

import pickle

import networkx as nx
import pytest
from cases import together
from conftest import refusal
from hypothesis import given, settings
from hypothesis import strategies as st

import causalbandit as cb


def test_a_graph_keeps_nodes_in_topological_order_and_parents_in_edge_order():
    graph = cb.CausalGraph(nx.DiGraph([("b", "y"), ("a", "y"), ("a", "b")]), target="y")
    assert graph.nodes == ("a", "b", "y")
    assert graph.parents("y") == ("b", "a")
    assert graph.n_edges == 3


def test_parents_keyword_and_node_attribute_set_the_order_of_the_table():
    dag = nx.DiGraph([("b", "y"), ("a", "y")])
    assert cb.CausalGraph(dag, "y", parents={"y": ["a", "b"]}).parents("y") == ("a", "b")
    dag.nodes["y"]["parents"] = ["a", "b"]
    assert cb.CausalGraph(dag, "y").parents("y") == ("a", "b")


def test_families_cover_the_target_and_its_ancestors_only():
    graph = cb.CausalGraph(nx.DiGraph([("a", "y"), ("b", "y"), ("y", "after"), ("aside", "after")]), target="y")
    assert set(graph.nodes) == {"a", "b", "y", "after", "aside"}
    assert set(graph.ancestors) == {"a", "b", "y"}
    assert graph.n_family_rows == 1 + 1 + 4
    family = graph.family_of["y"]
    assert family.rows == slice(2, 6)
    assert family.configuration(2) == {"a": 1, "b": 0}


def test_a_graph_does_not_see_later_changes_of_its_source():
    dag = nx.DiGraph([("a", "y")])
    graph = cb.CausalGraph(dag, "y")
    dag.add_edge("late", "y")
    assert graph.nodes == ("a", "y")


@settings(max_examples=40)
@given(st.integers(1, 9), st.randoms(use_true_random=False))
def test_a_graph_survives_networkx_and_pickle(n_nodes, random):
    dag = nx.DiGraph()
    names = [f"n{i}" for i in range(n_nodes)]
    dag.add_nodes_from(random.sample(names, n_nodes))
    dag.add_edges_from((a, b) for i, a in enumerate(names) for b in names[i + 1 :] if random.random() < 0.4)
    graph = cb.CausalGraph(dag, target=random.choice(names))
    assert cb.CausalGraph(graph.to_networkx(), graph.target) == graph
    again = pickle.loads(pickle.dumps(graph))
    assert again == graph
    assert hash(again) == hash(graph)
    for place, node in enumerate(graph.nodes):
        assert all(graph.position(parent) < place for parent in graph.parents(node))
    assert set(graph.ancestors) == nx.ancestors(dag, graph.target) | {graph.target}


def test_a_cycle_is_refused_and_named():
    said = refusal(lambda: cb.CausalGraph(nx.DiGraph([("a", "b"), ("b", "c"), ("c", "a"), ("c", "y")]), "y"))
    assert "cycle" in said
    assert "a → b → c → a" in said
    assert "Remove or turn" in said


def test_a_long_cycle_is_named_within_reason():
    said = refusal(lambda: cb.CausalGraph(nx.cycle_graph([f"n{i}" for i in range(5000)], nx.DiGraph), "n0"))
    assert len(said) < 400


def test_a_self_loop_is_refused_and_named():
    said = refusal(lambda: cb.CausalGraph(nx.DiGraph([("a", "y"), ("a", "a")]), "y"))
    assert "'a' has an edge to itself" in said
    assert "Remove that edge" in said


def test_an_undirected_graph_is_refused():
    said = refusal(lambda: cb.CausalGraph(nx.Graph([("a", "y")]), "y"), TypeError)
    assert "undirected" in said
    assert "networkx.DiGraph" in said


def test_a_multigraph_is_refused():
    said = refusal(lambda: cb.CausalGraph(nx.MultiDiGraph([("a", "y"), ("a", "y")]), "y"), TypeError)
    assert "multigraph" in said
    assert "networkx.DiGraph(graph)" in said


def test_something_that_is_no_graph_is_refused():
    assert "expected a networkx.DiGraph" in refusal(lambda: cb.CausalGraph([("a", "y")], "y"), TypeError)


def test_an_empty_graph_is_refused():
    assert "no nodes" in refusal(lambda: cb.CausalGraph(nx.DiGraph(), "y"))


def test_a_missing_target_is_refused_with_the_nearest_name():
    said = refusal(lambda: cb.CausalGraph(nx.DiGraph([("ad", "purchase")]), "purchas"))
    assert "'purchas'" in said
    assert "Did you mean 'purchase'?" in said
    assert "'ad'" in said


def test_an_unknown_node_is_refused_with_the_nearest_name():
    graph = cb.CausalGraph(nx.DiGraph([("trust", "purchase")]), "purchase")
    assert "Did you mean 'trust'?" in refusal(lambda: graph.parents("trsut"))


def test_node_names_that_are_no_text_are_refused():
    said = refusal(lambda: cb.CausalGraph(nx.DiGraph([(1, "y")]), "y"), TypeError)
    assert "1 is a int" in said
    assert "relabel_nodes" in said


@together("name", ["two\nlines", "", " space", "tab\t", "bell\x07"])
def test_node_names_with_line_breaks_or_control_characters_are_refused(name):
    said = refusal(lambda: cb.CausalGraph(nx.DiGraph([(name, "y")]), "y"))
    assert repr(name) in said
    assert "printable" in said


@together("order", [["a"], ["a", "b", "b"], ["a", "c"], ["a", "a"]])
def test_an_order_of_parents_that_disagrees_with_the_edges_is_refused(order):
    said = refusal(lambda: cb.CausalGraph(nx.DiGraph([("a", "y"), ("b", "y"), ("c", "a")]), "y", parents={"y": order}))
    assert "parents of 'y'" in said
    assert "['a', 'b']" in said
    assert "order of the node's table" in said


def test_an_order_of_parents_that_is_no_mapping_to_names_is_refused():
    dag = nx.DiGraph([("1", "y")])
    assert "listed as [1]" in refusal(lambda: cb.CausalGraph(dag, "y", parents={"y": [1]}))
    with pytest.raises(TypeError, match="parents was a list; expected a mapping"):
        cb.CausalGraph(dag, "y", parents=["1"])


def test_parents_of_an_unknown_node_are_refused():
    assert "'z'" in refusal(lambda: cb.CausalGraph(nx.DiGraph([("a", "y")]), "y", parents={"z": ["a"]}))


# Hidden nodes ---------------------------------------------------------------------------------------------------------


BOW = [("x", "m"), ("m", "y"), ("z", "y"), ("u", "m"), ("u", "y")]


def test_hidden_nodes_are_kept_apart_from_those_that_are_seen():
    graph = cb.CausalGraph(nx.DiGraph([*BOW, ("y", "after"), ("w", "after")]), "y", hidden=["u", "w"])
    assert set(graph.nodes) == {"x", "m", "z", "y", "after"}
    assert set(graph.hidden) == {"u", "w"}
    assert set(graph.all_nodes) == {*graph.nodes, *graph.hidden}
    assert graph.parents("m") == ("x", "u")
    assert graph.observed_parents("m") == ("x",)
    assert graph.bidirected == (("m", "y"),)
    assert set(graph.families[-1].parents) == {"x", "m", "z"}
    assert "2 hidden" in repr(graph)
    assert graph.n_edges == 7


def test_hidden_nodes_and_pairs_are_read_from_networkx_attributes():
    dag = nx.DiGraph([*BOW, ("v", "z")])
    for node in "uv":
        dag.nodes[node]["hidden"] = True
    dag.graph["confounded"] = [["x", "z"]]
    graph = cb.CausalGraph(dag, "y")
    assert graph == cb.CausalGraph(nx.DiGraph([*BOW, ("v", "z")]), "y", hidden=["v", "u"], confounded=[("z", "x")])
    assert set(graph.bidirected) == {("x", "z"), ("m", "y")}
    assert cb.CausalGraph(graph.to_networkx(), "y") == graph
    assert cb.CausalGraph(dag, "y", hidden=[], confounded=[]).hidden == ()


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 9), st.randoms(use_true_random=False))
def test_a_graph_with_hidden_nodes_survives_networkx_and_pickle(n_nodes, random):
    names = [f"n{i}" for i in range(n_nodes)]
    dag = nx.DiGraph()
    dag.add_nodes_from(random.sample(names, n_nodes))
    dag.add_edges_from((a, b) for i, a in enumerate(names) for b in names[i + 1 :] if random.random() < 0.5)
    hidden = random.sample(names[:-1], random.randint(0, n_nodes // 2))
    seen = [name for name in names if name not in hidden]
    pairs = [random.sample(seen, 2)] if len(seen) > 1 else []
    graph = cb.CausalGraph(dag, names[-1], hidden=hidden, confounded=pairs)
    for again in (cb.CausalGraph(graph.to_networkx(), graph.target), pickle.loads(pickle.dumps(graph))):
        assert again == graph
        assert hash(again) == hash(graph)
        assert again.families == graph.families
    for place, node in enumerate(graph.nodes):
        assert all(graph.position(parent) < place for parent in graph.observed_parents(node))
    assert graph.ancestors[-1] == names[-1]
    assert graph != cb.CausalGraph(dag, names[-1], hidden=hidden, confounded=[]) or not pairs


@together(
    ("hidden", "message"),
    [
        (["y"], "names the target 'y'; a search must see its target"),
        (["uu"], "names 'uu', which is not a node"),
        ([["u"]], "which is not a node"),
        ("u", r"hidden was 'u'; expected a list of nodes"),
        (3, r"hidden was 3; expected a list of nodes"),
    ],
)
def test_hidden_nodes_that_cannot_be_are_refused(hidden, message):
    with pytest.raises(ValueError, match=message):
        cb.CausalGraph(nx.DiGraph(BOW), "y", hidden=hidden)


@together(
    ("pairs", "message"),
    [
        ([("m", "mm")], "confounded names 'mm', which is not a node"),
        ([("m", "m")], r"holds \('m', 'm'\); expected a pair of two different nodes"),
        ([("m", "y"), ("y", "m")], "holds the pair of 'y' and 'm' twice"),
        ([("u", "m")], "names the hidden node 'u'; expected observed nodes"),
        ([("m", "y", "z")], "expected a pair of two different nodes"),
        (["my"], "holds 'my'; expected a pair of two different nodes"),
        ("my", "expected a list of pairs"),
        (5, "expected a list of pairs"),
    ],
)
def test_pairs_that_cannot_be_are_refused(pairs, message):
    with pytest.raises(ValueError, match=message):
        cb.CausalGraph(nx.DiGraph(BOW), "y", hidden=["u"], confounded=pairs)


def test_a_hidden_node_has_no_place_among_the_observed_ones():
    graph = cb.CausalGraph(nx.DiGraph(BOW), "y", hidden=["u"])
    assert "'u' is hidden" in refusal(lambda: graph.position("u"))
    assert "'u' is hidden" in refusal(lambda: graph.observed_parents("u"))
    assert graph.parents("u") == ()
