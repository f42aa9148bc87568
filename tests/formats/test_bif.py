"""BIF files: networks as published, and everything that the reader behind would let pass in silence."""

import builtins
import json
from pathlib import Path

import pytest
from cases import together
from conftest import refusal

import causalbandit as cb

pytest.importorskip("pgmpy", reason="BIF files need the extra bif")
pytestmark = pytest.mark.usefixtures("one_bif_grammar")

REFERENCE = json.loads((Path(__file__).parents[1] / "data" / "exact_effects.json").read_text(encoding="utf-8"))

SMALL = """network shop {
}
variable ad {
  type discrete [ 2 ] { shown, hidden };
}
variable trust {
  type discrete [ 2 ] { yes, no };
}
variable purchase {
  type discrete [ 2 ] { no, yes };
}
probability ( ad ) {
  table 0.7, 0.3;
}
probability ( trust | ad ) {
  (shown) 0.2, 0.8;
  (hidden) 0.7, 0.3;
}
probability ( purchase | trust, ad ) {
  (yes, shown) 0.6, 0.4;
  (no, shown) 0.9, 0.1;
  (yes, hidden) 0.4, 0.6;
  (no, hidden) 0.8, 0.2;
}
"""


@pytest.fixture
def read(tmp_path):
    """Read a text as a BIF file."""

    def read_text(text, target="purchase", **options):
        path = tmp_path / "shop.bif"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return cb.read_bif(path, target, **options)

    return read_text


@together("name", REFERENCE["networks"])
def test_effects_on_shipped_networks_equal_those_of_pyagrum(shipped, name):
    problem = shipped[name]
    by_target = {}
    for case in REFERENCE["networks"][name]:
        by_target.setdefault(case["target"], []).append(case)
    for target, cases in by_target.items():
        graph = cb.CausalGraph(problem.graph.to_networkx(), target)
        arms = cb.InterventionSet(graph, [case["do"] for case in cases])
        effects = cb.CausalModel(graph, problem.tables).effects(arms)
        assert effects == pytest.approx([case["effect"] for case in cases], rel=0, abs=1e-12)


def test_states_are_coded_by_their_words_and_tables_turned_accordingly(read):
    problem = read(SMALL)
    assert dict(problem.states) == {"ad": ("shown", "hidden"), "trust": ("no", "yes"), "purchase": ("no", "yes")}
    assert problem.graph.parents("purchase") == ("trust", "ad")
    assert problem.tables["ad"] == (0.3,)
    assert problem.tables["trust"] == (0.2, 0.7)
    # rows: trust = no, ad = shown | no, hidden | yes, shown | yes, hidden
    assert problem.tables["purchase"] == (0.1, 0.2, 0.4, 0.6)
    assert problem.name == "shop"
    assert problem.goal == "max"


@together(
    ("listed", "one"),
    [
        ("yes, no", "yes"),
        ("no, yes", "yes"),
        ("True, False", "True"),
        ("positive, negative", "positive"),
        ("low, high", "high"),
        ("high, low", "low"),
        ("Yes__Network_printer_, No__Local_printer_", "Yes__Network_printer_"),
        ("yes_a_little, yes_a_lot", "yes_a_lot"),
        ("yesterday, today", "today"),
        ("Correct, Incorrect_Corrupt", "Incorrect_Corrupt"),
    ],
)
def test_the_state_coded_1(read, listed, one):
    declared = f"variable y {{\n  type discrete [ 2 ] {{ {listed} }};\n}}\n"
    text = "network n {\n}\n" + declared + "probability ( y ) {\n  table 0.25, 0.75;\n}\n"
    problem = read(text, "y")
    assert problem.states["y"][1] == one
    assert problem.tables["y"] == ((0.25,) if listed.split(", ")[0] == one else (0.75,))


def test_probabilities_are_doubles(read):
    problem = read(
        SMALL.replace("0.7, 0.3;\n}\nprobability ( trust", "0.899999999999, 0.100000000001;\n}\nprobability ( trust")
    )
    assert problem.tables["ad"] == (0.100000000001,)


def test_interventions_are_chosen_as_asked(read):
    assert len(read(SMALL).interventions) == 5
    assert list(read(SMALL, nodes=["ad"]).interventions) == [{}, {"ad": 0}, {"ad": 1}]
    assert len(read(SMALL, up_to=2).interventions) == 9
    assert list(read(SMALL, interventions=[{"ad": 1}]).interventions) == [{"ad": 1}]
    assert "one way or the other" in refusal(lambda: read(SMALL, interventions=[{}], up_to=1), TypeError)


def test_hidden_variables_are_kept_with_their_tables_and_never_fixed(read):
    problem = read(SMALL, hidden=["trust"])
    assert problem.graph.hidden == ("trust",)
    assert list(problem.interventions) == [{}, {"ad": 0}, {"ad": 1}]
    assert problem.tables == read(SMALL).tables
    arms = problem.interventions
    seen = read(SMALL, interventions=list(arms))
    assert problem.model.effects(arms) == pytest.approx(seen.model.effects(seen.interventions), abs=1e-15)


def test_hidden_variables_that_cannot_be_are_refused(read):
    assert "hidden names 'trsut'" in refusal(lambda: read(SMALL, hidden=["trsut"]))
    assert "hidden names the target" in refusal(lambda: read(SMALL, hidden=["purchase"]))
    assert "hidden" in refusal(lambda: read(SMALL, hidden=["trust"], nodes=["trust"]))


