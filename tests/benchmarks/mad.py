"""Speed of the Mixture Adaptive Design, side by side with pyssed in one run, with the same policy.

    python tests/benchmarks/mad.py [--small]

needs the extra ``bench``; it writes tests/benchmarks/results/mad.md. Both sides use Thompson sampling on Bernoulli
outcomes with one posterior draw per round, compute estimate and radius of every contrast at every round, and run all
rounds. Covariates are given as each package takes them: arrays to ours, one-row frames to pyssed. Ratios are what to
read.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import platform
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyssed
from pyssed.bandit import Reward, TSBernoulli
from pyssed.model import FastOLSModel

import causalbandit as cb

RESULT = Path(__file__).parent / "results" / "mad.md"
MEANS = (0.5, 0.6, 0.7, 0.72)


def timed(work: Any) -> float:
    """Processor seconds of one run (both sides use one thread; the machine may be busy with other work)."""
    started = time.process_time()
    work()
    return time.process_time() - started


def ours_plain(rounds: int, **options: Any) -> cb.MixtureAdaptiveDesign:
    """Our design, K = 4."""
    noise = np.random.default_rng(1)
    design = cb.MixtureAdaptiveDesign(
        cb.BetaBernoulliThompson(4), delta=lambda t: t**-0.24, t_star=rounds, rng=0, **options
    )
    return design.run(lambda arm: float(noise.random() < MEANS[arm]), rounds, stop_early=False)


def pyssed_plain(rounds: int) -> None:
    """pyssed, K = 4."""
    noise = np.random.default_rng(1)
    bandit = TSBernoulli(k=4, control=0, reward=lambda arm: Reward(outcome=float(noise.random() < MEANS[arm])))
    design = pyssed.MAD(bandit=bandit, alpha=0.05, delta=lambda t: t**-0.24, t_star=rounds)
    design.fit(early_stopping=False, verbose=False)


def units(rounds: int) -> np.ndarray:
    """Covariates of the README example: three binary ones."""
    return (np.random.default_rng(2).random((rounds, 3)) < [0.6, 0.5, 0.7]).astype(float)


def ours_covariates(pooled: bool, rounds: int) -> None:
    """Our design with least squares, K = 2."""
    noise, x = np.random.default_rng(1), units(rounds)
    design = cb.MixtureAdaptiveDesign(
        cb.BetaBernoulliThompson(2),
        delta=lambda t: t**-0.24,
        t_star=rounds,
        outcome_model="pooled" if pooled else "split",
        rng=0,
    )

    def outcome(arm: int, row: np.ndarray) -> float:
        return float(noise.random() < 0.35 + 0.2 * arm + 0.3 * row[0] + 0.1 * row[1] - 0.2 * row[2])

    design.run(outcome, rounds, covariates=x, stop_early=False)


def pyssed_covariates(pooled: bool, rounds: int) -> None:
    """pyssed with its least squares, K = 2."""
    noise, x = np.random.default_rng(1), iter(units(rounds))

    def reward(arm: int) -> Reward:
        row = next(x)
        hit = float(noise.random() < 0.35 + 0.2 * arm + 0.3 * row[0] + 0.1 * row[1] - 0.2 * row[2])
        return Reward(outcome=hit, covariates=pd.DataFrame({"X_1": [row[0]], "X_2": [row[1]], "X_3": [row[2]]}))

    design = pyssed.MAD(
        bandit=TSBernoulli(k=2, control=0, reward=reward),
        alpha=0.05,
        delta=lambda t: t**-0.24,
        t_star=rounds,
        model=FastOLSModel,
        pooled=pooled,
    )
    design.fit(early_stopping=False, verbose=False, mc_adjust=None)


def main() -> None:
    """Run everything and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tenth of the rounds, to try the script")
    scale = 10 if parser.parse_args().small else 1
    long, short = 10_000 // scale, 2_000 // scale
    ours_plain(200)
    ours_covariates(True, 200)

    rows = []
    cases: list[tuple[str, int, Any, Any, int]] = [
        ("live design, K = 4", long, ours_plain, pyssed_plain, 40),
        ("pooled covariates, K = 2", short, partial(ours_covariates, True), partial(pyssed_covariates, True), 50),
        ("split covariates, K = 2", short, partial(ours_covariates, False), partial(pyssed_covariates, False), 50),
    ]
    for label, rounds, ours, theirs, goal in cases:
        fast = min(timed(partial(ours, rounds)) for _ in range(3))
        slow = timed(partial(theirs, rounds))
        rows.append(f"| {label} | {rounds:,} | {fast:.3f} | {slow:.2f} | {slow / fast:.0f} | {goal} |")

    growth = []
    design = cb.MixtureAdaptiveDesign(cb.BetaBernoulliThompson(4), t_star=10**6, rng=0)
    noise = np.random.default_rng(1)

    def proceed(number: int) -> None:
        design.run(lambda arm: float(noise.random() < MEANS[arm]), number, stop_early=False)

    for target in (10**3, 10**4, 10**5, 10**6 // scale):
        last = min(target // 2, 20_000)
        proceed(max(target - last - design.n_observed, 0))
        seconds = timed(lambda number=last: proceed(number))
        growth.append(f"| {target:,} | {1e6 * seconds / last:.1f} |")
    path_bytes = design._contrasts.path.itemsize * len(design._contrasts.path) / design.n_observed

    def simulate() -> None:
        cb.simulate_mad(cb.BetaBernoulliThompson(4), MEANS, n_rounds=2000 // scale, replications=1000, rng=0)

    seconds = min(timed(simulate) for _ in range(2))
    lines = [
        "# Speed of the Mixture Adaptive Design",
        "",
        f"causalbandit {cb.__version__} and pyssed {version('pyssed')} in one run, Python {platform.python_version()}, "
        f"numpy {np.__version__}, one thread, processor time. Best of three runs of ours, one of pyssed's.",
        "",
        "| what | rounds | ours, s | pyssed, s | ratio | goal |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
        "Time per round of a live design (K = 4, everything recorded), over the last rounds before:",
        "",
        "| rounds | µs per round |",
        "|---|---|",
        *growth,
        "",
        f"The path takes {path_bytes:.0f} bytes a round (16(K − 1) = 48).",
        "",
        f"`simulate_mad`, R = 1,000, T = {2000 // scale:,}, K = 4: {seconds:.2f} s (goal: under 5 s).",
        "",
    ]
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
