"""The goal "min" as "max": every step is its own inverse, and the same world seen upside down."""

from dataclasses import replace

import numpy as np
import pytest

from causalbandit import CausalModel, Problem, search
from causalbandit.counts import Counts
from causalbandit.strategies.maximise import Maximisation
from causalbandit.strategies.strategy import Choice, Tables, make_task


@pytest.fixture
def turn(shop):
    return Maximisation.of(replace(shop, goal="min"))


def test_the_goal_max_changes_nothing(shop):
    same = Maximisation.of(shop)
    task = make_task(shop)
    assert same.task(task) is task
    effects = np.array([0.1, 0.2])
    assert same.effects(effects) is effects
    assert same.gains(effects) is effects


def test_only_the_targets_rows_are_complemented(shop, turn):
    task = turn.task(make_task(replace(shop, goal="min"), dict(shop.tables)))
    assert task.known.tolist() == pytest.approx([0.3, 0.2, 0.7, 0.9, 0.6, 0.8, 0.4])


def test_counts_are_those_of_the_world_upside_down(shop, turn):
    rows = shop.model.sample({"ad": 1}, 50, rng=0)
    counted = Counts.from_frame(shop.interventions, {"ad": 1}, rows)
    flipped = Counts.from_frame(shop.interventions, {"ad": 1}, rows.assign(purchase=1 - rows["purchase"]))
    assert turn.counts(counted) == flipped


def test_there_and_back_is_where_one_was(shop, turn):
    cpt = np.linspace(0.1, 0.7, 7)
    truncated = np.zeros((7, 2), dtype=bool)
    truncated[3, 0] = truncated[0, 1] = True
    tables = Tables(cpt, np.arange(7), np.zeros(7, dtype=bool), truncated)
    choice = Choice(2, np.array([0.25, 0.5, 0.75, 1.0]), tables, notes=("so",))
    there = turn.choice(choice)
    assert there.best_index == 2
    assert there.effects.tolist() == [0.75, 0.5, 0.25, 0.0]
    assert there.tables.truncated[3].tolist() == [False, True]
    assert there.tables.truncated[0].tolist() == [False, True]  # no row of the target
    back = turn.choice(there)
    assert back.effects.tolist() == choice.effects.tolist()
    assert back.tables.cpt.tolist() == pytest.approx(cpt.tolist())
    assert back.tables.truncated.tolist() == truncated.tolist()
    assert back.notes == ("so",)
    bare = turn.choice(Choice(1))
    assert (bare.effects, bare.tables) == (None, None)


def test_regret_is_exact_even_of_tiny_effects(turn):
    effects = np.array([3e-20, 1e-20, 2e-20])  # 1 - effect would be 1 for all
    assert turn.regrets(effects).tolist() == pytest.approx([2e-20, 0.0, 1e-20], abs=1e-25)
    assert turn.gains(effects).argmax() == 1


@pytest.mark.parametrize("strategy", ["two-phase", "top-two", "uniform-plug-in"])
def test_a_search_for_the_least_is_the_search_for_the_most_of_the_complement(shop, strategy):
    tables = {**shop.tables, "purchase": [1 - value for value in shop.tables["purchase"]]}
    flipped = Problem(shop.graph, shop.interventions, CausalModel(shop.graph, tables))
    least = search(replace(shop, goal="min"), 3000, strategy, rng=0)
    most = search(flipped, 3000, strategy, rng=0)
    # Worlds differ in their draws, not in law: the answers agree at this size.
    assert least.best == most.best
    np.testing.assert_allclose(least.estimates, 1 - most.estimates, atol=0.06)
