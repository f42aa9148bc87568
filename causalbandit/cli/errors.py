"""Errors on the command line: one message on standard error, in the words of the options, and an exit status."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import click

from causalbandit.cli.terminal import visible
from causalbandit.errors import InvalidArgument
from causalbandit.files import missing_file

OPTIONS = {
    "against": "--against",
    "alpha": "--alpha",
    "arm": "--arm",
    "arms": "--arms",
    "batch": "--batch",
    "batch_size": "--batch",
    "bounds": "--bounds",
    "budget": "--budget",
    "budget_money": "--budget-money",
    "budgets": "--budgets",
    "budgets_money": "--budgets-money",
    "contexts": "--contexts",
    "check": "--check",
    "control": "--control",
    "costs": "--costs",
    "covariates": "--contexts",
    "delta": "--delta",
    "drop_open": "--drop-open",
    "error": "--error",
    "estimand": "--estimand",
    "families": "--families",
    "floor_decay": "--floor-decay",
    "goal": "--goal",
    "hidden": "--hidden",
    "history": "--history",
    "history_interventions": "--intervention-column",
    "reduce": "--all-interventions",
    "interventions": "--intervention",
    "method": "--method",
    "most_each": "--most-each",
    "most_kinds": "--most-kinds",
    "multiplicity": "--multiplicity",
    "n": "-n",
    "n_jobs": "--jobs",
    "name": "--name",
    "nodes": "--nodes",
    "ordered": "--ordered",
    "outcome": "--outcome",
    "outcome_model": "--model",
    "outcomes": "--outcome",
    "planned": "--planned",
    "propensities": "--propensity",
    "propensity": "--propensity",
    "quorum": "--quorum",
    "reference": "--control",
    "replications": "--replications",
    "resume": "--resume",
    "rng": "--seed",
    "setup": "--setup",
    "source": "--source",
    "strategies": "--strategies",
    "strategy": "--strategy",
    "t_star": "--t-star",
    "target": "--target",
    "time": "--time",
    "time_format": "--time-format",
    "tolerance": "--tolerance",
    "truncation": "--truncation",
    "up_to": "--up-to",
    "weighting": "--weighting",
    "weights": "--weights",
    "world": "--world",
}
"""Argument of the library → option of the command line."""


class BadInput(click.ClickException):
    """A file or value that cannot be used: one message, no traceback, exit status 2."""

    exit_code = 2

    def format_message(self) -> str:
        return visible(super().format_message())


class RunFailed(click.ClickException):
    """Work that started and could not be finished: one message, exit status 1."""

    exit_code = 1

    def format_message(self) -> str:
        return visible(super().format_message())


@contextlib.contextmanager
def bad_input(place: str = "") -> Iterator[None]:
    """Turn the errors of checks (ValueError, TypeError, OSError, ImportError) into `BadInput`.

    ``place`` opens the message: the file that is read, or the option whose value is looked at, unless the error names
    an option itself.
    """
    try:
        yield
    except (ValueError, TypeError, OSError, ImportError) as error:
        named = isinstance(error, InvalidArgument) and error.argument in OPTIONS
        message = message_of(error)
        opened = not place or place in message or (named and place.startswith("--"))
        raise BadInput(message if opened else f"{place}: {message}") from error


@contextlib.contextmanager
def running(what: str) -> Iterator[None]:
    """Turn the errors of work that is under way into `RunFailed`. Other exceptions are our bugs and stay."""
    try:
        yield
    except (ValueError, RuntimeError, MemoryError, OSError, ArithmeticError) as error:
        kept = "".join(f"\n{note}" for note in getattr(error, "__notes__", ()))  # what was paid for and is not lost
        raise RunFailed(f"{what} failed: {message_of(error) or type(error).__name__}{kept}") from error


def message_of(error: BaseException) -> str:
    """The error's message: of an argument, with its option in place of its name; of the system, with the file.

    >>> message_of(InvalidArgument("t_star", "was 0; expected a number above 0."))
    '--t-star was 0; expected a number above 0.'
    """
    if isinstance(error, InvalidArgument):
        if error.argument == "path":
            return error.message  # which begins with the file's name
        return f"{OPTIONS.get(error.argument, error.argument)} {error.message}"
    if isinstance(error, FileNotFoundError) and error.filename is not None:
        return missing_file(error.filename)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename!r}" if error.filename is not None else error.strerror
    return str(error)
