"""``study``: a campaign of real experiments in one file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from causalbandit.cli.errors import BadInput, bad_input, running
from causalbandit.cli.history import history_of, history_options, rows_in
from causalbandit.cli.options import (
    check_outputs,
    deliver,
    drawn_seed,
    json_option,
    load,
    stopping_options,
    strategy_option,
    together,
    whole_number,
    write,
)
from causalbandit.cli.proof import assignment_of, control_of
from causalbandit.cli.spending import budget_money_option, limit_options, one_budget, priced
from causalbandit.cli.terminal import echo
from causalbandit.formats.result_file import stamp
from causalbandit.text import plain_rows, wrapped

if TYPE_CHECKING:
    import pandas as pd

    from causalbandit.spending import Limits
    from causalbandit.strategies.stopping import StopWhenSure
    from causalbandit.study.study import Study


@click.group()
def study() -> None:
    """A campaign of your own experiments in one file: create, ask, tell, and so on until it has an answer.

    Nothing that was told is ever lost, no experiment is handed out twice, and the file goes on wherever it was left.
    """


step = together(study.command(), click.argument("file", metavar="FILE"))
"""A subcommand; its first argument is the study's FILE."""


@step
@click.argument("graph", metavar="GRAPH")
@click.option("--budget", metavar="T", type=whole_number, help="Largest number of experiments.")
@budget_money_option
@limit_options
@strategy_option
@click.option("--seed", metavar="S", type=click.IntRange(min=0), help="Seed of the plan.  [default: random]")
@click.option(
    "--quorum",
    metavar="Q",
    type=float,
    default=1.0,
    show_default=True,
    help="Share of a batch that must be told before the next is planned; late rows count in that one.",
)
@history_options
@json_option
@stopping_options("End the study when sure that the best is found up to --tolerance, wrong at most at rate D.")
def create(
    file: str,
    graph: str,
    budget: int | None,
    budget_money: float | None,
    costs: str | None,
    limits: Limits | None,
    strategy: str,
    seed: int | None,
    quorum: float,
    stop: StopWhenSure | None,
    history: str | None,
    intervention_column: str | None,
) -> None:
    """Begin a study of GRAPH in the new FILE."""
    from causalbandit.study.study import Study

    one_budget(budget, budget_money)
    problem = priced(load(graph), costs)
    used_seed = drawn_seed() if seed is None else seed
    rows = history_of(problem, history, intervention_column)
    made = partial(Study.create, budget_money=budget_money, limits=limits)
    with (
        bad_input(),
        _study_errors(),
        made(file, problem, budget, strategy, used_seed, quorum=quorum, stop=stop, history=rows) as new,
    ):
        status = new.status()
    echo(f"Created {file} (seed {used_seed})", err=True)
    _deliver({"seed": used_seed, **asdict(status)}, status.summary())


@step
@click.option("--out", metavar="CSV", required=True, help="Write the experiments to run into CSV.")
@click.option(
    "-n",
    "n",
    metavar="N",
    type=whole_number,
    help="At most N experiments.  [default: the whole batch]",
)
@click.option(
    "--running", "again", is_flag=True, help="Write those that run already once more, and hand out no new ones."
)
@json_option
def ask(file: str, out: str, n: int | None, again: bool) -> None:
    """Write experiments to run into a CSV file: an id, and a column per node to fix (empty: leave it alone).

    Fill in what you observed, keep the ids, and give the file back with tell.
    """
    check_outputs([file], table=out)
    with _opened(file) as opened:
        todo = opened.outstanding() if again else opened.ask(n)
        finished = not len(todo) and opened.status().finished
        waiting = len(opened.outstanding()) if not len(todo) else 0
    with running("Writing the experiments (they are handed out: --running writes them again)"):
        write(out, _csv(todo))
    if finished:
        said = "The study is finished; there is nothing left to run. See the result."
    elif not len(todo):
        said = f"Nothing to hand out: {waiting:,} experiments are running. Tell what they showed, or give them up."
    else:
        said = f"{len(todo):,} experiments to run."
    found = {"finished": bool(finished), "running": waiting, "experiments": plain_rows(todo)}
    _deliver(found, said)


