"""Errors on the command line speak of options, never of the arguments of Python functions."""

import inspect

import click
import pytest
from cases import together

from causalbandit.cli import SUBCOMMANDS, main
from causalbandit.cli.check import check
from causalbandit.cli.effects import ate
from causalbandit.cli.errors import OPTIONS, BadInput, RunFailed, bad_input, option_of, running
from causalbandit.cli.problem import search
from causalbandit.cli.regret import regret
from causalbandit.designs.mad_log import replay_log
from causalbandit.errors import InvalidArgument, InvalidType, Setting
from causalbandit.evaluation import evaluate_regret
from causalbandit.formats.bif import read_bif
from causalbandit.inference.arm_sequences import arm_sequences
from causalbandit.inference.arm_values import estimate_arms, sample_means
from causalbandit.inference.log_columns import LogColumns


def commands() -> list[click.Command]:
    context = click.Context(main)
    waiting = [main.get_command(context, name) for name in SUBCOMMANDS]
    found = []
    while waiting:
        command = waiting.pop()
        if isinstance(command, click.Group):
            waiting += command.commands.values()
        elif command is not None:
            found.append(command)
    return found


def has_option(argument: str) -> bool:
    def found(command: click.Command) -> bool:
        with click.Context(command):
            return option_of(argument).startswith("-")

    return any(map(found, commands()))


def test_every_argument_in_the_table_has_an_option_that_is_spelled_otherwise() -> None:
    known = {option for command in commands() for parameter in command.params for option in parameter.opts}
    for argument, options in OPTIONS.items():
        assert set(options) <= known
        assert f"--{argument.replace('_', '-')}" not in options


GIVEN_BY_THE_PROGRAM = {
    *(
        "log",
        "path",
        "problem",
        "problems",
        "progress",
        "memory",
        "all_pairs",
        "limits",
    ),  # what the commands themselves pass
    *(
        "outcome_means",
        "allow_lookahead",
        "model_options",
        "delta",
        "tolerance",
        "t_opt",
        "scale",
        "variance",
    ),  # left at defaults
    *("interventions", "description", "max_bytes", "known", "columns", "refit_at", "intersect", "n_warmup"),
}


@together(
    "function",
    [LogColumns, estimate_arms, sample_means, arm_sequences, replay_log, evaluate_regret, read_bif],
)
def test_every_argument_that_a_user_sets_is_in_the_table(function) -> None:
    set_by_user = set(inspect.signature(function).parameters) - GIVEN_BY_THE_PROGRAM
    assert [argument for argument in set_by_user if not has_option(argument)] == []


def refusal(error: Exception, place: str, command: click.Command = ate, **given: object) -> str:
    context = click.Context(command)
    context.params = given
    with context, pytest.raises(BadInput) as caught, bad_input(place):
        raise error
    assert caught.value.exit_code == 2
    return caught.value.message


def test_the_option_stands_in_place_of_the_argument() -> None:
    assert refusal(InvalidArgument("t_star", "was 0."), "") == "--t-star was 0."
    assert refusal(InvalidType("alpha", "was 'x'."), "--alpha") == "--alpha was 'x'."
    assert refusal(InvalidArgument("outcome", "is 'z'."), "log.csv") == "log.csv: --outcome is 'z'."


def test_the_option_is_one_that_the_command_has() -> None:
    error = InvalidArgument("strategy", "was 'x'.")
    assert refusal(error, "", search) == "--strategy was 'x'."
    assert refusal(error, "", regret) == "--strategies was 'x'."
    assert refusal(error, "", ate) == "strategy was 'x'."
    assert str(error) == "strategy was 'x'."


def test_of_two_options_the_one_that_was_given_is_named() -> None:
    error = InvalidArgument("interventions", "names 'b'.")
    assert refusal(error, "", check, intervention_column="b") == "--intervention-column names 'b'."
    assert refusal(error, "", check, intervention_columns="a=b") == "--intervention-columns names 'b'."


def test_a_setting_is_a_flag_on_the_command_line_and_an_argument_in_python() -> None:
    error = InvalidArgument("outcomes", "is missing; leave it out (", Setting("drop_open", "True"), ").")
    assert refusal(error, "log.csv") == "log.csv: --outcome is missing; leave it out (--drop-open)."
    assert str(error) == "outcomes is missing; leave it out (drop_open=True)."


def test_what_is_no_argument_is_opened_by_its_place() -> None:
    assert refusal(ValueError("it is too late."), "--time") == "--time: it is too late."
    assert refusal(OSError(13, "Permission denied", "a.csv"), "") == "Permission denied: 'a.csv'"


def test_a_file_is_named_once() -> None:
    assert refusal(ValueError("a.json: $ was 3."), "a.json") == "a.json: $ was 3."


def test_work_that_fails_says_what_failed() -> None:
    said = pytest.raises(RunFailed, match=r"^The search failed: --budget was 0\.$")
    with click.Context(search), said as caught, running("The search"):
        raise InvalidArgument("budget", "was 0.")
    assert caught.value.exit_code == 1
    with pytest.raises(RunFailed, match="The search failed: MemoryError"), running("The search"):
        raise MemoryError
    with pytest.raises(KeyError), running("The search"):
        raise KeyError("ours")


def test_what_a_failed_run_kept_is_said() -> None:
    error = RuntimeError("no solver")
    error.add_note("The 40 experiments are in a file.")
    with pytest.raises(RunFailed) as failed, running("The search"):
        raise error
    assert failed.value.message == "The search failed: no solver\nThe 40 experiments are in a file."
