"""Searches whose experiments are run by the caller's own function, and what is refused of what it returns."""

from __future__ import annotations

import runpy
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from cases import together

from causalbandit import CausalGraph, CausalModel, InterventionSet, Problem, TopTwo, TwoPhase, search

GRAPH = CausalGraph(nx.DiGraph([("ad", "trust"), ("trust", "purchase"), ("purchase", "parcel")]), target="purchase")
ARMS = InterventionSet(GRAPH, [{}, {"ad": 0}, {"ad": 1}, {"trust": 1}])
WORLD = CausalModel(GRAPH, {"ad": [0.5], "trust": [0.2, 0.6], "purchase": [0.1, 0.4], "parcel": [0.0, 1.0]})


def world(seed=0):
    """An environment that draws from WORLD and keeps a log of what it was asked."""
    rng, log = np.random.default_rng(seed), []

    def run(intervention, size):
        log.append((dict(intervention), size))
        return WORLD.sample(intervention, size, rng)

    return run, log


def test_a_search_without_tables_finds_the_best_through_the_callers_function():
    run, log = world()
    problem = Problem(GRAPH, ARMS)
    decision = search(problem, 4000, rng=0, environment=run)
    assert decision.best == {"trust": 1}
    assert sum(size for _, size in log) == 4000
    assert decision.counts.trials.tolist() == [sum(n for asked, n in log if asked == arm) for arm in ARMS]
    assert decision.true_effects is None
    assert np.isnan(decision.simple_regret)


def test_goal_min_sees_the_same_rows_and_turns_them_inside():
    run, _ = world()
    decision = search(Problem(GRAPH, ARMS, goal="min"), 4000, rng=0, environment=run)
    assert decision.best == {"ad": 0}
    assert decision.best_effect == pytest.approx(0.16, abs=0.05)


def test_every_visit_of_the_rows_is_counted():
    rows = []

    def run(intervention, size):
        frame = WORLD.sample(intervention, size, len(rows))
        rows.append((intervention, frame))
        return frame

    decision = search(Problem(GRAPH, ARMS), 300, "two-phase-pooled", rng=0, environment=run)
    for row, (node, parent, value) in enumerate([("ad", None, 0), ("trust", "ad", 0), ("trust", "ad", 1)]):
        kept = [frame[frame[parent] == value] if parent else frame for a, frame in rows if node not in a]
        assert decision.tables.visits[row] == sum(map(len, kept))
        assert decision.counts.ones[row] == sum(int(frame[node].sum()) for frame in kept)


def test_columns_may_come_in_any_order_as_booleans_and_without_nodes_below_the_target():
    def run(intervention, size):
        frame = WORLD.sample(intervention, size, 0).drop(columns="parcel")
        return frame[frame.columns[::-1]].astype(bool)

    assert search(Problem(GRAPH, ARMS), 60, rng=0, environment=run).counts.total == 60


def test_the_callers_function_cannot_change_the_interventions():
    def run(intervention, size):
        frame = WORLD.sample(intervention, size, 0)
        intervention["ad"] = 7
        return frame

    search(Problem(GRAPH, ARMS), 60, rng=0, environment=run)
    assert ARMS[0] == {}


def test_same_seed_and_same_world_same_search():
    first, second = (search(Problem(GRAPH, ARMS), 500, rng=1, environment=world(9)[0]) for _ in range(2))
    assert first.counts == second.counts
    assert first.best_index == second.best_index


def test_a_search_without_tables_and_without_environment_names_both_ways_out():
    problem = Problem(GRAPH, ARMS, tables={"ad": [0.5]})
    with pytest.raises(ValueError, match=r"3 of 4 have none: 'trust', 'purchase', 'parcel'.*environment="):
        search(problem, 100)


def spoiled(change):
    """An environment whose rows are changed before they are returned."""

    def run(intervention, size):
        return change(WORLD.sample(intervention, size, 0), intervention)

    return run


def set_value(frame, column, value):
    frame = frame.astype({column: object})
    frame.loc[frame.index[0], column] = value
    return frame


@together(
    ("change", "error", "message"),
    [
        (lambda f, a: f.drop(columns="trust"), ValueError, r"missing 'trust'.*Expected one column per node"),
        (lambda f, a: f.rename(columns={"trust": "Trust"}), ValueError, r"missing 'trust', unknown 'Trust'"),
        (lambda f, a: f.assign(day=1), ValueError, r"unknown 'day'"),
        (lambda f, a: f.iloc[1:], ValueError, r"returned \d+ experiments under .*expected the \d+ that were asked for"),
        (lambda f, a: pd.concat([f, f]), ValueError, r"returned \d+ experiments under"),
        (lambda f, a: set_value(f, "trust", 2), ValueError, r"holds 'trust' = 2 in row 0; expected 0 or 1"),
        (lambda f, a: set_value(f, "trust", None), ValueError, r"holds 'trust' = None in row 0; expected 0 or 1"),
        (lambda f, a: set_value(f, "trust", "yes"), ValueError, r"holds 'trust' = 'yes' in row 0"),
        (
            lambda f, a: f.assign(ad=1 - f["ad"]),
            ValueError,
            r"holds 'ad' = . in row ., although the intervention fixed it at",
        ),
        (lambda f, a: f.to_numpy(), TypeError, r"was a ndarray; expected a pandas.DataFrame"),
        (lambda f, a: None, TypeError, r"was a NoneType"),
    ],
)
def test_rows_that_do_not_fit_what_was_asked_are_refused(change, error, message):
    with pytest.raises(error, match=message):
        search(Problem(GRAPH, ARMS), 100, rng=0, environment=spoiled(change))


