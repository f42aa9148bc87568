"""What the README shows is so: Python blocks print what stands after them, commands, files and options exist."""

from __future__ import annotations

import io
import re

import click
import documents
import pytest
from cases import together
from conftest import ROOT
from documents import agree, blocks, commands, printed_by_command, printed_by_python

import causalbandit as cb
from causalbandit.cli import SUBCOMMANDS, main

README = documents.README.read_text(encoding="utf-8")
BLOCKS = blocks(README)
PYTHON = [(block.code, block.output) for block in BLOCKS if block.language == "python"]
PRINTING = [(block.code, block.output) for block in BLOCKS if block.language == "sh" and block.prints]
NAMED_COMMANDS = re.findall(r"(?:^|`|/)causalbandit ([a-z]\w*)([^`|&\n]*)", README, re.MULTILINE)
"""(command, what follows it) in blocks and between backticks."""


@pytest.mark.parametrize(("code", "output"), PYTHON)
def test_python_block_prints_what_the_readme_shows(code, output, monkeypatch, tmp_path, without_display):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "graphs").symlink_to(ROOT / "graphs")
    printed = printed_by_python(code, "README.md")
    assert output is None or agree(printed, output), printed


@pytest.mark.parametrize(("command", "output"), PRINTING)
def test_command_prints_what_the_readme_shows(command, output, monkeypatch):
    monkeypatch.chdir(ROOT)
    printed = "".join(printed_by_command(words) for words in commands(command))
    assert agree(printed, output), printed


def test_the_readme_has_all_kinds_of_blocks():
    assert {block.language for block in BLOCKS} >= {"python", "sh", "text"}
    assert PYTHON
    assert PRINTING


@together(("name", "words"), sorted(set(NAMED_COMMANDS)))
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
    for block in BLOCKS:
        if block.language == "json":
            assert cb.load_problem(io.StringIO(block.code)).model is not None


@together(
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