@step
@click.argument("results", metavar="CSV")
@click.option("--extra", is_flag=True, help="Count rows that nobody asked for, too.")
@click.option("--amend", is_flag=True, help="Let rows replace those that were told before; the old ones are kept.")
@click.option("--exclude-mismatches", is_flag=True, help="Record rows that contradict their intervention, uncounted.")
@json_option
def tell(file: str, results: str, extra: bool, amend: bool, exclude_mismatches: bool) -> None:
    """Record what experiments showed: the CSV file that ask wrote, with the observed columns filled in.

    Rows may come in any order, in parts and late. Columns that are no nodes are kept.
    """
    with _opened(file) as opened, rows_in(results) as frame:
        told = opened.tell(frame, extra=extra, amend=amend, on_mismatch="exclude" if exclude_mismatches else "error")
    _deliver(asdict(told), told.summary())


@step
@click.argument("ids", metavar="ID...", nargs=-1, type=int)
@click.option("--running", "all_running", is_flag=True, help="All experiments that run now.")
@json_option
def abandon(file: str, ids: tuple[int, ...], all_running: bool) -> None:
    """Give up experiments that will not come back; the study goes on without them."""
    if bool(ids) == all_running:
        raise BadInput("Name the ids of experiments, or say --running for all that run now.")
    with _opened(file) as opened:
        count = opened.abandon(opened.outstanding()["id"].tolist() if all_running else ids)
    _deliver({"abandoned": count}, f"{count:,} experiments given up.")


@step
@json_option
def status(file: str) -> None:
    """Where the study stands."""
    with _opened(file) as opened:
        found = opened.status()
    _deliver(asdict(found), found.summary())


@step
@json_option
def preview(file: str) -> None:
    """What the study would answer now."""
    with _opened(file) as opened:
        status = opened.status()
        proof = status.confirmation
        proved = opened.confirmation().sentence() if proof is not None and proof.counted else None
        decision = opened.preview() if proved is None or status.told + status.extra else None
        said = [] if decision is None else [decision.summary()]
    if proof is not None:
        said.append("\n".join([proof.summary(), *([] if proved is None else wrapped(proved))]))
    table = {} if decision is None else {"interventions": plain_rows(decision.frame)}
    _deliver(asdict(status) | {"proved": proved} | table, "\n\n".join(said))


@step
@json_option
def result(file: str) -> None:
    """The answer of a finished study, and what its confirmation has proved."""
    check_outputs([file])
    with _opened(file) as opened:
        status = opened.status()
        begun = status.confirmation
        proof = opened.confirmation() if begun is not None and begun.counted else None
        decision = opened.result() if status.finished or proof is None else None
    said = [] if decision is None else [decision.summary()]
    said += [] if proof is None else [f"\n{begun.summary() if begun else ''}\n\n{proof.summary()}"]

    def content() -> dict[str, Any]:
        found = stamp("study") if decision is None else decision.to_dict()
        return found | ({} if proof is None else {"confirmation": proof.to_dict()})

    deliver(said, content)


