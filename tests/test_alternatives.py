"""Soft interventions: tables replaced by alternatives, against tables replaced by hand and against selector nodes."""

import itertools
import json
import pickle

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from cases import together

from causalbandit import (
    CausalGraph,
    CausalModel,
    InterventionSet,
    Problem,
    Study,
    TwoPhase,
    check_graph,
    confirm,
    evaluate_regret,
    fit,
    load_problem,
    save_problem,
    search,
)
from causalbandit.changing_reach import ChangingReach
from causalbandit.graph import row_names
from causalbandit.learned_rows import reachable_rows

DAG = nx.DiGraph([("season", "ad"), ("season", "trust"), ("ad", "trust"), ("trust", "sale"), ("ad", "sale")])
TABLES = {
    "season": [0.4],
    "ad": [0.2, 0.5],
    "trust": [0.1, 0.3, 0.5, 0.7],
    "sale": [0.1, 0.3, 0.4, 0.8],
}
SOFT = {"ad": {"campaign": [0.8, 0.98], "pause": [0.0, 0.05]}, "trust": {"seal": [0.4, 0.5, 0.8, 0.95]}}
NAMES = {node: list(tables) for node, tables in SOFT.items()}
ARMS = [
    {},
    {"ad": "campaign"},
    {"ad": "pause"},
    {"trust": "seal"},
    {"ad": "campaign", "trust": "seal"},
    {"season": 0, "trust": "seal"},
    {"ad": 1},
    {"season": 0, "ad": "pause"},
]


def shop(goal="max", **of_graph):
    graph = CausalGraph(DAG, "sale", alternatives=NAMES, **of_graph)
    model = CausalModel(graph, TABLES, alternatives=SOFT)
    return Problem(graph, InterventionSet(graph, ARMS), model, goal)


def replaced(arm, tables=TABLES, dag=DAG, hidden=()):
    """The model with tables replaced by hand, and the rest of the intervention."""
    own = tables | {node: SOFT[node][name] for node, name in arm.items() if isinstance(name, str)}
    graph = CausalGraph(dag, "sale", hidden=hidden)
    hard = {node: value for node, value in arm.items() if not isinstance(value, str)}
    return CausalModel(graph, own), InterventionSet(graph, [hard])


def test_effects_reach_and_gradient_are_those_of_replaced_tables():
    problem = shop()
    arms, model = problem.interventions, problem.model
    effects, reach, gradient = model.effects(arms), model.reach(arms), model.gradient(arms)
    for place, arm in enumerate(ARMS):
        by_hand, alone = replaced(arm)
        assert effects[place] == pytest.approx(by_hand.effects(alone)[0], abs=1e-12)
        seen = np.zeros(arms.n_family_rows, dtype=bool)
        for family in alone.families:
            own = [(n, name) for n, name in arm.items() if n == family.node and isinstance(name, str)]
            if family.node in arm and not own:
                continue  # fixed: nothing is reached
            (mine,) = (each for each in arms.families_of(family.node) if list(each.alternatives) == own)
            seen[mine.rows] = True
            np.testing.assert_allclose(
                reach[mine.rows, place], by_hand.reach(alone)[family.rows, 0], rtol=0, atol=1e-12
            )
            np.testing.assert_allclose(
                gradient[mine.rows, place], by_hand.gradient(alone)[family.rows, 0], rtol=0, atol=1e-12
            )
        assert not reach[~seen, place].any()
        assert not gradient[~seen, place].any()


