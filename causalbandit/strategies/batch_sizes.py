"""How many experiments: whole numbers from shares, without bias, and phases of strategies that drop interventions."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from causalbandit.arrays import Floats, Integers
from causalbandit.spending import Spending


def rounded_shares(weights: Floats) -> Floats:
    """``weights`` to six digits after the point, sum 1: a solver's last digits then change no seed's experiments."""
    rounded = weights.round(6)
    return np.asarray(rounded / rounded.sum())


def even_sizes(total: int, n_interventions: int, rng: np.random.Generator) -> Integers:
    """``total`` experiments spread evenly, shape [A]; a remainder goes to distinct interventions at random."""
    base, remainder = divmod(total, n_interventions)
    sizes = np.full(n_interventions, base, dtype=np.int64)
    if remainder:
        sizes[rng.permutation(n_interventions)[:remainder]] += 1
    return sizes


def sizes_from_shares(total: int, shares: Floats, rng: np.random.Generator) -> Integers:
    """``total`` experiments spread in proportion to ``shares`` (non-negative, sum 1), shape [A].

    Systematic rounding in random order: each size is within one of ``total · share`` and equals it on average.
    """
    order = rng.permutation(len(shares))
    edges = np.cumsum(shares[order])
    marks = np.floor(edges * (total / edges[-1]) + rng.random()).astype(np.int64)
    marks[-1] = total
    sizes = np.empty(len(shares), dtype=np.int64)
    sizes[order] = np.diff(np.minimum(marks, total), prepend=0)
    return sizes


def successive_rejects_lengths(n_arms: int, budget: int) -> Integers:
    """n_1 … n_{K−1}: experiments that each intervention still in has after each phase of successive rejects."""
    log_bar, bits = _log_bar(n_arms)
    numerator = (int(budget) - n_arms) << bits
    # -(-a // b) is a / b rounded up, in integers: the lengths add up to at most the budget, however large it is.
    return np.array([-(-numerator // (log_bar * arms_left)) for arms_left in range(n_arms, 1, -1)], dtype=np.int64)


@lru_cache(maxsize=16)
def _log_bar(n_arms: int) -> tuple[int, int]:
    """logbar(K) = ½ + Σ_{i=2..K} 1/i as an integer over 2^bits, rounded up so that no length is too large.

    The denominator of logbar(K) has fewer than 2K bits. With so many and 128 more, rounding it up changes no length;
    they are limited to keep this quick, so that above about a thousand interventions a length may be 1 too small.
    """
    bits = 128 + min(2 * n_arms, 2048)
    one = 1 << bits
    return one // 2 - sum(-one // arm for arm in range(2, n_arms + 1)), bits


def affordable_length(purse: Spending, active: Integers, before: int) -> int:
    """Experiments under each of the ``active`` [k] after the next phase of successive rejects with prices.

    n_j = ⌊s/j⌋ with j interventions left, for the largest s that the money pays if the cheapest are dropped first,
    set-ups in every phase included. When that leaves less than one more experiment each, one more if it can be paid.
    """
    n_left = np.arange(len(active), 1, -1)
    prices = np.sort(purse.prices[active])
    setups = np.cumsum(np.sort(purse.setup[active])[::-1])[n_left - 1].sum()  # the dearest j in each phase
    most = before + int(purse.most[active].min())

    def lengths(scale: float) -> Floats:
        return np.minimum(np.maximum(np.floor(scale / n_left), before), most)

    def cost(scale: float) -> float:
        reached = lengths(scale) - before
        return float(reached @ prices[: len(reached)] + reached[-1] * prices[-1] + setups)

    low, high = 0.0, 2.0 * (before + purse.money / float(prices.min()) + 1.0)
    for _ in range(64):
        if int(low / n_left[0]) == int(high / n_left[0]):  # the next length is certain
            break
        middle = 0.5 * (low + high)
        low, high = (middle, high) if cost(middle) <= purse.money else (low, middle)
    length = int(lengths(low)[0])
    if length > before:
        return length
    one_more = np.zeros(len(purse.prices), dtype=np.int64)
    one_more[active] = 1
    return before + int(bool((one_more <= purse.most).all()) and purse.cost(one_more) <= purse.money)


def sequential_halving_rounds(n_arms: int, budget: int) -> list[tuple[int, int]]:
    """Per round of sequential halving: how many interventions it keeps, and the experiments for each one in it."""
    n_rounds = rounds_of_halving(n_arms)
    rounds = []
    active = n_arms
    for _ in range(n_rounds):
        size = budget // (active * n_rounds)
        active = -(-active // 2)
        rounds.append((active, size))
    return rounds or [(1, budget)]


def rounds_of_halving(n_arms: int) -> int:
    """⌈log₂ K⌉."""
    return (n_arms - 1).bit_length()
