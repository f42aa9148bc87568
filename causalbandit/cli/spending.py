"""Options of what a search may spend: prices, a budget of money, and limits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from causalbandit.cli.errors import BadInput, bad_input
from causalbandit.cli.history import read_rows
from causalbandit.cli.options import gathered, together

if TYPE_CHECKING:
    from causalbandit.problem import Problem
    from causalbandit.spending import Limits


def money(text: str) -> float:
    """Type of an option that is a sum of money: ``5000``, ``5_000`` or ``5e3``."""
    try:
        return float(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a sum of money, such as 5000.") from None


def _limits(setup: float | None, most_kinds: int | None, most_each: int | None) -> Limits | None:
    """The limits of the options; None when none is given."""
    from causalbandit.spending import Limits

    with bad_input("--setup"):
        limits = Limits(0.0 if setup is None else setup, most_kinds, most_each)
    return limits if limits.asked else None


limit_options = together(
    click.option(
        "--costs",
        metavar="FILE",
        help="Prices of experiments: a CSV file with the columns intervention and price, or a JSON object from "
        "labels such as ad=1 and (observe) to prices.  [default: those in GRAPH, or 1 each]",
    ),
    gathered(
        "limits",
        _limits,
        click.option(
            "--setup",
            metavar="X",
            type=money,
            help="Price of setting up an intervention, paid once in every batch that uses it.",
        ),
        click.option("--most-kinds", metavar="K", type=int, help="At most K different interventions in one batch."),
        click.option("--most-each", metavar="N", type=int, help="At most N experiments under any one intervention."),
    ),
)
"""``--costs``, and ``--setup``, ``--most-kinds`` and ``--most-each`` gathered as ``limits``."""

budget_money_option = click.option(
    "--budget-money",
    metavar="M",
    type=money,
    help="In place of --budget: a sum of money that pays the experiments.",
)
"""``--budget-money M``."""


def one_budget(budget: Any, budget_money: Any, options: str = "--budget") -> None:
    """Refuse both kinds of budget together, and neither; ``options`` begins the names of the two."""
    if (budget is None) == (budget_money is None):
        raise BadInput(f"Give {options} T, a number of experiments, or {options}-money M, a sum of money: one of them.")


def priced(problem: Problem, costs: str | None) -> Problem:
    """``problem`` at the prices in the file of ``--costs``, if there is one."""
    if costs is None:
        return problem
    with bad_input(costs):
        return replace(problem, interventions=problem.interventions.with_costs(_prices(costs)))


def _prices(path: str) -> dict[str, Any]:
    """Label → price in a file."""
    if Path(path).suffix.lower() == ".json":
        from causalbandit.files import read_input
        from causalbandit.formats.strict_json import read_object

        name, data = read_input(path, 2**24)
        return read_object(name, data, expected='an object from labels to prices, such as {"ad=1": 10}')
    frame = read_rows(path)
    names = [name for name in ("price", "cost") if name in frame]
    if "intervention" not in frame or not names:
        raise BadInput(f"--costs: {path} has the columns {', '.join(frame.columns)}; expected intervention and price.")
    prices: dict[str, float] = {}
    for label, text in zip(frame["intervention"].astype(str).str.strip(), frame[names[0]], strict=True):
        if label in prices:
            raise BadInput(f"--costs: {path} has two prices of {label!r}; expected one.")
        try:
            prices[label] = float(text)
        except (TypeError, ValueError):
            why = f"has {text!r} as the price of {label!r}; expected a number above 0"
            raise BadInput(f"--costs: {path} {why}.") from None
    return prices
