"""How estimators fare on adaptively collected data: the simulation of Hadad et al. (PNAS 2021) and its panel.

    python examples/hadad_simulation.py                         # 1,000 replications on all cores, a few minutes
    python examples/hadad_simulation.py --replications 50 --rounds 100 300 --figure panel.png

Three settings (no, low and high signal), three arms, Thompson sampling with the floor (1/3)·t^(−0.7). Compared are the
naive sample mean, AIPW with uniform, constant-allocation and two-point weights, and a time-uniform confidence sequence:
bias, root mean squared error, coverage of 90 % intervals, and their width, for the worst arm (0) and the best (2).
"""

import argparse

from causalbandit.bandit_simulation import SIGNALS, compare_estimators
from causalbandit.plots.effects import estimator_panel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replications", type=int, default=1000)
    parser.add_argument("--rounds", type=int, nargs="+", default=[100, 300, 1000, 3000])
    parser.add_argument("--jobs", type=int, default=-1, help="processes; -1 for one per core")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figure", default="hadad_simulation.png")
    asked = parser.parse_args()

    comparison = compare_estimators(
        SIGNALS, asked.rounds, asked.replications, rng=asked.seed, n_jobs=asked.jobs, alpha=0.1
    )
    last = comparison[comparison["rounds"] == max(asked.rounds)]
    columns = ["setting", "estimator", "target", "bias", "rmse", "coverage", "width"]
    print(f"{asked.replications} replications, {max(asked.rounds)} rounds; worst arm (0) and best arm (2)\n")
    print(last[last["target"].isin(["arm 0", "arm 2"])][columns].to_string(index=False, float_format="{:.4f}".format))

    import matplotlib

    matplotlib.use("Agg")
    estimator_panel(comparison, {"arm 0": "-", "arm 2": "--"}).savefig(asked.figure, dpi=120)
    print(f"\nPanel: {asked.figure}")


if __name__ == "__main__":
    main()