@step
@click.option("--budget", metavar="T", required=True, type=whole_number, help="Largest number of experiments.")
@click.option(
    "--intervention",
    "interventions",
    metavar="NODE=VALUE,...",
    multiple=True,
    help="What to prove, each VALUE 0, 1 or the name of an alternative; may be given several times.  [default: the "
    "choice of the finished search]",
)
@click.option(
    "--control", metavar="NODE=VALUE,...", default="", help="What it is compared with.  [default: nothing is fixed]"
)
@click.option("--seed", metavar="S", type=click.IntRange(min=0), help="Seed of the draws.  [default: the study's]")
@click.option(
    "--batch",
    metavar="N",
    type=whole_number,
    help="Experiments between looks.  [default: T/20]",
)
@click.option("--alpha", metavar="A", type=float, default=0.05, show_default=True, help="Error rate of all effects.")
@click.option("--to-the-end", is_flag=True, help="Run all experiments, also after the effects are certain.")
@json_option
def confirm(
    file: str,
    budget: int,
    interventions: tuple[str, ...],
    control: str,
    seed: int | None,
    batch: int | None,
    alpha: float,
    to_the_end: bool,
) -> None:
    """Begin the proof: fresh experiments, drawn at random between chosen interventions and a control.

    From here on ask and tell go on with them, until the effects are certain or the budget is used.
    """
    chosen = [assignment_of(text, "--intervention") for text in interventions] or None
    with _opened(file) as opened:
        against = control_of(control, opened.interventions.graph)
        begun = opened.confirm(
            chosen, against, budget=budget, rng=seed, batch_size=batch, alpha=alpha, stop_early=not to_the_end
        )
    _deliver(asdict(begun), begun.summary())


@step
@click.option("--rescue", metavar="CSV", help="Of a damaged file, write the told rows that are safe into CSV.")
@json_option
def check(file: str, rescue: str | None) -> None:
    """Whether the file is whole, and what is safe in it."""
    from causalbandit.study.check import StudyCheck

    check_outputs([file], rescue=rescue)
    with _study_errors(), bad_input():
        found = StudyCheck.of(file)
    rescued = [] if found.whole else [(rescue, lambda: _csv(found.rescued()))]
    content = stamp("study") | {"whole": found.whole, "summary": found.summary()}
    with _study_errors():
        deliver([found.summary()], lambda: content, *rescued)
    if not found.whole:
        raise click.exceptions.Exit(1)


@step
@click.argument("out", metavar="CSV")
@json_option
def export(file: str, out: str) -> None:
    """Write all told experiments into a CSV file, one row each."""
    check_outputs([file], out=out)
    with _opened(file) as opened:
        rows = opened.rows()
    with running("Writing the rows"):
        write(out, _csv(rows))
    _deliver({"rows": len(rows)}, f"{len(rows):,} rows.")


@step
@click.option("-o", "--out", metavar="HTML", required=True, help="Write the page into HTML.")
@json_option
def report(file: str, out: str) -> None:
    """Write the page of the study: the answer, the graph, the effects, the plan, one HTML file for everybody."""
    check_outputs([file], table=out)
    with _opened(file) as opened, running("Writing the page"):
        opened.report(out)
    echo(f"Wrote {out}", err=True)
    _deliver({"page": out})


def _deliver(content: dict[str, Any], *said: str) -> None:
    """Print ``said``, or write the ``content`` as JSON."""
    deliver(said, lambda: stamp("study") | content)


@contextlib.contextmanager
def _opened(file: str) -> Iterator[Study]:
    from causalbandit.study.study import Study

    with _study_errors(), bad_input(), Study.open(file) as opened:
        yield opened


@contextlib.contextmanager
def _study_errors() -> Iterator[None]:
    """Turn what a study refuses into a message of the command line."""
    from causalbandit.study.database import StudyError

    try:
        yield
    except StudyError as error:
        raise BadInput(str(error)) from error


def _csv(frame: pd.DataFrame) -> str:
    """The frame as CSV; texts that a spreadsheet would calculate get an apostrophe in front."""
    from causalbandit.study.sheets import guarded

    shown = frame.rename(columns=lambda name: guarded(str(name)))
    for name in shown.columns:
        if not hasattr(shown[name].dtype, "kind") or shown[name].dtype.kind in "OU":
            shown[name] = [guarded(value) if isinstance(value, str) else value for value in shown[name]]
    text: str = shown.to_csv(index=False)
    return text
