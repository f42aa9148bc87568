"""Draws that are made some interventions at a time are those that are made of all at once."""

from __future__ import annotations

import numpy as np
import pytest
from enumeration import random_hidden_problem

from causalbandit import Problem, TopTwo, load_problem, search
from causalbandit.gradient_blocks import gradient_blocks
from causalbandit.propagation import propagate
from causalbandit.strategies.posterior import TablePosterior
from causalbandit.strategies.strategy import make_task
from causalbandit.strategies.streamed_draws import StreamedDraws
from causalbandit.strategies.top_two import OUT_OF_REACH
from causalbandit.strategies.value_of_information import ValueOfInformation


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
    strategy, n = TopTwo(), len(problem.interventions)
    found = posterior.propagate(task, reach=True, gradient=True)
    whole = strategy._draw_effects(task, posterior, found, np.random.default_rng(5))
    assert len(whole.places) >= (posterior.variance > 0).sum()  # both then draw one number per row
    parts = StreamedDraws.of(task, posterior, strategy.draws, OUT_OF_REACH, np.random.default_rng(5))
    np.testing.assert_allclose(parts.top_two_shares(), whole.top_two_shares(n), atol=2.1 / strategy.draws)
    assert parts.certainty(0.01) == pytest.approx(whole.certainty(0.01), abs=2.1 / strategy.draws)
    shares = parts.top_two_shares()
    one = ValueOfInformation.of(found, posterior, np.flatnonzero(shares), 200, np.random.default_rng(6))
    other = parts.worth(shares, 200, np.random.default_rng(6))
    for value, expected in zip(other.at(shares, 100), one.at(shares, 100), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(other.planned_shares(100, shares), one.planned_shares(100, shares), atol=1e-7)


def test_a_search_of_little_memory_finds_what_it_would_with_much(monkeypatch):
    problem = load_problem("asia").reduced()
    used = []
    monkeypatch.setattr(
        StreamedDraws, "worth", lambda self, *rest, _own=StreamedDraws.worth: used.append(1) or _own(self, *rest)
    )
    array = 8 * len(problem.interventions) * problem.graph.n_family_rows
    decision = search(problem, 3_000, TopTwo(rounds=4), rng=1, progress=False, memory=array - 1)
    assert len(used) == 3
    assert decision.simple_regret < 0.02
