"""Who wins draws; draws that are made some interventions at a time are those that are made of all at once."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from enumeration import random_hidden_problem

from causalbandit import Problem, TopTwo, load_problem, search
from causalbandit.compressed_reach import CompressedReach
from causalbandit.propagation import gradient_blocks, propagate
from causalbandit.strategies.effect_draws import EffectDraws, chosen_gradient, streamed_draws
from causalbandit.strategies.posterior import TablePosterior
from causalbandit.strategies.strategy import make_task
from causalbandit.strategies.top_two import OUT_OF_REACH
from causalbandit.strategies.value_of_information import ValueOfInformation


def test_shares_by_hand():
    drawn = np.array([[3.0, 1.0, 2.0], [0.0, 1.0, 2.0], [3.0, 2.0, 1.0], [5.0, 1.0, 2.0]])
    effects = np.array([3.0, 0.0, 1.0, 2.0])
    # Wins: 3, 0, 1 of 4; without the leader (0): 0, 1, 3 of 4; intervention 1 of the set of four is never drawn.
    shares = EffectDraws.among(drawn, np.array([0, 2, 3]), effects).top_two_shares()
    assert shares.tolist() == [3 / 8, 0, 1 / 8, 4 / 8]
    assert EffectDraws.among(drawn[:, :1], np.array([0]), effects).top_two_shares().tolist() == [1, 0, 0, 0]


def test_certainty_by_hand():
    drawn = np.array([[0.30, 0.10], [0.29, 0.31], [0.20, 0.40], [0.5, 0.1]])
    sample = EffectDraws.among(drawn, np.array([0, 1]), np.array([0.3, 0.2]))
    assert sample.certainty(0.0) == 0.5
    assert sample.certainty(0.05) == 0.75


def some_posterior(problem, seed=0, size=60):
    task = make_task(problem)
    arms = problem.interventions
    counts = problem.model.simulator(arms).draw(np.full(len(arms), size), seed)
    return task, TablePosterior.of(task, counts.visits, counts.ones)


def cases():
    model, arms = random_hidden_problem(np.random.default_rng(4), 9, 3, most_parents=3, n_interventions=40)
    assert len(arms.regimes) > 1
    return [load_problem("asia"), Problem(model.graph, arms, model)]


@pytest.mark.parametrize("problem", cases(), ids=["asia", "hidden causes"])
def test_blocks_hold_effects_and_gradient_of_chosen_interventions(problem):
    arms = problem.interventions
    cpt = np.random.default_rng(1).random(arms.n_family_rows)
    whole = propagate(arms, cpt, gradient=True)
    chosen = np.array([7, 0, 3, len(arms) - 1])
    for memory in (40_000, 1 << 28):
        seen = []
        for places, effects, gradient in gradient_blocks(arms, cpt, chosen, memory):
            np.testing.assert_allclose(effects, whole.effects[places], atol=1e-14)
            np.testing.assert_allclose(gradient, whole.gradient[:, places], atol=1e-14)
            seen += places.tolist()
        assert sorted(seen) == sorted(chosen.tolist())


@pytest.mark.parametrize("problem", cases(), ids=["asia", "hidden causes"])
def test_shares_and_plan_are_those_of_all_at_once(problem):
    task, posterior = some_posterior(problem, size=2)
    strategy = TopTwo()
    found = posterior.propagate(task, reach=True, gradient=True)
    drawn, near = strategy._draw_effects(task, posterior, found, np.random.default_rng(5))
    assert len(near) >= (posterior.variance > 0).sum()  # both then draw one number per row
    whole = EffectDraws.among(drawn, near, found.effects)
    parts = streamed_draws(task, posterior, strategy.draws, OUT_OF_REACH, np.random.default_rng(5))
    np.testing.assert_allclose(parts.top_two_shares(), whole.top_two_shares(), atol=2.1 / strategy.draws)
    assert parts.certainty(0.01) == pytest.approx(whole.certainty(0.01), abs=2.1 / strategy.draws)
    shares = parts.top_two_shares()
    chosen = np.flatnonzero(shares)
    assert parts.leader in chosen
    reach = CompressedReach(task.interventions, posterior.mean, task.memory)
    one, other = (
        ValueOfInformation.of(found.effects, chosen, *both, posterior, 200, np.random.default_rng(6))
        for both in ((found.gradient[:, chosen], found.reach), (chosen_gradient(task, posterior, chosen), reach))
    )
    for value, expected in zip(other.at(shares, 100), one.at(shares, 100), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(other.planned_shares(100, shares), one.planned_shares(100, shares), atol=1e-7)


@pytest.mark.parametrize(("budget", "stop_level"), [(3_000, None), (100, 1.0)])
def test_a_search_of_little_memory_finds_what_it_would_with_much(monkeypatch, budget, stop_level):
    problem = load_problem("asia").reduced()
    used = []
    top_two = sys.modules["causalbandit.strategies.top_two"]
    monkeypatch.setattr(top_two, "streamed_draws", lambda *rest: used.append(1) or streamed_draws(*rest))
    array = 8 * len(problem.interventions) * problem.graph.n_family_rows
    strategy = TopTwo(rounds=4, stop_level=stop_level)
    decision = search(problem, budget, strategy, rng=1, progress=False, memory=array - 1)
    assert decision.counts.total == budget
    assert len(used) == 3 + (stop_level is not None)  # before all batches but the first, and for the belief at the end
    assert decision.simple_regret < 0.02
