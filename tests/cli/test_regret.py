"""The command ``regret``: its table and files, its refusals, and what survives a kill."""

import json
import os
import signal
import time

import pandas as pd
import pytest
from cases import together
from conftest import GRAPHS, command_line
from forks import exit_code, forked, needs_fork

import causalbandit as cb
from causalbandit.wrong_graphs import confounded_mediator

PURCHASE = str(GRAPHS / "purchase.json")
CHAIN = str(GRAPHS / "chain.json")
STRATEGIES = "uniform,sequential-halving,uniform-plug-in"


def run(*arguments):
    return command_line("regret", *arguments)


def test_it_prints_a_table_and_writes_rows_and_figure(tmp_path):
    out, plot = tmp_path / "regret.csv", tmp_path / "regret.png"
    done = run(
        *(PURCHASE, CHAIN, "--budgets", "30,100", "--strategies", STRATEGIES, "--replications", 5, "--seed", 0),
        *("--out", out, "--plot", plot),
    )
    assert done.exit_code == 0, done.output
    assert "purchase: mean simple regret" in done.output
    assert "chain: mean simple regret" in done.output
    assert "T = 100" in done.output
    assert "- sequential-halving: needs at least" in done.output
    assert max(map(len, done.stdout.splitlines())) <= 80
    frame = pd.read_csv(out)
    cells = frame.groupby(["problem", "strategy", "budget"])
    assert cells.ngroups == 2 * 3 * 2
    assert set(cells.size()) == {1, 5}
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert not list(tmp_path.glob(".*"))


def test_parquet_and_csv_hold_the_same(tmp_path):
    pytest.importorskip("pyarrow")
    arguments = (PURCHASE, "--budgets", "30", "--strategies", "uniform", "--replications", 3, "--seed", 1, "--quiet")
    assert run(*arguments, "--out", tmp_path / "a.parquet").output == ""
    assert run(*arguments, "--out", tmp_path / "a.csv").output == ""
    parquet, csv = pd.read_parquet(tmp_path / "a.parquet"), pd.read_csv(tmp_path / "a.csv")
    assert parquet["regret"].tolist() == csv["regret"].tolist()
    assert list(parquet.columns) == list(csv.columns)


@together(
    ("arguments", "words"),
    [
        (["--budgets", "30", "--strategies", "unifrom"], "Did you mean 'uniform'?"),
        (["--budgets", "300,100"], "300 before 100"),
        (["--budgets", "100,100"], "100 before 100; expected each once"),
        (["--budgets", "0"], "budgets was 0"),
        (["--budgets", "many"], "'many' is not a whole number"),
        (["--budgets", "30", "--replications", "0"], "0 is not in the range"),
        (["--budgets", "30", "--jobs", "0"], "--jobs: was 0"),
        (["--budgets", "30", "--out", "rows.xlsx"], "does not end in .csv or .parquet"),
        (["--budgets", "30", "--plot", "curve.txt"], "does not end in one of"),
        (["--budgets", "30", "--out", "no/where.csv"], "--out"),
        (["--budgets", "30", "--resume", PURCHASE], "also the file that is read"),
    ],
)
def test_bad_usage_is_refused_before_any_work(arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run(PURCHASE, *arguments)
    assert done.exit_code == 2, done.output
    assert words in " ".join(done.output.split())
    assert not list(tmp_path.iterdir())


def test_a_graph_without_tables_is_refused(tmp_path):
    content = json.loads((GRAPHS / "purchase.json").read_text())
    for node in content["nodes"]:
        node.pop("cpt", None)
    graph = tmp_path / "no-tables.json"
    graph.write_text(json.dumps(content))
    done = run(graph, "--budgets", 30)
    assert done.exit_code == 2
    assert "conditional probability table" in done.output


def test_a_resume_file_of_another_run_is_a_bad_file(tmp_path):
    path = tmp_path / "kept.jsonl"
    arguments = (PURCHASE, "--budgets", "30", "--strategies", "uniform", "--replications", 3, "--resume", path)
    assert run(*arguments, "--seed", 0).exit_code == 0
    done = run(*arguments, "--seed", 1)
    assert done.exit_code == 2
    assert "its seed is 0, and this run's is 1" in " ".join(done.output.split())
    assert run(*arguments).exit_code == 0  # without --seed it continues with the file's


def sorted_rows(path):
    frame = pd.read_csv(path).drop(columns="seconds")
    return frame.sort_values(["problem", "strategy", "budget", "replication"]).reset_index(drop=True)


@needs_fork
def test_a_killed_run_resumes_to_the_same_rows(tmp_path):
    # When the kill strikes depends on the machine; whenever that is, the rows must be the same.
    arguments = [
        *("regret", PURCHASE, "--budgets", "30,100", "--strategies", STRATEGIES, "--replications", "80"),
        *("--seed", "3", "--quiet"),
    ]
    assert command_line(*arguments, "--out", tmp_path / "whole.csv").exit_code == 0
    kept, out = tmp_path / "kept.jsonl", tmp_path / "resumed.csv"
    with (tmp_path / "said.txt").open("w") as said:
        child = forked([*arguments, "--resume", kept, "--out", out], said.fileno(), said.fileno())
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (not kept.exists() or kept.read_bytes().count(b"\n") < 3):
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    assert exit_code(child) in (0, -signal.SIGKILL)
    before = kept.read_bytes()
    finished = command_line(*arguments, "--resume", kept, "--out", out)
    assert finished.exit_code == 0, finished.output
    assert kept.read_bytes().startswith(before[: before.rfind(b"\n") + 1])  # nothing kept was touched
    pd.testing.assert_frame_equal(sorted_rows(out), sorted_rows(tmp_path / "whole.csv"))
    assert len(before.splitlines()) > 1


def test_a_world_that_differs_from_the_graph_is_the_truth(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrong = confounded_mediator(1.0)
    cb.save_problem(wrong.problem, "believed.json")
    cb.save_problem(wrong.world, "truth.json")
    words = ["regret", "believed.json", "--world", "truth.json", "--budgets", "3000", "--strategies", "top-two"]
    done = command_line(*words, "--replications", "2", "--seed", "0", "--out", "rows.csv")
    assert done.exit_code == 0, done.output
    assert "- top-two: the graph was contradicted in 100 % of searches" in done.stdout
    assert pd.read_csv("rows.csv")["contradicted"].all()
    assert "(100 %)" in command_line(*words, "--replications", "2", "--seed", "0", "--check", "repair").stdout
    alone = command_line("regret", "believed.json", "--budgets", "100")
    assert alone.exit_code == 2
    other = command_line("regret", "believed.json", "--world", str(GRAPHS / "asia.json"), "--budgets", "100")
    assert other.exit_code == 2
    assert "--world has other observed nodes" in other.stderr
