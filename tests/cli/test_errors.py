"""Errors on the command line speak of options, never of the arguments of Python functions."""

import inspect

import click
import pytest

from causalbandit.cli import SUBCOMMANDS, main
from causalbandit.cli.errors import OPTIONS, BadInput, RunFailed, bad_input, running
from causalbandit.designs.mad_log import replay_log
from causalbandit.errors import InvalidArgument, InvalidType
from causalbandit.evaluation import evaluate_regret
from causalbandit.formats.bif import read_bif
from causalbandit.inference.arm_sequences import arm_sequences
from causalbandit.inference.arm_values import estimate_arms, sample_means
from causalbandit.inference.log_columns import LogColumns


def options() -> set[str]:
    context = click.Context(main)
    waiting = [main.get_command(context, name) for name in SUBCOMMANDS]
    found: set[str] = set()
    while waiting:
        command = waiting.pop()
        if isinstance(command, click.Group):
            waiting += command.commands.values()
        elif command is not None:
            found |= {option for parameter in command.params for option in parameter.opts}
    return found


def test_every_argument_in_the_table_has_an_option() -> None:
    assert set(OPTIONS.values()) <= options()


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


@pytest.mark.parametrize(
    "function",
    [LogColumns, estimate_arms, sample_means, arm_sequences, replay_log, evaluate_regret, read_bif],
)
def test_every_argument_that_a_user_sets_is_in_the_table(function) -> None:
    unknown = set(inspect.signature(function).parameters) - set(OPTIONS) - GIVEN_BY_THE_PROGRAM
    assert not unknown, unknown


def refusal(error: Exception, place: str) -> str:
    with pytest.raises(BadInput) as caught, bad_input(place):
        raise error
    assert caught.value.exit_code == 2
    return caught.value.message


def test_the_option_stands_in_place_of_the_argument() -> None:
    assert refusal(InvalidArgument("t_star", "was 0."), "") == "--t-star was 0."
    assert refusal(InvalidType("alpha", "was 'x'."), "--alpha") == "--alpha was 'x'."
    assert refusal(InvalidArgument("outcome", "is 'z'."), "log.csv") == "log.csv: --outcome is 'z'."


def test_what_is_no_argument_is_opened_by_its_place() -> None:
    assert refusal(ValueError("it is too late."), "--time") == "--time: it is too late."
    assert refusal(OSError(13, "Permission denied", "a.csv"), "") == "Permission denied: 'a.csv'"


def test_a_file_is_named_once() -> None:
    assert refusal(ValueError("a.json: $ was 3."), "a.json") == "a.json: $ was 3."


def test_work_that_fails_says_what_failed() -> None:
    with pytest.raises(RunFailed, match=r"^The search failed: --budget was 0\.$") as caught, running("The search"):
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
