"""Wrong graphs: the mistake is the one that is named, and as strong as it is said to be."""

import numpy as np
import pytest
from cases import together

from causalbandit.random_problems import random_problem
from causalbandit.world import World
from causalbandit.wrong_graphs import MISTAKES, confounded_mediator, wrong_graph


def edges(problem):
    graph = problem.graph
    return {(parent, node) for node in graph.nodes for parent in graph.observed_parents(node)}


@together("seed", range(6))
@together("mistake", MISTAKES)
def test_graphs_differ_by_the_mistake_alone(mistake, seed):
    truth = random_problem(8, rng=seed)
    wrong = wrong_graph(truth, mistake, strength=0.4, rng=seed)
    believed, world = edges(wrong.problem), edges(wrong.world)
    assert world == edges(truth)
    assert wrong.problem.model is None
    assert list(wrong.problem.interventions) == list(wrong.world.interventions) == list(truth.interventions)
    missing, extra = world - believed, believed - world
    if mistake == "edge left out":
        assert len(missing) == 1
        assert not extra
        assert "{} → {}".format(*missing.pop()) in wrong.mistake
    elif mistake == "edge turned":
        assert {(b, a) for a, b in missing} == extra
        assert len(extra) == 1
    elif mistake == "hidden cause":
        assert not missing | extra
        assert len(wrong.world.graph.bidirected) == 1
        assert wrong.problem.graph.bidirected == ()
    else:
        assert not missing
        assert len(extra) == 1
    World(wrong.problem, wrong.world)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_believed_graph_has_no_tables_also_where_some_are_known(mistake):
    truth = random_problem(8, rng=0)
    wrong = wrong_graph(truth.with_known(truth.graph.ancestors), mistake, rng=0)
    assert not wrong.problem.tables
    assert not wrong.problem.known


@pytest.mark.parametrize("mistake", ["edge left out", "edge turned"])
def test_the_cause_changes_every_probability_by_the_strength(mistake):
    wrong = wrong_graph(random_problem(8, rng=1), mistake, strength=0.4, rng=2)
    ((cause, effect),) = edges(wrong.world) - edges(wrong.problem)
    parents = wrong.world.graph.parents(effect)
    table = np.reshape(wrong.world.model.table(effect), (2,) * len(parents))
    np.testing.assert_allclose(np.diff(table, axis=parents.index(cause)), 0.4)


def test_the_hidden_cause_changes_both_by_the_strength():
    truth = random_problem(8, rng=1)
    wrong = wrong_graph(truth, "hidden cause", strength=0.3, rng=2)
    graph = wrong.world.graph
    (hidden,) = graph.hidden
    for node in graph.bidirected[0]:
        assert graph.parents(node)[0] == hidden
        low, high = np.reshape(wrong.world.model.table(node), (2, -1))
        np.testing.assert_allclose(high - low, 0.3)
        np.testing.assert_allclose((high + low) / 2, 0.15 + 0.7 * np.array(truth.model.table(node)))


def test_without_strength_the_graph_is_right():
    wrong = confounded_mediator(0.0)
    low, high = np.reshape(wrong.world.model.table("y"), (2, -1))
    np.testing.assert_allclose(low, high)


def test_what_cannot_be_made_is_refused():
    problem = random_problem(5, rng=0)
    with pytest.raises(ValueError, match="mistake was 'edge lost'"):
        wrong_graph(problem, "edge lost")
    with pytest.raises(ValueError, match="strength was 2"):
        wrong_graph(problem, "hidden cause", strength=2)
    with pytest.raises(ValueError, match="needs the conditional probability table"):
        wrong_graph(confounded_mediator().problem, "hidden cause")
    with pytest.raises(ValueError, match="has hidden causes"):
        wrong_graph(confounded_mediator().world, "hidden cause")
    with pytest.raises(ValueError, match="no place in this graph"):
        wrong_graph(random_problem(2, rng=0), "edge turned")
