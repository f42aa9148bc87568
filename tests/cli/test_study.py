"""A campaign by the command line: every step is one command, and what cannot be done is said in a sentence."""

import json
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cases import together
from conftest import command_line

import causalbandit as cb


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command line inside a folder with a graph and a study of it."""
    import networkx as nx

    monkeypatch.chdir(tmp_path)
    graph = cb.CausalGraph(nx.DiGraph([("ad", "sale"), ("mail", "sale")]), "sale")
    arms = cb.InterventionSet(graph, [{}, {"ad": 1}, {"mail": 1}])
    cb.save_problem(cb.Problem(graph, arms, name="shop"), "graph.json")
    done = command_line(
        "study", "create", "a.study", "graph.json", "--budget", "30", "--strategy", "uniform", "--seed", 0
    )
    assert done.exit_code == 0, done.output
    return command_line


def fill(path="todo.csv", out="done.csv"):
    """Fill in a sheet: what is free is a coin; a sale is sure with the ad and cannot be without."""
    todo = pd.read_csv(path)
    rng = np.random.default_rng(len(todo))
    for node in ("ad", "mail"):
        todo[node] = todo[node].fillna(pd.Series(rng.integers(0, 2, len(todo)), index=todo.index)).astype(int)
    todo["sale"] = todo["ad"]
    todo.assign(user="=cmd()").to_csv(out, index=False)
    return len(todo)


def test_a_campaign_ends_in_a_proof(run):
    assert run("study", "ask", "a.study", "--out", "todo.csv").stdout == "30 experiments to run.\n"
    fill()
    assert "30 rows counted" in run("study", "tell", "a.study", "done.csv").stdout
    assert "Best guess" in run("study", "preview", "a.study").stdout
    assert "Confirmation" not in run("study", "result", "a.study").stdout
    begun = run("study", "confirm", "a.study", "--budget", "200", "--batch", "20")
    assert begun.stdout == "Confirmation: under way; 0 of 200 experiments told, 0 running, 0 given up\n"
    while run("study", "ask", "a.study", "--out", "todo.csv").stdout.startswith("20 "):
        fill()
        told = run("study", "tell", "a.study", "done.csv").stdout
    assert "The confirmation is complete" in told
    assert "Do ad=1: it raises the chance of sale = 1" in " ".join(run("study", "preview", "a.study").stdout.split())
    result = run("study", "result", "a.study", "--json", "result.json").stdout
    assert "Confirmation: decided early" in result
    assert json.loads(Path("result.json").read_text())["confirmation"]["stopped"]
    assert run("study", "report", "a.study", "-o", "page.html").exit_code == 0
    run("study", "export", "a.study", "rows.csv")
    rows = pd.read_csv("rows.csv")
    assert rows["stage"].value_counts()["search"] == 30
    assert (rows["user"] == "'=cmd()").all()
    assert "whole" in run("study", "check", "a.study").stdout


def test_a_confirmation_needs_no_search_but_must_name_what_it_proves(run):
    refused = run("study", "confirm", "a.study", "--budget", "40")
    assert (refused.exit_code, "not finished" in refused.stderr) == (2, True)
    refused = run("study", "confirm", "a.study", "--budget", "40", "--intervention", "ad")
    assert "--intervention: 'ad' is no assignment; expected node=0 or node=1" in refused.stderr
    refused = run("study", "confirm", "a.study", "--budget", "9", "--intervention", "ad=1")
    assert "--budget was 9" in refused.stderr
    assert run("study", "confirm", "a.study", "--budget", "40", "--intervention", "ad=1").exit_code == 0
    run("study", "ask", "a.study", "--out", "todo.csv", "-n", "5")
    fill()
    run("study", "tell", "a.study", "done.csv")
    assert "It is open whether ad=1 helps" in run("study", "preview", "a.study").stdout
    assert "5 of 40 experiments told" in run("study", "result", "a.study").stdout


def test_a_damaged_file_gives_back_what_is_safe(run):
    run("study", "ask", "a.study", "--out", "todo.csv")
    fill()
    run("study", "tell", "a.study", "done.csv")
    assert run("study", "check", "a.study", "--rescue", "safe.csv").exit_code == 0
    assert not Path("safe.csv").exists()
    connection = sqlite3.connect("a.study")
    connection.execute("UPDATE results SET extra = '{}' WHERE id = 3")
    connection.commit()
    connection.close()
    checked = run("study", "check", "a.study", "--rescue", "safe.csv")
    assert checked.exit_code == 1
    assert "29 told rows" in checked.stdout
    assert 3 not in pd.read_csv("safe.csv")["id"].tolist()
    refused = run("study", "export", "a.study", "rows.csv")
    assert (refused.exit_code, "the row of experiment 3" in refused.stderr) == (2, True)


@together(
    ("content", "message"),
    [
        ("", "is an empty file"),
        ("id,ad,mail,sale\n", "hold no rows"),
        ("id,ad,mail\n1,0,0\n", "no column for 'sale'"),
        ("id,ad,mail,sale\n1,0,0,2\n", "'sale' = '2' in line 2"),
        ("id,ad,mail,sale\n99,0,0,1\n", "never handed out: 99"),
        ("id,ad,mail,sale\n10000001,0,0,1\n", "never handed out: 10000001"),
    ],
)
def test_sheets_that_cannot_be_told_are_refused(run, content, message):
    Path("bad.csv").write_text(content)
    refused = run("study", "tell", "a.study", "bad.csv")
    assert refused.exit_code == 2
    assert message in refused.stderr
    assert "0 of 30 experiments told" in run("study", "status", "a.study").stdout
