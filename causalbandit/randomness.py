"""Random generators from what a caller passes as ``rng`` (the convention of SPEC 7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from causalbandit.errors import BadValue, InvalidArgument, InvalidType

RNG = int | np.integer | np.random.SeedSequence | np.random.Generator | None
"""What every ``rng`` keyword accepts: a seed, a seed sequence, a generator, or None for fresh entropy."""


def generator(rng: RNG) -> np.random.Generator:
    """The generator for ``rng``: a Generator passes through unchanged, anything else seeds a new one.

    Raises
    ------
    InvalidType, InvalidArgument
        If ``rng`` is none of a non-negative integer, ``SeedSequence``, ``Generator`` or ``None``.
    """
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None or isinstance(rng, np.random.SeedSequence):
        return np.random.default_rng(rng)
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, bool):
        if rng < 0:
            raise InvalidArgument("rng", f"was the seed {rng}; a seed is a non-negative integer, for example 0.")
        return np.random.default_rng(int(rng))
    raise InvalidType(
        "rng",
        f"was {rng!r}; expected a non-negative integer seed, a numpy.random.Generator, a numpy.random.SeedSequence "
        "or None.",
    )


def seed_sequence(rng: RNG) -> np.random.SeedSequence:
    """The seed sequence for ``rng``, to ``spawn`` one independent child per part of a job.

    A Generator is drawn from, so that two calls with the same one differ as two draws would. A SeedSequence is
    copied, so that spawning leaves the caller's as it was and the same one gives the same answer again.
    """
    if isinstance(rng, np.random.SeedSequence):
        return np.random.SeedSequence(
            rng.entropy, spawn_key=rng.spawn_key, pool_size=rng.pool_size, n_children_spawned=rng.n_children_spawned
        )
    if isinstance(rng, np.random.Generator):
        return np.random.SeedSequence(rng.integers(2**63, size=4).tolist())
    generator(rng)
    return np.random.SeedSequence(None if rng is None else int(rng))


def descendant(seed: np.random.SeedSequence, *places: int) -> np.random.SeedSequence:
    """The sequence that spawning gives at these places, one generation after the other; ``seed`` stays as it is."""
    return np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, *places))


def generator_from_state(state: Mapping[str, Any]) -> np.random.Generator:
    """The generator whose ``bit_generator.state`` this is (as read back from JSON)."""
    kind = getattr(np.random, str(state.get("bit_generator")), None)
    if not (isinstance(kind, type) and issubclass(kind, np.random.BitGenerator)):
        raise BadValue(f"unknown bit generator {state.get('bit_generator')!r} in a saved generator state.")
    bits = kind()
    bits.state = dict(state)
    return np.random.Generator(bits)
