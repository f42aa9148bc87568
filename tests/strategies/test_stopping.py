"""Stopping when sure: the tests of rivals against their definitions, what a watched strategy does, and error rates."""

import math

import networkx as nx
import numpy as np
import pytest
from cases import together
from enumeration import random_problem
from scipy.optimize import minimize
from scipy.special import expit, logit, ndtr
from scipy.stats import binom

import causalbandit as cb
from causalbandit.counts import Counts
from causalbandit.errors import InvalidArgument, InvalidType
from causalbandit.sequences.bernoulli_contrast import bernoulli_contrast
from causalbandit.sequences.boundaries import normal_mixture
from causalbandit.strategies.earlier import Earlier
from causalbandit.strategies.stopping import (
    PRECISION,
    Standing,
    StopWhenSure,
    Watched,
    excluded_by_graph,
    excluded_by_outcomes,
    in_parts,
)
from causalbandit.strategies.strategy import Batch, make_task


def arms_problem(low, high):
    """Two interventions, x = 0 and x = 1, with these probabilities of the target."""
    graph = cb.CausalGraph(nx.DiGraph([("x", "y")]), target="y")
    model = cb.CausalModel(graph, {"x": [0.5], "y": [low, high]})
    return cb.Problem(graph, cb.InterventionSet(graph, [{"x": 0}, {"x": 1}]), model)


def standing_after(problem, sizes, seed):
    counts = problem.model.simulator(problem.interventions).draw(sizes, seed)
    return Standing.of(make_task(problem), counts, np.random.default_rng(seed))


# -- the two tests of a rival ----------------------------------------------------------------------------------------


def most_pessimistic_lead(standing, rival, alpha):
    """The largest lead of a rival that is allowed: by the variance, or by likely tables, found by a solver."""
    posterior, leader = standing.posterior, standing.leader
    weights = standing.gradient[:, leader] - standing.gradient[:, rival]
    mean, visits = posterior.mean, posterior.visits
    variance = np.where(visits > 0, mean * (1 - mean) / np.maximum(visits, 1), 0.25)
    precision = 1 / (variance * weights**2).sum()
    boundary = normal_mixture(precision, alpha, PRECISION, one_sided=True)
    room = boundary**2 / (2 * precision)
    ones, zeros = (visits + 1) * mean, (visits + 1) * (1 - mean)

    def left(x):
        p = expit(x)
        return room - (ones * np.log(mean / p) + zeros * np.log((1 - mean) / (1 - p))).sum()

    def lead(x):
        return (weights * (mean - expit(x))).sum() - (standing.effects[leader] - standing.effects[rival])

    rng = np.random.default_rng(0)
    found = [
        minimize(
            lambda x: -lead(x),
            logit(mean) + 0.05 * rng.standard_normal(len(mean)),
            constraints=[{"type": "ineq", "fun": left}],
            options={"maxiter": 2000, "ftol": 1e-13},
        )
        for _ in range(4)
    ]
    by_tables = max(lead(one.x) for one in found if left(one.x) > -1e-8)
    return max(by_tables, boundary / precision - (standing.effects[leader] - standing.effects[rival]))


@pytest.mark.parametrize("sizes", [[30, 25, 40, 15], [0, 0, 40, 20]])  # the second never visits some rows
def test_a_rival_is_excluded_by_the_graph_exactly_when_its_most_pessimistic_lead_is_below(shop, sizes):
    standing = standing_after(shop, sizes, 3)
    assert (standing.posterior.visits == 0).any() == (sizes[0] == 0)
    for rival in {0, 1, 2, 3} - {standing.leader}:
        worst = most_pessimistic_lead(standing, rival, 0.01)
        assert worst > 0
        places = np.array([rival])
        assert excluded_by_graph(standing, places, worst * (1 + 1e-4), 0.01).all()
        assert not excluded_by_graph(standing, places, worst * (1 - 1e-4), 0.01).any()


