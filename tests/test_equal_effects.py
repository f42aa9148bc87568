"""Groups of interventions with the same effect: proved on the graph, judged by brute force on random tables."""

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from cases import together

import causalbandit as cb
from causalbandit.counts import Counts
from causalbandit.possibly_optimal import Structure
from causalbandit.representatives import Representatives


def random_graph(seed):
    """Six nodes in a row with random edges; every second graph has hidden causes."""
    rng = np.random.default_rng(seed)
    names = [f"n{place}" for place in range(6)]
    dag = nx.DiGraph()
    dag.add_nodes_from(names)
    dag.add_edges_from(
        (names[i], names[j]) for j in range(6) for i in range(j) if rng.random() < 0.4 or (j == 5 and i == 4)
    )
    hidden = []
    if seed % 2:
        for number in range(2):
            first, second = rng.choice(6, size=2, replace=False)
            dag.add_edges_from([(f"u{number}", names[first]), (f"u{number}", names[second])])
            hidden.append(f"u{number}")
    return cb.CausalGraph(dag, "n5", hidden=hidden), rng


def random_arms(graph, rng):
    codes = {tuple(rng.choice([-1, -1, 0, 1], size=5)) for _ in range(60)} | {(-1,) * 5}
    fixed = [{f"n{place}": int(v) for place, v in enumerate(code) if v >= 0} for code in sorted(codes)]
    return cb.InterventionSet(graph, fixed, costs=rng.integers(1, 4, size=len(fixed)))


def brute_force(graph, tables, intervention):
    """P(target = 1 | do(intervention)) by summing over all states."""
    order = [*graph.all_nodes]
    total = 0.0
    states = np.arange(1 << len(order))
    value = {node: states >> place & 1 for place, node in enumerate(order)}
    joint = np.ones(len(states))
    for node in order:
        if node in intervention:
            joint = joint * (value[node] == intervention[node])
            continue
        row = np.zeros(len(states), dtype=int)
        for parent in graph.parents(node):
            row = 2 * row + value[parent]
        one = tables[node][row]
        joint = joint * np.where(value[node] == 1, one, 1 - one)
    total = joint[value[graph.target] == 1].sum()
    return float(total)


@together("seed", range(6))
def test_groups_are_the_effects_that_no_table_tells_apart(seed):
    """Effects are polynomials in the tables: different ones agree at two random points with probability 0."""
    graph, rng = random_graph(seed)
    arms = random_arms(graph, rng)
    effects = []
    for _ in range(2):
        tables = {node: rng.uniform(0.05, 0.95, size=1 << len(graph.parents(node))) for node in graph.all_nodes}
        effects.append([brute_force(graph, tables, arm) for arm in arms])
    effects = np.array(effects)
    group_of = {place: number for number, group in enumerate(arms.groups) for place in group}
    assert sorted(group_of) == list(range(len(arms)))
    for first in range(len(arms)):
        same = np.abs(effects - effects[:, [first]]).max(axis=0) < 1e-12
        assert [group_of[place] == group_of[first] for place in range(len(arms))] == same.tolist()
    assert len(arms.groups) < len(arms)


def test_the_proof_by_d_separation_agrees():
    """Rule 3 read from the mutilated graph, hidden causes and all, by networkx."""
    for seed in range(6):
        graph, rng = random_graph(seed)
        arms = random_arms(graph, rng)
        structure = Structure.of(graph)
        for group in arms.groups:
            minimal = set(structure.names(structure.minimal(structure.bits(arms[group[0]]))))
            for fixed in (set(arms[place]) for place in group):
                cut = graph.to_networkx()
                cut.remove_edges_from([edge for edge in cut.edges if edge[1] in fixed])
                assert minimal <= fixed
                assert fixed == minimal or nx.is_d_separator(cut, fixed - minimal, {graph.target}, minimal)


