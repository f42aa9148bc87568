"""Watched searches: watching changes nothing, a refuted graph is repaired with all rows read again, or given up."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

import causalbandit as cb
from causalbandit.driver import drive
from causalbandit.strategies.baselines import SuccessiveRejects, Uniform
from causalbandit.strategies.maximise import Maximisation
from causalbandit.strategies.strategy import make_task
from causalbandit.watched_search import watched_plan
from causalbandit.world import World
from causalbandit.wrong_graphs import confounded_mediator


def run(problem, world, strategy, budget, seed=0, *, repair=True, known=None):
    """A watched search in a world, and the rows of each batch that it was sent."""
    draws = World(problem, world)
    rng = np.random.default_rng([seed, 1])
    plan = watched_plan(problem, strategy, budget, np.random.default_rng([seed, 2]), repair=repair, known=known)
    sent = []

    def experiment(batch):
        sent.append(draws.draw(batch.sizes, rng))
        assert sent[-1].total == batch.total
        return sent[-1]

    result = drive(plan, experiment)
    assert budget - 10 < sum(rows.total for rows in sent) <= budget
    return result, sent


@pytest.fixture(scope="module")
def strong():
    return confounded_mediator(1.0)


@pytest.mark.parametrize("goal", ["max", "min"])
@pytest.mark.parametrize("strategy", [cb.TopTwo(rounds=5), cb.TwoPhase(), SuccessiveRejects()], ids=lambda s: s.name)
def test_watching_changes_nothing(strong, strategy, goal):
    problem = replace(strong.problem, goal=goal)
    watched, _ = run(problem, strong.world, strategy, 600, repair=False)
    rng, world, turn = np.random.default_rng([0, 1]), World(problem, strong.world), Maximisation.of(problem)
    plan = strategy.run(turn.task(make_task(problem)), 600, np.random.default_rng([0, 2]))

    def experiment(batch):
        return turn.counts(world.draw(batch.sizes, rng).counts(problem.interventions))

    alone = turn.choice(drive(plan, experiment))
    assert watched.choice.best_index == alone.best_index
    if alone.effects is not None:
        np.testing.assert_array_equal(watched.choice.effects, alone.effects)
    assert watched.amendments == ()
    assert watched.problem is problem


def test_a_refuted_graph_is_repaired_and_all_rows_are_read_again(strong):
    result, sent = run(strong.problem, strong.world, cb.TopTwo(), 5000)
    (amendment,) = result.amendments
    assert amendment.sentence.startswith(f"After {amendment.experiments:,} experiments the graph got a hidden common")
    assert amendment.sentence in result.choice.notes
    assert amendment.experiments in np.cumsum([rows.total for rows in sent])
    assert result.problem.graph.bidirected == (("m", "y"),)
    arms = result.problem.interventions
    assert arms[result.choice.best_index] == {"m": 0, "z": 1}
    assert len(result.batches) == len(sent)
    for batch, rows in zip(result.batches, sent, strict=True):
        assert batch.counts == rows.counts(arms)
    assert not result.check.refuted
    assert result.check.problem is result.problem
    again, _ = run(strong.problem, strong.world, cb.TopTwo(), 5000)
    np.testing.assert_array_equal(again.choice.effects, result.choice.effects)


def test_the_goal_min_is_repaired_alike(strong):
    problem = replace(strong.problem, goal="min")
    result, _ = run(problem, strong.world, cb.TopTwo(), 5000)
    assert result.problem.goal == "min"
    effects = World(problem, strong.world).effects
    assert effects[result.choice.best_index] == pytest.approx(effects.min(), abs=0.021)
    assert result.choice.effects[result.choice.best_index] == pytest.approx(effects.min(), abs=0.06)


def test_a_refutation_in_the_last_batch_decides_by_the_repaired_graph(strong):
    result, sent = run(strong.problem, strong.world, cb.TopTwo(rounds=1), 6000)
    assert len(sent) == 1
    assert [each.change.kind for each in result.amendments] == ["common cause"]
    assert result.problem.interventions[result.choice.best_index] == {"m": 0, "z": 1}


def test_top_two_steps_in_when_too_little_is_left_for_the_strategy(strong):
    few, _ = run(strong.problem, strong.world, Patient(), 6000)
    assert any("20 experiments are too few for patient to start anew" in note for note in few.choice.notes)


@dataclass(frozen=True)
class Patient:
    """Uniform in one batch but for the last 20 experiments; at least 100 in all."""

    name: str = "patient"
    needs: str = "rows"

    def smallest_budget(self, task):
        return 100

    def run(self, task, budget, rng):
        yield next(Uniform().run(task, budget - 20, rng))
        yield next(Uniform().run(task, 20, rng))
        raise AssertionError("the first batch refutes the graph")


def test_strategies_that_ignore_the_graph_are_watched_only(strong):
    result, _ = run(strong.problem, strong.world, SuccessiveRejects(), 5000)
    assert result.amendments == ()
    assert result.check.refuted
    assert result.problem is strong.problem


def test_beyond_the_bound_on_rows_the_own_means_decide(strong, monkeypatch):
    monkeypatch.setattr("causalbandit.watched_search.EXPERIMENTS_PER_ROW", 500)
    result, _ = run(strong.problem, strong.world, cb.TopTwo(), 6000)
    assert result.amendments == ()
    (note,) = result.choice.notes
    assert "the graph was given up" in note
    assert "12 family rows" in note
    assert result.check.refuted
    counts = sum((batch.counts for batch in result.batches[1:]), result.batches[0].counts)
    np.testing.assert_allclose(result.choice.effects, counts.successes / counts.trials)
    assert result.problem.interventions[result.choice.best_index].get("z") == 1


def test_a_table_that_was_given_is_dropped_with_the_node_that_changed(strong):
    known = {"m": [0.43, 0.58], "x": [0.5]}
    result, _ = run(strong.problem, strong.world, cb.TopTwo(), 5000, known=known)
    assert any("The table of m that was given as known was dropped" in note for note in result.choice.notes)
    rows = [family.rows for family in result.problem.interventions.families if family.node == "x"]
    assert result.choice.tables.known[rows[0]].all()


def test_a_right_graph_is_left_alone():
    right = confounded_mediator(0.0)
    for seed in range(5):
        result, _ = run(right.problem, right.world, cb.TopTwo(), 2000, seed)
        assert result.amendments == ()