def test_the_reduction_by_selector_nodes_says_the_same():
    # Remark 5 of the paper, by hand: selectors are further parents of the node, and every arm fixes them.
    dag, tables = nx.DiGraph(DAG), dict(TABLES)
    codes = {"ad": {None: (0, 0), "campaign": (0, 1), "pause": (1, 0)}, "trust": {None: (0,), "seal": (1,)}}
    parents = {node: shop().graph.parents(node) for node in DAG}
    for node, code in codes.items():
        bits = [f"{node}-{bit}" for bit in range(len(code[None]))]
        dag.add_edges_from((bit, node) for bit in bits)
        tables |= {bit: [0.5] for bit in bits}
        parents[node] = (*bits, *parents[node])
        by_code = {value: TABLES[node] if name is None else SOFT[node][name] for name, value in code.items()}
        unused = [0.5] * len(TABLES[node])
        own = [by_code.get(value, unused) for value in itertools.product((0, 1), repeat=len(bits))]
        tables[node] = [value for table in own for value in table]
    graph = CausalGraph(dag, "sale", parents=parents)
    reduced = []
    for arm in ARMS:
        hard = {node: value for node, value in arm.items() if not isinstance(value, str)}
        for node, code in codes.items():
            name = arm.get(node) if isinstance(arm.get(node), str) else None
            hard |= {f"{node}-{bit}": value for bit, value in enumerate(code[name])}
        reduced.append(hard)
    arms = InterventionSet(graph, reduced)
    problem = shop()
    expected = CausalModel(graph, tables).effects(arms)
    np.testing.assert_allclose(problem.model.effects(problem.interventions), expected, rtol=0, atol=1e-12)
    # The same rows are left to learn: 1 season, 2 · 3 ad, 4 · 2 trust, 4 sale.
    assert reachable_rows(arms).sum() == reachable_rows(problem.interventions).sum() == 19
    assert problem.interventions.n_family_rows == 19 < arms.n_family_rows


def test_rows_are_named_by_the_users_names():
    names = row_names(shop().interventions.families)
    assert ("ad (campaign)", "season=0") in names
    assert ("trust (seal)", "season=1, ad=0") in names
    assert ("ad", "season=1") in names


def test_hidden_causes_and_alternatives_go_together():
    dag = nx.DiGraph([*DAG.edges, ("taste", "trust"), ("taste", "sale")])
    tables = TABLES | {
        "taste": [0.3],
        "trust": [0.1, 0.3, 0.5, 0.7, 0.2, 0.3, 0.6, 0.9],
        "sale": [0.1, 0.3, 0.4, 0.8, 0.2, 0.5, 0.4, 0.9],
    }
    soft = SOFT | {"trust": {"seal": [0.4, 0.5, 0.8, 0.95, 0.1, 0.2, 0.3, 0.4]}}
    graph = CausalGraph(dag, "sale", hidden=["taste"], alternatives=NAMES)
    model, arms = CausalModel(graph, tables, alternatives=soft), InterventionSet(graph, ARMS)
    effects = model.effects(arms)
    for place, arm in enumerate(ARMS):
        own = tables | {node: soft[node][name] for node, name in arm.items() if isinstance(name, str)}
        open_graph = CausalGraph(dag, "sale")  # nothing hidden
        hard = {node: value for node, value in arm.items() if not isinstance(value, str)}
        expected = CausalModel(open_graph, own).effects(InterventionSet(open_graph, [hard]))
        assert effects[place] == pytest.approx(expected[0], abs=1e-12)
    # trust and sale are one district: sale's rows differ with trust's table, too.
    assert ("sale (trust=seal)", "season=0, ad=0, trust=0") in row_names(arms.families)
    found = search(Problem(graph, arms, model), 20_000, "two-phase-pooled", rng=0)
    np.testing.assert_allclose(found.estimates, effects, atol=0.05)


def test_simulated_counts_and_rows_follow_the_replaced_tables():
    problem = shop()
    arm = {"ad": "campaign", "trust": "seal"}
    by_hand, alone = replaced(arm)
    n = 200_000
    rows, counts = problem.model.sample(arm, n, rng=0), problem.model.sample_counts(arm, n, rng=1)
    truth = by_hand.effects(alone)[0]
    # Four standard deviations each: false alarms in about 1 of 8,000 seeds.
    assert rows["sale"].mean() == pytest.approx(truth, abs=4 * 0.5 / n**0.5)
    assert counts.successes[0] / n == pytest.approx(truth, abs=4 * 0.5 / n**0.5)
    assert list(rows.columns) == list(problem.graph.nodes)
    with pytest.raises(ValueError, match="Did you mean 'campaign'"):
        problem.model.sample({"ad": "campain"}, 5)


