"""Searches with rows from before: what they count for, what is said of it, and what an error leaves."""

import json

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from cases import together

import causalbandit as cb
from causalbandit.graph_check.watch import BEFORE, Watch
from causalbandit.history import fit
from causalbandit.history_rows import History
from causalbandit.strategies.earlier import Earlier
from causalbandit.strategies.strategy import Batch, Choice
from causalbandit.world import World
from causalbandit.wrong_graphs import confounded_mediator


def rows_of(problem, n=2_000, seed=0, fixed=None):
    return problem.model.sample(fixed or {}, n, rng=seed)


@pytest.fixture(scope="module")
def confounded():
    """A mediator with a hidden common cause, and 4,000 rows from its world that were only observed."""
    wrong = confounded_mediator(1.0)
    rows = rows_of(wrong.world, 4_000)[list(wrong.problem.graph.nodes)]
    return wrong.problem, wrong.world, rows


def test_the_decision_says_what_was_used_and_with_which_weights(shop):
    rows = rows_of(shop)
    found = cb.search(shop, 60, "top-two", history=rows, rng=0)
    used = found.history
    before = Earlier(fit(shop, rows).counts)
    np.testing.assert_allclose(used.weights, before.row_weights(found.counts.visits, found.counts.ones))
    visits, ones = before.with_rows(found.counts.visits, found.counts.ones)
    np.testing.assert_allclose(found.tables.cpt, (ones + 0.5) / (visits + 1))
    assert used.share == pytest.approx(used.weights @ before.counts.visits / before.counts.visits.sum())
    assert "History: 2,000 rows from before count where they agree" in " ".join(found.summary().split())
    assert max(map(len, found.summary().splitlines())) <= 80
    said = json.loads(json.dumps(found.to_dict()))["history"]
    assert (said["rows"], said["by"], said["interventions"]) == (2000, "rows", [{}])
    assert [row["weight"] for row in said["weights"]] == pytest.approx(used.to_frame()["weight"].tolist())
    assert found.tables_frame()["weight"].tolist() == used.weights.tolist()
    assert found.counts.total == 60  # rows cost nothing, and are no experiments
    assert cb.search(shop, 60, "top-two", rng=0).history is None


@together("strategy", ["uniform", "successive-rejects", "sequential-halving", "pomis-thompson"])
def test_without_the_graph_outcomes_under_the_same_intervention_are_weighed(shop, strategy):
    parts = [({}, rows_of(shop, 300)), ({"ad": 1, "trust": 1}, rows_of(shop, 300, fixed={"ad": 1, "trust": 1}))]
    found = cb.search(shop, 40, strategy, history=parts, rng=0)
    assert found.history.by == "arms"
    assert found.history.to_frame()["intervention"].tolist() == ["(observe)", "ad=1, trust=1"]
    assert "outcomes under the same interventions" in found.history.sentence()
    elsewhere = cb.search(shop, 40, strategy, history=[({"trust": 0}, parts[0][1].assign(trust=0))], rng=0)
    assert "under none of the interventions" in elsewhere.history.sentence()
    if strategy != "pomis-thompson":  # whose draws depend on the last digit of their parameters
        assert elsewhere.best == cb.search(shop, 40, strategy, rng=0).best


def test_every_form_of_a_history_means_the_same(shop):
    observed, fixed = rows_of(shop, 200), rows_of(shop, 100, 1, {"ad": 1})
    column = pd.concat([observed.assign(did="(observe)"), fixed.assign(did="ad=1")])
    cells = pd.concat([observed.assign(set_ad=np.nan), fixed.assign(set_ad=1)])
    saved = json.loads(json.dumps(History.from_data(shop, column, "did").to_dict()))
    answers = [
        cb.search(shop, 50, "top-two", rng=0, **given).to_dict()
        for given in (
            {"history": column, "history_interventions": "did"},
            {"history": cells, "history_interventions": {"ad": "set_ad"}},
            {"history": {"(observe)": observed, "ad=1": fixed}},
            {"history": fit(shop, column, "did")},
            {"history": History.from_dict(saved)},
        )
    ]
    for answer in answers[1:]:
        assert answer == answers[0]


