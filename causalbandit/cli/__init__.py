"""The command line. A subcommand's module is imported when it is called, so that ``causalbandit --help`` is quick.

Exit status: 0 when all went well, 1 when the run failed, 2 for bad usage or a bad file, 130 after Ctrl-C. Results go to
standard output; progress (on a terminal only), notices and errors go to standard error.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from importlib import import_module
from typing import Any

import click

from causalbandit.cli.errors import RunFailed, message_of
from causalbandit.cli.terminal import echo

SUBCOMMANDS = {
    "show": ("problem", "Describe the problem in a graph file, and draw it."),
    "design": ("design", "Say what a budget will show, before the first experiment."),
    "search": ("problem", "Search for the best intervention by simulated experiments."),
    "regret": ("regret", "Compare strategies by the regret of simulated searches."),
    "convert": ("problem", "Turn a Bayesian network in BIF into a graph file."),
    "ate": ("effects", "Average treatment effects of arms, from the log of an adaptive experiment."),
    "check": ("check", "Look for contradictions between a graph and experiments."),
    "fit": ("history", "Fit the tables of a graph to rows that were collected before."),
    "graphs": ("graphs", "List the problems that come with the package."),
    "bench": ("bench", "Compare a strategy with the shipped ones on the suite."),
    "study": ("study", "A campaign of your own experiments in one file."),
    "values": ("effects", "Values of arms, from the log of an adaptive experiment."),
}
"""Name of a command → (module of this package that has it, one line for the help)."""


INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 and the number of the signal, as shells have it."""

_GOES_ON: dict[str | None, tuple[str, ...]] = {
    "study": ("The study holds all that it has acknowledged; the same command goes on.",),
    "search": ("Nothing was written. The same command with the same --seed begins anew and gives the same answer.",),
}
"""What is said after Ctrl-C, by subcommand."""


class LazyGroup(click.Group):
    """A group that knows its subcommands by name and imports the one that is called."""

    def invoke(self, ctx: click.Context) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # names that the terminal cannot show: a mark instead of a crash
                stream.reconfigure(errors="replace")
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except KeyboardInterrupt as interrupt:
            notes = getattr(interrupt, "__notes__", ())
            for sentence in ("Interrupted.", *notes, *_GOES_ON.get(ctx.invoked_subcommand, ())):
                echo(sentence, err=True)
            raise click.exceptions.Exit(INTERRUPTED) from interrupt
        except BrokenPipeError:
            raise
        except OSError as error:
            _forget_unprinted()
            raise RunFailed(f"Printing failed: {message_of(error)}") from error
        return result

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in SUBCOMMANDS:
            return None
        module, _ = SUBCOMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"causalbandit.cli.{module}"), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in SUBCOMMANDS:
            from causalbandit.errors import did_you_mean

            ctx.fail(f"No such command {args[0]!r}.{did_you_mean(args[0], SUBCOMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in SUBCOMMANDS.items()])


def _forget_unprinted() -> None:
    """Let what could not be printed go, or Python would fail once more at its end, with a message and status 120."""
    with contextlib.suppress(OSError):  # a stream that is no file of the system has nothing to forget
        printed = sys.stdout.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, printed)
        os.close(nowhere)


def _print_version(ctx: click.Context, _option: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        from causalbandit import __version__

        echo(f"causalbandit {__version__}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version."
)
@click.option("-v", "--verbose", is_flag=True, help="Say on standard error what is done.")
def main(verbose: bool) -> None:
    """Find the best intervention on a causal graph with few experiments, and prove its effect."""
    if verbose:
        import logging

        from causalbandit.cli.terminal import EchoHandler

        log = logging.getLogger("causalbandit")
        log.setLevel(logging.DEBUG)
        log.handlers = [EchoHandler()]
