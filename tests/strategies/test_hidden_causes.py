"""Searches on problems with hidden causes: right where a search that believes the seen edges is wrong."""

import networkx as nx
import pytest
from hidden_worlds import small_world

import causalbandit as cb


def mean_regret(problem, strategies, budget, replications):
    curves = cb.evaluate_regret(problem, strategies, budget, replications, rng=7)
    return curves.to_frame().groupby("strategy")["regret"].mean()


def without_the_cause(problem):
    """The same problem for someone who does not know of u."""
    dag = nx.DiGraph([("x", "m"), ("m", "y"), ("z", "y")])
    graph = cb.CausalGraph(dag, "y")
    return cb.Problem(graph, cb.InterventionSet(graph, list(problem.interventions)))


def test_the_small_world_is_what_it_says():
    problem = small_world()
    effects = problem.model.effects(problem.interventions)
    assert effects[0] == pytest.approx(0.39)  # 0.1 + 0.6/2 − 0.1/2 + 0.08/2
    assert problem.interventions[int(effects.argmax())] == {"m": 0, "z": 1}
    assert effects.max() == pytest.approx(0.48)
    assert problem.interventions.n_family_rows == 16


def test_top_two_is_right_when_the_cause_is_declared_and_wrong_when_it_is_not():
    # 200 searches of the benchmark: right in 98 % or more, so that 2 wrong of 6 are a false alarm in 1
    # of 170; these seeds are fixed.
    problem = small_world()
    right = sum(cb.search(problem, 2000, "top-two", rng=seed).best == {"m": 0, "z": 1} for seed in range(6))
    assert right >= 5
    blind = without_the_cause(problem)
    fooled = [cb.search(blind, 5000, "top-two", world=problem, check="off", rng=seed).best for seed in range(2)]
    assert {"m": 0, "z": 1} not in fooled


def test_two_phase_finds_the_best_with_enough_experiments():
    result = cb.search(small_world(), 30_000, cb.TwoPhase(pooled=True), rng=0)
    assert result.best == {"m": 0, "z": 1}
    assert result.best_effect == pytest.approx(0.48, abs=0.03)


def test_what_experiments_share_beats_arms_by_themselves(shipped):
    # Benchmark at T = 1,000, 200 searches: below half of what pomis-thompson and successive rejects lose. Means of 5
    # searches would miss that order for about one seed in 8; this seed is fixed.
    mean = mean_regret(shipped["clinical"], ["top-two", "pomis-thompson", "successive-rejects"], 1000, 5)
    assert mean["top-two"] < mean["pomis-thompson"]
    assert mean["top-two"] < mean["successive-rejects"]
