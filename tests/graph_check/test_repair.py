"""Repairs of refuted graphs: the right change is found, and its score is the marginal likelihood."""

import networkx as nx
import numpy as np
import pytest
from enumeration import random_problem
from scipy.special import betaln

import causalbandit as cb
from causalbandit.errors import Error
from causalbandit.graph_check import check as check_module
from causalbandit.graph_check.check import check_rows
from causalbandit.graph_check.claims import GraphClaims
from causalbandit.graph_check.repair import Change, amend, amended_graph, amended_problem, score
from causalbandit.observed_rows import ObservedRows
from causalbandit.world import World
from causalbandit.wrong_graphs import confounded_mediator


def checked(problem, world, sizes, seed=0):
    """The check of experiments in the world, all in one batch."""
    rows = World(problem, world).draw(sizes, rng=seed)
    return check_rows(problem, GraphClaims(problem.interventions, rows.nodes), rows, 0.01)


def problem_on(edges, tables, fixed, hidden=()):
    graph = cb.CausalGraph(nx.DiGraph(edges), "y", hidden=hidden)
    return cb.Problem(graph, cb.InterventionSet(graph, fixed), cb.CausalModel(graph, tables))


def believed(edges, fixed):
    dag = nx.DiGraph(edges)
    dag.add_nodes_from("abcy")
    graph = cb.CausalGraph(dag, "y")
    return cb.Problem(graph, cb.InterventionSet(graph, fixed))


FIXED = [{}, {"a": 0}, {"a": 1}, {"b": 0}, {"b": 1}, {"c": 0}, {"c": 1}]
SLOPE = [0.2, 0.7]


def test_a_hidden_common_cause_is_added():
    wrong = confounded_mediator(1.0)
    check = checked(wrong.problem, wrong.world, [300] * 9)
    amendment, problem = amend(check, 1000)
    assert amendment.change == Change("common cause", "m", "y")
    assert amendment.experiments == 2700
    assert amendment.gain > 30
    assert problem.graph.bidirected == (("m", "y"),)
    assert check.repaired() == problem
    assert check.amendments == (amendment,)
    assert "a hidden common cause of m and y (m ↔ y)" in amendment.sentence
    after = check_rows(problem, GraphClaims(problem.interventions, check.rows.nodes), check.rows, 0.01)
    assert not after.refuted


def test_an_edge_that_was_left_out_is_added():
    world = problem_on(
        [("a", "b"), ("b", "y"), ("c", "y"), ("a", "y")],
        {"a": [0.5], "b": SLOPE, "c": [0.4], "y": [0.1, 0.5, 0.2, 0.6, 0.3, 0.7, 0.4, 0.8]},
        FIXED,
    )
    check = checked(believed([("a", "b"), ("b", "y"), ("c", "y")], FIXED), world, [300] * 7)
    assert check.amendments[0].change == Change("edge", "a", "y")
    assert len(check.amendments) == 1
    assert check.repaired().graph.parents("y") == ("b", "c", "a")


def test_data_of_a_fixed_node_tell_a_common_cause_from_an_edge():
    world = problem_on(
        [("a", "b"), ("b", "y"), ("c", "y"), ("u", "a"), ("u", "y")],
        {"u": [0.5], "a": SLOPE, "b": SLOPE, "c": [0.4], "y": [0.1, 0.4, 0.2, 0.5, 0.4, 0.7, 0.5, 0.8]},
        FIXED,
        hidden=["u"],
    )
    check = checked(believed([("a", "b"), ("b", "y"), ("c", "y")], FIXED), world, [600] * 7)
    assert [each.change for each in check.amendments] == [Change("common cause", "a", "y")]


def test_an_edge_that_points_the_wrong_way_is_turned():
    world = problem_on(
        [("a", "b"), ("b", "y"), ("c", "y")], {"a": [0.5], "b": SLOPE, "c": [0.4], "y": [0.1, 0.4, 0.3, 0.8]}, FIXED
    )
    check = checked(believed([("b", "a"), ("b", "y"), ("c", "y")], FIXED), world, [300] * 7)
    assert Change("turned edge", "a", "b") in [each.change for each in check.amendments]
    assert check.repaired().graph.parents("b") == ("a",)


