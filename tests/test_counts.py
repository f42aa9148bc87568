"""Counts say what rows say, add up, and refuse rows that cannot be."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from causalbandit import CausalGraph, Counts, InterventionSet

GRAPH = CausalGraph(nx.DiGraph([("ad", "trust"), ("trust", "buy"), ("ad", "buy")]), "buy")
ARMS = InterventionSet(GRAPH, [{}, {"ad": 1}])
ROWS = pd.DataFrame({"ad": [1, 1, 1], "trust": [0, 1, 1], "buy": [0, 0, 1]})


def test_counts_by_hand():
    counts = Counts.from_frame(ARMS, {"ad": 1}, ROWS)
    # rows: ad | trust given ad=0, ad=1 | buy given (trust, ad) = 00, 01, 10, 11; ad is fixed: not counted
    assert counts.visits.tolist() == [0, 0, 3, 0, 1, 0, 2]
    assert counts.ones.tolist() == [0, 0, 2, 0, 0, 0, 1]
    assert counts.trials.tolist() == [0, 3]
    assert counts.successes.tolist() == [0, 1]
    assert Counts.from_frame(ARMS, {}, ROWS).visits.tolist() == [3, 0, 3, 0, 1, 0, 2]


def test_counts_add_up_and_start_at_zero():
    counts = Counts.from_frame(ARMS, {"ad": 1}, ROWS)
    assert Counts.zeros(ARMS) + counts == counts
    assert (counts + counts).total == 6


def test_complementing_the_target_exchanges_its_values_only():
    turned = Counts.from_frame(ARMS, {}, ROWS).with_target_complemented(ARMS)
    assert turned.ones.tolist() == [3, 0, 2, 0, 1, 0, 1]
    assert turned.successes.tolist() == [2, 0]
    assert turned.with_target_complemented(ARMS) == Counts.from_frame(ARMS, {}, ROWS)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (ROWS.drop(columns="trust"), r"missing 'trust', unknown none.*Expected one column per node"),
        (ROWS.rename(columns={"trust": "Trust"}), r"missing 'trust', unknown 'Trust'\. Did you mean 'trust'\?"),
        (ROWS.assign(price=1), r"missing none, unknown 'price'"),
        (ROWS.assign(buy=[0, 2, 1]), r"Experiment 1 has 'buy' = 2; expected 0 or 1"),
        (ROWS.assign(buy=[0, np.nan, 1]), r"Experiment 1 has 'buy' = nan"),
        (ROWS.assign(buy=["no", "yes", "yes"]), r"Experiment 0 has 'buy' = 'no'.*map its states to 0 and 1"),
        (ROWS.assign(ad=[1, 1, 0]), r"Experiment 2 shows 'ad' = 0 although the intervention fixed it at 1"),
        (pd.concat([ROWS, ROWS[["ad"]]], axis=1), r"more than one column named 'ad'"),
    ],
)
def test_rows_that_do_not_fit_are_refused_by_name(rows, message):
    with pytest.raises(ValueError, match=message):
        Counts.from_frame(ARMS, {"ad": 1}, rows)


def test_something_other_than_a_frame_is_refused():
    with pytest.raises(TypeError, match=r"came as list; expected a pandas\.DataFrame"):
        Counts.from_frame(ARMS, {"ad": 1}, [[1, 0, 0]])


def test_an_intervention_outside_the_set_is_refused():
    with pytest.raises(ValueError, match=r"\{'trust': 0\} is not one of the set's 2"):
        Counts.from_frame(ARMS, {"trust": 0}, ROWS)
