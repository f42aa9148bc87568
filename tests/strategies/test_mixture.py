"""The mixture problem: exact small cases, the certificate against independent solutions, fall-backs, bad input."""

from __future__ import annotations

import json
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from cases import together
from enumeration import random_problem
from mixture_oracle import random_reach, scipy_value, value_of

from causalbandit import (
    CausalGraph,
    CausalModel,
    InterventionSet,
    Mixture,
    Problem,
    gamma_star,
    load_problem,
    optimal_mixture,
)

GRAPHS = Path(__file__).parents[2] / "graphs"


# ---- right on what can be checked


def test_two_rows_two_interventions_by_hand():
    # Row 0 is seen under intervention 0 only, row 1 under 1 half the time:
    # max(1/η₀, ½/η₁) is least at (2/3, 1/3), value 3/2.
    mixture = optimal_mixture(np.array([[1.0, 0.0], [0.0, 0.5]]))
    np.testing.assert_allclose(mixture.weights, [2 / 3, 1 / 3], atol=1e-4)
    assert mixture.value == pytest.approx(1.5, rel=1e-4)


def test_one_intervention_needs_no_solver():
    mixture = optimal_mixture(np.array([[0.5], [0.25], [0.0]]), solvers=("uniform",))
    assert mixture.weights.tolist() == [1.0]
    assert mixture.value == pytest.approx(0.75)  # Σ β²/β
    assert mixture.gap == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_two_interventions_match_a_fine_grid(seed):
    reach = random_reach(np.random.default_rng(seed), 6, 2)
    grid = min(value_of(np.array([x, 1 - x]), reach) for x in np.linspace(0, 1, 4001)[1:-1])
    mixture = optimal_mixture(reach)
    assert mixture.lower_bound <= grid
    assert mixture.value == pytest.approx(grid, rel=1e-3)


@pytest.mark.parametrize("extra", ["none", "objective", "counts", "costs", "all"])
def test_value_matches_an_independent_optimiser(extra):
    rng = np.random.default_rng(11)
    reach = random_reach(rng, 7, 4, decades=1.5)
    objective = rng.random(reach.shape) * (reach > 0) if extra in ("objective", "all") else None
    counts = rng.random(7) if extra in ("counts", "all") else None
    costs = rng.uniform(0.5, 4, 4) if extra in ("costs", "all") else None
    mixture = optimal_mixture(reach, objective, counts, costs, tolerance=1e-6)
    oracle = scipy_value(reach, objective, counts, costs)
    assert mixture.gap <= 1e-6
    assert mixture.value == pytest.approx(oracle, rel=2e-5)
    assert mixture.lower_bound <= oracle
    assert mixture.value == pytest.approx(value_of(mixture.weights, reach, objective, counts, costs), rel=1e-9)


def test_value_is_at_most_the_two_bounds_of_proposition_2():
    # Random reaches as a model gives them: under an intervention, the rows of a node left free share probability one.
    rng = np.random.default_rng(4)
    for _ in range(15):
        n_nodes, n_rows_each, n_interventions = 6, 4, 9
        reach = rng.dirichlet(np.full(n_rows_each, 0.4), size=(n_interventions, n_nodes))  # [A, N, rows]
        assigned = rng.random((n_interventions, n_nodes)) < 0.3
        reach[assigned] = 0
        flat = reach.reshape(n_interventions, -1).T
        n_cells = flat.shape[0]
        bound = min(n_nodes * n_cells, (~assigned).sum())
        assert optimal_mixture(flat).value <= bound * (1 + 1e-9)


def test_scaling_reach_by_a_constant_scales_the_value():
    reach = random_reach(np.random.default_rng(6), 20, 8)
    one, tenth = optimal_mixture(reach, tolerance=1e-6), optimal_mixture(reach / 10, tolerance=1e-6)
    assert tenth.value == pytest.approx(one.value / 10, rel=1e-5)


def test_order_of_interventions_and_rows_does_not_matter():
    rng = np.random.default_rng(7)
    reach = random_reach(rng, 25, 12)
    rows, columns = rng.permutation(25), rng.permutation(12)
    shuffled = optimal_mixture(reach[rows][:, columns], tolerance=1e-6)
    assert shuffled.value == pytest.approx(optimal_mixture(reach, tolerance=1e-6).value, rel=1e-5)


