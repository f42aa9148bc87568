"""Shipped problems load by name; files come first, and a path is nothing but a path."""

import pytest
from cases import together
from conftest import GRAPHS, SHIPPED, command_line

import causalbandit as cb
from causalbandit.formats import shipped_files
from causalbandit.formats.shipped_files import file_named


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_file_of_the_repository_is_known_by_its_name(elsewhere, shipped):
    assert tuple(shipped_files.shipped_files()) == SHIPPED
    assert all(file_named(name) == GRAPHS / f"{name}.json" for name in SHIPPED)
    assert cb.load_problem("asia") == shipped["asia"]


def test_an_installed_package_reads_its_own_copy(elsewhere, monkeypatch):
    (elsewhere / "mine.json").write_text("{}")
    monkeypatch.setattr(shipped_files, "FOLDERS", (elsewhere, GRAPHS))
    assert list(shipped_files.shipped_files()) == ["mine"]
    monkeypatch.setattr(shipped_files, "FOLDERS", (elsewhere / "none",))
    with pytest.raises(FileNotFoundError, match="neither a file nor a shipped problem"):
        file_named("asia")


def test_a_file_comes_before_the_shipped_problem_and_a_folder_does_not(elsewhere):
    (elsewhere / "bow").mkdir()
    assert file_named("bow") == GRAPHS / "bow.json"
    (elsewhere / "asia").write_text((GRAPHS / "bow.json").read_text())
    assert cb.load_problem("asia").name == "bow"


@together(
    ("name", "message"),
    [
        ("asai", r"neither a file nor a shipped problem named 'asai'\. Did you mean 'asia'\?"),
        ("stranger", r"named 'stranger'\. Shipped are 'andes', .*'win95pts'\."),
        ("asia.json", r"no file 'asia\.json'; the shipped problem's name is 'asia'"),
        ("graphs/asia.json", r"no file 'graphs/asia\.json'; the shipped problem's name is 'asia'"),
        ("./asia", r"no file '\./asia'|no file 'asia'"),
        ("shap.json", r"Did you mean 'shop\.json'"),
        ("shop", r"Did you mean 'shop\.json'"),
    ],
)
def test_a_name_that_leads_nowhere_says_what_would(elsewhere, name, message):
    (elsewhere / "shop.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match=message):
        cb.load_problem(name)


def test_the_table_has_a_row_per_problem():
    table = cb.shipped_problems().set_index("name")
    assert tuple(table.index) == SHIPPED
    assert table.loc["win95pts", ["nodes", "goal", "target"]].tolist() == [76, "min", "Problem1"]
    assert table.loc["clinical", "nodes"] == 15  # two of them hidden
    assert table["source"].str.len().min() > 0


def test_the_command_line_lists_them_and_takes_their_names(elsewhere):
    done = command_line("graphs")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[1 : len(SHIPPED) + 1]] == list(SHIPPED)
    assert max(map(len, lines)) <= 80
    assert command_line("search", "asia", "--budget", "300", "--seed", "1", "--quiet").stdout.strip()
    assert "Did you mean 'asia'?" in command_line("show", "asai").stderr
