"""Possibly optimal sets: another program's answers, two brute forces, and what dominates what in random models."""

import itertools
import json
import time
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from cases import together
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causalbandit.possibly_optimal import Structure, possibly_optimal_sets, redundant

FAST = settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def random_structure(rng, n_nodes, edge=0.5, hidden=0.3):
    """Nodes, parents, confounded pairs and the target, which is the last node or, seldom, another one."""
    nodes = [f"v{place}" for place in range(n_nodes)]
    parents = {node: [other for other in nodes[:place] if rng.random() < edge] for place, node in enumerate(nodes)}
    confounded = [pair for pair in itertools.combinations(nodes, 2) if rng.random() < hidden]
    return nodes, parents, confounded, nodes[-1 if rng.random() < 0.8 else int(rng.integers(n_nodes))]


@st.composite
def structures(draw, most_nodes):
    n_nodes = draw(st.integers(1, most_nodes))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return random_structure(rng, n_nodes, edge=draw(st.sampled_from([0.3, 0.5, 0.8])))


def subsets(items):
    return itertools.chain.from_iterable(itertools.combinations(items, size) for size in range(len(items) + 1))


# Brute force from the definitions, by networkx and lists


def cut(nodes, parents, confounded, fixed):
    """Edges and confounded pairs without those into ``fixed``."""
    dag = nx.DiGraph([(parent, node) for node in nodes if node not in fixed for parent in parents[node]])
    dag.add_nodes_from(nodes)
    return dag, [pair for pair in confounded if not set(pair) & set(fixed)]


def smallest_territory(nodes, parents, confounded, target, fixed):
    """The intersection of all sets of causes with the target that are closed under descendants and districts."""
    dag, pairs = cut(nodes, parents, confounded, fixed)
    room = nx.ancestors(dag, target) | {target}
    below = {node: (nx.descendants(dag, node) & room) | {node} for node in room}
    closed = []
    for chosen in subsets(sorted(room - {target})):
        inside = {target, *chosen}
        if all(below[node] <= inside for node in inside) and not any(
            len(set(pair) & inside) == 1 and set(pair) <= room for pair in pairs
        ):
            closed.append(inside)
    return set.intersection(*closed)


def brute_force(nodes, parents, confounded, target):
    """Borders of the smallest territories of all graphs that are cut at some nodes."""
    found = set()
    for fixed in subsets([node for node in nodes if node != target]):
        inside = smallest_territory(nodes, parents, confounded, target, fixed)
        dag, _ = cut(nodes, parents, confounded, fixed)
        found.add(frozenset(parent for node in inside for parent in dag.predecessors(node)) - inside)
    return found


def paths_through(parents, left_out, start):
    """Nodes from which a directed path leads to ``start`` with all its nodes but ``start`` in ``left_out``."""
    above = set()
    for parent in parents[start]:
        if parent in left_out:
            above |= {parent} | paths_through(parents, left_out, parent)
    return above


def projected(nodes, parents, confounded, left_out):
    """The latent projection, pair by pair."""
    kept = [node for node in nodes if node not in left_out]
    above = {node: paths_through(parents, left_out, node) for node in kept}
    new = {
        node: [other for other in kept if any(other in parents[way] for way in (node, *above[node]))] for node in kept
    }
    pairs = [
        (first, second)
        for first, second in itertools.combinations(kept, 2)
        if above[first] & above[second]
        or any(
            (one in (first, *above[first]) and two in (second, *above[second]))
            or (two in (first, *above[first]) and one in (second, *above[second]))
            for one, two in confounded
        )
    ]
    return kept, new, pairs


# Models with a fair coin for every confounded pair


