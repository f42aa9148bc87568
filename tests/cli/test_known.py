"""--known and --all-interventions: what a search is told, and what it may leave out."""

import json

import networkx as nx
import pytest
from conftest import command_line

import causalbandit as cb


@pytest.fixture
def chain(tmp_path):
    """A graph file of a → b → y in which a=1, b=1 has the effect of b=1."""
    graph = cb.CausalGraph(nx.DiGraph([("a", "b"), ("b", "y")]), "y")
    arms = cb.InterventionSet(graph, [{}, {"b": 1}, {"b": 0}, {"a": 1, "b": 1}])
    model = cb.CausalModel(graph, {"a": [0.4], "b": [0.3, 0.8], "y": [0.2, 0.9]})
    path = tmp_path / "chain.json"
    cb.save_problem(cb.Problem(graph, arms, model), path)
    return path


def test_search_is_told_the_known_tables(chain):
    done = command_line("search", chain, "--budget", 200, "--seed", 1, "--known", "a, b")
    assert done.exit_code == 0, done.output
    assert "2 family rows learned from 5" in " ".join(done.output.split())


def test_search_leaves_equal_effects_out_unless_it_is_told_not_to(chain):
    words = ("search", chain, "--budget", 200, "--seed", 1, "--strategy", "uniform")
    assert "1 intervention was left out" in command_line(*words).output
    whole = json.loads(command_line(*words, "--all-interventions", "--quiet", "--json", "-").stdout)
    assert {row["experiments"] for row in whole["interventions"]} == {50}


def test_regret_compares_strategies_that_know_tables(chain):
    words = ("regret", chain, "--budgets", "40", "--strategies", "top-two", "--replications", 5, "--seed", 1)
    rows = [
        json.loads(command_line(*words, *more, "--quiet", "--json", "-").stdout)["rows"]
        for more in ((), ("--known", "a,b,y"), ("--all-interventions",))
    ]
    assert all(row["regret"] == 0 for row in rows[1])
    assert [row["regret"] for row in rows[2]] == [
        row.regret
        for row in cb.evaluate_regret(cb.load_problem(chain), "top-two", 40, 5, rng=1, reduce=False)
        .to_frame()
        .itertuples()
    ]


@pytest.mark.parametrize("command", [("search", "--budget"), ("regret", "--budgets")])
def test_nodes_that_cannot_be_known_are_named(chain, command):
    done = command_line(command[0], chain, command[1], 100, "--known", "a,nobody")
    assert done.exit_code == 2
    assert "--known" in done.output
    assert "'nobody'" in done.output
