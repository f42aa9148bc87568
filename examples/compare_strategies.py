"""Which strategy should run the experiments? Compare them on a simulated problem before the first real one.

python examples/compare_strategies.py [GRAPH] [--replications 200] [--jobs 2] [--plot regret.png]
"""

import argparse
from pathlib import Path

import causalbandit as cb

GRAPHS = Path(__file__).parents[1] / "graphs"

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("graph", nargs="?", default=GRAPHS / "purchase.json")
parser.add_argument("--budgets", type=int, nargs="+", default=[30, 100, 300, 1000])
parser.add_argument("--replications", type=int, default=20)
parser.add_argument("--jobs", type=int, default=1)
parser.add_argument("--plot", type=Path)


def main() -> None:
    """Evaluate, print the summary, and draw the curves if asked."""
    arguments = parser.parse_args()
    problem = cb.load_problem(arguments.graph)
    curves = cb.evaluate_regret(
        problem,
        ["top-two", "two-phase", "uniform-plug-in", "successive-rejects", "uniform"],
        arguments.budgets,
        arguments.replications,
        rng=0,
        n_jobs=arguments.jobs,
    )
    means = curves.means()
    print(means.pivot(index="strategy", columns="budget", values="mean").loc[list(curves.strategies)].round(4))
    print("\nMean simple regret minus that of top-two, same simulated worlds (95 % interval):")
    for row in means[means["strategy"] != "top-two"].itertuples():
        if row.reason:
            print(f"  {row.strategy}, T = {row.budget}: {row.reason}")
        else:
            print(
                f"  {row.strategy}, T = {row.budget}: {row.difference:+.4f} "
                f"({row.difference_lower:+.4f}, {row.difference_upper:+.4f})"
            )
    if arguments.plot:
        curves.plot().figure.savefig(arguments.plot, dpi=150)


if __name__ == "__main__":
    main()
