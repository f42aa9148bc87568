"""The region of two Bernoulli means that outcomes leave possible, and the largest contrast in it.

For an arm with s ones and f zeros let M(p) = B(s + ½, f + ½)/B(½, ½) / (p^s (1 − p)^f). With
n KL(p̂, p) = log M(p) − log M(p̂), the region {(p_k, p_0): log M_k(p_k) + log M_0(p_0) ≤ log 1/α} is
n_k KL(p̂_k, p_k) + n_0 KL(p̂_0, p_0) ≤ *room*, room = log 1/α − log M_k(p̂_k) − log M_0(p̂_0).

At its largest contrast h(p_k) − h(p_0) (h the identity, log or log-odds) one multiplier ν > 0 gives both means:
n_k(p_k − p̂_k) = ν h′(p_k) p_k(1 − p_k), and in the same way n_0(p̂_0 − p_0). The cost, the left side of the region's
inequality, grows with ν, so that each contrast is one root.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from causalbandit.arrays import Flags, Floats, Integers

Path = Callable[[Floats, Integers], tuple[Floats, Floats]]

FARTHEST = 300.0
"""Largest |u| of a search over ν = e^u: e^600 is still a double, and 1 − e^−300 is 1."""
PRECISION = 1e-11
"""Relative error of the cost at an end; the end's own is about half of it, relative to the interval's length."""

# -- one arm ---------------------------------------------------------------------------------------------------------


class Arm(NamedTuple):
    """Ones and zeros of an arm in each contrast, as arrays of one shape; they need not be whole."""

    ones: Floats
    zeros: Floats

    @property
    def n(self) -> Floats:
        return self.ones + self.zeros

    def at(self, places: Integers | slice) -> Arm:
        return Arm(self.ones[places], self.zeros[places])

    def mirrored(self) -> Arm:
        """The same arm with ones and zeros exchanged."""
        return Arm(self.zeros, self.ones)

    def slack(self) -> Floats:
        """−log M(p̂) ≥ 0."""
        return math.log(math.pi) + _log_factorial(self.n) - _log_gamma_half(self.ones) - _log_gamma_half(self.zeros)

    def variance(self) -> Floats:
        """p(1 − p) with half a one and half a zero added, to start searches from."""
        return (self.ones + 0.5) * (self.zeros + 0.5) / (self.n + 1.0) ** 2

    def raised(self, nu: Floats) -> tuple[Floats, Floats]:
        """(p − p̂, its cost) at the p ≥ p̂ with n(p − p̂) = ν p(1 − p); 0 for an arm without data, whose p is 1."""
        s, f, n = self.ones, self.zeros, self.n
        root = np.sqrt((n - nu) ** 2 + 4.0 * nu * s)
        with np.errstate(invalid="ignore", divide="ignore"):  # the branch that is not taken may be 0/0
            p = np.where(nu < n, 2.0 * s / (n - nu + root), (nu - n + root) / (2.0 * nu))
        complement = 2.0 * f / (n + nu + root)
        rise = nu * p * complement / np.maximum(n, 1.0)
        return rise, self.cost(rise, complement)

    def cost(self, rise: Floats, complement: Floats) -> Floats:
        """n KL(p̂, p) for p = p̂ + rise, complement = 1 − p; written so that neither a small rise nor p → 1 cancels."""
        up = rise * self.n / np.where(self.ones > 0.0, self.ones, 1.0)
        zeros = np.where(self.zeros > 0.0, self.zeros, 1.0)
        down, ratio = rise * self.n / zeros, np.where(self.zeros > 0.0, complement * self.n / zeros, 1.0)
        with np.errstate(divide="ignore"):  # p = 1 although zeros were seen costs infinitely much
            fall = np.where(down < 0.5, np.log1p(-np.minimum(down, 0.5)), np.log(ratio))
        moved = -self.zeros * np.where(self.zeros > 0.0, fall, 0.0)
        return np.maximum(moved - self.ones * np.log1p(up), 0.0)


def _log_gamma_half(x: Floats) -> Floats:
    """log Γ(x + ½) − x log x + x; by Stirling's series from 100 on, where it is exact to 1e−13."""
    from scipy.special import gammaln, xlogy

    small, large = np.minimum(x, 100.0), np.maximum(x, 100.0)
    series = 0.5 * math.log(2.0 * math.pi) - 1.0 / (24.0 * large) + 7.0 / (2880.0 * large**3)
    return np.where(x > 100.0, series, gammaln(small + 0.5) - xlogy(small, small) + small)


def _log_factorial(x: Floats) -> Floats:
    """log x! − x log x + x, in the same way."""
    from scipy.special import gammaln, xlogy

    small, large = np.minimum(x, 100.0), np.maximum(x, 100.0)
    series = 0.5 * np.log(2.0 * math.pi * large) + 1.0 / (12.0 * large) - 1.0 / (360.0 * large**3)
    return np.where(x > 100.0, series, gammaln(small + 1.0) - xlogy(small, small) + small)


