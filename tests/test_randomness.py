"""What an ``rng`` keyword accepts, and that the same one gives the same answer."""

import numpy as np
import pytest
from cases import together

from causalbandit.randomness import descendant, generator, seed_sequence


def first_of(sequence):
    return [np.random.default_rng(child).integers(10**9) for child in sequence.spawn(3)]


def test_a_generator_passes_through_and_everything_else_seeds_one():
    given = np.random.default_rng(0)
    assert generator(given) is given
    draws = {int(generator(rng).integers(10**9)) for rng in (5, np.int64(5), np.random.SeedSequence(5))}
    assert len(draws) == 1


@pytest.mark.parametrize("make", [lambda: 7, lambda: np.random.default_rng(7), lambda: np.random.SeedSequence(7)])
def test_equal_seeds_give_equal_children(make):
    assert first_of(seed_sequence(make())) == first_of(seed_sequence(make()))


def test_a_seed_sequence_is_left_as_it_was_and_gives_the_same_children_again():
    given = np.random.SeedSequence(7, spawn_key=(2,))
    given.spawn(4)
    once, again = first_of(seed_sequence(given)), first_of(seed_sequence(given))
    assert once == again
    assert given.n_children_spawned == 4
    assert once == first_of(given)  # the children it would have had next, not those it has had


def test_a_descendant_is_the_one_that_spawning_gives():
    given = np.random.SeedSequence(7, spawn_key=(2,))
    expected = given.spawn(4)[3].spawn(2)[1]
    assert first_of(descendant(given, 3, 1)) == first_of(expected)


def test_a_generator_gives_other_children_every_time():
    given = np.random.default_rng(7)
    assert first_of(seed_sequence(given)) != first_of(seed_sequence(given))


@together("rng", ["0", 1.0, True, np.random.RandomState(0)])
def test_something_that_is_no_seed_is_refused(rng):
    for use in (generator, seed_sequence):
        with pytest.raises(TypeError, match="expected a non-negative integer seed"):
            use(rng)
    with pytest.raises(ValueError, match="non-negative"):
        generator(-1)
