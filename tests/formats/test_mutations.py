"""Files with random damage: refused with an error for users, or read as a file that is whole; never a hang.

Every kind of file is damaged with the same seeds in every run; a reading that takes more than ten seconds of the
processor is stopped and fails.
"""

import random
import signal
from contextlib import contextmanager

import networkx as nx
import numpy as np
import pytest
from conftest import GRAPHS

import causalbandit as cb
from causalbandit.cli.history import read_rows

PIECES = [b"[", b"{", b"}", b"]", b",", b'"', b":", b"null", b"1e999", b"-1", b"NaN", b"\x00", b"true", b"\n", b";"]

BIF = b"""network small {
}
variable rain {
  type discrete [ 2 ] { no, yes };
}
variable wet {
  type discrete [ 2 ] { no, yes };
}
probability ( rain ) {
  table 0.8, 0.2;
}
probability ( wet | rain ) {
  (no) 0.9, 0.1;
  (yes) 0.2, 0.8;
}
"""

LOG = ("arm,sale,p,age\n" + "".join(f"{'ab'[i % 2]},{i % 3 % 2},0.5,{i}\n" for i in range(12))).encode()
ROWS = ("ad,buy\n" + "1,1\n0,0\n" * 5).encode()


def damaged(content, seed):
    """``content`` with one to four bytes changed, cut out, put in or doubled, or cut off."""
    draw, found = random.Random(seed), bytearray(content)
    for _ in range(draw.choice([1, 1, 1, 2, 4])):
        place = draw.randrange(len(found))
        match draw.randrange(6):
            case 0:
                found[place] = draw.randrange(256)
            case 1:
                del found[place : place + draw.choice([1, 1, 5, 50])]
            case 2:
                found[place:place] = bytes([draw.randrange(32, 127)]) * draw.choice([1, 1, 3, 40])
            case 3:
                other = draw.randrange(len(found))
                found[place:place] = found[other : other + draw.choice([3, 30, 200])]
            case 4:
                found[place : place + 1] = draw.choice(PIECES)
            case _:
                del found[place:]
        found = found or bytearray(b" ")
    return bytes(found)


@contextmanager
def at_most(seconds):
    """Stop what takes more processor time."""

    def late(*_):
        raise AssertionError(f"still reading after {seconds} seconds")

    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def readings(content, path, read, times):
    """How many damaged versions are refused; what the others are read as."""
    refused, found = 0, []
    for seed in range(times):
        path.write_bytes(damaged(content, seed))
        try:
            with at_most(10):
                found.append(read(path))
        except (cb.Error, ValueError, OSError):
            refused += 1
    return refused, found


pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGVTALRM"), reason="needs timers of processor time")


@pytest.mark.parametrize("name", ["bow", "purchase", "funnel"])
def test_damaged_graph_files(name, tmp_path):
    content = (GRAPHS / f"{name}.json").read_bytes()
    refused, found = readings(content, tmp_path / "p.json", cb.load_problem, 60)
    assert refused > 30
    for problem in found:
        cb.save_problem(problem, tmp_path / "q.json")
        assert cb.load_problem(tmp_path / "q.json") == problem


@pytest.mark.usefixtures("one_bif_grammar")
def test_damaged_networks(tmp_path):
    refused, found = readings(BIF, tmp_path / "n.bif", lambda path: cb.read_bif(path, target="wet"), 15)
    assert refused > 5
    for problem in found:
        assert set(problem.graph.nodes) <= {"rain", "wet"}
        for table in problem.tables.values():
            assert ((np.asarray(table) >= 0) & (np.asarray(table) <= 1)).all()


def test_damaged_logs(tmp_path):
    columns = {"arm": "arm", "outcome": "sale", "propensity": "p", "contexts": ["age"], "ordered": True}
    refused, found = readings(LOG, tmp_path / "log.csv", lambda path: cb.AdaptiveLog.from_csv(path, **columns), 60)
    assert refused > 20
    for log in found:
        assert np.isfinite(log.outcomes).all()
        assert ((log.taken_propensities > 0) & (log.taken_propensities <= 1)).all()


def test_damaged_rows(tmp_path):
    graph = cb.CausalGraph(nx.DiGraph([("ad", "buy")]), "buy")
    problem = cb.Problem(graph, cb.InterventionSet(graph, [{}, {"ad": 1}]))
    refused, found = readings(ROWS, tmp_path / "rows.csv", lambda path: cb.fit(problem, read_rows(str(path))), 60)
    assert refused > 20
    for fitted in found:
        assert fitted.problem.model.effects(problem.interventions).max() <= 1


def test_damaged_studies(tmp_path):
    problem = cb.load_problem(GRAPHS / "bow.json")
    with cb.Study.create(tmp_path / "whole.study", problem, 30, "uniform", rng=0) as study:
        study.ask()
        whole = study.status()

    def read(path):
        for leftover in tmp_path.glob("s.study-*"):
            leftover.unlink()
        with cb.Study.open(path) as study:
            return study.status()

    refused, found = readings((tmp_path / "whole.study").read_bytes(), tmp_path / "s.study", read, 40)
    assert refused > 20
    assert all(status == whole for status in found)