def test_counts_shift_the_mixture_to_what_is_not_yet_known():
    reach = np.eye(2)
    before = optimal_mixture(reach)
    after = optimal_mixture(reach, counts=np.array([0.5, 0.0]))  # row 0 already has half as many visits as are planned
    np.testing.assert_allclose(before.weights, [0.5, 0.5], atol=1e-4)
    np.testing.assert_allclose(after.weights, [0.25, 0.75], atol=1e-4)  # 1/(½ + η₀) = 1/η₁
    # Row 1 has far more than is planned: all goes to row 0.
    np.testing.assert_allclose(optimal_mixture(reach, counts=[0.0, 50.0]).weights, [1.0, 0.0], atol=1e-4)


def test_weights_with_costs_are_shares_of_the_money():
    mixture = optimal_mixture(np.eye(2), costs=np.array([1.0, 3.0]))
    np.testing.assert_allclose(mixture.weights, [0.25, 0.75], atol=1e-4)  # η₀ = η₁/3: the dear one needs the money
    np.testing.assert_allclose(mixture.experiment_shares, [0.5, 0.5], atol=1e-4)
    assert mixture.value == pytest.approx(4.0, rel=1e-4)


# ---- the edges


def test_rows_that_nothing_reaches_are_left_out_and_noted_when_they_have_a_weight():
    reach = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    silent = optimal_mixture(reach)
    assert silent.n_rows == 2
    assert silent.note == ""
    objective = np.ones((3, 2))
    noted = optimal_mixture(reach, objective)
    assert "1 rows with a weight are reached by no intervention" in noted.note
    assert noted.value == pytest.approx(4.0, rel=1e-4)


def test_an_objective_without_weight_gives_a_uniform_mixture_of_value_zero():
    mixture = optimal_mixture(np.ones((2, 3)), objective=np.zeros((2, 3)))
    np.testing.assert_allclose(mixture.weights, 1 / 3)
    assert (mixture.value, mixture.gap, mixture.solver) == (0.0, 0.0, "closed form")
    assert "uniform" in mixture.note


def test_rows_with_known_tables_do_not_count():
    reach = np.array([[1.0, 0.0], [0.0, 1.0]])
    mixture = optimal_mixture(reach, learned=np.array([True, False]))
    assert mixture.n_rows == 1
    np.testing.assert_allclose(mixture.weights, [1.0, 0.0], atol=1e-4)


# ---- the fall-backs


# ---- the result


@pytest.fixture
def small() -> Mixture:
    return optimal_mixture(np.array([[1.0, 0.0, 0.0], [0.0, 0.5, 0.2]]))


def test_summary_names_value_gap_and_solver(small):
    text = small.summary()
    assert "2 of 3 interventions over 2 family rows" in text
    assert "CLARABEL" in text or "first-order" in text
    assert "gap" in text


def test_frame_holds_the_support_largest_first(small):
    frame = small.to_frame(names=["a", "b", "c"])
    assert frame["intervention"].tolist() == ["a", "b"]
    assert frame["weight"].sum() == pytest.approx(1)
    assert small.to_frame()["intervention"].tolist() == [0, 1]
    with pytest.raises(ValueError, match=r"names has 2 labels for 3 interventions"):
        small.to_frame(names=["a", "b"])


def test_dict_is_json_and_html_holds_the_table(small):
    again = json.loads(json.dumps(small.to_dict()))
    assert again["weights"] == small.weights.tolist()
    assert again["gap"] == small.gap
    assert "<table" in small._repr_html_()


def test_plot_draws_one_bar_per_intervention_in_the_support(small):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    axes = small.plot(ax=Figure().add_subplot(), names=["a", "b", "c"])
    assert len(axes.patches) == 2
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]


# ---- bad input


