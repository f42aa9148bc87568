"""Every example runs to its end, in a small version where it is long, and shows what it is about."""

import runpy
import sys
import tempfile
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))

SMALL: dict[str, list[str]] = {
    "hidden_cause.py": ["--budget", "1500"],
    "campaign.py": [str(ROOT / "graphs" / "purchase.json")],
    "own_strategy.py": ["2"],
    "best_intervention.py": ["600"],
    "from_json.py": [str(ROOT / "graphs" / "purchase.json"), "600"],
    "hadad_simulation.py": ["--replications", "2", "--rounds", "30", "40", "--jobs", "1"],
    "mixture_adaptive_design.py": ["--rounds", "300", "--plot", "effects.png"],
    "compare_strategies.py": ["--budgets", "30", "100", "--replications", "3", "--plot", "regret.png"],
    "regret_vs_interventions.py": [
        "--replications",
        "2",
        "--interventions",
        "8",
        "12",
        "--nodes",
        "6",
        "8",
        "--plot",
        "regret_vs_interventions.png",
    ],
}
"""Arguments that make an example quick, where its usual size is not."""

SHOWS: dict[str, list[str]] = {
    "soft_interventions.py": ["Best intervention: ad=winter only", "ad (pause)"],
    "campaign.py": ["fresh experiments", "Best intervention", "200 rows counted"],
    "own_strategy.py": ["half-then-best", "difference_lower"],
    "adaptive_log.py": ["learned tree", "story to returning"],
    "hadad_simulation.py": ["aipw two-point"],
    "mixture_adaptive_design.py": ["Treatment effects (95% confidence sequences", "15 observed, 6 open"],
}
"""What an example prints, whatever its size."""

DRAWS: dict[str, str] = {
    "best_intervention.py": "effects.png",
    "campaign.py": "proof.png",
    "own_strategy.py": "regret.png",
    "hidden_cause.py": "hidden_cause.png",
    "compare_strategies.py": "regret.png",
    "hadad_simulation.py": "hadad_simulation.png",
    "mixture_adaptive_design.py": "effects.png",
    "regret_vs_interventions.py": "regret_vs_interventions.png",
}
"""The figure that an example leaves in the folder where it runs."""


def shown_warnings(caught):
    """Those of ``caught`` that Python shows by itself."""
    silent = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
    return [str(each.message) for each in caught if not issubclass(each.category, silent)]


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.name)
def test_the_example_runs(script, tmp_path, monkeypatch, capsys, without_display):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [str(script), *SMALL.get(script.name, [])])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        runpy.run_path(str(script), run_name="__main__")
    printed = capsys.readouterr()
    assert printed.out.strip()
    for text in SHOWS.get(script.name, []):
        assert text in printed.out
    assert not shown_warnings(caught)
    assert "Warning" not in printed.err, printed.err
    if script.name in DRAWS:
        assert (tmp_path / DRAWS[script.name]).read_bytes()[:4] == b"\x89PNG"


def test_there_are_examples():
    assert EXAMPLES
