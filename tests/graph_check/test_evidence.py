"""Cells and e-values of claims against a count of single rows; laws under right graphs; power under wrong ones."""

import math
from collections import defaultdict

import networkx as nx
import numpy as np
import pytest
from enumeration import random_problem

import causalbandit as cb
from causalbandit.graph_check.claims import GraphClaims
from causalbandit.graph_check.evidence import batch_sums, cells_of, log_e_path, log_e_universal
from causalbandit.observed_rows import ObservedRows
from causalbandit.sequences.conditional import hypergeometric_moments, log_e_value, log_universal


def sampled(model, arms, sizes, rng):
    """Values [T, N] and the place of the intervention of each row."""
    frames = [model.sample(arms[a], int(size), rng) for a, size in enumerate(sizes)]
    values = np.concatenate([frame.to_numpy() for frame in frames])
    return values, np.repeat(np.arange(len(arms)), sizes)


def cells_by_hand(claims, claim, values, place, batch):
    """(direction, batch, configuration) → [n, s, m, x], row by row, from the words of the claim."""
    graph, column = claims.graph, claims.column
    tables = defaultdict(lambda: np.zeros(4, dtype=int))

    def add(direction, key, one, in_cell):
        tables[(direction, *key)] += [1, one, in_cell, one and in_cell]

    for row, a, b in zip(values.tolist(), place.tolist(), batch.tolist(), strict=True):
        fixed = claims.interventions[a]
        i, j = claim.node, claim.other
        if i in fixed:
            continue
        key = b, tuple(row[column[p]] for p in graph.parents(i))
        one = row[column[i]]
        if claim.kind == "direct":
            add(0, key, one, a == claim.place)
        elif claim.kind == "independence":
            add(0, key, one, row[column[j]] == 1)
            if j not in fixed:
                add(1, key, one, row[column[j]] == 1)
        elif claim.in_scope:
            add(row[column[j]], key, one, j in fixed)
        else:
            if j in fixed:
                add(0, key, one, fixed[j] == 1)
            add(1, key, one, j in fixed)
    return {key: t.tolist() for key, t in tables.items() if 0 < t[2] < t[0]}


@pytest.mark.parametrize("seed", range(6))
def test_cells_are_those_of_single_rows(seed):
    rng = np.random.default_rng(seed)
    model, arms = random_problem(rng, 6, extreme=0.1)
    values, place = sampled(model, arms, rng.integers(5, 60, len(arms)), rng)
    batch = rng.integers(0, 3, len(values))
    rows = ObservedRows.from_values(model.graph.nodes, values, batch=batch, place=place)
    claims = GraphClaims(arms, model.graph.nodes)
    cells = cells_of(claims, rows)
    for at, claim in enumerate(claims.claims):
        expected = cells_by_hand(claims, claim, values, place, batch)
        found = {}
        for which, direction in enumerate((claims.first[at], claims.second[at])):
            mine = cells.of_directions([direction])
            for k in range(len(mine.row)):
                group = next(g for g in claims.groups if g.start <= mine.row[k] < g.start + g.n_rows)
                bits = format(mine.row[k] - group.start, f"0{len(group.scope)}b") if group.scope else ""
                key = which, int(mine.batch[k]), tuple(map(int, bits))
                assert key not in found
                found[key] = [int(v[k]) for v in (mine.total, mine.ones, mine.cell, mine.cell_ones)]
        assert found == expected, claim


def test_all_pairs_are_claimed_once():
    graph = cb.CausalGraph(nx.DiGraph([("x", "m"), ("m", "y"), ("z", "y")]), target="y")
    arms = cb.InterventionSet(graph, [{}, {"m": 0}, {"m": 1}, {"z": 1}])
    claims = GraphClaims(arms, graph.nodes)
    assert graph.nodes == ("x", "z", "m", "y")
    said = {(c.kind, c.node, c.other, c.in_scope) for c in claims.claims if c.kind != "direct"}
    assert said == {
        *(("invariance", i, j, False) for i, j in [("x", "m"), ("x", "z"), ("z", "m"), ("m", "z")]),
        *(("invariance", "y", j, True) for j in ("m", "z")),
        *(("independence", i, j, False) for i, j in [("z", "x"), ("m", "z"), ("y", "x")]),
    }
    assert sum(c.kind == "direct" for c in claims.claims) == 4
    assert claims.weights.sum() == pytest.approx(1)