@together(
    ("arguments", "message"),
    [
        ({"reach": [0.5, 0.5]}, r"reach has shape \(2,\); expected \[C, A\]"),
        ({"reach": np.zeros((0, 3))}, r"reach has shape \(0, 3\)"),
        ({"reach": [[0.5, np.nan]]}, r"reach holds nan in row 0, column 1; expected finite numbers"),
        ({"reach": [[-0.5, 1.0]]}, r"reach holds -0.5 in row 0, column 0"),
        ({"reach": [[0.5, 2.0]]}, r"reach holds 2 in row 0, column 1; expected finite numbers, probabilities"),
        ({"reach": np.eye(2), "objective": np.ones((2, 3))}, r"objective has shape \(2, 3\); expected \(2, 2\)"),
        ({"reach": np.eye(2), "objective": [[1, -1], [0, 1]]}, r"objective holds -1 in row 0, column 1"),
        ({"reach": np.eye(2), "counts": [1.0]}, r"counts has shape \(1,\); expected \(2,\)"),
        ({"reach": np.eye(2), "counts": [1.0, np.inf]}, r"counts holds inf in row 1"),
        (
            {"reach": np.eye(2), "costs": [1.0, 0.0]},
            r"costs holds 0 in row 1; expected finite numbers above 0",
        ),
        ({"reach": np.eye(2), "costs": 2.0}, r"costs has shape \(\); expected \(2,\)"),
        ({"reach": np.eye(2), "learned": [True]}, r"learned has shape \(1,\)"),
        ({"reach": np.eye(2), "tolerance": 0}, r"tolerance was 0"),
        ({"reach": np.eye(2), "solvers": ("CLARABELL",)}, r"solvers names 'CLARABELL'.*Did you mean 'CLARABEL'\?"),
    ],
)
def test_bad_values_are_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        optimal_mixture(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"reach": "reach"}, r"reach holds values that are not numbers"),
        ({"reach": np.eye(2), "learned": [1, 0]}, r"learned has entries of type int"),
        ({"reach": np.eye(2), "solvers": "SCS"}, r"solvers was 'SCS'"),
    ],
)
def test_bad_types_are_refused_by_name(arguments, message):
    with pytest.raises(TypeError, match=message):
        optimal_mixture(**arguments)


# ---- the difficulty of a problem


def test_gamma_star_is_at_most_rows_times_nodes_and_the_sum_of_free_nodes():
    rng = np.random.default_rng(15)
    for _ in range(20):
        model, interventions = random_problem(rng, int(rng.integers(2, 9)))
        n_nodes = len(model.graph.ancestors)
        codes = interventions.assignments[:, [model.graph.position(node) for node in model.graph.ancestors]]
        free = int((codes < 0).sum())
        assert gamma_star(model, interventions) <= min(n_nodes * model.graph.n_family_rows, free) * (1 + 1e-9)


@together("path", sorted(GRAPHS.glob("*.json")))
def test_gamma_star_of_every_shipped_problem_obeys_both_bounds(path):
    problem = load_problem(path)
    graph = problem.graph
    codes = problem.interventions.assignments[:, [graph.position(node) for node in graph.ancestors]]
    bound = min(len(graph.ancestors) * graph.n_family_rows, int((codes < 0).sum()))
    assert 0 < gamma_star(problem.model, problem.interventions) <= bound


def test_gamma_star_of_a_single_root_by_hand():
    # Y ← X, interventions {}, X=0, X=1 with P(X=1) = ½ and X's row seen only under {}: rows (X), (Y|0), (Y|1).
    # With η = (h, q, q) and h/2 + q = ½: {} costs 1/h + 2·¼/½ = 1/h + 1, X=x costs 1/½ = 2; h = 1 is best.
    graph = CausalGraph(nx.DiGraph([("x", "y")]), target="y")
    model = CausalModel(graph, {"x": [0.5], "y": [0.2, 0.7]})
    arms = InterventionSet(graph, [{}, {"x": 0}, {"x": 1}])
    assert gamma_star(model, arms) == pytest.approx(2.0, rel=1e-4)
    # The table of x known: every mixture with equal weights on x=0 and x=1 gives max(1, 2) = 2 as well.
    assert gamma_star(model, arms, learned=np.array([False, True, True])) == pytest.approx(2.0, rel=1e-4)


def test_gamma_star_refuses_to_return_a_number_it_cannot_prove(monkeypatch):
    monkeypatch.setitem(optimal_mixture.__kwdefaults__, "solvers", ())
    model, interventions = random_problem(np.random.default_rng(16), 6)
    with pytest.raises(RuntimeError, match=r"solved only to a gap of"):
        gamma_star(model, interventions, tolerance=1e-12)


def test_gamma_star_of_something_else_than_a_model_is_refused():
    model, interventions = random_problem(np.random.default_rng(16), 4)
    with pytest.raises(TypeError, match=r"model was a Problem; expected a CausalModel, such as problem.model"):
        gamma_star(Problem(model.graph, interventions, model), interventions)
    with pytest.raises(TypeError, match=r"expected an InterventionSet"):
        gamma_star(model, [{}])
