"""The examples of inference from logs run, in a small version where they are long."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(script, *arguments, cwd):
    """What the example prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "examples" / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=cwd, env=environment).stdout


def test_the_log_of_an_adaptive_experiment_is_analysed(tmp_path):
    pytest.importorskip("sklearn")
    printed = run("adaptive_log.py", cwd=tmp_path)
    assert "learned tree" in printed
    assert "story to returning" in printed


def test_the_simulation_of_hadad_and_others_draws_its_panel(tmp_path):
    printed = run("hadad_simulation.py", "--replications", 12, "--rounds", 60, 120, "--jobs", 1, cwd=tmp_path)
    assert "aipw two-point" in printed
    assert (tmp_path / "hadad_simulation.png").stat().st_size > 10_000
