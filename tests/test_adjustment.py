"""Covariates by the graph: what no compared intervention can change."""

import networkx as nx
import pytest

import causalbandit as cb
from causalbandit.adjustment import adjustment_covariates, require_covariates


@pytest.fixture
def graph():
    """age → ad → visit → sale ← age, weather → visit; page stands alone."""
    edges = [("age", "ad"), ("ad", "visit"), ("visit", "sale"), ("age", "sale"), ("weather", "visit")]
    dag = nx.DiGraph(edges)
    dag.add_node("page")
    return cb.CausalGraph(dag, "sale")


def test_nodes_that_no_intervention_changes_are_taken(graph):
    assert set(adjustment_covariates(graph, [{}, {"ad": 1}])) == {"age", "weather"}
    assert set(adjustment_covariates(graph, [{}, {"visit": 1}])) == {"age", "ad", "weather"}
    assert set(adjustment_covariates(graph, [{"age": 0}, {"visit": 1}])) == {"weather"}


def test_a_consequence_is_refused_with_its_reason(graph):
    assert require_covariates(graph, [{"ad": 1}], ["weather", "age"]) == ["weather", "age"]
    with pytest.raises(ValueError, match="'visit', which is a consequence of 'ad'"):
        require_covariates(graph, [{}, {"ad": 1}], ["visit"])
    with pytest.raises(ValueError, match=r"Unknown covariate 'wether'|'wether'"):
        require_covariates(graph, [{}], ["wether"])
