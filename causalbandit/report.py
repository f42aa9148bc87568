"""Results as tables, texts and plain data."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from causalbandit.interventions import intervention_label
from causalbandit.text import frame_text, plain, shortened, wrapped

if TYPE_CHECKING:
    import pandas as pd

    from causalbandit.problem import Problem
    from causalbandit.strategies.strategy import Decision


def decision_frame(decision: Decision) -> pd.DataFrame:
    """One row per intervention: the chosen one first, the others by their estimate.

    Columns: ``intervention``, ``estimate`` (of P(target = 1)), ``experiments``, ``successes`` (target = 1 in them),
    ``best``; with the true tables also ``true_effect`` and ``regret``. The index is the place in the set.
    """
    import pandas as pd

    problem = decision.problem
    n_interventions = len(problem.interventions)
    estimate = decision.effects if decision.effects is not None else np.full(n_interventions, np.nan)
    data: dict[str, Any] = {
        "intervention": list(problem.interventions.labels),
        "estimate": estimate,
        "experiments": decision.counts.trials,
        "successes": decision.counts.successes,
        "best": np.arange(n_interventions) == decision.best_index,
    }
    if decision.true_effects is not None:
        true = decision.true_effects
        data["true_effect"] = true
        data["regret"] = true.max() - true if problem.goal == "max" else true - true.min()
    sign = -1 if problem.goal == "max" else 1
    order = np.lexsort((np.where(np.isnan(estimate), np.inf, sign * estimate), ~data["best"]))
    return pd.DataFrame(data).iloc[order]


def tables_frame(decision: Decision) -> pd.DataFrame:
    """One row per family row: ``node``, ``configuration`` of its parents, ``estimate`` of P(node = 1), ``visits``.

    Further columns where the strategy has them: ``known`` (given, not estimated), ``negligible`` (too rarely reached to
    be worth experiments), ``truncated_0`` and ``truncated_1`` (outcomes taken as impossible while planning).
    """
    import pandas as pd

    tables = decision.tables
    if tables is None:
        raise ValueError(
            f"The strategy {decision.strategy!r} does not estimate tables; use one that learns the graph, such as "
            "'two-phase'."
        )
    graph = decision.problem.graph
    data: dict[str, Any] = {
        "node": [family.node for family in graph.families for _ in range(family.n_rows)],
        "configuration": [
            ", ".join(f"{parent}={value}" for parent, value in family.configuration(row).items())
            for family in graph.families
            for row in range(family.n_rows)
        ],
        "estimate": tables.cpt,
        "visits": tables.visits,
        "known": tables.known,
    }
    if tables.negligible is not None:
        data["negligible"] = tables.negligible
    if tables.truncated is not None:
        data["truncated_0"], data["truncated_1"] = tables.truncated[:, 0], tables.truncated[:, 1]
    return pd.DataFrame(data)


def decision_summary(decision: Decision, most: int = 8) -> str:
    """The answer, its estimate, the experiments behind it and the next best interventions, within 80 columns."""
    problem = decision.problem
    graph, target = problem.graph, problem.graph.target
    lines = [f"Best intervention: {shortened(intervention_label(decision.best), 60)}", *_estimate_lines(decision)]
    if decision.true_effects is not None:
        true = decision.true_effects[decision.best_index]
        lines.append(f"  true      P({target} = 1) = {true:.4f}, simple regret {decision.simple_regret:.4f}")
    used = "; ".join(f"{phase}: {int(sizes.sum()):,}" for phase, sizes in decision.phases.items())
    lines += wrapped(
        f"Strategy {decision.strategy}: {decision.counts.total:,} of {decision.budget:,} experiments ({used})"
    )
    costs = problem.interventions.costs
    if costs.min() < costs.max():
        total = float(decision.counts.trials @ costs)
        lines += wrapped(f"Cost: {total:,.6g} in all; the budget and the strategy count experiments, not their costs")
    tables = decision.tables
    if tables is not None:
        learned = ~tables.known
        unseen = int((learned & (tables.visits == 0)).sum())
        negligible = 0 if tables.negligible is None else int(tables.negligible.sum())
        lines += wrapped(
            f"Tables: {int(learned.sum())} family rows learned from {graph.n_family_rows}, {unseen} never visited, "
            f"{negligible} negligible"
        )
    if decision.mixture is not None:
        lines += wrapped(
            f"Mixture: value {decision.mixture.value:.4g}, proven within {max(100 * decision.mixture.gap, 0.01):.2g} % "
            f"of the optimum ({decision.mixture.solver})"
        )
    lines += [line for note in decision.notes for line in wrapped(f"Note: {note}")]
    frame = decision_frame(decision)
    lines += ["", frame_text(frame.drop(columns="best").head(most))]
    if len(frame) > most:
        lines.append(f"… and {len(frame) - most} more")
    return "\n".join(lines)


def _estimate_lines(decision: Decision) -> list[str]:
    """The chosen intervention's estimate and where it stands among the others, which not every strategy goes by."""
    n, target = len(decision.problem.interventions), decision.problem.graph.target
    value = decision.best_effect
    if decision.effects is None or math.isnan(value):
        return [f"  no estimate of P({target} = 1) under it"]
    known = decision.effects[~np.isnan(decision.effects)]
    largest = decision.problem.goal == "max"
    better = int((known > value).sum() if largest else (known < value).sum())
    said = f"  estimated P({target} = 1) = {value:.4f}"
    if better:
        return [
            said,
            f"  chosen by the strategy's rule, although {better} of {n} "
            f"{'has' if better == 1 else 'have'} a {'larger' if largest else 'smaller'} estimate",
        ]
    among = f"{n}" if len(known) == n else f"the {len(known)} of {n} with an estimate"
    return [f"{said}, the {'largest' if largest else 'smallest'} of {among}"]


