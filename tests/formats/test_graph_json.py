"""Graph files: what is written is read back, and what cannot be believed is refused with its place."""

import io
import itertools
import json
import os
import stat

import networkx as nx
import pytest
from cases import together
from conftest import GRAPHS, SHIPPED
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import causalbandit as cb
from causalbandit import assignments
from causalbandit.formats import graph_json, graph_schema
from causalbandit.formats.strict_json import place_text

SMALL = {
    "graph": {"target": "purchase", "interventions": [{}, {"ad": 1}]},
    "nodes": [
        {"id": "ad", "cpt": [0.3]},
        {"id": "trust", "parents": ["ad"], "cpt": [0.2, 0.7]},
        {"id": "purchase", "parents": ["ad", "trust"], "cpt": [0.1, 0.4, 0.2, 0.6]},
    ],
    "edges": [
        {"source": "ad", "target": "trust"},
        {"source": "trust", "target": "purchase"},
        {"source": "ad", "target": "purchase"},
    ],
}


def small(**changes):
    """A copy of SMALL; ``graph=`` updates the header, other keywords replace whole fields."""
    document = json.loads(json.dumps(SMALL))
    document["graph"].update(changes.pop("graph", {}))
    return {**document, **changes}


def load(document):
    return cb.load_problem(io.StringIO(document if isinstance(document, str) else json.dumps(document)))


def refusal(document, error=ValueError):
    with pytest.raises(error) as caught:
        load(document)
    return str(caught.value)


# Reading -------------------------------------------------------------------------------------------------------------


def test_a_small_file_gives_its_problem(shop):
    problem = load(SMALL)
    assert problem.model == shop.model
    assert list(problem.interventions) == [{}, {"ad": 1}]
    assert problem.goal == "max"


def test_target_nodes_and_edges_are_enough():
    problem = load(
        {"graph": {"target": "y"}, "nodes": [{"id": "x"}, {"id": "y"}], "edges": [{"source": "x", "target": "y"}]}
    )
    assert list(problem.interventions) == [{}, {"x": 0}, {"x": 1}]
    assert problem.model is None
    assert problem.missing_tables == ("x", "y")


def test_some_tables_give_no_model_but_are_kept():
    document = small()
    del document["nodes"][1]["cpt"]
    problem = load(document)
    assert problem.model is None
    assert dict(problem.tables) == {"ad": (0.3,), "purchase": (0.1, 0.4, 0.2, 0.6)}


def test_links_is_another_name_for_edges(shop):
    document = small()
    document["links"] = document.pop("edges")
    assert load(document).model == shop.model
    document["edges"] = document["links"]
    assert "$.links and $.edges" in refusal(document)


def test_what_networkx_writes_is_read(shop):
    dag = shop.graph.to_networkx()
    dag.graph["target"] = "purchase"
    dag.nodes["ad"]["colour"] = "red"
    dag.edges["ad", "trust"]["weight"] = 2.5
    for edges in ("edges", "links"):
        assert load(nx.node_link_data(dag, edges=edges)).graph == shop.graph


def test_the_short_form_of_interventions_is_that_of_up_to():
    problem = load(small(graph={"interventions": {"nodes": ["trust", "ad"], "up_to": 2}}))
    assert problem.interventions == cb.InterventionSet.up_to(problem.graph, 2, ["trust", "ad"])


def test_costs_follow_the_interventions():
    assert load(small(graph={"costs": [1, 2.5]})).interventions.costs.tolist() == [1, 2.5]
    said = refusal(small(graph={"costs": [1]}))
    assert "$.graph.costs: " in said
    assert "expected (2,): one price per intervention" in said


@pytest.mark.parametrize("encode", ["utf-8", "utf-8-sig"])
def test_byte_order_mark_crlf_and_binary_files_are_read(tmp_path, encode, shop):
    path = tmp_path / "shop.json"
    path.write_bytes(json.dumps(SMALL, indent=1).replace("\n", "\r\n").encode(encode))
    assert cb.load_problem(path).model == shop.model
    assert cb.load_problem(str(path)).model == shop.model
    with path.open("rb") as file:
        assert cb.load_problem(file).model == shop.model
    with path.open(encoding="utf-8") as file:
        assert cb.load_problem(file).model == shop.model


# Writing -------------------------------------------------------------------------------------------------------------


def star(n, name="x{}"):
    return cb.CausalGraph(nx.DiGraph((name.format(i), "y") for i in range(n)), "y")


