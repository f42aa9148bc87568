"""Find the best intervention on a causal graph with few experiments, and prove its effect."""

__version__ = "0.1.0"

from causalbandit.inference.log import AdaptiveLog

__all__ = ["AdaptiveLog"]
