"""The rules that keep the package simple: the direction of imports, one place for each dependency, no hidden state.

Imports are read from the source without running it. A module may import at module level only from its own stage of
the pipeline or an earlier one; inside functions it may import later ones where a result offers ``.plot()``,
``.summary()`` or a search looks up a strategy by name.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "causalbandit"

STAGES = [
    {"errors", "randomness"},
    {"graph"},
    {"interventions"},
    {"model"},
    {"problem", "propagation"},
    {"sampling", "counts", "random_problems"},
    {"search", "inference", "allocation"},
    {"evaluation", "finished_searches", "bandit_simulation", "confirmation", "study"},
    {"formats"},
    {"plots", "report"},
    {"cli"},
]
"""The pipeline; modules and subpackages of one stage may import each other."""

ANYWHERE = {"__init__", "__main__"}

FIRST_WHEN_NEEDED = ("cvxpy", "matplotlib", "pandas", "scipy.stats", "pydantic", "joblib")


def sources():
    """Every module's dotted name inside the package with its syntax tree."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        yield ".".join(parts), ast.parse(path.read_text(encoding="utf-8"))


MODULES = dict(sources())


def top(module):
    return module.split(".")[0]


def stage(module):
    found = [place for place, names in enumerate(STAGES) if top(module) in names]
    assert found, f"{module} has no stage: add it to STAGES"
    return found[0]


def imports(tree, *, module_level):
    """Names that a tree imports: at module level only, or anywhere; type-checking blocks do not count."""

    def visit(node):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if module_level and isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                continue
            if isinstance(child, ast.Import):
                yield from (alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, "imports are absolute"
                yield child.module
                yield from (f"{child.module}.{alias.name}" for alias in child.names)
            else:
                yield from visit(child)

    return set(visit(tree))


def inside(names):
    """The package's own modules among imported names."""
    return {name.removeprefix("causalbandit.") for name in names if name.startswith("causalbandit.")}


@pytest.mark.parametrize("module", [name for name in MODULES if name not in ANYWHERE])
def test_imports_go_one_way(module):
    for other in inside(imports(MODULES[module], module_level=True)):
        if top(other) in {top(name) for name in MODULES}:
            assert stage(other) <= stage(module), f"{module} imports {other}, which comes later in the pipeline"


@pytest.mark.parametrize("module", [name for name in MODULES if top(name) in ("search", "inference")])
def test_learners_do_not_know_who_runs_the_experiments(module):
    known = {top(name) for name in inside(imports(MODULES[module], module_level=False))}
    assert not known & {"sampling", "evaluation", "study"}


@pytest.mark.parametrize(
    ("package", "allowed"), [("cvxpy", ("search.mixture",)), ("click", ("cli",)), ("argparse", ("cli",))]
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


def calls(tree):
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


@pytest.mark.parametrize("module", MODULES)
def test_printing_is_for_the_command_line(module):
    if top(module) != "cli":
        assert not calls(MODULES[module]) & {"print", "sys.stdout.write", "sys.stderr.write"}


@pytest.mark.parametrize("module", MODULES)
def test_there_is_no_global_random_state(module):
    allowed = {"default_rng", "Generator", "SeedSequence", "PCG64", "BitGenerator"}
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("np.random", "numpy.random"):
            assert node.attr in allowed, f"{module} uses np.random.{node.attr}"
    assert "random" not in imports(MODULES[module], module_level=False), f"{module} imports the module random"


@pytest.mark.parametrize("module", MODULES)
def test_generators_are_not_made_at_module_level(module):
    for node in MODULES[module].body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            assert not any("default_rng" in call or "generator" in call for call in calls(node.value))


@pytest.mark.parametrize("module", MODULES)
def test_there_is_no_module_of_leftovers(module):
    assert not {"utils", "helpers", "common", "misc"} & set(module.split("."))


def test_the_rules_find_what_they_look_for():
    tree = ast.parse(
        "import cvxpy\nfrom causalbandit.cli import main\ndef f():\n    import click\nnp.random.seed(0)\nprint(1)"
    )
    assert "cvxpy" in imports(tree, module_level=True)
    assert "cli" in inside(imports(tree, module_level=True))
    assert "click" not in imports(tree, module_level=True)
    assert "click" in imports(tree, module_level=False)
    assert {"print", "np.random.seed"} <= calls(tree)


def loaded_after(code):
    """Which of the slow packages are loaded once ``code`` has run in a fresh interpreter."""
    script = f"import sys\n{code}\nprint(*(name for name in {FIRST_WHEN_NEEDED!r} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    return done.stdout.split()


def test_importing_the_package_does_not_import_what_is_slow():
    assert loaded_after("import causalbandit") == []


def test_asking_for_help_does_not_import_what_is_slow():
    helps = [
        "from click.testing import CliRunner",
        "from causalbandit.cli import main, SUBCOMMANDS",
        "for words in (['--help'], *([name, '--help'] for name in SUBCOMMANDS)):",
        "    done = CliRunner().invoke(main, words)",
        "    assert done.exit_code == 0, (words, done.output)",
    ]
    assert loaded_after("\n".join(helps)) == []


def test_reading_a_file_needs_no_solver_and_no_figures():
    found = loaded_after("import causalbandit\ncausalbandit.load_problem('graphs/asia.json').summary()")
    assert set(found) <= {"pydantic"}
