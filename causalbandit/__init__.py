"""Find the best intervention on a causal graph with few experiments, and prove its effect."""

from causalbandit.allocation import thompson_allocation
from causalbandit.bandit_simulation import compare_estimators, simulate_bandits
from causalbandit.counts import Counts
from causalbandit.evaluation import RegretCurves, evaluate_regret
from causalbandit.formats.bif import read_bif
from causalbandit.formats.graph_json import load_problem, save_problem
from causalbandit.graph import CausalGraph, Family
from causalbandit.inference.log import AdaptiveLog
from causalbandit.inference.mad import MixtureAdaptiveDesign
from causalbandit.inference.mad_log import LoggedMAD, mad_from_log, replay_log
from causalbandit.inference.mad_simulation import simulate_mad
from causalbandit.inference.policies import (
    UCB,
    BetaBernoulliThompson,
    EpsilonGreedy,
    FixedPolicy,
    GaussianThompson,
    PolicyFloor,
)
from causalbandit.inference.policy_values import LearnedPolicy, learn_policy, policy_contrasts, policy_value
from causalbandit.inference.scores import aipw_scores
from causalbandit.inference.sequences import arm_sequences, bernoulli_interval, mean_sequence
from causalbandit.inference.values import (
    ArmEstimates,
    arm_contrasts,
    arm_values,
    estimate_arms,
    sample_means,
    value_path,
)
from causalbandit.inference.weights import adaptive_weights
from causalbandit.interventions import InterventionSet
from causalbandit.model import CausalModel
from causalbandit.problem import Problem
from causalbandit.random_problems import random_problem, random_problems
from causalbandit.search.mixture import Mixture, gamma_star, optimal_mixture
from causalbandit.search.strategy import Batch, Decision, Strategy, Task, search
from causalbandit.search.top_two import TopTwo
from causalbandit.search.two_phase import TwoPhase

__version__ = "0.1.0"

__all__ = [
    "UCB",
    "AdaptiveLog",
    "ArmEstimates",
    "Batch",
    "BetaBernoulliThompson",
    "CausalGraph",
    "CausalModel",
    "Counts",
    "Decision",
    "EpsilonGreedy",
    "Family",
    "FixedPolicy",
    "GaussianThompson",
    "InterventionSet",
    "LearnedPolicy",
    "LoggedMAD",
    "Mixture",
    "MixtureAdaptiveDesign",
    "PolicyFloor",
    "Problem",
    "RegretCurves",
    "Strategy",
    "Task",
    "TopTwo",
    "TwoPhase",
    "adaptive_weights",
    "aipw_scores",
    "arm_contrasts",
    "arm_sequences",
    "arm_values",
    "bernoulli_interval",
    "compare_estimators",
    "estimate_arms",
    "evaluate_regret",
    "gamma_star",
    "learn_policy",
    "load_problem",
    "mad_from_log",
    "mean_sequence",
    "optimal_mixture",
    "policy_contrasts",
    "policy_value",
    "random_problem",
    "random_problems",
    "read_bif",
    "replay_log",
    "sample_means",
    "save_problem",
    "search",
    "simulate_bandits",
    "simulate_mad",
    "thompson_allocation",
    "value_path",
]
