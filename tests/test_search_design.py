"""design: what a budget will show, against simulation, formulas by hand, and bad input."""

from __future__ import annotations

import json
import math
import pickle
from functools import cache
from statistics import NormalDist

import networkx as nx
import numpy as np
import pytest
from cases import together

import causalbandit as cb
from causalbandit import allocation_forecast
from causalbandit.propagation import propagate


@cache
def shipped(name, budget, weighting="reach"):
    """The design of a shipped problem."""
    return cb.design(cb.load_problem(name), budget, weighting=weighting)


def arms(means, goal="max"):
    """Interventions that share nothing: each fixes both parents of the target and selects a row of its own."""
    graph = cb.CausalGraph(nx.DiGraph([("a", "y"), ("b", "y")]), target="y", parents={"y": ["a", "b"]})
    model = cb.CausalModel(graph, {"a": [0.5], "b": [0.5], "y": means})
    fixed = [{"a": place >> 1, "b": place & 1} for place in range(4)]
    return cb.Problem(graph, cb.InterventionSet(graph, fixed), model, goal)


def estimates(problem, sizes, runs, seed):
    """Plug-in effects of simulated searches with fixed numbers of experiments; [runs, A]."""
    simulator, random = problem.model.simulator(problem.interventions), np.random.default_rng(seed)
    drawn = [simulator.draw(sizes, random) for _ in range(runs)]
    cpt = np.array([(counts.ones + 0.5) / (counts.visits + 1) for counts in drawn])
    return propagate(problem.interventions, cpt).effects


# ---- right on what can be checked


