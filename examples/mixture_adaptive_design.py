"""A bandit experiment with three new pages against the old one, and proof of what they do.

    python examples/mixture_adaptive_design.py [--rounds 4000] [--plot effects.png]

First a simulated campaign: Thompson sampling learns which page sells, the mixture design keeps every effect inferable.
Then the same with what is known about each visitor, which shortens the intervals. Last, live traffic: outcomes come
late, the experiment is saved to a file, loaded again and goes on.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

import causalbandit as cb

PAGES = {"old": 0.30, "short": 0.33, "video": 0.45, "reviews": 0.55}


def main() -> None:
    """Run the three parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4000, help="visitors in each part")
    parser.add_argument("--plot", help="draw the effects over time into this file")
    options = parser.parse_args()
    visitors = np.random.default_rng(7)

    # 1. A campaign from start to end: how often does each page sell more than the old one?
    design = cb.MixtureAdaptiveDesign(
        cb.BetaBernoulliThompson(4),
        arms=list(PAGES),
        control="old",
        delta="slow",
        t_star=options.rounds,
        rng=0,
    )
    design.run(lambda page: visitors.binomial(1, PAGES[page]), options.rounds, stop_early=False)
    print(design.summary(), "\n")
    if options.plot:
        design.plot_path(truth={page: p - PAGES["old"] for page, p in PAGES.items()}).figure.savefig(options.plot)

    # 2. Visitors who came before buy more often; a model of that shortens the interval.
    returning = visitors.binomial(1, 0.5, size=(options.rounds, 1))

    def sale(page: str, visitor: np.ndarray) -> int:
        return int(visitors.random() < PAGES[page] - 0.25 + 0.5 * visitor[0])

    widths = {}
    for model in (None, "pooled"):
        two = cb.MixtureAdaptiveDesign(
            cb.BetaBernoulliThompson(2), arms=["old", "reviews"], control="old", t_star=options.rounds,
            outcome_model=model, rng=1,
        )  # fmt: skip
        if model is None:
            rows = iter(returning)
            two.run(lambda page, rows=rows: sale(page, next(rows)), options.rounds, stop_early=False)
        else:
            two.run(sale, options.rounds, covariates=returning, stop_early=False)
        table = two.estimates()
        widths[model] = float((table["upper"] - table["lower"]).iloc[0])
    print(f"Interval width without covariates {widths[None]:.3f}, with {widths['pooled']:.3f}\n")

    # 3. Real traffic: assign, observe later, keep the running experiment in a file.
    live = cb.MixtureAdaptiveDesign(cb.UCB(4), arms=list(PAGES), control="old", t_star=500, rng=2)
    waiting = [live.assign() for _ in range(20)]
    for assignment in reversed(waiting[:15]):  # five visitors never answer
        live.observe(assignment.id, visitors.binomial(1, PAGES[str(assignment.arm)]))
    with tempfile.TemporaryDirectory() as folder:
        live.save(Path(folder) / "campaign.json")
        again = cb.MixtureAdaptiveDesign.load(Path(folder) / "campaign.json")
    assert again.assign() == live.assign()
    print(f"Live: {again.n_observed} observed, {again.n_open} open")


if __name__ == "__main__":
    main()
