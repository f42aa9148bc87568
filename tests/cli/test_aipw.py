"""``causalbandit ate --method aipw`` and ``causalbandit values``: what is printed, written and refused."""

import json

import numpy as np
import pytest
from cases import together
from conftest import command_line as run

from causalbandit.bandit_simulation import simulate_bandits
from causalbandit.inference.arm_values import estimate_arms
from causalbandit.inference.log import AdaptiveLog
from causalbandit.sequences.streams import bernoulli_mean

COLUMNS = ["--arm", "arm", "--outcome", "outcome", "--propensity", "p_red,p_blue,p_green"]


@pytest.fixture
def frame():
    log = next(simulate_bandits((1, 1.5, 2), 300, 1, rng=1).logs())
    table = log.to_frame().rename(columns={f"propensity_{k}": f"p_{n}" for k, n in enumerate(("red", "blue", "green"))})
    table["arm"] = np.array(["red", "blue", "green"])[log.arms]
    return table.assign(week=np.arange(300))


@pytest.fixture
def path(frame, tmp_path):
    frame.to_csv(tmp_path / "log.csv", index=False)
    return str(tmp_path / "log.csv")


def test_ate_prints_writes_and_draws_what_the_function_gives(path, frame, tmp_path):
    out, plot = tmp_path / "out.json", tmp_path / "plot.png"
    done = run("ate", path, *COLUMNS, "--time", "week", "--control", "red", "--json", out, "--plot", plot)
    assert done.exit_code == 0, done.output
    assert "300 rounds, 3 arms" in done.output
    log = AdaptiveLog.from_frame(
        frame, arm="arm", outcome="outcome", propensity=["p_red", "p_blue", "p_green"], time="week"
    )
    expected = estimate_arms(log, reference="red")
    written = json.loads(out.read_text())
    assert [row["estimate"] for row in written["contrasts"]] == expected.contrasts["estimate"].tolist()
    assert f"{expected.contrasts['estimate'].iloc[0]:.4g}" in done.output
    assert plot.stat().st_size > 1000


def test_values_offers_weights_sequences_and_the_sample_mean(path, frame, tmp_path):
    plot = tmp_path / "time.png"
    for more in (
        ["--weights", "uniform", "--over-time", "--plot", plot],
        ["--method", "sample-mean"],
        ["--method", "gamma-exponential", "--bounds", "0", "3", "--json", tmp_path / "out.json"],
    ):
        done = run("values", path, *COLUMNS, "--ordered", *more)
        assert done.exit_code == 0, done.output
        assert "Values of arms (95% intervals)" in done.output
    assert plot.stat().st_size > 1000
    rows = json.loads((tmp_path / "out.json").read_text())["values"]
    assert [row["rounds"] for row in rows] == [int((frame["arm"] == arm).sum()) for arm in ("red", "blue", "green")]


def test_values_of_outcomes_0_or_1_have_an_exact_sequence(path, frame, tmp_path):
    done = run("values", path, *COLUMNS, "--ordered", "--method", "exact")
    assert done.exit_code == 2
    assert "expected 0 or 1. For outcomes in known bounds use 'bernoulli'" in done.output
    frame["outcome"] = (frame["outcome"] > 1.5).astype(int)
    frame.to_csv(tmp_path / "binary.csv", index=False)
    out = tmp_path / "out.json"
    done = run("values", tmp_path / "binary.csv", *COLUMNS, "--ordered", "--method", "exact", "--json", out)
    assert done.exit_code == 0, done.output
    for row in json.loads(out.read_text())["values"]:
        own = frame.loc[frame["arm"] == row["arm"], "outcome"]
        assert [row["lower"], row["upper"]] == [float(end) for end in bernoulli_mean(own.sum(), len(own), 0.05)]


def test_parquet_and_named_propensities_give_the_same(path, frame, tmp_path):
    pytest.importorskip("pyarrow")
    frame.to_parquet(tmp_path / "log.parquet")
    named = [*COLUMNS[:4], "--propensity", "red=p_red, blue=p_blue", "--propensity", "green=p_green"]
    one = run("ate", path, *COLUMNS, "--ordered")
    two = run("ate", tmp_path / "log.parquet", *named, "--ordered")
    assert one.output == two.output


def test_numbers_on_the_command_line_name_arms_that_are_numbers(frame, tmp_path):
    frame["arm"] = frame["arm"].map({"red": 1, "blue": 2, "green": 3})
    frame.to_csv(tmp_path / "log.csv", index=False)
    named = ["--propensity", "1=p_red,2=p_blue,3=p_green"]
    done = run("ate", tmp_path / "log.csv", *COLUMNS[:4], *named, "--ordered", "--control", "3")
    assert done.exit_code == 0, done.output


@together(
    ("arguments", "words"),
    [
        (COLUMNS, "order of time is unknown"),
        ([*COLUMNS, "--ordered", "--control", "rod"], "Did you mean 'red'"),
        ([*COLUMNS[:4], "--propensity", "p_red,p_blue", "--ordered"], "'green'"),
        ([*COLUMNS[:4], "--propensity", "red=p_red,p_blue", "--ordered"], "name the arm of every column or of none"),
        ([*COLUMNS[:4], "--propensity", "propensity", "--ordered"], "needs the propensity of every arm"),
        ([*COLUMNS[:2], "--outcome", "outcomes", *COLUMNS[4:], "--ordered"], "Did you mean 'outcome'"),
        ([*COLUMNS, "--ordered", "--alpha", "5"], "alpha was 5"),
        (
            [*COLUMNS, "--ordered", "--covariates", "week", "--method", "exact"],
            "--covariates does nothing for --method exact; use it with --method aipw or mad",
        ),
        ([*COLUMNS, "--ordered", "--t-star", "50"], "--t-star does nothing for --method aipw"),
        ([*COLUMNS, "--ordered", "--method", "mad", "--all-pairs"], "--all-pairs does nothing for --method mad"),
    ],
)
def test_bad_input_is_one_line_and_exit_status_2(path, arguments, words):
    done = run("ate", path, *arguments)
    assert done.exit_code == 2
    assert words in done.output
    assert "Traceback" not in done.output


def test_other_files_and_missing_bounds_are_refused(path):
    assert "does not end in .csv or .parquet" in run("ate", "log.xlsx", *COLUMNS, "--ordered").output
    assert "--covariates does nothing" in run("values", path, *COLUMNS, "--ordered", "--contexts", "week").output
    unused = run("values", path, *COLUMNS, "--ordered", "--method", "sample-mean", "--bounds", 0, 1)
    assert (unused.exit_code, "--bounds does nothing for --method sample-mean" in unused.output) == (2, True)
    assert "--bounds is missing" in run("values", path, *COLUMNS, "--ordered", "--method", "bernoulli").output
