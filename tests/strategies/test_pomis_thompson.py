"""Thompson sampling over the interventions that are not redundant: its first steps by hand, and what it leaves out."""

import networkx as nx
import numpy as np
import pytest

import causalbandit as cb
from causalbandit.counts import Counts
from causalbandit.random_problems import bernoulli_arms
from causalbandit.strategies.pomis_thompson import MOST_DRAWS, POMISThompson
from causalbandit.strategies.strategy import make_task


@pytest.fixture
def chain():
    graph = cb.CausalGraph(nx.DiGraph([("x", "m"), ("m", "y")]), "y")
    model = cb.CausalModel(graph, {"x": [0.5], "m": [0.3, 0.6], "y": [0.4, 0.6]})
    return cb.Problem(graph, cb.InterventionSet.up_to(graph, 2), model)


def counts_of(sizes, successes):
    empty = np.zeros(0, dtype=np.int64)
    return Counts(empty, empty, np.asarray(sizes), np.asarray(successes))


def test_only_interventions_that_are_not_redundant_are_tried(chain):
    result = cb.search(chain, 500, "pomis-thompson", rng=0)
    tried = [label for label, n in zip(chain.interventions.labels, result.experiments, strict=True) if n]
    assert tried == ["m=0", "m=1"]
    assert result.best == {"m": 1}
    assert result.experiments.sum() == 500


def test_the_second_experiment_follows_the_posterior_of_the_first(chain):
    # Two arms, Beta(1, 1) each. After one success of an arm P(Beta(2, 1) > Beta(1, 1)) = 2/3, after a failure 1/3.
    task = make_task(chain)
    for success, expected in ((1, 2 / 3), (0, 1 / 3)):
        again = 0
        for seed in range(1500):
            plan = POMISThompson().run(task, 2, np.random.default_rng(seed))
            first = next(plan).sizes
            again += int(plan.send(counts_of(first, success * first)).sizes @ first)
        # Standard deviation 0.012: a false alarm in 1 of 2,000 runs each way.
        assert abs(again / 1500 - expected) < 0.042


def test_it_answers_with_the_best_posterior_mean(chain):
    task = make_task(chain)
    plan = POMISThompson().run(task, 1, np.random.default_rng(0))
    first = next(plan).sizes
    with pytest.raises(StopIteration) as stopped:
        plan.send(counts_of(first, 0 * first))
    choice = stopped.value.value
    place = int(first.argmax())
    assert choice.best_index != place
    assert choice.effects[place] == pytest.approx(1 / 3)
    assert choice.effects[choice.best_index] == 0.5
    assert np.isnan(choice.effects).sum() == len(first) - 2


@pytest.mark.parametrize(("share", "expected"), [(0.0, [1] * 8), (1.0, [1, 1, 2, 4]), (0.5, [1, 1, 1, 1, 2, 2])])
def test_batches_grow_with_the_share(chain, share, expected):
    result = cb.search(chain, 8, POMISThompson(batch=share), rng=0)
    assert [batch.counts.total for batch in result.batches] == expected


def test_no_more_than_some_draws_are_made_for_large_batches(chain):
    result = cb.search(chain, 10**9, POMISThompson(batch=1.0), rng=0)
    assert result.experiments.sum() == 10**9
    assert max(batch.counts.total for batch in result.batches) > 100 * MOST_DRAWS
    assert result.best == {"m": 1}


def test_on_arms_without_a_graph_it_finds_the_best_and_prefers_it():
    problem = bernoulli_arms([0.7, 0.4, 0.4, 0.3, 0.2])
    result = cb.search(problem, 2000, "pomis-thompson", rng=1)
    assert result.best_index == 0
    assert result.experiments[0] > 1500


def test_the_goal_min_is_served(chain):
    problem = cb.Problem(chain.graph, chain.interventions, chain.model, goal="min")
    assert cb.search(problem, 500, "pomis-thompson", rng=0).best == {"m": 0}


def test_a_share_above_one_is_refused():
    with pytest.raises(ValueError, match=r"batch was 2; expected a finite number at least 0 and at most 1"):
        POMISThompson(batch=2)
