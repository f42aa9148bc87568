"""Random problems: seeded, of the size asked for, and of the shape asked for."""

import numpy as np
import pytest
from cases import together
from enumeration import enumerate_all

from causalbandit import random_problem, random_problems
from causalbandit.random_problems import SHAPES, bernoulli_arms


def test_the_same_seed_gives_the_same_problem_and_another_seed_another():
    for shape in SHAPES:
        assert random_problem(9, shape=shape, rng=3) == random_problem(9, shape=shape, rng=3)
        assert random_problem(9, shape=shape, rng=3).model != random_problem(9, shape=shape, rng=4).model
    three = random_problems(3, 9, rng=1)
    assert [problem.model for problem in three] == [problem.model for problem in random_problems(3, 9, rng=1)]
    assert len({problem.model for problem in three}) == len({problem.name for problem in three}) == 3


@pytest.mark.parametrize("in_degree", [1, 2, 4])
def test_graphs_have_the_in_degree_and_are_mostly_ancestors_of_the_target(in_degree):
    for seed in range(5):
        graph = random_problem(15, in_degree=in_degree, rng=seed).graph
        assert [len(graph.parents(f"x{place}")) for place in range(15)] == [
            min(place, in_degree) for place in range(15)
        ]
        assert graph.target == "x14"
        if in_degree > 1:
            assert len(graph.ancestors) >= 0.75 * 15


def test_interventions_are_the_ones_asked_for():
    problem = random_problem(12, up_to=2, n_interventions=30, rng=0)
    assert len(problem.interventions) == 30
    assert problem.interventions[0] == {}
    parents = set(problem.graph.parents("x11"))
    assert not any(parents & set(intervention) for intervention in problem.interventions)
    roots = random_problem(12, actionable="roots", in_degree=1, rng=0)
    assert {node for intervention in roots.interventions for node in intervention} <= {
        node for node in roots.graph.nodes if not roots.graph.parents(node)
    }
    everything = random_problem(5, actionable="all", in_degree=4, rng=0)
    assert len(everything.interventions) == 1 + 2 * 4


def test_tables_have_their_shapes():
    def tables(**parameters):
        problems = random_problems(40, 8, in_degree=2, rng=0, **parameters)
        return np.concatenate([np.asarray(p.model.table(f"x{place}")) for p in problems for place in range(2, 8)])

    uniform, extreme = tables(shape="uniform"), tables(shape="beta")
    # 960 independent values: the standard error of a mean is at most 0.012 and of a share at most 0.016; |z| > 5.
    assert abs(uniform.mean() - 0.5) < 0.06
    assert abs((uniform < 0.1).mean() - 0.1) < 0.05
    # P(Beta(½, ½) < 0.1) = (2/π)·arcsin(√0.1) = 0.2048.
    assert abs((extreme < 0.1).mean() - 0.2048) < 0.07
    for problem in random_problems(5, 8, in_degree=3, shape="noisy-or", rng=1):
        table = np.asarray(problem.model.table("x7"))
        assert table[0] == pytest.approx(0.05)
        # Every further parent makes the node likelier: 1 − p multiplies over parents.
        assert 1 - table[7] == pytest.approx((1 - table[1]) * (1 - table[2]) * (1 - table[4]) / 0.95**2)


def test_rare_roots_are_rare():
    problem = random_problem(10, in_degree=1, rare=1.0, rare_probability=0.01, rng=0)
    for node in problem.graph.nodes:
        assert problem.graph.parents(node) or problem.model.table(node) == (0.01,)


def test_independent_arms_have_their_effects():
    effects = [0.1, 0.9, 0.3, 0.5, 0.2]
    problem = bernoulli_arms(effects)
    np.testing.assert_allclose(enumerate_all(problem.model, problem.interventions)[0], effects, atol=1e-12)


@together(
    ("parameters", "words"),
    [
        ({"n_nodes": 1}, "n_nodes was 1"),
        ({"in_degree": 0}, "in_degree was 0"),
        ({"shape": "unifrom"}, "Did you mean 'uniform'"),
        ({"rare": 2}, "rare was 2"),
        ({"actionable": "leaves"}, "actionable was 'leaves'"),
        ({"n_interventions": 10_000}, "n_interventions was 10000"),
    ],
)
def test_bad_parameters_are_named(parameters, words):
    with pytest.raises(ValueError, match=words):
        random_problem(**({"n_nodes": 6} | parameters), rng=0)


def test_no_problems_and_one_arm_are_refused():
    with pytest.raises(ValueError, match="count was 0"):
        random_problems(0, 6)
    with pytest.raises(ValueError, match="at least 2 arms"):
        bernoulli_arms([0.5])
