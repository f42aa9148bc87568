"""The oracle: effects, reach, gradient and laws by brute-force enumeration over all 2^N states, hidden or not."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
from scipy import stats

from causalbandit import CausalGraph, CausalModel, InterventionSet


def states(nodes):
    """Every assignment of 0 and 1 to ``nodes``."""
    for values in itertools.product((0, 1), repeat=len(nodes)):
        yield dict(zip(nodes, values, strict=True))


def row_of(graph, node, state):
    """Row of the node's table that ``state`` selects, first parent most significant."""
    row = 0
    for parent in graph.parents(node):
        row = 2 * row + state[parent]
    return row


def probability(model, intervention, state, nodes):
    """P(state | do(intervention)) as the plain product over ``nodes``."""
    product = 1.0
    for node in nodes:
        if node in intervention:
            product *= float(state[node] == intervention[node])
        else:
            p = model.table(node)[row_of(model.graph, node, state)]
            product *= p if state[node] else 1 - p
    return product


def enumerate_all(model: CausalModel, interventions: InterventionSet):
    """Effects [A], reach [C, A] and gradient [C, A] from their definitions, over the target's ancestors."""
    graph = model.graph
    effects = np.zeros(len(interventions))
    reach = np.zeros((graph.n_family_rows, len(interventions)))
    gradient = np.zeros((graph.n_family_rows, len(interventions)))
    nodes = graph.ancestors
    for a, intervention in enumerate(interventions):
        for state in states(nodes):
            p = probability(model, intervention, state, nodes)
            effects[a] += p * state[graph.target]
            for family in graph.families:
                if family.node in intervention:
                    continue
                row = family.start + row_of(graph, family.node, state)
                reach[row, a] += p
                if state[graph.target]:
                    others = probability(model, intervention, state, [n for n in nodes if n != family.node])
                    gradient[row, a] += others if state[family.node] else -others
    return effects, reach, gradient


def random_problem(rng, n_nodes, most_parents=3, extreme=0.2, n_interventions=8):
    """A random model, whose tables hold 0 and 1 with probability ``extreme``, and random interventions on it.

    In about a third of the problems every intervention fixes one common node.
    """
    names = [f"x{i}" for i in range(n_nodes)]
    dag = nx.DiGraph()
    dag.add_nodes_from(names)
    for i in range(1, n_nodes):
        k = int(rng.integers(0, min(i, most_parents) + 1))
        dag.add_edges_from((names[j], names[i]) for j in rng.choice(i, size=k, replace=False))
    graph = CausalGraph(dag, target=names[-1] if rng.random() < 0.8 else names[int(rng.integers(n_nodes))])
    tables = {}
    for node in graph.nodes:
        table = rng.random(2 ** len(graph.parents(node)))
        hard = rng.random(len(table)) < extreme
        table[hard] = rng.integers(0, 2, hard.sum())
        tables[node] = table
    always = str(rng.choice(names)) if rng.random() < 1 / 3 else None
    chosen: dict[tuple[tuple[str, int], ...], dict[str, int]] = {}
    while len(chosen) < min(n_interventions, 2 ** (n_nodes - 1)):
        nodes = [node for node in graph.nodes if node != graph.target and (node == always or rng.random() < 0.3)]
        intervention = {node: int(rng.integers(2)) for node in nodes}
        chosen[tuple(sorted(intervention.items()))] = intervention
    return CausalModel(graph, tables), InterventionSet(graph, chosen.values())


# --- Hidden nodes ---------------------------------------------------------------------------------------------------


def all_states(nodes):
    """Every assignment at once, [2^N, N], the first node being the most significant bit."""
    return (np.arange(1 << len(nodes))[:, None] >> np.arange(len(nodes) - 1, -1, -1)) & 1


def chi_square(observed, expected):
    """How often chance alone brings counts as far from the ``expected`` ones; 1 where there is nothing to compare.

    Cells that cannot be must be empty, and cells with at most one expected count are no chi-square.
    """
    assert observed[expected == 0].sum() == 0
    cells = expected > 1
    statistic = ((observed - expected)[cells] ** 2 / expected[cells]).sum()
    return stats.chi2.sf(statistic, cells.sum() - 1) if cells.sum() > 1 else 1.0


def full_law(model, intervention):
    """P(state | do(intervention)) of every state of all nodes, hidden ones included, as `all_states` lists them."""
    nodes = model.graph.all_nodes
    values = dict(zip(nodes, all_states(nodes).T, strict=True))
    law = np.ones(1 << len(nodes))
    for node in nodes:
        if node in intervention:
            law *= values[node] == intervention[node]
        else:
            p = np.asarray(model.table(node))[configurations(values, model.graph.parents(node))]
            law *= np.where(values[node] == 1, p, 1 - p)
    return law


