"""design, and γ* in show: what they print, which files they write, and how they refuse."""

import json

import pytest
from cases import together
from conftest import GRAPHS, command_line

import causalbandit as cb

CANCER = str(GRAPHS / "cancer.json")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command line inside an empty folder."""
    monkeypatch.chdir(tmp_path)
    return command_line


def test_design_prints_what_python_says_and_writes_it(run, tmp_path, without_display):
    done = run("design", CANCER, "--budget", "300", "--json", "out.json", "--plot", "out.png")
    assert done.exit_code == 0, done.output
    found = cb.design(cb.load_problem(CANCER), 300)
    assert done.stdout == found.summary() + "\n"
    saved = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert saved == json.loads(json.dumps(found.to_dict()))
    assert (tmp_path / "out.png").read_bytes()[:4] == b"\x89PNG"


def test_design_from_rows_from_before(run, tmp_path):
    problem = cb.load_problem(CANCER)
    problem.model.sample({}, 400, rng=0).to_csv(tmp_path / "rows.csv", index=False)
    done = run("design", CANCER, "--budget", "300", "--history", "rows.csv", "--weighting", "variance")
    assert done.exit_code == 0, done.output
    assert "400 rows from before" in done.stdout
    assert "mixture  by variance" in done.stdout


def test_show_tells_gamma_star(run):
    done = run("show", CANCER)
    assert (
        f"γ* = {cb.gamma_star(cb.load_problem(CANCER).model, cb.load_problem(CANCER).interventions):.3g}" in done.stdout
    )
    assert "min(32, 24)" in done.stdout


def test_show_of_a_graph_without_tables_has_no_gamma_star(run, tmp_path):
    problem = cb.load_problem(CANCER)
    cb.save_problem(cb.Problem(problem.graph, problem.interventions), tmp_path / "bare.json")
    done = run("show", "bare.json")
    assert done.exit_code == 0, done.output
    assert "γ*" not in done.stdout


@together(
    ("words", "parts"),
    [
        (["design", CANCER], ["--budget"]),
        (["design", CANCER, "--budget", "0"], ["--budget was 0"]),
        (["design", CANCER, "--budget", "some"], ["'some' is not a whole number of experiments"]),
        (["design", CANCER, "--budget", "9", "--weighting", "varance"], ["--weighting was 'varance'", "Did you mean"]),
        (["design", CANCER, "--budget", "9", "--plot", "x.txt"], ["--plot", "does not end in"]),
        (
            ["design", CANCER, "--budget", "9", "--intervention-column", "did"],
            ["--intervention-column: needs --history"],
        ),
        (["search", CANCER, "--budget", "99", "--truncation", "all"], ["--truncation was 'all'", "'theory'"]),
        (["search", CANCER, "--budget", "99", "--weighting", "all"], ["--weighting was 'all'", "'contrast'"]),
        (
            ["search", CANCER, "--budget", "99", "--weighting", "reach", "--strategy", "uniform"],
            ["--weighting does not apply to the strategy 'uniform'"],
        ),
    ],
)
def test_bad_input_is_named(run, words, parts):
    done = run(*words)
    assert done.exit_code == 2, done.output
    for part in parts:
        assert part in done.stderr


def test_a_graph_without_tables_needs_rows(run, tmp_path):
    problem = cb.load_problem(CANCER)
    cb.save_problem(cb.Problem(problem.graph, problem.interventions), tmp_path / "bare.json")
    done = run("design", "bare.json", "--budget", "300")
    assert done.exit_code == 2
    assert "--history was not given, and 5 of 5 nodes have no table" in done.stderr


def test_a_search_can_be_told_the_theory_and_a_weighting(run):
    words = ["search", CANCER, "--budget", "300", "--seed", "0"]
    assert "S = N² log(A·T)" in run(*words, "--truncation", "theory").stdout
    assert run(*words, "--weighting", "contrast").exit_code == 0
