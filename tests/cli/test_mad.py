"""``causalbandit ate --method mad``: the numbers of the library, figures that open, faults with one message."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import Result
from conftest import command_line

import causalbandit as cb


@pytest.fixture
def log(tmp_path: Path) -> str:
    noise = np.random.default_rng(0)
    design = cb.MixtureAdaptiveDesign(
        cb.BetaBernoulliThompson(3), arms=["old", "new", "bold"], control="old", delta="slow", t_star=400,
        outcome_model="split", rng=0,
    )  # fmt: skip
    x = noise.normal(size=(400, 2))
    means = {"old": 0.2, "new": 0.3, "bold": 0.8}
    design.run(
        lambda arm, row: float(noise.random() < means[arm]), covariates=pd.DataFrame(x, columns=["age", "income"]),
        stop_early=False,
    )  # fmt: skip
    path = tmp_path / "log.csv"
    design.rounds().to_csv(path, index=False)
    return str(path)


def ate(log: str, *extra: str) -> Result:
    columns = ("--arm", "arm", "--outcome", "outcome", "--propensity", "propensity", "--control", "old")
    return command_line("ate", log, *columns, "--method", "mad", *extra)


def test_the_command_gives_the_librarys_numbers(log: str, tmp_path: Path) -> None:
    out = tmp_path / "effects.json"
    result = ate(log, "--covariates", "age,income", "--model", "split", "--json", str(out))
    assert result.exit_code == 0, result.output
    assert "400 rounds, 3 arms, control 'old'" in result.output
    content: dict[str, Any] = json.loads(out.read_text())
    table = cb.mad_from_log(
        pd.read_csv(log), arm="arm", outcome="outcome", propensity="propensity", control="old",
        covariates=["age", "income"], outcome_model="split",
    )  # fmt: skip
    assert [row["estimate"] for row in content["estimates"]] == table["estimate"].tolist()
    assert [row["arm"] for row in content["estimates"]] == ["bold", "new"]


@pytest.mark.parametrize("extra", [(), ("--over-time",)])
def test_figures_are_written(log: str, tmp_path: Path, extra: tuple[str, ...]) -> None:
    figure = tmp_path / "effects.png"
    result = ate(log, "--plot", str(figure), *extra)
    assert result.exit_code == 0, result.output
    assert figure.read_bytes()[:4] == b"\x89PNG"


def test_arms_without_data_have_a_row(log: str, tmp_path: Path) -> None:
    out = tmp_path / "effects.json"
    result = ate(log, "--arms", "old,new,bold,never", "--json", str(out))
    assert result.exit_code == 0, result.output
    never = json.loads(out.read_text())["estimates"][-1]
    assert never["arm"] == "never"
    assert never["insufficient_data"] is True
    assert never["lower"] is None


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (("--control", "odl"), "Did you mean 'old'"),
        (("--alpha", "2"), "alpha was 2"),
        (("--t-star", "0"), "--t-star was 0"),
        (("--multiplicity", "holm"), "mad knows none and bonferroni"),
        (("--outcome", "sale"), "sale"),
        (("--model", "split"), "contexts are needed"),
    ],
)
def test_faults_are_one_message_with_status_2(log: str, extra: tuple[str, ...], message: str) -> None:
    result = ate(log, *extra)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


def test_a_zero_propensity_names_its_row(log: str) -> None:
    frame = pd.read_csv(log)
    frame.loc[7, "propensity"] = 0.0
    frame.to_csv(log, index=False)
    result = ate(log)
    assert result.exit_code == 2
    assert "row 7" in result.output
