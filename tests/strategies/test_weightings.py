"""Weightings of the mixture by name: their formulas, certificates against plain cvxpy, and searches that use them."""

from __future__ import annotations

import math

import cvxpy as cp
import numpy as np
import pytest
from cases import together

from causalbandit import TwoPhase, load_problem, optimal_mixture, random_problem, search
from causalbandit.strategies.weightings import WEIGHTINGS, lead_errors, row_weights


def inputs(seed: int):
    """A random problem's arrays as `optimal_mixture` takes them, and the standard errors of 200 visits per row."""
    problem = random_problem(5, rng=seed)
    model, arms = problem.model, problem.interventions
    gradient, cpt, effects = model.gradient(arms), model.cpt_for(arms), model.effects(arms)
    errors = lead_errors(gradient, effects, cpt * (1 - cpt) / 200)
    return model.reach(arms), {"gradient": gradient, "cpt": cpt, "effects": effects, "std_errors": errors}


def plain_optimum(reach, weights):
    """The mixture problem as it is written, in one cvxpy program of A constraints with a term per row each."""
    rows = np.flatnonzero((weights.max(axis=1) > 0) & (reach.max(axis=1) > 0))
    at_even = reach.mean(axis=1, keepdims=True)  # numbers near 1, or the solver is off in the fifth digit
    reach, weights = reach[rows] / at_even[rows], weights[rows] / at_even[rows]
    unit = weights.sum(axis=0).max()
    eta, level = cp.Variable(reach.shape[1], nonneg=True), cp.Variable()
    rates = reach @ eta
    constraints = [cp.sum(eta) == 1]
    for each in weights.T:
        constraints.append(cp.sum([w / unit * cp.inv_pos(rates[c]) for c, w in enumerate(each) if w > 0]) <= level)
    program = cp.Problem(cp.Minimize(level), constraints)
    program.solve(solver="CLARABEL")  # to 1e-8
    assert program.status == "optimal"
    return program.value * unit


def by_loops(weighting, reach, gradient, cpt, effects, std_errors):
    """The table of the module's docstring, one entry at a time."""
    leader = max(range(len(effects)), key=lambda a: effects[a])
    weights = np.zeros(reach.shape)
    for c in range(len(reach)):
        for a in range(reach.shape[1]):
            if weighting == "reach":
                weights[c, a] = reach[c, a] ** 2
            elif weighting == "variance":
                weights[c, a] = gradient[c, a] ** 2 * cpt[c] * (1 - cpt[c])
            elif a != leader:
                resolved = max(effects[leader] - effects[a], std_errors[a])
                if resolved > 0:
                    difference = gradient[c, a] - gradient[c, leader]
                    weights[c, a] = difference**2 * cpt[c] * (1 - cpt[c]) / resolved**2
    return weights


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("seed", range(3))
def test_the_certificate_holds_the_optimum_of_plain_cvxpy(weighting, seed):
    reach, arrays = inputs(seed)
    mixture = optimal_mixture(reach, weighting=weighting, **arrays)
    optimum = plain_optimum(reach, by_loops(weighting, reach, **arrays))
    assert 0 < mixture.lower_bound <= optimum * (1 + 1e-6)
    assert mixture.value >= optimum * (1 - 1e-6)
    assert mixture.value == pytest.approx(optimum, rel=2e-4)


@pytest.mark.parametrize("weighting", WEIGHTINGS[1:])
def test_weights_follow_their_formulas(weighting):
    reach, arrays = inputs(4)
    found = row_weights(weighting, arrays["gradient"], arrays["cpt"], arrays["effects"], arrays["std_errors"])
    np.testing.assert_allclose(found, by_loops(weighting, reach, **arrays), rtol=1e-12, atol=1e-15)