class Coins:
    """Models of a structure: every confounded pair shares a fair coin, tables [2, …, 2] hold P(node = 1 | …)."""

    def __init__(self, nodes, parents, confounded, target):
        self.nodes, self.target = nodes, target
        self.coins = [f"u{place}" for place in range(len(confounded))]
        self.above = {
            node: [*parents[node], *(coin for coin, pair in zip(self.coins, confounded, strict=True) if node in pair)]
            for node in nodes
        }

    def tables(self, rng, kinds=(0, 0.5, 1)):
        return {node: rng.choice(kinds, size=(2,) * len(self.above[node])) for node in self.nodes}

    def effect(self, tables, fixed):
        """P(target = 1 | do(fixed)) by enumeration of all states."""
        seen = list(self.coins)
        law = np.full((2,) * len(seen), 0.5 ** len(seen))
        for node in self.nodes:
            one = np.full((1,) * len(seen), float(fixed[node])) if node in fixed else self.spread(tables, node, seen)
            law = law[..., None] * np.stack([1 - one, one], axis=-1)
            seen.append(node)
        others = tuple(axis for axis, node in enumerate(seen) if node != self.target)
        return float(law.sum(axis=others)[1])

    def spread(self, tables, node, seen):
        """The table with one axis per node seen so far."""
        places = [seen.index(above) for above in self.above[node]]
        table = np.transpose(tables[node], np.argsort(places))
        return table.reshape([2 if place in places else 1 for place in range(len(seen))])


def assignments(sets):
    return [
        dict(zip(chosen, values, strict=True))
        for chosen in sets
        for values in itertools.product((0, 1), repeat=len(chosen))
    ]


def witness(structure, coins, chosen, fixable, rng, starts=30):
    """Whether hill climbing finds a model in which fixing ``chosen`` is strictly better than all other minimal sets."""
    arms = assignments(subsets(fixable))
    arms = [arm for arm in arms if structure.names(structure.minimal(structure.bits(arm))) == tuple(sorted(arm))]
    own = np.array([set(arm) == set(chosen) for arm in arms])

    def margin(tables):
        effects = np.array([coins.effect(tables, arm) for arm in arms])
        return effects[own].max() - effects[~own].max(initial=0)

    for _ in range(starts):
        tables = coins.tables(rng)
        height = margin(tables)
        for _ in range(300):
            if height > 1e-9:
                return True
            node = str(rng.choice(coins.nodes))
            before = tables[node]
            change = rng.random(before.shape) < 1.5 / before.size
            tables[node] = np.where(change, rng.choice([0, 0.5, 1], size=before.shape), before)
            new = margin(tables)
            if new < height:
                tables[node] = before
            height = max(height, new)
    return False


REFERENCE = json.loads((Path(__file__).parent / "data" / "pomis_npsem_0_2_0.json").read_text(encoding="utf-8"))


def test_sets_are_those_of_npsem_on_two_hundred_graphs():
    assert len(REFERENCE["graphs"]) == 200
    for n_nodes, target, edges, confounded, expected in REFERENCE["graphs"]:
        names = [f"v{place}" for place in range(n_nodes)]
        parents = {names[node]: [names[tail] for tail, head in edges if head == node] for node in range(n_nodes)}
        pairs = [(names[first], names[second]) for first, second in confounded]
        found = possibly_optimal_sets(Structure(names, parents, pairs, names[target]))
        assert len(found) == len(set(found))
        assert {frozenset(chosen) for chosen in found} == {
            frozenset(names[node] for node in chosen) for chosen in expected
        }


@FAST
@given(structures(6))
def test_sets_are_the_borders_of_all_cut_graphs(parts):
    found = possibly_optimal_sets(Structure(*parts))
    assert {frozenset(chosen) for chosen in found} == brute_force(*parts)
    assert found == sorted(found, key=lambda chosen: (len(chosen), chosen))


@FAST
@given(structures(7), st.integers(0, 127))
def test_sets_of_fixable_nodes_are_those_of_the_projection(parts, mask):
    nodes, parents, confounded, target = parts
    left_out = [node for place, node in enumerate(nodes) if mask >> place & 1 and node != target]
    kept, new, pairs = projected(nodes, parents, confounded, left_out)
    structure = Structure(*parts).without(Structure(*parts).bits(left_out))
    assert structure.nodes == tuple(kept)
    assert [structure.names(bits) for bits in structure.above] == [tuple(new[node]) for node in kept]
    assert {
        frozenset((node, other))
        for node, bits in zip(kept, structure.beside, strict=True)
        for other in structure.names(bits)
    } == {frozenset(pair) for pair in pairs}
    found = possibly_optimal_sets(Structure(*parts), [node for node in kept if node != target])
    assert {frozenset(chosen) for chosen in found} == brute_force(kept, new, pairs, target)


