"""``causalbandit ate`` at any time (mad, exact, bounded): the library's numbers, figures that open, faults told."""

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


def ate(log: str, *extra: str, method: str = "mad") -> Result:
    columns = ("--arm", "arm", "--outcome", "outcome", "--propensity", "propensity", "--control", "old")
    return command_line("ate", log, *columns, "--method", method, *extra)


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


@pytest.mark.parametrize(("method", "extra"), [("exact", ()), ("bounded", ("--bounds", "0", "1"))])
@pytest.mark.parametrize("multiplicity", ["none", "bonferroni"])
def test_exact_readings_give_the_librarys_numbers(
    log: str, tmp_path: Path, method: str, extra: tuple[str, ...], multiplicity: str
) -> None:
    out, figure = tmp_path / "effects.json", tmp_path / "effects.png"
    more = ("--multiplicity", multiplicity, "--json", str(out), "--plot", str(figure), "--over-time")
    result = ate(log, *extra, *more, method=method)
    assert result.exit_code == 0, result.output
    assert f"{method} reading" in result.output
    assert figure.read_bytes()[:4] == b"\x89PNG"
    content: dict[str, Any] = json.loads(out.read_text())
    table = cb.mad_from_log(
        pd.read_csv(log), arm="arm", outcome="outcome", propensity="propensity", control="old", method=method,
        multiplicity=multiplicity, bounds=(0, 1) if extra else None,
    )  # fmt: skip
    assert content["method"] == method
    assert content["multiplicity"] == multiplicity
    for column in ("arm", "estimate", "lower", "upper"):
        assert [row[column] for row in content["estimates"]] == table[column].tolist()


@pytest.mark.parametrize(
    ("method", "extra", "words"),
    [
        ("bounded", (), "--bounds is missing"),
        ("exact", ("--bounds", "0", "1"), "--bounds does nothing for --method exact; use it with --method bounded"),
        ("exact", ("--covariates", "age"), "does nothing for --method exact; use it with --method aipw or mad"),
        ("bounded", ("--bounds", "0", "1", "--multiplicity", "holm"), "bounded knows none and bonferroni"),
        ("bounded", ("--bounds", "0", "0.5"), "outside bounds"),
    ],
)
def test_what_an_exact_reading_cannot_use_is_refused(log: str, method: str, extra: tuple[str, ...], words: str) -> None:
    result = ate(log, *extra, method=method)
    assert result.exit_code == 2
    assert words in result.output


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


def test_a_zero_propensity_names_its_line(log: str) -> None:
    frame = pd.read_csv(log)
    frame.loc[7, "propensity"] = 0.0
    frame.to_csv(log, index=False)
    result = ate(log)
    assert result.exit_code == 2
    assert "in line 9 (1 such rows)" in result.output
