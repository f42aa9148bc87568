"""Runs of the suite and their score cards: numbers by brute force, pairs of worlds, words within 80 columns."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

import causalbandit as cb
from causalbandit.errors import InvalidArgument
from causalbandit.strategies.catalogue import STRATEGIES
from causalbandit.suite import SEED, run_suite, shipped_results, suite_problems
from causalbandit.suite.problems import STEPS
from causalbandit.suite.results import SHIPPED, load_results
from causalbandit.suite.score_card import ratio_of_means


@pytest.fixture(scope="module")
def tiny():
    """Three strategies, two of which are quick, on two families; the third is refused where the graph is wrong."""
    return run_suite(["uniform", "successive-rejects"], ["no graph", "wrong graph"], 3, seed=5)


def test_a_cell_is_what_single_searches_come_to(tiny):
    """The rows again from `search`'s own parts: the regret by the true effects, relative to that of a blind choice."""
    problem = suite_problems(["no graph"])[0]
    curves = cb.evaluate_regret(problem.problem, "uniform", [problem.budgets[2]], 30, rng=1).to_frame()
    truth = problem.problem.model.effects(problem.problem.interventions)
    blind = truth.max() - truth.mean()
    mine = tiny.cells("uniform")["no graph", problem.name, STEPS[2]] * blind
    possible = truth.max() - truth
    assert all(np.isclose(possible, regret, atol=1e-12).any() for regret in mine)
    assert abs(mine.mean() - curves["regret"].mean()) < 4 * curves["regret"].std() / np.sqrt(3)


def test_the_card_by_brute_force(tiny):
    card = tiny.score_card(["successive-rejects"], reference=tiny).to_frame()
    frame = tiny.to_frame()
    for row in card[card["strategy"] == "uniform"].itertuples():
        family = frame[frame["family"] == row.family]
        refused = family[family["reason"] != ""][["problem", "step"]].apply(tuple, axis=1)
        usable = family[~family[["problem", "step"]].apply(tuple, axis=1).isin(list(refused))]
        means = usable.groupby(["strategy", "problem", "step"])["relative_regret"].mean().groupby("strategy").mean()
        assert row.cells == len(usable[["problem", "step"]].drop_duplicates())
        assert row.of == 3 * len(STEPS)
        assert row.ratio == pytest.approx(means["uniform"] / means["successive-rejects"])
        assert row.lower < row.ratio < row.upper


def test_a_strategy_against_itself_has_the_ratio_one(tiny):
    card = tiny.score_card(["uniform"], reference=tiny).to_frame()
    itself = card[card["strategy"] == "uniform"]
    assert itself[["ratio", "lower", "upper"]].to_numpy() == pytest.approx(1.0)
    assert set(itself["verdict"]) == {"unclear"}


def test_worlds_do_not_depend_on_what_runs_beside(tiny):
    alone = run_suite("uniform", ["wrong graph"], 2, seed=5).cells("uniform")
    for key, regrets in alone.items():
        np.testing.assert_array_equal(regrets, tiny.cells("uniform")[key][:2])


def test_another_seed_is_another_world_and_no_pair(tiny):
    other = run_suite("uniform", ["no graph"], 3, seed=6)
    key = ("no graph", "64 arms, beta", 1)
    assert not np.array_equal(other.cells("uniform")[key], tiny.cells("uniform")[key])
    assert not other.score_card(["uniform"], reference=tiny).to_frame()["paired"].any()
    assert "not paired" in other.score_card(["uniform"], reference=tiny).summary().replace("\n  ", " ")


def test_a_strategy_that_must_know_the_tables_is_refused_where_the_graph_is_wrong():
    found = run_suite("top-two-knows-tables", ["wrong graph"], 2)
    assert set(found.frame["reason"]) == {"must be told true tables, which a wrong graph does not have"}
    assert found.refusals()["cells"].tolist() == [3 * len(STEPS)]
    card = found.score_card(["uniform"], reference=run_suite("uniform", ["wrong graph"], 2))
    assert card.to_frame()["verdict"].tolist() == ["no cells"]


def test_a_run_goes_on_from_its_file(tmp_path, tiny):
    path = tmp_path / "kept.jsonl"
    run_suite(["uniform"], ["no graph"], 2, seed=5, resume=path)
    before = path.read_text().count("\n")
    again = run_suite(["uniform"], ["no graph"], 3, seed=5, resume=path)
    assert path.read_text().count("\n") == before + 3 * len(STEPS)
    for key, regrets in again.cells("uniform").items():
        np.testing.assert_array_equal(regrets, tiny.cells("uniform")[key])


def test_results_come_back_from_their_file(tmp_path, tiny):
    tiny.save(tmp_path / "results.jsonl")
    again = load_results(tmp_path / "results.jsonl")
    assert (again.strategies, again.seed, again.replications) == (tiny.strategies, 5, 3)
    mine, theirs = tiny.to_frame(), again.to_frame()
    np.testing.assert_allclose(mine.pop("relative_regret"), theirs.pop("relative_regret"), atol=1e-6)
    assert mine.equals(theirs)


def test_words_fit_a_terminal_and_name_the_families_that_do_not_pay(tiny):
    text = tiny.score_card(["uniform", "successive-rejects"], reference=tiny).summary()
    assert max(map(len, text.splitlines())) <= 80
    assert "Does not pay against uniform: no gain seen in no graph, wrong graph." in text
    assert max(map(len, tiny.summary().splitlines())) <= 80


