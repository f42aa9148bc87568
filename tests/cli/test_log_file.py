"""Logs on the command line as people have them: where they come from, how they are written, and which fault is told."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest
from cases import together
from click.testing import CliRunner
from conftest import command_line as run

from causalbandit.cli import main
from causalbandit.inference.arm_values import estimate_arms
from causalbandit.inference.least_squares import LeastSquares
from causalbandit.inference.log import AdaptiveLog

ARMS = ["lung=0, bronc=0", "ad=0"]
BASE = ["--arm", "arm", "--outcome", "y", "--ordered"]


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    first = rng.random(60) < 0.5
    frame = pd.DataFrame({"arm": np.where(first, *ARMS), "y": rng.integers(0, 2, 60), "p0": 0.5, "p1": 0.5, "p": 0.5})
    return frame.assign(age=rng.normal(size=60), town=rng.choice(["bari", "oslo"], 60))


@pytest.fixture
def path(frame, tmp_path):
    frame.to_csv(tmp_path / "log.csv", index=False)
    return str(tmp_path / "log.csv")


@together(
    "named",
    [
        ["--propensity", f"{ARMS[0]}=p0", "--propensity", f"{ARMS[1]}=p1"],
        ["--propensity", f"{ARMS[0]}=p0,{ARMS[1]}=p1"],
        ["--propensity", "p0,p1", "--arms", ARMS[0], "--arms", ARMS[1]],
        ["--propensity", "p", "--arms", ARMS[0], "--arms", ARMS[1]],
    ],
)
def test_names_of_arms_may_hold_equals_signs_and_commas(path, tmp_path, named):
    out = tmp_path / "out.json"
    done = run("ate", path, *BASE, *named, "--json", out)
    assert done.exit_code == 0, done.output
    assert json.loads(out.read_text())["arms"] == ARMS
    assert f"Control: '{ARMS[0]}', the first arm; name the one that is meant with --control." in done.output


def test_a_control_that_is_named_is_not_explained(path):
    done = run("ate", path, *BASE, "--propensity", "p", "--control", "ad=0")
    assert done.exit_code == 0, done.output
    assert "Control:" not in done.output
    assert "Control: 'ad=0', the first arm" in run("ate", path, *BASE, "--propensity", "p", "--method", "mad").output


def test_packed_files_other_separators_and_standard_input_give_the_same(path, frame, tmp_path):
    named = [*BASE, "--propensity", "p"]
    plain = run("ate", path, *named)
    (tmp_path / "log.csv.gz").write_bytes(gzip.compress(frame.to_csv(index=False).encode()))
    frame.to_csv(tmp_path / "semi.csv", index=False, sep=";")
    frame.to_csv(tmp_path / "tab.csv", index=False, sep="\t")
    for others in (
        [tmp_path / "log.csv.gz", *named],
        [tmp_path / "semi.csv", *named, "--sep", ";"],
        [tmp_path / "tab.csv", *named, "--sep", "tab"],
    ):
        assert run("ate", *others).output == plain.output
    piped = CliRunner().invoke(main, ["ate", "-", *named], input=frame.to_csv(index=False))
    assert piped.output == plain.output


def test_the_exact_method_needs_no_propensities(path):
    without = run("ate", path, *BASE, "--method", "exact")
    assert without.exit_code == 0, without.output
    given = run("ate", path, *BASE, "--method", "exact", "--propensity", "p")
    note = "The log has no propensities: it serves methods that look at none, such as exact.\n"
    assert without.output.replace(note, "") == given.output
    assert note in without.output
    for more in ([], ["--method", "mad"], ["--method", "bounded", "--bounds", "0", "1"]):
        done = run("ate", path, *BASE, *more)
        assert (done.exit_code, "--propensity is missing, which --method" in done.output) == (2, True)


def test_contexts_make_the_outcome_means_of_aipw(path, frame, tmp_path):
    out = tmp_path / "out.json"
    done = run("ate", path, *BASE, "--propensity", "p", "--covariates", "age,town", "--json", out)
    assert done.exit_code == 0, done.output
    assert "Outcome means: least squares on age, town=oslo, fitted on the past only." in done.output
    assert "Covariate 'town' holds categories: 'town=oslo' are 1 or 0, all 0 for 'bari'." in done.output
    encoded = frame.assign(town=(frame["town"] == "oslo").astype(float))
    columns = {"arm": "arm", "outcome": "y", "propensity": "p", "contexts": ["age", "town"], "ordered": True}
    expected = estimate_arms(AdaptiveLog.from_frame(encoded, **columns), outcome_means=LeastSquares())
    assert json.loads(out.read_text())["contrasts"][0]["estimate"] == expected.contrasts["estimate"].iloc[0]


def test_open_outcomes_and_other_dates_have_options(frame, tmp_path):
    days = [f"{1 + number % 28}/{1 + number // 28}/2024" for number in range(60)]
    frame.assign(y=frame["y"].map({0: "no", 1: "yes"}).where(frame.index != 3), day=days).to_csv(
        tmp_path / "log.csv", index=False
    )
    base = ["ate", tmp_path / "log.csv", "--arm", "arm", "--outcome", "y", "--propensity", "p", "--time", "day"]
    assert "--time stamps in column 'day' hold '1/1/2024' in line 2" in run(*base, "--drop-open").output
    dated = [*base, "--time-format", "%d/%m/%Y"]
    assert "(line 5); wait for late outcomes" in run(*dated).output
    done = run(*dated, "--drop-open", "--json", tmp_path / "out.json")
    assert done.exit_code == 0, done.output
    assert "59 rounds, 2 arms" in done.output
    assert json.loads((tmp_path / "out.json").read_text())["notes"][0].startswith("Left out 1 of 60 rows")
    assert "Left out 1 of 60 rows, whose outcomes are open" in done.output


@pytest.mark.parametrize(
    ("file", "words"),
    [("none.csv", "There is no file"), ("log.xlsx", "does not end in .csv or .parquet"), ("empty.csv", "empty file")],
)
def test_faults_of_the_file_come_before_those_of_settings(tmp_path, file, words):
    (tmp_path / "empty.csv").write_text("")
    done = run("ate", tmp_path / file, "--arm", "arm", "--outcome", "y", "--propensity", "a=p,q", "--alpha", "5")
    assert (done.exit_code, words in done.output) == (2, True)
    assert "order of time" not in done.output


def test_a_separator_is_one_character(path):
    assert "--sep was ';;'; expected one character" in run("ate", path, *BASE, "--sep", ";;").output
