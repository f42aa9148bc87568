"""All commands alike: JSON on standard output, options in messages, nothing that steers a terminal, Ctrl-C, pipes."""

import json
import logging
import os
import re
import signal
import time
from pathlib import Path

import click
import pytest
from cases import together
from conftest import GRAPHS, command_line
from forks import exit_code, forked, needs_fork

import causalbandit as cb
from causalbandit import evaluation
from causalbandit.cli import SUBCOMMANDS, main

ROWS = "need_id,invited,treated,well\n" + "".join(f"{i},{i % 2},{i // 2 % 2},{i // 3 % 2}\n" for i in range(40))
LOG = "arm,y,p\n" + "".join(f"{'ab'[i % 2]},{i // 2 % 2},0.5\n" for i in range(60))


def commands():
    """Every command with the words that call it."""
    for name in SUBCOMMANDS:
        command = main.get_command(click.Context(main), name)
        if isinstance(command, click.Group):
            yield from ((f"{name} {part}", each) for part, each in command.commands.items())
        else:
            yield name, command


@pytest.fixture
def files(tmp_path, monkeypatch, shop):
    monkeypatch.chdir(tmp_path)
    cb.save_problem(shop, tmp_path / "shop.json")
    (tmp_path / "log.csv").write_text(LOG)
    rows = "ad,trust,purchase\n" + "".join(f"{i % 2},{i // 2 % 2},{i // 3 % 2}\n" for i in range(40))
    (tmp_path / "rows.csv").write_text(rows)
    return tmp_path


def printed_json(*words):
    done = command_line(*words, "--json", "-")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


AIM = ["--arm", "arm", "--outcome", "y", "--propensity", "p", "--ordered"]


@together(
    ("words", "kind", "field"),
    [
        ("show shop.json", "problem", "interventions"),
        ("graphs", "problems", "problems"),
        ("search shop.json --budget 200 --seed 1 --strategy top-two", "decision", "best"),
        ("regret shop.json --budgets 50 --replications 2 --strategies top-two --seed 1 --quiet", "regret", "rows"),
        ("design shop.json --budget 100", "design", "gamma_star"),
        ("check shop.json rows.csv", "graph check", "delta"),
        ("fit shop.json rows.csv", "fit", "ranking"),
        (["ate", "log.csv", *AIM], "effects", "contrasts"),
        (["values", "log.csv", *AIM], "values", "values"),
    ],
)
def test_a_command_prints_its_result_as_json_alone(files, words, kind, field):
    found = printed_json(*(words.split() if isinstance(words, str) else words))
    assert found["format"] == f"causalbandit {kind}"
    assert found["version"] == 1
    assert found[field]
    assert list(files.glob("-")) == []


def test_the_commands_of_a_study_print_json(files):
    for words in (
        "create s.study shop.json --budget 30 --strategy top-two --seed 1",
        "ask s.study --out todo.csv",
        "status s.study",
        "check s.study",
        "export s.study out.csv",
        "abandon s.study --running",
    ):
        assert printed_json("study", *words.split())["format"] == "causalbandit study"


def test_every_command_takes_json():
    lacking = [name for name, command in commands() if "json_file" not in {p.name for p in command.params}]
    assert lacking == []


def test_json_is_left_to_the_file_that_is_named(files):
    done = command_line("show", "shop.json", "--json", "out.json")
    assert "which intervention" in done.stdout
    assert cb.load_result("out.json").kind == "problem"


def test_help_and_messages_speak_of_options_that_exist():
    known = {option for _, command in commands() for parameter in command.params for option in parameter.opts}
    known |= {"--help", "--version", "--verbose"}
    for name, command in commands():
        text = " ".join([command.help or "", *(str(getattr(p, "help", "")) for p in command.params)])
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) <= known, name
        assert not re.search(r"\bn_jobs|\brng=|alpha=|_file\b", text), name


