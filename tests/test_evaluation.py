"""Regret curves: the right numbers, paired, the same however they are computed, and never lost."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cases import together
from regret_cases import NAMES, PROBLEM, QUICK, STRATEGIES

from causalbandit import (
    CausalGraph,
    CausalModel,
    InterventionSet,
    Problem,
    TopTwo,
    TwoPhase,
    evaluate_regret,
    load_problem,
    search,
)
from causalbandit.driver import drive
from causalbandit.evaluation import checked_budgets, labelled_strategies
from causalbandit.finished_searches import ResumeError
from causalbandit.random_problems import random_problem, random_problems
from causalbandit.spending import Limits
from causalbandit.strategies.strategy import make_task


def test_rows_hold_the_regret_of_the_chosen_intervention():
    problems = [PROBLEM, Problem(PROBLEM.graph, PROBLEM.interventions, PROBLEM.model, goal="min", name="prevent")]
    curves = evaluate_regret(problems, STRATEGIES, [20, 60], 7, rng=1)
    frame = curves.to_frame()
    assert len(frame) == 2 * 3 * 2 * 7
    assert list(frame.columns) == [
        *("problem", "strategy", "budget", "replication", "chosen", "regret", "correct", "experiments", "seconds"),
        "reason",
    ]
    effects = dict(
        zip(PROBLEM.interventions.labels, PROBLEM.model.effects(PROBLEM.interventions).tolist(), strict=True)
    )
    for row in frame.itertuples():
        best = max(effects.values()) if row.problem == PROBLEM.name else min(effects.values())
        assert row.regret == pytest.approx(abs(best - effects[row.chosen]), abs=1e-12)
        assert row.correct == (row.regret == 0)
        assert 0 < row.experiments <= row.budget
    assert set(frame["replication"]) == set(range(7))
    assert list(frame["strategy"].unique()) == NAMES


def test_a_replication_is_the_search_of_its_seeds():
    frame = evaluate_regret(PROBLEM, [TopTwo(rounds=3)], 50, 3, rng=5).to_frame()
    simulator = PROBLEM.model.simulator(PROBLEM.interventions)
    for replication in range(3):
        parts = np.random.SeedSequence(5).spawn(1)[0].spawn(3)[replication].spawn(2)
        learner, world = (np.random.default_rng(part) for part in parts)
        plan = TopTwo(rounds=3).run(make_task(PROBLEM), 50, learner)
        choice = drive(plan, lambda batch, world=world: simulator.draw(batch.sizes, world))
        assert PROBLEM.interventions.labels[choice.best_index] == frame["chosen"][replication]


def test_strategies_meet_the_same_worlds_and_rows_do_not_depend_on_what_else_is_run():
    together = evaluate_regret(PROBLEM, ["uniform", "successive-rejects"], [20, 60], 25, rng=2)
    alone = evaluate_regret(PROBLEM, {"again": "uniform"}, [60], 10, rng=2)
    frame = together.to_frame()
    same = frame[(frame["strategy"] == "uniform") & (frame["budget"] == 60) & (frame["replication"] < 10)]
    assert same["chosen"].tolist() == alone.to_frame()["chosen"].tolist()


def test_a_budget_below_the_smallest_is_a_cell_that_says_so():
    curves = evaluate_regret(PROBLEM, ["two-phase", "uniform"], [10, 300], 3, rng=0)
    frame = curves.to_frame()
    skipped = frame[frame["reason"] != ""]
    assert len(skipped) == 1
    (row,) = skipped.itertuples()
    assert (row.strategy, row.budget, row.experiments is not None) == ("two-phase", 10, True)
    assert np.isnan(row.regret)
    assert "needs at least" in row.reason
    summary = curves.means()
    assert summary.loc[summary["reason"] != "", "replications"].tolist() == [0]
    assert curves.plot().get_legend() is not None


@together(
    ("budgets", "error", "words"),
    [
        ([300, 100], ValueError, r"300 before 100; expected each once, ascending"),
        ([100, 100], ValueError, r"100 before 100; expected each once"),
        ([0, 100], ValueError, "budgets was 0"),
        ([100.5], TypeError, r"100\.5"),
        ([True], TypeError, "True"),
        ([], ValueError, "budgets was empty"),
        ([100, 10**19], ValueError, "from 1 to 1,000,000,000,000,000,000"),
        (1e3, TypeError, r"budgets was 1000\.0; expected a whole number"),
        ("100", TypeError, "budgets was '100'"),
        (None, TypeError, "budgets was None"),
    ],
)
def test_bad_budgets_are_named(budgets, error, words):
    with pytest.raises(error, match=words):
        checked_budgets(budgets)


def test_bad_arguments_are_named_before_anything_runs(tmp_path):
    path = tmp_path / "regret.jsonl"
    no_tables = Problem(PROBLEM.graph, PROBLEM.interventions)
    for words, arguments in {
        r"strategy was 'top-tow'; known names, .* Did you mean 'top-two'\?": (PROBLEM, ["top-tow"], [10], 5),
        "replications was 0": (PROBLEM, ["uniform"], [10], 0),
        r"needs the conditional probability table of every node": (no_tables, ["uniform"], [10], 5),
        "strategies was empty": (PROBLEM, [], [10], 5),
        "problem was empty": ([], ["uniform"], [10], 5),
        r"strategies names 'Uniform\(\)' twice": (PROBLEM, ["uniform", "uniform"], [10], 5),
    }.items():
        with pytest.raises(ValueError, match=words):
            evaluate_regret(*arguments, rng=0, resume=path)
    with pytest.raises(TypeError, match="expected a Problem"):
        evaluate_regret([PROBLEM, "asia"], "uniform", 10, 5)
    for words, arguments in {
        "problem was None; expected a Problem": (None, "uniform"),
        "strategies was None; expected a strategy": (PROBLEM, None),
    }.items():
        with pytest.raises(TypeError, match=words):
            evaluate_regret(*arguments, 10, 5)
    with pytest.raises(ValueError, match="strategies names '1' twice"):
        evaluate_regret(PROBLEM, {1: "uniform", "1": "top-two"}, 10, 5)
    with pytest.raises(ValueError, match="n_jobs was 0"):
        evaluate_regret(PROBLEM, "uniform", 10, 5, n_jobs=0)
    assert not path.exists()


def test_problems_of_one_name_are_told_apart_whatever_the_others_are_called():
    problems = [replace(random_problem(4, rng=seed), name=name) for seed, name in enumerate(["x", "x", "x (1)"])]
    curves = evaluate_regret(problems, "uniform", 30, 4, rng=0)
    assert curves.problems == ("x (2)", "x (3)", "x (1)")
    assert curves.means()["replications"].tolist() == [4, 4, 4]


def test_strategies_of_one_name_are_told_apart_by_their_parameters():
    labels = list(labelled_strategies([TwoPhase(truncation=1.0), TwoPhase(truncation=2.0), "uniform"]))
    assert labels[2] == "uniform"
    assert "truncation=1.0" in labels[0]
    assert "truncation=2.0" in labels[1]
    assert list(labelled_strategies(TopTwo())) == ["top-two"]


def test_more_experiments_mean_less_regret():
    # Mean regret of top-two at 30 and 480 experiments over 3 problems × 10 searches: 0.02 against 0.001 or so; half
    # of the first is missed for 6 seeds of 10,000 (drawn again from 120 searches each).
    curves = evaluate_regret(random_problems(3, 10, rng=1), QUICK, [30, 480], 10, rng=0)
    mean = curves.to_frame().groupby("budget")["regret"].mean()
    assert mean[480] < mean[30] / 2


def test_search_and_evaluation_agree_on_what_a_strategy_sees():
    model = CausalModel(PROBLEM.graph, {node: PROBLEM.model.table(node) for node in PROBLEM.graph.nodes})
    graph: CausalGraph = PROBLEM.graph
    problem = Problem(graph, InterventionSet(graph, list(PROBLEM.interventions)), model, goal="min")
    decision = search(problem, 5000, "top-two", rng=0)
    frame = evaluate_regret(problem, "top-two", 5000, 3, rng=0).to_frame()
    assert decision.simple_regret == pytest.approx(frame["regret"].median(), abs=0.02)


def test_top_two_keeps_its_lead_on_a_part_of_the_regret_table():
    # At T = 100 on asia means of 200 searches were 0.001 (top-two), 0.007 (two-phase) and 0.09 (successive rejects).
    # With 15 searches the first order is missed for one seed in 40, the second for two in 10,000 (drawn again from
    # those 200); this seed is fixed.
    problem = load_problem(Path(__file__).parents[1] / "graphs" / "asia.json")
    curves = evaluate_regret(problem, ["top-two", "two-phase", "successive-rejects"], 100, 15, rng=0)
    mean = curves.to_frame().groupby("strategy")["regret"].mean()
    assert mean["top-two"] <= mean["two-phase"]
    assert mean["top-two"] <= mean["successive-rejects"] / 5


def test_regret_against_money_is_paid_at_the_prices_and_resumed(tmp_path):
    problem = random_problem(4, rng=2)
    costs = np.linspace(1, 10, len(problem.interventions))
    problem = replace(problem, interventions=problem.interventions.with_costs(costs))
    settings = {"budgets_money": [30, 200.5], "limits": Limits(setup=2), "rng": 0, "resume": tmp_path / "rows"}
    curves = evaluate_regret(problem, ["uniform", "sequential-halving"], None, 3, **settings)
    frame = curves.to_frame()
    done = frame[frame["reason"] == ""]
    assert (done["money"] <= done["budget"]).all()
    assert (done["money"] > 0.8 * done["budget"]).all()
    assert (frame["reason"][(frame["budget"] == 60) & (frame["strategy"] == "sequential-halving")] != "").all()
    assert curves.means()["money"].notna().sum() == 3
    assert curves.plot().get_xlabel() == "money"
    again = evaluate_regret(problem, ["uniform", "sequential-halving"], None, 5, **settings).to_frame()
    assert again["regret"][again["replication"] < 3].tolist() == done["regret"].tolist()
    with pytest.raises(ResumeError, match="problems differ"):
        evaluate_regret(problem, ["uniform", "sequential-halving"], None, 3, **settings | {"limits": None})


def test_budgets_of_experiments_say_what_they_cost_where_prices_differ():
    problem = random_problem(4, rng=2)
    assert "money" not in evaluate_regret(problem, "uniform", 20, 2, rng=0).frame
    priced = replace(
        problem, interventions=problem.interventions.with_costs(np.arange(1, len(problem.interventions) + 1))
    )
    assert evaluate_regret(priced, "uniform", 20, 2, rng=0).frame["money"].between(20, 20 * len(costs_of(priced))).all()


def costs_of(problem):
    return problem.interventions.costs


@together("sums", [[200, 100], [0], [float("nan")], [], "5"])
def test_sums_of_money_that_are_none_are_refused(sums):
    with pytest.raises((ValueError, TypeError), match="budgets_money"):
        evaluate_regret(random_problem(4, rng=2), "uniform", None, 2, budgets_money=sums)
