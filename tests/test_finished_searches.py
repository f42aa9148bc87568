"""The file of finished searches: what was done is kept, and nothing of another run is taken for it."""

import json

import pytest
from regret_cases import PROBLEM, QUICK, rows

from causalbandit import (
    Problem,
    TopTwo,
    evaluate_regret,
    simulated_searches,
)
from causalbandit.finished_searches import ResumeError
from causalbandit.simulated_searches import BLOCK


def test_an_interrupted_run_keeps_what_it_has(tmp_path, monkeypatch):
    path = tmp_path / "regret.jsonl"
    arguments = ([PROBLEM], ["uniform", QUICK], [30, 60], 25)
    whole = evaluate_regret(*arguments, rng=9)
    run_block, calls = simulated_searches._run_block, []

    def interrupted(block):
        calls.append(block)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return run_block(block)

    monkeypatch.setattr(simulated_searches, "_run_block", interrupted)
    with pytest.raises(KeyboardInterrupt):
        evaluate_regret(*arguments, rng=9, resume=path)
    kept = path.read_bytes()
    assert kept.count(b"\n") == 1 + 3 * BLOCK
    path.write_bytes(kept + b"[0, 1, 60, 19, 2, 0.0")  # torn by a kill in the middle of a line
    monkeypatch.setattr(simulated_searches, "_run_block", lambda block: calls.append(block) or run_block(block))
    calls.clear()
    resumed = evaluate_regret(*arguments, rng=9, resume=path)
    assert rows(resumed).equals(rows(whole))
    assert sum(len(block.replications) for block in calls) == 2 * 2 * 25 - 3 * BLOCK
    more = evaluate_regret([PROBLEM], ["uniform", QUICK], [30, 60, 90], 30, rng=9, resume=path)
    assert rows(more).equals(rows(evaluate_regret([PROBLEM], ["uniform", QUICK], [30, 60, 90], 30, rng=9)))


@pytest.mark.parametrize("cut", [0, 1, 30])
def test_a_first_line_cut_off_by_a_kill_starts_anew(tmp_path, cut):
    path = tmp_path / "regret.jsonl"
    evaluate_regret(PROBLEM, "uniform", 30, 3, rng=9, resume=path)
    path.write_bytes(path.read_bytes()[:cut])
    evaluate_regret(PROBLEM, "uniform", 30, 3, rng=9, resume=path)
    assert len(path.read_text().splitlines()) == 4


def test_a_resume_file_of_something_else_is_refused_by_name_and_left_as_it_is(tmp_path):
    path = tmp_path / "regret.jsonl"
    evaluate_regret(PROBLEM, ["uniform", TopTwo(rounds=3)], 30, 3, rng=9, resume=path)
    before = path.read_bytes()
    other = Problem(PROBLEM.graph, PROBLEM.interventions[:-1], PROBLEM.model, name=PROBLEM.name)
    for words, (problem, strategies, rng) in {
        r"its seed is 9, and this run's is 8": (PROBLEM, ["uniform", TopTwo(rounds=3)], 8),
        r"its strategies differ: the file has 'uniform', 'top-two', this run 'uniform'": (PROBLEM, ["uniform"], 9),
        r"'top-two' was TopTwo\(rounds=3.*is TopTwo\(rounds=4": (PROBLEM, ["uniform", TopTwo(rounds=4)], 9),
        rf"its problems differ: '{PROBLEM.name}' was": (other, ["uniform", TopTwo(rounds=3)], 9),
    }.items():
        with pytest.raises(ValueError, match=words):
            evaluate_regret(problem, strategies, 30, 3, rng=rng, resume=path)
    assert path.read_bytes() == before
    lines = before.splitlines(keepends=True)
    for damaged in (
        b"[0, 0\n",
        b"[0, 0, 30, 1, 10000, 0.0, true, 30, 0.1]\n",
        b'[0, 0, 30, 1, "x0=1", 0.0, true, 30, 0.1]\n',
        b"[0, 0, 30, 1, 0, null, true, 30, 0.1]\n",
    ):
        path.write_bytes(b"".join([*lines[:2], damaged, *lines[2:]]))
        with pytest.raises(ResumeError, match="line 3 is damaged"):
            evaluate_regret(PROBLEM, ["uniform", TopTwo(rounds=3)], 30, 3, rng=9, resume=path)
    for seed in ("{}", '{"entropy": "a few", "spawn_key": []}', "9"):
        header = json.dumps({**json.loads(lines[0]), "seed": json.loads(seed)})
        path.write_text(header + "\n")
        with pytest.raises(ResumeError, match="no seed that could be read"):
            evaluate_regret(PROBLEM, ["uniform", TopTwo(rounds=3)], 30, 3, rng=9, resume=path)
    for content in ("my notes\n", "my notes", '{"a": 1}\n'):
        path.write_text(content)
        with pytest.raises(ValueError, match="does not belong to this run"):
            evaluate_regret(PROBLEM, "uniform", 30, 3, rng=9, resume=path)
        assert path.read_text() == content
    with pytest.raises(ValueError, match="folder"):
        evaluate_regret(PROBLEM, "uniform", 30, 3, rng=9, resume=tmp_path / "nowhere" / "regret.jsonl")
    with pytest.raises(ValueError, match="is a folder"):
        evaluate_regret(PROBLEM, "uniform", 30, 3, rng=9, resume=tmp_path)


def test_two_runs_do_not_write_to_one_file(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    path = tmp_path / "regret.jsonl"
    evaluate_regret(PROBLEM, "uniform", 30, 3, rng=9, resume=path)
    with open(path, "rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(ValueError, match="being written by another run"):
            evaluate_regret(PROBLEM, "uniform", 30, 4, rng=9, resume=path)
