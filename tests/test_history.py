"""Rows from before: what they count for, what they tell, and what is refused."""

import sqlite3
from contextlib import closing

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from cases import together
from click.testing import CliRunner

import causalbandit as cb
from causalbandit.cli import main
from causalbandit.history import fit


@pytest.fixture
def rows(shop):
    return shop.model.sample({}, 400, rng=0)


def test_complete_rows_count_like_experiments(shop, rows):
    found = fit(shop, rows)
    assert found.counts == cb.Counts.from_frame(shop.interventions, {}, rows)
    assert (found.n_rows, found.n_incomplete) == (400, 0)
    by_hand = rows.groupby(["ad", "trust"])["purchase"]
    for (ad, trust), group in by_hand:
        expected = (group.sum() + 0.5) / (len(group) + 1)
        assert found.problem.model.table("purchase")[2 * ad + trust] == pytest.approx(expected)


def test_a_row_with_a_gap_counts_where_it_can(shop, rows):
    holes = rows.astype(float)
    holes.loc[:99, "purchase"] = np.nan
    holes.loc[100:149, "trust"] = np.nan
    found = fit(shop, holes)
    families = {family.node: found.visits[family.rows].sum() for family in shop.interventions.families}
    assert families == {"ad": 400, "trust": 350, "purchase": 250}
    assert found.n_incomplete == 150
    assert found.trials[0] == 300  # the target was seen
    filled = fit(shop, rows.iloc[150:])
    purchase = next(family for family in shop.interventions.families if family.node == "purchase")
    assert found.ones[purchase.rows].tolist() == filled.ones[purchase.rows].tolist()


def test_rows_of_a_database_count_like_those_of_the_frame(shop, rows):
    gaps = rows.astype("Int64")
    gaps.loc[gaps.index[:9], "trust"] = pd.NA
    fixed = shop.model.sample({"ad": 1}, 30, rng=1).astype("Int64")
    stored = pd.concat([gaps.assign(done="(observe)"), fixed.assign(done="ad=1")], ignore_index=True)
    with closing(sqlite3.connect(":memory:")) as connection:
        stored.to_sql("rows", connection, index=False)
        read = pd.read_sql("SELECT * FROM rows ORDER BY rowid", connection)
    assert read["trust"].isna().sum() == 9  # NULL
    expected = fit(shop, stored, "done")
    assert fit(shop, read, "done").counts == expected.counts
    assert expected.n_incomplete == 9
    found = [
        cb.search(shop, 40, "top-two", history=each, history_interventions="done", rng=0) for each in (read, stored)
    ]
    assert found[0].history.counts == expected.counts
    assert found[0].counts == found[1].counts


def test_rows_under_interventions_teach_what_they_leave_free(shop):
    observed, fixed = shop.model.sample({}, 50, rng=0), shop.model.sample({"ad": 1}, 30, rng=1)
    labels = ["(observe)"] * 50 + ["ad=1"] * 30
    found = fit(shop, pd.concat([observed, fixed]).assign(done=labels), "done")
    expected = cb.Counts.from_frame(shop.interventions, {}, observed) + cb.Counts.from_frame(
        shop.interventions, {"ad": 1}, fixed
    )
    assert found.counts == expected
    assert fit(shop, {"(observe)": observed, "ad=1": fixed}).counts == expected


def test_the_ranking_and_thin_rows_are_those_of_the_rows(shop):
    found = fit(shop, shop.model.sample({}, 2_000, rng=3))
    assert found.to_frame()["intervention"].iloc[0] == "ad=1, trust=1"
    few = fit(shop, shop.model.sample({"ad": 0}, 40, rng=3).iloc[:20])
    assert set(few.thin_rows()["node"]) == {"purchase", "trust"}
    assert few.thin_rows()["share"].is_monotonic_decreasing
    assert "rows of the tables were visited fewer than 5 times" in few.summary()
    assert max(map(len, few.summary().splitlines())) <= 80


def test_a_contradiction_in_the_rows_is_said():
    graph = cb.CausalGraph(nx.DiGraph([("a", "y"), ("b", "y")]), "y")
    problem = cb.Problem(graph, cb.InterventionSet(graph, [{}, {"a": 1}]))
    random = np.random.default_rng(0)
    a = random.integers(2, size=800)
    b = np.where(random.random(800) < 0.9, a, 1 - a)  # the graph says that a and b are independent
    seen = pd.DataFrame({"a": a, "b": b, "y": random.integers(2, size=800)})
    assert fit(problem, seen).check.contradictions


def test_hidden_causes_leave_counts_but_no_model():
    dag = nx.DiGraph([("u", "m"), ("u", "y"), ("m", "y")])
    graph = cb.CausalGraph(dag, "y", hidden=["u"])
    problem = cb.Problem(graph, cb.InterventionSet(graph, [{}, {"m": 1}]))
    found = fit(problem, pd.DataFrame({"m": [0, 1, 1], "y": [0, 1, 1]}))
    assert found.problem.model is None
    assert found.visits.sum() > 0


@together(
    ("change", "message"),
    [
        (lambda rows: rows.iloc[:0], "holds no rows"),
        (lambda rows: rows.drop(columns="trust"), "has no column for 'trust'"),
        (lambda rows: rows.assign(trust=3), "holds 'trust' = 3 in row 0; expected 0, 1 or nothing"),
        (lambda rows: rows.assign(trust="yes"), "holds 'trust' = 'yes' in row 0"),
    ],
)
def test_rows_that_cannot_be_used_are_refused(shop, rows, change, message):
    with pytest.raises(ValueError, match=message):
        fit(shop, change(rows))


def test_the_command_writes_a_problem_with_tables(shop, rows, tmp_path):
    graph, history, out = (str(tmp_path / name) for name in ("graph.json", "rows.csv", "fitted.json"))
    cb.save_problem(cb.Problem(shop.graph, shop.interventions, name="shop"), graph)
    rows.to_csv(history, index=False)
    done = CliRunner().invoke(main, ["fit", graph, history, "-o", out])
    assert done.exit_code == 0, done.output
    assert "400 rows from before" in done.output
    written = cb.load_problem(out)
    assert written.model.table("ad") == pytest.approx(fit(shop, rows).problem.model.table("ad"))
    assert CliRunner().invoke(main, ["fit", graph, str(tmp_path / "none.csv")]).exit_code == 2
    bad = CliRunner().invoke(main, ["fit", graph, history, "--intervention-column", "done"])
    assert bad.exit_code == 2
    assert "--intervention-column names 'done', but there is no such column" in bad.output
