"""A problem's graph and the intervals of its interventions as figures, for the page and for notebooks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from causalbandit.graph_check.check import GraphCheck
from causalbandit.interventions import intervention_label
from causalbandit.markup import pieces
from causalbandit.markup.chart_svg import Interval, intervals_svg
from causalbandit.markup.graph_svg import graph_svg
from causalbandit.problem import Problem

if TYPE_CHECKING:
    import pandas as pd


def graph_drawing(
    problem: Problem, best: Mapping[str, int], doubted: Mapping[tuple[str, ...], Sequence[str]] | None = None
) -> str:
    """The graph of a problem with the intervention ``best`` and the marks ``doubted`` (see `graph_svg`)."""
    graph = problem.graph
    dag = graph.to_networkx()
    return graph_svg(
        list(dag.nodes),
        list(dag.edges),
        graph.target,
        fixed=best,
        hidden=graph.hidden,
        bidirected=graph.confounded,
        doubted=doubted,
    )


def doubted_places(check: GraphCheck | None) -> dict[tuple[str, ...], list[str]]:
    """(node, other), or (node,) for a claim about a whole intervention → what the data say against the graph there."""
    found: dict[tuple[str, ...], list[str]] = {}
    for each in [] if check is None else check.contradictions:
        found.setdefault(tuple(sorted(filter(None, (each.node, each.other)))), []).append(each.sentence)
    return found


def interval_chart(
    frame: pd.DataFrame, labels: Iterable[str], axis: str, *, best: Collection[int] = (), zero: bool = False
) -> str:
    """The rows of a frame with ``estimate``, ``lower`` and ``upper``; see `intervals_svg`."""
    ends = frame[["estimate", "lower", "upper"]].to_numpy(dtype=float).tolist()
    rows = [Interval(label, *values) for label, values in zip(labels, ends, strict=True)]
    return intervals_svg(rows, axis=axis, best=best, zero=zero)


def readings_chart(frame: pd.DataFrame, reading: str, target: str) -> str:
    """The intervals of all readings of a confirmation; those of the ``reading`` that decides are marked."""
    labels = [f"{one} ({how})" for one, how in zip(frame["intervention"], frame["method"], strict=True)]
    marked = [place for place, method in enumerate(frame["method"]) if method == reading]
    return interval_chart(frame, labels, f"difference of P({target} = 1)", best=marked, zero=True)


def decision_html(
    problem: Problem,
    best: Mapping[str, int],
    best_effect: float,
    frame: pd.DataFrame,
    bands: pd.DataFrame | None,
    check: GraphCheck | None,
) -> str:
    """What a notebook shows of a decision: a sentence, figures, and ``frame``, whose index is the place in the set.

    ``bands`` holds ``lower`` and ``upper`` of the whole set, where they are to be drawn.
    """
    target, chart = problem.graph.target, ""
    if bands is not None:
        drawn = frame.assign(lower=bands["lower"], upper=bands["upper"])
        chart = interval_chart(drawn, frame["intervention"], f"P({target} = 1)", best=[0])
    said = f"Best intervention: {intervention_label(best)}, estimated P({target} = 1) = {best_effect:.4f}"
    return _html(said, graph_drawing(problem, best, doubted_places(check)), chart, frame)


def confirmation_html(
    problem: Problem, best: Mapping[str, int], sentence: str, frame: pd.DataFrame, reading: str
) -> str:
    """What a notebook shows of a confirmation: its sentence, the graph, the intervals of all readings, the table."""
    chart = readings_chart(frame, reading, problem.graph.target)
    return _html(sentence, graph_drawing(problem, best), chart, frame)


def _html(sentence: str, graph: str, chart: str, frame: pd.DataFrame) -> str:
    table: str = frame.to_html(index=False, float_format=lambda value: f"{value:.4f}")
    return pieces.paragraph(sentence) + pieces.fragment(graph, chart) + table
