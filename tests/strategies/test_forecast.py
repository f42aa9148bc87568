"""Forecasts of the number of experiments: by hand for two arms, and against searches with a forecast's mixture."""

import math
from dataclasses import dataclass

import networkx as nx
import numpy as np
import pytest

import causalbandit as cb
from causalbandit.sequences.boundaries import normal_mixture
from causalbandit.strategies.batch_sizes import sizes_from_shares
from causalbandit.strategies.forecast import forecast, needed_precision
from causalbandit.strategies.stopping import BY_GRAPH, PRECISION, StopWhenSure
from causalbandit.strategies.strategy import Batch, Choice


def arms_problem(low, high, goal="max"):
    graph = cb.CausalGraph(nx.DiGraph([("x", "y")]), target="y")
    model = cb.CausalModel(graph, {"x": [0.5], "y": [low, high]})
    return cb.Problem(graph, cb.InterventionSet(graph, [{"x": 0}, {"x": 1}]), model, goal=goal)


def test_needed_precision_is_where_the_boundary_meets_the_lead():
    lead = np.array([0.002, 0.05, 0.4, 1.9])
    precision = needed_precision(lead, 0.01)
    boundary = normal_mixture(precision, 0.01, PRECISION, one_sided=True) + np.sqrt(precision)
    np.testing.assert_allclose(boundary / precision, lead, rtol=1e-5)


@pytest.mark.parametrize("goal", ["max", "min"])
def test_two_arms_take_what_the_best_allocation_takes(goal):
    # v(η) = p₁q₁/η₁ + p₀q₀/η₀ is least, (√p₁q₁ + √p₀q₀)², with shares as the standard deviations.
    found = forecast(arms_problem(0.3, 0.6, goal), StopWhenSure(0.1, 0.02))
    precision = needed_precision(np.array([0.32]), BY_GRAPH * 0.1)[0]
    expected = precision * (math.sqrt(0.24) + math.sqrt(0.21)) ** 2
    assert found.experiments == pytest.approx(expected, rel=0.02)
    assert found.best == ("x=1" if goal == "max" else "x=0")
    assert f"About {found.experiments:,} experiments" in found.sentence()
    assert "within 0.02 of the best" in found.sentence()


@dataclass(frozen=True)
class Spread:
    """Draws batches in fixed shares: the search that a forecast has in mind."""

    shares: tuple[float, ...]
    batch: int
    name: str = "spread"
    needs: str = "rows"

    def smallest_budget(self, task):
        return 1

    def run(self, task, budget, rng):
        for _ in range(budget // self.batch):
            yield Batch(sizes_from_shares(self.batch, np.array(self.shares), rng), "spread")
        return Choice(0)


def test_searches_spread_like_the_forecast_stop_when_it_says():
    # Single runs stop between 0.5 and 2.2 times the forecast; the median of nine leaves the band once in 1,000 seeds.
    problem = cb.load_problem("graphs/purchase.json")
    found = forecast(problem, StopWhenSure())
    strategy = Spread(tuple(found.mixture.weights), found.experiments // 8)
    stopped = [
        cb.search(problem, 5 * found.experiments, strategy, rng=seed, stop=StopWhenSure(looks=40)).counts.total
        for seed in range(9)
    ]
    assert 0.6 < np.median(stopped) / found.experiments < 1.6


def test_exact_ties_need_a_tolerance():
    tie = arms_problem(0.5, 0.5)
    assert forecast(tie, StopWhenSure(tolerance=0.0)).experiments is None
    assert "Allow a tolerance above 0" in forecast(tie, StopWhenSure(tolerance=0.0)).sentence()
    assert forecast(tie, StopWhenSure()).experiments > 10_000


def test_interventions_with_one_effect_need_no_experiments():
    graph = cb.CausalGraph(nx.DiGraph([("x", "m"), ("m", "y")]), target="y")
    model = cb.CausalModel(graph, {"x": [0.5], "m": [0.2, 0.7], "y": [0.1, 0.9]})
    same = cb.InterventionSet(graph, [{"m": 1}, {"m": 1, "x": 0}])
    assert forecast(cb.Problem(graph, same, model), StopWhenSure(tolerance=0.0)).experiments == 0
