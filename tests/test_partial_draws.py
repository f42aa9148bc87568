"""Experiments drawn as far as they are read, and completed later, have the law of experiments drawn whole."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from enumeration import chi_square, enumerate_hidden, random_hidden_problem, random_problem

from causalbandit import CausalGraph, CausalModel, InterventionSet, Problem, TwoPhase, search
from causalbandit.clique_tree import clique_tree
from causalbandit.partial_draws import PartialDraws

CATERPILLAR = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "e"), ("e", "f"), ("f", "g"), ("g", "h"), ("h", "y")]
LEGS = [("u", "c"), ("v", "u"), ("w", "f"), ("x", "w"), ("d", "z"), ("z", "y")]


def long_problem(rng):
    """A graph of several bags with branches, and some interventions."""
    graph = CausalGraph(nx.DiGraph([*CATERPILLAR, *LEGS]), "y")
    model = CausalModel(graph, {node: rng.uniform(0.15, 0.85, 2 ** len(graph.parents(node))) for node in graph.nodes})
    return model, InterventionSet(graph, [{}, {"d": 1}, {"w": 0, "b": 1}, {"u": 1}])


def drawn_in_parts(model, arms, batches, rng):
    """Sums over batches (sizes, families) drawn in part, and with the rest."""
    draws = PartialDraws(model.simulator(arms), rng, many_bags=0)
    read = [draws.draw(sizes, families) for sizes, families in batches]
    assert draws.pending
    return read, sum(read[1:], read[0]) + draws.rest()


def test_what_is_read_is_complete_and_the_rest_completes_everything():
    rng = np.random.default_rng(1)
    model, arms = long_problem(rng)
    free = np.array([[family.node not in arm for family in arms.families] for arm in arms])
    batches, n_partly = [], 0
    for _ in range(12):
        sizes = rng.integers(0, 30, len(arms)) * rng.integers(0, 2, len(arms))
        chosen = rng.choice(len(arms.families), size=rng.integers(0, 4), replace=False)
        batches.append((sizes, [arms.families[place] for place in chosen]))
    read, total = drawn_in_parts(model, arms, batches, 2)
    for (sizes, families), counts in zip(batches, read, strict=True):
        assert counts.trials.tolist() == sizes.tolist()
        seen = np.array([counts.visits[family.rows].sum() for family in arms.families])
        whole = sizes @ free
        places = [arms.families.index(family) for family in families]
        assert seen[places].tolist() == whole[places].tolist()
        n_partly += (seen < whole).any()
    assert n_partly > 5
    sizes = sum(sizes for sizes, _ in batches)
    assert total.trials.tolist() == sizes.tolist()
    assert [total.visits[family.rows].sum() for family in arms.families] == (sizes @ free).tolist()
    assert total.successes.sum() == total.ones[arms.graph.family_of["y"].rows].sum()


def test_what_memory_holds_in_part_only_is_drawn_whole():
    model, arms = long_problem(np.random.default_rng(1))
    little = model.simulator(arms, memory=2 * clique_tree(arms.graph).table_bytes())
    assert little.parts[0].kept() is None
    draws = PartialDraws(little, 5, many_bags=0)
    read = draws.draw([9, 0, 4, 7], arms.families[:1])
    whole = little.draw([9, 0, 4, 7], 5)
    np.testing.assert_array_equal(read.visits, whole.visits)
    np.testing.assert_array_equal(read.successes, whole.successes)
    assert draws.rest().visits.sum() == 0


def test_nodes_that_copy_each_other_agree_in_every_experiment():
    """A chain of copies: what is drawn later must fit, one by one, to what was read."""
    names = [f"x{place:02d}" for place in range(30)]
    graph = CausalGraph(nx.DiGraph(list(pairwise(names))), names[-1])
    model = CausalModel(graph, {names[0]: 0.4, **{name: [0.0, 1.0] for name in names[1:]}})
    arms = InterventionSet(graph, [{}, {"x07": 1}])
    for place in (0, 6, 15, 29):
        (read,), total = drawn_in_parts(model, arms, [(np.array([1000, 0]), [arms.families[place]])], place)
        ones = read.ones[arms.families[place].rows].sum()
        assert 300 < ones < 500
        assert [total.ones[family.rows].sum() for family in arms.families] == [ones] * 30
        assert total.successes[0] == ones
        (read,), total = drawn_in_parts(model, arms, [(np.array([0, 50]), [arms.families[place]])], place)
        assert [total.ones[family.rows].sum() for family in arms.families[8:]] == [50] * 22


def test_the_joint_law_across_what_was_read_is_that_of_single_experiments():
    """Experiments one at a time name the state of (v, e, x); 100 of them, chi-square at level 1e-4, two reads."""
    rng = np.random.default_rng(3)
    model, arms = long_problem(rng)
    rows = model.sample({}, 200_000, rng=4)
    nodes = ["v", "e", "x"]
    law = np.bincount(rows[nodes].to_numpy() @ (4, 2, 1), minlength=8) / len(rows)
    for asked in ("e", "w"):
        draws = PartialDraws(model.simulator(arms), rng, many_bags=0)
        seen = np.zeros(8)
        for _ in range(100):
            read = draws.draw([1, 0, 0, 0], [arms.graph.family_of[asked]])
            total = read + draws.rest()
            seen[sum(total.ones[arms.graph.family_of[node].rows].sum() << (2 - k) for k, node in enumerate(nodes))] += 1
        assert chi_square(seen, 100 * law) > 1e-4


@pytest.mark.parametrize("hidden", [False, True])
def test_counts_of_each_family_follow_the_enumerated_law(hidden):
    """Chi-square per family, what was read and the rest together: about 60 tests at level 1e-5."""
    rng = np.random.default_rng(5)
    size, n_tests = 20_000, 0
    for _ in range(5):
        model, arms = random_hidden_problem(rng, 8, 3, most_parents=4) if hidden else random_problem(rng, 8)
        _, reach, _, tables = enumerate_hidden(model, arms)
        for a in range(0, len(arms), 4):
            sizes = np.zeros(len(arms), dtype=int)
            sizes[a] = size
            asked = [arms.families[place] for place in rng.choice(len(arms.families), 2)]
            _, counts = drawn_in_parts(model, arms, [(sizes, asked)], rng)
            for family in arms.families:
                ones = np.nan_to_num(tables[family.rows, a])
                expected = size * reach[family.rows, a][:, None] * np.stack([1 - ones, ones], axis=1)
                observed = np.stack([counts.visits - counts.ones, counts.ones], axis=1)[family.rows]
                level = chi_square(observed, expected)
                assert level > 1e-5
                n_tests += level < 1
    assert n_tests > 20


def test_a_search_of_a_deep_graph_tells_all_counts_of_all_experiments():
    names = [f"x{place:03d}" for place in range(270)]
    rng = np.random.default_rng(6)
    graph = CausalGraph(nx.DiGraph(list(pairwise(names))), names[-1])
    model = CausalModel(graph, {names[0]: 0.5, **{name: rng.uniform(0.2, 0.8, 2) for name in names[1:]}})
    arms = InterventionSet(graph, [{}, {"x245": 1}, {"x245": 0}, {"x100": 1}])
    decision = search(Problem(graph, arms, model), 6_000, TwoPhase(solvers=("uniform",)), rng=7, progress=False)
    phases = {batch.phase: batch for batch in decision.batches}
    assert phases["phase 1"].n_batches == 270
    for batch in decision.batches:
        counts, sizes = batch.counts, batch.sizes
        for family in (arms.families[place] for place in (0, 99, 100, 245, 269)):
            free = [family.node not in arm for arm in arms]
            assert counts.visits[family.rows].sum() == sizes[free].sum()
        assert counts.successes.sum() == counts.ones[arms.families[-1].rows].sum()


def test_small_trees_are_drawn_whole_with_the_same_numbers():
    model, arms = long_problem(np.random.default_rng(8))
    draws = PartialDraws(model.simulator(arms), 9)
    assert draws.draw([5, 0, 7, 0], [arms.families[0]]) == model.simulator(arms).draw([5, 0, 7, 0], 9)
    assert not draws.pending