@together(
    "text",
    [
        SMALL.replace("\n", "\r\n"),
        "\ufeff" + SMALL,
        SMALL.rstrip("\n"),
        SMALL.replace("};\n}", "}; }"),
        SMALL.replace("}\nvariable", "} variable"),
        "/* a comment { */" + SMALL + "// the end\n",
    ],
)
def test_layout_does_not_matter(read, text):
    assert read(text) == read(SMALL)


def test_a_converted_network_survives_saving(read, tmp_path):
    problem = read(SMALL, goal="min", up_to=2)
    cb.save_problem(problem, tmp_path / "shop.json")
    assert cb.load_problem(tmp_path / "shop.json") == problem


# Bad input -----------------------------------------------------------------------------------------------------------


@together(
    "text",
    [
        "",
        "garbage",
        '{"graph": {}}',
        "network shop {\n}\n",
        "variable { type }",
        "\x00\x01\x02",
        "<html></html>",
        SMALL[:40],
    ],
)
def test_garbage_is_refused_and_never_an_empty_graph(read, text):
    said = refusal(lambda: read(text))
    assert "shop.bif" in said
    assert "'variable' and 'probability' blocks" in said or "braces" in said


@together("end", [120, 200, 260, 330, 400])
def test_a_truncated_file_is_refused(read, end):
    assert "shop.bif" in refusal(lambda: read(SMALL[:end]))


def test_bytes_that_are_no_text_are_refused(read):
    assert "not UTF-8" in refusal(lambda: read(b"network \xff\xfe"))


def test_variables_without_two_states_are_named(read):
    text = SMALL.replace("[ 2 ] { shown, hidden }", "[ 3 ] { shown, hidden, unknown }").replace(
        "table 0.7, 0.3", "table 0.7, 0.2, 0.1"
    )
    text = text.replace("  (hidden) 0.7, 0.3;", "  (hidden) 0.7, 0.3;\n  (unknown) 0.7, 0.3;")
    said = refusal(lambda: read(text))
    assert "'ad' (3: shown, hidden, unknown)" in said
    assert "two states" in said
    assert "merge" in said


@together(
    ("old", "new", "named"),
    [
        ("table 0.7, 0.3", "table 0.7, 0.2", "'ad' the probabilities [0.7, 0.2]"),
        ("(hidden) 0.7, 0.3", "(hidden) 1.7, -0.7", "'trust' the probabilities [1.7, -0.7] for ad=hidden"),
        ("(no, shown) 0.9, 0.1", "(no, shown) 0.9, 0.2", "for trust=no, ad=shown"),
        ("  (no, shown) 0.9, 0.1;\n", "", "gives 3 rows for 'purchase'; expected 4"),
        ("(no, shown) 0.9", "(yes, shown) 0.9", "'purchase'"),
        ("(no, shown) 0.9, 0.1", "(no, shown) nan, 0.1", "shop.bif"),
        ("(no, shown) 0.9, 0.1", "(no, shown) 0.9", "shop.bif"),
        ("(no, shown) 0.9, 0.1", "(maybe, shown) 0.9, 0.1", "a row for the state 'maybe', which no variable lists"),
        ("table 0.7, 0.3", "table 0.7", "shop.bif"),
        ("table 0.7, 0.3", "table", "shop.bif"),
        ("probability ( ad ) {\n  table 0.7, 0.3;\n}\n", "", "no probability block for 'ad'"),
        ("variable ad {\n  type discrete [ 2 ] { shown, hidden };\n}\n", "", "shop.bif"),
        ("variable trust", "variable ad", "'ad' more than once"),
        (
            "( trust | ad )",
            "( trust | bad )",
            "the parent 'bad', which is not a variable of the file. Did you mean 'ad'?",
        ),
        ("[ 2 ] { shown", "[ 3 ] { shown", "{ shown, hidden } are 3 states"),
        ("type discrete [ 2 ] { yes, no }", "type continuous", "shop.bif"),
    ],
)
def test_a_broken_table_or_block_is_refused(read, old, new, named):
    assert old in SMALL
    said = refusal(lambda: read(SMALL.replace(old, new)))
    assert named in said


def test_a_cycle_is_refused_and_named(read):
    text = SMALL.replace(
        "probability ( ad ) {\n  table 0.7, 0.3;", "probability ( ad | trust ) {\n  (yes) 0.7, 0.3;\n  (no) 0.1, 0.9;"
    )
    said = refusal(lambda: read(text))
    assert "cycle" in said
    assert "→" in said


def test_a_missing_target_is_refused_with_the_nearest_name(read):
    said = refusal(lambda: read(SMALL, "purchas"))
    assert "Did you mean 'purchase'?" in said


def test_a_large_file_is_refused_before_it_is_read(read):
    assert "expected at most 100" in refusal(lambda: read(SMALL, max_bytes=100))


def test_without_pgmpy_the_command_that_installs_it_is_given(read, monkeypatch):
    real = builtins.__import__

    def without(name, *arguments, **keywords):
        if name.startswith("pgmpy"):
            raise ImportError("No module named 'pgmpy'")
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without)
    assert "pip install 'causalbandit[bif]'" in refusal(lambda: read(SMALL), ImportError)
