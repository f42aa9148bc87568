"""``regret``: which strategy is best, by repeated simulated searches."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import click

from causalbandit.cli.errors import BadInput, bad_input, message_of, running
from causalbandit.cli.known import all_option, known_option, with_known
from causalbandit.cli.options import (
    check_outputs,
    drawn_seed,
    json_option,
    json_text,
    load,
    processes,
    whole_number,
    write,
    write_figure,
    writing,
)
from causalbandit.cli.spending import limit_options, limits_of, money, one_budget, priced
from causalbandit.strategies.catalogue import STRATEGIES

if TYPE_CHECKING:
    import pandas as pd


TABLES = (".csv", ".parquet")
"""Endings of files of rows."""


def _budgets(ctx: click.Context, param: click.Parameter, value: str | None) -> list[int] | None:
    from causalbandit.evaluation import checked_budgets

    if value is None:
        return None
    numbers = [whole_number(ctx, param, part.strip()) for part in value.split(",") if part.strip()]
    with bad_input("--budgets"):
        return checked_budgets(numbers)


def _sums(ctx: click.Context, param: click.Parameter, value: str | None) -> list[float | None] | None:
    parts = (value or "").split(",")
    return None if value is None else [money(ctx, param, part.strip()) for part in parts if part.strip()]


@click.command()
@click.argument("graphs", metavar="GRAPH...", nargs=-1, required=True)
@click.option("--budgets", metavar="T,T,...", callback=_budgets, help="Numbers of experiments, ascending.")
@click.option(
    "--budgets-money",
    metavar="M,M,...",
    callback=_sums,
    help="In place of --budgets: sums of money that pay the experiments, ascending.",
)
@limit_options
@click.option(
    "--strategies",
    metavar="NAME,...",
    default="two-phase,top-two,successive-rejects",
    show_default=True,
    help=f"From {', '.join(STRATEGIES)}.",
)
@click.option(
    "--replications",
    metavar="R",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="Searches per graph, strategy and budget.",
)
@known_option
@all_option
@click.option("--world", metavar="FILE", help="The truth, when it differs from GRAPH: a graph file with tables.")
@click.option(
    "--check",
    type=click.Choice(["warn", "repair", "off"]),
    default="warn",
    show_default=True,
    help="With --world: count contradictions with the graph, or repair it.",
)
@click.option("--seed", metavar="S", type=click.IntRange(min=0), help="Same seed, same rows.  [default: random]")
@click.option("--jobs", metavar="N", type=int, default=1, show_default=True, help="Worker processes; -1: all cores.")
@click.option("--out", metavar="FILE", help="Write one row per search to FILE (.csv or .parquet).")
@click.option("--plot", metavar="FILE", help="Draw the curves into FILE (.png, .pdf, .svg, ...).")
@click.option(
    "--resume", metavar="FILE", help="Keep finished searches in FILE, and continue from it after an interruption."
)
@json_option
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def regret(
    graphs: tuple[str, ...],
    budgets: list[int] | None,
    budgets_money: list[float] | None,
    costs: str | None,
    setup: float | None,
    most_kinds: int | None,
    most_each: int | None,
    strategies: str,
    replications: int,
    known: str | None,
    all_interventions: bool,
    world: str | None,
    check: str,
    seed: int | None,
    jobs: int,
    out: str | None,
    plot: str | None,
    resume: str | None,
    json_file: str | None,
    quiet: bool,
) -> None:
    """Compare strategies on the problems in the files GRAPH by the simple regret of simulated searches.

    Simple regret is how much less likely (with goal "min": more likely) the target is under the intervention that a
    search chose than under the best one. All strategies meet the same simulated worlds. With --world they believe
    GRAPH, and what happens follows the other file: the price of a wrong graph.
    """
    from causalbandit.evaluation import checked_sums, evaluate_regret, labelled_strategies
    from causalbandit.finished_searches import ResumeError
    from causalbandit.propagation import MEMORY, check_fits
    from causalbandit.world import World

    one_budget(budgets, budgets_money, "--budgets")
    limits = limits_of(setup, most_kinds, most_each)
    if budgets_money is not None:
        with bad_input("--budgets-money"):
            checked_sums(budgets_money)
    problems = [with_known(priced(load(graph), costs), known) for graph in graphs]
    with bad_input("--strategies"):
        chosen = labelled_strategies([name.strip() for name in strategies.split(",") if name.strip()])
    truth = None if world is None else load(world)
    for graph, problem in zip(graphs, problems, strict=True):
        with bad_input(graph):
            if truth is None:
                problem.require_model("Comparing strategies")
            check_fits(problem.interventions, MEMORY)
        if truth is not None:
            with bad_input("--world"):
                World(problem, truth)
    jobs = processes(jobs)
    inputs = [*graphs, *(path for path in (world, costs) if path is not None)]
    check_outputs(inputs, table=out, plot=plot, json=json_file)
    if out is not None and Path(out).suffix.lower() not in TABLES:
        raise BadInput(f"--out: {out!r} does not end in .csv or .parquet.")
    if out is not None and out.lower().endswith(".parquet"):
        with bad_input("--out"):
            _require_pyarrow()
    if resume is not None and Path(resume).resolve() in {Path(path).resolve() for path in (*inputs, out, plot) if path}:
        raise BadInput(f"--resume: {resume!r} is also a graph or an output; choose another name.")
    used_seed = drawn_seed() if seed is None and resume is None else seed
    with running("The comparison"):
        try:
            curves = evaluate_regret(
                problems,
                chosen,
                budgets,
                replications,
                budgets_money=budgets_money,
                limits=limits,
                world=truth,
                check="off" if check == "off" else "repair" if check == "repair" else "warn",
                rng=used_seed,
                n_jobs=jobs,
                resume=resume,
                reduce=not all_interventions,
                progress=False if quiet else None,
            )
        except KeyboardInterrupt as interrupt:
            kept = f"Finished searches are kept in {resume}; the same command goes on with the others."
            interrupt.add_note(
                kept if resume is not None else "With --resume FILE a comparison keeps what is finished."
            )
            raise
        except ResumeError as error:
            raise BadInput(f"--resume: {message_of(error)}") from error
    said = [] if quiet else [curves.summary()]
    if not quiet and used_seed is not None and seed is None:
        said.append(f"\nThe seed was drawn: --seed {used_seed} repeats this comparison.")
    with writing(*said):
        if json_file is not None:
            write(json_file, json_text(curves.to_dict() | {"seed": used_seed}), quiet)
        if out is not None:
            write(out, _table_bytes(curves.to_frame(), out), quiet)
        if plot is not None:
            write_figure(plot, curves.plot, quiet)


def _table_bytes(frame: pd.DataFrame, path: str) -> bytes:
    if path.lower().endswith(".parquet"):
        buffer = io.BytesIO()
        frame.to_parquet(buffer, index=False)
        return buffer.getvalue()
    return str(frame.to_csv(index=False)).encode()


def _require_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401  # only whether it is there
    except ImportError as error:
        raise ImportError(
            "writing .parquet needs pyarrow: pip install 'causalbandit[parquet]', or use .csv."
        ) from error
