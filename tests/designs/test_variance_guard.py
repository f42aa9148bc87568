"""The guard under the variance: against its definition in plain loops, in all ways of counting rounds."""

import math
from typing import Any

import numpy as np
import pytest

import causalbandit as cb
from causalbandit.designs.running_contrasts import RunningContrasts, contrast_path
from causalbandit.designs.settings import MADSettings
from causalbandit.sequences.asymptotic import asymptotic_radius


def experiment(kind: str, rounds: int = 120, n_arms: int = 3, seed: int = 0) -> tuple[Any, Any, Any]:
    """Arms, outcomes and all arms' probabilities of a made-up experiment; arms lean to both sides in "apart"."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet([0.6, 2.0, 1.0][:n_arms], size=rounds) * 0.9 + 0.1 / n_arms
    arms = (rng.random(rounds)[:, None] > probabilities.cumsum(axis=1)).sum(axis=1)
    outcomes = rng.exponential(1.0, rounds) if kind != "0/1" else (rng.random(rounds) < 0.15).astype(float)
    if kind == "apart":
        outcomes = np.where(arms == 0, -outcomes, outcomes)
    return arms, outcomes, probabilities


def by_hand(
    arms: Any, errors: Any, probabilities: Any, alpha: float, arm: int, control: int, raw: Any = None
) -> tuple[float, float]:
    """Realised and guarded variance sum of a contrast, from the definition; ``raw`` errors are those not cut."""
    raw = errors if raw is None else raw
    rounds, n_arms = probabilities.shape
    realised, floors, third = [], [], []
    for k in range(n_arms):
        draws = [s for s in range(rounds) if arms[s] == k]
        realised.append(sum(raw[s] ** 2 / probabilities[s][k] ** 2 for s in draws))
        second = sum(errors[s] ** 2 for s in draws)
        third.append(sum(errors[s] ** 3 for s in draws))
        floors.append((second, len(draws), sum(1 / probabilities[s][k] for s in range(rounds))))
    pooled_second = 2 / rounds * sum(e**2 for e in errors)
    pooled_third = 2 / rounds * sum(abs(t) for t in third)
    extras = []
    for (second, n, inverse), cube, known in zip(floors, third, realised, strict=True):
        size = (abs(cube) + pooled_third) / (second + pooled_second)
        extras.append(max(0.0, (second + 0.5 * math.log(1 / alpha) * size**2) / (n + 1) * inverse - known))
    apart = third[arm] * third[control] < 0
    extra = extras[arm] + extras[control] if apart else max(extras[arm], extras[control])
    return realised[arm] + realised[control], realised[arm] + realised[control] + extra


@pytest.mark.parametrize("kind", ["0/1", "skewed", "apart"])
def test_every_way_of_counting_gives_the_sums_of_the_definition(kind: str) -> None:
    arms, outcomes, probabilities = experiment(kind)
    rounds = len(arms)
    taken = probabilities[np.arange(rounds), arms]
    settings = {v: MADSettings(arms=(0, 1, 2), control=1, variance=v, t_star=100) for v in ("guarded", "realised")}
    single = {v: RunningContrasts(each) for v, each in settings.items()}
    at_once = {v: RunningContrasts(each) for v, each in settings.items()}
    batch = {v: RunningContrasts(each, replications=2) for v, each in settings.items()}
    for v in settings:
        at_once[v].take_many(arms, outcomes, taken, probabilities)
        for t in range(rounds):
            single[v].take(int(arms[t]), float(outcomes[t]), float(taken[t]), probabilities[t].tolist())
            pair = [t, rounds - 1 - t]  # the second experiment runs backwards
            batch[v].take(arms[pair], outcomes[pair], taken[pair], probabilities[pair])
    raised = 0
    for place, arm in enumerate((0, 2)):
        realised, guarded = by_hand(arms, outcomes, probabilities, 0.025, arm, 1)
        raised += guarded > 1.02 * realised
        for v, expected in (("realised", realised), ("guarded", guarded)):
            radius = asymptotic_radius(expected, rounds, 0.025, 100)
            assert single[v].interval(arm)[2] == pytest.approx(expected, rel=1e-10)
            assert at_once[v].interval(arm)[2] == pytest.approx(expected, rel=1e-10)
            assert batch[v].radii[:, place] == pytest.approx([radius, radius], rel=1e-10)
    assert raised  # else the comparison would say nothing
    for v, each in settings.items():
        path = contrast_path(each, arms, outcomes, taken, probabilities)
        np.testing.assert_allclose(path.ravel(), np.array(single[v].path), rtol=1e-10)
        t = 60
        for place, arm in enumerate((0, 2)):
            expected = by_hand(arms[:t], outcomes[:t], probabilities[:t], 0.025, arm, 1)[v == "guarded"]
            assert path[t - 1, place, 1] == pytest.approx(asymptotic_radius(expected, t, 0.025, 100), rel=1e-10)


def test_predictions_leave_errors_to_the_guard() -> None:
    arms, outcomes, probabilities = experiment("skewed")
    settings = MADSettings(arms=(0, 1, 2), control=0, outcome_model="mean", variance="guarded")
    contrasts = RunningContrasts(settings)
    contrasts.start_model(0)
    errors, raw = [], []
    for arm, outcome, row in zip(arms.tolist(), outcomes.tolist(), probabilities.tolist(), strict=True):
        predictions = contrasts.model.predict(None)
        raw.append(outcome - predictions[arm])
        seen = outcomes[: len(errors) + 1]
        errors.append(outcome - min(max(predictions[arm], min(seen)), max(seen)))
        contrasts.take(arm, outcome, row[arm], row, predictions)
    for arm in (1, 2):
        _, guarded = by_hand(arms, errors, probabilities, 0.025, arm, 0, raw)
        assert contrasts.interval(arm)[2] == pytest.approx(guarded, rel=1e-10)


def test_draws_that_all_gave_nothing_leave_a_mean_of_log_one_over_alpha_per_draw_inside() -> None:
    # Chernoff's bound: with n draws of an arm all 0, means up to log(1/α)/n are not told from 0 at level α.
    n, rounds = 40, 400
    settings = MADSettings(arms=(0, 1), t_star=rounds, alpha=0.05, variance="guarded")
    contrasts = RunningContrasts(settings)
    for t in range(rounds):
        arm = int(t % 10 == 0)
        contrasts.take(arm, float(arm == 0 and t % 2), 0.9 - 0.8 * arm, [0.9, 0.1])
    estimate, radius, _ = contrasts.interval(1)
    assert contrasts.pulls == [rounds - n, n]
    assert radius >= math.log(20) / n
    control_mean = contrasts.sums.scores[0] / rounds
    assert estimate + radius >= math.log(20) / n - control_mean


def test_outcomes_without_any_success_or_with_one_size_need_no_scale_from_the_user() -> None:
    contrasts = RunningContrasts(MADSettings(arms=(0, 1), variance="guarded"))
    for t in range(30):
        contrasts.take(t % 2, 0.0, 0.5, [0.5, 0.5])
    assert contrasts.interval(1)[2] == 0.0
    assert math.isnan(contrasts.sums.guard.effective_outcomes)  # type: ignore[union-attr]
    radii = []
    for scale in (1.0, 1000.0):  # the guard knows no unit
        contrasts = RunningContrasts(MADSettings(arms=(0, 1), t_star=1e9, variance="guarded"))
        for t in range(200):
            contrasts.take(t % 2, scale * float(t % 6 == 0), 0.5, [0.5, 0.5])
        radii.append(contrasts.sums.contrast(1)[1])
    assert radii[1] == pytest.approx(1e6 * radii[0])


def run(policy: Any, means: Any, **options: Any) -> Any:
    return cb.simulate_mad(policy, means, n_rounds=600, replications=200, rng=3, **options)


@pytest.mark.parametrize("kind", ["Thompson", "one-hot"])
def test_the_guard_keeps_the_promise_where_realised_sums_break_it(kind: str) -> None:
    # Seeded. Drawn anew, a true rate of 0.05 would exceed 0.10 over 200 experiments with probability 0.002.
    means = np.linspace(0.1, 0.55, 10)
    policy = cb.BetaBernoulliThompson(10) if kind == "Thompson" else cb.FixedPolicy([1.0] + [0.0] * 9)
    guarded, realised = (run(policy, means, variance=each) for each in ("guarded", "realised"))
    assert guarded.any_missed <= 0.10
    assert realised.any_missed >= 0.40  # the canary
    assert np.median(guarded.radii) <= 1.25 * np.median(realised.radii)
    assert realised.warned.any(axis=1).mean() >= 0.9
    assert guarded.warned.mean() <= 0.1


def test_a_result_says_when_its_promise_may_not_be_held() -> None:
    noise = np.random.default_rng(0)
    heavy = cb.MixtureAdaptiveDesign(cb.FixedPolicy([0.5, 0.5]), delta="uniform", t_star=400, variance="guarded", rng=0)
    heavy.run(lambda arm: float(np.exp(3.0 * noise.normal())), 400, stop_early=False)
    assert "heavy tails" in heavy.estimates()["warning"][0]
    assert "! a few outcomes" in heavy.summary()
    short = cb.MixtureAdaptiveDesign(cb.FixedPolicy([0.5, 0.5]), delta="uniform", t_star=400, variance="guarded", rng=0)
    short.run(lambda arm: float(noise.normal()), 12, stop_early=False)
    assert "only 4 scored draws of 0" in short.estimates()["warning"][0]
    fine = cb.MixtureAdaptiveDesign(cb.FixedPolicy([0.5, 0.5]), delta="uniform", t_star=400, variance="guarded", rng=0)
    fine.run(lambda arm: float(noise.normal()), 400, stop_early=False)
    assert fine.estimates()["warning"].tolist() == [""]
    assert "!" not in fine.summary()
    bare = cb.MixtureAdaptiveDesign(cb.FixedPolicy([1.0, 0.0, 0.0]), variance="realised", t_star=400, rng=0)
    bare.run(lambda arm: float(noise.random() < 0.1), 400, stop_early=False)
    assert "variance='guarded'" in bare.estimates()["warning"][0]
