"""Exact contrasts of two Bernoulli arms: misses over whole paths under adaptive policies, and speed.

    python tests/benchmarks/bernoulli_contrast.py [replications]

writes tests/benchmarks/results/bernoulli_contrast.md. A path is a miss when the interval for the difference leaves the
truth out after any of 1,500 rounds in which both arms have been tried.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # the policies are the suite's

from scipy.special import ndtri
from two_armed_policies import POLICIES, UNFAIR, run

from causalbandit.sequences.bernoulli_contrast import bernoulli_contrast
from causalbandit.sequences.bernoulli_region import Arm
from causalbandit.sequences.tilted_contrast import excluded

RESULTS = Path(__file__).parent / "results"
ROUNDS, ALPHA = 1500, 0.05
TRUTHS = ((0.5, 0.5), (0.02, 0.03), (0.3, 0.4))


def misses(policy: str, truth: tuple[float, float], replications: int, seed: int) -> list[float]:
    """Shares of paths missed by the exact, planned and naive intervals, and median widths of the first two."""
    wrong, wrong_planned, wrong_naive, widths, planned_widths = 0, 0, 0, [], []
    difference = truth[1] - truth[0]
    for block, size in enumerate(np.diff(np.r_[np.arange(0, replications, 100), replications])):
        ones, pulls = run(policy, truth, ROUNDS, int(size), np.random.default_rng([seed, block]))
        both = pulls.min(axis=2) > 0
        found = bernoulli_contrast(ones[..., 1], pulls[..., 1], ones[..., 0], pulls[..., 0], ALPHA)
        wrong += int((((found.lower > difference) | (found.upper < difference)) & both).any(axis=0).sum())
        widths += list(found.upper[-1] - found.lower[-1])
        arms = [
            Arm(s.ravel().astype(float), (n - s).ravel().astype(float))
            for s, n in ((ones[..., k], pulls[..., k]) for k in (1, 0))
        ]
        out = excluded(*arms, ALPHA, ROUNDS, difference).reshape(both.shape)
        wrong_planned += int((out & both).any(axis=0).sum())
        last = bernoulli_contrast(
            ones[-1, :, 1], pulls[-1, :, 1], ones[-1, :, 0], pulls[-1, :, 0], ALPHA, planned=ROUNDS
        )
        planned_widths += list(last.upper - last.lower)
        mean = ones / np.maximum(pulls, 1)
        radius = -ndtri(ALPHA / 2) * np.sqrt((mean * (1 - mean) / np.maximum(pulls, 1)).sum(axis=2))
        off = np.abs(mean[..., 1] - mean[..., 0] - difference) > radius
        wrong_naive += int((off & (pulls.min(axis=2) >= 30)).any(axis=0).sum())
    shares = [count / replications for count in (wrong, wrong_planned, wrong_naive)]
    return [*shares, float(np.median(widths)), float(np.median(planned_widths))]


def speed(rng: np.random.Generator) -> list[str]:
    """Processor seconds for 10⁵ contrasts, best of five, per scale."""
    trials, control_trials = rng.integers(0, 5000, (2, 100_000))
    ones, control_ones = rng.binomial(trials, rng.random(100_000)), rng.binomial(control_trials, rng.random(100_000))
    lines = []
    for scale, planned in (("difference", None), ("ratio", None), ("odds-ratio", None), ("difference, planned", 5000)):
        taken, name = [], scale.split(",")[0]
        for _ in range(5 if planned is None else 1):
            start = time.process_time()
            bernoulli_contrast(ones, trials, control_ones, control_trials, scale=name, planned=planned)  # type: ignore
            taken.append(time.process_time() - start)
        lines.append(f"| {scale} | {min(taken):.2f} |")
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    replications = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    lines = [
        "# Exact contrasts of two Bernoulli arms",
        "",
        f"Share of {replications:,} experiments of {ROUNDS:,} rounds in which the 95 % interval for p₁ − p₀ leaves the "
        f"truth out after any round (Monte Carlo standard error at 0.05: {np.sqrt(0.0475 / replications):.4f}). "
        f"Planned: `planned={ROUNDS}`. Naive: the textbook interval, counted from 30 outcomes per arm on, which is "
        "meant for one look. Those marked * know the truth and steer towards a false finding. Made by "
        "`python tests/benchmarks/bernoulli_contrast.py`.",
        "",
        "| policy | p₀, p₁ | exact | planned | naive | median width at the end | planned |",
        "|---|---|---|---|---|---|---|",
    ]
    for policy in POLICIES:
        for place, truth in enumerate(TRUTHS):
            wrong, planned, naive, *widths = misses(
                policy, truth, replications, 10 * list(POLICIES).index(policy) + place
            )
            star = " *" if policy in UNFAIR else ""
            lines.append(
                f"| {policy}{star} | {truth[0]}, {truth[1]} | {wrong:.4f} | {planned:.4f} | {naive:.4f} | "
                f"{widths[0]:.3f} | {widths[1]:.3f} |"
            )
            print(lines[-1], flush=True)
    lines += [
        "",
        "Processor seconds for 100,000 contrasts (one core, best of five; of one with a plan):",
        "",
        "| scale | seconds |",
        "|---|---|",
    ]
    lines += speed(np.random.default_rng(0))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "bernoulli_contrast.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
