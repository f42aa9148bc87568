"""What a search may spend: prices and limits that are refused, numbers of experiments that money buys."""

import networkx as nx
import numpy as np
import pytest
from cases import together
from hypothesis import given, settings
from hypothesis import strategies as st

import causalbandit as cb
from causalbandit.spending import Limits, Spending

GRAPH = cb.CausalGraph(nx.DiGraph([("ad", "trust"), ("trust", "purchase")]), target="purchase")
ARMS = cb.InterventionSet(GRAPH, [{}, {"ad": 1}, {"ad": 0, "trust": 1}])


def spending(costs, money, **limits):
    return Spending.of(ARMS.with_costs(costs), None, money, Limits(**limits))


prices = st.floats(0.01, 1000, allow_nan=False)


@st.composite
def purses(draw):
    """A set of up to eight interventions with prices, set-ups and limits, and money for at least one experiment."""
    n = draw(st.integers(1, 8))
    costs = np.array(draw(st.lists(prices, min_size=n, max_size=n)))
    setup = np.array(draw(st.lists(st.sampled_from([0.0, 0.0, 1.0, 30.0]), min_size=n, max_size=n)))
    money = draw(st.floats(1, 100)) * float((costs + setup).min())
    each = draw(st.sampled_from([None, 1, 7]))
    most = np.full(n, 10**18 if each is None else each)
    return Spending("money", money, money, costs, setup, most, n, Limits(most_each=each))


@settings(max_examples=40)
@given(purses(), st.data())
def test_sizes_are_paid_for_and_spend_what_they_can(purse, data):
    n = len(purse.prices)
    shares = np.array(data.draw(st.lists(st.floats(0, 1), min_size=n, max_size=n)))
    shares[data.draw(st.integers(0, n - 1))] += 0.5
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    for sizes in (purse.sizes(shares, None, rng), purse.even(rng=rng), purse.even()):
        assert purse.keeps(sizes)
        assert sizes.min() >= 0
    sizes = purse.even(rng=rng)
    assert sizes.any()  # at least one experiment can always be paid
    left = purse.after(sizes)
    assert left.spent == pytest.approx(purse.cost(sizes))
    level = sizes[(sizes < purse.most) & (sizes > 0)]
    assert len(level) == 0 or level.max() - level.min() <= 1
    assert purse.safe_experiments <= purse.most_experiments
    assert sizes.sum() <= purse.most_experiments


def test_shares_of_money_buy_numbers_by_price():
    purse = spending([1, 10, 100], 3000)
    sizes = purse.sizes(np.ones(3), None, np.random.default_rng(0))
    assert sizes.tolist() == [1000, 100, 10]
    assert purse.even().tolist() == [27, 27, 27]  # 27·111 = 2,997
    assert purse.most_experiments == 3000
    assert purse.safe_experiments == 30
    capped = spending([1, 10, 100], 3000, most_each=150)
    # 850 of the first 1000 go to the two others, half each: 142.5 at 10 and 14.25 at 100, of which one is rounded up.
    assert capped.sizes(np.ones(3), None, np.random.default_rng(0)).tolist() == [150, 143, 14]
    assert capped.most_experiments == 150 + 150 + 13


def test_roundings_are_within_one_and_leave_less_than_the_dearest_price():
    purse = spending([1, 2, 5], 20)
    shares = np.array([0.33, 0.27, 0.4])
    drawn = np.array([purse.sizes(shares, None, np.random.default_rng(seed)) for seed in range(50)])
    assert (drawn @ purse.prices > 20 - 5).all()
    assert (np.abs(drawn - [6.6, 2.7, 1.6]) < 1).all()
    assert (drawn.min(axis=0) < drawn.max(axis=0)).all()


def test_set_ups_that_a_share_cannot_pay_are_left_out():
    purse = spending([1, 1, 1], 100, setup=40)
    assert purse.sizes(np.array([0.5, 0.4, 0.1]), None, np.random.default_rng(0)).tolist()[2] == 0
    assert spending([1, 1, 1], 41, setup=[40, 60, 60]).even(rng=np.random.default_rng(0)).tolist() == [1, 0, 0]


