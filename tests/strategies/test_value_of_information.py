"""The worth of further experiments: against closed forms, simulated experiments, differences and many plans."""

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from scipy.stats import betabinom, norm

from causalbandit import CausalGraph, CausalModel, InterventionSet, Problem
from causalbandit.propagation import propagate
from causalbandit.random_problems import bernoulli_arms, random_problem
from causalbandit.strategies.posterior import TablePosterior
from causalbandit.strategies.strategy import make_task
from causalbandit.strategies.value_of_information import EVENLY, ValueOfInformation


def worth_among(rivals, found, posterior, draws, seed=0):
    """The value of information about ``rivals`` and the leader."""
    candidates = np.union1d(rivals, found.effects.argmax())
    gradient, rng = found.gradient[:, candidates], np.random.default_rng(seed)
    return ValueOfInformation.of(found.effects, candidates, gradient, found.reach, posterior, draws, rng)


def worth_of(problem, visits, ones, draws=200, seed=0):
    """The value of information about all interventions of ``problem``, and the posterior it starts from."""
    task = make_task(problem)
    posterior = TablePosterior(np.asarray(visits), np.asarray(ones), task.known)
    found = posterior.propagate(task, reach=True, gradient=True)
    return worth_among(np.arange(len(problem.interventions)), found, posterior, draws, seed), posterior


def worth_after(problem, n_each, **keywords):
    """The same after ``n_each`` simulated experiments under every intervention."""
    simulator = problem.model.simulator(problem.interventions)
    counts = simulator.draw(np.full(len(problem.interventions), n_each), np.random.default_rng(7))
    return worth_of(problem, counts.visits, counts.ones, **keywords)


def arms(visits, ones):
    """Independent arms with given counts: a problem and the counts by family row (the arms' bits have none)."""
    problem = bernoulli_arms([0.5] * len(visits))
    rows = problem.graph.family_of["y"].rows
    padded = np.zeros((2, problem.graph.n_family_rows), dtype=int)
    padded[:, rows.start : rows.start + len(visits)] = visits, ones
    return problem, *padded


def test_two_arms_have_the_closed_form():
    problem, visits, ones = arms([40, 90], [10, 27])
    n, shares = 60, np.array([0.7, 0.3])
    worth, posterior = worth_of(problem, visits, ones, draws=400_000)
    value, _ = worth.at(shares, n)
    rows = problem.graph.family_of["y"].rows
    mean, variance, weight = posterior.mean[rows], posterior.variance[rows], visits[rows] + 2
    learned = (variance * n * shares / (weight + n * shares)).sum()
    z = abs(mean[0] - mean[1]) / np.sqrt(learned)
    exact = np.sqrt(learned) * (norm.pdf(z) - z * norm.sf(z))
    # The standard error is below s/√S, s the learned deviation: |difference| above 5 of them is one in a million.
    assert abs(value - exact) < 5 * np.sqrt(learned / 400_000)
    assert exact > 0.001


def test_what_a_few_visits_teach_is_that_of_the_beta_binomial():
    # Two arms with the same few visits and means: V = √(2ν)/√(2π), ν the variance of an arm's later posterior mean.
    problem, visits, ones = arms([2, 2], [1, 1])
    worth, _ = worth_of(problem, visits, ones, draws=400_000)
    value, _ = worth.at(np.array([0.5, 0.5]), 6)
    later = betabinom(3, 1.5, 1.5).var() / (2 + 1 + 3) ** 2
    # The standard error is 0.0013 of V: 5 of them.
    assert value == pytest.approx(np.sqrt(2 * later / (2 * np.pi)), rel=0.0065)


def test_the_worth_equals_what_simulated_experiments_bring_on_independent_arms():
    at_hand = np.array([400, 380, 500, 410])
    ones = np.array([200, 195, 240, 190])
    problem, all_visits, all_ones = arms(at_hand, ones)
    n, shares = 1000, np.array([0.3, 0.3, 0.3, 0.1])
    worth, posterior = worth_of(problem, all_visits, all_ones, draws=100_000)
    value, _ = worth.at(shares, n)
    rng, draws = np.random.default_rng(3), 100_000
    truth = rng.beta(ones + 0.5, at_hand - ones + 0.5, size=(draws, 4))
    new = (n * shares).astype(int)
    later = (ones + rng.binomial(new, truth) + 0.5) / (at_hand + new + 1)
    brought = later.max(axis=1)
    leader = posterior.mean[problem.graph.family_of["y"].rows].max()
    # Two independent averages over 100,000 draws, |z| > 5; 1 % for the normal law instead of the Beta-binomial one.
    error = brought.std() * np.sqrt(2 / draws)
    assert abs(value - (brought.mean() - leader)) < 5 * error + 0.01 * value
    assert value > 20 * error


