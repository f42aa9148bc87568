"""How to amend a graph that data refute: the change among a few that explains all data best.

What is refuted says where to look: for the nodes i and j of a refuted claim (and for the nodes between them) the
candidates are a common cause i ↔ j, an edge j → i or i → j, and an existing edge turned round. Each candidate graph is
given a score, the marginal likelihood of all rows under it with every family row mixed over Beta(½, ½); it charges for
the rows that a change adds. Rows in which j was fixed and rows in which it was only seen tell an edge from a common
cause: under an edge both share their tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import networkx as nx
import numpy as np

from causalbandit.assignments import FREE
from causalbandit.errors import InvalidArgument
from causalbandit.graph import CausalGraph
from causalbandit.graph_check.claims import Claim
from causalbandit.interventions import InterventionSet
from causalbandit.observed_rows import ObservedRows
from causalbandit.problem import Problem

if TYPE_CHECKING:
    from causalbandit.graph_check.check import GraphCheck


@dataclass(frozen=True)
class Change:
    """One change of a graph.

    Attributes
    ----------
    kind : {"common cause", "edge", "turned edge"}
        first ↔ second is added; first → second is added; second → first becomes first → second.
    first, second : str
        Two observed nodes.
    """

    kind: Literal["common cause", "edge", "turned edge"]
    first: str
    second: str

    def __str__(self) -> str:
        if self.kind == "common cause":
            return f"a hidden common cause of {self.first} and {self.second} ({self.first} ↔ {self.second})"
        turned = ", which pointed the other way" if self.kind == "turned edge" else ""
        return f"an edge from {self.first} to {self.second} ({self.first} → {self.second}){turned}"


@dataclass(frozen=True)
class Amendment:
    """A change of the graph with its reasons.

    Attributes
    ----------
    change : Change
        What was changed.
    experiments : int
        How many experiments had been seen.
    gain : float
        Log marginal likelihood of all data under the new graph, less that under the old one.
    evidence : str
        The clearest contradiction, in a sentence.
    """

    change: Change
    experiments: int
    gain: float
    evidence: str

    @property
    def sentence(self) -> str:
        """What was amended, when and why."""
        return f"After {self.experiments:,} experiments the graph got {self.change}: {self.evidence}"

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and texts, ready for JSON."""
        change = {"kind": self.change.kind, "nodes": [self.change.first, self.change.second]}
        return change | {"experiments": self.experiments, "gain": self.gain, "evidence": self.evidence}


def amend(check: GraphCheck, most_rows: int) -> tuple[Amendment, Problem] | None:
    """The change that explains the data of a refuted check best, and the amended problem.

    None when it makes more than ``most_rows`` family rows, and when no change can be worked with at all.
    """
    found = best_changes(check)
    if not found or found[0].problem.interventions.n_family_rows > most_rows:
        return None
    best = found[0]
    first = check.contradictions[0].sentence if check.contradictions else "all claims together are refuted"
    return Amendment(best.change, check.rows.n_experiments, best.gain, first), best.problem


class Candidate(NamedTuple):
    """A change that could be made, its gain of log marginal likelihood, and the problem it makes."""

    change: Change
    gain: float
    problem: Problem


def best_changes(check: GraphCheck) -> list[Candidate]:
    """The changes that could explain the data of a refuted check, the best first."""
    before = score(check.rows, check.claims.interventions)
    found = []
    for change in candidates(check):
        amended = amended_problem(check.problem, change)
        try:
            gain = score(check.rows, on_graph(check.claims.interventions, amended.graph)) - before
            assert amended.interventions.n_family_rows
        except InvalidArgument:  # it ties so many nodes together that their rows cannot be held
            continue
        found.append(Candidate(change, gain, amended))
    return sorted(found, key=lambda each: -each.gain)


def candidates(check: GraphCheck) -> list[Change]:
    """The changes that could explain the refuted claims, or the one with the most evidence if none is by itself."""
    claims = check.claims
    named = np.flatnonzero(check.refuted_claims)
    places = named if len(named) else [int(np.argmax(check.largest))]
    return list(dict.fromkeys(change for place in places for change in _explanations(check, claims.claims[place])))


