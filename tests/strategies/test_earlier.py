"""Weights of rows from before: the Bayes factor by integration, and what they count for in strategies."""

import numpy as np
import pytest
from cases import together
from scipy.integrate import quad
from simulated_plans import play

from causalbandit import Counts, InterventionSet, TopTwo, TwoPhase, search
from causalbandit.strategies.baselines import SequentialHalving, SuccessiveRejects, Uniform
from causalbandit.strategies.catalogue import STRATEGIES, strategy_from
from causalbandit.strategies.earlier import Earlier, agreement
from causalbandit.strategies.maximise import Maximisation
from causalbandit.strategies.pomis_thompson import POMISThompson
from causalbandit.strategies.posterior import TablePosterior
from causalbandit.strategies.strategy import make_task


def marginal(ones, zeros):
    """∫ pᵒⁿᵉˢ(1 − p)ᶻᵉʳᵒˢ dBeta(½, ½): the substitution p = sin²(x) turns the density into a constant."""
    value, _ = quad(lambda x: np.sin(x) ** (2 * ones) * np.cos(x) ** (2 * zeros), 0, np.pi / 2)
    return value * 2 / np.pi


@together("own", [(0, 0), (1, 0), (3, 9), (12, 2), (5, 5)])
@together("earlier", [(0, 0), (0, 6), (20, 5), (7, 21)])
def test_the_weight_is_the_probability_that_one_probability_stands_behind_both(own, earlier):
    same = marginal(own[0] + earlier[0], own[1] + earlier[1])
    different = marginal(*own) * marginal(*earlier)
    found = agreement(*(np.array([number]) for number in (*own, *earlier)))
    assert found[0] == pytest.approx(same / (same + different), rel=1e-6)


def earlier_of(problem, n=500, seed=0):
    rows = problem.model.sample({}, n, rng=seed)
    return Earlier(Counts.from_frame(problem.interventions, {}, rows))


def test_visits_add_by_weight_and_variances_average(shop):
    before = earlier_of(shop)
    own = shop.model.sample_counts({"ad": 1}, 40, rng=1)
    counts = Counts.from_frame(shop.interventions, {"ad": 1}, shop.model.sample({"ad": 1}, 40, rng=1))
    weights = before.row_weights(counts.visits, counts.ones)
    visits, ones = before.with_rows(counts.visits, counts.ones)
    np.testing.assert_allclose(visits, counts.visits + weights * before.counts.visits)
    np.testing.assert_allclose(ones, counts.ones + weights * before.counts.ones)
    evidence = before.row_evidence(counts.visits, counts.ones)
    posterior = TablePosterior(visits, ones, np.full(len(visits), np.nan), evidence)
    for row, (weight, mean) in enumerate(zip(weights, posterior.mean, strict=True)):
        own_visits, all_visits = counts.visits[row], counts.visits[row] + before.counts.visits[row]
        of_both = weight / (all_visits + 2) + (1 - weight) / (own_visits + 2)
        assert posterior.variance[row] == pytest.approx(mean * (1 - mean) * of_both)
    assert (evidence <= counts.visits + before.counts.visits + 1e-9).all()
    assert (evidence >= counts.visits - 1e-9).all()
    assert own.total == 40


def test_draws_have_the_mean_and_the_variance_of_the_posterior():
    posterior = TablePosterior(np.array([100.0]), np.array([20.0]), np.array([np.nan]), np.array([6.0]))
    drawn = posterior.draw(40_000, np.random.default_rng(0))[:, 0]
    # Standard errors of mean and variance: 0.0007 and 0.0002; five of each.
    assert drawn.mean() == pytest.approx(posterior.mean[0], abs=0.0035)
    assert drawn.var() == pytest.approx(posterior.variance[0], abs=0.001)


def test_the_goal_min_turns_the_history_too(shop):
    before = earlier_of(shop)
    turn = Maximisation(shop.interventions, "min")
    turned = turn.task(make_task(shop, history=before)).history
    purchase = shop.interventions.families_of("purchase")[0].rows
    assert turned.counts.ones[purchase].tolist() == (before.counts.visits - before.counts.ones)[purchase].tolist()


def played(problem, strategy, history, budget):
    """The choice, all experiments and the batches of a strategy that is told the tables that it must know."""
    known = {node: problem.model.table(node) for node in problem.graph.nodes if node != problem.graph.target}
    known = known if getattr(strategy, "knows_tables", False) else None
    choice, record = play(problem, strategy, budget, 1, known, history)
    batches, counts = zip(*record, strict=True)
    return choice, sum(counts, Counts.zeros(problem.interventions)), batches


