"""``causalbandit search --confirm``: the sentence at the end, the log that ``ate`` reads, and what is refused."""

import json

import pytest
from cases import together
from click.testing import CliRunner
from conftest import GRAPHS

from causalbandit.cli import main

SEARCH = ["search", str(GRAPHS / "asia.json"), "--budget", "200", "--strategy", "top-two", "--seed", "1"]


def test_a_confirmed_search_ends_in_one_sentence_and_its_log_is_read_back(tmp_path):
    log, figure, result = tmp_path / "log.csv", tmp_path / "proof.png", tmp_path / "result.json"
    words = ["--confirm", "400", "--log", str(log), "--plot", str(figure), "--json", str(result)]
    done = CliRunner().invoke(main, [*SEARCH, *words])
    assert done.exit_code == 0, done.output
    sentence = " ".join(done.stdout.strip().split("\n\n")[-1].split())
    found = json.loads(result.read_text(encoding="utf-8"))["confirmation"]
    assert sentence == found["sentence"]
    assert figure.stat().st_size > 5_000

    again = tmp_path / "again.json"
    columns = ["--arm", "arm", "--outcome", "dysp", "--propensity", "propensity", "--ordered", "--control", "(observe)"]
    command = ["ate", str(log), *columns, "--method", "mad", "--t-star", "400", "--json", str(again)]
    assert CliRunner().invoke(main, command).exit_code == 0
    (row,) = json.loads(again.read_text(encoding="utf-8"))["estimates"]
    (kept,) = [one for one in found["estimates"] if one["method"] == "mad"]
    assert row["estimate"] == pytest.approx(kept["estimate"], abs=1e-12)
    assert row["lower"] == pytest.approx(kept["lower"], abs=1e-12)


@pytest.mark.parametrize(("scale", "words"), [("ratio", "it multiplies the chance of"), ("one-more-per", "1 less")])
def test_the_sentence_is_told_on_the_scale_that_is_asked_for(tmp_path, scale, words):
    result = tmp_path / "result.json"
    done = CliRunner().invoke(main, [*SEARCH, "--confirm", "300", "--scale", scale, "--quiet", "--json", str(result)])
    assert done.exit_code == 0, done.output
    assert words in done.stdout
    assert "percentage points" not in done.stdout
    assert "percentage points" in json.loads(result.read_text(encoding="utf-8"))["confirmation"]["sentence"]


@together(
    ("words", "message"),
    [
        (["--scale", "ratio"], "--scale: is for a confirmation"),
        (["--control", "smoke=1"], "--control: is for a confirmation"),
        (["--log", "x.csv"], "--log: is for a confirmation"),
        (["--confirm", "5"], "--confirm: 5 experiments are too few"),
        (["--confirm", "many"], "'many' is not a whole number"),
        (["--confirm", "400", "--control", "smoke"], "--control: 'smoke' is no assignment"),
        (["--confirm", "400", "--control", "smok=1"], "Unknown node"),
    ],
)
def test_what_cannot_be_confirmed_is_refused_before_the_search(words, message):
    done = CliRunner().invoke(main, [*SEARCH, *words])
    assert done.exit_code == 2
    assert message in done.output


def test_a_choice_that_is_the_control_needs_no_proof():
    done = CliRunner().invoke(main, [*SEARCH, "--confirm", "400", "--control", "lung=0,bronc=0"])
    assert done.exit_code == 0
    assert "the search chose the control itself" in done.output.lower()
