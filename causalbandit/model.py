"""A causal graph with conditional probability tables: what an experiment would show, exactly or by simulation.

>>> import networkx as nx
>>> from causalbandit import CausalGraph, CausalModel, InterventionSet
>>> graph = CausalGraph(nx.DiGraph([("ad", "trust"), ("trust", "purchase")]), target="purchase")
>>> model = CausalModel(graph, {"ad": [0.5], "trust": [0.2, 0.6], "purchase": [0.1, 0.4]})
>>> model.effects(InterventionSet(graph, [{}, {"ad": 1}])).round(3).tolist()
[0.22, 0.28]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from causalbandit.alternatives import chosen_tables, fixed_values
from causalbandit.arrays import Floats
from causalbandit.assignments import GRAPH
from causalbandit.checks import instance
from causalbandit.compressed_reach import CompressedReach
from causalbandit.counts import Counts
from causalbandit.elimination import family_table
from causalbandit.errors import BadValue, InvalidArgument, did_you_mean, listing
from causalbandit.graph import CausalGraph, Family, configuration_words
from causalbandit.interventions import INTERVENTION_SET, InterventionSet
from causalbandit.propagation import MEMORY, propagate
from causalbandit.randomness import RNG
from causalbandit.sampling import Simulator, sample_rows

if TYPE_CHECKING:
    import pandas as pd


class CausalModel:
    """A causal graph with the conditional probability table of every node: true, known or estimated.

    Parameters
    ----------
    graph : CausalGraph
        The graph.
    tables : mapping of str to sequence of float
        For each node, hidden ones included, its P(node = 1 | parent configuration): 2^(number of parents) probabilities
        in [0, 1], the first parent being the most significant bit of the configuration. A root takes one number, or a
        list of one.
    alternatives : mapping of str to mapping of str to sequence of float, optional
        Tables of the graph's alternatives, {node: {name: table}}, each in the order of the node's own. One that is left
        out can be chosen by no intervention that is asked about.

    Raises
    ------
    ValueError
        For a missing table, one for an unknown node, a wrong length, and values that are NaN or outside [0, 1].
    """

    def __init__(
        self,
        graph: CausalGraph,
        tables: Mapping[str, Sequence[float] | npt.ArrayLike],
        *,
        alternatives: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        instance(graph, "graph", CausalGraph, GRAPH)
        instance(tables, "tables", Mapping, "a mapping from node to its table")
        for node in tables:
            graph.require(node, "node with a table:")
        if graph.confounded:
            a, b = graph.confounded[0]
            pairs = f"{len(graph.confounded)} confounded pairs, {a!r} and {b!r} for one"
            fix = "A model needs them: declare a hidden node with edges into both, and give its table"
            without = "Without, the graph serves searches on real experiments"
            raise InvalidArgument("graph", f"has {pairs}, whose causes have no tables. {fix}. {without}.")
        missing = [node for node in graph.all_nodes if node not in tables]
        if missing:
            lack = f"{len(missing)} of {len(graph.all_nodes)} nodes have no table: {listing(missing)}"
            raise BadValue(f"{lack}. Expected one per node, 2^(number of parents) probabilities of being 1.")
        self._graph = graph
        self._tables = {node: checked_table(graph, node, tables[node]) for node in graph.all_nodes}
        self._alternatives = checked_alternatives(graph, alternatives or {})
        self._by_district: dict[Any, Floats] = {}

    @property
    def graph(self) -> CausalGraph:
        """The graph."""
        return self._graph

    @cached_property
    def cpt(self) -> Floats:
        """P(node = 1 | configuration) for the C rows of ``graph.families``, [C]. Read-only.

        What belongs to a set of interventions is `cpt_for`, the same unless something is hidden.
        """
        return self._joined(self._graph.families)

    def cpt_for(self, interventions: InterventionSet) -> Floats:
        """P(node = 1 | configuration) for the C family rows of a set, [C]: :attr:`cpt` when nothing is hidden.

        With hidden causes a row's probability is P(node = 1 | the rest of its district, do(the rest of its scope)),
        worked out exactly by elimination of the hidden nodes around the district; 1/2 for configurations that cannot
        be.
        """
        instance(interventions, "interventions", InterventionSet, INTERVENTION_SET)
        if interventions.graph != self._graph:
            raise InvalidArgument("interventions", "belong to another graph; build them from the model's own graph.")
        families = interventions.families
        return self.cpt if families is self._graph.families else self._joined(families)

    def _joined(self, families: Sequence[Family]) -> Floats:
        tables = [self.tables_under(dict(family.alternatives)) for family in families]
        if not self._graph.hidden:
            cpt = np.array([value for family, own in zip(families, tables, strict=True) for value in own[family.node]])
        else:
            for family, own in zip(families, tables, strict=True):
                if family.key not in self._by_district:
                    self._by_district[family.key] = family_table(self._graph, own, family)
            cpt = np.concatenate([self._by_district[family.key] for family in families])
        cpt.flags.writeable = False
        return cpt

    def table(self, node: str) -> tuple[float, ...]:
        """The table of any node, configurations ascending with the first parent most significant."""
        return self._tables[self._graph.require(node)]

    @property
    def alternatives(self) -> Mapping[str, Mapping[str, tuple[float, ...]]]:
        """The tables of alternatives: {node: {name: table}}."""
        return self._alternatives

    def tables_under(self, intervention: Mapping[str, Any]) -> Mapping[str, tuple[float, ...]]:
        """The table of every node with the alternatives that an intervention chooses in place of their own."""
        chosen = chosen_tables(intervention)
        if not chosen:
            return self._tables
        for node, name in chosen.items():
            if name not in self._alternatives.get(node, {}):
                lack = f"lack the table of the alternative {name!r} of {node!r}"
                raise InvalidArgument("alternatives", f"{lack}; give it as {{{node!r}: {{{name!r}: table}}}}.")
        return self._tables | {node: self._alternatives[node][name] for node, name in chosen.items()}

    def effects(self, interventions: InterventionSet, *, memory: int = MEMORY) -> Floats:
        """μ(a) = P(target = 1 | do(a)) for each intervention, shape [A], exact.

        One upward pass over the clique tree for the whole set: Σ_bags 2^|bag| work per distinct restriction of the set
        to a bag's subtree, in chunks that stay under ``memory`` bytes (see :mod:`causalbandit.propagation`).
        """
        return propagate(interventions, self.cpt_for(interventions), memory=memory).effects

    def reach(self, interventions: InterventionSet, *, memory: int = MEMORY) -> Floats:
        """β_c(a) = P(parents of row c show its configuration | do(a)), 0 where a fixes the row's node; shape [C, A]."""
        result = propagate(interventions, self.cpt_for(interventions), reach=True, memory=memory).reach
        assert result is not None
        return result

    def compressed_reach(self, interventions: InterventionSet, *, memory: int = MEMORY) -> CompressedReach:
        """`reach` for large sets, in a fraction of the memory of its array; `optimal_mixture` takes it as it is."""
        return CompressedReach(interventions, self.cpt_for(interventions), memory)

    def gradient(self, interventions: InterventionSet, *, memory: int = MEMORY) -> Floats:
        """g_c(a) = ∂μ(a)/∂cpt_c, 0 where a fixes the row's node; shape [C, A]. Never divides, so 0 and 1 are fine."""
        result = propagate(interventions, self.cpt_for(interventions), gradient=True, memory=memory).gradient
        assert result is not None
        return result

    def sample(self, intervention: Mapping[str, Any], size: int, rng: RNG = None) -> pd.DataFrame:
        """``size`` simulated experiments under ``intervention``: a frame of 0/1 with one column per observed node."""
        InterventionSet(self._graph, [intervention])
        return sample_rows(self._graph, self.tables_under(intervention), fixed_values(intervention), size, rng)

    def sample_counts(self, intervention: Mapping[str, Any], size: int, rng: RNG = None) -> Counts:
        """:class:`Counts` of ``size`` simulated experiments under ``intervention``, at a cost independent of ``size``.

        ``trials`` and ``successes`` have shape [1]. For many interventions at once, and for repeated draws, see
        :meth:`simulator`.
        """
        return self.simulator(InterventionSet(self._graph, [intervention])).draw([size], rng)

    def simulator(self, interventions: InterventionSet, *, memory: int = MEMORY) -> Simulator:
        """A :class:`causalbandit.sampling.Simulator`: repeated draws of experiments under a whole set at once."""
        return Simulator(interventions, self.cpt_for(interventions), memory=memory)

    def __getstate__(self) -> dict[str, Any]:
        return {**{name: value for name, value in self.__dict__.items() if name != "cpt"}, "_by_district": {}}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CausalModel):
            return NotImplemented
        mine, theirs = ((each._tables, each._alternatives) for each in (self, other))
        return self._graph == other._graph and mine == theirs

    def __hash__(self) -> int:
        return hash((self._graph, tuple(self._tables.values())))

    def __repr__(self) -> str:
        return f"CausalModel({self._graph!r}, {self._graph.n_family_rows} family rows)"


