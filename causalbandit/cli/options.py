"""Arguments and options that several subcommands share, and the files that they write."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from causalbandit.cli.errors import BadInput, bad_input, running
from causalbandit.cli.terminal import echo
from causalbandit.strategies.catalogue import searching

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from causalbandit.problem import Problem
    from causalbandit.strategies.stopping import StopWhenSure

Command = Callable[..., Any]
Decorator = Callable[[Command], Command]

FIGURES = (".png", ".pdf", ".svg", ".eps", ".jpg", ".jpeg", ".webp")
"""Endings of figure files."""

STDOUT = "-"
"""In place of a file's name: standard output."""

# Options --------------------------------------------------------------------------------------------------------------


def together(*options: Decorator) -> Decorator:
    """Several options as one decorator, in the order in which help shows them."""

    def decorate(command: Command) -> Command:
        return functools.reduce(lambda decorated, option: option(decorated), reversed(options), command)

    return decorate


def gathered(name: str, make: Callable[..., Any], *options: Decorator) -> Decorator:
    """Options as one decorator of a command, which gets what ``make`` makes of their values as ``name``."""
    return _replaced(lambda own: {name: make(**own)}, *options)


def aside(option: Decorator) -> Decorator:
    """An option that `check_outputs` and `deliver` look at; the command is called without it."""
    return _replaced(lambda _: {}, option)


def _replaced(change: Callable[[dict[str, Any]], dict[str, Any]], *options: Decorator) -> Decorator:
    """Options as one decorator of a command, which gets ``change`` of their values in place of them."""
    all_of_them = together(*options)
    names = [parameter.name or "" for parameter in click.command(all_of_them(lambda: None)).params]

    def decorate(command: Command) -> Command:
        @functools.wraps(command)  # and with it the options that the command has already
        def called(**given: Any) -> None:
            own = {name: given.pop(name) for name in names}
            command(**given, **change(own))

        return all_of_them(called)

    return decorate


def listed(text: str) -> list[str]:
    """Type of an option that is a comma-separated list."""
    return [part.strip() for part in text.split(",") if part.strip()]


def whole_number(text: str) -> int:
    """Type of an option that counts experiments: ``10000``, ``10_000`` or ``1e4``."""
    with contextlib.suppress(ValueError):
        return int(text)
    with contextlib.suppress(ValueError):
        if float(text).is_integer():
            return int(float(text))
    raise click.BadParameter(f"{text!r} is not a whole number of experiments, such as 10000 or 1e4.")


strategy_option = click.option(
    "--strategy", metavar="NAME", default="two-phase", show_default=True, help=f"One of {', '.join(searching())}."
)
json_option = aside(
    click.option(
        "--json", "json_file", metavar="FILE", help="Write the whole result to FILE; - prints it in place of the text."
    )
)
resume_option = click.option(
    "--resume", metavar="FILE", help="Keep finished searches in FILE, and continue from it after an interruption."
)
known_option = click.option(
    "--known",
    metavar="A,B,...",
    type=listed,
    help="Nodes whose tables in the file are known: they are told, not learned.",
)
all_option = click.option(
    "--all-interventions",
    is_flag=True,
    help="Experiment with all interventions, also with those that have the same effect as another in every model.",
)


def plot_option(what: str) -> Decorator:
    """``--plot FILE``, which draws ``what``."""
    return aside(click.option("--plot", metavar="FILE", help=f"Draw {what} into FILE (.png, .pdf, .svg, ...)."))


def stopping_options(what: str) -> Decorator:
    """The rule that stops when sure: ``--error D`` (``what`` it does) and ``--tolerance``, gathered as ``stop``."""
    tolerance = "With --error: how much better another intervention may be.  [default: 0.01]"
    return gathered(
        "stop",
        _stopping_rule,
        click.option("--error", metavar="D", type=float, help=what),
        click.option("--tolerance", metavar="E", type=float, help=tolerance),
    )


def _stopping_rule(error: float | None, tolerance: float | None) -> StopWhenSure | None:
    from causalbandit.strategies.stopping import StopWhenSure

    if error is None:
        if tolerance is not None:
            raise BadInput("--tolerance: needs --error, the rate at which the search may be wrong, such as 0.05.")
        return None
    with bad_input("--error"):
        return StopWhenSure(error) if tolerance is None else StopWhenSure(error, tolerance)


