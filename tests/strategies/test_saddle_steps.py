"""Shares with limits: scaled, best against a gradient, and the mixture problem's optimum under limits."""

import numpy as np
import pytest
from cases import together
from scipy.optimize import linprog, minimize

from causalbandit.strategies.mixture_search import MixtureProblem
from causalbandit.strategies.saddle_steps import capped_saddle, dearest_first, within_caps
from tests.mixture_oracle import random_reach


def test_shares_are_scaled_up_to_their_limits():
    shares = within_caps(np.array([4.0, 2, 1, 1]), np.array([0.3, 1, 1, 1]), 1.0)
    assert shares == pytest.approx([0.3, 0.35, 0.175, 0.175])
    assert within_caps(np.array([4.0, 2, 1]), np.array([0.1, 0.2, 0.3]), 1.0) == pytest.approx([0.1, 0.2, 0.3])
    assert within_caps(np.array([1.0, 0, 3]), np.ones(3), 0.5) == pytest.approx([0.125, 0, 0.375])


@together("seed", range(5))
def test_the_dearest_come_first_as_a_linear_program_says(seed):
    rng = np.random.default_rng(seed)
    gradient, most = rng.random(6), rng.random(6) * 0.5
    total = min(1.0, most.sum())
    by_program = linprog(-gradient, A_eq=np.ones((1, 6)), b_eq=[total], bounds=[(0, u) for u in most])
    assert dearest_first(gradient, most, 1.0) == pytest.approx(-by_program.fun)


@pytest.mark.parametrize("seed", range(3))
def test_the_saddle_is_the_optimum_of_another_solver_and_the_bound_is_below_it(seed):
    rng = np.random.default_rng(seed)
    reach, count = random_reach(rng, 4, 5, 1.0, 0.8), rng.random(4) * 0.05
    most = rng.uniform(0.15, 0.5, 5)
    (best, _), proof = capped_saddle(reach, reach**2, count, most, 1.0)

    def value(shares):
        return float(((reach**2).T @ (1 / (count + reach @ shares))).max())

    found = minimize(
        lambda x: x[-1],
        np.append(within_caps(np.ones(5), most, 1.0), value(within_caps(np.ones(5), most, 1.0))),
        constraints=[
            {"type": "ineq", "fun": lambda x: x[-1] - (reach**2).T @ (1 / (count + reach @ x[:-1]))},
            {"type": "eq", "fun": lambda x: x[:-1].sum() - 1},
        ],
        bounds=[(0, u) for u in most] + [(0, None)],
        method="SLSQP",
    )
    assert value(best) == pytest.approx(found.x[-1], rel=3e-3)
    assert (best <= most * (1 + 1e-9)).all()
    problem = MixtureProblem.from_arrays(reach, reach**2, count)
    bound, _ = problem.bound(
        problem.denominators(proof[0]), proof[1], largest=lambda gradient: dearest_first(gradient, most, 1.0)
    )
    assert 0.99 * found.x[-1] <= bound <= found.x[-1] * (1 + 1e-6)
