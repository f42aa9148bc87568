"""The Mixture Adaptive Design: against pyssed 0.2.0, against its own replays, and against its users' mistakes."""

import math
from typing import Any

import numpy as np
import pytest
from mad_replays import bernoulli

import causalbandit as cb
from causalbandit.designs.mad import MixtureAdaptiveDesign
from causalbandit.sequences.asymptotic import asymptotic_radius


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


@pytest.mark.parametrize("estimand", ["sample", "population"])
@pytest.mark.parametrize("model", ["pooled", "split"])
def test_late_amended_and_missing_outcomes_with_covariates_equal_sums_by_hand(model: str, estimand: Any) -> None:
    """An oracle that loops over the observed rounds with predictions from a batch fit to what was known before."""
    noise = np.random.default_rng(3)
    design = MixtureAdaptiveDesign(
        cb.BetaBernoulliThompson(3),
        control=1,
        t_star=150,
        rng=0,
        outcome_model=model,
        estimand=estimand,
        n_warmup=40,
        variance="realised",
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


def test_predictions_are_frozen_when_the_assignment_is_made() -> None:
    design = MixtureAdaptiveDesign(cb.FixedPolicy([0.5, 0.5]), outcome_model="mean", delta="uniform", rng=0)
    early = design.assign()
    for outcome in (5.0, 5.0, 5.0, 5.0):
        design.observe(design.assign().id, outcome)
    assert design._book.open[early.id].predictions == [0.0, 0.0]
    assert max(design._contrasts.model.predict(None)) == 5.0
