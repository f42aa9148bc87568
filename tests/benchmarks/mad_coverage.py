"""Time-uniform coverage of the Mixture Adaptive Design: 2,000 simulated experiments per cell.

    python tests/benchmarks/mad_coverage.py [plain | heavy | radius | power | covariates_<example> ...]

Each part writes tests/benchmarks/results/mad_coverage_<part>.md. A cell counts the experiments in which any of the
K − 1 intervals leaves out the truth at any round from 100 on (t* = T = 2,000, α = 0.05, Bonferroni).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import causalbandit as cb

RESULTS = Path(__file__).parent / "results"
ROUNDS, REPLICATIONS, ALPHA = 2000, 2000, 0.05
BOUNDS = {"fast": ALPHA + 0.025, "uniform": ALPHA + 0.005}
CANARY = 0.20
"""Misses of the naive interval from which on a cell shows that its check can fail."""

Draw = Callable[[int, np.random.Generator], Any]


def bernoulli(means: Sequence[float]) -> tuple[Draw, np.ndarray]:
    """Bernoulli outcomes."""
    levels = np.array(means)
    return (lambda size, rng: (rng.random((size, len(levels))) < levels).astype(float)), levels


def student(means: Sequence[float]) -> tuple[Draw, np.ndarray]:
    """Student t(3) noise around the means: infinite third moment."""
    levels = np.array(means)
    return (lambda size, rng: levels + rng.standard_t(3, (size, len(levels)))), levels


def lognormal(scales: Sequence[float], sigma: float = 1.5) -> tuple[Draw, np.ndarray]:
    """Lognormal outcomes: the heavy tail at which an asymptotic sequence shows that it is one."""
    levels = np.array(scales)
    return (
        lambda size, rng: levels * np.exp(sigma * rng.standard_normal((size, len(levels)))),
        levels * np.exp(sigma**2 / 2),
    )


def policies(kind: str, n_arms: int) -> dict[str, Any]:
    """The policies of a cell: Thompson sampling that fits the outcomes, and deterministic UCB."""
    thompson = cb.BetaBernoulliThompson(n_arms) if kind == "Bernoulli" else cb.GaussianThompson(n_arms, noise_sd=2.0)
    return {"Thompson": thompson, "UCB": cb.UCB(n_arms, exploration=1.0 if kind == "Bernoulli" else 2.0)}


def spread(base: float, step: float, n_arms: int) -> list[float]:
    """Means that differ: control at ``base``, the others above (below, if above leaves [0, 1])."""
    return [base + step * k for k in range(n_arms)]


PLAIN = [
    ("Bernoulli", "null 0.05", lambda k: bernoulli([0.05] * k)),
    ("Bernoulli", "null 0.5", lambda k: bernoulli([0.5] * k)),
    ("Bernoulli", "null 0.95", lambda k: bernoulli([0.95] * k)),
    ("Bernoulli", "0.05 to 0.35", lambda k: bernoulli(spread(0.05, 0.3 / (k - 1), k))),
    ("Bernoulli", "0.5 to 0.7", lambda k: bernoulli(spread(0.5, 0.2 / (k - 1), k))),
    ("Bernoulli", "0.95 to 0.65", lambda k: bernoulli(spread(0.95, -0.3 / (k - 1), k))),
    ("Student t(3)", "null 0", lambda k: student([0.0] * k)),
    ("Student t(3)", "0 to 1", lambda k: student(spread(0.0, 1.0 / (k - 1), k))),
]


def simulate(policy: Any, drawn: tuple[Draw, np.ndarray], delta: str, seed: int, **options: Any) -> Any:
    """One cell."""
    draw, means = drawn
    options = {"estimand": "population", **options}
    return cb.simulate_mad(
        policy,
        draw,
        means=means,
        n_rounds=ROUNDS,
        replications=REPLICATIONS,
        delta=delta,
        alpha=ALPHA,
        rng=seed,
        **options,
    )


def table(name: str, title: str, header: list[str], rows: list[list[str]], notes: list[str]) -> None:
    """Print a table and write it to the results folder."""
    lines = [f"# {title}", ""]
    lines += ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    lines += ["", *notes, ""]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"mad_coverage_{name}.md").write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))


def plain() -> None:
    """Bernoulli and Student t outcomes, shrinking and constant mixing."""
    rows, worst, naive, started = [], {"fast": 0.0, "uniform": 0.0}, [], time.perf_counter()
    seed, above, quiet = 0, [], []
    for kind, label, make in PLAIN:
        for n_arms in (2, 4):
            for name, policy in policies(kind, n_arms).items():
                row = [kind, label, str(n_arms), name]
                for delta in ("fast", "uniform"):
                    seed += 1
                    result = simulate(policy, make(n_arms), delta, seed)
                    worst[delta] = max(worst[delta], result.any_missed)
                    if result.any_missed > BOUNDS[delta]:
                        more = [simulate(policy, make(n_arms), delta, 10_000 * again + seed) for again in (1, 2, 3)]
                        pooled = np.mean([result.any_missed, *(other.any_missed for other in more)])
                        wide = simulate(policy, make(n_arms), delta, seed, t_star=4 * ROUNDS).any_missed
                        above.append(
                            f"- {kind}, {label}, K = {n_arms}, {name}, {delta}: {result.any_missed:.4f}; with three "
                            f"more batches of {REPLICATIONS}, {pooled:.4f} of {4 * REPLICATIONS}; with t* = "
                            f"{4 * ROUNDS}, {wide:.4f}."
                        )
                    naive.append(result.any_naive_missed)
                    if result.any_naive_missed < CANARY:
                        quiet.append(f"{kind} {label}, K = {n_arms}, {name}, {delta} ({result.any_naive_missed:.4f})")
                    row += [f"{result.any_missed:.4f}", f"{result.any_naive_missed:.3f}"]
                rows.append(row)
    notes = [
        f"δ_t = t^-0.24 (fast): worst cell {worst['fast']:.4f}, bound {BOUNDS['fast']:.3f}. δ = 1 (uniform): worst "
        f"cell {worst['uniform']:.4f}, bound {BOUNDS['uniform']:.3f}. Cells above their bound:",
        "",
        *(above or ["- none"]),
        "",
        f"The naive interval (difference of sample means, fixed-time normal) misses between {min(naive):.3f} and "
        f"{max(naive):.3f}, and at least {CANARY:.2f} in {len(naive) - len(quiet)} of {len(naive)} cells; not in "
        f"{'; '.join(quiet) or 'none'}.",
        f"Standard error of an entry near 0.05: {np.sqrt(0.05 * 0.95 / REPLICATIONS):.4f}. {len(rows) * 2} cells of "
        f"{REPLICATIONS} experiments, {time.perf_counter() - started:.0f} s.",
    ]
    header = ["outcomes", "means", "K", "policy", "missed, fast", "naive, fast", "missed, uniform", "naive, uniform"]
    table("plain", "Time-uniform misses without covariates", header, rows, notes)


def heavy() -> None:
    """Lognormal outcomes from two starting rounds."""
    rows, seed = [], 1000
    for label, scale in (("null", 0.0), ("1 to 2", 1.0)):
        for n_arms in (2, 4):
            levels = [1.0 + scale * k / (n_arms - 1) for k in range(n_arms)]
            for name, policy in policies("lognormal", n_arms).items():
                seed += 1
                row = [label, str(n_arms), name]
                for start in (50, 100, 500):
                    result = simulate(policy, lognormal(levels), "fast", seed, start=start)
                    row.append(f"{result.any_missed:.4f}")
                rows.append([*row, f"{result.any_naive_missed:.3f}"])
    notes = [
        "Lognormal outcomes with σ = 1.5, δ_t = t^-0.24: the sequence is asymptotic, and with a tail this heavy that "
        "shows. Misses fall when the first rounds do not count."
    ]
    header = ["scales", "K", "policy", "from round 50", "from round 100", "from round 500", "naive, from 500"]
    table("heavy", "Time-uniform misses with a heavy tail", header, rows, notes)


def source_example(effect: Callable[[np.ndarray], np.ndarray], mean_effect: float) -> tuple[Draw, np.ndarray]:
    """Binary outcomes whose mean is linear in three binary covariates; treatment adds ``effect`` of the covariates."""
    chances = np.array([0.6, 0.5, 0.7])

    def draw(size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        x = (rng.random((size, 3)) < chances).astype(float)
        base = 0.35 + x @ [0.3, 0.1, -0.2]
        noise = rng.random(size)
        treated = np.clip(base + effect(x), 0.0, 1.0)
        return np.column_stack([noise < base, noise < treated]).astype(float), x

    mean = 0.35 + chances @ [0.3, 0.1, -0.2]
    return draw, np.array([mean, mean + mean_effect])


def normal_example(slope: float, n_arms: int = 2) -> tuple[Draw, np.ndarray]:
    """Normal outcomes; the effect of arm k is 0.2k + slope·x₁, so it varies across units (population mean 0.2k)."""

    def draw(size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        x = rng.standard_normal((size, 2))
        base = 0.5 + x @ [1.0, -0.5] + 0.5 * rng.standard_normal(size)
        arms = np.arange(n_arms)
        return base[:, None] + 0.2 * arms + slope * x[:, :1] * (arms > 0), x

    return draw, 0.5 + 0.2 * np.arange(n_arms)


EXAMPLES: dict[str, tuple[str, str, int, tuple[Draw, np.ndarray]]] = {
    "binary": ("binary covariates, effect 0.2", "Bernoulli", 2, source_example(lambda x: np.full(len(x), 0.2), 0.2)),
    "binary_varying": (
        "binary covariates, effect 0.3·x₁ − 0.1",
        "Bernoulli",
        2,
        source_example(lambda x: 0.3 * x[:, 0] - 0.1, 0.08),
    ),
    "normal": ("normal covariates and noise, constant effects", "normal", 4, normal_example(0.0, 4)),
    "normal_varying": ("normal covariates and noise, effects vary with x₁", "normal", 2, normal_example(1.0)),
}


def covariates(example: str) -> None:
    """Covariate models on one example: both estimands, and what the wrong one would give."""
    label, kind, n_arms, drawn = EXAMPLES[example]
    seed = 2000 + 100 * list(EXAMPLES).index(example)
    rows, worst = [], 0.0
    for name, policy in policies(kind, n_arms).items():
        for model in ("pooled", "split"):
            row = [name, model]
            for estimand in ("sample", "population"):
                seed += 1
                result = simulate(policy, drawn, "fast", seed, outcome_model=model, estimand=estimand)
                worst = max(worst, result.any_missed)
                row += [f"{result.any_missed:.4f}", f"{np.median(result.radii):.3f}"]
            seed += 1
            wrong = simulate(policy, drawn, "fast", seed, outcome_model=model, estimand="sample", truth="population")
            rows.append([*row, f"{wrong.any_missed:.4f}"])
    notes = [
        f"K = {n_arms}, δ_t = t^-0.24. Worst cell, each estimand against its own truth: {worst:.4f}, bound "
        f"{ALPHA + 0.025:.3f}.",
        "The last column holds the interval for the sample effect against the population effect: where effects vary "
        "with a covariate that the model follows, it misses more, which is why the estimand is a choice.",
    ]
    header = ["policy", "model", "missed, sample", "radius", "missed, population", "radius"]
    header.append("sample interval, population effect")
    table(f"covariates_{example}", f"Time-uniform misses with covariates: {label}", header, rows, notes)


def radius() -> None:
    """The covariate example: how much shorter the intervals are."""
    drawn = source_example(lambda x: np.full(len(x), 0.2), 0.2)
    rows, plain_radius = [], 0.0
    for label, options in (
        ("none (Mixture Adaptive Design)", {}),
        ("running means (AIPW)", {"outcome_model": "mean"}),
        ("pooled least squares", {"outcome_model": "pooled"}),
        ("split least squares", {"outcome_model": "split"}),
        ("pooled, population effect", {"outcome_model": "pooled", "estimand": "population"}),
        ("split, population effect", {"outcome_model": "split", "estimand": "population"}),
    ):
        options = {"estimand": "sample", **options}
        result = simulate(cb.BetaBernoulliThompson(2), drawn, "fast", 3000, **options)
        median = float(np.median(result.radii))
        plain_radius = plain_radius or median
        rows.append([label, f"{median:.4f}", f"{median / plain_radius:.3f}", f"{result.any_missed:.4f}"])
    notes = ["Binary covariates, effect 0.2, Thompson sampling with δ_t = t^-0.24, K = 2, round 2,000; the same seed."]
    table(
        "radius", "Median radius on the covariate example", ["outcome model", "radius", "ratio", "missed"], rows, notes
    )


def power() -> None:
    """Balanced power: what the decay of settled arms does for the weakest arm."""
    rows = []
    means = [0.4, 0.5, 0.6, 0.65]
    for label, decay in (("none", None), ("1/√x", "inverse-sqrt")):
        result = cb.simulate_mad(
            cb.BetaBernoulliThompson(4),
            means,
            n_rounds=10_000,
            replications=500,
            delta="fast",
            decay=decay,
            estimand="population",
            rng=7,
        )
        frame = result.to_frame()
        shares = [f"{p:.3f}" for p in frame["power"]] + [f"{n:.0f}" for n in frame["pulls"]]
        rows.append([label, *shares, f"{result.any_missed:.3f}", f"{result.reward.mean():.4f}"])
    notes = [
        f"Bernoulli means {means} (control first), Thompson sampling, δ_t = t^-0.24, T = 10,000, 500 experiments each."
    ]
    header = [
        "decay",
        *(f"power, arm {k}" for k in (1, 2, 3)),
        *(f"pulls, arm {k}" for k in (1, 2, 3)),
        "missed",
        "mean outcome",
    ]
    table("power", "Power of each arm with and without decay of settled arms", header, rows, notes)


PARTS: dict[str, Callable[[], None]] = {"plain": plain, "heavy": heavy, "radius": radius, "power": power}
PARTS |= {f"covariates_{example}": partial(covariates, example) for example in EXAMPLES}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()
