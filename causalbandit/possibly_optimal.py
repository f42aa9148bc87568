"""Which sets of nodes are worth fixing: the only ones that can be best in some model of a graph.

A graph with hidden common causes says, before any experiment, that most sets of nodes cannot be the best ones to fix.
A set is *minimal* when every node in it has a directed path to the target that meets no other node of it: leaving a
node out changes the effect in some model. A minimal set is *possibly optimal* when in some model its best values make
the target more likely than those of every other set (Lee & Bareinboim 2018).

In x → m → y with a hidden common cause of x and y, fixing x only passes through m, but observing alone keeps what the
hidden cause does to x and y together:

>>> chain = Structure(["x", "m", "y"], {"m": ["x"], "y": ["m"]}, [("x", "y")], "y")
>>> possibly_optimal_sets(chain)
[(), ('m',)]
>>> possibly_optimal_sets(chain, fixable=["x"])
[(), ('x',)]
>>> for answer in redundant(chain, [{}, {"x": 0}, {"m": 0}, {"m": 1}]):
...     print(answer)
{'x': 0} is never better than the best of {'m': 0}, {'m': 1}: its effect is a weighted mean of theirs.

Sets of nodes are bits of Python integers here, the first node being the lowest bit.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from causalbandit.graph import CausalGraph


class Structure:
    """A mixed graph: directed edges, pairs of nodes with a hidden common cause, and the target.

    Nodes are in topological order. Each has its parents in ``above``, its children in ``below``, and in ``beside`` the
    nodes that have a hidden common cause with it.
    """

    def __init__(
        self,
        nodes: Iterable[str],
        parents: Mapping[str, Iterable[str]],
        confounded: Iterable[tuple[str, str]],
        target: str,
    ) -> None:
        self.nodes = tuple(nodes)
        self.target = target
        self._place = {node: place for place, node in enumerate(self.nodes)}
        self.above = [self.bits(parents.get(node, ())) for node in self.nodes]
        self.beside = [0] * len(self.nodes)
        for first, second in confounded:
            self.beside[self._place[first]] |= self.bits([second])
            self.beside[self._place[second]] |= self.bits([first])
        self.below = [0] * len(self.nodes)
        for place, above in enumerate(self.above):
            for parent in _places(above):
                self.below[parent] |= 1 << place

    @classmethod
    def of(cls, graph: CausalGraph) -> Structure:
        """The structure of a graph."""
        parents = {node: graph.observed_parents(node) for node in graph.nodes}
        return cls(graph.nodes, parents, graph.bidirected, graph.target)

    def bits(self, nodes: Iterable[str]) -> int:
        """The nodes as an integer."""
        return sum({1 << self._place[node] for node in nodes})

    def names(self, bits: int) -> tuple[str, ...]:
        """The nodes in an integer, in topological order."""
        return tuple(self.nodes[place] for place in _places(bits))

    def causes(self, fixed: int) -> int:
        """The target and the nodes with a directed path to it, in the graph without the edges into ``fixed``."""
        return _reached(self.bits([self.target]), self.above, closed=fixed)

    def territory(self, fixed: int) -> int:
        """The minimal territory of hidden common causes (MUCT) around the target, when ``fixed`` is fixed.

        The smallest set that holds the target and, among its causes, all descendants of its members and all nodes that
        share a hidden cause with a member (Lee & Bareinboim 2018). Fixed nodes are never in it.
        """
        room = self.causes(fixed) & ~fixed
        inside, reached = 0, self.bits([self.target])
        while reached != inside:
            inside = reached
            reached |= _union(self.beside, inside) & room
            reached = _reached(reached, self.below, room)
        return inside

    def border(self, territory: int) -> int:
        """The interventional border (IB): the parents of the territory outside it."""
        return _union(self.above, territory) & ~territory

    def minimal(self, fixed: int) -> int:
        """The part of ``fixed`` that has a directed path to the target past all other fixed nodes.

        Fixing this part alone has the same effect in every model (rule 3 of Pearl's calculus of interventions).
        """
        return fixed & self.causes(fixed)

    def is_mean_over(self, fixed: int, more: int) -> bool:
        """Whether the effect of ``fixed`` is a weighted mean of the effects of fixing ``more``, too, in every model.

        So it is when, with ``fixed`` fixed, seeing ``more`` tells of the target what fixing it tells (rule 2):
        μ(x) = Σ_z P(z | do(x))·μ(x, z). That holds when nothing ties ``more`` to the target except by the edges
        out of ``more``: no common cause, hidden or seen, that reaches both past ``fixed``.
        """
        closed = fixed | more
        causes = _reached(self.bits([self.target]), self.above, ~closed)
        tied = _reached((causes | _union(self.beside, causes)) & ~fixed, self.below, ~fixed)
        return not tied & more

    def without(self, left_out: int) -> Structure:
        """The latent projection on the other nodes (Verma & Pearl 1990): what the graph says of them alone.

        The parents of a node are those with a directed path to it through left-out nodes only; two nodes have a hidden
        common cause when a left-out node, or a hidden cause of two nodes, reaches both through left-out nodes only.
        """
        kept = [place for place in range(len(self.nodes)) if not left_out >> place & 1]
        # Per node: itself and the left-out nodes that reach it through left-out nodes.
        sources = {place: _reached(1 << place, self.above, left_out | 1 << place) for place in kept}
        parents = {self.nodes[place]: self.names(_union(self.above, sources[place]) & ~left_out) for place in kept}
        confounded = [
            (self.nodes[place], self.nodes[other])
            for place, other in itertools.combinations(kept, 2)
            if (_union(self.beside, sources[place]) | sources[place] & left_out) & sources[other]
        ]
        return Structure(parents, parents, confounded, self.target)


def possibly_optimal_sets(
    structure: Structure, fixable: Iterable[str] | None = None, most: int | None = None
) -> list[tuple[str, ...]]:
    """All possibly-optimal minimal sets of nodes to fix (POMIS), smaller ones first; () when observing can be best.

    Lee & Bareinboim (2018), Algorithm 1. With ``fixable`` the other nodes cannot be fixed: the sets are those of the
    latent projection on the nodes that can (Lee & Bareinboim 2019). The cost is a few searches of the graph per set
    found; there may be up to 2^(number of nodes) of them. ``most`` bounds Σ 2^|set|, the number of interventions: an
    OverflowError says that there are more.
    """
    if fixable is not None:
        keep = structure.bits(fixable) | structure.bits([structure.target])
        structure = structure.without((1 << len(structure.nodes)) - 1 & ~keep)
    found: set[int] = set()
    n_interventions = 0
    for border in _borders(structure):
        if border not in found:
            found.add(border)
            n_interventions += 1 << border.bit_count()
            if most is not None and n_interventions > most:
                raise OverflowError(f"The possibly optimal sets make more than {most:,} interventions.")
    return [structure.names(bits) for bits in sorted(found, key=lambda bits: (bits.bit_count(), _places(bits)))]


def _borders(structure: Structure) -> Iterator[int]:
    """Interventional borders of the graph and of its subgraphs, some of them more than once."""
    territory = structure.territory(0)
    border = structure.border(territory)
    yield border
    target = structure.bits([structure.target])
    stack = [(border, _places(territory & ~target)[::-1], 0)]
    while stack:
        fixed, order, passed = stack.pop()
        for place, node in enumerate(order):
            territory = structure.territory(fixed | 1 << node)
            border = structure.border(territory)
            # A border that fixes a node which was passed over is found where that node is fixed first.
            if not border & passed:
                yield border
                stack.append((border, [later for later in order[place + 1 :] if territory >> later & 1], passed))
            passed |= 1 << node


@dataclass(frozen=True)
class Redundant:
    """An intervention that other members of a set match or beat in every model of the graph, whatever the goal.

    Attributes
    ----------
    intervention : dict of str to int
        The member that can be left out.
    others : tuple of dict
        Members that stay. In every model at least one of them is at least as good.
    same : bool
        True when there is one other and its effect is the same in every model; else the member's effect is a weighted
        mean of those of the others, with weights that depend on the model.
    """

    intervention: dict[str, int]
    others: tuple[dict[str, int], ...]
    same: bool

    def __str__(self) -> str:
        if self.same:
            return f"{self.intervention!r} has the effect of {self.others[0]!r} in every model of the graph."
        listed = ", ".join(repr(other) for other in self.others)
        return (
            f"{self.intervention!r} is never better than the best of {listed}: its effect is a weighted mean of theirs."
        )


Key = tuple[int, int]
"""What an intervention does to the target: the minimal part of its fixed nodes, and those of them fixed at 1."""


def redundant(structure: Structure, interventions: Sequence[Mapping[str, int]]) -> list[Redundant]:
    """The members of a set of interventions that cannot beat all others, in order; leaving all of them out is safe.

    A member is named when (1) another fixes the same minimal part at the same values, or (2) its effect is a weighted
    mean over members that stay, by :meth:`Structure.is_mean_over`. For a set that holds every assignment of all
    possibly optimal sets these two name every other member, because the effect of a set is a mean over its border's
    (Lee & Bareinboim 2018). Silence on a member says nothing.

    Cost: one search of the graph per distinct set of fixed nodes, and one per pair of them of which the second might
    serve.
    """
    members, first = _classes(structure, interventions)
    by_set: dict[int, set[Key]] = {}
    for key in first:
        by_set.setdefault(key[0], set()).add(key)
    # Those that a mean is over leave fewer causes of the target free: in this order theirs are known before.
    staying: dict[Key, list[Key]] = {}
    for fixed in sorted(by_set, key=lambda fixed: (structure.causes(fixed) & ~fixed).bit_count()):
        for key, mean in _means(structure, fixed, by_set):
            staying[key] = list(dict.fromkeys(last for other in mean for last in staying[other])) or [key]

    answers = []
    for place, (key, intervention) in enumerate(zip(members, interventions, strict=True)):
        others = [first[last] for last in staying[key]]
        if others != [place]:
            others_given = tuple(dict(interventions[other]) for other in others)
            answers.append(Redundant(dict(intervention), others_given, same=staying[key] == [key]))
    return answers


def _classes(structure: Structure, interventions: Sequence[Mapping[str, int]]) -> tuple[list[Key], dict[Key, int]]:
    """The key of each intervention, and for each key the first of the interventions that fix the fewest nodes."""
    minimal: dict[int, int] = {}
    keys = []
    first: dict[Key, int] = {}
    for place, intervention in enumerate(interventions):
        fixed = structure.bits(intervention)
        if fixed not in minimal:
            minimal[fixed] = structure.minimal(fixed)
        ones = structure.bits(node for node, value in intervention.items() if value)
        key = minimal[fixed], ones & minimal[fixed]
        keys.append(key)
        if key not in first or len(intervention) < len(interventions[first[key]]):
            first[key] = place
    return keys, first


def _means(structure: Structure, fixed: int, by_set: Mapping[int, set[Key]]) -> Iterator[tuple[Key, list[Key]]]:
    """Each key that fixes ``fixed`` with keys over which its effect is a mean: over few nodes, near the target.

    The list is empty when there are none. A set that meets the territory of ``fixed`` is passed over without a search:
    each node of a territory shares a cause with the target, or leads to a node of the set that does.
    """
    territory = structure.territory(fixed)
    waiting = sorted(by_set[fixed])
    candidates = [other for other in by_set if other & ~fixed and not other & territory]
    for other in sorted(candidates, key=lambda other: ((other & ~fixed).bit_count(), -other)):
        if not waiting:
            return
        both = structure.minimal(fixed | other)
        free = _places(both & ~fixed)
        if not free or 1 << len(free) > len(by_set.get(both, ())) or not structure.is_mean_over(fixed, other & ~fixed):
            continue
        values = [sum(1 << place for place in chosen) for chosen in _subsets(free)]
        left = []
        for key in waiting:
            mean = [(both, key[1] & both | ones) for ones in values]
            if by_set[both].issuperset(mean):
                yield key, mean
            else:
                left.append(key)
        waiting = left
    yield from ((key, []) for key in waiting)


def _subsets(places: Sequence[int]) -> Iterator[tuple[int, ...]]:
    return itertools.chain.from_iterable(itertools.combinations(places, size) for size in range(len(places) + 1))


def _places(bits: int) -> list[int]:
    """The places of the bits that are set, ascending."""
    return [place for place, bit in enumerate(reversed(bin(bits)[2:])) if bit == "1"]


def _union(rows: Sequence[int], bits: int) -> int:
    """All that the rows of the nodes in ``bits`` hold."""
    total = 0
    while bits:
        low = bits & -bits
        total |= rows[low.bit_length() - 1]
        bits ^= low
    return total


def _reached(start: int, rows: Sequence[int], room: int = -1, closed: int = 0) -> int:
    """``start`` and all that ``rows`` lead to from there, inside ``room``; nothing is followed out of ``closed``."""
    seen, new = start, start & ~closed
    while new:
        found = _union(rows, new) & room & ~seen
        seen |= found
        new = found & ~closed
    return seen
