"""The suite's problems: fixed, and what their families say."""

import hashlib

import numpy as np
import pytest
from cases import together
from enumeration import enumerate_all

from causalbandit.errors import InvalidArgument
from causalbandit.suite.problems import FAMILIES, STEPS, suite_problems

FIXED = "29f310a8ea3dd07f"
"""Digest of all problems: results of different versions can be compared as long as it stays."""


def effects(name):
    problem = one(name).problem
    return problem, problem.model.effects(problem.interventions)


def one(name):
    return next(problem for problem in suite_problems() if problem.name == name)


def test_the_suite_is_fixed():
    prints = "\n".join(problem.fingerprint for problem in suite_problems())
    assert hashlib.sha256(prints.encode()).hexdigest()[:16] == FIXED


def test_there_are_many_problems_with_names_of_their_own():
    problems = suite_problems()
    assert len(problems) >= 25
    assert len({problem.name for problem in problems}) == len({problem.fingerprint for problem in problems})
    assert len(problems) == len({problem.name for problem in problems})
    assert [problem.problem.name for problem in problems] == [problem.name for problem in problems]


def test_budgets_are_multiples_of_the_rows_to_learn():
    problem = one("parity of 3")
    assert problem.problem.interventions.n_family_rows == 3 + 6 + 8
    assert problem.budgets == tuple(17 * step for step in STEPS)


def test_families_are_chosen_in_the_order_of_the_suite():
    names = [problem.family for problem in suite_problems(["parity", "deep"])]
    assert names == ["deep"] * 3 + ["parity"] * 3


def test_an_unknown_family_is_named_with_the_nearest():
    with pytest.raises(InvalidArgument, match=r"families names 'partiy'; known families: .* Did you mean 'parity'\?"):
        suite_problems(["partiy"])
    with pytest.raises(InvalidArgument, match="families were none"):
        suite_problems([])


@together("family", FAMILIES)
def test_a_world_stands_beside_the_problem_where_the_graph_is_wrong(family):
    wrong = family in ("wrong graph", "hidden undeclared")
    for problem in suite_problems([family]):
        assert (problem.world is not None) == wrong
        assert (problem.problem.model is None) == wrong


def test_declared_causes_are_hidden_nodes_and_undeclared_ones_are_in_the_world_alone():
    assert all(problem.problem.graph.hidden for problem in suite_problems(["hidden declared"]))
    for problem in suite_problems(["hidden undeclared"]):
        assert problem.world.graph.hidden
        assert not problem.problem.graph.hidden


def test_the_effect_of_a_node_of_the_chain_is_the_product_of_what_is_kept():
    problem, found = effects("chain of 16")
    kept = np.array([2 * problem.tables[node][1] - 1 for node in problem.graph.nodes[1:]])
    for intervention, effect in zip(problem.interventions, found, strict=True):
        for node, value in intervention.items():
            below = kept[problem.graph.nodes.index(node) :]
            assert effect == pytest.approx(0.5 + (value - 0.5) * np.prod(below))


def test_only_interventions_on_all_roots_change_a_parity():
    problem, found = effects("parity of 4")
    fixed = np.array([len(intervention) for intervention in problem.interventions])
    np.testing.assert_allclose(found[fixed < 4], 0.5)
    assert np.abs(found[fixed == 4] - 0.5) == pytest.approx(0.2 * 0.8**4)


@pytest.mark.parametrize(
    ("name", "at_least"), [("lock of 2 × 3", 0.4), ("lock of 3 × 2", 0.4), ("one root of 24", 0.07)]
)
def test_a_needle_is_one_intervention_far_above_all_others(name, at_least):
    _, found = effects(name)
    first, second = np.sort(found)[::-1][:2]
    assert first - second > at_least


def test_a_lock_by_enumeration():
    problem, found = effects("lock of 2 × 3")
    places = [0, 21, int(found.argmax())]
    expected = enumerate_all(problem.model, problem.interventions.subset(places))[0]
    np.testing.assert_allclose(found[places], expected, atol=1e-12)


def test_goal_min_problems_ask_for_the_smallest():
    assert {problem.problem.goal for problem in suite_problems(["goal min"])} == {"min"}


def test_the_last_step_of_the_funnel_is_rare():
    _, found = effects("funnel of 4 steps")
    assert found.max() < 0.02
