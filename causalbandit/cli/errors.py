"""Errors on the command line: one message on standard error, in the words of the options, and an exit status."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import click

from causalbandit.cli.terminal import visible
from causalbandit.errors import InvalidArgument, Setting
from causalbandit.files import missing_file

OPTIONS: dict[str, tuple[str, ...]] = {
    "batch_size": ("--batch",),
    "batches": ("--batch",),
    "covariates": ("--contexts",),
    "history_interventions": ("--intervention-column",),
    "interventions": ("--intervention", "--intervention-column", "--intervention-columns"),
    "n": ("-n",),
    "n_jobs": ("--jobs",),
    "on_mismatch": ("--exclude-mismatches",),
    "outcome_model": ("--model",),
    "outcomes": ("--outcome",),
    "propensities": ("--propensity",),
    "reduce": ("--all-interventions",),
    "reference": ("--control",),
    "rng": ("--seed",),
    "strategy": ("--strategies",),
    "times": ("--time",),
}
"""Argument of the library → options of the command line that are spelled otherwise; t_star is --t-star anyway."""


def option_of(argument: str) -> str:
    """The option of the running command that ``argument`` of the library comes from; itself when there is none.

    Of several options it is the one that was given.
    """
    context = click.get_current_context(silent=True)
    if context is None:
        return argument
    own = {option: parameter.name for parameter in context.command.params for option in parameter.opts}
    spelled = (f"--{argument.replace('_', '-')}", *OPTIONS.get(argument, ()))
    there = [option for option in spelled if option in own]
    given = [option for option in there if context.params.get(own[option] or "")]
    return next(iter(given or there), argument)


class Refusal(click.ClickException):
    """One message and no traceback."""

    def format_message(self) -> str:
        return visible(super().format_message())


class BadInput(Refusal):
    """A file or value that cannot be used: exit status 2."""

    exit_code = 2


class RunFailed(Refusal):
    """Work that started and could not be finished: exit status 1."""

    exit_code = 1


@contextlib.contextmanager
def bad_input(place: str = "") -> Iterator[None]:
    """Turn the errors of checks (ValueError, TypeError, OSError, ImportError) into `BadInput`.

    ``place`` opens the message: the file that is read, or the option whose value is looked at, unless the error names
    an option itself.
    """
    try:
        yield
    except (ValueError, TypeError, OSError, ImportError) as error:
        named = isinstance(error, InvalidArgument) and option_of(error.argument) != error.argument
        message = message_of(error)
        opened = not place or place in message or (named and place.startswith("--"))
        raise BadInput(message if opened else f"{place}: {message}") from error


@contextlib.contextmanager
def running(what: str) -> Iterator[None]:
    """Turn the errors of work that is under way into `RunFailed`. Other exceptions are our bugs and stay.

    So does a reader of the output who has left, of which click makes an exit status without a word.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except (ValueError, RuntimeError, MemoryError, OSError, ArithmeticError) as error:
        kept = "".join(f"\n{note}" for note in getattr(error, "__notes__", ()))  # what was paid for and is not lost
        raise RunFailed(f"{what} failed: {message_of(error) or type(error).__name__}{kept}") from error


def message_of(error: BaseException) -> str:
    """The error's message: of an argument, with options in place of names; of the system, with the file.

    >>> from causalbandit.cli.effects import ate
    >>> with click.Context(ate):
    ...     message_of(InvalidArgument("t_star", "was 0; expected a number above 0."))
    '--t-star was 0; expected a number above 0.'
    """
    if isinstance(error, InvalidArgument):
        if error.argument == "path":
            return error.message  # which begins with the file's name
        return f"{option_of(error.argument)} {''.join(map(_told, error.words))}"
    if isinstance(error, FileNotFoundError) and error.filename is not None:
        return missing_file(error.filename)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename!r}" if error.filename is not None else error.strerror
    return str(error)


def _told(word: object) -> str:
    """A piece of a message, where a flag stands for another argument."""
    option = option_of(word.argument) if isinstance(word, Setting) else ""
    return option if option.startswith("-") else str(word)
