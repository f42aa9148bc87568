"""Logs: the same estimates as the live design that wrote them, and faults named by row."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from mad_replays import REPLAYS

import causalbandit as cb
from causalbandit.designs.mad_log import replay_log
from causalbandit.inference.log import AdaptiveLog

CHANCES = {"a": "p(a)", "b": "p(b)", "c": "p(c)"}


def live_experiment(model: Any, **options: Any) -> cb.MixtureAdaptiveDesign:
    source = np.random.default_rng(0)
    design = cb.MixtureAdaptiveDesign(
        cb.GaussianThompson(3), arms=["a", "b", "c"], control="b", t_star=300, outcome_model=model, rng=1, **options
    )
    uses_covariates = model in ("pooled", "split")
    design.run(
        (lambda arm, x: x["x1"] + "abc".index(arm) + source.normal())
        if uses_covariates
        else (lambda arm: source.normal()),
        300,
        covariates=(lambda: {"x1": source.normal(), "x2": source.normal()}) if uses_covariates else None,
        stop_early=False,
    )
    return design


@pytest.mark.parametrize("estimand", ["sample", "population"])
@pytest.mark.parametrize(("model", "warmup"), [(None, 0), ("mean", 0), ("pooled", 0), ("split", 20)])
def test_a_log_gives_the_live_designs_estimates_and_path(model: Any, warmup: int, estimand: Any) -> None:
    design = live_experiment(model, n_warmup=warmup, estimand=estimand, variance="guarded")
    frame = design.rounds()
    covariates = ("x1", "x2") if model in ("pooled", "split") else ()
    table = cb.mad_from_log(
        frame, arm="arm", outcome="outcome", propensity=CHANCES, control="b", t_star=300, covariates=covariates,
        outcome_model=model, n_warmup=warmup, estimand=estimand, variance="guarded",
    )  # fmt: skip
    pd.testing.assert_frame_equal(table, design.to_frame(), rtol=1e-10)
    log = AdaptiveLog.from_frame(
        frame, arm="arm", outcome="outcome", propensity=CHANCES, contexts=covariates, ordered=True
    )
    logged = replay_log(
        log, "b", t_star=300, outcome_model=model, n_warmup=warmup, estimand=estimand, variance="guarded"
    )
    pd.testing.assert_frame_equal(logged.path(), design.path(), rtol=1e-10)


def test_a_log_equals_pyssed_and_arms_without_data_have_their_row() -> None:
    case = REPLAYS[2]
    frame = pd.DataFrame({"arm": case["arms"], "y": case["outcomes"], "p": case["propensities"]})
    settings = case["results"][1]
    table = cb.mad_from_log(
        frame, arm="arm", outcome="y", propensity="p", control=case["control"], arms=[*range(case["K"]), 99],
        alpha=settings["alpha"] * case["K"] / (case["K"] - 1), t_star=settings["t_star"], variance="realised",
    )  # fmt: skip
    point = settings["path"][-1]
    for row in table.itertuples():
        if row.arm == 99:
            assert (row.lower, row.upper, row.insufficient_data) == (-np.inf, np.inf, True)
        else:
            assert row.estimate == pytest.approx(point["ate"][row.arm], rel=1e-9)
            assert (row.upper - row.lower) / 2 == pytest.approx(point["radius"][row.arm], rel=1e-9)


def test_a_log_without_the_chances_of_undrawn_arms_is_read_with_equal_shares_of_the_rest() -> None:
    design = live_experiment(None, delta=lambda t: 1.0 if t < 150 else 0.9)
    frame = design.rounds()
    columns: dict[str, Any] = {"arm": "arm", "outcome": "outcome", "control": "b", "t_star": 300}
    bare = cb.mad_from_log(frame, propensity="propensity", variance="realised", **columns)
    columns["variance"] = "guarded"
    alone = cb.mad_from_log(frame, propensity="propensity", **columns)
    assert any("as if the others" in note for note in alone.attrs["notes"])
    rest = (1.0 - frame["propensity"]) / 2
    shared = {f"s{arm}": np.where(frame["arm"] == arm, frame["propensity"], rest) for arm in "abc"}
    known = cb.mad_from_log(frame.assign(**shared), propensity={arm: f"s{arm}" for arm in "abc"}, **columns)
    pd.testing.assert_frame_equal(alone, known)
    assert not any("as if the others" in note for note in known.attrs["notes"])
    assert (bare["upper"] - bare["lower"] <= alone["upper"] - alone["lower"]).all()
    certain = frame.assign(p=np.where(np.arange(300) == 7, 1.0, frame["propensity"]))
    assert np.isfinite(cb.mad_from_log(certain, propensity="p", **columns)["upper"]).all()


def test_redundant_covariates_of_a_log_are_left_out_and_the_numbers_are_those_without_them() -> None:
    frame = live_experiment("pooled").rounds()
    frame["always"], frame["mixed"] = 0.1, 3 * frame["x1"] - frame["x2"]
    columns: dict[str, Any] = {"arm": "arm", "outcome": "outcome", "propensity": CHANCES, "control": "b"}
    for model in ("pooled", "split"):
        plain = cb.mad_from_log(frame, covariates=["x1", "x2"], outcome_model=model, **columns)
        more = cb.mad_from_log(frame, covariates=["always", "x1", "x2", "mixed"], outcome_model=model, **columns)
        pd.testing.assert_frame_equal(plain, more)
        assert more.attrs["notes"][1:3] == (
            "covariate always does not vary and was left out",
            "covariate mixed is a combination of x1, x2 and was left out",
        )
    alone = cb.mad_from_log(frame, covariates=["always"], **columns)
    pd.testing.assert_frame_equal(alone, cb.mad_from_log(frame, outcome_model="mean", **columns), rtol=1e-12)


def test_other_readings_of_a_replayed_log_are_those_of_the_log_and_plan_only_with_what_was_given() -> None:
    rng = np.random.default_rng(0)
    arms = rng.integers(2, size=300)
    frame = pd.DataFrame({"arm": arms, "y": (rng.random(300) < 0.3 + 0.2 * arms).astype(float), "p": 0.5})
    columns: dict[str, Any] = {"arm": "arm", "outcome": "y", "propensity": "p"}
    log = cb.AdaptiveLog.from_frame(frame, **columns, ordered=True)
    for t_star in (None, 300.0):
        replayed = replay_log(log, 0, t_star=t_star)
        for method, bounds in (("exact", None), ("bounded", (0.0, 1.0))):
            read = cb.mad_from_log(frame, control=0, t_star=t_star, method=method, bounds=bounds, **columns)
            pd.testing.assert_frame_equal(replayed.estimates(method, bounds=bounds), read, check_exact=True)
    unplanned = replay_log(log, 0).estimates("exact")
    assert unplanned["lower"][0] < replay_log(log, 0, t_star=300.0).estimates("exact")["lower"][0]


def test_faults_of_a_log_are_named() -> None:
    frame = pd.DataFrame({"arm": ["a", "b", "a"], "y": [1.0, 0.0, 1.0], "p": [0.5, 0.5, 0.5], "x": [1.0, 1.0, 1.0]})
    columns: dict[str, Any] = {"arm": "arm", "outcome": "y", "propensity": "p", "control": "a"}
    for wrong in (0.0, 1.5, -0.2, np.nan):
        with pytest.raises(ValueError, match="row 1"):
            cb.mad_from_log(frame.assign(p=[0.5, wrong, 0.5]), **columns)
    with pytest.raises(ValueError, match="control was 'c'; the arms are 'a', 'b'"):
        cb.mad_from_log(frame, **columns | {"control": "c"})
    with pytest.raises(ValueError, match="one arm only"):
        cb.mad_from_log(frame.assign(arm="a"), **columns)
    with pytest.raises(ValueError, match="names 'prop', but there is no such column"):
        cb.mad_from_log(frame, **columns | {"propensity": "prop"})
    with pytest.raises(ValueError, match="row 2"):
        cb.mad_from_log(frame.assign(y=[1.0, 0.0, np.nan]), **columns)
    with pytest.raises(ValueError, match="alpha was 0"):
        cb.mad_from_log(frame, alpha=0, **columns)
    with pytest.raises(TypeError, match=r"log was a DataFrame.*AdaptiveLog.from_frame"):
        replay_log(frame, "a")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="contexts are needed"):
        cb.mad_from_log(frame, outcome_model="split", **columns)


def test_an_arm_that_could_not_be_drawn_in_some_rounds_is_refused_and_kept_rounds_are_unbiased() -> None:
    """Arm c joins after 60 rounds. Counting the rounds before would give it 40 % of its mean of 1."""
    frame = pd.DataFrame({"arm": ["a", "b"] * 30 + ["a", "b", "c", "c"] * 10, "y": 1.0})
    late = np.arange(100) >= 60
    chances = {"a": "p_a", "b": "p_b", "c": "p_c"}
    frame = frame.assign(p_a=np.where(late, 0.25, 0.5), p_b=np.where(late, 0.25, 0.5), p_c=np.where(late, 0.5, 0.0))
    columns: dict[str, Any] = {"arm": "arm", "outcome": "y", "propensity": chances, "control": "a"}
    with pytest.raises(ValueError, match=r"'c' was 0 in 60 of 100 rounds \(rows 0, 1"):
        cb.mad_from_log(frame, **columns)
    assert cb.mad_from_log(frame[late], **columns)["estimate"].tolist() == [0.0, 0.0]
    before = cb.mad_from_log(frame[~late], **columns)  # never drawn: no estimate to be wrong about
    assert before["insufficient_data"].tolist() == [False, True]


def test_dates_of_a_format_and_open_outcomes_are_read() -> None:
    days = [f"{day}/2/2024" for day in range(1, 13)]
    frame = pd.DataFrame({"arm": ["a", "b"] * 6, "y": [0.0, 1.0, 1.0] * 4, "p": 0.5, "day": days})
    named: dict[str, Any] = {"arm": "arm", "outcome": "y", "propensity": "p", "control": "a"}
    expected = cb.mad_from_log(frame.drop(5), **named)
    frame.loc[5, "y"] = np.nan
    shuffled = frame.sample(frac=1, random_state=0)
    found = cb.mad_from_log(shuffled, **named, time="day", time_format="%d/%m/%Y", drop_open=True)
    pd.testing.assert_frame_equal(found, expected)
