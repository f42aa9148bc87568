"""The solvers of the mixture problem: exact where it can be checked, and steady under rounding."""

from __future__ import annotations

import numpy as np
import pytest
from mixture_oracle import random_reach, value_of

from causalbandit import (
    optimal_mixture,
)
from causalbandit.strategies import mixture_solvers
from causalbandit.strategies.mixture_solvers import Restricted, conic


def test_gap_is_small_on_random_instances_with_the_main_solver():
    rng = np.random.default_rng(0)
    for _ in range(20):
        n_rows, n_interventions = int(rng.integers(1, 80)), int(rng.integers(1, 50))
        reach = random_reach(rng, n_rows, n_interventions, decades=rng.uniform(0, 4), density=rng.uniform(0.1, 1))
        mixture = optimal_mixture(reach, solvers=("CLARABEL",))
        assert mixture.gap <= 1e-4
        assert mixture.note == ""
        assert mixture.weights.min() >= 0
        assert mixture.weights.sum() == pytest.approx(1, abs=1e-12)


def test_reach_down_to_a_hundred_millionth_solves():
    rng = np.random.default_rng(3)
    for _ in range(10):
        reach = random_reach(rng, 60, 20, decades=8.0)
        reach[0] *= 1e-8 / reach[0].max()
        mixture = optimal_mixture(reach)
        assert mixture.gap <= 1e-4
        assert mixture.value == pytest.approx(value_of(mixture.weights, reach), rel=1e-9)  # tiny rows are in the value


def test_without_scaling_the_interior_point_solver_fails_on_such_reach():
    """The canary: on at least half of the instances of the last test it gives up, or is off by more than 1 %."""
    import warnings

    import cvxpy as cp

    rng, failures = np.random.default_rng(3), 0
    for _ in range(10):
        reach = random_reach(rng, 60, 20, decades=8.0)
        reach[0] *= 1e-8 / reach[0].max()
        weights, value = cp.Variable(20, nonneg=True), cp.Variable()
        limits = [(reach**2).T @ cp.inv_pos(reach @ weights) <= value, cp.sum(weights) == 1]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                cp.Problem(cp.Minimize(value), limits).solve(solver="CLARABEL")
            found = np.clip(weights.value, 0, None) / np.clip(weights.value, 0, None).sum()
            failures += not value_of(found, reach) <= 1.01 * optimal_mixture(reach).value
        except (cp.error.SolverError, ZeroDivisionError):
            failures += 1
    assert failures >= 5


def test_first_order_method_alone_comes_near_and_says_how_near():
    rng = np.random.default_rng(9)
    for _ in range(5):
        reach = random_reach(rng, 40, 15)
        exact, rough = optimal_mixture(reach), optimal_mixture(reach, solvers=("first-order",))
        assert rough.solver in ("first-order", "uniform")
        assert rough.gap <= 0.02
        assert exact.lower_bound <= rough.value <= exact.value * 1.02
        assert (rough.gap > rough.tolerance) == ("above the tolerance" in rough.note)


def rank_deficient_reach(rng):
    """Reach of 12 interventions that are all blends of 5, some of them the same: many mixtures are equally good."""
    basis = rng.random((20, 5)) * (rng.random((20, 5)) < 0.6) + 0.01
    blends = rng.dirichlet(np.full(5, 0.5), size=12)
    blends[6:9] = blends[:3]
    return basis @ blends.T


def last_digits_changed(rng, reach):
    """The same numbers but for the rounding of another machine, which leaves equal ones equal."""
    values, place = np.unique(reach, return_inverse=True)
    noisy = values * (1 + 4e-16 * rng.standard_normal(len(values)))
    return np.clip(noisy, 0, 1)[place].reshape(reach.shape)


def distances_under_rounding(tolerance):
    """How far mixtures of ten problems move when the problem's last digits change."""
    rng = np.random.default_rng(22)
    distances = []
    for _ in range(10):
        reach = rank_deficient_reach(rng)
        one, other = (optimal_mixture(each, tolerance=tolerance) for each in (reach, last_digits_changed(rng, reach)))
        distances.append(np.abs(one.weights - other.weights).max())
    return np.array(distances)


@pytest.mark.parametrize(("tolerance", "near"), [(1e-3, 1e-6), (1e-4, 5e-6)])
def test_the_last_digits_of_a_machine_do_not_choose_among_equally_good_mixtures(tolerance, near):
    assert distances_under_rounding(tolerance).max() < near


def test_they_would_if_the_interior_point_solver_went_on_to_its_last_digit(monkeypatch):
    exact = dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), 1e-12)
    monkeypatch.setitem(mixture_solvers.CVXPY_SOLVERS, "CLARABEL", lambda tolerance: exact)
    assert distances_under_rounding(1e-3).max() > 1e-5


def test_differences_from_the_usual_reach_lead_to_the_same_optimum(monkeypatch):
    """A chain, in which most interventions leave a row as it is, solved with and without its usual entries."""
    rng = np.random.default_rng(0)
    n_rows, n_interventions = 40, 60
    rate = np.repeat(rng.uniform(0.2, 0.8, n_rows)[:, None], n_interventions, axis=1)
    changed = rng.random(rate.shape) < 0.1
    rate[changed] = rng.uniform(0, 1, changed.sum())
    start = np.full(n_interventions, 1 / n_interventions)
    problem = Restricted(rate, rate**2, rng.uniform(0, 0.2, n_rows), start, 1e-6)
    values = {}
    for large in (rate.size, 0):
        monkeypatch.setattr(mixture_solvers, "_LARGE", large)
        assert (mixture_solvers._sparse_parts(problem) is None) == (large > 0)
        ((mixture, dual),) = conic("CLARABEL")(problem)
        denominators = problem.count + rate @ mixture
        row = (problem.weight @ dual) / denominators
        value = ((1 / denominators) @ problem.weight).max()
        bound = row.sum() ** 2 / ((row / denominators) @ problem.count + ((row / denominators) @ rate).max())
        assert bound <= value <= bound * (1 + 1e-5)
        values[large] = value
    np.testing.assert_allclose(values[0], values[rate.size], rtol=1e-5)
