"""What strategies are told and return: tasks, budgets, ties."""

import numpy as np
import pytest
from conftest import refusal

from causalbandit import Batch, StopWhenSure, TwoPhase
from causalbandit.strategies.baselines import SuccessiveRejects
from causalbandit.strategies.stopping import Watched
from causalbandit.strategies.strategy import best_at_random, check_budget, check_tables, make_task
from causalbandit.strategies.top_two import TopTwo


def choices(values):
    return {best_at_random(np.array(values), np.random.default_rng(seed)) for seed in range(60)}


def test_the_largest_is_chosen_and_ties_are_broken_at_random():
    assert choices([0.1, 0.3, 0.2]) == {1}
    assert choices([0.3, 0.1, 0.3, 0.3]) == {0, 2, 3}


def test_values_that_differ_by_rounding_alone_are_ties():
    assert choices([0.1 + 0.2, 0.3, 0.2]) == {0, 1}
    assert choices([0.3 + 1e-9, 0.3]) == {0}


def test_what_has_no_estimate_is_chosen_only_when_nothing_has_one():
    assert choices([np.nan, 0.1, np.nan]) == {1}
    assert choices([np.nan, np.nan]) == {0, 1}


def test_a_task_holds_given_tables_and_nan_for_the_rest(shop):
    task = make_task(shop, {"trust": [0.2, 0.7]})
    assert np.isnan(task.known).tolist() == [True, False, False, True, True, True, True]
    assert task.n_learned == 5
    assert task.learned.tolist() == np.isnan(task.known).tolist()


def test_a_given_table_is_checked_by_name(shop):
    with pytest.raises(ValueError, match=r"'trust'.*expected 2 probabilities"):
        make_task(shop, {"trust": [0.2]})
    with pytest.raises(ValueError, match="Did you mean 'trust'"):
        make_task(shop, {"trsut": [0.2, 0.7]})


def test_a_budget_comes_back_as_an_int_or_is_refused(shop):
    task = make_task(shop)
    assert check_budget(np.int32(21), TwoPhase(), task) == 21
    with pytest.raises(ValueError, match=r"budget was 20; the strategy 'two-phase' needs at least 21 experiments"):
        check_budget(20, TwoPhase(), task)
    with pytest.raises(TypeError, match=r"budget was 21\.0; expected a whole number of experiments"):
        check_budget(21.0, TwoPhase(), task)
    needs = "budget was 4; the strategy 'successive-rejects' needs at least 5 experiments here."
    for strategy in (SuccessiveRejects(), Watched(SuccessiveRejects(), StopWhenSure())):
        assert refusal(lambda strategy=strategy: check_budget(4, strategy, task)) == needs


def test_a_strategy_that_knows_tables_is_told_which_it_lacks(shop):
    with pytest.raises(ValueError, match=r"known lacks the tables of 'ad', 'trust'"):
        check_tables(TopTwo(knows_tables=True), make_task(shop))
    check_tables(TopTwo(knows_tables=True), make_task(shop, {"ad": [0.3], "trust": [0.2, 0.7]}))


def test_a_batch_counts_its_experiments():
    assert Batch(np.array([3, 0, 4]), "uniform").total == 7
