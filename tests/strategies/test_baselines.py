"""Baselines against hand-computed allocations, a direct simulation, and enumeration."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from cases import together
from enumeration import enumerate_all, enumerate_hidden, random_problem
from hidden_cause import hidden_cause
from simulated_plans import play

from causalbandit import Problem, evaluate_regret, search
from causalbandit.random_problems import bernoulli_arms
from causalbandit.spending import Limits, Spending
from causalbandit.strategies.baselines import (
    ImportanceWeighted,
    SequentialHalving,
    SuccessiveRejects,
    Uniform,
    UniformPlugIn,
)
from causalbandit.strategies.batch_sizes import (
    affordable_length,
    sequential_halving_rounds,
    successive_rejects_lengths,
)
from causalbandit.strategies.catalogue import STRATEGIES
from causalbandit.strategies.strategy import make_task

ARMS = [0.5, 0.45, 0.4, 0.4, 0.35, 0.3, 0.3, 0.2]


def test_successive_rejects_lengths_equal_those_by_hand():
    # K = 4, T = 100: logbar = 1/2 + 1/2 + 1/3 + 1/4 = 19/12, so n_k = ceil(96·12/19 / (5 − k)) = ceil(60.63 / …).
    assert successive_rejects_lengths(4, 100).tolist() == [16, 21, 31]
    # K = 8, T = 1000: logbar = 1/2 + 1/2 + 1/3 + … + 1/8 = 2.217857, 992/2.217857 = 447.28, divided by 8, 7, …, 2.
    assert successive_rejects_lengths(8, 1000).tolist() == [56, 64, 75, 90, 112, 150, 224]
    # K = 2: logbar = 1, n_1 = (T − 2)/2 exactly; nothing is rounded up.
    assert successive_rejects_lengths(2, 102).tolist() == [50]


@together("n_arms", [2, 3, 4, 9, 64, 301])
@together("excess", [1, 1000, 10**9 + 7, 10**15, 10**18 - 301])
def test_successive_rejects_lengths_equal_exact_fractions(n_arms, excess):
    log_bar = Fraction(1, 2) + sum(Fraction(1, arm) for arm in range(2, n_arms + 1))
    lengths = successive_rejects_lengths(n_arms, n_arms + excess).tolist()
    assert lengths == [math.ceil(excess / (log_bar * arms_left)) for arms_left in range(n_arms, 1, -1)]
    assert sum(lengths) + lengths[-1] <= n_arms + excess


@together("strategy", [Uniform(), SuccessiveRejects(), SequentialHalving(), UniformPlugIn(), ImportanceWeighted()])
@together("budget", [97, 2**53 + 1, 10**17 + 3, np.int64(10**18 - 1), 10**18])
def test_no_baseline_asks_for_more_than_the_budget(strategy, budget):
    model, interventions = random_problem(np.random.default_rng(8), 6)
    known = {node: model.table(node) for node in model.graph.nodes if node != model.graph.target}
    decision = search(Problem(model.graph, interventions, model), budget, strategy, rng=0, known=known)
    asked = [sizes for phase in decision.phases.values() for sizes in phase.tolist()]
    assert min(asked) >= 0
    assert 0.9 * int(budget) - 100 <= sum(asked) <= budget


def test_sequential_halving_rounds_equal_those_by_hand():
    # K = 4: two rounds, T/(4·2) and T/(2·2); K = 8: three rounds, T/(8·3), T/(4·3), T/(2·3); K = 5: 5, 3, 2 → 1.
    assert sequential_halving_rounds(4, 100) == [(2, 12), (1, 25)]
    assert sequential_halving_rounds(8, 1000) == [(4, 41), (2, 83), (1, 166)]
    assert sequential_halving_rounds(5, 90) == [(3, 6), (2, 10), (1, 15)]


@pytest.mark.parametrize("n_arms", [4, 8])
def test_the_batches_follow_the_lengths_and_drop_the_worst(n_arms):
    problem = bernoulli_arms(np.linspace(0.1, 0.9, n_arms))
    decision, record = play(problem, SuccessiveRejects(), 40 * n_arms, seed=1)
    lengths = successive_rejects_lengths(n_arms, 40 * n_arms)
    pulled = sum(batch.sizes for batch, _ in record)
    assert sorted(pulled.tolist()) == sorted([*lengths.tolist(), int(lengths[-1])])
    assert pulled.sum() <= 40 * n_arms
    assert pulled[decision.best_index] == lengths[-1]
    decision, record = play(problem, SequentialHalving(), 40 * n_arms, seed=1)
    for (batch, _), (before, (_, each)) in zip(
        record,
        zip([n_arms, n_arms // 2, n_arms // 4], sequential_halving_rounds(n_arms, 40 * n_arms), strict=False),
        strict=True,
    ):
        assert sorted(set(batch.sizes.tolist())) == sorted({each, *([0] if before < n_arms else [])})
        assert (batch.sizes > 0).sum() == before
    assert decision.best_index == n_arms - 1


def direct_regret(rule, budget, replications, rng):
    """The same algorithms on independent Bernoulli arms, written out without any of the package."""
    regrets = []
    for _ in range(replications):
        active, ones, n = list(range(len(ARMS))), [0] * len(ARMS), [0] * len(ARMS)
        k = len(ARMS)
        if rule == "uniform":
            ones = [rng.binomial(budget // k, p) for p in ARMS]
            active = [max(active, key=lambda a: (ones[a], rng.random()))]
        log_bar = 0.5 + sum(1 / i for i in range(2, k + 1))
        while len(active) > 1:
            if rule == "rejects":
                each = int(np.ceil((budget - k) / (log_bar * len(active)))) - n[active[0]]
            else:
                each, ones = budget // (len(active) * 3), [0] * k  # 3 = log2(8); each round judged alone
            for a in active:
                ones[a], n[a] = ones[a] + rng.binomial(each, ARMS[a]), n[a] + each
            ranked = sorted(active, key=lambda a: (ones[a], rng.random()))
            active = ranked[1:] if rule == "rejects" else ranked[len(ranked) // 2 :]
        regrets.append(max(ARMS) - ARMS[active[0]])
    return np.array(regrets)


@pytest.mark.parametrize(
    ("strategy", "rule"), [(SuccessiveRejects(), "rejects"), (SequentialHalving(), "halving"), (Uniform(), "uniform")]
)
def test_regret_on_independent_arms_matches_a_direct_simulation(strategy, rule):
    # Two samples of 800 searches each; |z| > 4 has probability 6e-5, three tests.
    from causalbandit import evaluate_regret

    frame = evaluate_regret(bernoulli_arms(ARMS), strategy, 240, 800, rng=3).to_frame()
    ours, theirs = frame["regret"].to_numpy(), direct_regret(rule, 240, 800, np.random.default_rng(4))
    z = (ours.mean() - theirs.mean()) / np.sqrt((ours.var() + theirs.var()) / 800)
    assert abs(z) < 4
    assert ours.mean() > 0.005  # the problem is hard enough to tell rules apart


def test_uniform_spreads_the_budget_and_takes_the_best_mean():
    problem = bernoulli_arms([0.0, 1.0, 0.0])
    decision, ((batch, _),) = play(problem, Uniform(), 11)
    assert sorted(batch.sizes.tolist()) == [3, 4, 4]
    assert decision.best_index == 1
    decision, ((batch, _),) = play(problem, Uniform(), 2)
    assert sorted(batch.sizes.tolist()) == [0, 1, 1]
    assert batch.sizes[decision.best_index] == 1  # never one without data


def test_uniform_plug_in_estimates_what_enumeration_gives():
    model, interventions = random_problem(np.random.default_rng(5), 6)
    problem = Problem(model.graph, interventions, model)
    decision = search(problem, 5000, UniformPlugIn(), rng=0)
    counts = decision.counts
    learned = type(model)(
        model.graph,
        {
            node: (counts.ones[model.graph.family_of[node].rows] + 0.5)
            / (counts.visits[model.graph.family_of[node].rows] + 1)
            if node in model.graph.family_of
            else model.table(node)
            for node in model.graph.nodes
        },
    )
    np.testing.assert_allclose(decision.estimates, enumerate_all(learned, interventions)[0], atol=1e-12)


def test_importance_weights_are_unbiased_when_nothing_is_truncated():
    rng = np.random.default_rng(8)
    model, interventions = random_problem(rng, 6, extreme=0.0)
    problem = Problem(model.graph, interventions, model)
    known = {node: model.table(node) for node in model.graph.nodes if node != model.graph.target}
    estimates = np.array([play(problem, ImportanceWeighted(), 2000, seed, known)[0].effects for seed in range(150)])
    truth = enumerate_all(model, interventions)[0]
    error = estimates.std(axis=0, ddof=1) / np.sqrt(len(estimates)) + 1e-9
    # The bound on the weights is far above 1 here, so hardly any is cut off; |z| > 4.5 on at most 9 effects: 6e-5.
    assert np.abs((estimates.mean(axis=0) - truth) / error).max() < 4.5


def test_importance_weights_ask_for_the_tables_they_need():
    model, interventions = random_problem(np.random.default_rng(8), 6)
    with pytest.raises(ValueError, match=r"known lacks the tables of .*all nodes but the target"):
        search(Problem(model.graph, interventions, model), 100, ImportanceWeighted(), rng=0)


@pytest.mark.parametrize("strategy", ["top-two-knows-tables", "importance-weighted-knows-tables"])
@pytest.mark.parametrize("goal", ["max", "min"])
def test_a_search_by_a_strategy_that_knows_tables_must_be_given_them(strategy, goal):
    model, interventions = random_problem(np.random.default_rng(8), 6)
    problem = Problem(model.graph, interventions, model, goal)
    upstream = {node: model.table(node) for node in model.graph.ancestors if node != model.graph.target}
    assert len(upstream) > 1
    for known in (None, dict(list(upstream.items())[1:])):
        with pytest.raises(ValueError, match=r"known lacks the tables of .*all nodes but the target.*evaluate_regret"):
            search(problem, 100, strategy, rng=0, known=known)
    assert search(problem, 100, strategy, rng=0, known=upstream).strategy == strategy
    regret = evaluate_regret(problem, strategy, [100], 2, rng=0).to_frame()["regret"]
    assert regret.notna().tolist() == [True, True]


def test_smallest_budgets_are_where_the_first_phase_has_an_experiment_each():
    task = make_task(bernoulli_arms(ARMS))
    assert SuccessiveRejects().smallest_budget(task) == 9
    assert SequentialHalving().smallest_budget(task) == 24
    assert successive_rejects_lengths(8, 9)[0] >= 1
    assert sequential_halving_rounds(8, 24)[0][1] == 1
    assert sequential_halving_rounds(8, 23)[0][1] == 0
    with pytest.raises(ValueError, match="at least 9"):
        search(bernoulli_arms(ARMS), 8, "successive-rejects", rng=0)


def test_one_intervention_is_always_right():
    problem = bernoulli_arms([0.3, 0.6])
    one = Problem(problem.graph, problem.interventions[:1], problem.model)
    for strategy in (Uniform(), SuccessiveRejects(), SequentialHalving(), UniformPlugIn()):
        assert search(one, 10, strategy, rng=0).best_index == 0


def test_importance_weights_are_unbiased_with_a_hidden_cause_of_the_target():
    """150 searches; the deviations of 9 estimates stay below 5 standard errors: a false alarm once in 200,000 seeds."""
    problem = hidden_cause()
    families = problem.interventions.families_of("y")
    assert len(families) == 2
    known = problem.model.cpt_for(problem.interventions).copy()
    for family in families:
        known[family.rows] = np.nan
    task = replace(make_task(problem), known=known)
    simulator = problem.model.simulator(problem.interventions)
    estimates = []
    for seed in range(150):
        plan = ImportanceWeighted().run(task, 2000, np.random.default_rng([seed, 1]))
        counts = simulator.draw(next(plan).sizes, np.random.default_rng([seed, 2]))
        with pytest.raises(StopIteration) as stop:
            plan.send(counts)
        estimates.append(stop.value.value.effects)
    error = np.std(estimates, axis=0, ddof=1) / np.sqrt(len(estimates))
    truth = enumerate_hidden(problem.model, problem.interventions)[0]
    assert (np.abs(np.mean(estimates, axis=0) - truth) / error).max() < 5


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_every_strategy_works_with_a_declared_hidden_cause(strategy):
    """Mean regret of 6 searches against that of the middling intervention.

    False alarms by resampling 150 other searches: 0.15 % for uniform, 0.04 % for halving, none of 20,000 else.
    """
    problem = hidden_cause()
    frame = evaluate_regret(problem, strategy, 4000, 6, rng=0).to_frame()
    effects = problem.model.effects(problem.interventions)
    assert frame["regret"].mean() < 0.4 * (effects.max() - np.median(effects))


def test_lengths_with_prices_are_the_longest_that_the_worst_order_can_pay():
    prices = np.array([1.0, 4.0, 2.0, 8.0])
    purse = Spending("money", 300.0, 300.0, prices, np.zeros(4), np.full(4, 10**18), 4, Limits())

    def cost(scale):
        """The cheapest are dropped first: 1 after ⌊s/4⌋ experiments, 2 after ⌊s/3⌋, 4 and 8 after ⌊s/2⌋."""
        return scale // 4 * 1 + scale // 3 * 2 + scale // 2 * 12

    longest = max(scale for scale in range(100) if cost(scale) <= 300)
    assert affordable_length(purse, np.arange(4), 0) == longest // 4
    # After the first phase the dearest was dropped, not the cheapest: its money makes the others' phases longer.
    first = longest // 4
    left = purse.after(np.full(4, first))
    scales = [s for s in range(400) if (s // 3 - first) * 1 + (s // 2 - first) * 6 <= left.money]
    assert affordable_length(left, np.array([0, 2, 1]), first) == max(scales) // 3 > first
