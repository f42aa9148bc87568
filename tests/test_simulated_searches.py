"""Regret in a world that differs from the graph: paired with the world's truth, checked, and kept."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import causalbandit as cb
from causalbandit.evaluation import evaluate_regret
from causalbandit.simulated_searches import fingerprint
from causalbandit.world import World
from causalbandit.wrong_graphs import confounded_mediator

STRATEGIES = ["top-two", "successive-rejects"]


@pytest.fixture(scope="module")
def strong():
    return confounded_mediator(1.0)


def curves(wrong, **options):
    return evaluate_regret(
        wrong.problem, STRATEGIES, [500, 3000], 4, world=wrong.world, rng=0, progress=False, **options
    )


def test_regret_is_that_of_the_world_and_contradictions_are_counted(strong):
    frame = curves(strong).to_frame()
    effects = World(strong.problem, strong.world).effects
    by_label = dict(zip(strong.problem.interventions.labels, effects.max() - effects, strict=True))
    np.testing.assert_allclose(frame["regret"], frame["chosen"].map(by_label))
    late = frame[(frame["strategy"] == "top-two") & (frame["budget"] == 3000)]
    assert late["contradicted"].all()
    assert (frame["amendments"] == 0).all()
    assert late["regret"].mean() > 0.05


def test_repair_lowers_the_regret(strong):
    warned, mended = curves(strong), curves(strong, check="repair")
    means = {name: each.means().set_index(["strategy", "budget"]) for name, each in (("w", warned), ("m", mended))}
    assert means["m"].loc[("top-two", 3000), "mean"] < means["w"].loc[("top-two", 3000), "mean"] / 2
    assert means["m"].loc[("top-two", 3000), "amended"] == 1
    assert means["m"].loc[("successive-rejects", 3000), "amended"] == 0
    assert "- top-two: the graph was contradicted in" in mended.summary()


def test_unchecked_searches_say_nothing_of_the_graph(strong):
    off = curves(strong, check="off")
    assert not {"contradicted", "amendments"} & set(off.to_frame())
    assert "contradicted" not in off.summary()
    warned = curves(strong).to_frame()
    columns = ["strategy", "budget", "replication", "chosen", "regret"]
    pd.testing.assert_frame_equal(off.to_frame()[columns], warned[columns])


def test_a_run_in_a_world_is_resumed_and_told_from_others(strong, tmp_path):
    path = tmp_path / "kept.jsonl"
    first = curves(strong, resume=path, check="repair").to_frame()
    again = curves(strong, resume=path, check="repair").to_frame()
    pd.testing.assert_frame_equal(first, again)
    with pytest.raises(cb.ResumeError, match="problems differ"):
        curves(strong, resume=path, check="warn")
    with pytest.raises(cb.ResumeError, match="problems differ"):
        curves(replace(strong, world=confounded_mediator(0.5).world), resume=path, check="repair")


def test_fingerprints_tell_common_causes_apart(strong):
    graph = strong.problem.graph
    other = cb.CausalGraph(graph.to_networkx(), "y", confounded=[("m", "y")])
    problem = cb.Problem(other, cb.InterventionSet(other, list(strong.problem.interventions)))
    assert fingerprint(problem) != fingerprint(strong.problem)


def test_worlds_that_do_not_fit_are_refused(strong):
    problem = strong.problem
    with pytest.raises(ValueError, match="world holds 1 for 2 problems"):
        evaluate_regret([problem, problem], "top-two", 100, 1, world=[strong.world])
    with pytest.raises(ValueError, match="world has other observed nodes"):
        evaluate_regret(problem, "top-two", 100, 1, world=cb.load_problem("graphs/asia.json"))
    with pytest.raises(ValueError, match="check was 'never'"):
        evaluate_regret(problem, "top-two", 100, 1, world=strong.world, check="never")
    with pytest.raises(ValueError, match="must be told true tables"):
        evaluate_regret(problem, cb.TopTwo(knows_tables=True), 100, 1, world=strong.world)
