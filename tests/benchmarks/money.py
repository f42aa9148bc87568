"""What looking at prices saves: searches that spend money by what it teaches, beside searches that count experiments.

    python tests/benchmarks/money.py [--replications 24] [--small]

writes tests/benchmarks/results/money.md (with --small it prints alone). Every intervention costs 1 or 10, by a fair
coin with a seed of its own, four times. A search that counts experiments is run with T experiments, and what they cost
is noted; then the same strategy gets a whole, a half and a quarter of that money as its budget. Rows are means over the
four prices and their searches; the second table compares mixtures of few interventions with all sets of so many.
"""

from __future__ import annotations

import argparse
import itertools
import math
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

import causalbandit as cb
from causalbandit.spending import Limits, Spending
from causalbandit.strategies.limited_mixture import limited_mixture

RESULTS = Path(__file__).parent / "results" / "money.md"
GRAPHS = {"funnel": 200, "purchase": 100, "asia": 60}
"""Shipped problem → experiments of the search that does not look at prices."""
STRATEGIES = ("top-two", "two-phase")
PARTS = (1.0, 0.5, 0.25)
PRICES = 4


def searched(name: str, strategy: str, replications: int) -> dict[str, tuple[float, float, float]]:
    """Way to search → mean regret, its standard error, mean money spent."""
    problem = cb.load_problem(name)
    regret: dict[str, list[np.ndarray]] = {}
    money: dict[str, list[float]] = {}
    for seed in range(PRICES):
        costs = 10.0 ** np.random.default_rng(seed).integers(0, 2, len(problem.interventions))
        priced = replace(problem, interventions=problem.interventions.with_costs(costs))
        plain = cb.evaluate_regret(priced, strategy, GRAPHS[name], replications, rng=seed, progress=False).frame
        whole = float(plain["money"].mean())
        sums = sorted(whole * part for part in PARTS)
        paid = cb.evaluate_regret(priced, strategy, None, replications, budgets_money=sums, rng=seed, progress=False)
        frames = {"counts": plain} | {
            str(part): paid.frame[paid.frame["budget"] == budget]
            for part, budget in zip(sorted(PARTS), sums, strict=True)
        }
        for way, frame in frames.items():
            regret.setdefault(way, []).append(frame["regret"].to_numpy(dtype=float))
            money.setdefault(way, []).append(float(frame["money"].mean()))
    found = {}
    for way, parts in regret.items():
        every = np.concatenate(parts)
        found[way] = float(every.mean()), float(every.std(ddof=1) / math.sqrt(len(every))), float(np.mean(money[way]))
    return found


def cell(mean: float, error: float) -> str:
    """Mean regret and its standard error; NaN where the money is below the strategy's smallest budget."""
    return "too little money" if math.isnan(mean) else f"{mean:.4f} ± {error:.4f}"


def best_of_all_sets(reach: np.ndarray, visits: np.ndarray, purse: Spending) -> float:
    """The least value of all sets of at most so many interventions, each solved by the mixture of its columns."""
    best = np.inf
    for size in range(1, purse.kinds + 1):
        for members in map(list, itertools.combinations(range(reach.shape[1]), size)):
            few = np.zeros_like(reach)
            few[:, members] = reach[:, members]
            net = purse.money - float(purse.setup[members].sum())
            if net > 0 and (few.max(axis=1) + visits > 0).all():
                settings = {"tolerance": 1e-3, "solvers": ["first-order"]}
                value = cb.optimal_mixture(few, reach**2, visits / net, purse.prices, **settings).value
                best = min(best, value * purse.money / net)
    return best


def limited(n: int, kinds: int, seed: int) -> tuple[float, float, float]:
    """Value of the local search beside the best of all sets, the certified gap, and CPU seconds of the local search."""
    rng = np.random.default_rng(seed)
    reach = rng.random((6, n)) * 10.0 ** (-1.5 * rng.random((6, 1))) * (rng.random((6, n)) < 0.6)
    reach[np.arange(6), rng.integers(n, size=6)] = 0.3
    prices, setup = np.exp(rng.uniform(0, 2.3, n)), rng.uniform(0, 10, n) * (seed % 2)
    free = np.full(n, 10**18)
    purse = Spending("money", 200.0, 200.0, prices, setup, free, kinds, Limits(most_kinds=kinds))
    visits = np.full(6, 0.5)
    before = time.process_time()
    mixture = limited_mixture(reach, None, visits, purse)
    seconds = time.process_time() - before
    return mixture.value / best_of_all_sets(reach, visits, purse), mixture.gap, seconds


def main() -> None:
    """Both tables."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--replications", type=int, default=24, help="searches per price and cell")
    options.add_argument("--small", action="store_true", help="a quick run that writes nothing")
    given = options.parse_args()
    replications, graphs = (5, list(GRAPHS)[-1:]) if given.small else (given.replications, list(GRAPHS))
    lines = [
        "# Searches that look at prices",
        "",
        f"Made by `python tests/benchmarks/money.py --replications {replications}`:",
        f"{PRICES * replications} searches per cell, prices 1 or 10.",
        "",
        "| problem | strategy | T | money | regret, counting experiments | for the same money | half | a quarter |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in graphs:
        for strategy in STRATEGIES:
            found = searched(name, strategy, replications)
            cells = [cell(*found[way][:2]) for way in ("counts", *map(str, PARTS))]
            lines.append(f"| {name} | {strategy} | {GRAPHS[name]} | {found['counts'][2]:,.0f} | {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    lines += [
        "",
        "Mixtures of at most 3 of 12 interventions (odd seeds with set-ups): the value of the local search over that",
        "of the best of all sets, and the gap that its certificate promises.",
        "",
        "| seed | value / best of all sets − 1 | certified gap | CPU seconds |",
        "|---|---|---|---|",
    ]
    for seed in range(1 if given.small else 4):
        ratio, gap, seconds = limited(6 if given.small else 12, 3, seed)
        lines.append(f"| {seed} | {ratio - 1:.4f} | {gap:.4f} | {seconds:.2f} |")
        print(lines[-1], flush=True)
    if given.small:
        print("\n".join(lines))
    else:
        RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
