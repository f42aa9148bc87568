"""The example of the Mixture Adaptive Design runs and says what it should."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_example_runs(tmp_path: Path) -> None:
    figure = tmp_path / "effects.png"
    done = subprocess.run(
        [
            sys.executable,
            str(ROOT / "examples" / "mixture_adaptive_design.py"),
            "--rounds",
            "300",
            "--plot",
            str(figure),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("- Arm") == 3
    assert "15 observed, 6 open" in done.stdout
    assert figure.read_bytes()[:4] == b"\x89PNG"