def chain_problem(costs=None):
    graph = cb.CausalGraph(nx.DiGraph([("a", "b"), ("b", "y"), ("a", "other")]), "y")
    arms = cb.InterventionSet(graph, [{}, {"a": 1, "b": 1}, {"b": 1}, {"b": 0}, {"other": 1}], costs=costs)
    model = cb.CausalModel(graph, {"a": [0.4], "b": [0.3, 0.8], "y": [0.2, 0.9], "other": [0.1, 0.2]})
    return cb.Problem(graph, arms, model)


def test_the_cheapest_of_a_group_stays_and_without_prices_the_one_that_fixes_least():
    assert chain_problem().interventions.reduced().labels == ("(observe)", "b=1", "b=0")
    priced = chain_problem([2, 5, 3, 1, 1]).interventions.reduced()
    assert priced.labels == ("b=1", "b=0", "other=1")
    assert priced.stands_for == (("a=1, b=1",), (), ("(observe)",))
    assert priced.costs.tolist() == [3, 1, 1]
    assert priced.reduced() is priced


def test_a_set_without_equal_effects_is_itself_and_searched_as_before(shop):
    assert shop.reduced() is shop
    decisions = [cb.search(shop, 300, cb.TopTwo(rounds=6), rng=3, reduce=reduce) for reduce in (True, False)]
    np.testing.assert_array_equal(decisions[0].experiments, decisions[1].experiments)
    np.testing.assert_array_equal(decisions[0].estimates, decisions[1].estimates)
    assert "same_effect" not in decisions[0].to_frame()


@together("goal", ["max", "min"])
@together("strategy", ["two-phase", "top-two", "successive-rejects", "top-two-knows-tables"])
def test_a_search_experiments_with_one_of_each_group_and_answers_for_all(strategy, goal):
    problem = replace(chain_problem([2, 5, 3, 1, 1]), goal=goal)
    known = ["a", "b"] if strategy.endswith("tables") else None
    decision = cb.search(problem, 200, strategy, rng=0, known=known)
    assert decision.problem.interventions == problem.interventions
    assert decision.best == {"b": 1 if goal == "max" else 0}
    used = decision.experiments > 0
    assert not used[[0, 1]].any()  # dearer than their equals, "other=1" and "b=1"
    assert used[[2, 3, 4]].all() or strategy.startswith("two-phase")
    if decision.estimates is not None:
        np.testing.assert_array_equal(decision.estimates[[0, 1]], decision.estimates[[4, 2]])
    assert ("Provably the same effect: a=1, b=1" in decision.summary()) == (goal == "max")
    assert "2 interventions were left out" in decision.notes[-1]
    frame = decision.to_frame().set_index("intervention")
    assert frame.loc["b=1", "same_effect"] == "a=1, b=1"
    assert frame.loc["b=0", "same_effect"] == ""
    whole = cb.search(problem, 200, strategy, rng=0, reduce=False, known=known)
    assert not any("left out" in note for note in whole.notes)


def test_counts_of_the_whole_set_are_those_of_the_searched_one():
    """Rows, trials and tables come back at the places of the user's set: experiments re-read from their rows agree."""
    problem, seen = chain_problem([2, 5, 3, 1, 1]), []
    truth = problem.require_model()

    def run(intervention, size):
        rows = truth.sample(intervention, size, rng=len(seen))
        seen.append(Counts.from_frame(problem.interventions, intervention, rows))
        return rows

    decision = cb.search(problem, 200, cb.TopTwo(rounds=6), rng=0, environment=run)
    total = seen[0]
    for counts in seen[1:]:
        total = total + counts
    assert decision.counts == total
    known = decision.tables.known
    want = (total.ones + 0.5) / (total.visits + 1)
    np.testing.assert_allclose(decision.tables.cpt[~known], want[~known], atol=1e-12)
    again = cb.search(problem, 50, cb.TopTwo(prior=decision.counts), rng=1)
    assert again.counts.total == 50
    history = cb.search(problem, 50, cb.TopTwo(rounds=6), rng=1, history=truth.sample({}, 100, rng=3))
    assert history.history.counts.trials.tolist() == [100, 0, 0, 0, 0]
    assert history.experiments[0] == 0