def _explanations(check: GraphCheck, claim: Claim) -> Iterator[Change]:
    """What could stand behind one refuted claim.

    A change adds to what the graph allows, so that a needless one costs rows but no truth. The exception is a turned
    edge: it is considered only where fixing j changed its supposed cause i.
    """
    graph, i, j = check.claims.graph, claim.node, claim.other
    dag: nx.DiGraph[str] = nx.DiGraph()  # the edges between observed nodes, hidden ones projected out
    dag.add_nodes_from(graph.nodes)
    dag.add_edges_from((parent, node) for node in graph.nodes for parent in graph.observed_parents(node))
    if claim.kind == "direct":
        for p in dict.fromkeys([*check.claims.interventions[claim.place], *graph.observed_parents(i)]):
            yield from _common_cause(graph, i, p)
            yield from _edge(dag, p, i)
        return
    yield from _common_cause(graph, i, j)
    yield from _edge(dag, j, i)
    if claim.kind == "independence":
        yield from _edge(dag, i, j)
        # A common cause of i and its parent p makes i depend on what lies above p, once p is given.
        above = nx.descendants(dag, j)
        for p in graph.observed_parents(i):
            if p in above:
                yield from _common_cause(graph, i, p)
    elif not claim.in_scope and i in graph.parents(j):
        dag.remove_edge(i, j)
        if not nx.has_path(dag, i, j):
            yield Change("turned edge", j, i)


def _common_cause(graph: CausalGraph, i: str, j: str) -> Iterator[Change]:
    if {i, j} not in [set(pair) for pair in graph.bidirected]:
        first, second = sorted((i, j), key=graph.position)
        yield Change("common cause", first, second)


def _edge(dag: nx.DiGraph[str], first: str, second: str) -> Iterator[Change]:
    """The edge first → second, unless there is one or it would close a cycle."""
    if not dag.has_edge(first, second) and not nx.has_path(dag, second, first):
        yield Change("edge", first, second)


def amended_graph(graph: CausalGraph, change: Change) -> CausalGraph:
    """The graph after a change; a new parent comes last in its node's table."""
    dag = graph.to_networkx()
    parents = {node: graph.parents(node) for node in graph.all_nodes}
    pairs = list(graph.confounded)
    first, second = change.first, change.second
    if change.kind == "common cause":
        pairs.append((first, second))
    else:
        if change.kind == "turned edge":
            dag.remove_edge(second, first)
            parents[first] = tuple(node for node in parents[first] if node != second)
        dag.add_edge(first, second)
        parents[second] = (*parents[second], first)
    return CausalGraph(
        dag, graph.target, parents=parents, hidden=graph.hidden, confounded=pairs, alternatives=graph.alternatives
    )


def amended_problem(problem: Problem, change: Change) -> Problem:
    """The problem on the amended graph: same interventions and words; changed nodes lose all their tables."""
    graph = amended_graph(problem.graph, change)
    changed = {change.second} if change.kind == "edge" else {change.first, change.second}
    tables = {node: table for node, table in problem.tables.items() if node not in changed}
    known = {node: table for node, table in problem.known_tables.items() if node not in changed}
    others = {node: table for node, table in problem.alternatives.items() if node not in changed}
    arms = on_graph(problem.interventions, graph)
    return replace(
        problem, graph=graph, interventions=arms, model=None, tables=tables, known=known, alternatives=others
    )


def on_graph(interventions: InterventionSet, graph: CausalGraph) -> InterventionSet:
    """The same interventions on another graph over the same nodes."""
    return InterventionSet(graph, list(interventions), costs=interventions.costs)


def score(rows: ObservedRows, interventions: InterventionSet) -> float:
    """Log marginal likelihood of all observed nodes, every family row mixed over Beta(½, ½)."""
    graph = interventions.graph
    counts = rows.counts(interventions)
    parts = [_log_mixed(counts.visits, counts.ones)]
    values, column = rows.values, {node: place for place, node in enumerate(rows.nodes)}
    for node in rows.nodes:
        if node in graph.ancestors:
            continue
        seen = np.flatnonzero(interventions.assignments[rows.place, graph.position(node)] == FREE)
        parents = [column[parent] for parent in graph.observed_parents(node) if parent in column]
        row = np.zeros(len(seen), dtype=np.int64)
        for parent in parents:
            row = 2 * row + values[seen, parent]
        _, row = np.unique(row, return_inverse=True)
        weight = rows.weight[seen]
        parts.append(_log_mixed(np.bincount(row, weight), np.bincount(row, weight * values[seen, column[node]])))
    return float(sum(parts))


def _log_mixed(visits: np.ndarray, ones: np.ndarray) -> float:
    from scipy.special import betaln

    return float((betaln(ones + 0.5, visits - ones + 0.5) - betaln(0.5, 0.5)).sum())
