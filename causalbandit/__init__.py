"""Find the best intervention on a causal graph with few experiments, and prove its effect."""

__version__ = "0.1.0"

from causalbandit.allocation import thompson_allocation
from causalbandit.inference.log import AdaptiveLog
from causalbandit.inference.policies import (
    UCB,
    BetaBernoulliThompson,
    EpsilonGreedy,
    FixedPolicy,
    GaussianThompson,
    PolicyFloor,
)

__all__ = [
    "UCB",
    "AdaptiveLog",
    "BetaBernoulliThompson",
    "EpsilonGreedy",
    "FixedPolicy",
    "GaussianThompson",
    "PolicyFloor",
    "thompson_allocation",
]