def test_a_right_graph_is_left_alone():
    wrong = confounded_mediator(0.0)
    check = checked(wrong.problem, wrong.world, [300] * 9)
    assert check.repaired() is wrong.problem
    assert check.amendments == ()


def test_no_change_beyond_the_bound_on_rows(monkeypatch):
    wrong = confounded_mediator(1.0)
    check = checked(wrong.problem, wrong.world, [300] * 9)
    assert amend(check, 15) is None
    assert amend(check, 16) is not None
    monkeypatch.setattr(check_module, "MOST_ROWS", 15)
    with pytest.raises(Error, match="No repair of the graph was found: after 0 amendments"):
        check.repaired()


def test_changes_keep_what_they_do_not_touch():
    model, arms = random_problem(np.random.default_rng(8), 6)
    problem = cb.Problem(model.graph, arms, model, goal="min", name="n", descriptions={"x0": "first"})
    graph = model.graph
    first, last = graph.nodes[0], graph.nodes[-1]
    confounded = amended_problem(problem, Change("common cause", first, last))
    assert confounded.graph.bidirected == ((first, last),)
    assert {n: confounded.graph.parents(n) for n in graph.nodes} == {n: graph.parents(n) for n in graph.nodes}
    assert (confounded.goal, confounded.name, dict(confounded.descriptions)) == ("min", "n", {"x0": "first"})
    assert list(confounded.interventions) == list(arms)
    assert set(confounded.tables) == set(graph.nodes) - {first, last}
    assert confounded.tables[graph.nodes[1]] == problem.tables[graph.nodes[1]]
    if first not in graph.parents(last):
        assert amended_graph(graph, Change("edge", first, last)).parents(last) == (*graph.parents(last), first)
    parent, child = next((p, n) for n in graph.nodes for p in graph.parents(n))
    dag = graph.to_networkx()
    dag.remove_edge(parent, child)
    if not nx.has_path(dag, parent, child):
        turned = amended_graph(graph, Change("turned edge", child, parent))
        assert parent not in turned.parents(child)
        assert turned.parents(parent)[-1] == child


def test_a_node_that_gets_a_parent_loses_the_tables_of_its_alternatives():
    graph = cb.CausalGraph(nx.DiGraph([("a", "b"), ("b", "y"), ("c", "y")]), "y", alternatives={"b": ["p"], "c": ["q"]})
    tables = {"a": [0.5], "b": SLOPE, "c": [0.5], "y": [0.1, 0.3, 0.6, 0.9]}
    model = cb.CausalModel(graph, tables, alternatives={"b": {"p": [0.4, 0.5]}, "c": {"q": [0.9]}})
    problem = cb.Problem(graph, cb.InterventionSet(graph, [{}, {"b": "p"}, {"c": "q"}]), model)
    amended = amended_problem(problem, Change("edge", "c", "b"))
    assert amended.graph.parents("b") == ("a", "c")
    assert dict(amended.alternatives) == {"c": {"q": (0.9,)}}
    assert list(amended.interventions) == list(problem.interventions)


def test_the_score_is_the_marginal_likelihood_of_all_rows():
    rng = np.random.default_rng(4)
    model, arms = random_problem(rng, 5)
    graph = model.graph
    parts, expected = [], {}
    for place, fixed in enumerate(arms):
        frame = model.sample(fixed, 30, rng)
        parts.append(ObservedRows.from_values(graph.nodes, frame.to_numpy(), place=place))
        for _, row in frame.iterrows():
            for node in graph.nodes:
                if node not in fixed:
                    key = node, tuple(row[list(graph.parents(node))])
                    expected.setdefault(key, [0, 0])[row[node]] += 1
    by_hand = sum(betaln(z + 0.5, o + 0.5) - betaln(0.5, 0.5) for z, o in expected.values())
    assert score(ObservedRows.concatenate(parts), arms) == pytest.approx(by_hand)
