"""Kept messages give the numbers of a fresh propagation, whatever changed, and a chain costs few of them per step."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
import numpy as np
from cases import together
from enumeration import enumerate_all, random_hidden_problem, random_problem

from causalbandit import CausalGraph, InterventionSet
from causalbandit.changing_reach import ChangingReach
from causalbandit.messages import Pass
from causalbandit.propagation import propagate


def deep_problem(rng, n_nodes, **options):
    """A random problem in which most nodes are ancestors of the target."""
    while True:
        model, arms = random_problem(rng, n_nodes, most_parents=2, **options)
        if len(arms.families) > n_nodes // 2:
            return model, arms


def some_families(rng, arms):
    places = rng.choice(len(arms.families), size=rng.integers(1, min(4, len(arms.families)) + 1), replace=False)
    return [arms.families[place] for place in places]


def changed(rng, arms, cpt):
    cpt = cpt.copy()
    for family in some_families(rng, arms):
        cpt[family.rows] = rng.choice([0.0, 1.0, *rng.random(3)], size=family.n_rows)
    return cpt


@together("seed", range(15))
def test_reach_is_bit_for_bit_that_of_a_propagation_after_any_changes(seed):
    rng = np.random.default_rng(seed)
    if seed % 3 == 2:
        _, arms = random_hidden_problem(rng, 9, 3, most_parents=3)
    else:
        _, arms = deep_problem(rng, 14)
    kept = ChangingReach(arms)
    cpt = rng.random(arms.n_family_rows)
    for _ in range(12):
        families = some_families(rng, arms)
        whole = propagate(arms, cpt, reach=True).reach
        expected = np.concatenate([whole[family.rows] for family in families])
        np.testing.assert_array_equal(kept.of(families, cpt), expected)
        cpt = changed(rng, arms, cpt)


def test_reach_equals_enumeration_after_a_change():
    rng = np.random.default_rng(3)
    model, arms = deep_problem(rng, 7)
    kept = ChangingReach(arms)
    kept.of(arms.families, rng.random(arms.n_family_rows))
    _, reach, _ = enumerate_all(model, arms)
    np.testing.assert_allclose(kept.of(arms.families, model.cpt_for(arms)), reach, rtol=0, atol=1e-12)


def test_tables_changed_in_place_are_noticed():
    rng = np.random.default_rng(5)
    _, arms = deep_problem(rng, 8)
    kept, cpt = ChangingReach(arms), rng.random(arms.n_family_rows)
    before = kept.of(arms.families, cpt)
    cpt[:] = rng.random(len(cpt))
    after = kept.of(arms.families, cpt)
    assert not np.array_equal(before, after)
    np.testing.assert_array_equal(after, propagate(arms, cpt, reach=True).reach)


def test_a_set_that_does_not_fit_into_memory_gets_the_same_numbers():
    rng = np.random.default_rng(7)
    _, arms = deep_problem(rng, 10, n_interventions=40)
    cpt = rng.random(arms.n_family_rows)
    families = arms.families[2:5]
    narrow, wide = ChangingReach(arms, memory=20_000), ChangingReach(arms)
    assert wide._fits
    assert not narrow._fits
    np.testing.assert_allclose(narrow.of(families, cpt), wide.of(families, cpt), rtol=0, atol=1e-14)


def products_on_a_chain(monkeypatch, n_nodes):
    """Messages and derivatives that a sweep along a chain makes when every table changes as soon as it was asked."""
    names = [f"v{place:04d}" for place in range(n_nodes)]
    graph = CausalGraph(nx.DiGraph(pairwise(names)), names[-1])
    arms = InterventionSet(graph, [{}, {names[0]: 1}, {names[n_nodes // 2]: 0}])
    made = []
    for method in ("gather", "outward", "derivative"):
        whole = getattr(Pass, method)
        monkeypatch.setattr(Pass, method, lambda *given, whole=whole: made.append(1) or whole(*given))
    kept, rng = ChangingReach(arms), np.random.default_rng(0)
    cpt = np.full(arms.n_family_rows, 0.5)
    for family in arms.families:
        kept.of([family], cpt)
        cpt[family.rows] = rng.random(family.n_rows)
    monkeypatch.undo()
    return len(made)


def test_a_sweep_along_a_chain_makes_messages_in_proportion_to_its_length(monkeypatch):
    short, long = products_on_a_chain(monkeypatch, 40), products_on_a_chain(monkeypatch, 160)
    assert short < 3 * 40
    assert long < 4.2 * short
