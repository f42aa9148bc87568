"""The page of a campaign: one self-contained HTML file for whoever decides and for whoever checks.

It has no script and asks nobody for anything, and the same results give the same file, letter for letter.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from causalbandit.checks import instance
from causalbandit.confirmation_results import READINGS, Confirmation
from causalbandit.counts import Counts
from causalbandit.decision import Decision
from causalbandit.drawings import doubted_places, graph_drawing, interval_chart, readings_chart
from causalbandit.files import write_output
from causalbandit.formats.graph_json import problem_text
from causalbandit.interventions import intervention_label
from causalbandit.markup import pieces
from causalbandit.markup.chart_svg import path_svg
from causalbandit.problem import Problem
from causalbandit.propagation import propagate

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 25
"""Interventions in the table and the chart, best first: the others are counted."""
LINES = 5
"""Interventions whose estimates are followed over time."""
POINTS = 40
"""Places along the way at which they are estimated."""


def report_page(
    result: Decision | Confirmation,
    confirmation: Confirmation | None = None,
    *,
    provenance: Mapping[str, object] | None = None,
    state: str = "",
) -> str:
    """The HTML of a decision, a confirmation, or both.

    Parameters
    ----------
    result : Decision or Confirmation
        What is reported.
    confirmation : Confirmation, optional
        The fresh proof of a decision's choice.
    provenance : mapping, optional
        More names and values for the section on where the numbers come from, such as the seed.
    state : str
        A sentence below the title, such as the state of a study.

    Notes
    -----
    Cost: up to 40 propagations, for the course of the estimates over the batches.
    """
    if isinstance(result, Confirmation):
        decision, confirmation = None, result
    else:
        decision = instance(result, "result", Decision, "a Decision of search, or a Confirmation of confirm")
    problem = result.problem
    title = problem.name or f"What drives {problem.graph.target}"
    best = decision.best if decision is not None else confirmation.arms[1] if confirmation is not None else {}
    doubted = {} if decision is None else _doubted(decision)
    asked = "most" if problem.goal == "max" else "least"
    question = f"Which intervention makes {problem.graph.target} = 1 {asked} likely?"
    return pieces.page(
        title,
        pieces.heading(title, f"{question} {problem.description}".strip()),
        pieces.paragraph(state, "soft"),
        pieces.paragraph(_verdict(decision, confirmation), "verdict"),
        *[pieces.paragraph(note, "warning") for note in (() if decision is None else decision.notes)],
        pieces.section(
            "The graph", graph_drawing(problem, best, doubted), pieces.paragraph(_legend(problem, doubted), "soft")
        ),
        _proof(confirmation),
        "" if decision is None else _search(decision),
        _assumptions(problem, decision, confirmation),
        _origin(problem, provenance),
    )


def write_report(
    path: str | os.PathLike[str],
    result: Decision | Confirmation,
    confirmation: Confirmation | None = None,
    *,
    provenance: Mapping[str, object] | None = None,
) -> None:
    """Write `report_page` to a file, at once."""
    write_output(path, report_page(result, confirmation, provenance=provenance))


def _verdict(decision: Decision | None, confirmation: Confirmation | None) -> str:
    if confirmation is not None:
        return confirmation.sentence()
    assert decision is not None
    target = decision.problem.graph.target
    wanted = "largest" if decision.problem.goal == "max" else "smallest"
    said = f"Best guess of the search: {intervention_label(decision.best)}."
    if not np.isnan(decision.best_effect):
        said += (
            f" Its estimated chance of {target} = 1 is {100 * decision.best_effect:.1f} %, the {wanted} found after "
            f"{decision.counts.total:,} experiments. Fresh experiments would prove it."
        )
    return said


def _doubted(decision: Decision) -> dict[tuple[str, ...], list[str]]:
    check = decision.graph_check
    if check is None and decision.history is not None:
        check = decision.history.alone.check
    return doubted_places(check)


def _legend(problem: Problem, doubted: Mapping[tuple[str, ...], list[str]]) -> str:
    said = "Filled: what the best intervention fixes. Thick border: the target."
    if problem.graph.hidden or problem.graph.confounded:
        said += " Dashed: what nobody sees."
    if doubted:
        said += " Red: where the data contradict the graph; point at a mark to read how, or see “What this rests on”."
    return said


def _proof(confirmation: Confirmation | None) -> str:
    if confirmation is None:
        return ""
    frame = confirmation.estimates()
    deciding = frame[frame["method"] == confirmation.reading]
    marked = [place for place, method in enumerate(frame["method"]) if method == confirmation.reading]
    table = frame[["intervention", "method", "estimate", "lower", "upper", "n", "promise"]]
    reference = confirmation.arms.labels[0]
    return pieces.section(
        "The proof: fresh, randomised experiments",
        pieces.paragraph(
            f"{confirmation.n_experiments:,} experiments, {int(deciding['n_control'].iloc[0]):,} of them under "
            f"{reference}, with which the others are compared. Intervals hold together in "
            f"{100 * (1 - confirmation.alpha):g} % of such campaigns."
        ),
        readings_chart(frame, confirmation.reading, confirmation.problem.graph.target),
        pieces.table(table, best=marked),
        pieces.bullets(f"{name}: {READINGS[name].sentence}." for name in dict.fromkeys(frame["method"])),
        pieces.paragraph(
            "The experiments ended early; at such a moment estimates lean away from 0 on the average."
            if confirmation.stopped
            else "",
            "soft",
        ),
    )


def _search(decision: Decision) -> str:
    frame = _ranked(decision)
    best = [int(np.flatnonzero(frame["best"])[0])]
    shown = frame.head(SHOWN)
    more = len(frame) - len(shown)
    return "\n".join(
        [
            pieces.section(
                "What the search found",
                interval_chart(shown, shown["intervention"], f"P({decision.problem.graph.target} = 1)", best=best),
                pieces.table(shown.drop(columns="best"), best=best),
                pieces.paragraph(f"… and {more:,} more interventions." if more else "", "soft"),
                pieces.paragraph(
                    "Intervals: all together, from the search's own data, if the graph is right. A search steers by "
                    "what it sees, so the interval of the chosen one is too short when effects are close.",
                    "soft",
                ),
            ),
            pieces.section("The course of the search", _course(decision)),
            pieces.section("The plan", _plan(decision)),
        ]
    )


def _ranked(decision: Decision) -> pd.DataFrame:
    """One row per intervention, the chosen one first: experiments, successes, estimate, interval."""
    frame = decision.to_frame().assign(lower=np.nan, upper=np.nan)
    if len(decision.counts.visits):
        bands = decision.effects()
        frame["lower"], frame["upper"] = bands["lower"], bands["upper"]
    kept = ["intervention", "experiments", "successes", "estimate", "lower", "upper", "best"]
    return frame[kept].reset_index(drop=True)


def _course(decision: Decision) -> str:
    """Plug-in estimates of the best interventions over the experiments."""
    if not len(decision.counts.visits) or len(decision.batches) < 2:
        return ""
    arms = decision.problem.interventions
    places = decision.to_frame().index[:LINES].to_numpy()
    cut = np.unique(np.linspace(1, len(decision.batches), min(POINTS, len(decision.batches))).astype(int))
    total, used, found = Counts.zeros(arms), [], []
    for number, batch in enumerate(decision.batches, 1):
        total = total + batch.counts
        if number in cut:
            used.append(float(total.total))
            cpt = (total.ones + 0.5) / (total.visits + 1)
            found.append(propagate(arms, cpt).effects[places])
    values = np.array(found)
    lines = [(arms.labels[place], used, values[:, column].tolist()) for column, place in enumerate(places)]
    return path_svg(lines, across="experiments", upwards=f"P({decision.problem.graph.target} = 1)")


def _plan(decision: Decision) -> str:
    import pandas as pd

    phases = pd.DataFrame(
        {
            "phase": list(decision.phases),
            "experiments": [int(sizes.sum()) for sizes in decision.phases.values()],
            "interventions": [int((sizes > 0).sum()) for sizes in decision.phases.values()],
        }
    )
    said = {"strategy": decision.strategy, "experiments": f"{decision.counts.total:,} of {decision.budget:,}"}
    if decision.spending is not None and decision.spending.unit == "money":
        said["experiments"] = f"{decision.counts.total:,}"
        said["money"] = f"{decision.money:,.6g} of {decision.spending.total:,.6g}"
    mixture = decision.mixture
    parts = [pieces.facts(said), pieces.table(phases)]
    if mixture is not None:
        order = np.argsort(-mixture.weights, kind="stable")[:10]
        used = order[mixture.weights[order] > 1e-3]
        weights = pd.DataFrame(
            {"intervention": [decision.problem.interventions.labels[k] for k in used], "share": mixture.weights[used]}
        )
        parts.append(
            pieces.paragraph(
                f"The mixture of interventions has the value {mixture.value:.4g}, proven to be within "
                f"{max(100 * mixture.gap, 0.01):.2g} % of the best possible ({mixture.solver})."
            )
        )
        parts.append(pieces.table(weights))
    return "\n".join(parts)


def _assumptions(problem: Problem, decision: Decision | None, confirmation: Confirmation | None) -> str:
    said = []
    if decision is not None:
        hidden = " beside those that it names" if problem.graph.hidden or problem.graph.confounded else ""
        said.append(
            f"The search assumes that the graph is right: every arrow that matters is there, and no two nodes have a "
            f"common cause that is missing{hidden}."
        )
        if decision.history is not None:
            said += [text[0].upper() + text[1:] for text in decision.history.sentences()]
    if confirmation is not None:
        said.append(
            "The proof does not need the graph, except where a reading says so: its experiments were drawn at random."
        )
    said.append("An experiment does not change what another one shows.")
    check = getattr(decision, "graph_check", None)
    return pieces.section(
        "What this rests on",
        pieces.bullets(said),
        pieces.paragraph(check.summary() if check is not None else "", "soft"),
    )


def _origin(problem: Problem, provenance: Mapping[str, object] | None) -> str:
    import causalbandit

    digest = hashlib.sha256(problem_text(problem).encode()).hexdigest()[:16]
    said: dict[str, object] = {
        "problem": f"{problem.name or 'without a name'}, SHA-256 {digest}",
        "size": f"{len(problem.graph.nodes):,} nodes, {len(problem.interventions):,} interventions",
    }
    if problem.source:
        said["source"] = problem.source
    said["made by"] = (
        f"causalbandit {causalbandit.__version__}, numpy {np.__version__}, Python {platform.python_version()}"
    )
    return pieces.section("Where the numbers come from", pieces.facts(said | dict(provenance or {})))
