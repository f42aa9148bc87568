"""Counts say what rows say, add up, and refuse rows that cannot be."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from cases import together

from causalbandit import CausalGraph, Counts, InterventionSet, Problem, TopTwo, search

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


@together(
    ("rows", "message"),
    [
        (ROWS.drop(columns="trust"), r"missing 'trust', unknown none.*Expected one column per node"),
        (ROWS.rename(columns={"trust": "Trust"}), r"missing 'trust', unknown 'Trust'\. Did you mean 'trust'\?"),
        (ROWS.assign(price=1), r"missing none, unknown 'price'"),
        (ROWS.assign(buy=[0, 2, 1]), r"holds 'buy' = 2 in row 1; expected 0 or 1"),
        (ROWS.assign(buy=[0, np.nan, 1]), r"holds 'buy' = nan in row 1"),
        (ROWS.assign(buy=["no", "yes", "yes"]), r"holds 'buy' = 'no' in row 0.*map its states to 0 and 1"),
        (ROWS.assign(ad=[1, 1, 0]), r"holds 'ad' = 0 in row 2, although the intervention fixed it at 1"),
        (pd.concat([ROWS, ROWS[["ad"]]], axis=1), r"columns names 'ad' twice"),
    ],
)
def test_rows_that_do_not_fit_are_refused_by_name(rows, message):
    with pytest.raises(ValueError, match=message):
        Counts.from_frame(ARMS, {"ad": 1}, rows)


def test_something_other_than_a_frame_is_refused():
    with pytest.raises(TypeError, match=r"rows was a list; expected a pandas\.DataFrame"):
        Counts.from_frame(ARMS, {"ad": 1}, [[1, 0, 0]])


def test_an_intervention_outside_the_set_is_refused():
    with pytest.raises(ValueError, match=r"\{'trust': 0\} is not one of the set's 2"):
        Counts.from_frame(ARMS, {"trust": 0}, ROWS)


# Hidden nodes ---------------------------------------------------------------------------------------------------------

BOW = CausalGraph(nx.DiGraph([("x", "m"), ("m", "y"), ("z", "y"), ("u", "m"), ("u", "y")]), "y", hidden=["u"])
BOW_ARMS = InterventionSet(BOW, [{}, {"m": 1}, {"z": 0}])
SEEN = pd.DataFrame({"x": [0, 1, 1], "m": [1, 1, 1], "z": [0, 0, 0], "y": [1, 0, 1]})


def rows_by_name(counts):
    """Visits and ones by node, district and configuration, without rows never visited."""
    found = {}
    for family in BOW_ARMS.families:
        for row in range(family.n_rows):
            if visits := int(counts.visits[family.start + row]):
                state = "".join(str(value) for _, value in sorted(family.configuration(row).items()))
                found[family.node, family.district, state] = visits, int(counts.ones[family.start + row])
    return found


def test_rows_are_counted_in_the_regime_of_their_intervention():
    whole, split = ("m", "y"), ("y",)
    roots = {("x", ("x",), ""): (3, 2), ("z", ("z",), ""): (3, 0)}
    seen = {**roots, ("m", ("m",), "0"): (1, 1), ("m", ("m",), "1"): (2, 2)}
    # scope of y without fixing m: m, x, z in alphabetical order; with m fixed: m, z
    seen |= {("y", whole, "100"): (1, 1), ("y", whole, "110"): (2, 1)}
    assert rows_by_name(Counts.from_frame(BOW_ARMS, {}, SEEN)) == seen
    fixed_m = rows_by_name(Counts.from_frame(BOW_ARMS, {"m": 1}, SEEN))
    assert fixed_m == {**roots, ("y", split, "10"): (3, 2)}
    fixed_z = rows_by_name(Counts.from_frame(BOW_ARMS, {"z": 0}, SEEN))
    assert fixed_z == {name: count for name, count in seen.items() if name[0] != "z"}


def test_complementing_turns_all_rows_of_the_target():
    counts = Counts.from_frame(BOW_ARMS, {}, SEEN) + Counts.from_frame(BOW_ARMS, {"m": 1}, SEEN)
    turned = counts.with_target_complemented(BOW_ARMS)
    for family in BOW_ARMS.families:
        ones, other = counts.ones[family.rows], turned.ones[family.rows]
        assert (other == (counts.visits[family.rows] - ones if family.node == "y" else ones)).all()
    assert turned.with_target_complemented(BOW_ARMS) == counts


def test_a_column_of_a_hidden_node_is_refused():
    with pytest.raises(ValueError, match=r"columns for the hidden nodes 'u'; expected columns of observed nodes"):
        Counts.from_frame(BOW_ARMS, {}, SEEN.assign(u=0))


def other_arms():
    """Interventions of another graph with as many family rows and interventions."""
    graph = CausalGraph(nx.DiGraph([("trust", "ad"), ("trust", "buy"), ("ad", "buy")]), "buy")
    return InterventionSet(graph, [{}, {"ad": 1}])


def test_counts_of_another_graph_or_set_are_refused_although_the_sizes_are_equal():
    mine, other = Counts.zeros(ARMS), Counts.zeros(other_arms())
    assert mine.visits.shape == other.visits.shape
    with pytest.raises(ValueError, match="other has counts of other family rows"):
        mine + other
    with pytest.raises(ValueError, match="other has counts of another set of interventions"):
        mine + Counts.zeros(InterventionSet(GRAPH, [{}, {"ad": 0}]))
    again = CausalGraph(nx.DiGraph([("trust", "buy"), ("ad", "buy"), ("ad", "trust")]), "buy")
    same = InterventionSet(again, [{}, {"ad": 1}])
    assert again == GRAPH
    assert (mine + Counts.zeros(same)).origin == mine.origin
    by_hand = Counts(mine.visits, mine.ones, mine.trials, mine.successes)
    assert (by_hand + mine).origin == mine.origin


def test_saved_counts_come_back_with_their_origin(tmp_path):
    counts = Counts.from_frame(ARMS, {"ad": 1}, ROWS)
    counts.save(tmp_path / "counts.json")
    again = Counts.load(tmp_path / "counts.json")
    assert again == counts
    assert again.origin == counts.origin is not None
    problem = Problem(other_arms().graph, other_arms())
    with pytest.raises(ValueError, match="prior has counts of other family rows"):
        search(problem, 10, TopTwo(prior=again), environment=lambda fixed, size: ROWS)


@together(
    ("change", "message"),
    [
        ({"kind": "Fitted"}, "saved is 'Fitted' of format 1; expected 'Counts' of format 1"),
        ({"format": 2}, "format 2"),
        ({"visits": [1, 2.5, 0, 0, 0, 0, 0]}, "no counts"),
        ({"ones": [9, 0, 0, 0, 0, 0, 0]}, "no counts"),
        ({"trials": "many"}, "cannot be read"),
        ({"origin": 3}, "cannot be read"),
        ({"trials": [0, 0]}, "no counts"),
        ({"visits": [1]}, "no counts"),
    ],
)
def test_damaged_counts_are_refused(change, message):
    saved = Counts.from_frame(ARMS, {"ad": 1}, ROWS).to_dict()
    with pytest.raises(ValueError, match=message):
        Counts.from_dict(saved | change)


def test_a_file_without_counts_is_refused(tmp_path):
    path = tmp_path / "counts.json"
    for text, message in (("{", "is not JSON"), ("[]", "holds no saved counts")):
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            Counts.load(path)
