"""``show``, ``search`` and ``convert``: problems in files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from causalbandit.cli.design import difficulty
from causalbandit.cli.errors import BadInput, bad_input, running
from causalbandit.cli.history import history_of, history_options
from causalbandit.cli.known import all_option, known_option, with_known
from causalbandit.cli.options import (
    check_outputs,
    deliver,
    drawn_seed,
    json_option,
    json_text,
    load,
    stopping_options,
    stopping_rule,
    strategy_option,
    whole_number,
    write,
    write_figure,
    writing,
)
from causalbandit.cli.proof import SCALES, Proof
from causalbandit.cli.spending import budget_money_option, limit_options, limits_of, one_budget, priced
from causalbandit.cli.terminal import echo
from causalbandit.formats.result_file import stamp
from causalbandit.strategies.catalogue import STRATEGIES, searching
from causalbandit.text import wrapped

if TYPE_CHECKING:
    from causalbandit.problem import Problem
    from causalbandit.strategies.strategy import Strategy


@click.command()
@click.argument("graph", metavar="GRAPH")
@click.option("--plot", metavar="FILE", help="Draw the graph into FILE (.png, .pdf, .svg, ...).")
@json_option
@stopping_options("Say how many experiments show which intervention is the best, wrong at most at rate D.")
def show(graph: str, plot: str | None, json_file: str | None, error: float | None, tolerance: float | None) -> None:
    """Describe the problem in the file GRAPH: its question, its size and what may be fixed."""
    problem = load(graph)
    stop = stopping_rule(error, tolerance)
    check_outputs([graph], plot=plot, json=json_file)
    said = [problem.summary(), *difficulty(problem)]
    if stop is not None:
        from causalbandit.strategies.forecast import forecast

        with bad_input(graph):
            problem.require_model()
        told = forecast(problem, stop).sentence()
        said += ["", *wrapped(told)]
    with writing(*said, what="Writing"):
        if json_file is not None:
            forecasts = {} if stop is None else {"forecast": told}
            write(json_file, json_text(stamp("problem") | _described(problem) | forecasts))
        if plot is not None:
            write_figure(plot, problem.plot)


def _described(problem: Problem) -> dict[str, Any]:
    """A problem's question and sizes, for JSON."""
    graph = problem.graph
    return {
        "name": problem.name,
        "description": problem.description,
        "source": problem.source,
        "target": graph.target,
        "goal": problem.goal,
        "nodes": list(graph.all_nodes),
        "hidden": list(graph.hidden),
        "edges": graph.n_edges,
        "family_rows": graph.n_family_rows,
        "tables": problem.model is not None,
        "interventions": [
            {"intervention": label, "assignment": dict(given)}
            for label, given in zip(problem.interventions.labels, problem.interventions, strict=True)
        ],
    }


