"""Checked searches: checking changes nothing, a refuted graph is repaired with all rows read again, or given up."""

import json
from dataclasses import dataclass, replace

import networkx as nx
import numpy as np
import pytest
from cases import together

import causalbandit as cb
from causalbandit.checked_search import checked_plan
from causalbandit.driver import drive
from causalbandit.strategies.baselines import SuccessiveRejects, Uniform
from causalbandit.strategies.maximise import Maximisation
from causalbandit.strategies.stopping import StopWhenSure
from causalbandit.strategies.strategy import make_task
from causalbandit.world import World
from causalbandit.wrong_graphs import confounded_mediator

FEW = cb.TopTwo(rounds=8)
"""Every batch is checked; a search of few rounds has few."""


def run(problem, world, strategy, budget, seed=0, *, repair=True, known=None):
    """A checked search in a world, and the rows of each batch that it was sent."""
    draws = World(problem, world)
    rng = np.random.default_rng([seed, 1])
    told = problem if known is None else problem.with_known(known)
    plan = checked_plan(told, strategy, budget, np.random.default_rng([seed, 2]), repair=repair)
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


@together("goal", ["max", "min"])
@together("strategy", [cb.TopTwo(rounds=5), cb.TwoPhase(), SuccessiveRejects()])
def test_checking_changes_nothing(strong, strategy, goal):
    problem = replace(strong.problem, goal=goal)
    checked, _ = run(problem, strong.world, strategy, 600, repair=False)
    rng, world, turn = np.random.default_rng([0, 1]), World(problem, strong.world), Maximisation.of(problem)
    plan = strategy.run(turn.task(make_task(problem)), 600, np.random.default_rng([0, 2]))

    def experiment(batch):
        return turn.counts(world.draw(batch.sizes, rng).counts(problem.interventions))

    alone = turn.choice(drive(plan, experiment))
    assert checked.choice.best_index == alone.best_index
    if alone.effects is not None:
        np.testing.assert_array_equal(checked.choice.effects, alone.effects)
    assert checked.amendments == ()
    assert checked.problem is problem


def test_a_refuted_graph_is_repaired_and_all_rows_are_read_again(strong):
    result, sent = run(strong.problem, strong.world, FEW, 5000)
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
    again, _ = run(strong.problem, strong.world, FEW, 5000)
    np.testing.assert_array_equal(again.choice.effects, result.choice.effects)


def test_the_goal_min_is_repaired_alike(strong):
    problem = replace(strong.problem, goal="min")
    result, _ = run(problem, strong.world, FEW, 5000)
    assert result.problem.goal == "min"
    effects = World(problem, strong.world).effects
    assert effects[result.choice.best_index] == pytest.approx(effects.min(), abs=0.021)
    assert result.choice.effects[result.choice.best_index] == pytest.approx(effects.min(), abs=0.06)


def test_a_refutation_in_the_last_batch_decides_by_the_repaired_graph(strong):
    result, sent = run(strong.problem, strong.world, cb.TopTwo(rounds=1), 6000)
    assert len(sent) == 1
    assert [each.change.kind for each in result.amendments] == ["common cause"]
    assert result.problem.interventions[result.choice.best_index] == {"m": 0, "z": 1}


def test_two_phase_starts_anew_on_the_amended_graph(strong):
    result, _ = run(strong.problem, strong.world, cb.TwoPhase(), 9000)
    assert len(result.amendments) == 1
    assert result.problem.interventions[result.choice.best_index] == {"m": 0, "z": 1}


def test_rows_from_before_are_read_again_and_counts_are_dropped(strong):
    rows = strong.world.model.sample({}, 2000, rng=5)
    kept, _ = run(strong.problem, strong.world, cb.TopTwo(prior=rows), 4000)
    arms, visits = kept.problem.interventions, kept.choice.tables.visits
    (family,) = [each for each in arms.families if each.node == "x"]
    used = sum(int(batch.counts.visits[family.rows].sum()) for batch in kept.batches)
    assert visits[family.rows].sum() == used + 2000
    counts = cb.Counts.from_frame(cb.InterventionSet(strong.problem.graph, [{}]), {}, rows)
    dropped, _ = run(strong.problem, strong.world, cb.TopTwo(prior=counts), 8000)
    assert any("given as prior cannot be read" in note for note in dropped.choice.notes)


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


def test_strategies_that_ignore_the_graph_are_checked_only(strong):
    result, _ = run(strong.problem, strong.world, SuccessiveRejects(), 5000)
    assert result.amendments == ()
    assert result.check.refuted
    assert result.problem is strong.problem


def test_beyond_the_bound_on_rows_the_own_means_decide(strong, monkeypatch):
    monkeypatch.setattr("causalbandit.checked_search.EXPERIMENTS_PER_ROW", 500)
    result, _ = run(strong.problem, strong.world, FEW, 6000)
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
    result, _ = run(strong.problem, strong.world, FEW, 5000, known=known)
    assert any("The table of m that was given as known was dropped" in note for note in result.choice.notes)
    rows = [family.rows for family in result.problem.interventions.families if family.node == "x"]
    assert result.choice.tables.known[rows[0]].all()