@FAST
@given(structures(5), st.integers(0, 31), st.integers(0, 2**32))
def test_no_other_set_is_ever_better(parts, mask, seed):
    nodes, _, _, target = parts
    fixable = [node for place, node in enumerate(nodes) if mask >> place & 1 and node != target]
    coins, rng = Coins(*parts), np.random.default_rng(seed)
    for _ in range(3):
        tables = coins.tables(rng, (0, 0.2, 0.5, 0.7, 1))
        best = max(coins.effect(tables, arm) for arm in assignments(subsets(fixable)))
        kept = assignments(possibly_optimal_sets(Structure(*parts), fixable))
        assert max(coins.effect(tables, arm) for arm in kept) == pytest.approx(best, abs=1e-12)


@together("seed", range(8))
def test_every_set_is_strictly_best_in_some_model(seed):
    rng = np.random.default_rng(seed)
    parts = random_structure(rng, int(rng.integers(2, 5)))
    nodes, *_, target = parts
    structure = Structure(*parts)
    fixable = [node for node in nodes if node != target and rng.random() < 0.8]
    for chosen in possibly_optimal_sets(structure, fixable):
        assert witness(structure, Coins(*parts), chosen, fixable, rng), (parts, chosen)


def test_hill_climbing_finds_no_model_for_a_set_that_is_never_best():
    parts = ["x", "m", "y"], {"x": [], "m": ["x"], "y": ["m"]}, [("x", "y")], "y"
    rng = np.random.default_rng(0)
    assert not witness(Structure(*parts), Coins(*parts), ("x",), ["x", "m"], rng, starts=5)


def test_without_hidden_causes_the_parents_of_the_target_are_the_one_set():
    structure = Structure(["a", "b", "c", "y", "d"], {"c": ["a", "b"], "y": ["b", "c"], "d": ["y"]}, [], "y")
    assert possibly_optimal_sets(structure) == [("b", "c")]
    assert possibly_optimal_sets(structure, ["a", "d"]) == [("a",)]
    assert possibly_optimal_sets(structure, []) == [()]


def test_fifteen_nodes_take_well_under_a_second():
    sizes = []
    start = time.perf_counter()
    for seed in range(10):
        parts = random_structure(np.random.default_rng(seed), 15, edge=0.3, hidden=0.15)
        sizes.append(len(possibly_optimal_sets(Structure(*parts[:3], "v14"))))
    assert (time.perf_counter() - start) / 10 < 0.5  # measured: 0.02 s
    assert max(sizes) > 500


def test_too_many_interventions_are_refused_before_all_sets_are_found():
    nodes = [*(f"x{place}" for place in range(40)), "y"]
    structure = Structure(nodes, {"y": nodes[:-1]}, [(node, "y") for node in nodes[:-1]], "y")
    start = time.perf_counter()
    with pytest.raises(OverflowError, match="more than 1,000 interventions"):
        possibly_optimal_sets(structure, most=1000)
    assert time.perf_counter() - start < 1


# Redundant members of a set


def checked_redundant(parts, arms, seed):
    """The answers, each of them checked in three random models."""
    answers = redundant(Structure(*parts), arms)
    left = [arm for arm in arms if arm not in [answer.intervention for answer in answers]]
    coins, rng = Coins(*parts), np.random.default_rng(seed)
    for _ in range(3):
        tables = coins.tables(rng, (0, 0.2, 0.5, 0.7, 1))
        for answer in answers:
            own = coins.effect(tables, answer.intervention)
            others = [coins.effect(tables, other) for other in answer.others]
            assert min(others) - 1e-12 <= own <= max(others) + 1e-12
            assert not answer.same or len(others) == 1
            assert all(other in left for other in answer.others)
    return answers, left