def test_the_worth_equals_what_simulated_experiments_bring_on_a_graph():
    problem = random_problem(5, rng=8)
    task, graph = make_task(problem), problem.graph
    n_interventions, n = len(problem.interventions), 600
    counts = problem.model.simulator(problem.interventions).draw(np.full(n_interventions, 60), np.random.default_rng(1))
    worth, posterior = worth_of(problem, counts.visits, counts.ones, draws=20_000)
    value, _ = worth.at(np.full(n_interventions, 1 / n_interventions), n * n_interventions)
    leader = posterior.propagate(task).effects.argmax()
    rng, brought = np.random.default_rng(2), []
    for tables in posterior.draw(800, rng):
        drawn = {family.node: tables[family.rows] for family in graph.families}
        model = CausalModel(graph, {node: drawn.get(node, problem.model.table(node)) for node in graph.nodes})
        new = model.simulator(problem.interventions).draw(np.full(n_interventions, n), rng)
        later = TablePosterior(counts.visits + new.visits, counts.ones + new.ones, task.known)
        effects = propagate(problem.interventions, later.mean).effects
        # The leader's posterior mean moves with mean 0: what it moved is taken off, to see the rest better.
        brought.append(effects.max() - effects[leader])
    # |z| > 4 of the simulated mean; 10 % for μ made linear and the normal law of rows with few visits.
    assert abs(value - np.mean(brought)) < 4 * np.std(brought) / np.sqrt(len(brought)) + 0.1 * value
    assert value > 5 * np.std(brought) / np.sqrt(len(brought))


def test_the_derivative_equals_differences():
    problem = random_problem(8, rng=5, up_to=2)
    worth, _ = worth_after(problem, 2)
    n_interventions, n = len(problem.interventions), 150
    shares = np.random.default_rng(0).dirichlet(np.ones(n_interventions))
    _, slope = worth.at(shares, n)
    step = 1e-7
    numeric = np.array(
        [
            (worth.at(shares + step * one, n)[0] - worth.at(shares - step * one, n)[0]) / (2 * step)
            for one in np.eye(n_interventions)
        ]
    )
    np.testing.assert_allclose(slope, numeric, rtol=1e-4, atol=1e-6 * np.abs(numeric).max())
    assert np.abs(slope).max() > 0


def test_a_plan_is_worth_almost_as_much_as_the_best_of_many():
    problem, visits, ones = arms([12, 10, 15, 11], [6, 5, 9, 1])
    worth, _ = worth_of(problem, visits, ones, draws=4000)
    even = np.full(4, 0.25)
    plan = worth.planned_shares(100, even)
    assert plan.sum() == pytest.approx(1)
    assert (plan >= 0).all()
    tried = np.random.default_rng(0).dirichlet(np.ones(4), size=2000)
    best = max(worth.at(shares, 100)[0] for shares in tried)
    assert worth.at(plan, 100)[0] > 0.98 * best
    assert worth.at(plan, 100)[0] > worth.at(even, 100)[0]
    # The arm that is out of the race gets less than an even share by far.
    assert plan[3] < 0.1


def test_a_plan_for_many_rivals_on_a_graph_is_nearly_the_best():
    problem = random_problem(10, rng=5, up_to=2)
    worth, _ = worth_after(problem, 2)
    n_interventions = len(problem.interventions)
    even = np.full(n_interventions, 1 / n_interventions)
    plan = worth.planned_shares(200, even)
    assert worth.at(plan, 200)[0] > 1.1 * worth.at(even, 200)[0]
    # No move of 5 % of the plan to a single intervention gains more than 2 %.
    single = np.eye(n_interventions)
    assert max(worth.at(0.95 * plan + 0.05 * one, 200)[0] for one in single) < 1.02 * worth.at(plan, 200)[0]


