"""Worlds that differ from the graph: the law of their rows, and what is refused."""

import networkx as nx
import numpy as np
import pytest
from cases import together
from enumeration import random_problem

import causalbandit as cb
from causalbandit.world import World
from causalbandit.wrong_graphs import confounded_mediator


@pytest.fixture(scope="module")
def mediator():
    wrong = confounded_mediator(1.0)
    return World(wrong.problem, wrong.world)


def test_effects_are_those_of_the_world(mediator):
    fixed = list(mediator.problem.interventions)
    by_hand = {(): 0.39, (("m", 0),): 0.44, (("m", 1),): 0.34, (("m", 0), ("z", 1)): 0.48, (("z", 1),): 0.43}
    for place, intervention in enumerate(fixed):
        key = tuple(sorted(intervention.items()))
        if key in by_hand:
            assert mediator.effects[place] == pytest.approx(by_hand[key])


@pytest.mark.parametrize("largest", [1 << 12, 0])
def test_rows_have_the_law_of_the_world(mediator, monkeypatch, largest):
    """Effects and pairs of nodes are within 5 standard errors, jointly drawn or one by one."""
    monkeypatch.setattr("causalbandit.world.LARGEST_JOINT", largest)
    n = 20_000
    rows = World(mediator.problem, confounded_mediator(1.0).world).draw([n] * 9, rng=1)
    assert rows.total == 9 * n
    counts = rows.counts(mediator.problem.interventions)
    error = np.sqrt(0.25 / n)
    np.testing.assert_allclose(counts.successes / n, mediator.effects, atol=5 * error)
    observed = rows.place == 0
    values, weight = rows.values[observed], rows.weight[observed]
    x, m, y = (values[:, rows.nodes.index(node)] for node in "xmy")
    # P(m = y = 1) with u = 0, 1: P(m = 1) is .125 and .875, P(y = 1 | m = 1) is .04 and .64.
    assert (weight * (m & y)).sum() / n == pytest.approx((0.125 * 0.04 + 0.875 * 0.64) / 2, abs=5 * error)
    assert (weight * (x & m)).sum() / n == pytest.approx(0.5 * (0.2 + 0.95) / 2, abs=5 * error)


def test_the_same_graph_gives_the_same_law_as_the_simulator():
    model, arms = random_problem(np.random.default_rng(3), 6)
    problem = cb.Problem(model.graph, arms, model)
    world = World(problem, problem)
    np.testing.assert_allclose(world.effects, model.effects(arms), atol=1e-12)
    n = 20_000
    sizes = [n] * len(arms)
    mine, theirs = world.draw(sizes, rng=0).counts(arms), model.simulator(arms).draw(sizes, rng=1)
    seen = theirs.visits > 200
    error = np.sqrt(0.25 / np.minimum(mine.visits, theirs.visits)[seen] * 2)
    assert (
        np.abs(mine.ones / np.maximum(mine.visits, 1) - theirs.ones / np.maximum(theirs.visits, 1))[seen] < 5 * error
    ).all()
    np.testing.assert_allclose(mine.trials, theirs.trials)


def test_no_experiments_are_no_rows(mediator):
    assert mediator.draw([0] * 9, rng=0).total == 0


def problem_on(edges, target, **options):
    graph = cb.CausalGraph(nx.DiGraph(edges), target, **options)
    tables = {node: [0.5] * 2 ** len(graph.parents(node)) for node in graph.all_nodes}
    return cb.Problem(graph, cb.InterventionSet(graph, [{}]), cb.CausalModel(graph, tables))


@together(
    ("world", "said"),
    [
        (
            lambda: problem_on([("m", "y"), ("u", "y")], "y"),
            "the problem lacks 'u'. Declare nodes that nobody sees as hidden",
        ),
        (lambda: problem_on([("u", "y")], "y", hidden=["u"]), "it lacks 'm'"),
        (lambda: problem_on([("y", "m")], "m"), "has the target 'm', the problem 'y'"),
        (
            lambda: cb.Problem(problem_on([("m", "y")], "y").graph, problem_on([("m", "y")], "y").interventions),
            "needs the",
        ),
        (lambda: "asia", "was a str"),
    ],
)
def test_worlds_that_do_not_fit_are_refused(world, said):
    with pytest.raises((TypeError, ValueError)) as caught:
        World(problem_on([("m", "y")], "y"), world())
    assert said in str(caught.value)
