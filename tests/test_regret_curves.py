"""Regret curves: means and paired differences as pandas gives them, words and a figure."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from regret_cases import PROBLEM, STRATEGIES

from causalbandit import (
    RegretCurves,
    evaluate_regret,
    regret_curves,
)
from causalbandit.random_problems import random_problem


def test_the_summary_equals_what_pandas_gives():
    curves = evaluate_regret(PROBLEM, STRATEGIES, [5, 60], 40, rng=4)
    frame, summary = curves.to_frame(), curves.means(reference="uniform")
    wide = frame[frame["budget"] == 60].pivot(index="replication", columns="strategy", values="regret")
    cell = summary[(summary["strategy"] == "top-two") & (summary["budget"] == 60)].iloc[0]
    assert cell["mean"] == pytest.approx(wide["top-two"].mean())
    assert cell["std_error"] == pytest.approx(wide["top-two"].sem())
    assert cell["q90"] == pytest.approx(wide["top-two"].quantile(0.9))
    assert cell["correct"] == pytest.approx((wide["top-two"] == 0).mean())
    paired = wide["top-two"] - wide["uniform"]
    assert cell["difference"] == pytest.approx(paired.mean())
    assert cell["difference_std_error"] == pytest.approx(paired.sem())
    # Student's t with 39 degrees of freedom: 2.0227 from a table.
    assert cell["difference_upper"] == pytest.approx(paired.mean() + 2.0227 * paired.sem(), rel=1e-4)
    pairs = curves.differences()
    one = pairs[(pairs["strategy"] == "top-two") & (pairs["other"] == "uniform") & (pairs["budget"] == 60)].iloc[0]
    assert one["difference"] == pytest.approx(paired.mean())
    with pytest.raises(ValueError, match="reference was 'unifrom'"):
        curves.means(reference="unifrom")


def test_paired_intervals_cover_a_known_difference():
    # Ten pulls of each of two arms, the better mean chosen, against the same again: the difference is 0, and the 95 %
    # interval misses it in a share of about 0.05 of runs. Over 200 runs more than 24 misses (or fewer than 1) has
    # probability below 3e-5.
    ones = np.random.default_rng(0).binomial(10, [0.4, 0.5], size=(200, 2, 30, 2))
    regret = 0.1 * (ones[..., 0] > ones[..., 1])
    misses = 0
    for first, second in regret:
        interval = regret_curves._difference(first, second, 0.05)
        misses += not interval["difference_lower"] <= 0 <= interval["difference_upper"]
    assert 1 <= misses <= 24


def test_the_result_is_readable_everywhere(tmp_path):
    curves = evaluate_regret([PROBLEM, PROBLEM], ["uniform", "two-phase"], [10, 300], 3, rng=0)
    assert curves.problems == (f"{PROBLEM.name} (1)", f"{PROBLEM.name} (2)")
    json.dumps(curves.to_dict(), allow_nan=False)
    assert "<table" in curves._repr_html_()
    assert "6 cells" in repr(curves) or "cells" in repr(curves)
    curves.to_frame().to_csv(tmp_path / "regret.csv")
    for problem in (None, curves.problems[0]):
        axes = curves.plot(problem=problem)
        assert axes.get_xscale() == axes.get_yscale() == "log"
    with pytest.raises(ValueError, match="problem was 'x'"):
        curves.plot(problem="x")


def test_a_figure_over_several_problems_compares_the_same_searches_and_shows_names_letter_for_letter():
    import matplotlib.pyplot as plt

    small, large = (replace(random_problem(n, rng=1), name=name) for n, name in ((3, "$x_$"), (8, "$8$")))
    smallest = 3 * small.graph.n_family_rows
    curves = evaluate_regret([small, large], ["two-phase", "uniform"], [smallest, 3000], 3, rng=0)
    ax = curves.plot()
    points = {line.get_label(): line.get_xdata().tolist() for line in ax.lines if not line.get_label().startswith("_")}
    assert points == {"two-phase": [3000], "uniform": [smallest, 3000]}
    assert "left out" in ax.get_title()
    assert [tick.get_text() for tick in ax.get_xticklabels()] == [str(smallest), "3,000"]
    ax.figure.canvas.draw()
    alone = curves.plot(problem="$x_$")
    alone.figure.canvas.draw()
    assert alone.get_title() == r"\$x_\$"
    nothing = evaluate_regret(large, "two-phase", 1, 3, rng=0).plot()
    assert "Nothing to draw" in nothing.texts[0].get_text()
    nothing.figure.canvas.draw()
    plt.close("all")


def test_the_summary_shows_each_cell_and_says_why_one_is_empty():
    rows = [("shop", "a", 30, 0, 0.5, False), ("shop", "a", 30, 1, 0.0, True)]
    frame = pd.DataFrame(rows, columns=["problem", "strategy", "budget", "replication", "regret", "correct"])
    frame = frame.assign(chosen="x=1", experiments=30, seconds=0.0, reason="")
    empty = frame.iloc[:1].assign(strategy="two-phase", regret=np.nan, reason="needs at least 60 experiments")
    text = RegretCurves(pd.concat([frame, empty]), ("a", "two-phase"), ("shop",)).summary()
    # Mean of 0.5 and 0; their standard error is 0.25.
    assert text.splitlines() == [
        "shop: mean simple regret ± standard error (share correct)",
        "",
        "                           T = 30",
        "a          0.2500 ± 0.2500 (50 %)",
        "two-phase                       -",
        "",
        "- two-phase: needs at least 60 experiments",
    ]


def test_a_summary_of_many_budgets_fits_a_terminal():
    text = evaluate_regret(PROBLEM, ["uniform"], [10, 20, 30, 40, 50, 60, 70], 2, rng=0).summary()
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("T = ") == 7