def test_two_arms_in_the_same_state_share_the_experiments():
    problem, visits, ones = arms([20, 20], [10, 10])
    worth, _ = worth_of(problem, visits, ones, draws=20_000)
    for start in ([0.9, 0.1], [1.0, 0.0]):
        assert worth.planned_shares(100, np.array(start))[0] == pytest.approx(0.5, abs=0.05)


def test_a_plan_learns_a_row_that_tells_the_rivals_apart_under_another_intervention():
    # Under both rivals, x = 0 and x = 1, the row m = 1 of y is hardly ever visited; fixing m = 1 visits it always.
    graph = CausalGraph(nx.DiGraph([("x", "m"), ("m", "y")]), "y")
    problem = Problem(graph, InterventionSet(graph, [{"x": 0}, {"x": 1}, {"m": 1}]))
    visits, ones = np.zeros((2, graph.n_family_rows), dtype=int)
    for node, node_visits, node_ones in (("m", [9000, 9000], [45, 450]), ("y", [9000, 4], [900, 1])):
        visits[graph.family_of[node].rows], ones[graph.family_of[node].rows] = node_visits, node_ones
    task = make_task(problem)
    posterior = TablePosterior(visits, ones, task.known)
    found = posterior.propagate(task, reach=True, gradient=True)
    worth = worth_among([0, 1], found, posterior, 2000)
    assert worth.margins.shape == (3,)  # m = 1 has the largest posterior mean: the leader is always a candidate
    without = replace(worth, margins=worth.margins[:2] - worth.margins[:2].max(), contrast=worth.contrast[:, :2])
    assert without.planned_shares(100, np.array([0.5, 0.5, 0.0]))[2] > 0.8


def test_many_arms_alike_keep_their_even_shares():
    problem, visits, ones = arms([2] * 100, [1] * 100)
    worth, _ = worth_of(problem, visits, ones)
    even = np.full(100, 0.01)
    plan = worth.planned_shares(2000, even)
    assert worth.at(plan, 2000)[0] >= worth.at(even, 2000)[0]
    assert plan.max() < 0.03


def test_interventions_with_the_same_effect_are_not_told_apart_by_rounding():
    graph = CausalGraph(nx.DiGraph([("x", "m"), ("z", "m"), ("m", "y"), ("z", "y")]), "y")
    problem = Problem(graph, InterventionSet(graph, [{"m": 1}, {"m": 1, "x": 1}, {"m": 1, "x": 0}]))
    visits = np.random.default_rng(0).integers(1, 30, graph.n_family_rows)
    worth, _ = worth_of(problem, visits, visits // 3)
    start = np.array([0.2, 0.3, 0.5])
    value, slope = worth.at(start, 1000)
    assert value == 0
    assert not slope.any()
    np.testing.assert_allclose(worth.planned_shares(1000, start), (1 - EVENLY) * start + EVENLY / 3)


def test_a_row_without_visits_is_left_to_the_others():
    problem, visits, ones = arms([20, 20, 0], [10, 10, 0])
    worth, _ = worth_of(problem, visits, ones)
    with np.errstate(all="raise"):
        value, slope = worth.at(np.array([0.5, 0.5, 0.0]), 100)
    assert np.isfinite([value, *slope]).all()
    assert slope[2] == 0
    assert (slope[:2] > 0).all()


def test_where_nothing_can_be_learned_the_plan_is_its_start():
    problem = bernoulli_arms([0.2, 0.4])
    known = {node: problem.model.table(node) for node in problem.graph.nodes}
    task = make_task(problem, known)
    nothing = np.zeros(problem.graph.n_family_rows, dtype=int)
    posterior = TablePosterior(nothing, nothing, task.known)
    found = posterior.propagate(task, reach=True, gradient=True)
    worth = worth_among([0, 1], found, posterior, 100)
    start = np.array([0.25, 0.75])
    assert worth.at(start, 1000)[0] == 0
    np.testing.assert_allclose(worth.planned_shares(1000, start), (1 - EVENLY) * start + EVENLY / 2)
    only = Problem(problem.graph, problem.interventions.subset([1]), problem.model)
    assert worth_of(only, nothing, nothing)[0].planned_shares(1000, np.array([1.0])).tolist() == [1.0]