def _optional_number(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    return None if value is None else whole_number(ctx, param, value)


@click.command()
@click.argument("graph", metavar="GRAPH")
@click.option("--budget", metavar="T", callback=_optional_number, help="Number of experiments.")
@budget_money_option
@limit_options
@click.option("--seed", metavar="S", type=click.IntRange(min=0), help="Same seed, same answer.  [default: random]")
@strategy_option
@known_option
@all_option
@click.option("--pooled", is_flag=True, help="Two-phase: estimate from the experiments of both phases.")
@click.option(
    "--truncation",
    metavar="X",
    help="Two-phase: outcomes expected at most X times count as impossible while planning; 'theory' for N² log(A·T).",
)
@click.option("--weighting", metavar="NAME", help="Two-phase: what its mixture learns best; see 'design --help'.")
@stopping_options("Stop when sure that the choice is the best up to --tolerance, wrong at most at rate D.")
@history_options
@click.option(
    "--confirm", metavar="T", callback=_optional_number, help="Prove the choice by up to T fresh experiments."
)
@click.option("--control", metavar="A=1,...", help="What the choice is compared with.  [default: fixing nothing]")
@click.option(
    "--scale",
    type=click.Choice(SCALES),
    default=SCALES[0],
    show_default=True,
    help="How the confirmation's last sentence tells the effect.",
)
@click.option("--log", metavar="CSV", help="Write the rounds of the confirmation to CSV; ate reads them.")
@json_option
@click.option(
    "--plot", metavar="FILE", help="Draw the effects, or the confirmed one, into FILE (.png, .pdf, .svg, ...)."
)
@click.option("--quiet", is_flag=True, help="Print the best intervention alone, and no progress.")
def search(
    graph: str,
    budget: int | None,
    budget_money: float | None,
    costs: str | None,
    setup: float | None,
    most_kinds: int | None,
    most_each: int | None,
    seed: int | None,
    strategy: str,
    known: str | None,
    all_interventions: bool,
    pooled: bool,
    truncation: str | None,
    weighting: str | None,
    error: float | None,
    tolerance: float | None,
    history: str | None,
    intervention_column: str | None,
    confirm: int | None,
    control: str | None,
    scale: str,
    log: str | None,
    json_file: str | None,
    plot: str | None,
    quiet: bool,
) -> None:
    """Search for the best intervention in GRAPH with T experiments, simulated from the tables in the file.

    With --budget-money experiments are paid at their prices, and spread by what they teach for that.

    The true effect of the chosen intervention and its simple regret are shown beside the estimates, which do not use
    them. For experiments of your own, use causalbandit.search(..., environment=...) in Python.
    """
    from causalbandit.driver import prepared
    from causalbandit.driver import search as run_search
    from causalbandit.interventions import intervention_label
    from causalbandit.propagation import MEMORY, check_fits

    one_budget(budget, budget_money)
    limits = limits_of(setup, most_kinds, most_each)
    problem = with_known(priced(load(graph), costs), known)
    with bad_input("--strategy"):
        chosen = _strategy(strategy, pooled, truncation, weighting)
    stop = stopping_rule(error, tolerance)
    with bad_input(graph):
        problem.require_model()
        check_fits(problem.interventions, MEMORY)
    with bad_input("--budget" if budget_money is None else "--budget-money"):
        prepared(problem, chosen, budget, budget_money, limits, reduce=not all_interventions)
    proof = Proof(confirm, control, log, scale)
    with bad_input():
        proof.check(problem)
    rows = history_of(problem, history, intervention_column)
    inputs = [graph, *(path for path in (history, costs) if path is not None)]
    check_outputs(inputs, json=json_file, plot=plot, log=log)
    used_seed = drawn_seed() if seed is None else seed
    with running("The search"):
        shown = False if quiet else None
        decision = run_search(
            *(problem, budget, chosen),
            budget_money=budget_money,
            limits=limits,
            rng=used_seed,
            stop=stop,
            history=rows,
            progress=shown,
            reduce=not all_interventions,
        )
    said = [intervention_label(decision.best) if quiet else decision.summary()]
    if seed is None and not quiet:
        said.append(f"\nThe seed was drawn: --seed {used_seed} repeats this search.")
    with running("The confirmation"):
        confirmed = proof.run(decision, used_seed)
    if confirm is not None:
        said += proof.words(confirmed, quiet)
    with writing(*said):
        if json_file is not None:
            found = {} if confirmed is None else {"confirmation": confirmed.to_dict()}
            write(json_file, json_text(decision.to_dict() | {"seed": used_seed} | found), quiet)
        if log is not None and confirmed is not None:
            write(log, confirmed.log().to_csv(index=False), quiet)
        if plot is not None:
            write_figure(plot, decision.plot if confirmed is None else confirmed.plot, quiet)


@click.command()
@click.argument("network", metavar="IN.bif")
@click.argument("out", metavar="OUT.json")
@click.option("--target", metavar="NODE", required=True, help="The node whose probability of being 1 is to be driven.")
@click.option(
    "--goal", type=click.Choice(["max", "min"]), default="max", show_default=True, help="Is NODE = 1 wanted or not?"
)
@click.option("--up-to", metavar="K", type=click.IntRange(min=0), help="Fix at most K nodes at once.  [default: 1]")
@click.option("--nodes", metavar="A,B,...", help="Nodes that may be fixed.  [default: the ancestors of NODE]")
@click.option("--hidden", metavar="A,B,...", help="Nodes that nobody can see or fix.")
@known_option
@click.option("--name", metavar="TEXT", help="What the problem is called.  [default: the name of the file]")
@click.option("--source", metavar="TEXT", default="", help="Where the network comes from.")
@json_option
def convert(
    network: str,
    out: str,
    target: str,
    goal: str,
    up_to: int | None,
    nodes: str | None,
    hidden: str | None,
    known: str | None,
    name: str | None,
    source: str,
    json_file: str | None,
) -> None:
    """Turn the Bayesian network IN.bif, whose nodes have two states each, into the graph file OUT.json.

    State 1 of a node is the one that begins with yes, true or positive where exactly one does, else the second listed.
    """
    from causalbandit.formats.bif import read_bif
    from causalbandit.formats.graph_json import save_problem

    check_outputs([network], out=out, json=json_file)
    with bad_input():
        problem = read_bif(
            network,
            target,
            "min" if goal == "min" else "max",
            up_to=up_to,
            nodes=None if nodes is None else _names(nodes),
            hidden=_names(hidden or ""),
            name=name,
            source=source,
        )
    problem = with_known(problem, known)
    with running("Writing the graph file"):
        save_problem(problem, out)
    zero, one = problem.states[target]
    unseen = f" ({len(problem.graph.hidden)} hidden)" if problem.graph.hidden else ""
    echo(f"Wrote {out}", err=True)
    said = (
        f"{len(problem.graph.all_nodes)} nodes{unseen}, {problem.graph.n_edges} edges, "
        f"{len(problem.interventions)} interventions; "
        f"{target} = 1 means {one!r}, 0 {zero!r}"
    )
    deliver("problem", _described(problem), json_file, said)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _number_or_word(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _strategy(name: str, pooled: bool, truncation: str | None, weighting: str | None) -> Strategy:
    from causalbandit.strategies.catalogue import strategy_from

    if name in STRATEGIES and name not in searching():
        why = "must be told the tables that a search learns; it is for comparisons, 'causalbandit regret'"
        raise BadInput(f"--strategy: {name!r} {why}. Choose one of {', '.join(searching())}.")
    chosen = strategy_from(name)
    changes: dict[str, Any] = {"pooled": True} if pooled else {}
    if truncation is not None:
        changes["truncation"] = _number_or_word(truncation)
    if weighting is not None:
        changes["weighting"] = weighting
    if not changes:
        return chosen
    from dataclasses import fields, is_dataclass, replace

    missing = changes.keys() - {field.name for field in fields(chosen)} if is_dataclass(chosen) else changes.keys()
    if missing or not is_dataclass(chosen):
        options = ", ".join(f"--{option}" for option in sorted(missing))
        raise BadInput(f"{options} does not apply to the strategy {name!r}; leave it out or choose 'two-phase'.")
    with bad_input("--truncation"):
        changed: Strategy = replace(chosen, **changes)
    return changed
