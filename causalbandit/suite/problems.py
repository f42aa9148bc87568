"""The suite: problems in named families on which search strategies are compared, fixed by code and by seeds.

>>> from causalbandit.suite.problems import FAMILIES, suite_problems
>>> list(FAMILIES)[:3]
['small networks', 'large networks', 'deep']
>>> [one.name for one in suite_problems(["no graph"])]
['8 arms, even steps', '32 arms, one good', '64 arms, beta']

No strategy's settings were chosen on these problems. Every drawn number comes from `PROBLEM_SEED` and the problem's
name, so that a problem stays what it is when others are added.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

from causalbandit.checks import listed, one_of
from causalbandit.errors import InvalidArgument
from causalbandit.formats.graph_json import load_problem
from causalbandit.graph import CausalGraph
from causalbandit.interventions import InterventionSet
from causalbandit.model import CausalModel
from causalbandit.problem import Problem
from causalbandit.random_problems import actionable_nodes, bernoulli_arms, random_problem
from causalbandit.suite.structures import chain, fan, funnel, layers, lock, one_among, parity
from causalbandit.wrong_graphs import WrongGraph, confounded_mediator, wrong_graph

PROBLEM_SEED = 410_867
"""Seed of all random tables and graphs of the suite."""

STEPS = (1, 3, 9, 27)
"""Budgets in units of a problem's family rows C. A table needs some experiments per row: Yabe et al. (2018) ask for 3C,
so the budgets are a third of that, that, three and nine times that."""

FINGERPRINT_DIGITS = 9
"""Decimals of a probability that a fingerprint tells: the last ones differ between machines."""


@dataclass(frozen=True)
class SuiteProblem:
    """One problem of the suite.

    Attributes
    ----------
    family, name : str
        Which family it belongs to, and what it is called; names are distinct.
    problem : Problem
        What a strategy is told.
    world : Problem, optional
        The truth, when the problem's graph is wrong; otherwise the problem has the true tables itself.
    """

    family: str
    name: str
    problem: Problem = field(repr=False)
    world: Problem | None = field(default=None, repr=False)

    @property
    def budgets(self) -> tuple[int, ...]:
        """Numbers of experiments, ascending: `STEPS` times the number C of family rows to learn."""
        rows = self.problem.interventions.n_family_rows
        return tuple(step * rows for step in STEPS)

    @property
    def fingerprint(self) -> str:
        """A text that changes with the graph, the tables, the interventions, the goal, the world or the budgets."""
        told, truth = self.problem, self.world or self.problem
        tables = {node: np.round(truth.tables[node], FINGERPRINT_DIGITS).tolist() for node in truth.graph.all_nodes}
        parts = [
            *(self.family, self.name, self.budgets, told.goal, told.graph.target),
            [(node, told.graph.parents(node)) for node in told.graph.all_nodes],
            [(node, truth.graph.parents(node), tables[node]) for node in truth.graph.all_nodes],
            list(told.interventions),
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


Made = Problem | WrongGraph
Maker = Callable[[np.random.Generator], Made]


def _random(n_nodes: int, **parameters: object) -> Maker:
    return lambda random: random_problem(n_nodes, rng=random, **parameters)  # type: ignore[arg-type]  # checked there


def _lowered(make: Maker) -> Maker:
    """The same problem, whose target is to be prevented."""

    def lowered(random: np.random.Generator) -> Problem:
        made = make(random)
        assert isinstance(made, Problem)
        return replace(made, goal="min")

    return lowered


def _wrong(n_nodes: int, mistake: str, strength: float, *, declared: bool = False, **parameters: object) -> Maker:
    """A random problem whose graph has a mistake; ``declared``: the true graph of it, hidden causes and all."""

    def wrong(random: np.random.Generator) -> Made:
        made = wrong_graph(random_problem(n_nodes, rng=random, **parameters), mistake, strength, random)  # type: ignore[arg-type]
        return made.world if declared else made

    return wrong


def _fixed(make: Callable[[], Made]) -> Maker:
    """A problem without chance in it."""
    return lambda random: make()


def _network(network: str, target: str, up_to: int, which: str = "non-parents") -> Maker:
    """A shipped network with another target, and all interventions on up to ``up_to`` of its ancestors of a kind."""

    def on_network(random: np.random.Generator) -> Problem:
        shipped = load_problem(network)
        dag = shipped.graph.to_networkx()
        graph = CausalGraph(dag, target, parents={node: shipped.graph.parents(node) for node in dag})
        model = CausalModel(graph, {node: shipped.tables[node] for node in graph.nodes})
        interventions = InterventionSet.up_to(graph, up_to, actionable_nodes(graph, which))
        return Problem(graph, interventions, model, source=shipped.source)

    return on_network


FAMILIES: dict[str, dict[str, Maker]] = {
    "small networks": {
        "asia xray": _network("asia", "xray", 2),
        "asia dysp": _network("asia", "dysp", 2),
        "cancer Xray": _network("cancer", "Xray", 2),
        "cancer Dyspnoea": _network("cancer", "Dyspnoea", 2),
        "earthquake JohnCalls": _network("earthquake", "JohnCalls", 2),
        "earthquake MaryCalls": _network("earthquake", "MaryCalls", 1),
    },
    "large networks": {
        "win95pts Problem2": _network("win95pts", "Problem2", 2),
        "win95pts Problem4": _network("win95pts", "Problem4", 2),
        "win95pts PrtFile": _network("win95pts", "PrtFile", 2, "roots"),
        "andes SNode_31": _network("andes", "SNode_31", 1),
        "andes SNode_71": _network("andes", "SNode_71", 1, "roots"),
    },
    "deep": {
        "chain of 16": lambda random: chain(16, random),
        "10 layers of 2": lambda random: layers(10, 2, random, up_to=2),
        "8 layers of 3": lambda random: layers(8, 3, random),
    },
    "wide": {
        "24 roots in 6 groups": lambda random: fan(6, 4, "uniform", random),
        "30 roots in 5 groups": lambda random: fan(5, 6, "uniform", random),
        "24 roots, noisy-or": lambda random: fan(8, 3, "noisy-or", random),
    },
    "noisy-or": {
        "noisy-or, 12 nodes": _random(12, in_degree=2, shape="noisy-or"),
        "noisy-or, 16 nodes": _random(16, in_degree=3, shape="noisy-or"),
        "noisy-or, pairs": _random(14, in_degree=3, shape="noisy-or", up_to=2, n_interventions=80),
    },
    "parity": {
        "parity of 2": _fixed(lambda: parity(2, 0.2, 0.8)),
        "parity of 3": _fixed(lambda: parity(3, 0.2, 0.8)),
        "parity of 4": _fixed(lambda: parity(4, 0.3, 0.7)),
    },
    "needles": {
        "lock of 2 × 3": lambda random: lock(2, 3, random),
        "lock of 3 × 2": lambda random: lock(3, 2, random),
        "one root of 24": lambda random: one_among(24, random),
    },
    "in-degree 5": {
        "in-degree 5, 10 nodes": _random(10, in_degree=5),
        "in-degree 5, 14 nodes": _random(14, in_degree=5),
        "in-degree 5, beta": _random(12, in_degree=5, shape="beta"),
    },
    "no graph": {
        "8 arms, even steps": _fixed(lambda: bernoulli_arms(np.linspace(0.3, 0.6, 8).tolist())),
        "32 arms, one good": _fixed(lambda: bernoulli_arms([0.4] * 13 + [0.6] + [0.4] * 18)),
        "64 arms, beta": lambda random: bernoulli_arms(random.beta(2, 5, 64).tolist()),
    },
    "rare events": {
        "rare causes": _random(14, in_degree=3, rare=0.8, rare_probability=0.01),
        "rare causes, noisy-or": _random(16, in_degree=3, shape="noisy-or", rare=0.8, rare_probability=0.01),
        "funnel of 4 steps": lambda random: funnel(4, 3, random),
    },
    "goal min": {
        "min, uniform": _lowered(_random(12, in_degree=2, up_to=2, n_interventions=80)),
        "min, beta": _lowered(_random(14, in_degree=3, shape="beta")),
        "min, noisy-or": _lowered(_random(14, in_degree=3, shape="noisy-or")),
    },
    "wrong graph": {
        "edge left out": _wrong(10, "edge left out", 0.4),
        "edge turned": _wrong(10, "edge turned", 0.4),
        "edge too many": _wrong(10, "extra edge", 0.0),
    },
    "hidden declared": {
        "hidden cause, 9 nodes": _wrong(9, "hidden cause", 0.5, declared=True),
        "hidden cause, 12 nodes": _wrong(12, "hidden cause", 0.5, declared=True, up_to=2, n_interventions=60),
        "hidden cause, any node": _wrong(10, "hidden cause", 0.5, declared=True, actionable="all"),
    },
    "hidden undeclared": {
        "mediator, strength 1": _fixed(lambda: confounded_mediator(1.0)),
        "mediator, strength 0.5": _fixed(lambda: confounded_mediator(0.5)),
        "undeclared cause, 9 nodes": _wrong(9, "hidden cause", 0.5, actionable="all"),
    },
}
"""Family → name → how the problem is made.

A hidden cause that is declared stands in the graph as a hidden node; one that is not exists in the world alone."""


def suite_problems(families: Sequence[str] | None = None) -> tuple[SuiteProblem, ...]:
    """The problems of ``families`` (all when None), in the order of the suite.

    Raises
    ------
    ValueError
        For an unknown family, with the known ones, and for none.
    """
    chosen = list(FAMILIES) if families is None else listed(families, "families", "a list of names of families")
    if not chosen:
        raise InvalidArgument("families", f"were none; expected some of {', '.join(FAMILIES)}.")
    for family in chosen:
        one_of(family, "families", FAMILIES, "families", verb="names")
    return tuple(problem for family in FAMILIES if family in chosen for problem in _made(family))


@cache
def _made(family: str) -> tuple[SuiteProblem, ...]:
    problems = []
    for name, make in FAMILIES[family].items():
        made = make(np.random.default_rng([PROBLEM_SEED, zlib.crc32(name.encode())]))
        told, world = (made.problem, made.world) if isinstance(made, WrongGraph) else (made, None)
        problems.append(SuiteProblem(family, name, replace(told, name=name), world))
    return tuple(problems)
