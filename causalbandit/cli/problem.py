"""``show``, ``search`` and ``convert``: problems in files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from causalbandit.cli.errors import BadInput, bad_input, running
from causalbandit.cli.history import history_of, history_options
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
    stopping_options,
    strategy_option,
    whole_number,
    with_known,
)
from causalbandit.cli.proof import Proof, proof_options
from causalbandit.cli.spending import budget_money_option, limit_options, one_budget, priced
from causalbandit.formats.result_file import stamp
from causalbandit.strategies.catalogue import STRATEGIES, searching
from causalbandit.text import wrapped

if TYPE_CHECKING:
    from causalbandit.problem import Problem
    from causalbandit.spending import Limits
    from causalbandit.strategies.stopping import StopWhenSure
    from causalbandit.strategies.strategy import Strategy

NEAR_ENOUGH = 1e-2
"""Gap to which ``show`` solves for γ*: it prints three digits."""
QUICK = 2_000_000
"""Numbers of reach, C·A, for which that takes well below a second."""


@click.command()
@click.argument("graph", metavar="GRAPH")
@plot_option("the graph")
@json_option
@stopping_options("Say how many experiments show which intervention is the best, wrong at most at rate D.")
def show(graph: str, stop: StopWhenSure | None) -> None:
    """Describe the problem in the file GRAPH: its question, its size and what may be fixed."""
    problem = load(graph)
    check_outputs([graph])
    said, forecasts = [problem.summary(), *_difficulty(problem)], {}
    if stop is not None:
        from causalbandit.strategies.forecast import forecast

        with bad_input(graph):
            problem.require_model()
        forecasts["forecast"] = forecast(problem, stop).sentence()
        said += ["", *wrapped(forecasts["forecast"])]
    deliver(said, lambda: stamp("problem") | _described(problem) | forecasts, draw=problem.plot)


def _difficulty(problem: Problem) -> list[str]:
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


@click.command()
@click.argument("graph", metavar="GRAPH")
@click.option("--budget", metavar="T", type=whole_number, help="Number of experiments.")
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
@proof_options
@json_option
@plot_option("the effects, or the confirmed one,")
@click.option("--quiet", is_flag=True, help="Print the best intervention alone, and no progress.")
def search(
    graph: str,
    budget: int | None,
    budget_money: float | None,
    costs: str | None,
    limits: Limits | None,
    seed: int | None,
    strategy: str,
    known: list[str] | None,
    all_interventions: bool,
    pooled: bool,
    truncation: str | None,
    weighting: str | None,
    stop: StopWhenSure | None,
    history: str | None,
    intervention_column: str | None,
    proof: Proof,
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
    problem = with_known(priced(load(graph), costs), known)
    with bad_input("--strategy"):
        chosen = _strategy(strategy, pooled, truncation, weighting)
    with bad_input(graph):
        problem.require_model()
        check_fits(problem.interventions, MEMORY)
    with bad_input("--budget" if budget_money is None else "--budget-money"):
        prepared(problem, chosen, budget, budget_money, limits, reduce=not all_interventions)
    proof.check(problem)
    rows = history_of(problem, history, intervention_column)
    check_outputs([graph, history, costs], log=proof.log)
    used_seed = drawn_seed() if seed is None else seed
    with running("The search"):
        decision = run_search(
            problem,
            budget,
            chosen,
            budget_money=budget_money,
            limits=limits,
            rng=used_seed,
            stop=stop,
            history=rows,
            progress=False if quiet else None,
            reduce=not all_interventions,
        )
    said = [intervention_label(decision.best) if quiet else decision.summary()]
    if seed is None and not quiet:
        said.append(f"\nThe seed was drawn: --seed {used_seed} repeats this search.")
    with running("The confirmation"):
        confirmed = proof.run(decision, used_seed)
    if proof.confirm is not None:
        said += proof.words(confirmed, quiet)

    def content() -> dict[str, Any]:
        found = {} if confirmed is None else {"confirmation": confirmed.to_dict()}
        return decision.to_dict() | {"seed": used_seed} | found

    rounds = [] if confirmed is None else [(proof.log, lambda: confirmed.log().to_csv(index=False))]
    deliver(said, content, *rounds, draw=decision.plot if confirmed is None else confirmed.plot)


@click.command()
@click.argument("network", metavar="IN.bif")
@click.argument("out", metavar="OUT.json")
@click.option("--target", metavar="NODE", required=True, help="The node whose probability of being 1 is to be driven.")
@click.option(
    "--goal", type=click.Choice(["max", "min"]), default="max", show_default=True, help="Is NODE = 1 wanted or not?"
)
@click.option("--up-to", metavar="K", type=click.IntRange(min=0), help="Fix at most K nodes at once.  [default: 1]")
@click.option(
    "--nodes", metavar="A,B,...", type=listed, help="Nodes that may be fixed.  [default: the ancestors of NODE]"
)
@click.option("--hidden", metavar="A,B,...", type=listed, help="Nodes that nobody can see or fix.")
@known_option
@click.option("--name", metavar="TEXT", help="What the problem is called.  [default: the name of the file]")
@click.option("--source", metavar="TEXT", default="", help="Where the network comes from.")
@json_option
def convert(
    network: str,
    out: str,
    target: str,
    goal: Literal["max", "min"],
    up_to: int | None,
    nodes: list[str] | None,
    hidden: list[str] | None,
    known: list[str] | None,
    name: str | None,
    source: str,
) -> None:
    """Turn the Bayesian network IN.bif, whose nodes have two states each, into the graph file OUT.json.

    State 1 of a node is the one that begins with yes, true or positive where exactly one does, else the second listed.
    """
    from causalbandit.formats.bif import read_bif
    from causalbandit.formats.graph_json import problem_text

    check_outputs([network], out=out)
    with bad_input():
        problem = read_bif(
            network,
            target,
            goal,
            up_to=up_to,
            nodes=nodes,
            hidden=hidden or [],
            name=name,
            source=source,
        )
    problem = with_known(problem, known)
    zero, one = problem.states[target]
    unseen = f" ({len(problem.graph.hidden)} hidden)" if problem.graph.hidden else ""
    said = (
        f"{len(problem.graph.all_nodes)} nodes{unseen}, {problem.graph.n_edges} edges, "
        f"{len(problem.interventions)} interventions; "
        f"{target} = 1 means {one!r}, 0 {zero!r}"
    )
    deliver([said], lambda: stamp("problem") | _described(problem), (out, lambda: problem_text(problem)))


def _strategy(name: str, pooled: bool, truncation: str | None, weighting: str | None) -> Strategy:
    """The strategy of the catalogue with what the other options say."""
    from dataclasses import fields, is_dataclass, replace

    from causalbandit.strategies.catalogue import strategy_from

    if name in STRATEGIES and name not in searching():
        why = "must be told the tables that a search learns; it is for comparisons, 'causalbandit regret'"
        raise BadInput(f"--strategy: {name!r} {why}. Choose one of {', '.join(searching())}.")
    chosen: Any = strategy_from(name)
    given = {"pooled": pooled or None, "truncation": _number_or_word(truncation), "weighting": weighting}
    changes = {setting: value for setting, value in given.items() if value is not None}
    missing = changes.keys() - {field.name for field in (fields(chosen) if is_dataclass(chosen) else ())}
    if missing:
        options = ", ".join(f"--{option}" for option in sorted(missing))
        raise BadInput(f"{options} does not apply to the strategy {name!r}; leave it out or choose 'two-phase'.")
    with bad_input("--truncation"):
        strategy: Strategy = replace(chosen, **changes) if changes else chosen
    return strategy


def _number_or_word(text: str | None) -> float | str | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return text