@together(
    ("words", "option"),
    [
        ("search asia --budget 0", "--budget"),
        ("search asia --budget 100 --error 2", "--error"),
        ("search asia --budget 3000 --truncation -1", "--truncation"),
        ("regret asia --budgets 100 --jobs 0", "--jobs: was 0"),
        ("regret asia --budgets 100 --jobs -3", "--jobs: was -3"),
        ("design asia --budget 100 --weighting best", "--weighting"),
        ("check asia rows.csv --delta 2", "--delta"),
        (["ate", "log.csv", *AIM, "--alpha", "2"], "--alpha"),
        (["ate", "log.csv", *AIM, "--method", "mad", "--t-star", "-2"], "--t-star"),
        ("study create new.study asia --budget 50 --quorum 3", "--quorum"),
    ],
)
def test_a_bad_value_is_told_by_its_option(files, words, option):
    done = command_line(*(words.split() if isinstance(words, str) else words))
    assert done.exit_code == 2
    assert option in done.stderr
    assert not re.search(r"\b(n_jobs|t_star|error_rate|batch_size) ", done.stderr)


def test_more_processes_than_cores_are_not_started(capsys):
    from causalbandit.cli.options import processes

    cores = os.cpu_count()
    assert processes(cores + 5) == cores
    assert f"the {cores} cores" in capsys.readouterr().err
    assert processes(-1) == -1


def test_a_name_cannot_steer_the_terminal(files, shop):
    text = (GRAPHS / "bow.json").read_text()
    (files / "bad.json").write_text(text.replace("Patients who", "\\u001b[2J\\u009b31m\\u202ePatients who"))
    for words in (["show", "bad.json"], ["show", "bad.json", "--json", "-"], ["show", "no\x1b[2Jthing.json"]):
        printed = command_line(*words).output
        assert "\\u001b[2J" in printed or "\\x1b[2J" in printed
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", printed)
    assert json.loads(command_line("show", "bad.json", "--json", "-").stdout)["description"].startswith("\x1b[2J")


def test_all_printing_goes_through_the_one_function():
    for path in Path(cb.__file__).with_name("cli").glob("*.py"):
        if path.name != "terminal.py":
            assert "click.echo" not in path.read_text(), path


def test_ctrl_c_tells_how_to_go_on(files, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluation, "evaluate_regret", interrupted)
    words = ["regret", "shop.json", "--budgets", "50", "--strategies", "top-two"]
    done = command_line(*words, "--resume", "kept.csv")
    assert done.exit_code == 130
    assert "kept in kept.csv; the same command goes on" in done.stderr
    done = command_line(*words)
    assert done.exit_code == 130
    assert "With --resume FILE" in done.stderr


@needs_fork
def test_a_real_interrupt_exits_130_without_a_traceback(files):
    words = ["regret", "shop.json", "--budgets", "1000", "--replications", "100000", "--strategies", "uniform"]
    kept = files / "kept.jsonl"
    with (files / "said.txt").open("w") as said, (files / "printed.txt").open("w") as printed:
        child = forked([*words, "--quiet", "--resume", kept], printed.fileno(), said.fileno())
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (not kept.exists() or kept.read_bytes().count(b"\n") < 2):
        time.sleep(0.01)
    os.kill(child, signal.SIGINT)
    said = (files / "said.txt").read_text
    assert exit_code(child) == 130, said()
    assert "Interrupted." in said()
    assert "Traceback" not in said()


@needs_fork
@together(
    "words",
    [
        "show shop.json",
        "search shop.json --budget 60 --strategy uniform --seed 1",
        "regret shop.json --budgets 50 --replications 2 --strategies uniform --seed 1",
        "show shop.json --error 0.1 --json -",
        "graphs",
        "design shop.json --budget 100",
        "check shop.json rows.csv",
    ],
)
def test_a_reader_that_left_is_no_traceback(files, words):
    reader, writer = os.pipe()
    os.close(reader)
    with (files / "said.txt").open("w") as said:
        child = forked(words.split(), writer, said.fileno())
    os.close(writer)
    assert exit_code(child) == 1
    said = (files / "said.txt").read_text()
    assert "Traceback" not in said
    assert "Error" not in said


def test_the_package_logs_and_verbose_shows_it(files, caplog, shop):
    with caplog.at_level(logging.INFO, "causalbandit"):
        cb.search(shop, 60, "uniform", rng=0, progress=False)
    assert "60 experiments" in caplog.text
    before = logging.getLogger("causalbandit").handlers[:], logging.getLogger("causalbandit").level
    words = ["search", "shop.json", "--budget", "60", "--strategy", "uniform", "--quiet"]
    assert "experiments" in command_line("--verbose", *words).stderr
    logging.getLogger("causalbandit").handlers, level = before
    logging.getLogger("causalbandit").setLevel(level)
    assert command_line(*words).stderr == ""
