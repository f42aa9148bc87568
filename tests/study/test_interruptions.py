"""Killed processes and many at once: no acknowledged row is lost, nothing is handed out twice, the decision stays.

A small part of tests/benchmarks/study_kills.py.
"""

import os

import numpy as np
import pytest
from interruptions import Ledger, confirmed_too, ended, killed, made, together, work

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that can be killed")


def campaign(path, seed=3, confirmation=True):
    made(path, 50, seed)
    if confirmation:
        confirmed_too(path, 30)
    return path


def test_killed_processes_lose_nothing_and_end_in_the_same_decision(tmp_path):
    path = campaign(tmp_path / "a.study")
    ledger = killed(path, 5, np.random.default_rng(1), longest=0.03)
    assert (ledger.lost, ledger.twice) == ([], [])
    assert sum(ledger.struck.values()) == 5
    work(path, 9)
    work(other := campaign(tmp_path / "b.study"), 5)
    assert ended(path) == ended(other)


def test_processes_at_once_share_the_experiments_and_keep_the_budget(tmp_path):
    path = campaign(tmp_path / "a.study")
    ledger = together(path, 4, 1)
    assert (ledger.lost, ledger.twice) == ([], [])
    assert len(ledger.asked) == 80
    assert len(ledger.told) + len(ledger.abandoned) == 80
    work(other := campaign(tmp_path / "b.study"), 5)
    assert ended(path) == ended(other)


def test_a_lost_row_and_a_double_experiment_would_be_found(tmp_path):
    path = campaign(tmp_path / "a.study", confirmation=False)
    ledger = Ledger()
    ledger.note([["asked", [1, 2]], ["asked", [2]], ["told", [1]]])
    ledger.verify(path)
    assert ledger.twice == [2]
    assert 1 in ledger.lost