@together(
    ("options", "error", "message"),
    [
        ({"environment": 3}, TypeError, r"environment was 3; expected a function run\(intervention, size\)"),
        ({"known": [("ad", [0.5])]}, ValueError, r"Unknown node with a known table: \('ad', \[0.5\]\)"),
        ({"memory": "1 GB"}, TypeError, r"memory was '1 GB'; expected a whole number of bytes"),
        ({"memory": 2.5e8}, TypeError, r"memory was 250000000.0"),
        ({"memory": 50}, ValueError, r"more than the 50 allowed"),
        (
            {"strategy": TwoPhase},
            TypeError,
            r"strategy was the class TwoPhase; expected .*such as TwoPhase\(\)",
        ),
        ({"budget": 10**19}, ValueError, r"of experiments, at most 1,000,000,000,000,000,000"),
    ],
)
def test_what_cannot_work_is_refused_before_the_first_experiment(options, error, message):
    run, log = world()
    with pytest.raises(error, match=message):
        search(Problem(GRAPH, ARMS), **({"budget": 100, "environment": run, "rng": 0} | options))
    assert log == []


def test_a_tree_too_large_for_the_bound_is_refused_before_the_first_experiment():
    # Twelve causes pairwise share a child: their clique needs 2^12 entries, more than the 30,000 bytes allowed.
    dag = nx.DiGraph()
    for a in range(12):
        for b in range(a):
            dag.add_edges_from([(f"x{a}", f"m{a}-{b}"), (f"x{b}", f"m{a}-{b}"), (f"m{a}-{b}", f"s{a}-{b}")])
    parts = [node for node in dag if node.startswith("s")]
    for place, node in enumerate(parts):
        dag.add_edge(node, "y" if place == len(parts) - 1 else f"chain{place}")
        if place:
            dag.add_edge(f"chain{place - 1}", "y" if place == len(parts) - 1 else f"chain{place}")
    graph = CausalGraph(dag, "y")
    problem = Problem(graph, InterventionSet(graph, [{}, {"x0": 1}]))
    for strategy in ("two-phase", "top-two"):
        with pytest.raises(ValueError, match=r"bytes of tables for one intervention"):
            search(problem, 5000, strategy, memory=30_000, environment=lambda intervention, size: pytest.fail("run"))


def test_an_error_of_the_callers_function_reaches_the_caller_unchanged():
    def run(intervention, size):
        raise ConnectionError("the shop is closed")

    with pytest.raises(ConnectionError, match="the shop is closed"):
        search(Problem(GRAPH, ARMS), 100, environment=run)


def test_experiments_that_were_finished_before_an_error_are_kept_and_a_search_goes_on_from_them():
    run, log = world()

    def until_the_shop_closes(intervention, size):
        if len(log) == 6:
            raise ConnectionError("the shop is closed")
        return run(intervention, size)

    problem = Problem(GRAPH, ARMS)
    with pytest.raises(ConnectionError, match="the shop is closed") as caught:
        search(problem, 600, TopTwo(rounds=10), rng=0, environment=until_the_shop_closes)
    counts = caught.value.counts
    assert counts.total == sum(size for _, size in log) > 0
    assert counts.trials.tolist() == [sum(n for asked, n in log if asked == arm) for arm in ARMS]
    assert "attribute counts" in caught.value.__notes__[0]
    decision = search(problem, 600 - counts.total, TopTwo(prior=counts), rng=1, environment=run)
    assert decision.best == {"trust": 1}

    def one_row_too_few(intervention, size):
        rows = run(intervention, size)
        return rows.iloc[1:] if len(log) == 12 else rows

    log.clear()
    with pytest.raises(ValueError, match="were asked for") as refused:
        search(problem, 600, TopTwo(rounds=10), rng=0, environment=one_row_too_few)
    assert refused.value.counts.total == sum(size for _, size in log[:-1])


def test_the_example_with_own_experiments_runs_and_finds_the_best(capsys):
    example = Path(__file__).parent.parent / "examples" / "own_experiments.py"
    names = runpy.run_path(str(example))
    assert names["result"].best == {"ad_a": 1, "ad_b": 1, "guarantee": 1}
    printed = capsys.readouterr().out
    assert printed.startswith("Best intervention: ")
    assert "phase 2, part 2" in printed
