"""``ate`` and ``values``: messages speak of options, and finished work outlives a standard output that fails."""

import datetime
import json

import numpy as np
import pandas as pd
import pytest
from cases import together
from conftest import command_line

DAYS = [datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)]


@pytest.fixture
def log(tmp_path):
    frame = pd.DataFrame({"arm": [1, 2] * 20, "y": np.arange(40) % 3, "x": np.arange(40) % 5, "p": 0.5, "r": 0.4})
    frame.to_csv(tmp_path / "log.csv", index=False)
    return str(tmp_path / "log.csv")


def run(command, log, *more):
    named = ["--arm", "arm", "--outcome", "y"]
    if "--propensity" not in more:
        named += ["--propensity", "p"]
    return command_line(command, log, *named, *more)


@together(
    ("command", "more", "words"),
    [
        ("ate", "", "time stamps (--time) or of batches (--batch), or pass --ordered when"),
        ("ate", "--ordered --contexts x --method exact", "--contexts/--covariates does nothing for --method exact"),
        ("ate", "--ordered --alpha 5", "--alpha was 5.0; it is an error rate between 0 and 1, for example 0.05"),
        ("ate", "--ordered --floor-decay 3", "--floor-decay was 3; expected"),
        ("ate", "--method mad --model split", "--contexts are needed by the outcome model 'split'"),
        ("ate", "--method mad --contexts x --model mean", "--contexts need an outcome model that uses them"),
        ("ate", "--propensity 1=p,2=r --ordered", "expected 1 within 1e-06"),
        ("values", "--ordered --arms 1,2,3", "--weights was 'two-point', which needs the propensity of every arm"),
        ("ate", "--ordered --control 7", "--control was '7', an unknown arm"),
        ("ate", "--method mad --control 7", "--control was '7', an unknown arm"),
        ("values", "--ordered --method bernoulli", "--bounds is missing: the method 'bernoulli' needs"),
        ("values", "--ordered --method bernoulli --bounds 0 1", "--bounds was (0, 1), but the outcome in line 4 is 2"),
    ],
)
def test_messages_speak_of_options(log, command, more, words):
    done = run(command, log, *more.split())
    assert done.exit_code == 2, done.output
    assert words in done.output
    for word in ("ordered=", "time=", "batch=", "weights=", "bounds=", "tolerance=", "alpha=", "floor_decay"):
        assert word not in done.output


@pytest.mark.parametrize("method", ["aipw", "mad"])
def test_dates_as_arms_are_written_as_text(tmp_path, method):
    pytest.importorskip("pyarrow")
    path, out = tmp_path / "log.parquet", tmp_path / "out.json"
    pd.DataFrame({"arm": DAYS * 20, "y": np.arange(40) % 3, "p": 0.5}).to_parquet(path)
    done = run("ate", str(path), "--ordered", "--method", method, "--json", out)
    assert done.exit_code == 0, done.output
    written = json.loads(out.read_text())
    assert (written["contrasts"] if method == "aipw" else written["estimates"])[0]["reference"] == "2024-01-01"
    assert method == "aipw" or written["control"] == "2024-01-01"
    again = run("ate", str(path), "--ordered", "--method", method, "--control", "2024-01-02", "--json", out)
    assert again.exit_code == 0, again.output


@pytest.mark.parametrize("command", ["ate --method aipw", "ate --method mad", "values"])
def test_files_are_written_although_standard_output_fails(log, tmp_path, monkeypatch, command):
    def fail(text, err=False, nl=True):
        if not err:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("click.echo", fail)
    out, plot = tmp_path / "out.json", tmp_path / "plot.png"
    name, *more = command.split()
    assert run(name, log, "--ordered", *more, "--json", out, "--plot", plot).exit_code != 0
    assert json.loads(out.read_text())
    assert plot.read_bytes()[:4] == b"\x89PNG"


def test_the_result_is_printed_although_a_file_cannot_be_written(log, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("causalbandit.cli.options.write", fail)
    done = run("ate", log, "--ordered", "--json", tmp_path / "out.json")
    assert done.exit_code == 1
    assert "Contrasts, arm minus reference" in done.output
    assert "No space left on device" in done.output
