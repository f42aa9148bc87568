"""What tests share: the problems that the repository ships, small ones to check by hand, the command line, and a
profile of hypothesis that tries the same examples in every run.

What takes long to import is imported where it is needed: a run with ``-n`` starts no worker before this file is read.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from click.testing import Result

ROOT = Path(__file__).parents[1]
GRAPHS = ROOT / "graphs"
SHIPPED = tuple(sorted(path.stem for path in GRAPHS.glob("*.json")))


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[object]:
    """Let the garbage collector rest while modules are read: it would look through all of them again and again.

    What is there afterwards stays, so later collections need not look at it either.
    """
    if hasattr(session.config, "workerinput"):
        _plain_asserts(session.config)
    gc.disable()
    try:
        if session.config.getoption("dist", "no") == "no":  # else workers read the tests, and this process none
            _repeat_examples()
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def _plain_asserts(config: pytest.Config) -> None:
    """Leave asserts as they are in the workers of a run with ``-n``, and show local variables where one fails.

    Rewriting all of them takes each worker as long as reading them. A failed test that is run alone shows the values.
    """
    hook = config.pluginmanager.rewrite_hook
    if hook in sys.meta_path:
        sys.meta_path.remove(hook)
    config.option.showlocals = True


def _repeat_examples() -> None:
    """Try the same examples in every run, however long one takes on a busy machine.

    They are fewer than hypothesis' usual hundred, since without a random seed more runs find nothing new.
    """
    from hypothesis import settings

    settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=30)
    settings.load_profile("repeatable")


def command_line(*words: object) -> Result:
    """What ``causalbandit`` followed by ``words`` prints, and its exit status, run in this process."""
    from click.testing import CliRunner

    from causalbandit.cli import main

    return CliRunner().invoke(main, [str(word) for word in words])


def refusal(make: Callable[[], object], error: type[Exception] = ValueError) -> str:
    """The message of the error that ``make`` raises."""
    with pytest.raises(error) as caught:
        make()
    return str(caught.value)


@pytest.fixture(scope="session")
def shipped():
    """The shipped problems by name, each read once."""
    import causalbandit as cb

    return {name: cb.load_problem(GRAPHS / f"{name}.json") for name in SHIPPED}


@pytest.fixture
def without_display() -> Iterator[None]:
    """Figures are drawn without a window system, and closed after the test."""
    import matplotlib
    import matplotlib.pyplot as plt

    before = matplotlib.get_backend()
    matplotlib.use("Agg")
    yield
    plt.close("all")
    matplotlib.use(before)


@pytest.fixture
def shop():
    """Three nodes, ad → trust → purchase and ad → purchase, with tables; small enough to check by hand."""
    import networkx as nx

    import causalbandit as cb

    graph = cb.CausalGraph(
        nx.DiGraph([("ad", "trust"), ("trust", "purchase"), ("ad", "purchase")]),
        target="purchase",
        parents={"purchase": ["ad", "trust"]},
    )
    model = cb.CausalModel(graph, {"ad": [0.3], "trust": [0.2, 0.7], "purchase": [0.1, 0.4, 0.2, 0.6]})
    interventions = cb.InterventionSet(graph, [{}, {"ad": 0}, {"ad": 1}, {"ad": 1, "trust": 1}])
    return cb.Problem(graph, interventions, model, name="shop")


@pytest.fixture(scope="session")
def bif_grammar():
    """The grammar of pgmpy's reader, made once: making it takes half a second, parsing with it a millisecond."""
    reader = pytest.importorskip("pgmpy.readwrite", reason="BIF files need the extra bif").BIFReader
    return {name: getattr(reader, name)(None) for name in ("get_variable_grammar", "get_probability_grammar")}


@pytest.fixture
def one_bif_grammar(bif_grammar, monkeypatch):
    """Let all BIF readers of a test share one grammar."""
    from pgmpy.readwrite import BIFReader

    for name, grammar in bif_grammar.items():
        monkeypatch.setattr(BIFReader, name, lambda _, grammar=grammar: grammar)
