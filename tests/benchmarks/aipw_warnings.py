"""What the warnings of weighted estimates are worth: coverage of 90 % intervals with and without one.

    python tests/benchmarks/aipw_warnings.py tune      # a few minutes: results/aipw_thresholds.md
    python tests/benchmarks/aipw_warnings.py study     # 15 minutes of one core: results/aipw_warnings.csv and .md

`tune` tabulates thresholds of effective size and skewness on experiments with 2, 4 and 8 arms; the package's were
chosen from that table. `study` measures the package's warnings on experiments with 3, 6 and 12 arms, other means and
other seeds, beside the estimators that know no warnings. Its cells were fixed before it was run. Every cell is seeded
by itself.
"""

import argparse
import itertools
import math
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from causalbandit.bandit_simulation import compare_estimators, simulate_bandits
from causalbandit.exploration import NOISES
from causalbandit.inference.arm_values import weighted_estimates
from causalbandit.inference.estimates import LEAST_EFFECTIVE_SIZE, MOST_SKEWNESS
from causalbandit.inference.scores import aipw_scores
from causalbandit.inference.weights import adaptive_weights

RESULTS = Path(__file__).parent / "results"
ALPHA, Z = 0.1, 1.6448536269514722
PROMISE = 0.87
"""What intervals at 90 % are held to where no warning stands."""

STUDY = [
    *itertools.product(NOISES, (3, 6, 12), ("flat", "high"), ("thompson",), (1000,)),
    *itertools.product(NOISES, (6,), ("flat", "high"), ("greedy", "ucb"), (1000,)),
    *itertools.product(NOISES, (6,), ("flat", "high"), ("thompson",), (4000,)),
]
"""Law of outcomes, arms, means, rule, rounds."""

TUNING = [
    *itertools.product(NOISES, (2, 4, 8), ("flat", "line"), ("thompson",), (1000,)),
    *itertools.product(NOISES, (4,), ("line",), ("greedy", "ucb"), (1000,)),
    *itertools.product(NOISES, (4,), ("flat", "line"), ("thompson",), (4000,)),
]


def true_means(noise: str, n_arms: int, signal: str) -> np.ndarray:
    """Arms that are alike, or evenly spaced; probabilities for 0/1 outcomes."""
    spread = np.zeros(n_arms) if signal == "flat" else np.linspace(0.0, 1.0, n_arms)
    if noise == "bernoulli":
        return 0.05 + 0.3 * spread if signal == "high" else 0.1 + 0.2 * spread
    return 1.0 + spread


# -- thresholds ------------------------------------------------------------------------------------------------------


def tuning_cell(place: int) -> dict[str, np.ndarray]:
    """[R, K] of effective sizes, skewness and misses of the values in one cell."""
    noise, n_arms, signal, rule, n_rounds = TUNING[place]
    means = true_means(noise, n_arms, signal)
    replications = 400 if n_rounds == 1000 else 250
    seed = np.random.SeedSequence([1, place])
    records = simulate_bandits(means, n_rounds, replications, rng=seed, noise=noise, rule=rule)
    rows = []
    for log in records.logs():
        scores = aipw_scores(log.outcomes, log.arms, log.taken_propensities, n_arms=n_arms)
        found = weighted_estimates(log, scores, adaptive_weights(log.propensities, "two-point"))
        assert found.skewness is not None
        missed = np.abs(found.estimate - means) > Z * found.std_error
        rows.append((found.effective_size, found.skewness, missed, np.isnan(found.std_error)))
    size, skewness, missed, unknown = (np.array(column) for column in zip(*rows, strict=True))
    return {"size": size, "skewness": skewness, "missed": missed, "unknown": unknown}


