"""The check of a graph as a user meets it: data in several forms, contradictions in words, bad input."""

import json
import math

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from cases import together

import causalbandit as cb
from causalbandit.graph_check import check_graph
from causalbandit.graph_check.contradictions import e_text, percent

ARMS = [{}, {"m": 0}, {"m": 1}, {"z": 1}, {"x": 1}, {"m": 1, "z": 1}]


@pytest.fixture(scope="module")
def problem():
    """x → m → y ← z, as the experimenter believes."""
    graph = cb.CausalGraph(nx.DiGraph([("x", "m"), ("m", "y"), ("z", "y")]), target="y")
    return cb.Problem(graph, cb.InterventionSet(graph, ARMS))


def world(confounding):
    """The same with a hidden common cause of m and y, of the given strength in [0, 1]."""
    dag = nx.DiGraph([("x", "m"), ("u", "m"), ("m", "y"), ("z", "y"), ("u", "y")])
    k = confounding
    graph = cb.CausalGraph(dag, "y", parents={"m": ["u", "x"], "y": ["u", "m", "z"]})
    m = [0.05 + 0.75 * k * u + 0.375 * (1 - k) + 0.15 * x for u in (0, 1) for x in (0, 1)]
    y = [0.1 + 0.6 * k * u + 0.3 * (1 - k) - 0.1 * m + 0.08 * z for u in (0, 1) for m in (0, 1) for z in (0, 1)]
    return cb.CausalModel(graph, {"u": [0.5], "x": [0.5], "z": [0.5], "m": m, "y": y})


def experiments(model, sizes, seed):
    """Rows per label, without the hidden cause."""
    graph = cb.CausalGraph(nx.DiGraph([("x", "m"), ("m", "y"), ("z", "y")]), target="y")
    labels = cb.InterventionSet(graph, ARMS).labels
    rng = np.random.default_rng(seed)
    return {
        label: model.sample(fixed, size, rng).drop(columns="u")
        for label, fixed, size in zip(labels, ARMS, sizes, strict=True)
    }


@pytest.fixture(scope="module")
def confounded():
    return experiments(world(1), [600] * len(ARMS), 0)


def test_a_hidden_common_cause_is_named_in_a_sentence(problem, confounded):
    check = check_graph(problem, confounded, planned=True)
    assert check.refuted
    first = check.contradictions[0]
    assert (first.kind, first.node, first.other) == ("invariance", "y", "m")
    assert first.e_value > 1e6
    assert first.row.keys() == {"m", "z"}
    rows = pd.concat([frame for fixed, frame in zip(ARMS, confounded.values(), strict=True) if "m" in fixed])
    fixed = rows[(rows["m"] == first.row["m"]) & (rows["z"] == first.row["z"])]["y"]
    assert first.n_first == len(fixed)
    assert first.share_first == pytest.approx(fixed.mean())
    assert first.sentence == (
        f"y given m={first.row['m']}, z={first.row['z']} is 1 in {percent(first.share_first)} of experiments that "
        f"fixed m and in {percent(first.share_second)} of those that only saw it (e = {e_text(first.log_e)}): "
        "is there a common cause of m and y?"
    )
    assert first.sentence in " ".join(check.summary().split())


def test_a_right_graph_is_not_refuted_and_says_what_it_assumes(problem):
    check = check_graph(problem, experiments(world(0), [600] * len(ARMS), 1), planned=True)
    assert not check.refuted
    assert check.contradictions == []
    assert check.sentence == (
        "assumes that the graph has all common causes of its nodes; checked: 8 of 8 rows, no contradiction"
    )
    assert "no proof" in check.summary()


def test_rows_and_edges_that_cannot_be_seen_are_said(problem, confounded):
    check = check_graph(problem, {"(observe)": confounded["(observe)"], "z=1": confounded["z=1"]}, planned=True)
    assert ("m", "y", "m was never fixed") in check.unseen
    assert ("x", "m", "x was never fixed") in check.unseen
    assert all(j != "z" for j, _, _ in check.unseen)
    text = " ".join(check.summary().split())
    assert "Not seen, a common cause behind the edges: x → m (x was never fixed)" in text
    alone = check_graph(problem, confounded["(observe)"], planned=True)
    assert alone.rows_checked < alone.n_rows
    assert f"checked: {alone.rows_checked} of {alone.n_rows} rows" in alone.sentence


def test_all_forms_of_data_say_the_same(problem, confounded):
    by_label = check_graph(problem, confounded, planned=True)
    pairs = check_graph(problem, list(zip(ARMS, confounded.values(), strict=True)), planned=True)
    labelled = pd.concat([frame.assign(done=label) for label, frame in confounded.items()])
    one = check_graph(problem, labelled, interventions="done", planned=True)
    columns = pd.concat(
        [
            frame.assign(**{f"do {node}": fixed.get(node, np.nan) for node in "xzm"})
            for fixed, frame in zip(ARMS, confounded.values(), strict=True)
        ]
    )
    other = check_graph(problem, columns, interventions={node: f"do {node}" for node in "xzm"}, planned=True)
    texts = check_graph(
        problem, columns.astype(object).fillna(""), interventions={n: f"do {n}" for n in "xzm"}, planned=True
    )
    for check in (pairs, one, other, texts):
        assert check.verdict == pytest.approx(by_label.verdict)
        assert [each.sentence for each in check.contradictions] == [each.sentence for each in by_label.contradictions]