def processes(jobs: int) -> int:
    """The number of worker processes of ``--jobs``: from 1 to the machine's cores, or -1 for all of them."""
    if jobs < 1 and jobs != -1:
        raise BadInput(f"--jobs: was {jobs}; expected 1 or more processes, or -1 for one on every core.")
    cores = os.cpu_count() or 1
    if jobs > cores:
        echo(f"--jobs: {jobs} are more than the {cores} cores of this machine; {cores} are used.", err=True)
    return min(jobs, cores)


def drawn_seed() -> int:
    """A fresh seed, short enough to be typed again."""
    import numpy as np

    return int(np.random.SeedSequence().generate_state(1)[0])


def load(path: str) -> Problem:
    """The problem in the file ``path``; `BadInput` with the file's fault otherwise."""
    from causalbandit.formats.graph_json import load_problem

    with bad_input():
        return load_problem(path)


def with_known(problem: Problem, known: list[str] | None) -> Problem:
    """``problem`` with the tables known that ``--known`` names, if it does."""
    if known is None:
        return problem
    with bad_input("--known"):
        return problem.with_known([problem.graph.observed(node) for node in known])


# Files ----------------------------------------------------------------------------------------------------------------


def check_outputs(inputs: Sequence[str | None], **outputs: str | None) -> None:
    """Before any work: each output file can be written, overwrites no input and no other output, and has an ending.

    Outputs are those that the command names, by option, and those of --json and --plot.
    """
    from causalbandit.files import check_output

    taken = {Path(path).resolve(): "the file that is read" for path in inputs if path is not None}
    asked = click.get_current_context().params
    for option, path in (outputs | {"json": asked.get("json_file"), "plot": asked.get("plot")}).items():
        if path is None or (option == "json" and path == STDOUT):
            continue
        label = {"out": "OUT", "table": "--out"}.get(option, f"--{option.replace('_', '-')}")
        with bad_input(label):
            place = check_output(path).resolve()
        if place in taken:
            raise BadInput(f"{label}: {path!r} is also {taken[place]}; choose another name.")
        if place.exists() and not place.is_file():
            continue
        taken[place] = f"the file of {label}"
        if option == "plot" and place.suffix.lower() not in FIGURES:
            raise BadInput(f"{label}: {path!r} does not end in one of {', '.join(FIGURES)}.")


def deliver(
    said: Iterable[str],
    content: Callable[[], dict[str, Any]],
    *others: tuple[str | None, Callable[[], str | bytes]],
    draw: Callable[[], Axes] | None = None,
) -> None:
    """Write the files that were asked for; print ``said``, unless JSON takes its place.

    ``content()`` is for --json, ``draw()`` for --plot, and ``others`` are pairs of a path or None and what to write.
    Neither a closed pipe nor a full disk costs the other.
    """
    asked = click.get_current_context().params
    json_file, plot = asked.get("json_file"), asked.get("plot")
    try:
        with running("Writing the result"):
            if json_file is not None:
                write(json_file, json.dumps(content(), indent=2, ensure_ascii=False, allow_nan=False) + "\n")
            for path, written in others:
                if path is not None:
                    write(path, written())
            if plot is not None and draw is not None:
                write(plot, _figure_bytes(draw, plot))
    finally:
        for text in () if json_file == STDOUT else said:
            echo(text)


def write(path: str, content: str | bytes) -> None:
    """Write ``content`` to ``path`` at once and, without --quiet, say so on standard error."""
    from causalbandit.files import write_output

    asked = click.get_current_context().params
    if path == STDOUT == asked.get("json_file"):
        echo(content, nl=False)
        return
    write_output(path, content)
    if not asked.get("quiet"):
        echo(f"Wrote {path}", err=True)


def _figure_bytes(draw: Callable[[], Axes], path: str) -> bytes:
    """What ``draw`` draws, in the format that ``path`` ends in; no window system is needed."""
    import matplotlib

    matplotlib.use("Agg")
    figure = draw().get_figure(root=True)
    assert figure is not None
    buffer = io.BytesIO()
    # A figure of seven inches is then some 840 pixels wide: sharp on a screen, small in a mail.
    figure.savefig(buffer, format=Path(path).suffix.lower().lstrip(".") or "png", dpi=120)
    return buffer.getvalue()