def test_rivals_are_excluded_together_as_they_are_one_by_one():
    model, _ = random_problem(np.random.default_rng(7), n_nodes=7)
    interventions = cb.InterventionSet.up_to(model.graph, 2)
    problem = cb.Problem(model.graph, interventions, model)
    standing = standing_after(problem, np.full(len(interventions), 40), 1)
    rivals = np.flatnonzero(np.arange(len(interventions)) != standing.leader)
    one_by_one = np.concatenate([excluded_by_graph(standing, np.array([b]), 0.3, 1e-3) for b in rivals])
    assert one_by_one.sum() > 0
    assert one_by_one.all() == excluded_by_graph(standing, rivals, 0.3, 1e-3).all()


def test_a_rival_is_excluded_by_outcomes_exactly_when_its_interval_ends_at_the_tolerance():
    problem = arms_problem(0.3, 0.6)
    standing = standing_after(problem, [80, 90], 0)
    successes, trials = standing.counts.successes, standing.counts.trials
    upper = float(bernoulli_contrast(successes[0], trials[0], successes[1], trials[1], 0.05).upper)
    rivals = np.array([0])
    assert excluded_by_outcomes(standing.counts, 1, rivals, upper + 1e-9, 0.05).all()
    assert not excluded_by_outcomes(standing.counts, 1, rivals, upper - 1e-9, 0.05).any()


def test_the_error_rate_is_shared_out_between_the_tests_and_the_rivals(shop):
    task = make_task(shop)
    standing = standing_after(shop, [60, 50, 80, 30], 4)
    rivals = {0, 1, 2, 3} - {standing.leader}
    by_graph = max(most_pessimistic_lead(standing, rival, 0.8 * 0.05 / 3) for rival in rivals)
    counts, leader = standing.counts, standing.leader
    ones, trials = counts.successes, counts.trials
    by_outcomes = max(
        float(bernoulli_contrast(ones[b], trials[b], ones[leader], trials[leader], 0.2 * 0.05 / 3).upper)
        for b in rivals
    )
    assert by_graph < by_outcomes
    blind = Standing(counts, standing.effects, leader)
    for given, edge, rule in ((standing, by_graph, "graph"), (blind, by_outcomes, "outcomes")):
        above, below = (StopWhenSure(0.05, edge * factor).promise(task, given) for factor in (1 + 1e-4, 1 - 1e-4))
        assert (above.kept, below.kept) == (True, False)
        assert above.rule == rule


def test_effects_that_the_graph_makes_equal_count_once():
    graph = cb.CausalGraph(nx.DiGraph([("x", "m"), ("m", "y"), ("z", "y")]), target="y")
    same = [{"m": 1}, {"m": 1, "x": 0}, {"m": 1, "x": 1}]
    assert len(cb.InterventionSet(graph, [{}, *same, {"m": 0}]).groups) == 3
    interventions = cb.InterventionSet.up_to(graph, 3)
    rng = np.random.default_rng(0)
    tables = {"x": [rng.random()], "m": list(rng.random(2)), "z": [rng.random()], "y": list(rng.random(4))}
    effects = cb.CausalModel(graph, tables).effects(interventions)
    assert len(interventions.groups) == len(np.unique(effects.round(12)))


# -- a watched strategy ----------------------------------------------------------------------------------------------


def test_parts_add_up_and_are_even():
    rng = np.random.default_rng(2)
    sizes = np.array([0, 1, 17, 100, 7])
    parts = list(in_parts(Batch(sizes, "p"), 20, rng))
    assert sum(part.sizes for part in parts).tolist() == sizes.tolist()
    assert len(parts) == math.ceil(125 / 20)
    assert all((abs(part.sizes - sizes / len(parts)) < 2).all() for part in parts)
    assert {part.phase for part in parts} == {"p"}
    whole = Batch(sizes, "p")
    assert next(in_parts(whole, 125, rng)) is whole
    assert list(in_parts(Batch(np.array([10**18]), "p"), 10**17, rng))[3].sizes[0] == 10**17
    # Each experiment is as likely to be in one part as in any other.
    firsts = [next(in_parts(Batch(np.array([10, 20]), "p"), 10, rng)).sizes for _ in range(3000)]
    np.testing.assert_allclose(np.mean(firsts, axis=0), [10 / 3, 20 / 3], atol=4 * math.sqrt(0.25 / 3000))


