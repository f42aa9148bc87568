"""``regret``: which strategy is best, by repeated simulated searches."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from causalbandit.cli.errors import BadInput, bad_input, message_of, running
from causalbandit.cli.options import (
    all_option,
    check_outputs,
    deliver,
    drawn_seed,
    json_option,
    known_option,
    listed,
    load,
    plot_option,
    processes,
    resume_option,
    whole_number,
    with_known,
)
from causalbandit.cli.spending import limit_options, money, one_budget, priced
from causalbandit.strategies.catalogue import STRATEGIES

if TYPE_CHECKING:
    from causalbandit.spending import Limits


def _budgets(text: str) -> list[int]:
    from causalbandit.evaluation import checked_budgets

    with bad_input("--budgets"):
        return checked_budgets([whole_number(part) for part in listed(text)])


def _sums(text: str) -> list[float]:
    from causalbandit.evaluation import checked_sums

    with bad_input("--budgets-money"):
        return checked_sums([money(part) for part in listed(text)])


@click.command()
@click.argument("graphs", metavar="GRAPH...", nargs=-1, required=True)
@click.option("--budgets", metavar="T,T,...", type=_budgets, help="Numbers of experiments, ascending.")
@click.option(
    "--budgets-money",
    metavar="M,M,...",
    type=_sums,
    help="In place of --budgets: sums of money that pay the experiments, ascending.",
)
@limit_options
@click.option(
    "--strategies",
    metavar="NAME,...",
    type=listed,
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
@plot_option("the curves")
@resume_option
@json_option
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def regret(
    graphs: tuple[str, ...],
    budgets: list[int] | None,
    budgets_money: list[float] | None,
    costs: str | None,
    limits: Limits | None,
    strategies: list[str],
    replications: int,
    known: list[str] | None,
    all_interventions: bool,
    world: str | None,
    check: Literal["warn", "repair", "off"],
    seed: int | None,
    jobs: int,
    out: str | None,
    resume: str | None,
    quiet: bool,
) -> None:
    """Compare strategies on the problems in the files GRAPH by the simple regret of simulated searches.

    Simple regret is how much less likely (with goal "min": more likely) the target is under the intervention that a
    search chose than under the best one. All strategies meet the same simulated worlds. With --world they believe
    GRAPH, and what happens follows the other file: the price of a wrong graph.
    """
    from causalbandit.evaluation import evaluate_regret, labelled_strategies
    from causalbandit.finished_searches import ResumeError
    from causalbandit.propagation import MEMORY, check_fits
    from causalbandit.world import World

    one_budget(budgets, budgets_money, "--budgets")
    problems = [with_known(priced(load(graph), costs), known) for graph in graphs]
    with bad_input("--strategies"):
        chosen = labelled_strategies(strategies)
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
    check_outputs([*graphs, world, costs], table=out, resume=resume)
    if out is not None and Path(out).suffix.lower() not in (".csv", ".parquet"):
        raise BadInput(f"--out: {out!r} does not end in .csv or .parquet.")
    is_parquet = out is not None and Path(out).suffix.lower() == ".parquet"
    if is_parquet and find_spec("pyarrow") is None:
        raise BadInput("--out: writing .parquet needs pyarrow: pip install 'causalbandit[parquet]', or use .csv.")
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
                check=check,
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

    def table() -> bytes:
        frame = curves.to_frame()
        return frame.to_parquet(index=False) if is_parquet else frame.to_csv(index=False).encode()

    deliver(said, lambda: curves.to_dict() | {"seed": used_seed}, (out, table), draw=curves.plot)
