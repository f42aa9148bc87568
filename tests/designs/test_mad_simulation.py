"""Simulated designs: the same numbers as live ones, and a small seeded part of the coverage study.

False alarms: the coverage tests below are seeded, so they pass or fail for good. Were the seed drawn anew, a cell with
a true miss rate of 0.05 would exceed 0.05 + 0.05 over 200 experiments with probability 0.002.
"""

import json
import math
from typing import Any

import numpy as np
import pytest
from mad_replays import Recorded, enter

import causalbandit as cb
from causalbandit.designs.mad import MixtureAdaptiveDesign


def varying_effects(size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes whose effect is x₁: population mean 0, different for every unit."""
    x = rng.standard_normal((size, 2))
    base = x @ [1.0, -0.5] + 0.1 * rng.standard_normal(size)
    return np.column_stack([base, base + x[:, 0]]), x


def three_arms(size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    x = rng.standard_normal((size, 2))
    return x @ [[1.0], [0.5]] + np.array([0.0, 0.2, 0.4]) + rng.standard_normal((size, 3)), x


@pytest.mark.parametrize("estimand", ["sample", "population"])
@pytest.mark.parametrize(("model", "warmup"), [(None, 0), ("mean", 3), ("pooled", 0), ("split", 5)])
def test_a_simulated_experiment_replayed_live_gives_the_same_estimates(model: Any, warmup: int, estimand: Any) -> None:
    simulation = cb.simulate_mad(
        cb.GaussianThompson(3), three_arms, means=[0.0, 0.2, 0.4], n_rounds=60, replications=2, control=1,
        outcome_model=model, n_warmup=warmup, estimand=estimand, variance="guarded", record=True, rng=3,
    )  # fmt: skip
    rounds = simulation.rounds
    assert rounds is not None
    for row in range(2):
        live = MixtureAdaptiveDesign(
            Recorded(3),
            control=1,
            t_star=60,
            outcome_model=model,
            n_warmup=warmup,
            estimand=estimand,
            variance="guarded",
            rng=0,
        )
        covariates = rounds.covariates[row] if model in ("pooled", "split") and rounds.covariates is not None else None
        frame = enter(
            live,
            rounds.arms[row],
            rounds.outcomes[row],
            rounds.propensities[row],
            covariates,
            rounds.probabilities[row],
        )[-1]
        np.testing.assert_allclose(frame["estimate"], simulation.estimates[row], rtol=1e-9)
        np.testing.assert_allclose((frame["upper"] - frame["lower"]) / 2, simulation.radii[row], rtol=1e-9)
        path = live.path()
        excluded = (path["lower"] > 0) | (path["upper"] < 0)
        for place, arm in enumerate((0, 2)):
            first = path.loc[excluded & (path["arm"] == arm), "round"].min()
            assert first == simulation.first_significant[row, place] or (
                math.isnan(first) and math.isnan(simulation.first_significant[row, place])
            )


@pytest.mark.parametrize("decay", [None, "inverse-sqrt"])
def test_a_live_design_settles_and_shifts_power_as_the_simulated_one(decay: str | None) -> None:
    # The simulator's draws, fed back to a live design, must give its propensities round by round.
    simulation = cb.simulate_mad(
        cb.FixedPolicy([0.2, 0.3, 0.5]), [0.1, 0.9, 0.3], n_rounds=400, replications=2, decay=decay, precision=0.05,
        record=True, rng=1,
    )  # fmt: skip
    rounds = simulation.rounds
    assert rounds is not None
    for row in range(2):
        live = MixtureAdaptiveDesign(cb.FixedPolicy([0.2, 0.3, 0.5]), t_star=400, decay=decay, precision=0.05, rng=0)
        finished = math.nan
        for t in range(400):
            assignment = live.assign()
            probabilities = live._kept_record().probabilities(live._kept_record().table()[-1:])[0]
            arm = int(rounds.arms[row, t])
            assert probabilities[arm] == pytest.approx(rounds.propensities[row, t], rel=1e-9)
            live._book.open[assignment.id] = live._book.open[assignment.id]._replace(
                arm=arm, propensity=float(probabilities[arm])
            )
            live.observe(assignment.id, rounds.outcomes[row, t])
            if live.finished and math.isnan(finished):
                finished = t + 1
        np.testing.assert_allclose(live.estimates()["estimate"], simulation.estimates[row], rtol=1e-9)
        np.testing.assert_equal(finished, simulation.stopping_round[row])
        if decay:
            assert min(live.weights) < 0.5


def test_the_same_seed_gives_the_same_answer_and_leaves_the_policy_alone() -> None:
    policy = cb.BetaBernoulliThompson(2)
    first, second = (cb.simulate_mad(policy, [0.3, 0.5], n_rounds=50, replications=20, rng=4) for _ in range(2))
    np.testing.assert_array_equal(first.estimates, second.estimates)
    assert policy.counts.sum() == 0


@pytest.mark.parametrize(("delta", "bound"), [("fast", 0.10), ("uniform", 0.10)])
@pytest.mark.parametrize("policy", [cb.BetaBernoulliThompson(4), cb.UCB(4)])
def test_time_uniform_coverage_and_its_canary(policy: Any, delta: str, bound: float) -> None:
    result = cb.simulate_mad(policy, [0.5] * 4, n_rounds=600, replications=200, delta=delta, rng=11)
    assert result.any_missed <= bound
    assert result.any_naive_missed >= 0.20


def test_covariate_intervals_cover_their_own_estimand_and_only_that() -> None:
    def run(estimand: Any, truth: Any) -> float:
        return cb.simulate_mad(
            cb.GaussianThompson(2, noise_sd=2.0), varying_effects, means=[0.0, 0.0], n_rounds=600, replications=100,
            outcome_model="split", delta="slow", estimand=estimand, truth=truth, rng=12,
        ).any_missed  # fmt: skip

    assert run("sample", "sample") <= 0.10
    assert run("population", "population") <= 0.10
    assert run("sample", "population") >= 0.20  # the canary: the wrong estimand


def test_covariates_shorten_the_interval() -> None:
    radii = {
        model: np.median(
            cb.simulate_mad(
                cb.BetaBernoulliThompson(2), binary_covariates, n_rounds=300, replications=50, estimand="sample",
                outcome_model=model, rng=5,
            ).radii
        )
        for model in (None, "mean", "pooled", "split")
    }  # fmt: skip
    assert radii["pooled"] < 0.8 * radii[None]
    assert radii["split"] < 0.8 * radii[None]
    assert radii["pooled"] < radii["mean"]


def binary_covariates(size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    x = (rng.random((size, 3)) < [0.6, 0.5, 0.7]).astype(float)
    mean = 0.35 + x @ [0.3, 0.1, -0.2]
    draw = rng.random(size)
    return np.column_stack([draw < mean, draw < mean + 0.2]).astype(float), x


def test_decay_raises_the_power_of_the_weakest_arm() -> None:
    power = {}
    for decay in (None, "inverse-sqrt"):
        result = cb.simulate_mad(
            cb.BetaBernoulliThompson(3), [0.2, 0.35, 0.8], n_rounds=1500, replications=20, decay=decay, rng=6
        )
        power[decay] = result.to_frame()["power"].iloc[0]
    assert power["inverse-sqrt"] > power[None] + 0.3


def test_results_have_frames_and_words() -> None:
    result = cb.simulate_mad(cb.UCB(3), [0.2, 0.4, 0.6], n_rounds=300, replications=50, delta="slow", rng=0)
    assert result.to_frame()["arm"].tolist() == [1, 2]
    assert "naive" in result.summary()
    assert result.to_dict()["replications"] == 50
    assert set(result.path().columns) == {"round", "arm", "power", "missed", "median_radius"}
    assert "<table" in result._repr_html_()


def test_experiments_too_short_for_an_estimate_are_told_without_warnings_or_nan_in_json() -> None:
    short = cb.simulate_mad(cb.UCB(3), [0.1, 0.1, 0.1], n_rounds=2, replications=3, start=1, rng=0, progress=False)
    first, second = json.loads(json.dumps(short.to_dict(), allow_nan=False))["contrasts"]
    assert (first["bias"], first["median_radius"], second["bias"]) == (None, None, 0.0)


def test_outcomes_that_take_the_round_may_drift_and_have_no_canary_where_means_are_unknown() -> None:
    asked: list[int] = []

    def drifting(size: int, rng: np.random.Generator, t: int) -> np.ndarray:
        asked.append(t)
        return (rng.random((size, 2)) < [0.3 + 0.001 * t, 0.4]).astype(float)

    result = cb.simulate_mad(cb.UCB(2), drifting, n_rounds=300, replications=100, delta="slow", rng=0)
    assert asked == list(range(1, 301))
    assert result.any_missed <= 0.12  # 0.05 and three standard errors
    assert math.isnan(result.any_naive_missed)
    assert result.to_frame()["naive_missed"].isna().all()
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False))["any_naive_missed"] is None


def test_wrong_input_is_refused() -> None:
    with pytest.raises(TypeError, match="replicate"):
        cb.simulate_mad(Recorded(2), [0.1, 0.2], n_rounds=5, replications=2)
    with pytest.raises(ValueError, match="2 Bernoulli means"):
        cb.simulate_mad(cb.UCB(2), [0.1, 0.2, 0.3], n_rounds=5, replications=2)
    with pytest.raises(ValueError, match="means are needed"):
        cb.simulate_mad(
            cb.UCB(2), lambda size, rng: np.zeros((size, 2)), n_rounds=5, replications=2, estimand="population"
        )
    with pytest.raises(ValueError, match=r"gave has shape \(2, 3\)"):
        cb.simulate_mad(cb.UCB(2), lambda size, rng: np.zeros((size, 3)), means=[0, 0], n_rounds=5, replications=2)
    with pytest.raises(ValueError, match="needs covariates"):
        cb.simulate_mad(cb.UCB(2), [0.1, 0.2], n_rounds=5, replications=2, outcome_model="split")
    with pytest.raises(ValueError, match="n_warmup was 3 without an outcome_model"):
        cb.simulate_mad(cb.UCB(2), [0.1, 0.2], n_rounds=5, replications=2, n_warmup=3)
    with pytest.raises(ValueError, match=r"precision was 1\.5"):
        cb.simulate_mad(cb.UCB(2), [0.1, 0.2], n_rounds=5, replications=2, precision=1.5)
    with pytest.raises(ValueError, match="replications was 0"):
        cb.simulate_mad(cb.UCB(2), [0.1, 0.2], n_rounds=5, replications=0)
    with pytest.raises(ValueError, match="means differ"):
        cb.simulate_mad(cb.UCB(2), [0.1, 0.2], means=[0.1, 0.3], n_rounds=5, replications=2)
