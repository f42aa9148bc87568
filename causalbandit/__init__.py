"""Find the best intervention on a causal graph with few experiments, and prove its effect.

The public names, in the order in which a campaign meets them:

=================  =====================================================================================================
the problem        `CausalGraph`, `InterventionSet`, `CausalModel`, `Problem`; `load_problem`, `save_problem`,
                   `read_bif`, `random_problem`
the search         `search` with a strategy (`TwoPhase`, `TopTwo`, or one by name), giving a `Decision`; a strategy of
                   one's own takes a `Task`, yields `Batch`, is sent `Counts`
its planning       `optimal_mixture`, `gamma_star`, `Mixture`
the comparison     `evaluate_regret`, giving `RegretCurves`; `random_problems`
the proof, live    `MixtureAdaptiveDesign` around a policy (`BetaBernoulliThompson`, `GaussianThompson`, `UCB`,
                   `EpsilonGreedy`, `FixedPolicy`, `PolicyFloor`); `simulate_mad`; `thompson_allocation`
the proof, a log   `AdaptiveLog`; `mad_from_log`; `estimate_arms` or, step by step, `aipw_scores`, `adaptive_weights`,
                   `arm_values`, `arm_contrasts`, `value_path`; `policy_value`, `policy_contrasts`, `learn_policy`
at any time        `mean_sequence`, `bernoulli_interval`, `arm_sequences`
simulated logs     `simulate_bandits`, `compare_estimators`
=================  =====================================================================================================

Importing the package computes nothing and leaves cvxpy, matplotlib, pandas, pydantic and joblib for when they are
needed.
"""

from causalbandit.graph import CausalGraph, Family
from causalbandit.interventions import InterventionSet
from causalbandit.model import CausalModel
from causalbandit.problem import Problem
from causalbandit.random_problems import random_problem, random_problems
from causalbandit.formats.graph_json import load_problem, save_problem
from causalbandit.formats.bif import read_bif
from causalbandit.counts import Counts
from causalbandit.strategies.strategy import Batch, Decision, Strategy, Task, search
from causalbandit.strategies.two_phase import TwoPhase
from causalbandit.strategies.top_two import TopTwo
from causalbandit.strategies.mixture import Mixture, gamma_star, optimal_mixture
from causalbandit.evaluation import RegretCurves, evaluate_regret
from causalbandit.allocation import thompson_allocation
from causalbandit.designs.policies import (
    UCB,
    BetaBernoulliThompson,
    EpsilonGreedy,
    FixedPolicy,
    GaussianThompson,
    PolicyFloor,
)
from causalbandit.designs.mad import MixtureAdaptiveDesign
from causalbandit.designs.mad_simulation import simulate_mad
from causalbandit.inference.log import AdaptiveLog
from causalbandit.designs.mad_log import LoggedMAD, mad_from_log, replay_log
from causalbandit.inference.scores import aipw_scores
from causalbandit.inference.weights import adaptive_weights
from causalbandit.inference.arm_values import (
    ArmEstimates,
    arm_contrasts,
    arm_values,
    estimate_arms,
    sample_means,
    value_path,
)
from causalbandit.inference.policy_values import LearnedPolicy, learn_policy, policy_contrasts, policy_value
from causalbandit.sequences.streams import arm_sequences, bernoulli_interval, mean_sequence
from causalbandit.bandit_simulation import compare_estimators, simulate_bandits

__version__ = "0.1.0"

__all__ = [
    "CausalGraph",
    "Family",
    "InterventionSet",
    "CausalModel",
    "Problem",
    "random_problem",
    "random_problems",
    "load_problem",
    "save_problem",
    "read_bif",
    "Counts",
    "Batch",
    "Decision",
    "Strategy",
    "Task",
    "search",
    "TwoPhase",
    "TopTwo",
    "Mixture",
    "gamma_star",
    "optimal_mixture",
    "RegretCurves",
    "evaluate_regret",
    "thompson_allocation",
    "BetaBernoulliThompson",
    "GaussianThompson",
    "UCB",
    "EpsilonGreedy",
    "FixedPolicy",
    "PolicyFloor",
    "MixtureAdaptiveDesign",
    "simulate_mad",
    "AdaptiveLog",
    "LoggedMAD",
    "mad_from_log",
    "replay_log",
    "aipw_scores",
    "adaptive_weights",
    "ArmEstimates",
    "arm_values",
    "arm_contrasts",
    "estimate_arms",
    "sample_means",
    "value_path",
    "policy_value",
    "policy_contrasts",
    "learn_policy",
    "LearnedPolicy",
    "mean_sequence",
    "bernoulli_interval",
    "arm_sequences",
    "simulate_bandits",
    "compare_estimators",
]