def tune() -> None:
    """Thresholds on the tuning cells: how much stays without a warning, and how that covers."""
    cells = [tuning_cell(place) for place in tqdm(range(len(TUNING)), disable=None)]
    lines = [
        "# Thresholds for warnings of weighted estimates",
        "",
        f"Values of arms in {len(TUNING)} cells (2, 4 and 8 arms; five laws of outcomes; Thompson sampling, greedy "
        "and UCB with a floor; 1,000 and 4,000 rounds), two-point weights, 90 % intervals. Made by "
        "`python tests/benchmarks/aipw_warnings.py tune`. A result is quiet when its effective sample size is at "
        "least, and its skewness at most, the threshold. Coverage is that of the quiet results of an arm in a cell "
        "where at least half are quiet; the last column is the largest share of all results of an arm that are quiet "
        "and wrong.",
        "",
        "| effective size ≥ | skewness ≤ | quiet | arms | smallest coverage | below 0.87 | quiet and wrong |",
        "|---|---|---|---|---|---|---|",
    ]
    for least, most in itertools.product((0, 10, 15, 20, 30), (math.inf, 1.0, 0.7, 0.5, 0.3)):
        coverage, wrong, share = [], [], []
        for cell in cells:
            quiet = (cell["size"] >= least) & (cell["skewness"] <= most) & ~cell["unknown"]
            share.append(quiet.mean())
            for arm in range(quiet.shape[1]):
                missed = cell["missed"][quiet[:, arm], arm]
                wrong.append(missed.sum() / len(quiet))
                if quiet[:, arm].mean() >= 0.5:
                    coverage.append(1.0 - missed.mean())
        below = sum(rate < PROMISE for rate in coverage)
        lines.append(
            f"| {least} | {most:g} | {np.mean(share):.2f} | {len(coverage)} | {min(coverage):.3f} | {below} | "
            f"{max(wrong):.3f} |"
        )
    lines += ["", f"Chosen: effective size {LEAST_EFFECTIVE_SIZE:g}, skewness {MOST_SKEWNESS:g}."]
    (RESULTS / "aipw_thresholds.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


# -- the study -------------------------------------------------------------------------------------------------------


def study_cell(place: int, jobs: int) -> pd.DataFrame:
    """The table of one cell."""
    noise, n_arms, signal, rule, n_rounds = STUDY[place]
    name = f"{noise}, {n_arms} arms, {signal}, {rule}, T = {n_rounds:,}"
    replications = 1000 if n_rounds == 1000 else 500
    return compare_estimators(
        {name: true_means(noise, n_arms, signal).tolist()},
        n_rounds,
        replications,
        rng=np.random.SeedSequence([2, place]),
        alpha=ALPHA,
        noise=noise,
        rule=rule,
        sequences=(),
        n_jobs=jobs,
        progress=False,
    )


def claims(table: pd.DataFrame) -> list[str]:
    """What the README may say, with the numbers behind it."""
    two = table[table["estimator"] == "aipw two-point"]
    quiet = two[two["warned"] <= 0.5]
    error = np.sqrt(PROMISE * (1 - PROMISE) / (quiet["replications"] * (1 - quiet["warned"])))
    below = quiet["coverage_unwarned"] < PROMISE
    far = quiet["coverage_unwarned"] < PROMISE - 2 * error
    weight = quiet["replications"] * (1 - quiet["warned"])
    pooled = (quiet["coverage_unwarned"] * weight).groupby(quiet["setting"]).sum() / weight.groupby(
        quiet["setting"]
    ).sum()
    never = two[two["warned"] == 0.0]
    wrong = (1 - two["warned"]) * (1 - two["coverage_unwarned"].fillna(1.0))
    warned = two[two["warned"] > 0.5]
    lines = [
        (
            "results of a cell without a warning cover ≥ 0.87 (arms and contrasts pooled, at most half warned)",
            f"{len(pooled)} cells, smallest {pooled.min():.3f}, mean {pooled.mean():.3f}",
            bool((pooled >= PROMISE).all()),
        ),
        (
            "the same for every single arm and contrast, within 2 standard errors",
            f"{len(quiet)} targets, smallest {quiet['coverage_unwarned'].min():.3f}; {int(below.sum())} below 0.87, "
            f"{int(far.sum())} by more than 2 standard errors",
            not far.any(),
        ),
        (
            "targets that are never warned of cover ≥ 0.87",
            f"{len(never)} targets, smallest {never['coverage'].min():.3f}" if len(never) else "none",
            bool((never["coverage"] >= PROMISE).all()),
        ),
        (
            "quiet and wrong at the same time: at most 0.13 of all results of any arm or contrast",
            f"largest {wrong.max():.3f}",
            bool((wrong <= 1 - PROMISE).all()),
        ),
        (
            "warnings are not idle: where most results are warned of, intervals cover less",
            f"mean coverage {warned['coverage'].mean():.3f} against {quiet['coverage'].mean():.3f}",
            bool(warned["coverage"].mean() < quiet["coverage"].mean()),
        ),
    ]
    return [f"| {text} | {numbers} | {'yes' if holds else '**no**'} |" for text, numbers, holds in lines]


def write_study(table: pd.DataFrame) -> None:
    """The CSV of all targets and the page made from it."""
    table.to_csv(RESULTS / "aipw_warnings.csv", index=False, float_format="%.5g")
    lines = [
        "# Warnings of weighted estimates, and the estimators beside them",
        "",
        "90 % intervals. Made by `python tests/benchmarks/aipw_warnings.py study`. flat: arms alike; high: means "
        "evenly spaced over 1 (0/1 outcomes: 0.05 to 0.35). Uniform outcomes have standard deviation 0.58, normal, "
        "exponential and lognormal ones 1. Floor (1/K)·t^(−0.7), five rounds per arm first. 1,000 experiments a "
        "cell, 500 with "
        "4,000 rounds. A result is quiet when it carries no warning (effective sample size at least "
        f"{LEAST_EFFECTIVE_SIZE:g}, skewness at most {MOST_SKEWNESS:g}).",
        "",
        "| claim, two-point weights | measured | holds |",
        "|---|---|---|",
        *claims(table),
    ]
    for kind, title in ((False, "Values of arms"), (True, "Contrasts with the first arm")):
        rows = table[table["target"].str.contains("−") == kind]
        lines += [
            "",
            f"## {title}: mean over the arms of a cell",
            "",
            "Two-point: coverage, the share that is quiet, coverage of the quiet (– where none is), width. Others: "
            "coverage and width.",
            "",
            "| cell | two-point | quiet | quiet cover | width | uniform | constant | sample mean | W-decorrelation |"
            + (" union bound |" if kind else ""),
            "|---|---|---|---|---|---|---|---|---|" + ("---|" if kind else ""),
        ]
        for setting, cell in rows.groupby("setting", sort=False):
            of = cell.groupby("estimator")[["coverage", "width"]].mean()
            two = cell[cell["estimator"] == "aipw two-point"]
            quiet = 1.0 - two["warned"]
            cover = (quiet * two["coverage_unwarned"].fillna(0.0)).sum() / quiet.sum() if quiet.sum() else math.nan
            shown = [f"{of.loc['aipw two-point', 'coverage']:.3f}", f"{quiet.mean():.2f}"]
            shown += ["–" if math.isnan(cover) else f"{cover:.3f}", f"{of.loc['aipw two-point', 'width']:.3f}"]
            others = ["aipw uniform", "aipw constant", "sample mean", "w-decorrelation"]
            others += ["aipw two-point, union bound"] if kind else []
            shown += [f"{of.loc[name, 'coverage']:.3f} ({of.loc[name, 'width']:.2f})" for name in others]
            lines.append(f"| {setting} | " + " | ".join(shown) + " |")
    (RESULTS / "aipw_warnings.md").write_text("\n".join(lines) + "\n")
    print("\n".join(claims(table)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=["tune", "study", "page"], help="page: the study's page from its CSV")
    parser.add_argument("--jobs", type=int, default=1)
    asked = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    if asked.part == "tune":
        tune()
    elif asked.part == "study":
        tables = [study_cell(place, asked.jobs) for place in tqdm(range(len(STUDY)), disable=None)]
        write_study(pd.concat(tables, ignore_index=True))
    else:
        write_study(pd.read_csv(RESULTS / "aipw_warnings.csv"))


if __name__ == "__main__":
    main()
