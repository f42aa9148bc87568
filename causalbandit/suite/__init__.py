"""The suite: named families of problems, strategies run on them, and score cards against the shipped results.

>>> from causalbandit import suite
>>> results = suite.run_suite(["uniform"], families=["parity"], replications=2)
>>> card = results.score_card(against=["uniform-plug-in"])
>>> card.to_frame()[["family", "reference", "cells"]].values.tolist()
[['parity', 'uniform-plug-in', 12]]
"""

from causalbandit.suite.problems import FAMILIES, SuiteProblem, suite_problems
from causalbandit.suite.results import SuiteResults, shipped_results
from causalbandit.suite.runs import SEED, run_suite
from causalbandit.suite.score_card import ScoreCard

__all__ = [
    "FAMILIES",
    "SEED",
    "ScoreCard",
    "SuiteProblem",
    "SuiteResults",
    "run_suite",
    "shipped_results",
    "suite_problems",
]
