"""How often confidence sequences leave the truth out in any round of long paths, into results/sequences.md.

    python tests/benchmarks/sequences.py [replications]

Two arms, outcomes 0 or 1 with the same mean, 3,000 rounds of greedy choice with 10 % exploration: the sequences are
those of one arm's own outcomes, whose number and timing depend on what they were. α = 0.1, both sides.
"""

import sys
from pathlib import Path

import numpy as np

from causalbandit.sequences.streams import sequence_ends

RESULTS = Path(__file__).parent / "results"
METHODS = ("bernoulli", "normal-mixture", "gamma-exponential", "stitching", "asymptotic", "naive")
N_ROUNDS, ALPHA = 3000, 0.1


def greedy_streams(mean: float, replications: int, rng: np.random.Generator) -> list[np.ndarray]:
    """The outcomes of arm 0 in each of R experiments, in the order of time."""
    ones, pulls = np.ones((replications, 2)), np.full((replications, 2), 2.0)
    every = np.arange(replications)
    arms, outcomes = np.empty((N_ROUNDS, replications), dtype=np.int8), np.empty((N_ROUNDS, replications))
    for t in range(N_ROUNDS):
        best = (ones[:, 1] / pulls[:, 1] > ones[:, 0] / pulls[:, 0]).astype(np.int8)
        arms[t] = np.where(rng.random(replications) < 0.9, best, 1 - best)
        outcomes[t] = rng.random(replications) < mean
        ones[every, arms[t]] += outcomes[t]
        pulls[every, arms[t]] += 1.0
    return [outcomes[arms[:, place] == 0, place] for place in range(replications)]


def main() -> None:
    replications = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    lines = [
        "# Whole paths of confidence sequences",
        "",
        "Share of experiments whose sequence leaves the truth out in any round, at α = 0.1 on both sides together. "
        f"Two arms with outcomes 0 or 1 and equal means, {N_ROUNDS} rounds of greedy choice with 10 % exploration; "
        f"the sequences are those of one arm's outcomes. {replications} experiments, so that the Monte Carlo "
        f"standard error of a rate of 0.1 is {np.sqrt(0.09 / replications):.4f}. The first four are exact; "
        "asymptotic is counted from the arm's 50th outcome; naive is the textbook interval, which is meant for one "
        "look. Width: at the arm's last outcome. Made by `python tests/benchmarks/sequences.py`.",
        "",
        "| mean | method | miss rate of paths | mean width |",
        "|---|---|---|---|",
    ]
    for mean in (0.05, 0.5):
        streams = greedy_streams(mean, replications, np.random.default_rng(int(100 * mean)))
        for method in METHODS:
            missed, widths = 0, []
            for stream in streams:
                _, lower, upper = sequence_ends(stream, method, ALPHA, bounds=(0.0, 1.0), t_opt=500.0)
                first = 50 if method == "asymptotic" else 0
                missed += bool(((lower > mean) | (upper < mean))[first:].any())
                widths.append(upper[-1] - lower[-1])
            lines.append(f"| {mean} | {method} | {missed / replications:.4f} | {np.mean(widths):.4f} |")
            print(lines[-1], flush=True)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "sequences.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
