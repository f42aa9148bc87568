"""What the README shows is so: Python blocks print what stands after them, commands, files and options exist."""

from __future__ import annotations

import contextlib
import io
import re
import shlex

import click
import pytest
from conftest import ROOT, command_line

import causalbandit as cb
from causalbandit.cli import SUBCOMMANDS, main

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^(<!-- prints -->\n)?```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"(?<![\w.])-?\d+\.\d+(?![\w.])")
"""A number with decimals; whole numbers count something and are to be equal."""


def blocks():
    """(language, content, whether it is said to print what follows, content of the following text block or None)."""
    found = [(match[2], match[3], bool(match[1])) for match in BLOCK.finditer(README)]
    after = [*found, ("", "", False)][1:]
    return [
        (*each, following[1] if following[0] == "text" else None) for each, following in zip(found, after, strict=True)
    ]


BLOCKS = blocks()
PYTHON = [(code, output) for language, code, _, output in BLOCKS if language == "python"]
PRINTING = [(code.strip(), output) for language, code, prints, output in BLOCKS if language == "sh" and prints]
NAMED_COMMANDS = re.findall(r"(?:^|`|/)causalbandit ([a-z]\w*)([^`|&\n]*)", README, re.MULTILINE)
"""(command, what follows it) in blocks and between backticks."""


def agree(printed: str, shown: str) -> bool:
    """Whether two texts are equal but for a unit in the last decimal of a number: sums differ so between machines."""

    def spaced(text: str) -> list[str]:
        return [" ".join(line.split()) for line in NUMBER.sub("#", text).strip().splitlines()]

    if spaced(printed) != spaced(shown):
        return False
    return all(
        abs(float(one) - float(other)) <= 1.001 * 10.0 ** -len(other.split(".")[1])
        for one, other in zip(NUMBER.findall(printed), NUMBER.findall(shown), strict=True)
    )


@pytest.mark.parametrize(("code", "output"), PYTHON)
def test_python_block_prints_what_the_readme_shows(code, output, monkeypatch, tmp_path, without_display):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "graphs").symlink_to(ROOT / "graphs")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {"__name__": "__main__"})
    if output is not None:
        assert agree(printed.getvalue(), output), printed.getvalue()


@pytest.mark.parametrize(("command", "output"), PRINTING)
def test_command_prints_what_the_readme_shows(command, output, monkeypatch):
    monkeypatch.chdir(ROOT)
    program, *words = shlex.split(command)
    assert program == "causalbandit"
    done = command_line(*words)
    assert done.exit_code == 0, done.output
    assert agree(done.stdout, output), done.stdout


def test_the_readme_has_all_kinds_of_blocks():
    assert {language for language, *_ in BLOCKS} == {"python", "sh", "text", "json"}
    assert PYTHON
    assert PRINTING


@pytest.mark.parametrize(("name", "words"), sorted(set(NAMED_COMMANDS)))
def test_a_command_that_is_named_knows_its_options(name, words):
    assert name in SUBCOMMANDS
    command = main.get_command(click.Context(main), name)
    if isinstance(command, click.Group):
        command = command.commands[words.split()[0]]
    known = {option for parameter in command.params for option in parameter.opts}
    assert set(re.findall(r"--[a-z-]+", words)) <= known


def test_every_command_is_named():
    assert {name for name, _ in NAMED_COMMANDS} == set(SUBCOMMANDS)


def test_files_that_are_named_exist():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    scripts = re.findall(r"\bpython3? ((?:tests|examples)/[\w/]+\.py)", README)
    graphs = re.findall(r"\bgraphs/\w+\.json", README)
    assert links
    assert scripts
    assert graphs
    for path in (*links, *scripts, *graphs):
        assert (ROOT / path).exists(), path


def test_the_file_that_is_shown_is_a_problem():
    for language, content, *_ in BLOCKS:
        if language == "json":
            assert cb.load_problem(io.StringIO(content)).model is not None


@pytest.mark.parametrize(
    ("printed", "shown", "same"),
    [
        ("a  0.1234", "a 0.1235", True),
        ("a 0.1234", "a 0.1237", False),
        ("12 of 0.50", "13 of 0.50", False),
        ("gap 1.5", "gap 2.5", False),
        ("v1.2.3 0.5", "v1.2.4 0.5", False),
        ("-0.01", "0.00", True),
    ],
)
def test_agreement_allows_the_last_decimal_and_nothing_else(printed, shown, same):
    assert agree(printed, shown) is same
