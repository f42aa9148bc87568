"""Does the data contradict the graph? Claims, their e-values, contradictions in words, and repairs."""

from causalbandit.graph_check.check import GraphCheck, check_graph
from causalbandit.graph_check.contradictions import Contradiction

__all__ = ["Contradiction", "GraphCheck", "check_graph"]
