"""The campaign in ``examples/campaign.sh``: each of its commands, in its order, by the command line of this process.

A process per command would take most of its time for imports.
"""

import runpy
import shlex
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT, command_line

SCRIPT = ROOT / "examples" / "campaign.sh"
TEXT = SCRIPT.read_text(encoding="utf-8").replace("\\\n", " ")
STAND_IN = TEXT.split("<<'PYTHON'\n")[1].split("\nPYTHON\n")[0]
LINES = [shlex.split(line) for line in TEXT.splitlines() if line.startswith(("causalbandit ", "real_world "))]


def test_the_seven_steps_lead_from_rows_to_a_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "real_world.py").write_text(STAND_IN, encoding="utf-8")
    shutil.copy(ROOT / "graphs" / "funnel.json", "funnel.json")
    printed = []
    for program, *words in LINES:
        if program == "real_world":
            monkeypatch.setattr(sys, "argv", ["real_world.py", "funnel.json", *words])
            runpy.run_path("real_world.py", run_name="__main__")
        elif words[0] != "()":
            done = command_line(*words)
            assert done.exit_code == 0, (words, done.output)
            printed.append(done.output)
    said = "\n".join(printed)
    for line in (
        "5,000 rows from before",
        "200 experiments to run",
        "200 rows counted",
        "shop.study: whole",
        "Sure after 600 of 3,000 experiments",
        "Best intervention",
        "fresh experiments",
    ):
        assert line in said, line
    assert said.count("Best intervention: reviews=1, free_shipping=1") == 2  # what the preview guessed, too
    assert "Best guess after 200 experiments: reviews=1, free_shipping=1" in said
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert len(page.encode()) < 300_000


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_the_script_ends_at_the_first_error(tmp_path):
    done = subprocess.run(
        ["bash", str(SCRIPT)], cwd=tmp_path, env={"PATH": "/usr/bin:/bin", "PYTHON": "false"}, capture_output=True,
        check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert b"==" not in done.stdout
