"""The Mixture Adaptive Design: against pyssed 0.2.0, against its own replays, and against its users' mistakes."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mad_replays import COVARIATE_REPLAYS, REPLAYS, Recorded, enter

import causalbandit as cb
from causalbandit.designs.mad import MixtureAdaptiveDesign
from causalbandit.designs.mixing import drawn_arm
from causalbandit.sequences.asymptotic import asymptotic_radius


@pytest.mark.parametrize("case", REPLAYS, ids=lambda case: f"K{case['K']}c{case['control']}T{case['T']}")
def test_estimates_and_radii_equal_pyssed_wherever_arm_and_control_have_data(case: dict[str, Any]) -> None:
    compared = 0
    for result in case["results"]:
        design = MixtureAdaptiveDesign(
            Recorded(case["K"]),
            control=case["control"],
            alpha=result["alpha"],
            t_star=result["t_star"],
            multiplicity=result["mc_adjust"],
            rng=0,
        )
        frames = enter(design, case["arms"], case["outcomes"], case["propensities"])
        for point in result["path"]:
            frame = frames[point["t"] - 1]
            seen = set(case["arms"][: point["t"]])
            for row in frame.itertuples():
                if row.arm in seen and case["control"] in seen:
                    assert row.estimate == pytest.approx(point["ate"][row.arm], rel=1e-9)
                    assert (row.upper - row.lower) / 2 == pytest.approx(point["radius"][row.arm], rel=1e-9)
                    assert not row.insufficient_data
                    compared += 1
                else:  # pyssed gives a finite interval once any other arm was drawn
                    assert math.isnan(row.estimate)
                    assert (row.lower, row.upper) == (-math.inf, math.inf)
                    assert row.insufficient_data
    if case["T"] > 6:
        assert compared > 40
    path = design.path()
    last = path[path["round"] == case["T"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(
        last[["arm", "estimate", "lower", "upper"]], frames[-1][["arm", "estimate", "lower", "upper"]]
    )


@pytest.mark.parametrize(
    "case", COVARIATE_REPLAYS, ids=lambda c: f"{'pooled' if c['pooled'] else 'split'}-K{c['K']}-w{c['n_warmup']}"
)
def test_covariate_scores_equal_pyssed_once_the_models_have_full_rank(case: dict[str, Any]) -> None:
    # Before full rank pyssed predicts by the minimum-norm solution, we by running means, so single scores are compared
    # from the round on at which both are the ordinary least-squares fit. Where the warm-up ends after that round
    # the whole path must agree. In split models pyssed starts an arm's scores when that arm first has data (and
    # not before arms listed ahead of it have); ours start for all arms after the warm-up.
    data = COVARIATE_REPLAYS[case["input"]]
    design = MixtureAdaptiveDesign(
        Recorded(case["K"]),
        control=case["control"],
        alpha=case["alpha"],
        t_star=case["t_star"],
        outcome_model="pooled" if case["pooled"] else "split",
        n_warmup=case["n_warmup"],
        rng=0,
    )
    ready_at = math.inf
    terms: dict[int, list[tuple[float, float]]] = {}
    paths: dict[int, pd.DataFrame] = {}
    for t in range(1, case["T"] + 1):
        if ready_at == math.inf and design._contrasts.model is not None and design._contrasts.model.ready.all():
            ready_at = t
        before = ([*design._contrasts.sums.scores], [*design._contrasts.sums.squares])
        one = slice(t - 1, t)
        paths[t] = enter(
            design, data["arms"][one], data["outcomes"][one], data["propensities"][one], data["covariates"][one]
        )[0]
        step = [
            np.subtract(after, old)
            for after, old in zip((design._contrasts.sums.scores, design._contrasts.sums.squares), before, strict=True)
        ]
        terms[t] = [
            (step[0][k] - step[0][case["control"]], step[1][k] + step[1][case["control"]]) for k in range(case["K"])
        ]
    compared = 0
    for point in case["path"]:
        if point["t"] < ready_at:
            continue
        for arm in range(case["K"]):
            if arm == case["control"] or point["ite"][arm] is None:
                continue
            score, variance = terms[point["t"]][arm]
            assert score == pytest.approx(point["ite"][arm], rel=1e-9, abs=1e-11)
            assert variance == pytest.approx(point["ite_var"][arm], rel=1e-9, abs=1e-11)
            compared += 1
            row = paths[point["t"]].set_index("arm").loc[arm]
            if case["n_warmup"] >= ready_at - 1 and not row["insufficient_data"]:
                assert row["estimate"] == pytest.approx(point["ate"][arm], rel=1e-9)
                assert (row["upper"] - row["lower"]) / 2 == pytest.approx(point["radius_bonferroni"][arm], rel=1e-9)
    assert compared >= 5
    assert case["n_warmup"] == 1 or case["n_warmup"] >= ready_at - 1


def bernoulli(means: Sequence[float], seed: int) -> Any:
    noise = np.random.default_rng(seed)
    return lambda arm: float(noise.random() < means[arm])


def test_uniform_mixing_is_a_completely_randomised_design() -> None:
    design = MixtureAdaptiveDesign(cb.UCB(4), delta="uniform", t_star=500, rng=0)
    design.run(bernoulli((0.2, 0.4, 0.6, 0.8), 1), 500, stop_early=False)
    assert set(design.propensity_path()["probability"]) == {0.25}
    # Under 1/4 each, a count of 500 has standard deviation 9.7; 48 is five of them (false alarm 2e-6).
    assert np.abs(design.rounds()["arm"].value_counts().to_numpy() - 125).max() < 48


def test_propensities_are_those_of_the_draws() -> None:
    # The mean of 1{W = k}/p(k) over rounds is 1 for every arm if arms are drawn as logged. Its standard deviation is at
    # most √(max 1/p / T) = √(2·8^0.24·… / 4000) < 0.05 here, so 0.25 is five of them.
    design = MixtureAdaptiveDesign(cb.BetaBernoulliThompson(2), delta="slow", t_star=4000, rng=3)
    design.run(bernoulli((0.4, 0.5), 2), 4000, stop_early=False)
    rounds = design.rounds()
    for arm in (0, 1):
        assert np.mean((rounds["arm"] == arm) / rounds["propensity"]) == pytest.approx(1.0, abs=0.25)
    probabilities = design.propensity_path()
    np.testing.assert_allclose(probabilities.groupby("round")["probability"].sum(), 1.0)
    drawn = probabilities.merge(rounds, left_on=["round", "arm"], right_on=["id", "arm"])
    np.testing.assert_array_equal(drawn["probability"], drawn["propensity"])


def test_a_draw_at_the_very_end_takes_the_last_arm() -> None:
    # Ten times 0.1 sums to 1 − 1e-16; a draw above that must not fall through to the first arm.
    assert [drawn_arm(u, [0.1] * 10) for u in (0.0, 0.0999, 0.1, 1.0 - 2.0**-53)] == [0, 0, 1, 9]


def test_late_out_of_order_and_missing_outcomes() -> None:
    design = MixtureAdaptiveDesign(cb.EpsilonGreedy(2), t_star=50, rng=0)
    waiting = [design.assign() for _ in range(10)]
    for assignment in (waiting[7], waiting[2], waiting[9]):
        design.observe(assignment.id, 1.0)
    assert (design.n_observed, design.n_open) == (3, 7)
    log = design.rounds()
    assert log.loc[log["observed"] > 0, "id"].tolist() == [3, 8, 10]
    assert log.sort_values("observed")["id"].tolist()[-3:] == [8, 3, 10]
    assert log["outcome"].isna().sum() == 7


def test_ids_from_a_frames_rows_are_whole_floats_and_other_ids_are_refused_before_anything_changes() -> None:
    design = MixtureAdaptiveDesign(cb.BetaBernoulliThompson(2), t_star=50, rng=0)
    first, second = design.assign(), design.assign()
    design.observe(float(first.id), 1.0)  # type: ignore[arg-type]
    design.observe(np.int64(second.id), 0.0)
    assert design.rounds()["outcome"].tolist() == [1.0, 0.0]
    third = design.assign()
    before = design.to_dict()
    for wrong in (3.5, np.nan, np.inf, True, "3", [3], third, 0, -1, 4, None):
        with pytest.raises(ValueError, match="assignment_id was"):
            design.observe(wrong, 1.0)  # type: ignore[arg-type]
    assert design.to_dict() == before


@pytest.mark.parametrize("estimand", ["sample", "population"])
@pytest.mark.parametrize("model", ["pooled", "split"])
def test_late_amended_and_missing_outcomes_with_covariates_equal_sums_by_hand(model: str, estimand: Any) -> None:
    """An oracle that loops over the observed rounds with predictions from a batch fit to what was known before."""
    noise = np.random.default_rng(3)
    design = MixtureAdaptiveDesign(
        cb.BetaBernoulliThompson(3), control=1, t_star=150, rng=0, outcome_model=model, estimand=estimand, n_warmup=40
    )
    units: dict[int, dict[str, Any]] = {}
    waiting, order = [], []
    for _ in range(200):
        x = noise.normal(size=2)
        made = design.assign(x)
        units[made.id] = {"w": int(made.arm), "p": made.propensity, "x": x}
        if len(order) >= 40:  # full rank
            w, y = (np.array([units[i][key] for i in order]) for key in ("w", "y"))
            past = np.array([units[i]["x"] for i in order])
            if model == "pooled":
                fit = np.linalg.lstsq(np.c_[w[:, None] == range(3), past], y, rcond=None)[0]
                units[made.id]["f"] = fit[:3] + x @ fit[3:]
            else:
                ones = [np.c_[np.ones((w == k).sum()), past[w == k]] for k in range(3)]
                units[made.id]["f"] = [
                    np.r_[1, x] @ np.linalg.lstsq(a, y[w == k], rcond=None)[0] for k, a in enumerate(ones)
                ]
        waiting.append(made.id)
        if len(waiting) > 3 and noise.random() < 0.9:
            late = waiting.pop(int(noise.integers(len(waiting))))
            units[late]["y"] = float(noise.random() < (0.3, 0.5, 0.9)[units[late]["w"]])
            design.observe(late, units[late]["y"])
            order.append(late)
    for place in (3, 90, 130):  # corrections; predictions stay those that were used
        units[order[place]]["y"] = 1.0 - units[order[place]]["y"]
        design.observe(order[place], units[order[place]]["y"], amend=True)
    assert design.n_open > 10
    x = noise.normal(size=2)
    units[design.assign(x).id] = {}  # predicted by a model that has learned the corrections
    w, y = (np.array([units[i][key] for i in order]) for key in ("w", "y"))
    past = np.array([units[i]["x"] for i in order])
    columns = np.c_[w[:, None] == range(3), past]
    if model == "split":
        columns = np.hstack([(w == k)[:, None] * np.c_[np.ones(len(w)), past] for k in range(3)])
    fit = np.linalg.lstsq(columns, y, rcond=None)[0]
    learned = fit[:3] + x @ fit[3:] if model == "pooled" else fit.reshape(3, 3) @ np.r_[1, x]
    np.testing.assert_allclose(design._book.open[design.n_assigned].predictions, learned, rtol=1e-8)
    kept = design._kept_record()
    frozen = kept.predictions(kept.table())
    assert frozen is not None
    table = design.estimates().set_index("arm")
    for arm in (0, 2):
        total = spread = 0.0
        rounds = 0
        for i in order[40:]:
            unit = units[i]
            f = unit.get("f", frozen[i - 1])  # assigned before the fit had full rank
            np.testing.assert_allclose(frozen[i - 1], f, rtol=1e-9)
            if estimand == "population":
                spread += (f[arm] - f[1] - total / max(rounds, 1)) ** 2
            residual = (unit["y"] - f[unit["w"]]) / unit["p"]
            total += f[arm] - f[1] + ((unit["w"] == arm) - (unit["w"] == 1)) * residual
            spread += (unit["w"] in (arm, 1)) * residual**2
            rounds += 1
        row = table.loc[arm]
        assert row["estimate"] == pytest.approx(total / rounds, rel=1e-9)
        assert row["std_error"] == pytest.approx(math.sqrt(spread) / rounds, rel=1e-9)
        radius = asymptotic_radius(spread, rounds, 0.025, 150)
        assert (row["upper"] - row["lower"]) / 2 == pytest.approx(radius, rel=1e-9)


def test_repeated_outcomes_do_nothing_and_changed_ones_need_amend() -> None:
    design = MixtureAdaptiveDesign(cb.BetaBernoulliThompson(2), t_star=50, rng=0, outcome_model="mean")
    design.run(bernoulli((0.5, 0.6), 0), 40, stop_early=False)
    before = design.to_dict()
    arm_outcome = design.rounds().iloc[11]
    design.observe(12, arm_outcome["outcome"])
    assert design.to_dict() == before
    other = 1.0 - arm_outcome["outcome"]
    with pytest.raises(ValueError, match="amend=True"):
        design.observe(12, other)
    assert design.to_dict() == before
    design.observe(12, other, amend=True)
    log = design.rounds()
    assert log.loc[11, "outcome"] == other
    table = design._kept_record().observed()
    predictions = design._kept_record().predictions(table)
    assert predictions is not None
    drawn = log["arm"].to_numpy(dtype=int)
    residual = (log["outcome"] - predictions[np.arange(40), drawn]) / log["propensity"]
    by_hand = predictions[:, 1] - predictions[:, 0] + np.where(drawn == 1, 1, -1) * residual
    assert design.estimates().loc[0, "estimate"] == pytest.approx(by_hand.mean(), rel=1e-12)
    assert design.scores()["score"].mean() == pytest.approx(by_hand.mean(), rel=1e-12)
    assert design.policy.totals.sum() == log["outcome"].sum()


def test_a_bad_outcome_leaves_the_assignment_open_and_a_corrected_one_is_taken() -> None:
    design = MixtureAdaptiveDesign(cb.BetaBernoulliThompson(2), t_star=50, rng=0)
    assignment = design.assign()
    before = design.to_dict()
    for wrong in (math.nan, math.inf):
        with pytest.raises(ValueError, match="finite"):
            design.observe(assignment.id, wrong)
    for wrong_type in ("1", None, [1.0], 1j):
        with pytest.raises(TypeError, match="expected a number"):
            design.observe(assignment.id, wrong_type)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"outcomes in \[0, 1\]"):
        design.observe(assignment.id, 7.0)
    assert design.to_dict() == before
    design.observe(assignment.id, np.bool_(True))
    assert (design.n_observed, design.n_open) == (1, 0)
    for unknown in (0, 2, -1, "a"):
        with pytest.raises(ValueError, match="assignment_id was"):
            design.observe(unknown, 1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alpha": 0.0}, "alpha was 0.0"),
        ({"alpha": 1.2}, "alpha was 1.2"),
        ({"t_star": 0}, "t_star was 0"),
        ({"control": 5}, r"control was 5; the arms are 0, 1"),
        ({"arms": ["a"]}, "must agree"),
        ({"arms": ["a", "a"]}, "arms names 'a' twice"),
        ({"n_arms": 3}, "must agree"),
        ({"multiplicity": "holm"}, "multiplicity was 'holm'"),
        ({"delta": "quick"}, "delta was 'quick'"),
        ({"decay": "linear"}, "decay was 'linear'"),
        ({"precision": 1.0}, "precision was 1;"),
        ({"estimand": "populaton"}, "Did you mean 'population'"),
        ({"outcome_model": "splitt"}, "Did you mean 'split'"),
        ({"n_warmup": 5}, "without an outcome_model"),
        ({"n_warmup": -1, "outcome_model": "mean"}, "n_warmup was -1"),
        ({"covariates": ["x"]}, "covariates need an outcome_model"),
        ({"covariates": ["x", "x"], "outcome_model": "split"}, "covariates names 'x' twice"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MixtureAdaptiveDesign(cb.BetaBernoulliThompson(2), **settings)


def test_other_wrong_settings() -> None:
    with pytest.raises(ValueError, match="only one arm"):
        MixtureAdaptiveDesign(cb.BetaBernoulliThompson(1))
    with pytest.raises(TypeError, match=r"probabilities\(\) and update"):
        MixtureAdaptiveDesign(object())
    with pytest.raises(TypeError, match="the class UCB"):
        MixtureAdaptiveDesign(cb.UCB)
    with pytest.raises(ValueError, match="t_star was '100'"):
        MixtureAdaptiveDesign(cb.UCB(2), t_star="100")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="model_options"):
        MixtureAdaptiveDesign(cb.UCB(2), outcome_model="split", model_options={"lasso": 1})
    design = MixtureAdaptiveDesign(cb.UCB(2), delta=lambda t: t**-0.25, rng=0)
    design.assign()
    with pytest.raises(ValueError, match=r"delta\(2\) was 0\.84"):
        design.assign()
    assert design.n_assigned == 1


@pytest.mark.parametrize(
    "wrong", ["ab", None, 0.5, [0.5, math.nan], [-0.1, 1.1], [0.5, 0.6], [1.0], [math.inf, 0.0], {0: 0.5, 2: 0.5}]
)
def test_wrong_policy_probabilities_name_the_policy(wrong: Any) -> None:
    class Faulty(Recorded):
        def probabilities(self) -> Any:
            return wrong

    design = MixtureAdaptiveDesign(Faulty(2), rng=0)
    with pytest.raises(ValueError, match=r"Faulty\.probabilities\(\)"):
        design.assign()
    assert design.n_assigned == 0


def test_policies_may_answer_by_arm_name() -> None:
    class Named(Recorded):
        def probabilities(self) -> Any:
            return {"blue": 0.25, "red": 0.75}

    design = MixtureAdaptiveDesign(
        Named(2), arms=["red", "blue"], control="red", delta=lambda t: 0.9 if t > 1 else 1.0, rng=0
    )
    design.assign()
    design.assign()
    assert design.propensity_path()["probability"].tolist()[2:] == pytest.approx([0.525, 0.475])


def test_arms_named_by_numbers_are_looked_up_by_name() -> None:
    class Swapped(Recorded):
        def probabilities(self) -> Any:
            return {1: 0.8, 0: 0.2}

    design = MixtureAdaptiveDesign(Swapped(2), arms=[1, 0], delta=lambda t: 0.9, rng=0)
    design.assign()
    assert design.propensity_path()["probability"].tolist() == pytest.approx([0.53, 0.47])


def test_covariates_missing_renamed_added_midway_or_changed_are_refused() -> None:
    plain = MixtureAdaptiveDesign(cb.UCB(2), rng=0)
    plain.assign()
    with pytest.raises(ValueError, match="does not use any"):
        plain.assign({"x": 1.0})
    design = MixtureAdaptiveDesign(cb.UCB(2), outcome_model="split", rng=0)
    with pytest.raises(ValueError, match="covariates are missing"):
        design.assign()
    first = design.assign({"age": 30, "income": 2.0})
    for wrong, message in (
        ({"age": 30}, "this design uses 'age', 'income'"),
        ({"ages": 30, "income": 1.0}, "Did you mean 'age'"),
        ({"age": 30, "income": 1.0, "sex": 1}, "'sex'"),
        ([30, 1.0], "without names"),
        ({"age": 30, "income": math.nan}, "'income' = nan"),
    ):
        with pytest.raises(ValueError, match=message):
            design.assign(wrong)
    with pytest.raises(TypeError, match="'age' = 'thirty'"):
        design.assign({"age": "thirty", "income": 1.0})
    with pytest.raises(TypeError, match="expected a mapping"):
        design.assign(3.0)
    with pytest.raises(ValueError, match="do not change"):
        design.observe(first.id, 1.0, covariates={"age": 31, "income": 2.0})
    assert design.n_open == 1
    design.observe(first.id, 1.0, covariates={"income": 2.0, "age": 30})
    second = design.assign(pd.DataFrame({"income": [3.0], "age": [40]}))
    assert design._book.open[second.id].covariates == [40.0, 3.0]
    row = {"age": 50.0, "income": 5.0}
    third = design.assign(row)
    row["age"] = 99.0
    assert design._book.open[third.id].covariates == [50.0, 5.0]


def test_predictions_are_frozen_when_the_assignment_is_made() -> None:
    design = MixtureAdaptiveDesign(cb.FixedPolicy([0.5, 0.5]), outcome_model="mean", delta="uniform", rng=0)
    early = design.assign()
    for outcome in (5.0, 5.0, 5.0, 5.0):
        design.observe(design.assign().id, outcome)
    assert design._book.open[early.id].predictions == [0.0, 0.0]
    assert max(design._contrasts.model.predict(None)) == 5.0


def test_a_collinear_design_is_named_and_stays_valid() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2))
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "twice_a": 2 * x[:, 0]})
    design = MixtureAdaptiveDesign(cb.UCB(2), outcome_model="pooled", t_star=200, rng=0)
    with pytest.warns(UserWarning, match="covariate 'twice_a'"):
        design.run(lambda arm, row: row["a"] + arm, 200, covariates=frame, stop_early=False)
    assert np.isfinite(design.estimates()["upper"]).all()


def test_decay_gives_settled_arms_less_and_losing_significance_restores_them() -> None:
    design = MixtureAdaptiveDesign(
        cb.FixedPolicy([0.2, 0.4, 0.4]), decay="inverse-sqrt", precision=0.0, t_star=300, rng=0
    )
    design.run(bernoulli((0.1, 0.9, 0.11), 0), 600, stop_early=False)
    contrasts = design._contrasts
    since = contrasts.settled_since[0]
    assert since is not None
    assert contrasts.settled_since[1] is None
    weight = (600 + 1 - since) ** -0.5
    assert design.weights == pytest.approx([1.0, weight, 1.0])
    q = np.array([0.2, 0.4, 0.4])
    expected = q * [1, weight, 1] + 0.4 * (1 - weight) * np.array([1, weight, 1]) / (2 + weight)
    design.assign()
    share = 601**-0.24
    np.testing.assert_allclose(design.propensity_path()["probability"].iloc[-3:], share / 3 + (1 - share) * expected)
    benchmark = contrasts.benchmark[0]
    while contrasts.settled_since[0] is not None and design.n_observed < 5000:  # control succeeds from now on
        assignment = design.assign()
        design.observe(assignment.id, float(assignment.arm == 0))
    assert design.weights[1] == 1.0
    assert contrasts.benchmark[0] == benchmark


def test_stopping_waits_for_significance_and_precision() -> None:
    widths = {}
    for precision in (0.0, 0.4):
        design = MixtureAdaptiveDesign(cb.EpsilonGreedy(2), delta="slow", precision=precision, t_star=2000, rng=0)
        design.run(bernoulli((0.1, 0.9), 0), 2000)
        assert design.finished
        assert design.n_observed < 2000
        path = design.path()
        width = (path["upper"] - path["lower"]).to_numpy()
        first = int(np.flatnonzero(np.abs(path["estimate"]) >= width / 2)[0])
        assert width[-1] <= (1 - precision) * width[first]
        assert design.n_observed == first + 1 or width[-2] > (1 - precision) * width[first]
        widths[precision] = width[-1]
    assert widths[0.4] < widths[0.0]


def test_an_arm_never_drawn_has_an_infinite_interval_and_no_nan_bounds() -> None:
    design = MixtureAdaptiveDesign(Recorded(3), t_star=100, rng=0)
    frames = enter(design, [0, 1, 0, 1], [1.0, 0.0, 0.0, 1.0], [0.4] * 4)
    row = frames[-1].set_index("arm").loc[2]
    assert (row["lower"], row["upper"], row["n"]) == (-math.inf, math.inf, 0)
    assert row["insufficient_data"]
    assert not row["significant"]
    assert "insufficient data" in design.summary()
    assert not frames[-1][["lower", "upper"]].isna().any().any()


def test_the_usual_example_reads_in_a_few_lines() -> None:
    noise = np.random.default_rng(123)
    design = cb.MixtureAdaptiveDesign(cb.BetaBernoulliThompson(4), delta=lambda t: t**-0.24, t_star=20_000, rng=123)
    design.run(lambda arm: noise.binomial(1, (0.5, 0.6, 0.7, 0.72)[arm]), n_rounds=500)
    summary = design.summary()
    assert summary.count("- Arm") == 3
    assert "95%" in summary
    assert design.estimates()["arm"].tolist() == [1, 2, 3]
    assert "<table" in design._repr_html_()


@pytest.mark.parametrize("model", [None, "mean", "pooled", "split"])
def test_a_saved_design_continues_bit_for_bit(model: str | None, tmp_path: Path) -> None:
    def covariates() -> Any:
        return None if model in (None, "mean") else source.normal(size=2)

    def step(design: MixtureAdaptiveDesign, noise: np.random.Generator) -> None:
        assignment = design.assign(covariates())
        if noise.random() < 0.9:  # the others stay open
            design.observe(assignment.id, float(noise.random() < 0.3 + 0.3 * int(assignment.arm)))

    def make() -> MixtureAdaptiveDesign:
        return MixtureAdaptiveDesign(
            cb.PolicyFloor(cb.BetaBernoulliThompson(3), 0.1),
            outcome_model=model,
            decay="inverse-sqrt",
            estimand="population",
            t_star=200,
            rng=5,
        )

    source = np.random.default_rng(0)
    whole, noise = make(), np.random.default_rng(1)
    for _ in range(300):
        step(whole, noise)
    source = np.random.default_rng(0)
    part, noise = make(), np.random.default_rng(1)
    for t in range(300):
        if t in (0, 7, 150):
            part.save(tmp_path / "design.json")
            part = MixtureAdaptiveDesign.load(tmp_path / "design.json")
        step(part, noise)
    assert part.to_dict() == whole.to_dict()
    pd.testing.assert_frame_equal(part.path(), whole.path(), check_exact=True)
    late = next(iter(whole._book.open))
    for design in (whole, part):
        design.observe(late, 1.0)
    assert part.to_dict() == whole.to_dict()


def test_saving_says_what_a_file_cannot_hold(tmp_path: Path) -> None:
    path = tmp_path / "design.json"
    with pytest.raises(TypeError, match="Recorded cannot be saved"):
        MixtureAdaptiveDesign(Recorded(2)).save(path)
    design = MixtureAdaptiveDesign(cb.UCB(2), delta=lambda t: t**-0.2, rng=0)
    design.save(path)
    with pytest.raises(ValueError, match="pass delta="):
        MixtureAdaptiveDesign.load(path)
    with pytest.raises(ValueError, match="saved design uses a UCB"):
        MixtureAdaptiveDesign.load(path, delta=lambda t: t**-0.2, policy=cb.EpsilonGreedy(2))
    assert MixtureAdaptiveDesign.load(path, delta=lambda t: t**-0.2).n_assigned == 0
    with pytest.raises(TypeError, match="which JSON cannot hold"):
        MixtureAdaptiveDesign(cb.UCB(2), arms=[(0,), (1,)], control=(0,)).save(path)
    MixtureAdaptiveDesign(cb.UCB(2), arms=np.arange(5, 7), control=5).save(path)  # type: ignore[arg-type]
    assert MixtureAdaptiveDesign.load(path).arms == (5, 6)
    path.write_text("{")
    with pytest.raises(ValueError, match="is not JSON"):
        MixtureAdaptiveDesign.load(path)
    path.write_text('{"kind": "other"}')
    with pytest.raises(ValueError, match="no saved MixtureAdaptiveDesign"):
        MixtureAdaptiveDesign.load(path)


def test_records_can_be_left_out() -> None:
    design = MixtureAdaptiveDesign(cb.UCB(3), record_path=False, record_rounds=False, t_star=100, rng=0)
    design.run(bernoulli((0.1, 0.5, 0.9), 0), 100, stop_early=False)
    assert len(design._contrasts.path) == 0
    assert len(design.estimates()) == 2
    with pytest.raises(ValueError, match="record_path=True"):
        design.path()
    with pytest.raises(ValueError, match="record_rounds=True"):
        design.rounds()
    with pytest.raises(ValueError, match="keeps no record"):
        design.observe(1, 1.0)
    kept = MixtureAdaptiveDesign(cb.UCB(3), t_star=100, rng=0).run(bernoulli((0.1, 0.5, 0.9), 0), 100, stop_early=False)
    assert kept._contrasts.path.itemsize * len(kept._contrasts.path) == 16 * 2 * 100


def test_the_population_interval_of_a_shrunken_model_counts_the_cross_term() -> None:
    # Effects τ(x) = x without noise and a regressor that predicts half of them: with D = x/2 and R = x (drawn with
    # probability 1/2), E[D² + R²] = 0.25 + 0.5, but the score's second moment around the population effect 0 is
    # E[(D + R)²] = 1.25. Over 20,000 rounds its relative standard error is under 3 %.
    class Half:
        def fit(self, x: Any, y: Any) -> None:
            pass

        def predict(self, x: Any) -> Any:
            return 0.5 * x[:, 0] * x[:, 1]

    source = np.random.default_rng(0)
    design = MixtureAdaptiveDesign(
        cb.FixedPolicy([0.5, 0.5]),
        delta="uniform",
        outcome_model=Half(),
        model_options={"pooled": True, "refit": 10**6},
        estimand="population",
        n_warmup=50,
        t_star=20_000,
        record_path=False,
        rng=1,
    )
    design.run(lambda arm, x: x[0] * arm, 20_000, covariates=lambda: source.normal(size=1), stop_early=False)
    needed = float(np.sum(np.square(design.scores()["score"])))
    sums = design._contrasts.sums
    _, variance_sum = sums.contrast(1)
    assert variance_sum == pytest.approx(needed, rel=0.12)
    assert sums.squares[0] + sums.squares[1] + sums.spread[1] < 0.7 * needed
