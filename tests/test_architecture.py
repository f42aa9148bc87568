"""The rules that keep the package simple: floors, no circles, small modules, one place for each dependency.

Imports are read from the source without running it, those inside functions included. A module imports from floors
below its own and from its own folder. A type-checking import may point upward only to one of the records named here.
"""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import networkx as nx
import pytest

PACKAGE = Path(__file__).parents[1] / "causalbandit"

FLOORS = [
    {"errors", "derived", "randomness", "checks", "arrays", "text", "files", "allocation"},
    {"plots"},
    {"markup"},
    {"alternatives", "digraphs", "projection", "graph"},
    {"regimes", "possibly_optimal"},
    {"assignments", "equal_effects", "interventions"},
    {"counts", "observed_rows", "adjustment", "spending", "learned_rows", "representatives"},
    {
        "triangulation",
        "clique_tree",
        "sharing",
        "messages",
        "propagation",
        "changing_reach",
        "compressed_reach",
    },
    {"sampling", "partial_draws"},
    {"elimination", "model"},
    {"known_tables", "problem"},
    {"formats", "random_problems", "world", "wrong_graphs"},
    {"sequences"},
    {"inference"},
    {"designs"},
    {"strategies"},
    {"graph_check"},
    {"history_rows", "history", "history_use"},
    {"allocation_forecast", "search_design_results", "search_design"},
    {"drawings"},
    {"confirmation_results", "confirmation"},
    {"finished_batches", "decision", "decision_words"},
    {"driver", "checked_search"},
    {"regret_curves", "finished_searches", "simulated_searches", "evaluation", "exploration", "bandit_simulation"},
    {"saved_results"},
    {"suite"},
    {"report"},
    {"study"},
    {"cli"},
]
"""From the ground up. Modules of one floor may import each other, as long as there is no circle."""

RECORDS_SEEN_FROM_BELOW: set[str] = set()
"""Modules whose records a type-checking import may name from a floor below."""

LONGEST_MODULE = 400
"""Lines: what one sitting can read."""

ANYWHERE = {"__init__", "__main__"}

FIRST_WHEN_NEEDED = ("cvxpy", "matplotlib", "pandas", "scipy", "pydantic", "joblib")


def sources():
    """Every module's dotted name inside the package with its syntax tree."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        yield ".".join(parts), ast.parse(path.read_text(encoding="utf-8"))


MODULES = dict(sources())


def top(module):
    return module.split(".")[0]


def floor(module):
    found = [place for place, names in enumerate(FLOORS) if top(module) in names]
    assert found, f"{module} has no floor: add it to FLOORS"
    return found[0]


@cache
def imports(tree, *, module_level, type_checking=False):
    """Names that a tree imports, at module level only or anywhere; or those of its type-checking blocks alone."""

    def visit(node, counts):
        for child in ast.iter_child_nodes(node):
            inside_block = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            if inside_block and not type_checking:
                continue
            if module_level and isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                continue
            if isinstance(child, ast.Import) and counts:
                yield from (alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom) and counts:
                assert child.level == 0, "imports are absolute"
                yield child.module
                yield from (f"{child.module}.{alias.name}" for alias in child.names)
            else:
                yield from visit(child, counts or inside_block)

    return frozenset(visit(tree, not type_checking))


def inside(names):
    """The package's own modules among imported names."""
    return {name.removeprefix("causalbandit.") for name in names if name.startswith("causalbandit.")}


def modules_in(names):
    """The modules of the package among imported names; a package by itself is its ``__init__``."""
    return {name for name in inside(names) if name in MODULES} | {
        f"{name}.__init__" for name in inside(names) if f"{name}.__init__" in MODULES
    }


def test_every_module_has_a_floor():
    for module in MODULES:
        if module not in ANYWHERE:
            floor(module)


def arrows_up(trees, *, type_checking=False):
    """Sentences about modules that import one from a floor above their own."""
    return [
        f"{module} imports {other}, which stands above it"
        for module, tree in trees.items()
        if module not in ANYWHERE
        for other in modules_in(imports(tree, module_level=False, type_checking=type_checking))
        if floor(other) > floor(module) and not (type_checking and other in RECORDS_SEEN_FROM_BELOW)
    ]


def test_imports_go_down():
    assert arrows_up(MODULES) == []


def test_type_checking_imports_go_down_or_name_a_record():
    assert arrows_up(MODULES, type_checking=True) == []


def test_an_import_that_goes_up_is_found():
    trees = {"graph": ast.parse("def f():\n    from causalbandit.problem import Problem")}
    assert arrows_up(trees) == ["graph imports problem, which stands above it"]
    trees = {"graph": ast.parse("import causalbandit.study")}
    assert arrows_up(trees) == ["graph imports study.__init__, which stands above it"]