@pytest.mark.parametrize("strategy", ["two-phase", "top-two"])
def test_rows_that_no_searched_intervention_needs_keep_their_places(strategy):
    """The cheap ones fix a, which a hidden cause ties to y: what y does when a is free has rows of its own."""
    dag = nx.DiGraph([("a", "b"), ("b", "y"), ("u", "a"), ("u", "y")])
    graph = cb.CausalGraph(dag, "y", hidden=["u"])
    fixed = [{"b": 1}, {"a": 1, "b": 1}, {"b": 0}, {"a": 1, "b": 0}]
    arms = cb.InterventionSet(graph, fixed, costs=[2, 1, 2, 1])
    tables = {"u": [0.5], "a": [0.2, 0.7], "b": [0.3, 0.8], "y": [0.1, 0.3, 0.8, 0.9]}
    problem = cb.Problem(graph, arms, cb.CausalModel(graph, tables))
    rows = Representatives.of(arms).rows
    assert rows.tolist() != list(range(len(rows)))
    decision = cb.search(problem, 400, strategy, rng=1)
    under = decision.experiments
    assert under[[0, 2]].sum() == 0
    (where,) = (rows for family, rows in arms.families_under(1) if family.node == "y")
    np.testing.assert_array_equal(decision.counts.visits[where], under[[3, 1]])
    np.testing.assert_allclose(decision.estimates, decision.true_effects, atol=0.1)
    np.testing.assert_allclose(decision.tables.cpt[where], decision.estimates[[2, 1]], atol=1e-12)
    again = cb.search(problem, 50, cb.TopTwo(prior=decision.counts), rng=1)
    assert again.tables.visits[where].sum() == 450  # those of before count


def test_outcomes_under_equal_interventions_count_for_the_one_that_is_searched():
    arms = chain_problem([2, 5, 3, 1, 1]).interventions
    counts = Counts.zeros(arms)
    counts.trials[:], counts.successes[:] = [1, 2, 4, 8, 16], [0, 1, 2, 3, 4]
    told = Representatives.of(arms).counts(counts)
    assert told.trials.tolist() == [6, 8, 17]  # b=1, b=0, other=1
    assert told.successes.tolist() == [3, 3, 4]


def test_a_budget_need_only_be_enough_for_the_groups():
    problem = chain_problem()
    assert cb.search(problem, 4, "successive-rejects", rng=0).counts.total <= 4
    with pytest.raises(ValueError, match="at least 6"):
        cb.search(problem, 4, "successive-rejects", rng=0, reduce=False)
    assert cb.search(problem, budget_money=3, strategy="uniform", rng=0).money <= 3


def test_limits_and_repairs_leave_nothing_out():
    problem = chain_problem()
    for options in ({"limits": cb.Limits(most_each=60)}, {"world": problem}, {"check": "repair"}):
        decision = cb.search(problem, 100, "uniform", rng=0, **options)
        assert (decision.experiments > 0).all()


def test_regret_and_studies_leave_out_the_same(tmp_path):
    """With the same draws a bandit's searches are those on the smaller set; a study hands out representatives alone."""
    problem = chain_problem()
    small = problem.reduced()
    of_whole, of_small = (
        cb.evaluate_regret(each, ["uniform", cb.TopTwo(rounds=6)], 60, 10, rng=4).to_frame()
        for each in (problem, small)
    )
    assert of_whole["regret"].tolist() == of_small["regret"].tolist()
    asked = {}
    for reduce in (True, False):
        path = tmp_path / f"{reduce}.study"
        with cb.Study.create(path, problem, 50, "uniform", rng=0, reduce=reduce) as study:
            asked[reduce] = set(study.ask(50).drop(columns="id").astype(str).itertuples(index=False, name=None))
        with cb.Study.open(path) as again:
            assert again.status().open == 50
    assert (len(asked[True]), len(asked[False])) == (3, 5)