def test_each_weighting_is_the_best_for_its_own_question():
    reach, arrays = inputs(1)
    mixtures = {name: optimal_mixture(reach, weighting=name, **arrays) for name in WEIGHTINGS}
    for own in WEIGHTINGS:
        weights = by_loops(own, reach, **arrays)
        rows = weights.max(axis=1) > 0
        values = {
            name: (weights[rows] / np.maximum(reach[rows] @ mixture.weights, 1e-300)[:, None]).sum(axis=0).max()
            for name, mixture in mixtures.items()
        }
        assert values[own] <= min(values.values()) * (1 + 1e-4)
        assert max(values.values()) > values[own] * 1.01  # the questions differ, or the test could not fail


def test_the_errors_of_leads_are_those_of_the_delta_method():
    gradient, variance = np.array([[0.5, 0.2], [0.0, 1.0]]), np.array([0.04, 0.09])
    found = lead_errors(gradient, np.array([0.7, 0.3]), variance)
    assert found.tolist() == pytest.approx([0.0, math.sqrt(0.3**2 * 0.04 + 1.0 * 0.09)])


def test_a_tie_without_errors_has_no_weight():
    weights = row_weights("contrast", np.eye(2), np.array([0.5, 0.5]), np.array([0.4, 0.4]))
    assert not weights.any()


@together(
    ("changes", "message"),
    [
        ({"weighting": "varance"}, "weighting was 'varance'.*Did you mean"),
        ({"gradient": None}, "gradient was not given; the weighting 'contrast' needs it"),
        ({"cpt": None}, "cpt was not given"),
        ({"effects": None}, "effects was not given"),
        ({"cpt": [0.5, 1.5]}, r"cpt has shape \(2,\)"),
        ({"std_errors": "low"}, "std_errors"),
        ({"objective": "reach"}, "objective was given with weighting 'contrast', which makes it"),
    ],
)
def test_what_a_weighting_needs_is_named(changes, message):
    reach, arrays = inputs(0)
    if changes.get("objective"):
        changes = {"objective": reach**2}
    if changes.get("std_errors"):
        changes = {"std_errors": np.full(reach.shape[1], -0.1)}
    with pytest.raises(ValueError, match=message):
        optimal_mixture(reach, **{"weighting": "contrast", **arrays, **changes})


# ---- in a search


@together("goal", ["max", "min"])
@together("weighting", ["variance", "contrast"])
def test_a_search_plans_by_the_weighting_and_finds_the_best(weighting, goal):
    problem = load_problem("graphs/chain.json")
    problem = type(problem)(problem.graph, problem.interventions, problem.model, goal)
    decision = search(problem, 20_000, TwoPhase(weighting=weighting), rng=0)
    effects = problem.model.effects(problem.interventions)
    assert decision.best_index == (effects.argmax() if goal == "max" else effects.argmin())
    plain = search(problem, 20_000, TwoPhase(), rng=0)
    assert not np.allclose(decision.mixture.weights, plain.mixture.weights, atol=0.01)
    assert decision.mixture.gap <= 1e-3


def test_the_weighting_of_a_search_is_checked_before_it_begins():
    with pytest.raises(ValueError, match="weighting was 'effects'; known: 'reach', 'variance', 'contrast'"):
        TwoPhase(weighting="effects")


# ---- truncation by the theory


def test_the_theory_truncates_at_n_squared_log_at_and_says_what_that_does():
    problem = load_problem("graphs/cancer.json")
    decision = search(problem, 300, TwoPhase(truncation="theory"), rng=0)
    size = len(problem.graph.ancestors) ** 2 * math.log(len(problem.interventions) * 300)
    note = next(note for note in decision.notes if "theory" in note)
    assert f"= {size:,.0f} expected counts" in note
    assert "the budget is too small for it" in note
    assert decision.tables.negligible.all()


def test_the_theory_truncates_little_once_the_budget_is_large():
    problem = load_problem("graphs/purchase.json")
    decision = search(problem, 10**7, TwoPhase(truncation="theory"), rng=0)
    note = next(note for note in decision.notes if "theory" in note)
    assert "too small" not in note
    assert decision.best_index == problem.model.effects(problem.interventions).argmax()


def test_another_word_for_truncation_is_refused():
    with pytest.raises(ValueError, match=r"truncation was 'practice'.*or 'theory'"):
        TwoPhase(truncation="practice")