def circles(trees):
    """Sets of modules that import each other, directly or through others."""
    arrows = nx.DiGraph(
        (module, other)
        for module, tree in trees.items()
        if module not in ANYWHERE
        for other in modules_in(imports(tree, module_level=False))
        if other not in ANYWHERE and other != module
    )
    return [sorted(circle) for circle in nx.strongly_connected_components(arrows) if len(circle) > 1]


def test_there_is_no_circle_of_imports():
    assert circles(MODULES) == []


def test_a_circle_through_a_lazy_import_is_found():
    trees = dict(MODULES)
    trees["graph"] = ast.parse("def f():\n    from causalbandit.problem import Problem")
    assert any("graph" in circle and "problem" in circle for circle in circles(trees))


def test_no_module_is_longer_than_one_sitting():
    lines = {path.name: path.read_text(encoding="utf-8").count("\n") for path in PACKAGE.rglob("*.py")}
    assert {name: length for name, length in lines.items() if length > LONGEST_MODULE} == {}


def test_learners_do_not_know_who_runs_the_experiments():
    for module, tree in MODULES.items():
        if top(module) in ("strategies", "designs", "inference"):
            known = {top(name) for name in inside(imports(tree, module_level=False))}
            above = known & {"sampling", "evaluation", "study", "cli"}
            assert not above, f"{module} imports {above}: who runs the experiments stands above what learns from them"


@pytest.mark.parametrize(
    ("package", "allowed"), [("cvxpy", ("strategies.mixture_solvers",)), ("click", ("cli",)), ("argparse", ("cli",))]
)
def test_a_dependency_has_one_place(package, allowed):
    for name, tree in MODULES.items():
        if any(top(used) == package for used in imports(tree, module_level=False)):
            assert name.startswith(allowed), f"{name} imports {package}"


@pytest.mark.parametrize("package", ["pyagrum", "pyssed", "pgmpy"])
def test_peers_are_no_dependency(package):
    users = {
        name for name, tree in MODULES.items() if any(top(n) == package for n in imports(tree, module_level=False))
    }
    assert users <= {"formats.bif"}


@cache
def calls(tree):
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def test_printing_is_for_the_command_line():
    for module, tree in MODULES.items():
        if top(module) != "cli":
            assert not calls(tree) & {"print", "sys.stdout.write", "sys.stderr.write"}, module


def global_randomness(tree):
    """Names of numpy.random that a tree uses and that keep a state of the process."""
    allowed = {"default_rng", "Generator", "SeedSequence", "PCG64", "BitGenerator"}
    return [
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Attribute)
        and ast.unparse(node.value) in ("np.random", "numpy.random")
        and node.attr not in allowed
    ]


def test_there_is_no_global_random_state():
    assert global_randomness(ast.parse("import numpy as np\nnp.random.seed(0)")) == ["seed"]
    for module, tree in MODULES.items():
        assert global_randomness(tree) == [], module
        assert "random" not in imports(tree, module_level=False), f"{module} imports the module random"


def test_generators_are_not_made_at_module_level():
    for module, tree in MODULES.items():
        for node in tree.body:
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
                assert not any("default_rng" in call or "generator" in call for call in calls(node.value)), module


def test_there_is_no_module_of_leftovers():
    for module in MODULES:
        assert not {"utils", "helpers", "common", "misc"} & set(module.split(".")), module


def test_the_rules_find_what_they_look_for():
    tree = ast.parse(
        "import cvxpy\nfrom causalbandit.cli import main\ndef f():\n    import click\nnp.random.seed(0)\nprint(1)"
    )
    assert "cvxpy" in imports(tree, module_level=True)
    assert "cli" in inside(imports(tree, module_level=True))
    assert "click" not in imports(tree, module_level=True)
    assert "click" in imports(tree, module_level=False)
    assert {"print", "np.random.seed"} <= calls(tree)


STEPS = """
import sys
def said(): print(*(name for name in SLOW if name in sys.modules), sep=",")
import causalbandit
said()
from click.testing import CliRunner
from causalbandit.cli import main, SUBCOMMANDS
for words in (["--help"], *([name, "--help"] for name in SUBCOMMANDS)):
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, (words, done.output)
said()
causalbandit.load_problem("graphs/asia.json").summary()
said()
import numpy as np
causalbandit.optimal_mixture(np.eye(3), solvers=("first-order",))
said()
"""


def test_what_is_slow_is_imported_when_it_is_needed():
    """By the package, by asking for help, by reading a file, by a mixture that needs no solver: one after the other."""
    done = subprocess.run(
        [sys.executable, "-c", f"SLOW = {FIRST_WHEN_NEEDED!r}{STEPS}"],
        capture_output=True, text=True, check=True, cwd=PACKAGE.parent,
    )  # fmt: skip
    package, asking, reading, mixture = (set(filter(None, line.split(","))) for line in done.stdout.splitlines())
    assert package == asking == set()
    assert reading <= {"pydantic"}
    assert mixture <= {"pydantic"}
