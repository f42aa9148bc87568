"""``design``: what a budget will show, before the first experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from causalbandit.cli.errors import bad_input
from causalbandit.cli.history import history_of, history_options
from causalbandit.cli.options import (
    check_outputs,
    json_option,
    json_text,
    load,
    whole_number,
    write,
    write_figure,
    writing,
)
from causalbandit.text import wrapped

if TYPE_CHECKING:
    from causalbandit.problem import Problem

NEAR_ENOUGH = 1e-2
"""Gap to which ``show`` solves for γ*: it prints three digits."""
QUICK = 2_000_000
"""Numbers of reach, C·A, for which that takes well below a second."""


@click.command()
@click.argument("graph", metavar="GRAPH")
@click.option("--budget", metavar="T", required=True, callback=whole_number, help="Number of experiments.")
@click.option(
    "--weighting",
    metavar="NAME",
    default="reach",
    show_default=True,
    help="What the mixture learns best: reach (the paper's), variance (the effects) or contrast (the best one's lead).",
)
@history_options
@click.option("--seed", metavar="S", type=click.IntRange(min=0), default=0, help="Of the chances.  [default: 0]")
@json_option
@click.option("--plot", metavar="FILE", help="Draw the intervals to be expected into FILE (.png, .pdf, .svg, ...).")
def design(
    graph: str,
    budget: int,
    weighting: str,
    history: str | None,
    intervention_column: str | None,
    seed: int,
    json_file: str | None,
    plot: str | None,
) -> None:
    """Say what T experiments on GRAPH will show, before the first one.

    Prints the best mixture of interventions, the difficulty γ* with its limits and the bound on the regret, and, for
    several ways of spending T, the standard error of every effect and the chance of choosing right. All of it is
    computed from the tables in GRAPH, or from rows from before.
    """
    from causalbandit.search_design import design as run_design

    problem = load(graph)
    rows = history_of(problem, history, intervention_column)
    check_outputs([graph] if history is None else [graph, history], json=json_file, plot=plot)
    with bad_input(graph):
        found = run_design(problem, budget, weighting=weighting, history=rows, rng=seed)
    with writing(found.summary()):
        if json_file is not None:
            write(json_file, json_text(found.to_dict()))
        if plot is not None:
            write_figure(plot, found.plot)


def difficulty(problem: Problem) -> list[str]:
    """γ* in a line, for a problem with all tables that is not too large for a quick answer."""
    from causalbandit.strategies.mixture import DEFAULT_SOLVERS, optimal_mixture
    from causalbandit.strategies.mixture_solvers import FIRST_ORDER
    from causalbandit.strategies.strategy import make_task

    arms, model = problem.interventions, problem.model
    if model is None:
        return []
    try:
        if arms.n_family_rows * len(arms) > QUICK:
            return []
        reach, learned = model.reach(arms), make_task(problem).learned
    except ValueError:  # too large for exact propagation, which the summary has said
        return []
    # The solver in numpy first: it needs no import of a second.
    found = optimal_mixture(reach, learned=learned, tolerance=NEAR_ENOUGH, solvers=(FIRST_ORDER, *DEFAULT_SOLVERS))
    by_rows, by_arms = len(problem.graph.ancestors) * int(learned.sum()), round(float(reach[learned].sum()))
    return wrapped(
        f"Difficulty γ* = {found.value:.3g}, of at most min(N·C, Σ_a(N − N_a)) = min({by_rows:,}, {by_arms:,}): the "
        "regret of two-phase falls like √(γ* log(A·T)/T). 'causalbandit design' says what a budget will show."
    )
