"""Every strategy keeps to a budget of money and to limits; without prices nothing changes."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from cases import together
from hypothesis import given, settings
from hypothesis import strategies as st

import causalbandit as cb
from causalbandit.errors import InvalidArgument
from causalbandit.strategies.catalogue import STRATEGIES
from causalbandit.strategies.plans import by_kinds
from causalbandit.strategies.strategy import Batch, Choice

PROBLEM = cb.random_problem(4, rng=3)
ARMS = PROBLEM.interventions
TOLD = {node: table for node, table in PROBLEM.tables.items() if node != PROBLEM.graph.target}


def spent(decision, setup):
    """What a decision's batches cost, added up here."""
    costs = decision.problem.interventions.costs
    return sum(batch.sizes @ costs + setup * np.count_nonzero(batch.sizes) for batch in decision.batches)


@settings(max_examples=3)
@given(
    st.lists(st.sampled_from([0.5, 1.0, 3.0, 10.0, 99.5]), min_size=len(ARMS), max_size=len(ARMS)),
    st.sampled_from([0.0, 0.0, 2.5]),
    st.sampled_from([None, 1, 3]),
    st.sampled_from([None, 5, 60]),
    st.floats(1, 3000),
    st.booleans(),
)
def test_every_strategy_keeps_to_money_and_limits(costs, setup, kinds, each, factor, watched):
    problem = replace(PROBLEM, interventions=ARMS.with_costs(costs))
    money = factor * (min(costs) + setup)
    limits = cb.Limits(setup, kinds, each)
    stop = cb.StopWhenSure(error=0.2, tolerance=0.2) if watched else None
    refused = set()
    for name in STRATEGIES:
        known = TOLD if name.endswith("-knows-tables") else None
        try:
            decision = cb.search(
                problem, strategy=name, budget_money=money, limits=limits, rng=1, known=known, stop=stop
            )
        except InvalidArgument as error:
            refused.add(error.argument)
            continue
        assert spent(decision, setup) <= money * (1 + 1e-9)
        assert decision.money == pytest.approx(spent(decision, setup))
        assert decision.counts.total <= decision.budget
        assert decision.experiments.max() <= (each or np.inf)
        assert all(np.count_nonzero(batch.sizes) <= (kinds or np.inf) for batch in decision.batches)
    assert refused <= {"budget_money", "most_each"}


@together("name", STRATEGIES)
def test_money_at_one_price_is_a_number_of_experiments_bit_for_bit(name):
    known = TOLD if name.endswith("-knows-tables") else None
    plain = cb.search(PROBLEM, 300, name, rng=5, known=known)
    problem = replace(PROBLEM, interventions=ARMS.with_costs([2.5] * len(ARMS)))
    paid = cb.search(problem, None, name, budget_money=751, rng=5, known=known)
    assert paid.budget == 300
    assert paid.experiments.tolist() == plain.experiments.tolist()
    assert paid.best == plain.best
    assert np.array_equal(paid.estimates, plain.estimates, equal_nan=True)
    assert paid.money == 2.5 * plain.counts.total
    loose = cb.search(PROBLEM, 300, name, rng=5, known=known, limits=cb.Limits())
    assert loose.experiments.tolist() == plain.experiments.tolist()


@together("name", STRATEGIES)
def test_limits_hold_for_a_number_of_experiments_too(name):
    known = TOLD if name.endswith("-knows-tables") else None
    decision = cb.search(PROBLEM, 200, name, rng=2, known=known, limits=cb.Limits(most_kinds=2, most_each=60))
    assert decision.counts.total <= 200
    assert decision.experiments.max() <= 60
    assert max(np.count_nonzero(batch.sizes) for batch in decision.batches) <= 2


@pytest.mark.parametrize("limits", [cb.Limits(most_kinds=1), cb.Limits(most_each=14), cb.Limits(2.0, 1, 30)])
def test_two_phase_ends_although_limits_leave_rows_unseen(limits):
    problem = replace(PROBLEM, interventions=ARMS.with_costs(np.linspace(1, 3, len(ARMS))))
    for seed in range(3):
        decision = cb.search(problem, budget_money=130, limits=limits, rng=seed)
        assert np.isfinite(decision.mixture.value)
        assert decision.money <= 130


def test_parts_of_a_batch_hold_few_kinds_and_add_up():
    batch = Batch(np.array([3, 0, 4, 1, 5, 9]), "p")
    parts = list(by_kinds(batch, 2))
    assert len(parts) == 3
    assert sum(part.sizes for part in parts).tolist() == batch.sizes.tolist()
    assert all(np.count_nonzero(part.sizes) <= 2 for part in parts)
    assert next(by_kinds(batch, 5)) is batch


@dataclass(frozen=True)
class Own:
    """Spends all of what it is told on one intervention, or more than that."""

    times: int = 1
    name: ClassVar[str] = "own"
    needs: ClassVar[str] = "rows"

    def smallest_budget(self, task):
        return 1

    def run(self, task, budget, rng):
        sizes = np.zeros(len(task.interventions), dtype=np.int64)
        sizes[np.argmax(task.interventions.costs)] = budget * self.times
        yield Batch(sizes, "all")
        return Choice(0)


def test_a_strategy_that_knows_no_prices_is_told_a_number_that_is_safe():
    problem = replace(PROBLEM, interventions=ARMS.with_costs(np.linspace(1, 20, len(ARMS))))
    decision = cb.search(problem, strategy=Own(), budget_money=205, limits=cb.Limits(setup=0.4), rng=0)
    assert decision.counts.total == 10
    assert decision.money == pytest.approx(200.4)
    with pytest.raises(RuntimeError, match=r"'own' asked for a batch that costs 400.4 \(20 experiments\), with 205 of"):
        cb.search(problem, strategy=Own(2), budget_money=205, limits=cb.Limits(setup=0.4), rng=0)


def test_a_budget_or_limit_that_leaves_a_strategy_no_plan_is_named():
    problem = replace(PROBLEM, interventions=ARMS.with_costs(np.linspace(1, 20, len(ARMS))))
    with pytest.raises(InvalidArgument, match=r"budget_money was 20.*'two-phase' needs at least"):
        cb.search(problem, budget_money=20, rng=0)
    with pytest.raises(InvalidArgument, match=r"budget_money was 20.*'sequential-halving' needs at least"):
        cb.search(problem, strategy="sequential-halving", budget_money=20, rng=0)
    with pytest.raises(InvalidArgument, match=r"most_each was 1, which allows .* 'two-phase' needs at least"):
        cb.search(problem, budget_money=50_000, limits=cb.Limits(most_each=1), rng=0)
    with pytest.raises(InvalidArgument, match="most_each was 1, which allows"):
        cb.search(PROBLEM, 500, limits=cb.Limits(most_each=1), rng=0)


def test_what_was_spent_is_said_in_every_form():
    problem = replace(PROBLEM, interventions=ARMS.with_costs(np.linspace(1, 20, len(ARMS))))
    decision = cb.search(problem, strategy="uniform", budget_money=900, limits=cb.Limits(setup=2), rng=0)
    text = decision.summary()
    assert f"{decision.counts.total} experiments for {decision.money:,.6g} of 900 money" in text
    assert "a set-up of 2 in every batch" in text
    frame = decision.to_frame()
    assert frame["money"].sum() + 2 * len(ARMS) == pytest.approx(decision.money)
    assert decision.to_dict()["money"]["spent"] == decision.money
