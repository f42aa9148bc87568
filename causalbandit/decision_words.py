"""A decision in words: what a terminal shows of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from causalbandit.interventions import intervention_label
from causalbandit.learned_rows import LearnedRows, reachable_rows
from causalbandit.strategies.maximise import Maximisation
from causalbandit.text import frame_text, shortened, wrapped

if TYPE_CHECKING:
    from causalbandit.decision import Decision

TOLD = 2
"""Contradictions of the graph that a summary tells; `Decision.graph_check` has them all."""
NAMED = 3
"""Interventions of one effect that a summary names."""
SHOWN = 8
"""Interventions that a summary lists: with the lines above them they fit a terminal of 24 lines."""


def decision_text(decision: Decision) -> str:
    """The answer, how it was found and the next best interventions, as text that fits 80 columns."""
    target = decision.problem.graph.target
    lines = [f"Best intervention: {shortened(intervention_label(decision.best), 60)}", *_estimate_lines(decision)]
    lines += _group_lines(decision)
    lines += _interval_lines(decision)
    if decision.true_effects is not None:
        true = decision.true_effects[decision.best_index]
        lines.append(f"  true      P({target} = 1) = {true:.4f}, simple regret {decision.simple_regret:.4f}")
    lines += _effort_lines(decision)
    if decision.mixture is not None:
        # A gap below 0.01 % is not worth its digits.
        lines += wrapped(
            f"Mixture: value {decision.mixture.value:.4g}, proven within {max(100 * decision.mixture.gap, 0.01):.2g} % "
            f"of the optimum ({decision.mixture.solver})"
        )
    if decision.history is not None:
        lines += [line for each in decision.history.sentences() for line in wrapped(f"History: {each}")]
    lines += [line for note in decision.notes for line in wrapped(f"Note: {note}")]
    if decision.graph_check is not None:
        lines += wrapped(f"Graph: {decision.graph_check.sentence}")
        lines += [line for each in decision.graph_check.told[:TOLD] for line in wrapped(f"- {each.sentence}")]
    frame = decision.to_frame()
    lines += ["", frame_text(frame.drop(columns=["best", "same_effect"], errors="ignore").head(SHOWN))]
    if len(frame) > SHOWN:
        lines.append(f"… and {len(frame) - SHOWN} more")
    return "\n".join(lines)


def _estimate_lines(decision: Decision) -> list[str]:
    """The chosen intervention's estimate and its place among the others, which not every strategy goes by."""
    n, target, goal = len(decision.problem.interventions), decision.problem.graph.target, decision.problem.goal
    if decision.estimates is None or math.isnan(decision.best_effect):
        return [f"  no estimate of P({target} = 1) under it"]
    gains = Maximisation.of(decision.problem).gains(decision.estimates)
    n_better = int((gains > gains[decision.best_index]).sum())  # False where there is no estimate
    said = f"  estimated P({target} = 1) = {decision.best_effect:.4f}"
    if n_better:
        return [
            said,
            f"  chosen by the strategy's rule, although {n_better} of {n} "
            f"{'has' if n_better == 1 else 'have'} a {'larger' if goal == 'max' else 'smaller'} estimate",
        ]
    n_known = int((~np.isnan(gains)).sum())
    among = f"{n}" if n_known == n else f"the {n_known} of {n} with an estimate"
    return [f"{said}, the {'largest' if goal == 'max' else 'smallest'} of {among}"]


def _group_lines(decision: Decision) -> list[str]:
    """Which interventions have the effect of the chosen one in every model of the graph."""
    arms = decision.problem.interventions
    group = next(group for group in arms.groups if decision.best_index in group)
    own = [arms.subset([place]).labels[0] for place in group if place != decision.best_index]
    more = f" and {len(own) - NAMED} more" if len(own) > NAMED else ""
    named = "; ".join(shortened(label, 40) for label in own[:NAMED])
    return wrapped(f"Provably the same effect: {named}{more}") if own else []


def _interval_lines(decision: Decision) -> list[str]:
    """What the search's own data say of the chosen intervention, where they say anything."""
    if decision.best_interval is None:
        return []
    low, high = decision.best_interval
    among = f"own data, all {len(decision.problem.interventions):,}, if the graph is right"
    short = "  which is too short when effects are close; fresh experiments prove an effect"
    return [f"  95 % interval {low:.4f} to {high:.4f} ({among})", *[short] * decision.strategy.startswith("top-two")]


def _effort_lines(decision: Decision) -> list[str]:
    """What was spent, and what was learned of the tables."""
    used = "; ".join(f"{phase}: {int(sizes.sum()):,}" for phase, sizes in decision.phases.items())
    spending = decision.spending
    if spending is not None and spending.unit == "money":
        done = f"{decision.counts.total:,} experiments for {decision.money:,.6g} of {spending.total:,.6g} money"
    else:
        done = f"{decision.counts.total:,} of {decision.budget:,} experiments"
    lines = wrapped(f"Strategy {decision.strategy}: {done} ({used})")
    if spending is not None:
        lines += [line for each in spending.sentences() for line in wrapped(f"Limits: {each}")]
    elif not decision.problem.interventions.priced_alike:
        lines += wrapped(f"Cost: {decision.money:,.6g} in all; the budget counts experiments, whatever they cost")
    if decision.tables is not None:
        rows = LearnedRows(reachable_rows(decision.problem.interventions), decision.tables.known)
        n_unseen = int((rows.flags & (decision.tables.visits == 0)).sum())
        negligible = decision.tables.negligible
        n_negligible = 0 if negligible is None else int((rows.flags & negligible).sum())
        lines += wrapped(
            f"Tables: {rows.number} family rows learned from {int(rows.reachable.sum())}, "
            f"{n_unseen} never visited, {n_negligible} negligible"
        )
    return lines