def test_bad_numbers_are_refused_at_the_door():
    with pytest.raises(InvalidArgument, match="replications was 1; expected a whole number of searches per cell"):
        run_suite("uniform", ["parity"], 1)
    with pytest.raises(InvalidArgument, match="n_jobs was 0"):
        run_suite("uniform", ["parity"], 2, n_jobs=0)
    with pytest.raises(InvalidArgument, match="against names 'best'; known strategies: "):
        shipped_results().score_card(["best"])


# --- Ratios: by hand, against the test that the interval inverts, and how often they hold the truth -----------------

Z = 1.959963984540054


def pairs(random, n_cells=6, size=24, ratio=0.7):
    """Regrets of two strategies: mostly 0, large when the world is a bad one; the true ratio of means is ``ratio``."""
    x, y = [], []
    for cell in range(n_cells):
        rate = 0.3 + 0.08 * cell
        bad = random.random(size) < rate
        y.append(np.where(bad, random.exponential(0.5, size), 0.0))
        x.append(np.where(bad, random.exponential(0.5 * ratio, size), 0.0))
    return x, y


def test_a_ratio_by_hand():
    found = ratio_of_means([np.array([0.0, 1.0]), np.array([2.0, 1.0])], [np.array([1.0, 3.0]), np.array([2.0, 2.0])])
    assert (found.x, found.y, found.value) == (1.0, 2.0, 0.5)


@pytest.mark.parametrize("paired", [True, False])
def test_the_ends_are_where_the_test_of_equal_means_turns(paired):
    x, y = pairs(np.random.default_rng(1))
    found = ratio_of_means(x, y, paired=paired)
    for end in (found.lower, found.upper):
        difference = np.mean([np.mean(a - end * b) for a, b in zip(x, y, strict=True)])
        if paired:
            variance = sum(np.var(a - end * b, ddof=1) / len(a) for a, b in zip(x, y, strict=True))
        else:
            variance = sum((np.var(a, ddof=1) + end**2 * np.var(b, ddof=1)) / len(a) for a, b in zip(x, y, strict=True))
        assert abs(difference) == pytest.approx(Z * math.sqrt(variance) / len(x))


def test_the_same_regrets_have_the_ratio_one_for_sure():
    x, _ = pairs(np.random.default_rng(2))
    assert ratio_of_means(x, x)[2:] == pytest.approx((1.0, 1.0, 1.0))


def test_no_regret_at_all_is_no_ratio():
    nothing, some = [np.zeros(5)], [np.ones(5)]
    assert math.isnan(ratio_of_means(nothing, nothing).value)
    assert ratio_of_means(some, nothing)[2:] == (math.inf, math.inf, math.inf)
    assert ratio_of_means([np.array([0.0, 0.0, 1.0])], [np.zeros(3)])[2:] == (math.inf, 0.0, math.inf)
    assert ratio_of_means(nothing, some)[2:] == (0.0, 0.0, 0.0)


def test_a_mean_that_may_be_zero_leaves_the_ratio_open():
    found = ratio_of_means([np.array([1.0, 2.0, 3.0])], [np.array([0.0, 0.0, 1.0])])
    assert (found.lower, found.upper) == (0.0, math.inf)


def test_paired_intervals_hold_the_true_ratio_and_unpaired_ones_are_wider():
    # 400 draws: 95 % less three standard errors of 1.1 % is 91.7 %; a false alarm in one of a thousand seeds.
    random = np.random.default_rng(3)
    held, narrow, naive = 0, 0, 0
    for _ in range(400):
        x, y = pairs(random)
        found, wide = ratio_of_means(x, y), ratio_of_means(x, y, paired=False)
        held += found.lower <= 0.7 <= found.upper
        narrow += found.upper - found.lower < wide.upper - wide.lower
        # the canary takes the denominator as known
        error = math.sqrt(sum(a.var(ddof=1) / len(a) for a in x)) / len(x) / found.y
        naive += abs(found.value - 0.7) <= 0.3 * Z * error
    assert held >= 367
    assert narrow > 360
    assert naive < 360


# --- What ships with the package ------------------------------------------------------------------------------------


def test_the_shipped_results_are_those_of_every_strategy_on_the_suite_as_it_is():
    head = json.loads(SHIPPED.read_text(encoding="utf-8").splitlines()[0])
    assert head["problems"] == {problem.name: problem.fingerprint for problem in suite_problems()}
    shipped = shipped_results()
    assert shipped.seed == SEED
    assert set(shipped.strategies) <= set(STRATEGIES)
    cells = shipped.frame[["problem", "strategy", "step"]].drop_duplicates()
    assert len(cells) == len(suite_problems()) * len(shipped.strategies) * len(STEPS)


def test_a_run_repeats_the_shipped_results():
    families = ["no graph"]  # whose probabilities no engine computes: elsewhere a last digit may break a tie
    again = run_suite(["uniform", "successive-rejects"], families, 2)
    for strategy in again.strategies:
        for key, regrets in again.cells(strategy).items():
            np.testing.assert_allclose(regrets, shipped_results().cells(strategy)[key][:2], atol=1e-6)


def test_the_shipped_table_fits_a_terminal():
    assert max(map(len, shipped_results().summary().splitlines())) <= 80
    shipped = shipped_results()
    mine = replace(shipped, strategies=("two-phase-pooled", "top-two"))
    assert max(map(len, mine.score_card().summary().splitlines())) <= 80