@FAST
@given(structures(5), st.integers(0, 2**32))
def test_what_is_said_of_a_random_set_holds_in_random_models(parts, seed):
    nodes, _, _, target = parts
    rng = np.random.default_rng(seed)
    arms = assignments(subsets([node for node in nodes if node != target]))
    chosen = rng.permutation(len(arms))[: int(rng.integers(1, 20))]
    checked_redundant(parts, [arms[place] for place in chosen], seed)


@FAST
@given(structures(5), st.integers(0, 31), st.integers(0, 2**32))
def test_of_a_whole_set_only_the_possibly_optimal_are_left(parts, mask, seed):
    nodes, _, _, target = parts
    fixable = [node for place, node in enumerate(nodes) if mask >> place & 1 and node != target]
    _, left = checked_redundant(parts, assignments(subsets(fixable)), seed)
    kept = assignments(possibly_optimal_sets(Structure(*parts), fixable))
    assert sorted(map(sorted, (arm.items() for arm in left))) == sorted(map(sorted, (arm.items() for arm in kept)))


def test_sentences_name_the_members_that_stay():
    chain = Structure(["x", "m", "y"], {"m": ["x"], "y": ["m"]}, [], "y")
    arms = [{}, {"x": 0}, {"x": 1}, {"m": 0}, {"m": 1}, {"x": 1, "m": 1}]
    assert [str(answer) for answer in redundant(chain, arms)] == [
        "{} is never better than the best of {'m': 0}, {'m': 1}: its effect is a weighted mean of theirs.",
        "{'x': 0} is never better than the best of {'m': 0}, {'m': 1}: its effect is a weighted mean of theirs.",
        "{'x': 1} is never better than the best of {'m': 0}, {'m': 1}: its effect is a weighted mean of theirs.",
        "{'x': 1, 'm': 1} has the effect of {'m': 1} in every model of the graph.",
    ]
    assert [str(answer) for answer in redundant(chain, arms[:3])] == [
        "{} is never better than the best of {'x': 0}, {'x': 1}: its effect is a weighted mean of theirs."
    ]


def test_a_long_chain_is_followed_to_its_end_without_delay():
    nodes = [f"x{place}" for place in range(60)]
    chain = Structure(nodes, {node: [above] for above, node in itertools.pairwise(nodes)}, [], "x59")
    start = time.perf_counter()
    answers = redundant(chain, [{}, *({node: value} for node in nodes[:-1] for value in (0, 1))])
    assert time.perf_counter() - start < 1
    assert len(answers) == 117
    assert all(answer.others == ({"x58": 0}, {"x58": 1}) for answer in answers)


def test_nothing_is_said_where_an_alternative_is_missing_or_confounded():
    chain = Structure(["x", "m", "y"], {"m": ["x"], "y": ["m"]}, [], "y")
    assert redundant(chain, [{}, {"x": 0}, {"m": 1}]) == []
    bow = Structure(["x", "y"], {"y": ["x"]}, [("x", "y")], "y")
    assert redundant(bow, [{}, {"x": 0}, {"x": 1}]) == []
    fork = Structure(["c", "x", "y"], {"x": ["c"], "y": ["c", "x"]}, [], "y")
    assert redundant(fork, [{}, {"x": 0}, {"x": 1}]) == []


def test_members_that_fix_no_cause_are_one_and_the_first_of_the_smallest_stays():
    structure = Structure(["x", "y", "z", "w"], {"y": ["x"], "z": ["y"]}, [], "y")
    answers = redundant(structure, [{"z": 0, "w": 1}, {"w": 1}, {"z": 1}])
    assert [(answer.intervention, answer.others) for answer in answers] == [
        ({"z": 0, "w": 1}, ({"w": 1},)),
        ({"z": 1}, ({"w": 1},)),
    ]
    assert all(answer.same for answer in answers)