@pytest.mark.parametrize("strategy", ["top-two", "two-phase", "uniform"])
def test_a_search_stops_at_its_first_sure_look_and_says_by_which_rule(shop, strategy):
    stop = StopWhenSure(error=0.05, tolerance=0.05, looks=20)
    decision = cb.search(shop, 4000, strategy, rng=1, stop=stop)
    promise = decision.promise
    assert promise.kept
    assert promise.experiments == decision.counts.total < 4000
    assert decision.best_index == decision.estimates.argmax()
    assert decision.simple_regret <= 0.05
    assert any("Sure after" in note and "within 0.05" in note for note in decision.notes)
    assert decision.to_dict()["promise"]["rule"] == promise.rule
    if strategy == "uniform":
        assert promise.rule == "outcomes"
        assert "exact, whatever the graph" in decision.summary().replace("\n  ", " ")
    # No look before the last was sure.
    if strategy != "uniform":
        earlier = sum((batch.counts for batch in decision.batches[:-1]), Counts.zeros(shop.interventions))
        standing = Standing.of(make_task(shop), earlier, np.random.default_rng(0))
        assert not stop.promise(make_task(shop), standing).kept


def test_a_search_that_is_never_sure_is_the_one_without_the_rule_and_says_so(shop):
    strategy = cb.TopTwo(rounds=6)
    plain = cb.search(shop, 300, strategy, rng=5)
    watched = cb.search(shop, 300, strategy, rng=5, stop=StopWhenSure(error=1e-9, tolerance=0.0, looks=1))
    np.testing.assert_array_equal(plain.estimates, watched.estimates)
    assert plain.promise is None
    assert not watched.promise.kept
    assert watched.promise.n_undecided >= 1
    assert any("Not sure after 300 of 300 experiments" in note for note in watched.notes)


def test_the_goal_min_is_watched_like_max():
    problem = arms_problem(0.1, 0.6)
    minimal = cb.Problem(problem.graph, problem.interventions, problem.model, goal="min")
    decision = cb.search(minimal, 2000, cb.TopTwo(rounds=20), rng=0, stop=StopWhenSure())
    assert decision.promise.kept
    assert decision.best == {"x": 0}


def test_known_tables_need_no_experiment_to_be_told_apart(shop):
    known = {node: shop.model.table(node) for node in shop.graph.nodes}
    decision = cb.search(shop, 500, cb.TopTwo(), rng=0, known=known, stop=StopWhenSure(tolerance=0.0))
    assert decision.promise.kept
    assert decision.simple_regret == 0
    assert decision.counts.total < 500


def test_a_watched_strategy_is_a_strategy_with_the_needs_of_its_own(shop):
    watched = Watched(cb.TwoPhase(), StopWhenSure())
    task = make_task(shop)
    assert (watched.name, watched.needs) == ("two-phase", "rows")
    assert watched.smallest_budget(task) == cb.TwoPhase().smallest_budget(task)
    with pytest.raises(InvalidArgument, match="3·C"):
        cb.search(shop, 5, cb.TwoPhase(), stop=StopWhenSure())


@together(
    ("call", "words"),
    [
        (lambda: StopWhenSure(error=0), "error was 0"),
        (lambda: StopWhenSure(error=1.5), "error was 1.5"),
        (lambda: StopWhenSure(tolerance=-0.1), "tolerance was -0.1"),
        (lambda: StopWhenSure(tolerance=1), "tolerance was 1"),
        (lambda: StopWhenSure(looks=0), "looks was 0"),
    ],
)
def test_bad_settings_are_named(call, words):
    with pytest.raises(InvalidArgument, match=words):
        call()


def test_a_rule_of_another_kind_is_refused(shop):
    with pytest.raises(InvalidType, match="stop was"):
        cb.search(shop, 100, stop=0.05)


# -- error rates -----------------------------------------------------------------------------------------------------

