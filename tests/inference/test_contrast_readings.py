"""Exact readings of the rounds of an experiment: against loops and a grid, round by round, and what they refuse."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import betaln, xlogy

import causalbandit as cb
from causalbandit.errors import InvalidArgument
from causalbandit.inference.contrast_readings import ObservedRounds, read_log
from causalbandit.inference.log import AdaptiveLog
from causalbandit.sequences.boundaries import gamma_exponential_mixture
from causalbandit.sequences.score_bounds import score_terms

NAMES = ("a", "b", "c")


def some_rounds(n=240, seed=0, **settings):
    """Three arms whose chances follow the rounds before; the control is the second."""
    rng = np.random.default_rng(seed)
    arms, outcomes, chances = np.zeros(n, dtype=int), np.zeros(n), np.zeros((n, 3))
    for t in range(n):
        lean = np.array([outcomes[:t][arms[:t] == k].sum() + 1.0 for k in range(3)])
        chances[t] = 0.1 + 0.7 * lean / lean.sum()
        arms[t] = rng.choice(3, p=chances[t])
        outcomes[t] = rng.random() < (0.2, 0.4, 0.8)[arms[t]]
    drawn = chances[np.arange(n), arms]
    given = {"names": NAMES, "control": 1, "alpha": 0.1, "t_star": 200.0, "bounds": (0.0, 1.0)} | settings
    return ObservedRounds(arms, outcomes, drawn, **given), chances


def test_the_exact_reading_is_the_projection_of_a_region_of_counts():
    rounds, _ = some_rounds()
    counts = {name: [0, 0] for name in NAMES}
    for arm, outcome in zip(rounds.arms, rounds.outcomes, strict=True):
        counts[NAMES[arm]][int(outcome)] += 1
    grid = np.linspace(0.0005, 0.9995, 1000)
    log_m = {
        name: betaln(ones + 0.5, zeros + 0.5) - np.log(np.pi) - xlogy(ones, grid) - xlogy(zeros, 1 - grid)
        for name, (zeros, ones) in counts.items()
    }
    table = rounds.estimates("exact").set_index("arm")
    assert table.index.tolist() == ["a", "c"]
    assert set(table["reference"]) == {"b"}
    for name in ("a", "c"):
        region = log_m[name][:, None] + log_m["b"][None, :] <= -np.log(0.1 / 2)
        differences = (grid[:, None] - grid[None, :])[region]
        assert table.loc[name, "lower"] == pytest.approx(differences.min(), abs=0.003)
        assert table.loc[name, "upper"] == pytest.approx(differences.max(), abs=0.003)
        zeros, ones = counts[name]
        assert table.loc[name, "estimate"] == pytest.approx(ones / (ones + zeros) - counts["b"][1] / sum(counts["b"]))
        assert (table.loc[name, "n"], table.loc[name, "n_control"]) == (ones + zeros, sum(counts["b"]))


def test_the_bounded_reading_is_a_loop_over_scores():
    rounds, _ = some_rounds()
    stars = replace(rounds, outcomes=1.0 + 4.0 * rounds.outcomes, bounds=(1.0, 5.0))
    table = stars.estimates("bounded").set_index("arm")
    n = len(rounds.arms)
    for name, arm in (("a", 0), ("c", 2)):
        ends = []
        for turned in (False, True):
            total = variance = 0.0
            for drawn, outcome, p in zip(rounds.arms, rounds.outcomes, rounds.propensities, strict=True):
                y = 1 - outcome if turned else outcome
                z = y / p if drawn == arm else (1 - y) / p if drawn == 1 else 0.0
                total += z - 1
                variance += (z - 1) ** 2
            ends.append((total - gamma_exponential_mixture(variance, 0.1 / 2 / 2, 200.0 * 2, 1.0)) / n)
        assert table.loc[name, "lower"] == pytest.approx(4 * max(ends[0], -1), rel=1e-9)
        assert table.loc[name, "upper"] == pytest.approx(-4 * max(ends[1], -1), rel=1e-9)


@pytest.mark.parametrize("method", ["exact", "bounded"])
def test_the_path_is_the_estimates_after_every_round(method):
    rounds, _ = some_rounds(40)
    path = rounds.path(method)
    for t in (1, 2, 3, 17, 40):
        first = replace(
            rounds, arms=rounds.arms[:t], outcomes=rounds.outcomes[:t], propensities=rounds.propensities[:t]
        )
        columns = ["arm", "estimate", "lower", "upper"]
        now = path.loc[path["round"] == t, columns].reset_index(drop=True)
        pd.testing.assert_frame_equal(now, first.estimates(method)[columns], check_exact=False, rtol=1e-9)


@pytest.mark.parametrize("method", ["exact", "bounded"])
def test_a_path_at_a_few_rounds_is_part_of_the_whole_one(method):
    rounds, _ = some_rounds(90)
    whole, few = rounds.path(method), rounds.path(method, most=7)
    assert few["round"].unique().tolist() == [1, 15, 30, 45, 60, 75, 90]
    part = whole[whole["round"].isin(few["round"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(part, few, check_exact=False, rtol=1e-9)


@pytest.mark.parametrize("method", ["exact", "bounded"])
def test_complementing_the_outcomes_turns_every_interval_round(method):
    rounds, _ = some_rounds()
    table = rounds.estimates(method)
    turned = replace(rounds, outcomes=1.0 - rounds.outcomes).estimates(method)
    for one, other in (("estimate", "estimate"), ("lower", "upper"), ("upper", "lower")):
        np.testing.assert_allclose(table[one], -turned[other], rtol=1e-7)
    assert table["significant"].tolist() == turned["significant"].tolist()


@pytest.mark.parametrize("method", ["exact", "bounded"])
def test_intervals_by_themselves_are_those_of_two_arms_at_the_same_rate(method):
    rounds, _ = some_rounds()
    alone, together = replace(rounds, joint=False).estimates(method), rounds.estimates(method)
    assert (alone["upper"] - alone["lower"] < together["upper"] - together["lower"]).all()
    halved = replace(rounds, joint=False, alpha=0.05).estimates(method)
    np.testing.assert_array_equal(halved[["lower", "upper"]], together[["lower", "upper"]])
    assert "by itself" in alone.attrs["notes"][0]
    assert "together" in together.attrs["notes"][0]


@pytest.mark.parametrize("method", ["exact", "bounded"])
def test_an_arm_without_rounds_has_what_the_control_leaves_possible(method):
    rounds, _ = some_rounds()
    more = replace(rounds, names=(*NAMES, "never"))
    row = more.estimates(method).set_index("arm").loc["never"]
    assert row["insufficient_data"]
    assert np.isnan(row["estimate"])
    assert -1 <= row["lower"] < 0 < row["upper"] <= 1
    assert not row["significant"]


@pytest.mark.parametrize("p", [0.0, 0.4, 1.0])
def test_scores_of_rounds_in_which_an_arm_could_not_be_drawn_favour_neither_bound(p):
    """What both one-sided bounds rest on: E(Z − 1) is the effect at most, for Y and for 1 − Y."""
    for means in ((0.2, 0.7), (0.9, 0.1), (0.5, 0.5)):
        expected = np.zeros(2)
        for arm, chance in ((0, 1 - p), (1, p)):
            for outcome, likely in ((1.0, means[arm]), (0.0, 1 - means[arm])):
                if chance:
                    up, down = np.zeros((2, 2))
                    up[arm], _, down[arm], _ = score_terms(outcome, chance)
                    expected += chance * likely * np.array([up[1] + down[0] - 1, down[1] + up[0] - 1])
        effect = means[1] - means[0]
        assert (expected <= np.array([effect, -effect]) + 1e-12).all()


def test_a_log_a_live_design_and_the_function_read_the_same():
    noise = np.random.default_rng(1)
    design = cb.MixtureAdaptiveDesign(
        cb.BetaBernoulliThompson(3), arms=NAMES, control="b", delta="slow", t_star=150, rng=0
    )
    design.run(lambda arm: float(noise.random() < {"a": 0.2, "b": 0.4, "c": 0.8}[arm]), 150, stop_early=False)
    frame = design.rounds()
    columns = {"arm": "arm", "outcome": "outcome", "propensity": "propensity", "arms": NAMES}
    log = AdaptiveLog.from_frame(frame, ordered=True, **columns)
    for method, bounds in (("exact", None), ("bounded", (0, 1))):
        tuned = 150 if bounds else None  # a plan for exact contrasts is for arms drawn about equally often
        live = design.estimates(method, bounds=bounds)
        assert list(live.columns) == list(design.estimates().columns)
        pd.testing.assert_frame_equal(
            live, read_log(log, method, "b", t_star=150 if bounds else None, bounds=bounds).estimates()
        )
        pd.testing.assert_frame_equal(
            live, cb.mad_from_log(frame, control="b", method=method, bounds=bounds, t_star=tuned, **columns)
        )
        path = design.path(method, bounds=bounds)
        np.testing.assert_allclose(path.tail(2)["lower"], live["lower"])
        assert design.summary(method, bounds=bounds).splitlines()[-1] == live.attrs["notes"][-1]


def test_figures_and_words(without_display):
    rounds, chances = some_rounds()
    log = AdaptiveLog(rounds.arms, rounds.outcomes, chances, arm_names=NAMES)
    reading = read_log(log, "exact", "b")
    assert "b" in reading.to_dict()["control"]
    assert "one mean" in reading.to_dict()["notes"][1]
    assert reading.plot().get_xlabel()
    assert reading.plot_path().get_xlabel()


def test_what_a_reading_is_not_for_is_refused_with_the_one_to_use():
    rounds, _ = some_rounds(30)
    with pytest.raises(InvalidArgument, match=r"outcomes holds 0\.5 in row 29; .* use 'bounded', .* 'mad'"):
        replace(rounds, outcomes=np.append(rounds.outcomes[:-1], 0.5)).estimates("exact")
    with pytest.raises(InvalidArgument, match=r"bounds is missing: .* Without any, use 'mad'"):
        replace(rounds, bounds=None).estimates("bounded")
    with pytest.raises(InvalidArgument, match="outside bounds"):
        replace(rounds, bounds=(0.0, 0.5)).path("bounded")
    with pytest.raises(InvalidArgument, match="method was 'exat'"):
        rounds.estimates("exat")
    design = cb.MixtureAdaptiveDesign(cb.UCB(2), record_rounds=False, rng=0)
    with pytest.raises(InvalidArgument, match="record_rounds=True"):
        design.estimates("exact")


def test_rounds_in_which_an_arm_could_not_be_drawn_are_told():
    rounds, chances = some_rounds(60)
    chances[:20] = np.eye(3)[rounds.arms[:20]]
    table = read_log(AdaptiveLog(rounds.arms, rounds.outcomes, chances), "bounded", 1, bounds=(0, 1)).estimates()
    missed = (chances == 0).sum(axis=0)
    assert f"0 could not be drawn in {missed[0]} rounds and 1 could" in table["warning"].iloc[0]
    assert set(read_log(AdaptiveLog(rounds.arms, rounds.outcomes, chances), "exact", 1).estimates()["warning"]) == {""}