def test_what_could_not_be_read_back_is_not_written(tmp_path):
    path = tmp_path / "problem.json"
    path.write_text("old")
    graph = star(12)
    many = cb.Problem(graph, cb.InterventionSet.up_to(graph, 12, most=10**6))  # more than the short form may stand for
    long = star(6, "a node with a long name and the number {}")
    listed = cb.Problem(long, cb.InterventionSet.up_to(long, 6)[1:])
    for problem, limit in ((many, {}), (listed, {"max_bytes": 10**4}), (listed, {"max_bytes": 10**5})):
        with pytest.raises(ValueError, match=r"as a file; expected at most .* Nothing was written.*max_bytes") as said:
            cb.save_problem(problem, path, **limit)
        assert f"at most {limit.get('max_bytes', 2**24):,}" in str(said.value)
        assert path.read_text() == "old"
    cb.save_problem(listed, path, max_bytes=10**6)
    assert cb.load_problem(path) == listed
    size = path.stat().st_size
    cb.save_problem(listed, path, max_bytes=size)
    assert cb.load_problem(path, max_bytes=size) == listed
    with pytest.raises(ValueError, match=f"needs {size:,} bytes"):
        cb.save_problem(listed, path, max_bytes=size - 1)


def test_a_short_form_that_would_be_refused_is_written_as_a_list(tmp_path, monkeypatch):
    monkeypatch.setattr(graph_json, "MOST_INTERVENTIONS", 26)
    graph = star(3)
    for size, short in ((2, True), (3, False)):
        problem = cb.Problem(graph, cb.InterventionSet.up_to(graph, size))
        cb.save_problem(problem, tmp_path / "p.json")
        written = json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))["graph"]["interventions"]
        assert isinstance(written, dict) == short
        assert cb.load_problem(tmp_path / "p.json") == problem


def test_a_file_that_stands_for_a_table_too_large_is_refused_with_its_place(monkeypatch):
    monkeypatch.setattr(assignments, "MOST_BYTES", 300_000)
    chain = [f"n{i}" for i in range(400)]
    document = {
        "graph": {"target": chain[-1]},
        "nodes": [{"id": node} for node in chain],
        "edges": [{"source": a, "target": b} for a, b in itertools.pairwise(chain)],
    }
    said = refusal(document)
    assert "$.graph.interventions: 799 interventions on 400 nodes need 319,600 bytes" in said
    assert "at most 300,000" in said


@together("name", SHIPPED)
def test_shipped_problems_survive_saving(shipped, tmp_path, name):
    problem = shipped[name]
    cb.save_problem(problem, tmp_path / "again.json")
    assert cb.load_problem(tmp_path / "again.json") == problem
    assert (tmp_path / "again.json").read_text(encoding="utf-8") == (GRAPHS / f"{name}.json").read_text(
        encoding="utf-8"
    )


@together("name", SHIPPED)
def test_shipped_problems_say_what_they_ask_and_where_they_come_from(shipped, name):
    problem = shipped[name]
    assert problem.name == name
    assert problem.description.endswith((".", "?"))
    assert problem.source
    assert problem.model is not None
    assert problem.model.effects(problem.interventions).std() > 0


def test_win95pts_offers_many_interventions(shipped):
    assert len(shipped["win95pts"].interventions) >= 60
    assert shipped["win95pts"].graph.n_family_rows == 386


@together("name", SHIPPED)
def test_networkx_reads_saved_files(shipped, name):
    with (GRAPHS / f"{name}.json").open(encoding="utf-8") as file:
        dag = nx.node_link_graph(json.load(file), edges="edges")
    assert type(dag) is nx.DiGraph
    assert cb.CausalGraph(dag, dag.graph["target"]) == shipped[name].graph


VISIBLE = "aZé中ß😀\u0301$_^{}[]<>&#%\"'`\\/|0=,;:.~!?+*-"
"""Letters and signs of all lengths in UTF-8, a mark that joins another letter, what JSON and HTML escape. Drawing from
all characters would first make a table of them, which takes a second."""
names = st.text(VISIBLE, min_size=1, max_size=8)
texts = st.text(VISIBLE + " \n\r\t\x00\x1b\x7f\x85\xa0\u2028\u202e\ufeff\ufffe", max_size=20)


