"""Simulated searches by the block: on any backend, after a worker's death, never beyond the budget, in any world."""

import os
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from dying_workers import KillsItsWorkerOnce
from joblib.externals.loky.process_executor import TerminatedWorkerError
from regret_cases import PROBLEM, STRATEGIES, rows

import causalbandit as cb
from causalbandit import simulated_searches
from causalbandit.bandit_simulation import compare_estimators
from causalbandit.evaluation import evaluate_regret, labelled_strategies
from causalbandit.random_problems import random_problems
from causalbandit.simulated_searches import fingerprint
from causalbandit.strategies.baselines import ImportanceWeighted, Uniform
from causalbandit.world import World
from causalbandit.wrong_graphs import confounded_mediator

COMPARED = [cb.TopTwo(rounds=6), "successive-rejects"]


@pytest.fixture(scope="module")
def strong():
    return confounded_mediator(1.0)


def curves(wrong, **options):
    return evaluate_regret(wrong.problem, COMPARED, [500, 3000], 4, world=wrong.world, rng=0, progress=False, **options)


@pytest.fixture(scope="module")
def warned(strong):
    return curves(strong)


def test_regret_is_that_of_the_world_and_contradictions_are_counted(strong, warned):
    frame = warned.to_frame()
    effects = World(strong.problem, strong.world).effects
    by_label = dict(zip(strong.problem.interventions.labels, effects.max() - effects, strict=True))
    np.testing.assert_allclose(frame["regret"], frame["chosen"].map(by_label))
    late = frame[(frame["strategy"] == "top-two") & (frame["budget"] == 3000)]
    assert late["contradicted"].all()
    assert (frame["amendments"] == 0).all()
    assert late["regret"].mean() > 0.05


def test_repair_lowers_the_regret(strong, warned):
    mended = curves(strong, check="repair")
    means = {name: each.means().set_index(["strategy", "budget"]) for name, each in (("w", warned), ("m", mended))}
    assert means["m"].loc[("top-two", 3000), "mean"] < means["w"].loc[("top-two", 3000), "mean"] / 2
    assert means["m"].loc[("top-two", 3000), "amended"] == 1
    assert means["m"].loc[("successive-rejects", 3000), "amended"] == 0
    assert "- top-two: the graph was contradicted in" in mended.summary()


def test_unchecked_searches_say_nothing_of_the_graph(strong, warned):
    off = curves(strong, check="off")
    assert not {"contradicted", "amendments"} & set(off.to_frame())
    assert "contradicted" not in off.summary()
    columns = ["strategy", "budget", "replication", "chosen", "regret"]
    pd.testing.assert_frame_equal(off.to_frame()[columns], warned.to_frame()[columns])


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


@dataclass(frozen=True)
class Overspends:
    name: str = "overspends"
    needs: str = "target"

    def smallest_budget(self, task):
        return 1

    def run(self, task, budget, rng):
        return (yield from Uniform().run(task, budget + 1, rng))


def test_importance_weights_are_given_the_tables_and_others_are_not():
    frame = evaluate_regret(PROBLEM, ["importance-weighted-knows-tables", "uniform-plug-in"], 40, 5, rng=0).to_frame()
    assert frame["regret"].notna().all()
    bench = simulated_searches.bench_of(simulated_searches.Case(PROBLEM, 2**28))
    assert bench.task_for(Uniform(), 40).n_learned == PROBLEM.graph.n_family_rows
    known = bench.task_for(ImportanceWeighted(), 40)
    assert known.n_learned == 2 ** len(PROBLEM.graph.parents(PROBLEM.graph.target))


def test_processes_give_the_rows_of_one_also_when_one_dies(tmp_path):
    """Starting a process takes as long as many searches: one test for all that needs several, estimators included."""
    problems = random_problems(2, 6, rng=3)
    settings, marker, path = ([20, 60], 12), tmp_path / "marker", tmp_path / "regret.jsonl"
    killer = KillsItsWorkerOnce(str(marker))
    curves = evaluate_regret(problems, [killer, *STRATEGIES], *settings, rng=1, n_jobs=2, resume=path)
    assert marker.exists()
    expected = evaluate_regret(problems, {killer.name: Uniform(), **labelled_strategies(STRATEGIES)}, *settings, rng=1)
    assert rows(curves).equals(rows(expected))
    assert rows(curves).equals(rows(evaluate_regret(problems, [killer, *STRATEGIES], *settings, resume=path)))
    # More replications than one batch, so that the work is split.
    compared = [
        compare_estimators({"two": (0.0, 0.5)}, 20, 300, rng=5, progress=False, n_jobs=n_jobs) for n_jobs in (1, 2)
    ]
    pd.testing.assert_frame_equal(*compared)


def test_workers_that_die_again_and_again_end_the_run_with_a_reason(tmp_path, monkeypatch):
    """Three deaths in a row; a block that is finished in between counts as a new start, and is kept."""
    asked = []

    def dying(blocks, n_jobs):
        asked.append(blocks)
        if len(asked) == 2:
            yield simulated_searches._run_block(blocks[0])
        raise TerminatedWorkerError("a worker died")

    monkeypatch.setattr(simulated_searches, "_results", dying)
    path = tmp_path / "regret.jsonl"
    with pytest.raises(RuntimeError, match=r"died 3 times in a row, 5 blocks of .* left.*regret\.jsonl"):
        evaluate_regret(PROBLEM, STRATEGIES, [20, 60], 4, rng=1, n_jobs=2, resume=path)
    assert [len(blocks) for blocks in asked] == [6, 6, 5, 5]
    assert len(path.read_text().splitlines()) == 1 + 4


def test_a_strategy_that_overspends_is_told():
    with pytest.raises(RuntimeError, match="asked for 21 experiments of a budget of 20"):
        evaluate_regret(PROBLEM, Overspends(), 20, 1, rng=1)


def test_a_dask_cluster_gives_the_same_rows():
    dask = pytest.importorskip("dask")
    distributed = pytest.importorskip("dask.distributed")
    joblib = pytest.importorskip("joblib")
    expected = evaluate_regret(PROBLEM, STRATEGIES, [20, 60], 5, rng=1)
    patience = {"distributed.comm.timeouts.connect": "120s", "distributed.comm.timeouts.tcp": "120s"}  # busy machines
    with (
        dask.config.set(patience),
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=True, dashboard_address=None, memory_limit=0
        ) as cluster,
        distributed.Client(cluster) as client,
        joblib.parallel_config(backend="dask"),
    ):
        assert sum(client.nthreads().values()) == 2
        curves = evaluate_regret(PROBLEM, STRATEGIES, [20, 60], 5, rng=1, n_jobs=-1)
        used = client.run(os.getpid)
    assert os.getpid() not in used.values()
    assert rows(curves).equals(rows(expected))


def test_backends_that_return_everything_at_once_give_the_same_rows(monkeypatch):
    import joblib

    monkeypatch.setattr(simulated_searches, "WAVE", 3)
    expected = evaluate_regret(PROBLEM, STRATEGIES, [20, 60], 5, rng=1)
    with joblib.parallel_config(backend="multiprocessing"):
        curves = evaluate_regret(PROBLEM, STRATEGIES, [20, 60], 5, rng=1, n_jobs=2)
    assert rows(curves).equals(rows(expected))