@together("name", sorted(STRATEGIES))
def test_every_strategy_reads_a_history_and_an_empty_one_changes_nothing(shop, name):
    strategy = strategy_from(name)
    assert strategy.reads_history
    empty = Earlier(Counts.zeros(shop.interventions))
    with_none, with_empty = (played(shop, strategy, history, 120) for history in (None, empty))
    if not name.startswith("two-phase"):  # with a history its first phase pools the batches of all layers
        assert with_none[1] == with_empty[1]
        assert with_none[0].best_index == with_empty[0].best_index
        np.testing.assert_allclose(with_none[0].effects, with_empty[0].effects, atol=1e-12)
    arms = InterventionSet(shop.graph, list(shop.interventions))
    rows = [shop.model.sample(fixed, 3_000, rng=place) for place, fixed in enumerate(arms)]
    long = sum((Counts.from_frame(arms, fixed, rows[place]) for place, fixed in enumerate(arms)), Counts.zeros(arms))
    informed, _, _ = played(shop, strategy, Earlier(long), 120)
    # With 3,000 clean rows under each intervention estimates are within 5 of their largest standard errors, 0.009,
    # and weights below 1 leave them there.
    seen = np.isfinite(informed.effects)
    assert np.abs(informed.effects - shop.model.effects(arms))[seen].max() < 0.05
    assert informed.best_index == 3


@together("strategy", [Uniform(), SuccessiveRejects(), SequentialHalving(pooled=True), POMISThompson()])
def test_without_the_graph_only_the_same_intervention_counts(shop, strategy):
    rows = shop.model.sample(shop.interventions[3], 200, rng=0)
    before = Earlier(Counts.from_frame(shop.interventions, shop.interventions[3], rows))
    choice, total, _ = played(shop, strategy, before, 100)
    weight = before.arm_weights(total.trials, total.successes)
    ones = total.successes + weight * before.counts.successes
    trials = total.trials + weight * before.counts.trials
    thompson = strategy.name == "pomis-thompson"
    expected = (ones + 1) / (trials + 2) if thompson else ones / trials
    seen = np.isfinite(choice.effects)
    np.testing.assert_allclose(choice.effects[seen], expected[seen])
    assert seen[3]
    assert trials[3] > total.trials[3] + 50
    assert trials[:3].tolist() == total.trials[:3].tolist()


@pytest.mark.parametrize("pooled", [False, True])
def test_two_phase_counts_the_history_in_its_estimates(shop, pooled):
    before = earlier_of(shop)
    choice, total, batches = played(shop, TwoPhase(pooled=pooled), before, 300)
    if not pooled:
        n_first = sum(batch.total for batch in batches if batch.phase == "phase 1")
        assert 0 < n_first < 300
        assert (choice.tables.visits <= total.visits).all()
    else:
        visits, ones = before.with_rows(total.visits, total.ones)
        np.testing.assert_allclose(choice.tables.cpt, (ones + 0.5) / (visits + 1))
        assert choice.tables.visits.tolist() == total.visits.tolist()


def test_top_two_looks_where_a_history_was_not_confirmed(shop):
    """A long history leaves every intervention worth a look at first, and none once experiments have agreed."""
    before = earlier_of(shop, 20_000)
    choice, total, batches = played(shop, TopTwo(rounds=5), before, 200)
    assert {batch.phase for batch in batches} == {"top-two"}
    assert (total.trials > 0).all()
    visits, ones = before.with_rows(total.visits, total.ones)
    np.testing.assert_allclose(choice.tables.cpt, (ones + 0.5) / (visits + 1))
    assert choice.tables.visits.tolist() == total.visits.tolist()
    # {} is far from the best by the history, which experiments have not confirmed; later it is left alone.
    _, _, batches = played(shop, TopTwo(rounds=5, warm_up=0.0), before, 1_000)
    shares = [batch.sizes[0] / batch.total for batch in batches]
    assert shares[0] > 0.25
    assert max(shares[1:]) < 0.05


def test_a_history_needs_nothing_to_learn(shop):
    known = {node: shop.model.table(node) for node in shop.graph.nodes}
    assert search(shop, 10, TopTwo(), known=known, history=shop.model.sample({}, 50, rng=0), rng=0).simple_regret == 0
