"""check: contradictions in words, files, and how it refuses."""

import json

import numpy as np
import pandas as pd
import pytest
from conftest import command_line

import causalbandit as cb
from causalbandit.world import World
from causalbandit.wrong_graphs import confounded_mediator


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command line inside a folder with a graph and its data in three forms."""
    monkeypatch.chdir(tmp_path)
    wrong = confounded_mediator(1.0)
    arms = wrong.problem.interventions
    cb.save_problem(wrong.problem, "graph.json")
    rows = World(wrong.problem, wrong.world).draw([400] * 9, rng=0)
    frame = pd.DataFrame(np.repeat(rows.values, rows.weight, axis=0), columns=list(rows.nodes))
    place = np.repeat(rows.place, rows.weight)
    frame["done"] = np.array(arms.labels)[place]
    for node in "xzm":
        frame[f"did {node}"] = [arms[a].get(node) for a in place]
    frame["round"] = 0
    frame.to_csv("data.csv", index=False)
    return command_line


def test_contradictions_are_printed_in_sentences(run):
    done = run("check", "graph.json", "data.csv", "--intervention-column", "done", "--planned")
    assert done.exit_code == 0, done.output
    text = " ".join(done.stdout.split())
    assert "is there a common cause of m and y?" in text
    assert "checked: 8 of 8 rows" in text
    columns = ("check", "graph.json", "data.csv", "--intervention-columns", "x=did x,z=did z,m=did m")
    assert run(*columns, "--planned").stdout == done.stdout
    assert run(*columns, "--batch", "round").stdout == done.stdout
    assert "universal inference" in run(*columns).stdout


def test_the_result_and_the_repaired_problem_are_written(run):
    done = run(
        *("check", "graph.json", "data.csv", "--intervention-column", "done", "--planned"),
        *("--repaired", "new.json", "--json", "check.json", "--plot", "check.svg"),
    )
    assert done.exit_code == 0, done.output
    assert "the graph got a hidden common cause of m and y" in " ".join(done.stdout.split())
    assert cb.load_problem("new.json").graph.bidirected == (("m", "y"),)
    with open("check.json") as file:
        assert json.load(file)["refuted"] is True


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--intervention-column", "no"], "names 'no', but there is no such column"),
        (["--intervention-columns", "m"], "--intervention-columns: 'm' is no pair"),
        (["--intervention-columns", "m=no"], "names 'no', but there is no such column"),
        (["--intervention-columns", "q=done"], "'q'"),
        (["--intervention-column", "done", "--intervention-columns", "m=done"], "expected one of them"),
        (["--batch", "no"], "--batch names 'no'"),
        (["--batch", "round", "--planned"], "--planned was True"),
        (["--delta", "2"], "--delta was 2"),
        ([], "although the intervention"),
        (["--plot", "x.txt"], "--plot"),
    ],
)
def test_bad_input_is_named(run, options, said):
    if not options:
        frame = pd.read_csv("data.csv")
        frame.assign(done="m=1").to_csv("data.csv", index=False)
        options = ["--intervention-column", "done"]
    done = run("check", "graph.json", "data.csv", *options)
    assert done.exit_code == 2, done.output
    assert said in done.stderr
    assert "Traceback" not in done.output


def test_values_that_are_no_numbers_are_named(run):
    pd.read_csv("data.csv").replace({"m": {1: "yes"}}).to_csv("data.csv", index=False)
    done = run("check", "graph.json", "data.csv")
    assert done.exit_code == 2
    assert "'m' = 'yes' in line 160; expected 0 or 1" in done.stderr
