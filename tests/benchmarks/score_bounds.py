"""Exact bounds from inverse-propensity scores beside a Mixture Adaptive Design's sequence, while means drift or not.

    python tests/benchmarks/score_bounds.py [replications]

writes tests/benchmarks/results/score_bounds.md: two arms, greedy with propensities of .1 and .9 or even ones, outcomes
0 or 1 or beta; misses over whole paths of the mean effect so far, and lengths at the end.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from causalbandit.sequences.asymptotic import asymptotic_radius
from causalbandit.sequences.score_bounds import score_paths

RESULTS = Path(__file__).parent / "results"
ROUNDS, ALPHA, FIRST = 1500, 0.05, 100
CELLS = {
    "equal .5": ((0.5, 0.5), 0.0, False),
    "equal .05": ((0.05, 0.05), 0.0, False),
    ".3 and .4": ((0.3, 0.4), 0.0, False),
    ".3 and .4, drifting": ((0.3, 0.4), 0.25, False),
    ".3 and .4, beta outcomes": ((0.3, 0.4), 0.0, True),
}


def experiment(
    levels: tuple[float, float],
    drift: float,
    continuous: bool,
    greed: float,
    replications: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, ...]:
    """Arms, outcomes, propensities [R, T] and mean effects so far [T]; arm 1 is favoured by ``greed`` while ahead."""
    t = np.arange(ROUNDS)
    means = np.stack([np.full(ROUNDS, levels[0]), levels[1] + drift * np.sin(t / 200)])
    arms = np.zeros((replications, ROUNDS), dtype=int)
    outcomes, propensities = np.empty((2, replications, ROUNDS))
    sums, pulls = np.full((replications, 2), 0.5), np.ones((replications, 2))
    every = np.arange(replications)
    for now in range(ROUNDS):
        ahead = sums[:, 1] / pulls[:, 1] > sums[:, 0] / pulls[:, 0]
        treated = np.where(ahead, greed, 1 - greed)
        arm = (rng.random(replications) < treated).astype(int)
        mean = means[arm, now]
        outcome = rng.beta(4 * mean, 4 * (1 - mean)) if continuous else (rng.random(replications) < mean).astype(float)
        arms[:, now], outcomes[:, now] = arm, outcome
        propensities[:, now] = np.where(arm == 1, treated, 1 - treated)
        sums[every, arm] += outcome
        pulls[every, arm] += 1
    return arms, outcomes, propensities, np.cumsum(means[1] - means[0]) / (t + 1)


def main() -> None:
    replications = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    lines = [
        "# Exact bounds from inverse-propensity scores",
        "",
        f"Share of {replications} experiments of {ROUNDS:,} rounds whose 95 % sequence leaves out the mean effect "
        f"so far in any round (design's own sequence: from {FIRST} on), and the median length at the end; the "
        "design's own sequence takes the same rounds with t* = the number of rounds. Made by "
        "`python tests/benchmarks/score_bounds.py`.",
        "",
        "| outcomes | propensities | exact misses | length | design's misses | length | ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    for cell, (levels, drift, continuous) in CELLS.items():
        for greed in (0.5, 0.9):
            rng = np.random.default_rng([list(CELLS).index(cell), int(10 * greed)])
            *rows, effects = experiment(levels, drift, continuous, greed, replications, rng)
            missed, lengths = np.zeros(2, dtype=int), []
            for arms, outcomes, propensities in zip(*rows, strict=True):
                _, lower, upper = score_paths(arms, outcomes, propensities, 2, bounds=(0, 1), alpha=ALPHA, t_opt=ROUNDS)
                missed[0] += bool(((lower[:, 0] > effects) | (upper[:, 0] < effects)).any())
                scores = np.where(arms == 1, 1, -1) * outcomes / propensities
                rounds = np.arange(1, ROUNDS + 1)
                radius = asymptotic_radius(np.cumsum(scores**2), rounds, ALPHA, ROUNDS)
                missed[1] += bool((np.abs(np.cumsum(scores) / rounds - effects) > radius)[FIRST - 1 :].any())
                lengths.append((upper[-1, 0] - lower[-1, 0], 2 * radius[-1]))
            exact, design = np.median(lengths, axis=0)
            lines.append(
                f"| {cell} | {'even' if greed == 0.5 else 'greedy'} | {missed[0] / replications:.3f} | {exact:.3f} | "
                f"{missed[1] / replications:.3f} | {design:.3f} | {exact / design:.2f} |"
            )
            print(lines[-1], flush=True)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "score_bounds.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
