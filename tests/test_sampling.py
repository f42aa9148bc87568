"""Simulated experiments have the right law, in bulk and row by row."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from cases import together
from enumeration import (
    all_states,
    chi_square,
    configurations,
    enumerate_hidden,
    full_law,
    probability,
    random_hidden_problem,
    random_problem,
    row_of,
    states,
)

from causalbandit import CausalGraph, CausalModel, Counts, InterventionSet
from causalbandit.clique_tree import clique_tree
from causalbandit.sampling import binomial


def table_law(model, intervention):
    """Probability of every (row, value) of every free family, by enumeration."""
    graph = model.graph
    law = np.zeros((graph.n_family_rows, 2))
    for state in states(graph.ancestors):
        p = probability(model, intervention, state, graph.ancestors)
        for family in graph.families:
            if family.node not in intervention:
                law[family.start + row_of(graph, family.node, state), state[family.node]] += p
    return law


def test_counts_of_each_family_follow_the_enumerated_law():
    """Chi-square per family, 5 random models: about 100 tests at level 1e-5, so a false alarm once in 1,000 seeds."""
    rng = np.random.default_rng(11)
    size = 20_000
    for _ in range(5):
        model, interventions = random_problem(rng, 7, extreme=0.1)
        simulator = model.simulator(interventions)
        for a, intervention in enumerate(interventions):
            law = table_law(model, intervention)
            sizes = np.zeros(len(interventions), dtype=int)
            sizes[a] = size
            counts = simulator.draw(sizes, rng)
            for family in model.graph.families:
                expected = size * law[family.rows]
                observed = np.stack([counts.visits - counts.ones, counts.ones], axis=1)[family.rows]
                assert chi_square(observed, expected) > 1e-5


def test_joint_law_of_all_families_is_that_of_single_experiments():
    """With one experiment at a time the counts name the state; its frequencies follow the law (level 1e-5)."""
    dag = nx.DiGraph([("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("d", "y"), ("c", "y")])
    graph = CausalGraph(dag, "y")
    rng = np.random.default_rng(12)
    model = CausalModel(graph, {node: rng.random(2 ** len(graph.parents(node))) for node in graph.nodes})
    simulator = model.simulator(InterventionSet(graph, [{}]))
    seen: dict[tuple[int, ...], int] = {}
    n_draws = 2_000
    for _ in range(n_draws):
        counts = simulator.draw([1], rng)
        assert all(counts.visits[family.rows].sum() == 1 for family in graph.families)
        state = tuple(int(counts.ones[family.rows].sum()) for family in graph.families)
        seen[state] = seen.get(state, 0) + 1
    nodes = [family.node for family in graph.families]
    observed = np.array([seen.get(tuple(state[node] for node in nodes), 0) for state in states(nodes)])
    expected = n_draws * np.array([probability(model, {}, state, nodes) for state in states(nodes)])
    assert chi_square(observed, expected) > 1e-5


def counted_by_hand(graph, intervention, rows, size):
    """Visits, then ones, of every family row in each run of ``size`` rows: [n, 2C]."""
    visits, ones = np.zeros((2, len(rows) // size, graph.n_family_rows))
    for family in graph.families:
        if family.node in intervention:
            continue
        configuration = np.zeros(len(rows), dtype=int)
        for parent in graph.parents(family.node):
            configuration = 2 * configuration + rows[parent].to_numpy()
        for k, row in enumerate(range(graph.n_family_rows)[family.rows]):
            here = configuration == k
            visits[:, row] = here.reshape(-1, size).sum(axis=1)
            ones[:, row] = (here & (rows[family.node].to_numpy() == 1)).reshape(-1, size).sum(axis=1)
    return np.concatenate([visits, ones], axis=1)


def test_moments_of_counts_equal_those_of_rows():
    """Means, variances and covariances of family counts over 2,000 draws of 40; each entry within 5.5 standard errors.

    About 300 entries: a false alarm once in 80,000 seeds by the normal tail.
    """
    model, interventions = random_problem(np.random.default_rng(13), 6, extreme=0)
    graph, intervention = model.graph, interventions[1]
    size, n_draws = 40, 2_000
    rng = np.random.default_rng(14)
    simulator = model.simulator(interventions.subset([1]))
    bulk = np.array(
        [np.concatenate([(c := simulator.draw([size], rng)).visits, c.ones]) for _ in range(n_draws)], dtype=float
    )
    rows = model.sample(intervention, size * n_draws, rng=15)
    by_row = counted_by_hand(graph, intervention, rows, size)
    first = Counts.from_frame(interventions, intervention, rows.iloc[:size])
    np.testing.assert_array_equal(by_row[0], np.concatenate([first.visits, first.ones]))
    assert bulk.shape == by_row.shape == (n_draws, 2 * graph.n_family_rows)
    spread = np.sqrt(bulk.var(axis=0) / n_draws + by_row.var(axis=0) / n_draws) + 1e-12
    assert (np.abs(bulk.mean(axis=0) - by_row.mean(axis=0)) / spread).max() < 5.5

    def products(draws):
        centred = draws - draws.mean(axis=0)
        return np.einsum("ri,rj->rij", centred, centred)

    first, second = products(bulk), products(by_row)
    spread = np.sqrt(first.var(axis=0) / n_draws + second.var(axis=0) / n_draws) + 1e-9
    assert (np.abs(first.mean(axis=0) - second.mean(axis=0)) / spread).max() < 5.5


def test_target_only_draws_have_the_effects_as_means():
    model, interventions = random_problem(np.random.default_rng(16), 7)
    size = 10**6
    sizes = np.full(len(interventions), size)
    counts = model.simulator(interventions).draw(sizes, 17, target_only=True)
    assert len(counts.visits) == len(counts.ones) == 0
    effects = model.effects(interventions)
    deviation = np.abs(counts.successes / size - effects) / np.sqrt(effects * (1 - effects) / size + 1e-15)
    assert deviation.max() < 5.5  # 9 normal deviations: false alarm once in 3,000,000 seeds


def test_successes_agree_with_the_targets_rows():
    model, interventions = random_problem(np.random.default_rng(18), 8)
    sizes = np.arange(len(interventions)) * 100
    counts = model.simulator(interventions).draw(sizes, 19)
    assert counts.trials.tolist() == sizes.tolist()
    target = model.graph.family_of[model.graph.target].rows
    assert counts.successes.sum() == counts.ones[target].sum()
    assert counts.visits[target].sum() == sizes.sum()


def test_small_memory_draws_the_same_law_in_chunks():
    model, interventions = random_problem(np.random.default_rng(20), 8, n_interventions=30)
    sizes = np.full(len(interventions), 20_000)
    memory = 2 * clique_tree(model.graph).table_bytes()
    chunked = model.simulator(interventions, memory=memory).draw(sizes, 21)
    whole = model.simulator(interventions).draw(sizes, 22)
    assert chunked.trials.tolist() == whole.trials.tolist()
    free = np.maximum(chunked.visits + whole.visits, 1)
    assert (np.abs(chunked.visits - whole.visits) / np.sqrt(free)).max() < 6
    assert (np.abs(chunked.successes - whole.successes) / np.sqrt(2 * sizes * 0.25)).max() < 6


def test_a_billion_experiments_are_counted_exactly():
    model, _ = random_problem(np.random.default_rng(23), 8)
    counts = model.sample_counts({}, 10**9, rng=24)
    assert counts.total == 10**9
    for family in model.graph.families:
        assert counts.visits[family.rows].sum() == 10**9
    assert counts.successes[0] / 10**9 == pytest.approx(model.effects(InterventionSet(model.graph, [{}]))[0], abs=1e-4)


def test_no_experiments_at_all_are_counted_as_none():
    model, interventions = random_problem(np.random.default_rng(23), 8)
    counts = model.simulator(interventions).draw(np.zeros(len(interventions), dtype=int), 0)
    assert counts == Counts.zeros(interventions)
    assert model.sample_counts({}, 0).total == 0
    assert model.sample({}, 0).shape == (0, 8)


def test_same_seed_same_draws():
    model, interventions = random_problem(np.random.default_rng(25), 8)
    sizes = np.full(len(interventions), 50)
    simulator = model.simulator(interventions)
    assert simulator.draw(sizes, 1) == simulator.draw(sizes, 1)
    assert simulator.draw(sizes, 1) != simulator.draw(sizes, 2)
    assert model.sample({}, 20, rng=3).equals(model.sample({}, 20, rng=3))


def test_rows_obey_the_intervention_and_hold_all_nodes():
    graph = CausalGraph(nx.DiGraph([("a", "y"), ("y", "z")]), "y")
    model = CausalModel(graph, {"a": 0.5, "y": [0.0, 1.0], "z": [0.2, 0.9]})
    rows = model.sample({"a": 1}, 1000, rng=0)
    assert list(rows.columns) == ["a", "y", "z"]
    assert rows["a"].eq(1).all()
    assert rows["y"].eq(1).all()
    assert 0.85 < rows["z"].mean() < 0.95


@together("size", [-1, 2.5, "many", True])
def test_a_size_that_is_no_count_is_refused(size):
    model, _ = random_problem(np.random.default_rng(0), 4)
    with pytest.raises(ValueError, match="expected a whole number of experiments"):
        model.sample({}, size)
    with pytest.raises(ValueError, match="expected 1 non-negative whole number"):
        model.sample_counts({}, size)


# Hidden nodes ---------------------------------------------------------------------------------------------------------


def test_counts_of_each_family_follow_the_enumerated_law_with_hidden_nodes():
    """Chi-square per family, 14 random models: about 150 tests at level 1e-5, so a false alarm once in 700 seeds.

    The law is that of all nodes, hidden ones summed out by enumeration.
    """
    rng = np.random.default_rng(31)
    size, n_tests, n_regimes = 20_000, 0, 0
    for _ in range(14):
        model, interventions = random_hidden_problem(rng, 8, 3, most_parents=4, n_interventions=6)
        _, reach, _, tables = enumerate_hidden(model, interventions)
        simulator = model.simulator(interventions)
        n_regimes = max(n_regimes, len(interventions.regimes))
        for a, _ in enumerate(interventions):
            sizes = np.zeros(len(interventions), dtype=int)
            sizes[a] = size
            counts = simulator.draw(sizes, rng)
            for family in interventions.families:
                ones = np.nan_to_num(tables[family.rows, a])
                expected = size * reach[family.rows, a][:, None] * np.stack([1 - ones, ones], axis=1)
                observed = np.stack([counts.visits - counts.ones, counts.ones], axis=1)[family.rows]
                level = chi_square(observed, expected)
                assert level > 1e-5
                n_tests += level < 1
    assert n_tests > 100
    assert n_regimes > 1


def test_rows_of_a_model_with_hidden_nodes_have_the_law_of_the_whole_graph():
    """Chi-square of all observed nodes together under three interventions (level 1e-5 each)."""
    model, interventions = random_hidden_problem(np.random.default_rng(37), 7, 2, most_parents=3)
    graph, size = model.graph, 20_000
    assert graph.bidirected
    for intervention in list(interventions)[:3]:
        rows = model.sample(intervention, size, rng=38)
        assert list(rows.columns) == list(graph.nodes)
        values = dict(zip(graph.all_nodes, all_states(graph.all_nodes).T, strict=True))
        law = np.bincount(configurations(values, graph.nodes), full_law(model, intervention))
        seen = np.bincount(configurations({node: rows[node] for node in graph.nodes}, graph.nodes), minlength=len(law))
        assert chi_square(seen, size * law) > 1e-5


def test_counts_of_rows_and_drawn_counts_agree_with_hidden_nodes():
    """Pooled over regimes, by two-sample normal deviations below 5.5: about 60, a false alarm once in 400,000 seeds."""
    model, interventions = random_hidden_problem(np.random.default_rng(41), 8, 3, most_parents=4)
    assert len(interventions.regimes) > 1
    size = 20_000
    drawn = model.simulator(interventions).draw(np.full(len(interventions), size), 42)
    counted = Counts.zeros(interventions)
    for place, intervention in enumerate(interventions):
        counted += Counts.from_frame(interventions, intervention, model.sample(intervention, size, rng=place))
    assert drawn.trials.tolist() == counted.trials.tolist()
    for ours, theirs in ((drawn.visits, counted.visits), (drawn.successes, counted.successes)):
        assert (np.abs(ours - theirs) / np.sqrt(np.maximum(ours + theirs, 1))).max() < 5.5
    target = sum(int(drawn.visits[family.rows].sum()) for family in interventions.families_of(model.graph.target))
    assert target == drawn.total


def test_small_memory_draws_the_same_law_with_hidden_nodes():
    model, interventions = random_hidden_problem(np.random.default_rng(41), 8, 3, most_parents=4)
    sizes = np.full(len(interventions), 20_000)
    chunked = model.simulator(interventions, memory=6_000).draw(sizes, 43)
    whole = model.simulator(interventions).draw(sizes, 44)
    spread = np.sqrt(np.maximum(chunked.visits + whole.visits, 1))
    assert (np.abs(chunked.visits - whole.visits) / spread).max() < 6
    assert chunked.trials.tolist() == whole.trials.tolist()


@pytest.mark.parametrize("size", [1, 8, 32, 33, 200])
def testbinomials_drawn_one_by_one_are_those_of_an_array(size):
    rng = np.random.default_rng(size)
    numbers, chances = rng.integers(0, 90, (size, 1, 1)), rng.choice([0.0, 1.0, 0.3, 0.7], (size, 1, 1))
    mine, numpys = np.random.default_rng(1), np.random.default_rng(1)
    for _ in range(3):
        np.testing.assert_array_equal(binomial(mine, numbers, chances), numpys.binomial(numbers, chances))
    assert mine.bit_generator.state == numpys.bit_generator.state
