"""What a search's own data tell of effects, its log, and the way from a choice to its proof."""

import numpy as np
import pytest

import causalbandit as cb


@pytest.fixture
def found(shipped):
    return cb.search(shipped["asia"], 2_000, "two-phase", rng=0)


def test_effects_of_the_search_cover_the_true_ones_and_say_whose_data_they_are(shipped, found):
    frame = found.effects()
    true = shipped["asia"].model.effects(shipped["asia"].interventions)
    assert ((frame["lower"] <= true) & (true <= frame["upper"])).mean() > 0.95
    assert set(frame["data"]) == {"search"}
    single = found.effects(simultaneous=False)
    assert (single["upper"] - single["lower"]).sum() < (frame["upper"] - frame["lower"]).sum()
    ratios, per = found.effects({}, scale="ratio"), found.effects({}, scale="one-more-per")
    assert ((ratios["estimate"] < 1) == (found.effects({})["estimate"] < 0)).all()
    np.testing.assert_allclose(per["estimate"], 1 / found.effects({})["estimate"].abs())
    assert set(ratios["data"]) == set(per["data"]) == {"search"}
    against = found.effects({})
    assert len(against) == len(frame) - 1
    assert set(against["reference"]) == {"(observe)"}


def test_a_strategy_that_steers_says_what_that_costs(shipped):
    frame = cb.search(shipped["asia"], 300, "top-two", rng=0).effects()
    assert any("steered by what it saw" in note for note in frame.attrs["notes"])


def test_strategies_that_watch_the_target_alone_have_no_effects(shipped):
    with pytest.raises(ValueError, match="watched the target alone"):
        cb.search(shipped["asia"], 300, "successive-rejects", rng=0).effects()


@pytest.mark.parametrize("name", ["asia", "purchase", "bow"])
@pytest.mark.parametrize("strategy", ["two-phase", "top-two", "uniform"])
def test_the_summary_gives_an_interval_of_the_chosen_one_where_the_data_allow(shipped, name, strategy):
    problem = shipped[name]
    for goal in ("max", "min"):
        turned = cb.Problem(problem.graph, problem.interventions, problem.model, goal=goal)
        decision = cb.search(turned, 600, strategy, rng=1)
        words = decision.summary()
        if strategy == "uniform":
            assert decision.best_interval is None
            assert "interval" not in words
            continue
        low, high = decision.best_interval
        assert f"95 % interval {low:.4f} to {high:.4f} (own data, all {len(problem.interventions)}" in words
        assert ("too short when effects are close" in words) == (strategy == "top-two")
        row = decision.effects().iloc[decision.best_index]
        assert low - 1e-3 <= row["lower"] <= row["estimate"] <= row["upper"] <= high + 1e-3  # a little longer
        assert (low + high) / 2 == pytest.approx(row["estimate"], abs=1e-9) or low == 0 or high == 1


def test_known_tables_bring_no_error(shop):
    known = cb.search(shop, 300, "uniform-plug-in", rng=0, known={"ad": [0.3], "trust": [0.2, 0.7]})
    learned = cb.search(shop, 300, "uniform-plug-in", rng=0)
    assert (known.effects()["std_error"] < learned.effects()["std_error"] + 1e-12).all()
    assert known.effects()["std_error"].sum() < learned.effects()["std_error"].sum()


def test_real_experiments_have_a_log_and_simulated_counts_have_none(shop, found):
    random = np.random.default_rng(0)

    def run(intervention, size):
        return shop.model.sample(intervention, size, rng=random)

    result = cb.search(shop, 200, "top-two", rng=0, environment=run)
    log = result.log()
    assert len(log) == 200
    assert list(log.columns) == ["batch", "intervention", *shop.graph.nodes]
    by_label = log["intervention"].value_counts()
    assert [by_label.get(label, 0) for label in shop.interventions.labels] == result.counts.trials.tolist()
    with pytest.raises(ValueError, match="simulated as counts"):
        found.log()


def test_a_choice_is_confirmed_by_fresh_experiments(found):
    proof = found.confirm(budget=400, rng=1, stop_early=False)
    assert proof.arms.labels == ("(observe)", "lung=0, bronc=0")
    assert set(proof.estimates()["data"]) == {"fresh"}
    other = found.confirm([{"smoke": 0}], {"smoke": 1}, budget=100, rng=1)
    assert other.arms.labels == ("smoke=1", "smoke=0")
