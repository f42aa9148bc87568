"""The value of a mixture and the best mixture by other ways than the package's own."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize


def random_reach(
    rng: np.random.Generator, n_rows: int, n_interventions: int, decades: float = 3.0, density: float = 0.6
):
    """A [C, A] matrix of reaches whose rows are spread over ``decades`` powers of ten; every row is reached."""
    reach = rng.random((n_rows, n_interventions)) * 10.0 ** (-decades * rng.random((n_rows, 1)))
    keep = rng.random(reach.shape) < density
    keep[np.arange(n_rows), rng.integers(n_interventions, size=n_rows)] = True
    return reach * keep


def value_of(weights, reach, objective=None, counts=None, costs=None) -> float:
    """max_a Σ_c W_ca / (n_c + Σ_b η_b β_c(b)/k_b), written with loops."""
    n_rows, n_interventions = reach.shape
    worst = 0.0
    for a in range(n_interventions):
        total = 0.0
        for c in range(n_rows):
            weight = reach[c, a] ** 2 if objective is None else objective[c, a]
            if weight == 0:
                continue
            denominator = 0.0 if counts is None else counts[c]
            for b in range(n_interventions):
                denominator += weights[b] * reach[c, b] / (1.0 if costs is None else costs[b])
            total += weight / denominator if denominator > 0 else np.inf
        worst = max(worst, total)
    return worst


def scipy_value(reach, objective=None, counts=None, costs=None) -> float:
    """The optimum by sequential quadratic programming on the epigraph form, from several starts: another way."""
    n_interventions = reach.shape[1]
    weight = reach**2 if objective is None else objective
    count = np.zeros(len(reach)) if counts is None else counts
    rate = reach if costs is None else reach / costs

    def slack(x):
        return x[-1] - weight.T @ (1 / np.maximum(count + rate @ x[:-1], 1e-12))

    best = np.inf
    rng = np.random.default_rng(5)
    for _ in range(8):
        start = rng.dirichlet(np.full(n_interventions, 5.0))
        solution = minimize(
            lambda x: x[-1],
            np.append(start, value_of(start, reach, objective, counts, costs)),
            constraints=[{"type": "ineq", "fun": slack}, {"type": "eq", "fun": lambda x: x[:-1].sum() - 1}],
            bounds=[(1e-9, 1)] * n_interventions + [(0, None)],
            method="SLSQP",
            options={"ftol": 1e-12, "maxiter": 500},
        )
        weights = np.clip(solution.x[:-1], 0, None)
        best = min(best, value_of(weights / weights.sum(), reach, objective, counts, costs))
    return best