def decision_dict(decision: Decision) -> dict[str, Any]:
    """Plain lists, numbers (null for unknown) and texts, ready for JSON."""
    problem = decision.problem
    mixture, tables = decision.mixture, decision.tables
    return {
        "problem": problem.name,
        "target": problem.graph.target,
        "goal": problem.goal,
        "strategy": decision.strategy,
        "budget": int(decision.budget),
        "best": decision.best,
        "estimate": plain(decision.best_effect),
        "true_effect": None if decision.true_effects is None else plain(decision.true_effects[decision.best_index]),
        "simple_regret": plain(decision.simple_regret),
        "experiments": {phase: sizes.tolist() for phase, sizes in decision.phases.items()},
        "interventions": [
            {"intervention": intervention}
            | {str(name): plain(value) for name, value in row.items() if name != "intervention"}
            for intervention, row in zip(
                problem.interventions, decision_frame(decision).sort_index().to_dict("records"), strict=True
            )
        ],
        "tables": None
        if tables is None
        else [{name: plain(value) for name, value in row.items()} for row in tables_frame(decision).to_dict("records")],
        "mixture": None if mixture is None else mixture.to_dict(),
        "notes": list(decision.notes),
    }


def decision_html(decision: Decision) -> str:
    """The answer as a heading sentence and a table, for notebooks."""
    best = html.escape(intervention_label(decision.best))
    target = html.escape(decision.problem.graph.target)
    table: str = decision_frame(decision).head(20).to_html(index=False, float_format=lambda value: f"{value:.4f}")
    return f"<p>Best intervention: <b>{best}</b>, estimated P({target} = 1) = {decision.best_effect:.4f}</p>{table}"


def problem_summary(problem: Problem) -> str:
    """What the problem asks, and the sizes that decide how hard it is, within 80 columns."""
    from causalbandit.clique_tree import clique_tree

    graph, interventions = problem.graph, problem.interventions
    wanted = "most" if problem.goal == "max" else "least"
    zero, one = problem.states.get(graph.target, ("0", "1"))
    meaning = f" (state {one!r}, against {zero!r})" if graph.target in problem.states else ""
    lines = wrapped(
        f"{problem.name or 'Problem'}: which intervention makes {graph.target} = 1{meaning} {wanted} likely?"
    )
    for text in (problem.description, problem.source and f"Source: {problem.source}"):
        if text:
            lines += wrapped(text)
    fixed = interventions.n_fixed
    actionable = actionable_nodes(problem)
    shown = ", ".join(shortened(node, 40) for node in actionable[:40])
    more = f", … ({len(actionable) - 40} more)" if len(actionable) > 40 else ""
    widest = max(graph.nodes, key=lambda node: len(graph.parents(node)))
    try:
        width = str(clique_tree(graph).width)
    except ValueError:
        width = "too large for exact propagation"
    missing = problem.missing_tables
    tables = "all known" if not missing else f"missing for {len(missing)} of {len(graph.nodes)} nodes"
    rows = [
        ("nodes", f"{len(graph.nodes):,}, of which {len(graph.ancestors):,} are the target and its ancestors"),
        ("edges", f"{graph.n_edges:,}"),
        ("largest in-degree", f"{len(graph.parents(widest))} ({shortened(widest, 40)})"),
        ("interventions", f"{len(interventions):,}, fixing {fixed.min()} to {fixed.max()} of {len(actionable)} nodes"),
        *_cost_rows(problem),
        ("family rows C", f"{graph.n_family_rows:,}"),
        ("tree width", width),
        ("smallest budget", f"{3 * graph.n_family_rows:,} experiments for two-phase (3C), 1 for top-two,"),
        ("", "which has 0.31 to 0.33 of two-phase's regret in the studies"),
        ("tables", tables),
    ]
    lines += ["", *(f"  {label:<18} {text}".rstrip() for label, text in rows)]
    return "\n".join([*lines, "", *wrapped(f"May be fixed: {shown or 'nothing'}{more}")])


def _cost_rows(problem: Problem) -> list[tuple[str, str]]:
    costs = problem.interventions.costs
    if costs.min() == costs.max():
        return []
    return [("costs", f"{costs.min():,.6g} to {costs.max():,.6g} each; a budget counts experiments, not costs")]


def problem_frame(problem: Problem) -> pd.DataFrame:
    """One row per intervention: ``intervention``, ``n_fixed``, ``cost``; with the tables ``true_effect``."""
    frame = problem.interventions.to_frame()[["intervention", "n_fixed", "cost"]]
    if problem.model is not None:
        frame["true_effect"] = problem.model.effects(problem.interventions)
    return frame


def problem_html(problem: Problem) -> str:
    """The summary as preformatted text, for notebooks."""
    return f"<pre>{html.escape(problem_summary(problem))}</pre>"


def actionable_nodes(problem: Problem) -> tuple[str, ...]:
    """Nodes that at least one intervention fixes, in topological order."""
    columns = np.flatnonzero(problem.interventions.ever_fixed)
    return tuple(problem.graph.nodes[column] for column in columns)