def test_rows_are_kept_as_distinct_patterns_with_their_numbers(shop):
    graph = cb.CausalGraph(
        nx.DiGraph([(f"x{place:02}", "y") for place in range(9)] + [("z", f"x{p:02}") for p in range(9)]), "y"
    )
    problem = cb.Problem(graph, cb.InterventionSet(graph, [{}]))
    values = np.random.default_rng(0).choice([0.0, 1.0, np.nan], size=(400, len(graph.nodes)), p=[0.9, 0.05, 0.05])
    part = History.from_data(problem, pd.DataFrame(values, columns=graph.nodes)).parts[0]
    expected, weight = np.unique(np.nan_to_num(values, nan=-1), axis=0, return_counts=True)
    found = {tuple(row): n for row, n in zip(part.values.tolist(), part.weight.tolist(), strict=True)}
    assert found == {tuple(map(int, row)): n for row, n in zip(expected, weight.tolist(), strict=True)}


def test_rows_with_gaps_come_back_from_a_file(shop):
    rows = rows_of(shop, 50).astype(float)
    rows.iloc[:9, 1] = np.nan
    history = History.from_data(shop, rows)
    again = History.from_dict(json.loads(json.dumps(history.to_dict())))
    assert again.counts(shop.interventions) == history.counts(shop.interventions)
    assert (again.total, again.n_incomplete) == (50, 9)
    damaged = history.to_dict()
    for change, message in (
        ({"format": 9}, "format 9"),
        ({"parts": 3}, "cannot be read"),
        ({"parts": [damaged["parts"][0] | {"patterns": {"0x1": 4}}]}, "other signs"),
        ({"parts": [damaged["parts"][0] | {"patterns": {"01": 4}}]}, "cannot be read"),
    ):
        with pytest.raises(ValueError, match=message):
            History.from_dict(damaged | change)


def test_a_history_that_contradicts_the_experiments_loses_its_weight(shop):
    liar = rows_of(shop, 3_000)
    liar["purchase"] = 1 - liar["purchase"]
    found = cb.search(shop, 600, "top-two", history=liar, rng=0)
    purchase = shop.interventions.families_of("purchase")[0].rows
    visited = found.counts.visits[purchase] > 60  # the log odds fall by 0.06 and more per experiment
    assert visited.any()
    assert found.history.weights[purchase][visited].max() < 0.05
    assert "They disagree about purchase given" in found.history.sentence()
    assert found.best == {"ad": 1, "trust": 1}


def test_goal_min_reads_the_same_history(shop):
    turned = cb.Problem(shop.graph, shop.interventions, shop.model, goal="min")
    found = cb.search(turned, 60, "top-two", history=rows_of(shop), rng=0)
    assert found.best == {"ad": 0}
    assert found.best_effect == pytest.approx(turned.model.effects(turned.interventions)[1], abs=0.05)
    assert found.history.counts == fit(turned, rows_of(shop)).counts


def test_a_strategy_that_does_not_read_rows_from_before_is_refused(shop):
    class Deaf:
        name, needs = "deaf", "rows"

        def smallest_budget(self, task):
            return 1

        def run(self, task, budget, rng):
            yield Batch(np.array([budget, 0, 0, 0]), "all")
            return Choice(0)

    with pytest.raises(ValueError, match="history was given, but the strategy 'deaf' does not read it"):
        cb.search(shop, 5, Deaf(), history=rows_of(shop, 9))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"history": 3}, "history was a int|history was 3|history was an? int"),
        ({"history": rows_of}, "history was"),
        ({"history_interventions": "did"}, "history_interventions was given without history"),
    ],
)
def test_what_is_no_history_is_refused(shop, given, message):
    with pytest.raises(ValueError, match=message):
        cb.search(shop, 10, "top-two", **given)


def test_rows_that_cannot_be_used_are_refused_before_any_experiment(shop):
    rows, asked, elsewhere = rows_of(shop, 20), [], confounded_mediator(0.0).world

    def run(fixed, size):
        asked.append(fixed)
        return rows_of(shop, size, 0, fixed)

    for history, column, message in (
        (rows.iloc[:0], None, "history holds no rows"),
        (rows.drop(columns="ad"), None, "history has no column for 'ad'"),
        (rows.assign(ad=7), None, "history holds 'ad' = 7 in row 0"),
        (rows.assign(did="ad=2"), "did", "history has the intervention 'ad=2'"),
        (rows.assign(did="ad=1", ad=0), "did", "history shows 'ad' = 0 in row 0, although it was fixed at 1"),
        (rows, "did", "history_interventions names 'did'"),
        (fit(shop, rows).counts, None, "history was Counts"),
        (fit(elsewhere, elsewhere.model.sample({}, 5, rng=0)), None, "history has no column for 'ad'"),
    ):
        with pytest.raises(ValueError, match=message):
            cb.search(shop, 20, "top-two", environment=run, history=history, history_interventions=column)
    assert asked == []


