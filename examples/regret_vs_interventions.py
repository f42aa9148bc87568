"""Regret at a fixed budget as interventions multiply, and as the graph grows: where knowing the graph pays.

Strategies that ignore the graph must try every intervention; those that use it learn the tables, whose number does not
grow with the interventions. Beside the curves stands the bound of the two-phase search without its constant,
√(γ* log(A·T)/T), where γ* is the value of the best mixture under the true tables (Yabe et al. 2018).

    python examples/regret_vs_interventions.py [--replications 100] [--jobs 2] [--plot regret_vs_interventions.png]
"""

import argparse
import math
from pathlib import Path

import numpy as np
import pandas as pd

import causalbandit as cb

GRAPH_AWARE = ["top-two", "two-phase", "uniform-plug-in"]
GRAPH_BLIND = ["successive-rejects", "sequential-halving", "uniform"]

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--budget", type=int, default=1000)
parser.add_argument("--interventions", type=int, nargs="+", default=[8, 32])
parser.add_argument("--nodes", type=int, nargs="+", default=[6, 12])
parser.add_argument("--problems", type=int, default=2, help="random problems per point")
parser.add_argument("--replications", type=int, default=4, help="searches per point, over all its problems")
parser.add_argument("--jobs", type=int, default=1)
parser.add_argument("--plot", type=Path)
parser.add_argument("--full", action="store_true", help="the sizes of the published figure: 8 to 2,000 interventions")


def point(problems: list[cb.Problem], budget: int, replications: int, jobs: int) -> dict[str, float]:
    """Mean simple regret per strategy over the problems, and the bound."""
    each = math.ceil(replications / len(problems))
    curves = cb.evaluate_regret(problems, [*GRAPH_AWARE, *GRAPH_BLIND], budget, each, rng=1, n_jobs=jobs)
    frame = curves.to_frame()
    means = {name: rows["regret"].mean() for name, rows in frame.groupby("strategy") if (rows["reason"] == "").all()}
    gammas = [cb.gamma_star(problem.model, problem.interventions) for problem in problems]
    n_interventions = len(problems[0].interventions)
    bound = np.mean([math.sqrt(float(gamma) * math.log(n_interventions * budget) / budget) for gamma in gammas])
    return means | {"bound": float(bound)}


def draw(tables: dict[str, pd.DataFrame], budget: int, path: Path) -> None:
    """One panel per table, logarithmic axes; solid lines use the graph, dashed ones do not."""
    import matplotlib.pyplot as plt

    colours = ["#1b6ca8", "#d1495b", "#3a7d44", "#e0a100", "#6a4c93", "#7a7a7a"]
    figure, panels = plt.subplots(1, len(tables), figsize=(9.5, 4), layout="constrained", sharey=True)
    for panel, (label, table) in zip(np.atleast_1d(panels), tables.items(), strict=True):
        for colour, name in zip(colours, [*GRAPH_AWARE, *GRAPH_BLIND], strict=True):
            style = "-o" if name in GRAPH_AWARE else "--s"
            if name in table:
                panel.plot(table.index, table[name].clip(lower=1e-4), style, color=colour, label=name, markersize=4)
        panel.plot(table.index, table["bound"], ":", color="black", label="√(γ* log(A·T)/T)")
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_xticks(table.index, [f"{size:,}" for size in table.index])
        panel.minorticks_off()
        panel.set_xlabel(label)
        panel.spines[["top", "right"]].set_visible(False)
    np.atleast_1d(panels)[0].set_ylabel(f"mean simple regret, {budget:,} experiments")
    np.atleast_1d(panels)[-1].legend(fontsize="small", frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path, dpi=150)


def main() -> None:
    """Both tables, printed and, if asked, drawn."""
    arguments = parser.parse_args()
    if arguments.full:
        arguments.interventions, arguments.nodes = [8, 32, 128, 512, 2000], [6, 12, 24, 48]
        arguments.problems = max(arguments.problems, 5)
    by_interventions = {
        size: point(
            cb.random_problems(arguments.problems, 16, up_to=4, n_interventions=size, rng=5),
            arguments.budget,
            arguments.replications,
            arguments.jobs,
        )
        for size in arguments.interventions
    }
    by_nodes = {
        size: point(
            cb.random_problems(arguments.problems, size, actionable="all", rng=6),
            arguments.budget,
            arguments.replications,
            arguments.jobs,
        )
        for size in arguments.nodes
    }
    tables = {
        "interventions (16 nodes)": pd.DataFrame(by_interventions).T,
        "nodes (in-degree 2, single interventions)": pd.DataFrame(by_nodes).T,
    }
    for label, table in tables.items():
        columns = [name for name in [*GRAPH_AWARE, *GRAPH_BLIND, "bound"] if name in table]
        print(f"Mean simple regret with {arguments.budget:,} experiments, by {label}:")
        print(table[columns].round(4).to_string(), end="\n\n")
    if arguments.plot:
        draw(tables, arguments.budget, arguments.plot)


if __name__ == "__main__":
    main()
