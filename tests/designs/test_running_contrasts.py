"""The only round: against pyssed 0.2.0, the population's variance, and which arms settle."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mad_replays import COVARIATE_REPLAYS, REPLAYS, Recorded, bernoulli, enter

import causalbandit as cb
from causalbandit.designs.mad import MixtureAdaptiveDesign


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
            variance="realised",
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
        variance="realised",
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


def test_the_population_interval_of_a_shrunken_model_counts_the_cross_term() -> None:
    # Effects τ(x) = x without noise and a regressor that predicts half of them: with D = x/2 and R = x (drawn with
    # probability 1/2), E[D² + R²] = 0.25 + 0.5, but the score's second moment around the population effect 0 is
    # E[(D + R)²] = 1.25. Over 4,000 rounds its relative standard error is about 6 %.
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
        t_star=4_000,
        record_path=False,
        rng=1,
    )
    design.run(lambda arm, x: x[0] * arm, 4_000, covariates=lambda: source.normal(size=1), stop_early=False)
    needed = float(np.sum(np.square(design.scores()["score"])))
    sums = design._contrasts.sums
    _, variance_sum = sums.contrast(1)
    assert variance_sum == pytest.approx(needed, rel=0.25)
    assert sums.squares[0] + sums.squares[1] + sums.spread[1] < 0.7 * needed


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
