"""The search for a mixture: its certificate, rows of all sizes, working sets that grow, fall-backs."""

from __future__ import annotations

import sys

import cvxpy as cp
import numpy as np
import pytest
from mixture_oracle import random_reach, scipy_value, value_of

from causalbandit import optimal_mixture
from causalbandit.strategies import mixture_search, mixture_solvers
from causalbandit.strategies.mixture_search import MixtureProblem


@pytest.mark.parametrize("counted", [False, True])
def test_lower_bound_is_below_the_value_of_every_mixture(counted):
    # From ANY reference mixture and ANY dual weights the bound must hold: the certificate trusts no solver.
    rng = np.random.default_rng(2)
    for _ in range(40):
        reach = random_reach(rng, 8, 5)
        counts = rng.random(8) if counted else np.zeros(8)
        problem = MixtureProblem.from_arrays(reach, reach**2, counts)
        bound, _ = problem.bound(problem.denominators(rng.dirichlet(np.ones(5))), rng.dirichlet(np.ones(5)))
        for weights in rng.dirichlet(np.full(5, 0.5), size=20):
            assert bound <= value_of(weights, reach, counts=counts) * (1 + 1e-12)


def test_reach_and_objective_spread_over_sixteen_decades_solve():
    rng = np.random.default_rng(21)
    for _ in range(15):
        reach = random_reach(rng, 50, 30, decades=16.0)
        objective = rng.random(reach.shape) * (reach > 0) * 10.0 ** (-16 * rng.random((50, 1)))
        mixture = optimal_mixture(reach, objective)
        assert mixture.gap <= 1e-4
        assert mixture.n_small_rows > 0


def test_rows_too_small_for_the_solver_still_count_in_the_value():
    reach = np.array([[1.0, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 1e-30]])
    mixture = optimal_mixture(reach)
    assert mixture.n_rows == 3
    assert mixture.n_small_rows == 1
    assert mixture.weights[2] > 0
    assert np.isfinite(value_of(mixture.weights, reach))
    assert mixture.gap <= 1e-4


def test_many_interventions_need_few_rounds():
    rng = np.random.default_rng(8)
    reach = random_reach(rng, 60, 6000)
    mixture = optimal_mixture(reach)
    assert mixture.gap <= 1e-4
    assert mixture.rounds <= 20
    assert np.count_nonzero(mixture.weights) <= 60


def test_a_tiny_row_that_only_a_second_best_intervention_reaches_does_not_spoil_the_bound():
    # Intervention 1 does what 0 does, 0.1 % worse, and alone reaches row 2, whose weight is 2e-11: it gets a sliver.
    reach = np.array([[1.0, 0.999, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    objective = np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [2e-11, 0.0, 0.0]])
    mixture = optimal_mixture(reach, objective)
    np.testing.assert_allclose(mixture.weights, [0.5, 0.0, 0.5], atol=1e-3)
    assert mixture.weights[1] > 0
    assert mixture.n_small_rows == 1
    assert mixture.gap <= 1e-4
    assert mixture.rounds <= 2


def test_uniform_mixture_is_the_last_resort_and_at_most_rows_times_nodes():
    reach = random_reach(np.random.default_rng(10), 30, 10)
    mixture = optimal_mixture(reach, solvers=("uniform",))
    assert mixture.solver == "uniform"
    assert "above the tolerance" in mixture.note
    assert mixture.value <= 30 * reach.sum(axis=0).max() * (1 + 1e-12)


def test_second_solver_is_used_when_the_first_is_absent():
    pytest.importorskip("scs", reason="SCS is the extra scs")
    reach = random_reach(np.random.default_rng(12), 12, 6, decades=1.0)
    mixture = optimal_mixture(reach, solvers=("MOSEK", "SCS"))  # MOSEK is not installed
    assert mixture.solver == "SCS"
    assert mixture.gap <= 1e-4
    assert "Fell back (MOSEK:" in mixture.note


def test_a_mixture_is_found_and_certified_where_cvxpy_is_damaged(monkeypatch):
    monkeypatch.setitem(sys.modules, "cvxpy", None)
    mixture = optimal_mixture(random_reach(np.random.default_rng(13), 12, 6))
    assert mixture.solver == "first-order"
    assert mixture.gap <= 1e-4
    assert "cvxpy cannot be imported; reinstall it" in mixture.note


def test_failing_solvers_fall_back_to_the_first_order_method(monkeypatch):
    def broken(problem):
        raise mixture_solvers.SolveError("it failed on purpose")

    for name in ("CLARABEL", "SCS"):
        monkeypatch.setitem(mixture_solvers.SOLVERS, name, broken)
    reach = random_reach(np.random.default_rng(13), 12, 6)
    mixture = optimal_mixture(reach, tolerance=1e-3)
    assert mixture.solver == "first-order"
    assert mixture.gap <= 1e-3
    assert "it failed on purpose" in mixture.note


def test_a_solver_that_answers_nonsense_is_not_believed(monkeypatch):
    def liar(problem):
        mixture, dual = np.zeros(problem.rate.shape[1]), np.zeros(problem.weight.shape[1])
        mixture[0] = dual[-1] = 1.0
        return [(mixture, dual)]

    monkeypatch.setitem(mixture_solvers.SOLVERS, "CLARABEL", liar)
    reach = random_reach(np.random.default_rng(14), 15, 8, decades=1.0)
    mixture = optimal_mixture(reach, solvers=("CLARABEL",))
    assert mixture.value == pytest.approx(value_of(mixture.weights, reach), rel=1e-9)
    assert mixture.lower_bound <= scipy_value(reach)


@pytest.mark.parametrize("block", range(3))
def test_grown_working_sets_find_the_optimum_of_one_plain_program(monkeypatch, block):
    # Two algorithms for one convex problem: no chance is involved but in the 24 instances, which are fixed.
    monkeypatch.setattr(mixture_search, "AT_ONCE", 0)  # grow the working sets also on problems that are small enough
    for seed in range(8 * block, 8 * block + 8):
        rng = np.random.default_rng(1000 + seed)
        reach = random_reach(rng, int(rng.integers(2, 9)), int(rng.integers(30, 60)), decades=1.0)
        plain = cp.Variable(reach.shape[1], nonneg=True)
        value = cp.max((reach**2).T @ cp.inv_pos(reach @ plain))
        optimum = cp.Problem(cp.Minimize(value), [cp.sum(plain) == 1]).solve(solver="CLARABEL")
        mixture = optimal_mixture(reach, tolerance=5e-5)
        assert mixture.value == pytest.approx(optimum, rel=1e-4)
        assert mixture.lower_bound <= optimum * (1 + 1e-7)
