"""What is said of inputs that cannot be used: exact messages and exit statuses, no traceback, no file changed."""

import pytest
from bad_inputs import bad_calls, bad_commands, names, plain, put_files
from cases import together
from conftest import command_line

import causalbandit as cb

COMMANDS, CALLS = bad_commands(), bad_calls()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    put_files(folder)
    return folder


@pytest.fixture(scope="module")
def known():
    return names()


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@together("entry", COMMANDS)
def test_a_bad_command_is_refused_in_these_words_and_changes_no_file(entry, folder, monkeypatch):
    monkeypatch.chdir(folder)
    before = contents(folder)
    done = command_line(*entry["command"].split(" "))
    assert done.exit_code == entry["status"] == 2
    assert plain(done.stderr) == entry["message"]
    assert done.stdout == ""
    assert isinstance(done.exception, SystemExit)  # anything else would be a traceback
    assert contents(folder) == before


@together("entry", CALLS)
def test_a_bad_call_is_refused_in_these_words(entry, known, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((cb.Error, ValueError, TypeError, OSError)) as caught:
        eval(entry["call"], dict(known))
    assert type(caught.value).__name__ == entry["error"]
    assert str(caught.value) == entry["message"]
    assert list(tmp_path.iterdir()) == []


def test_the_tables_are_long_and_name_each_input_once():
    assert len(COMMANDS) + len(CALLS) >= 200
    assert len({entry["command"] for entry in COMMANDS}) == len(COMMANDS)
    assert len({entry["call"] for entry in CALLS}) == len(CALLS)