def test_twelve_alternatives_at_one_node_run_through_two_phase():
    names = [f"offer {letter}" for letter in "abcdefghijkl"]
    graph = CausalGraph(nx.DiGraph([("x", "m"), ("m", "y")]), "y", alternatives={"m": names})
    tables = {"x": [0.5], "m": [0.1, 0.2], "y": [0.1, 0.9]}
    soft = {"m": {name: [0.05 * place, 0.08 * place] for place, name in enumerate(names)}}
    model = CausalModel(graph, tables, alternatives=soft)
    arms = InterventionSet(graph, [{}, *({"m": name} for name in names)])
    problem = Problem(graph, arms, model)
    assert arms.n_family_rows == 1 + 13 * 2 + 2  # 3C = 87
    found = search(problem, 300, TwoPhase(), rng=0)
    assert found.counts.total == 300
    assert found.best == {"m": "offer l"}


@together("strategy", ["two-phase", "two-phase-pooled", "top-two", "uniform", "successive-rejects"])
@together("goal", ["max", "min"])
def test_every_strategy_finds_the_best_alternative(goal, strategy):
    found = search(shop(goal), 20_000, strategy, rng=1)
    assert found.best == ({"ad": "campaign", "trust": "seal"} if goal == "max" else {"ad": "pause"} | found.best)
    assert found.simple_regret < 0.02


def test_regret_is_evaluated_with_alternatives():
    curve = evaluate_regret(shop(), ["two-phase", "top-two"], [500], 2, rng=0).to_frame()
    assert (curve["regret"] < 0.3).all()


def test_an_environment_gets_the_users_words_and_its_rows_are_counted_for_the_right_tables():
    problem = shop()
    asked = []

    def run(intervention, size):
        asked.append(intervention)
        return problem.model.sample(intervention, size, rng=len(asked))

    found = search(Problem(problem.graph, problem.interventions), 4_000, environment=run, rng=0)
    assert {"ad": "campaign"} in asked
    assert found.best == {"ad": "campaign", "trust": "seal"}
    assert found.graph_check is not None
    assert not found.graph_check.contradictions
    said = json.dumps(found.to_dict())
    assert "ad=campaign, trust=seal" in found.summary()
    assert '"ad (campaign)"' in said
    world = search(Problem(problem.graph, problem.interventions), 4_000, world=problem, rng=0)
    assert world.best == found.best


def test_a_confirmation_compares_alternatives():
    problem = shop()
    proof = confirm(problem, {"ad": "campaign", "trust": "seal"}, {"ad": "pause"}, budget=2_000, rng=0)
    exact = proof.estimates().query("method == 'exact'").iloc[0]
    effects = problem.model.effects(problem.interventions)
    assert exact["lower"] <= effects[4] - effects[2] <= exact["upper"]
    assert "ad=campaign, trust=seal" in proof.summary()


def history(problem):
    arms = [{}, {"ad": "campaign"}]
    return [(arm, problem.model.sample(arm, 3_000, rng=place)) for place, arm in enumerate(arms)]


def test_rows_from_before_tell_of_the_tables_they_were_collected_under():
    problem = shop()
    fitted = fit(problem, history(problem))
    assert fitted.problem.model.table("ad") == pytest.approx(TABLES["ad"], abs=0.05)
    assert fitted.problem.model.alternatives["ad"]["campaign"] == pytest.approx(SOFT["ad"]["campaign"], abs=0.05)
    rows = pd.concat(
        [frame.assign(arm=label) for label, (_, frame) in zip(("", "ad=campaign"), history(problem), strict=True)]
    )
    assert fit(problem, rows, "arm").counts == fitted.counts
    by_node = rows.assign(did=np.where(rows["arm"] == "", "", "campaign"))
    assert fit(problem, by_node, {"ad": "did"}).counts == fitted.counts
    found = search(problem, 500, "two-phase", rng=0, history=history(problem))
    assert found.history is not None


