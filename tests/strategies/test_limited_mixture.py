"""The mixture within limits: against all sets of interventions tried one by one, with a certificate that holds."""

import itertools

import numpy as np
import pytest

from causalbandit.errors import InvalidArgument
from causalbandit.spending import Limits, Spending
from causalbandit.strategies.limited_mixture import limited_mixture
from causalbandit.strategies.mixture import optimal_mixture
from tests.mixture_oracle import random_reach, scipy_value, value_of

FREE = 10**18


def purse_of(prices, money, setup=0.0, kinds=None, most=FREE):
    prices = np.asarray(prices, dtype=float)
    n = len(prices)
    limits = Limits(most_kinds=kinds, most_each=None if most is FREE else int(np.max(most)))
    return Spending(
        "money", money, money, prices, np.zeros(n) + setup, np.full(n, most), n if kinds is None else kinds, limits
    )


def brute_force(reach, visits, purse):
    """The least value of all sets of so many interventions, each set solved by the mixture of its columns."""
    best, money = np.inf, purse.money
    for size in range(1, purse.kinds + 1):
        for members in map(list, itertools.combinations(range(reach.shape[1]), size)):
            net = money - purse.setup[members].sum()
            few = np.zeros_like(reach)
            few[:, members] = reach[:, members]
            if net <= 0 or (few.max(axis=1) + visits <= 0).any():
                continue
            mixture = optimal_mixture(
                few, reach**2, visits / net, purse.prices, tolerance=1e-3, solvers=["first-order"]
            )
            best = min(best, mixture.value * money / net)
    return best


@pytest.mark.parametrize("seed", range(4))
def test_few_kinds_and_set_ups_are_within_the_certified_gap_of_brute_force(seed):
    rng = np.random.default_rng(seed)
    n, kinds = (9, 2) if seed == 0 else (int(rng.integers(4, 8)), int(rng.integers(1, 4)))
    reach = random_reach(rng, 4, n, 1.5, 0.7)
    visits = rng.integers(seed % 2, 20, 4).astype(float)
    purse = purse_of(np.exp(rng.uniform(0, 2.3, n)), 200.0, rng.uniform(0, 15, n) if seed > 1 else 0.0, kinds)
    try:
        mixture = limited_mixture(reach, None, visits, purse)
    except InvalidArgument:
        assert brute_force(reach, visits, purse) == np.inf
        return
    best = brute_force(reach, visits, purse)
    assert mixture.lower_bound <= best * (1 + 1e-6)
    assert best * (1 - 2e-3) <= mixture.value <= best * (1 + mixture.gap) * (1 + 1e-6)
    assert mixture.value <= best * 1.01  # the local search finds the best set here, or one as good
    assert mixture.n_used <= kinds
    money = (purse.money - purse.setup[mixture.weights > 0].sum()) / purse.money
    assert mixture.value == pytest.approx(
        value_of(money * mixture.weights, reach, counts=visits / 200, costs=purse.prices), rel=1e-9
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_limit_on_one_kind_keeps_to_it_and_its_bound_holds(seed):
    rng = np.random.default_rng(seed)
    reach, visits = random_reach(rng, 5, 6, 1.0, 0.7), rng.integers(1, 9, 5).astype(float)
    prices = np.exp(rng.uniform(0, 1, 6))
    free = optimal_mixture(reach, counts=visits / 100, costs=prices)
    most = int(0.6 * (free.weights * 100 / prices).max())  # refuses what the best mixture wants most of
    mixture = limited_mixture(reach, None, visits, purse_of(prices, 100.0, most=most))
    assert (mixture.weights * 100 / prices <= most * (1 + 1e-6)).all()
    assert mixture.value >= free.lower_bound
    assert mixture.gap < 0.01
    # Another way to the bound: many mixtures within the limits, none of which is below it.
    for _ in range(300):
        other = np.minimum(rng.dirichlet(np.full(6, 0.7)), most * prices / 100)
        assert value_of(other, reach, counts=visits / 100, costs=prices) >= mixture.lower_bound * (1 - 1e-9)


def test_without_limits_that_bind_it_is_the_mixture_itself():
    rng = np.random.default_rng(1)
    reach = random_reach(rng, 4, 5)
    prices = np.array([1.0, 2, 3, 4, 5])
    mixture = limited_mixture(reach, None, np.zeros(4), purse_of(prices, 50.0, kinds=5))
    assert mixture.value == pytest.approx(scipy_value(reach, costs=prices), rel=1e-3)
    assert mixture.solver != "local search"
    assert mixture.note == ""


def test_limits_that_leave_rows_unreached_are_refused_by_name():
    with pytest.raises(InvalidArgument, match=r"most_kinds was 2; no 2 interventions .* all 3 rows .* which 3 do"):
        limited_mixture(np.eye(3), None, np.zeros(3), purse_of(np.ones(3), 10.0, kinds=2))
    with pytest.raises(InvalidArgument, match="most_each leaves rows to be learned that no intervention may reach"):
        limited_mixture(np.eye(3), None, np.zeros(3), purse_of(np.ones(3), 10.0, most=np.array([5, 0, 5])))
    seen = limited_mixture(np.eye(3), None, np.ones(3), purse_of(np.ones(3), 10.0, kinds=2))  # seen once already
    assert seen.n_used == 2
    assert "no mixture within the limits is better by more than" in seen.note
