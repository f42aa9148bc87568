"""Every Python block of the README runs, and prints what the block after it says."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks():
    """(language, code) of every fenced block, in order."""
    return [(match[1], match[2]) for match in BLOCK.finditer(README)]


def python_blocks():
    """(code, printed output or None): a text block right after a Python block is what it prints."""
    found = blocks()
    after = [*found, ("", "")][1:]
    return [
        (code, following[1] if following[0] == "text" else None)
        for (language, code), following in zip(found, after, strict=True)
        if language == "python"
    ]


@pytest.mark.parametrize(("code", "output"), python_blocks())
def test_python_block_prints_what_the_readme_shows(code, output, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    (tmp_path / "graphs").symlink_to(ROOT / "graphs")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {"__name__": "__main__"})
    if output is not None:
        assert printed.getvalue().strip() == output.strip()


def test_the_readme_has_python_blocks():
    assert python_blocks()


@pytest.mark.parametrize(
    ("command", "output"),
    re.findall(
        r"^<!-- prints -->\n```sh\n(?:.*\.venv/bin/)?causalbandit (.*?)\n```\n+```text\n(.*?)^```$", README, re.M | re.S
    ),
)
def test_command_prints_what_the_readme_shows(command, output):
    run = subprocess.run(
        [sys.executable, "-m", "causalbandit", *command.split()], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == output.strip()
