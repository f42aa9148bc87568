"""Money for the rows of a two-phase search: what it buys, and when rows share a set-up."""

from dataclasses import replace

import numpy as np
import pytest

import causalbandit as cb
from causalbandit.spending import Limits, Spending
from causalbandit.strategies.own_experiments import OwnExperiments, row_prices
from causalbandit.strategies.strategy import make_task


def purse_of(prices, money, setup=0.0, most=10**18):
    prices = np.asarray(prices, dtype=float)
    n = len(prices)
    return Spending("money", money, money, prices, np.zeros(n) + setup, np.full(n, most), n, Limits())


def plan(reach, money, purse):
    reach = np.asarray(reach, dtype=float)
    return OwnExperiments(1, np.asarray(money, dtype=float)).plan(np.arange(len(reach)), reach, purse)


def test_rows_buy_what_reaches_them_most_for_its_price():
    sizes, visits = plan([[0.9, 0.5], [0.1, 0.6]], [100, 20], purse_of([10, 1], 120))
    assert sizes.tolist() == [0, 120]  # 0.5 per unit of money against 0.09, and 0.6 against 0.01
    assert visits.tolist() == [50, 12]
    sizes, _ = plan([[0.9, 0.05], [0.1, 0.6]], [100, 20], purse_of([10, 1], 120))
    assert sizes.tolist() == [10, 20]
    # The second row cannot pay ten for one experiment: it takes what it can pay, though that reaches less per money.
    sizes, _ = plan([[1, 0], [1, 0.01]], [100, 8], purse_of([10, 1], 108))
    assert sizes.tolist() == [10, 8]


def test_what_a_limit_refuses_goes_to_the_next_best():
    sizes, visits = plan([[0.9, 0.5, 0.2]], [100], purse_of([1, 1, 2], 100, most=40))
    assert sizes.tolist() == [40, 40, 10]
    assert visits[0] == pytest.approx(0.9 * 40 + 0.5 * 40 + 0.2 * 10)


def test_rows_share_a_set_up_where_that_is_worth_more():
    reach = [[0.9, 0.8], [0.8, 0.9]]
    assert plan(reach, [30, 30], purse_of([1, 1], 60))[0].tolist() == [30, 30]
    shared, _ = plan(reach, [30, 30], purse_of([1, 1], 60, setup=10))
    assert sorted(shared.tolist()) == [0, 50]
    apart, _ = plan([[0.9, 0.1], [0.1, 0.9]], [30, 30], purse_of([1, 1], 60, setup=10))
    assert apart.tolist() == [20, 20]


def test_a_row_is_priced_by_the_cheapest_intervention_that_opens_it(shop):
    task = make_task(shop)
    # (observe), ad=0, ad=1, {ad=1, trust=1}: the last opens the target's row (1, 1) alone.
    arms = shop.interventions.with_costs([7, 3, 5, 1])
    purse = Spending.of(arms, None, 1000, Limits())
    task = replace(task, interventions=arms, spending=purse)
    rows = row_prices(task)
    #            ad  trust|0  trust|1  purchase|00  |01  |10  |11
    assert rows.tolist() == [7, 3, 5, 3, 3, 5, 1]
    root = np.sqrt(rows)
    assert cb.TwoPhase().smallest_money(task) == pytest.approx(3 * root.max() * root.sum())
    own = OwnExperiments.of(task, 0, 1, 3)
    assert own.money.sum() == pytest.approx(1000 / 3)
    assert own.money / rows == pytest.approx(own.money[0] / 7 * np.sqrt(7 / rows))
    equal = Spending.of(shop.interventions, 60, None, Limits(most_kinds=2))
    assert cb.TwoPhase().smallest_money(replace(task, spending=equal)) == pytest.approx(3 * 7)  # 3C at one price
    with pytest.raises(ValueError, match="budget_money was 20; the strategy 'two-phase' needs at least"):
        cb.search(replace(shop, interventions=arms), budget_money=20)
