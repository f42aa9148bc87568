"""The check along a search: batch by batch it says what a check of all batches says at the end."""

import numpy as np
import pytest

from causalbandit.graph_check.watch import Watch
from causalbandit.world import World
from causalbandit.wrong_graphs import confounded_mediator


def batches(strength, n=8, seed=0):
    wrong = confounded_mediator(strength)
    world, rng = World(wrong.problem, wrong.world), np.random.default_rng(seed)
    return wrong.problem, [world.draw(rng.multinomial(120, np.full(9, 1 / 9)), rng) for _ in range(n)]


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_running_evidence_is_that_of_the_check_of_all_batches(strength):
    problem, parts = batches(strength)
    watch = Watch(problem, running=True)
    for place, rows in enumerate(parts):
        watch.add(rows)
        check = watch.check()
        np.testing.assert_allclose(watch._largest, check.largest)
        assert watch.refuted == check.refuted
        assert set(check.rows.batch.tolist()) == set(range(place + 1))
    assert watch.refuted == (strength > 0)
    assert watch.total == sum(rows.total for rows in parts)


def test_reading_again_is_as_if_the_graph_had_been_another_from_the_start():
    problem, parts = batches(1.0)
    watch = Watch(problem, running=True)
    for rows in parts:
        watch.add(rows)
    again = watch.amended(problem)
    np.testing.assert_allclose(again._largest, watch._largest)
    mended = watch.check().repaired()
    after, anew = watch.amended(mended), Watch(mended, running=True)
    for rows in parts:
        anew.add(rows)
    assert not after.refuted
    np.testing.assert_allclose(after._largest, anew._largest)


def test_without_experiments_there_is_nothing_to_check():
    problem, _ = batches(0.0, n=0)
    assert Watch(problem).check() is None
    assert Watch(problem).rows is None
    assert Watch(problem, running=True).amended(problem).total == 0