@pytest.mark.parametrize(("name", "budget"), [("chain", 300), ("cancer", 300)])
def test_predicted_errors_of_fixed_plans_are_the_spread_of_simulated_searches(name, budget):
    # 300 searches know a standard deviation to 4 %: a true ratio of 1 leaves 15 % once in some thousands. The
    # prediction for half of the budget, 41 % larger, must fail. The chance of choosing right is found to 2 or 3 %.
    problem = cb.load_problem(name)
    n_arms = len(problem.interventions)
    sizes = np.full(n_arms, budget // n_arms)
    found = cb.design(problem, budget, allocations={"own": sizes}).allocation("own")
    estimated = estimates(problem, sizes, 300, seed=7)
    simulated = estimated.std(axis=0, ddof=1)
    assert np.abs(found.std_errors / simulated - 1).max() < 0.15
    assert np.abs(np.sqrt(2) * found.std_errors / simulated - 1).max() > 0.15
    sign, effects = (1 if problem.goal == "max" else -1), problem.model.effects(problem.interventions)
    right = ((sign * estimated).argmax(axis=1) == (sign * effects).argmax()).mean()
    assert found.probability_right == pytest.approx(right, abs=0.1)


def test_errors_and_chances_of_two_arms_by_hand():
    problem = arms([0.2, 0.0, 0.5, 0.6])
    found = cb.design(problem, 400).allocation("uniform-plug-in")
    errors = [math.sqrt(p * (1 - p) / 100) for p in (0.2, 0.0, 0.5, 0.6)]
    np.testing.assert_allclose(found.delta_errors, errors, rtol=1e-9)
    np.testing.assert_allclose(found.std_errors[[0, 2, 3]], np.array(errors)[[0, 2, 3]], rtol=0.08)  # known to 1.6 %
    lead = NormalDist().cdf(0.1 / math.hypot(errors[2], errors[3]))  # the others never win
    assert found.probability_right == pytest.approx(lead, abs=4 * math.sqrt(lead * (1 - lead) / found.n_draws))
    assert found.expected_regret == pytest.approx(0.1 * found.chosen[2], abs=1e-12)
    assert found.chosen.sum() == pytest.approx(1.0)


def test_errors_follow_the_formula_on_a_graph_with_shared_rows():
    # ad → trust → sale, half of 100 experiments under each of {} and ad = 1: by hand from the definitions.
    graph = cb.CausalGraph(nx.DiGraph([("ad", "trust"), ("trust", "sale")]), target="sale")
    model = cb.CausalModel(graph, {"ad": [0.4], "trust": [0.2, 0.7], "sale": [0.1, 0.6]})
    problem = cb.Problem(graph, cb.InterventionSet(graph, [{}, {"ad": 1}]), model)
    visits = {"ad": 50, "trust0": 50 * 0.6, "trust1": 50 * 0.4 + 50, "sale1": 50 * 0.4 + 50 * 0.7}
    visits["sale0"] = 100 - visits["sale1"]
    lift = 0.6 - 0.1  # of the sale by trust
    observed = (
        ((0.7 - 0.2) * lift) ** 2 * 0.4 * 0.6 / visits["ad"]
        + (0.6 * lift) ** 2 * 0.2 * 0.8 / visits["trust0"]
        + (0.4 * lift) ** 2 * 0.7 * 0.3 / visits["trust1"]
        + (1 - 0.4) ** 2 * 0.1 * 0.9 / visits["sale0"]
        + 0.4**2 * 0.6 * 0.4 / visits["sale1"]
    )
    fixed = (
        lift**2 * 0.7 * 0.3 / visits["trust1"]
        + 0.3**2 * 0.1 * 0.9 / visits["sale0"]
        + 0.7**2 * 0.6 * 0.4 / visits["sale1"]
    )
    found = cb.design(problem, 100).allocation("uniform-plug-in").delta_errors
    np.testing.assert_allclose(found, np.sqrt([observed, fixed]), rtol=1e-9)


def test_chances_know_that_estimates_are_correlated():
    # Both effects hang on the same row of the target: their difference is surer than two independent errors tell.
    found = shipped("cancer", 300)
    plug_in, apart = found.allocation("uniform-plug-in"), found.allocation("uniform")
    assert plug_in.probability_right > 3 * apart.probability_right


@pytest.mark.parametrize("goal", ["max", "min"])
def test_right_is_what_the_goal_asks_for(goal):
    problem = arms([0.1, 0.4, 0.5, 0.9], goal)
    chosen = cb.design(problem, 4_000).allocation("mixture").chosen
    assert chosen.argmax() == (3 if goal == "max" else 0)


def test_either_of_two_that_are_equally_good_is_right():
    found = cb.design(arms([0.1, 0.7, 0.7, 0.2]), 2_000).allocation("uniform-plug-in")
    assert found.probability_right == pytest.approx(1.0)
    assert found.expected_regret == pytest.approx(0.0)


@pytest.mark.parametrize("name", ["cancer", "chain", "purchase"])
def test_gamma_star_is_below_both_limits(name):
    problem = cb.load_problem(name)
    found = shipped(name, 1_000)
    matter = set(problem.graph.ancestors)
    left_free = [len(matter - set(fixed)) for fixed in problem.interventions]
    assert found.bounds == (len(matter) * problem.interventions.n_family_rows, sum(left_free))
    assert found.gamma_star.value <= min(found.bounds) * (1 + 1e-4)
    assert found.gamma_star.value == pytest.approx(cb.gamma_star(problem.model, problem.interventions), rel=1e-3)
    expected = math.sqrt(found.gamma_star.value * math.log(len(left_free) * 1_000) / 1_000)
    assert found.regret_bound == pytest.approx(expected)


def test_two_phase_is_predicted_to_spend_the_budget_as_searches_do():
    problem, budget = cb.load_problem("cancer"), 6_000
    found = cb.design(problem, budget).allocation("two-phase")
    assert found.experiments.sum() == pytest.approx(budget)
    spent = np.mean([cb.search(problem, budget, rng=seed, check="off").experiments for seed in range(8)], axis=0)
    assert np.abs(found.experiments - spent).sum() < 0.2 * budget  # searches plan by tables that they estimate
    even = np.full(len(spent), budget / len(spent))
    assert np.abs(even - spent).sum() > 0.5 * budget


def test_below_3c_two_phase_is_left_out_and_the_reason_given():
    found = cb.design(cb.load_problem("cancer"), 20)
    assert [each.name for each in found.allocations] == ["mixture", "uniform-plug-in", "uniform"]
    assert "two-phase needs at least 24 experiments" in found.summary().replace("\n  ", " ")


def test_a_problem_too_large_to_make_searches_up_is_predicted_by_the_delta_method(monkeypatch):
    problem = arms([0.2, 0.1, 0.5, 0.6])
    made_up = cb.design(problem, 400)
    monkeypatch.setattr(allocation_forecast, "TREE_WORK", 1.0)
    found = cb.design(problem, 400)
    by_graph, other = found.allocation("uniform-plug-in"), made_up.allocation("uniform-plug-in")
    assert np.array_equal(by_graph.std_errors, by_graph.delta_errors)
    assert by_graph.probability_right == pytest.approx(other.probability_right, abs=0.05)  # three standard errors
    assert "the normal distribution" in found.summary()
    assert "made up from the tables" in made_up.summary()


# ---- weightings, tables that are known, rows from before


def test_the_mixture_by_variance_has_the_smallest_largest_error():
    largest = {
        weighting: shipped("cancer", 300, weighting).allocation("mixture").delta_errors.max()
        for weighting in ("reach", "variance", "contrast")
    }
    assert largest["variance"] < 0.99 * min(largest["reach"], largest["contrast"])


def test_known_tables_have_no_error():
    problem = cb.load_problem("chain")
    first = problem.graph.ancestors[0]
    known = {node: problem.model.table(node) for node in problem.graph.ancestors[:-1]}
    found, free = cb.design(problem, 500, known=known), cb.design(problem, 500)
    assert (found.allocation("mixture").delta_errors <= free.allocation("mixture").delta_errors).all()
    assert found.bounds[0] < free.bounds[0], first
    everything = {node: problem.model.table(node) for node in problem.graph.ancestors}
    sure = cb.design(problem, 500, known=everything).allocation("mixture")
    assert (sure.std_errors.max(), sure.probability_right) == (0.0, 1.0)


def test_rows_from_before_give_the_tables_and_stand_in_the_denominators():
    full = cb.load_problem("purchase")
    history = full.model.sample({}, 3_000, rng=1)
    problem = cb.Problem(full.graph, full.interventions)
    found = cb.design(problem, 500, history=history)
    fitted = cb.fit(problem, history)
    np.testing.assert_allclose(found.effects, fitted.problem.model.effects(problem.interventions))
    without = cb.design(fitted.problem, 500)
    assert found.gamma_star.value == pytest.approx(without.gamma_star.value)
    assert (found.allocation("mixture").delta_errors < without.allocation("mixture").delta_errors).all()
    direct = cb.optimal_mixture(
        fitted.problem.model.reach(problem.interventions), counts=fitted.visits / 500, tolerance=1e-3
    )
    np.testing.assert_allclose(found.mixture.weights, direct.weights, atol=1e-6)
    assert "3,000 rows from before" in found.summary()


def test_a_graph_with_hidden_causes_is_designed_from_rows():
    world = cb.load_problem("bow")
    rows = world.model.sample({}, 2_000, rng=0)
    found = cb.design(world, 500, history=rows)
    assert found.allocation("mixture").probability_right > 0.5


# ---- words, tables, figure


def test_the_guarantee_says_what_it_covers():
    found = shipped("cancer", 300)
    size, truncated, outcomes = found.theory
    assert size == pytest.approx(16 * math.log(9 * 300))
    assert (truncated, outcomes) == (16, 16)
    for part in ("S is 0, and the bound is a guide", "every row of its layer", "a constant per row", "not covered"):
        assert part in found.guarantee()
    assert found.guarantee()[:60] in found.summary().replace("\n  ", " ")


def test_frames_json_and_figure():
    cancer = cb.load_problem("cancer")
    wider = cb.InterventionSet.up_to(cancer.graph, 2)
    found = cb.design(cb.Problem(cancer.graph, wider, cancer.model), 20)  # without two-phase
    frame = found.to_frame()
    assert list(frame) == [
        "allocation",
        "intervention",
        "experiments",
        "effect",
        "std_error",
        "delta_error",
        "probability_chosen",
    ]
    assert len(frame) == 3 * len(wider)
    assert all(len(line) <= 80 for line in found.summary().splitlines())
    told = [float(line.split("%")[0]) for line in found.summary().splitlines() if " %  " in line]
    assert sum(told) == pytest.approx(100, abs=0.05 * len(told) + 0.01)
    saved = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert saved["limits"] == list(found.bounds)
    assert "<table" in found._repr_html_()
    assert "SearchDesign(20 experiments" in repr(found)
    again = pickle.loads(pickle.dumps(found))
    assert again.regret_bound == found.regret_bound
    axes = found.plot()
    assert f"{len(wider) - 12} more not shown" in axes.get_title()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(frame["allocation"].unique())


def test_the_same_seed_gives_the_same_chances():
    problem = cb.load_problem("cancer")
    one, two, other = (cb.design(problem, 20, rng=rng) for rng in (1, 1, 2))  # without two-phase
    assert one.comparison().equals(two.comparison())
    assert not one.comparison().equals(other.comparison())


# ---- bad input


@together(
    ("changes", "message"),
    [
        ({"budget": 0}, "budget was 0"),
        ({"budget": 2.5}, "budget was 2.5"),
        ({"weighting": "errors"}, "weighting was 'errors'; known: 'reach', 'variance', 'contrast'"),
        ({"problem": "asia"}, "problem was a str; expected a Problem"),
        ({"history_interventions": "did"}, "history_interventions was given without history"),
        ({"allocations": {"own": [1, 2]}}, r"allocations has shape \(2,\)"),
        ({"allocations": {"own": [300, 1, 0, 0]}}, "allocations of 'own' hold 301 experiments; .* the budget, 300"),
        ({"allocations": {"own": [0, 0, 0, 0]}}, "hold 0 experiments"),
        ({"allocations": {"own": [1, -1, 0, 0]}}, "allocations holds -1"),
        ({"allocations": {"uniform": [1, 1, 1, 1]}}, "allocations have the name 'uniform', which is taken"),
        (
            {"allocations": {"own": [5, 5, 5, 0]}},
            r"'own' never show y given a=1, b=1, on which the effect of a=1, b=1 depends. Those under a=1, b=1 would",
        ),
    ],
)
def test_what_cannot_be_designed_is_named(changes, message):
    given = {"problem": arms([0.1, 0.2, 0.3, 0.4]), "budget": 300, **changes}
    with pytest.raises(ValueError, match=message):
        cb.design(given.pop("problem"), given.pop("budget"), **given)


def test_a_problem_without_tables_needs_rows_from_before():
    full = cb.load_problem("chain")
    with pytest.raises(ValueError, match=r"history was not given, and \d+ of \d+ nodes have no table: .*rows from"):
        cb.design(cb.Problem(full.graph, full.interventions), 300)
