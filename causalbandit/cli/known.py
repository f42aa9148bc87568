"""Options of what a search is told before its first experiment, and of what it may leave out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from causalbandit.cli.errors import bad_input

if TYPE_CHECKING:
    from causalbandit.problem import Problem

known_option = click.option(
    "--known", metavar="A,B,...", help="Nodes whose tables in the file are known: they are told, not learned."
)
"""``--known A,B,...``."""

all_option = click.option(
    "--all-interventions",
    is_flag=True,
    help="Experiment with all interventions, also with those that have the same effect as another in every model.",
)
"""``--all-interventions``."""


def with_known(problem: Problem, known: str | None) -> Problem:
    """``problem`` with the tables known that ``--known`` names, if it does."""
    if known is None:
        return problem
    with bad_input("--known"):
        nodes = [name.strip() for name in known.split(",") if name.strip()]
        return problem.with_known([problem.graph.observed(node) for node in nodes])
