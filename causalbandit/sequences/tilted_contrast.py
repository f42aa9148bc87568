"""Exact differences of two Bernoulli means that are shortest near a planned number of outcomes.

The region of :mod:`causalbandit.sequences.bernoulli_region` asks what any two means say, and pays for two unknowns. A
difference has one direction in which it shrinks fastest: the log-odds of both arms tilted by θ in opposite senses. At
a pair (p_k, p_0) the likelihood ratio of the tilt

    L_θ = e^{−θ s_k} / (1 − p_k + p_k e^{−θ})^{n_k} · e^{θ s_0} / (1 − p_0 + p_0 e^{θ})^{n_0}

is a martingale of mean 1 however the arms are chosen, and so is every average over θ of either sign, and an average of
that with the product M_k M_0 of the region above. With weights ω_j > 0 on a grid of θ_j > 0, Σ ω_j = 1,

    E(p_k, p_0) = w Σ_j ω_j (L_{θ_j} + L_{−θ_j})/2 + (1 − w) M_k(p_k) M_0(p_0)

stays below 1/α at all times with probability 1 − α (Ville 1939). For the largest difference only the tilts that lower
it matter; leaving the others out can but widen the interval. Each term is log-convex in (p_k, p_0), so that the region
is convex and an end is one root of a convex, growing function: the smallest log E on the line p_k − p_0 = d.

The product keeps the interval from being wide where the arms were drawn very unevenly: there the tilt has the wrong
direction.
"""

from __future__ import annotations

import math

import numpy as np

from causalbandit.arrays import Flags, Floats, Integers
from causalbandit.sequences.bernoulli_region import LARGEST, Arm, room

TILTED = 0.9
"""w: the product's tenth costs the tilts log(1/0.9) = 0.1 of about 5, and bounds the loss when arms are uneven."""
CENTRE, SPREAD, POINTS = 15.0, 0.8, 24
"""θ is log-normal about 15/√(planned): effects that are told apart within the plan, from rare outcomes to even ones;
the grid of 24 points reaches 2.5 standard deviations to both sides."""


def tilts(planned: int) -> tuple[Floats, Floats]:
    """θ [24] and the logarithms of their weights, which add up to 1."""
    steps = np.linspace(-2.5, 2.5, POINTS)
    weights = np.exp(-0.5 * steps**2)
    return CENTRE / math.sqrt(planned) * np.exp(SPREAD * steps), np.log(weights / weights.sum())


def largest_difference(one: Arm, other: Arm, alpha: float, planned: int) -> Floats:
    """The largest p_k − p_0 that E leaves possible, for arms with counts of one shape [B].

    Newton's steps from the right on the convex h(d) = min log E on p_k − p_0 = d, to h(d) = log 1/α. Cost: some thirty
    evaluations of 24 tilts each.
    """
    tilted = _Tilted(one, other, planned)
    level = -math.log(alpha)
    # (1 − w) M_k M_0 ≤ E, so the product's own end at error rate (1 − w) α lies to the right.
    ends = LARGEST["difference"](one, other, room(one, other, alpha * (1.0 - TILTED)))
    live, p = np.arange(len(ends)), _even_point(one, other, ends)
    for _ in range(60):  # convex and from the right: steps shrink quadratically, about seven are needed
        value, slope, p[live] = tilted.least(ends[live], p[live], live)
        over = value - level
        with np.errstate(invalid="ignore", divide="ignore"):
            step = np.where(over > 0.0, over / slope, 0.0)
        ends[live] -= step
        p[live] += 0.5 * step
        live = live[step > 1e-11]
        if not len(live):
            break
    return ends


def excluded(one: Arm, other: Arm, alpha: float, planned: int, difference: float = 0.0) -> Flags:
    """Whether the interval of p_k − p_0 leaves ``difference`` out, for arms with counts of one shape [B].

    No likelihood ratio at a pair exceeds that of the observed shares, so that most intervals which hold the difference
    cost two logarithms; the others one search on a line, in place of several for an end.
    """
    level = -math.log(alpha)
    arms, line = (one, other), np.full(len(one.ones), difference)
    p = np.clip(_even_point(one, other, line), max(0.0, -difference), min(1.0, 1.0 - difference))
    dear = _cost(one, np.clip(p + difference, 0.0, 1.0)) + _cost(other, p) > level
    found = np.zeros(len(one.ones), dtype=bool)
    for sign in (1.0, -1.0):  # the largest difference is too small, or that with the arms exchanged is
        first, second = arms[:: int(sign)]
        # The largest difference that costs nothing: an arm without data may have any mean.
        free = np.where(first.n > 0.0, first.ones / np.maximum(first.n, 1.0), 1.0)
        free = free - second.ones / np.maximum(second.n, 1.0)
        open_ = np.flatnonzero(dear & (free < sign * line))
        first, second, d = first.at(open_), second.at(open_), sign * line[open_]
        value, _, _ = _Tilted(first, second, planned).least(d, _even_point(first, second, d), np.arange(len(open_)))
        found[open_] = value > level
    return found


