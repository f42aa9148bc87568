"""Adaptive policies for two arms with outcomes 0 or 1, run on many experiments at once; some are out to do harm.

A policy maps a `Position` to the arm that each of the R experiments draws next, an array [R] of 0 (control) and 1.
Those of `UNFAIR` know the true means and steer towards a false finding, which exact sequences must stand, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, xlog1py, xlogy


@dataclass(frozen=True)
class Position:
    """What a policy sees: ``ones`` and ``pulls`` [R, 2], the last round's arm and outcome [R], the round from 0."""

    ones: np.ndarray
    pulls: np.ndarray
    last_arm: np.ndarray
    last_outcome: np.ndarray
    round: int
    truth: tuple[float, float]
    rng: np.random.Generator

    @property
    def means(self) -> np.ndarray:
        """Smoothed means [R, 2]."""
        return (self.ones + 0.5) / (self.pulls + 1.0)

    @property
    def n(self) -> int:
        """R."""
        return len(self.ones)


def _explored(greedy: np.ndarray, share: float, p: Position) -> np.ndarray:
    return np.where(p.rng.random(p.n) < share, p.rng.integers(0, 2, p.n), greedy)


def _z(p: Position) -> np.ndarray:
    """Standardised difference of the means."""
    variance = (p.means * (1 - p.means) / (p.pulls + 1.0)).sum(axis=1)
    return (p.means[:, 1] - p.means[:, 0]) / np.sqrt(variance)


def _thompson(p: Position) -> np.ndarray:
    return p.rng.beta(p.ones + 1, p.pulls - p.ones + 1).argmax(axis=1)


def _ucb(p: Position) -> np.ndarray:
    return (p.means + np.sqrt(np.log(p.round + 2) / (p.pulls + 1e-9))).argmax(axis=1)


def _chase(p: Position) -> np.ndarray:
    """Each arm until its mean errs towards a larger difference, the treatment first; then either."""
    mean = p.ones / np.maximum(p.pulls, 1)
    either = p.rng.integers(0, 2, p.n)
    return np.where(mean[:, 1] <= p.truth[1], 1, np.where(mean[:, 0] >= p.truth[0], 0, either))


def _log_martingales(p: Position) -> np.ndarray:
    """log M of each arm at the truth, [R, 2]."""
    zeros, truth = p.pulls - p.ones, np.array(p.truth)
    mixture = betaln(p.ones + 0.5, zeros + 0.5) - betaln(0.5, 0.5)
    return mixture - xlogy(p.ones, truth) - xlog1py(zeros, -truth)


POLICIES: dict[str, Callable[[Position], np.ndarray]] = {
    "alternating": lambda p: np.full(p.n, p.round % 2),
    "Thompson": _thompson,
    "UCB": _ucb,
    "greedy": lambda p: p.means.argmax(axis=1),
    "10 % exploration": lambda p: _explored(p.means.argmax(axis=1), 0.1, p),
    "worst first": lambda p: _explored(p.means.argmin(axis=1), 0.05, p),
    "win stay, lose shift": lambda p: np.where(p.last_outcome == 1, p.last_arm, 1 - p.last_arm),
    "control nearly always": lambda p: (p.rng.random(p.n) < 0.02).astype(int),
    "treatment nearly always": lambda p: (p.rng.random(p.n) >= 0.02).astype(int),
    "stay while significant": lambda p: np.where(np.abs(_z(p)) > 1.5, p.last_arm, p.rng.integers(0, 2, p.n)),
    "chase a difference": _chase,
    "push the likeliest miss": lambda p: _log_martingales(p).argmax(axis=1),
}
UNFAIR = ("chase a difference", "push the likeliest miss")


def run(policy: str, truth: tuple[float, float], rounds: int, replications: int, rng: np.random.Generator):
    """(ones, pulls) of both arms after every round, each [T, R, 2]."""
    ones, pulls = (np.zeros((rounds, replications, 2)) for _ in range(2))
    now_ones, now_pulls = np.zeros((replications, 2)), np.zeros((replications, 2))
    arm, outcome = np.zeros(replications, dtype=int), np.zeros(replications, dtype=int)
    every, means = np.arange(replications), np.array(truth)
    for t in range(rounds):
        arm = POLICIES[policy](Position(now_ones, now_pulls, arm, outcome, t, truth, rng))
        outcome = (rng.random(replications) < means[arm]).astype(int)
        now_ones[every, arm] += outcome
        now_pulls[every, arm] += 1
        ones[t], pulls[t] = now_ones, now_pulls
    return ones, pulls