def checked_alternatives(graph: CausalGraph, given: Any) -> dict[str, dict[str, tuple[float, ...]]]:
    """Tables of alternatives, {node: {name: table}}, or an error that names what is unknown or wrong."""
    instance(given, "alternatives", Mapping, "a mapping {node: {name: table}}")
    found: dict[str, dict[str, tuple[float, ...]]] = {}
    for node, tables in given.items():
        names = graph.alternatives.get(graph.require(node, "node with alternatives:"), ())
        instance(tables, "alternatives", Mapping, f"a mapping from name to table for {node!r}")
        for name, table in tables.items():
            if name not in names:
                declared = f"declares {listing(names)}" if names else "declares none"
                said = f"hold {name!r} of {node!r}, but CausalGraph(..., alternatives=) {declared}"
                raise InvalidArgument("alternatives", f"{said}.{did_you_mean(name, names)}")
            found.setdefault(node, {})[name] = checked_table(graph, node, table, f"alternative {name!r} of {node!r}")
    return found


def checked_table(graph: CausalGraph, node: str, table: Any, title: str | None = None) -> tuple[float, ...]:
    """``table`` as a tuple of floats, or a ValueError that names the node, the configuration and the usual fix."""
    parents, title = graph.parents(node), repr(node) if title is None else title
    try:
        values = np.atleast_1d(np.asarray(table, dtype=np.float64))
    except (TypeError, ValueError):
        raise BadValue(f"The table of {title} was {table!r}; expected a flat list of probabilities.") from None
    expected = 1 << len(parents)
    if values.shape != (expected,):
        noun = "entry" if len(values) == 1 else "entries"
        given = f"the shape {values.shape}" if values.ndim > 1 else f"{len(values)} {noun}"
        rows = f"one per configuration of its parents {list(parents)!r}, the first parent most significant"
        raise BadValue(f"The table of {title} has {given}; expected {expected} probabilities of 1, {rows}.")
    wrong = np.flatnonzero(~((values >= 0) & (values <= 1)))
    if len(wrong):
        row = int(wrong[0])
        where = f" for {configuration_words(parents, row)}" if parents else ""
        given = f"{float(values[row])!r} at position {row}{where}"
        raise BadValue(f"The table of {title} has {given}; expected a probability in [0, 1].")
    return tuple(values.tolist())
