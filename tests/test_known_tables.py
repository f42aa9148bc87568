"""Tables that a search is told: from Python and from files, whole and in part, and what is refused."""

import json
import math
import pickle
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from cases import together

import causalbandit as cb
from causalbandit.known_tables import joined_tables
from causalbandit.strategies.strategy import make_task
from causalbandit.world import World


@pytest.fixture
def partly(shop):
    return replace(shop, known={"trust": [0.2, None], "ad": [0.3]})


def test_values_are_kept_by_row_and_the_others_are_learned(partly):
    assert dict(partly.known_tables) == {"ad": (0.3,), "trust": (0.2, None)}
    np.testing.assert_array_equal(partly.known_rows[:3], [0.3, 0.2, np.nan])
    assert make_task(partly).n_learned == partly.interventions.n_family_rows - 2


def test_names_nan_and_none_say_the_same(shop):
    by_name = replace(shop, known=["ad"])
    assert by_name.known == {"ad": (0.3,)}
    assert by_name == replace(shop, known={"ad": 0.3}) != shop
    assert replace(shop, known={"trust": [math.nan, 0.7]}) == replace(shop, known={"trust": [None, 0.7]})
    assert replace(shop, known={"trust": [None, None]}) == shop


def test_a_file_gives_back_what_was_known(partly, tmp_path):
    cb.save_problem(partly, tmp_path / "shop.json")
    saved = {node["id"]: node for node in json.loads((tmp_path / "shop.json").read_text())["nodes"]}
    assert saved["ad"]["known"] is True
    assert saved["trust"]["known"] == [0.2, None]
    assert cb.load_problem(tmp_path / "shop.json") == partly
    assert pickle.loads(pickle.dumps(partly)) == partly


def test_a_value_without_a_table_is_known_in_a_file_too(shop, tmp_path):
    bare = replace(shop, model=None, tables={}, known={"trust": [0.2, None]})
    cb.save_problem(bare, tmp_path / "shop.json")
    assert cb.load_problem(tmp_path / "shop.json") == bare


@together(
    ("node", "known", "said"),
    [
        ("trust", [0.25, None], r"nodes\[1\]\.known says P\(trust = 1 \| ad=0\) = 0\.25, but .* says 0\.2\."),
        ("trust", [0.2], r"nodes\[1\]\.known does not fit.*expected 2 probabilities"),
        ("trust", [0.2, 2], r"nodes\[1\]\.known\[1\] was 2; expected a probability in \[0, 1\], or null"),
        ("trust", "yes", r"nodes\[1\]\.known was 'yes'; expected true, false, or a list"),
    ],
)
def test_a_file_is_refused_by_place(shop, tmp_path, node, known, said):
    cb.save_problem(shop, tmp_path / "shop.json")
    document = json.loads((tmp_path / "shop.json").read_text())
    next(each for each in document["nodes"] if each["id"] == node)["known"] = known
    (tmp_path / "shop.json").write_text(json.dumps(document))
    with pytest.raises(ValueError, match=said):
        cb.load_problem(tmp_path / "shop.json")


def test_contradictions_are_named_with_their_configuration(shop):
    said = r"known says P\(trust = 1 \| ad=1\) = 0\.75, but the problem's table says 0\.7\."
    with pytest.raises(ValueError, match=said):
        replace(shop, known={"trust": [0.2, 0.75]})
    with pytest.raises(ValueError, match=said):
        cb.search(shop, 100, known={"trust": [None, 0.75]}, rng=0)
    bare = replace(shop, model=None, tables={})
    with pytest.raises(ValueError, match=r"known says P\(ad = 1\) = 0\.4, but what was known says 0\.3"):
        replace(bare, known={"ad": 0.3}).with_known({"ad": 0.4})
    with pytest.raises(ValueError, match=r"known says P\(ad = 1\) = 0\.4, but the world's table says 0\.3"):
        World(replace(bare, known={"ad": 0.4}), shop)


def test_parents_of_a_world_in_another_order_are_compared_by_name():
    dag = nx.DiGraph([("a", "y"), ("b", "y")])
    mine, theirs = (cb.CausalGraph(dag, "y", parents={"y": order}) for order in (["a", "b"], ["b", "a"]))
    tables = {"a": 0.5, "b": 0.5, "y": [0.1, 0.2, 0.3, 0.4]}  # second entry: b=0, a=1
    world = cb.Problem(theirs, cb.InterventionSet(theirs, [{}]), cb.CausalModel(theirs, tables))
    problem = cb.Problem(mine, cb.InterventionSet(mine, [{}]), known={"y": [0.1, 0.3, 0.2, 0.4]})
    World(problem, world)
    with pytest.raises(ValueError, match=r"y = 1 \| a=0, b=1\) = 0\.2, but the world's table says 0\.3"):
        World(replace(problem, known={"y": [0.1, 0.2, 0.3, 0.4]}), world)