@st.composite
def problems(draw):
    nodes = draw(st.lists(names, min_size=1, max_size=6, unique=True))
    dag = nx.DiGraph()
    dag.add_nodes_from(nodes)
    for place, node in enumerate(nodes):
        dag.add_edges_from((parent, node) for parent in nodes[:place] if draw(st.booleans()))
    target = draw(st.sampled_from(nodes))
    hidden = [node for node in nodes if node != target and draw(st.integers(0, 3)) == 0]
    seen = [node for node in nodes if node not in hidden]
    pairs = [pair for pair in itertools.combinations(seen, 2) if draw(st.integers(0, 5)) == 0]
    graph = cb.CausalGraph(dag, target, hidden=hidden, confounded=[draw(st.permutations(pair)) for pair in pairs])
    probability = st.floats(0, 1)
    tables = {
        node: [draw(probability) for _ in range(2 ** len(graph.parents(node)))] for node in nodes if draw(st.booleans())
    }
    complete = len(tables) == len(nodes) and not pairs
    fixable = [node for node in seen if node != target]
    every = list(cb.InterventionSet.stream_up_to(graph, 2, fixable))
    chosen = draw(st.lists(st.sampled_from(every), min_size=1, max_size=6, unique_by=str))
    arms = cb.InterventionSet(graph, chosen, costs=[draw(st.floats(0.5, 9)) for _ in chosen])
    if draw(st.booleans()):
        arms = cb.InterventionSet.up_to(graph, draw(st.integers(0, 3)), draw(st.permutations(fixable)))
    return cb.Problem(
        graph,
        arms,
        cb.CausalModel(graph, tables) if complete else None,
        draw(st.sampled_from(["max", "min"])),
        name=draw(texts),
        description=draw(texts),
        source=draw(texts),
        tables=tables,
        descriptions={nodes[0]: draw(texts)},
        states={nodes[-1]: ("no", "yes")},
    )


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(problem=problems())
def test_any_problem_survives_saving(tmp_path, problem):
    path = tmp_path / "problem.json"
    cb.save_problem(problem, path)
    assert cb.load_problem(path) == problem
    assert cb.CausalGraph(problem.graph.to_networkx(), problem.graph.target) == problem.graph
    assert (
        cb.CausalGraph(
            nx.node_link_graph(json.loads(path.read_text(encoding="utf-8")), edges="edges"), problem.graph.target
        )
        == problem.graph
    )