def test_batches_are_compared_within_themselves(problem, confounded):
    """A drift between batches is no contradiction of the graph, when cells are compared batch by batch."""
    rng = np.random.default_rng(2)

    def rows(fixed, size, p):
        frame = pd.DataFrame(rng.integers(0, 2, (size, 4)), columns=list("xzmy")).assign(**fixed)
        return frame.assign(y=rng.random(size) < p)

    seen = pd.concat([rows({}, 900, 0.2).assign(batch=0), rows({}, 100, 0.8).assign(batch=1)])
    done = pd.concat([rows({"m": 1}, 100, 0.2).assign(batch=0), rows({"m": 1}, 900, 0.8).assign(batch=1)])
    data = {"(observe)": seen, "m=1": done}
    apart = check_graph(problem, data, batch="batch")
    assert apart.log_e[[c.other == "m" and c.node == "y" for c in apart.claims.claims]].max() < 3
    assert check_graph(problem, data, planned=True).refuted


def test_without_batches_universal_inference_is_used_and_said(problem, confounded):
    check = check_graph(problem, confounded)
    assert check.method == "universal"
    assert check.refuted
    assert "universal inference" in check.summary()
    assert 0 < check.verdict < check_graph(problem, confounded, planned=True).verdict


def test_everything_fits_json_frames_and_figures(problem, confounded, without_display):
    check = check_graph(problem, confounded, planned=True)
    told = json.loads(json.dumps(check.to_dict()))
    assert told["refuted"] is True
    assert told["contradictions"][0]["sentence"] == check.contradictions[0].sentence
    frame = check.to_frame()
    assert frame["contradicted"].sum() == len(check.contradictions)
    assert frame.loc[0, "claim"] == "y is the same with m fixed or seen"
    assert math.isclose(frame["largest"].max(), frame["largest"][0])
    assert "<li>y given m=" in check._repr_html_()
    ax = check.plot()
    assert len(ax.patches) == min(15, len(frame))
    assert all(len(line) <= 80 for line in check.summary().splitlines())


def test_an_influence_that_the_graph_lacks_is_a_question_about_that_edge():
    graph = cb.CausalGraph(nx.DiGraph([("a", "y"), ("b", "y"), ("y", "c")]), target="y")
    truth = cb.CausalGraph(nx.DiGraph([("a", "y"), ("b", "y"), ("c", "y")]), target="y")
    model = cb.CausalModel(truth, {"a": [0.5], "b": [0.5], "c": [0.4], "y": [0.1, 0.5, 0.2, 0.6, 0.2, 0.6, 0.3, 0.7]})
    problem = cb.Problem(graph, cb.InterventionSet(graph, [{}, {"c": 0}, {"c": 1}]))
    data = [(fixed, model.sample(fixed, 800, rng=seed)) for seed, fixed in enumerate([{}, {"c": 0}, {"c": 1}])]
    first = check_graph(problem, data, planned=True).contradictions[0]
    assert (first.kind, first.node, first.other) == ("invariance", "y", "c")
    assert "experiments that fixed c at 1" in first.sentence
    assert first.sentence.endswith("does the edge from y to c point the other way?")


@together(
    ("data", "options", "said"),
    [
        ("nothing", {}, "data was 'nothing'; expected a pandas.DataFrame"),
        ({}, {}, "data holds no rows"),
        (lambda f: f.iloc[:0], {}, "data holds no rows"),
        (lambda f: f.drop(columns="z"), {}, "missing 'z'"),
        (lambda f: f.assign(m=2), {}, "expected 0 or 1"),
        (lambda f: {"m=1": f.assign(m=0)}, {}, "although the intervention fixed it at 1"),
        (
            lambda f: f.assign(m=1, did=["m=0" if row == 5 else "m=1" for row in range(len(f))]),
            {"interventions": "did"},
            "holds 'm' = 1 in row 5, although the intervention fixed it at 0",
        ),
        (lambda f: {"w=1": f}, {}, "has the intervention 'w=1'"),
        (lambda f: [({"w": 1}, f)], {}, "'w'"),
        (lambda f: [({"y": 1}, f)], {}, "fixes the target"),
        (lambda f: f, {"interventions": "did"}, "names 'did', but there is no such column"),
        (lambda f: f, {"interventions": {"m": "did"}}, "names 'did', but there is no such column"),
        (
            lambda f: f.assign(did=3),
            {"interventions": {"m": "did"}},
            "holds 'did' = 3 in row 0; expected 0, 1 or nothing",
        ),
        (lambda f: f, {"batch": "b"}, "batch names 'b', but there is no such column"),
        (lambda f: f.assign(b=np.nan), {"batch": "b"}, "empty cells"),
        (lambda f: f.assign(b=0), {"batch": "b", "planned": True}, "expected one of them"),
        (lambda f: f, {"delta": 1.5}, "delta was 1.5"),
        (lambda f: {"m=1": f}, {"interventions": "did"}, "Drop it"),
        (lambda f: [f], {}, "expected pairs"),
    ],
)
def test_bad_input_is_named(problem, confounded, data, options, said):
    given = data(confounded["(observe)"]) if callable(data) else data
    with pytest.raises((TypeError, ValueError)) as caught:
        check_graph(problem, given, **options)
    assert said in str(caught.value)


def test_words_for_numbers():
    assert [percent(x) for x in (0, 0.0042, 0.05, 0.384, 1)] == ["0 %", "0.42 %", "5 %", "38 %", "100 %"]
    assert [e_text(x) for x in (0.0, math.log(2.04e6), math.log(9.7e5), 2300.0)] == ["1", "2e6", "1e6", "8e998"]