# -- the check, and repairs -------------------------------------------------------------------------------------------


def test_a_confounded_history_is_told_and_repaired(confounded):
    problem, world, rows = confounded
    warned = cb.search(problem, 400, cb.TopTwo(rounds=8), world=world, history=rows, rng=1)
    assert warned.graph_check.refuted
    assert warned.graph_check.method == "mixed"
    assert warned.graph_check.rows.total == 4_400
    assert len(warned.log()) == 400
    assert warned.amendments == ()
    mended = cb.search(problem, 400, cb.TopTwo(rounds=8), world=world, history=rows, check="repair", rng=1)
    assert mended.problem.graph.bidirected == (("m", "y"),)
    assert mended.amendments[0].experiments <= 400 / 3 + 400 / 15
    counted = History.from_data(problem, rows).counts(mended.problem.interventions)
    assert mended.history.counts == counted
    # Rows of y with m fixed are told by experiments alone, those with m seen by the history, too.
    y = [family for family in mended.problem.interventions.families_of("y") if len(family.district) == 1]
    assert counted.visits[y[0].rows].sum() == 0
    json.dumps(mended.to_dict())


def test_a_clean_history_is_seldom_refuted_and_not_repaired():
    """At level 0.01 each, two of 4 right graphs refuted have a probability below 0.0006."""
    wrong = confounded_mediator(0.0)
    refuted = 0
    for seed in range(4):
        rows = rows_of(wrong.world, 1_000, seed)[list(wrong.problem.graph.nodes)]
        found = cb.search(
            wrong.problem, 150, cb.TopTwo(rounds=8), world=wrong.world, history=rows, check="repair", rng=seed
        )
        refuted += found.graph_check.refuted or bool(found.amendments)
    assert refuted <= 1


def test_rows_from_elsewhere_are_dropped_rather_than_explained_by_the_graph():
    right = confounded_mediator(0.0)
    rows = rows_of(right.world, 2_000)[list(right.problem.graph.nodes)]
    rows["y"] = 1 - rows["y"]  # as if the target had been coded the other way
    found = cb.search(right.problem, 1_500, "uniform-plug-in", world=right.world, history=rows, check="repair", rng=0)
    assert found.history.dropped
    assert found.amendments == ()
    assert found.history.weights.max() == 0
    assert "were dropped" in found.history.sentence()
    assert any("rows from before were dropped" in note for note in found.notes)


def test_evidence_is_the_mean_of_both_e_values(confounded):
    problem, world, rows = confounded
    history = History.from_data(problem, rows)
    arms, before = history.complete_rows(problem.interventions)
    assert arms is problem.interventions
    fresh = World(problem, world).draw(np.full(9, 20), 0)
    with_both, alone = Watch(problem, running=True, before=(arms, before)), Watch(problem, running=True)
    for watch in (with_both, alone):
        watch.add(fresh)
    universal = cb.check_graph(problem, rows)  # rows alone: nothing that was fixed
    assert universal.method == "universal"
    check = with_both.check()
    assert check.rows.batch.min() == BEFORE
    together = cb.check_graph(
        problem, [({}, rows), *[(problem.interventions[p], f) for p, f in _frames(problem, fresh)]]
    )
    direction = check.claims.claims.index(
        next(c for c in check.claims.claims if c.kind == "invariance" and c.node == "y")
    )
    same = together.claims.claims.index(check.claims.claims[direction])
    conditional = alone.check().log_e[direction]  # the history's only batch holds nothing that was fixed
    expected = np.logaddexp(conditional, together.log_e[same]) - np.log(2)
    assert check.log_e[direction] == pytest.approx(expected)
    assert with_both.refuted == check.refuted
    assert with_both.total == 180