def room(one: Arm, other: Arm, alpha: float) -> Floats:
    """log 1/α − log M_k(p̂_k) − log M_0(p̂_0), positive: what both arms may cost together at all times at rate α."""
    return one.slack() + other.slack() - math.log(alpha)


# -- the largest contrast in a region --------------------------------------------------------------------------------


def _largest_difference(one: Arm, other: Arm, room: Floats) -> Floats:
    """The largest p_k − p_0; 1 where nothing speaks against p_k = 1 and p_0 = 0."""

    def path(u: Floats, at: Integers) -> tuple[Floats, Floats]:
        return _raised_difference(one.at(at), other.at(at), np.exp(u))

    upper = np.ones(len(room))
    at = np.flatnonzero((one.zeros > 0.0) | (other.ones > 0.0))
    upper[at] = _end(path, at, np.log(_multiplier(one, other, room)[at]), room[at])
    return upper


def _raised_difference(one: Arm, other: Arm, nu: Floats) -> tuple[Floats, Floats]:
    """Cost and value of the difference that a multiplier ν gives."""
    difference, cost = np.full(len(nu), -1.0), np.zeros(len(nu))
    for arm in (one, other.mirrored()):  # to lower p_0 is to raise 1 − p_0
        rise, paid = arm.raised(nu)
        cost += paid
        difference += np.where(arm.n > 0.0, arm.ones / np.maximum(arm.n, 1.0) + rise, 1.0)
    return cost, np.minimum(difference, 1.0)


def _multiplier(one: Arm, other: Arm, room: Floats) -> Floats:
    """ν of the largest difference, if costs were quadratic."""
    return np.sqrt(2.0 * room / (one.variance() / (one.n + 1.0) + other.variance() / (other.n + 1.0)))


def difference_at_most(one: Arm, other: Arm, room: Floats, level: float) -> Flags:
    """Whether the largest p_k − p_0 is ``level`` at most; most of those for which it is more cost one evaluation."""
    cost, value = _raised_difference(one, other, 0.5 * _multiplier(one, other, room))
    open_ = np.flatnonzero((cost > room) | (value <= level))
    found = np.zeros(len(room), dtype=bool)
    if len(open_):
        found[open_] = _largest_difference(one.at(open_), other.at(open_), room[open_]) <= level
    return found


def _largest_ratio(one: Arm, other: Arm, room: Floats) -> Floats:
    """The largest p_k/p_0; infinite where nothing speaks against p_0 = 0."""

    def raised(nu: Floats, at: Integers) -> tuple[Floats, Floats]:
        """Cost and log of p_k."""
        arm = one.at(at)
        complement = arm.zeros / (nu + arm.n)
        rise = nu * complement / np.maximum(arm.n, 1.0)
        return arm.cost(rise, complement), np.log((nu + arm.ones) / (nu + arm.n))

    def path(u: Floats, at: Integers) -> tuple[Floats, Floats]:
        arm = other.at(at).mirrored()
        nu, left = arm.zeros * expit(u), arm.zeros * expit(-u)
        p = np.where(arm.ones > 0.0, left / (arm.ones + left), 1.0)
        cost, log_ratio = raised(nu, at)
        return cost + arm.cost(nu * (1.0 - p) / arm.n, p), log_ratio - np.log(p)

    from scipy.special import expit

    start = np.sqrt(2.0 * room / (_relative_variance(one) + _relative_variance(other)))
    log_ratio = np.full(len(room), np.inf)
    # A control of ones only stays at p_0 = 1 until ν = n_0; there p_0 falls alone, at the price −n_0 log p_0.
    at = np.flatnonzero((other.ones > 0.0) & (other.zeros == 0.0))
    cost, log_arm = raised(other.n[at], at)
    last = cost < room[at]
    log_ratio[at[last]] = (log_arm + (room[at] - cost) / other.n[at])[last]
    at = np.sort(np.concatenate([at[~last], np.flatnonzero((other.ones > 0.0) & (other.zeros > 0.0))]))
    log_ratio[at] = _end(path, at, _logit_share(start, other.ones, at), room[at])
    ratio: Floats = np.exp(log_ratio)
    return ratio