def test_the_check_of_the_graph_reads_rows_under_alternatives():
    problem = shop()
    assert not check_graph(problem, history(problem)).contradictions


def test_a_file_keeps_alternatives(tmp_path):
    problem, path = shop(), tmp_path / "shop.json"
    save_problem(problem, path)
    again = load_problem(path)
    assert again == problem
    assert again.model == problem.model
    document = json.loads(path.read_text())
    dag = nx.node_link_graph(document, edges="edges")
    assert CausalGraph(dag, "sale").alternatives == problem.graph.alternatives


def test_names_without_tables_serve_real_campaigns(tmp_path):
    graph = CausalGraph(DAG, "sale", alternatives=NAMES)
    problem = Problem(graph, InterventionSet(graph, ARMS), tables=TABLES, alternatives={"trust": SOFT["trust"]})
    path = tmp_path / "shop.json"
    save_problem(problem, path)
    assert load_problem(path) == problem
    with pytest.raises(ValueError, match="alternatives that interventions choose, but 'ad=campaign', 'ad=pause'"):
        search(problem, 500)
    with pytest.raises(ValueError, match="model lacks the tables of 'ad=campaign'"):
        Problem(graph, problem.interventions, CausalModel(graph, TABLES))


def test_interventions_list_and_compare_by_their_alternatives():
    arms = shop().interventions
    assert list(arms) == ARMS
    assert arms.labels[4] == "ad=campaign, trust=seal"
    assert [arms.index(arm) for arm in ARMS] == list(range(len(ARMS)))
    assert {"ad": "pause", "trust": "seal"} not in arms
    assert list(arms.subset([4, 1])) == [ARMS[4], ARMS[1]]
    assert arms.subset([1, 0]) != arms.subset([2, 0])
    frame = arms.to_frame()
    assert frame["ad"].fillna("").tolist() == ["", "campaign", "pause", "", "campaign", "", "1", "pause"]
    grid = InterventionSet.product(arms.graph, {"ad": [None, "campaign"], "season": [0, 1]})
    assert list(grid)[-1] == {"season": 1, "ad": "campaign"}


@together(
    ("alternatives", "said"),
    [
        ({"ad": ["0"]}, "the name '0', which means that the node is fixed at 0"),
        ({"ad": ["trust"]}, "which is a node of the graph"),
        ({"ad": ["a", "a"]}, "hold 'a' twice"),
        ({"ad": ["a=b"]}, "none of the characters"),
        ({"ad": [" a"]}, "without spaces at its ends"),
        ({"ad": [3]}, "the name 3"),
        ({"add": ["a"]}, "names 'add', which is not a node. Did you mean 'ad'"),
        (["ad"], "a mapping from node to names of tables"),
    ],
)
def test_bad_names_are_refused(alternatives, said):
    with pytest.raises(ValueError, match=said):
        CausalGraph(DAG, "sale", alternatives=alternatives)


def test_alternatives_of_hidden_nodes_are_refused():
    with pytest.raises(ValueError, match="hidden node 'season', on which nobody can act"):
        CausalGraph(DAG, "sale", hidden=["season"], alternatives={"season": ["a"]})


@together(
    ("alternatives", "said"),
    [
        ({"ad": {"campaign": [0.1]}}, "alternative 'campaign' of 'ad' has 1 entry; expected 2 probabilities"),
        ({"ad": {"campaign": [0.1, 1.2]}}, "alternative 'campaign' of 'ad' has 1.2 at position 1 for season=1"),
        ({"ad": {"campain": [0.1, 0.2]}}, "'campain' of 'ad', but .* declares 'campaign', 'pause'. Did you mean"),
        ({"season": {"a": [0.1]}}, "declares none"),
        ({"ad": [0.1, 0.2]}, "a mapping from name to table for 'ad'"),
    ],
)
def test_bad_tables_are_refused(alternatives, said):
    with pytest.raises(ValueError, match=said):
        CausalModel(shop().graph, TABLES, alternatives=alternatives)


