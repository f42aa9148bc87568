import itertools

import networkx as nx
import numpy as np
import pytest
from cases import together

from causalbandit import (
    CausalGraph,
    CausalModel,
    InterventionSet,
    Problem,
    TwoPhase,
    gamma_star,
    search,
)
from causalbandit.assignments import FREE
from causalbandit.learned_rows import LearnedRows, reachable_rows, teaching


def random_case(seed, *, hidden=False):
    """A random graph of six nodes and a random set of interventions, in which many fix the same nodes."""
    rng = np.random.default_rng(seed)
    names = list("abcdef")
    dag = nx.DiGraph()
    dag.add_nodes_from(names)
    dag.add_edges_from((a, b) for a, b in itertools.combinations(names, 2) if rng.random() < 0.6)
    pairs = [("b", "e"), ("c", "f")] if hidden else []
    graph = CausalGraph(dag, target="f", confounded=pairs)
    always = {str(node): int(rng.integers(2)) for node in rng.choice(names[:5], 2, replace=False)}
    sets = {}
    for _ in range(3):
        more = {str(node): int(rng.integers(2)) for node in rng.choice(names[:5], rng.integers(3), replace=False)}
        sets[tuple(sorted((more | always).items()))] = more | always
    return InterventionSet(graph, sets.values())


def reach_under_some_tables(arms, seed, only=None):
    """Largest reach of every family row under tables without 0 and 1, by listing all states of the observed nodes.

    By all interventions, or by the one at ``only``.
    Family by family of the intervention's own network: those of `families_under` and, for fixed nodes, none.
    """
    graph, rng = arms.graph, np.random.default_rng(seed)
    cpt = rng.uniform(0.1, 0.9, arms.n_family_rows)
    most = np.zeros(arms.n_family_rows)
    for place, fixed in enumerate(arms):
        if only not in (None, place):
            continue
        families = [(family, np.arange(arms.n_family_rows)[rows]) for family, rows in arms.families_under(place)]
        for state in itertools.product((0, 1), repeat=len(graph.ancestors)):
            value = dict(zip(graph.ancestors, state, strict=True))
            chance, visited = float(all(value[n] == v for n, v in fixed.items() if n in value)), []
            for family, rows in families:
                row = rows[int("".join(str(value[parent]) for parent in family.parents) or "0", 2)]
                chance *= cpt[row] if value[family.node] else 1 - cpt[row]
                visited.append(row)
            most[visited] = np.maximum(most[visited], chance)
    return most


@together("hidden", [False, True])
@together("seed", [0, 1, 2, 3, 4, 7])
def test_a_row_is_reachable_when_some_state_of_the_graph_visits_it(seed, hidden):
    arms = random_case(seed, hidden=hidden)
    expected = reach_under_some_tables(arms, seed) > 0
    np.testing.assert_array_equal(reachable_rows(arms), expected)
    assert not expected.all()  # so that all True would not pass


@together("hidden", [False, True])
@together("seed", range(4))
def test_an_intervention_teaches_what_its_own_states_visit(seed, hidden):
    arms = random_case(seed, hidden=hidden)
    visits = np.array([reach_under_some_tables(arms, seed, only=place) > 0 for place in range(len(arms))])
    found = np.array([teaching(arms, row) for row in np.eye(arms.n_family_rows, dtype=bool)])
    np.testing.assert_array_equal(found.T, visits)
    some = np.random.default_rng(seed).random(arms.n_family_rows) < 0.1
    np.testing.assert_array_equal(teaching(arms, some), visits[:, some].any(axis=1))
    assert 0 < visits.mean() < 1


def test_observing_reaches_every_row():
    for seed in (1, 2):
        arms = random_case(seed)
        assert reachable_rows(InterventionSet(arms.graph, [*arms, {}])).all()


def test_known_rows_and_rows_out_of_reach_are_not_learned():
    arms = random_case(1)
    known = np.full(arms.n_family_rows, np.nan)
    known[np.flatnonzero(reachable_rows(arms))[:2]] = 0.5
    rows = LearnedRows.of(arms, known)
    assert rows.number == reachable_rows(arms).sum() - 2
    assert not rows.flags[~np.isnan(known)].any()


@pytest.fixture
def forced():
    """Every arm fixes x: half of the rows of y cannot be reached, nor that of x."""
    graph = CausalGraph(nx.DiGraph([("x", "y"), ("z", "y")]), target="y")
    model = CausalModel(graph, {"x": [0.5], "z": [0.5], "y": [0.1, 0.2, 0.3, 0.6]})
    return Problem(graph, InterventionSet(graph, [{"x": 1}, {"x": 1, "z": 0}, {"x": 1, "z": 1}]), model)


def test_rows_out_of_reach_cost_no_experiments(forced):
    # To learn: z, and y with x = 1; so 3C = 9 in place of 18, and 300 experiments give each row floor(300 / 9) = 33.
    found = search(forced, 300, TwoPhase(), rng=0)
    assert found.phases["phase 1"].sum() == 3 * 33
    assert found.best == {"x": 1, "z": 1}
    assert found.tables.cpt[:4] == pytest.approx([0.5, found.tables.cpt[1], 0.5, 0.5])  # never NaN
    assert not found.tables.known.any()
    assert "3 family rows learned from 3" in found.summary()
    assert search(forced, 9, TwoPhase(), rng=0).counts.total == 9
    with pytest.raises(ValueError, match=r"at least 9 experiments here.*C = 3 family rows"):
        search(forced, 8, TwoPhase(), rng=0)
    assert "family rows C      3; no intervention reaches 3 more" in forced.summary()
    assert "9 experiments for two-phase" in forced.summary()


@together("strategy", ["two-phase-pooled", "top-two", "uniform", "successive-rejects"])
def test_every_strategy_works_with_rows_out_of_reach(forced, strategy):
    assert search(forced, 300, strategy, rng=0).best == {"x": 1, "z": 1}


def test_gamma_star_does_not_depend_on_rows_out_of_reach(forced):
    assert gamma_star(forced.model, forced.interventions) <= 3 * len(forced.interventions)


def test_a_set_with_observing_alone_in_one_regime_reaches_that_regimes_rows():
    graph = CausalGraph(nx.DiGraph([("x", "m"), ("m", "y")]), target="y", confounded=[("m", "y")])
    arms = InterventionSet(graph, [{}, {"m": 1}])
    flags = reachable_rows(arms)
    (own,) = (family for family in arms.families if family.district == ("y",))
    assert flags[own.rows].tolist() == [False, True]
    assert flags.sum() == len(flags) - 1
    assert (arms.assignments[0] == FREE).all()
