"""Coverage, RMSE and width of 90 % intervals in the simulations of Hadad et al. (PNAS 2021), into
results/aipw_coverage.md.

    python tests/benchmarks/aipw_coverage.py                                     # everything, about 15 minutes of one
    core python tests/benchmarks/aipw_coverage.py --setting "high signal" --rounds 1000    # one part; others are kept

Every part is seeded by itself, so that the parts may be run in any order and number with the same result.
"""

import argparse
from pathlib import Path

import pandas as pd

from causalbandit.bandit_simulation import SIGNALS, compare_estimators

RESULTS = Path(__file__).parent / "results"
ROUNDS = {1000: ("normal-mixture", "gamma-exponential"), 10_000: ("normal-mixture",)}
REPLICATIONS = 2000


def part(setting: str, rounds: int, replications: int, jobs: int) -> pd.DataFrame:
    """The table of one setting at one number of rounds."""
    seed = 1000 * list(SIGNALS).index(setting) + rounds
    means = {setting: SIGNALS[setting]}
    return compare_estimators(means, rounds, replications, rng=seed, sequences=ROUNDS[rounds], n_jobs=jobs)


def checks(table: pd.DataFrame) -> list[str]:
    """The claims, each with its numbers and whether they bear it out."""
    values = table.set_index(["setting", "rounds", "estimator", "target"])
    lines = []

    def cover(setting: str, rounds: int, estimator: str, arm: int) -> float:
        return float(values.loc[(setting, rounds, estimator, f"arm {arm}"), "coverage"])

    def claim(text: str, holds: bool, numbers: str) -> None:
        lines.append(f"| {text} | {numbers} | {'yes' if holds else '**no**'} |")

    for rounds, least in ((1000, (0.83, 0.80)), (10_000, (0.84, 0.82))):
        if ("high signal", rounds, "aipw uniform", "arm 0") not in values.index:
            continue
        two, constant, uniform = (
            cover("high signal", rounds, f"aipw {name}", 0) for name in ("two-point", "constant", "uniform")
        )
        numbers = f"two-point {two:.3f}, constant {constant:.3f}, uniform {uniform:.3f}"
        claim(
            f"bad arm, T = {rounds}: two-point ≥ {least[0]}, constant ≥ {least[1]}",
            two >= least[0] and constant >= least[1],
            numbers,
        )
        claim(f"bad arm, T = {rounds}: both above uniform", min(two, constant) > uniform, numbers)
        good = [cover("high signal", rounds, f"aipw {name}", 2) for name in ("two-point", "constant")]
        claim(
            f"good arm, T = {rounds}: within 0.87 … 0.96",
            all(0.87 <= rate <= 0.96 for rate in good),
            "two-point {:.3f}, constant {:.3f}".format(*good),
        )
        rmse = [
            float(values.loc[("high signal", rounds, f"aipw {name}", "arm 0"), "rmse"])
            for name in ("two-point", "uniform")
        ]
        claim(
            f"bad arm, T = {rounds}: two-point RMSE below uniform's",
            rmse[0] < rmse[1],
            "{:.4f} against {:.4f}".format(*rmse),
        )
    for rounds in (1000, 10_000):
        if ("no signal", rounds, "aipw uniform", "arm 0") not in values.index:
            continue
        for name in ("two-point", "constant"):
            rates = [cover("no signal", rounds, f"aipw {name}", arm) for arm in range(3)]
            claim(
                f"no signal, T = {rounds}, {name}: within 0.87 … 0.96",
                all(0.87 <= r <= 0.96 for r in rates),
                ", ".join(f"{r:.3f}" for r in rates),
            )
        naive = [cover("no signal", rounds, "sample mean", arm) for arm in range(3)]
        claim(
            f"no signal, T = {rounds}: the sample mean under-covers (below 0.87)",
            max(naive) < 0.87,
            ", ".join(f"{r:.3f}" for r in naive),
        )
    missed = table.dropna(subset=["path_miss"])["path_miss"].max()
    claim("sequences miss whole paths at most α = 0.1", missed <= 0.1, f"largest rate {missed:.4f}")
    return lines


def write(table: pd.DataFrame) -> None:
    """The CSV of all parts and the page made from it."""
    table = table.sort_values(["setting", "rounds"], kind="stable", ignore_index=True)
    table.to_csv(RESULTS / "aipw_coverage.csv", index=False, float_format="%.6g")
    lines = [
        "# Coverage of 90 % intervals on adaptive data",
        "",
        "Simulations of Hadad, Hirshberg, Zhan, Wager & Athey (PNAS 2021): three arms, outcomes uniform within 1 of "
        "their means, Gaussian Thompson sampling with the floor (1/3)·t^(−0.7), five rounds per arm first. Made by "
        "`python tests/benchmarks/aipw_coverage.py`; the number after ± is the Monte Carlo standard error of a "
        "coverage rate. Arm 0 is the worst and arm 2 the best (with no signal they are alike). `path miss`: share "
        "of replications in which a confidence sequence left the truth out in any round; the sequences' intervals "
        "are valid at all rounds, the others at the last.",
        "",
        "## Claims",
        "",
        "| claim | measured | holds |",
        "|---|---|---|",
        *checks(table),
    ]
    for (setting, rounds), rows in table.groupby(["setting", "rounds"], sort=False):
        lines += [
            "",
            f"## {setting.capitalize()}, T = {rounds}, {rows['replications'].iloc[0]} replications",
            "",
            "| estimator | target | truth | bias | RMSE | coverage | width | path miss |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for row in rows.itertuples():
            miss = "" if pd.isna(row.path_miss) else f"{row.path_miss:.4f}"
            lines.append(
                f"| {row.estimator} | {row.target} | {row.truth:.2f} | {row.bias:+.4f} | {row.rmse:.4f} | "
                f"{row.coverage:.3f} ± {row.coverage_error:.3f} | {row.width:.4f} | {miss} |"
            )
    (RESULTS / "aipw_coverage.md").write_text("\n".join(lines) + "\n")
    print("\n".join(checks(table)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--setting", choices=list(SIGNALS))
    parser.add_argument("--rounds", type=int, choices=list(ROUNDS))
    parser.add_argument("--replications", type=int, default=REPLICATIONS)
    parser.add_argument("--jobs", type=int, default=1)
    asked = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    for setting in [asked.setting] if asked.setting else SIGNALS:
        for rounds in [asked.rounds] if asked.rounds else ROUNDS:
            new = part(setting, rounds, asked.replications, asked.jobs)
            stored = RESULTS / "aipw_coverage.csv"
            old = pd.read_csv(stored) if stored.exists() else new.iloc[:0]
            others = old[(old["setting"] != setting) | (old["rounds"] != rounds)]
            write(pd.concat([others, new], ignore_index=True) if len(others) else new)


if __name__ == "__main__":
    main()
