"""Find the best intervention on a causal graph with few experiments, and prove its effect.

>>> import networkx as nx
>>> import causalbandit as cb
>>> graph = cb.CausalGraph(nx.DiGraph([("ad", "trust"), ("trust", "purchase")]), target="purchase")
>>> arms = cb.InterventionSet(graph, [{}, {"ad": 1}, {"trust": 1}])
>>> world = cb.CausalModel(graph, {"ad": [0.5], "trust": [0.2, 0.6], "purchase": [0.1, 0.4]})
>>> cb.search(cb.Problem(graph, arms, world), budget=1000, rng=0).best
{'trust': 1}

The public names, in the order in which a campaign meets them:

=================  =====================================================================================================
the problem        `CausalGraph`, `InterventionSet`, `CausalModel`, `Problem`; `load_problem`, `save_problem`,
                   `shipped_problems`, `read_bif`, `random_problem`
                   `fit` for rows from before; `check_graph`: do the data contradict the graph?
the search         `search` with a strategy (`TwoPhase`, `TopTwo`, or one by name), giving a `Decision`; a `Strategy` of
                   one's own yields `Batch` after `Batch`, is sent `Counts`, and returns a `Choice`; `StopWhenSure`;
                   `Limits` of batches, beside a budget of experiments or money
a campaign         `Study`: ask, tell, and so on for weeks, in one file that loses nothing; `DesignStudy` keeps a live
                   design in such a file
the proof          `confirm` by fresh experiments, giving a `Confirmation`; `bernoulli_contrast`;
                   `adjustment_covariates`; `report_page`, `write_report`
its planning       `design`: what a budget will show, before the first experiment, giving a `SearchDesign`;
                   `optimal_mixture`, `gamma_star`, `Mixture`
saved results      `load_result` reads what ``to_dict`` and ``--json`` have written: `RegretCurves` or a `SavedResult`
the comparison     `evaluate_regret`, giving `RegretCurves`; `random_problems`
the proof, live    `MixtureAdaptiveDesign` around a policy (`BetaBernoulliThompson`, `GaussianThompson`, `UCB`,
                   `EpsilonGreedy`, `FixedPolicy`, `PolicyFloor`), giving an `Assignment` per unit; `simulate_mad`;
                   `thompson_allocation`
the proof, a log   `AdaptiveLog`; `mad_from_log`; `estimate_arms` or, step by step, `aipw_scores`, `adaptive_weights`,
                   `arm_values`, `arm_contrasts`; `policy_value`, `policy_contrasts`, `learn_policy`
at any time        `mean_sequence`, `arm_sequences`
when it fails      `Error` and, an argument that cannot be used, `InvalidArgument`; `ResumeError`; `LookaheadWarning`
=================  =====================================================================================================

What the package does is logged under the name ``causalbandit``. Every function that draws random numbers takes a seed
or a `numpy.random.Generator` as ``rng``; the same seed gives the same answer. Tables are pandas frames. Importing the
package computes nothing and leaves cvxpy, matplotlib, pandas, pydantic and joblib for when they are needed.
"""

import logging

from causalbandit.errors import Error, InvalidArgument
from causalbandit.graph import CausalGraph
from causalbandit.interventions import InterventionSet
from causalbandit.model import CausalModel
from causalbandit.problem import Problem
from causalbandit.random_problems import random_problem, random_problems
from causalbandit.formats.graph_json import load_problem, save_problem
from causalbandit.formats.shipped_problems import shipped_problems
from causalbandit.formats.bif import read_bif
from causalbandit.counts import Counts
from causalbandit.strategies.strategy import Batch, Choice, Strategy
from causalbandit.spending import Limits
from causalbandit.strategies.two_phase import TwoPhase
from causalbandit.strategies.top_two import TopTwo
from causalbandit.strategies.stopping import StopWhenSure
from causalbandit.strategies.mixture import Mixture, gamma_star, optimal_mixture
from causalbandit.decision import Decision
from causalbandit.graph_check.check import GraphCheck, check_graph
from causalbandit.history import Fitted, fit
from causalbandit.search_design import design
from causalbandit.search_design_results import SearchDesign
from causalbandit.adjustment import adjustment_covariates
from causalbandit.confirmation import confirm
from causalbandit.confirmation_results import Confirmation
from causalbandit.report import report_page, write_report
from causalbandit.study.database import StudyError
from causalbandit.study.design_study import DesignStudy
from causalbandit.study.study import Study
from causalbandit.driver import search
from causalbandit.evaluation import evaluate_regret
from causalbandit.saved_results import SavedResult, load_result
from causalbandit.finished_searches import ResumeError
from causalbandit.regret_curves import RegretCurves
from causalbandit.allocation import thompson_allocation
from causalbandit.designs.policies import UCB, EpsilonGreedy, FixedPolicy, PolicyFloor
from causalbandit.designs.thompson import BetaBernoulliThompson, GaussianThompson
from causalbandit.designs.assignment_book import Assignment
from causalbandit.designs.mad import MixtureAdaptiveDesign
from causalbandit.designs.mad_simulation import simulate_mad
from causalbandit.inference.log import AdaptiveLog
from causalbandit.designs.mad_log import mad_from_log
from causalbandit.inference.past_means import LookaheadWarning
from causalbandit.inference.scores import aipw_scores
from causalbandit.inference.weights import adaptive_weights
from causalbandit.inference.arm_values import (
    ArmEstimates,
    arm_contrasts,
    arm_values,
    estimate_arms,
)
from causalbandit.inference.learned_policy import LearnedPolicy, learn_policy
from causalbandit.inference.policy_values import policy_contrasts, policy_value
from causalbandit.inference.arm_sequences import arm_sequences
from causalbandit.sequences.streams import mean_sequence
from causalbandit.sequences.bernoulli_contrast import bernoulli_contrast

logging.getLogger("causalbandit").addHandler(logging.NullHandler())  # silent unless the user's program listens

__version__ = "0.1.0"

__all__ = [
    "CausalGraph",
    "InterventionSet",
    "CausalModel",
    "Problem",
    "random_problem",
    "random_problems",
    "load_problem",
    "save_problem",
    "shipped_problems",
    "read_bif",
    "Counts",
    "Batch",
    "Choice",
    "Decision",
    "Strategy",
    "search",
    "design",
    "SearchDesign",
    "fit",
    "Fitted",
    "check_graph",
    "GraphCheck",
    "Study",
    "DesignStudy",
    "StudyError",
    "confirm",
    "Confirmation",
    "adjustment_covariates",
    "report_page",
    "write_report",
    "TwoPhase",
    "TopTwo",
    "StopWhenSure",
    "Limits",
    "Mixture",
    "gamma_star",
    "optimal_mixture",
    "RegretCurves",
    "evaluate_regret",
    "SavedResult",
    "load_result",
    "ResumeError",
    "thompson_allocation",
    "BetaBernoulliThompson",
    "GaussianThompson",
    "UCB",
    "EpsilonGreedy",
    "FixedPolicy",
    "PolicyFloor",
    "MixtureAdaptiveDesign",
    "Assignment",
    "simulate_mad",
    "AdaptiveLog",
    "mad_from_log",
    "aipw_scores",
    "adaptive_weights",
    "ArmEstimates",
    "arm_values",
    "arm_contrasts",
    "estimate_arms",
    "policy_value",
    "policy_contrasts",
    "learn_policy",
    "LearnedPolicy",
    "mean_sequence",
    "bernoulli_contrast",
    "arm_sequences",
    "Error",
    "InvalidArgument",
    "LookaheadWarning",
]