def test_what_cannot_be_known_is_refused():
    graph = cb.CausalGraph(nx.DiGraph([("u", "y"), ("x", "y")]), "y", hidden=["u"])
    problem = cb.Problem(graph, cb.InterventionSet(graph, [{}]))
    for known, said in (
        ({"y": [0.1] * 4}, "which hidden causes reach"),
        (["x"], "names 'x', which has no table here"),
        ("x", "expected a mapping from node to its table"),
        ({"x": "often"}, "a flat list of probabilities"),
        ({"z": 0.1}, "node with a known table"),
    ):
        with pytest.raises(ValueError, match=said):
            replace(problem, known=known)


def test_parts_of_a_table_add_up(shop):
    assert joined_tables(shop.graph, {"trust": (0.2, None)}, {"trust": (None, 0.7)}) == {"trust": (0.2, 0.7)}


@together("strategy", ["two-phase", "two-phase-pooled", "top-two", "uniform-plug-in"])
@together("goal", ["max", "min"])
def test_partly_known_rows_keep_their_values(partly, strategy, goal):
    chosen = cb.TwoPhase(pooled=True) if strategy == "two-phase-pooled" else strategy
    decision = cb.search(replace(partly, goal=goal), 300, chosen, rng=0)
    assert decision.tables.known.tolist()[:3] == [True, True, False]
    np.testing.assert_allclose(decision.tables.cpt[:2], [0.3, 0.2], atol=1e-15)
    assert decision.tables.cpt[2] != 0.7


def test_known_rows_of_the_target_count_with_their_value_in_importance_weights(shop):
    told = replace(shop, known=shop.graph.nodes)
    decision = cb.search(told, 50, "importance-weighted-knows-tables", rng=0)
    np.testing.assert_allclose(decision.estimates, shop.model.effects(shop.interventions), atol=1e-12)


def test_known_tables_go_through_history_and_studies(partly, tmp_path):
    rows = partly.model.sample({}, 40, rng=0)
    fitted = cb.fit(partly, rows)
    assert fitted.problem.tables["trust"][0] == 0.2
    assert len(fitted.thin_rows()) < len(cb.fit(replace(partly, known={}), rows.head(1)).thin_rows())
    cb.Study.create(tmp_path / "s.db", partly, 60, "two-phase", rng=0).close()
    with cb.Study.open(tmp_path / "s.db") as study:
        assert study.problem == partly
        assert len(study.ask()) > 0


def test_a_summary_says_how_many_experiments_are_saved(partly, shop):
    text = partly.summary()
    assert "known tables       2 of" in text
    assert "1 of them in part" in text
    n_rows = shop.interventions.n_family_rows
    assert f"6 experiments: 3C was {3 * n_rows}, is {3 * n_rows - 6}" in text
    assert "known tables" not in shop.summary()


def test_what_is_known_lowers_regret(shop):
    """200 seeded searches each: regret with all tables but one known is below that with none."""
    told = replace(shop, known=["ad", "purchase"])
    both = [cb.evaluate_regret(each, "uniform-plug-in", [30], 200, rng=1, progress=False) for each in (told, shop)]
    means = [curves.to_frame()["regret"].mean() for curves in both]
    assert means[0] < means[1]


@pytest.mark.parametrize("budget_money", [False, True])
def test_top_two_experiments_only_where_something_is_left_to_learn(shop, budget_money):
    """All tables but that of ad are known: an intervention that fixes it teaches nothing, from the first batch on."""
    told = replace(shop, known=[node for node in shop.graph.nodes if node != "ad"])
    amount = {"budget_money": 60.0} if budget_money else {"budget": 60}
    decision = cb.search(told, strategy="top-two", rng=0, **amount)
    fixes = np.array(["ad" in intervention for intervention in shop.interventions])
    (family,) = shop.interventions.families_of("ad")
    assert fixes.any()
    assert decision.experiments[fixes].sum() == 0
    assert decision.counts.visits[family.rows].sum() == decision.counts.total == 60