def test_a_right_graph_is_left_alone():
    right = confounded_mediator(0.0)
    for seed in range(5):
        result, _ = run(right.problem, right.world, FEW, 2000, seed)
        assert result.amendments == ()


def environment_of(world, seed=0):
    """A user's own experiments, which show no hidden cause."""
    rng = np.random.default_rng(seed)
    return lambda fixed, size: world.model.sample(fixed, size, rng)


def test_every_search_on_real_experiments_is_checked_and_says_what_it_assumes(strong):
    result = cb.search(strong.problem, 3000, FEW, environment=environment_of(strong.world), rng=0)
    assert result.graph_check.rows.total == 3000
    text = " ".join(result.summary().split())
    assert "Graph: assumes that the graph has all common causes of its nodes; checked: 8 of 8 rows" in text
    assert result.graph_check.told[0].sentence in text
    told = json.loads(json.dumps(result.to_dict()))
    assert told["graph_check"]["refuted"] is True
    assert told["amendments"] == []
    assert all(len(line) <= 80 for line in result.summary().splitlines())
    right = confounded_mediator(0.0)
    fine = cb.search(right.problem, 1000, FEW, environment=environment_of(right.world), rng=0)
    assert "8 of 8 rows, no contradiction" in " ".join(fine.summary().split())


def test_a_repaired_search_returns_the_amended_problem(strong, tmp_path):
    result = cb.search(strong.problem, 4000, FEW, environment=environment_of(strong.world), check="repair", rng=0)
    assert result.problem.graph.bidirected == (("m", "y"),)
    assert result.best == {"m": 0, "z": 1}
    assert result.counts.total == 4000
    assert "Note: After" in result.summary()
    json.dumps(result.to_dict())
    cb.save_problem(result.problem, tmp_path / "amended.json")
    again = cb.load_problem(tmp_path / "amended.json")
    assert again.graph == result.problem.graph
    assert len(result.tables_frame()) == result.problem.interventions.n_family_rows


def test_a_world_gives_the_truth(strong):
    wrong = cb.search(strong.problem, 5000, FEW, world=strong.world, check="warn", rng=0)
    mended = cb.search(strong.problem, 5000, FEW, world=strong.world, check="repair", rng=0)
    blind = cb.search(strong.problem, 5000, FEW, world=strong.world, check="off", rng=0)
    assert wrong.simple_regret == pytest.approx(0.1)
    assert mended.simple_regret == pytest.approx(0)
    assert blind.graph_check is None
    assert blind.best == wrong.best
    np.testing.assert_array_equal(blind.counts.trials, wrong.counts.trials)
    np.testing.assert_array_equal(blind.true_effects, World(strong.problem, strong.world).effects)


def test_a_search_on_its_own_tables_has_nothing_to_check(shop):
    assert cb.search(shop, 200, "top-two", rng=0).graph_check is None


def test_stopping_when_sure_goes_on_after_a_repair(strong):
    stop = StopWhenSure(error=0.05, tolerance=0.05)
    result = cb.search(strong.problem, 20_000, FEW, world=strong.world, check="repair", stop=stop, rng=0)
    assert len(result.amendments) == 1
    assert result.counts.total < 20_000
    assert result.promise.kept
    assert result.best == {"m": 0, "z": 1}


def test_options_that_do_not_fit_are_refused(strong):
    run = environment_of(strong.world)
    with pytest.raises(ValueError, match="check was 'always'; known: 'warn', 'repair', 'off'"):
        cb.search(strong.problem, 100, FEW, environment=run, check="always")
    with pytest.raises(ValueError, match="world was given beside environment"):
        cb.search(strong.problem, 100, FEW, environment=run, world=strong.world)


def test_columns_that_come_and_go_are_left_out_of_the_check(strong):
    graph = cb.CausalGraph(nx.DiGraph([("x", "m"), ("m", "y"), ("z", "y"), ("y", "after")]), "y")
    problem = cb.Problem(graph, cb.InterventionSet(graph, list(strong.problem.interventions)))
    run = environment_of(strong.world)
    calls = []

    def experiments(fixed, size):
        calls.append(size)
        rows = run(fixed, size)
        return rows.assign(after=0) if len(calls) % 2 else rows

    result = cb.search(problem, 3000, FEW, environment=experiments, check="repair", rng=0)
    assert result.graph_check.rows.nodes == ("x", "z", "m", "y")
    assert result.counts.total == 3000


def test_a_repaired_search_keeps_to_its_money(strong):
    problem, world = strong.problem, strong.world
    costs = np.linspace(1, 5, len(problem.interventions))
    problem = replace(problem, interventions=problem.interventions.with_costs(costs))
    decision = cb.search(
        *(problem, None, "top-two"),
        budget_money=20_000,
        limits=cb.Limits(setup=10, most_each=3000),
        world=world,
        check="repair",
        rng=1,
    )
    assert decision.amendments
    assert 15_000 < decision.money <= 20_000
    assert decision.experiments.max() <= 3000
