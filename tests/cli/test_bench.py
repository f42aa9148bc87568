"""The command ``bench``: strategies of one's own by import path, the score card and its files, and what is refused."""

import json

import pandas as pd
import pytest
from cases import together
from conftest import command_line

from causalbandit.suite import run_suite

OWN = '''
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalbandit.strategies.strategy import Batch, Choice


@dataclass(frozen=True)
class Mine:
    """Spreads the experiments evenly at random, and takes the largest share of successes."""

    name: str = "mine"
    needs: str = "target"

    def smallest_budget(self, task):
        return 1

    def run(self, task, budget, rng):
        n_arms = len(task.interventions)
        counts = yield Batch(rng.multinomial(budget, np.full(n_arms, 1 / n_arms)), "all")
        return Choice(int(np.argmax((counts.successes + 0.5) / (counts.trials + 1))))


class Wasteful(Mine):
    def run(self, task, budget, rng):
        yield Batch(np.full(len(task.interventions), budget), "too much")


class Mistaken(Mine):
    def run(self, task, budget, rng):
        yield Batch(rng.multinomial(budget, np.eye(len(task.interventions))[0]), "one")
        raise KeyError("state")


class Short(Mine):
    def run(self, task, budget, rng):
        yield Batch(np.ones(3, dtype=np.int64), "three")


class Unmade(Mine):
    def __init__(self, depth):
        pass


made = Mine("from an object")
nothing = 5
'''


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A file with strategies, in a folder that is the current one; its module is forgotten afterwards."""
    import sys

    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "own_strategies_of_a_test.py").write_text(OWN)
    yield "own_strategies_of_a_test"
    sys.modules.pop("own_strategies_of_a_test", None)


def bench(*words):
    return command_line("bench", *words)


SMALL = ("--families", "parity", "--replications", 2)


def test_a_strategy_of_ones_own_has_a_score_card(own):
    done = bench(f"{own}.py:Mine", *SMALL, "--against", "uniform,successive-rejects")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("mine: regret relative to that of others, below 1 is better")
    assert "parity" in done.stdout
    assert "gainst successive-rejects" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("path", "label"), [(".py:made", "from an object"), (":Mine", "mine"), (":made", "from an object")]
)
def test_an_object_and_a_module_are_taken_too(own, path, label):
    done = bench(own + path, *SMALL, "--against", "uniform")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"{label}: ")


def test_the_json_holds_what_the_library_says(own, tmp_path):
    done = bench("uniform", *SMALL, "--against", "uniform", "--json", "-", "-o", tmp_path / "rows.csv")
    assert done.exit_code == 0, done.output
    content = json.loads(done.stdout)
    results = run_suite("uniform", ["parity"], 2)
    assert content["format"] == "causalbandit suite"
    card = results.score_card(["uniform"]).to_frame()
    assert content["score_card"]["rows"][0]["ratio"] == pytest.approx(card["ratio"].iloc[0])
    means = [cell["mean"] for cell in content["cells"]]
    assert means == pytest.approx(results.means()["mean"].tolist())
    rows = pd.read_csv(tmp_path / "rows.csv", keep_default_na=False)
    assert rows["relative_regret"].astype(float).tolist() == pytest.approx(results.frame["relative_regret"].tolist())


def test_without_a_strategy_the_shipped_results_are_shown(tmp_path):
    done = bench("-o", tmp_path / "shipped.txt")
    assert done.exit_code == 0, done.output
    assert "a two-phase, " in done.stdout
    assert (tmp_path / "shipped.txt").read_text() == done.stdout
    few = bench("--families", "parity,no graph").stdout
    assert "no graph" in few
    assert "deep" not in few


@together(
    ("words", "status", "message"),
    [
        (["top-to"], 2, "Error: STRATEGY was 'top-to'; known names"),
        (["top-two", "top-two"], 2, "Error: STRATEGY: 'top-two' was named twice; name each once."),
        (["{own}.py"], 2, "names a file; expected {own}.py:NAME"),
        (["absent.py:Mine"], 2, "Error: STRATEGY: there is no file 'absent.py'."),
        (["absent.module:Mine"], 2, "'absent.module' cannot be imported: ModuleNotFoundError"),
        (["{own}.py:Mien"], 2, "'{own}.py' holds no 'Mien'. Did you mean 'Mine'?"),
        (["{own}.py:nothing"], 2, "'{own}.py:nothing' is no strategy: it lacks name, needs, smallest_budget, run"),
        (["{own}.py:Unmade"], 2, "'{own}.py:Unmade' cannot be made: TypeError"),
        (["uniform", "--families", "partiy"], 2, "--families names 'partiy'; known families: 'small networks'"),
        (["uniform", "--families", ","], 2, "--families were none; expected some of small networks, "),
        (["uniform", "--against", "best"], 2, "--against names 'best'; known strategies: "),
        (["uniform", "--jobs", "0"], 2, "--jobs: was 0"),
        (["uniform", "--replications", "1"], 2, "'--replications'"),
        (["--seed", "3"], 2, "--seed: needs a STRATEGY to run"),
        (["uniform", "-o", "absent/card.txt"], 2, "--out: The folder 'absent' of 'absent/card.txt' does not exist"),
        (["{own}.py:Wasteful", *SMALL], 1, "asked for 90 experiments of a budget of 10."),
        (
            ["{own}.py:Short", *SMALL],
            1,
            "batch.sizes has shape (3,); expected (9,): one number per intervention.\nThis happened to 'mine'",
        ),
        (
            ["{own}.py:Mistaken", *SMALL],
            1,
            "The strategy failed: KeyError: 'state'\nThis happened to 'mine' on 'parity of 2'",
        ),
    ],
)
def test_what_cannot_be_used_is_one_sentence(own, words, status, message):
    done = bench(*[str(word).format(own=own) for word in words])
    assert done.exit_code == status, done.output
    assert message.format(own=own) in done.stderr
    assert "Traceback" not in done.output


def test_a_file_that_cannot_be_run_and_one_named_like_a_module(own, tmp_path):
    (tmp_path / "half_a_strategy.py").write_text("import numpy as np\nclass Half(\n")
    assert "'half_a_strategy.py' cannot be run: SyntaxError" in bench("half_a_strategy.py:Half").stderr
    (tmp_path / "numpy.py").write_text(OWN)
    assert "has the name of another module, 'numpy'; rename the file." in bench("numpy.py:Mine").stderr
