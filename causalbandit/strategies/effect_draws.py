"""Who wins the posterior draws of effects, from all draws or for sets too large for their gradient at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalbandit.arrays import Floats, Places
from causalbandit.propagation import gradient_blocks, propagate
from causalbandit.strategies.posterior import TablePosterior
from causalbandit.strategies.strategy import Task


@dataclass(frozen=True, eq=False)
class EffectDraws:
    """S posterior draws of the effects of A interventions, as far as a top-two plan needs them.

    ``leader`` has the largest of the posterior means ``effects`` [A], and ``of_leader`` [S] are its draws. In every
    draw ``winner`` has the largest value, ``largest``, and ``second`` wins once the leader is left out; [S] each.
    """

    effects: Floats
    leader: int
    of_leader: Floats
    largest: Floats
    winner: Places
    second: Places

    @classmethod
    def among(cls, drawn: Floats, places: Places, effects: Floats) -> EffectDraws:
        """From the draws [S, M] of the interventions at ``places``, ascending, which the leader is among."""
        leader = int(effects.argmax())
        column = int(np.searchsorted(places, leader))
        best = drawn.argmax(axis=1)
        others = np.delete(np.arange(len(places)), column)
        second = others[drawn[:, others].argmax(axis=1)] if len(others) else best
        largest = drawn[np.arange(len(drawn)), best]
        return cls(effects, leader, drawn[:, column], largest, places[best], places[second])

    def top_two_shares(self) -> Floats:
        """Half the share of draws each intervention wins, half that which it wins without the leader; [A]."""
        wins = np.bincount(self.winner, minlength=len(self.effects))
        wins += np.bincount(self.second, minlength=len(self.effects))
        shares: Floats = wins / wins.sum()
        return shares

    def certainty(self, tolerance: float) -> float:
        """Share of draws in which the leader is within ``tolerance`` of the best."""
        return float((self.of_leader >= self.largest - tolerance).mean())


def streamed_draws(
    task: Task, posterior: TablePosterior, n_draws: int, out_of_reach: float, rng: np.random.Generator
) -> EffectDraws:
    """``n_draws`` draws of a linear posterior, μ(α̂) + Σ_c g_c z_c with z_c normal of the Beta posterior's variance.

    The z of all draws are kept, S·C numbers; interventions come a block at a time, and of every draw the best so far is
    kept, with the leader and without it. Who is ``out_of_reach`` standard deviations below the leader's lower end is
    left out.
    """
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
    return EffectDraws(effects, leader, of_leader, largest, winner, second)


def chosen_gradient(task: Task, posterior: TablePosterior, chosen: Places) -> Floats:
    """∂μ(a)/∂α under the posterior means for the ``chosen`` interventions alone, ascending; [C, chosen]."""
    mean = posterior.mean
    gradient = np.empty((len(mean), len(chosen)))
    for places, _, block in gradient_blocks(task.interventions, mean, chosen, task.memory):
        gradient[:, np.searchsorted(chosen, places)] = block
    return gradient
