"""Whole numbers of experiments from shares: the remainder is spread at random, without bias."""

from __future__ import annotations

import numpy as np

from causalbandit.arrays import Floats, Integers


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
