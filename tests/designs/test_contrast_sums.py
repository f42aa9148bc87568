"""Sums of scores and contrasts against their definition round by round, alone and for many experiments at once."""

import json
import math

import numpy as np
import pytest
from cases import together

from causalbandit.designs.contrast_sums import ContrastSums
from causalbandit.designs.settings import MADSettings

ROUNDS, ARMS, CONTROL = 40, 3, 1


def experiment(seed):
    """Arms, outcomes, probabilities [T, K] and predictions [T, K]."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(ARMS, 3.0), ROUNDS)
    arms = (rng.random(ROUNDS)[:, None] > probabilities.cumsum(axis=1)).sum(axis=1).clip(max=ARMS - 1)
    predictions = rng.normal(size=(ROUNDS, ARMS))
    outcomes = 2.0 * predictions[np.arange(ROUNDS), arms] + rng.normal(size=ROUNDS)  # twice what is predicted
    return arms, outcomes, probabilities, predictions


def unguarded(population=False, crossed=False, replications=None):
    shrinking = {"outcome_model": "pooled", "model_options": {"ridge": 1.0}} if crossed else {}
    estimand = "population" if population else "sample"
    settings = MADSettings(arms=range(ARMS), control=CONTROL, estimand=estimand, variance="realised", **shrinking)
    return ContrastSums(settings, replications)


def entered(sums, arms, outcomes, probabilities, predictions=None):
    for t, arm in enumerate(arms):
        f = None if predictions is None else predictions[t]
        sums.add(int(arm), float(outcomes[t]), float(probabilities[t, arm]), probabilities[t].tolist(), f)
    return sums


def by_hand(arm, arms, outcomes, probabilities, predictions, population=False, crossed=False):
    """Estimate and variance sum of an arm against control, from scores written out for every round."""
    gammas, variance, cross = [], 0.0, 0.0
    for t, taken in enumerate(arms):
        residual = (outcomes[t] - predictions[t, taken]) / probabilities[t, taken]
        signed = residual if taken == arm else -residual if taken == CONTROL else 0.0
        predicted = predictions[t, arm] - predictions[t, CONTROL]
        past = math.fsum(gammas) / t if t else 0.0
        variance += signed**2
        if population:
            variance += (predicted - past) ** 2
            cross += (predicted - past) * signed
        gammas.append(predicted + signed)
    return math.fsum(gammas) / len(gammas), variance + (2.0 * max(0.0, cross) if crossed else 0.0)


@together("predicted", [False, True])
@together(("population", "crossed"), [(False, False), (True, False), (True, True)])
def test_contrasts_are_those_of_scores_written_out(predicted, population, crossed):
    positive = 0
    for seed in range(4):
        arms, outcomes, probabilities, predictions = experiment(seed)
        given = predictions if predicted else np.zeros_like(predictions)
        sums = unguarded(population=population, crossed=crossed)
        entered(sums, arms, outcomes, probabilities, given if population or predicted else None)
        for arm in (0, 2):
            expected = by_hand(arm, arms, outcomes, probabilities, given, population, crossed)
            assert sums.contrast(arm) == pytest.approx(expected, rel=1e-12)
            positive += sums.cross[arm] > 0
    assert positive or not (crossed and predicted)  # the cross term counts somewhere


@pytest.mark.parametrize("population", [False, True])
def test_experiments_at_once_equal_each_alone(population):
    made = [experiment(seed) for seed in (5, 6, 7)]
    arms, outcomes, probabilities, predictions = (np.stack(part) for part in zip(*made, strict=True))
    together = unguarded(replications=3, population=population)
    for t in range(ROUNDS):
        taken = probabilities[np.arange(3), t, arms[:, t]]
        together.add(arms[:, t], outcomes[:, t], taken, probabilities[:, t], predictions[:, t])
    estimates, variances = together.contrast([0, 2])
    for row, one in enumerate(made):
        alone = entered(unguarded(population=population), *one)
        for column, arm in enumerate((0, 2)):
            assert (estimates[row, column], variances[row, column]) == pytest.approx(alone.contrast(arm), rel=1e-12)


def test_many_rounds_at_once_in_any_order_equal_rounds_one_by_one():
    arms, outcomes, probabilities, _ = experiment(8)
    alone = entered(unguarded(), arms, outcomes, probabilities)
    order = np.random.default_rng(0).permutation(ROUNDS)
    many = unguarded()
    taken = probabilities[np.arange(ROUNDS), arms]
    for some in (order[:15], order[15:]):
        many.add_many(arms[some], outcomes[some], taken[some], probabilities[some])
    assert many.contrast(0) == pytest.approx(alone.contrast(0), rel=1e-12)
    assert many.counts == alone.counts


def test_a_contrast_needs_outcomes_of_both_arms():
    sums = unguarded()
    assert [sums.sufficient(arm) for arm in (0, 2)] == [False, False]
    sums.add(0, 1.0, 0.5, [0.5, 0.2, 0.3])
    assert [sums.sufficient(arm) for arm in (0, 2)] == [False, False]
    sums.add(CONTROL, 1.0, 0.5, [0.3, 0.5, 0.2])
    assert [sums.sufficient(arm) for arm in (0, 2)] == [True, False]


def test_doubts_name_few_draws_and_few_outcomes_that_are_not_zero():
    def doubts(outcomes, draws):
        sums = ContrastSums(MADSettings(arms=(0, 1), variance="realised"))
        for t in range(2 * draws):
            sums.add(t % 2, outcomes(t), 0.5, [0.5, 0.5])
        return sums.doubts(1)

    few = doubts(lambda t: 1.0 + t % 3, 9)
    assert (bool(few.few_draws), bool(few.few_outcomes), bool(few.any())) == (True, False, True)
    enough = doubts(lambda t: 1.0 + t % 3, 60)
    assert not enough.any()
    rare = doubts(lambda t: float(t in (3, 50, 77)), 60)
    assert (bool(rare.few_draws), bool(rare.few_outcomes)) == (False, True)


def test_sums_continue_from_their_state():
    arms, outcomes, probabilities, predictions = experiment(9)
    whole = entered(unguarded(population=True, crossed=True), arms, outcomes, probabilities, predictions)
    first = entered(unguarded(population=True, crossed=True), arms[:17], outcomes[:17], probabilities, predictions)
    kept = json.loads(json.dumps(first.state()))
    second = unguarded(population=True, crossed=True)
    second.restore(kept)
    entered(second, arms[17:], outcomes[17:], probabilities[17:], predictions[17:])
    assert second.contrast(0) == whole.contrast(0)
    assert second.rounds == ROUNDS
