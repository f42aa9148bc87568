"""Budgets of money on the command line: prices from files, limits, and refusals that name the option."""

import json
from pathlib import Path

import pandas as pd
import pytest
from cases import together
from conftest import GRAPHS, command_line

import causalbandit as cb

PURCHASE = str(GRAPHS / "purchase.json")
LABELS = cb.load_problem(PURCHASE).interventions.labels
PRICES = {label: 1 + 9 * (place % 2) for place, label in enumerate(LABELS)}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command line inside a folder with files of prices."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prices.json").write_text(json.dumps(PRICES))
    pd.DataFrame({"intervention": PRICES.keys(), "price": PRICES.values()}).to_csv("prices.csv", index=False)
    return command_line


def test_prices_come_from_either_file_and_the_result_says_what_was_spent(run):
    words = ("search", PURCHASE, "--budget-money", "800", "--strategy", "uniform-plug-in", "--seed", "3")
    found = []
    for path in ("prices.json", "prices.csv"):
        done = run(*words, "--costs", path, "--setup", "5", "--json", "out.json")
        assert done.exit_code == 0, done.output
        said = json.loads(Path("out.json").read_text())
        assert said["money"]["unit"] == "money"
        assert 780 < said["money"]["spent"] <= 800
        assert "of 800 money" in done.output
        assert "a set-up of 5" in done.output
        assert max(map(len, done.stdout.splitlines())) <= 80
        found.append(said)
    assert found[0] == found[1]


def test_a_study_keeps_prices_and_limits_and_says_what_was_handed_out(run):
    done = run(
        *("study", "create", "a.study", PURCHASE, "--budget-money", "90", "--costs", "prices.csv", "--setup", "2"),
        *("--most-kinds", "4", "--most-each", "6", "--strategy", "uniform", "--seed", "1"),
    )
    assert done.exit_code == 0, done.output
    assert "0 of 90 money for what was handed out" in done.output
    run("study", "ask", "a.study", "--out", "todo.csv")
    todo = pd.read_csv("todo.csv")
    assert len(todo.drop(columns="id").fillna(-1).drop_duplicates()) == 3  # nine kinds in three batches
    status = run("study", "status", "a.study").output
    with cb.Study.open("a.study") as study:
        spent = study.status().money
        assert study.interventions.costs.tolist() == list(PRICES.values())
    assert f"{spent:,.6g} of 90 money" in status


def test_regret_is_told_against_money(run, tmp_path):
    done = run(
        *("regret", PURCHASE, "--budgets-money", "40,400.5", "--costs", "prices.json", "--replications", "3"),
        *("--strategies", "uniform,sequential-halving", "--seed", "1", "--out", "rows.csv", "--setup", "1"),
    )
    assert done.exit_code == 0, done.output
    assert "money = 400.5" in done.output
    assert "- sequential-halving: budget_money was 40; the strategy" in done.output
    frame = pd.read_csv("rows.csv")
    assert (frame["money"].dropna() <= frame["budget"][frame["money"].notna()]).all()
    assert max(map(len, done.stdout.splitlines())) <= 80


@together(
    ("content", "expected"),
    [
        ("intervention,price\n(observe),0\n", "--costs was 0; expected a finite number above 0"),
        ("intervention,price\n(observe),-2\n", "It is the price of '(observe)'"),
        ("intervention,price\n(observe),\n", "--costs was nan; expected"),
        ("intervention,price\n(observe),2\n", "--costs lacks the price of 'ad_a=0'"),
        ("intervention,price\nadd_a=0,2\n", "'add_a=0', which is no intervention. Did you mean 'ad_a=0'?"),
        ("what,price\n(observe),2\n", "has the columns what, price; expected intervention and price"),
        ("intervention,price\n(observe),two\n", "'two' as the price of '(observe)'"),
        ("intervention,price\n(observe),2\n(observe),3\n", "two prices of '(observe)'"),
        ("intervention,price\n(observe),2\n(observe) ,3\n", "two prices of '(observe)'"),
    ],
)
def test_prices_that_cannot_be_used_are_refused_by_name(run, content, expected):
    Path("bad.csv").write_text(content)
    done = run("search", PURCHASE, "--budget-money", "800", "--costs", "bad.csv")
    assert done.exit_code == 2
    assert expected in done.output


@together(
    ("words", "expected"),
    [
        ([], "Give --budget T, a number of experiments, or --budget-money M"),
        (["--budget", "9", "--budget-money", "9"], "one of them"),
        (["--budget-money", "0.5"], "--budget-money was 0.5; the cheapest experiment, (observe), costs 1"),
        (["--budget-money", "nan"], "--budget-money was nan"),
        (["--budget-money", "much"], "'much' is not a sum of money"),
        (["--budget", "90", "--setup", "2"], "--setup is a price, and the budget counts experiments"),
        (["--budget", "90", "--most-kinds", "0"], "--most-kinds was 0"),
        (["--budget", "90", "--most-each", "1"], "--most-each was 1, which allows 9 experiments"),
        (["--budget-money", "20", "--costs", "prices.csv"], "--budget-money was 20; the strategy 'two-phase' needs"),
    ],
)
def test_budgets_and_limits_that_leave_no_plan_are_refused_by_option(run, words, expected):
    done = run("search", PURCHASE, *words)
    assert done.exit_code == 2
    assert expected in done.output


def test_without_limits_a_search_is_that_of_python_without_limits(run):
    problem = cb.random_problem(4, rng=2)
    arms = cb.InterventionSet.up_to(problem.graph, 3)
    problem = cb.Problem(problem.graph, arms, problem.model)
    cb.save_problem(problem, "small.json")
    done = run("search", "small.json", "--budget", 200, "--strategy", "uniform", "--seed", "3", "--json", "out.json")
    assert done.exit_code == 0, done.output
    said, searched = json.loads(Path("out.json").read_text()), cb.search(problem, 200, "uniform", rng=3)
    assert [each["experiments"] for each in said["interventions"]] == searched.experiments.tolist()
    assert said["best"] == searched.best
