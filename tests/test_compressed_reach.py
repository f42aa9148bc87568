"""Compressed reach is the array that a propagation writes down, and so are the numbers that are made of it."""

from __future__ import annotations

import numpy as np
import pytest
from cases import together
from enumeration import random_hidden_problem, random_problem

from causalbandit import InterventionSet, TwoPhase, load_problem, optimal_mixture, search
from causalbandit.changing_reach import ChangingReach
from causalbandit.clique_tree import clique_tree
from causalbandit.compressed_reach import CompressedReach
from causalbandit.propagation import propagate


def random_case(seed):
    rng = np.random.default_rng(seed)
    if seed % 2:
        _, arms = random_hidden_problem(rng, 9, 3, most_parents=3, n_interventions=30)
    else:
        _, arms = random_problem(rng, 10, most_parents=2, n_interventions=40)
    memory = 7 * max(clique_tree(arms.graph, regime.families).table_bytes(1) for regime in arms.regimes)
    return arms, rng.random(arms.n_family_rows), memory


@together("seed", range(6))
def test_blocks_columns_and_maxima_are_those_of_the_array(seed):
    arms, cpt, memory = random_case(seed)
    whole = propagate(arms, cpt, reach=True).reach
    for bound in (memory, 1 << 28):
        reach = CompressedReach(arms, cpt, bound)
        assert reach.shape == whole.shape
        joined = np.full_like(whole, np.nan)
        for places, block in reach.blocks():
            joined[:, places] = block
        np.testing.assert_allclose(joined, whole, atol=1e-14)
        np.testing.assert_allclose(reach.columns([5, 0, 5, len(arms) - 1]), whole[:, [5, 0, 5, -1]], atol=1e-14)
        np.testing.assert_allclose(reach.most, whole.max(axis=1), atol=1e-14)
        np.testing.assert_allclose(whole[np.arange(len(whole)), reach.best], whole.max(axis=1), atol=1e-14)


def test_messages_that_do_not_fit_at_once_are_made_in_parts():
    for seed in range(6):
        arms, cpt, memory = random_case(seed)
        kept = ChangingReach(arms, memory)
        kept._fits = False
        families = arms.families[::2]
        whole = propagate(arms, cpt, reach=True).reach
        expected = np.concatenate([whole[family.rows] for family in families])
        np.testing.assert_allclose(kept.of(families, cpt), expected, atol=1e-14)


def test_the_mixture_of_a_compressed_array_is_that_of_the_array():
    arms, cpt, memory = random_case(2)
    reach = propagate(arms, cpt, reach=True).reach
    learned = np.arange(len(cpt)) % 5 > 0
    counts = np.where(np.arange(len(cpt)) % 3 > 0, 0.1, 0.0)
    one = optimal_mixture(reach, counts=counts, learned=learned)
    other = optimal_mixture(CompressedReach(arms, cpt, memory), counts=counts, learned=learned)
    assert other.gap < 1e-4
    assert other.n_rows == one.n_rows
    assert other.value == pytest.approx(one.value, rel=2e-4)
    with pytest.raises(ValueError, match="reach was compressed"):
        optimal_mixture(CompressedReach(arms, cpt, memory), objective=reach**2)


def test_many_interventions_take_less_memory_than_the_array():
    problem = load_problem("win95pts")
    arms = InterventionSet.up_to(problem.graph, 2)
    reach = problem.model.compressed_reach(arms)
    assert reach.nbytes < 0.6 * 8 * reach.shape[0] * reach.shape[1]


def test_a_two_phase_search_of_little_memory_plans_alike(monkeypatch):
    """The compressed way is taken as soon as the array is larger than the bound."""
    problem = load_problem("win95pts")
    one = search(problem, 3_000, TwoPhase(), rng=1, progress=False)
    used = []
    monkeypatch.setattr(
        CompressedReach, "maxima", lambda self, *rows, _own=CompressedReach.maxima: used.append(1) or _own(self, *rows)
    )
    array = 8 * len(problem.interventions) * problem.graph.n_family_rows
    other = search(problem, 3_000, TwoPhase(), rng=1, progress=False, memory=array - 1)
    assert used
    assert one.batches[0].sizes.tolist() == other.batches[0].sizes.tolist()  # experiments are drawn in other chunks
    assert other.mixture.gap <= 1e-3
    assert other.mixture.value == pytest.approx(one.mixture.value, rel=0.2)