def test_prices_by_label_follow_the_interventions():
    costs = {"ad=0, trust=1": 7, "(observe)": 1, "ad=1": 2.5}
    assert ARMS.with_costs(costs).costs.tolist() == [1, 2.5, 7]
    assert cb.InterventionSet(GRAPH, list(ARMS), costs=costs) == ARMS.with_costs([1, 2.5, 7])


def test_other_prices_keep_the_interventions_alternatives_included():
    graph = cb.CausalGraph(nx.DiGraph([("ad", "sale")]), "sale", alternatives={"ad": {"often": [0.9]}})
    arms = cb.InterventionSet(graph, [{}, {"ad": 1}, {"ad": "often"}])
    priced = arms.with_costs({"(observe)": 1, "ad=1": 2, arms.labels[2]: 5})
    assert list(priced) == list(arms)
    assert priced.costs.tolist() == [1, 2, 5]
    assert priced.with_costs([1, 1, 1]) == arms


@together(
    ("costs", "expected"),
    [
        ({"(observe)": 1, "ad=1": 2}, "lacks the price of 'ad=0, trust=1'"),
        ({"(observe)": 1, "ad=1": 2, "ad=0,trust=0": 3}, "has a price for 'ad=0,trust=0', which is no intervention"),
        ({"(observe)": 0, "ad=1": 2, "ad=0, trust=1": 3}, "was 0; expected a finite number above 0"),
        ({"(observe)": -1, "ad=1": 2, "ad=0, trust=1": 3}, r"the price of '\(observe\)'"),
        ({"(observe)": 1, "ad=1": np.nan, "ad=0, trust=1": 3}, r"was nan; .*the price of 'ad=1'"),
        ({"(observe)": 1, "ad=1": "2", "ad=0, trust=1": 3}, "was '2'"),
        ([1, 2], "one price per intervention"),
        ([1, 2, np.nan], "costs holds nan"),
    ],
)
def test_prices_that_are_none_missing_or_unknown_are_refused_by_name(costs, expected):
    with pytest.raises((ValueError, TypeError), match=expected):
        ARMS.with_costs(costs)


@together(
    ("given", "expected"),
    [
        ({"budget": 10, "budget_money": 10}, "budget_money was given beside a number of experiments"),
        ({}, "budget was None; expected a whole number of experiments, or a sum of money"),
        ({"budget_money": 0.5}, r"was 0.5; the cheapest experiment, \(observe\), costs 1."),
        ({"budget_money": 10, "limits": Limits(setup=9.5)}, r"costs 10.5, its set-up included"),
        ({"budget_money": 10, "limits": Limits(setup=[1, 2])}, "setup has shape"),
        ({"budget_money": float("nan")}, "budget_money was nan"),
        ({"budget": 10, "limits": Limits(setup=1)}, "setup is a price, and the budget counts experiments"),
        ({"budget": 10, "limits": {"setup": 1}}, "limits was"),
    ],
)
def test_budgets_that_buy_nothing_are_refused(given, expected):
    defaults = {"budget": None, "budget_money": None, "limits": None}
    with pytest.raises((ValueError, TypeError), match=expected):
        Spending.of(ARMS.with_costs([1, 2, 3]), **(defaults | given))


@together(
    ("limits", "expected"),
    [
        ({"setup": -1}, "setup was -1"),
        ({"setup": [1, float("nan")]}, "setup was nan"),
        ({"setup": "3"}, "setup was '3'"),
        ({"most_kinds": 0}, "most_kinds was 0"),
        ({"most_kinds": 1.5}, "most_kinds was 1.5"),
        ({"most_each": 0}, "most_each was 0"),
    ],
)
def test_limits_that_are_none_are_refused(limits, expected):
    with pytest.raises((ValueError, TypeError), match=expected):
        Limits(**limits)
