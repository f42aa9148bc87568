"""Who wins the posterior draws of effects, for sets of interventions too large for their gradient at once.

The draws are those of a linear posterior, μ(α̂) + Σ_c g_c z_c with z_c normal of the Beta posterior's variance. The z of
all draws are kept, S·C numbers; interventions come a block at a time, and of every draw the best so far is kept, with
the leader and without it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalbandit.arrays import Floats, Places
from causalbandit.compressed_reach import CompressedReach
from causalbandit.gradient_blocks import gradient_blocks
from causalbandit.propagation import propagate
from causalbandit.strategies.posterior import TablePosterior
from causalbandit.strategies.strategy import Task
from causalbandit.strategies.value_of_information import ValueOfInformation


@dataclass(frozen=True, eq=False)
class StreamedDraws:
    """S posterior draws of the effects of A interventions, as far as a top-two plan needs them.

    Attributes
    ----------
    task : Task
        The interventions.
    posterior : TablePosterior
        What is drawn from.
    effects : numpy.ndarray of float, shape [A]
        Posterior means.
    leader : int
        The intervention with the largest.
    of_leader : numpy.ndarray of float, shape [S]
        The leader's draws.
    largest : numpy.ndarray of float, shape [S]
        The largest of all in every draw.
    winner, second : numpy.ndarray of int, shape [S]
        Who has it, and who wins once the leader is left out.
    """

    task: Task
    posterior: TablePosterior
    effects: Floats
    leader: int
    of_leader: Floats
    largest: Floats
    winner: Places
    second: Places

    @classmethod
    def of(
        cls, task: Task, posterior: TablePosterior, n_draws: int, out_of_reach: float, rng: np.random.Generator
    ) -> StreamedDraws:
        """``n_draws`` draws; who is ``out_of_reach`` standard deviations below the leader's lower end is left out."""
        arms, mean, memory = task.interventions, posterior.mean, task.memory
        effects = propagate(arms, mean, memory=memory).effects
        leader = int(effects.argmax())
        rows = np.flatnonzero(posterior.variance > 0)
        scale = np.sqrt(posterior.variance[rows])
        normal = rng.standard_normal((n_draws, len(rows)))
        ((_, _, own),) = gradient_blocks(arms, mean, np.array([leader]), memory)
        own = own[rows] * scale[:, None]
        of_leader = effects[leader] + normal @ own[:, 0]
        cut = effects[leader] - out_of_reach * float(np.sqrt((own**2).sum()))
        winner, largest = np.full(n_draws, leader), of_leader.copy()
        second, next_largest = np.full(n_draws, leader), np.full(n_draws, -np.inf)
        for places, means, gradient in gradient_blocks(arms, mean, np.arange(len(arms)), memory):
            factor = gradient[rows] * scale[:, None]
            deviation = np.sqrt(np.einsum("ca,ca->a", factor, factor))
            near = np.flatnonzero((means + out_of_reach * deviation >= cut) & (places != leader))
            if not len(near):
                continue
            drawn = normal @ factor[:, near]
            drawn += means[near]
            best = drawn.argmax(axis=1)
            value, place = drawn[np.arange(n_draws), best], places[near[best]]
            second = np.where(value > next_largest, place, second)
            next_largest = np.maximum(value, next_largest)
            winner = np.where(value > largest, place, winner)
            largest = np.maximum(value, largest)
        return cls(task, posterior, effects, leader, of_leader, largest, winner, second)

    def top_two_shares(self) -> Floats:
        """Half the share of draws each intervention wins, half that which it wins without the leader; [A]."""
        wins = np.bincount(self.winner, minlength=len(self.effects))
        wins += np.bincount(self.second, minlength=len(self.effects))
        shares: Floats = wins / wins.sum()
        return shares

    def certainty(self, tolerance: float) -> float:
        """Share of draws in which the leader is within ``tolerance`` of the best."""
        return float((self.of_leader >= self.largest - tolerance).mean())

    def worth(self, shares: Floats, draws: int, rng: np.random.Generator) -> ValueOfInformation:
        """What further experiments are worth, with those that have ``shares`` as rivals of the leader."""
        arms, mean = self.task.interventions, self.posterior.mean
        candidates = np.union1d(np.flatnonzero(shares), self.leader)
        gradient = np.empty((len(mean), len(candidates)))
        for places, _, block in gradient_blocks(arms, mean, candidates, self.task.memory):
            gradient[:, np.searchsorted(candidates, places)] = block
        reach = CompressedReach(arms, mean, self.task.memory)
        return ValueOfInformation.between(self.effects, candidates, gradient, reach, self.posterior, draws, rng)
