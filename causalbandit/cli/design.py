"""``design``: what a budget will show, before the first experiment."""

from __future__ import annotations

import click

from causalbandit.cli.errors import bad_input
from causalbandit.cli.history import history_of, history_options
from causalbandit.cli.options import (
    check_outputs,
    deliver,
    json_option,
    load,
    plot_option,
    whole_number,
)


@click.command()
@click.argument("graph", metavar="GRAPH")
@click.option("--budget", metavar="T", required=True, type=whole_number, help="Number of experiments.")
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
@plot_option("the intervals to be expected")
def design(
    graph: str,
    budget: int,
    weighting: str,
    history: str | None,
    intervention_column: str | None,
    seed: int,
) -> None:
    """Say what T experiments on GRAPH will show, before the first one.

    Prints the best mixture of interventions, the difficulty γ* with its limits and the bound on the regret, and, for
    several ways of spending T, the standard error of every effect and the chance of choosing right. All of it is
    computed from the tables in GRAPH, or from rows from before.
    """
    from causalbandit.search_design import design as run_design

    problem = load(graph)
    rows = history_of(problem, history, intervention_column)
    check_outputs([graph, history])
    with bad_input(graph):
        found = run_design(problem, budget, weighting=weighting, history=rows, rng=seed)
    deliver([found.summary()], found.to_dict, draw=found.plot)
