"""A small problem and quick strategies whose simple regret several tests compare."""

from causalbandit import TopTwo
from causalbandit.random_problems import random_problem

PROBLEM = random_problem(6, rng=0)
QUICK = TopTwo(rounds=3, draws=50)
NAMES = ["top-two", "successive-rejects", "uniform"]
STRATEGIES = [QUICK, "successive-rejects", "uniform"]


def rows(curves):
    """The rows without what differs from run to run."""
    return curves.to_frame().drop(columns="seconds")
