"""How many experiments it takes to be sure which intervention is the best, computed from the true tables.

>>> import networkx as nx
>>> from causalbandit import CausalGraph, CausalModel, InterventionSet, Problem
>>> from causalbandit.strategies.stopping import StopWhenSure
>>> graph = CausalGraph(nx.DiGraph([("ad", "trust"), ("trust", "purchase")]), target="purchase")
>>> model = CausalModel(graph, {"ad": [0.5], "trust": [0.2, 0.6], "purchase": [0.1, 0.4]})
>>> problem = Problem(graph, InterventionSet(graph, [{}, {"ad": 0}, {"ad": 1}]), model)
>>> forecast(problem, StopWhenSure()).experiments
187
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from causalbandit.arrays import Floats, Integers
from causalbandit.interventions import intervention_label
from causalbandit.problem import Problem
from causalbandit.propagation import propagate
from causalbandit.sequences.boundaries import find_root, normal_mixture
from causalbandit.strategies.maximise import Maximisation
from causalbandit.strategies.mixture import Mixture, optimal_mixture
from causalbandit.strategies.stopping import BY_GRAPH, PRECISION, StopWhenSure
from causalbandit.text import shortened

SURE_ENOUGH = 1e-2
"""Gap to which the mixture is solved: a forecast has no use for more digits."""


@dataclass(frozen=True, eq=False)
class Forecast:
    """The number of experiments with which `StopWhenSure` stops by the graph, if it goes well.

    Attributes
    ----------
    experiments : int or None
        How many are needed; None when no number is enough, because another intervention is exactly as good and the
        tolerance is 0.
    best, closest : str
        Labels of the best intervention and of the rival that takes the most experiments.
    stop : StopWhenSure
        The rule.
    mixture : Mixture or None
        How the experiments are spread.
    """

    experiments: int | None
    best: str
    closest: str
    stop: StopWhenSure
    mixture: Mixture | None

    def sentence(self) -> str:
        """The forecast in words."""
        within = f"within {self.stop.tolerance:g} of the best" if self.stop.tolerance else "the best"
        if self.experiments is None:
            return (
                f"No number of experiments shows which is the best at error rate {self.stop.error:g}: {self.closest} "
                f"is as good as {self.best}. Allow a tolerance above 0."
            )
        return (
            f"About {self.experiments:,} experiments show that {self.best} is {within}, at error rate "
            f"{self.stop.error:g}: computed from the true tables, with experiments spread for this question from the "
            "first on. A search has to learn how to spread them, and needs more."
        )


def forecast(problem: Problem, stop: StopWhenSure) -> Forecast:
    """How many experiments the rule ``stop`` needs on ``problem``, whose tables must be known.

    With experiments spread by a mixture η, the lead of the best intervention over a rival b has the variance
    v_b(η)/n = Σ_c (g_c − g_c(b))² α_c(1 − α_c)/(n·(Bη)_c) after n experiments. The rule excludes b once 1/variance is
    I_b, where the normal-mixture boundary, with one standard deviation to spare for an unlucky estimate, meets lead +
    tolerance. So n = min over η of max over b of I_b·v_b(η), a mixture problem (`causalbandit.strategies.mixture`).
    """
    interventions, model = problem.interventions, problem.require_model()
    cpt = model.cpt_for(interventions)
    found = propagate(interventions, cpt, reach=True, gradient=True)
    assert found.reach is not None
    assert found.gradient is not None
    gains = Maximisation.of(problem).gains(found.effects)
    leader = int(gains.argmax())
    labels = [shortened(intervention_label(interventions[place]), 40) for place in range(len(gains))]
    lead = gains[leader] - gains + stop.tolerance
    weights = (found.gradient[:, [leader]] - found.gradient) ** 2 * (cpt * (1.0 - cpt))[:, None]
    rivals = np.flatnonzero(weights.max(axis=0) > 0.0)
    if not len(rivals):
        return Forecast(0, labels[leader], labels[leader], stop, None)
    closest = int(rivals[lead[rivals].argmin()])
    if lead[closest] <= 0.0:
        return Forecast(None, labels[leader], labels[closest], stop, None)
    each = BY_GRAPH * stop.error / max(len(interventions.groups) - 1, 1)
    precision = np.zeros(len(gains))
    precision[rivals] = needed_precision(lead[rivals], each)
    mixture = optimal_mixture(found.reach, weights * precision, tolerance=SURE_ENOUGH)
    hardest = int(mixture.dual.argmax())
    return Forecast(math.ceil(mixture.value), labels[leader], labels[hardest], stop, mixture)


def needed_precision(lead: Floats, alpha: float) -> Floats:
    """I at which the boundary u(I)/I and one standard deviation, 1/√I, have come down to ``lead`` > 0; [rivals]."""

    def excess(u: Floats, at: Integers) -> Floats:
        precision = np.exp(u)
        boundary = normal_mixture(precision, alpha, PRECISION, one_sided=True) + np.sqrt(precision)
        return np.asarray(np.log(precision * lead[at] / boundary))

    # For leads up to 2 the boundary is reached between 1 and a few hundred divided by the lead squared.
    low, high = np.zeros(len(lead)), np.log(1e4 / lead**2 + 1e4)
    roots: Floats = np.exp(find_root(excess, low, high, 1e-6))
    return roots