def test_saving_keeps_the_mode_of_a_file_and_obeys_the_umask_for_a_new_one(shop, tmp_path):
    path = tmp_path / "shop.json"
    old = os.umask(0o027)
    try:
        cb.save_problem(shop, path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        cb.save_problem(shop, path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
    finally:
        os.umask(old)


def test_saving_through_a_link_writes_the_file_it_points_to(shop, tmp_path):
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    cb.save_problem(shop, tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert cb.load_problem(tmp_path / "real.json") == shop


def test_a_failed_save_leaves_the_old_file_and_nothing_else(shop, tmp_path, monkeypatch):
    path = tmp_path / "shop.json"
    path.write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        cb.save_problem(shop, path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["shop.json"]


def test_saving_into_a_missing_folder_or_a_folder_is_refused(shop, tmp_path):
    with pytest.raises(FileNotFoundError, match="create it first"):
        cb.save_problem(shop, tmp_path / "none" / "shop.json")
    with pytest.raises(IsADirectoryError, match="name of a file"):
        cb.save_problem(shop, tmp_path)
    with pytest.raises(TypeError, match="expected a Problem"):
        cb.save_problem(shop.graph, tmp_path / "shop.json")
    assert os.listdir(tmp_path) == []


# Bad files: bytes and syntax -----------------------------------------------------------------------------------------


def test_a_missing_file_is_refused_with_the_nearest_name():
    with pytest.raises(FileNotFoundError, match=r"Did you mean 'asia\.json'"):
        cb.load_problem(GRAPHS / "asai.json")
    with pytest.raises(IsADirectoryError, match="expected a file"):
        cb.load_problem(GRAPHS)
    with pytest.raises(TypeError, match="path or an open file"):
        cb.load_problem({"graph": {}})


def test_a_file_of_a_gigabyte_is_refused_before_it_is_read(tmp_path):
    import tracemalloc

    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(2**30)  # a sparse file: no bytes are written
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"1,073,741,824 bytes; expected at most 16,777,216.*max_bytes"):
        cb.load_problem(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


def test_a_stream_without_end_is_refused():
    class Endless:
        def read(self, size):
            return b" " * size

    with pytest.raises(ValueError, match="more than 100 bytes"):
        cb.load_problem(Endless(), max_bytes=100)


@together(
    ("text", "words"),
    [
        (json.dumps(SMALL)[:60], ("line 1, column", "cut off")),
        ("  \n", ("empty", "an object with 'graph', 'nodes' and 'edges'")),
        (json.dumps(SMALL).replace("0.7", "NaN"), ("$.nodes[1].cpt[1] is NaN",)),
        (json.dumps(SMALL).replace('"cpt": [0.3]', '"cpt": [0.3], "cpt": [0.4]'), ("$.nodes[0].cpt", "more than once")),
        ("[" * 200_000, ("200,000 deep",)),
    ],
)
def test_a_file_is_read_strictly(text, words):
    said = refusal(text)
    assert all(word in said for word in words), said


def test_brackets_inside_texts_are_no_nesting(shop):
    document = small(graph={"description": '"' + "[{\\" * 500})
    assert load(document).model == shop.model


# Bad files: shape ----------------------------------------------------------------------------------------------------


@together(
    ("place", "value", "expected"),
    [
        (("graph", "confounded"), "ad", "a list of pairs of nodes"),
        (("nodes", 0, "hidden"), "yes", "true for a node that nobody can see"),
        (("nodes", 2, "cpt", 1), 1.2, "probability in [0, 1]"),
        (("nodes", 2, "cpt", 1), -0.1, "probability in [0, 1]"),
        (("nodes", 2, "cpt", 1), "0.4", "probability in [0, 1]"),
        (("nodes", 2, "cpt", 1), True, "probability in [0, 1]"),
        (("nodes", 2, "cpt", 1), None, "probability in [0, 1]"),
        (("nodes", 2, "cpt"), 0.4, "flat list"),
        (("nodes", 2, "cpt", 0), [0.1, 0.4], "probability in [0, 1]"),
        (("nodes", 0, "id"), 7, "numbers go in quotes"),
        (("nodes", 1), "trust", "{'id': 'ad'"),
        (("nodes", 1, "parents"), "ad", "list of node names"),
        (("nodes", 1, "states"), ["yes"], "two texts"),
        (("nodes", 1, "description"), 3, "a text"),
        (("nodes",), [], "at least one node"),
        (("nodes",), {"ad": {}}, "at least one node"),
        (("edges", 0), ["ad", "trust"], "{'source': 'ad', 'target': 'trust'}"),
        (("edges",), {}, "list of edges"),
        (("graph",), [], "holds at least 'target'"),
        (("graph", "target"), None, "name of the node"),
        (("graph", "goal"), "maximise", "'max' or 'min'"),
        (("graph", "format"), 2, "newer version"),
        (("graph", "name"), 5, "a text"),
        (("graph", "interventions"), "all", "[{}, {'ad': 1}]"),
        (("graph", "interventions", 1), ["ad"], "object from node names"),
        (("graph", "interventions", 1, "ad"), 2, "0 or 1"),
        (("graph", "interventions", 1, "ad"), True, "0 or 1"),
        (("graph", "interventions", 1, "ad"), "1", "0 or 1"),
        (("graph", "costs"), [1, -1], "positive number"),
        (("directed",), False, "true"),
        (("multigraph",), True, "false"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place_and_what_belongs_there(place, value, expected):
    document = small(directed=True, multigraph=False)
    record = document
    for step in place[:-1]:
        record = record[step]
    record[place[-1]] = value
    said = refusal(document)
    where = place_text((*place, 1) if place == ("graph", "costs") else place)
    assert f"{where} was" in said
    assert expected in said
    assert "pydantic" not in said


def test_wrong_parts_of_the_short_form_are_refused_with_their_place():
    assert "$.graph.interventions.up_to was -1" in refusal(small(graph={"interventions": {"up_to": -1}}))
    assert "$.graph.interventions.up_to is missing" in refusal(small(graph={"interventions": {"nodes": ["ad"]}}))
    assert "$.graph.interventions.size is not a field" in refusal(
        small(graph={"interventions": {"up_to": 1, "size": 2}})
    )
    said = refusal(small(graph={"interventions": {"up_to": 1, "nodes": ["ads"]}}))
    assert "Did you mean 'ad'?" in said


@together(
    ("pair", "place", "expected"),
    [
        ("ad", "[0]", "a pair of nodes such as"),
        (["ad"], "[0]", "a pair of nodes such as"),
        (["ad", "trust", "purchase"], "[0]", "a pair of nodes such as"),
        (["ad", 1], "[0][1]", "the name of a node, a text"),
    ],
)
def test_wrong_parts_of_confounded_pairs_are_refused_with_their_place(pair, place, expected):
    said = refusal(small(graph={"confounded": [pair]}))
    assert f"$.graph.confounded{place} was" in said
    assert expected in said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"campaign": [1.5]}, ".campaign[0] was 1.5; expected a probability in [0, 1]."),
        ({"campaign": 0.5}, ".campaign was 0.5; expected a flat list of 2^(number of parents) probabilities, or null."),
        (["campaign", 1], "[1] was 1; expected the name of an alternative, a text."),
    ],
)
def test_wrong_parts_of_alternatives_are_refused_with_their_place(given, said):
    """What a list should have held is not said of an object, nor the other way round."""
    document = small()
    document["nodes"][0]["alternatives"] = given
    assert refusal(document).endswith(f": $.nodes[0].alternatives{said}")


@pytest.mark.parametrize("field", ["graph", "nodes", "edges"])
def test_a_missing_part_is_named(field):
    document = small()
    del document[field]
    assert f"$.{field} is missing" in refusal(document)


def test_a_missing_target_id_or_end_is_named():
    document = small()
    del document["graph"]["target"]
    del document["nodes"][1]["id"]
    del document["edges"][2]["source"]
    said = refusal(document)
    assert "$.graph.target is missing" in said
    assert "$.nodes[1].id is missing" in said
    assert "$.edges[2].source is missing" in said


def test_many_faults_are_listed_in_part_and_counted():
    said = refusal(small(nodes=[{"id": i} for i in range(1000)]))
    assert said.count("\n") <= 6
    assert "995 more" in said


@together(
    ("record", "wrong", "meant"),
    [
        ("nodes", "parent", "parents"),
        ("nodes", "cpts", "cpt"),
        ("nodes", "CPT", "cpt"),
        ("nodes", "table", "cpt"),
        ("nodes", "state", "states"),
        ("graph", "intervention", "interventions"),
        ("graph", "Target", "target"),
        ("graph", "arms", "interventions"),
        ("graph", "bidirected", "confounded"),
        ("nodes", "latent", "hidden"),
    ],
)
def test_a_near_miss_of_a_field_is_refused_since_it_would_be_lost(record, wrong, meant):
    document = small()
    where = document["nodes"][1] if record == "nodes" else document["graph"]
    where.pop(meant, None)
    where[wrong] = None
    said = refusal(document)
    assert f".{wrong} is not a field" in said
    assert f"Did you mean {meant!r}?" in said


def test_other_fields_are_allowed_where_networkx_writes_attributes(shop):
    document = small(graph={"colour": "red"}, **{"$schema": "graph.schema.json"})
    document["nodes"][0]["x"] = 1.5
    document["edges"][0]["weight"] = 2
    assert load(document).model == shop.model


def test_unknown_fields_at_the_top_are_refused():
    assert "$.vertices" in refusal(small(vertices=[]))
    said = refusal(small(target="purchase"))
    assert "$.target" in said
    assert "inside 'graph'" in said


# Bad files: the graph ------------------------------------------------------------------------------------------------


def test_a_cycle_is_refused_before_anything_optional():
    document = small(graph={"interventions": "nonsense", "goal": "most"})
    document["edges"].append({"source": "purchase", "target": "ad"})
    for node in document["nodes"]:
        node.pop("parents", None)
    said = refusal(document)
    assert "cycle" in said
    assert "nonsense" not in said


def test_tables_are_refused_before_anything_optional():
    document = small(graph={"interventions": "nonsense"})
    document["nodes"][1]["cpt"] = [0.2]
    said = refusal(document)
    assert "$.nodes[1].cpt" in said
    assert "expected 2 probabilities" in said
    assert "['ad']" in said
    assert "nonsense" not in said


def test_hidden_nodes_and_confounded_pairs_are_read():
    document = small(graph={"confounded": [["trust", "ad"]]})
    assert load(document).graph.confounded == (("trust", "ad"),)
    assert load(document).model is None
    document = small()
    document["nodes"][1]["hidden"] = True
    problem = load(document)
    assert problem.graph.hidden == ("trust",)
    assert problem.graph.nodes == ("ad", "purchase")
    assert problem.model is not None
    assert problem.tables["trust"] == (0.2, 0.7)


@together(
    ("pairs", "words"),
    [
        ([["ad", "trsut"]], "names 'trsut', which is not a node. Did you mean 'trust'?"),
        ([["ad", "ad"]], "expected a pair of two different nodes"),
        ([["ad", "trust"], ["trust", "ad"]], "holds the pair of 'trust' and 'ad' twice"),
        ([["ad", "taste"]], "names the hidden node 'taste'; expected observed nodes"),
    ],
)
def test_pairs_that_are_no_pairs_of_observed_nodes_are_refused(pairs, words):
    document = small(graph={"confounded": pairs})
    document["nodes"].append({"id": "taste", "hidden": True})
    said = refusal(document)
    assert "$.graph.confounded " in said
    assert words in said


def test_a_hidden_target_is_refused_with_its_place():
    document = small()
    document["nodes"][2]["hidden"] = True
    assert "$.nodes[2].hidden is true, but 'purchase' is the target" in refusal(document)


def test_an_intervention_on_a_hidden_node_is_refused():
    document = small()
    document["nodes"][0]["hidden"] = True
    said = refusal(document)
    assert "$.graph.interventions: " in said
    assert "fixes the hidden node 'ad', which nobody can fix" in said


def test_a_missing_target_node_is_refused():
    said = refusal(small(graph={"target": "purchas"}))
    assert "$.graph.target: " in said
    assert "'purchas'" in said
    assert "Did you mean 'purchase'?" in said


def test_an_edge_from_nowhere_is_refused():
    document = small()
    document["edges"][1]["source"] = "trsut"
    said = refusal(document)
    assert "$.edges[1].source is 'trsut'" in said
    assert "Did you mean 'trust'?" in said


def test_repeated_nodes_edges_and_self_loops_are_refused():
    document = small()
    document["nodes"].append({"id": "ad"})
    assert "$.nodes[3].id is 'ad' again, as in $.nodes[0]" in refusal(document)
    document = small()
    document["edges"].append(document["edges"][0])
    assert "$.edges[3] repeats the edge from 'ad' to 'trust'" in refusal(document)
    document = small()
    document["edges"].append({"source": "ad", "target": "ad"})
    document["nodes"][0]["parents"] = ["ad"]
    assert "edge to itself" in refusal(document)


def test_parents_that_disagree_with_the_edges_are_refused():
    document = small()
    document["nodes"][2]["parents"] = ["trust"]
    said = refusal(document)
    assert "$.nodes[2].parents" in said
    assert "['ad', 'trust']" in said


def test_a_name_with_a_line_break_is_refused():
    document = json.loads(json.dumps(SMALL).replace('"ad"', '"a\\nd"'))
    said = refusal(document)
    assert repr("a\nd") in said
    assert "on one line" in said


def test_interventions_are_checked_against_the_graph():
    said = refusal(small(graph={"interventions": [{}, {"purchase": 1}]}))
    assert "$.graph.interventions" in said
    assert "fixes the target" in said
    assert "both" in refusal(small(graph={"interventions": [{"ad": 1}, {"ad": 1}]}))
    assert "empty" in refusal(small(graph={"interventions": []}))


# The schema ----------------------------------------------------------------------------------------------------------


def test_the_exported_schema_is_current():
    text = graph_schema.SCHEMA_FILE.read_text(encoding="utf-8")
    assert text == graph_schema.schema_text(), (
        "run: python -c 'from causalbandit.formats import graph_schema as g; g.export()'"
    )


def test_the_schema_knows_every_field_that_is_written(shipped):
    schema = json.loads(graph_schema.schema_text())
    for name in SHIPPED:
        document = json.loads((GRAPHS / f"{name}.json").read_text(encoding="utf-8"))
        assert document.keys() <= schema["properties"].keys()
        for part, record in (
            ("Header", document["graph"]),
            ("Node", document["nodes"][-1]),
            ("Edge", document["edges"][0]),
        ):
            assert record.keys() <= schema["$defs"][part]["properties"].keys()


def test_costs_may_be_told_by_label():
    problem = load(small(graph={"costs": {"ad=1": 2.5, "(observe)": 1}}))
    assert problem.interventions.costs.tolist() == [1, 2.5]
    for costs, expected in (
        ({"(observe)": 1}, "$.graph.costs: costs lacks the price of 'ad=1'"),
        ({"(observe)": 1, "ad=1": 2, "ad=2": 3}, "has a price for 'ad=2', which is no intervention"),
        ({"(observe)": 1, "ad=1": -2}, "was -2; expected a positive number"),
        ("cheap", "was 'cheap'; expected a list with one positive number per intervention"),
    ):
        assert expected in refusal(small(graph={"costs": costs}))
