"""Rows from before on the command line: search and study create take a file of them."""

import json

import pandas as pd
import pytest
from cases import together
from conftest import command_line

import causalbandit as cb


@pytest.fixture
def files(shop, tmp_path):
    graph, rows = str(tmp_path / "graph.json"), str(tmp_path / "rows.csv")
    cb.save_problem(shop, graph)
    observed = shop.model.sample({}, 300, rng=0).assign(did="(observe)")
    fixed = shop.model.sample({"ad": 1}, 100, rng=1).assign(did="ad=1")
    pd.concat([observed, fixed]).to_csv(rows, index=False)
    return graph, rows, tmp_path


def test_a_search_counts_rows_from_before(files):
    graph, rows, folder = files
    out = folder / "result.json"
    done = command_line(
        *("search", graph, "--budget", 40, "--strategy", "top-two", "--seed", 1, "--history", rows),
        *("--intervention-column", "did", "--json", out),
    )
    assert done.exit_code == 0, done.output
    assert "History: 400 rows from before" in done.output
    assert json.loads(out.read_text())["history"]["interventions"] == [{}, {"ad": 1}]


def test_a_study_keeps_them(files):
    graph, rows, folder = files
    file = folder / "a.study"
    done = command_line(
        *("study", "create", file, graph, "--budget", 40, "--strategy", "top-two", "--seed", 1),
        *("--history", rows, "--intervention-column", "did"),
    )
    assert done.exit_code == 0, done.output
    assert command_line("study", "preview", file).exit_code == 0


@together(
    ("options", "message"),
    [
        (["--intervention-column", "did"], "--intervention-column: needs --history"),
        (["--history", "none.csv"], "none.csv"),
        (["--history", "rows.csv", "--intervention-column", "when"], "--intervention-column names 'when'"),
        (["--history", "empty.csv"], "is an empty file"),
        (["--history", "bad.csv"], "bad.csv: --history holds 'ad' = '2' in line 2"),
        (["--history", "liar.csv", "--intervention-column", "did"], "--history shows 'ad' = 0 in line 2"),
    ],
)
def test_files_that_cannot_be_used_are_refused(files, monkeypatch, options, message):
    graph, _, folder = files
    monkeypatch.chdir(folder)
    (folder / "empty.csv").write_text("")
    (folder / "bad.csv").write_text("ad,trust,purchase\n2,0,1\n")
    (folder / "liar.csv").write_text("ad,trust,purchase,did\n0,0,1,ad=1\n")
    for words in (["search", graph], ["study", "create", "a.study", graph]):
        done = command_line(*words, "--budget", 40, *options)
        assert done.exit_code == 2, done.output
        assert message in done.output
    assert not (folder / "a.study").exists()