def _largest_odds_ratio(one: Arm, other: Arm, room: Floats) -> Floats:
    """The largest ratio of odds; infinite where nothing speaks against p_k = 1 or p_0 = 0."""

    def path(u: Floats, at: Integers) -> tuple[Floats, Floats]:
        arms = (one.at(at), other.at(at).mirrored())
        most = np.minimum(arms[0].zeros, arms[1].zeros)
        nu, left, cost, log_odds = most * expit(u), most * expit(-u), np.zeros(len(u)), np.zeros(len(u))
        for arm in arms:
            zeros = arm.zeros - most + left
            cost += arm.cost(nu / arm.n, zeros / arm.n)
            log_odds += np.log((arm.ones + nu) / zeros)
        return cost, log_odds

    from scipy.special import expit

    most = np.minimum(one.zeros, other.ones)
    spread = sum(1.0 / ((arm.n + 1.0) * arm.variance()) for arm in (one, other))
    start = np.sqrt(2.0 * room / spread)
    log_ratio = np.full(len(room), np.inf)
    at = np.flatnonzero(most > 0.0)
    log_ratio[at] = _end(path, at, _logit_share(start, most, at), room[at])
    ratio: Floats = np.exp(log_ratio)
    return ratio


def _relative_variance(arm: Arm) -> Floats:
    """(1 − p)/(p n), with half a one and half a zero added."""
    return (arm.zeros + 0.5) / ((arm.ones + 0.5) * (arm.n + 1.0))


def _logit_share(start: Floats, most: Floats, at: Integers) -> Floats:
    """u with most·expit(u) = start, or near ``most`` where the start lies beyond it."""
    share = np.minimum(start[at] / most[at], 0.9)
    return np.log(share) - np.log1p(-share)


def _end(path: Path, at: Integers, start: Floats, room: Floats) -> Floats:
    """The value of ``path(u, at) = (cost, value)`` where its growing cost meets ``room``, for all contrasts ``at``.

    Secant steps on the logarithm of the cost, which has slope 2 in u where the region is small, kept inside a bracket;
    halving where they leave it. Contrasts that are solved drop out. Where the cost stays below the room, the value at
    `FARTHEST`.
    """
    values = np.empty(len(at))
    live, u = np.arange(len(at)), np.clip(start, -FARTHEST, FARTHEST)
    low, high = np.full(len(at), -FARTHEST), np.full(len(at), FARTHEST)
    last_u, last_gap = np.full(len(at), np.nan), np.full(len(at), np.nan)
    for count in range(150):  # secant steps take about six; 52 halvings bring 600 down to 1e-13
        cost, values[live] = path(u, at[live])
        with np.errstate(divide="ignore", invalid="ignore"):
            gap = np.log(cost / room[live])
            slope = (gap - last_gap) / (u - last_u)
            step = -gap / np.where(np.isfinite(slope) & (slope > 0.1), slope, 2.0)
        low, high = np.where(gap < 0.0, u, low), np.where(gap < 0.0, high, u)
        left = (np.abs(gap) > PRECISION) & (high - low > 1e-13)
        if not left.any():
            break
        free = cost == 0.0  # below the first u at which anything costs: feel forward in growing steps
        target = u + np.where(free, 2.0 ** min(count, 8), step)
        inside = (target > low) & (target < high) if count < 60 else np.zeros(len(u), dtype=bool)
        last_u, last_gap = u[left], gap[left]
        u, live = np.where(inside, target, (low + high) / 2.0)[left], live[left]
        low, high = low[left], high[left]
    return values


LARGEST: dict[str, Callable[[Arm, Arm, Floats], Floats]] = {
    "difference": _largest_difference,
    "ratio": _largest_ratio,
    "odds-ratio": _largest_odds_ratio,
}
"""The largest contrast of every scale, as a function of both arms and of the room."""


def largest_fall(weights: Floats, rows: Arm, room: Floats) -> Floats:
    """The largest Σ_c w_cb (p̂_c − p_c) with Σ_c n_c KL(p̂_c, p_c) ≤ room_b, for each of B sums at once; shape [B].

    ``weights`` [C, B], ``rows`` with C ones and zeros, none of them without both; ``room`` [B], positive. The same
    multiplier as for contrasts, ν|w_cb| in place of ν. Cost: about six times C·B quadratic equations.
    """
    up = weights < 0.0  # a sum falls by raising what counts negatively
    moved = Arm(
        np.where(up, rows.ones[:, None], rows.zeros[:, None]), np.where(up, rows.zeros[:, None], rows.ones[:, None])
    )
    size = np.abs(weights)

    def path(u: Floats, at: Integers) -> tuple[Floats, Floats]:
        rise, cost = Arm(moved.ones[:, at], moved.zeros[:, at]).raised(np.exp(u) * size[:, at])
        return cost.sum(axis=0), (size[:, at] * rise).sum(axis=0)

    spread = (size**2 * (rows.variance() / (rows.n + 1.0))[:, None]).sum(axis=0)
    falls = np.zeros(len(room))
    at = np.flatnonzero(spread > 0.0)  # a sum without rows cannot fall
    falls[at] = _end(path, at, 0.5 * np.log(2.0 * room[at] / spread[at]), room[at])
    return falls
