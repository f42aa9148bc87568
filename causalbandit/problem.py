"""A best-intervention problem: a graph, the interventions one could make, a goal and, when known, the tables."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from causalbandit.arrays import Floats
from causalbandit.assignments import FREE, GRAPH
from causalbandit.checks import instance, one_of
from causalbandit.clique_tree import clique_tree
from causalbandit.errors import BadValue, InvalidArgument, listing
from causalbandit.graph import CausalGraph
from causalbandit.interventions import INTERVENTION_SET, InterventionSet
from causalbandit.known_tables import Known, KnownTable, joined_tables, known_rows, known_tables
from causalbandit.learned_rows import LearnedRows
from causalbandit.model import CausalModel, checked_alternatives, checked_table
from causalbandit.text import shortened, wrapped

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Goal = Literal["max", "min"]

SHOWN = 40
"""Nodes that a summary names: half a screen of them."""


ASSUMPTION = "assumes that the graph has all common causes of its nodes"
"""What every answer by the graph rests on; experiments can refute it, never prove it."""


@dataclass(frozen=True)
class Problem:
    """What one file holds: everything a search needs before its first experiment.

    Attributes
    ----------
    graph : CausalGraph
        The causal graph and its target.
    interventions : InterventionSet
        The interventions to choose from, on the same graph.
    model : CausalModel, optional
        The true tables, for simulation; None when they are unknown and experiments come from ``environment=``.
    goal : {"max", "min"}
        Whether the best intervention makes the target most ("max") or least ("min") likely to be 1.
    name, description, source : str
        What the problem is called, what it asks in a sentence or two, and where it comes from.
    tables : mapping of str to sequence of float
        Tables of single nodes when some but not all are known; all of the model's when there is one.
    descriptions : mapping of str to str
        A sentence per node.
    states : mapping of str to (str, str)
        Names of the states coded 0 and 1, per node.
    known : mapping of str to sequence of float, or iterable of str
        Tables that searches are told and do not learn, with NaN or None in configurations that they must learn; or
        names of nodes whose whole ``tables`` they are told. Kept as a mapping from node to a tuple with None there.
        What ``tables`` say of the same node must agree; a table that stands in ``tables`` alone is told to nobody.
    alternatives : mapping of str to mapping of str to sequence of float
        Tables of the graph's alternatives, as far as they are known; those of the model when there is one. Searches are
        not told them.
    """

    graph: CausalGraph
    interventions: InterventionSet
    model: CausalModel | None = None
    goal: Goal = "max"
    name: str = ""
    description: str = ""
    source: str = ""
    tables: Mapping[str, Sequence[float]] = field(default_factory=dict)
    descriptions: Mapping[str, str] = field(default_factory=dict)
    states: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    known: Known = field(default_factory=dict)
    alternatives: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        instance(self.graph, "graph", CausalGraph, GRAPH)
        instance(self.interventions, "interventions", InterventionSet, INTERVENTION_SET)
        made = "a CausalModel, made by CausalModel(graph, tables), or None"
        instance(
            self.model, "model", (CausalModel, type(None)), f"{made}. The tables of some nodes alone go into tables="
        )
        for name, sample in (
            ("tables", "{'node': [0.3]}"),
            ("descriptions", "{'node': 'what it means'}"),
            ("states", "{'node': ('no', 'yes')}"),
        ):
            instance(getattr(self, name), name, Mapping, f"a mapping from node names, such as {sample}")
        for name, part in (("interventions", self.interventions), ("model", self.model)):
            if part is not None and part.graph != self.graph:
                raise InvalidArgument(name, "of another graph cannot be used; build them from the problem's own graph.")
        one_of(self.goal, "goal", ("max", "min"))
        for name in ("name", "description", "source"):
            instance(getattr(self, name), name, str, "a text")
        if self.model is not None:
            tables: dict[str, tuple[float, ...]] = {node: self.model.table(node) for node in self.graph.all_nodes}
        else:
            tables = {
                self.graph.require(node, "node with a table:"): checked_table(self.graph, node, table)
                for node, table in self.tables.items()
            }
        for node, text in self.descriptions.items():
            instance(text, "descriptions", str, f"a text for {self.graph.require(node)!r}")
        for node in self.states:
            self.graph.require(node)
        states = {node: _checked_states(node, names) for node, names in self.states.items()}
        given = self.alternatives if self.model is None else self.model.alternatives
        self._keep(alternatives=checked_alternatives(self.graph, given))
        if self.model is not None and self.missing_alternatives:
            lack = f"lacks the tables of {listing(self.missing_alternatives)}, which interventions choose"
            fix = "Give them as CausalModel(..., alternatives={node: {name: table}}), or pass tables= without a model"
            raise InvalidArgument("model", f"{lack}. {fix}: the problem then serves real experiments.")
        known = known_tables(self.graph, self.known, tables)
        self._keep(tables=tables, known=known, descriptions=dict(self.descriptions), states=states)

    def _keep(self, **fields: Any) -> None:
        """Set fields, dictionaries as read-only mappings."""
        for name, value in fields.items():
            object.__setattr__(self, name, MappingProxyType(value) if isinstance(value, dict) else value)

    @property
    def missing_tables(self) -> tuple[str, ...]:
        """Nodes without a table, hidden ones included, in topological order; empty when ``model`` is known."""
        return tuple(node for node in self.graph.all_nodes if node not in self.tables)

    @property
    def missing_alternatives(self) -> tuple[str, ...]:
        """Alternatives, as "node=name", that some intervention chooses and whose table is unknown."""
        chosen = dict.fromkeys(
            f"{node}={names[choice]}"
            for column, (node, names) in enumerate(self.graph.alternatives.items())
            for choice in np.unique(self.interventions.choices[:, column])
            if choice != FREE and names[choice] not in self.alternatives.get(node, {})
        )
        return tuple(chosen)

    def require_model(self, why: str = "A simulated search") -> CausalModel:
        """The model, or a ValueError that names the nodes whose tables are missing and the other way to go."""
        if self.model is not None:
            return self.model
        if self.missing_alternatives and not self.missing_tables:
            raise BadValue(
                f"{why} needs the tables of all alternatives that interventions choose, but "
                f"{listing(self.missing_alternatives)} have none. Give them under 'alternatives' of the node in the "
                "file, or in a CausalModel(..., alternatives={node: {name: table}})."
            )
        missing, pairs = self.missing_tables, self.graph.confounded
        if pairs and not missing:
            lack = f"the common causes of {listing(pairs)} are no nodes and have none. Declare hidden nodes, and give"
        else:
            lack = f"{len(missing)} of {len(self.graph.all_nodes)} have none: {listing(missing)}. Give"
        give = "them as 'cpt' in the file or in a CausalModel, or run real experiments in Python"
        run = "search(..., environment=run), where run(intervention, size) returns the rows"
        raise BadValue(f"{why} needs the conditional probability table of every node, but {lack} {give}: {run}.")

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        for name in ("tables", "descriptions", "states", "known", "alternatives"):
            state[name] = dict(state[name])
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._keep(**state)

    def __hash__(self) -> int:
        return hash((self.graph, self.interventions, self.goal, self.name, tuple(self.tables.items())))

    @property
    def known_tables(self) -> Mapping[str, KnownTable]:
        """``known`` as it is kept: per node a tuple in the order of its table, None where it must be learned."""
        return cast("Mapping[str, KnownTable]", self.known)

    @property
    def known_rows(self) -> Floats:
        """The known values at their places among the C family rows of the interventions, NaN elsewhere; [C]."""
        return known_rows(self.interventions, self.known_tables)

    def with_known(self, known: Known) -> Problem:
        """The same problem with further tables known, given as for ``known``; they must agree with those before.

        Raises
        ------
        InvalidArgument
            As for ``known``, and for a value that contradicts one that was known before.
        """
        added = known_tables(self.graph, known, self.tables)
        return replace(self, known=joined_tables(self.graph, self.known_tables, added))

    def reduced(self) -> Problem:
        """The problem with one intervention of each group that has the same effect (`InterventionSet.reduced`)."""
        arms = self.interventions.reduced()
        return self if arms is self.interventions else replace(self, interventions=arms)

    @property
    def actionable(self) -> tuple[str, ...]:
        """Nodes that at least one intervention fixes, in topological order."""
        return tuple(self.graph.nodes[column] for column in np.flatnonzero(self.interventions.ever_fixed))

    def summary(self) -> str:
        """What the problem asks, and the sizes that decide how hard it is, as text that fits 80 columns."""
        graph, interventions = self.graph, self.interventions
        wanted = "most" if self.goal == "max" else "least"
        zero, one = self.states.get(graph.target, ("0", "1"))
        meaning = f" (state {one!r}, against {zero!r})" if graph.target in self.states else ""
        lines = wrapped(
            f"{self.name or 'Problem'}: which intervention makes {graph.target} = 1{meaning} {wanted} likely?"
        )
        lines += wrapped(self.description)
        lines += wrapped(self.source and f"Source: {self.source}")
        fixed, actionable = interventions.n_fixed, self.actionable
        span = f"{fixed.min()} to {fixed.max()}"
        widest = max(graph.all_nodes, key=lambda node: len(graph.parents(node)))
        missing = self.missing_tables
        tables = "all known" if not missing else f"missing for {len(missing)} of {len(graph.all_nodes)} nodes"
        unseen = f" and {len(graph.hidden):,} hidden;" if graph.hidden else ", of which"
        rows = [
            ("nodes", f"{len(graph.nodes):,}{unseen} {len(graph.ancestors):,} are the target and its ancestors"),
            ("edges", f"{graph.n_edges:,}"),
            ("largest in-degree", f"{len(graph.parents(widest))} ({shortened(widest, 40)})"),
            ("interventions", f"{len(interventions):,}, fixing {span} of {len(actionable)} nodes"),
            *self._alternatives_rows(),
            *self._cost_rows(),
            *self._size_rows(),
            ("tables", tables),
        ]
        lines += ["", *(f"  {label:<18} {text}".rstrip() for label, text in rows)]
        shown = _names(actionable) or ("no node, but tables may be replaced" if graph.alternatives else "nothing")
        more = f", … ({len(actionable) - SHOWN} more)" if len(actionable) > SHOWN else ""
        assumed = ASSUMPTION[0].upper() + ASSUMPTION[1:]
        return "\n".join(
            [*lines, "", *wrapped(f"May be fixed: {shown}{more}"), *self._hidden_lines(), *wrapped(f"{assumed}.")]
        )

    def _size_rows(self) -> list[tuple[str, str]]:
        graph, interventions = self.graph, self.interventions
        try:
            n_rows = interventions.n_family_rows
        except InvalidArgument:
            return [("family rows C", "too many to work with, see below")]
        n_reached = LearnedRows.of(interventions).number
        n_learned = LearnedRows.of(interventions, self.known_rows).number
        beyond = f"; no intervention reaches {n_rows - n_reached:,} more" if n_reached < n_rows else ""
        regimes, observing = "", []
        if graph.bidirected:
            n_regimes = len(interventions.regimes)
            regimes = f" in {n_regimes:,} regime{'s' if n_regimes > 1 else ''}"
            other = f"{graph.n_family_rows_by_default:,} in the default order of nodes"
            observing = [("C of observing", f"{graph.n_family_rows:,}; {other}")]
        return [
            ("family rows C", f"{n_reached:,}{regimes}{beyond}"),
            *observing,
            ("tree width", self._tree_width()),
            *self._known_lines(n_reached - n_learned, n_learned),
            ("smallest budget", f"{max(3 * n_learned, 1):,} experiments for two-phase (3C), 1 for top-two"),
        ]

    def _known_lines(self, n_known: int, n_learned: int) -> list[tuple[str, str]]:
        """What is known of the tables, and how many experiments that saves."""
        if not self.known:
            return []
        partly = sum(None in table for table in self.known_tables.values())
        some = f", {partly} of them in part" if partly else ""
        fewer = f"{n_learned:,} family rows are left to learn: C = {n_learned:,}"
        return [
            ("known tables", f"{len(self.known_tables):,} of {len(self.graph.nodes):,} nodes{some}; {fewer}"),
            ("they save", f"{3 * n_known:,} experiments: 3C was {3 * (n_known + n_learned):,}, is {3 * n_learned:,}"),
        ]

    def _hidden_lines(self) -> list[str]:
        """What is hidden, which nodes that ties together, and what is too large because of it."""
        graph = self.graph
        if not (graph.hidden or graph.confounded):
            return []
        lines = []
        if graph.hidden:
            lines += wrapped(f"Hidden: {_names(graph.hidden)}")
        districts = [district for district in graph.districts if len(district) > 1]
        if districts:
            shown = "; ".join(", ".join(shortened(node, 40) for node in district) for district in districts[:SHOWN])
            lines += wrapped(f"Tied together by hidden causes (districts): {shown}")
        try:
            self.interventions.families  # noqa: B018  # raises when a district has too many rows
        except InvalidArgument as error:
            lines += wrapped(f"Too large to search: the {error}")
        return lines

    def _alternatives_rows(self) -> list[tuple[str, str]]:
        """The tables that interventions may put in place of a node's own."""
        label, n_chosen = "alternatives", int((self.interventions.choices != FREE).any(axis=1).sum())
        more = f"; chosen by {n_chosen:,} interventions"
        rows = []
        for node, names in self.graph.alternatives.items():
            rows.append((label, f"{shortened(node, 30)}: {shortened(', '.join(names), 80)}{more}"))
            label = more = ""
        return rows

    def _cost_rows(self) -> list[tuple[str, str]]:
        costs = self.interventions.costs
        if self.interventions.priced_alike:
            return []
        return [("costs", f"{costs.min():,.6g} to {costs.max():,.6g} each; a budget of money pays them")]

    def _tree_width(self) -> str:
        try:
            regimes = self.interventions.regimes
            return str(max(clique_tree(self.graph, regime.families).width for regime in regimes))
        except ValueError:
            return "too large for exact propagation"

    def to_frame(self) -> pd.DataFrame:
        """One row per intervention: ``intervention``, ``n_fixed``, ``cost``; with the tables ``true_effect``."""
        frame = self.interventions.to_frame()[["intervention", "n_fixed", "cost"]]
        if self.model is not None:
            frame["true_effect"] = self.model.effects(self.interventions)
        return frame

    def plot(self, ax: Axes | None = None) -> Axes:
        """The graph drawn top-down, with the target and the nodes that interventions fix marked."""
        from causalbandit.plots.graph import plot_graph

        graph = self.graph
        return plot_graph(
            graph.all_nodes,
            [(parent, node) for node in graph.all_nodes for parent in graph.parents(node)],
            graph.target,
            fixed=tuple(node for node in graph.nodes if node in self.actionable or node in graph.alternatives),
            hidden=graph.hidden,
            bidirected=graph.confounded,
            wanted=f"wanted {'more' if self.goal == 'max' else 'less'} often",
            title=self.name,
            ax=ax,
        )

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.summary())}</pre>"

    def __repr__(self) -> str:
        name = f"{self.name!r}, " if self.name else ""
        return (
            f"Problem({name}{len(self.graph.nodes)} nodes, {len(self.interventions)} interventions, "
            f"{self.goal} {self.graph.target!r}, {'tables known' if self.model is not None else 'tables unknown'})"
        )


def _names(nodes: Sequence[str]) -> str:
    """The first of the nodes, as a summary names them."""
    return ", ".join(shortened(node, 40) for node in nodes[:SHOWN])


def _checked_states(node: str, names: object) -> tuple[str, str]:
    if isinstance(names, Sequence) and not isinstance(names, str) and len(names) == 2:
        zero, one = names
        if isinstance(zero, str) and isinstance(one, str) and zero != one:
            return zero, one
    raise InvalidArgument("states", f"of {node!r} were {names!r}; expected two different names, those of 0 and 1.")
