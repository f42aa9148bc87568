"""Compressed rows: nothing is lost, however wide they are and in whatever parts they came."""

from collections import Counter

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from cases import together

import causalbandit as cb
from causalbandit.observed_rows import ObservedRows


def counted(rows):
    keys = zip(rows.batch.tolist(), rows.place.tolist(), map(tuple, rows.values.tolist()), strict=True)
    return dict(zip(keys, rows.weight.tolist(), strict=True))


@together("n_nodes", [1, 4, 9, 64, 65, 130])
def test_patterns_and_numbers_are_those_of_the_rows(n_nodes):
    rng = np.random.default_rng(n_nodes)
    base = rng.integers(0, 2, (7, n_nodes))
    values = base[rng.integers(0, 7, 400)]
    batch, place = rng.integers(0, 3, 400), rng.integers(0, 4, 400)
    rows = ObservedRows.from_values([f"n{i}" for i in range(n_nodes)], values, batch=batch, place=place)
    expected = Counter(zip(batch.tolist(), place.tolist(), map(tuple, values.tolist()), strict=True))
    assert counted(rows) == expected
    assert rows.total == 400
    assert len(rows) == len(expected)


def test_parts_add_up_in_any_order():
    rng = np.random.default_rng(0)
    values, batch = rng.integers(0, 2, (60, 3)), np.repeat([0, 1, 2], 20)
    whole = ObservedRows.from_values("abc", values, batch=batch, place=1)
    parts = [ObservedRows.from_values("abc", values[batch == b], batch=b, place=1) for b in (2, 0, 1)]
    assert counted(ObservedRows.concatenate(parts)) == counted(whole)
    assert (np.diff(ObservedRows.concatenate(parts).batch) >= 0).all()
    assert whole.in_one_batch().total == 60
    assert set(whole.in_one_batch().batch.tolist()) == {0}


def test_weights_count_and_zero_is_left_out():
    rows = ObservedRows.from_values("ab", [[0, 1], [1, 1], [0, 1]], weight=[2, 0, 3])
    assert counted(rows) == {(0, 0, (0, 1)): 5}
    empty = ObservedRows.from_values("ab", np.zeros((0, 2)))
    assert empty.total == 0
    assert len(ObservedRows.concatenate([empty, rows])) == 1


@pytest.mark.parametrize("confounded", [[], [("m", "y")], [("x", "m"), ("m", "y")]])
def test_counts_are_those_of_frames(confounded):
    graph = cb.CausalGraph(
        nx.DiGraph([("x", "m"), ("m", "y"), ("z", "y"), ("y", "after")]), target="y", confounded=confounded
    )
    arms = cb.InterventionSet(graph, [{}, {"m": 0}, {"m": 1}, {"z": 1}, {"x": 1, "m": 1}])
    rng = np.random.default_rng(4)
    total, parts = cb.Counts.zeros(arms), []
    for place, fixed in enumerate(arms):
        for batch in range(2):
            frame = pd.DataFrame(rng.integers(0, 2, (40, 5)), columns=list(graph.nodes)).assign(**fixed)
            total = total + cb.Counts.from_frame(arms, fixed, frame)
            parts.append(ObservedRows.from_values(graph.nodes, frame[list(graph.nodes)], batch=batch, place=place))
    assert ObservedRows.concatenate(parts).counts(arms) == total