def _even_point(one: Arm, other: Arm, d: Floats) -> Floats:
    """p_0 on the lines p_k − p_0 = d where log E is least if costs are quadratic."""
    heavy, light = one.n / one.variance(), other.n / other.variance()
    share = (one.ones + 0.5) / (one.n + 1.0) - d, (other.ones + 0.5) / (other.n + 1.0)
    return np.asarray((heavy * share[0] + light * share[1]) / np.maximum(heavy + light, 1e-300))


class _Tilted:
    """log E of contrasts and its derivatives, on lines p_k − p_0 = d."""

    def __init__(self, one: Arm, other: Arm, planned: int) -> None:
        theta, log_weights = tilts(planned)
        self.one, self.other = one, other
        self._down, self._up = np.expm1(-theta), np.expm1(theta)
        self._tilt = (
            math.log(TILTED / 2.0)
            + log_weights
            + theta * (other.ones - one.ones)[:, None]  # Σ over outcomes of both arms
        )
        self._product = math.log1p(-TILTED) - one.slack() - other.slack()

    def least(self, d: Floats, start: Floats, at: Integers) -> tuple[Floats, Floats, Floats]:
        """The smallest log E on each line of contrasts ``at``, its slope in d there, and its p_0."""
        low, high = np.maximum(0.0, -d), np.minimum(1.0, 1.0 - d)
        p = np.clip(start, low + 1e-3 * (high - low), high - 1e-3 * (high - low))
        value, slope = np.empty(len(d)), np.empty(len(d))
        live = np.arange(len(d))
        for count in range(100):
            now = p[live]
            moving = np.clip(now + d[live], 0.0, 1.0)
            value[live], first, second, alone = self._log_e(moving, now, at[live])
            # Where p_k stays at an end of [0, 1], p_0 moves against d; inside, the least point's slope is that in p_k.
            with np.errstate(invalid="ignore"):
                slope[live] = np.where(np.abs(moving - 0.5) > 0.5 - 1e-6, alone - first, alone)
            low[live] = np.where(first < 0.0, now, low[live])
            high[live] = np.where(first > 0.0, now, high[live])
            with np.errstate(invalid="ignore", divide="ignore"):
                step = first / second
                gain = np.abs(first * step)
            inside = (now - step > low[live]) & (now - step < high[live])
            # Where one term takes over from another, Newton's steps may go to and fro: halve every other time then.
            inside &= count < 6 or count % 2 == 0
            moved = np.where(inside, now - step, 0.5 * (low[live] + high[live]))
            # Newton's step would lower log E by less than rounding, or the end of the line is reached.
            open_ = (gain > 1e-13) & (np.abs(moved - now) > 1e-14)
            p[live[open_]] = moved[open_]
            live = live[open_]
            if not len(live):
                break
        return value, slope, p

    def _log_e(self, p_one: Floats, p_other: Floats, at: Integers) -> tuple[Floats, Floats, Floats, Floats]:
        """log E; its first and second derivative when both means move together; its derivative in p_k alone."""
        one, other = self.one.at(at), self.other.at(at)
        above, below = self._down / (1.0 + p_one[:, None] * self._down), self._up / (1.0 + p_other[:, None] * self._up)
        n_one, n_other = one.n[:, None], other.n[:, None]
        logs = self._tilt[at] - n_one * np.log1p(p_one[:, None] * self._down)
        logs -= n_other * np.log1p(p_other[:, None] * self._up)
        product, falls, bends = self._product[at].copy(), [], []
        for arm, p in ((one, p_one), (other, p_other)):
            complement = 1.0 - p
            product += _cost(arm, p)
            with np.errstate(invalid="ignore", divide="ignore"):
                up = np.where(arm.ones > 0.0, arm.ones / p, 0.0)
                down = np.where(arm.zeros > 0.0, arm.zeros / complement, 0.0)
                falls.append(down - up)
                bends.append(np.where(arm.ones > 0.0, up / p, 0.0) + np.where(arm.zeros > 0.0, down / complement, 0.0))
        product = np.minimum(product, 1e100)  # infinite at an end of [0, 1] that outcomes rule out
        top = np.maximum(logs.max(axis=1), product)
        shares, last = np.exp(logs - top[:, None]), np.exp(product - top)
        total = shares.sum(axis=1) + last
        shares /= total[:, None]
        last = last / total
        by_one = -n_one * above
        both = by_one - n_other * below
        curved = n_one * above**2 + n_other * below**2
        # Infinite, and ∞ − ∞, only where log E is 1e100: an end of [0, 1] that outcomes rule out.
        with np.errstate(invalid="ignore", over="ignore"):
            fall = falls[0] + falls[1]
            first = (shares * both).sum(axis=1) + last * fall
            second = (shares * (curved + both**2)).sum(axis=1) + last * (bends[0] + bends[1] + fall**2) - first**2
            alone = (shares * by_one).sum(axis=1) + last * falls[0]
        return top + np.log(total), first, second, alone


def _cost(arm: Arm, p: Floats) -> Floats:
    """n KL(p̂, p)."""
    from scipy.special import rel_entr

    n = np.maximum(arm.n, 1.0)
    share, rest = arm.ones / n, arm.zeros / n
    return np.where(arm.n > 0.0, arm.n * (rel_entr(share, p) + rel_entr(rest, 1.0 - p)), 0.0)
