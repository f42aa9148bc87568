"""Arguments and options that several subcommands share, and the checks of output files."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from causalbandit.cli.errors import BadInput, bad_input, running
from causalbandit.cli.terminal import echo
from causalbandit.strategies.catalogue import searching

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from causalbandit.problem import Problem
    from causalbandit.strategies.stopping import StopWhenSure

Command = TypeVar("Command", bound=Callable[..., Any])

FIGURES = ("png", "pdf", "svg", "eps", "jpg", "jpeg", "webp")
"""Endings of figure files."""


STDOUT = "-"
"""In place of a file's name: standard output."""

strategy_option = click.option(
    "--strategy", metavar="NAME", default="two-phase", show_default=True, help=f"One of {', '.join(searching())}."
)
"""``--strategy NAME`` of a search."""

json_option = click.option(
    "--json", "json_file", metavar="FILE", help="Write the whole result to FILE; - prints it in place of the text."
)
"""``--json FILE``."""


def json_on_stdout() -> bool:
    """Whether the command that runs was asked to print its result as JSON, and so prints nothing else there."""
    return click.get_current_context().params.get("json_file") == STDOUT


def whole_number(ctx: click.Context, param: click.Parameter, value: str) -> int:
    """Callback of an option that counts experiments: ``10000``, ``10_000`` or ``1e4`` as an int."""
    try:
        return int(value)
    except ValueError:
        pass
    try:
        number = float(value)
        if number == int(number):
            return int(number)
    except (ValueError, OverflowError):
        pass
    raise click.BadParameter(f"{value!r} is not a whole number of experiments, such as 10000 or 1e4.", ctx, param)


def stopping_options(what: str) -> Callable[[Command], Command]:
    """Decorator: the options of a rule that stops when sure, ``--error D`` (``what`` it does) and ``--tolerance``."""

    def decorate(command: Command) -> Command:
        for option in (
            click.option(
                "--tolerance",
                metavar="E",
                type=float,
                help="With --error: how much better another intervention may be.  [default: 0.01]",
            ),
            click.option("--error", metavar="D", type=float, help=what),
        ):
            command = option(command)
        return command

    return decorate


def stopping_rule(error: float | None, tolerance: float | None) -> StopWhenSure | None:
    """The rule of ``--error`` and ``--tolerance``, or None without the first."""
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


def check_outputs(inputs: list[str], **outputs: str | None) -> None:
    """Before any work: each output file can be written, overwrites no input and no other output, and has an ending."""
    from causalbandit.files import check_output

    taken = {Path(path).resolve(): "the file that is read" for path in inputs}
    for option, path in outputs.items():
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
        if option == "plot" and place.suffix.lower().lstrip(".") not in FIGURES:
            raise BadInput(f"{label}: {path!r} does not end in one of {', '.join(f'.{end}' for end in FIGURES)}.")


def write(path: str | os.PathLike[str], content: str | bytes, quiet: bool = False) -> None:
    """Write ``content`` to ``path`` at once and, unless ``quiet``, say so on standard error."""
    from causalbandit.files import write_output

    if path == STDOUT and json_on_stdout():
        echo(content if isinstance(content, str) else content.decode(), nl=False)
        return
    write_output(path, content)
    if not quiet:
        echo(f"Wrote {path}", err=True)


def json_text(content: dict[str, Any]) -> str:
    """``content`` as the text of a JSON file; a number that is not finite is an error of whoever made it."""
    import json

    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def deliver(kind: str, content: dict[str, Any], json_file: str | None, *said: str) -> None:
    """Print ``said`` and write ``content`` as a result of this ``kind`` to ``json_file``, if one was named."""
    from causalbandit.formats.result_file import stamp

    with writing(*said):
        if json_file is not None:
            write(json_file, json_text(stamp(kind) | content))


@contextlib.contextmanager
def writing(*said: str, what: str = "Writing the result") -> Iterator[None]:
    """Write files in the block; then ``said`` is printed, unless JSON takes its place.

    Neither a closed pipe nor a full disk costs the other.
    """
    try:
        with running(what):
            yield
    finally:
        for text in () if json_on_stdout() else said:
            echo(text)


def write_figure(path: str, draw: Callable[[], Axes], quiet: bool = False) -> None:
    """Write the figure that ``draw`` makes to ``path``; no window system is needed."""
    import matplotlib

    matplotlib.use("Agg")
    write(path, _figure_bytes(draw(), path), quiet)


def _figure_bytes(ax: Axes, path: str) -> bytes:
    """The figure that holds ``ax`` in the format that ``path`` ends in."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    buffer = io.BytesIO()
    # A figure of seven inches is then some 840 pixels wide: sharp on a screen, small in a mail.
    figure.savefig(buffer, format=Path(path).suffix.lower().lstrip(".") or "png", dpi=120)
    return buffer.getvalue()
