"""What a search answered, in records, frames and words."""

import json
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from cases import together

from causalbandit import Decision, InterventionSet, Problem, TopTwo, search
from causalbandit.driver import Run, prepared
from causalbandit.random_problems import bernoulli_arms

ARMS = [0.5, 0.45, 0.4, 0.4, 0.35, 0.3, 0.3, 0.2]


@pytest.mark.parametrize(("goal", "word", "other"), [("max", "largest", "larger"), ("min", "smallest", "smaller")])
def test_the_summary_says_largest_only_when_it_is(goal, word, other):
    problem = replace(bernoulli_arms(ARMS), goal=goal)
    seen = set()
    for strategy, budget in (("sequential-halving", 60), ("successive-rejects", 40), ("uniform", 80), ("uniform", 5)):
        for seed in range(20):
            decision = search(problem, budget, strategy, rng=seed)
            said = " ".join(decision.summary().split())
            values = decision.estimates[~np.isnan(decision.estimates)]
            better = int(
                (values > decision.best_effect).sum() if goal == "max" else (values < decision.best_effect).sum()
            )
            among = "8" if len(values) == 8 else f"the {len(values)} of 8 with an estimate"
            assert (f"{decision.best_effect:.4f}, the {word} of {among} " in said) == (better == 0)
            assert (f"{better} of 8 {'has' if better == 1 else 'have'} a {other} estimate" in said) == (better > 0)
            seen.add((strategy, better > 0))
    assert seen >= {("sequential-halving", True), ("successive-rejects", True), ("uniform", False)}
    none = replace(decision, estimates=None).summary()
    assert "no estimate of P(" in none
    assert "nan" not in none.splitlines()[1]


@together("strategy", ["two-phase", "top-two", "successive-rejects"])
@together("goal", ["max", "min"])
def test_batches_add_up_to_phases_and_counts(shop, strategy, goal):
    problem = replace(shop, goal=goal)
    asked = []
    simulator = problem.model.simulator(problem.interventions)

    def observe(batch):
        counts = simulator.draw(batch.sizes, np.random.default_rng(len(asked)))
        asked.append((batch, counts))
        return counts

    chosen, task, budget = prepared(problem, strategy, 100)
    decision = Run(problem, chosen, task, budget, np.random.default_rng(0)).by_counts(observe)
    assert [batch.phase for batch in decision.batches] == [batch.phase for batch, _ in asked]
    for kept, (batch, counts) in zip(decision.batches, asked, strict=True):
        assert kept.sizes.tolist() == batch.sizes.tolist()
        assert kept.counts == counts
        assert kept.n_batches == 1
    assert decision.counts == sum((counts for _, counts in asked[1:]), asked[0][1])
    for phase, sizes in decision.phases.items():
        assert sizes.tolist() == sum(batch.sizes for batch, _ in asked if batch.phase == phase).tolist()


def test_too_many_batches_are_added_up_within_their_phase(shop, monkeypatch):
    whole = search(shop, 60, TopTwo(rounds=10), rng=0)
    # Each batch of the shop (4 interventions, 7 rows) holds 22 numbers: so many fit that three are kept apart.
    monkeypatch.setattr("causalbandit.finished_batches.MOST_KEPT", 60)
    short = search(shop, 60, TopTwo(rounds=10), rng=0)
    assert short.counts == whole.counts
    assert {phase: sizes.tolist() for phase, sizes in short.phases.items()} == {
        phase: sizes.tolist() for phase, sizes in whole.phases.items()
    }
    assert len(short.batches) < len(whole.batches)
    assert sum(batch.n_batches for batch in short.batches) == len(whole.batches)


def test_a_search_without_experiments_has_counts_of_zero(shop):
    decision = search(shop, 10, "two-phase", rng=0, known=dict(shop.tables))
    assert decision.batches == ()
    assert decision.phases == {}
    assert decision.counts.total == 0


def test_every_field_is_given_and_none_can_be_changed(shop):
    decision = search(shop, 30, "uniform", rng=0)
    with pytest.raises(FrozenInstanceError):
        decision.best_index = 1
    with pytest.raises(TypeError, match="missing"):
        Decision(best_index=0)
    assert repr(decision).startswith("Decision(best={")
    assert len(repr(decision)) < 100


@pytest.mark.parametrize("goal", ["max", "min"])
def test_the_frame_is_sorted_by_what_the_goal_wants_below_the_chosen_one(shop, goal):
    decision = search(replace(shop, goal=goal), 4000, "two-phase", rng=0)
    frame = decision.to_frame()
    assert frame["best"].tolist() == [True, False, False, False]
    assert frame.index[0] == decision.best_index
    others = frame["estimate"].tolist()[1:]
    assert others == sorted(others, reverse=goal == "max")
    best = shop.model.effects(shop.interventions).max() if goal == "max" else 0.16
    assert frame["regret"].tolist() == pytest.approx((frame["true_effect"] - best).abs().tolist())


def test_the_tables_frame_names_every_row_and_needs_tables(shop):
    frame = search(shop, 300, "two-phase", rng=0, known={"ad": [0.3]}).tables_frame()
    assert frame["configuration"].tolist() == ["", "ad=0", "ad=1", *(f"ad={a}, trust={t}" for a in "01" for t in "01")]
    assert frame["known"].tolist() == [True, *[False] * 6]
    assert frame["estimate"][0] == 0.3
    with pytest.raises(ValueError, match=r"'uniform' does not estimate tables"):
        search(shop, 30, "uniform", rng=0).tables_frame()


def test_the_dictionary_is_json_and_the_figure_shows_the_chosen_one_on_top(shop, without_display):
    decision = search(replace(shop, name="$shop$"), 300, "two-phase", rng=0)
    again = json.loads(json.dumps(decision.to_dict(), allow_nan=False))
    assert again["best"] == decision.best
    assert sum(map(sum, again["experiments"].values())) == 300
    ax = decision.plot()
    assert ax.get_yticklabels()[-1].get_text() == shop.interventions.labels[decision.best_index]
    assert "300 experiments: largest effect wanted" in ax.get_title()


def test_the_summary_fits_a_terminal_and_adds_up_the_costs(shop):
    interventions = InterventionSet(shop.graph, list(shop.interventions), costs=[1, 2, 3, 4])
    decision = search(Problem(shop.graph, interventions, shop.model), 300, "two-phase", rng=0)
    text = decision.summary()
    assert max(map(len, text.splitlines())) <= 80
    assert f"Cost: {decision.experiments @ [1, 2, 3, 4]:,.6g} in all" in text
