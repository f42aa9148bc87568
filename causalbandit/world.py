"""A world that differs from the graph: experiments of one problem, drawn from the tables of another.

Who searches sees the problem's graph; what happens follows the world's. So one can see what a wrong graph costs.

>>> from causalbandit.wrong_graphs import confounded_mediator
>>> wrong = confounded_mediator(strength=1.0)
>>> world = World(wrong.problem, wrong.world)
>>> world.effects.round(3).tolist()[:3]  # of observing, m=0 and m=1
[0.39, 0.44, 0.34]
>>> rows = world.draw([100, 0, 0, 0, 0, 0, 0, 0, 50], rng=0)
>>> rows.total, rows.nodes
(150, ('x', 'z', 'm', 'y'))
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from causalbandit.alternatives import fixed_values
from causalbandit.arrays import Floats, Integers
from causalbandit.checks import instance
from causalbandit.errors import InvalidArgument, listing
from causalbandit.interventions import InterventionSet
from causalbandit.known_tables import refuse_unlike_world
from causalbandit.observed_rows import ObservedRows
from causalbandit.problem import Problem
from causalbandit.propagation import MEMORY
from causalbandit.randomness import RNG, generator

LARGEST_JOINT = 1 << 12
"""Joint tables of at most so many states are drawn from at once, at a cost that does not depend on the experiments."""


class World:
    """The experiments of ``problem`` when the graph and the tables of ``world`` are the true ones.

    Parameters
    ----------
    problem : Problem
        What who searches believes: graph and interventions.
    world : Problem
        The truth, with tables. Its observed nodes and its target are those of ``problem``; what else there is must be
        hidden. Its interventions do not matter.

    Attributes
    ----------
    interventions : InterventionSet
        The problem's A interventions on the world's graph.

    Raises
    ------
    ValueError
        For nodes or targets that differ, a world without tables, and known tables of the problem that its tables
        contradict.
    """

    def __init__(self, problem: Problem, world: Problem, *, memory: int = MEMORY) -> None:
        instance(world, "world", Problem, "a Problem with tables, from load_problem or Problem(...)")
        mine, theirs = problem.graph, world.graph
        missing = [node for node in mine.nodes if node not in theirs.nodes]
        unknown = [node for node in theirs.nodes if node not in mine.nodes]
        if missing or unknown:
            lack = f"it lacks {listing(missing) or 'none'}, and the problem lacks {listing(unknown) or 'none'}"
            fix = "Declare nodes that nobody sees as hidden in the world"
            raise InvalidArgument("world", f"has other observed nodes than the problem: {lack}. {fix}.")
        if mine.target != theirs.target:
            given = f"has the target {theirs.target!r}, the problem {mine.target!r}"
            raise InvalidArgument("world", f"{given}; expected the same.")
        self.problem = problem
        self.model = world.require_model("A world to draw experiments from")
        refuse_unlike_world(mine, problem.known_tables, theirs, self.model.table)
        self.interventions = InterventionSet(theirs, list(problem.interventions), costs=problem.interventions.costs)
        self._memory = memory
        self._joints: dict[int, Floats] = {}

    @cached_property
    def effects(self) -> Floats:
        """P(target = 1 | do(a)) in the world, [A]."""
        return np.clip(self.model.effects(self.interventions, memory=self._memory), 0, 1)

    def draw(self, sizes: Sequence[int] | Integers, rng: RNG = None) -> ObservedRows:
        """Rows of ``sizes[a]`` independent experiments under each intervention, as one batch."""
        random = generator(rng)
        nodes, numbers = self.problem.graph.nodes, np.asarray(sizes, dtype=np.int64)
        used = np.flatnonzero(numbers)
        if 1 << len(self.model.graph.all_nodes) <= LARGEST_JOINT:
            joints = np.stack([self._joint(int(place)) for place in used]) if len(used) else np.ones((0, 1))
            weight = random.multinomial(numbers[used], joints)
            at, state = np.nonzero(weight)
            values = state[:, None] >> np.arange(len(nodes) - 1, -1, -1) & 1
            return ObservedRows.from_values(nodes, values, place=used[at], weight=weight[at, state])
        parts = [ObservedRows.from_values(nodes, np.zeros((0, len(nodes))))]
        for place in used.tolist():
            frame = self.model.sample(self.interventions[place], int(numbers[place]), random)
            parts.append(ObservedRows.from_values(nodes, frame[list(nodes)].to_numpy(), place=place))
        return ObservedRows.concatenate(parts)

    def _joint(self, place: int) -> Floats:
        """P(observed nodes | do(a)), [2^N]; the problem's first node is the most significant bit."""
        if place not in self._joints:
            graph, tables = self.model.graph, self.model.tables_under(self.interventions[place])
            fixed = fixed_values(self.interventions[place])
            order = [*self.problem.graph.nodes, *graph.hidden]
            states = np.arange(1 << len(order))
            value = {node: states >> (len(order) - 1 - at) & 1 for at, node in enumerate(order)}
            joint = np.ones(len(states))
            for node in order:
                if node in fixed:
                    joint *= value[node] == fixed[node]
                    continue
                row = np.zeros(len(states), dtype=np.int64)
                for parent in graph.parents(node):
                    row = 2 * row + value[parent]
                one = np.asarray(tables[node])[row]
                joint *= np.where(value[node] == 1, one, 1 - one)
            seen = joint.reshape(-1, 1 << len(graph.hidden)).sum(axis=1)
            self._joints[place] = seen / seen.sum()
        return self._joints[place]