def _frames(problem, rows):
    frame = rows.to_frame(problem.interventions)
    for place, label in enumerate(problem.interventions.labels):
        yield place, frame[frame["intervention"] == label].drop(columns=["batch", "intervention"])


def test_a_history_under_other_interventions_is_checked_and_counted(confounded):
    problem, world, rows = confounded
    fixed = world.model.sample({"x": 1, "z": 0}, 300, rng=3)[list(problem.graph.nodes)]
    assert {"x": 1, "z": 0} not in problem.interventions
    found = cb.search(
        problem,
        200,
        cb.TopTwo(rounds=8),
        world=world,
        history=[({}, rows), ({"x": 1, "z": 0}, fixed)],
        check="repair",
        rng=0,
    )
    assert found.counts.total == 200
    assert found.graph_check.rows.total == 4_500
    assert found.history.rows.total == 4_300


# -- what an error leaves ---------------------------------------------------------------------------------------------


def test_an_error_in_the_first_call_leaves_prior_and_history(shop):
    def broken(fixed, size):
        raise ConnectionError("the shop is closed")

    prior = cb.Counts.from_frame(shop.interventions, {"ad": 1}, rows_of(shop, 30, 1, {"ad": 1}))
    rows = rows_of(shop, 70)
    with pytest.raises(ConnectionError) as caught:
        cb.search(shop, 40, cb.TopTwo(prior=prior), environment=broken, history=rows)
    assert caught.value.experiments == prior
    assert caught.value.counts == prior + fit(shop, rows).counts
    assert "The 0 experiments that were finished before are not lost" in caught.value.__notes__[0]
    again = cb.search(shop, 40, cb.TopTwo(prior=caught.value.counts), rng=0)
    assert again.best == {"ad": 1, "trust": 1}
    with pytest.raises(ConnectionError) as bare:
        cb.search(shop, 40, "two-phase", environment=broken)
    assert bare.value.counts == cb.Counts.zeros(shop.interventions)
    assert not hasattr(bare.value, "__notes__")


def test_an_interruption_leaves_what_was_paid_for_with_what_was_known(shop):
    calls = []

    def run(fixed, size):
        calls.append((dict(fixed), size))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return rows_of(shop, size, len(calls), fixed)

    observed = rows_of(shop, 25)
    with pytest.raises(KeyboardInterrupt) as caught:
        cb.search(shop, 400, cb.TopTwo(prior=observed), environment=run, history=rows_of(shop, 70), rng=0)
    paid = sum(size for _, size in calls[:2])
    assert caught.value.experiments.total == paid + 25
    assert caught.value.counts.total == paid + 25 + 70


def test_counts_of_another_graph_are_refused_before_any_experiment(shop):
    graph = cb.CausalGraph(nx.DiGraph([("trust", "ad"), ("trust", "purchase"), ("ad", "purchase")]), "purchase")
    other = cb.InterventionSet(graph, list(shop.interventions))
    assert other.n_family_rows == shop.interventions.n_family_rows
    with pytest.raises(ValueError, match="prior has counts of other family rows"):
        cb.search(shop, 10, cb.TopTwo(prior=cb.Counts.zeros(other)), rng=0)


def test_a_history_that_contradicts_the_graph_by_itself_is_told_where_nothing_else_is_checked(confounded):
    problem, _, rows = confounded
    own = cb.Problem(
        problem.graph, problem.interventions, cb.CausalModel(problem.graph, fit(problem, rows).problem.tables)
    )
    found = cb.search(own, 30, "top-two", history=rows, rng=0)
    assert found.graph_check is None
    assert "It contradicts the graph by itself: y " in " ".join(found.summary().split())
    assert found.to_dict()["history"]["check"]["refuted"]
    assert not any(
        "contradicts" in text for text in cb.search(own, 30, "top-two", history=rows_of(own), rng=0).history.sentences()
    )


def test_rows_that_no_graph_explains_are_dropped_before_the_graph_is_given_up(confounded):
    """With a budget of 12 a graph may have 4 rows, so that no amendment is within bounds."""
    problem, world, rows = confounded
    found = cb.search(problem, 12, cb.TopTwo(rounds=8), world=world, history=rows, check="repair", rng=0)
    assert found.history.dropped
    assert found.amendments == ()
    assert not any("given up" in note for note in found.notes)
