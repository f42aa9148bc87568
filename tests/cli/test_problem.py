"""show, search and convert: what they print, which files they write, and how they refuse."""

import itertools
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Literal

import networkx as nx
import numpy as np
import pytest
from cases import together
from conftest import GRAPHS, ROOT, command_line
from forks import exit_code, forked, needs_fork

import causalbandit as cb
from causalbandit.cli import SUBCOMMANDS
from causalbandit.strategies import catalogue
from causalbandit.strategies.strategy import Batch, Choice

ASIA = str(GRAPHS / "asia.json")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command line inside an empty folder."""
    monkeypatch.chdir(tmp_path)
    return command_line


def refused(done, *parts, status=2):
    """The command failed with ``status`` and one message that holds all ``parts``; no traceback."""
    assert done.exit_code == status, done.output
    assert "Error: " in done.stderr
    assert "Traceback" not in done.output
    for part in parts:
        assert part in done.stderr, done.stderr


@dataclass(frozen=True)
class Uniform:
    """Spread the budget evenly and take the best mean: no solver, for tests of what surrounds a search."""

    fail: bool = False
    name: str = "even"
    needs: Literal["rows", "target"] = "target"

    def smallest_budget(self, task):
        return len(task.interventions)

    def run(self, task, budget, rng):
        n = len(task.interventions)
        counts = yield Batch(np.full(n, budget // n, dtype=np.int64), "even")
        if self.fail:
            raise RuntimeError("the power went out")
        means = counts.successes / counts.trials
        return Choice(int(means.argmax()), effects=means)


@pytest.fixture(autouse=True)
def _tiny_strategies(monkeypatch):
    monkeypatch.setitem(catalogue.STRATEGIES, "even", (__name__, "Uniform", {}))
    monkeypatch.setitem(catalogue.STRATEGIES, "failing", (__name__, "Uniform", {"fail": True}))


# show ----------------------------------------------------------------------------------------------------------------


def test_show_names_the_sizes_that_matter(run):
    done = run("show", ASIA)
    assert done.exit_code == 0
    for part in ("nodes              8", "edges              8", "largest in-degree  2", "interventions      51"):
        assert part in done.output
    for part in ("family rows C      16", "tree width", "smallest budget    48", "smoke", "dysp"):
        assert part in done.output
    assert max(map(len, done.output.splitlines())) <= 80


def test_show_draws_the_graph(run, tmp_path):
    for ending, magic in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        done = run("show", ASIA, "--plot", f"asia.{ending}")
        assert done.exit_code == 0
        assert (tmp_path / f"asia.{ending}").read_bytes().startswith(magic)
    assert sorted(os.listdir(tmp_path)) == ["asia.pdf", "asia.png", "asia.svg"]


def test_show_says_what_is_hidden_and_what_that_costs(run):
    done = run("show", str(GRAPHS / "front-door.json"))
    assert done.exit_code == 0
    for part in ("nodes              3 and 1 hidden", "family rows C      11 in 2 regimes", "Hidden: motivation"):
        assert part in done.output
    assert "C of observing     7; 7 in the default order of nodes" in done.output
    assert "Tied together by hidden causes (districts): tutoring, pass_exam" in done.output
    assert "smallest budget    33 experiments" in done.output
    assert max(map(len, done.output.splitlines())) <= 80


def test_a_district_that_is_too_large_is_shown_and_refused_by_name(run, tmp_path):
    nodes = [f"x{place}" for place in range(25)]
    dag = nx.DiGraph([*itertools.pairwise(nodes), *(("u", node) for node in nodes)])
    graph = cb.CausalGraph(dag, "x24", hidden=["u"])
    model = cb.CausalModel(graph, {node: [0.5] * 2 ** len(graph.parents(node)) for node in graph.all_nodes})
    cb.save_problem(cb.Problem(graph, cb.InterventionSet.up_to(graph, 1), model), tmp_path / "wide.json")
    done = run("show", "wide.json")
    assert done.exit_code == 0
    assert "family rows C      too many to work with, see below" in done.output
    assert "leave a district of 25 nodes whole" in " ".join(done.output.split())
    assert max(map(len, done.output.splitlines())) <= 80
    for words in (("search", "wide.json", "--budget", "1000"), ("regret", "wide.json", "--budgets", "1000")):
        refused(run(*words), "wide.json", "a district of 25 nodes", "Fixing one node more splits it: 'x")


def test_show_says_which_tables_are_missing(run, shop, tmp_path):
    cb.save_problem(cb.Problem(shop.graph, shop.interventions, tables={"ad": [0.3]}), tmp_path / "some.json")
    done = run("show", "some.json")
    assert done.exit_code == 0
    assert "missing for 2 of 3 nodes" in done.output


def test_show_and_search_say_what_a_budget_of_experiments_costs(run, shop, tmp_path):
    assert "cost" not in run("show", ASIA).output.lower()
    dear = cb.InterventionSet(shop.graph, list(shop.interventions), costs=[1, 2, 3, 14.5])
    cb.save_problem(cb.Problem(shop.graph, dear, shop.model), tmp_path / "dear.json")
    shown = run("show", "dear.json").output
    assert "costs              1 to 14.5 each; a budget of money pays them" in shown
    assert max(map(len, shown.splitlines())) <= 80
    done = run("search", "dear.json", "--budget", "400", "--strategy", "even")
    assert "Cost: 2,050 in all; the budget counts experiments, whatever they cost" in done.output
    assert max(map(len, done.output.splitlines())) <= 80
    assert "Cost" not in run("search", ASIA, "--budget", "600", "--strategy", "even").output


# search --------------------------------------------------------------------------------------------------------------


def test_search_shows_the_best_its_true_effect_and_the_regret(run):
    done = run("search", ASIA, "--budget", "5000", "--seed", "1")
    assert done.exit_code == 0
    assert "Best intervention: " in done.output
    assert "simple regret" in done.output
    assert "true_effect" in done.output
    assert done.stderr == ""
    assert max(map(len, done.output.splitlines())) <= 80
    assert run("search", ASIA, "--budget", "5000", "--seed", "1").output == done.output


def test_search_says_the_seed_that_it_drew(run):
    done = run("search", ASIA, "--budget", "600", "--strategy", "even")
    seed = done.output.split("--seed ")[1].split()[0]
    again = run("search", ASIA, "--budget", "600", "--strategy", "even", "--seed", seed)
    assert again.output.strip() == done.output.rsplit("\n\n", 1)[0].strip()


def test_search_writes_the_result_and_a_figure(run, tmp_path):
    done = run("search", ASIA, "--budget", "1e3", "--seed", "0", "--json", "out.json", "--plot", "out.png", "--pooled")
    assert done.exit_code == 0
    result = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert result["budget"] == 1000
    assert result["seed"] == 0
    assert result["strategy"] == "two-phase-pooled"
    assert len(result["interventions"]) == 51
    assert result["simple_regret"] >= 0
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(os.listdir(tmp_path)) == ["out.json", "out.png"]


def test_search_quiet_prints_the_best_intervention_alone(run):
    done = run("search", ASIA, "--budget", "5000", "--seed", "1", "--quiet", "--json", "out.json")
    assert done.exit_code == 0
    assert done.output.strip().count("\n") == 0
    assert "=" in done.output
    assert done.stderr == ""


def test_search_stops_when_sure_and_says_what_it_promises(run, tmp_path):
    asked = [
        "search",
        str(GRAPHS / "purchase.json"),
        "--budget",
        "20000",
        "--strategy",
        "top-two",
        "--seed",
        "1",
        "--error",
        "0.05",
    ]
    done = run(*asked, "--tolerance", "0.02", "--json", "out.json")
    assert done.exit_code == 0, done.output
    assert "Sure after" in done.output
    assert "within 0.02 of the best" in done.output.replace("\n  ", " ")
    promise = json.loads((tmp_path / "out.json").read_text())["promise"]
    assert promise["kept"]
    assert promise["experiments"] < 20_000
    assert (promise["error"], promise["tolerance"]) == (0.05, 0.02)


def test_show_says_how_many_experiments_make_sure(run, shop, tmp_path):
    done = run("show", ASIA, "--error", "0.05")
    assert done.exit_code == 0, done.output
    assert "experiments show that" in done.output.replace("\n  ", " ")
    assert "within 0.01 of the best" in done.output.replace("\n  ", " ")
    assert "experiments show that" not in run("show", ASIA).output
    cb.save_problem(cb.Problem(shop.graph, shop.interventions), tmp_path / "bare.json")
    refused(run("show", "bare.json", "--error", "0.05"), "bare.json", "conditional probability table")


@together("command", [["show", ASIA], ["search", ASIA, "--budget", "1000"]])
@together(
    ("options", "parts"),
    [
        (["--error", "0"], ["--error was 0"]),
        (["--error", "0.05", "--tolerance", "1"], ["--tolerance was 1"]),
        (["--tolerance", "0.1"], ["--tolerance", "needs --error"]),
    ],
)
def test_error_rates_and_tolerances_out_of_range_are_refused(run, command, options, parts):
    refused(run(*command, *options), *parts)


def test_search_follows_the_goal(run):
    even = ("--strategy", "even", "--budget", 51 * 400, "--seed", "3", "--json", "out.json")
    assert run("search", ASIA, *even).exit_code == 0
    with open("out.json", encoding="utf-8") as file:
        result = json.load(file)
    assert result["goal"] == "min"
    assert result["estimate"] == min(row["estimate"] for row in result["interventions"])


# convert -------------------------------------------------------------------------------------------------------------

BIF = """network small {
}
variable x {
  type discrete [ 2 ] { yes, no };
}
variable y {
  type discrete [ 2 ] { low, high };
}
probability ( x ) {
  table 0.25, 0.75;
}
probability ( y | x ) {
  (yes) 0.4, 0.6;
  (no) 0.9, 0.1;
}
"""


@pytest.mark.usefixtures("one_bif_grammar")
def test_convert_writes_a_graph_file_that_the_other_commands_read(run, tmp_path):
    (tmp_path / "in.bif").write_text(BIF)
    words = ("convert", "in.bif", "out.json", "--target", "y", "--goal", "min", "--nodes", "x", "--source", "made up")
    done = run(*words)
    assert done.exit_code == 0
    assert "y = 1 means 'high', 0 'low'" in done.output
    problem = cb.load_problem("out.json")
    assert problem.goal == "min"
    assert problem.name == "in"
    assert problem.source == "made up"
    assert dict(problem.tables) == {"x": (0.25,), "y": (0.1, 0.6)}
    assert list(problem.interventions) == [{}, {"x": 0}, {"x": 1}]
    assert run("show", "out.json").exit_code == 0
    assert "x=0" in run("search", "out.json", "--budget", "3000", "--seed", "0", "--quiet").output

    done = run("convert", "in.bif", "out.json", "--target", "y", "--known", "x")
    assert done.exit_code == 0
    assert dict(cb.load_problem("out.json").known_tables) == {"x": (0.25,)}
    refused(run("convert", "in.bif", "bad.json", "--target", "y", "--known", "w"), "--known", "'w'")
    done = run("convert", "in.bif", "hidden.json", "--target", "y", "--hidden", "x")
    assert "2 nodes (1 hidden), 1 edges, 1 interventions" in done.output
    assert cb.load_problem("hidden.json").graph.hidden == ("x",)
    os.remove("hidden.json")
    refused(run("convert", "in.bif", "bad.json", "--target", "y", "--hidden", "w"), "--hidden names 'w'")
    refused(run("convert", "in.bif", "bad.json", "--target", "y", "--hidden", "y"), "--hidden names the target")

    refused(run("convert", "in.bif", "bad.json", "--target", "z"), "'z' is not a node")
    refused(run("convert", "in.bif", "bad.json", "--target", "y", "--nodes", "x,w"), "Unknown node 'w'")
    refused(run("convert", "in.bif", "bad.json", "--target", "y", "--up-to", "-1"), "--up-to")
    refused(run("convert", "in.bif", "in.bif", "--target", "y"), "also the file that is read")
    refused(run("convert", "none.bif", "bad.json", "--target", "y"), "Did you mean 'in.bif'?")
    (tmp_path / "garbage.bif").write_text("garbage")
    refused(run("convert", "garbage.bif", "bad.json", "--target", "y"), "'variable' and 'probability' blocks")
    assert sorted(os.listdir(tmp_path)) == ["garbage.bif", "in.bif", "out.json"]


# Bad usage and bad files: status 2, nothing written ------------------------------------------------------------------

OUT = ("--json", "out.json", "--plot", "out.png")


@together(
    ("budget", "parts"),
    [
        ("40", ("--budget", "40", "at least 48", "3·C", "C = 16")),
        ("0", ("--budget", "at least 48")),
        ("-5", ("--budget", "-5", "at least 48")),
        ("1000.5", ("--budget", "'1000.5' is not a whole number")),
        ("many", ("--budget", "'many' is not a whole number", "10000")),
        ("nan", ("--budget", "whole number")),
        ("inf", ("--budget", "whole number")),
        ("1e19", ("--budget", "at most 1,000,000,000,000,000,000")),
    ],
)
def test_a_budget_that_cannot_work_is_refused(run, tmp_path, budget, parts):
    refused(run("search", ASIA, f"--budget={budget}", *OUT), *parts)
    assert os.listdir(tmp_path) == []


def test_missing_tables_are_named_with_the_other_way(run, shop, tmp_path):
    cb.save_problem(cb.Problem(shop.graph, shop.interventions, tables={"ad": [0.3]}), tmp_path / "some.json")
    refused(run("search", "some.json", "--budget", "100", *OUT), "some.json", "'trust'", "'purchase'", "environment=")
    assert os.listdir(tmp_path) == ["some.json"]


def test_a_bad_file_is_refused_with_its_name_and_place(run, tmp_path):
    (tmp_path / "bad.json").write_text('{"graph": {"target": "y"}, "nodes": [{"id": "y", "cpt": [NaN]}], "edges": []}')
    for words in (("show", "bad.json"), ("search", "bad.json", "--budget", "100", *OUT)):
        refused(run(*words), "bad.json", "$.nodes[0].cpt[0]", "NaN")
    refused(run("show", "bda.json"), "'bda.json'", "Did you mean 'bad.json'?")
    refused(run("show", "."), "folder")
    dag = nx.cycle_graph(["a", "b", "y"], nx.DiGraph)
    dag.graph["target"] = "y"
    (tmp_path / "bad.json").write_text(json.dumps(nx.node_link_data(dag, edges="edges")))
    refused(run("show", "bad.json", "--plot", "out.png"), "cycle", "a → b → y → a")
    assert os.listdir(tmp_path) == ["bad.json"]


def test_outputs_that_cannot_be_written_are_refused_before_the_search(run, tmp_path):
    search = ("search", ASIA, "--budget", "600", "--strategy", "failing")
    refused(run(*search, "--json", "none/out.json"), "--json", "'none'", "create it first")
    refused(run(*search, "--json", "."), "--json", "folder")
    refused(run(*search, "--plot", "out.txt"), "--plot", ".png")
    refused(run(*search, "--plot", "out"), "--plot", ".png")
    refused(run(*search, "--json", "same.png", "--plot", "same.png"), "--plot", "file of --json")
    refused(run(*search, "--json", ASIA), "--json", "the file that is read")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused_before_the_search(run, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o555)
    refused(run("search", ASIA, "--budget", "600", "--json", "locked/out.json"), "permission")


def test_unknown_commands_strategies_and_options_are_refused(run):
    search = ("search", ASIA, "--budget", "600")
    refused(run("serch", ASIA), "Did you mean 'search'?")
    refused(run(*search, "--strategy", "two-fase"), "--strategy", "Did you mean 'two-phase'?")
    refused(run(*search, "--strategy", "even", "--pooled"), "--pooled does not apply", "'even'")
    refused(run(*search, "--truncation", "-1"), "--truncation was -1; expected a finite number at least 0")
    refused(run(*search, "--seed", "-1"), "--seed")
    refused(run("search", ASIA), "--budget")
    refused(run("search", ASIA, "--budgte", "600"), "--budget")


def test_strategies_that_must_be_told_tables_are_left_to_comparisons(run):
    assert "knows-tables" not in run("search", "--help").output
    for name in ("top-two-knows-tables", "importance-weighted-knows-tables"):
        done = run("search", ASIA, "--budget", "600", "--strategy", name)
        refused(done, f"--strategy: '{name}'", "causalbandit regret", "two-phase, two-phase-pooled, top-two")
        assert "known=" not in done.stderr


def test_a_graph_too_dense_for_exact_propagation_is_a_bad_file(run, tmp_path):
    names = [f"v{i}" for i in range(60)]
    rng = np.random.default_rng(0)
    dag = nx.DiGraph((names[p], names[c]) for c in range(1, 60) for p in rng.choice(c, min(c, 7), replace=False))
    graph = cb.CausalGraph(dag, "v59")
    model = cb.CausalModel(graph, {node: [0.5] * 2 ** len(graph.parents(node)) for node in graph.nodes})
    cb.save_problem(cb.Problem(graph, cb.InterventionSet(graph, [{}, {"v0": 1}]), model), tmp_path / "dense.json")
    for strategy in ("two-phase", "top-two", "uniform"):
        done = run("search", "dense.json", "--budget", "10000", "--strategy", strategy)
        refused(done, "dense.json: Exact propagation", "tree width", "split nodes with many parents")
    done = run("regret", "dense.json", "--budgets", "10000", "--strategies", "uniform")
    refused(done, "dense.json: Exact propagation", "split nodes with many parents")


# Failing runs: status 1, nothing written -----------------------------------------------------------------------------


def test_a_run_that_fails_says_why_and_writes_nothing(run, tmp_path):
    done = run("search", ASIA, "--budget", "600", "--strategy", "failing", *OUT)
    refused(done, "The search failed: the power went out", status=1)
    assert os.listdir(tmp_path) == []


def test_a_full_disk_leaves_the_old_file(run, tmp_path, monkeypatch):
    (tmp_path / "out.json").write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    done = run("search", ASIA, "--budget", "600", "--strategy", "even", "--json", "out.json")
    refused(done, "Writing the result failed: No space left on device", status=1)
    assert "Best intervention: " in done.stdout
    assert (tmp_path / "out.json").read_text() == "old"
    assert os.listdir(tmp_path) == ["out.json"]


# The whole program ---------------------------------------------------------------------------------------------------


def test_help_names_every_command_and_fits_80_columns(run):
    done = run("--help")
    assert done.exit_code == 0
    for name in SUBCOMMANDS:
        assert f"  {name} " in done.output
    pages = [done, *(run(name, "--help") for name in ("show", "search", "convert"))]
    assert max(len(line) for page in pages for line in page.output.splitlines()) <= 80


def test_the_version_is_that_of_the_package(run):
    assert run("--version").output == f"causalbandit {cb.__version__}\n"


@pytest.fixture
def strange_names(tmp_path):
    """The folder of a problem whose names few terminals can show, and the words of a search."""
    graph = cb.CausalGraph(nx.DiGraph([("реклама_$", "покупка")]), "покупка")
    model = cb.CausalModel(graph, {"реклама_$": [0.5], "покупка": [0.1, 0.6]})
    arms = cb.InterventionSet(graph, [{}, {"реклама_$": 1}])
    cb.save_problem(cb.Problem(graph, arms, model, name="$_^$"), tmp_path / "shop.json")
    words = ["search", "shop.json", "--budget", "30", "--strategy", "uniform", "--seed", "0", "--json", "r.json"]
    return tmp_path, words


def best_of(path):
    return json.loads(path.read_text(encoding="utf-8"))["best"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_files_are_written_when_printing_fails(strange_names):
    """The program as a user starts it: the one process of its own among these tests."""
    folder, words = strange_names
    environment = os.environ | {"PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": ""}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), environment.get("PYTHONPATH", "")])
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "causalbandit", *words],
            stdout=full, stderr=subprocess.PIPE, check=False, cwd=folder, env=environment, encoding="utf-8",
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["Wrote r.json", "Error: Printing failed: No space left on device"]
    assert best_of(folder / "r.json") == {"реклама_$": 1}


@needs_fork
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_figure_is_written_when_printing_fails(strange_names, monkeypatch):
    folder, words = strange_names
    monkeypatch.chdir(folder)
    with open("/dev/full", "w") as full, open("said.txt", "w") as said:
        child = forked([*words, "--plot", "r.png"], full.fileno(), said.fileno())
    assert exit_code(child) == 1
    assert "Printing failed: No space left" in (folder / "said.txt").read_text()
    assert best_of(folder / "r.json") == {"реклама_$": 1}
    assert (folder / "r.png").stat().st_size > 1000


@needs_fork
def test_files_are_written_when_the_terminal_cannot_show_a_name(strange_names, monkeypatch):
    folder, words = strange_names
    monkeypatch.chdir(folder)
    with open("printed.txt", "w") as printed, open("said.txt", "w") as said:
        child = forked(words, printed.fileno(), said.fileno(), encoding="cp1252")
    assert exit_code(child) == 0
    assert best_of(folder / "r.json") == {"реклама_$": 1}
    assert "???????_$=1" in (folder / "printed.txt").read_text(encoding="cp1252")
    assert (folder / "said.txt").read_text() == "Wrote r.json\n"


def test_a_search_that_is_refused_writes_nothing(run, tmp_path):
    refused(run("search", ASIA, "--budget", 40, "--json", tmp_path / "out.json"))
    assert os.listdir(tmp_path) == []