@together(
    ("arm", "said"),
    [
        ({"ad": "campain"}, "one of its alternatives 'campaign', 'pause'. .* Did you mean 'campaign'"),
        ({"ad": "1"}, "sets 'ad' to '1'; expected 0, 1 or one of its alternatives"),
        ({"season": "campaign"}, "'season' has no alternatives"),
        ({"sale": "campaign"}, "fixes the target 'sale'"),
    ],
)
def test_unknown_alternatives_are_refused(arm, said):
    with pytest.raises(ValueError, match=said):
        InterventionSet(shop().graph, [arm])


def test_the_same_choice_twice_is_refused():
    with pytest.raises(ValueError, match=r"0 and 1 are both \{'ad': 'campaign'\}"):
        InterventionSet(shop().graph, [{"ad": "campaign"}, {"ad": "campaign"}])


def test_the_targets_own_table_may_be_replaced():
    graph = CausalGraph(nx.DiGraph([("x", "y")]), "y", alternatives={"y": ["bold"]})
    model = CausalModel(graph, {"x": [0.5], "y": [0.1, 0.3]}, alternatives={"y": {"bold": [0.6, 0.2]}})
    arms = InterventionSet(graph, [{}, {"y": "bold"}, {"x": 1}])
    assert model.effects(arms) == pytest.approx([0.2, 0.4, 0.3])
    for goal, best in (("max", {"y": "bold"}), ("min", {})):
        assert search(Problem(graph, arms, model, goal), 3_000, rng=0).best == best


def test_reach_is_the_same_when_messages_do_not_fit_into_memory_at_once():
    problem = shop()
    arms, cpt = problem.interventions, problem.model.cpt_for(problem.interventions)
    expected = problem.model.reach(arms)
    for memory in (2**28, 1_000, 3_000):
        found = ChangingReach(arms, memory).of(arms.families, cpt)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_truncation_works_with_alternatives():
    assert search(shop(), 3_000, TwoPhase(truncation=2.0), rng=0).best == {"ad": "campaign", "trust": "seal"}


def test_known_tables_are_the_nodes_own():
    found = search(shop(), 2_000, known={"ad": TABLES["ad"]}, rng=0)
    frame = found.tables_frame()
    assert frame.loc[frame["known"], "node"].tolist() == ["ad", "ad"]
    assert "17 family rows learned from 19" in found.summary()


def test_a_study_asks_for_alternatives_by_name(tmp_path):
    problem = shop()
    study = Study.create(tmp_path / "shop.db", Problem(problem.graph, problem.interventions), 100, "top-two", rng=0)
    todo = study.ask()
    assert {"campaign"} <= set(todo["ad"].dropna()) <= {"campaign", "pause", "1"}
    assert set(todo["trust"].dropna()) == {"seal"}
    rows = []
    for place, asked in enumerate(todo.to_dict("records")):
        arm = {n: int(v) if v in (0, 1, "1") else v for n, v in asked.items() if n != "id" and pd.notna(v)}
        rows.append({"id": asked["id"], **problem.model.sample(arm, 1, rng=place).iloc[0]})
    study.tell(pd.DataFrame(rows))
    assert study.status().told == len(todo)
    assert "ad=campaign" in set(study.rows()["intervention"])


def test_pickles_and_drawings_keep_the_choice():
    problem = shop()
    again = pickle.loads(pickle.dumps(problem))
    assert again == problem
    assert again.interventions.index({"ad": "pause"}) == 2
    found = search(problem, 2_000, rng=0)
    assert "ad = campaign" in found._repr_html_()
    assert "ad: campaign, pause" in problem.summary()
