"""Weightings for the value of a policy on a synthetic contextual bandit, into results/contextual.md.

    python tests/benchmarks/contextual.py [replications]

Three arms, two contexts uniform on [−1, 1], linear means, standard normal noise. The design is linear Thompson sampling
in 40 batches with the floor (1/K)·t^(−0.5) for a batch that begins at round t. The truth is known by integration.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tqdm import tqdm

from causalbandit.bandit_simulation import floored
from causalbandit.inference.log import AdaptiveLog
from causalbandit.inference.policy_values import WEIGHTINGS, policy_value

RESULTS = Path(__file__).parent / "results"
SLOPES = np.array([[1.0, 0.0], [-0.5, 0.9], [-0.5, -0.9]])  # arm w pays slope·x on average
BATCHES, BATCH, DRAWS = 40, 50, 60
N_ROUNDS = BATCHES * BATCH


def optimal(contexts: np.ndarray) -> np.ndarray:
    """The best arm at each context."""
    return (contexts @ SLOPES.T).argmax(axis=1)


def half(contexts: np.ndarray) -> np.ndarray:
    """A policy that looks at the first context only: not optimal, and different from the design in many rounds."""
    return np.where(contexts[:, 0] > 0, 0, 1)


def worst(contexts: np.ndarray) -> np.ndarray:
    """The worst arm at each context, which the design drops."""
    return (contexts @ SLOPES.T).argmin(axis=1)


POLICIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {"optimal": optimal, "half": half, "worst": worst}


def experiment(seed: np.random.SeedSequence) -> tuple[AdaptiveLog, Callable[[int, np.ndarray], np.ndarray]]:
    """One experiment, and the design's propensities at any contexts."""
    rng = np.random.default_rng(seed)
    contexts = rng.uniform(-1, 1, (N_ROUNDS, 2))
    arms, outcomes = np.empty(N_ROUNDS, dtype=np.int64), np.empty(N_ROUNDS)
    propensities = np.empty((N_ROUNDS, 3))
    rules: dict[int, np.ndarray] = {}
    with_one = np.column_stack([np.ones(N_ROUNDS), contexts])

    def chances(start: int, x: np.ndarray) -> np.ndarray:
        best = np.einsum("nd,dks->nks", np.column_stack([np.ones(len(x)), x]), rules[start]).argmax(axis=1)
        share = np.stack([(best == arm).mean(axis=1) for arm in range(3)], axis=1)
        return floored(share, (start + 1.0) ** -0.5 / 3)

    for start in range(0, N_ROUNDS, BATCH):
        rows = slice(start, start + BATCH)
        beta = np.empty((3, 3, DRAWS))
        for arm in range(3):
            seen = np.flatnonzero(arms[:start] == arm)
            precision = np.eye(3) + with_one[seen].T @ with_one[seen]
            mean = np.linalg.solve(precision, with_one[seen].T @ outcomes[seen])
            beta[:, arm] = rng.multivariate_normal(mean, np.linalg.inv(precision), DRAWS).T
        rules[start] = beta
        propensities[rows] = chances(start, contexts[rows])
        arms[rows] = (rng.random(BATCH)[:, None] > propensities[rows].cumsum(axis=1)[:, :-1]).sum(axis=1)
        outcomes[rows] = (contexts[rows] * SLOPES[arms[rows]]).sum(axis=1) + rng.normal(size=BATCH)
    log = AdaptiveLog(arms, outcomes, propensities, contexts=contexts, batches=np.repeat(np.arange(BATCHES), BATCH))
    known: dict[int, np.ndarray] = {}

    def propensity(t: int, x: np.ndarray) -> np.ndarray:
        if x is not log.contexts:
            return chances(t, x)
        if t not in known:
            known[t] = chances(t, x)
        return known[t]

    return log, propensity


def truths() -> dict[str, float]:
    """The policies' values, on a grid of midpoints."""
    side = (np.arange(2000) + 0.5) / 1000 - 1
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    pay = grid @ SLOPES.T
    return {name: float(pay[np.arange(len(grid)), policy(grid)].mean()) for name, policy in POLICIES.items()}


def main() -> None:
    replications = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    found = np.empty((len(WEIGHTINGS), replications, len(POLICIES), 3))
    for place, seed in enumerate(tqdm(np.random.SeedSequence(0).spawn(replications), disable=None)):
        log, propensity = experiment(seed)
        for number, weighting in enumerate(WEIGHTINGS):
            rule = None if weighting == "uniform" else propensity
            table = policy_value(log, POLICIES, rule, weighting, alpha=0.1)
            found[number, place] = table[["estimate", "lower", "upper"]].to_numpy()
    lines = [
        "# Weightings for the value of a policy, contextual bandit",
        "",
        f"{__doc__.split(chr(10), 4)[4].strip()} {N_ROUNDS} rounds, {replications} replications, 90 % intervals. RMSE "
        "ratio: against uniform weights, ± its Monte Carlo standard error from 200 bootstrap samples of the "
        "replications.",
        "",
        "| policy | truth | weighting | bias | RMSE | RMSE ratio | coverage | width |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rng = np.random.default_rng(1)
    samples = rng.integers(0, replications, (200, replications))
    for policy, (name, truth) in enumerate(truths().items()):
        squares = (found[:, :, policy, 0] - truth) ** 2
        for number, weighting in enumerate(WEIGHTINGS):
            estimate, lower, upper = found[number, :, policy].T
            ratio = np.sqrt(squares[number].mean() / squares[0].mean())
            spread = np.sqrt(squares[number][samples].mean(axis=1) / squares[0][samples].mean(axis=1)).std()
            covered = ((lower <= truth) & (truth <= upper)).mean()
            lines.append(
                f"| {name} | {truth:.4f} | {weighting} | {estimate.mean() - truth:+.4f} | "
                f"{np.sqrt(squares[number].mean()):.4f} | "
                f"{ratio:.3f} ± {spread:.3f} | {covered:.3f} | {(upper - lower).mean():.4f} |"
            )
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "contextual.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