def configurations(values, parents):
    """The row that each state selects, first parent most significant."""
    row = np.zeros(len(next(iter(values.values()))), dtype=int)
    for parent in parents:
        row = 2 * row + values[parent]
    return row


def shares_a_hidden_cause(graph, first, second):
    """Whether a hidden node has paths through hidden nodes only to both, by looking for the paths."""
    dag = graph.to_networkx()

    def sources(node):
        unseen = dag.subgraph([*graph.hidden, node])
        return nx.ancestors(unseen, node)

    declared = {frozenset(pair) for pair in graph.confounded}
    return bool(sources(first) & sources(second)) or frozenset((first, second)) in declared


def seen_parents(graph, node):
    """Observed nodes with a path to ``node`` through hidden nodes only."""
    dag = graph.to_networkx()
    return {
        other
        for other in graph.nodes
        if other != node and node in nx.descendants(dag.subgraph([*graph.hidden, other, node]), other)
    }


def district_and_scope(graph, node, fixed):
    """S and T of ``node`` when ``fixed`` is fixed, from their definitions."""
    order = list(graph.ancestors)
    free = [other for other in order[: order.index(node) + 1] if other not in fixed]
    ties = nx.Graph()
    ties.add_nodes_from(free)
    ties.add_edges_from((a, b) for a in free for b in free if a < b and shares_a_hidden_cause(graph, a, b))
    district = nx.node_connected_component(ties, node)
    scope = district.union(*(seen_parents(graph, member) for member in district)) - {node}
    return district, scope


def enumerate_hidden(model, interventions):
    """Effects [A], reach, gradient and tables [C, A] by enumeration over all nodes, rows as the set's families.

    Which rows an intervention uses follows from the definitions of district and scope. Tables are NaN where a row has
    probability 0; gradients are right where tables lie strictly between 0 and 1.
    """
    graph = model.graph
    values = dict(zip(graph.all_nodes, all_states(graph.all_nodes).T, strict=True))
    target = values[graph.target]
    shape = (interventions.n_family_rows, len(interventions))
    effects, reach, gradient, tables = np.zeros(shape[1]), np.zeros(shape), np.zeros(shape), np.full(shape, np.nan)
    for a, intervention in enumerate(interventions):
        law = full_law(model, intervention)
        effects[a] = law @ target
        for node in graph.ancestors:
            if node in intervention:
                continue
            district, scope = district_and_scope(graph, node, intervention)
            (family,) = (f for f in interventions.families if f.node == node and set(f.district) == district)
            assert set(family.parents) == scope
            row = configurations(values, family.parents)
            visits = np.bincount(row, law, family.n_rows)
            ones = np.bincount(row, law * values[node], family.n_rows)
            with np.errstate(invalid="ignore", divide="ignore"):
                table = ones / visits
                derivative = np.where(values[node] == 1, 1 / table[row], -1 / (1 - table[row]))
                change = np.where(law > 0, law * target * derivative, 0)
            reach[family.rows, a], tables[family.rows, a] = visits, table
            gradient[family.rows, a] = np.bincount(row, change, family.n_rows)
    return effects, reach, gradient, tables


def random_hidden_problem(rng, n_nodes, n_hidden, most_parents=3, extreme=0.0, n_interventions=12):
    """A random model in which up to ``n_hidden`` nodes are hidden, and random interventions on up to 3 observed ones.

    Hidden nodes may be roots or not, and form chains; tables hold 0 and 1 with probability ``extreme``. The target is
    mostly the last node.
    """
    model, _ = random_problem(rng, n_nodes, most_parents, extreme, n_interventions=1)
    dag, target = model.graph.to_networkx(), model.graph.target
    others = [node for node in model.graph.nodes if node != target]
    causes = rng.permutation(others).tolist()
    if rng.random() < 0.8:  # of many children: hidden nodes with one child change little
        causes.sort(key=dag.out_degree, reverse=True)
    hidden = causes[:n_hidden]
    parents = {node: model.graph.parents(node) for node in dag}
    graph = CausalGraph(dag, target, parents=parents, hidden=hidden)
    fixable = [node for node in graph.nodes if node != target]
    chosen: dict[tuple[tuple[str, int], ...], dict[str, int]] = {(): {}} if rng.random() < 0.7 else {}
    for _ in range(n_interventions):
        size = int(rng.integers(1, 4))
        intervention = {node: int(rng.integers(2)) for node in rng.permutation(fixable)[:size].tolist()}
        chosen[tuple(sorted(intervention.items()))] = intervention
    return CausalModel(graph, {node: model.table(node) for node in dag}), InterventionSet(graph, chosen.values())