RUNS, LOOKS, ERROR = 40, 15, 0.2
MOST = int(binom.isf(1e-4, RUNS, 2 * ERROR))  # a claim is wrong half the time: fails by chance in 1 of 10,000 seeds


def claims(level, sure):
    """In how many of the runs with two equal arms, looked at 15 times, ``sure`` ever says that one is better."""
    problem = arms_problem(level, level)
    task, simulator = make_task(problem), problem.model.simulator(problem.interventions)
    claimed = 0
    for seed in range(RUNS):
        rng = np.random.default_rng([13, seed])
        counts, shares = None, np.array([0.5, 0.5])
        for _ in range(LOOKS):
            new = simulator.draw(np.round(60 * shares).astype(int), rng)
            counts = new if counts is None else counts + new
            standing = Standing.of(task, counts, rng)
            if sure(task, standing):
                claimed += 1
                break
            shares = np.where(np.arange(2) == standing.leader, 0.9, 0.1)
    return claimed


def believed(task, standing):
    """The posterior probability, normal, that the leader is the better one, above 1 − ERROR."""
    posterior = standing.posterior
    weights = standing.gradient[:, 0] - standing.gradient[:, 1]
    return ndtr(np.ptp(standing.effects) / math.sqrt((posterior.variance * weights**2).sum())) > 1 - ERROR


@pytest.mark.parametrize("level", [0.5, 0.03])
def test_equal_arms_are_told_apart_at_most_at_the_error_rate_however_often_one_looks(level):
    stop = StopWhenSure(ERROR, 0.0)
    assert claims(level, lambda task, standing: stop.promise(task, standing).kept) <= MOST


def test_a_belief_is_no_such_promise():
    assert claims(0.5, believed) > MOST


def test_rows_from_before_name_the_leader_and_the_experiments_alone_promise():
    """By the experiments {a: 1, b: 0} leads by 0.01, by many rows from before {a: 1, b: 1} leads by 0.03."""
    graph = cb.CausalGraph(nx.DiGraph([("a", "y"), ("b", "y")]), "y", parents={"y": ["a", "b"]})
    arms = cb.InterventionSet(graph, [{"a": 0, "b": 0}, {"a": 1, "b": 0}, {"a": 1, "b": 1}])

    def counts(visits, ones):
        found = Counts.zeros(arms)
        for where, number in zip((arms.families[-1].start + row for row in range(4)), ones, strict=True):
            found.visits[where], found.ones[where] = visits, number
        found.trials[:], found.successes[:] = visits, [ones[0], ones[2], ones[3]]
        return found

    experiments = counts(400, [80, 80, 210, 206])
    before = Earlier(counts(10_000, [2_000, 2_000, 5_000, 5_300]))
    alone, both = (
        Standing.of(make_task(cb.Problem(graph, arms), history=history), experiments, np.random.default_rng(0))
        for history in (None, before)
    )
    assert (alone.leader, both.leader) == (1, 2)
    np.testing.assert_array_equal(alone.effects, both.effects)
    for tolerance, kept in ((0.2, True), (0.05, False)):
        promise = StopWhenSure(0.05, tolerance).promise(make_task(cb.Problem(graph, arms)), both)
        assert promise.kept == kept
    choice = both.choice(promise, 2_000)
    assert choice.best_index == 2
    assert choice.effects[2] == pytest.approx(0.53, abs=0.01)  # the estimates are those of all data
    assert choice.tables.visits.max() == 400


def test_looks_read_all_counts_of_every_batch():
    """Two-phase reads a layer of each first batch; what is promised needs the outcomes under every intervention."""
    problem = cb.load_problem("asia")
    task = make_task(problem)
    arms, rng = problem.interventions, np.random.default_rng(0)
    simulator = problem.model.simulator(arms)
    asked = []
    for strategy in (cb.TwoPhase(), Watched(cb.TwoPhase(), StopWhenSure(0.05, 0.5))):
        plan = strategy.run(task, 2_000, np.random.default_rng(1))
        batch = next(plan)
        asked.append(batch.families)
        plan.send(simulator.draw(batch.sizes, rng))
        plan.close()
    assert asked[0] is not None
    assert asked[1] is None
