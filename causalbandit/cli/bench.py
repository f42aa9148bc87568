"""``bench``: a strategy, perhaps one's own, against the shipped results on the suite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from causalbandit.checks import one_of
from causalbandit.cli.errors import BadInput, RunFailed, bad_input, message_of, running
from causalbandit.cli.options import check_outputs, deliver, json_option, listed, processes, resume_option
from causalbandit.cli.own_strategies import named_strategies
from causalbandit.formats.result_file import stamp
from causalbandit.text import wrapped

if TYPE_CHECKING:
    from causalbandit.suite import SuiteResults


@click.command()
@click.argument("strategies", metavar="[STRATEGY]...", nargs=-1)
@click.option("--families", metavar="NAME,...", type=listed, help="Run these families of the suite.  [default: all]")
@click.option(
    "--against",
    metavar="NAME,...",
    type=listed,
    help="Compare with these shipped strategies.  [default: top-two, uniform-plug-in, successive-rejects]",
)
@click.option(
    "--replications", metavar="R", type=click.IntRange(min=2), help="Searches per cell.  [default: as shipped]"
)
@click.option(
    "--seed",
    metavar="S",
    type=click.IntRange(min=0),
    help="Seed of the simulated worlds.  [default: that of the shipped results, so that searches are paired]",
)
@click.option("--jobs", metavar="N", type=int, help="Worker processes; -1: all cores.  [default: 1]")
@resume_option
@json_option
@click.option(
    "-o", "--out", metavar="FILE", help="Write the score card to FILE, or one row per search if it ends in .csv."
)
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def bench(
    strategies: tuple[str, ...],
    families: list[str] | None,
    against: list[str] | None,
    replications: int | None,
    seed: int | None,
    jobs: int | None,
    resume: str | None,
    out: str | None,
    quiet: bool,
) -> None:
    """Run STRATEGY on the suite and print its score card against the shipped results.

    STRATEGY is a name of the catalogue, or your own: package.module:Name or file.py:Name, where Name is a class that
    needs no arguments, a function that makes a strategy, or an object. Without STRATEGY the shipped results are shown.
    """
    from causalbandit.finished_searches import ResumeError
    from causalbandit.suite import SEED, run_suite, shipped_results, suite_problems

    given = {"--against": against, "--replications": replications, "--seed": seed, "--jobs": jobs, "--resume": resume}
    for option, value in given.items():
        if not strategies and value is not None:
            raise BadInput(f"{option}: needs a STRATEGY to run, such as top-two or my_file.py:MyStrategy.")
    with bad_input("--families"):
        suite_problems(families)
    labelled = named_strategies(strategies)
    shipped = shipped_results()
    with bad_input("--against"):
        for other in against or ():
            one_of(other, "against", shipped.strategies, "strategies", verb="names")
    jobs = processes(1 if jobs is None else jobs)
    check_outputs([], table=out, resume=resume)
    if not labelled:
        results = shipped if families is None else shipped.only(families)
        card, text = None, results.summary()
    else:
        try:
            with running("The run of the suite"):
                results = run_suite(
                    labelled,
                    families,
                    shipped.replications if replications is None else replications,
                    seed=SEED if seed is None else seed,
                    n_jobs=jobs,
                    resume=resume,
                    progress=False if quiet else None,
                )
        except ResumeError as error:
            raise BadInput(f"--resume: {message_of(error)}") from error
        except (TypeError, LookupError, AttributeError, AssertionError) as error:
            notes = "".join(f"\n{note}" for note in getattr(error, "__notes__", ()))
            raise RunFailed(f"The strategy failed: {type(error).__name__}: {error}{notes}") from error
        card = results.score_card(against)
        text = "\n".join([card.summary(), *_refusals(results)])

    def content() -> dict[str, Any]:
        return stamp("suite") | results.to_dict() | {"score_card": None if card is None else card.to_dict()}

    def table() -> str:
        is_table = out is not None and out.lower().endswith(".csv")
        return results.to_frame().to_csv(index=False) if is_table else text + "\n"

    deliver([] if quiet else [text], content, (out, table))


def _refusals(results: SuiteResults) -> list[str]:
    """Where a strategy could not work, a sentence each."""
    lines = []
    for row in results.refusals().itertuples():
        lines += wrapped(f"{row.strategy} was left out of {row.cells} cells of {row.family}: it {row.reason}.")
    return lines
