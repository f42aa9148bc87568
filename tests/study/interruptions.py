"""Campaigns run by processes that are killed at random moments, or by many processes at once; what must hold of them.

Every process tells its parent through a pipe what it begins and what a call has returned. What was returned counts as
acknowledged: the file must have it. What an experiment shows, and whether it is given up, depends on its id alone, so
that every run of a campaign must end in the same decision.
"""

import json
import os
import signal
import time
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from campaigns import funnel, outcomes

from causalbandit.study.study import Study

GIVEN_UP = 7
"""Experiments whose id is a multiple of this are given up."""
PROVED = [{"ad": 1}, {"ad": 1, "mail": 1}]
"""What the confirmation compares with doing nothing."""


def made(path, budget, seed, strategy="top-two"):
    """A new study of the funnel, closed."""
    Study.create(path, funnel(), budget, strategy, seed).close()


def confirmed_too(path, budget):
    """Begin the confirmation of a study, all of whose experiments are to be run."""
    with Study.open(path) as study:
        study.confirm(PROVED, budget=budget, stop_early=False)


def ended(path):
    """What a finished study answers: the decision, and the table of its confirmation if it has one."""
    with Study.open(path) as study:
        decision = study.result().to_dict()
        if study.status().confirmation is None:
            return decision, None
        return decision, study.confirmation().estimates().round(9).to_csv()


def work(path, seed, say=lambda *said: None, wait=False):
    """Ask, tell and abandon in random portions until the study is finished, saying what begins and what is done."""
    rng = np.random.default_rng(seed)
    with Study.open(path) as study:
        todo = study.outstanding() if not wait else study.outstanding().iloc[:0]
        say("open")
        while True:
            if not len(todo):
                say("begin", "ask")
                todo = study.ask(int(rng.integers(1, 9)))
                say("asked", todo["id"].tolist())
                if not len(todo):
                    status = study.status()
                    if status.finished and (status.confirmation is None or status.confirmation.complete):
                        break
                    assert wait, "nothing to do, and yet not finished"
                    time.sleep(0.001)  # other processes have what is left
                    continue
            now = rng.random(len(todo)) < 0.7
            lost = todo["id"].to_numpy() % GIVEN_UP == 0
            if (now & lost).any():
                ids = todo.loc[now & lost, "id"].tolist()
                say("begin", "abandon")
                study.abandon(ids)
                say("abandoned", ids)
            if (now & ~lost).any():
                rows = outcomes(study.problem, todo[now & ~lost]).sample(frac=1, random_state=int(rng.integers(2**31)))
                say("begin", "tell")
                study.tell(rows)
                say("told", rows["id"].tolist())
            todo = todo[~now]
    say("done")


class Worker:
    """A child process that works on a study: ``job(path, seed, say, wait)``."""

    def __init__(self, path, seed, wait=False, job=work):
        self._read, write = os.pipe()
        self.process = os.fork()
        if not self.process:
            code = 1
            try:
                os.close(self._read)
                job(path, seed, lambda *said: os.write(write, json.dumps(said).encode() + b"\n"), wait)
                code = 0
            finally:
                os._exit(code)
        os.close(write)
        self._said = b""

    def opened(self):
        """Wait until the child has opened the study."""
        while b"\n" not in self._said and (read := os.read(self._read, 65536)):
            self._said += read

    def kill(self):
        os.kill(self.process, signal.SIGKILL)

    def ended(self):
        """Wait for the child's end; all that it said, and its exit code."""
        while read := os.read(self._read, 65536):
            self._said += read
        os.close(self._read)
        _, status = os.waitpid(self.process, 0)
        lines = [json.loads(line) for line in self._said.decode().split("\n") if line]
        return lines, os.waitstatus_to_exitcode(status)


@dataclass
class Ledger:
    """What was acknowledged.

    Attributes
    ----------
    asked, told, abandoned : set of int
        Ids by what was done with them.
    struck : Counter
        In which call, or between calls, processes were killed.
    twice : list of int
        Ids that were handed out more than once.
    lost : list of int
        Acknowledged ids that the file has not, or otherwise than told.
    """

    asked: set = field(default_factory=set)
    told: set = field(default_factory=set)
    abandoned: set = field(default_factory=set)
    struck: Counter = field(default_factory=Counter)
    twice: list = field(default_factory=list)
    lost: list = field(default_factory=list)

    def note(self, lines):
        """Enter what a process has said."""
        for kind, *rest in lines:
            if kind == "asked":
                self.twice += [number for number in rest[0] if number in self.asked]
                self.asked |= set(rest[0])
            elif kind in ("told", "abandoned"):
                getattr(self, kind).update(rest[0])

    def verify(self, path):
        """Compare the file with what was acknowledged."""
        with Study.open(path) as study:
            rows = study.rows().set_index("id")
            self.lost += sorted(self.told - set(rows.index))
            known = rows[rows.index > 0]
            todo = pd.DataFrame({"id": known.index} | {node: pd.NA for node in study.problem.graph.nodes})
            for node in study.problem.graph.nodes:
                fixed = [f"{node}=1" in label.split(", ") for label in known["intervention"]]
                todo[node] = pd.array([1 if one else pd.NA for one in fixed], dtype="Int8")
            shown = outcomes(study.problem, todo).set_index("id")
            self.lost += known.index[(known[shown.columns].astype(int) != shown.astype(int)).any(axis=1)].tolist()
            left = set(study.outstanding()["id"])
            self.lost += sorted(self.abandoned & (left | set(rows.index)))
            self.lost += sorted(self.asked - set(rows.index) - left - self.abandoned - unacknowledged(study))
        return len(rows)


def unacknowledged(study):
    """Ids that a process gave up and then had no time to say so."""
    status = study._store.rows("SELECT id FROM abandoned")
    found = {number for (number,) in status}
    proof = study._proof()
    if proof is not None:
        states = proof._ledger.running().states
        found |= {10**7 + number for number, state in states.items() if state == "abandoned"}
    return found


def killed(path, kills, rng, longest=0.06, ledger=None):
    """Kill process after process at random moments until ``kills`` have died or the study is finished."""
    ledger = Ledger() if ledger is None else ledger
    for _ in range(kills):
        worker = Worker(path, int(rng.integers(2**31)))
        worker.opened()
        time.sleep(rng.uniform(0, longest))
        worker.kill()
        lines, _ = worker.ended()
        ledger.note(lines)
        if lines and lines[-1][0] == "done":
            break
        ledger.struck[lines[-1][1] if lines[-1][0] == "begin" else "between calls"] += 1
        ledger.verify(path)
    return ledger


def together(path, processes, seed):
    """Several processes at once until the study is finished; what was acknowledged."""
    workers = [Worker(path, seed + k, wait=True) for k in range(processes)]
    ledger = Ledger()
    for worker in workers:
        lines, code = worker.ended()
        assert code == 0, lines[-3:]
        ledger.note(lines)
    ledger.verify(path)
    return ledger
