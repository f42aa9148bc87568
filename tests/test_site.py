"""Every block of shell and Python on the pages of the site runs, in order, and prints what its page shows."""

from __future__ import annotations

import re

import click
import pytest
from cases import together
from conftest import ROOT
from documents import PAGES, agree, blocks, printed

import causalbandit as cb
from causalbandit.cli import main

WITH_CODE = [page for page in PAGES if "```python" in (text := page.read_text(encoding="utf-8")) or "```sh" in text]
NAMES = [str(page.relative_to(ROOT / ".docs" / "pages")) for page in WITH_CODE]


@pytest.mark.parametrize("page", WITH_CODE, ids=NAMES)
def test_what_a_page_shows_is_so(page, tmp_path, monkeypatch, without_display):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "graphs").symlink_to(ROOT / "graphs")
    for block in blocks(page.read_text(encoding="utf-8")):
        shown = printed(block, page.name)
        assert shown is None or agree(shown, block.output), shown
        if block.language == "json":
            (tmp_path / "shown.json").write_text(block.code, encoding="utf-8")
            assert cb.load_problem(tmp_path / "shown.json").model is not None
        assert block.language in ("python", "sh", "json", "text")


def test_a_page_whose_output_is_wrong_fails(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1.25)\n```\n\n```text\n1.35\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError):
        test_what_a_page_shows_is_so(page, tmp_path, monkeypatch, None)


def options(command):
    """The options of a command and of the commands under it."""
    found = {name for parameter in command.params for name in parameter.opts}
    if isinstance(command, click.Group):
        context = click.Context(command)
        found.update(*(options(command.get_command(context, name)) for name in command.list_commands(context)))
    return found


OPTIONS = options(main) | {"--help", "--small"}  # the latter that of scripts under tests/benchmarks


@together("page", PAGES)
def test_options_and_members_that_a_page_names_exist(page):
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) <= OPTIONS
    for name, member in set(re.findall(r"`(?:cb\.)?([A-Z]\w+)\.(\w+)", text)):
        named = getattr(cb, name)
        assert hasattr(named, member) or member in named.__dataclass_fields__, f"{name}.{member}"


def test_scripts_that_the_pages_name_exist():
    for page in PAGES:
        for path in re.findall(r"`(?:python )?((?:tests|examples)/[\w/.]+\.\w+)", page.read_text(encoding="utf-8")):
            assert (ROOT / path).exists(), f"{page.name}: {path}"
