"""Every example runs to its end and prints something."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))

SMALL: dict[str, list[str]] = {
    "best_intervention.py": ["600"],
    "from_json.py": ["graphs/purchase.json", "600"],
}
"""Arguments that make an example quick, where its usual size is not."""


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.name)
def test_the_example_runs(script, tmp_path):
    arguments = SMALL.get(script.name, [])
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
        env={**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert "Warning" not in done.stderr, done.stderr


def test_there_are_examples():
    assert EXAMPLES