def test_log_e_values_follow_from_the_cells():
    rng = np.random.default_rng(5)
    model, arms = random_problem(rng, 5)
    values, place = sampled(model, arms, np.full(len(arms), 40), rng)
    batch = rng.integers(0, 4, len(values))
    claims = GraphClaims(arms, model.graph.nodes)
    rows = ObservedRows.from_values(model.graph.nodes, values, batch=batch, place=place)
    path = log_e_path(claims, cells_of(claims, rows))
    universal = log_e_universal(claims, cells_of(claims, rows.in_one_batch()))
    assert path.shape == (4, len(claims.claims))
    for at, claim in enumerate(claims.claims):
        tables = cells_by_hand(claims, claim, values, place, batch)
        for look in range(4):
            logs = []
            for which in (0, 1):
                seen = np.array([t for (d, b, _), t in tables.items() if d == which and b <= look]).reshape(-1, 4).T
                mean, variance, third = hypergeometric_moments(*seen[:3])
                logs.append(log_e_value((seen[3] - mean).sum(), variance.sum(), third.sum()))
            first, second = logs
            rule = claims.rule[at]
            both = first + second if rule != claims.MEAN else np.logaddexp(first, second) - math.log(2)
            assert path[look, at] == pytest.approx(first if claims.second[at] < 0 else both, abs=1e-9)
        one = cells_by_hand(claims, claim, values, place, np.zeros_like(batch))
        logs = [
            sum(
                log_universal([x, s - x], [m - x, n - m - s + x]) for (d, *_), (n, s, m, x) in one.items() if d == which
            )
            for which in (0, 1)
        ]
        both = sum(logs) if claims.rule[at] == claims.DISJOINT else np.logaddexp(*logs) - math.log(2)
        assert universal[at] == pytest.approx(logs[0] if claims.second[at] < 0 else both, abs=1e-9)


@pytest.mark.parametrize("bound", ["BLOCK", "SPARSE"])
def test_small_blocks_and_numbered_keys_change_nothing(monkeypatch, bound):
    rng = np.random.default_rng(7)
    model, arms = random_problem(rng, 6)
    values, place = sampled(model, arms, np.full(len(arms), 30), rng)
    claims = GraphClaims(arms, model.graph.nodes)
    rows = ObservedRows.from_values(model.graph.nodes, values, place=place)
    whole = batch_sums(claims, cells_of(claims, rows))
    monkeypatch.setattr(f"causalbandit.graph_check.evidence.{bound}", 0)
    np.testing.assert_allclose(batch_sums(claims, cells_of(claims, rows)), whole)


def test_the_claims_of_a_right_graph_are_e_values():
    # Expectation at most 1 of the mean e-value of one batch; 600 runs: 1 + 4.5 standard errors.
    rng = np.random.default_rng(11)
    model, arms = random_problem(rng, 5, extreme=0)
    claims = GraphClaims(arms, model.graph.nodes)
    n_runs, each = 600, 12
    values, place = sampled(model, arms, np.full(len(arms), n_runs * each), rng)
    run = np.tile(np.repeat(np.arange(n_runs), each), len(arms))
    order = np.argsort(run, kind="stable")  # the rows of one run after those of another
    found = []
    for one in order.reshape(n_runs, -1):
        rows = ObservedRows.from_values(model.graph.nodes, values[one], place=place[one])
        found.append(np.exp(log_e_path(claims, cells_of(claims, rows))[-1]))
    mean, error = np.mean(found, axis=0), np.std(found, axis=0) / math.sqrt(len(found))
    assert (mean <= 1 + 4.5 * error + 1e-9).all()
